"""One place that broadcasts: a formula for one customer and one draw, compiled for draws x rows."""

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
import pytensor
import pytensor.tensor as pt

from bayes_cx.model import Formula, arguments

__all__ = ["evaluate"]

# Draws x rows in one call: large enough to amortise it, and small enough for any machine, because a formula
# with a series holds a dozen arrays of several times this size.
_CELLS = 200_000


@lru_cache(maxsize=64)
def _compiled(formula: Formula, per_row: frozenset[str]) -> Callable[..., np.ndarray]:
    """Compile `formula`; arguments in `per_row` have shape (row, 1), all others (1, draw)."""
    inputs = [
        pt.tensor(name, dtype="float64", shape=(None, 1) if name in per_row else (1, None))
        for name in arguments(formula)
    ]
    output = formula(*inputs)
    return pytensor.function(inputs, output, on_unused_input="ignore")


def evaluate(
    formula: Formula,
    rows: Mapping[str, np.ndarray],
    samples: Mapping[str, np.ndarray],
) -> np.ndarray:
    """Return the values of `formula`, shape (sample, row); the draws of a row are neighbours in memory.

    Parameters
    ----------
    formula : callable
        Of statistics, parameters and options; it broadcasts.
    rows : mapping of str to numpy.ndarray, shape (row,)
        Arguments that differ between customers.
    samples : mapping of str to numpy.ndarray, shape (sample,) or ()
        Arguments that differ between draws, and constants.
    """
    names = arguments(formula)
    call = _compiled(formula, frozenset(names).intersection(rows))
    n = max((np.size(samples[name]) for name in names if name not in rows), default=1)
    size = max((rows[name].size for name in names if name in rows), default=1)
    values = {
        name: np.asarray(rows[name], float)[:, None]
        if name in rows
        else np.array(np.broadcast_to(np.asarray(samples[name], float), (1, n)))
        for name in names
    }
    # Whatever summarises draws runs along memory this way.
    result = np.empty((size, n))
    for start in range(0, size, step := max(1, _CELLS // n)):
        some = slice(start, start + step)
        result[some] = call(*(values[name][some] if name in rows else values[name] for name in names))
    return result.T
