"""The one place where PyTensor compiles functions of data and parameters, each once in a process.

Kernels (`bayes_cx.kernels`) need no PyTensor compiler; this is for what they do not cover. PyTensor's default
linker, numba, is kept: nutpie uses it as well, and it needs no C++ compiler.
"""

import os
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from threading import Lock, RLock
from typing import Any

import pytensor
from pytensor.compile.mode import Mode

from bayes_cx.errors import InputError

__all__ = ["AS_WRITTEN", "SIMPLIFIED", "compiled", "engine", "kept", "uses_kernels"]

# Else every function that PyTensor compiles leaves a file of its source among the temporary files of the
# system; here PyTensor names it by its content, and removes what was not used for long.
if not pytensor.config.generated_src_dir:
    pytensor.config.generated_src_dir = str(Path(pytensor.config.compiledir) / "generated_source")

_ENGINES = ("kernels", "pytensor")
_ENGINE: ContextVar[str | None] = ContextVar("engine", default=None)


@contextmanager
def engine(name: str) -> Iterator[None]:
    """Evaluate formulas by ``"kernels"``, as is usual, or as PyTensor compiles them: ``"pytensor"``.

    Both evaluate the same graphs. The environment variable ``BAYES_CX_ENGINE`` sets what is usual.

    Parameters
    ----------
    name : {"kernels", "pytensor"}

    Raises
    ------
    InputError
        If there is no such engine.

    Examples
    --------
    >>> with engine("pytensor"):
    ...     uses_kernels()
    False
    """
    if name not in _ENGINES:
        raise InputError(f"engine {name!r}", " or ".join(_ENGINES), "name one of these")
    token = _ENGINE.set(name)
    try:
        yield
    finally:
        _ENGINE.reset(token)


def uses_kernels() -> bool:
    """Say whether formulas are evaluated by kernels.

    Raises
    ------
    InputError
        If the environment names an engine that there is not.
    """
    name = _ENGINE.get() or os.environ.get("BAYES_CX_ENGINE", "kernels")
    if name not in _ENGINES:
        raise InputError(f"BAYES_CX_ENGINE={name}", " or ".join(_ENGINES), "set one of these")
    return name == "kernels"


# PyTensor takes None for no optimisation, and does not say so in its types.
_NOTHING: Any = None
AS_WRITTEN = Mode(linker="py", optimizer=_NOTHING)
"""Evaluates operations one by one, uncompiled: for formulas without loops over scalars, or few values."""
SIMPLIFIED = Mode(linker="py", optimizer="fast_compile")
"""The same after the graph was simplified, for what is evaluated some hundred times."""

_KEPT: dict[Hashable, Any] = {}
# PyTensor compiles in one thread at a time.
_COMPILING = RLock()


def kept[T](key: Hashable, make: Callable[[], T]) -> T:
    """Return what `make` makes, the same object for every call with an equal `key` in this process.

    Parameters
    ----------
    key : hashable
        All that `make` depends on: formulas, compared by identity, and the shapes and types of their
        arguments.
    make : callable
        Without arguments.
    """
    with _COMPILING:
        if key not in _KEPT:
            _KEPT[key] = make()
        return _KEPT[key]


def compiled(
    inputs: Sequence[Any], outputs: Any, *, mode: Mode | None = None, exact: bool = False
) -> Callable[..., Any]:
    """Return a function of arrays, which any thread may call.

    Parameters
    ----------
    inputs : sequence of tensor
        Those that no output needs are ignored.
    outputs : tensor or list of tensor
    mode : pytensor.compile.mode.Mode, optional
    exact : bool
        Whether all arguments will be arrays of the type and dimensions of `inputs`. They are then not looked
        at, which takes half the time of a call where data are few.
    """
    with _COMPILING:
        call = pytensor.function(inputs, outputs, mode=mode, on_unused_input="ignore")
    call.trust_input = exact
    running = Lock()

    def run(*values: Any) -> Any:
        with running:
            return call(*values)

    return run
