"""Combinators: formulas made of other formulas, whose arguments are merged by name.

The names of a formula's arguments say what it needs. A formula made of several needs the union of their
arguments: `arguments` reads it from `Combined.names`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytensor.tensor as pt

from bayes_cx.model import Formula, arguments

__all__ = [
    "OPTIONS",
    "Combined",
    "at",
    "call",
    "combined",
    "log_likelihood",
    "of",
    "p_alive",
    "renamed",
    "times",
]

_PIECE = ("ahead", "begin", "width", "passed", "pace")
OPTIONS = ("t", "t1", "t2", "count", "discount", "keep", *_PIECE)
"""The options of formulas: arguments that are neither statistics nor parameters.

The last are of a clock that all customers share: how far it goes until t, and a piece of the time to t.
"""


@dataclass(frozen=True, eq=False)
class Combined:
    """A formula made of others.

    Attributes
    ----------
    names : tuple of str
        The names of its arguments.
    body : callable
        ``body(given) -> value`` of a mapping with these names.
    inner : int
        How many values are held for each one that comes out, which says how much can be evaluated at once.
    """

    names: tuple[str, ...]
    body: Callable[[Mapping[str, Any]], Any]
    inner: int = 1

    def __call__(self, *values: Any, **more: Any) -> Any:
        """Return the value for arguments by position or name."""
        return self.body(dict(zip(self.names, values, strict=False)) | more)


def call(formula: Formula, given: Mapping[str, Any]) -> Any:
    """Return the value of a formula, with the arguments that it needs from `given`."""
    return formula(**{name: given[name] for name in arguments(formula)})


def combined(body: Callable[[Mapping[str, Any]], Any], *formulas: Formula) -> Combined:
    """Return the formula `body`, whose arguments are those of all `formulas`, options first.

    Examples
    --------
    >>> combined(lambda given: 0.0, lambda x, r: x, lambda t, x: t).names
    ('t', 'x', 'r')
    """
    names = dict.fromkeys(name for formula in formulas for name in arguments(formula))
    return Combined((*(n for n in OPTIONS if n in names), *(n for n in names if n not in OPTIONS)), body)


def at(formula: Formula, **fixed: Any) -> Combined:
    """Return a formula with some arguments fixed; names that are not its arguments are ignored.

    Examples
    --------
    >>> at(lambda t, x, r: t + x + r, x=1.0, T=2.0).names
    ('t', 'r')
    """
    known = {name: value for name, value in fixed.items() if name in arguments(formula)}
    names = tuple(name for name in arguments(formula) if name not in known)
    return Combined(names, lambda given: formula(**given, **known))


def renamed(formula: Formula, **names: str) -> Combined:
    """Return a formula with other names for some of its arguments, ``new="old"``."""
    new = {old: name for name, old in names.items()}
    own = {new.get(old, old): old for old in arguments(formula)}
    return Combined(tuple(own), lambda given: formula(**{own[name]: value for name, value in given.items()}))


def times(*factors: Formula) -> Combined:
    """Return the product of formulas."""

    def product(given: Mapping[str, Any]) -> Any:
        first, *others = (call(factor, given) for factor in factors)
        for other in others:
            first = first * other
        return first

    return combined(product, *factors)


def of(formula: Formula, believed: Formula) -> Combined:
    """Return a formula of posterior parameters (`believed`) as one of a customer's history.

    Parameters
    ----------
    formula : callable
        Of options, and of what is believed, in that order.
    believed : callable
        Of statistics and parameters; gives what is believed, as a tuple in the order of `formula`.
    """
    options = tuple(name for name in arguments(formula) if name in OPTIONS)

    def value(given: Mapping[str, Any]) -> Any:
        return formula(*(given[name] for name in options), *call(believed, given))

    return combined(value, Combined(options, value), believed)


def log_likelihood(log_active: Formula, log_odds_gone: Formula) -> Combined:
    """Return the log-likelihood: that of the active customer times (1 + odds of having left).

    Where the odds are zero their logarithm is -inf, with a finite gradient.
    """
    return combined(
        lambda given: call(log_active, given) + pt.softplus(call(log_odds_gone, given)),
        log_active,
        log_odds_gone,
    )


def p_alive(log_odds_gone: Formula) -> Combined:
    """Return the chance to be active, from the log odds of having left."""
    return combined(lambda given: pt.sigmoid(-call(log_odds_gone, given)), log_odds_gone)
