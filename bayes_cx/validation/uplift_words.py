"""The judgement of uplift in words."""

from typing import Literal

import numpy as np
import xarray as xr

__all__ = ["advice_of", "better_of", "per_hundred", "sentences_of"]

type Advice = Literal["choose", "all", "none", "unclear"]


def advice_of(data: xr.Dataset) -> Advice:
    """Return what is shown to pay most at the stated cost.

    ``choose`` where choosing is shown to be ahead of treating all, none and as many at random. ``all`` only
    where treating all is itself shown to gain more than its cost, and the estimate of choosing is ahead by no
    more than what counts as no gain. ``none`` where treating all is shown to lose. Else ``unclear``.
    """
    low = {str(name): float(data["lead_low"].sel(policy=name)) for name in ("all", "random", "none")}
    if all(value > 0 for value in low.values()):
        return "choose"
    everybody = data.sel(policy="all")
    ahead = float(everybody["lead"]) > data.attrs["relevant"] * float(everybody["value"])
    if float(everybody["value_low"]) > 0 and not ahead:
        return "all"
    if float(everybody["value_high"]) < 0 and not low["none"] > 0:
        return "none"
    return "unclear"


def better_of(data: xr.Dataset) -> Literal["choose", "all", "none"]:
    """Return the policy with the highest estimate after cost, shown or not; of equal ones the simpler."""
    ahead = data["lead"]
    if float(ahead.sel(policy="all")) > 0 and float(ahead.sel(policy="none")) > 0:
        return "choose"
    return "all" if float(data["value"].sel(policy="all")) > 0 else "none"


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
    return first, second, _to_do(data, advice, ranks, unit, what)


def _to_do(data: xr.Dataset, advice: Advice, ranks: bool, unit: int, what: str) -> str:
    """Return whom to treat, with what choosing and treating all bring after their cost."""
    cost = data.attrs["cost"]
    at = f" at a cost of {cost * unit:.3g} {what}" if cost else ""
    nets = "nets" if cost else "brings"
    everybody, own = data.sel(policy="all"), data.sel(policy="choose")
    part = float(own["treated"])
    value, chosen, lead = (
        _number(float(one), unit) for one in (everybody["value"], own["value"], everybody["lead"])
    )
    of_all, of_chosen = (
        _range(float(one["value_low"]), float(one["value_high"]), unit) for one in (everybody, own)
    )
    apart = _range(float(everybody["lead_low"]), float(everybody["lead_high"]), unit)
    whom = f"those whose expected uplift exceeds {'its cost' if cost else 'zero'}"
    if advice == "choose":
        of_cost = at.removeprefix(" at a cost")
        return (
            f"Treat {whom}{of_cost}, {part:.0%} of the customers judged on: that {nets} {chosen} {what}, "
            f"{lead} more than treating all ({apart})."
        )
    # Choosing is a policy of its own only where it treats some and not all.
    own_policy = 0 < part < 1
    if advice == "all":
        also = f"; treating only {whom} {nets} {chosen} (difference: {apart})" if own_policy else ""
        first = "those with the highest expected uplift first" if ranks else "it is not shown to matter whom"
        alone = f"Treat all{at}: that {nets} {value} {what} ({of_all}){also}."
        return f"{alone} Where not all can be treated, {first}."
    if advice == "none":
        also = (
            f" Treating only {whom} {nets} {chosen} ({of_chosen}), which is not shown to gain."
            if own_policy
            else ""
        )
        loses = "it costs more than it brings" if cost else "it does harm"
        return f"Treat nobody{at}: {loses}, treating all {nets} {value} {what} ({of_all}).{also}"
    better = {"choose": "choosing", "all": "treating all", "none": "treating nobody"}[better_of(data)]
    if own_policy:
        gaining = [
            name
            for name, one in (("choosing", own), ("treating all", everybody))
            if float(one["value_low"]) > 0
        ]
        who = {0: "neither is", 1: f"only {''.join(gaining)} is", 2: "each of the two is"}[len(gaining)]
        shown = f"{who} shown to gain" + (" more than it costs" if cost else "")
        return (
            f"Not proven whom to treat{at}: choosing {whom} ({part:.0%} of the customers judged on) {nets} "
            f"{chosen} {what}, treating all {value}, and the difference lies between "
            f"{_between(everybody, unit)} (95% interval). By the estimates {better} is best, but that is not "
            f"shown; {shown}."
        )
    return (
        f"Not proven whether treating pays{at}: treating all {nets} {value} {what} ({of_all}). By "
        f"the estimates {better} is best, but that is not shown; a larger trial would tell."
    )


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


def _between(everybody: xr.Dataset, unit: int) -> str:
    """Return the ends of the interval of how far choosing is ahead of treating all."""
    return " and ".join(_number(float(everybody[name]), unit) for name in ("lead_low", "lead_high"))


def _range(low: float, high: float, unit: int) -> str:
    return f"95% interval {_number(low, unit)} to {_number(high, unit)}"
