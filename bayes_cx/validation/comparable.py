"""Which posteriors may be compared: those whose probabilities or densities are of the same data."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from bayes_cx.clock import Clock
from bayes_cx.data import Split, compress, provenance_of
from bayes_cx.errors import InputError
from bayes_cx.inference import Posterior
from bayes_cx.inference.posterior import check_posterior
from bayes_cx.scoring.scorer import in_unit

__all__ = ["columns_of", "finest", "refuse", "refuse_seen", "same_customers"]

# Fewer draws have too short a tail to smooth.
_LEAST_DRAWS = 100


def refuse(posteriors: Mapping[str, Posterior]) -> None:
    """Refuse posteriors without leave-one-out predictions, or whose predictions cannot be compared.

    Raises
    ------
    InputError
        For posteriors without names, fewer than two, a point estimate or a prior, and models of different
        kinds or units.
    """
    if not isinstance(posteriors, Mapping):
        raise InputError(
            f"posteriors of type {type(posteriors).__name__}",
            "a dictionary of fits by name",
            "write for example bcx.compare({'BG/NBD': one, 'Pareto/NBD': other})",
        )
    if len(posteriors) < 2:
        raise InputError(f"{len(posteriors)} posterior", "two or more", "fit another model to the same data")
    for name, posterior in posteriors.items():
        if not isinstance(posterior, Posterior):
            raise InputError(
                f"a {type(posterior).__name__} called {name}", "fits of customers", "compare these alone"
            )
        method = posterior.provenance.method
        if posterior.n_draws < _LEAST_DRAWS or method == "prior":
            raise InputError(
                f"{posterior.n_draws} draws by {method} of {name}",
                f"{_LEAST_DRAWS} draws or more of a posterior",
                "fit with method='auto', Laplace or NUTS",
            )
    (one, first), *others = posteriors.items()
    for name, posterior in others:
        model, rival = first.model, posterior.model
        for what, a, b in (
            ("", f"a model of {model.kind.key}", f"a model of {rival.kind.key}"),
            ("time by the ", *(p.provenance.data.unit for p in (first, posterior))),
        ):
            if a != b:
                raise InputError(
                    f"{one}, {what}{a}, and {name}, {what}{b}",
                    "models whose probabilities or densities are of the same thing",
                    "compare models of one kind, fitted to the same statistics",
                )


def columns_of(posterior: Posterior) -> tuple[str, ...]:
    """Return the columns that a fit reads: those of its model and of its design."""
    return tuple(dict.fromkeys((*posterior.model.statistics, *posterior.layout.design.read)))


def finest(posteriors: Mapping[str, Posterior], stats: xr.Dataset | None) -> xr.Dataset:
    """Return the compressed statistics with the columns of all models.

    Raises
    ------
    InputError
        If no fit has all columns and there are no `stats`, or if a fit is of other customers.
    """
    needed = tuple(dict.fromkeys(name for posterior in posteriors.values() for name in columns_of(posterior)))
    richest = max(posteriors.values(), key=lambda posterior: len(columns_of(posterior)))
    if stats is not None:
        table = compress(in_unit(stats, richest), needed)
    elif missing := set(needed) - set(columns_of(richest)):
        raise InputError(
            f"fits of which none has all columns: the one with most lacks {', '.join(sorted(missing))}",
            "statistics with the columns of all fits",
            "pass them as stats=",
        )
    else:
        table = richest.observed()
    for name, posterior in posteriors.items():
        same_customers(name, posterior, table)
    return table


def same_customers(name: str, posterior: Posterior, table: xr.Dataset) -> None:
    """Refuse a posterior that was fitted to other customers than those of a compressed table.

    Raises
    ------
    InputError
        If any customer differs.
    """
    own = compress(posterior.observed(), columns_of(posterior))
    given = compress(table, columns_of(posterior))
    if own.sizes == given.sizes and all(_equal(own[c].to_numpy(), given[c].to_numpy()) for c in own):
        return
    provenance = posterior.provenance
    until = f" until {provenance.data.until}" if provenance.data.until else ""
    other = [column for column in columns_of(posterior) if not _alike(column, own, given)]
    n = int(table["weight"].sum())
    if provenance.n_customers != n:
        differs = f"not the {n:,} of the others"
    elif other:
        differs = f"who differ in {', '.join(other)} from those of the others"
    else:
        differs = "whose columns are combined otherwise than those of the others"
    raise InputError(
        f"{name}, fitted to {provenance.n_customers:,} customers{until}, {differs}",
        "fits to the same customers",
        "fit all models to the same statistics; for a hold-out, to split.calibration",
    )


def _alike(column: str, a: xr.Dataset, b: xr.Dataset) -> bool:
    """Return whether two compressed tables have the same values of a column, each equally often."""
    one, other = (compress(table, [column]) for table in (a, b))
    return one.sizes == other.sizes and all(_equal(one[c].to_numpy(), other[c].to_numpy()) for c in one)


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    if a.dtype.kind in "OUT" or b.dtype.kind in "OUT":
        return bool(np.all(a == b))
    return np.allclose(a, b, rtol=1e-9, atol=0.0, equal_nan=True)


def refuse_seen(posterior: Posterior, split: Split) -> None:
    """Refuse a posterior that was fitted to data of the hold-out period.

    Raises
    ------
    InputError
        If it was.
    """
    check_posterior(posterior)
    seen, cut = posterior.provenance.data.until, provenance_of(split.calibration).until
    hour = Clock("hour").step_of  # where a date alone means its last hour
    if seen and cut and hour(seen) > hour(cut):
        raise InputError(
            f"a {posterior.model.name} posterior fitted to data until {seen}",
            f"one fitted to the calibration period, which ends on {cut}",
            "fit to split.calibration",
        )
