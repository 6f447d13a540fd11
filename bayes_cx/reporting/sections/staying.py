"""How long customers under contract stay, and what that is worth."""

from collections.abc import Callable

import numpy as np
import xarray as xr

from bayes_cx.page import Block, Cell, Column, Number, Section, Strong, Table
from bayes_cx.page.words import between, count, per_cent, per_cent_range
from bayes_cx.reporting import figures
from bayes_cx.reporting.alike import alike
from bayes_cx.reporting.studied import kind_of_study, money_of, plan_of
from bayes_cx.study import Study

__all__ = ["section", "survived"]

_MOST_ROWS = 24


def section(study: Study) -> Section | None:
    """Return survival and retention by age, the forecast by date, and renewals to come.

    Nothing where it is not seen who leaves.
    """
    if study.plan is None or kind_of_study(study).leaving != "observed":
        return None
    table = survived(study)
    blocks: list[Block] = [
        figures.still(table),
        Section("By the age of the contract", (figures.survival(table), figures.retention(table))),
    ]
    if (renewals := _renewals(study)) is not None:
        blocks.append(Section("Renewals to come", (renewals,)))
    return Section("How long do they stay?", tuple(blocks), new_page=True)


def survived(study: Study) -> xr.Dataset:
    """Return how many customers stayed, and how many are expected to over the horizon of the plan."""
    from bayes_cx.validation.survival import survival

    plan = plan_of(study)
    return survival(study.fits[0], study.stats, plan.data.attrs["horizon"], seed=int(plan.settings["seed"]))


def _renewals(study: Study) -> Table | None:
    """Return one row for all current customers of the same history."""
    from bayes_cx.scoring import outlook

    plan, renewals = plan_of(study), study.fits[0]
    data = plan.data
    current = data.isel(customer=np.flatnonzero(data["p_alive"].to_numpy() > 0))
    rows = alike(current, renewals.model.kind, renewals.model.statistics, many=0)
    if rows is None or not rows.sizes["customer"]:
        return None
    order = np.argsort(-rows["customers"].to_numpy(), kind="stable")
    rows = rows.isel(customer=np.sort(order[:_MOST_ROWS]))
    found = outlook(renewals, rows, data.attrs["horizon"], float(data.attrs["discount_rate"]))
    each, money = data.attrs.get("worth"), money_of(study)
    price = None if each is None else float(each) * float(plan.settings.get("margin", 1.0))
    priced = price is not None and "derl" in found
    cells = []
    for i in range(rows.sizes["customer"]):
        one = found.isel(customer=i)
        derl = float(one["derl"]) if "derl" in found else float("nan")
        number, median = float(rows["customers"][i]), float(one["median"])
        line: tuple[Cell, ...] = (
            Strong(str(rows["customer"].values[i])),
            Number(count(number), number),
            Number(per_cent(float(one["next"])), float(one["next"])),
            Number(per_cent_range(*map(float, one["next_interval"])), look="soft"),
            Number(f"{float(one['renewals']):.2f}", float(one["renewals"]), "strong"),
            Number(_interval(one["renewals_interval"], "{:.2f}".format, "{:.3f}".format), look="soft"),
            Number(f"{median:.0f}" if median < 1e6 else "no end", median),
            Number(f"{derl:.2f}" if "derl" in found else "–", derl),
            Number(money(price * derl), price * derl) if price is not None and priced else "",
        )
        cells.append(line)
    heads = (
        *("Current customers", "Number", "Renew next", "90% interval", "Renewals", "90% interval"),
        *("Half stay for", "DERL", "Worth"),
    )
    worth = "; worth: DERL times what a renewal is worth" if priced else ""
    largest = f" The largest {_MOST_ROWS} of {order.size} histories." if order.size > _MOST_ROWS else ""
    note = (
        "Numbers are for one customer. Renewals: expected over the horizon. Half stay for: further renewals "
        "that half of such customers make. DERL: discounted expected residual lifetime, in renewals, "
        f"without a horizon{worth}.{largest}"
    )
    columns = tuple(Column(head, wide=i == 0) for i, head in enumerate(heads))
    return Table(columns, tuple(cells), label="Renewals to come", note=note)


def _interval(ends: xr.DataArray, *forms: Callable[[float], str]) -> str:
    return between(float(ends[0]), float(ends[1]), *forms)
