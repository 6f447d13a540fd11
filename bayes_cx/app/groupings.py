"""How covariates, groupings and spans by sort are written on the command line and in a TOML file."""

from collections.abc import Mapping
from typing import Any

from bayes_cx.errors import InputError
from bayes_cx.spans import Span

__all__ = ["no_formulas", "no_groupings", "one_line_each", "spans_by_sort"]


def one_line_each(given: Any) -> Any:
    """Return covariates as lines ``coordinate=formula``, in whichever way they were given.

    Raises
    ------
    InputError
        If one of them is not of this form, or a coordinate has two formulas.

    Examples
    --------
    >>> one_line_each({"dropout": "channel"}), one_line_each("dropout = channel + age")
    (('dropout=channel',), ('dropout=channel + age',))
    """
    if isinstance(given, Mapping):
        lines: Any = [f"{name}={text}" for name, text in given.items()]
    else:
        lines = [given] if isinstance(given, str) else given
    if not isinstance(lines, list | tuple):
        return given
    pairs = [tuple(part.strip() for part in str(line).partition("=")[::2]) for line in lines]
    wrong = not all(name.isidentifier() and text for name, text in pairs)
    if wrong or len({name for name, _ in pairs}) < len(pairs):
        raise InputError(
            "covariates",
            "a coordinate of the model, = and columns, such as 'purchase_rate=channel + age', each once",
            "write all columns of a coordinate into one formula",
        )
    return tuple(f"{name}={text}" for name, text in pairs)


def spans_by_sort(given: Any) -> Any:
    """Return for how long contacts count as lines ``sort=span``, or ``span`` for all other sorts.

    Raises
    ------
    InputError
        If a span cannot be read, or two are for the same.

    Examples
    --------
    >>> spans_by_sort("4 weeks"), spans_by_sort({"mail": "10 days", "visit": "always"})
    (('4 weeks',), ('mail=10 days', 'visit=always'))
    """
    if isinstance(given, Mapping):
        given = [f"{name}={span}" for name, span in given.items()]
    lines = [given] if isinstance(given, str) else given
    if not isinstance(lines, list | tuple):
        return given
    pairs = [_sort_and_span(str(line)) for line in lines]
    for _, span in pairs:
        if span != "always":
            Span.of(span)
    if len({name for name, _ in pairs}) < len(pairs):
        raise InputError("contacts that last twice", "one span for each sort", "leave one of them out")
    return tuple(f"{name}={span}" if name else span for name, span in pairs)


def _sort_and_span(line: str) -> tuple[str, str]:
    name, mark, span = (part.strip() for part in line.rpartition("="))
    return (name, span) if mark else ("", span)


def no_groupings(texts: tuple[str, ...]) -> str | None:
    """Return what was expected in place of these groupings, or None where they can be read."""
    from bayes_cx.inference.design import groupings  # which loads more than `--help` needs

    try:
        for text in texts:
            groupings(text)
    except InputError as error:
        return f"{error.expected}, such as 'country / store'"
    return None


def no_formulas(lines: tuple[str, ...]) -> str | None:
    """Return what was expected in place of these formulas, or None where they can be read."""
    from bayes_cx.inference.design import variables

    try:
        for line in lines:
            variables(line.split("=", 1)[1])
    except InputError as error:
        return f"{error.expected}, without ~ and -1"
    return None
