"""Covariates of Pareto/NBD: the maximum-likelihood estimates that were published for a simulated shop."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayes_cx as bcx
from bayes_cx.models import PARETO_NBD
from bayes_cx.scoring.log_lik import log_likelihoods

DATA = Path(__file__).parents[3] / "shared" / "data"
BOTH = "gender + channel"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.exists(), reason="the data of the shop are not here"),
]


@pytest.fixture(scope="module")
def apparel():
    """600 customers seen for 104 weeks, with gender and channel."""
    bought = pd.read_csv(DATA / "apparelTrans.csv")
    who = pd.read_csv(DATA / "apparelStaticCov.csv").set_index("Id")
    frame = pd.DataFrame({"customer": bought["Id"], "time": pd.to_datetime(bought["Date"], unit="D")})
    until = (frame["time"].min() + pd.Timedelta(weeks=104)).date()
    stats = bcx.summarise(bcx.read_transactions(frame, customer="customer", time="time"), until=until)
    who = who.loc[stats["customer"].to_numpy().astype(int)]
    return stats.assign({name.lower(): ("customer", who[name].to_numpy()) for name in ("Gender", "Channel")})


@pytest.mark.parametrize(
    ("design", "log_lik", "published", "slopes"),
    [
        (bcx.Design(), -5848.098, {"r": 1.4490, "alpha": 48.636, "s": 0.5613, "beta": 46.884}, {}),
        (
            bcx.Design(purchase_rate=BOTH, half_life=BOTH),
            -5821.0627,
            {"r": 1.838, "alpha": 92.91, "s": 0.592, "beta": 49.62},
            # What makes customers leave sooner shortens their half-life.
            {"purchase_rate": (0.286, 0.624), "half_life": (0.643, -0.791)},
        ),
    ],
    ids=["all alike", "by gender and channel"],
)
def test_estimates_are_the_published_ones(apparel, design, log_lik, published, slopes):
    fit = bcx.fit(PARETO_NBD, apparel, design=design, method=bcx.MLE())
    ((_, found),) = log_likelihoods(fit, apparel)
    assert log_lik - 1e-3 < found.sum() < log_lik + 1e-3
    letters = {name: value.item() for name, value in fit.parameters().items()}
    # Published letters are those of a customer whose covariates are 0, and ours those of an average one.
    mean = np.array([apparel[name].mean() for name in ("gender", "channel")])
    for name, letter, sign in (("purchase_rate", "alpha", 1), ("half_life", "beta", -1)):
        if name in slopes:
            found = fit.draws["posterior"][f"{name}_slope"].to_numpy().ravel()
            np.testing.assert_allclose(found, slopes[name], atol=2e-3)
            letters[letter] *= np.exp(sign * found @ mean)
    # s and beta move along a ridge, where a search ends anywhere within a fiftieth of a standard error.
    for name, value in published.items():
        assert letters[name] == pytest.approx(value, rel=3e-3 if name in ("s", "beta") else 1e-3), name
