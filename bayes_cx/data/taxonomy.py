"""From raw events to the states of journeys: patterns of names, the first that fits."""

import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from bayes_cx.errors import InputError

__all__ = ["Taxonomy"]

_PARTS = ("event", "channel", "reason", "initiator")

_EXPECTED = (
    "for each state a pattern, or a list of patterns or of tables such as {event = 'call', channel = 'phone'}"
)


@dataclass(frozen=True, init=False)
class Taxonomy:
    """A mapping from raw events to states.

    Patterns are those of file names: ``*`` stands for anything, ``?`` for one letter, ``[ab]`` for one of
    these. Upper and lower case are the same. The first state with a pattern that fits counts.

    Parameters
    ----------
    states : mapping of str to patterns
        For each state one or several patterns of the event; or mappings of ``event``, ``channel``, ``reason``
        and ``initiator`` to patterns that must all fit.
    optional : sequence of str
        Which of these need not be there: patterns of them then fit no event.

    Raises
    ------
    InputError
        If it is not of this form.

    Examples
    --------
    >>> taxonomy = Taxonomy({"complaint": {"event": "call*", "reason": "*bill*"}, "help": ["call*", "chat"]})
    >>> taxonomy.state_of(event="Call centre", reason="wrong bill"), taxonomy.state_of(event="CHAT")
    ('complaint', 'help')
    >>> taxonomy.state_of(event="visit") is None
    True
    """

    states: Mapping[str, tuple[Mapping[str, str], ...]]
    optional: tuple[str, ...]

    def __init__(self, states: Mapping[str, Any], optional: Sequence[str] = ()) -> None:
        if not isinstance(states, Mapping) or not states:
            raise InputError(
                f"a taxonomy {states!r}", _EXPECTED, "write for example {'help': ['call*', 'chat']}"
            )
        read = {state: tuple(_rules(state, rules)) for state, rules in states.items()}
        object.__setattr__(self, "states", read)
        object.__setattr__(self, "optional", tuple(optional))

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "Taxonomy":
        """Read a taxonomy from a TOML file, whose table ``states`` holds the patterns.

        Raises
        ------
        InputError
            If the file cannot be read, or is not of this form.
        """
        try:
            found = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InputError(
                f"a taxonomy in {Path(path).name} that cannot be read ({error})", "a TOML file", "correct it"
            ) from error
        return cls(found.get("states", {}))

    @classmethod
    def operator(cls) -> "Taxonomy":
        """Return a taxonomy of the six journeys of a service operator.

        Purchase, help, management, payment, complaint and termination, by English names of events as systems
        write them, and by the reason where there is one. What it does not know stays unmapped, and is
        counted.

        Examples
        --------
        >>> taxonomy = Taxonomy.operator()
        >>> taxonomy.state_of(event="invoice_paid"), taxonomy.state_of(event="contract cancelled")
        ('payment', 'termination')
        """
        return cls(cls.read(Path(__file__).with_name("operator.toml")).states, optional=("reason",))

    @property
    def parts(self) -> tuple[str, ...]:
        """The roles that the patterns look at."""
        used = {part for rules in self.states.values() for rule in rules for part in rule}
        return tuple(part for part in _PARTS if part in used)

    def without(self, missing: Sequence[str]) -> "Taxonomy":
        """Return the taxonomy without the patterns that look at these roles."""
        kept = {
            state: [rule for rule in rules if not set(rule) & set(missing)]
            for state, rules in self.states.items()
        }
        return Taxonomy({state: rules for state, rules in kept.items() if rules}, self.optional)

    def state_of(self, **parts: str | None) -> str | None:
        """Return the state of an event, None for one that is not mapped.

        Parameters
        ----------
        **parts : str or None
            ``event``, ``channel``, ``reason`` and ``initiator``.
        """
        cells = {part: (text or "").strip().lower() for part, text in parts.items()}
        for state, rules in self.states.items():
            if any(all(fnmatchcase(cells.get(part, ""), rule[part]) for part in rule) for rule in rules):
                return state
        return None


def _rules(state: Any, rules: Any) -> Iterable[Mapping[str, str]]:
    several: Sequence[Any] = [rules] if isinstance(rules, str | Mapping) else rules
    if not isinstance(state, str) or not state.strip() or not isinstance(several, Sequence) or not several:
        raise InputError(
            f"the state {state!r} with {rules!r}", _EXPECTED, "write for example help = ['call*']"
        )
    for rule in several:
        parts = {"event": rule} if isinstance(rule, str) else rule
        if not (
            isinstance(parts, Mapping)
            and parts
            and set(parts) <= set(_PARTS)
            and all(isinstance(pattern, str) for pattern in parts.values())
        ):
            raise InputError(
                f"the pattern {rule!r} of the state {state!r}",
                _EXPECTED,
                f"name only {', '.join(_PARTS)}",
            )
        yield {part: pattern.strip().lower() for part, pattern in parts.items()}
