"""Scores with calendar time: against the model without it, sums by day, and a simulated shop."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.special import gammaln

import bayes_cx as bcx
from bayes_cx.errors import InputError
from bayes_cx.inference.clocked import Clocked
from bayes_cx.inference.prepare import prepare
from bayes_cx.inference.prior import log_prior
from bayes_cx.scoring import (
    log_likelihoods,
    replicate,
    replicate_statistics,
    sources_of_total,
    total_log_likelihood,
)
from bayes_cx.scoring.operational import calendar_clock
from bayes_cx.validation.sensitivity import _log_likelihood as sensitivity_likelihood
from tests.worlds import START, shop

OPTIONS = {
    "p_alive": {},
    "p_alive_at": {"t": 20},
    "p_any_purchase": {"t": "20 weeks"},
    "p_purchases": {"t": 13, "count": 2},
    "expected_purchases": {"t": 39},
    "expected_purchases_between": {"t1": 3, "t2": 39},
    "expected_purchases_if_active": {"t": 39},
    "discounted_purchases": {"t": 52, "discount_rate": 0.1},
    "discounted_purchases_if_active": {"t": 52, "discount_rate": 0.1},
    "discounted_purchases_if_won_back": {"t": 52, "discount_rate": 0.1},
    "discounted_purchases_if_kept": {"t": 52, "discount_rate": 0.1},
    "discounted_purchases_if_less_dropout": {"t": 52, "discount_rate": 0.1, "keep": 0.3},
    "expected_purchases_new": {"t": 52},
    "p_purchases_new": {"t": 52, "count": 1},
    "p_alive_new": {"t": 52},
}


def with_factors(posterior, g, *, level=0.0, still=True):
    """Return the posterior with these weeks in every draw, and, if `still`, a future without surprises."""
    draws = posterior.draws["posterior"].to_dataset().isel(draw=slice(0, 40))
    made = {"calendar": draws["calendar"] * 0 + g, "calendar_level": draws["calendar_level"] * 0 + level}
    # What began and what comes back every year are not wanted here.
    made |= {name: draws[name] * 0 for name in ("calendar_opening", "season") if name in draws}
    if still:
        made |= {name: draws[name] * 0 + 1e-300 for name in ("calendar_sd", "calendar_noise")}
        made["calendar_memory"] = draws["calendar_memory"] * 0 + 1e300
    return posterior.with_group("posterior", draws.assign(made))


@pytest.fixture(scope="module")
def some(uneven_stats):
    return uneven_stats.isel(customer=slice(0, 60))


@pytest.fixture(scope="module")
def plain(with_calendar, uneven_stats):
    draws = with_calendar.draws["posterior"].to_dataset().isel(draw=slice(0, 40))
    return bcx.posterior("bg_nbd", draws[["r", "alpha", "a", "b"]], uneven_stats)


def test_every_quantity_is_there_or_refused(with_calendar, some):
    known = {*with_calendar.model.quantities}
    without = {"dert", "dert_new", "silence_limit", "silence_limit_new"}
    assert known == {*OPTIONS} | without
    for name in without:
        more: dict[str, Any] = {"discount_rate": 0.1} if "dert" in name else {}
        with pytest.raises(InputError, match="with calendar time"):
            bcx.score(with_calendar, some, name, **more)


FAST = (
    "p_alive",
    "p_any_purchase",
    "expected_purchases",
    "expected_purchases_between",
    "discounted_purchases",
)


@pytest.mark.parametrize(
    "quantity", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in OPTIONS]
)
def test_without_a_season_scores_are_those_of_the_model(quantity, with_calendar, plain, some):
    zero = with_factors(with_calendar, 0.0)
    got = bcx.draws(zero, some, quantity, **OPTIONS[quantity])
    expected = bcx.draws(plain, some, quantity, **OPTIONS[quantity])
    assert got.dims == expected.dims
    discounted = quantity.startswith("discounted")
    np.testing.assert_allclose(got, expected, rtol=1e-8 if discounted else 1e-10, atol=1e-12)


def test_twice_the_rate_is_twice_the_time(with_calendar, plain, some):
    """Where all customers have always bought twice as often, time goes twice as fast."""
    double = with_factors(with_calendar, np.log(2.0), level=np.log(2.0))
    faster = some.assign({name: 2 * some[name] for name in ("t_x", "T")})
    for quantity, t in (("p_alive", None), ("expected_purchases", 26), ("p_any_purchase", 26)):
        got = bcx.draws(double, some, quantity, t=t)
        expected = bcx.draws(plain, faster, quantity, t=None if t is None else 2 * t)
        np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_discounted_purchases_are_a_sum_over_days(with_calendar, some):
    few = some.isel(customer=slice(0, 3))
    draws = with_calendar.draws["posterior"].to_dataset().isel(draw=slice(0, 5))
    uneven = with_calendar.with_group("posterior", draws)
    days = np.arange(0, 92) / 7
    until = bcx.draws(uneven, few, "expected_purchases", t=list(days[1:]))
    steps = np.diff(until.to_numpy(), axis=-1, prepend=0.0)
    discount = 1.2 ** (-(days[1:] - 1 / 14) * 7 / 365.25)
    got = bcx.draws(uneven, few, "discounted_purchases", t="13 weeks", discount_rate=0.2)
    np.testing.assert_allclose(got, (steps * discount).sum(axis=-1), rtol=1e-5)


def test_one_horizon_for_each_customer(with_calendar, some):
    t = xr.DataArray(np.resize([4.0, 13.0, 30.0], 60), dims="customer")
    several: dict[str, dict[str, Any]] = {
        "expected_purchases": {},
        "discounted_purchases": {"discount_rate": 0.1},
    }
    for quantity, more in several.items():
        each = bcx.score(with_calendar, some, quantity, t=t, thin_to=50, **more)["mean"]
        for number in (4.0, 13.0, 30.0):
            alone = bcx.score(with_calendar, some, quantity, t=number, thin_to=50, **more)["mean"]
            mine = np.flatnonzero(t == number)
            np.testing.assert_allclose(each[mine], alone[mine], rtol=1e-10)


def test_units_of_the_statistics_do_not_matter(with_calendar, some):
    by_day = some.assign({name: 7 * some[name] for name in ("t_x", "T")}).assign_attrs(unit="day")
    one, other = (
        bcx.score(with_calendar, stats, "expected_purchases", t="10 weeks", thin_to=50)["mean"]
        for stats in (some, by_day)
    )
    np.testing.assert_allclose(one, other, rtol=1e-9)


def test_new_customers_buy_as_in_a_simulated_shop(with_calendar):
    """The mean purchases of customers who come now, against customers who live day by day."""
    g = np.zeros(with_calendar.draws["posterior"].sizes["week"])
    posterior = with_factors(with_calendar, g, level=-1.0)
    draws = posterior.draws["posterior"].to_dataset().isel(draw=slice(0, 1))
    truth = {"r": 0.6, "alpha": 5.0, "a": 0.8, "b": 3.0}
    # What persists begins low, and comes back within some weeks.
    memory = 4.0
    own = {name: draws[name] * 0 + value for name, value in (truth | {"calendar_memory": memory}).items()}
    posterior = posterior.with_group("posterior", draws.assign(own))
    log = shop(
        np.random.default_rng(5),
        np.concatenate([[0.0], -np.exp(-np.repeat(np.arange(1, 27), 7) / memory)]),
        customers=60_000,
        joining=1,
    )
    stats = xr.Dataset(
        {name: ("customer", np.zeros(1)) for name in ("x", "t_x", "T")},
        attrs={"kind": "purchases", "unit": "week", "until": "2021-01-03"},
    )
    for weeks in (4, 26):
        later = log[log["time"] <= START + np.timedelta64(7 * weeks, "D")]
        got = float(bcx.score(posterior, stats, "expected_purchases_new", t=weeks)["mean"])
        # A day holds one purchase at most, which loses a few.
        np.testing.assert_allclose(got, len(later) / 60_000 - 1, rtol=0.05)


def test_simulated_purchases_are_those_expected(with_calendar, uneven_stats):
    draws = with_calendar.draws["posterior"].to_dataset().isel(draw=slice(0, 40))
    posterior = with_calendar.with_group("posterior", draws)
    counts = bcx.predict_purchases(posterior, uneven_stats, "26 weeks", draws=40, seed=2).sum("customer")
    expected = bcx.draws(posterior, uneven_stats, "expected_purchases", t="26 weeks").sum("customer")
    z = (counts.to_numpy() - expected.to_numpy()[0]) / np.sqrt(2 * expected.to_numpy()[0])
    assert abs(z.mean()) < 4 / np.sqrt(40)
    assert z.std() < 1.5
    # Beside what every customer does by chance, totals move together with what all share.
    assert float(expected.std() / expected.mean()) > 0.08


def test_the_sources_of_a_total_add_up(with_calendar, plain, uneven_stats):
    found = sources_of_total(with_calendar, uneven_stats, "26 weeks", draws=300)
    assert float(found["share"].sum()) == pytest.approx(1)
    totals = bcx.predict_purchases(with_calendar, uneven_stats, "26 weeks", draws=300, seed=9).sum("customer")
    assert float(found["variance"].sum()) == pytest.approx(float(totals.var()), rel=0.5)
    assert float(found["share"].sel(source="shared")) > 0.3
    # With the same parameters again and again nothing but luck is left.
    one = plain.draws["posterior"].to_dataset().isel(draw=np.zeros(200, int)).assign_coords(draw=range(200))
    same = plain.with_group("posterior", one)
    alone = sources_of_total(same, uneven_stats, "26 weeks", draws=200)
    totals = bcx.predict_purchases(same, uneven_stats, "26 weeks", draws=200, seed=9).sum("customer")
    assert float(alone["share"].sel(source="luck")) == pytest.approx(1)
    assert float(alone["variance"].sum()) == pytest.approx(float(totals.var()), rel=0.4)
    still = sources_of_total(with_factors(with_calendar, 0.0), uneven_stats, "26 weeks", draws=40)
    without = sources_of_total(plain, uneven_stats, "26 weeks", draws=40)
    assert float(without["share"].sel(source="shared")) == 0.0
    np.testing.assert_allclose(still["variance"][0], without["variance"][0], rtol=0.03)


def test_simulated_times_follow_the_calendar(with_calendar, uneven_stats):
    """New customers with the real first days buy when the clock runs fast."""
    g = np.where(np.arange(with_calendar.draws["posterior"].sizes["week"]) % 8 < 4, 0.8, -0.8)
    posterior = with_factors(with_calendar, g)
    clock = calendar_clock(posterior, uneven_stats)
    assert clock is not None
    T = uneven_stats["T"].to_numpy()
    fast = np.zeros(2)
    for made in replicate(posterior, uneven_stats, draws=4, seed=1):
        assert np.all((made.time > 0) & (made.time <= T[made.customer]))
        day = clock.until - 7 * (T[made.customer] - made.time)
        week = np.ceil((np.ceil(day) - 3) / 7).astype(int) - clock.first
        fast += np.bincount((g[np.clip(week, 0, g.size - 1)] > 0).astype(int), minlength=2)
    assert fast[1] / fast[0] == pytest.approx(np.exp(1.6), rel=0.3)
    one = next(iter(replicate_statistics(posterior, uneven_stats, draws=1)))
    assert np.array_equal(one["T"], T)
    assert np.all(one["t_x"] <= T)


def test_the_total_likelihood_is_that_of_the_fit(with_calendar, uneven_stats):
    f = Clocked.of(prepare(with_calendar.model, uneven_stats, bcx.Design(calendar=True)))
    assert f is not None
    draws = with_calendar.draws["posterior"].dataset.isel(chain=0)
    coordinates = [np.log(draws[name]) for name in ("purchase_rate", "rate_cv")]
    coordinates += [np.log(draws["dropout"] / (1 - draws["dropout"])), np.log(draws["dropout_size"])]
    vectors = np.concatenate([np.stack(coordinates, axis=1), draws["calendar"]], axis=1)[:50]
    of_letters = f.point.at(vectors[:, :4])[8]
    np.testing.assert_allclose(
        total_log_likelihood(with_calendar)[:50], f.values(vectors) - of_letters, rtol=1e-9
    )
    # The density that the fit kept holds the priors of its weeks as well.
    prior = log_prior(with_calendar)
    np.testing.assert_array_equal(
        sensitivity_likelihood(with_calendar, prior), total_log_likelihood(with_calendar)
    )


def test_the_likelihood_of_one_customer_is_a_density_of_the_last_purchase(with_calendar, plain, some):
    """Integrated over the day of the last purchase it is the chance of so many purchases."""
    g = np.where(np.arange(with_calendar.draws["posterior"].sizes["week"]) % 3 < 1, 1.0, -0.5)
    posterior = with_factors(with_calendar, g)
    few = posterior.with_group("posterior", posterior.draws["posterior"].to_dataset().isel(draw=slice(0, 3)))
    T, days = 30.0, np.arange(1, 211) / 7
    total = np.zeros(3)
    for x in (0, 1, 2, 3, *range(4, 40)):
        t_x = days if x else np.zeros(1)
        rows = {"x": np.full(t_x.size, x), "t_x": t_x, "T": np.full(t_x.size, T)}
        table = xr.Dataset({name: ("row", value) for name, value in rows.items()})
        ((_, found),) = log_likelihoods(few, table)
        # The times between are in order, anywhere before the last.
        between = (x - 1) * np.log(t_x) - gammaln(x) if x else 0.0
        total += (np.exp(found + between) / (7 if x else 1)).sum(axis=1)
    np.testing.assert_allclose(total, 1.0, rtol=0.03)
    # Without a season it is that of the model without calendar.
    table = some.rename(customer="row").reset_coords(drop=True)[["x", "t_x", "T"]]
    ((_, without),) = log_likelihoods(plain, table)
    ((_, zero),) = log_likelihoods(with_factors(with_calendar, 0.0), table)
    np.testing.assert_allclose(zero, without, rtol=1e-10)


def test_calendar_and_constant_rates_are_compared(with_calendar, uneven_stats):
    """Customers of weeks that really are uneven are better described given the weeks."""
    constant = bcx.fit("bg_nbd", uneven_stats, seed=1, progress=False)
    found = bcx.compare({"constant": constant, "calendar": with_calendar})
    assert found.best == "calendar"
    assert found.clear
    assert "given the weeks that all of them shared" in found.sentence


def test_dates_that_do_not_fit_are_refused(with_calendar, some):
    with pytest.raises(InputError, match="without the end of observation"):
        bcx.score(with_calendar, some.drop_attrs().assign_attrs(kind="purchases", unit="week"), "p_alive")
    earlier = some.assign(T=some["T"] + 30)
    with pytest.raises(InputError, match="before the first week"):
        bcx.score(with_calendar, earlier, "p_alive")
    with pytest.raises(InputError, match="other customers"):
        bcx.simulate("bg_nbd", with_calendar, 10, until="2025-12-31")
