"""The posterior of a trial against SciPy, integrals, brute force and customers of a known story."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate
from scipy import stats as sp

import bayes_cx as bcx
from bayes_cx.inference.amounts import _gamma_marginal, amounts_of
from bayes_cx.inference.shrunk_cells import shrunk_cells

HILLSTROM = Path(__file__).parents[3] / "shared" / "data" / "hillstrom.csv.gz"


def stats_of(frame, outcome="y", **more):
    given: dict[str, Any] = {"arm": "arm", "control": "a"} | more
    return bcx.summarise_trial(frame, outcome, **given)


def sums_of(z):
    log = np.log(z)
    n, total, logs, squares = (np.array([v]) for v in (float(z.size), z.sum(), log.sum(), (log**2).sum()))
    return n, total, logs, squares


def fit(frame, outcome="y", seed=1, **more):
    return bcx.fit(bcx.models.TRIAL, stats_of(frame, outcome, **more), seed=seed)


@pytest.fixture(scope="module")
def spenders():
    """Six thousand customers: a tenth buys, b twice as often; amounts are log-normal; a number before."""
    rng = np.random.default_rng(5)
    arm, before = rng.choice(["a", "b"], 6000), rng.gamma(2.0, 1.0, 6000)
    bought = rng.random(6000) < np.where(arm == "b", 0.2, 0.1)
    paid = np.where(bought, rng.lognormal(3.0, 0.8, 6000), 0.0)
    calls = rng.poisson(before * np.where(arm == "b", 1.3, 1.0))
    region = rng.choice(["n", "s", "w"], 6000)
    return pd.DataFrame(
        {"arm": arm, "y": bought, "paid": paid, "calls": calls, "before": before, "region": region}
    )


def test_shares_are_drawn_from_the_beta_distribution(spenders):
    found = fit(spenders)
    count = spenders.groupby("arm")["y"].agg(["sum", "size"])
    for name in "ab":
        s, n = count.loc[name]
        p = found.posterior["mean"].sel(arm=name).to_numpy()
        assert sp.kstest(p, sp.beta(1 + s, 1 + n - s).cdf).pvalue > 0.001
    assert (found.arms, found.control, found.measure, found.n_customers) == (
        ("a", "b"),
        "a",
        "conversion",
        6000,
    )
    assert found.verdict == "passed"


def test_counts_that_vary_more_than_poisson_are_less_certain(spenders):
    found = fit(spenders, "calls", measure="count")
    mean = found.posterior["mean"].to_numpy()
    for i, name in enumerate("ab"):
        calls = spenders["calls"][spenders["arm"] == name]
        assert mean[:, i].mean() == pytest.approx(calls.mean(), abs=4 * calls.sem() / 60)
        assert mean[:, i].std() == pytest.approx(calls.sem(), rel=0.08)
    assert found.provenance["dispersion"] > 1.5


def test_what_was_known_before_sharpens_the_comparison(spenders):
    """Against least squares, which needs every customer, where the fit has sums."""
    plain = fit(spenders, "calls", measure="count").posterior["mean"]
    sharp = fit(spenders, "calls", measure="count", before="before")
    X = np.c_[np.ones(6000), spenders["arm"] == "b", spenders["before"]].astype(float)
    beta, rest = np.linalg.lstsq(X, spenders["calls"].to_numpy(float))[:2]
    se = np.sqrt(rest[0] / 5997 * np.linalg.inv(X.T @ X)[1, 1])
    lift = (sharp.posterior["mean"].sel(arm="b") - sharp.posterior["mean"].sel(arm="a")).to_numpy()
    assert lift.mean() == pytest.approx(beta[1], abs=0.15 * se)
    assert lift.std() == pytest.approx(se, rel=0.08)
    assert lift.std() < 0.85 * (plain.sel(arm="b") - plain.sel(arm="a")).to_numpy().std()
    # A constant explains nothing, and changes nothing but the draws.
    same = fit(spenders.assign(before=1.0), "calls", measure="count", before="before")
    np.testing.assert_allclose(same.posterior["mean"].mean("draw"), plain.mean("draw"), rtol=1e-9)


def test_amounts_hold_the_truth_and_choose_their_family(spenders):
    found = fit(spenders, "paid", measure="value")
    assert found.provenance["family"] == "log-normal"
    draws = found.posterior
    for name, p in (("a", 0.1), ("b", 0.2)):
        low, high = np.quantile(draws["mean"].sel(arm=name), [0.001, 0.999])
        assert low < p * np.exp(3.0 + 0.8**2 / 2) < high
    rng = np.random.default_rng(2)
    z = rng.gamma(0.7, 20.0, 900)
    one = amounts_of(*sums_of(z), 4000, rng)
    assert one.family == "gamma"
    assert one.mean.mean() == pytest.approx(z.mean(), rel=0.01)
    assert one.mean.std() == pytest.approx(z.std() / 30, rel=0.1)


def test_the_unit_of_money_changes_nothing(spenders):
    one = fit(spenders, "paid", measure="value").posterior["mean"]
    other = fit(spenders.assign(paid=spenders["paid"] * 1e4), "paid", measure="value").posterior["mean"]
    np.testing.assert_allclose(other, 1e4 * one, rtol=1e-6)


def test_marginal_likelihoods_of_amounts_are_integrals():
    """Of three amounts, over the rate of gamma, and over mean and variance of logarithms."""
    z = np.array([0.5, 1.1, 2.9])
    unit = np.exp(np.log(z).mean())
    z = z / unit
    log, k = np.log(z), 1.7
    direct, _ = integrate.quad(
        lambda rate: sp.gamma.pdf(rate, k, scale=1 / k) * np.prod(sp.gamma.pdf(z, k, scale=1 / rate) * z),
        0,
        60,
    )
    ours = _gamma_marginal(np.array([k]), np.array([3.0]), np.array([z.sum()]), np.array([log.sum()]))
    assert ours[0] - sp.norm.logpdf(np.log(k)) == pytest.approx(np.log(direct), rel=1e-7)
    found = amounts_of(*sums_of(z), 10, np.random.default_rng(1))

    # A grid over the mean, and over the logarithm of the variance.
    mu, log_s2 = np.linspace(-12, 12, 2401)[:, None], np.linspace(-5, 7, 1201)
    s2 = np.exp(log_s2)
    each = sum(sp.norm.logpdf(one, mu, np.sqrt(s2)) for one in log) + sp.norm.logpdf(mu, 0, np.sqrt(s2))
    direct = (np.exp(each + sp.invgamma.logpdf(s2, 1)) * s2).sum() * 0.01 * 0.01
    assert found.log_marginal["log-normal"] == pytest.approx(np.log(direct) - log.sum(), abs=0.01)


def test_cells_borrow_as_an_integral_over_all_says():
    """Three cells, brute force over the mean and the spread."""
    y, v, scale = np.array([0.2, 0.9, 0.4]), np.array([0.04, 0.09, 0.02]), 0.5
    found = shrunk_cells(y, v, np.ones((3, 1)), scale, 40_000, np.random.default_rng(3))
    mu, tau = np.linspace(-3, 4, 1401)[:, None], np.linspace(1e-4, 3, 1500)

    def likelihood(t):
        return np.exp(sum(sp.norm.logpdf(mu, m, np.sqrt(w + t**2)) for m, w in zip(y, v, strict=True)))

    spread = likelihood(tau) * 2 * sp.norm.pdf(tau, 0, scale) * (tau[1] - tau[0])
    none = likelihood(np.zeros(1))
    odds = spread.sum() / none.sum()
    assert found.p_differ == pytest.approx(odds / (1 + odds), abs=0.01)
    share = tau**2 / (tau**2 + v[1])
    mean = ((mu + share * (y[1] - mu)) * spread).sum() + (mu * none).sum()
    assert found.cells[:, 1].mean() == pytest.approx(mean / (spread.sum() + none.sum()), abs=0.01)


def test_segments_differ_where_they_do_and_not_where_they_do_not():
    rng = np.random.default_rng(8)
    n = 40_000
    arm, region, sex = rng.choice(["a", "b"], n), rng.choice(["n", "s", "w"], n), rng.choice(["f", "m"], n)
    lift = np.where(region == "n", 0.1, 0.02)
    y = rng.random(n) < 0.1 + np.where(arm == "b", lift, 0.0)
    found = fit(pd.DataFrame({"arm": arm, "region": region, "sex": sex, "y": y}), by=("region", "sex"))
    differ = found.provenance["p_differ"]["b"]
    assert differ["region"] > 0.99
    assert differ["sex"] < 0.9
    table = bcx.effect_by_segment(found)
    assert table["effect"].sel(treatment="b", segment="region: n").item() == pytest.approx(0.1, abs=0.015)
    assert table["effect"].sel(treatment="b", segment="region: w").item() == pytest.approx(0.02, abs=0.015)
    some = table.sel(treatment="b", segment=["sex: f", "sex: m"])
    gap = [float(np.ptp(some[name].to_numpy())) for name in ("effect", "raw")]
    assert gap[0] < 0.9 * gap[1]


def test_noise_is_hardly_ever_taken_for_a_difference():
    rng = np.random.default_rng(1)
    found = [
        shrunk_cells(rng.normal(0, 1, 4), np.ones(4), np.ones((4, 1)), 8.0, 10, rng).p_differ
        for _ in range(60)
    ]
    assert np.mean(np.array(found) > 0.95) <= 0.05
    assert np.mean(found) < 0.35


def test_factors_add_up_unless_they_work_together():
    rng = np.random.default_rng(4)
    n = 60_000
    head, picture = rng.choice(["plain", "bold"], n), rng.choice(["none", "cat"], n)
    p = 0.05 + 0.02 * (head == "bold") + 0.03 * (picture == "cat")
    both = (head == "bold") & (picture == "cat")
    for more, together in ((0.0, False), (0.05, True)):
        frame = pd.DataFrame({"head": head, "picture": picture, "y": rng.random(n) < p + more * both})
        found = bcx.fit(
            bcx.models.TRIAL,
            bcx.summarise_trial(frame, "y", arm=("head", "picture"), control=("plain", "none")),
            seed=2,
        )
        assert (found.provenance["p_interactions"] > 0.9) is together
        mean = found.posterior["mean"].sel(arm="bold · cat")
        assert mean.mean().item() == pytest.approx(0.1 + more, abs=0.006)
        if not together:
            main = found.posterior["main"].mean("draw")
            assert main.sel(term="head: bold").item() == pytest.approx(0.02, abs=0.006)
            assert main.sel(term="picture: cat").item() == pytest.approx(0.03, abs=0.006)


@pytest.mark.parametrize("outcome", [0, 1])
def test_where_nobody_or_everybody_responds_segments_are_as_unsure_as_beta_shares(outcome):
    rows = pd.DataFrame({"arm": ["a", "b"] * 300, "shop": ["x", "x", "y", "y"] * 150, "y": outcome})
    found = bcx.effect_by_segment(fit(rows, by="shop"))
    assert np.abs(found["effect"].to_numpy()).max() < 0.002
    width = (found["effect_high"] - found["effect_low"]).to_numpy()
    # Both segments together, without shrinkage: the difference of two shares that are Beta(1, 301).
    alone = 2 * sp.norm.ppf(0.95) * np.sqrt(2) * sp.beta(1, 301).std()
    assert np.all((0.5 * alone < width) & (width < 2.5 * alone))


def test_a_trial_that_lost_customers_of_an_arm_fails_loudly():
    frame = pd.DataFrame({"arm": ["a"] * 5000 + ["b"] * 4600, "y": [0, 1] * 4800})
    found = fit(frame)
    assert found.verdict == "failed"
    (failed,) = (check for check in found.checks if check.status == "failed")
    assert failed.value == pytest.approx(sp.chisquare([5000, 4600]).pvalue)
    assert "planned 4,800" in failed.note
    assert fit(frame, shares={"a": 50, "b": 46}).verdict == "passed"


def test_few_amounts_are_no_pass():
    frame = pd.DataFrame({"arm": ["a", "b"] * 500, "y": 0.0})
    frame.loc[:9, "y"] = 25.0
    found = fit(frame, measure="value")
    assert found.verdict == "failed"
    with pytest.raises(bcx.InputError, match="without any amount"):
        fit(frame.assign(y=0.0), measure="value")


def test_a_posterior_is_the_same_after_saving_and_with_the_same_seed(spenders, tmp_path):
    found = fit(spenders, by="region")
    found.save(tmp_path / "trial.nc")
    again = bcx.load(tmp_path / "trial.nc")
    assert (again.draws["posterior"].to_dataset()).identical(found.draws["posterior"].to_dataset())
    assert again.checks == found.checks
    assert repr(again) == repr(found)
    assert "6,000 customers" in found._repr_html_()
    assert fit(spenders, by="region").posterior.identical(found.posterior)
    assert not fit(spenders, by="region", seed=2).posterior.identical(found.posterior)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda s: bcx.fit(bcx.models.TRIAL, s, method=bcx.NUTS()),  # pyright: ignore[reportCallIssue, reportArgumentType]
            r"Conjugate\(\)",
        ),
        (lambda s: bcx.fit(bcx.models.TRIAL, s, design=bcx.Design(pool=["g"])), "name them in by="),
        (lambda s: bcx.fit(bcx.models.TRIAL, bcx.load_donations()), "use bcx.summarise_trial"),
        (lambda s: bcx.fit(bcx.models.TRIAL, s.assign(y=-s["y"])), "y that is negative"),
    ],
)
def test_what_is_no_trial_is_refused(call, message):
    stats = stats_of(pd.DataFrame({"arm": ["a", "b"] * 3, "y": [0, 1] * 3}))
    with pytest.raises(bcx.InputError, match=message):
        call(stats)


@pytest.mark.skipif(not HILLSTROM.exists(), reason="the data of the e-mail trial are not here")
def test_a_real_trial():
    """Effects on visits with their standard errors, and the segment in which the women's mail works."""
    stats = bcx.summarise_trial(HILLSTROM, "visit", arm="segment", control="No E-Mail", by="mens")
    found = bcx.fit(bcx.models.TRIAL, stats, seed=1)
    mean = found.posterior["mean"]
    for name, effect, se in (("Womens E-Mail", 0.045233, 0.003234), ("Mens E-Mail", 0.076590, 0.003386)):
        lift = (mean.sel(arm=name) - mean.sel(arm="No E-Mail")).to_numpy()
        assert lift.mean() == pytest.approx(effect, abs=0.06 * se)
        assert lift.std() == pytest.approx(se, rel=0.05)
    assert found.provenance["p_differ"]["Womens E-Mail"]["mens"] > 0.999
    assert found.provenance["p_differ"]["Mens E-Mail"]["mens"] < 0.6


@pytest.mark.slow
@pytest.mark.parametrize("measure", ["conversion", "count", "value"])
def test_intervals_hold_as_often_as_they_say(measure):
    """Simulation from the priors or the story: ranks are uniform, ninety of a hundred intervals hold."""
    rng = np.random.default_rng(11)
    inside, ranks, runs = 0, [], 120
    for run in range(runs):
        arm = np.repeat(["a", "b"], 400)
        p, scale = rng.beta(1, 1, 2), rng.lognormal(0, 0.5, 2)
        if measure == "conversion":
            truth, y = p, rng.random(800) < np.repeat(p, 400)
        elif measure == "count":
            truth, y = scale, rng.poisson(np.repeat(scale, 400))
        else:
            p = 0.2 + 0.6 * p
            truth = p * scale * np.exp(0.9**2 / 2)
            y = (rng.random(800) < np.repeat(p, 400)) * rng.lognormal(np.log(np.repeat(scale, 400)), 0.9)
        found = fit(pd.DataFrame({"arm": arm, "y": y}), measure=measure, seed=run)
        mean = found.posterior["mean"].to_numpy()
        lift, true = mean[:, 1] - mean[:, 0], truth[1] - truth[0]
        low, high = np.quantile(lift, [0.05, 0.95])
        inside += low < true < high
        ranks.append((mean < truth).mean(axis=0))
    assert abs(inside - 0.9 * runs) < 4 * np.sqrt(0.09 * runs)
    assert sp.kstest(np.ravel(ranks), "uniform").pvalue > 1e-3
