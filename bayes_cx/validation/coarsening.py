"""What a fit to coarsened statistics changes."""

import numpy as np
import xarray as xr

from bayes_cx.checks import Check
from bayes_cx.data import compress
from bayes_cx.errors import InputError
from bayes_cx.inference import Posterior
from bayes_cx.scoring import log_likelihoods

__all__ = ["coarsening_shift"]

# Of a standard deviation: an interval so displaced covers what it says to a tenth of a point.
LIMIT = 0.1


def coarsening_shift(posterior: Posterior, stats: xr.Dataset, *, draws: int = 400) -> Check:
    r"""Check how far a fit to coarsened statistics lies from one to all their rows, without fitting again.

    With :math:`d` the log-likelihood of all rows less that of the coarsened ones, both at the same draws, the
    posterior mean of a parameter :math:`\theta` would move by :math:`\mathrm{cov}(\theta, d)` to first order.
    The value is the largest such move of a parameter, in its standard deviations.

    Parameters
    ----------
    posterior : Posterior
        Fitted to what `bayes_cx.coarsen` returned.
    stats : xarray.Dataset
        What was coarsened.
    draws : int
        At most so many draws are used; there are draws x different rows likelihoods to evaluate.

    Returns
    -------
    Check
        Passed below .1 standard deviations.

    Raises
    ------
    InputError
        If the statistics are of another number of customers than the fit, or in another unit.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> coarse = bcx.coarsen(stats, "1 week")
    >>> posterior = bcx.fit(bcx.models.BG_NBD, coarse, seed=1, progress=False)
    >>> bcx.validation.coarsening_shift(posterior, stats).status
    'passed'
    """
    on = tuple(dict.fromkeys((*posterior.model.statistics, *posterior.layout.design.read)))
    table, made = compress(stats, on), posterior.provenance
    if (n := int(table["weight"].sum())) != made.n_customers or stats.attrs.get("unit") != made.data.unit:
        raise InputError(
            f"statistics of {n:,} customers by the {stats.attrs.get('unit')}",
            f"the {made.n_customers:,} customers of the fit by the {made.data.unit}",
            "pass what was coarsened for the fit",
        )
    difference = _total(posterior, table, draws) - _total(posterior, posterior.observed(), draws)
    d = difference - difference.mean()
    moves = []
    for values in posterior.parameters(draws).values():
        theta = values.reshape(d.size, -1)
        theta, sd = theta - theta.mean(axis=0), theta.std(axis=0)
        moves.append(np.max(np.abs(d @ theta / d.size)[sd > 0] / sd[sd > 0], initial=0.0))
    value = float(max(moves))
    return Check(
        "shift by coarsening, in standard deviations",
        value,
        f"< {LIMIT}",
        "passed" if value < LIMIT else "failed",
        f"{posterior.observed().sizes['row']:,} rows instead of {table.sizes['row']:,}",
        posterior.model.name,
    )


def _total(posterior: Posterior, table: xr.Dataset, draws: int) -> np.ndarray:
    """Return the log-likelihood of all customers of a table, shape (draw,)."""
    weight = table["weight"].to_numpy()
    return sum(
        (block @ weight[some] for some, block in log_likelihoods(posterior, table, thin_to=draws)),
        np.zeros(()),
    )
