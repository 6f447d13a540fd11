"""Segments of the customers: tiers by value with the chance of belonging, and the classes of RFM."""

import numpy as np
import xarray as xr

from bayes_cx.decision.segments import RFM_CLASSES, tier_names
from bayes_cx.page import Block, Cell, Column, Name, Number, Section, Share, Table
from bayes_cx.page.words import count, per_cent, per_cent_range
from bayes_cx.reporting.studied import money_of, plan_of, worth_of
from bayes_cx.study import Study

__all__ = ["section"]


def section(study: Study) -> Section | None:
    """Return who brings the value, and the classes of RFM; nothing without a plan that has them."""
    if study.plan is None or "tier" not in study.plan.data:
        return None
    blocks: list[Block] = [_tiers(study)]
    if "rfm_class" in study.plan.data:
        blocks.append(Section("Classes of RFM", (_classes(study),)))
    return Section("Segments by value", tuple(blocks))


def _tiers(study: Study) -> Table:
    data = plan_of(study).data
    tier = data["tier"].to_numpy()
    worth = worth_of(study).capitalize()
    columns = (
        Column("Tier", wide=True),
        *map(Column, ("Customers", worth, "")),
        *map(Column, (f"{worth} at risk", "Contacts", "Chance to belong", "Sure of it")),
    )
    rows = []
    for name in tier_names(tuple(data["top"].to_numpy())):
        mask = tier == name
        if not mask.any():
            continue
        belongs = data["p_tier"].to_numpy()[mask]
        sure = float((belongs >= 0.9).mean())
        rows.append(
            (
                Name(_first_upper(name)),
                *_sums(study, data, mask),
                Number(_spread(belongs), float(belongs.mean())),
                Number(per_cent(sure), sure),
            )
        )
    note = (
        "Tiers go by the rank of the expected value over the horizon. Chance to belong: that what a customer "
        "of the tier will really bring lies in it, from the least to the most certain tenth. Sure of it: "
        "share of the tier for whom that chance is 90% or more. priority.csv has every customer's tier and "
        "the chance to be among the best (tier, p_tier, p_top_5 and so on)."
    )
    return Table(columns, tuple(rows), label="Segments by value", note=note)


def _classes(study: Study) -> Table:
    data = plan_of(study).data
    found = data["rfm_class"].to_numpy()
    worth = worth_of(study).capitalize()
    columns = (
        Column("Class", wide=True),
        *map(Column, ("Customers", worth, "", f"{worth} at risk", "Contacts", "Active")),
    )
    rows = []
    for name in RFM_CLASSES:
        mask = found == name
        if mask.any():
            active = float(data["p_alive"].to_numpy()[mask].mean())
            cells = _sums(study, data, mask)
            rows.append((Name(_first_upper(name)), *cells, Number(per_cent(active), active)))
    scores = "recency, frequency and spend" if "monetary_score" in data else "recency and frequency"
    note = (
        f"For those who know them: quintiles of {scores} among these customers, which need no model. "
        "What the model adds is beside them: value to come, how much is at risk and the mean chance "
        "to be active."
    )
    return Table(columns, tuple(rows), label="Classes of RFM", note=note)


def _sums(study: Study, data: xr.Dataset, mask: np.ndarray) -> tuple[Cell, ...]:
    money = money_of(study).bare
    value, risk = (float(data[name].to_numpy()[mask].sum()) for name in ("value", "value_at_risk"))
    total, contacts = float(data["value"].sum()), float(data["contact"].to_numpy()[mask].sum())
    return (
        Number(count(mask.sum()), float(mask.sum())),
        Number(money(value), value),
        Share(value / total if total > 0 else 0.0, "green"),
        Number(money(risk), risk),
        Number(count(contacts), contacts),
    )


def _spread(chances: np.ndarray) -> str:
    low, high = np.quantile(chances, (0.1, 0.9))
    return per_cent_range(float(low), float(high))


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]
