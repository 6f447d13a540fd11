"""Priors that a user put in place of those of a model: which they are, and whether PyMC knows them."""

from typing import Any

import numpy as np

from bayes_cx.compiling import AS_WRITTEN
from bayes_cx.errors import InputError
from bayes_cx.model import Model, Prior
from bayes_cx.models import find

__all__ = ["check_priors", "is_plain", "own_priors"]

# The distributions that all priors of the models have, with their arguments: which are positive; and the link
# on whose scale they have no bounds.
_PLAIN = {
    "LogNormal": {"mu": False, "sigma": True},
    "Beta": {"alpha": True, "beta": True},
    "Normal": {"mu": False, "sigma": True},
}
_LINKS = {"LogNormal": "log", "Beta": "logit", "Normal": "identity"}
_TRIED = 200


def is_plain(prior: Prior) -> bool:
    """Say whether a prior is one that kernels know, so that PyMC is not needed."""
    usual = _LINKS.get(prior.distribution) == prior.link
    return usual and set(prior.arguments) == set(_PLAIN[prior.distribution])


def own_priors(model: Model) -> dict[str, Prior]:
    """Return the priors, by coordinate, that differ from those of the model of the same key."""
    try:
        usual = find(model.key).priors
    except InputError:  # a model that is not in the catalogue
        return {}
    return {name: prior for name, prior in model.priors.items() if prior != usual.get(name)}


def check_priors(model: Model) -> None:
    """Refuse priors that PyMC does not know, or whose values are not those of the coordinate's link.

    Raises
    ------
    InputError
    """
    for name, prior in model.priors.items():
        if not is_plain(prior):
            _try(name, prior)
            continue
        for key, positive in _PLAIN[prior.distribution].items():
            if positive and prior.arguments[key] <= 0:
                raise _refused(name, prior, f"{key} is not positive")


def _try(name: str, prior: Prior) -> None:
    """Draw from a prior, which shows whether PyMC can."""
    import pymc as pm

    distribution: Any = getattr(pm, prior.distribution, None)
    if not (isinstance(distribution, type) and issubclass(distribution, pm.Continuous)):
        raise _refused(name, prior, "PyMC has no continuous distribution of that name")
    try:
        made = distribution.dist(**prior.arguments)  # pyright: ignore[reportCallIssue, reportArgumentType]
        drawn = np.asarray(pm.draw(made, draws=_TRIED, random_seed=1, mode=AS_WRITTEN))
    except Exception as error:  # each distribution has its own ways to refuse its arguments
        why = str(error).splitlines() or [type(error).__name__]
        raise _refused(name, prior, why[0]) from error
    low, high = {"log": (0.0, np.inf), "logit": (0.0, 1.0)}.get(prior.link, (-np.inf, np.inf))
    if not np.all(np.isfinite(drawn) & (drawn >= low) & (drawn <= high)):
        raise _refused(name, prior, f"it has values outside {low:g} to {high:g}")


def _refused(name: str, prior: Prior, why: str) -> InputError:
    return InputError(
        f"the prior {prior.text} on {name} ({why})",
        "a continuous distribution of PyMC with its arguments by name",
        "write for example bcx.Prior('LogNormal', {'mu': 0, 'sigma': 1}, reason='...')",
    )
