"""What hold-out buyers paid, on customers who buy as the story has it, and on real ones."""

import numpy as np
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.validation import spend_coverage
from bayes_cx.validation.selection import select_spend
from bayes_cx.validation.spend_coverage import spend_checks

TRUTH = {"m": 30.0, "s": 0.7, "w": 0.5}


@pytest.fixture(scope="module")
def world():
    """Three thousand customers with log-normal purchases, before and after the cut; no formula is used."""
    rng = np.random.default_rng(5)
    n = 3000
    level = rng.normal(np.log(TRUTH["m"]), TRUTH["w"], n)
    x, later = rng.poisson(2.0, n), rng.poisson(1.5, n)
    rows = {name: np.full(n, np.nan) for name in ("spend", "log_spend", "log_spend_sd")}
    paid = np.zeros(n)
    for i in range(n):
        logs = rng.normal(level[i], TRUTH["s"], x[i])
        if x[i]:
            rows["spend"][i], rows["log_spend"][i] = np.exp(logs).mean(), logs.mean()
            rows["log_spend_sd"][i] = logs.std()
        paid[i] = np.exp(rng.normal(level[i], TRUTH["s"], later[i])).sum()
    data = {"x": x, "t_x": np.where(x > 0, 5.0, 0.0), "T": np.full(n, 9.0), "paid": x, **rows}
    calibration = xr.Dataset(
        {name: ("customer", value) for name, value in data.items()},
        coords={"customer": np.arange(n)},
        attrs={"kind": "purchases", "unit": "week", "until": "2025-06-30"},
    )
    after = {"x_holdout": ("customer", later), "spend_holdout": ("customer", paid)}
    tracking = xr.Dataset()
    return bcx.Split(calibration, xr.Dataset(after, attrs={"length": 20.0}), tracking)


@pytest.fixture(scope="module")
def fits(world):
    models = (bcx.models.GAMMA_GAMMA, bcx.models.LOG_NORMAL, bcx.models.LOG_NORMAL_FREQUENCY)
    few = {"method": bcx.Laplace(draws=1000), "seed": 1, "progress": False}
    return {model.name: bcx.fit(model, world.calibration, **few) for model in models}


@pytest.fixture(scope="module")
def tested(world, fits):
    return {name: spend_coverage(fit, world, draws=200, seed=2) for name, fit in fits.items()}


def test_intervals_of_the_right_model_hold(world, tested):
    found = tested["Log-normal"]
    number, paid = (world.holdout[name].to_numpy() for name in ("x_holdout", "spend_holdout"))
    assert found.attrs["n"] == int((number > 0).sum())
    assert found.attrs["n_single"] == int((number == 1).sum())
    assert found.attrs["observed"] == pytest.approx(paid.sum())
    for name in ("customer", "single"):
        level, low, high = (found[key].to_numpy() for key in ("level", f"{name}_low", f"{name}_high"))
        assert np.all((low - 0.01 < level) & (level < high + 0.01))
    np.testing.assert_allclose(found["rank"], 0.1, atol=0.025)
    assert float(found["rank"].sum()) == pytest.approx(1.0)
    assert {check.status for check in spend_checks(found)} == {"passed"}


def test_intervals_that_hold_too_few_fail(tested):
    short = tested["Log-normal"].copy()
    for name in ("customer", "customer_low", "customer_high"):
        short[name] = short[name] - 0.1
    assert {check.status for check in spend_checks(short)} == {"failed"}


def test_the_expected_total_is_that_of_the_posterior(world, fits, tested):
    each = bcx.score(fits["Log-normal"], world.calibration, "expected_spend")["mean"].to_numpy()
    expected = float(each @ world.holdout["x_holdout"].to_numpy())
    assert tested["Log-normal"].attrs["expected"] == pytest.approx(expected, rel=0.02)


def test_the_choice_is_among_those_whose_intervals_held(world, fits, tested):
    some = world.calibration.isel(customer=np.arange(600))
    few = {"method": bcx.Laplace(draws=1000), "seed": 1, "progress": False}
    again = {name: bcx.fit(fit.model, some, **few) for name, fit in fits.items()}
    short = tested["Gamma-Gamma"] - 0.1
    short.attrs = tested["Gamma-Gamma"].attrs
    found = select_spend(again, stats=some, tested=tested | {"Gamma-Gamma": short})
    assert found.chosen == "Log-normal"
    where = "in the quick test by which models are chosen, on 600 customers"
    assert found.reason.endswith(f"The intervals of Gamma-Gamma did not hold {where}.")
    assert found.comparison is not None
    assert "Gamma-Gamma" not in found.comparison.table["model"].to_numpy()
    # Without a hold-out, and where none held, all are compared, by the density of single amounts.
    all_of_them = select_spend(again, stats=some, tested={})
    assert all_of_them.comparison is not None
    assert float(all_of_them.comparison.table["behind"].sel(model="Gamma-Gamma")) > 4
    none = select_spend(again, stats=some, tested=dict.fromkeys(again, short))
    assert none.reason.endswith(
        f"of none held {where}, so all were compared; the model that "
        "is used is fitted and tested again on all."
    )


def test_few_buyers_say_nothing(world, fits):
    few = np.flatnonzero(world.holdout["x_holdout"] > 0)[:19]
    parts = bcx.Split(world.calibration.isel(customer=few), world.holdout.isel(customer=few), world.tracking)
    found = spend_coverage(fits["Log-normal"], parts, draws=20)
    assert {check.status for check in spend_checks(found)} == {"not_run"}


def test_what_cannot_be_tested_is_refused(world, fits, purchases):
    fit = fits["Log-normal"]
    nobody = world.holdout.assign(x_holdout=world.holdout["x_holdout"] * 0)
    for posterior, holdout, options, says in (
        (purchases, world.holdout, {}, "a model of purchases"),
        (fit, world.holdout, {"draws": 1}, "two draws or more"),
        (fit, world.holdout.drop_vars("spend_holdout"), {}, "without amounts"),
        (fit, nobody, {}, "nobody paid"),
    ):
        parts = bcx.Split(world.calibration, holdout, world.tracking)
        with pytest.raises(bcx.InputError, match=says):
            spend_coverage(posterior, parts, **options)


def test_the_hold_out_of_cdnow_is_held_by_log_normal_spend_and_not_by_gamma_gamma(cdnow, cdnow_fits):
    few = {"method": bcx.Laplace(draws=1000), "seed": 1, "progress": False}
    own = spend_coverage(bcx.fit(bcx.models.LOG_NORMAL, cdnow.calibration, **few), cdnow, draws=200, seed=1)
    assert {check.status for check in spend_checks(own)} == {"passed"}
    other = spend_coverage(cdnow_fits[1], cdnow, draws=200, seed=1)
    assert {check.status for check in spend_checks(other)} == {"failed"}
    np.testing.assert_allclose(other["customer"], [0.38, 0.68, 0.86], atol=0.02)
