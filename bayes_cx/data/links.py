"""Links between ids: which are usable, which are sure, and who is who where the others come true or not."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from bayes_cx.data.sources import Source
from bayes_cx.data.sql import ident
from bayes_cx.data.statistics import column

__all__ = ["Links", "read_links"]


@dataclass(frozen=True)
class Links:
    """Ids as nodes of a graph, those that are surely of one person already joined.

    Attributes
    ----------
    ids : numpy.ndarray of str, shape (id,)
        In order, each once.
    person : numpy.ndarray of int, shape (id,)
        Number of the component of sure links that an id is part of.
    from_, to : numpy.ndarray of int, shape (link,)
        Components that an uncertain link joins.
    choice : numpy.ndarray of int, shape (link,)
        Links with the same number exclude each other; in order.
    probability : numpy.ndarray of float, shape (link,)
    rejected : dict of str to int
        Number of links that were left out, by reason.
    n_read : int
    """

    ids: np.ndarray
    person: np.ndarray
    from_: np.ndarray
    to: np.ndarray
    choice: np.ndarray
    probability: np.ndarray
    rejected: dict[str, int]
    n_read: int

    def people(self, rng: np.random.Generator) -> np.ndarray:
        """Return a number for the person of each id, shape (id,), where uncertain links are drawn."""
        made = np.zeros(self.choice.size, bool)
        if self.choice.size:
            # Of links that exclude each other at most one is made: each has its part of [0, 1).
            first = np.append(True, self.choice[1:] != self.choice[:-1])
            upper = np.cumsum(self.probability)
            upper -= np.maximum.accumulate(np.where(first, upper - self.probability, 0))
            u = rng.random(int(first.sum()))[np.cumsum(first) - 1]
            made = (u < upper) & (u >= upper - self.probability)
        n = int(self.person.max(initial=-1)) + 1
        return _components(n, self.from_[made], self.to[made])[self.person]


def read_links(
    table: Source,
    left: str,
    right: str,
    probability: str | None,
    known: Collection[str],
    visits: Collection[str],
) -> Links:
    """Return the links of a table, and count those that cannot be used by reason.

    Parameters
    ----------
    table : Source
    left, right : str
        Columns with the ids.
    probability : str or None
        Column with the probability of each link; None where all are sure.
    known, visits : collection of str
        Customers, and sessions without a customer, of the events.
    """
    chance = "1.0" if probability is None else f"TRY_CAST({ident(probability)} AS DOUBLE)"
    ends = ", ".join(f"{_text(name)} AS {role}" for name, role in ((left, "a"), (right, "b")))
    found = table.run(f"SELECT {ends}, coalesce({chance}, -1.0) AS p FROM {table.sql}")
    a, b = (column(found, name).astype(object) for name in "ab")
    p = column(found, "p").astype(float)
    rejected: dict[str, int] = {}

    def keep(wrong: np.ndarray, reason: str) -> None:
        nonlocal a, b, p
        if n := int(wrong.sum()):
            rejected[reason] = n
        a, b, p = a[~wrong], b[~wrong], p[~wrong]

    keep(
        np.array([one is None or other is None for one, other in zip(a, b, strict=True)], bool), "missing id"
    )
    keep(~((p >= 0) & (p <= 1)), "probability that is missing or not from 0 to 1")
    a, b = a.astype(str), b.astype(str)
    keep(a == b, "link of an id with itself")
    keep(_repeated(a, b, p), "link that is named again")
    # An id that no event has can still join two others, but at the end of a link it joins nothing.
    there = np.array(sorted({*known, *visits}), str)
    ids, counted = np.unique(np.concatenate([a, b]), return_counts=True)
    loose = ids[(counted == 1) & ~np.isin(ids, there)]
    keep(np.isin(a, loose) | np.isin(b, loose), "id that no event has")
    a, b, p = a[p > 0], b[p > 0], p[p > 0]
    ids = np.unique(np.concatenate([there, a, b]))
    first, second = np.searchsorted(ids, a), np.searchsorted(ids, b)
    sure = p == 1
    person = _components(ids.size, first[sure], second[sure])
    within = (person[first] == person[second]) & ~sure
    # A left id that is linked for sure has no other that might be it instead.
    settled = np.isin(first, first[sure]) & ~sure & ~within
    if n := int(settled.sum()):
        rejected["uncertain link of an id that is linked for sure"] = n
    unsure = np.flatnonzero(~sure & ~settled & ~within)
    unsure = unsure[np.lexsort((second[unsure], first[unsure]))]
    first, second, p = first[unsure], second[unsure], p[unsure]
    total = np.bincount(first, p, ids.size)[first]
    if n := int((total > 1 + 1e-9).sum()):
        rejected["probabilities of one id above 1 in sum, made smaller"] = n
    p = p / np.maximum(total, 1)
    return Links(
        ids, person, person[first], person[second], first, p, dict(sorted(rejected.items())), found.num_rows
    )


def _text(name: str) -> str:
    """Return SQL for an id as text; whole numbers in a column with holes were floats."""
    text = f"nullif(trim(CAST({ident(name)} AS VARCHAR)), '')"
    return f"regexp_replace({text}, '^(-?[0-9]+)\\.0$', '\\1')"


def _repeated(a: np.ndarray, b: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return which links name two ids, in either order, that another link names with more probability."""
    low, high = np.minimum(a.astype(object), b), np.maximum(a.astype(object), b)
    order = np.lexsort((np.arange(p.size), -p, high.astype(str), low.astype(str)))
    repeated = np.zeros(p.size, bool)
    repeated[order[1:]] = (low[order][1:] == low[order][:-1]) & (high[order][1:] == high[order][:-1])
    return repeated


def _components(n: int, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the number of the connected component of each of `n` nodes."""
    graph = sparse.coo_array((np.ones(one.size), (one, other)), shape=(n, n))
    return csgraph.connected_components(graph, directed=False)[1]
