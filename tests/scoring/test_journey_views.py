"""Views of journeys against counts by hand of random paths, and intervals against SciPy."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import bayes_cx as bcx
from bayes_cx.scoring.journey_views import OPEN, OTHER, share_interval

STATES = ["a", "b", "c", "d e", "“é”"]
journeys = st.lists(
    st.tuples(st.lists(st.sampled_from(STATES), max_size=6).map(tuple), st.sampled_from(["buy", "exit", ""])),
    min_size=1,
    max_size=25,
)
few = settings(max_examples=25, deadline=None)


def table(found):
    """Return journeys as `journey_paths` does, from a list of (path, end)."""
    counts = Counter(found)
    rows = [(path, end, False, n) for (path, end), n in counts.items()]
    return pd.DataFrame(rows, columns=["path", "end", "longer", "n"])


@few
@given(journeys, st.integers(1, 4), st.integers(1, 4))
def test_a_map_loses_and_invents_no_journey(found, steps, states):
    flows = bcx.journey_map(table(found), steps=steps, states=states)
    assert flows.groupby("step")["n"].sum().tolist() == [len(found)] * (steps + 1)
    for step in range(steps):
        into = flows[flows["step"] == step].groupby("next")["n"].sum()
        out = flows[flows["step"] == step + 1].groupby("state")["n"].sum()
        assert into.to_dict() == out.to_dict()
    ends = flows[flows["step"] == steps].groupby("next")["n"].sum().to_dict()
    assert ends == dict(Counter(end or OPEN for _, end in found))
    named = {*flows["state"], *flows["next"]} - {"start", "buy", "exit", OPEN}
    seen = {name for path, _ in found for name in path[:steps]}
    assert len(named) == (len(seen) if len(seen) <= states + 1 else states + 1)
    assert flows.attrs["merged"] == len(seen - named)
    assert (OTHER in named) == (flows.attrs["merged"] > 0)


@few
@given(journeys, st.lists(st.sampled_from([*STATES, "buy"]), min_size=1, max_size=3))
def test_a_funnel_counts_who_passes_states_in_this_order(found, steps):
    everything = {name for path, end in found for name in (*path, end)}
    if not set(steps) <= everything:
        with pytest.raises(bcx.InputError, match="no journey with the state"):
            bcx.funnel(table(found), steps)
        return
    counts = []
    for length in range(1, len(steps) + 1):
        n = 0
        for path, end in found:
            rest = iter((*path, end))
            n += all(any(state == wanted for state in rest) for wanted in steps[:length])
        counts.append(n)
    result = bcx.funnel(table(found), steps)
    assert result["n"].tolist() == counts
    assert result["share"].tolist() == pytest.approx([n / len(found) for n in counts])


@few
@given(journeys)
def test_each_journey_ends_at_one_step(found):
    steps = bcx.journey_steps(table(found), 6)
    ended = steps[steps["end"] != ""]
    assert ended["n"].sum() == len(found)
    for row in steps.itertuples():
        assert row.of == sum(len(path) >= row.step for path, _ in found)


@few
@given(journeys, st.sampled_from(["a", "buy"]))
def test_what_comes_around_a_state(found, state):
    whole = [("start", *path, end or OPEN) for path, end in found]
    if not any(state in one for one in whole):
        return
    expected = Counter()
    for one in whole:
        if state in one:
            at = one.index(state)
            for position in (-2, -1, 1, 2):
                if 0 <= at + position < len(one):
                    expected[position, one[at + position]] += 1
    result = bcx.around(table(found), state, 2)
    assert {(row.position, row.state): row.n for row in result.itertuples()} == expected
    others = [name for one, (path, _) in zip(whole, found, strict=True) if state not in one for name in path]
    for row in result.itertuples():
        share = others.count(row.state) / len(others) if others else np.nan
        assert row.elsewhere == pytest.approx(share, nan_ok=True)


@few
@given(journeys)
def test_beginnings_are_ranked_by_what_is_sure(found):
    result = bcx.beginnings(table(found), "buy", longest=2)
    assert result["low"].is_monotonic_decreasing
    for row in result.itertuples():
        alike = [end for path, end in found if path[: len(row.path)] == row.path]
        assert (row.n, row.reached) == (len(alike), alike.count("buy"))


def test_variants_are_the_most_frequent_ways():
    paths = table([(("a",), "buy")] * 5 + [(("b",), "")] * 3 + [((), "buy")])
    found = bcx.variants(paths, top=2)
    assert found[["path", "end", "n"]].to_numpy().tolist() == [[("a",), "buy", 5], [("b",), OPEN, 3]]


def test_intervals_hold_the_middle_of_the_posterior():
    low, high = share_interval(np.array([0, 7, 20]), np.array([20, 20, 20]))
    assert low[0] == 0
    assert high[2] == 1
    posterior = stats.beta(7.5, 13.5)
    assert posterior.cdf(high[1]) - posterior.cdf(low[1]) == pytest.approx(0.9)


def test_what_was_left_out_of_a_long_journey_is_not_made_up():
    paths = pd.DataFrame({"path": [("a", "b")], "end": ["buy"], "longer": [True], "n": [4]})
    assert bcx.around(paths, "buy").empty
    assert set(bcx.journey_steps(paths)["end"]) == {""}


@pytest.mark.parametrize("wrong", [pd.DataFrame(), [1], pd.DataFrame({"path": [], "end": [], "n": []})])
def test_what_is_no_table_of_paths(wrong):
    with pytest.raises(bcx.InputError, match=r"bcx\.journey_paths"):
        bcx.variants(wrong)
