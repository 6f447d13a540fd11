"""Seeds of random streams: whole numbers that every generator takes."""

from typing import Any

import numpy as np

from bayes_cx.errors import InputError

__all__ = ["checked_seed"]

_MOST = 2**64 - 1


def checked_seed(seed: Any) -> int:
    """Return a seed as an int.

    Raises
    ------
    InputError
        If it is no whole number from 0 to 2^64 - 1.

    Examples
    --------
    >>> checked_seed(1)
    1
    """
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if not (whole and 0 <= seed <= _MOST):
        raise InputError(f"seed={seed!r}", "a whole number from 0 to 2^64 - 1", "pass for example seed=1")
    return int(seed)
