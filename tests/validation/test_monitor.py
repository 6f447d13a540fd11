"""The monitor: false alarms over a year of daily looks, what it finds, and its formulas against others."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import bayes_cx as bcx
from bayes_cx.validation import bayes_factors, surprise
from bayes_cx.validation.e_process import e_values, since

DAYS = 365


def shares(rng, days, chance, size=100):
    """Return days with a count of a total; `chance` may be one number a day."""
    n = rng.poisson(size, days)
    return pd.DataFrame({"day": np.arange(days), "k": rng.binomial(n, chance), "n": n})


@pytest.mark.parametrize("shops", [25, pytest.param(300, marks=pytest.mark.slow)])
def test_a_year_of_daily_looks_rarely_alarms(shops):
    """Shops in which nothing changes, looked at each day: at most 5% of them alarm, ever."""
    alarms = 0
    for seed in range(shops):
        rng = np.random.default_rng(seed)
        before = pd.DataFrame({"k": [rng.binomial(3000, 0.1)], "n": [3000]})
        found = bcx.monitor(before, shares(rng, DAYS, 0.1), share=("k", "n"), period="day")
        assert found.data.sizes["look"] == DAYS
        alarms += found.changed
    # More come once in a thousand runs, if it is 5%.
    assert alarms <= stats.binom(shops, 0.05).ppf(0.999)


def test_the_evidence_is_a_fair_bet(rng):
    """If nothing changes it is 1 on average after any number of looks, and rarely ever 20."""
    paths = np.array([e_values(rng.standard_normal(30)) for _ in range(500)])
    assert paths[:, 0].mean() == pytest.approx(1, abs=0.15)
    assert (paths.max(axis=1) >= 20).mean() <= 0.05
    assert (paths.max(axis=1) >= 5).mean() <= 0.2


@pytest.mark.parametrize("kind", ["counts", "rates", "values"])
def test_surprise_is_standard_normal_and_independent_if_nothing_changes(rng, kind):
    found = []
    for _ in range(150):
        if kind == "counts":
            n = rng.integers(0, 30, 12)
            found.append(surprise.of_counts(rng.binomial(n, 0.07), n, rng))
        elif kind == "rates":
            exposure = rng.uniform(1, 5, 12)
            found.append(surprise.of_rates(rng.poisson(0.8 * exposure), exposure, rng))
        else:
            found.append(surprise.of_values([np.round(rng.lognormal(0, 2, 15), 1) for _ in range(12)]))
    z = np.array(found)[:, 1:]
    clean = z[np.isfinite(z) & (z != 0)]
    assert stats.kstest(clean, "norm").pvalue > 0.001
    both = z[:, :-1].ravel(), z[:, 1:].ravel()
    fine = np.isfinite(both[0]) & np.isfinite(both[1])
    assert abs(np.corrcoef(both[0][fine], both[1][fine])[0, 1]) < 0.1


def test_the_place_of_a_count_is_that_of_scipy():
    k, n = np.array([5, 9]), np.array([40, 50])
    z = np.array([surprise.of_counts(k, n, np.random.default_rng(seed))[1] for seed in range(300)])
    law = stats.hypergeom(90, 14, 50)
    assert stats.norm.cdf(z).min() == pytest.approx(law.cdf(8), abs=0.005)
    assert stats.norm.cdf(z).max() == pytest.approx(law.cdf(9), abs=0.005)
    rates = [surprise.of_rates(k, n * 1.0, np.random.default_rng(seed))[1] for seed in range(300)]
    assert stats.norm.cdf(rates).max() == pytest.approx(stats.binom(14, 50 / 90).cdf(9), abs=0.005)


def test_bayes_factors_are_ratios_of_integrals():
    def beta(k, n):
        return integrate.quad(lambda p: p**k * (1 - p) ** (n - k) * stats.beta(0.5, 0.5).pdf(p), 0, 1)[0]

    expected = np.log(beta(7, 20) * beta(2, 15) / beta(9, 35))
    assert bayes_factors.of_shares(7, 20, 2, 15) == pytest.approx(expected, abs=1e-6)
    prior = stats.gamma(0.5, scale=2 * 12 / 30)

    def gamma(k, e):
        return integrate.quad(lambda r: r**k * np.exp(-r * e) * prior.pdf(r), 0, np.inf)[0]

    expected = np.log(gamma(8, 10.0) * gamma(4, 20.0) / gamma(12, 30.0))
    assert bayes_factors.of_events(8, 10.0, 4, 20.0) == pytest.approx(expected, abs=1e-6)
    se = np.sqrt(1 / 40 + 1 / 60)
    expected = stats.norm(0, np.hypot(se, 0.5)).logpdf(2 * se) - stats.norm(0, se).logpdf(2 * se)
    assert bayes_factors.of_shift(2.0, 40, 60) == pytest.approx(expected)


def test_what_changed_and_since_when(rng):
    """One of three segments buys more from day 60 on."""
    parts = []
    for name in ("north", "south", "west"):
        chance = np.where((np.arange(150) >= 90) & (name == "south"), 0.16, 0.10)
        parts.append(shares(rng, 150, chance).assign(segment=name))
    table = pd.concat(parts)
    table["day"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(table["day"], unit="D")
    cut = pd.Timestamp("2025-01-31")
    found = bcx.monitor(
        table[table["day"] < cut], table[table["day"] >= cut], share=("k", "n"), part="segment", period="day"
    )
    assert found.parts == ("south",)
    assert found.verdict == "failed"
    row = found.table().iloc[0]
    assert abs(row["since"] - pd.Timestamp("2025-04-01")) <= pd.Timedelta(days=10)
    assert row["log_bayes_factor"] > 3
    assert "K of south rose from 0.1" in found.sentences[0]
    # One day less is the same picture until then: to look again changes nothing of what was seen.
    less = table[(table["day"] >= cut) & (table["day"] < table["day"].max())]
    again = bcx.monitor(table[table["day"] < cut], less, share=("k", "n"), part="segment", period="day")
    assert np.allclose(again.data["evidence"], found.data["evidence"][:, :-1])


def test_counts_say_which_way_journeys_go_now(rng):
    before, after = (rng.multinomial(5000, p) for p in ([0.6, 0.3, 0.1], [0.6, 0.2, 0.2]))
    names = ["stay", "buy", "leave"]
    frames = [pd.DataFrame([row], columns=names).assign(state="help") for row in (before, after)]
    found = bcx.monitor(*frames, counts=names, part="state")
    assert found.changed
    evidence = found.data["evidence"].max("look").to_series().set_axis(found.data["quantity"].to_numpy())
    assert evidence["leave"] > 20 > evidence["stay"]


def test_uneven_days_are_no_alarm_where_periods_are_compared():
    """Weekends differ and days have luck of their own: cases are not independent, periods are alike."""
    alarms, warned = 0, 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        chance = 0.1 * np.where(np.arange(290) % 7 < 5, 1.2, 0.6) * rng.gamma(30, 1 / 30, 290)
        table = shares(rng, 290, chance, 400)
        first, rest = table[table["day"] < 90], table[table["day"] >= 90]
        alarms += bcx.monitor(first, rest, share=("k", "n"), period="day").changed
        few = bcx.monitor(first.iloc[70:], rest, share=("k", "n"), period="day")
        warned += few.checks[1].status == "failed"
    assert alarms <= 2
    assert warned == 5


def test_forecasts_that_are_too_high_or_too_sure_are_found(rng):
    below = stats.norm(0.0, 1.0).cdf(rng.normal(-0.5, 1.0, 300))
    frame = pd.DataFrame({"day": np.arange(300) // 10, "below": below})
    high = bcx.monitor(None, frame, below="below", period="day")
    assert high.sentences[0].startswith("Forecasts were too high")
    sure = bcx.monitor(
        None, frame.assign(below=stats.norm.cdf(rng.normal(0, 1.8, 300))), below="below", period="day"
    )
    assert sure.sentences[0].startswith("Intervals of forecasts were too narrow")
    right = bcx.monitor(None, frame.assign(below=rng.random(300)), below="below", period="day")
    assert not right.changed


def test_nothing_depends_on_the_unit_of_money(rng):
    values = [pd.DataFrame({"paid": rng.lognormal(2, 1, 400), "day": np.arange(400) // 20}) for _ in range(2)]
    values[1]["day"] += 20
    found = [
        bcx.monitor(*(v.assign(paid=v["paid"] * scale) for v in values), values="paid", period="day")
        for scale in (1.0, 655.957)
    ]
    assert np.allclose(found[0].data["evidence"], found[1].data["evidence"])


@pytest.mark.parametrize("what", ["share", "rate"])
def test_one_look_is_an_exact_test(what):
    """Against SciPy, where randomised ties hardly matter; in one look no evidence is given away."""
    before, after = pd.DataFrame({"k": [4000], "n": [40_000]}), pd.DataFrame({"k": [2200], "n": [20_000]})
    found = bcx.monitor(before, after, **{what: ("k", "n")})
    p = {
        "share": 2 * stats.hypergeom(60_000, 6200, 20_000).sf(2199),
        "rate": 2 * stats.binom(6200, 1 / 3).sf(2199),
    }[what]
    assert 1 / found.data["evidence"].item() == pytest.approx(p, rel=0.1)
    assert found.changed
    assert not bcx.monitor(before, after.assign(k=2020), **{what: ("k", "n")}).changed


def test_too_little_is_no_pass():
    before, after = (
        pd.DataFrame({"k": [1], "n": [50]}),
        pd.DataFrame({"k": [0, 1], "n": [20, 20], "day": [1, 2]}),
    )
    found = bcx.monitor(before, after, share=("k", "n"), period="day")
    assert found.verdict == "not_run"
    assert "not enough" in found.sentences[0]


def test_since_is_the_posterior_of_a_step(rng):
    """With a flat prior, by the marginal likelihoods of all beginnings, written out with SciPy."""
    z = np.concatenate([rng.standard_normal(8), rng.normal(2.0, 1, 6)])
    logs = []
    for s in range(z.size):
        tail = z[s:]
        k = tail.size
        each = [stats.multivariate_normal(np.zeros(k), np.eye(k) + tau**2).logpdf(tail) for tau in (0.2, 1.0)]
        logs.append(np.logaddexp(*each) - np.log(2) + stats.norm.logpdf(z[:s]).sum())
    first, low, high = since(z, 0.9)
    assert first == int(np.argmax(logs))
    chance = np.exp(np.array(logs) - np.logaddexp.reduce(logs))
    assert chance[low : high + 1].sum() >= 0.9


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({}, "nothing to be watched"),
        ({"share": ("k", "n"), "rate": ("k", "n")}, "share and rate to be watched"),
        ({"share": ("n", "k")}, "rows of the table after"),
        ({"share": ("k",)}, "the names of two columns"),
        ({"share": ("k", "total")}, "no column 'total'"),
        ({"share": ("k", "n"), "period": "week"}, "no column 'week'"),
        ({"share": ("k", "n"), "period": "day"}, "earlier than all after"),
        ({"share": ("k", "n"), "level": 5}, "a number between 0 and 1"),
        ({"below": "share"}, "a table before, of forecasts"),
    ],
)
def test_what_cannot_be_watched_is_refused(more, says):
    table = pd.DataFrame({"k": [3, 4], "n": [9, 9], "day": [1, 2], "share": [0.1, 0.9]})
    with pytest.raises(bcx.InputError, match=says):
        bcx.monitor(table, table, **more)


def test_panels_and_picture(rng):
    table = shares(rng, 60, np.where(np.arange(60) < 30, 0.1, 0.3))
    found = bcx.monitor(table[:20], table[20:], share=("k", "n"), period="day")
    html = found._repr_html_()
    assert "changed" in html
    assert found.sentences[0] in html
    axes = bcx.plot.monitored(found)
    drawn = [line.get_ydata() for line in axes.lines]
    assert any(np.array_equal(y, found.data["evidence_of_all"].to_numpy()) for y in drawn)
    assert all(a <= b for a, b in pairwise(found.data["look"].to_numpy()))
