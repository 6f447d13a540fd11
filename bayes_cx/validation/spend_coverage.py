"""Whether what customers then paid lies where the model of spend expected it, given how often they bought."""

from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr

from bayes_cx.checks import Check, Interval, Status
from bayes_cx.data import Split
from bayes_cx.errors import InputError
from bayes_cx.inference import Posterior
from bayes_cx.kinds import SPEND
from bayes_cx.scoring import payments
from bayes_cx.validation.comparable import refuse_seen
from bayes_cx.validation.coverage import LEVELS, TOLERANCE, binomial_interval, randomised_share

__all__ = ["spend_checks", "spend_coverage"]

# Of fewer buyers the share inside an interval is known too badly to say anything.
_LEAST = 20


def spend_coverage(
    spend: Posterior, split: Split, *, draws: int = 500, seed: int = 0, levels: Sequence[float] = LEVELS
) -> xr.Dataset:
    """Compare predictive intervals of what hold-out buyers paid with what they paid, given their purchases.

    The number of purchases is taken as it was, so that this is about the model of spend alone. A customer is
    inside if the mean of all hold-out purchases is; customers with one purchase show how well single amounts
    are foreseen.

    Parameters
    ----------
    spend : Posterior
        Of a model of spend, fitted to ``split.calibration``.
    split : Split
        Of transactions with amounts.
    draws : int
        Futures, two or more.
    seed : int
        The same seed gives the same result.
    levels : sequence of float
        Probabilities of the intervals.

    Returns
    -------
    xarray.Dataset
        Over ``level``: ``customer`` and ``single``, the shares of the buyers, and of those with one purchase,
        who are inside their interval, each with a 95% binomial interval (``_low``, ``_high``); over
        ``tenth``: ``rank``, the share of the buyers whose mean spend fell into each tenth of its predictive
        distribution, a tenth each if the forecast is right. Attributes ``n`` and ``n_single``, ``observed``
        and ``expected`` (the total of the hold-out, and what these purchases were expected to bring) and
        ``model``.

    Raises
    ------
    InputError
        If the posterior is of another kind or has seen the hold-out, if there are no amounts or no buyers.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> parts = bcx.split(bcx.load_cdnow(sample=True), "1997-09-30", "1998-06-30")
    >>> fit = bcx.fit(bcx.models.LOG_NORMAL, parts.calibration, method=bcx.MAP())
    >>> inside = spend_coverage(fit, parts, draws=200)["customer"]
    >>> bool(abs(inside.sel(level=0.8) - 0.8) < 0.03)
    True
    """
    if spend.model.kind is not SPEND:
        raise InputError(
            f"{spend.model.name}, a model of {spend.model.kind.key}", "a model of spend", "pass its posterior"
        )
    refuse_seen(spend, split)
    if draws < 2:
        raise InputError(f"{draws} draws", "two draws or more", "ask for some hundreds")
    if "spend_holdout" not in split.holdout:
        raise InputError("a hold-out without amounts", "amounts", "read the transactions with an amount")
    number, paid = (split.holdout[name].to_numpy() for name in ("x_holdout", "spend_holdout"))
    who = np.flatnonzero((number > 0) & (paid > 0))
    if not who.size:
        raise InputError("a hold-out in which nobody paid", "one buyer or more", "choose a longer hold-out")
    stats, number, paid = split.calibration.isel(customer=who), number[who], paid[who].astype(float)
    below, equal, total = np.zeros(who.size), np.zeros(who.size), 0.0
    for pay in payments(spend, stats, draws, np.random.default_rng(seed)):
        came = pay(number)
        below, equal, total = below + (came < paid), equal + (came == paid), total + float(came.sum())
    shares = {level: randomised_share(below, equal, draws, level) for level in levels}
    found = {}
    for name, some in (("customer", np.ones(who.size, bool)), ("single", number == 1)):
        mean = np.array([inside[some].mean() if some.any() else np.nan for inside in shares.values()])
        found[name] = mean
        ends = [
            binomial_interval(share, int(some.sum())) if some.any() else (np.nan, np.nan) for share in mean
        ]
        found[f"{name}_low"], found[f"{name}_high"] = np.array(ends).T
    rank = np.histogram((below + 0.5 * equal) / draws, np.linspace(0, 1, 11))[0] / who.size
    return xr.Dataset(
        {**{name: ("level", values) for name, values in found.items()}, "rank": ("tenth", rank)},
        coords={"level": list(levels)},
        attrs={
            "n": int(who.size),
            "n_single": int((number == 1).sum()),
            "observed": float(paid.sum()),
            "expected": total / draws,
            "model": spend.model.name,
        },
    )


def spend_checks(table: xr.Dataset) -> Iterator[Check]:
    """Yield whether the intervals of `spend_coverage` hold what they say, within two points."""
    n = int(table.attrs["n"])
    for level in table["level"].to_numpy():
        one = table.sel(level=level)
        share, low, high = (float(one[name]) for name in ("customer", "customer_low", "customer_high"))
        good = low - TOLERANCE <= level <= high + TOLERANCE
        status: Status = "not_run" if n < _LEAST else "passed" if good else "failed"
        single = f"; {float(one['single']):.3f} of the {table.attrs['n_single']:,} with one purchase"
        yield Check(
            f"hold-out buyers whose mean spend is inside its {level:.0%} interval",
            share,
            f"interval reaches {level:g} ± {TOLERANCE:g}",
            status,
            (f"fewer than {_LEAST} buyers" if n < _LEAST else "of the number of purchases that came")
            + (single if table.attrs["n_single"] else ""),
            "",
            Interval(low, high, 0.95),
            n,
            0.05,
        )
