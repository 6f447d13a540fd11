"""SQL of times: as they are written, within the years that can be meant, and in the zone of the calendar."""

from dataclasses import dataclass, replace

from bayes_cx.data.sql import literal

__all__ = ["NO_INSTANT", "NO_TIME", "OUT_OF_YEARS", "YEARS", "TimeSQL", "as_timestamp", "dated"]

# Times outside of these years are typing errors, or stand for "never" and "unknown": 9999-12-31, 0001-01-01.
YEARS = (1800, 2199)
OUT_OF_YEARS = f"time outside the years {YEARS[0]} to {YEARS[1]}"
NO_TIME, NO_INSTANT = "CAST(NULL AS TIMESTAMP)", "CAST(NULL AS TIMESTAMPTZ)"


@dataclass(frozen=True)
class TimeSQL:
    """SQL of a time as it is written, without or with a zone (one of both is NULL), and what follows from it.

    Attributes
    ----------
    plain, zoned, missing : str
        A timestamp, a timestamp with time zone, and the test for an empty cell.
    timezone : str
        That of the calendar.
    clip : bool
        Whether times outside of the `YEARS` become the nearest within; else they are NULL.
    """

    plain: str
    zoned: str
    missing: str
    timezone: str
    clip: bool = False

    def clipped(self) -> "TimeSQL":
        """Return the SQL with times outside of the `YEARS` moved to the nearest within."""
        return replace(self, clip=True)

    @property
    def moment(self) -> str:
        """The time as a clock of the zone shows it."""
        zoned = f"timezone({literal(self.timezone)}, {self._possible(self.zoned, 'TIMESTAMPTZ')})"
        return self._either(self._possible(self.plain, "TIMESTAMP"), zoned)

    @property
    def instant(self) -> str:
        """The same in UTC, which no change of summer time shifts."""
        plain = self._possible(self.plain, "TIMESTAMP")
        if self.timezone != "UTC":
            plain = f"timezone('UTC', timezone({literal(self.timezone)}, {plain}))"
        return self._either(plain, f"timezone('UTC', {self._possible(self.zoned, 'TIMESTAMPTZ')})")

    def _either(self, plain: str, zoned: str) -> str:
        if self.zoned == NO_INSTANT:
            return plain
        return zoned if self.plain == NO_TIME else f"coalesce({plain}, {zoned})"

    def _possible(self, time: str, kind: str) -> str:
        """Return SQL for a time within the `YEARS`; DuckDB cannot move others to another zone."""
        first, last = (f"{kind} '{year}-01-01'" for year in (YEARS[0], YEARS[1] + 1))
        if self.clip:
            return f"CASE WHEN {time} IS NOT NULL THEN least(greatest({time}, {first}), {last}) END"
        return f"CASE WHEN {time} >= {first} AND {time} < {last} THEN {time} END"


def as_timestamp(column: str, kind: str) -> str:
    """Return SQL for a timestamp; DuckDB stops at one in seconds that microseconds cannot hold."""
    if kind not in {"TIMESTAMP_S", "TIMESTAMP_MS"}:
        return f"TRY_CAST({column} AS TIMESTAMP)"
    return (
        f"CASE WHEN {column} < CAST('1000-01-01' AS {kind}) THEN TIMESTAMP '0999-01-01' "
        f"WHEN {column} > CAST('3000-01-01' AS {kind}) THEN TIMESTAMP '3000-01-01' "
        f"ELSE CAST({column} AS TIMESTAMP) END"
    )


def dated(text: str, time: str) -> str:
    """Return SQL that takes no word for a time: DuckDB has a date for 'epoch' and for 'infinity'."""
    return f"CASE WHEN regexp_matches({text}, '[0-9]') THEN {time} END"
