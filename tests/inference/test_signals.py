"""What comes before a target: counts by hand, planted signals, permutations, and what was known when."""

import itertools
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

import bayes_cx as bcx
from bayes_cx.data.itineraries import Journeys
from bayes_cx.data.moments import exposures, moments_of
from bayes_cx.inference.adaptive_shrinkage import GRID, log_likelihoods, shrink
from bayes_cx.inference.signals import evidence_of
from bayes_cx.page.blocks import tables_of
from bayes_cx.reporting.before_target import signals_section

CLICKS = Path(__file__).parents[3] / "shared" / "data" / "clickstream.csv.gz"
DAY = 86_400.0


@pytest.fixture(scope="module")
def leaving(operator):
    return bcx.signals(operator.events, "contract_cancelled", "30 days", by="segment", support=12)


def prepared(events, target, days, **more):
    journeys = Journeys.of(events, target, "customer", None, None, "day", None, ())
    rng = np.random.default_rng(1)
    moments = moments_of(journeys, (target,), days * DAY, 5, 4000, rng)
    return moments, exposures(journeys, moments, days * DAY, more["length"], more["support"], 1000)


def test_planted_signals_are_found(operator, leaving):
    every = leaving.found(parts=True)
    for name in ("unresolved bill", "complaint"):
        sequence = " → ".join(operator.truth.signals.loc[name, "events"])
        row = every.loc[sequence]
        assert row["low"] > 2
        assert row["share_cases"] > 2 * row["share_controls"]
    assert "technician_visit → ticket_opened" in every.index
    # A complaint multiplies the chance to leave by four, or by twenty after a bill and a call.
    assert every.loc["complaint", "low"] < 20
    assert every.loc["complaint", "high"] > 4
    assert not set(operator.truth.nulls) & set(every.index)


def test_signals_are_said_in_words(leaving):
    said = " ".join(leaving.sentences(3))
    assert "Within 30 days after" in said
    assert "contract_cancelled is" in said
    assert "more signals are weaker" in said
    row = leaving.found().iloc[0]
    assert 0 < row["lead_low"] < row["lead"] < row["lead_high"] < 30
    assert row["false_sign"] < 0.01


def test_signals_are_shown(leaving):
    mpl.use("agg")
    rows = leaving.found()
    shown = leaving._repr_html_()
    assert "an association" in shown
    assert str(rows.index[0]) in shown
    axes = bcx.plot.signals(leaving, most=3)
    names = {text.get_text() for text in axes.texts}
    assert set(rows.index[:3]) <= names
    assert rows.index[3] not in names
    plt.close(axes.figure)
    section = signals_section(leaving)
    assert "What comes before contract_cancelled" in section.title
    (table,) = tables_of((section,))
    assert [row[0] for row in table.rows] == rows.index[:12].tolist()


def test_nothing_comes_before_what_has_no_cause(operator):
    found = bcx.signals(operator.events, "sim_swapped", "30 days", rivals="contract_cancelled", length=2)
    assert found.found(parts=True).empty
    assert found.sentences()[0].startswith("Nothing that came before sim_swapped")


def test_on_permuted_data_no_more_is_found_than_is_stated(operator):
    """With the label of the case given to a random member of each set, any signal is false."""
    moments, seen = prepared(operator.events, "contract_cancelled", 30, length=2, support=60)
    rng, false, n = np.random.default_rng(3), 0, 40
    for _ in range(n):
        order = np.lexsort((rng.random(moments.case.size), moments.matched))
        case = np.zeros(moments.case.size, bool)
        case[order[np.append(True, np.diff(moments.matched[order]) > 0)]] = True
        rates = np.sort(shrink(evidence_of(seen, moments, case), rng).false_sign)
        false += bool(np.any(np.cumsum(rates) / np.arange(1, rates.size + 1) <= 0.05))
    # At 5%, 2 of 40 are expected.
    assert false < stats.binom.ppf(0.98, n, 0.05)


def test_sequences_are_those_of_a_search_by_hand():
    rng = np.random.default_rng(5)
    rows = [
        (f"c{who:02d}", pd.Timestamp("2025-01-01") + pd.Timedelta(hours=int(hour)), event)
        for who in range(60)
        for hour, event in zip(rng.integers(0, 400, 9), rng.choice(list("xyz"), 9), strict=True)
    ]
    rows += [
        (f"c{who:02d}", pd.Timestamp("2025-01-12") + pd.Timedelta(hours=who), "end") for who in range(25)
    ]
    frame = pd.DataFrame(rows, columns=["who", "at", "what"])
    events = bcx.read_events(frame, customer="who", time="at", event="what")
    journeys = Journeys.of(events, "end", "customer", None, None, "day", None, ())
    moments = moments_of(journeys, ("end",), 6 * DAY, 4, 4000, np.random.default_rng(1))
    seen = exposures(journeys, moments, 6 * DAY, 3, 1, 1000)
    found = {
        (int(m), seen.sequences[s]): sec
        for m, s, sec in zip(seen.moment, seen.sequence, seen.seconds, strict=True)
    }
    names = sorted(frame["who"].unique())
    expected = {}
    for number in range(moments.at.size):
        at = pd.Timestamp(moments.at[number] * 1000)
        own = frame[frame["who"] == names[moments.journey[number] - 1]]
        own = own[(own["at"] < at) & (own["at"] >= at - pd.Timedelta("6 days"))].sort_values(
            "at", kind="stable"
        )
        steps = list(zip(own["what"], own["at"], strict=True))
        for length in (1, 2, 3):
            for some in itertools.combinations(steps, length):
                key = (number, tuple(name for name, _ in some))
                before = (at - some[-1][1]).total_seconds()
                expected[key] = max(expected.get(key, 0.0), before)
        # Nobody is compared after the end, or before the first event.
        everything = frame[frame["who"] == names[moments.journey[number] - 1]]
        ends = everything.loc[everything["what"] == "end", "at"]
        assert bool((ends == at).any() if moments.case[number] else (ends > at).all())
        assert everything["at"].min() <= at
    assert found == expected


def test_what_was_known_later_is_not_used():
    """Of what was known only after the moment nothing counts, whatever it is called."""
    rng = np.random.default_rng(8)
    n = 3000
    frame = pd.DataFrame({"who": rng.integers(0, 150, n), "day": rng.integers(0, 300, n)})
    frame["what"] = rng.choice(["visit", "call"], n)
    ends = pd.DataFrame({"who": np.arange(60), "day": rng.integers(200, 300, 60), "what": "end"})
    hints = ends.assign(day=ends["day"] - 5, what="hint")
    rows = pd.concat([frame, ends, hints], ignore_index=True)
    rows["at"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(rows["day"], unit="D")

    def found(lag, name="hint"):
        known = rows["at"].where(rows["what"] != "hint", rows["at"] + pd.Timedelta(days=lag))
        named = rows.assign(known=known, what=rows["what"].replace("hint", name))
        roles = {"customer": "who", "time": "at", "event": "what", "known_at": "known"}
        events = bcx.read_events(named, **roles)
        return bcx.signals(events, "end", "20 days", until="2025-12-01", length=2).table()

    assert found(4).loc["hint", "low"] > 5
    late = found(6)
    assert not late.index.str.contains("hint").any()
    pd.testing.assert_frame_equal(late, found(6, "a hint by another name"))


def test_likelihoods_are_those_of_conditional_logistic_regression():
    rng = np.random.default_rng(2)
    sets, b = 400, 0.9
    x = rng.random((sets, 5)) < 0.3
    p = np.exp(b * x)
    case = (rng.random(sets)[:, None] > (p / p.sum(axis=1, keepdims=True)).cumsum(axis=1)).sum(axis=1)
    hit = x[np.arange(sets), case]
    lik = log_likelihoods(x.sum(axis=1), np.full(sets, 5), hit, np.zeros(sets, int), 1)[0]

    def direct(value):
        return -sum(value * h - np.log(np.exp(value * row).sum()) for h, row in zip(hit, x, strict=True))

    best = optimize.brute(direct, [slice(0, 2, 0.05)], finish=None)
    assert GRID[np.argmax(lik)] == pytest.approx(float(np.asarray(best)), abs=0.051)
    at = np.searchsorted(GRID, 0.5)
    zero = np.searchsorted(GRID, 0.0)
    assert lik[at] - lik[zero] == pytest.approx(direct(0.0) - direct(GRID[at]), rel=1e-9)


def test_shrinkage_covers_effects_and_states_its_errors():
    """Effects drawn from the story of the prior, seen with normal errors."""
    rng = np.random.default_rng(4)
    n, wrong, stated, within = 800, [], [], []
    for _ in range(4):
        share = rng.dirichlet([20.0, *np.ones(11)])
        scale = np.append(0.0, 0.1 * 2 ** (np.arange(11) / 2))
        effect, sd = rng.normal(0, scale[rng.choice(12, n, p=share)]), rng.uniform(0.1, 0.5, n)
        seen = rng.normal(effect, sd)
        shrunk = shrink(-0.5 * ((seen[:, None] - GRID) / sd[:, None]) ** 2, rng)
        assert np.quantile(shrunk.share_none, 0.001) < share[0] < np.quantile(shrunk.share_none, 0.999)
        np.testing.assert_allclose(shrunk.probability.sum(axis=1) + shrunk.none, 1, rtol=1e-9)
        wrong.append(np.sign(shrunk.mean) != np.sign(effect))
        stated.append(shrunk.false_sign)
        low, high = shrunk.quantiles(np.array([0.05, 0.95]))
        # Quantiles are values of the grid.
        within.append((low - 0.05 <= effect) & (effect <= high + 0.05))
    rates, mistaken = np.concatenate(stated), np.concatenate(wrong)
    for chosen in (rates < 0.05, (rates >= 0.05) & (rates < 0.3), rates >= 0.3):
        p = rates[chosen]
        assert abs(mistaken[chosen].sum() - p.sum()) < 4 * np.sqrt((p * (1 - p)).sum())
    assert np.mean(within) > 0.88


def test_what_cannot_be_asked_is_said():
    days = pd.date_range("2025-01-01", periods=4)
    frame = pd.DataFrame({"who": list("abab"), "at": days, "what": ["x", "x", "end", "y"]})
    events = bcx.read_events(frame, customer="who", time="at", event="what")
    asked: tuple[tuple[dict[str, Any], str], ...] = (
        ({"target": "nothing"}, "no event 'nothing'"),
        ({"target": ()}, "no target"),
        ({"rivals": "end"}, "among its rivals"),
        ({"window": "0 days"}, "above zero"),
        ({"controls": 0}, "controls=0"),
        ({"length": 4}, "1, 2 or 3"),
        ({}, "no event that came before 20 moments"),
    )
    for more, match in asked:
        with pytest.raises(bcx.InputError, match=match):
            bcx.signals(events, **{"target": "end", "window": "5 days"} | more)
    one = bcx.signals(events, "end", "5 days", support=1)
    assert one.cases == 1
    assert one.found().empty
    lonely = bcx.read_events(frame[frame["who"] == "a"], customer="who", time="at", event="what")
    with pytest.raises(bcx.InputError, match="nobody to compare"):
        bcx.signals(lonely, "end", "5 days", support=1)


@pytest.mark.skipif(not CLICKS.exists(), reason="the clickstream is not here")
def test_what_comes_before_a_purchase_within_a_visit():
    events = bcx.read_events(
        CLICKS, customer="user_id", time="timestamp", event="event", session="session_id"
    )
    found = bcx.signals(events, "purchase", "30 minutes", journey="session", length=2).found()
    assert "payment_details" in found.index[:3]
    assert found.loc["payment_details", "lead"] < 30
    assert found.loc["payment_details", "low"] > 5
