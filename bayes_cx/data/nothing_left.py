"""What to do where every row was rejected: the error that says so names the most frequent reason."""

from collections.abc import Callable, Mapping

from bayes_cx.data.schema import (
    AFTER_END,
    CANCELLED,
    TOO_MUCH,
    UNMATCHED_RETURN,
    UNREADABLE_AMOUNT,
)
from bayes_cx.data.sources import NO_ROWS, NOT_UTF8, Source
from bayes_cx.data.sql import ident, literal
from bayes_cx.data.time_sql import OUT_OF_YEARS
from bayes_cx.errors import InputError

__all__ = ["nothing_left", "why_nothing"]

_TIMES = "name the format of the times, such as time_format='%d.%m.%Y', or another column"
_END = "pass a later end of observation (until)"
_DO = {
    "unreadable time": _TIMES,
    "unreadable start": _TIMES,
    "unreadable end": _TIMES,
    OUT_OF_YEARS: _TIMES,
    OUT_OF_YEARS.replace("time", "start"): _TIMES,
    UNREADABLE_AMOUNT: "say how the amounts are written (decimal, thousands), or name another column",
    TOO_MUCH: "say how the amounts are written (decimal, thousands), or name another column",
    "negative amount": "pass returns='net' or returns='keep' if these are purchases, or turn their sign",
    "return, ignored": "pass returns='net' or returns='keep' if these are purchases, or turn their sign",
    "zero amount": "pass zero_amounts='keep', or name the column with what was paid",
    AFTER_END: _END,
    "start after the end of observation": _END,
    "end before start": "check which column is the start and which the end",
    UNMATCHED_RETURN: "pass returns='keep' if negative amounts are purchases, or turn their sign",
    CANCELLED: "pass returns='keep' if negative amounts are purchases",
    **dict.fromkeys(NO_ROWS, "check how the lines are separated and quoted"),
    NOT_UTF8: "name the encoding of the file, such as encoding='cp1252'",
}


def nothing_left(
    source: Source,
    expected: str,
    rejected: Mapping[str, int],
    cells: Callable[[Mapping[str, str]], str],
    roles: Mapping[str, str],
) -> InputError:
    """Return the error that no row is left, with what to do about the most frequent reason.

    Parameters
    ----------
    source : Source
    expected : str
        What a row would have been, such as "purchases up to 2024-12-31".
    rejected : mapping of str to int
        Rejected rows by reason.
    cells : callable
        ``cells({"cell": sql})`` returns a view with ``reason`` and that column; see `Schema.judged`.
    roles : mapping of str to str
        For each role, as reasons call it, the name of its column.
    """
    counts = _counted(rejected)
    most = max(rejected, key=lambda reason: rejected[reason], default="")
    do = _DO.get(most, "check the columns")
    if "start" in roles and "amount" in most:  # contracts, whose amounts are written in one way
        do = "write the amounts as numbers with a decimal point, or name another column"
    role = most.rpartition(" ")[2]
    # A cell may hold an id, which pseudonyms must hide.
    if most.startswith("unreadable ") and role in roles and not source.pseudonymous:
        view = cells({"cell": f"CAST({ident(roles[role])} AS VARCHAR)"})
        found = source.run(f"SELECT cell FROM {view} WHERE reason = {literal(most)} LIMIT 1")
        do += "".join(f"; one of them is {str(cell)[:40]!r}" for cell in found["cell"].to_pylist())
    return InputError(
        f"every row of {source.label} was rejected ({counts or 'there is none'})",
        expected,
        do,
    )


def why_nothing(error: InputError, rejected: Mapping[str, int]) -> str:
    """Return what follows "every row was rejected": how many for which reason, and what to do.

    Parameters
    ----------
    error : InputError
        From `nothing_left`.
    rejected : mapping of str to int
        Rejected rows by reason.
    """
    return f" ({_counted(rejected)}): {error.do}"


def _counted(rejected: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {reason}" for reason, n in rejected.items())
