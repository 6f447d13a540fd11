"""Machine code of this computer, made by LLVM."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import llvmlite.binding as llvm

__all__ = ["function"]

_TYPES = {"i64": ctypes.c_int64, "double": ctypes.c_double}
# Programs come without repetition and in vectors. More passes over them than these, and functions written out
# where they are called, take three times as long to compile and do not make kernels faster.
_PASSES, _INSTRUCTIONS = 1, 2  # levels of optimisation: before and while instructions are selected


@dataclass(frozen=True, eq=False)
class _Function:
    """Compiled code, and the engine that owns it."""

    run: Callable[..., None]
    engine: llvm.ExecutionEngine

    def __call__(self, *arguments: float) -> None:
        self.run(*arguments)


@cache
def function(module: str, types: tuple[str, ...]) -> Callable[..., None]:
    """Return the function ``kernel`` of a module in LLVM's language.

    It releases the interpreter lock, and may run in several threads at once.

    Parameters
    ----------
    module : str
    types : tuple of str
        Of the arguments: ``"i64"``, ``"double"``, or else an array, for which its address is given.
    """
    parsed = llvm.parse_assembly(module)
    parsed.triple = llvm.get_process_triple()
    options = llvm.create_pipeline_tuning_options(speed_level=_PASSES)
    options.loop_vectorization, options.inlining_threshold = False, 0
    builder = llvm.create_pass_builder(_target(), options)
    builder.getModulePassManager().run(parsed, builder)
    engine = llvm.create_mcjit_compiler(parsed, _target())
    engine.finalize_object()
    of: list[Any] = [_TYPES.get(each, ctypes.c_void_p) for each in types]
    return _Function(ctypes.CFUNCTYPE(None, *of)(engine.get_function_address("kernel")), engine)


def _target() -> llvm.TargetMachine:
    _initialise()
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=_INSTRUCTIONS,
        jit=True,
    )


@cache
def _initialise() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
