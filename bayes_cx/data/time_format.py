"""Formats of times are those of strftime; one as spreadsheets write it is refused with its translation."""

import re

from bayes_cx.errors import InputError

__all__ = ["check_format"]

_PARTS = re.compile(r"yyyy|yy|dd|hh24|hh|mi|mm|ss|[a-z]+", re.IGNORECASE)
_CODES = {"yyyy": "%Y", "yy": "%y", "dd": "%d", "hh24": "%H", "hh": "%H", "mi": "%M", "ss": "%S", "t": "T"}


def check_format(time_format: str) -> None:
    """Refuse a format of times in which nothing stands for a part of a time, with what to write.

    Raises
    ------
    InputError
        If it has no code of strftime, such as ``%Y``.

    Examples
    --------
    >>> check_format("%d.%m.%Y")
    >>> try:
    ...     check_format("DD.MM.YYYY HH:MM")
    ... except InputError as error:
    ...     print(error.do)
    pass time_format='%d.%m.%Y %H:%M'
    """
    if "%" not in time_format:
        do = _translated(time_format) or "%d.%m.%Y"
        raise InputError(
            f"time_format={time_format!r}",
            "a format of strftime: %d is the day, %m the month, %Y the year, %H the hour, %M the minute",
            f"pass time_format={do!r}",
        )


def _translated(time_format: str) -> str | None:
    """Return the format in codes of strftime; None where a part of it is not known."""
    written, rest = [], 0
    for part in _PARTS.finditer(time_format):
        name = part[0].lower()
        # The letters of months and of minutes are the same; minutes come after hours.
        code = ("%M" if "%H" in written else "%m") if name == "mm" else _CODES.get(name)
        if code is None:
            return None
        written += [time_format[rest : part.start()], code]
        rest = part.end()
    return "".join([*written, time_format[rest:]]) if written else None
