"""The help, default and limits of a setting, as a note on its type: ``Annotated[int, Option(...)]``."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from bayes_cx.errors import InputError
from bayes_cx.spans import Span

__all__ = [
    "LONGEST",
    "Option",
    "above",
    "at_least",
    "between",
    "checked_span",
    "either",
    "one_of",
    "one_or_many",
    "some_text",
]

LONGEST = 200
"""Years that commands look ahead at most."""


@dataclass(frozen=True)
class Option:
    """The help, default and limits of a setting.

    Attributes
    ----------
    help : str or callable
        A sentence, or a callable that returns one; without a full stop where the values of its type are
        added.
    default : str
        Description of the default, where the default value does not show it.
    metavar : str
        Placeholder for a value in the help, if not the name of its type.
    check : callable, optional
        Returns None if a value is allowed, else a text that says what was expected.
    parse : callable, optional
        Converts a given value to one that its type allows.
    flag : bool
        Whether there is a flag; else the setting can only be in a TOML file.
    argument : bool
        Whether it is given by position instead of by a flag.
    path : bool
        Whether it is a path; in a TOML file it is relative to the folder of that file.
    record : {"value", "place", "hidden", "none"}
        What provenance keeps: the value; the name of a source without its folders; only that there was one;
        or nothing.
    """

    help: str | Callable[[], str]
    default: str = ""
    metavar: str | None = None
    check: Callable[[Any], str | None] | None = None
    parse: Callable[[Any], Any] | None = None
    flag: bool = True
    argument: bool = False
    path: bool = False
    record: Literal["value", "place", "hidden", "none"] = "value"


def either(words: Iterable[str]) -> str:
    """Return words as alternatives.

    Examples
    --------
    >>> either(["reject", "net", "ignore"])
    'reject, net or ignore'
    """
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def above(limit: float) -> Callable[[float], str | None]:
    """Return a check that a number is above a limit."""
    return lambda value: None if value > limit else f"a number above {limit:g}"


def at_least(limit: float) -> Callable[[float], str | None]:
    """Return a check that a number is at least a limit."""
    return lambda value: None if value >= limit else f"a number of at least {limit:g}"


def between(low: float, high: float) -> Callable[[float], str | None]:
    """Return a check that a number is in a range, ends included."""
    return lambda value: None if low <= value <= high else f"a number from {low:g} to {high:g}"


def one_of(names: Callable[[], Iterable[str]]) -> Callable[[str], str | None]:
    """Return a check that a value is one of the names that `names` returns when it is checked."""
    return lambda value: None if value in names() else f"one of {', '.join(names())}"


def one_or_many(value: Any) -> Any:
    """Return the values of a setting that may be given several times; a text alone is one of them."""
    return (value,) if isinstance(value, str) else value


def some_text(text: str) -> str | None:
    """Check that a text is not empty."""
    return None if text else "a text"


def checked_span(span: Any) -> Span:
    """Return how far ahead to look.

    Raises
    ------
    InputError
        If it cannot be read, or is longer than customers and their habits last.
    """
    read = Span.of(str(span))
    if read.in_unit("year") > LONGEST:
        raise InputError(
            f"{read} ahead",
            f"at most {LONGEST} years",
            "look less far; discounting leaves little of the rest",
        )
    return read
