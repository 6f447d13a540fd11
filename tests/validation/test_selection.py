"""The rule that chooses a model: what it decides by, and what it says of it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from scipy.stats import dirichlet

import bayes_cx as bcx
from bayes_cx.models import BG_CNBD, BG_NBD, MBG_NBD
from bayes_cx.scoring import predict_purchases
from bayes_cx.validation.candidates import come_regularly, worth_trying
from bayes_cx.validation.prospects import prospects
from bayes_cx.validation.selection import assumes_active, select
from bayes_cx.validation.short_test import Forecasted, ShortTest, short_test

HELD, MISSED = Forecasted(100, 100, 90, 110), Forecasted(100, 80, 70, 90)


@pytest.fixture(scope="module")
def parts():
    """A third of the customers of the sample."""
    whole = bcx.split(bcx.load_cdnow(sample=True), "1997-09-30", "1998-06-30", "week")
    some = {"customer": slice(None, None, 3)}
    return replace(whole, calibration=whole.calibration.isel(some), holdout=whole.holdout.isel(some))


@pytest.fixture(scope="module")
def rivals(parts):
    """BG/NBD and MBG/NBD, which predict these customers equally well."""
    few = bcx.Laplace(draws=500)
    return {
        m.name: bcx.fit(m, parts.calibration, method=few, seed=1, progress=False) for m in (BG_NBD, MBG_NBD)
    }


class Found:
    """A test with given results, by name, and by (name, True) with calendar time."""

    def __init__(self, **results):
        self.asked, self.results = [], results

    def __call__(self, name, calendar):
        self.asked.append((name, calendar))
        results = self.results.get(f"{name[:3].strip('/')}{'_calendar' if calendar else ''}")
        if results is None:
            return None
        fit = SimpleNamespace(
            verdict="passed", layout=SimpleNamespace(design=bcx.Design(calendar=calendar)), model=None
        )
        return ShortTest(fit, *results)


def test_equals_are_told_apart_by_the_assumption(rivals):
    assert assumes_active(rivals["BG/NBD"])
    assert not assumes_active(rivals["MBG/NBD"])
    found = select(rivals)
    assert (found.chosen, found.runner_up, found.calendar) == ("MBG/NBD", "BG/NBD", False)
    assert found.assuming == ("BG/NBD",)
    assert not found.comparison.clear
    assert "it does not assume that every one-time buyer is active, as BG/NBD does" in found.reason


@pytest.mark.parametrize(
    ("bg", "mbg", "chosen", "why"),
    [
        ((HELD, HELD), (HELD, HELD), "MBG/NBD", "does not assume"),
        ((MISSED, MISSED), (MISSED, MISSED), "MBG/NBD", "does not assume"),
        ((MISSED, HELD), (HELD, MISSED), "BG/NBD", "how many one-time buyers would buy again came true"),
        (
            (HELD, MISSED),
            (MISSED, MISSED),
            "BG/NBD",
            "forecast of the total came true, unlike that of MBG/NBD",
        ),
        ((MISSED, HELD), (HELD, HELD), "MBG/NBD", "forecast of the total came true, unlike that of BG/NBD"),
    ],
)
def test_the_hold_out_comes_before_the_assumption(rivals, bg, mbg, chosen, why):
    found = select(rivals, test=Found(BG=bg, MBG=mbg))
    assert found.chosen == chosen
    assert why in found.reason


def test_calendar_time_is_kept_where_it_mends_the_total(rivals):
    missed = {"BG": (MISSED, HELD), "MBG": (MISSED, HELD)}
    test = Found(**missed, BG_calendar=(HELD, HELD), MBG_calendar=(MISSED, HELD))
    found = select(rivals, test=test)
    assert set(test.asked) == {(name, calendar) for name in rivals for calendar in (False, True)}
    assert (found.chosen, found.calendar) == ("BG/NBD", True)
    assert found.test.total is HELD
    assert "with calendar time it came true" in found.reason
    assert "no independent test" in found.reason
    both = select(rivals, test=Found(**missed, MBG_calendar=(MISSED, HELD)))
    assert (both.chosen, both.calendar) == ("MBG/NBD", False)
    assert "calendar time did not mend that" in both.reason
    held = Found(BG=(HELD, HELD), MBG=(HELD, HELD))
    select(rivals, test=held)
    assert not any(calendar for _, calendar in held.asked)


def test_a_fit_that_failed_is_not_chosen(rivals):
    failed = {**rivals, "MBG/NBD": rivals["MBG/NBD"].with_checks(bcx.Check("k", 9, "< 1", "failed"))}
    found = select(failed, test=Found(BG=(HELD, None)))
    assert (found.chosen, found.comparison) == ("BG/NBD", None)
    assert found.reason == "BG/NBD is the only model whose fit passed its checks."
    assert "The fit of MBG/NBD did not pass" in found.note


def test_the_short_test_is_what_simulated_futures_say(rivals, parts):
    """Its numbers come from formulas; purchases simulated one by one are counted here."""
    fit, stats = rivals["MBG/NBD"], parts.calibration
    found = short_test(fit, parts, seed=3)
    weeks = f"{parts.holdout.attrs['length']} weeks"
    counts = predict_purchases(fit, stats, weeks, draws=300, seed=5).to_numpy()
    once = stats["x"].to_numpy() == 0
    later = parts.holdout["x_holdout"].to_numpy()
    for one, sums, came in (
        (found.total, counts.sum(axis=1), later.sum()),
        (found.once, (counts[:, once] > 0).sum(axis=1), (later[once] > 0).sum()),
    ):
        assert one.observed == came
        spread = sums.std()
        assert one.mean == pytest.approx(sums.mean(), abs=5 * spread / np.sqrt(300))
        ends = np.quantile(sums, (0.025, 0.975))
        assert (one.low, one.high) == pytest.approx(ends, abs=0.4 * spread)


def test_what_a_model_says_of_all_is_what_it_says_of_each(rivals, parts):
    stats = parts.calibration
    found = prospects(rivals, stats, "26 weeks")
    for name, fit in rivals.items():
        p, ahead = (
            bcx.score(fit, stats, quantity, **options)["mean"].to_numpy()
            for quantity, options in (("p_alive", {}), ("expected_purchases", {"t": "26 weeks"}))
        )
        once = stats["x"].to_numpy() == 0
        assert found[name].active == pytest.approx(p.sum(), rel=0.02)
        assert found[name].once == pytest.approx(p[once].sum(), rel=0.03)
        assert found[name].events == pytest.approx(ahead.sum(), rel=0.02)
        low, high = found[name].active_interval
        assert low < found[name].active < high
    twice = stats.assign(weight=("customer", np.full(stats.sizes["customer"], 2)))
    again = prospects({"BG/NBD": rivals["BG/NBD"]}, twice, "26 weeks")
    assert again["BG/NBD"].events == pytest.approx(2 * found["BG/NBD"].events)


def regularity(k, rng, customers=300, gaps=4):
    """Sums of logs of gaps of k stages, as shares of the time that they take together."""
    made = rng.gamma(k, 1.0, (customers, gaps))
    return np.log(made / made.sum(axis=1, keepdims=True)).sum(axis=1)


def test_regular_buyers_are_told_apart_by_the_density_of_their_gaps(rng):
    for k in (0.7, 1.0, 2.0, 3.0):
        made = rng.dirichlet(np.full(4, k), size=60)
        stats = xr.Dataset(
            {"x": ("customer", np.full(60, 4)), "regularity": ("customer", np.log(made).sum(axis=1))}
        )
        heights = [dirichlet.logpdf(made.T, np.full(4, float(stages))).sum() for stages in (1, 2)]
        assert come_regularly(stats) == (heights[1] > heights[0])
    for k, regular in ((1, False), (2, True), (4, True)):
        shares = regularity(k, rng)
        stats = xr.Dataset({"x": ("customer", np.full(300, 4)), "regularity": ("customer", shares)})
        assert come_regularly(stats) is regular
        models, note = worth_trying((BG_NBD, BG_CNBD), stats)
        assert models == ((BG_NBD, BG_CNBD) if regular else (BG_NBD,))
        assert ("BG/CNBD-k" in note) is not regular
    once = stats.assign(x=xr.zeros_like(stats["x"]), regularity=0 * stats["regularity"])
    assert not come_regularly(once)
    rows = stats.isel(customer=[0, 0, 1]), stats.isel(customer=[0, 1]).assign(weight=("customer", [2, 1]))
    assert come_regularly(rows[0]) == come_regularly(rows[1])
    assert worth_trying((BG_CNBD,), once) == ((BG_CNBD,), "")
