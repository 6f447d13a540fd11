"""Contacts with single customers, such as mail and visits: when each was made, and purchases under them."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.clock import Clock
from bayes_cx.data.attributes import provenance_of
from bayes_cx.data.contact_paths import days_of, texts_of
from bayes_cx.data.statistics import marked
from bayes_cx.data.transactions import Transactions, check_transactions
from bayes_cx.errors import InputError
from bayes_cx.kinds import PURCHASES, kind_of
from bayes_cx.spans import Span
from bayes_cx.weeks import day_of

__all__ = [
    "at_purchases",
    "contacts_of",
    "groups_of",
    "plan_contacts",
    "with_contacts",
    "without_future_sorts",
]

_ATTRIBUTE = "contacts"
_FOREVER = "always"


def with_contacts(
    stats: xr.Dataset,
    purchases: Transactions,
    contacts: Mapping[str, Transactions],
    *,
    lasts: Any = "1 week",
) -> xr.Dataset:
    """Return statistics of purchases with the contacts made with each customer, for `Design(contacts=...)`.

    A contact counts from its day on for some days; a purchase of the same day came after it. Contacts of a
    customer on one day are one, like purchases, and those that overlap add.

    Parameters
    ----------
    stats : xarray.Dataset
        By customer, from `summarise` or `split` of these purchases.
    purchases : Transactions
    contacts : mapping of str to Transactions
        For each sort of contact its log, from `read_transactions`: ``customer`` and ``time``, of any
        customers. Contacts after the end of observation are the future that forecasts assume;
        `plan_contacts` states another.
    lasts : str, Span, time difference or number of days, or a mapping of the same
        For how long a contact counts, in whole days, or ``"always"``; by sort, or one for all.

    Returns
    -------
    xarray.Dataset
        With two columns for each sort: by its name the days of contact of each customer (text such as
        ``"2026-01-05 2026-02-02"``, empty without any; those that had ended before the first purchase are
        left out), and ``<name>_at_purchases``, how many contacts counted at the repeat purchases, all
        together. The attribute ``contacts`` (as JSON) says for how many days a contact counts, and
        ``contacts_of_others`` how many contacts were with customers who are not in the statistics.

    Raises
    ------
    InputError
        If the statistics are of other purchases or have a column of that name, the ids are of another type,
        or no contact is with any of the customers.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> log = pd.DataFrame({"who": ["a", "a", "b"], "day": ["2025-01-01", "2025-01-15", "2025-01-08"]})
    >>> mail = pd.DataFrame({"who": ["a", "b"], "day": ["2025-01-13", "2025-01-20"]})
    >>> log, mail = (bcx.read_transactions(each, customer="who", time="day") for each in (log, mail))
    >>> stats = with_contacts(bcx.summarise(log, until="2025-01-29"), log, {"mail": mail})
    >>> stats["mail"].values, stats["mail_at_purchases"].values
    (array(['2025-01-13', '2025-01-20'], dtype=object), array([1, 0]))
    """
    check_transactions(purchases)
    if not isinstance(contacts, Mapping) or not contacts:
        raise InputError(
            f"contacts of type {type(contacts).__name__}",
            "a mapping from the name of each sort to its log",
            "pass for example {'mail': bcx.read_transactions(mail, customer='id', time='sent')}",
        )
    _check(stats, purchases)
    days = contacts_of(stats)
    found, others = stats, json.loads(stats.attrs.get("contacts_of_others", "{}"))
    for name, log in contacts.items():
        columns = (name, at_purchases(name))
        if taken := [column for column in columns if column in stats.variables]:
            raise InputError(
                f"statistics with a column {taken[0]}",
                "a name that is not in use",
                "call the contacts otherwise",
            )
        check_transactions(log)
        days[name] = _days(name, lasts)
        made = _contacts(name, log, purchases)
        text, others[name] = _paths(name, made, stats, days[name])
        counted = _under(made, purchases, stats, days[name])
        meaning = "days of contact", "contacts that counted at repeat purchases"
        found = found.assign(
            {
                column: ("customer", values, {"meaning": f"{name}: {what}"})
                for column, values, what in zip(columns, (text, counted), meaning, strict=True)
            }
        )
    return found.assign_attrs({_ATTRIBUTE: json.dumps(days), "contacts_of_others": json.dumps(others)})


def plan_contacts(
    stats: xr.Dataset, plan: Mapping[str, Any], *, customers: Iterable[Any] | None = None
) -> xr.Dataset:
    """Return statistics with other contacts to come: what forecasts of customers then assume.

    Parameters
    ----------
    stats : xarray.Dataset
        By customer, from `with_contacts`.
    plan : mapping of str to a date or a sequence of dates
        For sorts of contact the days on which each of the customers is contacted after the end of
        observation; none where it is empty. Contacts made before go on counting for their time.
    customers : sequence of ids, optional
        Whose contacts these are, by default all customers'; all others keep theirs.

    Raises
    ------
    InputError
        If there are no such contacts, a customer is not known, or a day has been.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> log = pd.DataFrame({"who": ["a", "a", "b"], "day": ["2025-01-01", "2025-01-15", "2025-01-08"]})
    >>> mail = pd.DataFrame({"who": ["a", "b"], "day": ["2025-01-13", "2025-02-20"]})
    >>> log, mail = (bcx.read_transactions(each, customer="who", time="day") for each in (log, mail))
    >>> stats = with_contacts(bcx.summarise(log, until="2025-01-29"), log, {"mail": mail})
    >>> plan_contacts(stats, {"mail": "2025-02-03"})["mail"].values.tolist()
    ['2025-01-13 2025-02-03', '2025-02-03']
    >>> plan_contacts(stats, {"mail": []}, customers=["b"])["mail"].values.tolist()
    ['2025-01-13', '']
    """
    known = contacts_of(stats)
    if unknown := [name for name in plan if name not in known]:
        raise InputError(
            f"a plan of contacts {unknown[0]}",
            f"one of {', '.join(known)}" if known else "statistics with contacts",
            "make the statistics with bcx.with_contacts",
        )
    clock, n = Clock(stats.attrs["unit"]), stats.sizes["customer"]
    end = int(day_of(clock.step_of(stats.attrs["until"]), clock))
    who = np.arange(n) if customers is None else _places(stats, customers)
    for name, dates in plan.items():
        coming = _days_to_come(name, dates, end)
        row, day = days_of(name, stats[name].to_numpy())
        kept = (day <= end) | ~np.isin(row, who)
        row, day = (
            np.concatenate([row[kept], np.repeat(who, coming.size)]),
            np.concatenate([day[kept], np.tile(coming, who.size)]),
        )
        stats = stats.assign({name: ("customer", texts_of(n, row, day), stats[name].attrs)})
    return stats


def contacts_of(stats: xr.Dataset) -> dict[str, int | None]:
    """Return for how many days a contact of each sort counts, None for those that count for good.

    Raises
    ------
    InputError
        If the attribute that says so cannot be read.
    """
    written = stats.attrs.get(_ATTRIBUTE, "{}")
    try:
        return {str(name): None if days is None else int(days) for name, days in json.loads(written).items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(
            f"statistics with contacts = {written!r}",
            "the attribute as bcx.with_contacts writes it",
            "make the statistics with bcx.with_contacts",
        ) from error


def at_purchases(name: str) -> str:
    """Return the name of the column that counts contacts at purchases."""
    return f"{name}_at_purchases"


def without_future_sorts(stats: xr.Dataset) -> xr.Dataset:
    """Return statistics without the sorts of contact of which none was made by the end of observation.

    Of these a fit can learn nothing, as in the first part of data that are split before they began.
    """
    if not (days := contacts_of(stats)):
        return stats
    clock = Clock(stats.attrs["unit"])
    end = int(day_of(clock.step_of(stats.attrs["until"]), clock))
    later = [name for name in days if not (days_of(name, stats[name].to_numpy())[1] <= end).any()]
    if not later:
        return stats
    kept = {name: value for name, value in days.items() if name not in later}
    columns = [column for name in later for column in (name, at_purchases(name))]
    return stats.drop_vars(columns).assign_attrs({_ATTRIBUTE: json.dumps(kept)})


def groups_of(data: xr.Dataset) -> tuple[str, ...]:
    """Return the columns of text that put customers into groups: all but the days of contacts."""
    return tuple(
        str(name)
        for name, column in data.data_vars.items()
        if column.ndim == 1 and column.dtype.kind in "OUT" and at_purchases(str(name)) not in data
    )


def _check(stats: xr.Dataset, purchases: Transactions) -> None:
    if kind_of(stats) is not PURCHASES or "customer" not in stats.sizes:
        raise InputError(
            "contacts for statistics that are not of purchases by customer",
            "what bcx.summarise returns",
            "add the contacts before rows are compressed",
        )
    made = provenance_of(stats)
    if made.sha256 != purchases.sha256 or not made.until:
        raise InputError(
            f"statistics of {made.source or 'an unknown source'} with purchases of {purchases.source}",
            "the purchases that the statistics were made of",
            "pass the same purchases to bcx.summarise and to bcx.with_contacts",
        )


def _days(name: str, lasts: Any) -> int | None:
    given = lasts
    if isinstance(lasts, Mapping):
        if name not in lasts:
            raise InputError(f"lasts without {name}", "an entry for each sort of contact", "add it")
        given = lasts[name]
    if isinstance(given, str) and given == _FOREVER:
        return None
    days = round(Span.of(given, "day").in_unit("day"))
    if days < 1:
        raise InputError(
            f"contacts {name} that last {given}",
            "one day or more, or 'always'",
            "say for how long they count",
        )
    return days


def _contacts(name: str, log: Transactions, purchases: Transactions) -> pd.DataFrame:
    """Return the contacts of one sort: customer and day, once each."""
    if marked(log.table) != marked(purchases.table):
        raise InputError(
            f"contacts {name} and purchases of which not both have ids, or pseudonyms by one key",
            "the same in both",
            "read both with the same pseudonym_key, or both without",
        )
    if log.last is None:
        raise InputError(
            f"contacts {name} of {log.source} without a row that can be read",
            "a customer and a time in a row or more",
            "look at what was rejected: .rejected_by_reason",
        )
    occasions = log.occasions(log.last.date(), "day", by=())
    return occasions.source.run(f"SELECT customer, d AS day FROM {occasions.view}").to_pandas()


def _places(stats: xr.Dataset, customers: Iterable[Any]) -> np.ndarray:
    """Return the rows of customers."""
    asked = pd.Index(list(customers))
    found = pd.Index(stats["customer"].to_numpy()).get_indexer(asked)
    if (found < 0).any():
        raise InputError(
            f"a customer {asked[found < 0][0]!r} to contact",
            "ids of customers in the statistics",
            "check the ids, and whether they are numbers or text",
        )
    return np.unique(found)


def _paths(name: str, made: pd.DataFrame, stats: xr.Dataset, days: int | None) -> tuple[np.ndarray, int]:
    """Return the text of each customer, and the number of contacts with others."""
    known = stats["customer"].to_numpy()
    row = pd.Index(known).get_indexer(pd.Index(made["customer"]))
    own = row >= 0
    if not own.any():
        raise InputError(
            f"contacts {name} with none of the customers (ids such as {made['customer'].iloc[0]!r}, "
            f"where those of purchases are such as {known[0]!r})",
            "the same ids in both",
            "write them alike: numbers in both or text in both",
        )
    row, day = row[own], made["day"].to_numpy()[own]
    if days is not None:
        clock = Clock(stats.attrs["unit"])
        first = day_of(clock.steps_of(stats["first"].to_numpy()), clock)
        counts = day - 1 + days > first[row]
        row, day = row[counts], day[counts]
    return texts_of(known.size, row, day), int((~own).sum())


def _under(made: pd.DataFrame, purchases: Transactions, stats: xr.Dataset, days: int | None) -> np.ndarray:
    """Return how many contacts counted at the repeat purchases of each customer."""
    occasions = purchases.occasions(stats.attrs["until"], stats.attrs["unit"], by=())
    source, hours = occasions.source, occasions.clock.step == "hour"
    day = "CAST(floor(d / 24) AS BIGINT)" if hours else "d"
    since = "true" if days is None else f"contacts_made.day > {day} - {days}"
    source.connection.register("contacts_made", made)
    try:
        table = source.run(
            f"""SELECT repeats.customer AS customer, count(*) AS n
FROM (SELECT customer, d, min(d) OVER (PARTITION BY customer) AS first FROM {occasions.view}) AS repeats
JOIN contacts_made ON repeats.customer = contacts_made.customer
WHERE d > first AND contacts_made.day <= {day} AND {since} GROUP BY repeats.customer"""
        ).to_pandas()
    finally:
        source.connection.unregister("contacts_made")
    found = pd.Series(table["n"].to_numpy(), index=pd.Index(table["customer"]))
    return found.reindex(stats["customer"].to_numpy(), fill_value=0).to_numpy(np.int64)


def _days_to_come(name: str, dates: Any, end: int) -> np.ndarray:
    """Return days after the end of observation, as numbers."""
    if isinstance(dates, str) or not isinstance(dates, Iterable):
        dates = [dates]
    clock = Clock("day")
    days = np.array([clock.step_of(date) for date in dates], np.int64)
    if (days <= end).any():
        raise InputError(
            f"{name} planned for {clock.iso(int(days.min()))}",
            f"days after the end of observation, {clock.iso(end)}",
            "leave out what has been",
        )
    return days
