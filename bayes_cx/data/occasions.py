"""Purchase occasions: what one customer bought on one day (or in one hour) is one purchase."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from bayes_cx.clock import Clock
from bayes_cx.data import groups
from bayes_cx.data.rejected import rejected_rows
from bayes_cx.data.schema import AFTER_END, CANCELLED, UNMATCHED_RETURN, Schema
from bayes_cx.data.sources import Source
from bayes_cx.data.sql import literal

__all__ = ["Occasions", "hour_sql", "step_sql"]


@dataclass(frozen=True)
class Occasions:
    """The purchase occasions up to the end of observation, step by step as views.

    Parameters
    ----------
    source : Source
        Where the rows are.
    schema : Schema
        What they mean.
    clock : Clock
        How time is counted.
    end : int
        Last observed step of the clock.
    groups : mapping of str to str
        Group columns: prefix in the result -> column of the source.
    """

    source: Source
    schema: Schema
    clock: Clock
    end: int
    groups: Mapping[str, str] = field(default_factory=dict)

    def until(self, end: int) -> "Occasions":
        """Return the occasions up to another step, without groups."""
        return replace(self, end=end, groups={})

    @property
    def view(self) -> str:
        """View with ``customer``, ``d`` (step), ``paid``, ``n`` (rows), and the groups.

        For each group: its last known value with its time, its smallest and its greatest value.
        """
        days = self.days
        return self.source.view(
            "occasions",
            f"SELECT * EXCLUDE (returns) FROM {days} WHERE d IS NOT NULL AND (returns = 0 OR paid > 0)",
        )

    def steps_of(self, customer: object) -> np.ndarray:
        """Return the steps on which one customer bought, in order, int64; empty for one who is not there."""
        who = literal(str(customer))
        query = f"SELECT d FROM {self.view} WHERE CAST(customer AS VARCHAR) = {who} ORDER BY d"
        return self.source.run(query).column("d").to_numpy().astype(np.int64)

    @property
    def days(self) -> str:
        """View of the days with purchases, net of returns; ``returns`` counts the days with returns."""
        if self.schema.returns != "net":
            return self._grouped("days", "sum(amount) AS paid, 0 AS returns")
        return self.source.view(
            "days",
            f"""SELECT customer, home AS d, sum(bought) + coalesce(sum(returned), 0) AS paid, sum(n) AS n,
count(returned) AS returns{groups.again(self.groups)}
FROM {self.homes} GROUP BY customer, home""",
        )

    @property
    def homes(self) -> str:
        """View that finds for each day the last day with a purchase: there its returns belong."""
        money = "sum(amount) FILTER (amount >= 0) AS bought, sum(amount) FILTER (amount < 0) AS returned"
        raw = self._grouped("raw_days", money)
        return self.source.view(
            "homes",
            f"""SELECT *, max(d) FILTER (bought IS NOT NULL) OVER (PARTITION BY customer ORDER BY d) AS home
FROM {raw}""",
        )

    def _grouped(self, name: str, money: str) -> str:
        rows = self.schema.judged(self.source, groups.as_text(self.groups))
        step = step_sql(self.clock)
        return self.source.view(
            name,
            f"""SELECT customer, {step} AS d, {money}, count(*) AS n{groups.last_known(self.groups)}
FROM {rows} WHERE accepted AND {step} <= {self.end} GROUP BY customer, d""",
        )

    def reasons(self, rows_accepted: int, rows_used: int) -> dict[str, int]:
        """Count the accepted rows that are part of no occasion, by reason.

        Parameters
        ----------
        rows_accepted, rows_used : int
            Number of rows that satisfy the schema, and of those that are part of occasions.
        """
        found = {}
        if self.schema.returns == "net":
            row = self.source.run(
                f"""SELECT coalesce(sum(n) FILTER (d IS NULL), 0)::BIGINT AS unmatched,
coalesce(sum(n) FILTER (d IS NOT NULL AND returns > 0 AND paid <= 0), 0)::BIGINT AS cancelled
FROM {self.days}"""
            ).to_pylist()[0]
            found = {UNMATCHED_RETURN: row["unmatched"], CANCELLED: row["cancelled"]}
        found[AFTER_END] = rows_accepted - rows_used - sum(found.values())
        return {reason: n for reason, n in found.items() if n}

    def left_out(self, lines: bool) -> str:
        """Return the view of all rows in no occasion, with reasons; see `rejected.rejected_rows`."""
        step = step_sql(self.clock)
        reason, joins = f"WHEN {step} > {self.end} THEN {literal(AFTER_END)}", ""
        if self.schema.returns == "net":
            joins = (
                f"LEFT JOIN {self.homes} AS homes\n"
                f"ON judged.accepted AND judged.customer = homes.customer AND {step} = homes.d\n"
                f"LEFT JOIN {self.days} AS days ON homes.customer = days.customer AND homes.home = days.d"
            )
            reason += (
                f" WHEN homes.home IS NULL THEN {literal(UNMATCHED_RETURN)}"
                f" WHEN days.returns > 0 AND days.paid <= 0 THEN {literal(CANCELLED)}"
            )
        return rejected_rows(
            self.source,
            lambda extra, rows: self.schema.judged(self.source, extra, rows),
            self.schema.roles,
            lines=lines,
            reason=f"CASE WHEN reason IS NOT NULL THEN reason {reason} END",
            joins=joins,
        )


def step_sql(clock: Clock) -> str:
    """Return SQL for the step of a clock that a row with ``moment`` and ``instant`` lies in."""
    if clock.step == "hour":
        return f"epoch_us({hour_sql('moment', 'instant')}) // 3600000000"
    return "CAST(CAST(moment AS DATE) - DATE '1970-01-01' AS BIGINT)"


def hour_sql(moment: str, instant: str) -> str:
    """Return SQL for the beginning of a step in hours, in UTC, as `Clock.step_of` finds it.

    The hour begins where the clock of the zone shows a full one, also in zones half an hour from UTC.
    """
    return f"date_trunc('hour', {instant} - ({moment} - date_trunc('hour', {moment})))"
