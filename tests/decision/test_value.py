"""Value and effects of offers against quadrature and simulation of one customer's story."""

from functools import cache

import numpy as np
import pytest
from scipy.special import roots_jacobi

import bayes_cx as bcx
import bayes_cx.decision.value
from bayes_cx.decision.effects import effect

WEEKS = 52.0
DELTA = np.log(1.1) * 7 / 365.25
NODE, WEIGHT = np.polynomial.legendre.leggauss(80)
jacobi = cache(roots_jacobi)
POINT = {"r": 0.24, "alpha": 4.4, "a": 0.79, "b": 2.4}


def flow(shape, beta, a, b, left=1.0, t=WEEKS, delta=DELTA):
    """The integral over s in (0, t) of exp(-delta s) E[lambda exp(-lambda p left s)].

    The rate is Gamma(shape, beta), p is Beta(a, b): Gauss-Jacobi over p, Gauss-Legendre over s.
    """
    node, weight = jacobi(80, b - 1, a - 1)
    p, weight = (node + 1) / 2, weight / weight.sum()
    # Most happens early, where s = t v^3 is dense.
    v = (NODE + 1) / 2
    s, ds = t * v**3, WEIGHT / 2 * 3 * t * v**2
    rate = shape * beta**shape / (beta + left * p[:, None] * s) ** (shape + 1)
    return float((weight[:, None] * rate * np.exp(-delta * s) * ds).sum())


def history(few):
    columns = (few[name].to_numpy().astype(float) for name in ("x", "t_x", "T", "spend"))
    return list(zip(*columns, strict=True))


def alive(x, t_x, T, *_):
    r, alpha, a, b = POINT.values()
    return 1 / (1 + (x > 0) * a / (b + max(x, 1) - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x))


def pays(x, t_x, T, z):
    p, q, v = 6.0, 3.7, 15.0
    return p * (v + x * np.nan_to_num(z)) / (p * x + q - 1)


def active_flow(row, left=1.0):
    x, _, T, _ = row
    return flow(POINT["r"] + x, POINT["alpha"] + T, POINT["a"], POINT["b"] + x, left)


@pytest.fixture(scope="module")
def value(point, spend_point, few):
    return bcx.lifetime_value(point, spend_point, few, horizon="52 weeks", discount_rate=0.10, draws=5)


@pytest.fixture(scope="module")
def all_worth(value):
    return value.worth(np.arange(5))


def test_value_of_an_active_customer(all_worth, few):
    wanted = [pays(*row) * active_flow(row) for row in history(few)]
    np.testing.assert_allclose(all_worth.active[0], wanted, rtol=2e-5)
    np.testing.assert_allclose(
        all_worth.value[0], [alive(*row) for row in history(few)] * np.array(wanted), rtol=2e-5
    )


def test_value_at_risk(all_worth, few):
    """What a customer who never leaves would bring, less what this one does."""
    wanted = [
        alive(*row) * pays(*row) * (active_flow(row, left=0.0) - active_flow(row)) for row in history(few)
    ]
    np.testing.assert_allclose(all_worth.at_risk[0], wanted, rtol=1e-4)


def test_value_of_a_customer_brought_back(all_worth, few):
    """Of the x decisions after purchases the last was to leave: p ~ Beta(a + 1, b + x - 1)."""
    r, alpha, a, b = POINT.values()
    wanted = [
        pays(*row) * flow(r + row[0], alpha + row[2], a + 1, b + max(row[0], 1) - 1) for row in history(few)
    ]
    np.testing.assert_allclose(all_worth.won_back[0], wanted, rtol=2e-5)


def test_what_offers_change(value, all_worth, few, offers, rng):
    for offer in offers:
        drawn = effect(offer, value, rng)
        assert drawn.win_back.shape == drawn.keep.shape == (5,)
        change = drawn.of(all_worth, np.arange(5))
        for i, row in enumerate(history(few)):
            p, each, flow_now = alive(*row), pays(*row), active_flow(row)
            back = flow(
                POINT["r"] + row[0], POINT["alpha"] + row[2], POINT["a"] + 1, POINT["b"] + max(row[0], 1) - 1
            )
            for d in range(5):
                # The default half-life is 26 weeks.
                rho, kappa = drawn.win_back[d] * 2 ** -((row[2] - row[1]) / 26), drawn.keep[d]
                won = (1 - p) * rho * each * back
                kept = p * each * (active_flow(row, 1 - kappa) - flow_now)
                paid = offer.cost * (1 if offer.charged == "contacted" else p + (1 - p) * rho)
                assert change.winning_back()[d, i] == pytest.approx(won, rel=1e-4, abs=1e-9)
                assert change.keeping()[d, i] == pytest.approx(kept, rel=1e-3)
                assert change.cost()[d, i] == pytest.approx(paid)
                assert change.gain()[d, i] == pytest.approx(won + kept - paid, abs=1e-3)
                twice = p * each * (active_flow(row, 1 - 2 * kappa) - flow_now)
                assert change.keeping(2.0)[d, i] == pytest.approx(twice, rel=1e-3)
                half = p * each * (active_flow(row, 1 - kappa / 2) - flow_now)
                assert change.keeping(0.5)[d, i] == pytest.approx(half, rel=0.02)
        np.testing.assert_array_equal(change.keeping(0.0), 0.0)
        # Means and sums are shortcuts for the same numbers.
        gain, cost = change.expected((0.5, 1.0, 2.0))
        for k, scale in enumerate((0.5, 1.0, 2.0)):
            np.testing.assert_allclose(gain[k], change.gain(scale).mean(axis=0), atol=1e-12)
            np.testing.assert_allclose(cost[k], change.cost(scale).mean(axis=0))
        mine = np.array([True, False, True, True, False])
        for scale in (0.5, 1.0, 2.0):
            together = change.only(mine).total().gain(scale)[:, 0]
            np.testing.assert_allclose(together, change.gain(scale)[:, mine].sum(axis=1))


def test_keeping_by_simulation(value, all_worth, few, rng):
    """One customer's story 200,000 times, with the chance to leave lowered by a fifth, less without."""
    kappa, n, row = 0.2, 200_000, history(few)[4]
    offer = bcx.Offer("x", 0.0, keep=bcx.Beta(2e8, 8e8))
    change = effect(offer, value, rng).of(all_worth, np.arange(5))
    rate = rng.gamma(POINT["r"] + row[0], 1 / (POINT["alpha"] + row[2]), n)
    p = rng.beta(POINT["a"], POINT["b"] + row[0], n)
    sums = {}
    for left in (1.0, 1 - kappa):
        total, now, here = np.zeros(n), np.zeros(n), np.arange(n)
        while here.size:
            now[here] += rng.exponential(1 / rate[here])
            here = here[now[here] <= WEEKS]
            total[here] += np.exp(-DELTA * now[here])
            here = here[rng.random(here.size) >= left * p[here]]
        sums[left] = total
    rise = alive(*row) * pays(*row) * (sums[1 - kappa] - sums[1.0])
    assert abs(rise.mean() - change.keeping()[0, 4]) < 4 * rise.std() / np.sqrt(n)


def test_a_year_at_ten_per_cent(point, few):
    """Steady income over a year is worth (1 - 1/1.1) / log 1.1 of itself."""
    value = bcx.lifetime_value(point, 1.0, few, horizon="1 year", discount_rate=0.10, draws=1)
    even = bcx.lifetime_value(point, 1.0, few, horizon="1 year", discount_rate=0.0, draws=1)
    now = np.arange(5)
    ratio = value.worth(now).kept / even.worth(now).kept
    np.testing.assert_allclose(ratio, (1 - 1 / 1.1) / np.log(1.1))
    assert np.all(value.worth(now).value < even.worth(now).value)
    undiscounted = bcx.score(point, few, "expected_purchases", t="1 year")["mean"]
    np.testing.assert_allclose(even.worth(now).value[0], undiscounted)


@pytest.mark.parametrize(("unit", "factor"), [("day", 7.0), ("hour", 168.0), ("year", 7 / 365.25)])
def test_units_of_time_do_not_matter(value, spend_point, point, few, at_point, unit, factor):
    other = at_point(point, unit=unit, **POINT | {"alpha": POINT["alpha"] * factor})
    stats = few.assign(t_x=few["t_x"] * factor, T=few["T"] * factor).assign_attrs(unit=unit)
    same = bcx.lifetime_value(other, spend_point, stats, horizon="52 weeks", discount_rate=0.10, draws=5)
    for name in ("p_alive", "value", "at_risk", "won_back", "kept"):
        np.testing.assert_allclose(
            getattr(same.worth(np.arange(5)), name), getattr(value.worth(np.arange(5)), name), rtol=1e-9
        )
    mixed = bcx.lifetime_value(point, spend_point, stats, horizon="364 days", discount_rate=0.10, draws=5)
    np.testing.assert_allclose(mixed.draw(), value.draw(), rtol=1e-9)


def test_units_of_money_do_not_matter(value, point, spend, at_point, few):
    cents = at_point(spend, p=6.0, q=3.7, v=1500.0)
    same = bcx.lifetime_value(point, cents, few.assign(spend=few["spend"] * 100), discount_rate=0.10, draws=5)
    np.testing.assert_allclose(same.draw(), 100 * value.draw())


def test_a_margin_scales_everything(value, point, spend_point, few, sure_offers):
    part = bcx.lifetime_value(point, spend_point, few, discount_rate=0.10, draws=5, margin=0.25)
    np.testing.assert_allclose(part.draw(), 0.25 * value.draw())
    cheap = [bcx.Offer(o.name, o.cost / 4, o.win_back, o.keep, o.charged) for o in sure_offers]
    one, other = bcx.prioritise(value, sure_offers), bcx.prioritise(part, cheap)
    np.testing.assert_allclose(other.data["gain"], 0.25 * one.data["gain"])
    np.testing.assert_allclose(
        other.data["total_value_predictive"], 0.25 * one.data["total_value_predictive"]
    )


def test_a_given_spend_replaces_the_model(point, few):
    value = bcx.lifetime_value(point, 20.0, few.drop_vars("spend"), discount_rate=0.10, draws=3)
    wanted = [20.0 * alive(*row) * active_flow(row) for row in history(few)]
    np.testing.assert_allclose(value.draw()[0], wanted, rtol=2e-5)


def test_draws_pair_and_summaries_agree(worth, purchases, spend):
    """Value is the product of the two posteriors, draw by draw."""
    assert worth.draws == 200
    value = worth.draw()
    assert value.dims == ("sample", "customer")
    bought = bcx.draws(
        purchases, worth.stats, "discounted_purchases", t=WEEKS, discount_rate=worth.rate, thin_to=200
    )
    paid = bcx.draws(spend, worth.stats, "expected_spend", thin_to=200)
    np.testing.assert_allclose(value, bought[0] * paid[0])
    summary = worth.summary(quantiles=(0.25, 0.9))
    np.testing.assert_allclose(summary["mean"], value.mean("sample"))
    np.testing.assert_allclose(summary["sd"], value.std("sample"))
    np.testing.assert_allclose(summary["quantile"], value.quantile((0.25, 0.9), "sample").T)


def test_blocks_cover_everybody_once(worth, monkeypatch):
    whole = worth.draw()
    monkeypatch.setattr(bayes_cx.decision.value, "_BLOCK_CELLS", 200 * 37)
    assert sorted(np.concatenate(list(worth.blocks()))) == list(range(300))
    np.testing.assert_allclose(worth.draw(), whole)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"discount_rate": -1.0}, "discount_rate"),
        ({"discount_rate": np.nan}, "discount_rate"),
        ({"margin": 0.0}, "margin"),
        ({"draws": 0}, "one draw or more"),
        ({"horizon": "a while"}, "52 weeks"),
    ],
)
def test_errors(point, spend_point, few, options, says):
    with pytest.raises(bcx.InputError, match=says):
        bcx.lifetime_value(point, spend_point, few, **options)


def test_models_in_the_wrong_place(point, spend_point, few):
    with pytest.raises(bcx.InputError, match="pass the posterior of purchases first"):
        bcx.lifetime_value(spend_point, point, few)
    with pytest.raises(bcx.InputError, match="GAMMA_GAMMA"):
        bcx.lifetime_value(point, point, few)
    for nonsense in (-3.0, 0.0, np.nan, np.inf):
        with pytest.raises(bcx.InputError, match="worth of a purchase"):
            bcx.lifetime_value(point, nonsense, few)


def test_each_customer_may_be_worth_something_else(point, few):
    """Value is linear in what a purchase is worth, whoever makes it."""
    each = np.array([0.0, 5.0, 12.5, 30.0, 7.0])
    one, own = (
        bcx.lifetime_value(point, worth, few, draws=5).summary()["mean"].to_numpy() for worth in (1.0, each)
    )
    np.testing.assert_allclose(own, one * each, rtol=1e-12)
    worth = few["x"].copy(data=each)
    plan = bcx.prioritise(bcx.lifetime_value(point, worth, few, draws=5), [bcx.Offer("Letter", cost=1.0)])
    value = plan.data["value"].sel(customer=few["customer"])
    np.testing.assert_allclose(value, own, rtol=1e-12)
    assert "worth" not in plan.data.attrs


@pytest.mark.parametrize("worth", [[1.0, 2.0], [-1.0] * 5, [np.nan] * 5, [0.0] * 5, "much"])
def test_a_worth_that_fits_no_customer_is_refused(point, few, worth):
    with pytest.raises(bcx.InputError, match="for each of the 5 customers"):
        bcx.lifetime_value(point, worth, few)


def test_equal_customers_are_valued_once_and_get_what_each_would_get(worth, monkeypatch):
    first = worth.summary()
    _, place = worth.alike(np.arange(worth.n_customers))
    assert not isinstance(place, slice)  # many of these customers have bought once, on the same day
    monkeypatch.setattr("bayes_cx.decision.value._MOSTLY", 0.0)
    each, place = worth.alike(np.arange(worth.n_customers))
    assert each.size == worth.n_customers
    assert place == slice(None)
    alone = worth.summary()
    for name in ("mean", "sd", "quantile"):
        np.testing.assert_allclose(first[name], alone[name], rtol=1e-9)
