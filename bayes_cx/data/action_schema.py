"""What the columns of an action log mean, and which of its rows are acceptable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bayes_cx.data.schema import Schema
from bayes_cx.data.sources import Source
from bayes_cx.data.sql import ident, literal
from bayes_cx.errors import InputError

__all__ = ["NUMBERS", "TEXTS", "ActionSchema", "actions_given"]

TEXTS = ("action", "model", "run")
"""The roles whose columns hold text."""

NUMBERS = ("propensity", "expected", "expected_sd")
"""The roles whose columns hold numbers."""

_NUMERIC = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER")
_NUMERIC += ("UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "VARCHAR")


@dataclass(frozen=True)
class ActionSchema:
    """What the columns of an action log mean, and which of its rows are acceptable.

    Parameters
    ----------
    customer, time, action, propensity : str
        Columns with the customer, the time of the decision, what was done, and the probability with which
        it was chosen.
    expected, expected_sd : str, optional
        Columns with the gain that was expected of the action, and its standard deviation.
    model, run : str, optional
        Columns with the model and the run that decided.
    actions : tuple of str, optional
        The actions that there are; any other is rejected.
    time_format, timezone : str
        As in `Schema`.
    """

    customer: str
    time: str
    action: str
    propensity: str
    expected: str | None = None
    expected_sd: str | None = None
    model: str | None = None
    run: str | None = None
    actions: tuple[str, ...] | None = None
    time_format: str | None = None
    timezone: str = "UTC"

    @cached_property
    def of_customers(self) -> Schema:
        """The schema of customer and time."""
        return Schema(self.customer, self.time, time_format=self.time_format, timezone=self.timezone)

    @property
    def roles(self) -> dict[str, str]:
        """The roles of the columns, as reasons call them, with their names; the customer first."""
        names = ("customer", "time", *TEXTS, *NUMBERS)
        return {role: name for role in names if (name := getattr(self, role)) is not None}

    def judged(self, source: Source, extra: Mapping[str, str] | None = None, rows: str | None = None) -> str:
        """Return the view that reads every row and says what is wrong with it.

        It has the columns ``customer`` and ``moment`` as in `Schema.judged`, those of `TEXTS` (trimmed, NULL
        where empty) and `NUMBERS`, ``reason`` (NULL for an accepted row) and those of `extra`. Of equal rows
        one is accepted.

        Raises
        ------
        InputError
            If a column has a type that cannot be used.
        """
        columns: dict[str, str] = {f"the_{role}": self._text(role) for role in TEXTS}
        for role in NUMBERS:
            columns[f"the_{role}"], columns[f"no_{role}"] = self._number(role, source.types)
        view = self.of_customers.judged(source, columns | dict(extra or {}), rows)
        read = source.view(
            "actions_read",
            f"""SELECT * EXCLUDE (accepted, amount, negative, {", ".join(columns)}),
{", ".join(f"the_{role} AS {role}" for role in (*TEXTS, *NUMBERS))},
CASE WHEN reason IS NOT NULL THEN reason
WHEN the_action IS NULL THEN 'missing action'
{self._unknown}WHEN no_propensity THEN 'missing propensity'
WHEN the_propensity IS NULL OR NOT isfinite(the_propensity) THEN 'unreadable propensity'
WHEN the_propensity <= 0 OR the_propensity > 1 THEN 'propensity outside (0, 1]'
WHEN NOT no_expected AND (the_expected IS NULL OR NOT isfinite(the_expected)) THEN 'unreadable expected'
WHEN NOT no_expected_sd AND (the_expected_sd IS NULL OR NOT isfinite(the_expected_sd)
  OR the_expected_sd < 0) THEN 'unreadable expected_sd'
END AS why
FROM {view}""",
        )
        # A customer gets one action at a time: equal rows are one decision, others contradict each other.
        same = "PARTITION BY why IS NULL, customer, moment"
        return source.view(
            "actions",
            f"""SELECT * EXCLUDE (why, decided, least, most, copy) REPLACE (CASE WHEN why IS NOT NULL THEN why
WHEN least IS DISTINCT FROM most THEN 'two actions at one time'
WHEN copy > 1 THEN 'duplicate' END AS reason)
FROM (SELECT *, min(decided) OVER ({same}) AS least, max(decided) OVER ({same}) AS most,
row_number() OVER ({same} ORDER BY run, model, expected) AS copy
FROM (SELECT *, (action, propensity) AS decided FROM {read}))""",
        )

    @property
    def _unknown(self) -> str:
        if self.actions is None:
            return ""
        return f"WHEN the_action NOT IN ({', '.join(map(literal, self.actions))}) THEN 'unknown action'\n"

    def _text(self, role: str) -> str:
        name = getattr(self, role)
        if name is None:
            return "CAST(NULL AS VARCHAR)"
        return f"nullif(trim(replace(CAST({ident(name)} AS VARCHAR), chr(0), '\ufffd')), '')"

    def _number(self, role: str, types: Mapping[str, str]) -> tuple[str, str]:
        """Return SQL for a number, and for the test for an empty cell."""
        name = getattr(self, role)
        if name is None:
            return "CAST(NULL AS DOUBLE)", "true"
        column, kind = ident(name), types[name]
        if not kind.startswith(_NUMERIC) or kind.endswith("]"):
            raise InputError(
                f"column {name!r} for {role} is of type {kind}",
                "numbers",
                "convert it or name another column",
            )
        if kind.startswith("VARCHAR"):
            text = f"trim(CAST({column} AS VARCHAR))"
            return f"TRY_CAST({text} AS DOUBLE)", f"coalesce({text} = '', true)"
        empty = f"{column} IS NULL" + (f" OR isnan({column})" if kind in {"FLOAT", "DOUBLE"} else "")
        return f"CAST({column} AS DOUBLE)", f"({empty})"


def actions_given(actions: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the names of the actions that there are, None where any is good.

    Raises
    ------
    InputError
        If it is a text, or names none.
    """
    if actions is None:
        return None
    if isinstance(actions, str) or not list(actions):
        raise InputError(f"actions={actions!r}", "the names of the actions", "write ['mail', 'nothing']")
    return tuple(str(name) for name in actions)
