r"""What all customers share from week to week: a stationary process of the logarithm of the purchase rate.

In week w every customer buys :math:`e^{g_w}` times as often as on average, with

.. math:: g_w = u_w + e_w + s_w + o\, e^{-w / 10}

- u, what persists: an autoregression with standard deviation :math:`\sigma` and correlation
  :math:`e^{-h / \ell}` over h weeks;
- e, what concerns one week only: independent, with standard deviation :math:`\nu`;
- s, the season: the first harmonics of the year, the finer the smaller, with standard deviation
  :math:`\omega`; there from a year of data on, as less repeats nothing, and shrunk to none unless it is seen;
- o, the opening: in the first weeks of the data all customers are new, which is not how the future will be.
  Its effect fades over ten weeks, so that what begins high is not what the rate comes back to.

Its mean is zero, since the level is that of the purchase rates. Scales and memory are learnt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayes_cx.model import Prior
from bayes_cx.weeks import DAYS, monday

__all__ = [
    "EFFECT",
    "MEMORY_NODES",
    "OPENING",
    "OPENING_PRIOR",
    "Process",
    "continued",
    "memory_weights",
    "priors_of",
    "process_of",
    "remembered",
]

EFFECT = "calendar"
"""Name of the log of the factor of each week, over the dimension ``week``."""

OPENING = "calendar_opening"
"""Name of the effect that all customers are new on the log of the factor of the first week."""

_HARMONICS = 3
# The random stream of the future, among those of the seed; and what makes numbers of weeks positive.
_FUTURE, _PAST = 2_718_281, 1_000_000
_YEAR, _WEEKS_OF_A_YEAR = 365.25, 52
# Weeks after which the opening has faded to 37 %, and its standard deviation in the prior.
_FADES, _OPENING_SD = 10.0, 0.3
_NODES = 48

_PRIORS = {
    "calendar_sd": Prior(
        "LogNormal",
        {"mu": float(np.log(0.1)), "sigma": 1.0},
        "standard deviation of what persists in the log of the purchase rate of a week",
        "from nothing that could be seen (1.4 %) to rates that double and halve (71 %)",
    ),
    "calendar_memory": Prior(
        "LogNormal",
        {"mu": float(np.log(30.0)), "sigma": 1.0},
        "weeks after which the correlation of what persists has fallen to 37 %",
        "from a month to changes that last for years",
    ),
    "calendar_noise": Prior(
        "LogNormal",
        {"mu": float(np.log(0.05)), "sigma": 1.0},
        "standard deviation of what concerns single weeks",
        "from 0.7 % to 36 % of the purchases of a week",
    ),
}
_SEASON = {
    "season_sd": Prior(
        "LogNormal",
        {"mu": float(np.log(0.1)), "sigma": 1.0},
        "standard deviation over the year of the season in the log of the purchase rate",
        "from no season that could be seen (1.4 %) to one that doubles and halves the rate (71 %)",
    ),
}
_PERHAPS_A_SEASON = {
    "season_sd": Prior(
        "LogNormal",
        {"mu": float(np.log(0.05)), "sigma": 1.2},
        "standard deviation over the year of the season, if there is one, in the log of the purchase rate",
        "from none that could be seen (0.5 %) to one by which the rate rises and falls by half (53 %)",
    ),
}
OPENING_PRIOR = {
    OPENING: Prior(
        "Normal",
        {"mu": 0.0, "sigma": _OPENING_SD},
        "effect, in the first week, that all customers are new on the log of the purchase rate",
        "in the first week 55 % to 180 % of the rate that follows",
    ),
}
"""By name."""


@dataclass(frozen=True)
class Process:
    """The process over the weeks of the data.

    Attributes
    ----------
    first, weeks : int
        Number of the first week, and how many.
    priors : mapping of str to Prior
        Of its scales, all of them log-normal; a vector of them holds their logarithms, in this order.
    dated : numpy.ndarray, shape (week, column), optional
        Columns by date, whose effects are standard normal a priori.
    """

    first: int
    weeks: int
    priors: dict[str, Prior]
    dated: np.ndarray | None = None

    @property
    def has_season(self) -> bool:
        """Whether there is a season."""
        return "season_sd" in self.priors

    @cached_property
    def waves(self) -> np.ndarray:
        """The season of unit standard deviation as a matrix, shape (week, wave)."""
        return waves(self.first + np.arange(self.weeks))

    @cached_property
    def columns(self) -> np.ndarray:
        """The columns whose effects are standard normal, shape (week, column): by date, and the opening."""
        dated = np.zeros((self.weeks, 0)) if self.dated is None else self.dated
        return np.column_stack([dated, _OPENING_SD * _opening(np.arange(self.weeks))])

    def by_date(self, effects: np.ndarray) -> np.ndarray:
        """Return the effects of the columns by date, of those of all `columns`."""
        return effects[:, :-1]

    def opening(self, effects: np.ndarray) -> np.ndarray:
        """Return the opening, of the effects of all `columns`."""
        return _OPENING_SD * effects[:, -1]

    @cached_property
    def _lag(self) -> np.ndarray:
        number = np.arange(self.weeks)
        return np.abs(number[:, None] - number).astype(float)

    def correlations(self, memory: np.ndarray) -> np.ndarray:
        """Return the correlation of u between weeks for some memories, shape (memory, week, week)."""
        return np.exp(-self._lag / memory[:, None, None])

    def parts(self, theta: np.ndarray) -> list[np.ndarray]:
        """Return the covariances of u, e and, where there is one, s, each of shape (point, week, week).

        Parameters
        ----------
        theta : numpy.ndarray, shape (point, scale)
        """
        sd, memory, noise, *season = np.exp(theta).T[:, :, None, None]
        found = [sd**2 * self.correlations(memory[:, 0, 0]), noise**2 * np.eye(self.weeks)]
        return found + [each**2 * (self.waves @ self.waves.T) for each in season]

    def slopes(self, theta: np.ndarray, by_covariance: np.ndarray) -> np.ndarray:
        """Return slopes by the scales, shape (point, scale), from those by the covariance of g."""
        persists, *others = self.parts(theta)
        lag = self._lag / np.exp(theta[:, 1, None, None])
        along = [2 * persists, persists * lag, *(2 * part for part in others)]
        return np.stack([np.einsum("pij,pij->p", by_covariance, part) for part in along], axis=1)

    def log_prior(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the log prior density of the logarithms, shape (point,), and its slopes, (point, scale)."""
        mu, sigma = self.moments
        z = (theta - mu) / sigma
        height = -0.5 * (z**2).sum(axis=1) - np.log(sigma).sum() - 0.5 * np.log(2 * np.pi) * mu.size
        return height, -z / sigma

    @property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Means and standard deviations of the logarithms of the scales in the prior, each (scale,)."""
        given = [prior.arguments for prior in self.priors.values()]
        mu, sigma = (np.array([each[key] for each in given], float) for key in ("mu", "sigma"))
        return mu, sigma

    def simulate(
        self, theta: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw u, e and the amplitudes of the waves of the season, one of each for each vector of scales.

        Returns
        -------
        u, e : numpy.ndarray, shape (point, week)
        season : numpy.ndarray, shape (point, wave)
        """
        sd, memory, noise, *season = np.exp(theta).T
        z = rng.standard_normal((2, len(theta), self.weeks))
        u = z[0]
        stays = np.exp(-1 / memory)
        moves = np.sqrt(-np.expm1(-2 / memory))
        for week in range(1, self.weeks):
            u[:, week] = stays * u[:, week - 1] + moves * u[:, week]
        amplitude = rng.standard_normal((len(theta), self.waves.shape[1]))
        amplitude *= season[0][:, None] if season else 0.0
        return sd[:, None] * u, noise[:, None] * z[1], amplitude


_LOG_MEMORY = np.log(0.1), np.log(2000.0)
_NODE = np.cos(np.pi * np.arange(_NODES) / (_NODES - 1))
MEMORY_NODES = np.exp((_LOG_MEMORY[0] + _LOG_MEMORY[1]) / 2 + _NODE * (_LOG_MEMORY[1] - _LOG_MEMORY[0]) / 2)
"""Chebyshev's nodes of the logarithm of memory, between which what depends on it is interpolated."""


def memory_weights(log_memory: np.ndarray) -> np.ndarray:
    """Return the weights of `MEMORY_NODES` that interpolate a function of memory, shape (point, node).

    Memories beyond the last nodes count as these.

    Examples
    --------
    >>> memory = np.array([0.7, 10.0, 300.0])
    >>> found = memory_weights(np.log(memory)) @ np.exp(-4 / MEMORY_NODES)
    >>> bool(np.abs(found - np.exp(-4 / memory)).max() < 1e-6)
    True
    """
    low, high = _LOG_MEMORY
    at = np.clip((2 * log_memory - low - high) / (high - low), -1.0, 1.0)
    off = at[:, None] - _NODE
    exact = off == 0
    weight = (-1.0) ** np.arange(_NODES) / np.where(exact, 1.0, off)
    weight[:, [0, -1]] /= 2
    weight = np.where(exact.any(axis=1, keepdims=True), exact, weight)
    return weight / weight.sum(axis=1, keepdims=True)


def priors_of(*, season: bool, weeks: int) -> dict[str, Prior]:
    """Return the priors of the scales, by name.

    Parameters
    ----------
    season : bool
        Whether a season is taken for granted. Otherwise there may be one, from a year of data on.
    weeks : int
        How many the data span.

    Examples
    --------
    >>> "season_sd" in priors_of(season=False, weeks=40)
    False
    """
    perhaps = _PERHAPS_A_SEASON if weeks >= _WEEKS_OF_A_YEAR else {}
    return _PRIORS | (_SEASON if season else perhaps)


def process_of(first: int, weeks: int, *, season: bool) -> Process:
    """Return the process over some weeks."""
    return Process(first, weeks, priors_of(season=season, weeks=weeks))


def remembered(*, season: bool, weeks: int) -> dict[str, tuple[str, ...]]:
    """Return the names of the draws that the future is drawn from, with their own dimensions.

    Parameters
    ----------
    season, weeks
        As of `priors_of`.
    """
    scales = priors_of(season=season, weeks=weeks)
    waves: dict[str, tuple[str, ...]] = {"season": ("wave",)} if "season_sd" in scales else {}
    return {EFFECT: ("week",), **dict.fromkeys(["calendar_level", OPENING, *scales], ()), **waves}


def continued(
    draws: Mapping[str, np.ndarray], first: int, last: int, seed: int, future: int = 0
) -> np.ndarray:
    """Return g from the first week of a fit to a later one, drawn where there are no data.

    The same draw has the same future in whatever it is asked for, and however far.

    Parameters
    ----------
    draws : mapping of str to numpy.ndarray, shape (draw, ...)
        Of a posterior: those that are `remembered`.
    first, last : int
        Numbers of weeks.
    seed : int
        Of the fit.
    future : int
        Which of the futures of each draw.

    Returns
    -------
    numpy.ndarray, shape (draw, week)
    """
    known = draws[EFFECT]
    begin = first + known.shape[1]
    if last < begin:
        return known[:, : last - first + 1]
    week = np.arange(begin, last + 1)
    steady = draws[OPENING][:, None] * _opening(week - first)
    if "season" in draws:
        steady += draws["season"] @ waves(week).T
    level, sd, memory = (draws[name] for name in ("calendar_level", "calendar_sd", "calendar_memory"))
    stays, moves = np.exp(-1 / memory), sd * np.sqrt(-np.expm1(-2 / memory))
    more = np.empty((len(known), week.size))
    for i, number in enumerate(week):
        # A week is drawn by its own number, so that a longer future begins as a shorter one.
        stream = np.random.default_rng([seed, _FUTURE + future, int(number) + _PAST])
        z = stream.standard_normal((2, len(known)))
        level = stays * level + moves * z[0]
        more[:, i] = level + draws["calendar_noise"] * z[1] + steady[:, i]
    return np.concatenate([known, more], axis=1)


def _opening(week: np.ndarray) -> np.ndarray:
    """Return how much of the opening is left, weeks after the first one."""
    return np.exp(-week / _FADES)


def waves(week: np.ndarray) -> np.ndarray:
    """Return sines and cosines of the middle of weeks, shape (week, wave): of variance 1 all together.

    Examples
    --------
    >>> round(float((waves(np.arange(1000)) ** 2).sum(axis=1).mean()), 3)
    1.0
    """
    day = monday(week).astype(np.int64) + DAYS / 2
    number = np.arange(1, _HARMONICS + 1)
    angle = 2 * np.pi * number * day[:, None] / _YEAR
    weight = 1 / number / np.sqrt((1 / number**2).sum())
    return np.concatenate([np.sin(angle) * weight, np.cos(angle) * weight], axis=1)
