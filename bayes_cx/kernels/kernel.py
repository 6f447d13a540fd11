"""Kernels: formulas ready to be evaluated for rows x draws."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_cx.kernels.reading import NotArithmetic, read, with_derivatives
from bayes_cx.kernels.source import read_by, write
from bayes_cx.kernels.staging import Plan, lay_out
from bayes_cx.kernels.stored import load

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
        self.kernel, self.weight = kernel, weight
        self.patterns = int(rows["pattern"].max()) + 1 if "pattern" in rows else 0
        plan = kernel.plan
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
        self.given: list[Any] = []
        for stage in plan.stages:
            if not stage.columns:
                continue
            first = firsts[stage.columns]
            own = [np.ascontiguousarray(columns[name][first]) for name in sorted(stage.columns)]
            others = [np.ascontiguousarray(inverses[s][first]) for s in read_by(stage) if s]
            self.given += [own[0].size, *own, *others]

    def __call__(self, samples: Mapping[str, np.ndarray], draws: int) -> list[np.ndarray]:
        """Evaluate.

        Parameters
        ----------
        samples : mapping of str to numpy.ndarray
            Fixed inputs of shape (), drawn ones of shape (draw,), those of cells of shape (pattern, draw).
        draws : int

        Returns
        -------
        list of numpy.ndarray
            Of each output, shape (row, draw), or (draw,) or (pattern, draw) if summed over rows.
        """
        plan, kernel = self.kernel.plan, self.kernel
        fixed = [float(samples[name]) for name in plan.fixed]
        # Compiled code checks no bounds: whatever came has the length that it reads.
        drawn = [_filled(samples[name], (draws,)) for name in plan.drawn]
        for name in plan.cells:
            if len(samples[name]) < self.patterns:
                raise ValueError(f"{name} of {len(samples[name])} patterns, where rows have {self.patterns}")
            drawn.append(_filled(samples[name], (len(samples[name]), draws)))
        if kernel.summed:
            outputs = [
                np.zeros((self.patterns, draws) if o in kernel.by_pattern else draws)
                for o in range(len(plan.program.outputs))
            ]
            kernel.run(draws, *self.given, *fixed, *drawn, self.weight, *outputs)
        else:
            outputs = [np.empty((self.size, draws)) for _ in plan.program.outputs]
            kernel.run(draws, *self.given, *fixed, *drawn, *outputs)
        return outputs


def make(
    formula: Callable[..., Any],
    names: Sequence[str],
    *,
    columns: Sequence[str],
    drawn: Sequence[str] = (),
    cells: Sequence[str] = (),
    slopes: Sequence[str] = (),
    summed: bool = False,
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
        Drawn and cell arguments by which there are derivatives, as further outputs.
    summed : bool
        Whether values are weighted and summed over the rows.

    Raises
    ------
    NotArithmetic
        If PyTensor has to compile it.
    """
    if getattr(formula, "inner", 1) > 1:
        raise NotArithmetic("an integral over each customer, for which whole arrays are faster")
    program = read(with_derivatives(formula, slopes) if slopes else formula, names)
    columns = [*(name for name in columns if name in names), *(["pattern"] if cells else [])]
    plan = lay_out(program, columns, drawn, cells)
    by_pattern = frozenset(o for o, name in enumerate(slopes, 1) if name in cells)
    return Kernel(plan, load(write(plan, summed=summed, by_pattern=by_pattern)), summed, by_pattern)


def _filled(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return values of some shape, repeated where there is one for all."""
    return np.ascontiguousarray(np.broadcast_to(values, shape), np.float64)


def _distinct(columns: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return where each distinct combination first stands, and the combination of every row."""
    inverse = np.zeros(columns[0].size, np.int64)
    for column in columns:
        _, own = np.unique(column, return_inverse=True)
        _, inverse = np.unique(inverse * (own.max(initial=0) + 1) + own, return_inverse=True)
    first = np.empty(inverse.max(initial=-1) + 1, np.int64)
    first[inverse[::-1]] = np.arange(inverse.size)[::-1]
    return first, inverse
