"""How many of those with an event are found by contacting the first of a list, on several dates."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

__all__ = ["FOUND_COLUMNS", "found_by_contacts"]

FOUND_COLUMNS = (
    *("rule", "contacts", "share", "low", "high"),
    *("difference", "difference_low", "difference_high"),
)
# Resamples x rows at once.
_CELLS = 2_000_000


def found_by_contacts(
    scores: Mapping[str, np.ndarray],
    y: np.ndarray,
    customer: np.ndarray,
    date: np.ndarray,
    contacts: Sequence[int],
    *,
    resamples: int = 400,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the share of those with an event who are among the first of each rule's list on their date.

    Intervals are of a bootstrap over customers: one who is drawn is drawn on all dates, with all rules.

    Parameters
    ----------
    scores : mapping of str to numpy.ndarray, shape (row,)
        The score of each row by each rule, the model first; the higher the earlier in the list.
    y : numpy.ndarray, shape (row,)
        1 with the event, else 0.
    customer, date : numpy.ndarray, shape (row,)
        Whom a row is about, and on which date.
    contacts : sequence of int
        How many are contacted on each date.
    resamples : int
    seed : int
        Ties are broken by one random order of the rows, the same for all rules.

    Returns
    -------
    pandas.DataFrame
        ``rule``, ``contacts``, ``share`` with ``low`` and ``high`` (95 %), and the ``difference`` of the
        first rule to this one with ``difference_low`` and ``difference_high``, paired.

    Examples
    --------
    >>> y = np.array([1.0, 0.0, 0.0, 1.0])
    >>> scores = {"good": y, "bad": -y}
    >>> table = found_by_contacts(scores, y, np.arange(4), np.array([0, 0, 1, 1]), [1])
    >>> table[["rule", "share", "difference"]].to_numpy().tolist()
    [['good', 1.0, 0.0], ['bad', 0.0, 1.0]]
    """
    if not y.any():
        return pd.DataFrame(columns=list(FOUND_COLUMNS))
    rng = np.random.default_rng(seed)
    ties = rng.random(y.size)
    names, who = np.unique(customer, return_inverse=True)
    # The first of them is the sample itself.
    times = np.ones((1 + resamples, names.size), np.int32)
    for sample in times[1:]:
        sample[:] = np.bincount(rng.integers(names.size, size=names.size), minlength=names.size)
    k = np.asarray(contacts)[:, None]
    found = np.zeros((len(scores), k.size, len(times)))
    total = np.zeros(len(times))
    for one in np.unique(date):
        rows = np.flatnonzero(date == one)
        total += times[:, who[rows]] @ y[rows]
        step = max(1, _CELLS // rows.size)
        for place, score in enumerate(scores.values()):
            order = rows[np.lexsort((ties[rows], -np.asarray(score)[rows]))]
            events = np.flatnonzero(y[order] > 0)
            for start in range(0, len(times), step):
                some = slice(start, start + step)
                copies = times[some][:, who[order]]
                until = np.cumsum(copies, axis=1)[:, events]
                own = copies[:, events]
                for i in range(k.size):
                    # The last that are contacted may be some of the copies of a customer.
                    found[place, i, some] += np.clip(k[i] - (until - own), 0, own).sum(axis=1)
    share = found / np.where(total > 0, total, np.nan)
    difference = share[:1] - share
    parts = []
    for i, number in enumerate(contacts):
        for place, rule in enumerate(scores):
            low, high = np.nanquantile(share[place, i, 1:], [0.025, 0.975])
            off_low, off_high = np.nanquantile(difference[place, i, 1:], [0.025, 0.975])
            own, off = share[place, i, 0], difference[place, i, 0]
            parts.append((rule, int(number), own, low, high, off, off_low, off_high))
    return pd.DataFrame(parts, columns=list(FOUND_COLUMNS))
