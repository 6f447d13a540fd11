r"""How much of its past a journey remembers: the marginal likelihood of no memory, of one state and of two.

With two states the chances :math:`p_{bs}` of what follows state s after state b are drawn around those of s,

.. math::
    p_{bs} \sim \text{Dirichlet}(\kappa_s m_s),

as those of segments are: a pair that is rarely seen leans on the state alone, and :math:`\kappa_s` says how
much the state before matters. So two states cost nothing where they say nothing.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.data.itineraries import START
from bayes_cx.errors import InputError
from bayes_cx.inference.transitions import common_of, log_marginal
from bayes_cx.models.semi_markov import SEMI_MARKOV

__all__ = ["DECIDES", "FEW_DRAWS", "Memory", "compare_memory"]

FEW_DRAWS = 200
"""Draws of what pairs with the same state have in common, where only its marginal likelihood is wanted."""
DECIDES = 3.0
"""A difference of log marginal likelihoods that decides, as odds of twenty to one do."""


@dataclass(frozen=True)
class Memory:
    """How well journeys are explained that remember nothing, one state or two.

    Attributes
    ----------
    table : pandas.DataFrame
        By ``memory``: ``nothing``, ``one state``, ``two states`` (each pair for itself) and ``two states,
        pooled``; its ``log_marginal`` and ``steps``.
    """

    table: pd.DataFrame

    @property
    def best(self) -> str:
        """The memory with the largest marginal likelihood."""
        return str(self.table["log_marginal"].idxmax())

    @property
    def more_than_one(self) -> bool:
        """Whether the state before the last one surely matters."""
        found = self.table["log_marginal"]
        return bool(found.iloc[2:].max() - found.iloc[1] > DECIDES)

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        found = self.table["log_marginal"]
        gain = float(found.iloc[2:].max() - found.iloc[1])
        if self.more_than_one:
            return (
                "What comes next depends on the state before the last one as well: to look at both raises "
                f"the log marginal likelihood by {gain:,.0f}."
            )
        return (
            "What comes next is explained by the last state as well as by the last two (log marginal "
            f"likelihood of two less that of one: {gain:,.1f}).".replace("-", "−")
        )

    def __repr__(self) -> str:
        return f"<Memory: {self.best} explains {int(self.table['steps'].iloc[0]):,} steps best>"


def compare_memory(stays: xr.Dataset, seed: int = 1) -> Memory:
    """Return the marginal likelihoods of journeys that remember nothing, one state, or two.

    Parameters
    ----------
    stays : xarray.Dataset
        From `summarise_stays` with ``before=True``.
    seed : int

    Returns
    -------
    Memory

    Raises
    ------
    InputError
        If the stays have no state before.

    Examples
    --------
    >>> import pandas as pd
    >>> from bayes_cx.data import read_events, summarise_stays
    >>> days = pd.date_range("2025-01-01", periods=60)
    >>> frame = pd.DataFrame({"who": "a", "day": days, "what": ["a", "b", "b"] * 20})
    >>> events = read_events(frame, customer="who", time="day", event="what")
    >>> compare_memory(summarise_stays(events, before=True)).more_than_one
    True
    """
    if "before" not in stays:
        raise InputError("stays without the state before", "it", "pass before=True to bcx.summarise_stays")
    left = stays["left"].to_numpy() == 1
    before, state, following = (
        stays[name].to_numpy().astype(str)[left] for name in ("before", "state", "next")
    )
    weight = stays["weight"].to_numpy()[left]
    names = np.unique(following)
    states, at = np.unique(state, return_inverse=True)
    pasts, past = np.unique(before, return_inverse=True)
    table = np.zeros((states.size, pasts.size, names.size), np.int64)
    np.add.at(table, (at, past, np.searchsorted(names, following)), weight)
    a, pooled = SEMI_MARKOV.a, 0.0
    for number, name in enumerate(states):
        pairs = table[number][table[number].sum(axis=1) > 0]
        if name == START or len(pairs) < 2:  # nothing comes before the start
            pooled += log_marginal(pairs, a)
        else:
            pooled += common_of(pairs, a, FEW_DRAWS, np.random.default_rng([seed, number])).log_marginal
    rows = {
        "nothing": log_marginal(table.sum(axis=(0, 1)), a),
        "one state": log_marginal(table.sum(axis=1), a),
        "two states": log_marginal(table.reshape(-1, names.size), a),
        "two states, pooled": pooled,
    }
    found = pd.DataFrame({"log_marginal": rows, "steps": int(weight.sum())})
    return Memory(found.rename_axis("memory"))
