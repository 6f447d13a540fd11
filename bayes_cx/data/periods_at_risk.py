"""From events to periods at risk, as SQL: who was at risk when, what was known by then, what came first.

Time is counted in whole microseconds from the end of observation, which is 0, and in cells, one period long
each, that end there: landmark j is the moment j periods from the end, and an event is part of what is known
there if it happened, and was known, before it. So an event of which only the day is known, written as
midnight, is no part of what was known when that day began.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bayes_cx.clock import end_of
from bayes_cx.data.customers_table import CustomersTable
from bayes_cx.data.events import Events
from bayes_cx.data.features import Feature, Features
from bayes_cx.data.groups import NO_GROUP, as_text
from bayes_cx.data.sql import literal

__all__ = ["PeriodsAtRisk", "micros"]

_LONG_AGO = -(2**62)


def micros(days: float) -> int:
    """Return days as whole microseconds."""
    return round(days * 86_400e6)


@dataclass(frozen=True)
class PeriodsAtRisk:
    """How events become periods at risk.

    Attributes
    ----------
    events : Events
    causes : tuple of str
        The events that are waited for.
    repeats : tuple of str
        Those of them after which a customer is still at risk.
    start : str
        The event that puts a customer at risk; empty for the first of any.
    until : str
        End of observation in UTC.
    period : float
        Length of a period in days.
    times : int
        How many periods the event is waited for.
    since : float
        Landmarks before this, in days from the end of observation, are left out.
    counted, channels : tuple of str
        What is counted, by event and by channel.
    features : Features
    groups : mapping of str to str
        Prefix in queries -> column of the events that describes the customer.
    customers : CustomersTable or None
    """

    events: Events
    causes: tuple[str, ...]
    repeats: tuple[str, ...]
    start: str
    until: str
    period: float
    times: int
    since: float
    counted: tuple[str, ...]
    channels: tuple[str, ...]
    windows: tuple[float, ...]
    features: Features
    groups: Mapping[str, str]
    customers: CustomersTable | None

    @property
    def step(self) -> int:
        """Length of a period in microseconds."""
        return micros(self.period)

    @cached_property
    def columns(self) -> dict[str, Feature]:
        """The features by the name of their column in queries."""
        found = [
            *(
                Feature(f"{name}, {_days(window)}", "counts", "count", name, window)
                for name in self.counted
                for window in self.windows
            ),
            *(
                Feature(f"{name} (channel), {_days(window)}", "channels", "count", name, window)
                for name in self.channels
                for window in self.windows
            ),
        ]
        if self.features.value and self.events.schema.value is not None:
            found += [Feature(f"value, {_days(w)}", "value", "value", "", w) for w in self.windows]
        if self.features.recency:
            found += [Feature(f"since {name}", "recency", "recency", name) for name in self.counted]
            found.append(Feature("since any event", "recency", "recency"))
        if self.features.season:
            waves = ("season, yearly wave", "season, yearly wave shifted", "season, half-yearly wave")
            found += [Feature(name, "season", "share") for name in (*waves, f"{waves[-1]} shifted")]
        named = {f"f_{place}": feature for place, feature in enumerate(found)}
        named |= {
            prefix: Feature(name, name, "category", name)
            for prefix, name in self.groups.items()
            if name in self.features.columns
        }
        if self.customers is not None:
            named |= {
                f"c_{place}": Feature(name, name, "number" if number else "category", name)
                for place, (name, number) in enumerate(self.customers.columns.items())
            }
        # Files of statistics cannot hold a slash in the name of a column.
        return {
            at: Feature(f.name.replace("/", "\u2215"), *list(f.plain().values())[1:])
            for at, f in named.items()
        }

    @cached_property
    def _known(self) -> str:
        """View of the events until the end: ``customer``, ``state``, when they happened and were known."""
        end = f"epoch_us(TIMESTAMP {literal(self.until)})"
        zone = self.events.schema.timezone
        known = "known" if zone == "UTC" else f"timezone('UTC', timezone({literal(zone)}, known))"
        cells = as_text(self.groups)
        names = "".join(f", {group}" for group in cells)
        rows = self.events.table.view(
            "events_before_the_end",
            f"""SELECT CAST(customer AS VARCHAR) AS customer, state, channel, value,
epoch_us(instant) - {end} AS took_place,
coalesce(greatest(epoch_us(instant), epoch_us({known})), epoch_us(instant)) - {end} AS known{names}
FROM {self.events.rows(cells)} WHERE state IS NOT NULL AND customer IS NOT NULL""",
        )
        return self.events.table.view(
            "events_known", f"SELECT * FROM {rows} WHERE took_place < 0 AND known < 0"
        )

    def _cell(self, time: str) -> str:
        """Return SQL for the first landmark after a time that is below 0."""
        return f"(1 - ({self.step - 1} - ({time})) // {self.step})"

    @cached_property
    def _risk(self) -> str:
        """View of the customers: the landmark at which each comes under observation, and when it ends."""
        ends = [cause for cause in self.causes if cause not in self.repeats]
        ended = f"min(took_place) FILTER (state IN ({_names(ends)}))" if ends else "NULL"
        begins = f"FILTER (state = {literal(self.start)})" if self.start else ""
        first = f"arg_min(took_place, {{'known': known, 'took_place': took_place}}) {begins}"
        return self.events.table.view(
            "customers_at_risk",
            f"""SELECT customer, {first} AS began, {self._cell(f"min(known) {begins}")} AS enters,
{ended} AS ended FROM {self._known} GROUP BY customer HAVING began IS NOT NULL""",
        )

    def grid(self, last: int) -> str:
        """Return the view of the landmarks up to `last` at which each customer was at risk."""
        # Who has left before a landmark is not at risk there.
        leaves = f"coalesce({self._cell('ended')} - 1, {last})"
        first = f"greatest(enters, {-((micros(-self.since)) // self.step)})" if self.since < 0 else "enters"
        return self.events.table.view(
            "landmarks",
            f"""SELECT customer, began, unnest(range({first}, least({last}, {leaves}) + 1)) AS j
FROM {self._risk}""",
        )

    def first_events(self) -> str:
        """Return the view of the first event after each landmark: ``customer``, ``j``, ``event``."""
        # At equal times the one that is named first counts.
        place = f"list_position([{_names(self.causes)}], state)"
        return self.events.table.view(
            "first_events",
            f"""SELECT customer, j, arg_min(state, {{'took_place': took_place, 'place': place}}) AS event
FROM (
SELECT customer, state, took_place, {place} AS place,
unnest(range({self._cell("took_place")} - {self.times}, {self._cell("took_place")})) AS j
FROM {self._known} WHERE state IN ({_names(self.causes)})) GROUP BY customer, j""",
        )

    def table(self, last: int, *, labelled: bool, single: bool = False) -> str:
        """Return the view of the rows: one a customer and landmark at risk.

        Parameters
        ----------
        last : int
            The last landmark.
        labelled : bool
            Whether the first event after the landmark is looked for.
        single : bool
            Whether only the last landmark counts.
        """
        view, grid = self.events.table.view, self.grid(last)
        if single:
            # All that has changed until then adds up to what is known there.
            grid = view("last_landmark", f"SELECT * FROM {grid} WHERE j = {last}")
            changes, running = self._summed(over="", landmarks=False)
            found = view(
                "features_at_the_last_landmark",
                f"""SELECT customer, j, began{running}
FROM {grid} AS grid LEFT JOIN {changes} AS changes USING (customer)""",
            )
        else:
            changes, running = self._summed(over=" OVER past", landmarks=True)
            wide = view(
                "known_at_landmarks",
                f"""SELECT grid.customer AS at_risk, coalesce(grid.customer, changes.customer) AS customer,
coalesce(grid.j, changes.j) AS j, grid.began, changes.* EXCLUDE (customer, j)
FROM {grid} AS grid FULL JOIN {changes} AS changes
ON grid.customer = changes.customer AND grid.j = changes.j""",
            )
            found = view(
                "features_at_landmarks",
                f"""SELECT at_risk IS NOT NULL AS counts, customer, j, began{running} FROM {wide}
WINDOW past AS (PARTITION BY customer ORDER BY j ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)""",
            )
            found = view("rows_at_risk", f"SELECT * EXCLUDE (counts) FROM {found} WHERE counts")
        if self.customers is not None:
            cells = "".join(f", known.c_{place}" for place in range(len(self.customers.columns)))
            found = view(
                "rows_with_customers",
                f"""SELECT rows.*{cells} FROM (SELECT *, j * {self.step} AS moment FROM {found}) AS rows
ASOF LEFT JOIN {self.customers.view} AS known
ON rows.customer = known.customer AND rows.moment >= known.since""",
            )
        if labelled:
            found = view(
                "labelled_rows",
                f"""SELECT rows.*, coalesce(first.event, '') AS event FROM {found} AS rows
LEFT JOIN {self.first_events()} AS first ON rows.customer = first.customer AND rows.j = first.j""",
            )
        shown = ", ".join(f"{self._shown(at, feature)} AS {at}" for at, feature in self.columns.items())
        extra = "".join(
            f", coalesce({at}, {literal(NO_GROUP)}) AS {at}" for at in self.groups if at not in self.columns
        )
        age = self._rounded(f"(j * {self.step} - began) / {self.step}")
        event = ", event" if labelled else ""
        return view(
            "shown_rows",
            f"SELECT customer, j, {age} AS age{event}{', ' + shown if shown else ''}{extra} FROM {found}",
        )

    def _summed(self, over: str, landmarks: bool) -> tuple[str, str]:
        """Return the view of changes by customer, and landmark, and SQL for what they add up to."""
        cells, running = [], []
        for at, feature in self.columns.items():
            of = {"counts": "state", "channels": "channel", "recency": "state"}.get(feature.family)
            which = f" FILTER ({of} = {literal(feature.of)})" if of and feature.of else ""
            if feature.form in ("count", "value"):
                what = "n" if feature.form == "count" else "v"
                cells.append(f"sum({what}_{self.windows.index(feature.window)}){which} AS {at}")
                total = f"sum({at}){over}" if over else f"changes.{at}"
                running.append(f"coalesce({total}, 0) AS {at}")
            elif feature.form == "recency":
                cells.append(f"max(latest){which} AS {at}")
                running.append(f"max({at}){over} AS {at}" if over else f"changes.{at}")
        for prefix in self.groups:
            cells.append(f"max({prefix}) AS {prefix}")
            running.append(
                f"(max({prefix}){over}).cell AS {prefix}" if over else f"changes.{prefix}.cell AS {prefix}"
            )
        by = "customer, j" if landmarks else "customer"
        every = "".join(f", {cell}" for cell in cells)
        # First by event and channel, which leaves far fewer rows to be looked at for each feature.
        numbers = range(len(self.windows))
        sums = "".join(f", sum(n_{w}) AS n_{w}, sum(v_{w}) AS v_{w}" for w in numbers)
        groups = "".join(f", max({prefix}) AS {prefix}" for prefix in self.groups)
        narrow = self.events.table.view(
            "changes_by_event",
            f"""SELECT {by}, state, channel, max(latest) AS latest{sums}{groups} FROM {self._moves}
WHERE j <= 0 GROUP BY {by}, state, channel""",
        )
        changes = self.events.table.view("changes", f"SELECT {by}{every} FROM {narrow} GROUP BY {by}")
        return changes, "".join(f", {one}" for one in running)

    @cached_property
    def _moves(self) -> str:
        """View of the events as they become known, and as they leave each window.

        In window w ``n_w`` counts them, and ``v_w`` adds up their values; ``latest`` is when they happened.
        """
        numbers, known = range(len(self.windows)), self._cell("known")
        leaves = []
        for window in self.windows:
            span = micros(window)
            leaves.append(
                f"CASE WHEN took_place + {span} >= 0 THEN 1 ELSE {self._cell(f'took_place + {span}')} END"
            )
        enters = "".join(
            f", CASE WHEN {known} < {leaves[w]} THEN 1.0 END AS n_{w}, "
            f"CASE WHEN {known} < {leaves[w]} THEN CAST(value AS DOUBLE) END AS v_{w}"
            for w in numbers
        )
        groups = "".join(
            f", CASE WHEN {prefix} IS NOT NULL "
            f"THEN {{'took_place': took_place, 'cell': {prefix}}} END AS {prefix}"
            for prefix in self.groups
        )
        parts = [
            f"""SELECT customer, state, channel, {known} AS j, took_place AS latest{enters}{groups}
FROM {self._known}"""
        ]
        nothing = "".join(", NULL" for _ in self.groups)
        for w in numbers:
            out = "".join(
                ", -1.0, -CAST(value AS DOUBLE)" if other == w else ", NULL, NULL" for other in numbers
            )
            parts.append(
                f"""SELECT customer, state, channel, {leaves[w]} AS j, NULL{out}{nothing} FROM {self._known}
WHERE {known} < {leaves[w]} AND took_place + {micros(self.windows[w])} < 0"""
            )
        return self.events.table.view("moves", " UNION ALL ".join(parts))

    def _shown(self, at: str, feature: Feature) -> str:
        """Return SQL for a feature as it is kept: rounded numbers, times in periods, text not empty."""
        if feature.form == "category":
            return f"coalesce({at}, {literal(NO_GROUP)})"
        if feature.form == "share":
            return self._season(at)
        if feature.form == "recency":
            # What never happened has not happened since the customer came.
            return self._rounded(f"(j * {self.step} - coalesce({at}, began)) / {self.step}")
        return self._rounded(f"CAST({at} AS DOUBLE)")

    def _rounded(self, x: str) -> str:
        """Return SQL for a number with the significant binary digits that are kept."""
        digits = self.features.digits
        if digits is None:
            return f"CAST({x} AS DOUBLE)"
        # Residues of sums of values are no values.
        power = f"pow(2, floor(log2(abs({x}))) - {digits - 1})"
        rounded = f"round(({x}) / {power}) * {power}"
        return f"CASE WHEN abs({x}) < 1e-9 THEN 0.0 WHEN {x} IS NOT NULL THEN {rounded} END"

    def _season(self, at: str) -> str:
        """Return SQL for waves over the year at the landmark, in hundredths."""
        number = [f for f in self.columns if self.columns[f].form == "share"].index(at)
        end = end_of(self.until)
        year = f"({end.timestamp() / 86_400 / 365.25!r} + j * {self.period / 365.25!r})"
        wave = ("sin", "cos")[number % 2]
        return f"round({wave}(2 * pi() * {1 + number // 2} * {year}), 2)"


def _days(days: float) -> str:
    """Return a span of days as words."""
    for unit, length in (("day", 1.0), ("hour", 1 / 24), ("minute", 1 / 1440)):
        number = days / length
        if abs(number - round(number)) < 1e-9:
            return f"{round(number)} {unit}{'' if round(number) == 1 else 's'}"
    return f"{days:.6g} days"


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(literal, names))
