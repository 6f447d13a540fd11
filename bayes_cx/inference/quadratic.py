"""A log-likelihood of coordinates and g that is quadratic, and what it says of g, a normal process.

`nested.py` says what they are for, and explains the letters.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cho_solve
from scipy.special import gammaln

from bayes_cx.inference.process import MEMORY_NODES, Process, memory_weights

__all__ = ["Drawn", "Marginal", "Quadratic", "blocks", "draw_t", "log_t"]

# Vectors of scales whose covariances are held at once.
_TOGETHER = 32
# From so many weeks on two vectors are drawn for each of the scales, whose covariance takes most of the time.
_MANY_WEEKS = 120


@dataclass(frozen=True)
class Quadratic:
    """A quadratic log-likelihood of vectors (coordinates, g by week).

    Attributes
    ----------
    centre : numpy.ndarray, shape (element,)
    height : float
    slope : numpy.ndarray, shape (element,)
    curvature : numpy.ndarray, shape (element, element)
        Minus the second derivatives.
    k : int
        Number of coordinates.
    """

    centre: np.ndarray
    height: float
    slope: np.ndarray
    curvature: np.ndarray
    k: int

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Return the values, shape (point,)."""
        off = vectors - self.centre
        return self.height + off @ self.slope - 0.5 * np.einsum("pi,ij,pj->p", off, self.curvature, off)

    def marginal(self, process: Process) -> "Marginal":
        """Return what it says of g alone."""
        k, H = self.k, self.curvature
        inner = np.linalg.cholesky(H[:k, :k])
        gain = cho_solve((inner, True), H[:k, k:])
        alone = H[k:, k:] - H[k:, :k] @ gain
        lean = self.slope[k:] - gain.T @ self.slope[:k] + alone @ self.centre[k:]
        size, directions = np.linalg.eigh((alone + alone.T) / 2)
        # Where nothing was bought a week is not seen at all.
        seen = size > 1e-9 * size.max()
        root = directions[:, seen] * np.sqrt(size[seen])
        y = directions[:, seen].T @ lean / np.sqrt(size[seen])
        at_mean = cho_solve((inner, True), self.slope[:k])
        return Marginal(process, root, y, self.centre, gain, at_mean, np.linalg.inv(inner))


@dataclass(frozen=True)
class Marginal:
    """A normal likelihood of g, whitened, and the coordinates given g.

    Attributes
    ----------
    process : Process
    root : numpy.ndarray, shape (week, direction)
        R.
    y : numpy.ndarray, shape (direction,)
    centre, gain, at_mean, spread : numpy.ndarray
        Given g the coordinates have the mean ``centre + at_mean - gain (g - centre)``, and the covariance
        ``spread' spread``.
    """

    process: Process
    root: np.ndarray
    y: np.ndarray
    centre: np.ndarray
    gain: np.ndarray
    at_mean: np.ndarray
    spread: np.ndarray

    def evidence(self, theta: np.ndarray) -> np.ndarray:
        """Return the log density of y given scales, shape (point,)."""
        found = []
        for some in blocks(theta):
            root = np.linalg.cholesky(self._covariance(some))
            white = np.linalg.solve(root, self.y[:, None])[..., 0]
            size = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
            found.append(-size - 0.5 * (white**2).sum(axis=1) - 0.5 * self.y.size * np.log(2 * np.pi))
        return np.concatenate(found)

    def slopes(self, theta: np.ndarray) -> np.ndarray:
        """Return the slopes of `evidence` by the scales, shape (point, scale)."""
        inverse = np.linalg.inv(self._covariance(theta))
        weight = inverse @ self.y
        by_covariance = 0.5 * (weight[:, :, None] * weight[:, None] - inverse)
        return self.process.slopes(theta, self.root @ by_covariance @ self.root.T)

    @property
    def each(self) -> int:
        """How many vectors are drawn for each vector of scales."""
        return 1 if self.process.weeks < _MANY_WEEKS else 2

    @cached_property
    def _persists(self) -> np.ndarray:
        """R' C R at the nodes of memory, C the correlation of u, shape (node, direction x direction)."""
        correlations = self.process.correlations(MEMORY_NODES)
        return np.array([(self.root.T @ each @ self.root).ravel() for each in correlations])

    @cached_property
    def _others(self) -> list[np.ndarray]:
        """R' K R of e and of the season, for standard deviations of one."""
        waves = self.root.T @ self.process.waves
        return [self.root.T @ self.root, waves @ waves.T][: 1 + self.process.has_season]

    @cached_property
    def _fixed(self) -> np.ndarray:
        """I + R' Z Z' R, Z being the columns whose effects are standard normal."""
        columns = self.root.T @ self.process.columns
        return np.eye(self.y.size) + columns @ columns.T

    def _covariance(self, theta: np.ndarray) -> np.ndarray:
        """Return I + R' K R, shape (point, direction, direction), interpolated between nodes of memory."""
        sd, _, *others = np.exp(theta).T[:, :, None, None]
        n = self.y.size
        found = sd**2 * (memory_weights(theta[:, 1]) @ self._persists).reshape(-1, n, n)
        for scale, part in zip(others, self._others, strict=True):
            found += scale**2 * part
        return found + self._fixed

    def mean(self, theta: np.ndarray) -> np.ndarray:
        """Return the mean of vectors given one vector of scales, shape (element,)."""
        weight = np.linalg.solve(self._covariance(theta[None])[0], self.y)
        Z = self.process.columns
        g = (np.sum(self.process.parts(theta[None]), axis=0)[0] + Z @ Z.T) @ self.root @ weight
        return np.concatenate([self._coordinates(g[None])[0], g])

    def _coordinates(self, g: np.ndarray) -> np.ndarray:
        k = self.at_mean.size
        return self.centre[:k] + self.at_mean - (g - self.centre[k:]) @ self.gain.T

    def draw(self, theta: np.ndarray, degrees: float, rng: np.random.Generator) -> "Drawn":
        """Draw `each` vectors given each vector of scales.

        Given g the coordinates are drawn from a t distribution with so many degrees of freedom.
        """
        process, n, each = self.process, self.y.size, self.each
        repeated = np.repeat(theta, each, axis=0)
        u, e, season = process.simulate(repeated, rng)
        noise = rng.standard_normal((len(repeated), n))
        Z = process.columns
        effects = rng.standard_normal((len(repeated), Z.shape[1]))
        for start in range(0, len(theta), _TOGETHER):
            scales = theta[start : start + _TOGETHER]
            some = slice(start * each, (start + len(scales)) * each)
            g = u[some] + e[some] + season[some] @ process.waves.T + effects[some] @ Z.T
            missed = (self.y - g @ self.root - noise[some]).reshape(-1, each, n)
            weight = np.linalg.solve(self._covariance(scales), missed.transpose(0, 2, 1))
            seen = weight.transpose(0, 2, 1) @ self.root.T
            u[some] += (seen @ process.parts(scales)[0]).reshape(-1, process.weeks)
            flat = seen.reshape(-1, process.weeks)
            e[some] += np.exp(2 * repeated[some, 2:3]) * flat
            if process.has_season:
                season[some] += np.exp(2 * repeated[some, -1:]) * (flat @ process.waves)
            effects[some] += flat @ Z
        g = u + e + season @ process.waves.T + effects @ Z.T
        z = draw_t(len(repeated), self.at_mean.size, degrees, rng)
        vectors = np.concatenate([self._coordinates(g) + z @ self.spread, g], axis=1)
        normal = -0.5 * (z**2).sum(axis=1) - 0.5 * z.shape[1] * np.log(2 * np.pi)
        return Drawn(
            vectors, u[:, -1], season, effects, normal - log_t((z**2).sum(axis=1), z.shape[1], degrees)
        )


@dataclass(frozen=True)
class Drawn:
    """Draws given scales.

    Attributes
    ----------
    vectors : numpy.ndarray, shape (point, element)
    level : numpy.ndarray, shape (point,)
        What persists, u, in the last week.
    season : numpy.ndarray, shape (point, wave)
    effects : numpy.ndarray, shape (point, column)
        Of the process's `columns`.
    log_weight : numpy.ndarray, shape (point,)
        Log ratio of the normal density to that from which the coordinates came.
    """

    vectors: np.ndarray
    level: np.ndarray
    season: np.ndarray
    effects: np.ndarray
    log_weight: np.ndarray


def draw_t(n: int, k: int, degrees: float, rng: np.random.Generator) -> np.ndarray:
    """Draw from the multivariate t, shape (n, k)."""
    return rng.standard_normal((n, k)) * np.sqrt(degrees / rng.chisquare(degrees, n))[:, None]


def log_t(squared: np.ndarray, k: int, degrees: float) -> np.ndarray:
    """Return the log density of the multivariate t at squared distances."""
    size = gammaln((degrees + k) / 2) - gammaln(degrees / 2) - k / 2 * np.log(degrees * np.pi)
    return size - 0.5 * (degrees + k) * np.log1p(squared / degrees)


def blocks(points: np.ndarray) -> list[np.ndarray]:
    """Return the points in parts whose covariances are held at once."""
    return np.array_split(points, max(1, -(-len(points) // _TOGETHER)))
