"""One place that broadcasts: a formula for one customer and one draw, compiled for draws x rows."""

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
import pytensor
import pytensor.tensor as pt

from bayes_cx.model import Formula, arguments

__all__ = ["evaluate"]

# Draws x rows in one call: small enough for the cache and for any machine, large enough to amortise the call.
_CELLS = 2_000_000


@lru_cache(maxsize=64)
def _compiled(formula: Formula, per_row: frozenset[str]) -> Callable[..., np.ndarray]:
    """Compile `formula`; arguments in `per_row` have shape (1, row), all others (draw, 1)."""
    inputs = [
        pt.tensor(name, dtype="float64", shape=(1, None) if name in per_row else (None, 1))
        for name in arguments(formula)
    ]
    output = formula(*inputs)
    return pytensor.function(inputs, output, on_unused_input="ignore")


def evaluate(
    formula: Formula,
    rows: Mapping[str, np.ndarray],
    samples: Mapping[str, np.ndarray],
) -> np.ndarray:
    """Return the values of `formula`, shape (sample, row).

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
    per_row = frozenset(name for name in names if name in rows)
    call = _compiled(formula, per_row)
    n = max((np.size(samples[name]) for name in names if name not in rows), default=1)
    size = max((rows[name].size for name in per_row), default=1)
    across = {
        name: np.broadcast_to(np.asarray(samples[name], float), n)[:, None]
        for name in names
        if name not in rows
    }
    down = {name: np.asarray(rows[name], float)[None, :] for name in per_row}
    result = np.empty((n, size))
    for start in range(0, size, step := max(1, _CELLS // n)):
        some = slice(start, start + step)
        values = {**across, **{name: column[:, some] for name, column in down.items()}}
        result[:, some] = call(*(np.ascontiguousarray(values[name]) for name in names))
    return result
