r"""The effects of a design as vectors, with their prior given the scales of groups.

A vector is what the posterior is normal in, nearly: offsets of groups, slopes, and the common coordinates on
the scale of their link. The offsets of one grouping are the inner ones: given all others they are independent
from group to group, so that each group has a block of its own. The inner grouping is the one with most
groups. All others are outer effects, ordered as (offsets, slopes, coordinates).

The scales are the logarithm of the standard deviation of each grouping of each coordinate and, where groups
are ordered, the log odds of the correlation of neighbours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from bayes_cx.inference.drift import MEMORY_PRIOR, log_det, precision
from bayes_cx.inference.layout import Layout, Pool
from bayes_cx.inference.predictor import SLOPE, SPREAD, arrays
from bayes_cx.model import Model

__all__ = ["Effects", "adding"]

# Correlations closer to one count as one.
_CLOSEST = 1e-6


@dataclass(frozen=True)
class Effects:
    """The effects of a design on patterns of customers.

    Attributes
    ----------
    names : tuple of str
        The coordinates.
    pools : tuple of (int, Pool)
        Every grouping of every coordinate, with the position of the coordinate.
    inner : tuple of int
        The positions among `pools` of those whose offsets are the inner effects.
    group : numpy.ndarray of int, shape (pattern,)
        The inner group of each pattern; without inner effects that of the largest grouping.
    groups : int
        Number of inner groups.
    outer : tuple of (int, slice)
        Of the other pools the position, and the place of their offsets among the outer effects.
    slopes : mapping of str to slice
        The place of the slopes of each coordinate.
    matrix : scipy.sparse.csr_array, shape (pattern x coordinate, outer effect)
        What outer effects add to the coordinates of each pattern.
    size : int
        Number of outer effects.
    """

    names: tuple[str, ...]
    pools: tuple[tuple[int, Pool], ...]
    inner: tuple[int, ...]
    group: np.ndarray
    groups: int
    outer: tuple[tuple[int, slice], ...]
    slopes: Mapping[str, slice]
    matrix: csr_array
    size: int

    @classmethod
    def of(cls, layout: Layout, model: Model, patterns: Mapping[str, np.ndarray]) -> "Effects":
        """Return the effects of a design on these patterns."""
        names = tuple(model.priors)
        pools = tuple((c, pool) for c, name in enumerate(names) for pool in layout.pools(name))
        data = arrays(layout, model, patterns)
        n = len(next(iter(patterns.values())))
        free = [pool for _, pool in pools if not pool.ordered]
        most = max(free, key=lambda pool: len(pool.groups), default=None)
        inner = tuple(
            i
            for i, (_, pool) in enumerate(pools)
            if most is not None and not pool.ordered and pool.columns == most.columns
        )
        largest = most or max((pool for _, pool in pools), key=lambda pool: len(pool.groups))
        group = data[largest.dim]
        every, k = np.arange(n), len(names)
        rows, columns, values, outer, slopes, size = [], [], [], [], {}, 0
        for i, (c, pool) in enumerate(pools):
            if i not in inner:
                outer.append((i, slice(size, size + len(pool.groups))))
                rows.append(every * k + c)
                columns.append(size + data[pool.dim])
                values.append(np.ones(n))
                size += len(pool.groups)
        for c, name in enumerate(names):
            if name in layout.matrix:
                X = data[f"{name}_covariates"]
                slopes[name] = slice(size, size + X.shape[1])
                rows.append(np.repeat(every * k + c, X.shape[1]))
                columns.append(np.tile(size + np.arange(X.shape[1]), n))
                values.append(X.ravel())
                size += X.shape[1]
        for c in range(k):
            rows.append(every * k + c)
            columns.append(np.full(n, size + c))
            values.append(np.ones(n))
        matrix = csr_array(
            (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(n * k, size + k)
        )
        groups = 0 if most is None else len(most.groups)
        return cls(names, pools, inner, group, groups, tuple(outer), slopes, matrix, size + k)

    @property
    def k(self) -> int:
        """Number of coordinates."""
        return len(self.names)

    @cached_property
    def adding(self) -> csr_array:
        """What adds patterns up to their inner groups, shape (group, pattern)."""
        return adding(self.group, self.groups) if self.groups else csr_array((0, self.patterns))

    @property
    def patterns(self) -> int:
        """Number of patterns."""
        return self.group.size

    @property
    def columns(self) -> np.ndarray:
        """The coordinates that inner offsets shift, shape (inner pool,)."""
        return np.array([self.pools[i][0] for i in self.inner], int)

    @property
    def ordered(self) -> tuple[int, ...]:
        """The positions among `pools` of those whose groups are ordered."""
        return tuple(i for i, (_, pool) in enumerate(self.pools) if pool.ordered)

    @property
    def scales(self) -> tuple[str, ...]:
        """The names of the scales."""
        spreads = (pool.spread for _, pool in self.pools)
        return (*spreads, *(self.pools[i][1].memory for i in self.ordered))

    def eta(self, inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
        """Return the coordinates of each pattern, shape (point, pattern, coordinate).

        Parameters
        ----------
        inner : numpy.ndarray, shape (inner pool, point, group)
        outer : numpy.ndarray, shape (point, outer effect)
        """
        found = (self.matrix @ outer.T).T.reshape(len(outer), self.patterns, self.k)
        for c, offset in zip(self.columns, inner, strict=True):
            found[..., c] += offset[:, self.group]
        return found

    def spread(self, scales: np.ndarray) -> np.ndarray:
        """Return the standard deviations of the inner offsets, shape (point, inner pool)."""
        return np.exp(scales[:, list(self.inner)])

    def memory(self, scales: np.ndarray, i: int) -> np.ndarray:
        """Return the correlation of neighbours of ordered pool `i`, shape (point,)."""
        odds = scales[:, len(self.pools) + self.ordered.index(i)]
        return np.clip(1 / (1 + np.exp(-odds)), _CLOSEST, 1 - _CLOSEST)

    def precision(self, scales: np.ndarray) -> np.ndarray:
        """Return the prior precision of the outer effects but for the coordinates' own prior.

        Returns
        -------
        numpy.ndarray, shape (point, outer effect, outer effect)
        """
        size = self.size
        found = np.zeros((len(scales), size, size))
        for i, place in self.outer:
            found[:, place, place] = np.exp(-2 * scales[:, i])[:, None, None] * self.metric(scales, i)
        for place in self.slopes.values():
            at = np.arange(place.start, place.stop)
            found[:, at, at] = SLOPE**-2
        return found

    def metric(self, scales: np.ndarray, i: int) -> np.ndarray:
        """Return the prior precision of the offsets of a pool, in standard deviations.

        Returns
        -------
        numpy.ndarray, shape (point, group, group), or (1, group, group) where it is the same for all
        """
        pool = self.pools[i][1]
        if pool.ordered:
            return precision(self.memory(scales, i), pool.steps())
        return np.eye(len(pool.groups))[None]

    def log_size(self, scales: np.ndarray) -> np.ndarray:
        """Return half the log determinant of the prior precision of offsets and slopes, shape (point,)."""
        found = np.zeros(len(scales))
        for i, (_, pool) in enumerate(self.pools):
            found -= len(pool.groups) * scales[:, i]
            if pool.ordered:
                found -= 0.5 * log_det(self.memory(scales, i), pool.steps())
        return found - sum(place.stop - place.start for place in self.slopes.values()) * np.log(SLOPE)

    def log_prior(self, scales: np.ndarray) -> np.ndarray:
        """Return the log prior density of the scales, shape (point,)."""
        n = len(self.pools)
        sd = np.exp(scales[:, :n]) / SPREAD
        of_sd = 0.5 * np.log(2 / np.pi) - 0.5 * sd**2 + np.log(sd)
        odds, (a, b) = scales[:, n:], MEMORY_PRIOR
        size = np.log(_beta_size(a, b))
        of_memory = size - a * np.logaddexp(0, -odds) - b * np.logaddexp(0, odds)
        return of_sd.sum(axis=1) + of_memory.sum(axis=1)

    def sample_scales(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw scales from their prior, shape (n, scale)."""
        sd = SPREAD * np.abs(rng.standard_normal((n, len(self.pools))))
        memory = rng.beta(*MEMORY_PRIOR, (n, len(self.ordered)))
        return np.concatenate([np.log(sd), np.log(memory) - np.log1p(-memory)], axis=1)


def adding(group: np.ndarray, groups: int) -> csr_array:
    """Return what adds elements up to their groups, shape (group, element)."""
    return csr_array((np.ones(group.size), (group, np.arange(group.size))), shape=(groups, group.size))


def _beta_size(a: float, b: float) -> float:
    from scipy.special import beta

    return float(1 / beta(a, b))
