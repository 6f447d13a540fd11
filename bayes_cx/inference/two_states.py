r"""Transition probabilities that depend on the last state and on the one before it.

The probabilities of what follows state s after state b, in segment g, are drawn around those of s,

.. math::
    p_{gbs} \sim \text{Dirichlet}(\kappa_s m_s),

so that a pair that is rarely seen leans on the state alone.
"""

import zlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.inference.places import Places
from bayes_cx.inference.transitions import Common, common_of, dirichlet, log_marginal

__all__ = ["common_of_pairs", "counts_of_places", "draw_places", "pair_counts", "share_of_places"]


def pair_counts(stays: xr.Dataset, counts: xr.DataArray, segment: np.ndarray) -> np.ndarray:
    """Return the transitions seen, shape (segment, before, state, next).

    Parameters
    ----------
    stays : xarray.Dataset
        With the state before.
    counts : xarray.DataArray
        The same over (segment, state, next), for the names.
    segment : numpy.ndarray of str, shape (row,)

    Returns
    -------
    numpy.ndarray
        Before are first the journeys that just began, then the states in their order.
    """
    left = stays["left"].to_numpy() == 1
    before, state, following = (stays[name].to_numpy().astype(str) for name in ("before", "state", "next"))
    segments, states, names = (pd.Index(counts[dim].to_numpy().astype(str)) for dim in counts.dims)
    pasts = pd.Index(["", *states])
    table = np.zeros((len(segments), len(pasts), len(states), len(names)), np.int64)
    cells = (
        segments.get_indexer(pd.Index(segment[left])),
        pasts.get_indexer(pd.Index(before[left])),
        states.get_indexer(pd.Index(state[left])),
        names.get_indexer(pd.Index(following[left])),
    )
    np.add.at(table, cells, stays["weight"].to_numpy()[left])
    return table


def common_of_pairs(pairs: np.ndarray, a: float, n: int, seed: int, pooled: bool) -> list[Common]:
    """Return what the pairs with the same state have in common, state by state.

    Parameters
    ----------
    pairs : numpy.ndarray, shape (segment, before, state, next)
    a : float
        Pseudo-counts of each following state in the prior of the mean.
    n : int
        Number of draws.
    seed : int
    pooled : bool
        Whether there are segments.

    Returns
    -------
    list of Common
        Where a state has one state before alone, and there are no segments, nothing is in common: the
        concentration is NaN, and the mean is that of the state.
    """
    found = []
    for number in range(pairs.shape[2]):
        groups = pairs[:, :, number].reshape(-1, pairs.shape[3])
        groups = groups[groups.sum(axis=1) > 0]
        rng = np.random.default_rng([seed, number])
        if len(groups) >= 2 or pooled:
            found.append(common_of(groups, a, n, rng))
            continue
        total = groups.sum(axis=0)
        mean = dirichlet(np.broadcast_to(total + a, (n, total.size)), rng)
        found.append(Common(mean, np.full(n, np.nan), np.nan, np.nan, log_marginal(total, a)))
    return found


def draw_places(
    places: Places, mean: np.ndarray, concentration: np.ndarray, counts: np.ndarray, name: str, seed: int
) -> np.ndarray:
    """Draw the transition probabilities of each place of one segment, shape (draw, place, next).

    Parameters
    ----------
    places : Places
    mean : numpy.ndarray, shape (draw, state, next)
    concentration : numpy.ndarray, shape (draw, state)
        NaN of states whose probabilities do not depend on the state before.
    counts : numpy.ndarray, shape (place, next)
        Transitions seen in the segment.
    name : str
        Of the segment, for a random stream of its own.
    seed : int
    """
    rng = np.random.default_rng([seed, zlib.crc32(f"pairs {name}".encode())])
    found = np.empty((len(mean), len(places), mean.shape[2]))
    for place, state in enumerate(places.state):
        kappa = concentration[:, state]
        if np.isnan(kappa).all():
            found[:, place] = mean[:, state]
        else:
            alpha = kappa[:, None] * mean[:, state] + counts[place]
            found[:, place] = dirichlet(np.maximum(alpha, 1e-12), rng)
    return found


def counts_of_places(places: Places, pairs: np.ndarray, states: Sequence[str]) -> np.ndarray:
    """Return transitions by place, shape (place, next), from those of pairs (before, state, next)."""
    row = {name: number for number, name in enumerate(["", *states])}
    found = np.zeros((len(places), pairs.shape[2]), np.int64)
    for place, (before, state) in enumerate(zip(places.before, places.state, strict=True)):
        if before is not None:
            found[place] = pairs[row[before], state]
    return found


def share_of_places(places: Places, stays: np.ndarray) -> np.ndarray:
    """Return the share of each place among the stays seen in its state, shape (place,).

    Parameters
    ----------
    places : Places
    stays : numpy.ndarray, shape (place,)
        Stays that were seen.
    """
    weight = stays.astype(float)
    # Of a state that was never left nothing is known but the average over what came before.
    other = np.array([before is None for before in places.before])
    total = np.bincount(places.state, weight)
    weight = np.where(total[places.state] > 0, weight, other)
    return weight / np.bincount(places.state, weight)[places.state]
