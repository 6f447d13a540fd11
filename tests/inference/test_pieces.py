"""Pareto/NBD in calendar time: its likelihood against integrals of the story, slopes against differences."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import bayes_cx as bcx
from bayes_cx.errors import InputError
from bayes_cx.inference import pieces
from bayes_cx.inference.clocked import Clocked
from bayes_cx.inference.direct import direct
from bayes_cx.inference.prepare import prepare
from bayes_cx.models import PARETO_NBD
from tests.worlds import START

CALENDAR = bcx.Design(calendar=True)
# Days of purchases since a Monday: ends of weeks, the last day, and a second purchase of the day after.
FEW = {"a": [0, 3, 9, 24], "b": [5], "c": [6, 28], "d": [8, 9, 13, 20, 33], "e": [6, 27], "f": [33]}


def clocked(table, **more):
    f = Clocked.of(prepare(PARETO_NBD, table, CALENDAR, **more))
    assert f is not None
    return f


def summed(log, until, unit="week"):
    return bcx.summarise(bcx.read_transactions(log, customer="customer", time="time"), until=until, unit=unit)


@pytest.fixture(scope="module")
def few_stats():
    log = [(who, START + np.timedelta64(day, "D")) for who, days in FEW.items() for day in days]
    return summed(pd.DataFrame(log, columns=["customer", "time"]), str(START + np.timedelta64(33, "D")))


def test_likelihood_is_the_integral_of_the_story(few_stats, rng):
    """Rates of a day times e^g, leaving at any moment: integrated over rate, risk and that moment."""
    f = clocked(few_stats)
    g = rng.normal(0, 0.7, f.span[1] - f.span[0] + 1)
    passed = np.concatenate([[0.0], np.cumsum(np.exp(np.repeat(g, 7)) / 7)])  # by day
    u = f.point.start + rng.normal(0, 0.3, 4)
    found = f.point.at(u[None])
    r, alpha, s, beta = (found[4 + f.point.free.index(name)][0] for name in ("r", "alpha", "s", "beta"))
    node, weight = np.polynomial.legendre.leggauss(8)

    def over_gamma(shape, scale, formula):
        """The mean by the trapezoidal rule on the logarithm."""
        value = np.exp(np.linspace(-40 / shape, 5, 1500)) / scale
        density = stats.gamma.pdf(value, shape, scale=1 / scale) * value
        return integrate.trapezoid(formula(value) * density, np.log(value))

    def over_rates(x, tau):
        return over_gamma(r, alpha, lambda rate: rate**x * np.exp(-rate * tau))

    def over_risks(formula):
        return over_gamma(s, beta, formula)

    def likelihood(days):
        first, last, x = days[0], days[-1], len(days) - 1
        begin = passed[first + 1]
        total = over_rates(x, passed[34] - begin) * over_risks(lambda risk: np.exp(-risk * (33 - first) / 7))
        for day in range(last, 33):
            for share, of in zip((node + 1) / 2, weight / 2, strict=True):
                lived = (day + share - first) / 7
                tau = (1 - share) * passed[day + 1] + share * passed[day + 2] - begin
                leaves = over_risks(lambda risk, lived=lived: risk * np.exp(-risk * lived))
                total += of / 7 * leaves * over_rates(x, tau)
        return np.exp(g[np.array(days[1:], int) // 7].sum()) * total

    expected = sum(np.log(likelihood(days)) for days in FEW.values())
    got = f.values(np.concatenate([u, g])[None])[0] - found[8][0]
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_slopes_are_differences(uneven_stats, few_stats, rng):
    for table in (few_stats, uneven_stats):
        f = clocked(table)
        weeks = f.span[1] - f.span[0] + 1
        vector = np.concatenate([f.point.start, rng.normal(0, 0.3, weeks)])
        _, slopes = f.values_and_slopes(vector[None])
        some = [0, 1, 2, 3, 4, 7, vector.size - 1]
        step = 1e-4 * np.eye(vector.size)[some]
        differences = (f.values(vector + step) - f.values(vector - step)) / 2e-4
        np.testing.assert_allclose(slopes[0, some], differences, rtol=1e-4, atol=1e-3)


def test_without_a_season_it_is_the_model_without_calendar(uneven_stats, cdnow_sample, rng):
    for table in (uneven_stats, cdnow_sample):
        f = clocked(table)
        u = f.point.start + rng.normal(0, 0.7, (5, 4))
        plain = direct(prepare(PARETO_NBD, table), {})
        assert plain is not None
        zero = f.values(np.concatenate([u, np.zeros((5, f.span[1] - f.span[0] + 1))], axis=1))
        np.testing.assert_allclose(zero, plain.heights(u), rtol=1e-11)


def test_twice_the_pace_is_half_the_time_between_purchases(uneven_stats, rng):
    """Where all have always bought twice as often, alpha is twice as large and nothing else changes."""
    f = clocked(uneven_stats)
    weeks = f.span[1] - f.span[0] + 1
    u = f.point.start + rng.normal(0, 0.3, (5, 4))
    faster = u - [np.log(2.0), 0, 0, 0]
    prior = [f.point.at(each)[8] for each in (u, faster)]
    one = f.values(np.concatenate([u, np.zeros((5, weeks))], axis=1)) - prior[0]
    other = f.values(np.concatenate([faster, np.full((5, weeks), np.log(2.0))], axis=1)) - prior[1]
    np.testing.assert_allclose(one, other, rtol=1e-11)


def test_tables_units_and_parts_do_not_matter(uneven_shop, uneven_stats, monkeypatch, rng):
    log, _ = uneven_shop
    by_day = summed(log, "2021-01-03", "day")
    whole, compressed, daily = (
        clocked(table, scale=scale)
        for table, scale in ((uneven_stats, 0.1), (bcx.compress(uneven_stats), 0.1), (by_day, 0.1 / 7))
    )
    weeks = whole.span[1] - whole.span[0] + 1
    vectors = np.concatenate(
        [whole.point.start + rng.normal(0, 0.3, (2, 4)), rng.normal(0, 1, (2, weeks))], axis=1
    )
    values, slopes = whole.values_and_slopes(vectors)
    np.testing.assert_allclose(compressed.values(vectors), values, rtol=1e-12)
    by_day_density = float(uneven_stats["x"].sum()) * np.log(7)
    np.testing.assert_allclose(daily.values(vectors) + by_day_density, values, rtol=1e-10)
    np.testing.assert_allclose(daily.values_and_slopes(vectors)[1], slopes, rtol=1e-8, atol=1e-8)
    monkeypatch.setattr(pieces, "_PIECES", 300)
    monkeypatch.setattr(pieces, "_CELLS", 1000)
    parts = clocked(uneven_stats, scale=0.1)
    assert len(parts._in_weeks or []) > 3
    np.testing.assert_allclose(parts.values(vectors), values, rtol=1e-12)
    np.testing.assert_allclose(parts.values_and_slopes(vectors)[1], slopes, rtol=1e-8, atol=1e-8)


def test_what_cannot_be_had_is_refused(uneven_stats):
    grouped = uneven_stats.assign(tier=("customer", np.resize(["x", "y"], 1500).astype(object)))
    design = bcx.Design(calendar=True, pool=["tier"])
    with pytest.raises(InputError, match="together with tier"):
        bcx.fit(PARETO_NBD, grouped, design=design, progress=False)
