"""What a rule would have gained, and what actions changed, judged by logs whose truth is known."""

from zlib import crc32

import numpy as np
import pandas as pd
import pytest

import bayes_cx as bcx
from bayes_cx.data.follow_up import FollowUp
from bayes_cx.spans import Span

CHANCE = {"a": 0.7, "b": 0.3}
BASE, EFFECT = {"a": 0.3, "b": 0.15}, {"a": 0.10, "b": -0.05}


def decided(rng, n=3000, customers=1500, *, chance=CHANCE, effect=EFFECT):
    """Return a log in which segments got the mail with different chances, and what happened."""
    customer = rng.integers(0, customers, n)
    rows = pd.DataFrame({"customer": customer, "time": pd.Timestamp("2025-01-01")})
    rows["time"] += pd.to_timedelta(31 * (np.arange(n) % 2), unit="D")
    rows["segment"] = np.where(customer % 3 == 0, "a", "b")
    p, base, lift = (rows["segment"].map(each).to_numpy() for each in (chance, BASE, effect))
    mail = rng.random(n) < p
    rows["action"] = np.where(mail, "mail", "nothing")
    rows["propensity"] = np.where(mail, p, 1 - p)
    rows["expected"], rows["expected_sd"] = np.where(mail, 0.3, 0.0), 0.05
    rows["bought"] = (rng.random(n) < base + lift * mail).astype(int)
    rows["purchases"], rows["gain"] = rows["bought"], rows["bought"].astype(float)
    until = pd.Timestamp("2025-06-01").to_pydatetime()
    return FollowUp(rows, Span.of("30 days"), until, 0, 0, 1.0, {}, "purchases", "a simulation")


def by_segment(rows):
    return np.where(rows["segment"] == "a", "mail", "nothing")


def test_estimates_are_the_textbook_formulas(rng):
    """SNIPS as a ratio of sums, and the doubly robust estimate as a loop, on few rows."""
    found = decided(rng, 60, 40)
    value = bcx.policy_value(found, {"rule": by_segment}, enough=1)
    rows = found.rows
    weight = (rows["action"] == by_segment(rows)) / rows["propensity"]
    assert float(value.data["value"].sel(policy="rule", estimator="snips")) == pytest.approx(
        (weight * rows["gain"]).sum() / weight.sum()
    )
    fold = np.array([crc32(str(customer).encode()) % 5 for customer in rows["customer"]])
    scores = []
    for i, row in rows.iterrows():
        others = rows[fold != fold[i]]
        overall = others["gain"].mean()

        def expected(action, others=others, overall=overall, row=row):
            same = others.loc[others["action"] == action, "gain"]
            of_action = (same.sum() + 10 * overall) / (same.size + 10)
            alike = others.loc[(others["action"] == action) & (others["segment"] == row["segment"]), "gain"]
            return (alike.sum() + 10 * of_action) / (alike.size + 10)

        chosen = "mail" if row["segment"] == "a" else "nothing"
        scores.append(expected(chosen) + weight[i] * (row["gain"] - expected(row["action"])))
    assert float(value.data["value"].sel(policy="rule", estimator="doubly robust")) == pytest.approx(
        np.mean(scores)
    )


def test_intervals_hold_the_truth_as_often_as_they_say():
    """Over logs of one story; the mean reward of a rule is known exactly."""
    truth = {"mail": (BASE["a"] + EFFECT["a"] + 2 * (BASE["b"] + EFFECT["b"])) / 3}
    truth["by segment"] = (BASE["a"] + EFFECT["a"] + 2 * BASE["b"]) / 3
    effect = 0.7 / (0.7 + 2 * 0.3) * EFFECT["a"] + 2 * 0.3 / (0.7 + 2 * 0.3) * EFFECT["b"]
    inside, gaps = [], []
    for seed in range(40):
        found = decided(np.random.default_rng(seed), 1200)
        value = bcx.policy_value(found, {"mail": "mail", "by segment": by_segment}, level=0.9).data
        for name, right in truth.items():
            one = value.sel(policy=name)
            inside.append(((one["value_low"] <= right) & (right <= one["value_high"])).to_numpy())
            gaps.append((one["value"] - right).to_numpy())
        own = bcx.realised(found, outcome="bought", level=0.9).data
        inside.append(np.repeat(own["low"].item() <= effect <= own["high"].item(), 2))
    shares = np.array(inside).reshape(40, 3, 2).mean(axis=0)
    # 40 logs: 0.9 within three standard errors; the widths are checked by the errors themselves.
    assert (shares >= 0.75).all()
    assert np.abs(np.mean(gaps, axis=0)).max() < 0.01


def test_the_better_rule_is_found_and_the_sentence_says_so(rng):
    value = bcx.policy_value(decided(rng, 40_000, 20_000), {"by segment": by_segment, "all": "mail"})
    assert value.verdict == "passed"
    assert "'by segment' would have gained" in value.sentences[0]
    assert " more a decision" in value.sentences[0]
    assert float(value.data["mean_weight"].sel(policy="all")) == pytest.approx(1, abs=0.05)


def test_a_rule_that_the_log_hardly_holds_is_not_judged(rng):
    rare = decided(rng, 900, chance={"a": 0.02, "b": 0.02})
    value = bcx.policy_value(rare, "mail")
    assert value.verdict == "failed"
    assert not value.can_judge("mail")
    assert "cannot be said" in value.sentences[0]


def test_a_log_in_which_segments_never_got_an_action_is_noticed(rng):
    """Each decision was certain given the segment: enough decisions agree, and they are other customers."""
    certain = decided(rng, chance={"a": 1.0, "b": 0.0})
    value = bcx.policy_value(certain, {"all": "mail", "as before": by_segment})
    assert not value.can_judge("all")
    assert value.can_judge("as before")
    assert float(value.data["lift"].sel(policy="as before", estimator="snips")) == pytest.approx(0)


def test_wrong_propensities_are_noticed(rng):
    found = decided(rng)
    found.rows["propensity"] = 0.5
    assert bcx.policy_value(found, by_segment).verdict == "failed"


def test_a_frame_of_probabilities_is_a_rule(rng):
    found = decided(rng, 500)
    half = bcx.policy_value(found, lambda rows: pd.DataFrame({"mail": 0.5, "nothing": 0.5}, index=rows.index))
    assert half.data["agreement"].to_numpy()[1] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("fax", "action 'fax'"),
        (lambda rows: ["mail"], "answers to 50 decisions"),
        (lambda rows: pd.DataFrame({"mail": 0.7, "nothing": 0.5}, index=rows.index), "do not add up"),
        ({"as logged": "mail"}, "none of them named 'as logged'"),
    ],
)
def test_what_is_no_rule_is_refused(rng, rule, says):
    with pytest.raises(bcx.InputError, match=says):
        bcx.policy_value(decided(rng, 50), rule)


def test_an_action_that_missed_its_goal_is_named_and_corrected(rng):
    found = bcx.realised(decided(rng, 6000))
    one = found.data.sel(action="mail")
    assert found.missed == ("mail",)
    assert found.verdict == "passed"
    precise = 1 / one["se"].item() ** 2, 1 / 0.05**2
    middle = (precise[0] * one["realised"].item() + precise[1] * 0.3) / sum(precise)
    assert one["corrected"].item() == pytest.approx(middle)
    assert "less than the 0.3 expected" in found.sentences[0]


def test_customers_of_other_segments_are_no_control(rng):
    """The mail went where customers buy more anyway: the plain difference is far from the effect."""
    nothing = {"a": 0.0, "b": 0.0}
    found = decided(rng, 20_000, 9000, effect=nothing)
    rows = found.rows
    plain = rows.groupby("action")["bought"].mean()
    assert plain["mail"] - plain["nothing"] > 0.04
    own = bcx.realised(found, outcome="bought").data
    assert own["low"].item() < 0 < own["high"].item()


def test_without_a_control_nothing_is_known(rng):
    found = decided(rng, 500, chance={"a": 1.0, "b": 0.3})
    own = bcx.realised(found)
    assert own.verdict == "failed"
    with pytest.raises(bcx.InputError, match="left alone at random"):
        bcx.realised(found, control="silence")
    with pytest.raises(bcx.InputError, match="one of gain, bought, purchases"):
        bcx.realised(found, outcome="spend")


def test_panels_show_names_as_they_are_and_what_failed(rng):
    found = decided(rng, 300)
    found.rows["action"] = found.rows["action"].replace({"mail": "<b>mail</b>"})
    rare = bcx.policy_value(found, "<b>mail</b>", enough=1000)
    for html in (found._repr_html_(), bcx.realised(found)._repr_html_(), rare._repr_html_()):
        assert "&lt;b&gt;mail&lt;/b&gt;" in html
        assert "<b>mail" not in html
    assert "Do not act on this" in rare._repr_html_()
