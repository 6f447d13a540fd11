"""Numbers and vectors in LLVM's language: their types and constants, and calls of what it has of its own."""

import struct
from collections.abc import Callable, Iterator, Sequence

from bayes_cx.kernels.program import Program

__all__ = [
    "DECLARED", "INTRINSIC", "LIBRARY", "SHIFT", "WIDTH", "inputs", "intrinsic", "kind", "number",
    "of_library", "one_by_one", "repeated",
]  # fmt: skip

WIDTH = 8
"""How many draws or rows are computed at once; the number of them in a call is a multiple of it."""

# Of the C library, which has them for one number at a time.
LIBRARY = {"gammaln": ("lgamma", 1), "tan": ("tan", 1), "pow": ("pow", 2)}
INTRINSIC = {"abs": "fabs", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "sqrt": "sqrt"}
SHIFT = 2.0**52  # added to a whole number, this leaves it in the last bits of the double
DECLARED = [
    *(
        f"declare double @{name}({', '.join(['double'] * arguments)}) memory(none) nounwind"
        for name, arguments in LIBRARY.values()
    ),
    *(
        f"declare {kind} @llvm.{name}.{suffix}({kind})"
        for name in INTRINSIC.values()
        for kind, suffix in (("double", "f64"), (f"<{WIDTH} x double>", f"v{WIDTH}f64"))
    ),
    f"declare i1 @llvm.vector.reduce.or.v{WIDTH}i1(<{WIDTH} x i1>)",
]


def kind(width: int, of: str = "double") -> str:
    """Return the type of a vector, of a number if it has one element."""
    return f"<{width} x {of}>" if width > 1 else of


def number(value: float) -> str:
    """Return a constant to the last bit."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def inputs(program: Program) -> Iterator[tuple[int, str]]:
    """Return the steps of a program that are inputs, and their names."""
    return ((i, step.what) for i, step in enumerate(program.steps) if step.name == "input")


def intrinsic(name: str, of: str, width: int) -> str:
    """Return the call of what LLVM has of its own."""
    real, suffix = kind(width), f"v{width}f64" if width > 1 else "f64"
    return f"call {real} @llvm.{INTRINSIC[name]}.{suffix}({real} {of})"


def of_library(name: str, of: Sequence[str]) -> str:
    """Return the call of a function of the C library."""
    return f"call double @{LIBRARY[name][0]}({', '.join(f'double {each}' for each in of)})"


def one_by_one(
    it: str,
    of: Sequence[str],
    width: int,
    make: Callable[[str, Sequence[str]], list[str]],
    what: str = "double",
) -> list[str]:
    """Return what makes a vector of numbers that are computed one after the other."""
    if width == 1:
        return make(it, of)
    lines, vector = [], "poison"
    for lane in range(width):
        own = [f"{it}.of{position}.{lane}" for position in range(len(of))]
        lines += [
            f"{name} = extractelement {kind(width, what)} {each}, i64 {lane}"
            for name, each in zip(own, of, strict=True)
        ]
        lines += make(f"{it}.one{lane}", own)
        name = it if lane == width - 1 else f"{it}.to{lane}"
        lines.append(f"{name} = insertelement {kind(width)} {vector}, double {it}.one{lane}, i64 {lane}")
        vector = name
    return lines


def repeated(name: str, of: str, value: str, width: int) -> list[str]:
    """Return the instructions that fill a vector with one value."""
    vector = kind(width, of)
    return [
        f"{name}.first = insertelement {vector} poison, {of} {value}, i64 0",
        f"{name} = shufflevector {vector} {name}.first, {vector} poison, <{width} x i32> zeroinitializer",
    ]
