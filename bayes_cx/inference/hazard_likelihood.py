r"""The likelihood of periods at risk: its height, slope and curvature in the effects.

With :math:`\Lambda_c = \Delta \lambda_c`, :math:`\Lambda = \sum_c \Lambda_c`, :math:`n_c` events of each
cause among equal rows and :math:`n_0` periods without any, a row adds

.. math::
    \sum_c n_c \log \Lambda_c + \phi(\Lambda), \quad
    \phi(\Lambda) = n \left[\log(1 - e^{-\Lambda}) - \log \Lambda\right] - n_0 \Lambda, \quad n = \sum_c n_c.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["PeriodCounts", "log_share"]

# Rows x draws at once.
_CELLS = 500_000
# Rows x draws beyond which most of the work is done in single precision.
_LONG = 20_000_000
# Variances of the logarithm of a rate beyond this count as this, so that nothing overflows.
_WIDEST = 20.0
# Below this the series is exact to the last digit, and the formula is not.
_SMALL = 1e-2


def log_share(x: np.ndarray) -> np.ndarray:
    """Return log((1 - exp(-x)) / x) for x > 0."""
    small = x < _SMALL
    safe = np.where(small, 1.0, x)
    series = -x / 2 + x**2 / 24 - x**4 / 2880
    return np.where(small, series, np.log(-np.expm1(-safe)) - np.log(safe))


def _slope(x: np.ndarray) -> np.ndarray:
    """Return the derivative of `log_share`."""
    small = x < _SMALL
    safe = np.clip(np.where(small, 1.0, x), None, 700.0)
    return np.where(small, -0.5 + x / 12 - x**3 / 720, 1 / np.expm1(safe) - 1 / np.where(small, 1.0, x))


def _bend(x: np.ndarray) -> np.ndarray:
    """Return the second derivative of `log_share`."""
    small = x < _SMALL
    safe = np.where(small, 1.0, x)
    half = np.clip(safe / 2, None, 350.0)
    return np.where(small, 1 / 12 - x**2 / 240, 1 / safe**2 - 1 / (4 * np.sinh(half) ** 2))


@dataclass(frozen=True)
class PeriodCounts:
    """Periods at risk as counts.

    Attributes
    ----------
    X : numpy.ndarray, shape (row, column)
        What was known, with a column of ones first.
    log_length : numpy.ndarray, shape (row,)
        Logarithm of the length of each period.
    happened : numpy.ndarray, shape (row, cause)
        Number of events.
    none : numpy.ndarray, shape (row,)
        Number of periods without one.
    """

    X: np.ndarray
    log_length: np.ndarray
    happened: np.ndarray
    none: np.ndarray

    @property
    def causes(self) -> int:
        """Number of causes."""
        return self.happened.shape[1]

    def _expected(self, beta: np.ndarray) -> np.ndarray:
        """Return the expected events of each cause, shape (row, cause), for beta of (cause, column)."""
        return np.exp(np.minimum(self.X @ beta.T + self.log_length[:, None], 300.0))

    def height(self, beta: np.ndarray) -> float:
        """Return the log-likelihood at effects of shape (cause, column)."""
        each = self._expected(beta)
        total = each.sum(axis=1)
        n = self.happened.sum(axis=1)
        some = n > 0
        found = (self.happened[some] * np.log(each[some])).sum() + (n[some] * log_share(total[some])).sum()
        return float(found - self.none @ total)

    def quadratic(self, beta: np.ndarray, spread: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the slope, shape (cause, column), and the negative curvature, over both twice.

        With `spread`, the covariances of normal effects around `beta`, of shape (cause, column, column), both
        are means over these effects: the mean of a rate is ``exp(x'beta + x' spread x / 2)``. That is exact
        but for periods with events, in which it is so to the first order of their chance.
        """
        each = self._expected(beta)
        if spread is not None:
            for c, own in enumerate(spread):
                variance = np.einsum("rj,rj->r", self.X @ own, self.X)
                each[:, c] *= np.exp(0.5 * np.minimum(variance, _WIDEST))
        total, n = each.sum(axis=1), self.happened.sum(axis=1)
        first, second = np.zeros(total.size), np.zeros(total.size)
        some = n > 0
        first[some], second[some] = n[some] * _slope(total[some]), n[some] * _bend(total[some])
        first -= self.none
        slope = (self.happened + first[:, None] * each).T @ self.X
        causes, columns = beta.shape
        curve = np.empty((causes, columns, causes, columns))
        for c in range(causes):
            for d in range(c, causes):
                weight = -second * each[:, c] * each[:, d] - (first * each[:, c] if c == d else 0.0)
                block = self.X.T @ (self.X * weight[:, None])
                curve[c, :, d], curve[d, :, c] = block, block.T
        return slope, curve

    def heights(self, beta: np.ndarray) -> np.ndarray:
        """Return the log-likelihood of many draws, beta of shape (draw, cause, column)."""
        draws, causes, columns = beta.shape
        total = np.zeros(draws)
        flat = np.ascontiguousarray(beta.reshape(draws * causes, columns).T)
        n = self.happened.sum(axis=1)
        step = max(1, _CELLS // (draws * causes))
        rows = np.flatnonzero(n > 0)
        for start in range(0, rows.size, step):
            some = rows[start : start + step]
            log_each = (self.X[some] @ flat).reshape(some.size, draws, causes)
            log_each += self.log_length[some, None, None]
            each = np.exp(np.minimum(log_each, 300.0)).sum(axis=2)
            total -= self.none[some] @ each
            total += np.einsum("rc,rdc->d", self.happened[some], log_each)
            total += n[some] @ log_share(each)
        # Of rows without an event, which are nearly all, only the sum of rates matters. Where that takes
        # long, the difference of draws from their mean is in single precision: rates err by 1e-7 of them.
        rows = np.flatnonzero(n == 0)
        digits = np.float32 if rows.size * draws > _LONG else np.float64
        middle = flat.reshape(columns, draws, causes).mean(axis=1)
        off = (flat - np.tile(middle, draws)).astype(digits)
        for start in range(0, rows.size, step):
            some = rows[start : start + step]
            x = self.X[some]
            rates = x.astype(digits) @ off
            np.exp(np.minimum(rates, 80.0, out=rates), out=rates)
            usual = np.exp(np.minimum(x @ middle + self.log_length[some, None], 300.0))
            weight = (self.none[some, None] * usual).astype(digits)
            for c in range(causes):
                total -= (weight[:, c] @ rates[:, c::causes]).astype(float)
        return total

    def by_row(self, beta: np.ndarray) -> np.ndarray:
        """Return the log-likelihood of every row and draw, shape (draw, row)."""
        log_each = np.einsum("rj,dcj->drc", self.X, beta) + self.log_length[:, None]
        total = np.exp(log_each).sum(axis=2)
        n = self.happened.sum(axis=1)
        return (self.happened * log_each).sum(axis=2) + n * log_share(total) - self.none * total
