"""Fits of uplift: against quadrature, on simulated customers, and in files."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import binom, halfnorm, norm

import bayes_cx as bcx
from bayes_cx.errors import InputError

ROLES = {"outcome": "y", "treatment": "arm", "control": "none", "features": ["age", "town"]}


def customers(n, effect, seed, arms=("none", "mail")):
    """Return customers who respond with log odds -1 + .5 (in town b) + effect(arm, old)."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {"age": rng.integers(20, 80, n), "town": rng.choice(list("abc"), n), "arm": rng.choice(arms, n)}
    )
    eta = (
        -1
        + 0.5 * (table.town == "b")
        + [effect(a, age > 50) for a, age in zip(table.arm, table.age, strict=True)]
    )
    return table.assign(y=(rng.random(n) < expit(eta)).astype(int))


@pytest.fixture(scope="module")
def differing():
    table = customers(8_000, lambda arm, old: (arm == "mail") * (0.8 if old else -0.2), 1)
    return bcx.fit(bcx.models.UPLIFT, bcx.summarise_uplift(table, **ROLES), seed=1)


@pytest.fixture(scope="module")
def alike():
    table = customers(8_000, lambda arm, old: (arm == "mail") * 0.3, 2)
    return bcx.fit(bcx.models.UPLIFT, bcx.summarise_uplift(table, **ROLES), seed=1)


def test_quadrature_agrees():
    """One constant and one effect: the posterior is an integral over three numbers."""
    n, k = np.array([80, 80]), np.array([12, 26])
    rows = [("none", 0)] * 68 + [("none", 1)] * 12 + [("mail", 0)] * 54 + [("mail", 1)] * 26
    table = pd.DataFrame(rows, columns=["arm", "y"]).assign(same=1)
    stats = bcx.summarise_uplift(table, outcome="y", treatment="arm", control="none", features="same")
    found = bcx.fit(bcx.models.UPLIFT, stats, method=bcx.Laplace(draws=2000), seed=1)
    constant = np.linspace(-3.5, 0, 61)[:, None, None]
    effect = np.linspace(-1, 2.5, 81)[None, :, None]
    scale = np.linspace(0.005, 2.5, 250)[None, None, :]
    centre = np.log(38 / 122)
    log_p = (
        norm.logpdf(constant, centre, 2.5) + norm.logpdf(effect, 0, scale) + halfnorm.logpdf(scale, 0, 0.5)
    )
    log_p = (
        log_p + binom.logpmf(k[0], n[0], expit(constant)) + binom.logpmf(k[1], n[1], expit(constant + effect))
    )
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    mean = float((p * effect).sum())
    sd = float(np.sqrt((p * (effect - mean) ** 2).sum()))
    draws = found.coefficients()["effect"][:, 0]
    assert found.verdict == "passed"
    assert abs(draws.mean() - mean) < 4 * sd / np.sqrt(800)
    assert 0.93 < draws.std() / sd < 1.07
    spread = found.coefficients()["effect_sd"]
    assert abs(spread.mean() - float((p * scale).sum())) < 0.03


def test_differences_are_found_where_they_are(differing):
    assert differing.verdict == "passed"
    people = pd.DataFrame({"age": [25, 75], "town": ["a", "a"]}, index=["young", "old"])
    found = bcx.contrast(differing, people, "log_odds", to="mail")
    truth = np.array([-0.2, 0.8])
    assert np.all(np.abs(found["mean"] - truth) < 3.5 * found["sd"])
    assert np.all(found["sd"] < 0.15)


def test_no_difference_is_the_default(alike, differing):
    """Where all customers are alike effects hardly differ."""
    spread = {
        name: bcx.average_effects(fit).isel(arm=0)
        for name, fit in (("alike", alike), ("differing", differing))
    }
    assert np.median(alike.coefficients()["interaction_sd"]) < 0.1
    assert np.quantile(differing.coefficients()["interaction_sd"], 0.05) > 0.1
    assert float(spread["alike"]["spread"]) < 0.03 < float(spread["differing"]["spread_low"])
    simple = 0.3 * 0.2  # near a fifth of the log odds, at a rate of about .3
    assert abs(float(spread["alike"]["effect"]) - simple) < 0.03


def test_an_amount_is_estimated_as_least_squares_would():
    rng = np.random.default_rng(3)
    n = 4000
    table = pd.DataFrame(
        {"arm": rng.choice(["none", "mail"], n), "age": rng.integers(20, 80, n), "town": "a"}
    )
    table["y"] = rng.gamma(0.2, 50, n) + 5.0 * (table.arm == "mail")
    posterior = bcx.fit(bcx.models.UPLIFT, bcx.summarise_uplift(table, **ROLES), seed=1)
    by_arm = table.groupby("arm")["y"]
    difference = by_arm.mean()["mail"] - by_arm.mean()["none"]
    error = np.sqrt((by_arm.var() / by_arm.size()).sum())
    found = bcx.average_effects(posterior)
    assert posterior.family == "normal"
    assert abs(float(found["effect"][0]) - difference) < 0.5 * error
    # The unit of money changes nothing but the unit.
    cents = bcx.fit(bcx.models.UPLIFT, bcx.summarise_uplift(table.assign(y=100 * table.y), **ROLES), seed=1)
    np.testing.assert_allclose(bcx.average_effects(cents)["effect"], 100 * found["effect"], rtol=0.02)


def spenders(n, seed, sd=(1.0, 1.5)):
    """Return customers whose features explain most of what they spend, and the change for each of them."""
    rng = np.random.default_rng([5, seed])
    table = pd.DataFrame(
        {
            "age": rng.integers(0, 4, n),
            "town": rng.choice(list("abc"), n),
            "arm": rng.choice(["none", "mail"], n),
        }
    )
    mailed = table.arm == "mail"
    table["y"] = 2.0 * (table.age - 1.5) + 2.0 * (table.town == "a") + mailed * change(table)
    return table.assign(y=table.y + np.where(mailed, sd[1], sd[0]) * rng.standard_normal(n))


def change(people):
    return 0.3 + 0.3 * (people.age - 1.5) + 0.2 * (people.town == "b")


def test_what_features_explain_of_an_amount_is_no_noise():
    """The average effect is as sure as in least squares, and standard deviations are the true ones."""
    table = spenders(2000, 1)
    posterior = bcx.fit(bcx.models.UPLIFT, bcx.summarise_uplift(table, **ROLES), seed=1)
    mailed = (table.arm == "mail").to_numpy(float)
    features = pd.get_dummies(table[["age", "town"]].astype(str), drop_first=True).to_numpy(float)
    features -= features.mean(axis=0)
    x = np.column_stack([mailed, np.ones(len(table)), features, features * mailed[:, None]])
    b, _, rank, _ = np.linalg.lstsq(x, table.y, rcond=None)
    left = table.y.to_numpy() - x @ b
    inverse = np.linalg.inv(x.T @ x)
    # By arm, as their standard deviations differ.
    error = np.sqrt((inverse @ (x.T * left**2) @ x @ inverse)[0, 0])
    draws = bcx.contrast_draws(posterior, table, "mean_outcome", to="mail").to_numpy()[0].mean(axis=1)
    assert posterior.verdict == "passed"
    assert rank == x.shape[1]
    assert abs(draws.mean() - b[0]) < 0.5 * error
    assert 0.9 < draws.std() / error < 1.1
    sd = posterior.coefficients()["outcome_sd"]
    assert np.all(np.abs(sd.mean(axis=0) - [1.0, 1.5]) < 3.5 * sd.std(axis=0))
    assert np.all(sd.std(axis=0) < 0.05)


def test_an_arm_in_which_all_spent_alike_is_not_known_exactly():
    table = spenders(400, 2).assign(y=lambda t: np.where(t.arm == "none", 0.0, t.y))
    posterior = bcx.fit(bcx.models.UPLIFT, bcx.summarise_uplift(table, **ROLES), seed=1)
    sd = posterior.coefficients()["outcome_sd"]
    assert posterior.verdict == "passed"
    assert list(posterior.draws["posterior"]["treatment"].to_numpy()) == ["none", "mail"]
    assert np.all(sd[:, 0] > 0.05 * sd[:, 1])
    assert np.all(sd[:, 0] < 0.2 * sd[:, 1])


@pytest.mark.slow
def test_intervals_of_contrasts_of_amounts_cover_the_truth_where_features_explain_much():
    people = pd.DataFrame([(age, town) for age in range(4) for town in "abc"], columns=["age", "town"])
    truth = change(people).to_numpy()
    covered = []
    for seed in range(100):
        stats = bcx.summarise_uplift(spenders(600, seed), **ROLES)
        posterior = bcx.fit(bcx.models.UPLIFT, stats, seed=seed)
        draws = bcx.contrast_draws(posterior, people, "mean_outcome", to="mail").to_numpy()[0]
        low, high = np.quantile(draws, [0.05, 0.95], axis=0)
        covered.append((low <= truth) & (truth <= high))
    share = np.mean(covered)
    # The trials are independent, the contrasts of one are not.
    assert abs(share - 0.9) < 3.5 * np.mean(covered, axis=1).std() / 10


@pytest.fixture(scope="module")
def doses():
    rng = np.random.default_rng(5)
    n = 10_000
    amount = rng.choice([0, 5, 10, 20], n)
    table = pd.DataFrame(
        {"arm": np.where(amount > 0, "voucher", "none"), "amount": amount, "town": rng.choice(list("ab"), n)}
    )
    table["y"] = rng.random(n) < expit(-1.5 + 1.2 * np.sqrt(amount / 20))
    stats = bcx.summarise_uplift(
        table, outcome="y", treatment="arm", control="none", features="town", dose="amount"
    )
    return bcx.fit(bcx.models.UPLIFT, stats, seed=1)


def test_the_effect_of_a_dose_is_monotone_and_recovered(doses):
    people = pd.DataFrame({"town": list("ab")})
    at = (0, 2, 5, 10, 15, 20)
    asked = [bcx.contrast_draws(doses, people, "log_odds", to=("voucher", d)) for d in at]
    draws = np.array([each.to_numpy()[0] for each in asked])
    steps = np.diff(draws, axis=0)
    assert np.all((steps >= 0).all(axis=0) | (steps <= 0).all(axis=0))
    truth = 1.2 * np.sqrt(np.array(at) / 20)
    np.testing.assert_allclose(draws.mean(axis=(1, 2)), truth, atol=0.15)
    shapes = doses.provenance["shapes"]
    assert max(shapes, key=shapes.get) == "0.5"


def test_a_posterior_comes_back_from_a_file(differing, tmp_path):
    bcx.save(differing, tmp_path / "uplift.nc")
    again = bcx.load(tmp_path / "uplift.nc")
    assert repr(again) == repr(differing)
    people = differing.observed()
    one, other = (bcx.contrast(posterior, people, to="mail")["mean"] for posterior in (again, differing))
    np.testing.assert_array_equal(one, other)


def test_the_same_seed_gives_the_same_draws():
    stats = bcx.summarise_uplift(customers(500, lambda arm, old: 0.0, 7), **ROLES)
    a, b = (bcx.fit(bcx.models.UPLIFT, stats, method=bcx.Laplace(draws=100), seed=5) for _ in range(2))
    assert a.draws["posterior"].to_dataset().identical(b.draws["posterior"].to_dataset())


def test_without_features_all_customers_get_the_average_effect():
    table = customers(600, lambda arm, old: (arm == "mail") * 0.5, 8)
    stats = bcx.summarise_uplift(table, **{**ROLES, "features": []})
    posterior = bcx.fit(bcx.models.UPLIFT, stats, method=bcx.Laplace(draws=200), seed=1)
    found = bcx.contrast(posterior, table, to="mail")
    assert found.sizes["customer"] == 600
    np.testing.assert_allclose(found["mean"], float(bcx.average_effects(posterior)["effect"][0]))
    assert not bcx.judge_uplift(posterior, stats, to="mail", resamples=100).ranks


def test_new_levels_are_average_and_named(differing):
    people = pd.DataFrame({"age": [30], "town": ["zürich"]})
    found = bcx.contrast(differing, people, to="mail")
    assert found.attrs["levels_not_in_fit"] == ["town: zürich"]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda p, people: bcx.contrast(p, people, "p_wins", to="mail"), "p_wins.*p_outcome, log_odds"),
        (lambda p, people: bcx.contrast(p, people, to="phone"), "'phone'.*'none', 'mail'"),
        (lambda p, people: bcx.contrast(p, people, to=("mail", 3)), "a dose of 'mail'"),
        (lambda p, people: bcx.contrast(p, people[["age"]], to="mail"), "customers without town"),
        (
            lambda p, people: bcx.contrast(p, people.assign(age="old"), to="mail"),
            "'old' in the feature 'age'",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused(differing, call, says):
    with pytest.raises(InputError, match=says):
        call(differing, pd.DataFrame({"age": [30], "town": ["a"]}))


def test_what_cannot_be_fitted_is_refused():
    table = customers(200, lambda arm, old: 0.0, 9)
    stats = bcx.summarise_uplift(table, **ROLES)
    with pytest.raises(InputError, match="the same for all customers"):
        bcx.fit(bcx.models.UPLIFT, bcx.summarise_uplift(table.assign(y=1), **ROLES), seed=1)
    with pytest.raises(InputError, match="a design for uplift"):
        bcx.fit(bcx.models.UPLIFT, stats, design=bcx.Design(pool=["town"]), seed=1)
    with pytest.raises(InputError, match="method NUTS"):
        bcx.fit(bcx.models.UPLIFT, stats, method=bcx.NUTS(), seed=1)
    with pytest.raises(InputError, match="statistics of contracts"):
        bcx.fit(bcx.models.UPLIFT, bcx.load_cohorts(), seed=1)


@pytest.mark.slow
def test_intervals_of_contrasts_cover_what_was_simulated_from_the_prior():
    """Scales and effects from their priors, customers from the story: 90% intervals hold as often."""
    rng = np.random.default_rng(11)
    covered, ranks = [], []
    for seed in range(150):
        main, effect, interaction = np.abs(rng.standard_normal(3)) * [1.0, 0.5, 0.5]
        n = 1500
        table = pd.DataFrame({"age": rng.integers(0, 2, n), "town": rng.choice(list("abc"), n)})
        table["arm"] = rng.choice(["none", "mail"], n)
        levels = {"age": [0, 1], "town": list("abc")}
        beta, gamma = (
            {k: rng.standard_normal(len(v)) * s for k, v in levels.items()} for s in (main, interaction)
        )

        def of(coefficients, people, levels=levels, table=table):
            total = np.zeros(len(people))
            for name, known in levels.items():
                share = np.array([(table[name] == level).mean() for level in known])
                total += (
                    coefficients[name][[known.index(v) for v in people[name]]] - share @ coefficients[name]
                )
            return total

        tau = rng.standard_normal() * effect
        constant = -0.5
        eta = constant + of(beta, table) + (table.arm == "mail") * (tau + of(gamma, table))
        table["y"] = (rng.random(n) < expit(eta)).astype(int)
        stats = bcx.summarise_uplift(table, **{**ROLES, "categories": "age"})
        posterior = bcx.fit(bcx.models.UPLIFT, stats, method=bcx.Laplace(draws=600), seed=seed)
        people = pd.DataFrame({"age": [0, 1, 1], "town": ["a", "b", "c"]})
        draws = bcx.contrast_draws(posterior, people, "log_odds", to="mail").to_numpy()[0]
        truth = tau + of(gamma, people)
        low, high = np.quantile(draws, [0.05, 0.95], axis=0)
        covered.append((low <= truth) & (truth <= high))
        ranks.append((draws < truth).mean(axis=0))
    share = np.mean(covered)
    # Three contrasts of one trial are not independent: as if there were one and a half.
    assert abs(share - 0.9) < 3.5 * np.sqrt(0.09 / (150 * 1.5))
    assert abs(np.mean(ranks) - 0.5) < 3.5 * np.sqrt(1 / 12 / (150 * 1.5))
