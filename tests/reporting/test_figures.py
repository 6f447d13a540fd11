import re
from xml.etree import ElementTree

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from bayes_cx.page.style import COLOURS
from bayes_cx.page.words import Money
from bayes_cx.reporting import figures
from bayes_cx.reporting.figures.accuracy import draw_capture

EURO = Money("€")


def fills(figure, colour):
    return figure.svg.decode().count(f"fill: {colour}")


def words(figure):
    root = ElementTree.fromstring(figure.svg)
    return [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("centre", [-3.0, -1.0, 0.0, 1.0, 3.0])
def test_every_future_is_a_dot_and_losses_are_red(centre):
    draws = np.random.default_rng(1).normal(centre, 1, 4000)
    figure = figures.futures(draws, EURO, what="Net gain", line=True)
    losses = int((np.quantile(draws, (np.arange(50) + 0.5) / 50) < 0).sum())
    assert fills(figure, COLOURS["red"]) == losses
    assert fills(figure, COLOURS["blue"]) - ("earns money" in words(figure)) == 50 - losses
    said = re.search(r"[Ii]n (all |none of )?(\d+)?", figure.headline)
    assert said
    if 0 < losses < 50:
        assert f"In {50 - losses} of 50" in figure.headline


def test_futures_far_from_zero_say_that_zero_is_outside():
    figure = figures.futures(np.random.default_rng(1).normal(100, 1, 1000), EURO, what="Gain", line=True)
    assert "Zero lies outside" in figure.subtitle
    assert "all 50 of 50" in figure.headline


@pytest.mark.parametrize("rare", [4000.0, 40.0, -4000.0])
def test_dots_stay_readable_where_a_few_futures_are_far_from_the_others(rare):
    """Every dot is at least 0.1 inch wide, and none is drawn on the wrong side of zero."""
    draws = np.r_[np.full(960, -50.0 if rare > 0 else 50.0), np.full(40, rare)]
    figure = figures.futures(draws, EURO, what="Net gain", line=True)
    paths = re.findall(
        r'<path d="M ([\d.]+) ([\d.]+)[^"]*"[^>]*style="fill: (#[0-9a-f]{6})"', figure.svg.decode()
    )
    dots = [(float(x), colour) for x, _, colour in paths if colour in (COLOURS["red"], COLOURS["blue"])]
    assert len(dots) == 50
    losses, gains = ([x for x, colour in dots if colour == COLOURS[name]] for name in ("red", "blue"))
    assert (len(losses), len(gains)) == ((48, 2) if rare > 0 else (2, 48))
    assert max(losses) < min(gains)
    places = np.unique(np.round([x for x, _ in dots], 3))
    # matplotlib draws at 72 points an inch
    assert np.diff(places).min() >= 0.1 * 72
    if abs(rare) > 1000:
        end = "€4,000 →" if rare > 0 else "−€4,000"
        assert any("2 further out" in (text or "") and end in (text or "") for text in words(figure))


def test_a_single_count_is_singular(tables):
    table = tables.holdout().by_frequency
    table["observed"] = table["expected"].copy()
    table["observed"][1] = 50.0
    assert "with 1 repeat purchase bought more" in figures.by_frequency(table).headline


def test_where_the_mean_is_outside_the_interval_it_is_said(tables):
    data = tables.priorities(n=200, cost=0.5)
    assert "rare large gains" not in figures.forest(data, EURO).subtitle
    data["gain"][0] = 10 * float(data["gain_quantile"].max())
    assert "For 1 the expectation lies outside the interval" in figures.forest(data, EURO).subtitle


def test_band_labels_stay_inside_the_picture(tables):
    """Narrow bands at the top of the axes push no label out of it."""
    table = tables.holdout().tracking
    table["cumulative_quantile"][:] = table["cumulative_predicted"].to_numpy()[:, None]
    svg = figures.tracking(table).svg.decode()
    places = [float(y) for y in re.findall(r'<text[^>]*y="([\d.]+)"[^>]*>(?:50|80|95)%<', svg)]
    assert len(places) == 3
    assert min(places) > 8 + 0.16 * 72 - 4


@pytest.mark.parametrize("draws", [np.zeros(10), np.full(10, 3.0), np.array([1e9, -1e9])])
def test_degenerate_futures_still_draw(draws):
    assert figures.futures(draws, EURO, what="Gain", line=True).svg


def curve(mean, contacts=None):
    contacts = np.arange(len(mean)) if contacts is None else contacts
    noise = np.random.default_rng(0).normal(0, 1e-6, 50)
    return xr.DataArray(
        np.asarray(mean)[:, None] + noise, dims=("contacts", "sample"), coords={"contacts": contacts}
    )


@pytest.mark.parametrize(
    ("mean", "chosen", "says"),
    [
        ([0, 3, 5, 4, 1, -3], 2, "peaks at 2 contacts"),
        ([0, 3, 2, 1, 1, -3], 1, "peaks at 1 contact and"),
        ([0, 3, 5, 6, 7, 8], 5, "every contact pays"),
        ([0, 3, 5, 6, 4, 2], 1, "stops at 1 contact; the gain would peak at about 3"),
        ([0, -1, -2, -3, -4, -5], 0, "No number of contacts"),
    ],
)
def test_the_gain_curve_says_where_it_peaks(mean, chosen, says):
    assert says in figures.gain_curve(curve(mean), curve(mean), chosen, EURO).headline


def test_a_curve_that_is_cut_says_what_contacting_everybody_returns():
    contacts = np.arange(0, 20001, 10)
    mean = 100 * np.sqrt(contacts) - 2 * contacts
    figure = figures.gain_curve(curve(mean, contacts), curve(mean, contacts), 600, EURO)
    assert "Contacting all 20,000 would be expected to lose €25.9k" in figure.subtitle


def test_tracking_is_inside_only_if_it_was(tables):
    inside = tables.holdout(seed=1).tracking
    kept = inside.isel(period=slice(39, None))
    inside["observed"][39:] = kept["predicted"].round()
    inside["cumulative_observed"][39:] = kept["cumulative_predicted"].round()
    assert "inside the forecast in all 39 weeks" in figures.tracking(inside).headline
    one = inside.copy(deep=True)
    one["observed"][50] = 10_000
    figure = figures.tracking(one)
    assert "1 single week of 39 left the 95% band" in figure.headline
    assert "week 51" in figure.subtitle


@pytest.mark.parametrize(("factor", "side"), [(1.3, "above"), (0.7, "below")])
def test_tracking_says_where_the_total_ended_and_since_when(tables, factor, side):
    table = tables.holdout().tracking
    table["cumulative_observed"] = table["cumulative_predicted"].copy()
    table["cumulative_observed"][42] = 0.0  # a visit to the other side is not where it ended
    table["cumulative_observed"][60:] = factor * table["cumulative_predicted"][60:]
    headline = figures.tracking(table, "week").headline
    assert headline == f"The total ended {side} the forecast's 95% band, outside it from week 61 on"


def test_tracking_says_when_the_total_left_and_that_it_came_back(tables):
    table = tables.holdout().tracking
    table["cumulative_observed"] = table["cumulative_predicted"].copy()
    table["cumulative_observed"][[42, 43, 50]] = 0.0
    assert "in weeks 43–44 and 51 and came back" in figures.tracking(table, "week").headline


def test_frequencies_that_missed_are_named(tables):
    table = tables.holdout().by_frequency
    table["observed"] = table["expected"].copy()
    assert "as expected" in figures.by_frequency(table).headline
    table["observed"][2] = 50.0
    assert "with 2 repeat purchases bought more than expected" in figures.by_frequency(table).headline
    table["observed"][0] = -1.0
    assert figures.by_frequency(table).headline == "More than expected with 2 repeat purchases, less with 0"


def test_calibration_is_thinned_and_computed(tables):
    figure = figures.calibration(tables.holdout(n=4000).calibration.assign_attrs(least_inside=0.0))
    assert len(figure.svg) < 200_000
    assert re.fullmatch(r"Forecasts of 60% came true \d+% of the time", figure.headline)


@pytest.mark.parametrize(("least", "says"), [(0.0, "Forecasts of"), (1.0, "Forecast chances are off for")])
def test_calibration_puts_a_failed_check_into_its_headline(tables, least, says):
    table = tables.holdout(n=4000, bias=0.5).calibration.assign_attrs(least_inside=least)
    figure = figures.calibration(table)
    assert figure.headline.startswith(says)
    assert re.search(r"[Ff]orecasts of 60% came true \d+% of the time$", figure.headline)


def captured(ours, rival, spread=0.02):
    share = np.array([ours, rival, 0.1])
    lead = ours - share
    return xr.Dataset(
        {
            "share": ("rule", share), "low": ("rule", share - 0.2), "high": ("rule", share + 0.2),
            "difference_low": ("rule", lead - spread), "difference_high": ("rule", lead + spread),
        },
        coords={"rule": ["bayes_cx", "RFM score", "recency"]},
        attrs={"top_share": 0.1, "n_top": 10, "counted": "revenue", "revenue": 1.0},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("ours", "rival", "says"),
    [
        (0.5, 0.4, "next best rule, RFM score, 40%"),
        (0.41, 0.4, "no clear lead over RFM score"),
        (0.39, 0.4, "no clear lead over RFM score"),
        (0.3, 0.4, "RFM score found more: 40%"),
    ],
)
def test_capture_claims_a_lead_only_where_there_is_one(ours, rival, says):
    assert says in figures.capture(captured(ours, rival)).headline


def test_a_bar_that_leaves_the_picture_says_where_it_ends(tables):
    data = tables.priorities(n=200, cost=0.5)
    assert not any(
        "→" in (text or "") for text in words(figures.forest(data.isel(customer=slice(20, 40)), EURO))
    )
    data["gain_quantile"][0] = [900.0, 950.0, 1000.0, 1050.0, 1100.0]
    assert "to €1,100 →" in words(figures.forest(data, EURO))


def test_a_tick_says_where_it_stands():
    """A tick at 7.5% must not read 8%."""
    for scale in (0.04, 0.12, 0.3, 0.7):
        axes = Figure().subplots()
        table = captured(0.9 * scale, 0.7 * scale)
        draw_capture(axes, table.assign(high=table["share"] * 1.1))
        axes.figure.draw_without_rendering()
        said = [float(label.get_text().rstrip("%")) for label in axes.get_xticklabels()]
        assert said == pytest.approx(100 * np.array(axes.get_xticks()))


def test_the_forest_counts_what_is_sure(tables):
    data = tables.priorities(n=200, cost=2.0)
    pays = data["p_gain"].to_numpy()[data["contact"].to_numpy()]
    headline = figures.forest(data, EURO).headline
    assert headline.startswith(
        f"For {(pays >= 0.9).sum()} of {pays.size} contacts it is almost certain that the offer is worth its"
    )
    assert "worth it" in words(figures.forest(data, EURO))


@pytest.mark.parametrize(
    ("gain", "low", "says"),
    [
        ([1, 2, 3, 4, 5], [0.5, 1, 2, 3, 4], "Even at a quarter of"),
        (
            [-1, 1, 3, 4, 5],
            [-2, -1, 1, 3, 4],
            "from half the assumed response, almost certainly from all of it",
        ),
        ([-1, 1, 3, 4, 5], [-2, -2, -2, -2, -2], "nowhere almost certainly"),
        ([-1, -1, 3, 4, 5], [-2, -2, 1, 1, 1], "depends on the assumed response"),
        ([-1, -1, -1, 1, 2], [-2] * 5, "only from 1.5 times"),
        ([-1] * 5, [-2] * 5, "not expected to pay"),
    ],
)
def test_sensitivity_says_where_the_decision_turns(gain, low, says):
    gain = np.array(gain, float)
    table = xr.Dataset(
        {
            "gain": ("scale", gain), "gain_low": ("scale", np.array(low, float)),
            "gain_high": ("scale", gain + 1), "contacts": ("scale", np.arange(5)),
        },
        coords={"scale": [0.25, 0.5, 1, 1.5, 2]},
    )  # fmt: skip
    assert says in figures.sensitivity(table, EURO).headline


def test_names_in_figures_are_text(tables):
    data = tables.priorities(n=3, cost=0.01, names=["$a_1$ & <b>", "株式", "x" * 200])
    shown = words(figures.forest(data, EURO))
    assert "$a_1$ & <b>" in shown
    assert "[U+682A U+5F0F]" in shown
    assert max(len(text or "") for text in shown) < 40
