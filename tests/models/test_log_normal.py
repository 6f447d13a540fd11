"""Log-normal spend: what is believed of customers who tell little, free purchases, and frequency left out."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats as stats_of

import bayes_cx as bcx
from bayes_cx.models import LOG_NORMAL, LOG_NORMAL_FREQUENCY
from bayes_cx.scoring.compiled import evaluate

TRUTH = {"m": 27.0, "s": 0.6, "w": 0.45}


def row(x, paid, log_spend, sd):
    """One customer, whose mean spend only has to be there."""
    columns = {
        "x": x,
        "spend": 1.0 if paid else 0.0,
        "paid": paid,
        "log_spend": log_spend,
        "log_spend_sd": sd,
    }
    return {name: np.array([float(value)]) for name, value in columns.items()}


def expected(model, rows, **params):
    fixed = {name: np.asarray(value) for name, value in params.items()}
    return float(evaluate(model.quantities["expected_spend"].formula, rows, fixed)[0, 0])


def test_expected_spend_is_the_integral_over_the_level_of_the_customer():
    n, mean = 4, np.log(70.0)
    theta = np.linspace(-6, 12, 40_001)
    level = stats_of.norm.pdf(theta, np.log(TRUTH["m"]), TRUTH["w"])
    belief = level * stats_of.norm.pdf(mean, theta, TRUTH["s"] / np.sqrt(n))
    worth = np.exp(theta + TRUTH["s"] ** 2 / 2)
    by_hand = (belief * worth).sum() / belief.sum()
    assert expected(LOG_NORMAL, row(n, n, mean, 0.3), **TRUTH) == pytest.approx(by_hand, rel=1e-9)


def test_who_has_not_bought_again_is_as_those_with_one_repeat_purchase():
    new, level = row(0, 0, np.nan, np.nan), TRUTH | {"b": 0.3}
    mean = TRUTH["m"] * np.exp((TRUTH["s"] ** 2 + TRUTH["w"] ** 2) / 2)
    assert expected(LOG_NORMAL, new, **TRUTH) == pytest.approx(mean)
    assert expected(LOG_NORMAL_FREQUENCY, new, **level) == pytest.approx(mean)
    often = expected(LOG_NORMAL_FREQUENCY, row(16, 16, np.log(27.0), 0.5), **level)
    assert often > expected(LOG_NORMAL, row(16, 16, np.log(27.0), 0.5), **TRUTH)


@pytest.mark.parametrize("model", [LOG_NORMAL, LOG_NORMAL_FREQUENCY], ids=["without", "with"])
def test_free_purchases_make_less_of_what_is_to_come(model, rng):
    """As simulated: the share that is free stays about what it was, and what is paid is as before."""
    params = {name: 0.2 if name == "b" else TRUTH[name] for name in model.params}
    half = row(8, 4, np.log(30.0), 0.4)
    paid = row(8, 4, np.log(30.0), 0.4) | {"x": np.array([4.0])}
    if model is LOG_NORMAL:
        assert expected(model, half, **params) == pytest.approx(5 / 9 * expected(model, paid, **params))
    many = {name: np.repeat(value, 200_000) for name, value in half.items()}
    came = model.simulate_future(rng, np.full(200_000, 3), **many, **params) / 3
    error = came.std() / np.sqrt(came.size)
    assert abs(came.mean() - expected(model, half, **params)) < 4 * error


def test_no_parameters_are_likelier_than_those_found(rng):
    """By the multivariate normal density of each customer's single logarithms, as numpy and scipy have it."""
    x = rng.integers(0, 6, 200)
    made = LOG_NORMAL_FREQUENCY.simulate(rng, x, **TRUTH, b=0.3)
    seen = LOG_NORMAL_FREQUENCY.observe(made, x)
    stats = xr.Dataset({name: ("customer", value) for name, value in seen.items()})
    stats = stats.assign_attrs(kind="spend", unit="week")

    def height(m, s, w, b):
        total = -np.log(made.amount).sum()
        for n in range(1, 6):
            logs = np.log(made.amount[np.isin(made.customer, np.flatnonzero(x == n))]).reshape(-1, n)
            apart = stats_of.multivariate_normal(
                np.full(n, np.log(m) + b * np.log(n)), s**2 * np.eye(n) + w**2
            )
            total += np.sum(apart.logpdf(logs))
        return total

    found = bcx.fit(LOG_NORMAL_FREQUENCY, stats, method=bcx.MLE(), progress=False)
    top = np.array([float(value[0]) for value in found.parameters().values()])
    highest = height(*top)
    assert float(found.draws["sample_stats"]["lp"].max()) == pytest.approx(highest, abs=1e-6)
    for i in range(4):
        for step in (-0.01, 0.01):
            beside = height(*(top + step * (np.arange(4) == i) * np.maximum(np.abs(top), 0.1)))
            assert -0.5 < beside - highest < 0


def test_the_model_without_frequency_is_where_its_own_fit_is(rng):
    """The likelihood of very many customers without frequency is highest where it says."""
    x = np.minimum(rng.geometric(0.35, 20_000), 12)
    truth = TRUTH | {"b": 0.25}
    seen = LOG_NORMAL_FREQUENCY.observe(LOG_NORMAL_FREQUENCY.simulate(rng, x, **truth), x)
    stats = xr.Dataset({name: ("customer", value) for name, value in seen.items()})
    own = bcx.fit(LOG_NORMAL, stats.assign_attrs(kind="spend", unit="week"), method=bcx.MLE(), progress=False)
    drawn = {name: np.array([value]) for name, value in truth.items()}
    closest = LOG_NORMAL_FREQUENCY.without_frequency(np.ones(x.size), **seen, **drawn)
    assert closest.model is LOG_NORMAL
    for name, value in closest.params.items():
        assert float(value[0]) == pytest.approx(float(own.parameters()[name][0]), rel=0.03), name
    # The correlation is that of the levels themselves.
    level = np.log(TRUTH["m"]) + 0.25 * np.log(x) + rng.normal(0, TRUTH["w"], x.size)
    assert float(closest.correlation[0]) == pytest.approx(np.corrcoef(np.log(x), level)[0, 1], abs=0.025)
    assert float(closest.per_doubling[0]) == pytest.approx(2**0.25 - 1)
