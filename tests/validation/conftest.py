"""Fits that several tests read: the CDNOW sample, and customers made by the story itself."""

import numpy as np
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.validation import holdout

BEGIN = np.datetime64("2024-01-01", "s")
CUT, END = 273, 546
TRUTH = {"r": 0.6, "alpha": 6.0, "a": 0.8, "b": 2.5}
SPEND = {"p": 4.0, "q": 3.5, "v": 20.0}


@pytest.fixture(scope="session")
def cdnow():
    return bcx.split(bcx.load_cdnow(sample=True), "1997-09-30", "1998-06-30", "week")


@pytest.fixture(scope="session")
def cdnow_fits(cdnow):
    return tuple(
        bcx.fit(model, cdnow.calibration, seed=1, progress=False)
        for model in (bcx.models.BG_NBD, bcx.models.GAMMA_GAMMA)
    )


@pytest.fixture(scope="session")
def cdnow_holdout(cdnow, cdnow_fits):
    return holdout(*cdnow_fits, cdnow, draws=300, seed=1)


def simulated_split(n: int, seed: int) -> bcx.Split:
    """Let customers live through both periods, and only then cut: no formula of the model is used."""
    rng = np.random.default_rng(seed)
    born = rng.integers(0, 84, n)
    rate, leave = rng.gamma(TRUTH["r"], 1 / TRUTH["alpha"], n) / 7, rng.beta(TRUTH["a"], TRUTH["b"], n)
    mean = rng.gamma(SPEND["q"], 1 / SPEND["v"], n)
    x, t_x, later, weekly = np.zeros(n, int), np.zeros(n), np.zeros(n, int), np.zeros(END // 7, int)
    total, paid = np.zeros(n), np.zeros(n)
    for i in range(n):
        time = 0.0
        while True:
            time += rng.exponential(1 / rate[i])
            if born[i] + time > END - 1:
                break
            spent = rng.gamma(SPEND["p"], 1 / mean[i])
            weekly[int(born[i] + np.ceil(time)) // 7] += 1
            if born[i] + time <= CUT - 1:
                x[i], t_x[i], total[i] = x[i] + 1, time, total[i] + spent
            else:
                later[i], paid[i] = later[i] + 1, paid[i] + spent
            if rng.random() < leave[i]:
                break
    calibration = xr.Dataset(
        {
            "x": ("customer", x),
            "t_x": ("customer", t_x / 7),
            "T": ("customer", (CUT - 1 - born) / 7),
            "spend": ("customer", np.divide(total, x, out=np.full(n, np.nan), where=x > 0)),
            "spend_sum": ("customer", total),
            "first_spend": ("customer", rng.gamma(SPEND["p"], 1 / mean)),
            "first": ("customer", BEGIN + born.astype("timedelta64[D]")),
            "half": ("customer", np.where(np.arange(n) % 2, "odd", "even").astype(object)),
            # One shop for most customers, and many with a few each.
            "shop": (
                "customer",
                np.where(np.arange(n) % 4 == 0, [f"shop {i % 80}" for i in range(n)], "main").astype(object),
            ),
        },
        coords={"customer": np.arange(n)},
        attrs={"kind": "purchases", "unit": "week", "until": "2024-09-29"},
    )
    after = xr.Dataset(
        {"x_holdout": ("customer", later), "spend_holdout": ("customer", paid)},
        coords={"customer": np.arange(n)},
        attrs={"unit": "week", "start": "2024-09-30", "end": "2025-06-29", "length": (END - CUT) / 7},
    )
    tracking = xr.Dataset(
        {
            "observed": ("period", weekly),
            "first_purchases": ("period", np.bincount(born // 7, minlength=END // 7)),
            "start": ("period", BEGIN + np.arange(END // 7) * np.timedelta64(7, "D")),
        },
        coords={"period": np.arange(END // 7)},
        attrs={"unit": "week", "start": "2024-01-01", "end": "2025-06-29", "calibration_periods": CUT // 7},
    )
    return bcx.Split(calibration, after, tracking)


@pytest.fixture(scope="session")
def story():
    return simulated_split(4000, seed=5)


@pytest.fixture(scope="session")
def story_fits(story):
    return tuple(
        bcx.fit(model, story.calibration, seed=1, progress=False)
        for model in (bcx.models.BG_NBD, bcx.models.GAMMA_GAMMA)
    )
