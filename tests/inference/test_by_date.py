"""Columns by date: what they do to the rate of all customers, past and to come."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayes_cx as bcx
from bayes_cx.errors import InputError
from bayes_cx.inference.dated import past
from bayes_cx.inference.layout import lay_out
from bayes_cx.inference.process import process_of
from bayes_cx.inference.quadratic import Quadratic
from bayes_cx.inference.scales import Scales
from bayes_cx.models import BG_NBD
from bayes_cx.scoring.operational import calendar_clock
from tests.made import with_provenance
from tests.worlds import START, daily, shop

UNTIL = "2020-09-13"  # a Sunday, 36 weeks after the start
PROMOTION, PRICE = 0.5, -0.04


@pytest.fixture(scope="module")
def table():
    """Every day of 62 weeks: a promotion in one week of five, a price that is another in every week."""
    rng = np.random.default_rng(3)
    days = pd.date_range(START, periods=7 * 62)
    week = np.arange(days.size) // 7
    price = 20 + 4 * rng.standard_normal(62)
    return pd.DataFrame({"promotion": week % 5 == 2, "price": price[week]}, index=days)


@pytest.fixture(scope="module")
def dated_stats(table):
    rng = np.random.default_rng(12)
    factor = daily(rng, 7 * 36, sd=0.15, memory=8.0, noise=0.05)
    factor += (PROMOTION * table["promotion"] + PRICE * table["price"])[: 7 * 36].to_numpy() + 0.8
    log = shop(rng, factor, customers=500, joining=7 * 20)
    return bcx.summarise(bcx.read_transactions(log, customer="customer", time="time"), until=UNTIL)


@pytest.fixture(scope="module")
def fitted(table, dated_stats):
    design, method = bcx.Design(by_date=table), bcx.Laplace(draws=1500)
    return bcx.fit(BG_NBD, dated_stats, design=design, method=method, seed=1, progress=False)


def natural(posterior):
    """Return the effects per unit of each column, in the order of the alphabet, shape (draw, column)."""
    effects = posterior.draws["posterior"]["by_date_effect"].to_numpy()[0]
    return effects / np.array([spread for _, spread in posterior.layout.by_date.values()])


def test_effects_are_recovered(fitted):
    assert fitted.verdict == "passed"
    effects = natural(fitted)
    assert [*fitted.layout.by_date] == ["price", "promotion"]
    z = (effects.mean(axis=0) - [PRICE, PROMOTION]) / effects.std(axis=0)
    assert np.all(np.abs(z) < 3)
    assert np.all(effects.std(axis=0) < [0.02, 0.12])


def test_given_scales_draws_have_the_moments_of_a_normal_with_effects(rng):
    """One precision of coordinates, effects and what is left of g, inverted in one step."""
    k, weeks, n = 2, 9, 40_000
    Z = rng.normal(size=(weeks, 2))
    process = replace(process_of(2600, weeks, season=False), dated=Z)
    # What sets the first weeks apart is one column more.
    Z = np.column_stack([Z, 0.3 * np.exp(-np.arange(weeks) / 10)])
    root = rng.normal(size=(k + weeks, k + weeks))
    likelihood = Quadratic(
        rng.normal(size=k + weeks), rng.normal(size=k + weeks), root @ root.T + np.eye(k + weeks), k
    )
    theta = np.log([[0.6, 3.0, 0.4]])
    marginal = likelihood.marginal(Scales(process))
    drawn = marginal.draw(np.repeat(theta, n, axis=0), 1e9, rng)
    # Of (coordinates, rest, effects), where g = rest + Z effects.
    week = np.arange(weeks)
    rest = 0.36 * np.exp(-np.abs(week[:, None] - week) / 3.0) + 0.16 * np.eye(weeks)
    to_vector = np.block([[np.eye(k), np.zeros((k, weeks + 3))], [np.zeros((weeks, k)), np.eye(weeks), Z]])
    precision = to_vector.T @ likelihood.curvature @ to_vector
    precision[k : k + weeks, k : k + weeks] += np.linalg.inv(rest)
    precision[k + weeks :, k + weeks :] += np.eye(3)
    cov = np.linalg.inv(precision)
    mean = cov @ to_vector.T @ (likelihood.slope + likelihood.curvature @ likelihood.centre)
    full = np.concatenate([drawn.vectors, drawn.effects], axis=1)
    pick = np.concatenate([to_vector, np.eye(k + weeks + 3)[k + weeks :]])
    np.testing.assert_allclose(full.mean(axis=0), pick @ mean, atol=0.02)
    np.testing.assert_allclose(np.cov(full.T), pick @ cov @ pick.T, atol=0.03)
    np.testing.assert_allclose(marginal.mean(theta[0]), to_vector @ mean, rtol=1e-5, atol=1e-6)
    step = 1e-5 * np.eye(3)
    up, down = marginal.evidence(theta + step), marginal.evidence(theta - step)
    np.testing.assert_allclose(marginal.slopes(theta)[0], (up - down) / 2e-5, rtol=1e-4, atol=1e-6)


def test_columns_of_zero_change_no_draw(rng):
    weeks = 6
    root = rng.normal(size=(weeks + 1, weeks + 1))
    likelihood = Quadratic(
        np.zeros(weeks + 1), rng.normal(size=weeks + 1), root @ root.T + np.eye(weeks + 1), 1
    )
    plain = process_of(2600, weeks, season=False)
    theta = np.log([[0.6, 3.0, 0.4]])
    without, with_zero = (
        likelihood.marginal(Scales(process))
        for process in (plain, replace(plain, dated=np.zeros((weeks, 1))))
    )
    np.testing.assert_allclose(with_zero.evidence(theta), without.evidence(theta), rtol=1e-10)
    np.testing.assert_allclose(with_zero.mean(theta[0]), without.mean(theta[0]), rtol=1e-10)


def without_columns(posterior):
    """Return the same draws as a fit that has never had columns by date."""
    layout = replace(posterior.layout, design=bcx.Design(calendar=True), by_date={})
    return with_provenance(posterior, layout=layout)


def test_effects_of_zero_are_no_columns(fitted, dated_stats):
    draws = fitted.draws["posterior"].to_dataset().isel(draw=slice(0, 30))
    zero = fitted.with_group("posterior", draws.assign(by_date_effect=0 * draws["by_date_effect"]))
    few = dated_stats.isel(customer=slice(0, 40))
    for quantity in ("p_alive", "expected_purchases"):
        t = None if quantity == "p_alive" else "26 weeks"
        got, expected = (bcx.draws(one, few, quantity, t=t) for one in (zero, without_columns(zero)))
        np.testing.assert_allclose(got, expected, rtol=1e-10)


def test_neither_unit_nor_zero_of_a_column_matters(table, dated_stats):
    other = table.assign(price=1000 * table["price"] - 7, promotion=5.0 - 2 * table["promotion"])
    one, two = (
        past(each, lay_out(bcx.Design(by_date=each), dated_stats).by_date, dated_stats)
        for each in (bcx.ByDate(table), bcx.ByDate(other))
    )
    np.testing.assert_allclose(two, one * [1, -1], rtol=1e-9, atol=1e-12)


def test_a_future_with_a_promotion_differs_by_its_effect(fitted, table, dated_stats):
    plan = table.copy()
    plan.loc["2020-09-14":, "promotion"] = False
    without = fitted.with_future(plan)
    plan.loc["2020-09-28":"2020-10-04", "promotion"] = True
    promoted = fitted.with_future(plan)
    clocks = [calendar_clock(each, dated_stats, 26.0) for each in (promoted, without)]
    factors = [clock.factor for clock in clocks if clock is not None]
    ratio = np.log(factors[0] / factors[1])
    third = 36 + 2
    effect = natural(fitted)[:, 1]
    np.testing.assert_allclose(ratio[:, third], effect, rtol=1e-10)
    np.testing.assert_allclose(np.delete(ratio, third, axis=1), 0.0, atol=1e-12)
    # What a customer who stays buys in these seven days, and later as more of them have left.
    few = dated_stats.isel(customer=slice(0, 30))
    gain = [bcx.draws(each, few, "expected_purchases", t="8 weeks") for each in (promoted, without)]
    assert float((gain[0] > gain[1]).mean()) > 0.99


def test_it_is_saved_and_read(fitted, tmp_path):
    bcx.save(fitted, tmp_path / "p.nc")
    read = bcx.load(tmp_path / "p.nc")
    assert read.layout == fitted.layout
    assert "by_date_effect" in read.priors
    assert read.priors.keys() == read.provenance.priors.keys()
    names = fitted.draws["posterior"].to_dataset().assign_coords(by_date=["a", "b"])
    bcx.save(fitted.with_group("posterior", names), tmp_path / "b.nc")
    with pytest.raises(InputError, match="other columns by date"):
        bcx.load(tmp_path / "b.nc")


def test_what_cannot_be_had_is_refused(fitted, table, dated_stats):
    def refused(match, by_date, stats=dated_stats):
        with pytest.raises(InputError, match=match):
            bcx.fit(BG_NBD, stats, design=bcx.Design(by_date=by_date), progress=False)

    refused(
        "without 2020-03-02, 2020-03-03, 2020-03-04 and 4 more",
        table.drop(table.loc["2020-03-02":"2020-03-08"].index),
    )
    refused("without 2020-09-12, 2020-09-13", table[:"2020-09-11"])
    refused("promotion by date with the value 0 in every week", table.assign(promotion=0))
    with pytest.raises(InputError, match=r"without 2021-03-15.*horizon"):
        bcx.score(fitted, dated_stats, "expected_purchases", t="27 weeks", thin_to=5)
    bcx.score(fitted, dated_stats, "expected_purchases", t="26 weeks", thin_to=5)
    with pytest.raises(InputError, match="a future of promotion"):
        fitted.with_future(table[["promotion"]])
    with pytest.raises(InputError, match="other values by date than those of the fit on 2020-01-06"):
        fitted.with_future(1 - table)
    with pytest.raises(InputError, match="for a fit without them"):
        without_columns(fitted).with_future(table)
