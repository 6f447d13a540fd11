"""Own amounts: against the truth of simulated customers, the definition, and where nothing is to gain."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import bayes_cx as bcx
from bayes_cx.errors import InputError

AMOUNTS = np.array([0.0, 5.0, 10.0, 20.0])
ROLES = {"outcome": "y", "treatment": "arm", "control": "none", "features": ["age"], "dose": "amount"}
COST = 0.008


def response(age, amount, differ=1.0):
    """Return the probability of an order: the old want a large voucher, the young none."""
    return expit(-1.0 + (amount / 20) * (0.6 + differ * (age - 1.5)))


def trial(n, seed, differ=1.0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"age": rng.integers(0, 4, n), "amount": rng.choice(AMOUNTS, n)})
    table["arm"] = np.where(table.amount > 0, "voucher", "none")
    return table.assign(y=(rng.random(n) < response(table.age, table.amount, differ)).astype(int))


def judged_on(table, **other):
    fitted, rest = bcx.split_customers(bcx.summarise_uplift(table, **ROLES), seed=1)
    posterior = bcx.fit(bcx.models.UPLIFT, fitted, method=bcx.Laplace(draws=200), seed=1)
    given = {"to": "voucher", "cost": COST, "resamples": 400, "seed": 1, **other}
    return posterior, rest, bcx.judge_doses(posterior, rest, **given)


@pytest.fixture(scope="module")
def judged():
    return judged_on(trial(6000, 1))


def test_own_amounts_are_ahead_where_customers_want_different_ones(judged):
    found = judged[2]
    ages = np.arange(4)[:, None]
    net = response(ages, AMOUNTS) - response(ages, 0.0) - COST * AMOUNTS
    assert found.verdict == "passed"
    assert found.advice == "own"
    truth = {"own amount": net.max(axis=1).mean()} | {
        f"{d:g}": net[:, k].mean() for k, d in enumerate(AMOUNTS)
    }
    for policy, value in truth.items():
        one = found.data.sel(policy=policy)
        # The intervals are of 95%, widened to 99.9%; what the fit takes for best is, here, best or as good.
        width = float(one["value_high"] - one["value_low"]) / 3.92 * 3.3
        assert abs(float(one["value"]) - value) <= width + 0.002, policy
    assert float(found.data["share"].sum()) == pytest.approx(1)
    assert float(found.data["share"].sel(amount=0)) > 0.2
    assert "Give each customer their own amount of voucher" in found.sentences[2]


def test_values_are_the_means_of_robust_scores(judged):
    """Customer by customer, from the definition."""
    posterior, rest, found = judged
    total, many, gain = 0.0, 0.0, dict.fromkeys(AMOUNTS, 0.0)
    weight, dose = rest["weight"].to_numpy(), rest["dose"].to_numpy()
    share = {d: weight[dose == d].sum() / weight.sum() for d in AMOUNTS}
    expected = {
        (age, d): bcx.contrast(posterior, pd.DataFrame({"age": [int(age)]}), to=("voucher", d))["mean"].item()
        if d > 0
        else 0.0
        for age in "0123"
        for d in AMOUNTS
    }
    draws = posterior.coefficients()
    z = posterior.terms.columns({"age": np.array(list("0123"))})
    without = dict(
        zip("0123", expit(draws["constant"][:, None] + draws["main"] @ z.T).mean(axis=0), strict=True)
    )
    for age, d, y, n in zip(rest["age"].to_numpy(), dose, rest["outcome"].to_numpy(), weight, strict=True):
        mean = {a: without[age] + expected[age, a] for a in AMOUNTS}
        score = {a: mean[a] + (y - mean[a]) / share[a] * (a == d) - COST * a for a in AMOUNTS}
        best = max(AMOUNTS, key=lambda a, age=age: expected[age, a] - COST * a)
        total += n * (score[best] - score[0.0])
        many += n
        for a in AMOUNTS:
            gain[a] += n * (score[a] - score[0.0])
    assert float(found.data["value"].sel(policy="own amount")) == pytest.approx(total / many)
    for a in AMOUNTS:
        assert float(found.data["value"].sel(policy=f"{a:g}")) == pytest.approx(gain[a] / many)


@pytest.mark.slow
def test_own_amounts_are_not_claimed_where_all_want_the_same():
    claims = [judged_on(trial(3000, seed, differ=0.0), resamples=200)[2].advice for seed in range(10)]
    assert "own" not in claims


def test_costs_by_amount_are_those_of_a_unit(judged):
    posterior, rest, found = judged
    other = bcx.judge_doses(
        posterior, rest, to="voucher", cost={d: COST * d for d in AMOUNTS}, resamples=400, seed=1
    )
    assert other.data.equals(found.data)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"to": "phone"}, "'phone'.*'voucher'"),
        ({"to": ("voucher", 5)}, "to=.*a text"),
        ({"cost": -1}, "cost=-1"),
        ({"cost": {5: 1}}, "no cost of the amount 10"),
        ({"cost": "3"}, "cost='3'"),
        ({"resamples": 3}, "resamples=3"),
    ],
)
def test_what_cannot_be_judged_is_refused(judged, change, says):
    posterior, rest, _ = judged
    with pytest.raises(InputError, match=says):
        bcx.judge_doses(posterior, rest, **{"to": "voucher", **change})
    few = rest.isel(row=np.flatnonzero(rest["dose"].to_numpy() != 0))
    with pytest.raises(InputError, match="the control is missing"):
        bcx.judge_doses(posterior, few, to="voucher")
