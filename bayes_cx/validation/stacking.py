"""Weights of models whose predictions are averaged."""

import numpy as np
from scipy.optimize import minimize

__all__ = ["stacking"]

# A weight so small is none.
_NOTHING = 1e-6


def stacking(elpd: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weights w of the mixture of models that predicts best [yao2018stacking]_.

    They maximise the mean over customers of log sum_m w_m exp(elpd_m), which is concave, on w >= 0 with
    sum w = 1. A model that adds nothing to the others gets no weight, however well it predicts alone.

    Parameters
    ----------
    elpd : numpy.ndarray, shape (model, row)
        Log predictive density of a customer of each row, given all others.
    weight : numpy.ndarray, shape (row,)
        Number of customers.

    Returns
    -------
    numpy.ndarray, shape (model,)

    Examples
    --------
    >>> stacking(np.log([[0.9, 0.1], [0.1, 0.9]]), np.array([1, 1])).round(3)
    array([0.5, 0.5])
    """
    density = np.exp(elpd - elpd.max(axis=0))
    share = weight / weight.sum()
    n = elpd.shape[0]

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        mixed = w @ density
        return -float(share @ np.log(mixed)), -(density @ (share / mixed))

    found = minimize(
        loss,
        np.full(n, 1.0 / n),
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * n,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": np.ones_like},
        options={"ftol": 1e-12, "maxiter": 1000},
    )
    # Below that a search ends anywhere, on one machine at zero and on another beside it.
    w = np.where(found.x < _NOTHING, 0.0, found.x)
    return w / w.sum()
