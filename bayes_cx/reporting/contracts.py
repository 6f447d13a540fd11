"""What a report says of customers under contract: how long they stay, and what that is worth."""

from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.clock import DiscountRate
from bayes_cx.decision.priority import QUANTILES
from bayes_cx.page.blocks import Picture
from bayes_cx.page.words import Money, count, per_cent
from bayes_cx.reporting import figures
from bayes_cx.reporting.alike import alike
from bayes_cx.scoring import score
from bayes_cx.validation.survival import survival

__all__ = ["figures_of", "staying", "with_stay"]

_MOST_ROWS = 24


def with_stay(listed: xr.Dataset, renewals: Any) -> xr.Dataset:
    """Return rows of a plan with the chance to be still a customer at the end of the horizon.

    Adds ``stay`` and ``stay_quantile``.
    """
    found = score(renewals, listed, "survival", t=listed.attrs["horizon"], quantiles=QUANTILES)
    return listed.assign(
        stay=("customer", found["mean"].to_numpy()),
        stay_quantile=(("customer", "quantile"), found["quantile"].to_numpy()),
    )


def figures_of(plan: Any, renewals: Any, stats: xr.Dataset) -> tuple[dict[str, Picture], np.ndarray]:
    """Return the figures of survival and retention, and draws of how many current customers will stay."""
    table = survival(renewals, stats, plan.data.attrs["horizon"], seed=int(plan.settings["seed"]))
    drawn = {"survival": figures.survival(table), "retention": figures.retention(table)}
    return drawn, table["stay"].to_numpy()


def staying(plan: Any, renewals: Any, money: Money) -> dict[str, Any]:
    """Return one row for all current customers of the same history: renewals to come and their worth.

    Returns
    -------
    dict
        ``rows``, and ``note`` on those that are not shown; the last column of a row is empty where a renewal
        has no price.
    """
    data = plan.data
    rows = alike(data.isel(customer=np.flatnonzero(data["p_alive"].to_numpy() > 0)), [renewals], many=0)
    if rows is None or not rows.sizes["customer"]:
        return {"rows": [], "note": ""}
    order = np.argsort(-rows["customers"].to_numpy(), kind="stable")
    rows = rows.isel(customer=np.sort(order[:_MOST_ROWS]))
    left_out = order.size - rows.sizes["customer"]
    horizon = data.attrs["horizon"]
    rate = float(data.attrs["discount_rate"])
    found = {
        "next": score(renewals, rows, "retention", t=1),
        "renewals": score(renewals, rows, "expected_renewals", t=horizon),
        "median": score(renewals, rows, "median_lifetime"),
    }
    if rate > 0:
        found["derl"] = score(renewals, rows, "derl", discount=DiscountRate(rate))
    each = data.attrs.get("worth")
    worth = [""] * rows.sizes["customer"]
    if each is not None and "derl" in found:
        margin = float(plan.settings.get("margin", 1.0))
        worth = [money(margin * float(each) * v) for v in found["derl"]["mean"].to_numpy()]
    return {
        "rows": [
            {
                "name": str(rows["customer"].values[i]),
                "customers": count(float(rows["customers"][i])),
                "next": per_cent(float(found["next"]["mean"][i])),
                "next_interval": _interval(found["next"], i, per_cent),
                "renewals": f"{float(found['renewals']['mean'][i]):.2f}",
                "interval": _interval(found["renewals"], i, lambda v: f"{v:.2f}"),
                "median": _lifetime(float(found["median"]["quantile"].sel(probability=0.5)[i])),
                "derl": f"{float(found['derl']['mean'][i]):.2f}" if "derl" in found else "–",
                "worth": worth[i],
            }
            for i in range(rows.sizes["customer"])
        ],
        "note": f"The largest {_MOST_ROWS} of {order.size} histories." if left_out else "",
    }


def _interval(found: xr.Dataset, i: int, form: Any) -> str:
    low, high = (float(found["quantile"].sel(probability=p)[i]) for p in (0.05, 0.95))
    return f"{form(low)} to {form(high)}"


def _lifetime(renewals: float) -> str:
    return f"{renewals:.0f}" if np.isfinite(renewals) and renewals < 1e6 else "no end"
