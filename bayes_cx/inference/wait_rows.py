"""Waiting times as few rows: equal ones together, and where very many differ, those that are nearly equal."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Rows", "collapsed"]

# More different waiting times are put into bins, no wider than this in logarithms and with no more than such
# a share of the stays.
_MOST, _WIDE, _SHARE = 400, 0.2, 1 / 48


@dataclass(frozen=True)
class Rows:
    """Waiting times, each with how many stays had it.

    Attributes
    ----------
    log_wait : numpy.ndarray, shape (row,)
    ended : numpy.ndarray of bool, shape (row,)
        Whether these stays have ended.
    weight : numpy.ndarray, shape (row,)
    finest : float
        The smallest difference between two waiting times, 0 where all are equal: what they are rounded to.
    """

    log_wait: np.ndarray
    ended: np.ndarray
    weight: np.ndarray
    finest: float


def collapsed(wait: np.ndarray, ended: np.ndarray, weight: np.ndarray) -> Rows:
    """Return waiting times as few rows.

    Where more than 400 different ones have ended, or go on, those within a bin become two rows with the same
    mean and variance of the logarithm. A log-likelihood is smooth over a bin, so it loses only what
    differences of fourth order make.

    Parameters
    ----------
    wait, ended, weight : numpy.ndarray, shape (row,)
        Waiting times above zero, whether they have ended, and how many stays had each.

    Examples
    --------
    >>> collapsed(np.array([2.0, 1.0, 2.0]), np.array([True, True, True]), np.ones(3)).weight
    array([1., 2.])
    """
    parts = []
    for kind in (True, False):
        some = ended == kind
        different, place = np.unique(wait[some], return_inverse=True)
        n = np.bincount(place, weight[some], different.size)
        parts.append(_binned(np.log(different), n) if different.size > _MOST else (np.log(different), n))
    known = np.unique(wait)
    return Rows(
        np.concatenate([log_wait for log_wait, _ in parts]),
        np.repeat([True, False], [n.size for _, n in parts]),
        np.concatenate([n for _, n in parts]),
        float(np.diff(known).min()) if known.size > 1 else 0.0,
    )


def _binned(x: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two rows for each bin of sorted logarithms of waiting times, with its mean and variance."""
    wide = np.floor((x - x[0]) / _WIDE)
    heavy = np.floor((np.cumsum(n) - n) / (n.sum() * _SHARE))
    first = np.flatnonzero(np.concatenate([[True], (np.diff(wide) > 0) | (np.diff(heavy) > 0)]))
    size = np.add.reduceat(n, first)
    mean = np.add.reduceat(n * x, first) / size
    away = x - np.repeat(mean, np.diff(first, append=x.size))
    spread = np.sqrt(np.add.reduceat(n * away**2, first) / size)
    return np.concatenate([mean - spread, mean + spread]), np.concatenate([size, size]) / 2
