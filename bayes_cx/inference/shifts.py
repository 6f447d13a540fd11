"""Slopes of covariates and offsets of groups: what they add to the coordinates of each pattern of customers.

It is the linear predictor of `predictor.py` where the coordinates have no bounds, for many vectors at once,
with its derivatives. An offset here is a number on that scale, not one in standard deviations of the groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array, hstack

from bayes_cx.data import unique_rows
from bayes_cx.inference.layout import Pool
from bayes_cx.inference.predictor import SLOPE, arrays
from bayes_cx.inference.prepare import Prepared

__all__ = ["Shifts", "shifts_of"]


@dataclass(frozen=True)
class Shifts:
    """What a design adds to the coordinates.

    Attributes
    ----------
    slopes : tuple of str
        The coordinate of each slope, in the order of the design.
    pools : tuple of Pool
        The groupings; the offsets of the first come first.
    matrices : tuple of scipy.sparse.csr_array, shape (pattern, element)
        For each coordinate, from the elements (slopes, offsets) to what is added to it.
    pattern : numpy.ndarray of int, shape (row,)
        The pattern of each row.
    """

    slopes: tuple[str, ...]
    pools: tuple[Pool, ...]
    matrices: tuple[csr_array, ...]
    pattern: np.ndarray

    @property
    def patterns(self) -> int:
        """Number of patterns."""
        return int(self.pattern.max()) + 1

    @cached_property
    def blocks(self) -> tuple[slice, ...]:
        """The places of the offsets of each grouping among all offsets."""
        ends = np.cumsum([0, *(len(pool.groups) for pool in self.pools)]).tolist()
        return tuple(slice(a, b) for a, b in pairwise(ends))

    def added(self, elements: np.ndarray) -> np.ndarray:
        """Return what elements, shape (point, element), add, shape (coordinate, pattern, point)."""
        return np.array([matrix @ elements.T for matrix in self.matrices])

    def back(self, by_coordinate: np.ndarray) -> np.ndarray:
        """Return slopes by the elements, (point, element), from those by coordinates of each pattern."""
        found = [matrix.T @ each for matrix, each in zip(self.matrices, by_coordinate, strict=True)]
        return np.sum(found, axis=0).T

    def log_prior(self, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the log prior density of slopes, shape (point,), and its slopes, shape (point, slope)."""
        size = slopes.shape[1] * (np.log(SLOPE) + 0.5 * np.log(2 * np.pi))
        return -0.5 * ((slopes / SLOPE) ** 2).sum(axis=1) - size, -slopes / SLOPE**2


def shifts_of(prepared: Prepared, names: Sequence[str]) -> Shifts | None:
    """Return the effects of a design on coordinates of these names; None where all customers are alike."""
    layout, model = prepared.layout, prepared.model
    if layout.design.is_constant:
        return None
    patterns, pattern = unique_rows(prepared.table, layout.design.columns)
    n = int(pattern.max()) + 1
    data = arrays(layout, model, patterns)
    slopes = tuple(name for name in names for _ in layout.matrix.get(name, ()))
    pools = tuple(pool for name in names for pool in layout.pools(name))
    matrices = []
    for name in names:
        parts = [
            csr_array(data[f"{name}_covariates"]) if of == name else csr_array((n, len(layout.matrix[of])))
            for of in names
            if of in layout.matrix
        ]
        own = layout.pools(name)
        for pool in pools:
            ones = csr_array((np.ones(n), (np.arange(n), data[pool.dim])), shape=(n, len(pool.groups)))
            parts.append(ones if pool in own else csr_array(ones.shape))
        matrices.append(csr_array(hstack(parts)))
    return Shifts(slopes, pools, tuple(matrices), pattern)
