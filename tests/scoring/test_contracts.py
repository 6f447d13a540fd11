"""Contracts of every age: futures, replications and values are of each customer's own history."""

import numpy as np
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.models import SBG
from bayes_cx.scoring import replicate_statistics

TRUTH = {"alpha": 0.8, "beta": 2.4}


@pytest.fixture(scope="module")
def staggered():
    """400 contracts that began at any time of the last two years, by the month."""
    rng = np.random.default_rng(7)
    periods = rng.integers(1, 25, 400)
    made = SBG.observe(SBG.simulate(rng, T=periods, **TRUTH), T=periods)
    data = {**made, "periods": periods}
    columns = {name: ("customer", np.asarray(values, np.int64)) for name, values in data.items()}
    return xr.Dataset(
        columns, coords={"customer": np.arange(400)}, attrs={"kind": "contracts", "unit": "month"}
    )


@pytest.fixture(scope="module")
def fitted(staggered):
    return bcx.fit(SBG, staggered, seed=1, progress=False)


def test_futures_are_those_of_each_age(fitted, staggered):
    made = bcx.predict_purchases(fitted, staggered, "12 months", draws=400, seed=2)
    expected = bcx.score(fitted, staggered, "expected_renewals", t="12 months")["mean"].to_numpy()
    for old in (False, True):
        some = ((staggered["T"] > 12) == old).to_numpy() & (staggered["churned"] == 0).to_numpy()
        totals = made.to_numpy()[:, some].sum(axis=1)
        z = (totals.mean() - expected[some].sum()) / (totals.std() / np.sqrt(totals.size))
        assert abs(z) < 4


def test_replications_are_observed_for_the_same_spans(fitted, staggered):
    for made in replicate_statistics(fitted, staggered, draws=5, seed=3):
        assert np.all(made["T"] <= staggered["periods"].to_numpy())
    found = bcx.validation.predictive_check(fitted, staggered, seed=1).statistics
    one = found.sel(statistic="share of customers who left")
    assert float(one["low"]) < float(one["observed"]) < float(one["high"])


def test_contracts_of_one_group_have_a_plan(fitted, staggered):
    value = bcx.lifetime_value(fitted, 20.0, staggered, horizon="12 months", draws=100)
    plan = bcx.prioritise(value, [bcx.Offer("month free", cost=5.0)], seed=1)
    assert plan.data.sizes["customer"] == 400


def test_opportunities_that_never_came_are_refused():
    nothing = xr.Dataset({name: ("customer", np.zeros(5, np.int64)) for name in ("x", "t_x", "n")})
    nothing = nothing.assign_coords(customer=np.arange(5)).assign_attrs(unit="year", kind="opportunities")
    with pytest.raises(bcx.InputError, match="no length"):
        bcx.fit("bg_bb", nothing, progress=False)


def test_half_an_opportunity_cannot_be_asked_for(fitted, staggered):
    with pytest.raises(bcx.InputError, match="whole number of months"):
        bcx.score(fitted, staggered, "expected_renewals", t=50.5)


@pytest.mark.parametrize("quantity", ["expected_renewals", "survival", "retention"])
def test_every_contract_has_a_horizon_of_its_own(fitted, staggered, quantity):
    some = staggered.isel(customer=slice(0, 30))
    own = 1 + np.arange(30) % 4
    each = bcx.score(fitted, some, quantity, t=xr.DataArray(own, dims="customer"), thin_to=50)["mean"]
    grid = bcx.score(fitted, some, quantity, t=[1, 2, 3, 4], thin_to=50)["mean"]
    np.testing.assert_allclose(each, grid.to_numpy()[np.arange(30), own - 1], rtol=1e-12)
    with pytest.raises(bcx.InputError, match="whole number of months"):
        bcx.score(fitted, some, quantity, t=xr.DataArray(own + 0.5, dims="customer"))
