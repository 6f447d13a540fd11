"""The one place where functions are compiled: of data and parameters, and once in the life of a process.

PyTensor's default linker, numba, is kept. Compared on BG/NBD and Pareto/NBD (CPU seconds for the density and
five formulas, two cores) the C linker loads warm functions faster (2.5 and 5 against 7 and 7), but from cold
caches takes one and a half times as long (46 and 63 against 31 and 40), lets only one process compile at a
time, and needs a C++ compiler. Compiled functions run equally fast. nutpie uses numba as well.
"""

from collections.abc import Callable, Hashable, Sequence
from threading import Lock, RLock
from typing import Any

import pytensor
from pytensor.compile.mode import Mode

__all__ = ["AS_WRITTEN", "compiled", "kept"]

# Evaluates the formula as it is written, operation by operation. Nothing is compiled, but loops over scalars
# run in Python: for some hundred values.
AS_WRITTEN = Mode(linker="py", optimizer=None)

_KEPT: dict[Hashable, Any] = {}
# PyTensor compiles in one thread at a time.
_COMPILING = RLock()


def kept[T](key: Hashable, make: Callable[[], T]) -> T:
    """Return what `make` makes, the same object for every call with an equal `key` in this process.

    Parameters
    ----------
    key : hashable
        Everything that `make` depends on: formulas, by identity, and the shapes and types of their arguments.
    make : callable
        Without arguments.
    """
    with _COMPILING:
        if key not in _KEPT:
            _KEPT[key] = make()
        return _KEPT[key]


def compiled(inputs: Sequence[Any], outputs: Any, *, as_written: bool = False) -> Callable[..., Any]:
    """Return a function of `inputs` that any thread may call.

    Parameters
    ----------
    inputs : sequence of tensor
        Those that no output needs are ignored.
    outputs : tensor or list of tensor
    as_written : bool
        Whether to evaluate every operation by itself, uncompiled: cheap to make and slow to run.
    """
    with _COMPILING:
        mode = AS_WRITTEN if as_written else None
        call = pytensor.function(inputs, outputs, mode=mode, on_unused_input="ignore")
    running = Lock()

    def run(*values: Any) -> Any:
        with running:
            return call(*values)

    return run
