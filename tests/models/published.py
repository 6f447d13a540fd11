"""Maximum-likelihood estimates that others have published, and the data they are of."""

from collections.abc import Callable
from dataclasses import dataclass

import xarray as xr

import bayes_cx as bcx
from bayes_cx.references import cite

__all__ = ["PUBLISHED", "Published"]


@dataclass(frozen=True)
class Published:
    """Estimates and the height of the likelihood there, each with what rounding in print leaves open.

    `rtol` is the relative tolerance of the estimates, `atol` the absolute one of the log-likelihood. `source`
    says who found them.
    """

    data: str
    load: Callable[[], xr.Dataset]
    estimates: dict[str, float]
    log_lik: float
    rtol: float
    atol: float
    source: str


def _cdnow() -> xr.Dataset:
    return bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")


def _cdnow_gaps() -> xr.Dataset:
    return bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week", regularity=True)


def _cohort(name: str, periods: int) -> Callable[[], xr.Dataset]:
    def load() -> xr.Dataset:
        rows = bcx.load_cohorts(periods)
        return rows.isel(row=(rows["cohort"] == name).to_numpy())

    return load


def _retention(name: str, periods: int, estimates, log_lik: float, rtol: float, source: str) -> Published:
    return Published(
        f"{name}, {periods} years", _cohort(name, periods), estimates, log_lik, rtol, 2e-3, source
    )


_PROJECT, _REVISITED = cite("fader2007project"), cite("fader2018revisited")

PUBLISHED: dict[str, list[Published]] = {
    "bg_nbd": [
        Published(
            "CDNOW",
            _cdnow,
            {"r": 0.24259, "alpha": 4.4136, "a": 0.7929, "b": 2.4259},
            -9582.4292,
            2e-4,
            1e-4,
            cite("fader2005counting"),
        )
    ],
    "mbg_nbd": [
        Published(
            "CDNOW",
            _cdnow,
            {"r": 0.52484, "alpha": 6.1831, "a": 0.89136, "b": 1.6140},
            -9582.1357,
            5e-4,
            1e-4,
            "BTYDplus",
        )
    ],
    "pareto_nbd": [
        Published(
            "CDNOW",
            _cdnow,
            {"r": 0.5533, "alpha": 10.578, "s": 0.6062, "beta": 11.669},
            -9594.9762,
            2e-4,
            1e-4,
            "Fader & Hardie, CLVTools",
        )
    ],
    # BTYDplus finds no regularity on CDNOW: k = 1, where these are the models above.
    "bg_cnbd": [
        Published(
            "CDNOW",
            _cdnow_gaps,
            {"k": 1.0, "r": 0.24259, "alpha": 4.4136, "a": 0.7929, "b": 2.4259},
            -9582.4292,
            2e-4,
            1e-4,
            "BTYDplus",
        )
    ],
    "mbg_cnbd": [
        Published(
            "CDNOW",
            _cdnow_gaps,
            {"k": 1.0, "r": 0.52484, "alpha": 6.1831, "a": 0.89136, "b": 1.6140},
            -9582.1357,
            5e-4,
            1e-4,
            "BTYDplus",
        )
    ],
    "gamma_gamma": [
        Published(
            "CDNOW",
            _cdnow,
            {"p": 6.250, "q": 3.744, "v": 15.443},
            -4055.9177,
            5e-4,
            1e-3,
            "CLVTools",
        )
    ],
    "bg_bb": [
        Published(
            "donations",
            bcx.load_donations,
            {"alpha": 1.2035, "beta": 0.7497, "gamma": 0.6567, "delta": 2.7834},
            -33225.581,
            5e-4,
            2e-3,
            cite("fader2010discrete"),
        )
    ],
    "sbg": [
        _retention("Regular", 7, {"alpha": 0.7041, "beta": 1.1820}, -1680.265, 5e-4, _PROJECT),
        _retention("High-End", 7, {"alpha": 0.6681, "beta": 3.8061}, -1611.158, 5e-4, _PROJECT),
        _retention("Regular", 4, {"alpha": 0.7637, "beta": 1.2958}, -1401.559, 5e-4, _REVISITED),
        _retention("High-End", 4, {"alpha": 1.2810, "beta": 7.790}, -1225.135, 5e-4, _REVISITED),
    ],
    "bdw": [
        _retention("Regular", 4, {"gamma": 0.523, "delta": 0.894, "c": 1.196}, -1401.383, 2e-3, _REVISITED),
        _retention("High-End", 4, {"gamma": 0.259, "delta": 1.723, "c": 1.584}, -1222.749, 2e-3, _REVISITED),
    ],
}
