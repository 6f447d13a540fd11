"""Calendar time: its likelihood against integrals of the story, its posterior against the truth."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import bayes_cx as bcx
from bayes_cx.errors import InputError
from bayes_cx.inference.clocked import Clocked
from bayes_cx.inference.direct import direct
from bayes_cx.inference.prepare import prepare
from bayes_cx.inference.process import OPENING, continued, process_of, waves
from bayes_cx.inference.quadratic import Quadratic
from bayes_cx.inference.scales import Scales
from bayes_cx.models import BG_CNBD, BG_NBD, MBG_CNBD, MBG_NBD, PARETO_GGG
from bayes_cx.weeks import number_of
from tests.worlds import START, shop

CALENDAR = bcx.Design(calendar=True)


def summed(log, until, unit="week"):
    return bcx.summarise(bcx.read_transactions(log, customer="who", time="day"), until=until, unit=unit)


def clocked(model, table, **more):
    f = Clocked.of(prepare(model, table, CALENDAR, **more))
    assert f is not None
    return f


@pytest.fixture(scope="module")
def few():
    """Purchases of four customers, by day since a Monday: the first of each, and what follows."""
    return {"a": [0, 3, 9, 24], "b": [5], "c": [2, 2 + 26], "d": [8, 9, 13, 20, 31]}


@pytest.fixture(scope="module")
def few_stats(few):
    log = pd.DataFrame([(who, START + np.timedelta64(day, "D")) for who, days in few.items() for day in days])
    return summed(log.set_axis(["who", "day"], axis=1), str(START + np.timedelta64(33, "D")))


@pytest.mark.parametrize(("model", "first_too"), [(BG_NBD, False), (MBG_NBD, True)])
def test_likelihood_is_the_integral_of_the_story(model, first_too, few, few_stats, rng):
    """Rates of a day times e^g, leaving after purchases: integrated over rate and chance, day by day."""
    f = clocked(model, few_stats)
    g = rng.normal(0, 0.7, f.span[1] - f.span[0] + 1)
    by_day = g[(np.arange(34) // 7)]
    u = f.point.start + rng.normal(0, 0.2, 4)
    found = f.point.at(u[None])
    r, alpha, a, b = (found[4 + f.point.free.index(name)][0] for name in ("r", "alpha", "a", "b"))
    log_prior = found[8][0]

    def over_rates(x, passed):
        """Purchases at rate e^g on their days, and none on all others, averaged over the rates."""

        def density(rate):
            return rate**x * np.exp(-rate * passed) * stats.gamma.pdf(rate, r, scale=1 / alpha)

        return integrate.quad(density, 0, np.inf)[0]

    def over_chances(leave, stay):
        return integrate.quad(lambda p: p**leave * (1 - p) ** stay * stats.beta.pdf(p, a, b), 0, 1)[0]

    def likelihood(days):
        first, last, x = days[0], days[-1], len(days) - 1
        until, until_last = (np.exp(by_day[first + 1 : end + 1]).sum() / 7 for end in (33, last))
        decisions = x + first_too
        stays = over_chances(0, decisions) * over_rates(x, until)
        gone = over_chances(1, decisions - 1) * over_rates(x, until_last) if decisions else 0.0
        return np.exp(by_day[days[1:]].sum()) * (stays + gone)

    total = sum(np.log(likelihood(np.array(days))) for days in few.values())
    got = f.values(np.concatenate([u, g])[None])[0] - log_prior
    np.testing.assert_allclose(got, total, rtol=1e-6)


@pytest.mark.parametrize("model", [BG_NBD, MBG_NBD])
def test_slopes_are_differences(model, uneven_stats, rng):
    f = clocked(model, uneven_stats)
    weeks = f.span[1] - f.span[0] + 1
    vector = np.concatenate([f.point.start, rng.normal(0, 0.3, weeks)])
    _, slopes = f.values_and_slopes(vector[None])
    for i in (0, 1, 2, 3, 4, 20, weeks + 3):
        step = 1e-4 * np.eye(vector.size)[i]
        up, down = f.values(np.stack([vector + step, vector - step]))
        np.testing.assert_allclose(slopes[0, i], (up - down) / 2e-4, rtol=1e-4, atol=1e-3)


def test_without_a_season_it_is_the_model_without_calendar(uneven_stats, rng):
    f = clocked(BG_NBD, uneven_stats)
    u = f.point.start + rng.normal(0, 0.5, (5, 4))
    plain = direct(prepare(BG_NBD, uneven_stats), {})
    assert plain is not None
    zero = f.values(np.concatenate([u, np.zeros((5, f.span[1] - f.span[0] + 1))], axis=1))
    np.testing.assert_allclose(zero, plain.heights(u), rtol=1e-12)


def test_compressed_is_uncompressed_and_units_do_not_matter(uneven_shop, uneven_stats, with_calendar):
    f, compressed = (
        clocked(BG_NBD, table, scale=0.1) for table in (uneven_stats, bcx.compress(uneven_stats))
    )
    vector = np.concatenate([f.point.start, np.linspace(-1, 1, f.span[1] - f.span[0] + 1)])[None]
    assert f.values(vector) == compressed.values(vector)
    log, _ = uneven_shop
    transactions = bcx.read_transactions(log, customer="customer", time="time")
    by_day = bcx.summarise(transactions, until="2021-01-03", unit="day")
    daily = bcx.fit(BG_NBD, by_day, design=CALENDAR, seed=1, progress=False).draws["posterior"]
    weekly = with_calendar.draws["posterior"]
    # The draws are the same but for last bits, which can at most change which of two neighbours is resampled.
    for name, factor in {"calendar": 1, "calendar_memory": 1, "r": 1, "a": 1, "alpha": 7}.items():
        for moment in ("mean", "std"):
            found, expected = (getattr(draws[name], moment)("draw") for draws in (daily, weekly))
            np.testing.assert_allclose(found, factor * expected, rtol=1e-3, atol=1e-3)


def test_the_truth_is_recovered(uneven_shop, with_calendar):
    assert with_calendar.verdict == "passed"
    draws = with_calendar.draws["posterior"].dataset.isel(chain=0)
    for name, truth in {"r": 0.6, "alpha": 5.0, "a": 0.8, "b": 3.0}.items():
        z = (np.log(draws[name]).mean() - np.log(truth)) / np.log(draws[name]).std()
        assert abs(float(z)) < 3.5
    _, factor = uneven_shop
    week = number_of(draws["week"].to_numpy()) - number_of(START)
    truth = factor[7 * week]
    g = draws["calendar"].to_numpy()
    # Its level is that of the rates, so the changes are compared.
    low, high = np.quantile(g - g.mean(axis=1, keepdims=True), [0.025, 0.975], axis=0)
    inside = (low < truth - truth.mean()) & (truth - truth.mean() < high)
    assert inside.mean() >= 0.85
    middle = g.mean(axis=0)[8:]  # few have come in the first weeks
    assert np.corrcoef(middle, truth[8:])[0, 1] > 0.9
    assert 0.2 < float(draws["calendar_sd"].median()) < 0.7


def test_draws_of_a_quadratic_likelihood_have_its_moments(rng):
    """Given the scales all is normal: mean and covariance from the precision, in one step."""
    k, weeks, n = 2, 9, 40_000
    process = process_of(2600, weeks, season=True)
    root = rng.normal(size=(k + weeks, k + weeks))
    likelihood = Quadratic(
        rng.normal(size=k + weeks), rng.normal(size=k + weeks), root @ root.T + np.eye(k + weeks), k
    )
    theta = np.log([[0.6, 3.0, 0.4, 0.5]])
    marginal = likelihood.marginal(Scales(process))
    drawn = marginal.draw(np.repeat(theta, n, axis=0), 1e9, rng)
    week = np.arange(weeks)
    K = 0.36 * np.exp(-np.abs(week[:, None] - week) / 3.0) + 0.16 * np.eye(weeks)
    phi = waves(2600 + week)
    K += 0.25 * phi @ phi.T
    opening = 0.09 * np.exp(-(week[:, None] + week) / 10.0)
    K += opening
    precision = likelihood.curvature.copy()
    precision[k:, k:] += np.linalg.inv(K)
    cov = np.linalg.inv(precision)
    mean = cov @ (likelihood.slope + likelihood.curvature @ likelihood.centre)
    np.testing.assert_allclose(drawn.vectors.mean(axis=0), mean, atol=0.02)
    np.testing.assert_allclose(np.cov(drawn.vectors.T), cov, atol=0.02)
    np.testing.assert_allclose(marginal.mean(theta[0]), mean, rtol=1e-5, atol=1e-6)
    # The density of scales, up to a constant, is that of g integrated out.
    other = np.log([[0.2, 9.0, 0.1, 0.3]])

    def evidence(scales):
        sd, memory, noise, season = np.exp(scales)
        K = sd**2 * np.exp(-np.abs(week[:, None] - week) / memory) + noise**2 * np.eye(weeks)
        K += season**2 * phi @ phi.T + opening
        P = likelihood.curvature.copy()
        P[k:, k:] += np.linalg.inv(K)
        lean = likelihood.slope + likelihood.curvature @ likelihood.centre
        size = np.linalg.slogdet(P)[1] + np.linalg.slogdet(K)[1]
        return 0.5 * lean @ np.linalg.solve(P, lean) - 0.5 * size

    got = marginal.evidence(np.concatenate([theta, other]))
    np.testing.assert_allclose(got[0] - got[1], evidence(theta[0]) - evidence(other[0]), rtol=1e-5)
    step = 1e-5 * np.eye(4)
    up, down = marginal.evidence(theta + step), marginal.evidence(theta - step)
    np.testing.assert_allclose(marginal.slopes(theta)[0], (up - down) / 2e-5, rtol=1e-4, atol=1e-6)


def test_a_season_needs_a_year_and_is_shrunk_unless_it_is_taken_for_granted():
    assert not process_of(2600, 51, season=False).has_season
    possible, granted = (process_of(2600, 104, season=each).priors["season_sd"] for each in (False, True))
    assert possible.arguments["mu"] < granted.arguments["mu"]


def test_even_weeks_are_forecast_as_with_constant_rates(rng):
    """Where nothing is shared the mean is nearly that of the plain model, and the interval a bit wider."""
    log = shop(rng, np.zeros(7 * 40), customers=800, joining=7 * 20)
    stats = bcx.summarise(bcx.read_transactions(log, customer="customer", time="time"), until="2020-10-11")
    fits = [bcx.fit(BG_NBD, stats, design=each, seed=1, progress=False) for each in (bcx.Design(), CALENDAR)]
    made = [bcx.predict_purchases(fit, stats, "13 weeks", draws=400, seed=1) for fit in fits]
    constant, calendar = (each.sum("customer").to_numpy() for each in made)
    assert abs(calendar.mean() / constant.mean() - 1) < 0.1
    assert calendar.std() < 2 * constant.std()


def test_the_future_is_that_of_the_process():
    n = 20_000
    draws = {
        "calendar": np.zeros((n, 3)),
        "calendar_level": np.full(n, 0.5),
        "calendar_sd": np.full(n, 0.4),
        "calendar_memory": np.full(n, 5.0),
        "calendar_noise": np.full(n, 0.2),
        OPENING: np.full(n, 0.3),
    }
    g = continued(draws, 2600, 2700, seed=3)
    assert g.shape == (n, 101)
    assert np.array_equal(continued(draws, 2600, 2620, seed=3), g[:, :21])
    assert not np.array_equal(continued(draws, 2600, 2620, seed=4)[:, 3:], g[:, 3:21])
    h = np.array([1, 4, 90])
    np.testing.assert_allclose(
        g[:, 2 + h].mean(axis=0), 0.5 * np.exp(-h / 5) + 0.3 * np.exp(-(2 + h) / 10), atol=0.015
    )
    variance = 0.16 * (1 - np.exp(-2 * h / 5)) + 0.04
    np.testing.assert_allclose(g[:, 2 + h].var(axis=0), variance, rtol=0.04)


def test_it_is_saved_and_read(with_calendar, tmp_path):
    bcx.save(with_calendar, tmp_path / "p.nc")
    read = bcx.load(tmp_path / "p.nc")
    assert read.layout == with_calendar.layout
    assert read.draws["posterior"].equals(with_calendar.draws["posterior"])
    assert "calendar_sd" in read.provenance.priors
    broken = with_calendar.with_group(
        "posterior", with_calendar.draws["posterior"].to_dataset().drop_vars("calendar")
    )
    bcx.save(broken, tmp_path / "b.nc")
    with pytest.raises(InputError, match="without calendar"):
        bcx.load(tmp_path / "b.nc")


def test_what_cannot_be_had_is_refused(uneven_stats, few_stats):
    def refused(match, model=BG_NBD, stats=uneven_stats, design=CALENDAR, **more):
        with pytest.raises(InputError, match=match):
            bcx.fit(model, stats, design=design, progress=False, **more)

    regular = uneven_stats.assign(regularity=-2.0 * uneven_stats["x"] * np.log1p(uneven_stats["x"]))
    for model in (BG_CNBD, MBG_CNBD, PARETO_GGG):
        refused(f"calendar time for {model.name}.*every gap", model=model, stats=regular)
    refused("two years", design=bcx.Design(season=True))
    refused("counted by week", stats=uneven_stats.isel(customer=slice(0, 400)))
    refused("method NUTS", method=bcx.NUTS())
    refused("end of observation", stats=uneven_stats.assign_attrs(until=""))
    beyond = few_stats.assign_attrs(repeats_by_week='{"2030-01-07": 8}')
    refused("no customer was observed in", stats=beyond)
    with pytest.raises(InputError, match="True or False"):
        bcx.Design(calendar=1)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="PyMC"):
        bcx.pymc_model(BG_NBD, uneven_stats, design=CALENDAR)
    with pytest.raises(InputError, match="PyMC"):
        bcx.sample_prior(BG_NBD, uneven_stats, design=CALENDAR)
    with pytest.raises(InputError, match="another sampler"):
        bcx.posterior(BG_NBD, {"r": [1.0]}, uneven_stats, design=CALENDAR)


def test_coordinates_that_are_drawn_anew_have_the_moments_of_the_likelihood(rng):
    """Whatever weights the new proposal was made of, its own weights lead back to the exact normal."""
    k, weeks, n = 2, 6, 40_000
    root = rng.normal(size=(k + weeks, k + weeks))
    likelihood = Quadratic(
        rng.normal(size=k + weeks), rng.normal(size=k + weeks), root @ root.T + np.eye(k + weeks), k
    )
    process = process_of(2600, weeks, season=False)
    theta = np.log([[0.6, 3.0, 0.4]])
    exact = likelihood.marginal(Scales(process))
    first = exact.draw(np.repeat(theta, 500, axis=0), 8.0, rng)
    tilted = np.exp(2.0 * first.vectors[:, 0])
    made = exact.refitted(first.vectors, tilted / tilted.sum())
    assert np.abs(made.at_mean - exact.at_mean).max() > 0.1
    drawn = made.draw(np.repeat(theta, n, axis=0), 8.0, rng)
    log_weight = exact.log_lik(drawn.vectors) - made.log_lik(drawn.vectors) + drawn.log_weight
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    assert 1 / (weight**2).sum() > 0.2 * n
    week = np.arange(weeks)
    Z = process.columns
    prior = 0.36 * np.exp(-np.abs(week[:, None] - week) / 3.0) + 0.16 * np.eye(weeks) + Z @ Z.T
    precision = likelihood.curvature.copy()
    precision[k:, k:] += np.linalg.inv(prior)
    cov = np.linalg.inv(precision)
    mean = cov @ (likelihood.slope + likelihood.curvature @ likelihood.centre)
    found = weight @ drawn.vectors
    off = drawn.vectors - found
    np.testing.assert_allclose(found, mean, atol=0.03)
    np.testing.assert_allclose((off * weight[:, None]).T @ off, cov, atol=0.03)


@pytest.mark.slow
def test_some_thousand_customers_who_leave_in_real_time_are_fitted():
    stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30")
    posterior = bcx.fit("pareto_nbd", stats, design=bcx.Design(calendar=True), seed=1, progress=False)
    assert posterior.verdict == "passed"
