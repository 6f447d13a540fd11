"""A plan: the first customers, a badge a label; totals, offers and settings folded."""

import numpy as np
import xarray as xr

from bayes_cx.decision import Plan
from bayes_cx.kinds import find_kind
from bayes_cx.page import Block, Number, Table
from bayes_cx.page.sketches import density
from bayes_cx.page.words import count, measured, per_cent
from bayes_cx.reporting.panels.shared import badges, folded, ids, interval, mapping, panel, table

__all__ = ["blocks"]

_FIRST_ROWS = 10


def blocks(plan: Plan) -> tuple[Block, ...]:
    """Return whom to contact first."""
    data, attrs = plan.data, plan.data.attrs
    first = data.isel(customer=slice(_FIRST_ROWS))
    value = {name: first[name].to_numpy() for name in ("rank", "p_alive", "value", "gain", "p_gain")}
    low, high = (first["gain_quantile"].sel(quantile=q).to_numpy() for q in (0.05, 0.95))
    rows = [
        (
            Number(count(value["rank"][i]), float(value["rank"][i])),
            name,
            Number(per_cent(float(value["p_alive"][i])), float(value["p_alive"][i])),
            Number(measured(float(value["value"][i])), float(value["value"][i])),
            Number(measured(float(value["gain"][i])), float(value["gain"][i])),
            interval(low[i], high[i]),
            Number(per_cent(float(value["p_gain"][i])), float(value["p_gain"][i])),
            str(first["offer"].to_numpy()[i]),
            str(first["label"].to_numpy()[i]),
        )
        for i, name in enumerate(ids(first))
    ]
    heads = ("rank", "customer", find_kind(attrs["kind"]).words["en"].active, "value", "net gain")
    heads += ("90% interval", "worth it on average", "offer", "what to do")
    labels, counts = np.unique(data["label"].to_numpy().astype(str), return_counts=True)
    counted = "" if attrs["values"] == "spend" else f" {attrs['values']}"
    offers = [tuple(str(setting) for setting in vars(offer).values()) for offer in plan.offers]
    return panel(
        f"Contact {count(plan.n_contacted)} of {count(data.sizes['customer'])} customers",
        [
            f"value over {attrs['horizon']}",
            f"discounted at {attrs['discount_rate']:.0%} a year",
            f"cost {measured(float(attrs['total_cost']))}{counted}",
        ],
        badges(f"{label} {count(n)}" for label, n in zip(labels, counts, strict=True)),
        table(heads, rows, "the first customers"),
        folded("totals", _totals(data)),
        folded("offers", table(tuple(vars(plan.offers[0])), offers, "offers")),
        folded("settings", mapping({**attrs, **plan.settings})),
    )


def _totals(data: xr.Dataset) -> Table | None:
    rows = []
    for name, total in data.data_vars.items():
        if len(total.dims) == 1 and "customer" not in total.dims and str(name).startswith("total_"):
            draws = total.to_numpy()
            words = str(name).removeprefix("total_").replace("_", " ")
            mean = float(np.mean(draws))
            ends = interval(*np.quantile(draws, [0.05, 0.95]))
            rows.append((words, Number(measured(mean), mean), ends, density(draws)))
    return table(("total", "mean", "90% interval", "draws"), rows, "totals")
