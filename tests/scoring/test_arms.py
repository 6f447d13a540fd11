"""What arms bring, against published values and SciPy; and the rule for looking early, by simulation."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats as sp

import bayes_cx as bcx
from bayes_cx.scoring.looking import e_value, sequence_width

HILLSTROM = Path(__file__).parents[3] / "shared" / "data" / "hillstrom.csv.gz"


def counted(**arms):
    """A trial of successes of so many customers, by arm; the first is the control."""
    rows = [
        pd.DataFrame({"arm": name, "y": np.r_[np.ones(s, int), np.zeros(n - s, int)]})
        for name, (s, n) in arms.items()
    ]
    control = next(iter(arms))
    return bcx.fit(
        bcx.models.TRIAL, bcx.summarise_trial(pd.concat(rows), "y", arm="arm", control=control), seed=1
    )


def test_published_probability_and_losses():
    found = bcx.compare_arms(counted(A=(10, 100), B=(15, 100)))
    assert found["p_better"].sel(arm="B").item() == pytest.approx(0.85328379, abs=5e-9)
    assert found["p_best"].sel(arm="B").item() == pytest.approx(0.85328379, abs=5e-9)
    assert found["loss"].sel(arm="B").item() == pytest.approx(0.00357809, abs=5e-9)
    assert found["loss"].sel(arm="A").item() == pytest.approx(0.05259770, abs=5e-9)


def test_probabilities_agree_with_draws():
    posterior = counted(none=(50, 1000), mail=(66, 1000), call=(70, 1100))
    found = bcx.compare_arms(posterior, more_than=0.2, level=0.8)
    rng = np.random.default_rng(1)
    p = np.stack([rng.beta(1 + s, 1 + n - s, 200_000) for s, n in ((50, 1000), (70, 1100), (66, 1000))])
    assert posterior.arms == ("none", "call", "mail")
    np.testing.assert_allclose(found["p_best"], np.bincount(p.argmax(axis=0)) / 200_000, atol=0.005)
    np.testing.assert_allclose(found["p_more"][1:], (p[1:] > 1.2 * p[0]).mean(axis=1), atol=0.005)
    np.testing.assert_allclose(found["loss"], (p.max(axis=0) - p).mean(axis=1), atol=1e-4)
    low, high = np.quantile(p[1:] - p[0], [0.1, 0.9], axis=1)
    np.testing.assert_allclose(found["lift_low"][1:], low, atol=1e-3)
    np.testing.assert_allclose(found["lift_high"][1:], high, atol=1e-3)
    ratio = np.quantile(p[1:] / p[0] - 1, 0.5, axis=1)
    np.testing.assert_allclose(found["relative"][1:], ratio, atol=0.02)
    assert float(found["p_best"].sum()) == pytest.approx(1)
    worth = bcx.arm_worth(posterior, 10_000, worth=30.0, cost=[0.5, 0.1])
    np.testing.assert_allclose(
        worth["gain"], 10_000 * (30 * (p[1:] - p[0]).mean(axis=1) - [0.5, 0.1]), rtol=0.08
    )


def test_extreme_arms_have_an_answer():
    found = bcx.compare_arms(counted(a=(0, 1), b=(1, 1)))
    assert found["p_better"].sel(arm="b").item() == pytest.approx(5 / 6)  # of Beta(2, 1) against Beta(1, 2)
    same = bcx.compare_arms(counted(a=(0, 50_000), b=(50_000, 50_000)))
    assert same["p_best"].sel(arm="b").item() == pytest.approx(1)
    none = counted(a=(0, 500), b=(0, 500))
    assert bcx.look(none).attrs["decision"] == "go on"
    assert bcx.compare_arms(none)["p_better"].sel(arm="b").item() == pytest.approx(0.5)


@pytest.mark.skipif(not HILLSTROM.exists(), reason="the data of the e-mail trial are not here")
def test_a_real_trial():
    stats = bcx.summarise_trial(HILLSTROM, "conversion", arm="segment", control="No E-Mail")
    found = bcx.compare_arms(bcx.fit(bcx.models.TRIAL, stats, seed=1))
    assert found["p_best"].sel(arm="Mens E-Mail").item() == pytest.approx(0.99989912, abs=1e-8)
    assert found["lift"].sel(arm="Mens E-Mail").item() == pytest.approx(0.006805, abs=2e-6)


def test_an_e_value_is_the_average_likelihood_ratio():
    d, V, rho = 1.3, 0.4, 0.9
    effect = np.linspace(-9, 9, 20_001)
    ratio = sp.norm.pdf(d, effect, np.sqrt(V)) / sp.norm.pdf(d, 0, np.sqrt(V))
    mean = (ratio * sp.norm.pdf(effect, 0, rho)).sum() * (effect[1] - effect[0])
    assert e_value(np.array(d), np.array(V), rho) == pytest.approx(mean)
    # The end of the sequence is the effect for which the e-value just decides.
    end = sequence_width(np.array(V), rho, 0.05)
    assert e_value(end, np.array(V), rho) == pytest.approx(20)


@pytest.fixture(scope="module")
def looks():
    """Successes of both arms at 20 looks of 500 customers each, 4,000 trials of 5 % against 5 %."""
    rng = np.random.default_rng(7)
    return rng.binomial(500, 0.05, (2, 4000, 20)).cumsum(axis=2), 500 * np.arange(1, 21)


def stopped(successes, n, hoped=0.2):
    """Return at which looks each trial has reached an e-value of 20, as `bcx.look` computes it."""
    p = successes / n
    pooled = (p * (1 - p)).sum(axis=0) * n / (2 * n - 2)
    return e_value(p[1] - p[0], pooled * 2 / n, hoped * p[0]) >= 20


def test_looking_twenty_times_errs_in_fewer_than_five_of_a_hundred_trials(looks):
    successes, n = looks
    assert stopped(*looks).any(axis=1).mean() < 0.02
    # The rule that everybody uses: the chance to be better above 95 %, one way or the other... stops often.
    p = (1 + successes) / (2 + n)
    z = (p[1] - p[0]) / np.sqrt((p * (1 - p) / (3 + n)).sum(axis=0))
    flat = (sp.norm.cdf(z) > 0.95) | (sp.norm.cdf(z) < 0.05)
    assert flat.any(axis=1).mean() == pytest.approx(0.412, abs=0.03)


def test_the_rule_is_that_of_the_simulation(looks):
    s = looks[0][:, 3, 7]
    found = bcx.look(counted(a=(int(s[0]), 4000), b=(int(s[1]), 4000)))
    p = s / 4000
    pooled = (p * (1 - p)).sum() * 4000 / 7998
    assert found["e_value"].item() == pytest.approx(float(e_value(p[1] - p[0], pooled / 2000, 0.2 * p[0])))


def test_what_a_trial_decides():
    better = bcx.look(counted(a=(50, 1000), b=(120, 1000), c=(52, 1000)))
    assert better["decided"].to_numpy().tolist() == ["better", "open"]
    assert (better.attrs["decision"], better.attrs["threshold"]) == ("stop", 40)
    worse = bcx.look(counted(a=(120, 1000), b=(50, 1000)))
    assert (worse["decided"].item(), worse.attrs["decision"]) == ("worse", "stop")
    small = counted(a=(5000, 100_000), b=(5050, 100_000))
    assert bcx.look(small).attrs["decision"] == "go on"
    assert bcx.look(small, worthwhile=0.02, effect=0.01)["decided"].item() == "not worthwhile"
    for wrong in ({"alpha": 0}, {"effect": 0.0}, {"worthwhile": -1.0}):
        with pytest.raises(bcx.InputError):
            bcx.look(small, **wrong)
