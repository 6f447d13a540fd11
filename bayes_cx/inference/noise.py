"""What amounts differ by beyond what explains them: a standard deviation for each group of rows, learnt."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Noise"]

# A standard deviation is at least this part of that of all, so that a group in which all are alike still is
# not known exactly.
_FLOOR = 0.1
# The prior of a variance is worth so many observations.
_PRIOR = 1.0
# How often the guess is improved.
_ROUNDS = 20


@dataclass(frozen=True)
class Noise:
    """Standard deviations of groups of rows, counted from a guess as ``log sd = log guess + error * u``.

    Attributes
    ----------
    group : numpy.ndarray of int, shape (row,)
    n, total : numpy.ndarray, shape (group,)
        Observations, and their standard deviation with nothing explained.
    guess : numpy.ndarray, shape (group,)
        A standard deviation that is near.
    least : float
        Added in squares.
    """

    group: np.ndarray
    n: np.ndarray
    total: np.ndarray
    guess: np.ndarray
    least: float

    @classmethod
    def of(
        cls,
        x: np.ndarray,
        outcome: np.ndarray,
        weight: np.ndarray,
        group: np.ndarray,
        prior: np.ndarray,
    ) -> "tuple[Noise, float]":
        """Return it, and the standard deviation over all groups beyond what `x` explains.

        Parameters
        ----------
        x : numpy.ndarray, shape (row, coefficient)
        outcome, weight : numpy.ndarray, shape (row,)
        group : numpy.ndarray of int, shape (row,)
        prior : numpy.ndarray, shape (coefficient,)
            Standard deviations of coefficients around nothing, in standard deviations within groups.
        """
        n = np.bincount(group, weight)
        centre = np.bincount(group, weight * outcome) / n
        total = np.sqrt(np.bincount(group, weight * (outcome - centre[group]) ** 2) / n)
        pooled = float(np.sqrt(total**2 @ n / n.sum()))
        total = np.maximum(total, _FLOOR * pooled)
        middle = outcome - np.average(outcome, weights=weight)
        found = cls(group, n, total, total, _FLOOR * pooled)
        square, slope, bend = found.sums(x, middle, weight)
        own = np.diag((prior * pooled) ** -2.0)
        guess = total
        for _ in range(_ROUNDS):
            precise = np.linalg.inv(np.tensordot(guess**-2.0, bend, axes=1) + own)
            b = precise @ (guess**-2.0 @ slope)
            left = -2 * square - 2 * slope @ b + bend @ b @ b + np.einsum("gij,ij->g", bend, precise)
            guess = np.sqrt(np.maximum(left / n, (_FLOOR * guess) ** 2))
        unit = float(np.sqrt(guess**2 @ n / n.sum()))
        return cls(group, n, total, np.maximum(guess, 0.5 * _FLOOR * unit), _FLOOR * unit), unit

    def sums(
        self, x: np.ndarray, off: np.ndarray, weight: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return for each group height, slope and bend of the log-likelihood where `off` is unexplained.

        For a variance of one, and without the constant; shapes (group,), (group, coefficient) and
        (group, coefficient, coefficient).
        """
        height, slope, bend = [], [], []
        for each in range(self.n.size):
            mine = self.group == each
            own, left, many = x[mine], off[mine], weight[mine]
            height.append(-0.5 * many @ left**2)
            slope.append(own.T @ (many * left))
            bend.append((own * many[:, None]).T @ own)
        return np.array(height), np.array(slope), np.array(bend)

    def sd(self, u: np.ndarray) -> np.ndarray:
        """Return standard deviations, shape (point, group)."""
        return np.sqrt((self.guess * np.exp(u / np.sqrt(2 * self.n))) ** 2 + self.least**2)

    def precision(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return one through the variances, shape (point, group), and the logarithm of what normalises."""
        sd = self.sd(u)
        return sd**-2.0, -np.log(sd) @ self.n

    def log_prior(self, u: np.ndarray) -> np.ndarray:
        """Return the log prior density, shape (point,): a scaled inverse chi-squared around `total`."""
        log_sd = np.log(self.guess / self.total) + u / np.sqrt(2 * self.n)
        return -_PRIOR * (log_sd + 0.5 * np.exp(-2 * log_sd)).sum(axis=1)
