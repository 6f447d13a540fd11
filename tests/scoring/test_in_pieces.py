"""Scores of Pareto/NBD with calendar time: against the model without it, fine sums, and a simulated shop."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.inference.clocked import Clocked
from bayes_cx.inference.prepare import prepare
from bayes_cx.models import PARETO_NBD
from bayes_cx.scoring import replicate, replicate_statistics, total_log_likelihood
from bayes_cx.scoring.operational import calendar_clock
from tests.scoring.test_operational import OPTIONS, with_factors
from tests.worlds import START, shop

LETTERS = {"r": 0.6, "alpha": 5.0, "s": 0.5, "beta": 8.0}


@pytest.fixture(scope="module")
def pareto(with_calendar):
    """Draws around known letters, and the weeks of a fit of BG/NBD: no fit of Pareto/NBD is needed here."""
    draws = with_calendar.draws["posterior"].to_dataset().isel(draw=slice(0, 40))
    rng = np.random.default_rng(3)
    letters = {
        name: draws["r"] * 0 + value * np.exp(rng.normal(0, 0.1, (1, 40))) for name, value in LETTERS.items()
    }
    other = replace(with_calendar, model=PARETO_NBD)
    return other.with_group("posterior", draws.drop_vars(["a", "b"]).assign(letters))


@pytest.fixture(scope="module")
def some(uneven_stats):
    return uneven_stats.isel(customer=slice(0, 60))


@pytest.fixture(scope="module")
def plain(pareto, uneven_stats):
    return bcx.posterior("pareto_nbd", pareto.draws["posterior"].to_dataset()[[*LETTERS]], uneven_stats)


def test_every_quantity_is_there_or_refused(pareto):
    without = {"dert", "dert_new", "silence_limit", "silence_limit_new"}
    assert {*pareto.model.quantities} == {*OPTIONS} | without


FAST = ("p_alive_at", "p_any_purchase", "expected_purchases_between", "discounted_purchases", "p_purchases")


@pytest.mark.parametrize(
    "quantity", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in OPTIONS]
)
def test_without_a_season_scores_are_those_of_the_model(quantity, pareto, plain, some):
    zero = with_factors(pareto, 0.0)
    got = bcx.draws(zero, some, quantity, **OPTIONS[quantity])
    expected = bcx.draws(plain, some, quantity, **OPTIONS[quantity])
    assert got.dims == expected.dims
    np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-13)


def test_scores_are_sums_over_moments(pareto, some):
    """One customer who buys at e^g times a gamma rate and leaves at a gamma risk, both integrated by sums.

    Rates and risks are points on a logarithmic grid with the weights of their prior; what is known of the
    customer multiplies these weights.
    """
    place = int(np.flatnonzero((some["x"] == 2) & (some["T"] - some["t_x"] > 4))[0])
    customer = some.isel(customer=[place])
    x, t_x, T = (float(customer[name][0]) for name in ("x", "t_x", "T"))
    draws = pareto.draws["posterior"].to_dataset().isel(draw=slice(0, 1))
    one = pareto.with_group("posterior", draws)
    r, alpha, s, beta = (float(draws[name][0, 0]) for name in LETTERS)
    clock = calendar_clock(one, some, 13.0)
    assert clock is not None
    rate, risk = np.exp(np.linspace(-14, 3, 120))[:, None], np.exp(np.linspace(-50, 4, 300))
    prior = rate**r * np.exp(-alpha * rate) * risk**s * np.exp(-beta * risk)
    node, weight = np.polynomial.legendre.leggauss(3)

    def moments(begin, end):
        """Times since the first purchase, weights, and operational time, by days."""
        edges = np.linspace(begin, end, round(7 * (end - begin)) + 1)
        half = np.diff(edges)[:, None] / 2
        time = (edges[:-1, None] + half * (node + 1)).ravel()
        tau = clock.at(clock.until - (T - time) * 7)[0] - clock.at(np.array([clock.until - T * 7]))[0]
        return time, (half * weight).ravel(), tau

    def passed(time):
        at = clock.until - (T - np.array([time])) * 7
        return (clock.at(at) - clock.at(np.array([clock.until - T * 7])))[0, 0]

    active = prior * rate**x * np.exp(-rate * passed(T) - risk * T)
    gone = sum(
        share * (prior * rate**x * risk * np.exp(-rate * tau - risk * time)).sum()
        for time, share, tau in zip(*moments(t_x, T), strict=True)
    )
    p_alive = active.sum() / (active.sum() + gone)
    any_, mean, discounted, leaves = 0.0, 0.0, 0.0, 0.0
    delta = bcx.DiscountRate.of(0.1).force("week")
    for time, share, tau in zip(*moments(T, T + 13), strict=True):
        pace = clock.factor[0, int(np.ceil((clock.until - (T - time) * 7 - 3) / 7)) - clock.first]
        still = active * np.exp(-risk * (time - T)) / active.sum()
        due = share * pace * (still * rate).sum()
        mean += due
        discounted += due * np.exp(-delta * (time - T))
        any_ += share * pace * (still * rate * np.exp(-rate * (tau - passed(T)))).sum()
        made = (rate * (tau - passed(T))) ** 2 / 2 * np.exp(-rate * (tau - passed(T)))
        leaves += share * (still * risk * made).sum()
    tau = passed(T + 13) - passed(T)
    stays = active * np.exp(-risk * 13) / active.sum()
    two = leaves + (stays * (rate * tau) ** 2 / 2 * np.exp(-rate * tau)).sum()

    def score(name, **more):
        return float(bcx.draws(one, customer, name, **more).squeeze())

    assert score("p_alive") == pytest.approx(p_alive, rel=1e-5)
    assert score("p_any_purchase", t=13) == pytest.approx(p_alive * any_, rel=1e-5)
    assert score("expected_purchases", t=13) == pytest.approx(p_alive * mean, rel=1e-5)
    assert score("discounted_purchases", t=13, discount_rate=0.1) == pytest.approx(
        p_alive * discounted, rel=1e-5
    )
    assert score("p_purchases", t=13, count=2) == pytest.approx(p_alive * two, rel=1e-5)
    assert score("p_alive_at", t=13) == pytest.approx(p_alive * stays.sum(), rel=1e-5)


def test_one_horizon_for_each_customer_and_any_unit(pareto, some):
    t = xr.DataArray(np.resize([4.0, 13.0, 30.0], 60), dims="customer")
    several: dict[str, dict[str, Any]] = {
        "p_any_purchase": {},
        "discounted_purchases": {"discount_rate": 0.1},
    }
    by_day = some.assign({name: 7 * some[name] for name in ("t_x", "T")}).assign_attrs(unit="day")
    for quantity, more in several.items():
        each = bcx.score(pareto, some, quantity, t=t, **more)["mean"]
        for number in (4.0, 13.0, 30.0):
            alone = bcx.score(pareto, by_day, quantity, t=f"{number} weeks", **more)["mean"]
            mine = np.flatnonzero(t == number)
            np.testing.assert_allclose(each[mine], alone[mine], rtol=1e-9)


def test_new_customers_buy_as_in_a_simulated_shop(pareto):
    """The mean purchases of customers who come now, against customers who live day by day."""
    memory = 4.0
    posterior = with_factors(pareto, np.zeros(pareto.draws["posterior"].sizes["week"]), level=-1.0)
    draws = posterior.draws["posterior"].to_dataset().isel(draw=slice(0, 1))
    own = {name: draws[name] * 0 + value for name, value in (LETTERS | {"calendar_memory": memory}).items()}
    posterior = posterior.with_group("posterior", draws.assign(own))
    factor = np.concatenate([[0.0], -np.exp(-np.repeat(np.arange(1, 27), 7) / memory)])
    letters = {name: LETTERS[name] for name in ("r", "alpha")}
    log = shop(np.random.default_rng(5), factor, customers=60_000, joining=1, **letters, risk=(0.5, 8.0))
    stats = xr.Dataset(
        {name: ("customer", np.zeros(1)) for name in ("x", "t_x", "T")},
        attrs={"kind": "purchases", "unit": "week", "until": "2021-01-03"},
    )
    for weeks in (4, 26):
        later = log[log["time"] <= START + np.timedelta64(7 * weeks, "D")]
        got = float(bcx.score(posterior, stats, "expected_purchases_new", t=weeks)["mean"])
        # A day holds one purchase at most, which loses a few.
        np.testing.assert_allclose(got, len(later) / 60_000 - 1, rtol=0.05)


def test_simulated_purchases_are_those_expected(pareto, uneven_stats):
    counts = bcx.predict_purchases(pareto, uneven_stats, "26 weeks", draws=40, seed=2).sum("customer")
    expected = bcx.draws(pareto, uneven_stats, "expected_purchases", t="26 weeks").sum("customer")
    z = (counts.to_numpy() - expected.to_numpy()[0]) / np.sqrt(2 * expected.to_numpy()[0])
    assert abs(z.mean()) < 4 * z.std() / np.sqrt(40)
    assert z.std() < 2.5


def test_simulated_times_follow_the_calendar(pareto, uneven_stats):
    """New customers with the real first days buy when the clock runs fast, and leave as time goes by."""
    g = np.where(np.arange(pareto.draws["posterior"].sizes["week"]) % 8 < 4, 0.8, -0.8)
    posterior = with_factors(pareto, g)
    clock = calendar_clock(posterior, uneven_stats)
    assert clock is not None
    T = uneven_stats["T"].to_numpy()
    fast = np.zeros(2)
    for made in replicate(posterior, uneven_stats, draws=8, seed=1):
        assert np.all((made.time > 0) & (made.time <= T[made.customer]))
        day = clock.until - 7 * (T[made.customer] - made.time)
        week = np.ceil((np.ceil(day) - 3) / 7).astype(int) - clock.first
        fast += np.bincount((g[np.clip(week, 0, g.size - 1)] > 0).astype(int), minlength=2)
    assert fast[1] / fast[0] == pytest.approx(np.exp(1.6), rel=0.2)
    # The mean number, against rate x the share of operational time that is lived.
    made = [one["x"].mean() for one in replicate_statistics(posterior, uneven_stats, draws=40, seed=2)]
    lived = T[:, None] * (np.arange(200) + 0.5) / 200
    day = clock.until - 7 * (T[:, None] - lived)
    pace = np.exp(g)[np.maximum(np.ceil((day - 3) / 7).astype(int) - clock.first, 0)] * T[:, None] / 200
    draws = posterior.draws["posterior"].dataset.isel(chain=0)
    letters = zip(*(draws[name].to_numpy() for name in LETTERS), strict=True)
    expected = [
        r / alpha * (pace * (1 + lived / beta) ** -s).sum(axis=1).mean() for r, alpha, s, beta in letters
    ]
    assert np.mean(made) == pytest.approx(np.mean(expected), rel=0.03)


def test_the_total_likelihood_is_that_of_the_fit(pareto, uneven_stats):
    f = Clocked.of(prepare(PARETO_NBD, uneven_stats, bcx.Design(calendar=True)))
    assert f is not None
    draws = pareto.draws["posterior"].dataset.isel(chain=0)
    scale = f.prepared.scale
    r, alpha, s, beta = (draws[name].to_numpy() for name in LETTERS)
    coordinates = [r / alpha / scale, r**-0.5, beta * np.expm1(np.log(2) / s) * scale, s**-0.5]
    vectors = np.concatenate([np.log(coordinates).T, draws["calendar"]], axis=1)
    of_letters = f.point.at(vectors[:, :4])[8]
    np.testing.assert_allclose(total_log_likelihood(pareto), f.values(vectors) - of_letters, rtol=1e-9)
