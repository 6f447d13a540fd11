"""The hold-out of risk: counts by hand, a world whose risk is known, and rules beside it."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import bayes_cx as bcx
from bayes_cx.data import first_events
from bayes_cx.validation import risk_holdout, risk_rules
from bayes_cx.validation.found import found_by_contacts

END = pd.Timestamp("2024-07-01")


@pytest.fixture(scope="session")
def complainers():
    """Customers who leave six times as fast for 30 days after a complaint; nothing else matters."""
    rng = np.random.default_rng(3)
    rows = []
    for who in range(700):
        day, complained = int(rng.integers(0, 200)), -99
        rows.append((who, day, "join"))
        while day < 365:
            day += 1
            chance = 0.0012 * (9 if day - complained <= 30 else 1)
            if rng.random() < 0.012:
                rows.append((who, day, "complaint"))
                complained = day
            if rng.random() < 0.03:
                rows.append((who, day, "visit"))
            if rng.random() < chance:
                rows.append((who, day, "leave"))
                break
    frame = pd.DataFrame(rows, columns=["who", "day", "what"])
    frame["at"] = END - pd.Timedelta(days=365) + pd.to_timedelta(frame["day"], unit="D")
    return bcx.read_events(frame, customer="who", time="at", event="what"), frame


@pytest.fixture(scope="session")
def held_out(complainers):
    some = bcx.Features(windows=["30 days"], channels=())
    return risk_holdout(
        complainers[0], event="leave", cut="2024-05-31", t="30 days", period="10 days", features=some
    )


def test_who_left_is_counted_by_hand(complainers, held_out):
    _, frame = complainers
    cut = pd.Timestamp("2024-06-01")
    left = frame[frame["what"] == "leave"].set_index("who")["at"]
    came = frame.groupby("who")["at"].min()
    there = [who for who in came.index if came[who] < cut and not left.get(who, END) < cut]
    after = [who for who in there if cut <= left.get(who, END) < cut + pd.Timedelta(days=30)]
    assert held_out.customers == len(there)
    assert held_out.observed == len(after)


@pytest.fixture(scope="session")
def held_out_often(complainers):
    """The same on four dates; without recency the fit is small."""
    return risk_holdout(
        complainers[0],
        event="leave",
        cut="2024-03-02",
        until="2024-06-30",
        t="30 days",
        period="10 days",
        features=bcx.Features(windows=["30 days"], channels=(), recency=False),
        rules={"complaints": lambda _, rows: rows["complaint, 30 days"].to_numpy()},
    )


def test_several_dates_are_counted_by_hand(complainers, held_out_often):
    _, frame = complainers
    left = frame[frame["what"] == "leave"].set_index("who")["at"]
    came = frame.groupby("who")["at"].min()
    cases, events = 0, 0
    for number in range(4):
        begin = pd.Timestamp("2024-03-03") + number * pd.Timedelta(days=30)
        there = [who for who in came.index if came[who] < begin and not left.get(who, END) < begin]
        cases += len(there)
        events += sum(left.get(who, END) < begin + pd.Timedelta(days=30) for who in there)
    assert (held_out_often.dates, held_out_often.customers) == (4, cases)
    assert held_out_often.observed == events
    assert held_out_often.until == "2024-07-01 00:00:00"
    assert held_out_often.calibration["customers"].sum() == cases
    assert all(check.status == "passed" for check in held_out_often.checks)


def test_what_a_list_finds_is_counted_and_its_interval_is_that_of_resampled_customers():
    rng = np.random.default_rng(4)
    n, dates, k = 60, 3, 9
    customer, date = np.tile(np.arange(n), dates), np.repeat(np.arange(dates), n)
    frail = rng.normal(size=n)
    score = frail[customer] + 0.5 * rng.normal(size=customer.size)
    y = (rng.random(customer.size) < 1 / (1 + np.exp(2.5 - frail[customer]))).astype(float)
    other = rng.normal(size=customer.size)
    table = found_by_contacts({"a": score, "b": other}, y, customer, date, [k], resamples=1500, seed=1)

    def by_hand(who, scores):
        """Copy the rows of the customers who were drawn, and take the first k of each date."""
        found = total = 0.0
        for one in range(dates):
            rows = one * n + who
            best = rows[np.argsort(-scores[rows], kind="stable")[:k]]
            found, total = found + y[best].sum(), total + y[rows].sum()
        return found / total

    np.testing.assert_allclose(table["share"], [by_hand(np.arange(n), one) for one in (score, other)])
    again = [rng.integers(n, size=n) for _ in range(1500)]
    difference = [by_hand(who, score) - by_hand(who, other) for who in again]
    low, high = np.quantile(difference, [0.025, 0.975])
    np.testing.assert_allclose(
        table[["difference_low", "difference_high"]].to_numpy()[1], [low, high], atol=0.03
    )


def test_forecasts_come_true_and_find_more_than_silence_does(held_out):
    assert all(check.status == "passed" for check in held_out.checks)
    assert held_out.log_loss < held_out.log_loss_flat
    assert held_out.rules == ("bayes_cx", "recency", "RFM score")
    table = held_out.at(100)
    assert table["share"]["bayes_cx"] > table["share"]["recency"]
    assert held_out.calibration["customers"].sum() == held_out.customers
    assert held_out.found["share"].between(held_out.found["low"], held_out.found["high"]).all()


def test_a_rule_that_learns_is_given_the_periods_until_the_cut(complainers):
    events, _ = complainers
    seen = {}

    def rule(periods, rows):
        seen["until"] = periods.attrs["until"]
        return rows["complaint, 30 days"].to_numpy()

    found = risk_holdout(
        events,
        event="leave",
        cut="2024-05-31",
        features=bcx.Features(windows=["30 days"], channels=(), recency=False),
        rules={"complaints": rule} | risk_rules(),
    )
    assert seen["until"].startswith("2024-06-01 00:00:00")
    assert "complaints" in found.rules


def test_what_was_not_observed_is_not_judged(complainers):
    events, _ = complainers
    with pytest.raises(bcx.InputError, match="a span that was observed"):
        risk_holdout(events, event="leave", cut="2024-06-20", t="30 days")
    with pytest.raises(bcx.InputError, match="an end after the begin"):
        first_events(
            events, bcx.summarise_periods(events, event="leave"), after="2024-06-20", until="2024-06-01"
        )


@pytest.fixture(scope="session")
def risk_study(complainers):
    return bcx.study_risk(
        complainers[0],
        target="leave",
        until="2024-06-30",
        features=bcx.Features(windows=["30 days"], channels=()),
        provenance=bcx.RunProvenance(organisation="Northgate", timestamp=END.to_pydatetime()),
    )


def test_a_study_ranks_customers_and_says_why(risk_study):
    table = risk_study.table
    assert table["chance"].is_monotonic_decreasing
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    assert "complaint" in table["reasons"].iloc[0]
    assert ((table["low"] <= table["chance"]) & (table["chance"] <= table["high"])).all()
    assert risk_study.contacts["expected"].iloc[-1] == pytest.approx(table["chance"].sum())
    mean, low, high = risk_study.total
    assert low <= mean <= high


def test_a_report_and_a_card_say_it_in_words(risk_study, tmp_path):
    report = bcx.report(risk_study)
    said = " ".join(report.sentences)
    assert "at risk" in said
    assert "complaint" in said
    report.to_html(tmp_path / "risk.html")
    html = (tmp_path / "risk.html").read_text()
    assert "Did the forecasts come true?" in html
    card = bcx.model_card(risk_study)
    assert card.owner == "Northgate"
    assert card.data.customers == risk_study.periods.attrs["customers"]
    assert [check.status for check in card.holdout.checks] == ["passed", "passed"]


def test_pictures_of_risk_draw_on_given_axes(risk_study):
    effects = bcx.scoring.effects_on_risk(risk_study.posterior, "leave")
    assert effects["what"].iloc[0] == "complaint more often within 30 days"
    # The time since the last complaint has a part of the effect.
    assert effects["low"].iloc[0] > 1.5
    assert effects["step"].iloc[0] == "1 rather than 0"
    axes = Figure().add_subplot()
    for draw in (
        lambda: bcx.plot.risk_effects(risk_study.posterior, most=3, ax=axes),
        lambda: bcx.plot.risk_found(risk_study.holdout, ax=axes),
        lambda: bcx.plot.risk_calibration(risk_study.holdout, ax=axes),
    ):
        axes.clear()
        assert draw() is axes
        assert axes.get_xlabel()
        assert axes.lines
    with pytest.raises(bcx.InputError, match="the event 'stay'"):
        bcx.scoring.effects_on_risk(risk_study.posterior, "stay")


def test_notebooks_show_a_posterior_and_a_study_of_risk(risk_study):
    shown = risk_study.posterior._repr_html_()
    assert "Risk of leave" in shown
    assert "complaint more often within 30 days" in shown
    study = risk_study._repr_html_()
    assert "leave within 30 days" in study
    assert "customers at risk" in study


def test_signals_come_before_the_event(risk_study):
    assert risk_study.signals is not None
    assert risk_study.signals.sentences(1)[0].startswith("Within 30 days after complaint, leave is")


def test_risk_has_draws_as_other_fits_have(risk_study):
    drawn = bcx.draws(risk_study.posterior, risk_study.today, "p_event", t="30 days")
    assert drawn.dims == ("chain", "draw", "customer")
    scores = bcx.score(risk_study.posterior, risk_study.today, "p_event", t="30 days")
    np.testing.assert_allclose(drawn.mean(("chain", "draw")), scores["mean"])
    risk = risk_study.posterior
    for call, says in (
        (lambda: bcx.validation.holdout(risk, None, risk_study.today), r"a fit of hazard; .*use bcx\.score"),
        (lambda: bcx.report(risk), "a RiskPosterior for a study"),
        (lambda: bcx.next_cohort(risk, risk_study.today), "expected a LifetimeValue"),
        (lambda: bcx.reasons(risk_study, risk_study.today), "expected a RiskPosterior"),
        (lambda: bcx.plot.risk_found(risk), "expected a RiskHoldout"),
    ):
        with pytest.raises(bcx.InputError, match=says):
            call()
