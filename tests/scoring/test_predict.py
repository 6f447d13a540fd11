"""Simulated futures against their exact distributions, and the distributions against simple stories.

With everything known of a customer, Y >= n purchases need n arrivals and n - 1 times staying, so that
P(Y >= n) = P(active) P(N >= n) E[(1 - p)^(n - 1)] with N negative binomial: no simulation, no hypergeometric.
"""

import numpy as np
import pytest
import xarray as xr
from scipy import special, stats

import bayes_cx as bcx
from bayes_cx.scoring import predict_events, predict_spend, predict_value, replicate

T_AHEAD = 39.0
FUTURES = 20_000
# Futures come from a fixed seed; of some hundred z-scores none should pass this.
LARGEST_Z = 4.0


def at_least(n, s, beta, a, b, t):
    """P(Y >= n) of a customer active now, rate ~ Gamma(s, beta), dropout ~ Beta(a, b)."""
    arrivals = stats.nbinom.sf(n - 1, s, beta / (beta + t))
    return arrivals * np.exp(special.betaln(a, b + n - 1) - special.betaln(a, b))


def alive(x, t_x, T, r, alpha, a, b):
    odds = np.where(x > 0, a / (b + np.maximum(x, 1) - 1), 0.0) * ((alpha + T) / (alpha + t_x)) ** (r + x)
    return 1.0 / (1.0 + odds)


def ahead(few, letters, t=T_AHEAD):
    """P(Y >= n) for n = 1, 2, ..., shape (n, customer)."""
    x, t_x, T = (few[name].to_numpy().astype(float) for name in ("x", "t_x", "T"))
    r, alpha, a, b = (letters[name] for name in ("r", "alpha", "a", "b"))
    n = np.arange(1, 600)[:, None]
    return alive(x, t_x, T, r, alpha, a, b) * at_least(n, r + x, alpha + T, a, b + x, t)


@pytest.fixture(scope="module")
def letters(point):
    return {name: float(value[0]) for name, value in point.parameters().items()}


@pytest.fixture(scope="module")
def futures(point, few):
    made = bcx.predict_purchases(point, copies(few), f"{T_AHEAD:g} weeks", draws=1, seed=3)
    assert made.dims == ("sample", "customer")
    assert made.dtype.kind == "i"
    return made.to_numpy().reshape(FUTURES, 6)


def copies(few):
    """Each customer many times: futures of equal customers are independent, and quicker than draws."""
    positions = np.tile(np.arange(6), FUTURES)
    return few.isel(customer=positions).assign_coords(customer=np.arange(positions.size))


def z_of_shares(hits, p):
    return (hits - FUTURES * p) / np.sqrt(FUTURES * p * (1 - p))


def test_the_whole_distribution_of_purchases(futures, few, letters):
    survival = ahead(few, letters)
    for n in (1, 2, 3, 5, 10, 30):
        p = survival[n - 1]
        enough = (p * FUTURES > 20) & ((1 - p) * FUTURES > 20)
        z = z_of_shares((futures >= n).sum(axis=0), p)[enough]
        assert np.abs(z).max(initial=0) < LARGEST_Z


def test_mean_and_variance(futures, few, letters, point):
    survival = ahead(few, letters)
    n = np.arange(1, 600)[:, None]
    mean, square = survival.sum(axis=0), ((2 * n - 1) * survival).sum(axis=0)
    variance = square - mean**2
    made = futures.astype(float)
    assert np.abs((made.mean(axis=0) - mean) / np.sqrt(variance / FUTURES)).max() < LARGEST_Z
    spread = (made - mean) ** 2
    z = (spread.mean(axis=0) - variance) / (spread.std(axis=0) / np.sqrt(FUTURES))
    assert np.abs(z).max() < LARGEST_Z
    # The score is the mean of the same distribution.
    expected = bcx.score(point, few, "expected_purchases", t=T_AHEAD)["mean"]
    np.testing.assert_allclose(expected, mean, rtol=1e-8)


def test_chance_of_any_purchase_is_the_share_of_futures_with_one(futures, few, point):
    p = bcx.score(point, few, "p_any_purchase", t=T_AHEAD)["mean"].to_numpy()
    z = z_of_shares((futures >= 1).sum(axis=0), p)
    assert np.abs(z).max() < LARGEST_Z


def test_events_lie_in_the_span_and_count_up(point, few):
    events = list(predict_events(point, few, T_AHEAD, draws=50, seed=3))
    assert len(events) == 50
    assert all((each.time > 0).all() and (each.time <= T_AHEAD).all() for each in events)
    counts = bcx.predict_purchases(point, few, T_AHEAD, draws=50, seed=3)
    np.testing.assert_array_equal([np.bincount(each.customer, minlength=6) for each in events], counts)
    assert counts["customer"].to_numpy().tolist() == few["customer"].to_numpy().tolist()


def test_seeds(point, few):
    one, again, other = (bcx.predict_purchases(point, few, T_AHEAD, draws=50, seed=s) for s in (3, 3, 4))
    np.testing.assert_array_equal(one, again)
    assert (one.to_numpy() != other.to_numpy()).any()


def test_futures_run_evenly_through_the_draws(point, at_point, few):
    """Half of the draws say that nobody buys, half that everybody does all the time."""
    silent, busy = {"r": 2.0, "alpha": 1e9}, {"r": 300.0, "alpha": 4.4}
    two = at_point(point, **{name: [silent[name], busy[name]] for name in silent}, a=[1e-6] * 2, b=[2.4] * 2)
    made = bcx.predict_purchases(two, few.isel(customer=[0, 5]), T_AHEAD, draws=7, seed=0)
    assert (made > 0).all("customer").to_numpy().tolist() == [False] * 4 + [True] * 3
    assert bcx.predict_purchases(two, few, T_AHEAD, draws=1).sizes["sample"] == 1
    with pytest.raises(bcx.InputError, match="one draw or more"):
        bcx.predict_purchases(two, few, T_AHEAD, draws=0)


def new_customer(rng, T, r, alpha, a, b):
    """The story of one new customer in a plain loop: number of repeat purchases and time of the last."""
    rate, p = rng.gamma(r) / alpha, rng.beta(a, b)
    x, last, now = 0, 0.0, 0.0
    while True:
        now += rng.exponential() / rate
        if now > T:
            return x, last
        x, last = x + 1, now
        if rng.random() < p:
            return x, last


def test_replications_are_new_customers(point, few, letters, rng):
    n, T = 20_000, 38.9
    many = few.isel(customer=np.zeros(n, int)).assign_coords(customer=np.arange(n))
    made = next(replicate(point, many, draws=1, seed=8))
    x, last = made.counts(n), made.last(n)
    r, alpha, a, b = (letters[name] for name in ("r", "alpha", "a", "b"))
    for k in (1, 2, 3, 5, 10):
        p = at_least(k, r, alpha, a, b, T)
        assert abs((x >= k).sum() - n * p) < LARGEST_Z * np.sqrt(n * p * (1 - p))
    expected = np.array([new_customer(rng, T, **letters) for _ in range(n)])
    assert stats.ks_2samp(x, expected[:, 0]).pvalue > 1e-3
    assert stats.ks_2samp(last, expected[:, 1]).pvalue > 1e-3


def test_replications_of_spend(spend_point):
    """With x purchases of mean z, x z / (v + x z) ~ Beta(p x, q)."""
    p, q, v = (spend_point.parameters()[name][0] for name in ("p", "q", "v"))
    x = np.repeat([0, 1, 4], 5_000)
    table = spends(x)
    z = next(replicate(spend_point, table, draws=1, seed=2))
    assert np.isnan(z[x == 0]).all()
    for n in (1, 4):
        share = n * z[x == n] / (v + n * z[x == n])
        assert stats.kstest(share, stats.beta(p * n, q).cdf).pvalue > 1e-3


def spends(x):
    data = {"x": ("customer", x), "spend": ("customer", np.where(x > 0, 20.0, np.nan))}
    return xr.Dataset(
        data, coords={"customer": np.arange(x.size)}, attrs={"kind": "purchases", "unit": "week"}
    )


def test_value_is_purchases_times_spend(point, spend_point, few, letters):
    p, q, v = (float(spend_point.parameters()[name][0]) for name in ("p", "q", "v"))
    x, z = few["x"].to_numpy(), np.nan_to_num(few["spend"].to_numpy())
    each = p * (v + x * z) / (p * x + q - 1)
    made = predict_value(point, spend_point, copies(few), T_AHEAD, draws=1, seed=5)
    assert made.dims == ("sample", "customer")
    made = made.to_numpy().reshape(FUTURES, 6).astype(float)
    expected = ahead(few, letters).sum(axis=0) * each
    # The distribution of spend has a heavy tail, so its error is estimated from the futures.
    error = made.std(axis=0) / np.sqrt(FUTURES)
    assert np.abs((made.mean(axis=0) - expected) / error).max() < LARGEST_Z


def test_value_is_discounted_to_now(point, few, letters):
    """A discount of .01 a week; the purchases by week give the integral by parts."""
    delta = 0.01
    per_year = np.expm1(delta * 365.25 / 7)
    made = predict_value(point, 10.0, copies(few), T_AHEAD, discount_rate=per_year, draws=1, seed=6)
    made = made.to_numpy().reshape(FUTURES, 6).astype(float)
    node, weight = np.polynomial.legendre.leggauss(60)
    s = T_AHEAD * (node + 1) / 2
    means = np.array([ahead(few, letters, t).sum(axis=0) for t in s])
    total = ahead(few, letters).sum(axis=0)
    expected = 10 * (
        np.exp(-delta * T_AHEAD) * total
        + delta * T_AHEAD / 2 * (weight[:, None] * np.exp(-delta * s)[:, None] * means).sum(axis=0)
    )
    z = (made.mean(axis=0) - expected) / (made.std(axis=0) / np.sqrt(FUTURES))
    assert np.abs(z).max() < LARGEST_Z
    scored = bcx.score(point, few, "discounted_purchases", t=T_AHEAD, discount_rate=per_year)["mean"]
    np.testing.assert_allclose(10 * scored, expected, rtol=1e-6)


def test_a_fixed_spend_counts_purchases(point, few):
    counts = bcx.predict_purchases(point, few, T_AHEAD, draws=40, seed=3)
    made = np.array(list(predict_spend(point, 2.5, few, T_AHEAD, draws=40, seed=3)))
    np.testing.assert_allclose(made, 2.5 * counts)


def test_prediction_in_another_unit(point, few):
    days = few.assign(t_x=few["t_x"] * 7, T=few["T"] * 7).assign_attrs(unit="day")
    weeks = bcx.predict_purchases(point, few, "26 weeks", draws=50, seed=1)
    np.testing.assert_array_equal(bcx.predict_purchases(point, days, "182 days", draws=50, seed=1), weeks)
