"""The scales of what is normal given them: of the weeks that all customers share, and of groups."""

from dataclasses import dataclass

import numpy as np

from bayes_cx.inference.predictor import SPREAD
from bayes_cx.inference.process import Process

__all__ = ["Scales"]

# Vectors of scales whose covariances are held at once.
_TOGETHER = 32
_LOG_HALF_NORMAL = np.log(2 / (SPREAD * np.sqrt(2 * np.pi)))


@dataclass(frozen=True)
class Scales:
    """Logarithms of scales: those of the process, then the standard deviation of each grouping.

    The latter are half-normal in the prior, as in every design.

    Attributes
    ----------
    process : Process
    spreads : tuple of str
        Names of the standard deviations of groups.
    blocks : tuple of slice
        The places of the offsets of each grouping among all offsets.
    """

    process: Process
    spreads: tuple[str, ...] = ()
    blocks: tuple[slice, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of each element of a vector."""
        return (*self.process.priors, *self.spreads)

    @property
    def start(self) -> np.ndarray:
        """Where a search for the most probable begins, shape (scale,)."""
        return np.append(self.process.moments[0], np.full(len(self.spreads), np.log(SPREAD / 2)))

    @property
    def offsets(self) -> int:
        """Number of offsets of groups."""
        return self.blocks[-1].stop if self.blocks else 0

    def of_process(self, theta: np.ndarray) -> np.ndarray:
        """Return the part of vectors that the process has, shape (point, scale)."""
        return theta[:, : len(self.process.priors)]

    def sd(self, theta: np.ndarray) -> np.ndarray:
        """Return the standard deviation of each offset in its prior, shape (point, offset)."""
        sizes = [block.stop - block.start for block in self.blocks]
        return np.repeat(np.exp(theta[:, len(self.process.priors) :]), sizes, axis=1)

    def summed(self, by_offset: np.ndarray) -> np.ndarray:
        """Return sums over the groups of each grouping, shape (point, grouping), from (point, offset)."""
        sums = [by_offset[:, block].sum(axis=1) for block in self.blocks]
        return np.stack(sums, axis=1) if sums else np.empty((len(by_offset), 0))

    def log_prior(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the log prior density, shape (point,), and its slopes, shape (point, scale)."""
        height, slope = self.process.log_prior(self.of_process(theta))
        own = theta[:, slope.shape[1] :]
        square = np.exp(2 * own) / SPREAD**2
        height = height + (_LOG_HALF_NORMAL + own - 0.5 * square).sum(axis=1)
        return height, np.concatenate([slope, 1 - square], axis=1)

    def log_density(self, h: np.ndarray, theta: np.ndarray) -> np.ndarray:
        """Return the log density of h = (g by week, offsets) given scales, shape (point,)."""
        weeks, Z = self.process.weeks, self.process.columns
        z, sd = h[:, weeks:] / self.sd(theta), self.sd(theta)
        found = -0.5 * (z**2).sum(axis=1) - np.log(sd).sum(axis=1) - 0.5 * h.shape[1] * np.log(2 * np.pi)
        for start in range(0, len(h), _TOGETHER):
            some = slice(start, start + _TOGETHER)
            K = np.sum(self.process.parts(self.of_process(theta[some])), axis=0) + Z @ Z.T
            root = np.linalg.cholesky(K)
            white = np.linalg.solve(root, h[some, :weeks, None])[..., 0]
            size = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
            found[some] -= size + 0.5 * (white**2).sum(axis=1)
        return found

    def from_normal(self, z: np.ndarray) -> np.ndarray:
        """Return draws from the prior, of the shape of standard normal `z`, (point, scale)."""
        mu, sigma = self.process.moments
        own = z[:, mu.size :]
        return np.concatenate([mu + sigma * z[:, : mu.size], np.log(SPREAD * np.abs(own))], axis=1)
