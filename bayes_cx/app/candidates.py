"""Which models the data allow. Keys stand here so that bad input is told before anything heavy is loaded."""

from typing import TYPE_CHECKING, NamedTuple

from bayes_cx.errors import InputError
from bayes_cx.kinds import kind_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["AUTO", "CANDIDATES", "OPPORTUNITIES", "REGULAR", "Chosen", "chosen", "family"]

AUTO = "auto"
# By what was counted; the first is the default, and earlier ones are simpler.
CANDIDATES = {
    "purchases": ("bg_nbd", "mbg_nbd", "pareto_nbd", "bg_cnbd", "mbg_cnbd"),
    "opportunities": ("bg_bb",),
    "contracts": ("sbg", "bdw"),
}
OPPORTUNITIES = CANDIDATES["opportunities"]
# These read the column `regularity`; so does a choice among all.
REGULAR = ("bg_cnbd", "mbg_cnbd", AUTO)
_TOLD = {
    "purchases": "purchases in time",
    "opportunities": "opportunities taken or not",
    "contracts": "contracts renewed or not",
}


class Chosen(NamedTuple):
    """What was counted, and the models that may describe it: one, or those to choose from."""

    family: str
    models: tuple[str, ...]


def family(stats: "xr.Dataset") -> str:
    """Return what statistics count: ``"purchases"``, ``"opportunities"`` or ``"contracts"``."""
    return kind_of(stats).key


def chosen(model: str | None, stats: "xr.Dataset") -> Chosen:
    """Return the models for these statistics: the one that is named, the default, or all for ``"auto"``.

    Raises
    ------
    InputError
        If the model that is named is for other data.
    """
    kind = family(stats)
    known = CANDIDATES[kind]
    if model == AUTO:
        return Chosen(kind, tuple(key for key in known if key not in REGULAR or "regularity" in stats))
    if model is not None and model not in known:
        raise InputError(
            f"the model {model} for {_TOLD[kind]}", f"one of {', '.join(known)}", "choose one of these"
        )
    return Chosen(kind, (model or known[0],))
