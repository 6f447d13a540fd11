"""The log-likelihood of every customer, draw by draw."""

import numpy as np
import xarray as xr

from bayes_cx.inference.posterior import Posterior, thinned
from bayes_cx.scoring.compiled import evaluate

__all__ = ["add_log_likelihood", "total_log_likelihood"]

# Draws x rows held at once: 80 MB.
_CELLS = 10_000_000


def add_log_likelihood(posterior: Posterior, *, thin_to: int | None = None) -> Posterior:
    """Return the posterior with the log-likelihood of every customer, for `arviz.loo` and its kin.

    Rows that stand for several customers are repeated, so every customer counts once.

    Parameters
    ----------
    posterior : Posterior
    thin_to : int, optional
        Use at most this many draws; the memory needed is draws x customers x 8 bytes.

    Returns
    -------
    Posterior
        With the group ``log_likelihood``, variable ``customers`` (chain, draw, customer). With `thin_to` the
        draws of all groups are thinned alike and dealt to one chain.
    """
    weight = posterior.observed()["weight"].to_numpy()
    values = np.repeat(_by_row(posterior, slice(None), thin_to), weight, axis=1)
    if values.shape[0] < posterior.n_draws:
        posterior = _thinned(posterior, thin_to)
    chains = posterior.draws["posterior"].sizes["chain"]
    by_chain = values.reshape(chains, -1, values.shape[1])
    group = xr.Dataset({"customers": (("chain", "draw", "customer"), by_chain)})
    return posterior.with_group("log_likelihood", group)


def total_log_likelihood(posterior: Posterior) -> np.ndarray:
    """Return the log-likelihood of all customers together at each draw, shape (sample,)."""
    weight = posterior.observed()["weight"].to_numpy()
    total = np.zeros(posterior.n_draws)
    for start in range(0, weight.size, step := max(1, _CELLS // posterior.n_draws)):
        some = slice(start, start + step)
        total += _by_row(posterior, some, None) @ weight[some]
    return total


def _by_row(posterior: Posterior, some: slice, thin_to: int | None) -> np.ndarray:
    """Return the log-likelihood of one customer of each compressed row, shape (sample, row)."""
    table = posterior.observed()
    parameters, pattern = posterior.parameters(thin_to), np.zeros(0, int)
    if not posterior.layout.design.is_constant:
        parameters, pattern = posterior.parameters_of(table, thin_to)
    rows = {name: table[name].to_numpy()[some].astype(float) for name in posterior.model.statistics}
    if pattern.size:
        rows["pattern"] = pattern[some]
    return evaluate(posterior.model.log_lik, rows, parameters)


def _thinned(posterior: Posterior, thin_to: int | None) -> Posterior:
    keep = thinned(posterior.n_draws, thin_to)
    for name in ("posterior", "sample_stats"):
        group = posterior.draws[name].to_dataset().stack(sample=("chain", "draw"))
        group = group.isel(sample=keep).drop_vars(["sample", "chain", "draw"])
        group = group.rename(sample="draw").expand_dims("chain").transpose("chain", "draw", ...)
        posterior = posterior.with_group(name, group)
    return posterior
