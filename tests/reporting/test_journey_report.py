"""The report of journeys of a small simulated service: the numbers of the data, in the words of the user."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

import bayes_cx as bcx
from bayes_cx.page.blocks import Picture, Section, Table
from bayes_cx.page.html import document
from bayes_cx.page.markdown import markdown
from bayes_cx.reporting.journeys.page_one import before_words, known_customers

DAY = pd.Timestamp("2025-01-01")
GO = {
    "visit": {"order": 0.10, "bad day": 0.20, "visit": 0.30},
    "bad day": {"cancel": 0.30, "visit": 0.30},
}
NAMES = ("ordinary", "“difficult” <&> people")


def service(n=900, seed=2):
    """Return events of two kinds of customers; a bad day makes them leave."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n):
        kind, now, state = NAMES[number % 2], 24 * 80 * rng.random(), "visit"
        while True:
            rows.append(
                (f"c{number}", DAY + pd.Timedelta(hours=now), state, kind, "web" if number % 3 else None)
            )
            chances = dict(GO.get(state, {}))
            if "bad day" in chances and kind == NAMES[1]:
                chances["bad day"] += 0.2
            state = str(rng.choice([*chances, "stop"], p=[*chances.values(), 1 - sum(chances.values())]))
            if state == "stop":
                break
            now += rng.exponential(10.0)
    frame = pd.DataFrame(rows, columns=["who", "at", "what", "kind", "via"])
    frame.loc[0, "at"] = pd.NaT
    return frame[~(frame["at"] > DAY + pd.Timedelta(days=80))]


@pytest.fixture(scope="module")
def study():
    events = bcx.read_events(
        service(), customer="who", time="at", event="what", channel="via", context={"personal": ["kind"]}
    )
    run = bcx.RunProvenance(
        organisation="Northgate", timestamp=DAY.to_pydatetime(), command="bayes-cx journeys x"
    )
    return bcx.study_journeys(
        events,
        target="order",
        rival="cancel",
        until="2025-03-21",
        journey="4 days",
        by="kind",
        provenance=run,
    )


@pytest.fixture(scope="module")
def report(study):
    return bcx.report(study)


def blocks_of(blocks):
    for block in blocks:
        yield block
        yield from blocks_of(getattr(block, "blocks", ()))
        for part in getattr(block, "parts", ()):
            yield from blocks_of(part)


def test_every_section_is_there_and_the_bad_news_first(report):
    titles = [section.title for section in report.sections if section.title]
    assert titles == [
        "In short", "What we see of customers", "The journeys", "Winning and at risk", "Signals",
        "Who is at risk now",
        "Did the forecasts come true?", "Method", "Limits",
    ]  # fmt: skip
    lead = next(s for s in report.sentences if s.startswith("Of 100 journeys"))
    assert lead.index("“cancel”") < lead.index("“order”")


def test_no_word_of_another_business(report):
    text = markdown(report.page).lower()
    for word in ("purchase", "termination", "telecom", "shop", "basket", "call "):
        assert word not in text.replace("bcx.", ""), word


def test_what_makes_customers_leave_is_what_the_story_says(study, report):
    (mend,) = (s for s in report.sentences if s.startswith("Mend first") and "“cancel”" in s)
    assert "“bad day”" in mend
    (before,) = (s for s in report.sentences if s.startswith("Within "))
    assert "after bad day" in before
    assert "“bad day” right before in 100% of cases" in before_words(replace(study, signals=None))
    assert not study.memory.more_than_one
    assert study.rival is not None
    turn = study.rival.by_state.loc["bad day"]
    # A bad day is left by leaving, or by a visit, from which another may come.
    for kind, bad in zip(NAMES, (0.2, 0.4), strict=True):
        h = np.linalg.solve([[1 - 0.3, -bad], [-0.3, 1]], [0, 0.3])
        found = bcx.score(
            study.posterior, bcx.at_states(study.posterior, kind), "p_reach", target="cancel", before="order"
        )
        assert abs(float(found["mean"].sel(customer="bad day")) - h[1]) < 4 * float(
            found["sd"].sel(customer="bad day")
        )
    assert turn["change_low"] > 0


def test_counts_are_those_of_the_data(study, report):
    frame = service()
    assert study.customers == frame.loc[frame["at"].notna(), "who"].nunique()
    counted = [block for s in report.sections for block in blocks_of(s.blocks) if isinstance(block, Table)]
    ways = next(table for table in counted if table.label == "Most frequent journeys")
    best = ways.rows[0]
    by_path = study.paths.groupby(["path", "end"])["n"].sum()
    assert best[0] == " → ".join(by_path.idxmax()[0])
    assert best[2].value == by_path.max()
    assert any("missing time" in line or "unreadable time" in line for line in report.sentences)


def test_open_journeys_are_ranked_by_the_chance_to_leave(study):
    table = study.at_risk()
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    assert table["chance of cancel"].is_monotonic_decreasing
    assert len(table) == study.open.sizes["customer"] > 10
    assert ((table["low of cancel"] <= table["chance of cancel"]) & (table["chance of cancel"] <= 1)).all()


def test_forecasts_were_tested(study, report):
    assert study.holdout is not None
    assert {check.name for check in study.holdout.checks} <= {check.name for check in study.checks}
    assert any("were expected" in str(b) for s in report.sections for b in blocks_of(s.blocks))


def test_pages_are_whole(report):
    assert report.to_bytes().startswith(b"%PDF")
    html = document(report.page)
    assert html.count("<svg") >= 4
    assert "“difficult” &lt;&amp;&gt; people" in html
    pictures = [b for s in report.sections for b in blocks_of(s.blocks) if isinstance(b, Picture)]
    assert all(picture.alt and picture.headline for picture in pictures)


def test_the_card_holds_the_evidence(study):
    card = bcx.model_card(study)
    assert card.owner == "Northgate"
    assert card.holdout.checks
    assert card.verdict != "passed"  # what nobody checked is no pass
    assert bcx.model_card(study).to_json() == card.to_json()


def test_pictures_are_drawn_on_axes(study):
    import matplotlib.pyplot as plt

    _, axes = plt.subplots()
    assert bcx.plot.journey_map(study, ax=axes) is axes
    for made in (
        bcx.plot.journey_map(study.paths, goals=["order"], states=2),
        bcx.plot.journey_chances(study, of="rival"),
        bcx.plot.journey_calibration(study),
        bcx.plot.journey_calibration(study, "cancel"),
    ):
        assert isinstance(made, Axes)
    plt.close("all")
    with pytest.raises(bcx.InputError, match="one of"):
        bcx.plot.journey_calibration(study, "visit")


@pytest.mark.parametrize(
    ("frame", "settings"),
    [
        ([("a", "2025-01-01", "only")], {"target": "only"}),
        ([("a", "2025-01-01", "x"), ("a", "2025-01-01", "y")], {"rival": "y"}),
        (
            [("a", "2025-01-01 10:00", "x"), ("b", "2025-01-03 10:00", "y")],
            {"target": "y", "journey": "1 hour"},
        ),
    ],
)
def test_hardly_any_data_get_a_report_that_says_so(frame, settings):
    table = pd.DataFrame(frame, columns=["who", "at", "what"])
    events = bcx.read_events(table, customer="who", time="at", event="what")
    found = bcx.report(bcx.study_journeys(events, until="2025-01-05", **settings))
    assert any("The forecasts were not tested." in s for s in found.sentences)
    assert any("Few journeys." in s for s in found.sentences)
    assert isinstance(found.sections[0], Section)
    assert document(found.page)


def test_four_customers_show_nothing_to_mend():
    days = {"a": (1, 2), "b": (3,), "c": (4, 6), "d": (7, 8)}
    rows = [
        (who, f"2025-01-{day:02} 10:00", what)
        for who, found in days.items()
        for day, what in zip(found, ("visit", "basket"), strict=False)
    ]
    rows += [(who, f"2025-01-{days[who][1]:02} 10:30", "buy") for who in "ad"]
    frame = pd.DataFrame(rows, columns=["who", "at", "what"])
    events = bcx.read_events(frame, customer="who", time="at", event="what")
    said = " ".join(bcx.report(bcx.study_journeys(events, target="buy", until="2025-01-31")).sentences)
    assert "No state surely lowers the chance" in said
    assert "in 2 of 2 journeys" in said
    for claim in ("Mend first", "Look at what happens", "What comes before", "begin with the first"):
        assert claim not in said


def test_segments_are_crossed():
    rows = [(f"c{i}", f"2025-01-{1 + i % 20:02}", "visit", "ab"[i % 2], i % 3) for i in range(60)]
    frame = pd.DataFrame(rows, columns=["who", "at", "what", "plan", "size"])
    bought = frame[frame["plan"] == "a"].assign(what="buy", at="2025-01-25")
    events = bcx.read_events(pd.concat([frame, bought]), customer="who", time="at", event="what")
    study = bcx.study_journeys(events, target="buy", by=("plan", "size"), until="2025-02-20", holdout=False)
    assert study.terms.by == "plan and size"
    assert sorted(study.posterior.segments) == [f"{plan} · {size}" for plan in "ab" for size in range(3)]
    counts = study.posterior.counts[:, 0].sum(axis=1)
    assert counts.tolist() == [10] * 6


def test_labels_of_the_map_stay_inside_its_axes(study):
    import matplotlib.pyplot as plt

    for size in ((11, 4), (5, 2.5)):
        figure, (left, right) = plt.subplots(1, 2, figsize=size, layout="constrained")
        right.plot([0, 1])
        bcx.plot.journey_map(study, ax=left)
        figure.draw_without_rendering()
        inside = left.get_window_extent().padded(3)
        boxes = [text.get_window_extent() for text in left.texts]
        assert boxes
        assert all(inside.x0 <= box.x0 and box.x1 <= inside.x1 for box in boxes)
        assert all(inside.y0 <= box.y0 and box.y1 <= inside.y1 for box in boxes)
        plt.close(figure)


def test_what_cannot_be_studied():
    table = pd.DataFrame({"who": ["a"], "at": ["2025-01-01"], "what": ["x"]})
    events = bcx.read_events(table, customer="who", time="at", event="what")
    with pytest.raises(bcx.InputError, match="no target"):
        bcx.study_journeys(events)
    with pytest.raises(bcx.InputError, match="as target and as rival"):
        bcx.study_journeys(events, target="x", rival="x")
    with pytest.raises(bcx.InputError, match="no event 'buy'"):
        bcx.study_journeys(events, target="buy")


def test_page_one_tells_known_customers_from_visits_of_nobody_known():
    """Every other visit is of nobody known, and none of these can be cancelled."""
    rows = []
    for number in range(80):
        at = DAY + pd.Timedelta(hours=number)
        who = f"c{number}" if number % 2 else None
        rows.append((who, f"v{number}", at, "visit"))
        if number % 8 == 1:
            rows.append((who, f"v{number}", at + pd.Timedelta(minutes=1), "cancel"))
    frame = pd.DataFrame(rows, columns=["who", "visit", "at", "what"])
    events = bcx.read_events(frame, customer="who", time="at", event="what", session="visit")
    found = bcx.study_journeys(events, rival="cancel", until="2025-01-31", close="30 minutes", holdout=False)
    assert found.by_known == ({"cancel": 10, "exit": 30}, {"exit": 40})
    assert (
        "of which 50% are of known customers: of 100 of these 25 were seen to reach “cancel”, and of 100 "
        "visits of nobody known none."
    ) in known_customers(found)
