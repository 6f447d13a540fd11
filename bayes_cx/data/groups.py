"""Groups of customers: columns that queries carry along, under names that cannot clash with their own."""

from collections.abc import Mapping, Sequence

from bayes_cx.data.sql import ident, literal
from bayes_cx.errors import InputError
from bayes_cx.kinds import KINDS, PERIODS, STAYS, TRIALS

__all__ = ["NO_GROUP", "again", "as_text", "last_known", "numbered", "of_customers"]

# The group of customers for whom none was given.
NO_GROUP = "missing"

_STATISTICS = {"customer", "row", "weight"}.union(
    # Those of journeys, risk and trials, such as `state` and `age`, are good names of groups elsewhere.
    *(kind.columns for kind in KINDS.values() if kind not in (STAYS, PERIODS, TRIALS))
)


def numbered(by: Sequence[str] | str, types: Mapping[str, str]) -> dict[str, str]:
    """Number the group columns: prefix in the query -> name.

    Raises
    ------
    InputError
        If a column does not exist, has the name of a statistic, or one that a file of statistics cannot hold.
    """
    names = (by,) if isinstance(by, str) else tuple(by)
    for name in names:
        if name not in types:
            known = ", ".join(map(repr, types))
            raise InputError(f"no column {name!r} to group by", f"one of {known}", "check the spelling")
        if name in _STATISTICS:
            raise InputError(f"group column {name!r}", "a name that is no statistic", "rename the column")
        if "/" in name or name.strip() in {"", "."} or not name.isprintable():
            raise InputError(
                f"group column {name!r}",
                "a name of printable letters without '/'",
                "rename the column: files of statistics cannot hold it",
            )
    return {f"group_{position}": name for position, name in enumerate(names)}


def as_text(groups: Mapping[str, str]) -> dict[str, str]:
    """Return the further columns that a view of rows needs: prefix -> SQL."""
    # Files of statistics cannot hold a zero byte.
    return {
        prefix: f"replace(CAST({ident(name)} AS VARCHAR), chr(0), '\ufffd')"
        for prefix, name in groups.items()
    }


def last_known(groups: Mapping[str, str]) -> str:
    """Return SQL to select when rows are grouped: the last value with its time, the smallest, the largest."""
    # The time comes first in the pair, so its maximum holds the last known value, ties broken by the value.
    return "".join(
        f",\nmax({{'moment': moment, 'value': {group}}}) FILTER ({group} IS NOT NULL) AS {group}_last, "
        f"min({group}) AS {group}_min, max({group}) AS {group}_max"
        for group in groups
    )


def again(groups: Mapping[str, str]) -> str:
    """Return SQL to select when the columns of `last_known` are grouped again."""
    return "".join(
        f",\nmax({group}_last) AS {group}_last, "
        f"min({group}_min) AS {group}_min, max({group}_max) AS {group}_max"
        for group in groups
    )


def of_customers(groups: Mapping[str, str]) -> str:
    """Return SQL to select when these are grouped by customer: the last value, and whether it changed."""
    return "".join(
        f",\ncoalesce(max({group}_last).value, {literal(NO_GROUP)}) AS {group}, "
        f"CAST(min({group}_min) <> max({group}_max) AS INTEGER) AS {group}_varies"
        for group in groups
    )
