"""What a column of opt-outs says of customers: who refuses all contacts."""

from typing import TYPE_CHECKING

from bayes_cx.errors import InputError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["refuse"]

_YES, _NO = {"yes", "true", "y", "t", "1", "1.0"}, {"no", "false", "n", "f", "0", "0.0", "", "none", "nan"}


def refuse(values: "np.ndarray", column: str) -> "np.ndarray":
    """Return whose value of a column of opt-outs is yes.

    Raises
    ------
    InputError
        If a value is neither yes nor no.
    """
    import numpy as np

    said = np.array([str(value).strip().casefold() for value in values.tolist()])
    known = _YES | _NO
    if unknown := sorted({one for one in said.tolist() if one not in known}):
        raise InputError(
            f"{unknown[0]!r} in the column {column} of opt-outs",
            "yes or no, true or false, 1 or 0",
            "correct the column, or name a file as opt_outs",
        )
    return np.isin(said, sorted(_YES))
