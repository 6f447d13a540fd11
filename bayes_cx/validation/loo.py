"""How well each customer is predicted by all the others, without fitting again."""

import math
from typing import NamedTuple

import numpy as np
import xarray as xr
from arviz_stats.base.array import array_stats

from bayes_cx.data import unique_rows
from bayes_cx.inference import Posterior
from bayes_cx.inference.psis import smooth_weights
from bayes_cx.model import arguments
from bayes_cx.scoring import log_likelihoods

__all__ = ["Loo", "khat_limit", "leave_one_out"]

# A log-likelihood that differs by less between draws is taken as constant.
_CONSTANT = 1e-9
# Rows at once: their draws fit a cache.
_TOGETHER = 8


class Loo(NamedTuple):
    """Leave-one-out prediction of one customer of each row.

    Attributes
    ----------
    elpd : numpy.ndarray, shape (row,)
        Log predictive density of the customer given all others.
    p : numpy.ndarray, shape (row,)
        How much better the customer is predicted when it is not left out: its part of the effective number of
        parameters.
    khat : numpy.ndarray, shape (row,)
        Pareto k of the importance weights; NaN where none could be found.
    """

    elpd: np.ndarray
    p: np.ndarray
    khat: np.ndarray


def khat_limit(n_draws: int) -> float:
    """Return the k-hat up to which `n_draws` draws suffice, min(1 - 1/log10 S, 0.7) [vehtari2024pareto]_.

    Examples
    --------
    >>> khat_limit(4000), round(khat_limit(1000), 2)
    (0.7, 0.67)
    """
    return min(1.0 - 1.0 / math.log10(n_draws), 0.7)


def leave_one_out(posterior: Posterior, table: xr.Dataset, *, of_all: bool = False) -> Loo:
    """Predict every customer from all others by Pareto-smoothed importance sampling [vehtari2017practical]_.

    Leaving one customer out divides the posterior by the likelihood of that customer, so its draws are
    weighed by 1 / L; the largest weights are smoothed. Rows that are alike for the model are computed once.

    Parameters
    ----------
    posterior : Posterior
    table : xarray.Dataset
        Over ``row``, in the unit of the fit: the columns of the model and of the design.
    of_all : bool
        Whether to predict all that statistics can say of a customer, also what the model does not read; see
        `Model.log_lik_of_all`.

    Returns
    -------
    Loo
    """
    model = posterior.model
    whole = model.log_lik_of_all if of_all else None
    also = () if whole is None else (name for name in arguments(whole) if name not in model.params)
    on = (*model.statistics, *posterior.layout.design.read, *also)
    columns, inverse = unique_rows(table, tuple(dict.fromkeys(on)))
    rows = xr.Dataset({name: ("row", values) for name, values in columns.items()})
    relative_ess = _relative_ess(posterior)
    elpd, p, khat = (np.empty(rows.sizes["row"]) for _ in Loo._fields)
    more = None if whole is None else log_likelihoods(posterior, rows, formula=whole)
    for some, block in log_likelihoods(posterior, rows):
        predicted = block if more is None else next(more)[1]
        elpd[some], p[some], khat[some] = _smoothed(block.T, predicted.T, relative_ess)
    return Loo(elpd[inverse], p[inverse], khat[inverse])


def _smoothed(log_lik: np.ndarray, predicted: np.ndarray, relative_ess: float) -> Loo:
    """Return the predictions of some rows from their log-likelihood, shape (row, sample).

    `predicted` is the log density of what is predicted, which may be more than the fit has read.
    """
    elpd = predicted.mean(axis=1)
    p, khat = np.zeros_like(elpd), np.zeros_like(elpd)
    # Customers who came just now have the same likelihood in every draw, so there are no weights to smooth.
    varying = np.flatnonzero(np.ptp(log_lik, axis=1) > _CONSTANT)
    for start in range(0, varying.size, _TOGETHER):
        some = varying[start : start + _TOGETHER]
        each = predicted[some]
        top = each.max(axis=1)
        density = np.exp(each - top[:, None])
        log_weight, found = smooth_weights(-log_lik[some], relative_ess=relative_ess)
        khat[some] = np.where(np.isfinite(found), found, np.nan)
        elpd[some] = top + np.log((np.exp(log_weight) * density).sum(axis=1))
        p[some] = top + np.log(density.mean(axis=1)) - elpd[some]
    return Loo(elpd, p, khat)


def _relative_ess(posterior: Posterior) -> float:
    """Return the effective share of the draws, on average over the parameters."""
    chains = posterior.draws["posterior"].sizes["chain"]
    letters = [values.reshape(chains, -1) for values in posterior.parameters().values()]
    varying = np.array([values for values in letters if np.ptp(values) > 0])
    return float(np.mean(array_stats.ess(varying, method="mean", relative=True))) if varying.size else 1.0
