"""Contracts are held out by the same code as purchases: who made the renewals after the cut."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import betaln
from scipy.stats import binom

import bayes_cx as bcx
from bayes_cx.validation import holdout

COLUMNS = {"customer": "who", "start": "from", "end": "to"}
CUT, UNTIL = "2023-12-31", "2024-12-31"
ALPHA, BETA = 0.8, 6.0


def contracts(n: int, seed: int) -> pd.DataFrame:
    """Let customers sign over three years and leave at a renewal with an individual chance."""
    rng = np.random.default_rng(seed)
    theta = rng.beta(ALPHA, BETA, n)
    begins = np.datetime64("2022-01-01") + rng.integers(0, 1000, n)
    months = np.minimum(rng.geometric(theta), 600)
    # The same day of a later month, or its last where there is none.
    first = begins.astype("M8[M]")
    later = first + months.astype("m8[M]")
    last = (later + np.timedelta64(1, "M")).astype("M8[D]") - np.timedelta64(1, "D")
    ends = pd.to_datetime(np.minimum(later.astype("M8[D]") + (begins - first.astype("M8[D]")), last))
    plan = rng.choice(["basic", "gold"], n)
    return pd.DataFrame({"who": np.arange(n), "from": begins, "to": ends, "plan": plan})


def cut(seed: int):
    made = contracts(3000, seed)
    return bcx.split_contracts(made, **COLUMNS, calibration_end=CUT, until=UNTIL, unit="month", by="plan")


@pytest.fixture(scope="module")
def parts():
    return cut(seed=0)


@pytest.fixture(scope="module")
def worlds():
    """Hold-outs of several worlds: what happens in one moves all its months together."""
    worlds = []
    for seed in range(6):
        parts = cut(seed)
        fit = bcx.fit("sbg", parts.calibration, method=bcx.MLE(), progress=False)
        worlds.append(holdout(fit, None, parts, draws=200, seed=2))
    return worlds


def inside(table) -> float:
    """Return the share of what was observed that lies in its 95% band."""
    low, high = (table.predicted_quantile.sel(quantile=q) for q in (0.025, 0.975))
    return float(((table.observed >= low) & (table.observed <= high)).mean())


@pytest.fixture(scope="module")
def fit(parts):
    return bcx.fit("sbg", parts.calibration, seed=1, progress=False)


@pytest.fixture(scope="module")
def found(parts, fit):
    return holdout(fit, None, parts, draws=400, seed=2)


@pytest.fixture(scope="module")
def cohorts_by_day():
    single = bcx.expand(bcx.load_cohorts())
    begins = pd.to_datetime(np.datetime64("2000-01-15") + np.arange(single.sizes["customer"]) % 28)
    lives = zip(begins, single["T"].to_numpy(), single["churned"].to_numpy(), strict=True)
    ends = [b + pd.DateOffset(years=int(t)) if left else None for b, t, left in lives]
    frame = pd.DataFrame({"who": np.arange(len(begins)), "from": begins, "to": ends})
    frame["cohort"] = single["cohort"].to_numpy()
    return bcx.split_contracts(
        frame, **COLUMNS, calibration_end="2006-12-31", until="2012-12-31", unit="year", by="cohort"
    )


def metric(found, name, of=""):
    return next(m for m in (*found.checks, *found.by_group) if m.name == name and m.about == of)


def test_no_more_fails_than_by_chance_where_the_story_is_true(worlds):
    """Each check fails right forecasts with a chance of about 5%, so some may fail."""
    checks = [check for found in worlds for check in found.checks]
    assert all(check.status in ("passed", "failed") for check in checks)
    failed = sum(check.status == "failed" for check in checks)
    assert failed <= binom.ppf(0.999, len(checks), 0.05)


def test_bands_hold_in_the_long_run_where_the_story_is_true(worlds):
    assert np.mean([inside(found.reached) for found in worlds]) > 0.7
    assert np.mean([inside(found.tracking) for found in worlds]) > 0.8


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_intervals_hold_their_level_where_the_story_is_true(found, level):
    row = found.coverage.sel(level=level)
    low, high = binom.interval(0.999, int(row.n), level)
    assert low <= float(row.customer_randomised) * int(row.n) <= high


def test_those_who_had_left_are_not_judged(found, parts):
    judged = int((parts.holdout["asked"] > 0).sum())
    assert judged < parts.calibration.sizes["customer"]
    assert {m.n for m in found.checks} == {judged}
    assert sum(metric(found, "CRPS of renewals", f"plan: {plan}").n for plan in ("basic", "gold")) == judged


def test_survivors_are_counted_at_each_later_renewal(found, parts):
    table = found.reached
    asked, made = (parts.holdout[name].to_numpy() for name in ("asked", "x_holdout"))
    asked, made = asked[asked > 0], made[asked > 0]
    assert table["number"].to_numpy().tolist() == list(range(1, 13))
    np.testing.assert_array_equal(
        table.observed, [((made >= j) | (made == asked)).sum() for j in range(1, 13)]
    )
    assert (table.predicted.diff("number") <= 0).all()
    name = "predicted customers still there at the end of the hold-out"
    assert metric(found, name).value == pytest.approx(float(table.predicted[-1]))


def test_survivors_agree_with_survival_by_the_formula(found, fit, parts):
    """The simulated futures and the formula share no code."""
    expected = 0.0
    for asked in np.unique(parts.holdout["asked"]):
        if asked > 0:
            these = np.flatnonzero(parts.holdout["asked"].to_numpy() == asked)
            some = parts.calibration.isel(customer=these)
            expected += float(bcx.score(fit, some, "survival", t=int(asked))["mean"].sum())
    assert float(found.reached.predicted[-1]) == pytest.approx(expected, rel=0.01)


def test_renewals_are_tracked_over_the_calendar(found, parts):
    table = found.tracking
    cut = table.attrs["calibration_periods"]
    assert (table.attrs["kind"], table.attrs["unit"]) == ("contracts", "month")
    np.testing.assert_array_equal(table.observed, parts.tracking.observed)
    made = (parts.calibration["T"] - parts.calibration["churned"]).sum() + parts.holdout["x_holdout"].sum()
    assert int(table.cumulative_observed[-1]) == int(made)
    assert (table.cumulative_quantile[cut:].diff("quantile") >= 0).all()


def test_the_rule_of_steady_retention_by_hand():
    """Of 8 renewals that came up 6 were made: 3/4, then 9/16; who had left makes none."""
    kind = bcx.models.SBG.kind
    columns = {"T": np.array([1, 3, 4, 0]), "churned": np.array([1, 1, 0, 0])}
    got = kind.forecast.carried_on(columns, np.array([0, 0, 2, 1]))
    np.testing.assert_allclose(got, [0, 0, 3 / 4 + 9 / 16, 3 / 4])


def test_a_wrong_story_fails(parts, fit):
    """Customers who all leave at one renewal are not those of the fit."""
    gone = parts.holdout.assign(x_holdout=parts.holdout["x_holdout"] * 0)
    found = holdout(fit, None, replace(parts, holdout=gone), draws=50, seed=1)
    assert metric(found, "predicted renewals in the hold-out").status == "failed"
    assert found.verdict == "failed"


@pytest.mark.slow
def test_contracts_compare_by_the_hold_out_too(parts, fit):
    other = bcx.fit("bdw", parts.calibration, seed=1, progress=False)
    found = bcx.compare({"sBG": fit, "BdW": other}, split=parts, draws=100)
    assert found.table.attrs["counted"] == "renewals"
    assert int(found.table.attrs["total_observed"]) == int(parts.holdout["x_holdout"].sum())
    assert (np.abs(found.table["total_error"]) < 0.05).all()
    # The log score is that of the hold-out, where the draws of like customers are taken together.
    score = metric(holdout(fit, None, parts, draws=400, seed=2), "log score of renewals").value
    assert float(found.table["log_score"].sel(model="sBG")) == pytest.approx(score, abs=0.005)


def test_what_is_held_out_is_what_the_story_makes_later():
    """With the true parameters, of which no fit is needed: survivors after 1, 3, 6 and 12 later renewals."""
    z = []
    for seed in range(20, 30):
        parts = bcx.split_contracts(
            contracts(2000, seed), **COLUMNS, calibration_end=CUT, until=UNTIL, unit="month"
        )
        asked = parts.holdout["asked"].to_numpy()
        T, made = (
            part[name].to_numpy()[asked > 0]
            for part, name in ((parts.calibration, "T"), (parts.holdout, "x_holdout"))
        )
        for j in (1, 3, 6, 12):
            k = np.minimum(asked[asked > 0], j)
            stays = np.exp(betaln(ALPHA, BETA + T + k) - betaln(ALPHA, BETA + T))
            z.append(((made >= k).sum() - stays.sum()) / np.sqrt((stays * (1 - stays)).sum()))
    z = np.reshape(z, (-1, 4))
    assert (np.abs(z.mean(axis=0)) * np.sqrt(len(z)) < 3.3).all()
    assert (z.std(axis=0) < 2).all()


@pytest.mark.parametrize(
    "design",
    [
        pytest.param(bcx.Design(dropout="cohort", dropout_size="cohort"), id="covariate"),
        # Two groups say so little of how groups differ that this one is sampled.
        pytest.param(
            bcx.Design(pooled={"dropout": "cohort", "dropout_size": "cohort"}),
            id="pooled",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_cohorts_as_dated_contracts(cohorts_by_day, design):
    """The committed cohorts: customers sign on a day and leave at a renewal; six years are kept back."""
    parts = cohorts_by_day
    columns = ["cohort", "T", "churned"]
    seen = bcx.compress(parts.calibration, on=columns).to_dataframe()
    known = bcx.compress(bcx.load_cohorts(periods=6), on=columns).to_dataframe()
    pd.testing.assert_frame_equal(seen, known)
    last = bcx.load_cohorts()
    last = last.isel(row=(last["churned"] == 0).to_numpy())
    still = dict(zip(last["cohort"].to_numpy(), last["weight"].to_numpy(), strict=True))
    fit = bcx.fit("sbg", parts.calibration, design=design, seed=1, progress=False)
    found = holdout(fit, None, parts, draws=200, seed=1)
    for cohort, number in still.items():
        one = metric(found, "predicted customers still there at the end of the hold-out", f"cohort: {cohort}")
        assert one.note.startswith(f"observed {number},")
        # Six years ahead the forecast of survivors is a tenth off at most.
        assert one.value == pytest.approx(number, rel=0.1)
    assert int(found.reached.observed[-1]) == sum(still.values())
