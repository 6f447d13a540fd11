"""What a manager reads of features of risk: which way they go, by what step, in one unit."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from bayes_cx.inference.risk_design import RiskColumn, RiskDesign
from bayes_cx.reporting.risk.in_short import _speaks
from bayes_cx.reporting.risk.what_moves import drivers
from bayes_cx.scoring.risk_words import change_range

PERIOD = 10.0


@pytest.fixture
def study():
    """Rates fall with the time since a complaint, and rise with that since a visit and with calls."""
    columns = (
        RiskColumn("since complaint", "recency", "since complaint", "recency", centre=2.0, spread=1.5),
        RiskColumn("since visit", "recency", "since visit", "recency", centre=0.3, spread=1.0),
        RiskColumn("call, 30 days", "counts", "call, 30 days", "count", centre=0.9, spread=0.8),
        RiskColumn("segment: gold", "segment", "segment", "category", level="gold"),
    )
    beta = np.zeros((400, 1, 5))
    beta[:, 0, 1:] = [np.log(0.66), np.log(1.5), np.log(1.2), np.log(0.8)]
    periods = {"age": np.ones(4), "weight": np.ones(4)}
    return SimpleNamespace(
        target="cancellation",
        posterior=SimpleNamespace(causes=("cancellation",), design=RiskDesign(columns, PERIOD), beta=beta),
        periods={name: SimpleNamespace(to_numpy=lambda x=x: x) for name, x in periods.items()},
    )


def test_a_time_since_an_event_says_in_which_direction_the_rate_rises(study):
    table = drivers(study).set_index("feature")
    assert table["what"].to_dict() == {
        "since complaint": "a more recent complaint",
        "since visit": "a longer time since the last visit",
        "call, 30 days": "call more often within 30 days",
        "segment: gold": "segment: gold",
    }
    assert table["factor"].to_dict() == pytest.approx(
        {
            "since complaint": 1 / 0.66,
            "since visit": 1.5,
            "call, 30 days": 1.2 ** (1 / 0.8),
            "segment: gold": 0.8,
        }
    )
    # Calls are rare: the step is from none to one, of 1 / .8 standard deviations.
    assert table.loc["call, 30 days", "step"] == "1 rather than 0"
    said = _speaks(study)
    assert "a more recent complaint (52% more for 13.8 days ago rather than 57.3 days ago)" in said
    assert "a longer time since the last visit (50% more for 10 days ago rather than 0 minutes ago)" in said


def test_the_step_that_is_named_has_the_effect_that_is_named(study):
    """The rate at both ends of a step in days, by the formula of the column, differs by the factor."""
    table = drivers(study).set_index("feature")
    for place, name in enumerate(("since complaint", "since visit")):
        row = table.loc[name]
        days = [
            float(number) * {"days": 1, "hours": 1 / 24, "minutes": 1 / 1440}[unit]
            for number, unit in re.findall(r"([\d.]+) (days|hours|minutes) ago", row["step"])
        ]
        x = np.log2(1 + np.array(days) / PERIOD) / study.posterior.design.columns[place].spread
        effect = study.posterior.beta[0, 0, 1 + place]
        assert np.exp(effect * (x[0] - x[1])) == pytest.approx(row["factor"], rel=0.01)


def test_an_effect_and_its_interval_are_in_one_unit():
    assert "times" not in change_range(0.9, 0.77, 1.0)
    assert "%" not in change_range(2.5, 1.9, 3.3).removeprefix("2.5 times the rate, 90% interval")
