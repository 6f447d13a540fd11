"""Formulas as machine code: the same PyTensor graphs, taken apart by what they depend on, run by numba."""
