"""The section on what all customers share."""

import numpy as np

import bayes_cx as bcx
from bayes_cx.page import Number, Picture, Table
from bayes_cx.reporting import figures
from bayes_cx.reporting.sections import calendar, limits


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


def test_the_figure_is_the_same_again(with_calendar):
    assert figures.factors(with_calendar).svg == figures.factors(with_calendar).svg
