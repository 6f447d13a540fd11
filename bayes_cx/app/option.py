"""What a setting means to a user and what it may be: a note on its type, ``Annotated[int, Option(...)]``."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Option", "above", "at_least", "either", "one_of"]


@dataclass(frozen=True)
class Option:
    """What a setting means to a user, and what it may be.

    Attributes
    ----------
    help : str or callable
        What it is, in a sentence, or what returns it; before values that its type names, without a full stop.
    default : str
        What holds without it, where its default value does not say so.
    metavar : str
        What stands for a value in the help, if not the name of its type.
    check : callable, optional
        Returns what was expected instead of a value, or None if the value is allowed.
    parse : callable, optional
        Turns what was given into what its type allows.
    flag : bool
        Whether there is a flag; else it stands in the TOML file only.
    argument : bool
        Whether it is given by position instead of by a flag.
    path : bool
        Whether it is a path, which a TOML file means from where the file lies.
    record : {"value", "place", "hidden", "none"}
        What provenance keeps: the value, the name of a source without its folders, that there was one, or
        nothing.
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
    """Return a check that a number reaches a limit."""
    return lambda value: None if value >= limit else f"a number of at least {limit:g}"


def one_of(names: Callable[[], Iterable[str]]) -> Callable[[str], str | None]:
    """Return a check that a value is one of these names, which are asked for when it is checked."""
    return lambda value: None if value in names() else f"one of {', '.join(names())}"
