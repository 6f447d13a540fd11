"""The judgement of uplift in words."""

from typing import Literal

import numpy as np
import xarray as xr

__all__ = ["advice_of", "per_hundred", "sentences_of"]

type Advice = Literal["choose", "all", "none", "unclear"]


def advice_of(data: xr.Dataset) -> Advice:
    """Return what pays most at the stated cost, as far as the intervals show it."""
    low = {str(name): float(data["lead_low"].sel(policy=name)) for name in ("all", "random", "none")}
    if all(value > 0 for value in low.values()):
        return "choose"
    everybody = data.sel(policy="all")
    if float(everybody["value_low"]) > 0:
        return "all"
    if float(everybody["value_high"]) < 0 and not low["none"] > 0:
        return "none"
    return "unclear"


def sentences_of(data: xr.Dataset, advice: Advice, ranks: bool) -> tuple[str, ...]:
    """Return the effect, whether choosing gains over chance, and what to do.

    Parameters
    ----------
    data : xarray.Dataset
        As `UpliftJudgement` holds it.
    advice : str
        From `advice_of`.
    ranks : bool
        Whether choosing is shown to gain.
    """
    attrs = data.attrs
    to, against, outcome = attrs["to"], attrs["against"], attrs["outcome"]
    unit = per_hundred(attrs["family"])
    what = f"per {unit} customers" if unit > 1 else "per customer"
    low, mean, high = (float(data[name]) for name in ("effect_low", "effect", "effect_high"))
    shown = f"changes {outcome} by" if low > 0 or high < 0 else f"is not shown to change {outcome}:"
    first = f"{to} against {against} {shown} {_number(mean, unit)} {what} ({_range(low, high, unit)})."
    half = int(np.argmin(np.abs(data["share"].to_numpy() - 0.5)))
    gain = float(data["gain"][half] - data["gain"][-1] / 2)
    second = (
        "Whom one treats matters: the half with the highest expected uplift brings "
        f"{_number(gain, unit)} {what} more than a random half does."
        if ranks
        else "No gain is claimed from choosing customers by their expected uplift rather than at random: "
        + _not_shown(data)
    )
    at = f" at a cost of {attrs['cost'] * unit:.3g} {what}" if attrs["cost"] else ""
    lead = data.sel(policy="all")
    ends = float(lead["lead_low"]), float(lead["lead_high"])
    part = float(data["treated"].sel(policy="choose"))
    third = {
        "choose": f"Treat those whose expected uplift exceeds its cost{at.removeprefix(' at a cost')}, "
        f"{part:.0%} of the customers judged on: that brings {_number(float(lead['lead']), unit)} {what} "
        f"more than treating all ({_range(*ends, unit)}).",
        "all": f"Treat all{at}; where not all can be treated, "
        + ("those with the highest expected uplift first." if ranks else "it is not shown to matter whom."),
        "none": f"Treat nobody{at}: it costs more than it brings.",
        "unclear": f"Whether to treat{at} is not clear from these customers: a larger trial would tell.",
    }
    return first, second, third[advice]


def _not_shown(data: xr.Dataset) -> str:
    """Return why no gain is claimed."""
    low, high = (float(data[name]) for name in ("ranking_low", "ranking_high"))
    line = abs(float(data["effect"])) / 2
    if not line > 0:
        return "the interval of what it adds holds zero."
    added = f"{low / line:+.0%} to {high / line:+.0%}".replace("-", "−")
    relevant = data.attrs["relevant"]
    least = f", and less than {relevant:.0%} counts as none" if relevant > 0 else ""
    return f"it adds {added} (95% interval) to what treating at random brings{least}."


def per_hundred(family: str) -> int:
    """Return for how many customers an amount is stated: of a yes or no for a hundred, else for one."""
    return 100 if family == "bernoulli" else 1


def _number(value: float, unit: int) -> str:
    return f"{value * unit:+.3g}".replace("-", "−") if value else "0"


def _range(low: float, high: float, unit: int) -> str:
    return f"95% interval {_number(low, unit)} to {_number(high, unit)}"
