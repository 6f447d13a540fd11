"""Coarsened statistics: what is kept, and what they change in a fit."""

import numpy as np
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.validation import coarsening_shift


@pytest.fixture(scope="module")
def coarse(cdnow_sample):
    return bcx.coarsen(cdnow_sample, "6 weeks")


@pytest.fixture(scope="module")
def of_coarse(coarse):
    return bcx.fit(bcx.models.BG_NBD, coarse, seed=1, progress=False)


@pytest.mark.parametrize("within", ["1 day", "1 week", "1 year", 3])
def test_customers_purchases_and_total_times_are_kept(cdnow_sample, within):
    table = bcx.coarsen(cdnow_sample, within)
    assert int(table["weight"].sum()) == cdnow_sample.sizes["customer"]
    for name in ("x", "t_x", "T"):
        assert float(table["weight"] @ table[name]) == pytest.approx(float(cdnow_sample[name].sum()))
    assert bool((table["t_x"] <= table["T"]).all())
    assert bool(((table["x"] == 0) == (table["t_x"] == 0)).all())


def test_wider_spans_give_fewer_rows(cdnow_sample):
    rows = [bcx.coarsen(cdnow_sample, within).sizes["row"] for within in ("1 day", "1 week", "1 month")]
    assert rows == sorted(rows, reverse=True)
    assert rows[0] == bcx.compress(cdnow_sample).sizes["row"]


def test_the_shift_is_that_of_a_fit_to_all_rows(coarse, of_coarse, cdnow_sample, purchases):
    """The means of two fits differ by it, within the noise of their draws."""
    check = coarsening_shift(of_coarse, cdnow_sample)
    moved = [
        (values.mean() - of_coarse.parameters()[name].mean()) / values.std()
        for name, values in purchases.parameters().items()
    ]
    assert check.value == pytest.approx(np.max(np.abs(moved)), abs=0.1)
    assert check.value is not None
    assert check.value > 0.2
    assert check.status == "failed"


def test_nothing_changes_where_nothing_was_coarsened(purchases, cdnow_sample):
    assert coarsening_shift(purchases, cdnow_sample).value == pytest.approx(0.0, abs=1e-9)


def test_other_customers_are_refused(of_coarse, cdnow_sample):
    with pytest.raises(bcx.InputError, match="2,356 customers"):
        coarsening_shift(of_coarse, cdnow_sample.isel(customer=slice(1, None)))


@pytest.mark.parametrize("within", [0, "-1 week", "soon"])
def test_a_span_is_positive(cdnow_sample, within):
    with pytest.raises(bcx.InputError, match="within="):
        bcx.coarsen(cdnow_sample, within)


def test_statistics_without_times_are_refused():
    stats = xr.Dataset({"x": ("customer", [1]), "t_x": ("customer", [1]), "n": ("customer", [2])})
    with pytest.raises(bcx.InputError, match=r"bcx\.compress"):
        bcx.coarsen(stats.assign_attrs(kind="opportunities", unit="year"), "2 years")


@pytest.mark.parametrize("share", [0.01, 0.1, 1.0])
def test_spends_keep_their_customers_and_the_moments_of_their_logarithms(cdnow_sample, share):
    table = bcx.coarsen(cdnow_sample, spend=share)
    assert int(table["weight"].sum()) == cdnow_sample.sizes["customer"]

    def moments(x, spend, weight):
        paid = np.asarray(spend) > 0
        y, w = np.log(np.asarray(spend)[paid]), np.asarray(weight)[paid]
        return w.sum(), w @ y, w @ y**2, w @ (y * np.asarray(x)[paid])

    ones = np.ones(cdnow_sample.sizes["customer"])
    before = moments(cdnow_sample["x"], cdnow_sample["spend"], ones)
    assert moments(table["x"], table["spend"], table["weight"]) == pytest.approx(before, rel=1e-12)
    some = bcx.coarsen(cdnow_sample, spend=share / 10)
    assert table.sizes["row"] < some.sizes["row"] <= bcx.compress(cdnow_sample, ("x", "spend")).sizes["row"]


def test_a_fit_of_coarsened_spends_is_that_of_all(cdnow_sample):
    coarse = bcx.coarsen(cdnow_sample, spend=0.2)
    posterior = bcx.fit(bcx.models.GAMMA_GAMMA, coarse, seed=1, progress=False)
    check = coarsening_shift(posterior, cdnow_sample)
    assert check.status == "passed"
    assert check.value is not None
    assert check.value < 0.02
    every = bcx.fit(bcx.models.GAMMA_GAMMA, cdnow_sample, seed=1, progress=False)
    for name, values in posterior.parameters().items():
        of_all = every.parameters()[name]
        assert values.mean() == pytest.approx(of_all.mean(), abs=0.1 * of_all.std())


def test_spends_of_zero_and_none_keep_to_themselves():
    columns = {"x": [1, 1, 1, 0, 0], "spend": [0.0, 0.0, 5.0, np.nan, np.nan]}
    stats = xr.Dataset({name: ("customer", values) for name, values in columns.items()})
    table = bcx.coarsen(stats.assign_attrs(kind="purchases", unit="week"), spend=0.1)
    order = np.argsort(table["weight"].values * 10 + table["x"].values)
    np.testing.assert_allclose(table["spend"].values[order], [5.0, np.nan, 0.0])
    np.testing.assert_array_equal(table["weight"].values[order], [1, 2, 2])


@pytest.mark.parametrize("share", [0, -0.1, float("nan"), float("inf"), True, "5%"])
def test_a_share_is_positive(cdnow_sample, share):
    with pytest.raises(bcx.InputError, match="positive share"):
        bcx.coarsen(cdnow_sample, spend=share)


def test_coarsening_needs_a_width_and_spend(cdnow_sample):
    with pytest.raises(bcx.InputError, match="nothing to coarsen by"):
        bcx.coarsen(cdnow_sample)
    with pytest.raises(bcx.InputError, match="without spend"):
        bcx.coarsen(cdnow_sample.drop_vars("spend"), spend=0.1)


@pytest.mark.parametrize("width", [{"within": "1 week"}, {"spend": 0.1}])
def test_a_width_of_a_column_that_is_not_kept_is_refused(cdnow_sample, width):
    with pytest.raises(bcx.InputError, match="of which none is among the columns x"):
        bcx.coarsen(cdnow_sample, on=["x"], **width)
