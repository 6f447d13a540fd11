"""Names of columns that DuckDB can tell apart, whatever a file or a frame calls them."""

from collections.abc import Collection, Iterable
from pathlib import Path

from bayes_cx.errors import InputError
from bayes_cx.privacy import place

__all__ = ["check_width", "distinct", "free"]

# A file of more columns would take minutes to read.
_MOST_COLUMNS = 10_000


def check_width(file: Path, columns: int) -> None:
    """Raise InputError if a file has more columns than can be read."""
    if columns > _MOST_COLUMNS:
        raise InputError(
            f"{place(file)} has {columns:,} columns",
            f"a table of at most {_MOST_COLUMNS:,}",
            "write those that are needed to a file of their own",
        )


def distinct(names: Iterable[object], needed: Collection[str], where: str) -> list[str]:
    """Return the names with those changed that are empty or stand twice; DuckDB ignores case.

    The columns that are needed keep their names.

    Parameters
    ----------
    names : iterable
        Names of all columns, in order.
    needed : collection of str
        Those that must be there once.
    where : str
        What has the columns, for the message.

    Raises
    ------
    InputError
        If a column that is needed stands twice.

    Examples
    --------
    >>> distinct(["", "id", "ID", "paid", "paid"], ["id"], "orders.csv")
    ['unnamed_1', 'id', 'ID_2', 'paid', 'paid_2']
    """
    texts = [str(name) for name in names]
    for name in needed:
        if texts.count(name) > 1:
            places = " and ".join(str(at) for at, text in enumerate(texts, 1) if text == name)
            raise InputError(
                f"two columns are called {name!r} in {where} (numbers {places})",
                "one column of that name",
                "rename one of them",
            )
    taken = {name.lower() for name in needed if name in texts}
    result = []
    for position, text in enumerate(texts, 1):
        name = text or f"unnamed_{position}"
        if text not in needed:
            name = free(name, taken)
            taken.add(name.lower())
        result.append(name)
    return result


def free(name: str, taken: Collection[str]) -> str:
    """Return the name, with a number added if it is among those taken (in lower case)."""
    result, number = name, 1
    while result.lower() in taken:
        number += 1
        result = f"{name}_{number}"
    return result
