"""The judgement of uplift in words."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

__all__ = ["Decision", "better_of", "decided_on", "number_of", "per_hundred", "range_of", "sentences_of"]

type Advice = Literal["choose", "all", "none", "unclear"]


@dataclass(frozen=True)
class Decision:
    """What a hold-out shows; advice and sentences come from it alone.

    Attributes
    ----------
    advice : {"choose", "all", "none", "unclear"}
        ``choose`` where choosing is shown to be ahead of treating all, none and as many at random. ``all``
        only where treating all is itself shown to gain more than its cost, and the estimate of choosing is
        ahead by no more than what counts as no gain. ``none`` where treating all is shown to lose. Else
        ``unclear``.
    in_order : bool
        Whether treating those of high expected uplift first is shown to gain over all shares that could be
        treated.
    """

    advice: Advice
    in_order: bool

    @property
    def ranks(self) -> bool:
        """Whether choosing is shown to gain: over all shares, or at the stated cost."""
        return self.in_order or self.advice == "choose"


def decided_on(data: xr.Dataset) -> Decision:
    """Return what is shown, and to pay most at the stated cost."""
    in_order = float(data["beyond_low"]) > 0
    low = {str(name): float(data["lead_low"].sel(policy=name)) for name in ("all", "random", "none")}
    if all(value > 0 for value in low.values()):
        return Decision("choose", in_order)
    everybody = data.sel(policy="all")
    ahead = float(everybody["lead"]) > data.attrs["relevant"] * float(everybody["value"])
    if float(everybody["value_low"]) > 0 and not ahead:
        return Decision("all", in_order)
    if float(everybody["value_high"]) < 0 and not low["none"] > 0:
        return Decision("none", in_order)
    return Decision("unclear", in_order)


def better_of(data: xr.Dataset) -> Literal["choose", "all", "none"]:
    """Return the policy with the highest estimate after cost, shown or not; of equal ones the simpler."""
    ahead = data["lead"]
    if float(ahead.sel(policy="all")) > 0 and float(ahead.sel(policy="none")) > 0:
        return "choose"
    return "all" if float(data["value"].sel(policy="all")) > 0 else "none"


def sentences_of(data: xr.Dataset) -> tuple[str, ...]:
    """Return the effect, whether choosing gains over chance, and what to do.

    Parameters
    ----------
    data : xarray.Dataset
        As `UpliftJudgement` holds it.
    """
    decision = decided_on(data)
    attrs = data.attrs
    to, against, outcome = attrs["to"], attrs["against"], attrs["outcome"]
    unit = per_hundred(attrs["family"])
    what = f"per {unit} customers" if unit > 1 else "per customer"
    low, mean, high = (float(data[name]) for name in ("effect_low", "effect", "effect_high"))
    shown = f"changes {outcome} by" if low > 0 or high < 0 else f"is not shown to change {outcome}:"
    first = f"{to} against {against} {shown} {number_of(mean, unit)} {what} ({range_of(low, high, unit)})."
    second = _matters(data, decision, unit, what)
    return first, second, _to_do(data, decision.advice, decision.ranks, unit, what)


def _matters(data: xr.Dataset, decision: Decision, unit: int, what: str) -> str:
    """Return whether it matters whom one treats."""
    half = int(np.argmin(np.abs(data["share"].to_numpy() - 0.5)))
    gain = float(data["gain"][half] - data["gain"][-1] / 2)
    if decision.in_order and gain > 0:
        return (
            "Whom one treats matters: the half with the highest expected uplift brings "
            f"{number_of(gain, unit)} {what} more than a random half does."
        )
    if decision.in_order:
        return "Whom one treats matters: those with the highest expected uplift bring more than others do."
    if decision.ranks:
        lead = data.sel(policy="random")
        ends = range_of(float(lead["lead_low"]), float(lead["lead_high"]), unit)
        more = number_of(float(lead["lead"]), unit)
        return (
            f"Whom one treats matters: {_whom(data)} bring {more} {what} more than as many at random do "
            f"({ends})."
        )
    return (
        "No gain is claimed from choosing customers by their expected uplift rather than at random: "
        + _not_shown(data)
    )


def _whom(data: xr.Dataset) -> str:
    return f"those whose expected uplift exceeds {'its cost' if data.attrs['cost'] else 'zero'}"


def _to_do(data: xr.Dataset, advice: Advice, ranks: bool, unit: int, what: str) -> str:
    """Return whom to treat, with what choosing and treating all bring after their cost."""
    cost = data.attrs["cost"]
    at = f" at a cost of {cost * unit:.3g} {what}" if cost else ""
    nets = "nets" if cost else "brings"
    everybody, own = data.sel(policy="all"), data.sel(policy="choose")
    part = float(own["treated"])
    value, chosen, lead = (
        number_of(float(one), unit) for one in (everybody["value"], own["value"], everybody["lead"])
    )
    of_all, of_chosen = (
        range_of(float(one["value_low"]), float(one["value_high"]), unit) for one in (everybody, own)
    )
    apart = range_of(float(everybody["lead_low"]), float(everybody["lead_high"]), unit)
    whom = _whom(data)
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
        random = data.sel(policy="random")
        if all(float(data["lead_low"].sel(policy=name)) > 0 for name in ("all", "none")):
            beside = range_of(float(random["lead_low"]), float(random["lead_high"]), unit)
            return (
                f"Not proven how many to treat{at}: choosing {whom} ({part:.0%} of the customers judged on) "
                f"{nets} {chosen} {what}, {lead} more than treating all ({apart}), but is not shown to be "
                f"ahead of as many at random ({beside})."
            )
        return (
            f"Not proven how many to treat{at}: choosing {whom} ({part:.0%} of the customers judged on) "
            f"{nets} {chosen} {what}, treating all {value}, and the difference lies between "
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


def number_of(value: float, unit: int) -> str:
    """Return a change of so many customers in words."""
    return f"{value * unit:+.3g}".replace("-", "−") if value else "0"


def _between(everybody: xr.Dataset, unit: int) -> str:
    """Return the ends of the interval of how far choosing is ahead of treating all."""
    return " and ".join(number_of(float(everybody[name]), unit) for name in ("lead_low", "lead_high"))


def range_of(low: float, high: float, unit: int) -> str:
    """Return an interval of such changes in words."""
    return f"95% interval {number_of(low, unit)} to {number_of(high, unit)}"
