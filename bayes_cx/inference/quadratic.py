"""A log-likelihood of coordinates and of what is normal, and what it says of the latter: g and offsets.

`nested.py` says what they are for, and explains the letters.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.special import gammaln

from bayes_cx.inference.process import MEMORY_NODES, Process, memory_weights
from bayes_cx.inference.scales import Scales

__all__ = ["Drawn", "Marginal", "Quadratic", "blocks", "draw_t", "log_t"]

# What is normal has this precision at least, a small part of that of its prior, whatever the likelihood says:
# nothing where nothing was bought, and less than nothing where it bends upwards. Weights make up for it.
_FLOOR = 0.05
# And so much that no top of the likelihood is farther away, in logarithms, than where it was expanded.
_REACH = 5.0
# To so many parts of its spread a normal likelihood is rounded.
_PARTS = 1024
# A distribution with the moments of another still misses a tail that is longer on one side.
_WIDER = 1.5
# Vectors of scales whose covariances are held at once.
_TOGETHER = 32
# From so many weeks on two vectors are drawn for each of the scales, whose covariance takes most of the time.
_MANY_WEEKS = 120
# Logarithms of scales go no farther: a standard deviation of e^10 in the log of a rate is none.
_FARTHEST = 10.0


@dataclass(frozen=True)
class Quadratic:
    """A quadratic log-likelihood of vectors (coordinates, what is normal given its scales).

    The latter is g by week and, with groups, their offsets.

    Attributes
    ----------
    centre : numpy.ndarray, shape (element,)
    slope : numpy.ndarray, shape (element,)
    curvature : numpy.ndarray, shape (element, element)
        Minus the second derivatives.
    k : int
        Number of coordinates.
    """

    centre: np.ndarray
    slope: np.ndarray
    curvature: np.ndarray
    k: int

    def marginal(self, scales: Scales) -> "Marginal":
        """Return what it says of what is normal given the scales, alone.

        Raises
        ------
        numpy.linalg.LinAlgError
            If it has no maximum in the coordinates.
        """
        k, H = self.k, self.curvature
        inner = np.linalg.cholesky(H[:k, :k])
        gain = cho_solve((inner, True), H[:k, k:])
        alone = H[k:, k:] - H[k:, :k] @ gain
        size, directions = np.linalg.eigh((alone + alone.T) / 2)
        slope = self.slope[k:] - gain.T @ self.slope[:k]
        # Where the likelihood rises and hardly bends, a parabola would have its top at any distance.
        least = np.maximum(_FLOOR, np.abs(slope @ directions) / _REACH)
        bent = directions * np.maximum(size, least) @ directions.T
        # Unlike directions, the triangular root is the same wherever it is computed.
        root = np.linalg.cholesky((bent + bent.T) / 2)
        lean = slope + bent @ self.centre[k:]
        y = solve_triangular(root, lean, lower=True)
        at_mean = cho_solve((inner, True), self.slope[:k])
        return Marginal(scales, root, y, self.centre, gain, at_mean, inner)


@dataclass(frozen=True)
class Marginal:
    """A normal likelihood of h = (g by week, offsets of groups), whitened, and the coordinates given h.

    Attributes
    ----------
    scales : Scales
        Of h.
    root : numpy.ndarray, shape (element of h, direction)
        R.
    y : numpy.ndarray, shape (direction,)
    centre, gain, at_mean, inner : numpy.ndarray
        Given h the coordinates have the mean ``centre + at_mean - gain (h - centre)``, and the precision
        ``inner inner'``.
    """

    scales: Scales
    root: np.ndarray
    y: np.ndarray
    centre: np.ndarray
    gain: np.ndarray
    at_mean: np.ndarray
    inner: np.ndarray

    def rounded(self) -> "Marginal":
        """Return the same in rounded numbers, which do not depend on the last bits of sums.

        Those differ between processors. Importance weights make up for what is lost.
        """

        def to(values: np.ndarray, spread: np.ndarray | float) -> np.ndarray:
            step = np.exp2(np.floor(np.log2(spread))) / _PARTS
            return np.round(values / step) * step

        per_row = np.sqrt((self.root**2).sum(axis=1))
        inner = np.tril(to(self.inner, np.sqrt((self.inner**2).sum(axis=1))[:, None]))
        spread = 1 / np.diagonal(inner)
        return replace(
            self,
            root=np.tril(to(self.root, per_row[:, None])),
            y=to(self.y, 1.0),
            gain=to(self.gain, spread[:, None] * per_row),
            at_mean=to(self.at_mean, spread),
            inner=inner,
        )

    def refitted(self, vectors: np.ndarray, weight: np.ndarray) -> "Marginal":
        """Return the same with the moments that weighed vectors have in the coordinates given h, but wider.

        Parameters
        ----------
        vectors : numpy.ndarray, shape (point, element)
        weight : numpy.ndarray, shape (point,)
            Of the vectors; they add up to one.
        """
        k = self.at_mean.size
        off = vectors[:, :k] - self._coordinates(vectors[:, k:])
        mean = weight @ off
        off = off - mean
        inner = np.linalg.cholesky(np.linalg.inv((off * weight[:, None]).T @ off)) / _WIDER
        return replace(self, at_mean=self.at_mean + mean, inner=inner).rounded()

    def log_lik(self, vectors: np.ndarray) -> np.ndarray:
        """Return the log density of y given h plus that of the coordinates given h, shape (point,)."""
        k = self.at_mean.size
        h = vectors[:, k:]
        white = np.concatenate(
            [self.y - h @ self.root, (vectors[:, :k] - self._coordinates(h)) @ self.inner], axis=1
        )
        size = np.log(np.diagonal(self.inner)).sum()
        return size - 0.5 * (white**2).sum(axis=1) - 0.5 * white.shape[1] * np.log(2 * np.pi)

    def evidence(self, theta: np.ndarray) -> np.ndarray:
        """Return the log density of y given scales, shape (point,).

        Scales beyond all that is possible have none, where their covariance has no root any more either.
        """
        found = []
        possible = np.abs(theta).max(axis=1) < _FARTHEST
        for some in blocks(np.where(possible[:, None], theta, 0.0)):
            root = np.linalg.cholesky(self._covariance(some))
            white = np.linalg.solve(root, self.y[:, None])[..., 0]
            size = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
            found.append(-size - 0.5 * (white**2).sum(axis=1) - 0.5 * self.y.size * np.log(2 * np.pi))
        return np.where(possible, np.concatenate(found), -np.inf)

    def slopes(self, theta: np.ndarray) -> np.ndarray:
        """Return the slopes of `evidence` by the scales, shape (point, scale)."""
        inverse = np.linalg.inv(self._covariance(theta))
        weight = inverse @ self.y
        by_covariance = 0.5 * (weight[:, :, None] * weight[:, None] - inverse)
        own, root = self.scales.of_process(theta), self._of_weeks
        of_process = self.process.slopes(own, root @ by_covariance @ root.T)
        by_variance = ((self._of_offsets @ by_covariance) * self._of_offsets).sum(axis=2)
        of_spreads = self.scales.summed(2 * self.scales.sd(theta) ** 2 * by_variance)
        return np.concatenate([of_process, of_spreads], axis=1)

    @property
    def process(self) -> Process:
        """The process of g."""
        return self.scales.process

    @property
    def _of_weeks(self) -> np.ndarray:
        """The rows of R that are of g."""
        return self.root[: self.process.weeks]

    @property
    def _of_offsets(self) -> np.ndarray:
        """The rows of R that are of offsets."""
        return self.root[self.process.weeks :]

    @property
    def each(self) -> int:
        """How many vectors are drawn for each vector of scales."""
        return 1 if self.process.weeks < _MANY_WEEKS else 2

    @cached_property
    def _persists(self) -> np.ndarray:
        """R' C R at the nodes of memory, C the correlation of u, shape (node, direction x direction)."""
        correlations = self.process.correlations(MEMORY_NODES)
        return np.array([(self._of_weeks.T @ each @ self._of_weeks).ravel() for each in correlations])

    @cached_property
    def _others(self) -> list[np.ndarray]:
        """R' K R of e and of the season, for standard deviations of one."""
        waves = self._of_weeks.T @ self.process.waves
        return [self._of_weeks.T @ self._of_weeks, waves @ waves.T][: 1 + self.process.has_season]

    @cached_property
    def _groups(self) -> np.ndarray:
        """R' R of the offsets of each grouping, shape (grouping, direction x direction)."""
        rows = [self._of_offsets[block] for block in self.scales.blocks]
        return np.array([(each.T @ each).ravel() for each in rows]).reshape(len(rows), self.y.size**2)

    @cached_property
    def _fixed(self) -> np.ndarray:
        """I + R' Z Z' R, Z being the columns whose effects are standard normal."""
        columns = self._of_weeks.T @ self.process.columns
        return np.eye(self.y.size) + columns @ columns.T

    def _covariance(self, theta: np.ndarray) -> np.ndarray:
        """Return I + R' K R, shape (point, direction, direction), interpolated between nodes of memory."""
        own = self.scales.of_process(theta)
        sd, _, *others = np.exp(own).T[:, :, None, None]
        n = self.y.size
        found = sd**2 * (memory_weights(own[:, 1]) @ self._persists).reshape(-1, n, n)
        for scale, part in zip(others, self._others, strict=True):
            found += scale**2 * part
        found += (np.exp(2 * theta[:, own.shape[1] :]) @ self._groups).reshape(-1, n, n)
        return found + self._fixed

    def mean(self, theta: np.ndarray) -> np.ndarray:
        """Return the mean of vectors given one vector of scales, shape (element,)."""
        weight = np.linalg.solve(self._covariance(theta[None])[0], self.y)
        parts, Z = self.process.parts(self.scales.of_process(theta[None])), self.process.columns
        g = (np.sum(parts, axis=0)[0] + Z @ Z.T) @ self._of_weeks @ weight
        h = np.append(g, self.scales.sd(theta[None])[0] ** 2 * (self._of_offsets @ weight))
        return np.concatenate([self._coordinates(h[None])[0], h])

    def _coordinates(self, h: np.ndarray) -> np.ndarray:
        k = self.at_mean.size
        return self.centre[:k] + self.at_mean - (h - self.centre[k:]) @ self.gain.T

    def draw(self, theta: np.ndarray, degrees: float, rng: np.random.Generator) -> "Drawn":
        """Draw `each` vectors given each vector of scales.

        Given h the coordinates are drawn from a t distribution with so many degrees of freedom.
        """
        process, n, each = self.process, self.y.size, self.each
        repeated = np.repeat(theta, each, axis=0)
        own, sd = self.scales.of_process(repeated), self.scales.sd(repeated)
        u, e, season = process.simulate(own, rng)
        offset = sd * rng.standard_normal(sd.shape)
        noise = rng.standard_normal((len(repeated), n))
        Z = process.columns
        effects = rng.standard_normal((len(repeated), Z.shape[1]))
        for start in range(0, len(theta), _TOGETHER):
            scales = theta[start : start + _TOGETHER]
            some = slice(start * each, (start + len(scales)) * each)
            g = u[some] + e[some] + season[some] @ process.waves.T + effects[some] @ Z.T
            missed = self.y - np.concatenate([g, offset[some]], axis=1) @ self.root - noise[some]
            missed = missed.reshape(-1, each, n).transpose(0, 2, 1)
            weight = np.linalg.solve(self._covariance(scales), missed).transpose(0, 2, 1)
            seen = weight @ self._of_weeks.T
            persists = process.parts(self.scales.of_process(scales))[0]
            u[some] += (seen @ persists).reshape(-1, process.weeks)
            flat = seen.reshape(-1, process.weeks)
            e[some] += np.exp(2 * own[some, 2:3]) * flat
            if process.has_season:
                season[some] += np.exp(2 * own[some, 3:4]) * (flat @ process.waves)
            effects[some] += flat @ Z
            offset[some] += sd[some] ** 2 * (weight.reshape(-1, n) @ self._of_offsets.T)
        g = u + e + season @ process.waves.T + effects @ Z.T
        h = np.concatenate([g, offset], axis=1)
        z = draw_t(len(repeated), self.at_mean.size, degrees, rng)
        off = solve_triangular(self.inner, z.T, lower=True, trans=1).T
        vectors = np.concatenate([self._coordinates(h) + off, h], axis=1)
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
