"""The one place that broadcasts: a formula for one customer and one draw, compiled for draws x rows."""

from collections.abc import Callable, Mapping

import numpy as np
import pytensor.tensor as pt

from bayes_cx.compiling import compiled, kept, uses_kernels
from bayes_cx.errors import InputError
from bayes_cx.kernels import WIDTH, Kernel, NotArithmetic, make
from bayes_cx.model import Formula, arguments
from bayes_cx.progress import counted

__all__ = ["evaluate"]

# Draws x rows in one call: large enough to amortise it, and small enough for any machine, because a formula
# with a series holds a dozen arrays of several times this size.
_CELLS = 500_000


def _compiled(
    formula: Formula, per_row: frozenset[str], per_cell: frozenset[str]
) -> Callable[..., np.ndarray]:
    """Compile `formula`; arguments have shape (row, 1), (row, draw) or, all others, (1, draw)."""
    inputs = [
        pt.tensor(
            name,
            dtype="float64",
            shape=(None, 1) if name in per_row else (None, None) if name in per_cell else (1, None),
        )
        for name in arguments(formula)
    ]
    return compiled(inputs, formula(*inputs))


def _kernel(
    formula: Formula, per_row: tuple[str, ...], per_cell: tuple[str, ...], drawn: tuple[str, ...]
) -> Kernel | None:
    """Return the kernel of a formula, None if it is none of plain numbers."""

    def compile_() -> Kernel | None:
        try:
            return make(formula, arguments(formula), columns=per_row, cells=per_cell, drawn=drawn)
        except NotArithmetic:
            return None

    return kept(("kernel", formula, per_row, per_cell, drawn), compile_)


def _by_kernel(
    kernel: Kernel, rows: Mapping[str, np.ndarray], samples: Mapping[str, np.ndarray], n: int
) -> np.ndarray:
    """Return the values, shape (row, draw): some draws at once, so that what rows share fits a cache."""
    bound = kernel.bind(rows)
    size = bound.size
    if not any(np.ndim(samples[name]) for name in kernel.plan.program.inputs if name in samples):
        return np.broadcast_to(bound(samples, 1)[0], (size, n))
    # Fewer than a vector of them would cost as much.
    together = min(n, max(WIDTH, _CELLS // size // WIDTH * WIDTH))
    given = {name: np.asarray(value, float) for name, value in samples.items()}
    # Of parameters by pattern the draws become the last axis, as they are of all others.
    given = {name: value.T if value.ndim == 2 else value for name, value in given.items()}
    if together == n:
        return bound(given, n)[0]
    result = np.empty((size, n))
    slices = (slice(start, min(start + together, n)) for start in range(0, n, together))
    for some in counted(slices, "draws", n):
        block = {name: v[..., some] if v.ndim and v.shape[-1] == n else v for name, v in given.items()}
        result[:, some] = bound(block, some.stop - some.start)[0]
    return result


def _by_pytensor(
    formula: Formula,
    per_row: tuple[str, ...],
    per_cell: tuple[str, ...],
    rows: Mapping[str, np.ndarray],
    samples: Mapping[str, np.ndarray],
    n: int,
) -> np.ndarray:
    """Return the values, shape (row, draw)."""
    names = arguments(formula)
    key = (formula, frozenset(per_row), frozenset(per_cell))
    call = kept(key, lambda: _compiled(*key))
    size = max((column.size for column in rows.values()), default=1)
    together = max(1, _CELLS // (n * getattr(formula, "inner", 1)))
    fixed = {
        name: np.array(np.broadcast_to(np.asarray(samples[name], float), (1, n)))
        for name in names
        if name not in {*per_row, *per_cell}
    }
    # Summaries over draws then read contiguous memory.
    result = np.empty((size, n))
    slices = (slice(start, min(start + together, size)) for start in range(0, size, together))
    for some in counted(slices, "histories", size):
        values = dict(fixed)
        values |= {name: np.asarray(rows[name][some], float)[:, None] for name in per_row}
        values |= {name: samples[name].T[rows["pattern"][some]] for name in per_cell}
        result[some] = call(*(values[name] for name in names))
    return result


def evaluate(
    formula: Formula,
    rows: Mapping[str, np.ndarray],
    samples: Mapping[str, np.ndarray],
    *,
    never: bool = False,
) -> np.ndarray:
    """Return the values of `formula`, shape (sample, row); the draws of a row are neighbours in memory.

    Parameters
    ----------
    formula : callable
        Of statistics, parameters and options; it broadcasts.
    rows : mapping of str to numpy.ndarray, shape (row,)
        Arguments that differ between customers, and ``pattern`` where parameters do.
    samples : mapping of str to numpy.ndarray, shape (sample,), (sample, pattern) or ()
        Arguments that differ between draws, and constants.
    never : bool
        Whether infinity is allowed as a value.

    Raises
    ------
    InputError
        If a value is not finite: a NaN must not travel into means, orders and plans.
    """
    names = arguments(formula)
    per_row = tuple(name for name in names if name in rows)
    per_cell = tuple(name for name in names if name not in rows and np.ndim(samples[name]) == 2)
    n = max(
        (np.shape(samples[name])[0] for name in names if name not in rows and np.ndim(samples[name])),
        default=1,
    )
    drawn = tuple(name for name in names if name not in rows and np.ndim(samples[name]) == 1)
    kernel = _kernel(formula, per_row, per_cell, drawn) if uses_kernels() else None
    if kernel is None:
        result = _by_pytensor(formula, per_row, per_cell, rows, samples, n)
    else:
        result = _by_kernel(kernel, rows, samples, n)
    size = len(result)
    bad = np.isnan(result) if never else ~np.isfinite(result)
    if np.any(bad):
        raise InputError(
            f"a quantity that is not finite for {int(bad.any(axis=1).sum())} of {size} histories, "
            f"in {int(bad.any(axis=0).sum())} of {n} draws",
            "statistics, a horizon and draws for which the formulas are finite",
            "shorten the horizon, or look at the extreme draws of the posterior",
        )
    return result.T
