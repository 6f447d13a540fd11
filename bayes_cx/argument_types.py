"""Whether the arguments of a public function have the types that its signature names: one message for all."""

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from numbers import Integral, Real
from typing import Any, Literal, TypeAliasType, Union, get_args, get_origin, get_type_hints

from bayes_cx.errors import InputError

__all__ = ["check_types"]

_SHOWN = 60
_WORDS: dict[Any, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    type(None): "None",
}


def check_types(
    function: Callable[..., Any], given: Mapping[str, Any], advice: Mapping[str, str] | None = None
) -> None:
    """Refuse arguments of another type than the annotations of a function say.

    It is the first line of a function, with ``locals()`` as `given`. What an annotation does not say, such as
    which texts are columns, the function checks itself.

    Parameters
    ----------
    function : callable
    given : mapping of str to Any
        The arguments by name.
    advice : mapping of str to str, optional
        What to do about a wrong argument, by its name.

    Raises
    ------
    InputError
        If one has another type; it says which ones are possible.

    Examples
    --------
    >>> def halved(number: float, names: Sequence[str] | str = ()) -> float:
    ...     check_types(halved, locals())
    ...     return number / 2
    >>> halved(3)
    1.5
    >>> halved("three")
    Traceback (most recent call last):
    bayes_cx.errors.InputError: number='three' in halved; expected a number; pass another value for number.
    """
    for name, kind in _hints(function).items():
        if name in given and not _is(given[name], kind):
            shown = repr(given[name])
            if isinstance(given[name], type(None) | str | int | float | list | tuple | dict):
                shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
                came = f"{name}={shown}"
            else:
                came = f"{name} of type {type(given[name]).__name__}"
            raise InputError(
                f"{came} in {getattr(function, '__name__', 'a function')}",
                " or ".join(dict.fromkeys(_words(kind))),
                (advice or {}).get(name, f"pass another value for {name}"),
            )


@cache
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    return {name: kind for name, kind in get_type_hints(function).items() if name != "return"}


def _is(value: Any, kind: Any) -> bool:
    """Return whether a value is of a type as annotations write it; True where that cannot be said."""
    if isinstance(kind, TypeAliasType):
        return _is(value, kind.__value__)
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return any(_is(value, part) for part in parts)
    if kind is Any or origin is Literal:
        return True
    if kind in (int, float):
        number = Integral if kind is int else Real
        # NumPy has its own numbers that are yes or no.
        return isinstance(value, number) and "bool" not in type(value).__name__
    if kind is bool:
        return "bool" in type(value).__name__
    if origin is tuple:
        if not isinstance(value, Iterable) or isinstance(value, str | Mapping):
            return False
        if len(parts) == 2 and parts[1] is ...:
            return all(_is(one, parts[0]) for one in value)
        items = list(value)
        return len(items) == len(parts) and all(map(_is, items, parts))
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        # Names may be numbers, which become text.
        return isinstance(value, Mapping) and all(_is(one, parts[1]) for one in value.values())
    if origin in (Sequence, list, Iterable):
        if not isinstance(value, Iterable) or isinstance(value, str | bytes | Mapping):
            return False
        # What can be gone through only once is left alone.
        return not hasattr(value, "__len__") or all(_is(one, parts[0]) for one in value)
    if origin is Callable:
        return callable(value)
    if isinstance(origin, type):
        return isinstance(value, origin)
    return isinstance(value, kind) if isinstance(kind, type) else True


def _words(kind: Any) -> list[str]:
    """Return a type in words, each of several by itself."""
    if isinstance(kind, TypeAliasType):
        return _words(kind.__value__)
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return [word for part in parts for word in _words(part)]
    if kind in _WORDS:
        return [_WORDS[kind]]
    if origin is tuple and not (len(parts) == 2 and parts[1] is ...):
        return [f"{len(parts)} values, each {_words(parts[0])[0]}"]
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return [f"a dictionary with {' or '.join(_words(parts[1]))} for each name"]
    if origin in (Sequence, list, tuple, Iterable):
        return [f"a list, each {' or '.join(_words(parts[0]))}"]
    if origin is Callable:
        return ["a function"]
    if origin is Literal:
        return [", ".join(map(repr, parts))]
    name = getattr(kind, "__name__", str(kind))
    return [f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"]
