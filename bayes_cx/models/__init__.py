"""The models, one file each: a page of mathematics with a manifest at the bottom."""

from bayes_cx.errors import InputError
from bayes_cx.model import Model
from bayes_cx.models.bdw import BDW
from bayes_cx.models.bg_bb import BG_BB
from bayes_cx.models.bg_nbd import BG_NBD
from bayes_cx.models.cnbd import BG_CNBD, MBG_CNBD
from bayes_cx.models.gamma_gamma import GAMMA_GAMMA
from bayes_cx.models.mbg_nbd import MBG_NBD
from bayes_cx.models.pareto_nbd import PARETO_NBD
from bayes_cx.models.sbg import SBG

__all__ = [
    "BDW",
    "BG_BB",
    "BG_CNBD",
    "BG_NBD",
    "GAMMA_GAMMA",
    "MBG_CNBD",
    "MBG_NBD",
    "MODELS",
    "PARETO_NBD",
    "SBG",
    "find",
]

MODELS: dict[str, Model] = {
    model.key: model
    for model in (BG_NBD, MBG_NBD, PARETO_NBD, BG_CNBD, MBG_CNBD, BG_BB, SBG, BDW, GAMMA_GAMMA)
}


def find(key: str) -> Model:
    """Return the model with this key.

    Raises
    ------
    InputError
        If there is none.

    Examples
    --------
    >>> find("bg_nbd").name
    'BG/NBD'
    """
    if key not in MODELS:
        raise InputError(f"model {key!r}", f"one of {', '.join(MODELS)}", "choose one of these")
    return MODELS[key]
