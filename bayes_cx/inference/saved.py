"""Posteriors in files: written whole or not at all, and read with every part checked."""

import json
import os
from pathlib import Path
from typing import Any

import xarray as xr

from bayes_cx import checks as _checks
from bayes_cx import models
from bayes_cx.errors import InputError
from bayes_cx.inference.hazards import RiskPosterior
from bayes_cx.inference.journeys import JourneyPosterior
from bayes_cx.inference.posterior import Posterior
from bayes_cx.inference.provenance import Provenance
from bayes_cx.inference.tree import check_tree
from bayes_cx.inference.trial_fit import TrialPosterior
from bayes_cx.inference.uplift_fit import UpliftPosterior
from bayes_cx.models.hazard import HAZARD
from bayes_cx.models.semi_markov import SEMI_MARKOV
from bayes_cx.models.trial import TRIAL
from bayes_cx.models.uplift import UPLIFT

__all__ = ["load", "save"]


def save(posterior: Posterior, path: str | Path) -> None:
    """Write a posterior to one netCDF file; `load` reads it."""
    posterior.save(path)


def load(path: str | Path) -> Any:
    """Read a posterior that its method `save` wrote.

    Returns
    -------
    Posterior, JourneyPosterior, RiskPosterior, TrialPosterior or UpliftPosterior

    Raises
    ------
    InputError
        If there is no file, or it is not a posterior that this version wrote.
    """
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"a {type(path).__name__} for a file", "the path of one", "pass its name")
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no file {path}", "a posterior saved by Posterior.save", "check the path")
    try:
        with xr.open_datatree(path, engine="h5netcdf") as opened:
            tree = opened.load()
        said = json.loads(tree.attrs["provenance"])
        if isinstance(said, dict) and said.get("model") == SEMI_MARKOV.key:
            return JourneyPosterior.of_tree(tree)
        if isinstance(said, dict) and said.get("model") == HAZARD.key:
            return RiskPosterior.of_tree(tree)
        if isinstance(said, dict) and said.get("model") == UPLIFT.key:
            return UpliftPosterior.of_tree(tree)
        if isinstance(said, dict) and said.get("model") == TRIAL.key:
            return TrialPosterior.of_tree(tree)
        made, _ = Provenance.from_json(tree.attrs["provenance"]), _checks.from_json(tree.attrs["checks"])
        model = models.find(made.model)
        posterior = Posterior(model.with_priors(**made.own_priors) if made.own_priors else model, tree)
        check_tree(tree, posterior.model, made)
    # What the readers of foreign files raise.
    except (AttributeError, IndexError, KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        why = error.came if isinstance(error, InputError) else error
        raise InputError(
            f"{path} cannot be read as a posterior ({why})",
            "a netCDF file saved by Posterior.save of this version",
            "fit and save it again",
        ) from error
    return posterior
