r"""A log-likelihood that is quadratic in the effects of a design, and what it says of them given scales.

The inner effects (`group_effects.py`) have a block for each group, and these are worked on together: arrays
begin with the inner pools and end with the groups.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayes_cx.inference.group_effects import Effects
from bayes_cx.inference.predictor import SPREAD

__all__ = ["TOGETHER", "GroupNormal", "GroupQuadratic", "blocks"]

TOGETHER = 2_000_000
"""Numbers held at once where scales are looked at together."""
# For differences by the log odds of a correlation.
_STEP = 1e-4


@dataclass(frozen=True)
class GroupQuadratic:
    """The log-likelihood of patterns, taken as quadratic, as a function of effects.

    With v the inner effects of a group and r the outer ones, it is the sum over groups of
    ``own' v - v' block v / 2 - v' joint r``, plus ``rest' r - r' outer r / 2 + height``. The prior of the
    coordinates is part of it.

    Attributes
    ----------
    effects : Effects
    height : float
    own : numpy.ndarray, shape (inner pool, group)
    block : numpy.ndarray, shape (inner pool, inner pool, group)
    joint : numpy.ndarray, shape (inner pool, outer effect, group)
    rest : numpy.ndarray, shape (outer effect,)
    outer : numpy.ndarray, shape (outer effect, outer effect)
    """

    effects: Effects
    height: float
    own: np.ndarray
    block: np.ndarray
    joint: np.ndarray
    rest: np.ndarray
    outer: np.ndarray

    def given(self, scales: np.ndarray) -> "GroupNormal":
        """Return the normal distribution of the effects given scales, shape (point, scale).

        Raises
        ------
        numpy.linalg.LinAlgError
            If there is none, as the quadratic is not bent downwards.
        """
        effects, n = self.effects, len(scales)
        precision = self.outer + effects.precision(scales)
        rest = np.broadcast_to(self.rest, (n, self.rest.size))
        log_size = effects.log_size(scales) + self.height
        e = len(effects.inner)
        block = np.repeat(self.block[:, :, None], n, axis=2)
        weight = effects.spread(scales) ** -2.0
        for i in range(e):
            block[i, i] += weight[:, i, None]
        root, inverse = _roots(block)
        mean = _solved(inverse, np.broadcast_to(self.own[:, None], (e, n, self.own.shape[1])))
        gain = _solved(inverse, np.broadcast_to(self.joint[:, :, None], (e, *self._wide(n))))
        for i in range(e):
            precision = precision - gain[i].transpose(1, 0, 2) @ self.joint[i].T
            rest = rest - mean[i] @ self.joint[i].T
            log_size = log_size + (0.5 * mean[i] * self.own[i] - np.log(root[i, i])).sum(axis=1)
        lower = np.linalg.cholesky(precision)
        white = np.linalg.solve(lower, rest[..., None])[..., 0]
        log_size = log_size - np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)
        log_size = log_size + 0.5 * (white**2).sum(axis=1) + 0.5 * effects.k * np.log(2 * np.pi)
        return GroupNormal(effects, scales, log_size, lower, white, mean, gain, root, inverse)

    def _wide(self, n: int) -> tuple[int, int, int]:
        return self.joint.shape[1], n, self.joint.shape[2]

    @property
    def together(self) -> int:
        """How many scales are looked at together."""
        return max(1, TOGETHER // (self.joint.size + self.outer.size + 1))

    def heights(self, scales: np.ndarray) -> np.ndarray:
        """Return the log posterior density of scales, effects integrated out, shape (point,)."""
        parts = [self.given(some).log_size for some in blocks(scales, self.together)]
        return np.concatenate(parts) + self.effects.log_prior(scales)


@dataclass(frozen=True)
class GroupNormal:
    """The normal distribution of effects given scales.

    Attributes
    ----------
    effects : Effects
    scales : numpy.ndarray, shape (point, scale)
    log_size : numpy.ndarray, shape (point,)
        Log of the integral over the effects.
    lower, white : numpy.ndarray
        Of the outer effects r, ``lower' r`` is normal with mean `white` and variance 1.
    mean : numpy.ndarray, shape (inner pool, point, group)
    gain : numpy.ndarray, shape (inner pool, outer effect, point, group)
        Given r the inner effects of a group have the mean ``mean - gain r``.
    root, inverse : numpy.ndarray, shape (inner pool, inner pool, point, group)
        Lower triangular; ``root root'`` is the precision of the inner effects given r.
    """

    effects: Effects
    scales: np.ndarray
    log_size: np.ndarray
    lower: np.ndarray
    white: np.ndarray
    mean: np.ndarray
    gain: np.ndarray
    root: np.ndarray
    inverse: np.ndarray

    def outer(self, z: np.ndarray) -> np.ndarray:
        """Return the outer effects at standard normal z, shape (point, outer effect)."""
        return np.linalg.solve(self.lower.transpose(0, 2, 1), (self.white + z)[..., None])[..., 0]

    def inner(self, outer: np.ndarray) -> np.ndarray:
        """Return the means of the inner effects given the outer ones, shape (inner pool, point, group)."""
        return self.mean - np.einsum("irng,nr->ing", self.gain, outer)

    def squares(self) -> np.ndarray:
        """Return the mean of the sum of squares of the offsets of each pool, shape (point, pool).

        Where groups are ordered it is in the metric of their correlations.
        """
        effects = self.effects
        outer, covariance = self._outer_moments
        found = np.empty((len(outer), len(effects.pools)))
        for i, place in effects.outer:
            found[:, i] = (effects.metric(self.scales, i) * self._second(place)).sum(axis=(1, 2))
        mean = self.inner(outer)
        for j, i in enumerate(effects.inner):
            gain = self.gain[j].transpose(1, 0, 2)
            variance = (self.inverse[:, j] ** 2).sum(axis=0) + ((covariance @ gain) * gain).sum(axis=1)
            found[:, i] = (mean[j] ** 2 + variance).sum(axis=1)
        return found

    def slopes(self) -> np.ndarray:
        """Return the slopes of the log posterior of scales, shape (point, scale).

        They are those of the mean of the log prior of the effects, whatever the likelihood is.
        """
        effects, n = self.effects, len(self.effects.pools)
        sizes = np.array([len(pool.groups) for _, pool in effects.pools])
        sd = np.exp(self.scales[:, :n])
        by_spread = self.squares() / sd**2 - sizes + 1 - (sd / SPREAD) ** 2
        by_memory = []
        for at, i in enumerate(effects.ordered):
            second = self._second(dict(effects.outer)[i]) / sd[:, i, None, None] ** 2
            step = np.zeros(self.scales.shape[1])
            step[n + at] = _STEP
            up, down = (
                effects.log_prior(scales)
                + effects.log_size(scales)
                - 0.5 * (effects.metric(scales, i) * second).sum(axis=(1, 2))
                for scales in (self.scales + step, self.scales - step)
            )
            by_memory.append((up - down) / (2 * _STEP))
        return np.column_stack([by_spread, *by_memory])

    @cached_property
    def _outer_moments(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean and the covariance of the outer effects."""
        inverse = np.linalg.inv(self.lower)
        return self.outer(np.zeros_like(self.white)), inverse.transpose(0, 2, 1) @ inverse

    def _second(self, place: slice) -> np.ndarray:
        """Return the second moments of some outer effects, shape (point, effect, effect)."""
        outer, covariance = self._outer_moments
        return covariance[:, place, place] + outer[:, place, None] * outer[:, None, place]


def _roots(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower triangular roots of small matrices, shape (i, j, ...), and their inverses."""
    e = len(block)
    root, inverse = np.zeros_like(block), np.zeros_like(block)
    for j in range(e):
        square = block[j, j] - (root[j, :j] ** 2).sum(axis=0)
        if not np.all(square > 0):
            raise np.linalg.LinAlgError("a block that is not positive definite")
        root[j, j] = np.sqrt(square)
        inverse[j, j] = 1 / root[j, j]
        for i in range(j + 1, e):
            root[i, j] = (block[i, j] - (root[i, :j] * root[j, :j]).sum(axis=0)) * inverse[j, j]
    for i in range(e):
        for j in range(i):
            inverse[i, j] = -(root[i, j:i] * inverse[j:i, j]).sum(axis=0) * inverse[i, i]
    return root, inverse


def _solved(inverse: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the solutions of small systems, from the inverses of roots; the first dimension is theirs."""
    e = len(right)
    half = [sum(inverse[i, j] * right[j] for j in range(i + 1)) for i in range(e)]
    found = np.empty(right.shape)
    for j in range(e):
        found[j] = sum(inverse[i, j] * half[i] for i in range(j, e))
    return found


def blocks(points: np.ndarray, together: int) -> list[np.ndarray]:
    """Return the points in parts of so many at most."""
    return np.array_split(points, max(1, -(-len(points) // together)))
