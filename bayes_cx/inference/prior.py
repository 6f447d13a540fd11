"""The density of the prior at draws of the posterior."""

import numpy as np
import pytensor.tensor as pt

from bayes_cx.compiling import AS_WRITTEN, compiled
from bayes_cx.inference.posterior import Posterior

__all__ = ["log_prior"]


def log_prior(posterior: Posterior) -> np.ndarray:
    """Return the log density of the priors at each draw, on the coordinates themselves, shape (sample,)."""
    import pymc as pm

    draws = posterior.draws["posterior"]
    total = np.zeros(posterior.n_draws)
    for name, prior in posterior.model.priors.items():
        at = pt.vector(name)
        distribution = getattr(pm, prior.distribution).dist(**prior.arguments)
        density = compiled([at], pm.logp(distribution, at), mode=AS_WRITTEN)
        total += density(draws[name].to_numpy().reshape(-1))
    return total
