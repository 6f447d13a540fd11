"""From events to journeys, as SQL: where each journey begins and ends, and what happened in which order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from bayes_cx.clock import Clock, end_of
from bayes_cx.data.column_names import free
from bayes_cx.data.events import Events, check_events
from bayes_cx.data.groups import NO_GROUP, as_text, numbered
from bayes_cx.data.sql import ident, literal
from bayes_cx.errors import InputError
from bayes_cx.kinds import STAYS
from bayes_cx.spans import FINE_UNITS, Span, check_unit

__all__ = ["EXIT", "KEY", "START", "Journeys", "end_of_observation"]

START, EXIT = "start", "exit"
"""The states in which a journey begins, and in which one without a target ends."""
KEY = "who, visit, number"
"""What tells journeys apart, in queries."""
# Events of equal times follow in the order of their rows.
_ORDER = "instant, line"


@dataclass(frozen=True)
class Journeys:
    """How events become journeys, and journeys become stays in states.

    Parameters
    ----------
    events : Events
    targets : tuple of str
        States that end a journey; what follows one within the journey is cut.
    journey : str
        What a journey is: ``"customer"`` (all that a customer did), ``"session"``, or the span without an
        event after which a new one begins, such as ``"30 minutes"``.
    close : Span or None
        A journey of sessions has ended once nothing came for so long.
    until : str
        End of observation in UTC, as ISO text.
    include_until : bool
        Whether an event at this very moment counts: it does where the last event says when observation ends.
        Else it belongs to what comes later, as midnight belongs to the next day.
    unit : str
        Unit of waiting times.
    resolution : Span
        Waiting times are rounded to it.
    groups : mapping of str to str
        Name in queries -> column of groups; a journey has the values of its first event.
    """

    events: Events
    targets: tuple[str, ...]
    journey: str
    close: Span | None
    until: str
    include_until: bool
    unit: str
    resolution: Span
    groups: Mapping[str, str]

    @classmethod
    def of(
        cls,
        events: Any,
        targets: Sequence[str] | str,
        journey: str,
        close: Any,
        until: Any,
        unit: str,
        resolution: Any,
        by: Sequence[str] | str,
    ) -> "Journeys":
        """Return journeys from what users write; see `summarise_stays`."""
        check_events(events)
        named = (targets,) if isinstance(targets, str) else tuple(targets)
        check_unit(unit, FINE_UNITS)
        grid = Span(FINE_UNITS[unit] / 60, "day") if resolution is None else Span.of(resolution, unit)
        if not grid.number > 0:
            raise InputError(
                f"resolution={resolution!r}", "a span above zero", "write for example '1 minute'"
            )
        if journey == "session" and events.schema.session is None:
            raise InputError(
                "journeys by session, of events without sessions",
                "a column of sessions, 'customer', or a span such as '30 minutes'",
                "pass session='...' to bcx.read_events, or journey='30 minutes'",
            )
        end: Span | None = None
        if journey not in ("customer", "session"):
            end = _silence(journey)
        elif close is not None:
            end = Span.of(close, unit)
        elif journey == "session":
            end = Span(30, "minute")
        names = numbered(by, events.table.types)
        if taken := [name for name in names.values() if name in STAYS.columns]:
            raise InputError(f"group column {taken[0]!r}", "a name that is no statistic", "rename the column")
        groups = {f"of_{prefix}": name for prefix, name in names.items()}
        found = cls(
            events, named, journey, end, end_of_observation(events, until), until is None, unit, grid, groups
        )
        found.check_targets()
        return found

    def check_targets(self) -> None:
        """Refuse targets that no journey can reach, and states of names that are taken.

        Raises
        ------
        InputError
            If a target is no state, or a state is called like the beginning or the end of a journey.
        """
        known = self.states
        if taken := [name for name in (START, EXIT, "") if name in known]:
            raise InputError(
                f"a state called {taken[0]!r}",
                f"other names than {START!r} and {EXIT!r}, which every journey begins and may end with",
                "rename it by a taxonomy (states=)",
            )
        if missing := [name for name in self.targets if name not in known]:
            raise InputError(
                f"no event {', '.join(map(repr, missing))} until {self.until} in {self.events.source}",
                f"one of {', '.join(map(repr, known[:50]))}" if known else "some event until then",
                "check the spelling, upper and lower case included"
                if known
                else "pass a later end of observation (until), or look at the rejected rows",
            )

    @cached_property
    def states(self) -> list[str]:
        """The states of the events until the end of observation, in alphabetical order."""
        last, end = self.events.dates.last_instant, datetime.fromisoformat(self.until)
        all_seen = last is not None and (self.include_until or last.replace(tzinfo=None) < end)
        if all_seen and self.events.states is None and self.events.schema.known_at is None:
            return sorted({str(event) for event in self.events.counts["event"]})
        found = self.events.table.run(f"SELECT DISTINCT state FROM {self._known} ORDER BY state")
        return [str(state) for state in found["state"].to_pylist()]

    @property
    def _known(self) -> str:
        """View of the events with a state that had happened and were known at the end of observation."""
        cells = {
            name: f"coalesce({group}, {literal(NO_GROUP)})" for name, group in as_text(self.groups).items()
        }
        # A time at which something was known has no zone of its own: it is compared as clocks show it.
        later = "" if self.events.schema.known_at is None else f" AND known {self._until} {self._moment}"
        table = self.events.table
        number = ident(free("line", {name.lower() for name in table.types}))
        lines = table.view("numbered_events", f"SELECT *, row_number() OVER () AS {number} FROM {table.sql}")
        return table.view(
            "known_events",
            f"""SELECT * FROM {self.events.rows({**cells, "line": number}, lines)}
WHERE state IS NOT NULL AND instant {self._until} TIMESTAMP {literal(self.until)}{later}""",
        )

    @property
    def _until(self) -> str:
        return "<=" if self.include_until else "<"

    @property
    def _moment(self) -> str:
        """SQL for the end of observation as a clock of the zone shows it."""
        zone = self.events.schema.timezone
        end = f"TIMESTAMP {literal(self.until)}"
        return end if zone == "UTC" else f"timezone({literal(zone)}, timezone('UTC', {end}))"

    @property
    def steps(self) -> str:
        """View of the events of journeys: what tells these apart, ``place`` (from 1), and what events have.

        ``targets_before`` counts the targets that the journey has reached before.
        """
        view = self.events.table.view
        # Visits of nobody known are journeys of their own.
        anonymous = "CASE WHEN customer IS NULL THEN session END AS visit"
        if self.journey == "customer":
            named = view(
                "journeys", f"SELECT *, customer AS who, {anonymous}, 0 AS number FROM {self._known}"
            )
        elif self.journey == "session":
            # Somebody who logs in during a visit is the same visitor before it.
            same = "min(customer) OVER (PARTITION BY session), max(customer) OVER (PARTITION BY session)"
            logged_in = f"CASE WHEN session IS NOT NULL THEN list_distinct([{same}]) ELSE [] END"
            found = view("visitors", f"SELECT *, {logged_in} AS visitors FROM {self._known}")
            known = "coalesce(customer, CASE WHEN len(visitors) = 1 THEN visitors[1] END)"
            named = view(
                "journeys",
                f"""SELECT * EXCLUDE (visitors) REPLACE ({known} AS customer),
{known} AS who, session AS visit, 0 AS number FROM {found}""",
            )
        else:
            assert self.close is not None
            gap = f"INTERVAL {round(self.close.in_unit('second') * 1e6)} MICROSECONDS"
            found = view("visitors", f"SELECT *, customer AS who, {anonymous} FROM {self._known}")
            since = "instant - lag(instant) OVER (PARTITION BY who, visit ORDER BY instant)"
            marked = view(
                "gaps_of_events", f"SELECT *, coalesce({since} > {gap}, true) AS begins FROM {found}"
            )
            number = "sum(CAST(begins AS INTEGER)) OVER (PARTITION BY who, visit ORDER BY instant)"
            named = view("journeys", f"SELECT * EXCLUDE (begins), {number} AS number FROM {marked}")
        apart = self._apart
        reached = f"coalesce(sum(CAST({self._is_target('state')} AS INTEGER)) OVER before, 0)"
        # All windows are one, so that events are sorted once.
        return view(
            "steps",
            f"""SELECT *, row_number() OVER along AS place, {self._is_target("state")} AS is_target,
{reached if self.targets else 0} AS targets_before,
coalesce(lag(state) OVER along, {literal(START)}) AS state_before,
lead(state) OVER along AS state_after, lead(instant) OVER along AS instant_after,
{"".join(f"first_value({name}) OVER along AS first_{name}, " for name in self.groups)}
FROM {named}
WINDOW along AS (PARTITION BY {apart} ORDER BY {_ORDER}),
before AS (PARTITION BY {apart} ORDER BY {_ORDER} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)""",
        )

    @property
    def _apart(self) -> str:
        """The part of `KEY` in which these journeys can differ: a sort by less is a faster one."""
        visits = self.events.schema.session is not None
        numbered = self.journey not in ("customer", "session")
        return ", ".join(["who", *(["visit"] if visits else []), *(["number"] if numbered else [])])

    @property
    def stays(self) -> str:
        """View of the stays, one row each, the first of each journey being that in the start.

        Its columns are ``customer``, ``session``, what tells journeys apart, ``place``, ``before``,
        ``state``, ``next`` (NULL while the stay goes on), ``instant`` (when it began), ``seconds`` and the
        groups.
        """
        view = self.events.table.view
        end, last, wait = f"TIMESTAMP {literal(self.until)}", "NULL", "silent"
        if self.close is not None:
            close = repr(self.close.in_unit("second"))
            last = f"CASE WHEN silent > {close} THEN {literal(EXIT)} END"
            wait = f"least(silent, {close})"
        names = "".join(f", first_{name} AS {name}" for name in self.groups)
        # The first event ends the stay in the start and, unless it is a target, begins another.
        stays = "CASE WHEN place > 1 THEN [place] WHEN is_target THEN [0] ELSE [0, 1] END"
        rows = view(
            "stays_of_events",
            f"""SELECT *, epoch(instant_after - instant) AS waited, epoch({end} - instant) AS silent,
unnest({stays}) AS stay FROM {self.steps} WHERE targets_before = 0 AND (place = 1 OR NOT is_target)""",
        )
        return view(
            "stays",
            f"""SELECT customer, session, {KEY}, stay AS place, instant,
CASE WHEN stay = 0 THEN '' ELSE state_before END AS before,
CASE WHEN stay = 0 THEN {literal(START)} ELSE state END AS state,
CASE WHEN stay = 0 THEN state ELSE coalesce(state_after, {last}) END AS next,
CASE WHEN stay = 0 THEN 0.0 ELSE coalesce(waited, {wait}) END AS seconds{names} FROM {rows}""",
        )

    def _is_target(self, state: str) -> str:
        names = ", ".join(map(literal, self.targets))
        return f"{state} IN ({names})" if names else "false"


def _silence(journey: Any) -> Span:
    try:
        return Span.of(journey)
    except InputError as error:
        raise InputError(
            f"journey={journey!r}",
            "'customer', 'session', or a span such as '30 minutes'",
            "pass one of these",
        ) from error


def end_of_observation(events: Events, until: Any) -> str:
    """Return the end of observation in UTC, by default the time of the last event.

    What happens at that very moment is later, but for the last event itself; a date means the midnight after.
    """
    if until is not None:
        return end_of(until, events.schema.timezone).isoformat(" ")
    if events.dates.lone_last is not None:
        events.dates.step_of(None, Clock("day", events.schema.timezone))  # which says what is wrong
    if events.dates.last_instant is None:
        raise events.nothing("events")
    return events.dates.last_instant.replace(tzinfo=None).isoformat(" ")
