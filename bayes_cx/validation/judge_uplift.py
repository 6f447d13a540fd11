"""Whether it pays to choose whom to treat: a fit of uplift judged on customers that it has not seen."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from scipy.stats import chi2, chi2_contingency

from bayes_cx import checks as _checks
from bayes_cx.checks import Check
from bayes_cx.errors import InputError
from bayes_cx.inference.uplift_fit import UpliftPosterior
from bayes_cx.kinds import TREATMENTS, kind_of
from bayes_cx.notebook import html
from bayes_cx.scoring import Treated, responses_of, treatment_of
from bayes_cx.seeds import checked_seed
from bayes_cx.validation.uplift_curves import Judged, area, gain_curve, qini_coefficient, robust_scores
from bayes_cx.validation.uplift_words import decided_on, sentences_of

__all__ = [
    "ALARM",
    "FEWEST",
    "LEVEL",
    "UpliftJudgement",
    "assigned_at_random",
    "check_hold_out",
    "judge_uplift",
]

LEVEL = 0.95
_SHARES = np.linspace(0.0, 1.0, 101)
_TENTHS = 10
# Probability that a check fails although nothing is wrong.
ALARM = 0.001
# Fewer customers in an arm say nothing of a curve.
FEWEST = 20


@dataclass(frozen=True)
class UpliftJudgement:
    """What a treatment gains on customers of a hold-out, and what choosing them gains.

    Attributes
    ----------
    data : xarray.Dataset
        All in outcomes per customer of the hold-out, before cost, with the ends of 95% intervals as ``_low``
        and ``_high``: ``gain`` over ``share``, if that share of customers with the highest expected uplift is
        treated, doubly robust, and ``expected``, the same by the posterior; ``observed`` and ``predicted``
        uplift over ``tenth`` of customers by expected uplift, with the number of ``customers``; net of cost,
        ``value`` over ``policy`` and ``treated``, the share it treats, and ``lead``, by how much choosing is
        ahead of the policy. Scalars: ``effect``, the average uplift; ``ranking``, the area between the curve
        and treating at random; ``beyond``, by how much that area exceeds what counts as no gain; ``qini``,
        the Qini coefficient of the outcomes alone. Attributes name treatment, control, outcome and cost.
    checks : tuple of Check
        Whether the numbers can be believed: the assignment was random, and forecasts of uplift are right.
    """

    data: xr.Dataset
    checks: tuple[Check, ...]

    @property
    def ranks(self) -> bool:
        """Whether choosing is shown to gain over treating at random.

        Either treating those of high expected uplift first does, over all shares that could be treated, or
        treating those whose expected uplift exceeds the cost does, which is then the advice.
        """
        return decided_on(self.data).ranks

    @property
    def advice(self) -> Literal["choose", "all", "none", "unclear"]:
        """What is shown to pay most at the stated cost.

        ``choose`` by expected uplift, treat ``all``, treat ``none``, or ``unclear`` where the hold-out does
        not show it; `sentences` then name the better estimate as not shown.
        """
        return decided_on(self.data).advice

    @property
    def sentences(self) -> tuple[str, ...]:
        """The verdict in words: the effect, whether choosing beats chance, and what to do."""
        return sentences_of(self.data)

    @property
    def verdict(self) -> _checks.Status:
        """The verdict over the checks."""
        return _checks.verdict(self.checks)

    def __repr__(self) -> str:
        return f"<UpliftJudgement: {' '.join(self.sentences)}>"

    def _repr_html_(self) -> str:
        return html("uplift_judgement", self)


def judge_uplift(
    posterior: UpliftPosterior,
    stats: xr.Dataset,
    *,
    to: Treated,
    against: Treated | None = None,
    cost: float = 0.0,
    relevant: float = 0.1,
    propensity: float | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> UpliftJudgement:
    """Judge on customers of a trial whether it pays to choose whom to treat, and by how much.

    The customers must not be those of the fit: use `split_customers`. They are ordered by their expected
    uplift. What treating the first of them gains is estimated by doubly robust scores, which hold whatever
    the model says because the treatment was assigned at random; intervals are those of drawing the customers
    of the hold-out again.

    Parameters
    ----------
    posterior : UpliftPosterior
    stats : xarray.Dataset
        The hold-out, from `summarise_uplift` or `split_customers`, with the levels of the fit.
    to, against : str or (str, float)
        The treatment and the other one, by default the control, as in `contrast`.
    cost : float
        What treating a customer costs, in the unit of the outcome: 0.02 where a treatment must win one
        response of fifty customers.
    relevant : float
        What choosing must add to count as a gain, as a share of what treating at random brings, both averaged
        over all shares that could be treated. Where customers respond more, a treatment that does the same to
        all in log odds also changes more: that is found in a large trial, and worth little.
    propensity : float, optional
        The probability with which a customer of the two got `to`; by default the share who did.
    resamples : int
        Resamples of the hold-out for the intervals.
    seed : int

    Returns
    -------
    UpliftJudgement

    Raises
    ------
    InputError
        If these are no statistics of a trial, or too few customers got one of the treatments.

    Examples
    --------
    See `docs/uplift.md`.
    """
    rng = np.random.default_rng(checked_seed(seed))
    _check_arguments(posterior, stats, cost, propensity, resamples, relevant)
    treatment, control = (treatment_of(posterior, each) for each in (to, against or posterior.control))
    got = [_got(stats, posterior, each) for each in (treatment, control)]
    table = stats.isel(row=np.flatnonzero(got[0] | got[1]))
    treated, weight = got[0][got[0] | got[1]], table["weight"].to_numpy().astype(float)
    for name, own in ((treatment[0], treated), (control[0], ~treated)):
        if (n := int(weight[own].sum())) < FEWEST:
            raise InputError(
                f"{n} customers of the hold-out with {name!r}", f"{FEWEST} or more", "use a larger hold-out"
            )
    judged, draws, weights = _judged(posterior, table, treated, treatment, control, propensity)
    data = _curves(judged, draws, weights, cost, relevant, resamples, rng)
    tenths, calibrated = _calibration(judged, draws, weights)
    data = data.merge(tenths).assign_attrs(
        to=_named(treatment, posterior),
        against=_named(control, posterior),
        outcome=posterior.outcome,
        family=posterior.family,
        cost=float(cost),
        relevant=float(relevant),
        customers=int(weight.sum()),
        level=LEVEL,
    )
    return UpliftJudgement(data, (assigned_at_random(posterior, table, treated, weight), calibrated))


def _check_arguments(
    posterior: UpliftPosterior,
    stats: xr.Dataset,
    cost: float,
    propensity: float | None,
    resamples: int,
    relevant: float,
) -> None:
    check_hold_out(posterior, stats, resamples)
    if isinstance(cost, str | bool) or not np.isfinite(cost) or cost < 0:
        raise InputError(f"cost={cost!r}", "zero or more, in the unit of the outcome", "correct the cost")
    if isinstance(relevant, str | bool) or not 0 <= relevant < 1:
        raise InputError(f"relevant={relevant!r}", "a share from 0 to 1", "write for example 0.1")
    if propensity is not None and not 0 < propensity < 1:
        raise InputError(f"propensity={propensity!r}", "a probability between 0 and 1", "correct it")


def check_hold_out(posterior: UpliftPosterior, stats: xr.Dataset, resamples: int) -> None:
    """Refuse what is no posterior of uplift with a hold-out of its trial.

    Raises
    ------
    InputError
    """
    if not isinstance(posterior, UpliftPosterior):
        raise InputError(
            f"a {type(posterior).__name__} for a posterior",
            "a fit of bcx.models.UPLIFT",
            "pass what bcx.fit gave",
        )
    if not isinstance(stats, xr.Dataset) or kind_of(stats).key != TREATMENTS.key:
        raise InputError(
            "no statistics of a trial", "those of bcx.summarise_uplift", "summarise the hold-out"
        )
    if stats.attrs.get("features") != posterior.provenance["data"].get("features"):
        raise InputError(
            "a hold-out with other levels of features than the fit",
            "the same ones",
            "use bcx.split_customers, or summarise with like= the statistics of the fit",
        )
    if isinstance(resamples, bool) or not resamples >= 100:
        raise InputError(f"resamples={resamples!r}", "100 or more", "write for example 1000")


def _got(stats: xr.Dataset, posterior: UpliftPosterior, treatment: tuple[str, float]) -> np.ndarray:
    """Return who got a treatment in its dose."""
    arm, dose = treatment
    mine = stats["arm"].to_numpy().astype(str) == arm
    if posterior.terms.largest and arm != posterior.control:
        mine &= np.isclose(stats["dose"].to_numpy().astype(float), dose)
    return mine


def _named(treatment: tuple[str, float], posterior: UpliftPosterior) -> str:
    arm, dose = treatment
    return f"{arm} {dose:g}" if posterior.terms.largest and arm != posterior.control else arm


def _judged(
    posterior: UpliftPosterior,
    table: xr.Dataset,
    treated: np.ndarray,
    treatment: tuple[str, float],
    control: tuple[str, float],
    propensity: float | None,
) -> tuple[Judged, np.ndarray, np.ndarray]:
    """Return the rows with their scores, draws of uplift by pattern, and the customers of each pattern.

    The latter two are in the order of the scores, shapes (draw, pattern) and (pattern,).
    """
    names = [feature.name for feature in posterior.terms.features]
    levels = {name: table[name].to_numpy() for name in names}
    patterns, place = posterior.patterns(levels, table.sizes["row"])
    quantity = "p_outcome" if posterior.family == "bernoulli" else "mean_outcome"
    doses = bool(posterior.terms.largest)
    with_it, without = (
        responses_of(
            posterior, patterns, each if doses and each[0] != posterior.control else each[0], quantity
        )
        for each in (treatment, control)
    )
    weight, outcome = (table[name].to_numpy().astype(float) for name in ("weight", "outcome"))
    share = weight[treated].sum() / weight.sum() if propensity is None else propensity
    expected = [each.mean(axis=0)[place] for each in (with_it, without)]
    uplift = with_it - without
    judged = Judged(
        place,
        treated,
        outcome,
        weight,
        uplift.mean(axis=0),
        robust_scores(outcome, treated, share, *expected),
    )
    return judged, uplift[:, judged.order], judged.of_patterns(np.ones_like(weight))


def _ends(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high


def _curves(
    judged: Judged,
    draws: np.ndarray,
    customers: np.ndarray,
    cost: float,
    relevant: float,
    resamples: int,
    rng: np.random.Generator,
) -> xr.Dataset:
    """Return the curves, the area, and the values of policies, each with its interval."""
    found: dict[str, Any] = {}

    def put(name: str, dims: tuple[str, ...], value: Any, ends: tuple[Any, Any]) -> None:
        found.update({name: (dims, value), f"{name}_low": (dims, ends[0]), f"{name}_high": (dims, ends[1])})

    share, gain = gain_curve(customers, judged.of_patterns(judged.robust))
    again = judged.resampled(resamples, rng)
    shares, gains = gain_curve(*again)
    on_grid = np.array([np.interp(_SHARES, *each) for each in zip(shares, gains, strict=True)])
    put("gain", ("share",), np.interp(_SHARES, share, gain), _ends(on_grid))
    _, believed = gain_curve(np.broadcast_to(customers, draws.shape), draws * customers)
    on_grid = np.array([np.interp(_SHARES, share, each) for each in believed])
    put("expected", ("share",), on_grid.mean(axis=0), _ends(on_grid))
    put("effect", (), gain[-1], _ends(gains[:, -1]))
    put("ranking", (), area(share, gain), _ends(area(shares, gains)))
    # The area under the line of treating at random is half the effect.
    beyond, many = (
        area(*curve) - relevant * np.abs(curve[1][..., -1]) / 2 for curve in ((share, gain), (shares, gains))
    )
    put("beyond", (), beyond, _ends(many))
    found["qini"] = ((), qini_coefficient(judged))
    # Expected uplift above the cost: known before the hold-out is looked at.
    chosen = draws.mean(axis=0) > cost
    values, leads, treated = _policies(customers, judged.of_patterns(judged.robust), chosen, cost)
    many, many_leads, _ = _policies(again[0], again[1], chosen, cost)
    put("value", ("policy",), values, _ends(many))
    put("lead", ("policy",), leads, _ends(many_leads))
    found["treated"] = ("policy", treated)
    coords = {"share": _SHARES, "policy": ["choose", "all", "random", "none"]}
    return xr.Dataset(found, coords)


def _policies(
    customers: np.ndarray, scores: np.ndarray, chosen: np.ndarray, cost: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the values per customer of choosing, all, as many at random, and none; leads; shares treated."""
    n = customers.sum(axis=-1)
    everybody = scores.sum(axis=-1) / n - cost
    picked = ((scores - cost * customers) * chosen).sum(axis=-1) / n
    part = (customers * chosen).sum(axis=-1) / n
    values = np.stack([picked, everybody, part * everybody, np.zeros_like(picked)], axis=-1)
    treated = np.stack([part, np.ones_like(part), part, np.zeros_like(part)], axis=-1)
    leads = picked[..., None] - values
    # Sums in another order differ by their last bits.
    size = np.abs(values).max(axis=-1, keepdims=True)
    return values, np.where(np.abs(leads) < 1e-12 * size, 0.0, leads), treated


def _calibration(judged: Judged, draws: np.ndarray, customers: np.ndarray) -> tuple[xr.Dataset, Check]:
    """Return expected and observed uplift by tenths of customers, and the check that they agree."""
    n = customers.sum()
    middle = (np.cumsum(customers) - customers / 2) / n
    label = np.minimum((middle * _TENTHS).astype(int), _TENTHS - 1)
    used, tenth = np.unique(label, return_inverse=True)
    member = (tenth[:, None] == np.arange(used.size)) * customers[:, None]
    size = member.sum(axis=0)
    believed = draws @ member / size
    by_row = tenth[np.argsort(judged.order, kind="stable")][judged.pattern]
    seen = np.bincount(by_row, judged.weight * judged.robust, minlength=used.size) / size
    square = np.bincount(by_row, judged.weight * (judged.robust - seen[by_row]) ** 2, minlength=used.size)
    error = np.sqrt(square) / size
    covariance = np.atleast_2d(np.cov(believed, rowvar=False)) + np.diag(error**2)
    away = seen - believed.mean(axis=0)
    p = float(chi2.sf(away @ np.linalg.solve(covariance, away), used.size))
    low, high = _ends(believed)
    data = xr.Dataset(
        {
            "predicted": ("tenth", believed.mean(axis=0)),
            "predicted_low": ("tenth", low),
            "predicted_high": ("tenth", high),
            "observed": ("tenth", seen),
            "observed_low": ("tenth", seen - 1.96 * error),
            "observed_high": ("tenth", seen + 1.96 * error),
            "customers": ("tenth", size.astype(np.int64)),
        },
        coords={"tenth": used + 1},
    )
    return data, Check(
        "expected uplift by tenths agrees with the hold-out (p)",
        p,
        f">= {ALARM:g}",
        "passed" if p >= ALARM else "failed",
        "uplift is larger or smaller than forecast in some tenths of customers" if p < ALARM else "",
        about="uplift",
        n=int(n),
        alarm=ALARM,
    )


def assigned_at_random(
    posterior: UpliftPosterior, table: xr.Dataset, got: np.ndarray, weight: np.ndarray
) -> Check:
    """Return the check that no feature tells which customer got what; `got` numbers it for each row."""
    options = [got == each for each in np.unique(got)]
    smallest, worst, looked_at = 1.0, "", 0
    for feature in posterior.terms.features:
        levels, place = np.unique(table[feature.name].to_numpy().astype(str), return_inverse=True)
        if levels.size < 2:
            continue
        counts = np.array([np.bincount(place, weight * own, levels.size) for own in options])
        looked_at += 1
        p = float(np.asarray(chi2_contingency(counts, correction=False)[1]))
        smallest, worst = min((smallest, worst), (p, feature.name))
    name, target = "treatment is independent of the features (p, of all)", f">= {ALARM:g}"
    if not looked_at:
        return Check(name, None, target, "not_run", "there is no feature with two levels", about="uplift")
    p = min(1.0, smallest * looked_at)
    note = f"{worst!r} differs between those treated and the others, so it was not chance who was treated"
    fine = p >= ALARM
    return Check(
        name, p, target, "passed" if fine else "failed", "" if fine else note, about="uplift", alarm=ALARM
    )
