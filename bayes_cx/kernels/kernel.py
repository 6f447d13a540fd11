"""Kernels: formulas ready to be evaluated for rows x draws."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_cx.kernels.assembly import read_by, signature, write
from bayes_cx.kernels.machine import function
from bayes_cx.kernels.reading import read, with_derivatives
from bayes_cx.kernels.staging import Plan, lay_out
from bayes_cx.kernels.vectors import WIDTH

__all__ = ["Bound", "Kernel", "make"]


@dataclass(frozen=True, eq=False)
class Kernel:
    """A compiled formula.

    Attributes
    ----------
    plan : Plan
    run : callable
    summed : bool
    by_pattern : frozenset of int
    """

    plan: Plan
    run: Callable[..., None]
    summed: bool
    by_pattern: frozenset[int]

    def bind(self, rows: Mapping[str, np.ndarray], weight: np.ndarray | None = None) -> "Bound":
        """Return the kernel for these rows, each of shape (row,)."""
        return Bound(self, rows, weight)


class Bound:
    """A kernel for certain rows: their distinct values are found once."""

    def __init__(self, kernel: Kernel, rows: Mapping[str, np.ndarray], weight: np.ndarray | None) -> None:
        self.kernel = kernel
        plan = kernel.plan
        # Without draws rows are computed together, and the last ones fill a vector.
        together = 1 if plan.varies else WIDTH
        self.weight = None
        if kernel.summed:
            assert weight is not None
            left = -len(weight) % together
            self.weight = np.concatenate([np.asarray(weight, np.float64), np.zeros(left)])
        self.patterns = int(rows["pattern"].max()) + 1 if "pattern" in rows else 0
        columns = {
            name: np.ascontiguousarray(rows[name], np.int64 if name == "pattern" else np.float64)
            for name in plan.columns
        }
        self.size = next((column.size for column in columns.values()), 1)
        firsts, inverses = {}, {}
        for stage in plan.stages:
            if stage.columns == frozenset(columns):
                firsts[stage.columns] = slice(None)
            elif stage.columns:
                firsts[stage.columns], inverses[stage.columns] = _distinct(
                    [columns[name] for name in sorted(stage.columns)]
                )
        self._frames = threading.local()
        # Of each stage its number of rows, and the addresses of what it reads of them.
        self.given: list[tuple[int, list[int]]] = []
        self.arrays = [] if self.weight is None else [self.weight]
        for stage in plan.stages:
            first = firsts.get(stage.columns, slice(None))
            own = [columns[name][first] for name in sorted(stage.columns)]
            others = [inverses[source][first] for source in read_by(stage) if source]
            arrays = [_longer(array, together) for array in (*own, *others)]
            self.arrays += arrays
            self.given.append((arrays[0].size if own else together, [*map(_address, arrays)]))

    def __call__(self, samples: Mapping[str, np.ndarray], draws: int) -> list[np.ndarray]:
        """Evaluate.

        Parameters
        ----------
        samples : mapping of str to numpy.ndarray
            Fixed inputs of one value, drawn ones of shape (draw,), those of cells of shape (pattern, draw).
        draws : int
            One where nothing differs between draws.

        Returns
        -------
        list of numpy.ndarray
            Of each output, shape (row, draw), or (draw,) or (pattern, draw) if summed over rows.
        """
        frame = self._frame(draws)
        frame.fill(self.kernel.plan, samples)
        self.kernel.run(*frame.arguments(samples))
        if self.kernel.plan.varies:
            return [
                output[..., :draws].copy() if frame.stays else output[..., :draws] for output in frame.outputs
            ]
        if self.kernel.summed:
            return [output.sum(keepdims=True) for output in frame.outputs]
        return [output[: self.size, None].copy() for output in frame.outputs]

    def _frame(self, draws: int) -> "_Frame":
        """Return arrays for a call; those of few draws serve again in this thread, as samplers call often."""
        if draws > WIDTH:
            return _Frame(self, draws, stays=False)
        frames: dict[Any, _Frame] = self._frames.__dict__
        if draws not in frames:
            frames[draws] = _Frame(self, draws, stays=True)
        return frames[draws]


class _Frame:
    """The arrays that a call writes to, and its arguments, most of them addresses.

    Attributes
    ----------
    outputs : list of numpy.ndarray
    stays : bool
        Whether the next call writes to the same arrays.
    """

    def __init__(self, bound: Bound, draws: int, *, stays: bool) -> None:
        plan, kernel = bound.kernel.plan, bound.kernel
        padded = -(-draws // WIDTH) * WIDTH if plan.varies else 1
        self.draws, self.patterns, self.fixed, self.stays = draws, bound.patterns, plan.fixed, stays
        self.summed = kernel.summed
        # Compiled code checks no bounds: whatever came is copied to arrays of the length that it reads.
        self.drawn = [np.empty(padded) for _ in plan.drawn]
        self.cells = [np.empty((bound.patterns, padded)) for _ in plan.cells]
        self.outputs = []
        for o in range(len(plan.program.outputs)):
            if not plan.varies:
                shape = (WIDTH if kernel.summed else bound.given[-1][0],)
            elif kernel.summed:
                shape = (bound.patterns, padded) if o in kernel.by_pattern else (padded,)
            else:
                shape = (bound.size, padded)
            self.outputs.append(np.empty(shape))
        # What stages keep lies in one array.
        sizes = [
            [rows * (padded if plan.depends[i][1] else 1) for i in stage.kept]
            for stage, (rows, _) in zip(plan.stages, bound.given, strict=True)
        ]
        self.room = np.empty(sum(map(sum, sizes)))
        self.first: list[Any] = [padded]
        place = _address(self.room)
        for kept, (rows, addresses) in zip(sizes, bound.given, strict=True):
            self.first += [rows, *addresses]
            for size in kept:
                self.first.append(place)
                place += size * self.room.itemsize
        weight = [bound.weight] if bound.weight is not None else []
        self.last = [*map(_address, (*self.drawn, *self.cells, *weight, *self.outputs))]

    def fill(self, plan: Plan, samples: Mapping[str, np.ndarray]) -> None:
        """Take over what came; the last draw fills a vector. Sums begin at zero."""
        for name, cells in zip(plan.cells, self.cells, strict=True):
            if len(samples[name]) < self.patterns:
                raise ValueError(f"{name} of {len(samples[name])} patterns, where rows have {self.patterns}")
            cells[:, : self.draws] = samples[name][: self.patterns]
        for name, drawn in zip(plan.drawn, self.drawn, strict=True):
            drawn[: self.draws] = samples[name]
        for array in (*self.drawn, *self.cells):
            array[..., self.draws :] = array[..., self.draws - 1 : self.draws]
        if self.summed:
            for output in self.outputs:
                output.fill(0.0)

    def arguments(self, samples: Mapping[str, np.ndarray]) -> list[Any]:
        """Return the arguments of the compiled function."""
        return [*self.first, *(np.asarray(samples[name], float).item() for name in self.fixed), *self.last]


def make(
    formula: Callable[..., Any],
    names: Sequence[str],
    *,
    columns: Sequence[str],
    drawn: Sequence[str] = (),
    cells: Sequence[str] = (),
    slopes: Sequence[str] = (),
    summed: bool = False,
    apart: bool = False,
) -> Kernel:
    """Return the kernel of a formula.

    Parameters
    ----------
    formula : callable
    names : sequence of str
        Of its arguments.
    columns, drawn, cells : sequence of str
        Arguments that differ between rows; between draws; between patterns of rows, and draws. With cells
        there is a column ``pattern``.
    slopes : sequence of str
        Arguments that are no columns, by which there are derivatives, as further outputs.
    summed : bool
        Whether values are weighted and summed over the rows.
    apart : bool
        Whether values too, as slopes by cells always, are summed for each pattern apart.

    Raises
    ------
    NotArithmetic
        If PyTensor has to compile it.
    """
    program = read(with_derivatives(formula, slopes) if slopes else formula, names)
    columns = [*(name for name in columns if name in names), *(["pattern"] if cells else [])]
    plan = lay_out(program, columns, drawn, cells)
    by_pattern = frozenset(o for o, name in enumerate(slopes, 1) if name in cells) | ({0} if apart else set())
    types = tuple(kind for kind, _ in signature(plan, summed=summed))
    run = function(write(plan, summed=summed, by_pattern=by_pattern), types)
    return Kernel(plan, run, summed, by_pattern)


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def _longer(array: np.ndarray, multiple: int) -> np.ndarray:
    """Return an array whose length is a multiple, the last element repeated; the same where it is one."""
    left = -array.size % multiple
    return np.ascontiguousarray(np.append(array, np.repeat(array[-1:], left)) if left else array)


def _distinct(columns: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return where each distinct combination first stands, and the combination of every row."""
    inverse = np.zeros(columns[0].size, np.int64)
    for column in columns:
        _, own = np.unique(column, return_inverse=True)
        _, inverse = np.unique(inverse * (own.max(initial=0) + 1) + own, return_inverse=True)
    first = np.empty(inverse.max(initial=-1) + 1, np.int64)
    first[inverse[::-1]] = np.arange(inverse.size)[::-1]
    return first, inverse
