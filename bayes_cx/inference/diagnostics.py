"""The checks that a fit must pass before it is used."""

from collections.abc import Collection

import numpy as np
import xarray as xr

from bayes_cx.checks import Check
from bayes_cx.inference.density import Mode
from bayes_cx.inference.laplace import Weighed
from bayes_cx.inference.prior import spread, to_line
from bayes_cx.model import Model

__all__ = ["check_against_prior", "check_nuts", "check_point", "check_weights", "too_short"]

KHAT_LIMIT = 0.5
ESS_LIMIT = 400.0
RHAT_LIMIT = 1.01
# Above this chains are in different places, and longer ones would be too.
APART = 1.05
EBFMI_LIMIT = 0.3
# A thousandth of a unit of log density: no interval could show it.
NEWTON_LIMIT = 1e-3
ELSEWHERE_LIMIT = 0.01
# Where a spread is nine tenths of that of the prior, the prior says nearly all there is to say.
PRIOR_LIMIT = 0.9


def check_nuts(draws: xr.DataTree, max_depth: int) -> tuple[Check, ...]:
    """Check chains: rank R-hat, bulk and tail ESS, divergences, E-BFMI and tree depth [vehtari2021rank]_.

    What the sampler did not report is `not_run`, never passed.
    """
    import arviz as az

    posterior = draws["posterior"].dataset
    sampler = draws["sample_stats"].dataset
    rhat = _worst(az.rhat(posterior, method="rank"), np.max)
    bulk = _worst(az.ess(posterior, method="bulk"), np.min)
    tail = _worst(az.ess(posterior, method="tail"), np.min)
    chains = posterior.sizes["chain"]
    divergent = float(sampler["diverging"].sum()) if "diverging" in sampler else None
    energy = float(np.min(_bfmi(sampler["energy"].to_numpy()))) if "energy" in sampler else None
    depth = _depth_share(sampler, max_depth)
    one_chain = "" if chains > 1 else "needs at least two chains"
    return (
        _check(
            "largest R-hat", rhat if chains > 1 else None, "<= 1.01", lambda v: v <= RHAT_LIMIT, one_chain
        ),
        _check("smallest bulk ESS", bulk, ">= 400", lambda v: v >= ESS_LIMIT),
        _check("smallest tail ESS", tail, ">= 400", lambda v: v >= ESS_LIMIT),
        _check("divergences", divergent, "0", lambda v: v == 0),
        _check("smallest E-BFMI", energy, ">= 0.3", lambda v: v >= EBFMI_LIMIT),
        _check("draws at the largest tree depth", depth, "0", lambda v: v == 0),
    )


def too_short(checks: Collection[Check]) -> bool:
    """Return whether chains fail only checks that longer ones may pass: R-hat, if not far off, and ESS."""
    failed = {check.name: check.value for check in checks if check.status == "failed"}
    rhat = failed.get("largest R-hat", RHAT_LIMIT)
    lengths = {"largest R-hat", "smallest bulk ESS", "smallest tail ESS"}
    return bool(failed) and failed.keys() <= lengths and rhat is not None and rhat <= APART


def check_weights(weighed: Weighed, mode: Mode) -> tuple[Check, ...]:
    """Check importance weights: Pareto k-hat and the effective number of draws."""
    return (
        _check("Pareto k-hat of the importance weights", weighed.khat, "< 0.5", lambda v: v < KHAT_LIMIT),
        _check("effective draws before resampling", weighed.ess, ">= 400", lambda v: v >= ESS_LIMIT),
        _newton(mode),
        *_elsewhere(mode),
    )


def check_point(mode: Mode) -> tuple[Check, ...]:
    """Check that a point estimate is a maximum; its uncertainty is `not_run`."""
    nothing = Check("uncertainty", None, "draws of the posterior", "not_run", "a point estimate has none")
    return (_newton(mode), *_elsewhere(mode), nothing)


def check_against_prior(model: Model, posterior: xr.Dataset, stated: Collection[str] = ()) -> Check:
    """Check that data say something on every coordinate: its posterior is narrower than its prior.

    Compared are standard deviations on the scale of the link. A fit of a few customers fails, whatever its
    draws are like: its numbers are those of the prior.

    Parameters
    ----------
    model : Model
    posterior : xarray.Dataset
        Draws of the coordinates, over chain and draw.
    stated : collection of str
        Coordinates with a prior of the analyst's own, which is meant to count: they are not judged.
    """
    name = "largest spread of a coordinate, as a share of its spread in the prior"
    left = {
        each: float(np.std(to_line(prior.link, posterior[each].to_numpy()))) / spread(prior)
        for each, prior in model.priors.items()
        if each not in stated
    }
    if not left:
        return Check(name, None, f"< {PRIOR_LIMIT:g}", "not_run", "all priors are the analyst's own")
    widest = max(left, key=lambda each: left[each])
    note = f"of {widest} ({model.priors[widest].meaning})"
    if left[widest] >= PRIOR_LIMIT:
        note += ": the data say next to nothing on it, so more of them are needed, or a simpler model"
    return _check(name, left[widest], f"< {PRIOR_LIMIT:g}", lambda v: v < PRIOR_LIMIT, note)


def _elsewhere(mode: Mode) -> tuple[Check, ...]:
    """Return the check of other maxima, nothing where the search came to one only."""
    name = "share of the probability around other maxima"
    few = _check(name, mode.elsewhere, "< 0.01", lambda v: v < ELSEWHERE_LIMIT)
    return (few,) if mode.elsewhere > 0 else ()


def _newton(mode: Mode) -> Check:
    name = "distance of the mode from the maximum (log density)"
    return _check(name, mode.newton, "< 0.001", lambda v: v < NEWTON_LIMIT)


def _check(name, value, target, passes, note="") -> Check:
    if value is None:
        return Check(name, None, target, "not_run", note or "not reported by the sampler")
    if not np.isfinite(value):
        return Check(name, None, target, "failed", f"the value is {value}")
    return Check(name, value, target, "passed" if passes(value) else "failed", note)


def _worst(values: xr.Dataset, of) -> float:
    return float(of([of(values[name].to_numpy()) for name in values.data_vars]))


def _bfmi(energy: np.ndarray) -> np.ndarray:
    """Return the estimated fraction of missing information of each chain; energy has shape (chain, draw)."""
    return np.mean(np.diff(energy, axis=1) ** 2, axis=1) / np.var(energy, axis=1)


def _depth_share(sampler: xr.Dataset, max_depth: int) -> float | None:
    """Return the number of draws at the largest tree depth, under whichever name the sampler reports it."""
    if "maxdepth_reached" in sampler:
        return float(sampler["maxdepth_reached"].sum())
    for name in ("tree_depth", "depth"):
        if name in sampler:
            return float((sampler[name] >= max_depth).sum())
    return None
