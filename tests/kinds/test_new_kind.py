"""A kind that nobody has heard of goes all the way: no room keeps a list of kinds of its own."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayes_cx as bcx
from bayes_cx import kinds
from bayes_cx.models import SBG
from bayes_cx.reporting.alike import alike
from bayes_cx.reporting.panels.show import show
from bayes_cx.reporting.sections import notices
from bayes_cx.validation import holdout, predictive_check

COLUMNS = {"customer": "who", "start": "from", "end": "to"}


@pytest.fixture(scope="module")
def world():
    """Courses that people attend lesson by lesson, described in one record, and known to no other code."""
    words = replace(
        kinds.CONTRACTS.words["en"], event="lesson", events="lessons", active="attending", lively="attending",
        repeats="lessons", history=lambda row, unit: (f"{row['T']:.0f} lessons of a {unit}",),
    )  # fmt: skip
    courses = replace(kinds.CONTRACTS, key="courses", row="the lessons of a course", words={"en": words})
    model = replace(SBG, kind=courses)
    rng = np.random.default_rng(2)
    begins = pd.to_datetime(np.datetime64("2024-01-01") + rng.integers(0, 300, 500))
    lessons = np.minimum(rng.geometric(rng.beta(1, 5, begins.size)), 300)
    ends = [begin + pd.DateOffset(months=int(n)) for begin, n in zip(begins, lessons, strict=True)]
    frame = pd.DataFrame({"who": np.arange(begins.size), "from": begins, "to": ends})
    parts = bcx.split_contracts(frame, **COLUMNS, calibration_end="2024-12-31", until="2025-08-31")
    parts = replace(parts, calibration=parts.calibration.assign_attrs(kind="courses"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(kinds.KINDS, "courses", courses)
        fit = bcx.fit(model, parts.calibration, method=bcx.Laplace(), seed=1, progress=False)
        yield fit, parts


def test_it_is_fitted_held_out_and_checked(world):
    fit, parts = world
    found = holdout(fit, None, parts, draws=100, seed=1)
    names = " ".join(check.name for check in found.checks)
    assert "predicted lessons in the hold-out" in names
    assert "renewals" not in names
    assert found.tracking.attrs["kind"] == "courses"
    assert predictive_check(fit, parts.calibration, draws=20).histogram is not None


def test_it_is_called_by_its_own_words(world):
    fit, parts = world
    stats = parts.calibration
    warned = notices.section(bcx.Study(stats, (fit,)))
    assert warned is not None
    assert "with lessons that the model had not seen" in str(warned.blocks)
    assert "attending" in show(stats).html
    assert "lessons" in parts._repr_html_()
    contacted = stats.assign(contact=("customer", np.zeros(500, bool))).assign_attrs(unit="month")
    rows = alike(contacted, fit.model.kind, fit.model.statistics, many=0)
    assert rows is not None
    assert all(name.endswith("lessons of a month") for name in rows["customer"].to_numpy())


def test_its_tables_add_compress_and_are_not_those_of_another_kind(world):
    fit, parts = world
    low, high = (
        parts.calibration.isel(customer=slice(0, 200)),
        parts.calibration.isel(customer=slice(200, None)),
    )
    total = bcx.add(low, high)
    assert total.attrs["kind"] == bcx.expand(bcx.compress(total)).attrs["kind"] == "courses"
    with pytest.raises(bcx.InputError, match="statistics of courses"):
        bcx.fit("sbg", parts.calibration)
    with pytest.raises(bcx.InputError, match="statistics of contracts"):
        bcx.fit(fit.model, bcx.load_cohorts())
