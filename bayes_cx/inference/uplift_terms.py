"""The terms of an uplift model: which coefficient belongs to which level and treatment, and their columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayes_cx.data.feature_levels import Feature, features_from_json

__all__ = ["TREND", "Terms"]

TREND = "trend"
"""The term of a number for a rise from its lowest interval to its highest, beside those of its intervals."""


@dataclass(frozen=True)
class Terms:
    """Features, treatments and doses of a fit.

    Attributes
    ----------
    features : tuple of Feature
    shares : tuple of tuple of float
        For each feature the share of the customers of the trial at each level.
    control : str
    arms : tuple of str
        The treatments, without the control.
    largest : tuple of float
        The largest dose of each treatment; empty where there are no doses.
    """

    features: tuple[Feature, ...]
    shares: tuple[tuple[float, ...], ...]
    control: str
    arms: tuple[str, ...]
    largest: tuple[float, ...] = ()

    @classmethod
    def from_dict(cls, said: Mapping) -> "Terms":
        """Return the terms that `dataclasses.asdict` made a dictionary of."""
        shares = tuple(tuple(float(share) for share in own) for own in said["shares"])
        features = features_from_json(said["features"])
        return cls(features, shares, said["control"], tuple(said["arms"]), tuple(said["largest"]))

    @property
    def treatments(self) -> tuple[str, ...]:
        """The control, then the treatments."""
        return self.control, *self.arms

    @cached_property
    def scores(self) -> tuple[np.ndarray | None, ...]:
        """For each feature the trend at each level, with mean 0 and variance 1 over the customers.

        None where there is none: of categories, and of numbers with fewer than three intervals.
        """
        found: list[np.ndarray | None] = []
        for feature, shares in zip(self.features, self.shares, strict=True):
            share = np.array(shares[: feature.ordered])
            if (share > 0).sum() < 3:
                found.append(None)
                continue
            share = share / share.sum()
            place = np.arange(share.size) - share @ np.arange(share.size)
            place = place / np.sqrt(share @ place**2)
            found.append(np.append(place, np.zeros(len(shares) - share.size)))
        return tuple(found)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the terms: ``feature: level``, and ``feature: trend``."""
        found = []
        for feature, shares, score in zip(self.features, self.shares, self.scores, strict=True):
            used = [level for level, share in zip(feature.levels, shares, strict=True) if 0 < share < 1]
            found += [f"{feature.name}: {level}" for level in used]
            found += [f"{feature.name}: {TREND}"] * (score is not None)
        return tuple(found)

    def columns(self, levels: Mapping[str, np.ndarray], n: int = 1) -> np.ndarray:
        """Return the columns of the terms, shape (row, term), each with mean zero over the trial.

        A level that is not in the fit is like the average customer. Without features there are `n` rows.
        """
        found = []
        for feature, shares, score in zip(self.features, self.shares, self.scores, strict=True):
            known = {level: place for place, level in enumerate(feature.levels)}
            place = np.array([known.get(level, -1) for level in levels[feature.name]], int)
            share = np.array(shares)
            used = np.flatnonzero((share > 0) & (share < 1))
            seen = (place >= 0) & (share[place] > 0)
            found.append(np.where(seen[:, None], (place[:, None] == used) - share[used], 0.0))
            if score is not None:
                found.append(np.where(seen, score[place], 0.0)[:, None])
        return np.concatenate(found, axis=1) if found else np.zeros((n, 0))

    def unseen(self, levels: Mapping[str, np.ndarray]) -> dict[str, int]:
        """Return the levels that the trial did not have, such as ``"age: 7"``, with their customers."""
        found = {}
        for feature, shares in zip(self.features, self.shares, strict=True):
            had = {level for level, share in zip(feature.levels, shares, strict=True) if share > 0}
            values, counts = np.unique(levels[feature.name].astype(str), return_counts=True)
            found |= {
                f"{feature.name}: {value}": int(n)
                for value, n in zip(values, counts, strict=True)
                if value not in had
            }
        return found

    def reach(self, arm: Sequence[str] | np.ndarray, dose: np.ndarray | None, shape: float) -> np.ndarray:
        """Return how much of each treatment rows got, from 0 to 1, shape (row, arm)."""
        names = np.asarray(arm, object)
        found = (names[:, None] == np.array(self.arms, object)).astype(float)
        if self.largest and dose is not None:
            found *= (np.asarray(dose, float)[:, None] / np.array(self.largest)) ** shape
        return found

    def matrix(
        self, levels: Mapping[str, np.ndarray], arm: np.ndarray, dose: np.ndarray | None, shape: float
    ) -> np.ndarray:
        """Return the columns of all coefficients: constant, terms, treatments, terms of each treatment."""
        z, reach = self.columns(levels, len(arm)), self.reach(arm, dose, shape)
        each = [z * reach[:, [k]] for k in range(len(self.arms))]
        return np.concatenate([np.ones((len(arm), 1)), z, reach, *each], axis=1)
