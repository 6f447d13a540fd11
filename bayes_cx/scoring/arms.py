"""What the arms of a trial bring, by how much they differ, and how sure it is which is the best."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import xarray as xr
from scipy import stats as distributions

from bayes_cx.errors import InputError
from bayes_cx.inference import TrialPosterior

__all__ = ["arm_worth", "compare_arms", "effect_by_segment"]

# Nodes of Gauss-Legendre quadrature over the range of all arms.
_NODES = 2000
# Probability beyond the ends of that range.
_TAIL = 1e-15


def compare_arms(posterior: TrialPosterior, *, more_than: float = 0.0, level: float = 0.9) -> xr.Dataset:
    r"""Return what each arm brings, how far it is from the control, and how sure it is that it is best.

    Means of shares and counts, and the probabilities about which arm is better or best, are integrals over
    the densities of the arms, by quadrature; those of amounts, of adjusted outcomes and of factorial designs
    are shares of the draws, and so are all intervals.

    Parameters
    ----------
    posterior : TrialPosterior
    more_than : float
        The relative lift r of ``p_more``, such as 0.05.
    level : float
        Probability of the intervals.

    Returns
    -------
    xarray.Dataset
        Over ``arm``, the control first: ``n`` (customers); ``mean``, ``mean_low``, ``mean_high``, the
        expected outcome of a customer; ``lift``, ``lift_low``, ``lift_high``, its difference to the control;
        ``relative``, ``relative_low``, ``relative_high``, the same as a share of the control (median and
        interval); ``p_better``, the probability to bring more than the control, ``p_more`` to bring more than
        :math:`1 + r` times as much; ``p_best``, to be the best of all arms; ``loss``, by how much the best
        arm is expected to be better. Of the control the lift is 0 and the probabilities are missing.

    Raises
    ------
    InputError
        If an option is out of its range.

    Examples
    --------
    Ten of a hundred bought without, fifteen of a hundred with a mail.

    >>> import pandas as pd
    >>> import bayes_cx as bcx
    >>> rows = pd.DataFrame({"mail": ["no"] * 100 + ["yes"] * 100, "bought": 0})
    >>> rows.loc[[*range(10), *range(100, 115)], "bought"] = 1
    >>> stats = bcx.summarise_trial(rows, "bought", arm="mail", control="no")
    >>> found = bcx.compare_arms(bcx.fit(bcx.models.TRIAL, stats, seed=1))
    >>> found["p_better"].sel(arm="yes").round(6).item(), found["loss"].sel(arm="yes").round(6).item()
    (0.853284, 0.003578)
    """
    if not 0 < level < 1:
        raise InputError(f"level={level}", "a probability between 0 and 1", "write 0.9 for 90 %")
    if not more_than > -1:
        raise InputError(f"more_than={more_than}", "a share above -1", "write 0.05 for 5 %")
    mean = posterior.posterior["mean"].to_numpy()
    lift = mean - mean[:, :1]
    ends = [(1 - level) / 2, (1 + level) / 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(mean[:, :1] > 0, lift / mean[:, :1], np.nan)
    relative = np.quantile(ratio, [0.5, *ends], axis=0)
    exact = _densities(posterior)
    if exact is None:
        best = np.bincount(mean.argmax(axis=1), minlength=mean.shape[1]) / mean.shape[0]
        loss = (mean.max(axis=1, keepdims=True) - mean).mean(axis=0)
        more = (mean > (1 + more_than) * mean[:, :1]).mean(axis=0)
        better, centre = (lift > 0).mean(axis=0), mean.mean(axis=0)
    else:
        best, loss = _best(exact)
        better, more = (
            np.array([np.nan, *(_above(one, exact[0], 1 + r) for one in exact[1:])]) for r in (0.0, more_than)
        )
        centre = np.array([float(one.mean()) for one in exact])
    better[0] = more[0] = np.nan
    columns = {"n": posterior.table["n"].to_numpy(), "mean": centre}
    columns |= _interval("mean", mean, ends) | {"lift": centre - centre[0]} | _interval("lift", lift, ends)
    columns |= dict(zip(("relative", "relative_low", "relative_high"), relative, strict=True))
    columns |= {"p_better": better, "p_more": more, "p_best": best, "loss": loss}
    return xr.Dataset(
        {name: ("arm", values) for name, values in columns.items()},
        coords={"arm": list(posterior.arms)},
        attrs={
            "control": posterior.control,
            "measure": posterior.measure,
            "level": level,
            "more_than": more_than,
        },
    )


def effect_by_segment(posterior: TrialPosterior, *, level: float = 0.9) -> xr.Dataset:
    """Return by how much each arm raises the outcome in each segment, shrunk towards that in all.

    Parameters
    ----------
    posterior : TrialPosterior
    level : float

    Returns
    -------
    xarray.Dataset
        Over (``treatment``, ``segment``): ``effect``, ``effect_low``, ``effect_high``, ``p_better``, and
        ``raw``, the difference of the means as observed; ``n`` over ``segment``; over (``treatment``,
        ``division``), ``p_differ``: the probability that segments of that column differ at all.

    Raises
    ------
    InputError
        If the trial has no segments.
    """
    table = posterior.by_segment
    if table is None:
        raise InputError(
            "a trial without segments", "columns that divide customers", "pass by= to bcx.summarise_trial"
        )
    draws = posterior.posterior["effect"].to_numpy()
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    n, total = (table[name].transpose("segment", "arm").to_numpy() for name in ("n", "total"))
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = total / n
    both = ("treatment", "segment")
    differ = posterior.provenance["p_differ"]
    return xr.Dataset(
        {
            "effect": (both, draws.mean(axis=0)),
            "effect_low": (both, low),
            "effect_high": (both, high),
            "p_better": (both, (draws > 0).mean(axis=0)),
            "raw": (both, (observed[:, 1:] - observed[:, :1]).T),
            "n": ("segment", n.sum(axis=1)),
            "p_differ": (
                ("treatment", "division"),
                np.array([[differ[arm][name] for name in posterior.divisions] for arm in posterior.arms[1:]]),
            ),
        },
        coords={
            "treatment": list(posterior.arms[1:]),
            "segment": list(map(str, table["segment"].to_numpy())),
            "division": list(posterior.divisions),
        },
        attrs={"level": level},
    )


def arm_worth(
    posterior: TrialPosterior,
    customers: int,
    *,
    worth: float = 1.0,
    cost: float | Sequence[float] = 0.0,
    level: float = 0.9,
) -> xr.Dataset:
    """Return what it is worth to give customers an arm in place of the control.

    Parameters
    ----------
    posterior : TrialPosterior
    customers : int
        How many are reached over the horizon; each counts as often as the action is repeated.
    worth : float
        What one more outcome is worth: a purchase, or the share of an amount that is kept.
    cost : float or sequence of float
        Cost of a customer, the same for all arms but the control, or one for each of them.
    level : float

    Returns
    -------
    xarray.Dataset
        Over ``arm`` without the control: ``gain``, ``gain_low``, ``gain_high``, and ``p_gain``, the
        probability that it is above 0.
    """
    mean = posterior.posterior["mean"].to_numpy()
    each = np.broadcast_to(np.asarray(cost, float), mean.shape[1] - 1)
    gain = customers * (worth * (mean[:, 1:] - mean[:, :1]) - each)
    columns = {"gain": gain.mean(axis=0)} | _interval("gain", gain, [(1 - level) / 2, (1 + level) / 2])
    columns["p_gain"] = (gain > 0).mean(axis=0)
    return xr.Dataset(
        {name: ("arm", values) for name, values in columns.items()},
        coords={"arm": list(posterior.arms[1:])},
        attrs={"customers": int(customers), "worth": worth, "level": level},
    )


def _interval(name: str, draws: np.ndarray, ends: Sequence[float]) -> dict[str, np.ndarray]:
    low, high = np.quantile(draws, ends, axis=0)
    return {f"{name}_low": low, f"{name}_high": high}


def _densities(posterior: TrialPosterior) -> list | None:
    """Return the distribution of the mean of each arm, or None where it has no closed form."""
    if posterior.adjusted or posterior.factors or posterior.measure == "value":
        return None
    n, responded, total = (posterior.table[name].to_numpy() for name in ("n", "responded", "total"))
    if posterior.measure == "conversion":
        a, b = posterior.model.a, posterior.model.b
        return [distributions.beta(a + s, b + k - s) for s, k in zip(responded, n, strict=True)]
    phi = posterior.provenance["dispersion"]
    rate = n.sum() / total.sum() if total.sum() else 1.0
    return [
        distributions.gamma(1.0 + t / phi, scale=1.0 / (rate + k / phi))
        for t, k in zip(total, n, strict=True)
    ]


def _nodes(densities: Sequence) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights that cover all densities, closer together where they are narrow."""
    ends = sorted({x for one in densities for x in (one.ppf(_TAIL), one.ppf(0.5), one.isf(_TAIL))})
    node, weight = np.polynomial.legendre.leggauss(_NODES // len(ends))
    parts = [(a, b) for a, b in pairwise(ends) if b > a]
    x = np.concatenate([(a + b) / 2 + (b - a) / 2 * node for a, b in parts])
    w = np.concatenate([(b - a) / 2 * weight for a, b in parts])
    return x, w


def _best(densities: Sequence) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability that each arm is the best, and by how much the best is better on average."""
    x, w = _nodes(densities)
    below = np.array([one.cdf(x) for one in densities])
    best = np.empty(len(densities))
    for i, one in enumerate(densities):
        others = np.delete(below, i, axis=0).prod(axis=0)
        best[i] = (w * one.pdf(x) * others).sum()
    # The largest of all is above x with the probability that not all are below.
    low = min(float(one.ppf(_TAIL)) for one in densities)
    largest = low + (w * (1.0 - below.prod(axis=0))).sum()
    return best / best.sum(), largest - np.array([float(one.mean()) for one in densities])


def _above(one, control, times: float) -> float:
    """Return the probability that an arm is above so many times the control."""
    x, w = _nodes([one, control])
    return float(np.clip((w * control.pdf(x) * one.sf(times * x)).sum(), 0.0, 1.0))
