"""Pareto/NBD: published numbers, the textbook form in many digits, and quadrature."""

import mpmath as mp
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.graph import rewrite_graph

import bayes_cx as bcx
from bayes_cx.model import arguments
from bayes_cx.models import PARETO_NBD
from bayes_cx.scoring.compiled import evaluate
from tests.evaluated import evaluated, function
from tests.models.proofs import z_score as z
from tests.models.stress import pareto

PUBLISHED = {"r": 0.5533, "alpha": 10.578, "s": 0.6062, "beta": 11.669}
FREQUENT = {"x": 26, "t_x": 30.857, "T": 31}


def formula(name):
    return PARETO_NBD.log_lik if name == "log_lik" else PARETO_NBD.quantities[name].formula


def at(name, params=PUBLISHED, **given):
    rows = {k: np.array([float(v)]) for k, v in given.items() if k in PARETO_NBD.statistics}
    fixed = {k: np.asarray(float(v)) for k, v in {**params, **given}.items() if k not in rows}
    return evaluate(formula(name), rows, fixed)[0, 0]


def test_published_expectations():
    assert at("expected_purchases_new", t=52) == pytest.approx(1.4734, abs=2e-4)
    assert at("expected_purchases", t=52, **FREQUENT) == pytest.approx(25.455, abs=2e-3)
    assert at("p_alive", **FREQUENT) == pytest.approx(0.99787, abs=1e-5)


def anywhere(rng, n):
    """Return histories and parameters over six decades, among them the places where textbook forms fail."""
    x = rng.choice([0.0, 0.0, 1.0, 2.0, 20.0, 300.0, 3000.0], n)
    T = 10 ** rng.uniform(-2, np.log10(3650), n)
    since = np.where(rng.random(n) < 0.5, 10 ** rng.uniform(-6, 0, n), rng.random(n))
    t_x = np.where(x == 0, 0.0, T * (1 - since))
    t_x = np.where((x > 0) & (rng.random(n) < 0.1), T, t_x)
    params = {name: 10 ** rng.uniform(-3, 3, n) for name in PARETO_NBD.params}
    params["beta"] = np.where(rng.random(n) < 0.15, params["alpha"], params["beta"])
    params["s"] = np.where(rng.random(n) < 0.15, 1.0, params["s"])
    return {"x": x, "t_x": t_x, "T": T}, params


def test_log_lik_and_p_alive_against_the_textbook_form_in_many_digits():
    rows, params = anywhere(np.random.default_rng(0), 120)
    columns = {**rows, **params}
    found = evaluate(formula("log_lik"), columns, {})[0]
    alive = evaluate(formula("p_alive"), columns, {})[0]
    with mp.workdps(60):
        for i in range(120):
            whole, active = pareto(**{name: mp.mpf(float(column[i])) for name, column in columns.items()})
            expected = float(mp.log(whole))
            assert abs(found[i] - expected) < 1e-10 * max(1.0, abs(expected)), (i, columns)
            assert alive[i] == pytest.approx(float(active / whole), rel=1e-9), (i, columns)


def test_the_gradient_is_that_of_the_log_likelihood():
    rows, params = anywhere(np.random.default_rng(1), 300)
    names = arguments(PARETO_NBD.log_lik)
    f = evaluated(PARETO_NBD.log_lik, len(names), tuple(names.index(name) for name in PARETO_NBD.params))
    columns = {**rows, **params}

    def at_places(**changed):
        return f(*({**columns, **changed}[name] for name in names))

    here = at_places()
    for position, name in enumerate(PARETO_NBD.params):
        h = 1e-4 * columns[name]
        wide, narrow = (
            (at_places(**{name: columns[name] + k * h})[0] - at_places(**{name: columns[name] - k * h})[0])
            / (2 * k * h)
            for k in (2, 1)
        )
        expected = (4 * narrow - wide) / 3
        noise = 1e-15 * (1 + np.abs(here[0]) + rows["x"] * 10 + params["r"] * 10 + params["s"] * 10) / h
        assert np.all(np.abs(here[position + 1] - expected) < 1e-7 * np.abs(expected) + 30 * noise), name


@pytest.mark.parametrize("r", [np.inf, np.nan])
def test_a_search_that_runs_away_meets_no_number_and_no_failing_loop(r):
    with pytest.raises(bcx.InputError, match="not finite"):
        at("log_lik", {**PUBLISHED, "r": r}, x=2, t_x=30.0, T=38.0)


@pytest.mark.slow
def test_the_gradient_is_the_same_after_a_sampler_simplified_the_density():
    """Nutpie simplifies first and differentiates then: a gradient that was only hidden would come back."""
    rows, params = anywhere(np.random.default_rng(2), 100)
    inputs = {name: pt.vector(name) for name in [*rows, *params]}
    plain = PARETO_NBD.log_lik(**inputs).sum()
    simple = rewrite_graph(plain, include=["canonicalize", "stabilize"])
    by = [inputs[name] for name in params]
    f = function([*inputs.values()], [*pytensor.grad(plain, by), *pytensor.grad(simple, by)])
    gradient = f(*({**rows, **params}[name] for name in inputs))
    for name, expected, found in zip(params, gradient[:4], gradient[4:], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=name)


def test_nothing_happens_in_no_time():
    history = {"x": 4, "t_x": 12.0, "T": 12.0}
    assert at("p_alive", **history) == 1.0
    assert at("p_alive", x=4, t_x=np.nextafter(12.0, 13.0), T=12.0) == 1.0
    assert at("p_any_purchase", t=0, **history) == 0.0


def rate(u, x, T, r, alpha, s, beta):
    """Return the mean rate of purchases at time u of a customer who is active at T."""
    return (r + x) / (alpha + T) * (1 + mp.mpf(u) / (beta + T)) ** -s


@pytest.mark.parametrize("s", [0.05, 0.6062, 1.0, 1.0 + 1e-9, 8.0, 400.0])
@pytest.mark.parametrize("discount", [0.0, 0.0018, 0.1])
def test_purchases_against_quadrature(s, discount):
    params = {**PUBLISHED, "s": s}
    for x, T in ((0, 39.0), (60, 2.0)):
        ends = [0, 0.5, 3, 10, 25, 52]
        expected = mp.quad(lambda u, x=x, T=T: mp.exp(-discount * u) * rate(u, x, T, **params), ends)
        found = at("discounted_purchases_if_active", params, t=52, discount=discount, x=x, T=T)
        assert found == pytest.approx(float(expected), rel=1e-6)
        if discount == 0:
            plain = at("expected_purchases_if_active", params, t=52, x=x, T=T)
            assert plain == pytest.approx(float(expected), rel=1e-12)


def test_discounted_purchases_without_end_against_a_confluent_function(rng):
    n = 60
    params = {name: 10 ** rng.uniform(-3, 3, n) for name in PARETO_NBD.params}
    params["s"][:10] = 1.0
    discount = 10 ** rng.uniform(-6, 0, n)
    found = evaluate(formula("dert_new"), {**params, "discount": discount}, {})[0]
    with mp.workdps(30):
        for i in range(n):
            r, alpha, s, beta, d = (mp.mpf(float(v[i])) for v in (*params.values(), discount))
            expected = r / alpha * beta * mp.hyperu(1, 2 - s, d * beta)
            assert found[i] == pytest.approx(float(expected), rel=1e-10)


def test_less_dropout_is_the_same_quantity_sooner():
    """The identity that values offers: the risk of a share less is a shorter horizon, discounted more."""
    t, discount, share = 52.0, 0.0018, 0.3
    history = {"x": 3, "T": 39.0}
    found = at(
        "discounted_purchases_if_active", t=(1 - share) * t, discount=discount / (1 - share), **history
    )
    # mu (1 - share) with mu ~ Gamma(s, beta + T) is Gamma(s, (beta + T) / (1 - share)).
    loyal = {**PUBLISHED, "beta": (PUBLISHED["beta"] + 39.0) / (1 - share) - 39.0}
    expected = mp.quad(lambda u: mp.exp(-discount * u) * rate(u, **history, **loyal), [0, 10, 52])
    assert found / (1 - share) == pytest.approx(float(expected), rel=1e-7)


def test_offers_are_worth_between_nothing_and_loyalty():
    given = {"t": 52, "discount": 0.002, "x": 3, "T": 39}
    won_back = at("discounted_purchases_if_won_back", **given)
    active = at("discounted_purchases_if_active", **given)
    kept = at("discounted_purchases_if_kept", **given)
    assert 0 < won_back < active < kept


@pytest.mark.parametrize("history", [(0, 0.0, 0.0), (1, 1.0, 2.0), (2, 9.5, 10.5), (5, 18.0, 20.0)])
def test_conditioning_on_a_simulated_history_gives_its_future(history):
    """Select simulated customers by their history; what they do next is what the formulas expect of it.

    Told apart from the record, with the lifetime at hand, so that who is alive is known.
    """
    rng = np.random.default_rng(7)
    n, T, t = 1_500_000, 20.0, 20.0
    frequency, low, high = history
    r, alpha, s, beta = (PUBLISHED[name] for name in ("r", "alpha", "s", "beta"))
    buying = rng.gamma(r, 1 / alpha, n)
    life = rng.exponential(1 / rng.gamma(s, 1 / beta, n))
    x = rng.poisson(buying * np.minimum(life, T))
    buying, life = buying[x == frequency], life[x == frequency]
    # The last of x purchases anywhere in a span is at the largest of x uniform numbers.
    share = rng.random(buying.size) ** (1 / frequency) if frequency else np.zeros(buying.size)
    t_x = share * np.minimum(life, T)
    chosen = (t_x >= low) & (t_x <= high)
    assert chosen.sum() > 500
    buying, life, t_x = buying[chosen], life[chosen], t_x[chosen]
    later = rng.poisson(buying * np.clip(life - T, 0, t))
    rows = {"x": np.full(t_x.size, float(frequency)), "t_x": t_x, "T": np.full(t_x.size, T)}
    fixed = {name: np.asarray(value) for name, value in {**PUBLISHED, "t": t}.items()}
    for name, happened in (
        ("p_alive", life > T),
        ("expected_purchases", later),
        ("p_any_purchase", later > 0),
    ):
        expected = evaluate(formula(name), rows, fixed)[0]
        assert abs(z(happened - expected, 0.0)) < 4, name


def test_extremely_unequal_customers_are_simulated(rng):
    T = np.full(1000, 50.0)
    for r, s in ((1e-3, 1e-3), (1e-3, 1e3), (1e2, 1e-3)):
        bought = PARETO_NBD.simulate(rng, T, r=r, alpha=1.0, s=s, beta=1.0)
        assert np.all((bought.time > 0) & (bought.time <= 50.0))
