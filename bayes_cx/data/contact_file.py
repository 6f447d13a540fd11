"""A file of contacts with single customers: who was contacted when, and by what."""

from pathlib import Path

import pandas as pd

from bayes_cx.data.transactions import Transactions, read_transactions
from bayes_cx.errors import InputError

__all__ = ["CONTACT", "read_contacts"]

CONTACT = "contact"
"""What contacts are called where the file does not say."""


def read_contacts(
    path: str | Path, *, timezone: str = "UTC", pseudonym_key: str | None = None
) -> dict[str, Transactions]:
    """Read contacts from a CSV file, for `with_contacts`.

    Parameters
    ----------
    path : str or Path
        The first column holds the customer, the second the day of the contact, and the third, if there is
        one, what it was, such as ``mail``; without it all of them are a ``contact``.
    timezone : str
        Zone of the calendar days, for times with a zone.
    pseudonym_key : str, optional
        That of the purchases.

    Returns
    -------
    dict of str to Transactions
        The log of each sort of contact, by name.

    Raises
    ------
    InputError
        If the file cannot be read, has fewer than two columns, or no sort of contact has a name that a column
        can have.
    """
    try:
        # Everything is text here; customers are read as those of purchases are.
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    # pandas' own errors of parsing are ValueErrors.
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error).strip()
        raise InputError(
            f"{path} cannot be read ({why})",
            "a CSV file with the columns customer, day and, where there are several sorts, what it was",
            "check the path and the file",
        ) from error
    if table.shape[1] < 2 or table.empty:
        raise InputError(
            f"contacts in {path} with the columns {', '.join(map(str, table.columns))} and {len(table)} rows",
            "the customer in the first column, the day in the second, and what it was in a third if there "
            "are several sorts",
            "write the file so, with a line of names and commas between the columns",
        )
    customer, time, *more = map(str, table.columns)
    sorts = table[more[0]].str.strip() if more else pd.Series(CONTACT, index=table.index)
    if wrong := [name for name in sorts.unique() if not name.isidentifier()]:
        raise InputError(
            f"contacts in {path} of the sort {wrong[0]!r}",
            "names of letters, digits and _ in the third column, such as mail or phone_call",
            "rename them, or leave the column out",
        )
    logs = {}
    for name, rows in table.groupby(sorts, sort=True):
        log = read_transactions(
            rows, customer=customer, time=time, timezone=timezone, pseudonym_key=pseudonym_key
        )
        if log.rows_rejected:
            reason, n = next(iter(log.rejected_by_reason.items()))
            raise InputError(
                f"contacts in {path} of which {n} cannot be used ({reason})",
                "a customer and a day such as 2026-11-27 in each row",
                "correct the file",
            )
        logs[str(name)] = log
    return logs
