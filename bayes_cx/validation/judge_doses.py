"""Whether it pays to give each customer their own amount: judged on customers that the fit has not seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from scipy.stats import chi2

from bayes_cx import checks as _checks
from bayes_cx.argument_types import check_types
from bayes_cx.checks import Check
from bayes_cx.errors import InputError
from bayes_cx.inference.uplift_fit import UpliftPosterior
from bayes_cx.scoring import responses_of
from bayes_cx.seeds import checked_seed
from bayes_cx.validation.judge_uplift import ALARM, FEWEST, LEVEL, assigned_at_random, check_hold_out
from bayes_cx.validation.uplift_words import number_of, per_hundred, range_of

__all__ = ["DoseJudgement", "judge_doses"]

OWN, MIX = "own amount", "same amounts at random"
# Most amounts that are told apart, and resamples x rows held at once.
_MOST, _CELLS = 20, 4_000_000


@dataclass(frozen=True)
class DoseJudgement:
    """What giving each customer their own amount gains on customers of a hold-out.

    Attributes
    ----------
    data : xarray.Dataset
        In outcomes per customer of the hold-out, after cost. Over ``policy``: ``value``, by how much the
        policy is ahead of giving nothing, and ``lead``, by how much giving each their own amount is ahead of
        the policy, both with the ends of 95% intervals as ``_low`` and ``_high``. Policies: ``own amount``,
        one amount for all, such as ``0`` and ``20``, and ``same amounts at random``. Over ``amount``:
        ``share`` of the customers to whom the policy gives it, and ``cost``. Attributes name treatment,
        control and outcome.
    checks : tuple of Check
        Whether amounts were assigned at random, and whether their effects are as forecast.
    """

    data: xr.Dataset
    checks: tuple[Check, ...]

    @property
    def advice(self) -> Literal["own", "one", "none", "unclear"]:
        """What is shown to pay most.

        ``own`` where each getting their own amount is shown to be ahead of every other policy; ``one`` where
        it is not, and one amount for all is shown to gain and has the highest estimate; ``none`` where every
        amount above zero is shown to lose and own amounts are not shown to gain; else ``unclear``.
        """
        others = self.data.drop_sel(policy=OWN)
        if bool((others["lead_low"] > 0).all()):
            return "own"
        best = self.data["policy"].to_numpy()[np.argmax(self.data["value"].to_numpy())]
        if best not in (OWN, MIX, "0") and float(self.data["value_low"].sel(policy=best)) > 0:
            return "one"
        positive = others.drop_sel(policy=[MIX, "0"])
        if bool((positive["value_high"] < 0).all()) and not float(self.data["value_low"].sel(policy=OWN)) > 0:
            return "none"
        return "unclear"

    @property
    def sentences(self) -> tuple[str, ...]:
        """The verdict in words: whether own amounts gain, who gets which, and what to do."""
        return _sentences(self.data, self.advice)

    @property
    def verdict(self) -> _checks.Status:
        """The verdict over the checks."""
        return _checks.verdict(self.checks)

    def __repr__(self) -> str:
        return f"<DoseJudgement: {' '.join(self.sentences)}>"


def judge_doses(
    posterior: UpliftPosterior,
    stats: xr.Dataset,
    *,
    to: str,
    cost: float | Mapping[float, float] = 0.0,
    resamples: int = 1000,
    seed: int = 0,
) -> DoseJudgement:
    r"""Judge on customers of a trial whether it pays to give each customer their own amount, or nothing.

    Each customer gets the amount of the trial with the highest expected outcome after cost by the posterior,
    or nothing. The customers must not be those of the fit: use `split_customers`. What a customer would have
    done with an amount :math:`d` is estimated doubly robustly [dudik2014doubly]_,

    .. math::
        \hat\mu_d + \frac{1[\text{got } d]}{\pi_d}(y - \hat\mu_d) - c_d,

    with :math:`\pi_d` the share of customers with that amount, so values hold whatever the model says, as
    amounts were assigned at random. Intervals are those of drawing the customers of the hold-out again.

    Parameters
    ----------
    posterior : UpliftPosterior
        Of a trial with doses.
    stats : xarray.Dataset
        The hold-out, from `split_customers`.
    to : str
        The treatment.
    cost : float or mapping of float to float
        What one unit of the dose costs, in the unit of the outcome, or for each amount what it costs.
    resamples : int
        Resamples of the hold-out for the intervals.
    seed : int

    Returns
    -------
    DoseJudgement

    Raises
    ------
    InputError
        If the trial had no doses, an amount has too few customers, or there are too many amounts.

    Examples
    --------
    See `docs/uplift.md`.
    """
    check_types(judge_doses, locals())
    rng = np.random.default_rng(checked_seed(seed))
    check_hold_out(posterior, stats, resamples)
    if not posterior.terms.largest:
        raise InputError(
            "a trial without doses", "customers who got different amounts", "use bcx.judge_uplift"
        )
    if to not in posterior.arms:
        raise InputError(
            f"the treatment {to!r}", f"one of {', '.join(map(repr, posterior.arms))}", "choose one of these"
        )
    arm = stats["arm"].to_numpy().astype(str)
    table = stats.isel(row=np.flatnonzero((arm == to) | (arm == posterior.control)))
    weight = table["weight"].to_numpy().astype(float)
    given = np.where(table["arm"].to_numpy().astype(str) == to, table["dose"].to_numpy().astype(float), 0.0)
    amounts, option = np.unique(given, return_inverse=True)
    many = np.bincount(option, weight)
    _check_amounts(amounts, many, to)
    costs = _costs(cost, amounts)
    levels = {feature.name: table[feature.name].to_numpy() for feature in posterior.terms.features}
    patterns, place = posterior.patterns(levels, table.sizes["row"])
    quantity = "p_outcome" if posterior.family == "bernoulli" else "mean_outcome"
    draws = np.stack([responses_of(posterior, patterns, (to, float(d)), quantity) for d in amounts], axis=2)
    expected = draws.mean(axis=0)
    best = np.argmax(expected - costs, axis=1)[place]
    outcome, share = table["outcome"].to_numpy().astype(float), many / many.sum()
    scores = expected[place].copy()
    mine = (np.arange(scores.shape[0]), option)
    scores[mine] += (outcome - scores[mine]) / share[option]
    mix = np.bincount(best, weight, minlength=amounts.size) / weight.sum()
    net = scores - scores[:, [0]] - (costs - costs[0])
    values = np.column_stack([net[np.arange(len(net)), best], net, net @ mix])
    data = _judged(values, weight, resamples, rng).assign_coords(
        policy=[OWN, *(f"{amount:g}" for amount in amounts), MIX]
    )
    data = data.assign(
        share=("amount", mix), cost=("amount", costs), customers=("amount", many.astype(np.int64))
    ).assign_coords(amount=amounts)
    attrs = {
        "to": to,
        "against": posterior.control,
        "outcome": posterior.outcome,
        "family": posterior.family,
        "level": LEVEL,
    }
    of_effects = _as_forecast(scores, draws, place, weight)
    return DoseJudgement(
        data.assign_attrs(attrs), (assigned_at_random(posterior, table, option, weight), of_effects)
    )


def _check_amounts(amounts: np.ndarray, customers: np.ndarray, to: str) -> None:
    if amounts.size > _MOST:
        raise InputError(
            f"{amounts.size:,} different amounts of {to!r}",
            f"{_MOST} or fewer, each with customers enough to be judged",
            "round the amounts before bcx.summarise_uplift",
        )
    if amounts.size < 2 or amounts[0] > 0:
        raise InputError(
            f"{to!r} or the control is missing in the hold-out",
            "customers who got nothing and customers who got an amount",
            "use a larger hold-out",
        )
    for amount, n in zip(amounts, customers, strict=True):
        if n < FEWEST:
            raise InputError(
                f"{int(n)} customers of the hold-out with {amount:g} of {to!r}",
                f"{FEWEST} or more",
                "use a larger hold-out, or round the amounts",
            )


def _costs(cost: float | Mapping[float, float], amounts: np.ndarray) -> np.ndarray:
    """Return what each amount costs; nothing costs nothing unless it is named."""
    if isinstance(cost, Mapping):
        if missing := [f"{d:g}" for d in amounts if d > 0 and d not in cost]:
            raise InputError(
                f"no cost of the amount {missing[0]}", "one for each amount", "add it to the costs"
            )
        found = np.array([cost.get(d, 0.0) for d in amounts], float)
    else:
        found = cost * amounts
    if not np.all(np.isfinite(found)) or np.any(found < 0):
        raise InputError(f"cost={cost!r}", "zero or more, in the unit of the outcome", "correct the cost")
    return found


def _judged(values: np.ndarray, weight: np.ndarray, resamples: int, rng: np.random.Generator) -> xr.Dataset:
    """Return value and lead of policies with intervals; `values` of rows have shape (row, policy)."""
    n = weight.sum()
    again = np.empty((resamples, values.shape[1]))
    step = max(1, _CELLS // len(weight))
    for start in range(0, resamples, step):
        some = slice(start, min(start + step, resamples))
        again[some] = rng.multinomial(int(n), weight / n, size=some.stop - some.start) @ values / n
    value = weight @ values / n
    found = {}
    for name, mean, many in (("value", value, again), ("lead", value[0] - value, again[:, [0]] - again)):
        low, high = np.quantile(many, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        for end, one in (("", mean), ("_low", low), ("_high", high)):
            found[name + end] = ("policy", one)
    return xr.Dataset(found)


def _as_forecast(scores: np.ndarray, draws: np.ndarray, place: np.ndarray, weight: np.ndarray) -> Check:
    """Return the check that what each amount changes on average is as the posterior says."""
    n = weight.sum()
    seen = scores[:, 1:] - scores[:, [0]]
    of_pattern = np.bincount(place, weight, minlength=draws.shape[1]) / n
    believed = np.einsum("spd,p->sd", draws[:, :, 1:] - draws[:, :, [0]], of_pattern)
    mean = weight @ seen / n
    off = seen - mean
    covariance = (off * weight[:, None]).T @ off / n**2 + np.atleast_2d(np.cov(believed, rowvar=False))
    away = mean - believed.mean(axis=0)
    p = float(chi2.sf(away @ np.linalg.solve(covariance, away), away.size))
    fine = p >= ALARM
    return Check(
        "effects of amounts agree with the hold-out (p)",
        p,
        f">= {ALARM:g}",
        "passed" if fine else "failed",
        "" if fine else "some amounts change more or less than forecast",
        about="uplift",
        n=int(n),
        alarm=ALARM,
    )


def _sentences(data: xr.Dataset, advice: str) -> tuple[str, ...]:
    attrs = data.attrs
    unit = per_hundred(attrs["family"])
    what = f"per {unit} customers" if unit > 1 else "per customer"

    def said(policy: str, name: str = "value") -> tuple[str, str]:
        one = data.sel(policy=policy)
        ends = float(one[f"{name}_low"]), float(one[f"{name}_high"])
        return number_of(float(one[name]), unit), range_of(*ends, unit)

    single = data.drop_sel(policy=[OWN, MIX])
    top = str(single["policy"].to_numpy()[np.argmax(single["value"].to_numpy())])
    (own, of_own), (one, of_one), (lead, of_lead) = said(OWN), said(top), said(top, "lead")
    shares = zip(data["amount"].to_numpy(), data["share"].to_numpy(), strict=True)
    who = ", ".join(f"{amount:g} to {part:.0%}" for amount, part in shares if part > 0)
    named = "nothing" if top == "0" else f"{top} to all"
    to, outcome = attrs["to"], attrs["outcome"]
    first = (
        f"Each customer's own amount of {to} ({who}) changes {outcome} by {own} {what} after cost, against "
        f"nothing ({of_own})."
    )
    second = f"The best single policy by the estimates is {named}"
    second += "" if top == "0" else f": {one} ({of_one})"
    second += f"; own amounts bring {lead} more ({of_lead})."
    third = {
        "own": f"Give each customer their own amount of {to}: it is shown to be ahead of nothing, of each "
        "amount for all, and of the same amounts at random.",
        "one": f"Give {named}: it is shown to gain, and own amounts are not shown to be ahead.",
        "none": f"Give no {to}: every amount is shown to cost more than it brings.",
        "unclear": "Not proven which amounts to give: no policy is shown to be ahead; a larger trial would "
        "tell.",
    }[advice]
    return first, second, third
