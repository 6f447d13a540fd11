"""What the chosen contacts change in total, and which assumption that rests on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bayes_cx.decision.effects import Change
from bayes_cx.decision.value import LifetimeValue

__all__ = ["AS_DRAWN", "HALF", "STRENGTHS", "TWICE", "Campaign", "drivers", "sensitivity"]

STRENGTHS = (0.25, 0.5, 1.0, 1.5, 2.0)
AS_DRAWN = STRENGTHS.index(1.0)
# A single assumption is halved and doubled to see what the gain rests on.
HALF, TWICE = 0.5, 2.0


@dataclass(frozen=True)
class Campaign:
    """What the chosen contacts change, in total.

    Attributes
    ----------
    changes : list of Change
        Of one customer, by offer.
    sooner, later : list of Change
        The same if the half-life of the chance to win back is half and twice as long.
    luck : numpy.ndarray, shape (strength, sample)
        What the luck of who comes back adds, by strength of the response.
    """

    changes: list[Change]
    sooner: list[Change]
    later: list[Change]
    luck: np.ndarray

    def gain(self, strength: float = 1.0) -> np.ndarray:
        """Return the net gain, the luck of single customers averaged out, shape (sample,)."""
        return sum((each.gain(strength)[:, 0] for each in self.changes), np.zeros(self.luck.shape[1]))


def sensitivity(
    gain: np.ndarray,
    cost: np.ndarray,
    campaign: Campaign,
    number: Callable[[np.ndarray, np.ndarray], int],
) -> xr.Dataset:
    """Return the gain of the chosen plan and the best number of contacts under other effects.

    `number` returns the latter from expected gain and cost, each of shape (customer, offer).
    """
    means = np.array([campaign.gain(strength) for strength in STRENGTHS])
    low, high = np.quantile(means + campaign.luck, (0.05, 0.95), axis=1)
    best = [number(gain[i], cost[i]) for i in range(len(STRENGTHS))]
    return xr.Dataset(
        {
            "gain": ("scale", means.mean(axis=1)),
            "gain_low": ("scale", low),
            "gain_high": ("scale", high),
            "contacts": ("scale", best),
        },
        coords={"scale": list(STRENGTHS)},
    )


def drivers(
    gain: np.ndarray,
    cost: np.ndarray,
    campaign: Campaign,
    value: LifetimeValue,
    number: Callable[[np.ndarray, np.ndarray], int],
) -> xr.Dataset:
    """Return the expected gain of the chosen plan if one assumption is half and twice as large.

    A share that cannot be doubled, such as a margin of 70 %, goes up to one.
    """
    changes = campaign.changes
    back, kept, response, cost_now = (
        float(sum(getattr(each, name)()[:, 0].mean() for each in changes))
        for name in ("winning_back", "keeping", "response", "cost")
    )

    def gain_if(back_times: float, kept_times: float) -> float:
        found = [e.winning_back(back_times) + e.keeping(kept_times) - e.cost(back_times) for e in changes]
        return float(sum(each.mean() for each in found)) + response

    rows: dict[str, tuple[float, ...]] = {}
    if any(each.offer.response is None for each in changes):
        rows = {
            "win_back": (gain_if(HALF, 1.0), gain_if(TWICE, 1.0)),
            "keep": (gain_if(1.0, HALF), gain_if(1.0, TWICE)),
            "half_life": tuple(
                float(sum(e.gain().mean() for e in c)) for c in (campaign.sooner, campaign.later)
            ),
        }
    if any(each.offer.response is not None for each in changes):
        now = float(campaign.gain().mean())
        rows["response"] = tuple(now + (times - 1.0) * response for times in (HALF, TWICE))
    if value.spend is not None:
        most = min(TWICE, 1.0 / value.margin)
        rows["margin"] = tuple(times * (back + kept + response) - cost_now for times in (HALF, most))
    half, twice = np.array(list(rows.values())).T
    best = [number(gain[i], cost[i]) for i in (-2, -1)]
    return xr.Dataset(
        {"half": ("assumption", half), "twice": ("assumption", twice)},
        coords={"assumption": list(rows)},
        attrs={
            "gain": float(campaign.gain().mean()),
            "contacts_half_life_half": best[0],
            "contacts_half_life_twice": best[1],
        },
    )
