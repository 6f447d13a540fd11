"""The section on what all customers share."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import bayes_cx as bcx
from bayes_cx.errors import InputError
from bayes_cx.inference.dated import standards
from bayes_cx.page import Number, Picture, Table, Text
from bayes_cx.reporting import figures
from bayes_cx.reporting.sections import calendar, limits
from bayes_cx.scoring import factors_by_week
from tests.made import with_provenance


@pytest.fixture(scope="module")
def with_effects(with_calendar, uneven_stats):
    """The posterior as if it had learnt that a promotion means half more purchases, and a price fewer."""
    days = pd.date_range("2020-01-06", periods=7 * 110)
    week = np.arange(days.size) // 7
    table = bcx.ByDate(pd.DataFrame({"promotion": week % 4 == 0, "price": 20.0 + week % 7}, index=days))
    layout = replace(
        with_calendar.layout, design=bcx.Design(by_date=table), by_date=standards(table, uneven_stats)
    )
    draws = with_calendar.draws["posterior"].to_dataset()
    rng = np.random.default_rng(1)
    effects = [-0.3, np.log(1.5)] + 0.05 * rng.standard_normal((1, draws.sizes["draw"], 2))
    made = draws.assign(by_date_effect=(("chain", "draw", "by_date"), effects))
    made = made.assign_coords(by_date=[*table.columns])
    return with_provenance(with_calendar.with_group("posterior", made), layout=layout)


def test_the_section_is_of_fits_with_calendar_time(with_calendar, uneven_stats, purchases, cdnow_sample):
    assert calendar.section(bcx.Study(cdnow_sample, (purchases,))) is None
    study = bcx.Study(uneven_stats, (with_calendar,))
    found = calendar.section(study)
    assert found is not None
    picture, _, table = found.blocks
    assert isinstance(picture, Picture)
    assert isinstance(table, Table)
    values = np.exp(with_calendar.draws["posterior"]["calendar"].to_numpy()[0])
    most = np.median(values, axis=0).max() - 1
    assert f"{most:.0%} more than usual" in picture.headline
    cells = [row[2] for row in table.rows]
    shares = [cell.value for cell in cells if isinstance(cell, Number) and cell.value is not None]
    assert abs(sum(shares) - 1) < 1e-9
    assert shares[1] > 0.2
    said = str(limits.section(study))
    assert "rise and fall together" in said
    assert "Rates are constant" not in said
    assert "steady rate" in with_calendar.model.story
    assert "steady rate" not in with_calendar.story
    assert "a rate that rises and falls with the weeks" in with_calendar.story


def test_the_figure_is_the_same_again(with_calendar):
    assert figures.factors(with_calendar).svg == figures.factors(with_calendar).svg


def test_effects_are_said_in_words(with_effects, uneven_stats):
    found = calendar.section(bcx.Study(uneven_stats, (with_effects,)))
    assert found is not None
    said = [line for block in found.blocks if isinstance(block, Text) for line in block.lines]
    spread = with_effects.layout.by_date["price"][1]
    cheap = [np.exp(6 * effect / spread) for effect in (-0.3 - 1.96 * 0.05, -0.3, -0.3 + 1.96 * 0.05)]
    low, middle, high = (f"{ratio:.2f}" for ratio in cheap)
    assert f"with the highest price (26) customers buy {middle} times as often as" in str(said[0])
    assert f"with the lowest (20), {low} to {high}." in str(said[0])
    assert "of promotion customers buy 1.50 times as often as in weeks without, 1.36" in str(said[1])
    picture = found.blocks[0]
    assert isinstance(picture, Picture)
    assert "Orange: price and promotion alone." in picture.subtitle


def test_the_figure_goes_on_and_marks_columns(with_effects, with_calendar):
    axes = Figure().subplots()
    assert bcx.plot.calendar(with_effects, "20 weeks", ax=axes) is axes
    past, ahead, _, columns, _ = axes.lines
    assert np.size(past.get_xdata()) == 52
    assert np.size(ahead.get_xdata()) == 1 + 20  # joined to the last week of the data
    found = factors_by_week(with_effects, "20 weeks")
    np.testing.assert_allclose(
        np.asarray(columns.get_ydata(), float), np.median(found["by_date"], axis=0) - 1
    )
    # A promotion in one week of four, and nothing else, moves these weeks by its effect.
    by_week = np.log(np.median(found["by_date"], axis=0))
    price = -0.3 * (np.arange(72) % 7) / with_effects.layout.by_date["price"][1]
    jump = by_week - price
    assert np.ptp(jump[::4]) < 0.02
    assert jump[0] - jump[1] == pytest.approx(np.log(1.5), abs=0.02)
    assert len(bcx.plot.calendar(with_calendar, ax=Figure().subplots()).lines) == 2
    with pytest.raises(InputError, match="without columns by date"):
        bcx.effects_by_date(with_calendar)


def test_a_fit_without_calendar_has_no_factors(purchases):
    with pytest.raises(InputError, match="without calendar time"):
        bcx.plot.calendar(purchases)
