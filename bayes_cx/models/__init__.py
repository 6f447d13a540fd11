"""The models, one file each: a page of mathematics with a manifest at the bottom.

`bayes_cx.catalogue` lists them; a model is loaded when it is first asked for.
"""

import copyreg
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bayes_cx import catalogue
from bayes_cx.errors import no_attribute
from bayes_cx.kinds.kind import differences
from bayes_cx.model import Model

if TYPE_CHECKING:
    from bayes_cx.models.bdw import BDW as BDW
    from bayes_cx.models.bg_bb import BG_BB as BG_BB
    from bayes_cx.models.bg_nbd import BG_NBD as BG_NBD
    from bayes_cx.models.cnbd import BG_CNBD as BG_CNBD
    from bayes_cx.models.cnbd import MBG_CNBD as MBG_CNBD
    from bayes_cx.models.gamma_gamma import GAMMA_GAMMA as GAMMA_GAMMA
    from bayes_cx.models.hazard import HAZARD as HAZARD
    from bayes_cx.models.log_normal import LOG_NORMAL as LOG_NORMAL
    from bayes_cx.models.log_normal import LOG_NORMAL_FREQUENCY as LOG_NORMAL_FREQUENCY
    from bayes_cx.models.mbg_nbd import MBG_NBD as MBG_NBD
    from bayes_cx.models.pareto_ggg import PARETO_GGG as PARETO_GGG
    from bayes_cx.models.pareto_nbd import PARETO_NBD as PARETO_NBD
    from bayes_cx.models.sbg import SBG as SBG
    from bayes_cx.models.semi_markov import SEMI_MARKOV as SEMI_MARKOV
    from bayes_cx.models.trial import TRIAL as TRIAL
    from bayes_cx.models.uplift import UPLIFT as UPLIFT

    MODELS: dict[str, Model]

# What is no model of single customers, and fitted in its own way: the record and its module.
_OTHERS = {"HAZARD": "hazard", "SEMI_MARKOV": "semi_markov", "TRIAL": "trial", "UPLIFT": "uplift"}

__all__ = ["MODELS", "find", *_OTHERS, *(entry.attribute for entry in catalogue.MODELS)]  # pyright: ignore[reportUnsupportedDunderAll]


def find(name: str) -> Model:
    """Return the model with this key or printed name; case, spaces and punctuation do not matter.

    Raises
    ------
    InputError
        If there is none.

    Examples
    --------
    >>> find("bg_nbd").name
    'BG/NBD'
    """
    entry = catalogue.find_model(name)
    return getattr(import_module(f"bayes_cx.models.{entry.module}"), entry.attribute)


def _again(key: str, changes: dict[str, Any]) -> Model:
    """Return the model of this key with some fields changed."""
    return replace(find(key), **changes) if changes else find(key)


def _reduce(model: Model) -> Any:
    """Pickle a model by its key, since formulas without a name cannot be pickled."""
    if all(entry.key != model.key for entry in catalogue.MODELS):
        return object.__reduce_ex__(model, 2)
    return _again, (model.key, differences(model, find(model.key)))


copyreg.pickle(Model, _reduce)


def __getattr__(name: str) -> Any:
    if name == "MODELS":
        return {entry.key: find(entry.key) for entry in catalogue.MODELS}
    if name in _OTHERS:
        return getattr(import_module(f"bayes_cx.models.{_OTHERS[name]}"), name)
    for entry in catalogue.MODELS:
        if name == entry.attribute:
            return find(entry.key)
    raise no_attribute("bayes_cx.models", name, __all__)


def __dir__() -> list[str]:
    return sorted(__all__)
