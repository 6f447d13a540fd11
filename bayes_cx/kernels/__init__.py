"""Formulas as machine code: the same PyTensor graphs, taken apart by what they depend on, run by numba."""

from bayes_cx.kernels.kernel import Bound, Kernel, make
from bayes_cx.kernels.reading import NotArithmetic

__all__ = ["Bound", "Kernel", "NotArithmetic", "make"]
