"""What a tree of draws must hold to be a posterior: checked when a file is read, as anybody may edit one."""

from collections.abc import Iterable

import numpy as np
import xarray as xr

from bayes_cx.errors import InputError
from bayes_cx.inference import contacted
from bayes_cx.inference.dated import COLUMN, EFFECTS
from bayes_cx.inference.design import Design
from bayes_cx.inference.predictor import variables
from bayes_cx.inference.process import priors_of, remembered
from bayes_cx.inference.provenance import Provenance
from bayes_cx.model import Model

__all__ = ["check_tree"]

_SAMPLE = ("chain", "draw")


def check_tree(tree: xr.DataTree, model: Model, made: Provenance) -> None:
    """Refuse a tree that is not a posterior of this model and provenance.

    Raises
    ------
    InputError
        If draws of a parameter or a column of the data are missing, have other dimensions, or hold what
        cannot be; or if the data are of another kind than the model's.
    """
    kinds = (model.kind.key, *model.kind.tables)
    if made.data.kind and made.data.kind not in kinds:
        raise _wrong(f"data of the kind {made.data.kind!r}, for {model.name}", " or ".join(kinds))
    if unknown := sorted(set(model.priors) - set(made.priors)):
        raise _wrong(f"provenance without a prior of {', '.join(unknown)}", f"the priors of {model.name}")
    layout = made.layout
    design = layout.design
    names = [*model.params, *model.choices]
    if not design.is_constant:
        names += [name for name in variables(layout, model) if name not in names]
    draws = _group(tree, "posterior", names)
    for name in names:
        _check_draws(draws[name], name, model, design.is_constant)
    for name in model.priors:
        for pool in layout.pools(name):
            if draws[pool.offset].sizes.get(pool.dim) != len(pool.groups):
                raise _wrong(f"draws of {pool.offset} for other groups", f"one for each of {pool.groups}")
    if design.calendar:
        _check_calendar(tree, design)
    if design.contacts:
        _check_contacts(tree, design)
    columns = (*model.statistics, *design.read)
    observed, constant = _group(tree, "observed_data", columns), _group(tree, "constant_data", ["weight"])
    for table, column in (*((observed, name) for name in columns), (constant, "weight")):
        values = table[column]
        if values.dims != ("row",):
            raise _wrong(_over(values, column), "a column over row")
        # Money is missing for customers who bought once.
        if column in (*model.statistics, "weight") and values.dtype.kind not in "iuf":
            raise _wrong(f"{column} that is not a number", "numbers")
    if observed.sizes["row"] != constant.sizes["row"] or not (constant["weight"] > 0).all():
        raise _wrong("weights that do not fit the data", "a weight above 0 for each row")


def _check_calendar(tree: xr.DataTree, design: Design) -> None:
    """Refuse draws without the factor of each week, or what its future is drawn from."""
    weeks = _group(tree, "posterior", ["week"]).sizes.get("week", 0)
    scales = priors_of(season=design.season, weeks=weeks)
    dims = remembered(season=design.season, weeks=weeks)
    dims |= {} if design.by_date is None else {EFFECTS: (COLUMN,)}
    draws = _group(tree, "posterior", (*dims, *(dim for own in dims.values() for dim in own)))
    for name, own in dims.items():
        values = draws[name]
        if {*values.dims} != {*_SAMPLE, *own} or not values.size or not _is_finite(values):
            raise _wrong(_over(values, name), f"finite numbers over {', '.join((*_SAMPLE, *own))}")
        if name in scales and not (values > 0).all():
            raise _wrong(f"draws of {name} of zero or less", "positive numbers")
    if design.by_date is not None and [*map(str, draws[COLUMN].to_numpy())] != [*design.by_date.columns]:
        raise _wrong("effects of other columns by date", f"those of {', '.join(design.by_date.columns)}")
    if draws["week"].dtype.kind != "M" or np.any(np.diff(draws["week"].to_numpy()) != np.timedelta64(7, "D")):
        raise _wrong("weeks that do not follow each other", "the Monday of each week")


def _check_contacts(tree: xr.DataTree, design: Design) -> None:
    """Refuse draws without the effects of the design's contacts."""
    draws = _group(tree, "posterior", (contacted.EFFECTS, contacted.CONTACT))
    values = draws[contacted.EFFECTS]
    if {*values.dims} != {*_SAMPLE, contacted.CONTACT} or not values.size or not _is_finite(values):
        raise _wrong(_over(values, contacted.EFFECTS), f"finite numbers over {contacted.CONTACT} and draws")
    if [*map(str, draws[contacted.CONTACT].to_numpy())] != [*design.contacts]:
        raise _wrong("effects of other contacts", f"those of {', '.join(design.contacts)}")


def _group(tree: xr.DataTree, group: str, names: Iterable[str]) -> xr.Dataset:
    names = tuple(names)
    if missing := [name for name in names if group not in tree or name not in tree[group]]:
        raise _wrong(f"a group {group} without {', '.join(missing)}", f"all of {', '.join(names)}")
    return tree[group].to_dataset()


def _check_draws(values: xr.DataArray, name: str, model: Model, constant: bool) -> None:
    missing = [dim for dim in _SAMPLE if dim not in values.dims]
    if missing or not values.size:
        raise _wrong(_over(values, name), "draws over chain and draw")
    if not _is_finite(values):
        raise _wrong(f"draws of {name} that are not finite numbers", "finite numbers")
    if name not in model.params:
        return
    param = model.params[name]
    if constant and {*values.dims} != {*_SAMPLE, *param.dims}:
        raise _wrong(_over(values, name), ", ".join((*_SAMPLE, *param.dims)))
    low, high = {"log": (0, np.inf), "logit": (0, 1)}.get(param.link, (-np.inf, np.inf))
    if not ((values >= low) & (values <= high)).all():
        raise _wrong(f"draws of {name} beyond {low} to {high:g}", "values that it can have")


def _is_finite(values: xr.DataArray) -> bool:
    return values.dtype.kind in "iuf" and bool(np.isfinite(values).all())


def _over(values: xr.DataArray, name: str) -> str:
    sizes = ", ".join(f"{dim} ({size})" for dim, size in values.sizes.items())
    return f"{name} over {sizes or 'no dimension'}"


def _wrong(came: str, expected: str) -> InputError:
    return InputError(came, expected, "fit and save it again")
