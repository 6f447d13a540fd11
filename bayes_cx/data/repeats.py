"""Rows that repeat another: counted, never dropped, since two equal purchases may both be real."""

from collections.abc import Iterator, Sequence

from bayes_cx.data.sources import Source

__all__ = ["COUNTED_UP_TO", "names_alike", "repeats", "same_rows"]

COUNTED_UP_TO = 1_000_000
"""Repeats are counted among at most so many accepted rows: it takes about as long as reading them once."""

# So many groups of names a sentence shows.
_SHOWN = 3


def same_rows(source: Source, judged: str, columns: Sequence[str], accepted: int) -> int:
    """Count the accepted rows that repeat another; 0 where there are too many rows to look.

    Parameters
    ----------
    source : Source
    judged : str
        The view of all rows with their ``reason``; see `Schema.judged`.
    columns : sequence of str
        Its columns in which rows must agree.
    accepted : int
        Number of accepted rows.
    """
    if not 1 < accepted <= COUNTED_UP_TO:
        return 0
    # Two of a million different rows have the same hash of 64 bits once in 37 million tables.
    different = f"count(DISTINCT hash({', '.join(columns)}))"
    (n,) = source.run(f"SELECT {different} AS n FROM {judged} WHERE reason IS NULL")["n"].to_pylist()
    return accepted - n


def repeats(n: int, same: str) -> Iterator[str]:
    """Yield the sentence on n rows that repeat another, if there are any; `same` says in what they agree."""
    if n == 1:
        yield (
            f"1 row is an exact repeat of another (same {same}); it counts as it stands; "
            "remove it if it is a copy"
        )
    elif n:
        yield (
            f"{n:,} rows are exact repeats of another (same {same}); they count as they stand; "
            "remove them if they are copies"
        )


def names_alike(names: Sequence[str]) -> Iterator[str]:
    """Yield a sentence on names of events that differ only by capitals or blanks, if there are any.

    Examples
    --------
    >>> next(names_alike(["visit", "Visit", "buy"])).partition(" and count")[0]
    "'Visit' and 'visit' differ only by capitals or blanks"
    """
    alike: dict[str, set[str]] = {}
    for name in names:
        alike.setdefault("".join(name.casefold().split()), set()).add(name)
    found = sorted((key, sorted(group)) for key, group in alike.items() if len(group) > 1)
    if not found:
        return
    shown = ", ".join(" and ".join(map(repr, group)) for _, group in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN:,} other groups" if len(found) > _SHOWN else ""
    (key, group), *_ = found
    yield (
        f"{shown}{more} differ only by capitals or blanks and count as different events; if they are one, "
        f"pass states={{{key!r}: {group!r}, ...}} with all states"
    )
