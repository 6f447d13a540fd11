"""Simulated data: moments against formulas of the papers, fits against the truth, and what readers read."""

import numpy as np
import pytest
from scipy.special import betaln, hyp2f1

import bayes_cx as bcx

END = "2025-12-31"
TRUTH = {"r": 0.6, "alpha": 60.0, "a": 0.8, "b": 2.5}
SPEND = {"p": 4.0, "q": 12.0, "v": 30.0}


def near(values, mean, sigmas=4.0):
    """Whether the mean of independent values is where it should be."""
    return abs(np.mean(values) - mean) < sigmas * np.std(values) / np.sqrt(np.size(values))


def frame_of(made):
    return made.accepted.df()


@pytest.fixture(scope="module")
def shop():
    """Customers who all joined on one day, 700 days before the end, with parameters in days."""
    return bcx.simulate(
        bcx.models.BG_NBD, TRUTH, 4000, until=END, since="2024-01-31", joined="2024-01-31", unit="day",
        spend=SPEND, seed=3,
    )  # fmt: skip


def test_purchases_are_those_of_the_formula(shop):
    """Fader, Hardie & Lee (2005), eq. (9) and the chance of no purchase."""
    stats = bcx.summarise(shop, until=END, unit="day")
    r, alpha, a, b = TRUTH.values()
    t = 700.0
    assert np.all(stats["T"] == t)
    lost = (alpha / (alpha + t)) ** r * hyp2f1(r, b, a + b - 1, t / (alpha + t))
    assert near(stats["x"], (a + b - 1) / (a - 1) * (1 - lost))
    assert near(stats["x"] == 0, (alpha / (alpha + t)) ** r)
    assert stats.attrs["source"] == "simulated by BG/NBD, seed 3"


def test_amounts_are_those_of_gamma_gamma(shop):
    """Every purchase has the same distribution, and those of a customer are as alike as they should be."""
    p, q, v = SPEND.values()
    frame = frame_of(shop).sort_values(["customer", "time"])
    amount = frame["amount"].astype(float)
    place = frame.groupby("customer").cumcount()
    mean = p * v / (q - 1)
    for i in (0, 1, 4):
        assert near(amount[place == i], mean), i
    first, second = (amount[place == i].set_axis(frame["customer"][place == i]) for i in (0, 1))
    both = (first - mean) * (second - mean)
    assert near(both.dropna(), (p * v) ** 2 / ((q - 1) ** 2 * (q - 2)))


def test_a_fit_finds_the_truth():
    truth = {"r": 0.8, "alpha": 9.0, "a": 0.9, "b": 2.5}
    made = bcx.simulate("bg_nbd", truth, 2500, until=END, seed=5)
    stats = bcx.summarise(made, until=END, unit="week")
    fit = bcx.fit("bg_nbd", stats, seed=1, progress=False)
    for letter, values in fit.parameters().items():
        assert abs(values.mean() - truth[letter]) < 3 * values.std(), letter
    assert stats["T"].max() <= 52


@pytest.mark.parametrize("unit", ["week", "month", "year"])
def test_opportunities_are_those_of_the_story(unit):
    truth = {"alpha": 1.2, "beta": 0.8, "gamma": 2.0, "delta": 9.0}
    made = bcx.simulate("bg_bb", truth, 4000, until=END, since="2019-12-31", joined="2019-12-31", unit=unit)
    stats = bcx.summarise_opportunities(made, until=END, unit=unit)
    (n,) = np.unique(stats["n"])
    i = np.arange(1, n + 1)
    stays = np.exp(betaln(2.0, 9.0 + i) - betaln(2.0, 9.0))
    assert near(stats["x"], 0.6 * stays.sum())
    assert stats.attrs["occasions_unfinished"] == 0


@pytest.mark.parametrize("unit", ["month", "week", "year"])
def test_contracts_are_renewed_as_the_story_says(unit):
    truth = {"alpha": 0.8, "beta": 2.5}
    frame = bcx.simulate("sbg", truth, 3000, until=END, since="2020-01-31", joined="2020-01-31", unit=unit)
    columns = {"customer": "customer", "start": "start", "end": "end"}
    stats = bcx.summarise_contracts(frame, **columns, until=END, unit=unit)
    assert stats.sizes["customer"] == 3000
    left = np.where(stats["churned"], stats["T"], np.inf)
    for i in (1, 2, 5):
        assert near(left > i, np.exp(betaln(0.8, 2.5 + i) - betaln(0.8, 2.5))), i
    running = frame["end"].isna().to_numpy()
    assert np.array_equal(running, stats["churned"] == 0)
    assert (frame["end"][~running] <= END).all()


def test_customers_join_when_they_are_told_to_and_none_buys_after_the_end():
    made = bcx.simulate(
        "pareto_nbd", {"r": 1.0, "alpha": 0.2, "s": 1.0, "beta": 9.0}, 50, until="2025-06-30",
        since="2025-03-01", joined="2025-03-31", seed=2,
    )  # fmt: skip
    time = frame_of(made).groupby("customer")["time"]
    assert len(time) == 50
    assert time.min().min() >= np.datetime64("2025-03-01")
    assert time.min().max() <= np.datetime64("2025-03-31")
    assert time.max().max() <= np.datetime64("2025-06-30")
    assert not made.has_amount


def test_the_seed_is_the_data():
    one, same, other = (bcx.simulate("bg_nbd", TRUTH, 20, until=END, seed=s, spend=9.5) for s in (1, 1, 2))
    assert one.sha256 == same.sha256 != other.sha256
    assert set(frame_of(one)["amount"].astype(float)) == {9.5}


def test_a_posterior_lends_one_draw(purchases, at_point):
    few = at_point(purchases, **TRUTH)  # one draw, in weeks
    made = bcx.simulate(bcx.models.BG_NBD, few, 30, until=END, seed=1)
    stated = bcx.simulate(bcx.models.BG_NBD, TRUTH, 30, until=END, unit="week", seed=1)
    # The choice of the draw takes a number of the stream, so that only the days of joining are the same.
    first = [frame_of(each).groupby("customer")["time"].min() for each in (made, stated)]
    assert first[0].equals(first[1])
    with pytest.raises(bcx.InputError, match="unit 'day' for a posterior in weeks"):
        bcx.simulate(bcx.models.BG_NBD, few, 30, until=END, unit="day")
    with pytest.raises(bcx.InputError, match=r"BG/NBD for MBG/NBD"):
        bcx.simulate(bcx.models.MBG_NBD, few, 30, until=END)


@pytest.mark.slow
def test_groups_of_a_design_come_along(cdnow_sample):
    """Customers of one segment buy far more often; so do those who are made of the fit."""
    some = cdnow_sample.isel(customer=np.arange(0, 2100, 7))
    busy = some["x"].to_numpy() > 1
    some = some.assign(segment=("customer", np.where(busy, "busy", "quiet").astype(object)))
    fit = bcx.fit(
        bcx.models.BG_NBD, some, design=bcx.Design(purchase_rate="segment"), method=bcx.MAP(), seed=1,
        progress=False,
    )  # fmt: skip
    made = bcx.simulate(bcx.models.BG_NBD, fit, 600, until=END)
    stats = bcx.summarise(made, until=END)
    segment = stats["segment"].to_numpy()
    share = busy.mean()
    assert near(segment == "busy", share)
    assert stats["x"][segment == "busy"].mean() > 3 * stats["x"][segment == "quiet"].mean()


@pytest.mark.parametrize(
    ("model", "parameters", "options", "says"),
    [
        ("bg_nbd", {"r": 1.0}, {}, "r, alpha, a, b"),
        ("bg_nbd", TRUTH | {"a": -1.0}, {}, "a = -1.0"),
        ("bg_nbd", TRUTH | {"a": np.nan}, {}, "a = nan"),
        ("bg_nbd", TRUTH | {"a": "1"}, {}, "a = '1'"),
        ("bg_nbd", None, {}, "r, alpha, a, b"),
        ("bg_nbd", TRUTH, {"n": 0}, "n = 0"),
        ("bg_nbd", TRUTH, {"n": 2.5}, "n = 2.5"),
        ("bg_nbd", TRUTH, {"since": "2026-01-01"}, "in this order"),
        ("bg_nbd", TRUTH, {"joined": "2026-01-01"}, "in this order"),
        ("bg_nbd", TRUTH, {"unit": "decade"}, "decade"),
        ("bg_nbd", TRUTH, {"spend": -3}, "spend = -3"),
        ("bg_nbd", TRUTH, {"spend": {"p": 1.0}}, "p, q, v"),
        ("bg_cnbd", {"k": 2.5, **TRUTH}, {}, "k = 2.5"),
        ("gamma_gamma", SPEND, {}, "pass it as spend="),
        ("sbg", {"alpha": 1.0, "beta": 1.0}, {"spend": 3.0}, "spend for contracts"),
        ("nonsense", {}, {}, "nonsense"),
    ],
)
def test_what_cannot_be_simulated_is_refused(model, parameters, options, says):
    options = {"n": 10, "until": END, **options}
    with pytest.raises(bcx.InputError, match=says):
        bcx.simulate(model, parameters, options.pop("n"), **options)
