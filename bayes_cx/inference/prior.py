"""Priors: their density at draws of the posterior, and how wide they are."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytensor.tensor as pt
from scipy.special import logit, polygamma

from bayes_cx.compiling import AS_WRITTEN, compiled
from bayes_cx.inference.posterior import Posterior
from bayes_cx.model import Prior

__all__ = ["log_prior", "spread", "to_line"]

# Draws of a prior whose standard deviation is not known by a formula.
_DRAWS = 20_000


def log_prior(posterior: Posterior, priors: Mapping[str, Prior] | None = None) -> np.ndarray:
    """Return the log density of priors at each draw, on the quantities themselves, shape (sample,).

    Parameters
    ----------
    posterior : Posterior
    priors : mapping of str to Prior, optional
        By quantity; by default those of the model.
    """
    import pymc as pm

    draws = posterior.draws["posterior"]
    total = np.zeros(posterior.n_draws)
    for name, prior in (posterior.model.priors if priors is None else priors).items():
        at = pt.vector(name)
        distribution = getattr(pm, prior.distribution).dist(**prior.arguments)
        density = compiled([at], pm.logp(distribution, at), mode=AS_WRITTEN)
        total += density(draws[name].to_numpy().reshape(-1))
    return total


def to_line(link: str, values: np.ndarray) -> np.ndarray:
    """Return values on the scale of their link, where they have no bounds."""
    return {"identity": np.asarray, "log": np.log, "logit": logit}[link](values)


def spread(prior: Prior) -> float:
    """Return the standard deviation of a prior on the scale of its link.

    Examples
    --------
    >>> spread(Prior("LogNormal", {"mu": 0.0, "sigma": 0.5}, "", ""))
    0.5
    """
    given: Any = prior.arguments
    if prior.distribution in ("LogNormal", "Normal") and "sigma" in given:
        return float(given["sigma"])
    if prior.distribution == "Beta" and {"alpha", "beta"} <= set(given):
        return float(np.sqrt(polygamma(1, given["alpha"]) + polygamma(1, given["beta"])))
    import pymc as pm

    distribution = getattr(pm, prior.distribution)
    drawn: Any = pm.draw(distribution.dist(**given), _DRAWS, random_seed=0, mode=AS_WRITTEN)
    return float(np.std(to_line(prior.link, drawn)))
