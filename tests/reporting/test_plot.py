"""`bcx.plot` draws on the Axes that it is given what the records hold.

It stands here because it shows the studies of this folder, and draws as the report does.
"""

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from scipy import special

import bayes_cx as bcx
from bayes_cx.model import Trait
from bayes_cx.page.style import COLOURS
from bayes_cx.plot.differences import share_below
from bayes_cx.plot.histories import _over_time
from tests.made import posterior

DOCS = Path(__file__).parents[2] / "docs"
POINT = {"r": 0.24, "alpha": 4.4, "a": 0.79, "b": 2.4}
DAYS = ("2025-01-03", "2025-01-20", "2025-01-21", "2025-02-14", "2025-04-30", "2025-05-05")
UNTIL = "2025-07-01"


@pytest.fixture(autouse=True)
def _clean():
    mpl.use("agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def diary():
    """One customer with six days of purchases, two of them on one day, and one who bought once."""
    frame = pd.DataFrame({"who": ["ann"] * 7 + ["bob"], "day": [*DAYS, DAYS[2], "2025-02-01"]})
    return bcx.read_transactions(frame, customer="who", time="day")


@pytest.fixture
def axes():
    return Figure().subplots()


@pytest.fixture(scope="module")
def stays(contracts):
    """How long the customers of two plans stay; there are as many of both."""
    return bcx.validation.survival(contracts.fits[0], contracts.stats, "6 months", draws=50)


def calibrated(rng, skewed=""):
    """Ranks of 200 simulations as chance has them, but for one coordinate whose draws are too low."""
    names = ["rate_cv", "dropout", "log_lik"]
    ranks = rng.integers(0, 99, (200, 3), endpoint=True)
    if skewed:
        ranks[:, names.index(skewed)] = rng.integers(40, 99, 200, endpoint=True)
    table = xr.Dataset(
        {"rank": (("simulation", "coordinate"), ranks)},
        coords={"coordinate": names},
        attrs={"draws": 99, "simulations": 200, "customers": 10, "scale": 1.0},
    )
    return bcx.validation.Sbc("BG/NBD", "Laplace", table, {}, {})


# Drawn in test_comparison_figure, test_journey_report, test_signals, test_views, test_monitor
# and test_loop_pages.
DRAWN_ELSEWHERE = {
    *("comparison", "journey_map", "journey_chances", "journey_calibration"),
    *("signals", "channels", "monitored", "learned", "risk_effects", "risk_found", "risk_calibration"),
}


# Whose vertical axis holds names.
NAMES_ON_Y = {"arms", "capture", "forest", "futures", "uplift_by_feature"}


def a_trial():
    rows = pd.DataFrame(
        {"arm": ["a", "b"] * 200, "shop": ["x", "x", "y", "y"] * 100, "y": [0, 1, 0, 0] * 100}
    )
    stats = bcx.summarise_trial(rows, "y", arm="arm", control="a", by="shop")
    return bcx.fit(bcx.models.TRIAL, stats, seed=1)


def uplift_of_a_trial(rng):
    """Return a fit of uplift and its judgement."""
    table = pd.DataFrame({"age": rng.integers(0, 3, 1000), "arm": rng.choice(["no", "mail"], 1000)})
    table["y"] = rng.integers(0, 2, 1000)
    trial = bcx.summarise_uplift(table, outcome="y", treatment="arm", control="no", features="age")
    uplift = bcx.fit(bcx.models.UPLIFT, trial, method=bcx.Laplace(draws=200), seed=1)
    return uplift, bcx.judge_uplift(uplift, trial, to="mail", cost=0.01, resamples=100)


def test_every_picture_draws_on_what_it_is_given(
    axes,
    study,
    purchases,
    spend,
    some_customers,
    purchases_holdout,
    diary,
    at_point,
    stays,
    rng,
    with_calendar,
):
    one = at_point(purchases, **POINT)
    stats = bcx.summarise(diary, until=UNTIL, unit="week")
    uplift, judged = uplift_of_a_trial(rng)
    calls = {
        "gain_curve": (study.plan,),
        "arms": (a_trial(), "b"),
        "sensitivity": (study.plan,),
        "forest": (study.plan,),
        "tracking": (study.evidence,),
        "calibration": (purchases_holdout,),
        "coverage": (purchases_holdout,),
        "by_frequency": (purchases_holdout,),
        "capture": (purchases_holdout,),
        "predictive": (study.evidence.posterior_checks[0],),
        "p_alive": (one, stats, diary, "ann"),
        "frequency_recency": (one,),
        "population": (one, "dropout"),
        "shrinkage": (spend, some_customers),
        "futures": (study.plan,),
        "survival": (stays,),
        "retention": (stays, "gold"),
        "still": (stays, "basic"),
        "ranks": (calibrated(rng), "dropout"),
        "calendar": (with_calendar, "26 weeks"),
        "uplift_curve": (judged,),
        "uplift_tenths": (judged,),
        "uplift_by_feature": (uplift, "mail", "age"),
    }
    assert set(calls) | DRAWN_ELSEWHERE == set(bcx.plot.__all__)
    usual = dict(mpl.rcParams)
    for name, arguments in calls.items():
        drawn_on = Figure().subplots()
        assert getattr(bcx.plot, name)(*arguments, ax=drawn_on) is drawn_on, name
        assert drawn_on.has_data() or drawn_on.patches, name
        assert drawn_on.get_ylabel() or name in NAMES_ON_Y, name
    assert not plt.get_fignums()
    assert dict(mpl.rcParams) == usual


def test_without_axes_there_is_a_figure(study):
    made = bcx.plot.tracking(study.evidence)
    assert plt.get_fignums() == [made.figure.number]
    table = study.evidence.holdout.tracking
    forecast = made.lines[0]
    assert np.array_equal(forecast.get_ydata(), table["cumulative_predicted"])
    assert np.array_equal(
        bcx.plot.tracking(study.evidence, cumulative=False).lines[0].get_ydata(), table["predicted"]
    )


def test_coverage_is_red_where_it_misses(purchases_holdout, axes):
    table = purchases_holdout.coverage.copy(deep=True)
    table["customer_randomised"] = ("level", table["level"].to_numpy())
    table["customer_randomised_low"], table["customer_randomised_high"] = (
        ("level", table["level"].to_numpy() + shift) for shift in (-0.02, 0.02)
    )
    table["customer_randomised_high"][0] = float(table["level"][0]) - 0.01
    table["total_inside"][:] = [True, *[False] * (table.sizes["level"] - 1)]
    bcx.plot.coverage(bcx.Evidence(replace(purchases_holdout, coverage=table)), ax=axes)
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    colours = [to_hex(line.get_color()) for line in dots]
    assert colours == [COLOURS["red"], *[COLOURS["blue"]] * (len(dots) - 1)]
    inside, outside = (line for line in axes.lines if line.get_marker() == "s")
    assert (len(inside.get_xdata()), len(outside.get_xdata())) == (1, len(dots) - 1)


def test_one_cohort_is_drawn_with_the_numbers_at_risk(stays, axes):
    one = stays.sel(cohort="gold")
    bcx.plot.retention(stays, "gold", ax=axes)
    drawn = axes.lines[1].get_ydata()
    assert np.array_equal(drawn, one["retention_observed"].to_numpy()[1 : drawn.size + 1])
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels[0] == f"1\n{int(one['at_risk'][1])}"
    assert axes.get_title(loc="left") == "gold (400 customers)"
    bcx.plot.still(stays, "gold", ax=axes)
    assert axes.get_title(loc="left") == f"gold ({int(one['current'])} customers)"


def test_the_ranks_that_fail_are_shown_first_and_red(rng):
    for skewed, colour in (("dropout", "red"), ("", "blue")):
        found = calibrated(rng, skewed)
        drawn_on = Figure().subplots()
        bcx.plot.ranks(found, ax=drawn_on)
        least = min(found.p_values, key=lambda name: found.p_values[name])
        assert not skewed or least == skewed
        assert drawn_on.get_title(loc="left") == least.replace("_", " ")
        assert to_hex(drawn_on.lines[-1].get_color()) == COLOURS[colour]


def test_each_future_is_a_dot_on_its_side_of_zero(study, axes):
    gain = study.plan.data["total_gain_predictive"]
    for shift in (0.0, -float(gain.median()), -2 * float(gain.max())):
        plan = replace(study.plan, data=study.plan.data.assign(total_gain_predictive=gain + shift))
        axes.clear()
        bcx.plot.futures(plan, dots=40, ax=axes)
        assert len(axes.patches) == 40
        right = sum(dot.center[0] - dot.radius >= -1e-6 for dot in axes.patches)
        assert right == np.sum(np.quantile(gain + shift, (np.arange(40) + 0.5) / 40) >= 0)


def test_one_customer_is_judged_by_what_was_known_each_day(diary, purchases, at_point, axes):
    """The curve at a day is the score of statistics made as of that day, which share nothing with it."""
    one = at_point(purchases, **POINT)
    stats = bcx.summarise(diary, until=UNTIL, unit="week")
    bcx.plot.p_alive(one, stats, diary, "ann", ax=axes)
    when, chance = axes.lines[0].get_xdata(orig=True), axes.lines[0].get_ydata()
    for day in ("2025-01-03", "2025-01-19", "2025-01-20", "2025-03-01", "2025-05-05", "2025-06-30", UNTIL):
        known = bcx.summarise(diary, until=day, unit="week").sel(customer=["ann"])
        expected = bcx.score(one, known, "p_alive")["mean"].item()
        assert chance[when == np.datetime64(day)][-1] == pytest.approx(expected, abs=1e-12), day
    marks = axes.lines[1].get_xdata(orig=True)
    assert [str(mark)[:10] for mark in marks] == list(DAYS)


@pytest.mark.parametrize("unit", ["day", "week", "month"])
def test_histories_over_time_are_those_of_the_statistics(diary, unit):
    occasions = diary.occasions(UNTIL, unit)
    bought = occasions.steps_of("ann")
    assert bought.size == len(DAYS)
    assert occasions.steps_of("nobody").size == 0
    for kind, of, more in (
        (bcx.models.BG_CNBD.kind, bcx.summarise, {"regularity": True}),
        (bcx.models.BG_BB.kind, bcx.summarise_opportunities, {}),
    ):
        rows, steps = _over_time(kind, occasions.clock, bought, occasions.end)
        for i in range(0, steps.size, 37):
            until = occasions.clock.iso(int(steps[i]))
            known = of(diary, until=until, unit=unit, **more).sel(customer="ann")
            if i + 1 < steps.size and steps[i + 1] == steps[i]:
                continue  # the moment before a purchase of that day
            for name, values in rows.items():
                assert values[i] == pytest.approx(known[name].item(), abs=1e-9), (name, until)


def test_a_matrix_holds_scores_and_leaves_out_what_cannot_be(purchases, at_point, axes):
    one = at_point(purchases, **POINT)
    bcx.plot.frequency_recency(one, "expected_purchases", t="26 weeks", T=30, most=6, ax=axes)
    cells = axes.collections[0].get_array().reshape(61, 7)
    blank = np.ma.getmaskarray(cells)
    assert np.array_equal(blank[:, 0], np.arange(61) > 0)
    assert blank[0, 1:].all()
    assert not blank[1:, 1:].any()
    row = xr.Dataset(
        {name: ("customer", [value]) for name, value in (("x", 4), ("t_x", 20.0), ("T", 30.0))},
        attrs={"kind": "purchases", "unit": "week"},
    )
    expected = bcx.score(one, row, "expected_purchases", t="26 weeks")["mean"].item()
    assert cells[40, 4] == pytest.approx(expected)
    assert axes.get_title(loc="left") == "Expected purchases within 26 weeks"


def test_traits_are_the_distributions_over_customers():
    rng = np.random.default_rng(4)
    for trait, values, drawn in (
        (Trait("Gamma", ("r", "alpha"), ""), (0.7, 5.0), rng.gamma(0.7, 1 / 5, 200_000)),
        (Trait("Beta", ("a", "b"), ""), (0.8, 2.5), rng.beta(0.8, 2.5, 200_000)),
        (Trait("InverseGamma", ("q", "pv"), ""), (4.0, 60.0), 60 / rng.gamma(4, 1, 200_000)),
        (Trait("LogNormal", ("m", "w"), ""), (27.0, 0.5), 27 * rng.lognormal(0.0, 0.5, 200_000)),
    ):
        grid, below = share_below(trait, [np.array([value]) for value in values])
        empirical = np.searchsorted(np.sort(drawn), grid, side="right") / drawn.size
        assert np.abs(below[0] - empirical).max() < 0.006, trait


RATES = {"r": 0.7, "alpha": 6.0}
LEAVING = {"a": 0.8, "b": 2.5}
STAYING = {"s": 0.9, "beta": 2e4}  # so loyal that nobody leaves within weeks
TRUTH = {
    "bg_nbd": RATES | LEAVING,
    "mbg_nbd": RATES | LEAVING,
    "bg_cnbd": RATES | LEAVING | {"k": 2.0},
    "mbg_cnbd": RATES | LEAVING | {"k": 2.0},
    "pareto_nbd": RATES | STAYING,
    "pareto_ggg": RATES | STAYING | {"c": 400.0, "gamma": 200.0},  # k is 2 for nearly everybody
    "bg_bb": {"alpha": 0.7, "beta": 3.0, "gamma": 2.0, "delta": 9.0},
    "sbg": {"alpha": 0.7, "beta": 2.0},
    "bdw": {"gamma": 0.7, "delta": 2.0, "c": 1.0},
    "gamma_gamma": {"p": 5.0, "q": 12.0, "v": 30.0},
    # Purchases of a customer nearly alike, so that a few show the level.
    "log_normal": {"m": 14.0, "s": 0.05, "w": 0.4},
    "log_normal_frequency": {"m": 14.0, "s": 0.05, "w": 0.4, "b": 0.0},
}


@pytest.mark.parametrize("model", bcx.models.MODELS.values(), ids=bcx.models.MODELS)
def test_the_traits_of_a_model_are_those_of_its_simulator(model):
    """A share of simulated customers is the average over the traits of the chance of one customer."""
    letters, n, rng = TRUTH[model.key], 40_000, np.random.default_rng(6)

    def average(name, chance):
        trait = model.traits[name]
        grid, below = share_below(trait, [np.array([v]) for v in trait.values(letters)])
        inside = below[0, 0] * chance(0.0) + chance((grid[1:] + grid[:-1]) / 2) @ np.diff(below[0])
        return inside + (1 - below[0, -1]) * chance(1.3 * grid[-1])

    if model.kind.key == "purchases":
        T, k = 12.0, 2 if "cnbd" in model.key or model.key == "pareto_ggg" else 1
        found = model.simulate(rng, T=np.full(n, T), **letters).counts(n) == 0
        # No purchase until T is fewer than k stages at k times the rate.
        share = average("purchase_rate", lambda rate: special.gammaincc(k, k * rate * T))
        if model.key.startswith("mbg"):  # or to have left after the first purchase
            left = average("dropout", lambda p: p)
            share = left + (1 - left) * share
    elif model.kind.key == "opportunities":
        found = model.simulate(rng, n=np.ones(n), **letters).counts(n) == 1
        share = average("dropout", lambda p: 1 - p) * average("purchase", lambda p: p)
    elif model.kind.key == "contracts":
        found = model.simulate(rng, T=np.full(n, 3), **letters).left > 2
        share = average("dropout", lambda p: (1 - p) ** 2)
    elif "typical_spend" in model.traits:
        x = np.full(n, 10)
        found = np.exp(-np.exp(model.observe(model.simulate(rng, x, **letters), x)["log_spend"]) / 15)
        share = average("typical_spend", lambda median: np.exp(-median / 15))
    else:
        found = np.exp(-model.simulate(rng, np.full(n, 100_000), **letters) / 15)  # means of very many
        share = average("mean_spend", lambda mean: np.exp(-mean / 15))
    assert abs(found.mean() - share) < 0.012


def test_shrinkage_is_weaker_where_more_is_known(spend, at_point, axes):
    p, q, v = 6.0, 3.7, 15.0
    one = at_point(spend, p=p, q=q, v=v)
    x, seen = np.array([0, 1, 3, 9, 9]), np.array([np.nan, 90.0, 90.0, 90.0, 0.0])
    stats = xr.Dataset(
        {"x": ("customer", x), "spend": ("customer", seen)}, attrs={"kind": "purchases", "unit": "week"}
    )
    bcx.plot.shrinkage(one, stats, ax=axes)
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    drawn = [float(line.get_ydata()[0]) for line in dots]
    expected = [p * (v + k * 90.0) / (p * k + q - 1) for k in (1, 3, 9)]
    assert drawn == pytest.approx(expected)
    assert [len(line.get_xdata()) for line in dots] == [1, 1, 1]


def test_what_cannot_be_drawn_is_said(study, purchases, spend, diary, some_customers, contracts, stays, rng):
    under_contract = posterior(bcx.models.SBG)
    stats = bcx.summarise(diary, until=UNTIL, unit="week")
    for call, says in (
        (lambda: bcx.plot.tracking(bcx.Evidence()), "without a hold-out"),
        (lambda: bcx.plot.tracking(study), "Study without a hold-out"),
        (lambda: bcx.plot.p_alive(under_contract, stats, diary, "ann"), "sBG"),
        (lambda: bcx.plot.p_alive(purchases, stats, diary, "zoe"), "no customer 'zoe'"),
        (lambda: bcx.plot.frequency_recency(spend), "Gamma-Gamma"),
        (lambda: bcx.plot.frequency_recency(purchases, "nonsense"), "nonsense"),
        (lambda: bcx.plot.population(purchases, "churn"), "purchase_rate, dropout"),
        (lambda: bcx.plot.shrinkage(under_contract, some_customers), "sBG"),
        (lambda: bcx.plot.survival(stays, "silver"), "no cohort 'silver'; expected one of basic, gold"),
        (lambda: bcx.plot.still(contracts), "Study; expected what bcx.validation.survival returned"),
        (lambda: bcx.plot.ranks(calibrated(rng), "alpha"), "one of rate_cv, dropout, log_lik"),
        (lambda: bcx.plot.futures(study.plan, dots=0), "0 dots"),
    ):
        with pytest.raises(bcx.InputError, match=says):
            call()
    assert not plt.get_fignums()


def test_the_gallery_shows_every_picture():
    page = (DOCS / "gallery.md").read_text(encoding="utf-8")
    shown = {line.removeprefix("## ").strip() for line in page.splitlines() if line.startswith("## ")}
    assert shown == set(bcx.plot.__all__)
    linked = {line.rpartition("](")[2].rstrip(")") for line in page.splitlines() if line.startswith("![")}
    assert linked == {f"gallery/{path.name}" for path in (DOCS / "gallery").glob("*.png")}
