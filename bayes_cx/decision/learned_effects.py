r"""Effects of actions from a log, with what was believed before.

In round t and group g, :math:`\bar y_{tga}` is the mean outcome with action a, each decision weighted by one
over its propensity, and :math:`\bar y_{tg0}` that of those left alone. Rounds are put together with weights
:math:`w_{tga} = \lambda_t\, n_{tga} n_{tg0} / (n_{tga} + n_{tg0})`, where :math:`\lambda_t` forgets old ones.
So what else changes between rounds is not taken for an effect:

.. math:: d_{ga} = \frac{\sum_t w_{tga} (\bar y_{tga} - \bar y_{tg0})}{\sum_t w_{tga}},
    \quad d_g \sim \text{Normal}(\theta_g, C_g).

The covariances of :math:`C_g` come from those left alone, with whom all actions are compared. Groups are
alike unless the log says otherwise: :math:`\theta_{ga} \sim \text{Normal}(\delta_a, \tau_a^2)`, with
:math:`\delta_a` normal, of mean and standard deviation of what was believed, and :math:`\tau_a` half-normal
of the same standard deviation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["SUMS", "Differences", "differences", "draw_effects", "sums_of"]

SUMS = ("n", "w", "ww", "wy", "wyy")
"""Sums over decisions: their number, weights, squared weights, weighted outcomes and their squares."""

# Standard deviations of what was believed, as differences between groups; the last hardly ever needed.
_DIFFER = np.linspace(0.0, 4.0, 81)
# What stands for the variance of an effect that was not measured, in variances of what was believed.
_UNKNOWN = 1e9


@dataclass(frozen=True)
class Differences:
    """What the log says of each action in each group.

    Attributes
    ----------
    effect : numpy.ndarray, shape (group, action)
        Difference of the mean outcomes; 0 where it was not measured.
    covariance : numpy.ndarray, shape (group, action, action)
    known : numpy.ndarray of bool, shape (group, action)
    n : numpy.ndarray, shape (group, action)
        Decisions for the action.
    """

    effect: np.ndarray
    covariance: np.ndarray
    known: np.ndarray
    n: np.ndarray


def sums_of(rows: pd.DataFrame, group: np.ndarray, outcome: str) -> pd.DataFrame:
    """Return sums by round, group and action; those of different rounds add by being put together.

    Parameters
    ----------
    rows : pandas.DataFrame
        Decisions with ``time``, ``action``, ``propensity`` and the outcome.
    group : numpy.ndarray of str, shape (decision,)
    outcome : str
        The column to learn from.
    """
    w, y = 1.0 / rows["propensity"].to_numpy(float), rows[outcome].to_numpy(float)
    table: Any = pd.DataFrame({"round": rows["time"].to_numpy(), "group": group})
    table = table.assign(action=rows["action"].to_numpy(object), n=1.0, w=w, ww=w**2, wy=w * y, wyy=w * y**2)
    return table.groupby(["round", "group", "action"], as_index=False, sort=True).sum()


def differences(
    sums: pd.DataFrame, actions: Sequence[str], control: str, groups: Sequence[str], forget: np.ndarray
) -> Differences:
    """Return the effect of each action in each group, against those left alone in the same round.

    Parameters
    ----------
    sums : pandas.DataFrame
        From `sums_of`.
    actions : sequence of str
    control : str
    groups : sequence of str
    forget : numpy.ndarray, shape (row,)
        How much each row of the sums still counts, between 0 and 1; the same for all of a round.
    """
    every = [control, *actions]
    rounds, at = np.unique(sums["round"].to_numpy(), return_inverse=True)
    place = (at, _places(sums["group"], groups), _places(sums["action"], every))
    cell = {name: np.zeros((rounds.size, len(groups), len(every))) for name in SUMS}
    for name, table in cell.items():
        table[place] = sums[name].to_numpy(float)
    keep = np.ones(rounds.size)
    keep[at] = forget
    w, there = np.where(cell["w"] > 0, cell["w"], 1.0), cell["n"] > 0
    n, mean = cell["w"] ** 2 / np.where(there, cell["ww"], 1.0), cell["wy"] / w
    variance = _variances(cell)
    both = there & there[:, :, :1]
    weight = keep[:, None, None] * both * n * n[:, :, :1] / np.where(both, n + n[:, :, :1], 1.0)
    weight, total = weight[:, :, 1:], weight[:, :, 1:].sum(axis=0)
    known = total > 0
    share = weight / np.where(known, total, 1.0)
    effect = (share * (mean[:, :, 1:] - mean[:, :, :1])).sum(axis=0)
    # What is half forgotten is as uncertain as half as many decisions.
    noise = variance / (np.where(there, n, 1.0) * keep[:, None, None])
    covariance = np.einsum("tga,tgb,tg->gab", share, share, noise[:, :, 0])
    own = np.einsum("tga,tga,tga->ga", share, share, noise[:, :, 1:])
    covariance[:, np.arange(len(actions)), np.arange(len(actions))] += own
    return Differences(effect, covariance, known, cell["n"][:, :, 1:].sum(axis=0))


def _places(names: Any, known: Sequence[str]) -> np.ndarray:
    position = {name: i for i, name in enumerate(known)}
    return names.map(position).to_numpy(np.int64)


def _variances(cell: dict[str, np.ndarray]) -> np.ndarray:
    """Return the variance of the outcome in each group with each action, shape (group, action).

    Each borrows one decision from all, so that one in which nobody bought is not sure of it.
    """
    weights = {name: table.sum(axis=0) for name, table in cell.items()}
    every = max(float(weights["w"].sum()), 1e-300)
    first, second = float(weights["wy"].sum()) / every, float(weights["wyy"].sum()) / every
    n = weights["w"] ** 2 / np.where(weights["ww"] > 0, weights["ww"], 1.0)
    w = np.where(weights["w"] > 0, weights["w"], 1.0)
    mean = (n * weights["wy"] / w + first) / (n + 1.0)
    return np.maximum((n * weights["wyy"] / w + second) / (n + 1.0) - mean**2, 1e-9 * max(second, 1e-300))


def draw_effects(
    mean: np.ndarray, sd: np.ndarray, found: Differences, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Return draws of the effect of each action in each group, shape (sample, group, action).

    How much groups differ is drawn for each action by itself, and then all effects together.

    Parameters
    ----------
    mean, sd : numpy.ndarray, shape (action,)
        What was believed of the effects.
    found : Differences
    n : int
    rng : numpy.random.Generator
    """
    actions = found.effect.shape[1]
    own = np.arange(actions)
    tau = np.empty((n, actions))
    for a in own:
        logs = _log_posterior(
            float(mean[a]), float(sd[a]), found.effect[:, a], found.covariance[:, a, a], found.known[:, a]
        )
        chance = np.exp(logs - np.logaddexp.reduce(logs))
        tau[:, a] = sd[a] * rng.choice(_DIFFER, n, p=chance / chance.sum())
    C = found.covariance.copy()
    C[:, own, own] += np.where(found.known, 0.0, _UNKNOWN * sd**2)
    spread = np.zeros((n, 1, actions, actions))
    spread[:, 0, own, own] = tau**2
    inverse = np.linalg.inv(C[None] + spread)  # (sample, group, action, action)
    precision = np.diag(sd**-2.0) + inverse.sum(axis=1)
    pull = mean / sd**2 + np.einsum("sgab,gb->sa", inverse, found.effect)
    delta = np.linalg.solve(precision, pull[..., None])[..., 0] + _noise(np.linalg.inv(precision), rng)
    # Of theta given delta: delta, and of the rest the share that is no noise.
    gain = spread @ inverse
    theta = delta[:, None, :] + np.einsum("sgab,sgb->sga", gain, found.effect[None] - delta[:, None, :])
    left = spread - gain @ spread
    return theta + _noise(left, rng)


def _noise(covariance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return normal draws with these covariances, which may be singular."""
    values, vectors = np.linalg.eigh((covariance + np.swapaxes(covariance, -1, -2)) / 2.0)
    root = vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]
    return np.einsum("...ab,...b->...a", root, rng.standard_normal(covariance.shape[:-1]))


def _log_posterior(
    mean: float, sd: float, effect: np.ndarray, variance: np.ndarray, known: np.ndarray
) -> np.ndarray:
    """Return the log posterior of how much groups differ, over the grid, up to a constant."""
    y = effect[known]
    v = variance[known] + np.square(sd * _DIFFER)[:, None]
    precision = sd**-2.0 + (1.0 / v).sum(axis=1)
    centre = (mean / sd**2 + (y / v).sum(axis=1)) / precision
    squares = mean**2 / sd**2 + (y**2 / v).sum(axis=1) - centre**2 * precision
    return -0.5 * (np.square(_DIFFER) + np.log(v).sum(axis=1) + np.log(precision) + squares)
