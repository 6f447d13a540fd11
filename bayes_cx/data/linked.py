"""Identities: several ids of one person become one customer, where that is sure; else several ways of it."""

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from bayes_cx.argument_types import check_types
from bayes_cx.data.column_names import free
from bayes_cx.data.events import Events, check_events
from bayes_cx.data.links import Links, read_links
from bayes_cx.data.sources import open_source
from bayes_cx.data.sql import ident
from bayes_cx.data.statistics import column
from bayes_cx.errors import InputError
from bayes_cx.notebook import html
from bayes_cx.seeds import checked_seed

__all__ = ["Linked", "link"]


@dataclass(frozen=True)
class Linked:
    """Events whose ids are linked, in several ways that are as likely as the links say.

    Attributes
    ----------
    unlinked : Events
        The events as they were read.
    imputations : int
        Number of ways; 1 where all links are sure.
    seed : int
    links_read : int
    rejected_by_reason : dict of str to int
        Number of links that were left out, or changed, by reason.
    """

    unlinked: Events = field(repr=False)
    imputations: int
    seed: int
    links_read: int
    rejected_by_reason: dict[str, int]
    links: Links = field(repr=False)
    known: frozenset[str] = field(repr=False)

    def __len__(self) -> int:
        return self.imputations

    def __repr__(self) -> str:
        unsure = self.links.probability.size
        return (
            f"<Linked {self.unlinked.source}: {len(self.known):,} customers before, "
            f"{self.people(0).nunique():,} after, {unsure:,} uncertain links, {self.imputations} imputations>"
        )

    def _repr_html_(self) -> str:
        return html("linked", self)

    def people(self, imputation: int) -> pd.Series:
        """Return by id which customer it is in one imputation.

        A person is called by the first of its ids, in order, that is a customer of the events.

        Parameters
        ----------
        imputation : int
            From 0.

        Returns
        -------
        pandas.Series
            Of all ids that the events have: customers, and sessions without a customer that are linked.
        """
        if not 0 <= imputation < self.imputations:
            raise InputError(
                f"imputation {imputation}", f"a number from 0 to {self.imputations - 1}", "pass one of these"
            )
        ids = self.links.ids
        number = self.links.people(np.random.default_rng([self.seed, imputation]))
        is_known = self._is_known
        # Customers before others, and then in order: the first of each person gives the name.
        order = np.lexsort((np.arange(ids.size), ~is_known, number))
        first = np.append(True, number[order][1:] != number[order][:-1])
        name = np.empty(int(number.max(initial=-1)) + 1, object)
        name[number[order][first]] = ids[order][first]
        named = np.zeros(name.size, bool)
        named[number[order][first]] = is_known[order][first]
        # Visits that are linked to nobody known stay what they were.
        kept = is_known | named[number]
        return pd.Series(name[number[kept]], pd.Index(ids[kept], name="id"), name="customer")

    @cached_property
    def _is_known(self) -> np.ndarray:
        """Which ids are customers of the events, and not sessions, or ids that only links have."""
        return np.isin(self.links.ids, np.array(sorted(self.known), str))

    def events(self, imputation: int) -> Events:
        """Return the events with one customer for each person of an imputation.

        Parameters
        ----------
        imputation : int
            From 0.

        Examples
        --------
        See `link`.
        """
        people, events = self.people(imputation), self.unlinked
        ids, names = people.index.to_numpy().astype(str), people.to_numpy().astype(str)
        ids, names = ids[names != ids], names[names != ids]
        if not ids.size:
            return events
        content = "\n".join(f"{one}\t{who}" for one, who in zip(ids, names, strict=True))
        mark = hashlib.sha256(content.encode()).hexdigest()
        table, schema = events.table, events.schema
        people_of = f"people_{mark[:16]}"
        if people_of not in table.views:
            rows = pa.table({"linked_id": ids, "linked_to": names})
            table.connection.register("incoming_people", rows)
            table.execute(f"CREATE TEMP TABLE {people_of} AS SELECT * FROM incoming_people")
            table.connection.unregister("incoming_people")
            table.views[people_of] = "a table"
        taken = {name.lower() for name in table.types}
        line, customer = ident(free("line", taken)), ident(schema.customer)
        text = schema.of_customers.customer_text(table.types)
        key = (
            text
            if schema.session is None
            else f"coalesce({text}, trim(CAST({ident(schema.session)} AS VARCHAR)))"
        )
        is_text = schema.of_customers.text_customers(replace(table, pseudonyms=""))
        kind = "VARCHAR" if is_text else "BIGINT"
        view = table.view(
            "linked_events",
            f"""SELECT * EXCLUDE ({line}, linked_id, linked_to)
REPLACE (TRY_CAST(coalesce(linked_to, {text}) AS {kind}) AS {customer})
FROM (SELECT *, row_number() OVER () AS {line} FROM {table.sql})
LEFT JOIN {people_of} ON {key} = linked_id ORDER BY {line}""",
        )
        linked = replace(
            events,
            table=replace(table, sql=view, types=table.types | {schema.customer: kind}),
            sha256=table.fingerprint(f"{events.sha256}:{mark}"),
        )
        return linked if self.known.issuperset(ids.tolist()) else _counted_again(linked)


def link(
    events: Events,
    links: Any,
    *,
    left: str = "left",
    right: str = "right",
    probability: str | None = None,
    imputations: int = 20,
    seed: int = 0,
) -> Linked:
    """Link the ids of people: a browser, an app account and a contract may be of the same customer.

    Sure links join ids, and what they are joined to, for good. Uncertain ones are drawn with their
    probability, in several imputations: what is computed on each, with its own uncertainty, is pooled by
    `over_links`, so that nobody has to decide who is who. Uncertain links with the same `left` exclude each
    other, as a browser is one person's.

    Parameters
    ----------
    events : Events
        From `read_events`. A visit of somebody not known is linked by its session.
    links : path, frame or other table
        What `read_events` accepts, one row a link. Ids are those of the data, also under pseudonyms.
    left, right : str
        Columns with the two ids; of uncertain links the `left` one is that of a device or account, the
        `right` one that of whom it may belong to.
    probability : str, optional
        Column with the probability that both are the same person, from 0 to 1; 1 is sure. By default the
        column ``probability`` if there is one, else all links are sure.
    imputations : int
        In how many ways uncertain links are drawn.
    seed : int
        The same seed gives the same imputations.

    Returns
    -------
    Linked

    Raises
    ------
    InputError
        If the links cannot be read, or a column is missing.

    Examples
    --------
    >>> from bayes_cx.data import read_events
    >>> frame = pd.DataFrame({"who": ["ann", "app-7", "tablet"], "day": "2025-01-01", "what": "visit"})
    >>> events = read_events(frame, customer="who", time="day", event="what")
    >>> sure = pd.DataFrame({"left": ["app-7"], "right": ["ann"]})
    >>> link(events, sure).events(0).accepted.df()["customer"].tolist()
    ['ann', 'ann', 'tablet']
    >>> perhaps = pd.DataFrame({"left": ["tablet"], "right": ["ann"], "probability": [0.5]})
    >>> linked = link(events, perhaps, imputations=4, seed=1)
    >>> [linked.people(i)["tablet"] for i in range(4)]
    ['tablet', 'ann', 'ann', 'ann']
    """
    check_types(link, locals())
    check_events(events)
    if not isinstance(imputations, int | np.integer) or isinstance(imputations, bool) or imputations < 1:
        raise InputError(f"imputations={imputations!r}", "a whole number from 1 on", "pass for example 20")
    schema, table = events.schema, events.table
    text = schema.of_customers.customer_text(table.types)
    found = table.run(f"SELECT DISTINCT {text} AS id FROM {table.sql} WHERE {text} IS NOT NULL ORDER BY id")
    known = frozenset(map(str, column(found, "id")))
    visits: list[str] = []
    if schema.session is not None:
        session = _session(schema.session)
        found = table.run(
            f"""SELECT DISTINCT {session} AS id FROM {table.sql}
WHERE {text} IS NULL AND coalesce({session}, '') != '' ORDER BY id"""
        )
        visits = list(map(str, column(found, "id")))
    named = (left, right) if probability is None else (left, right, probability)
    source = open_source(links, named, perhaps=("probability",))
    if probability is None and "probability" in source.types:
        probability = "probability"
    read = read_links(source, left, right, probability, known, visits)
    number = int(imputations) if read.probability.size else 1
    return Linked(events, number, checked_seed(seed), read.n_read, read.rejected, read, known)


def _session(name: str) -> str:
    return f"trim(CAST({ident(name)} AS VARCHAR))"


def _counted_again(events: Events) -> Events:
    """Return events whose counts say which rows have a customer now."""
    found = events.table.run(
        f"""SELECT event, channel, count(*) AS n, count(customer) AS known FROM {events.rows()}
GROUP BY event, channel ORDER BY n DESC, event, coalesce(channel, '')"""
    ).to_pandas()
    anonymous = int(found["n"].sum() - found["known"].sum())
    return replace(events, counts=found, rows_anonymous=anonymous)
