"""A check never reads better than it is, and comes back from a file as it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bayes_cx as bcx
from bayes_cx.checks import Check, Interval, from_json, to_json, verdict

numbers = st.floats(-1e6, 1e6)
intervals = st.builds(
    lambda ends, level: Interval(min(ends), max(ends), level),
    st.tuples(numbers, numbers),
    st.floats(0.01, 0.99),
)
checks = st.builds(
    Check,
    name=st.text(),
    value=numbers,
    target=st.text(),
    status=st.sampled_from(["passed", "failed", "not_run"]),
    note=st.text(),
    about=st.text(),
    interval=st.none() | intervals,
    n=st.none() | st.integers(0, 10**9),
    alarm=st.none() | st.floats(0, 1),
)


@given(st.lists(checks))
def test_checks_come_back_as_they_were(some):
    assert from_json(to_json(some)) == tuple(some)


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_nothing_passes_without_a_value(value):
    with pytest.raises(bcx.InputError, match="with status passed and no value"):
        Check("R-hat", value, "<= 1.01", "passed")
    assert Check("R-hat", value, "<= 1.01", "failed").value is None


@pytest.mark.parametrize(("low", "high", "level"), [(2, 1, 0.9), (float("nan"), 1, 0.9), (0, 1, 95)])
def test_an_interval_that_is_none_is_refused(low, high, level):
    with pytest.raises(bcx.InputError):
        Interval(low, high, level)


@given(st.lists(st.sampled_from(["passed", "failed", "not_run"])))
def test_one_failure_fails_and_one_gap_is_no_pass(statuses):
    found = verdict(Check("x", 0.0, "", status) for status in statuses)
    assert (found == "failed") == ("failed" in statuses)
    assert (found == "passed") == (set(statuses) == {"passed"})


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "{}x",
        "[1]",
        json.dumps([{"name": "a"}]),
        json.dumps([{"name": "a", "value": 1, "target": "", "status": "passed", "more": 2}]),
    ],
)
def test_what_is_no_list_of_checks_is_refused(text):
    with pytest.raises(bcx.InputError, match="checks that cannot be read"):
        from_json(text)
