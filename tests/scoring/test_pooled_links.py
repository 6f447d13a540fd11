"""Draws over the ways to link people: pooled, with the share of the variance that the links make."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_cx as bcx


@pytest.fixture(scope="module")
def linked():
    frame = pd.DataFrame(
        {"who": [f"c{k}" for k in range(30)] + [f"d{k}" for k in range(30)], "what": ["buy", "look"] * 30}
    )
    frame["at"] = pd.date_range("2025-01-01", periods=60, freq="h")
    events = bcx.read_events(frame, customer="who", time="at", event="what")
    links = pd.DataFrame(
        {"left": [f"d{k}" for k in range(30)], "right": [f"c{k}" for k in range(30)], "probability": 0.5}
    )
    return bcx.link(events, links, imputations=25, seed=2)


def customers(events):
    return len(set(events.accepted.df()["customer"]))


def test_the_variance_is_that_of_the_links_and_of_the_posterior(linked):
    rng = np.random.default_rng(1)
    found = bcx.over_links(linked, lambda events: customers(events) + rng.normal(0, 2, 400))
    # People: 60 less a binomial of 30 with 1/2, whose variance is 7.5; the posterior adds 4.
    summary = found.summary()
    assert float(summary["mean"]) == pytest.approx(45, abs=1.8)
    assert float(summary["sd"] ** 2) == pytest.approx(11.5, rel=0.4)
    assert float(summary["share_of_links"]) == pytest.approx(7.5 / 11.5, abs=0.2)
    only_posterior = bcx.over_links(linked, lambda events: rng.normal(0, 2, 400))
    assert float(only_posterior.share_of_links) < 0.01
    assert float(bcx.over_links(linked, customers).share_of_links) == 1.0


def test_draws_of_a_fit_are_pooled(linked):
    def chance(events):
        stays = bcx.summarise_stays(events, targets="buy", unit="hour", until="2025-01-05")
        fit = bcx.fit(bcx.models.SEMI_MARKOV, stays, method=bcx.Conjugate(draws=100), seed=1)
        p = fit.transitions()[:, 0, list(fit.following).index("buy")]
        return xr.DataArray(p[None], dims=("chain", "draw"))

    few = bcx.link(linked.unlinked, LINKS, imputations=4, seed=1)
    found = bcx.over_links(few, chance)
    assert found.draws.dims == ("imputation", "draw")
    assert found.draws.shape == (4, 100)
    assert 0 <= float(found.share_of_links) <= 1
    np.testing.assert_array_equal(found.draws[2], chance(few.events(2))[0])


LINKS = pd.DataFrame({"left": ["d1", "d2"], "right": ["c1", "c2"], "probability": [0.5, 0.6]})


def test_what_not_all_imputations_have_is_left_out_and_counted(linked):
    def by_customer(events):
        names = sorted(events.accepted.df()["customer"].unique())
        return xr.DataArray(np.ones((3, len(names))), dims=("draw", "customer"), coords={"customer": names})

    found = bcx.over_links(bcx.link(linked.unlinked, LINKS, imputations=30, seed=1), by_customer)
    assert found.draws.sizes["customer"] == 58
    assert found.left_out == 2
    assert np.isnan(found.share_of_links).all()


def test_what_are_no_draws_is_refused(linked):
    for wrong in ("text", xr.DataArray(np.ones(3), dims="customer")):
        with pytest.raises(bcx.InputError):
            bcx.over_links(linked, lambda events, wrong=wrong: wrong)
    sizes = iter(range(1, 100))
    with pytest.raises(bcx.InputError, match="as many draws"):
        bcx.over_links(linked, lambda events: np.ones(next(sizes)))
