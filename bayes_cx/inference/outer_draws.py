"""Draws of the outer effects of a design with groups, in coordinates in which their density is standard."""

from dataclasses import dataclass, replace

import numpy as np

from bayes_cx.inference.laplace import rounded, times
from bayes_cx.inference.quadratic import draw_t, log_t

__all__ = ["OuterDraws"]


@dataclass(frozen=True)
class OuterDraws:
    """How outer effects are drawn: as z, which is standard normal where the log-likelihood is quadratic.

    Attributes
    ----------
    size, few : int
        Number of coordinates of z, and of the last ones among them, which have long tails.
    degrees : float
        Of freedom of these tails.
    mean, root : numpy.ndarray, shape (size,) and (size, size), or None
        Where the log-likelihood is not quadratic: mean of z, and lower triangular root of its scale matrix.
    """

    size: int
    few: int
    degrees: float
    mean: np.ndarray | None = None
    root: np.ndarray | None = None

    def moved(self, z: np.ndarray, weight: np.ndarray) -> "OuterDraws":
        """Return draws with the mean and covariance of weighed points, and long tails in all coordinates.

        Parameters
        ----------
        z : numpy.ndarray, shape (point, size)
        weight : numpy.ndarray, shape (point,)
            They sum to one.
        """
        mean = weight @ z
        off = z - mean
        mean, root = rounded(mean, np.linalg.cholesky((off * weight[:, None]).T @ off))
        return replace(self, few=self.size, mean=mean, root=root)

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return `n` points z, shape (n, size), and their log density, shape (n,)."""
        near = self.size - self.few
        z = rng.standard_normal((n, self.size))
        z[:, near:] = draw_t(n, self.few, self.degrees, rng)
        own = -0.5 * (z[:, :near] ** 2).sum(axis=1) - 0.5 * near * np.log(2 * np.pi)
        own += log_t((z[:, near:] ** 2).sum(axis=1), self.few, self.degrees)
        if self.mean is None or self.root is None:
            return z, own
        return self.mean + times(z, self.root), own - np.log(np.diagonal(self.root)).sum()
