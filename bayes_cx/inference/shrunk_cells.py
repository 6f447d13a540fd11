r"""Cells that are alike unless the data say otherwise: segments of a trial, or combinations of factors.

With estimates y of the cells and their variances :math:`v`,

.. math:: y = X \beta + u + e, \quad u \sim \text{Normal}(0, \tau^2), \quad e \sim \text{Normal}(0, v),

:math:`\beta` flat and :math:`\tau` either zero, with probability 1/2, or half-normal. Given :math:`\tau`
all is normal, and :math:`\tau` is one number, so draws are exact up to a grid; no chain is run.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

__all__ = ["ShrunkCells", "shrunk_cells"]

_GRID = 200


@dataclass(frozen=True)
class ShrunkCells:
    """Draws of cells that borrow from each other.

    Attributes
    ----------
    cells : numpy.ndarray, shape (draw, cell)
        What is expected in each cell.
    beta : numpy.ndarray, shape (draw, column)
    tau : numpy.ndarray, shape (draw,)
        Standard deviation between cells beyond the columns; 0 where they do not differ.
    p_differ : float
        Posterior probability that they do.
    """

    cells: np.ndarray
    beta: np.ndarray
    tau: np.ndarray
    p_differ: float


def shrunk_cells(
    y: np.ndarray, v: np.ndarray, X: np.ndarray, scale: float, draws: int, rng: np.random.Generator
) -> ShrunkCells:
    """Return draws of the cells.

    Parameters
    ----------
    y, v : numpy.ndarray, shape (cell,)
        Estimates and their variances, above 0.
    X : numpy.ndarray, shape (cell, column)
        What is estimated without shrinkage.
    scale : float
        Of the half-normal prior of tau, above 0.
    draws : int
    rng : numpy.random.Generator

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> y, v = np.array([0.9, 1.1, 1.0, 1.0]), np.full(4, 0.04)
    >>> found = shrunk_cells(y, v, np.ones((4, 1)), 1.0, 1000, rng)
    >>> found.p_differ < 0.25, bool(abs(found.cells.mean() - 1) < 0.02)
    (True, True)
    """
    # Steps that grow with tau: a likelihood near zero is narrow.
    edges = 4.0 * scale * np.linspace(0.0, 1.0, _GRID + 1) ** 2
    tau = np.r_[0.0, (edges[1:] + edges[:-1]) / 2]
    prior = np.exp(-((tau[1:] / scale) ** 2) / 2) * np.diff(edges)
    log_prior = np.log(np.r_[0.5, 0.5 * prior / prior.sum()])
    log_lik, mean, root = np.empty(tau.size), [], []
    for i, each in enumerate(tau):
        w = 1.0 / (v + each**2)
        precision = (X.T * w) @ X
        chol = np.linalg.cholesky(precision)
        b = np.linalg.solve(precision, X.T @ (w * y))
        rest = y - X @ b
        log_lik[i] = 0.5 * np.log(w).sum() - np.log(np.diag(chol)).sum() - 0.5 * (w * rest**2).sum()
        mean.append(b)
        root.append(np.linalg.inv(chol).T)
    weight = log_lik + log_prior
    weight = np.exp(weight - logsumexp(weight))
    chosen = rng.choice(tau.size, draws, p=weight / weight.sum())
    z = rng.standard_normal((draws, X.shape[1]))
    beta = np.array(mean)[chosen] + np.einsum("dij,dj->di", np.array(root)[chosen], z)
    fixed, t = beta @ X.T, tau[chosen]
    share = t[:, None] ** 2 / (t[:, None] ** 2 + v)
    u = share * (y - fixed) + np.sqrt(share * v) * rng.standard_normal((draws, y.size))
    return ShrunkCells(fixed + u, beta, t, float(weight[1:].sum()))
