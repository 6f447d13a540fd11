"""What a manager reads of a plan of actions, of a log, and of trials."""

import re
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure

import bayes_cx as bcx
from bayes_cx.page.blocks import tables_of

WHEN = bcx.RunProvenance(
    currency="€", organisation="Händler & Söhne", timestamp=datetime(2026, 1, 5, tzinfo=UTC)
)
N = 2000


def round_of(customers, action, propensity, when):
    chosen = customers.assign(
        action=action, propensity=propensity, expected=np.where(action == "nothing", 0, 9.0)
    )
    chosen["time"] = pd.Timestamp(when)
    return chosen


@pytest.fixture(scope="module")
def log():
    """Two rounds: the mail makes a fifth of the gold customers buy and nobody else, the call nobody."""
    rng = np.random.default_rng(1)
    customers = pd.DataFrame({"customer": range(N), "tier": rng.choice(["gold", "basic"], N)})
    first = np.where(rng.random(N) < 0.5, "mail", "nothing")
    second = rng.choice(["mail", "call", "nothing"], N)
    rounds = [
        round_of(customers, first, 0.5, "2025-01-01"),
        round_of(customers, second, 1 / 3, "2025-03-01"),
    ]
    bought = []
    for one in rounds:
        works = (one["action"] == "mail") & (one["tier"] == "gold")
        some = rng.random(N) < 0.1 + 0.2 * works
        bought.append(one.loc[some, ["customer", "time"]].assign(amount=30.0))
    bought = pd.concat(bought)
    bought["time"] += pd.Timedelta("3 days")
    return bcx.follow_up(
        bcx.read_actions(pd.concat(rounds)), bought, window="30 days", until="2025-05-01", costs={"mail": 1.0}
    )


def test_the_page_names_what_missed_its_goal_and_what_is_new(log):
    learned = bcx.learn(log, priors={"gift": bcx.Beta(2, 18)}, seed=1)
    found = bcx.realised(log)
    customers = pd.DataFrame({"customer": range(10), "tier": ["gold"] * 10})
    plan = learned.plan(customers, worth=30.0, costs={"mail": 1.0}, seed=1)
    page = bcx.learn_report(
        learned, found, policy=learned.policy(worth=30.0, costs={"mail": 1.0}), plan=plan, run=WHEN
    )
    assert found.missed == ("call", "mail")
    axes = bcx.plot.learned(learned, ax=Figure().subplots())
    assert {"mail", "call", "gift"} <= {word for text in axes.texts for word in text.get_text().split()}
    # What failed is the expectation: the mail works.
    said = re.fullmatch(
        r"The plan overestimated “call” \(expected €9.00, measured −?€[\d.]+ a decision\) "
        r"and “mail” \(expected €9.00, measured €([\d.]+) a decision\)\.",
        page.sentences[0],
    )
    assert said is not None
    assert float(said[1]) == pytest.approx(0.2 * 30 / 2 - 1, abs=0.7)  # half are gold; which is true
    gain = 100 * float(learned.effects["effect"].sel(action="mail", group="gold"))
    assert f"“mail” raises the share who buy most in “gold”, by {gain:.1f} points" in page.sentences[1]
    assert page.sentences[2] == "2 of 6 effects are an assumption still. “gift” was never tried."
    effects = next(one for one in tables_of(page.page.sections) if one.label == "What actions change")
    shown = {(row[0].text, row[0].note): row for row in effects.rows}
    assert shown["mail", "gold"][3].value == pytest.approx(0.2, abs=0.04)  # which is true
    assert shown["mail", "gold"][1].value == pytest.approx(0.1)  # which was assumed
    assert {key: row[6].text for key, row in shown.items() if key[0] == "gift"} == {
        ("gift", "gold"): "assumed",
        ("gift", "basic"): "assumed",
    }
    # Before the last round nobody had been called, and the first round alone says so much of the mail.
    news = next(one for one in tables_of(page.page.sections) if one.label == "What is new since last time")
    rows = log.rows[log.rows["time"] < pd.Timestamp("2025-02-01")]
    gold = rows[rows["tier"] == "gold"].groupby("action")["bought"].mean()
    before = {(row[0].text, row[0].note): row[1] for row in news.rows}
    assert before["mail", "gold"].value == pytest.approx(gold["mail"] - gold["nothing"], abs=0.03)
    assert page.to_bytes()[:5] == b"%PDF-"


def test_a_first_round_has_no_last_time(log):
    one = log.rows["time"] < pd.Timestamp("2025-02-01")
    first = bcx.learn(
        bcx.FollowUp(**{**vars(log), "rows": log.rows[one].reset_index(drop=True)}), by=(), seed=1
    )
    page = bcx.learn_report(first)
    news = next(one for one in page.sections if one.title == "What is new since last time")
    assert "first round" in news.blocks[0].lines[0]
    assert page.sentences[0] == f"What the only action changes is measured, on {N:,} decisions in 1 round."


@pytest.fixture(scope="module")
def plan():
    gains = xr.DataArray(
        np.random.default_rng(1).uniform(0, 9, (60, 2)),
        dims=("customer", "action"),
        coords={"customer": [f"c “{i}” é" for i in range(60)], "action": ["mail", "call"]},
    )
    actions = [
        bcx.Action("mail", cost=0.5, channel="mail", response=bcx.Stated(bcx.Beta(2, 18))),
        bcx.Action("call", cost=1, channel="phone"),
    ]
    limits = bcx.Limits(capacity={"phone": 5}, budget=1000)
    return bcx.next_best_action(gains, actions, limits=limits, explore=bcx.Exploration(share=0.2), seed=1)


def test_the_page_of_a_plan_says_what_is_assumed_and_what_limits_cost(plan):
    page = bcx.actions_report(plan, WHEN)
    text = "\n".join(page.sentences)
    assert "What “mail” changes is assumed." in text
    assert f"Act on {60 - plan.counts['nothing']} of 60 customers" in page.sentences[0]
    limits = next(one for one in page.sections if one.title == "What limits cost").blocks[0].lines
    assert limits[0] == "The budget costs no gain: more of it would not be used."
    assert limits[1].startswith("One more of the capacity of phone would gain €")
    counts = next(tables_of(page.page.sections))
    assert {row[0]: row[1].value for row in counts.rows} == {"mail": 0, "call": 0} | plan.counts
    assert sum(row[4].value for row in counts.rows) == pytest.approx(plan.gain)
    assert page.to_bytes()[:5] == b"%PDF-"


def test_a_plan_that_does_nothing_and_one_that_learns_nothing_say_so():
    gains = xr.DataArray(
        [[1.0]], dims=("customer", "action"), coords={"customer": ["ann"], "action": ["mail"]}
    )
    page = bcx.actions_report(bcx.next_best_action(gains, [bcx.Action("mail", cost=3)]))
    assert page.sentences[0].startswith("Do nothing for 1 customer: no action")
    assert "The plan learns nothing." in str(page.page)


def test_customers_of_a_plan_are_named_by_their_column(log):
    learned = bcx.learn(log, seed=1)
    people = pd.DataFrame({"customer": ["a", "b"], "tier": ["gold", "basic"]})
    actions = [bcx.Action("mail", response=learned.response("mail"), worth=30, cost=3, channel="mail")]
    found = bcx.next_best_action(people, actions, limits=bcx.Limits(preferences={"a": "mail"}))
    assert found.data["customer"].to_numpy().tolist() == ["a", "b"]
    assert found.data["action"].to_numpy().tolist() == ["nothing", "nothing"]
    with pytest.raises(bcx.InputError, match="a row for each customer"):
        bcx.next_best_action(people.assign(customer="a"), actions)


@pytest.fixture(scope="module")
def trial():
    rng = np.random.default_rng(2)
    rows = pd.DataFrame({"mail": rng.choice(["no", "yes"], 3000), "shop": rng.choice(["town", "sea"], 3000)})
    rows["bought"] = rng.random(3000) < 0.1 + 0.1 * (rows["mail"] == "yes")
    return rows


def test_the_card_of_a_trial_holds_its_checks(trial, tmp_path):
    stats = bcx.summarise_trial(trial, "bought", arm="mail", control="no", by="shop")
    posterior = bcx.fit(bcx.models.TRIAL, stats, seed=1)
    card = bcx.model_card(bcx.TrialStudy(posterior, provenance=WHEN))
    assert card.data.customers == 3000
    assert card.data.groups == ("shop",)
    assert {check.name: check.status for check in card.computation.checks} == {
        check.name: check.status for check in posterior.checks
    }
    shares = trial.groupby("mail")["bought"].mean()
    (lift,) = card.model.parameters
    assert lift.mean == pytest.approx(shares["yes"] - shares["no"], abs=0.002)
    assert card.verdict == "not_run"  # with no check of priors nothing reads as passed
    card.write(tmp_path)
    assert bcx.ModelCard.from_json((tmp_path / "model_card.json").read_text("utf-8")) == card


def test_the_card_of_uplift_holds_the_judgement(trial):
    data = bcx.summarise_uplift(
        trial.astype({"bought": int}), outcome="bought", treatment="mail", control="no", features=["shop"]
    )
    fitted, rest = bcx.split_customers(data, seed=1)
    posterior = bcx.fit(bcx.models.UPLIFT, fitted, seed=1)
    judged = bcx.judge_uplift(posterior, rest, to="yes", seed=1)
    card = bcx.model_card(bcx.UpliftStudy(posterior, [judged], WHEN))
    assert [check.about for check in card.holdout.checks] == ["yes"] * len(judged.checks)
    assert "no gain from choosing is claimed" in card.holdout.note
    bare = bcx.model_card(bcx.UpliftStudy(posterior))
    assert not bare.holdout.checks
    assert bare.verdict == "not_run"
