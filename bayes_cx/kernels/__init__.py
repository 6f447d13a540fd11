"""Formulas as machine code: the same PyTensor graphs, taken apart by what they depend on."""

from bayes_cx.kernels.kernel import Bound, Kernel, make
from bayes_cx.kernels.program import NotArithmetic
from bayes_cx.kernels.vectors import WIDTH

__all__ = ["WIDTH", "Bound", "Kernel", "NotArithmetic", "make"]
