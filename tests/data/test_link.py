"""Identities: sure links are connected components, uncertain ones come true as often as they say."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayes_cx as bcx

KEY = "k3Xq9ZlpW0v7TmNc2"
IDS = [f"id {number}" for number in range(8)]


def events_of(ids, **more):
    frame = pd.DataFrame({"who": ids, "at": pd.date_range("2025-01-01", periods=len(ids)), "what": "visit"})
    return bcx.read_events(
        frame.assign(**more), customer="who", time="at", event="what", **{name: name for name in more}
    )


EVENTS = events_of(IDS)


def links_of(*rows):
    return pd.DataFrame(rows, columns=["left", "right", "probability"])


@given(st.lists(st.tuples(st.sampled_from(IDS), st.sampled_from(IDS)), max_size=12))
@settings(max_examples=10, deadline=None)
def test_sure_links_are_connected_components(pairs):
    linked = bcx.link(EVENTS, pd.DataFrame(pairs, columns=["left", "right"], dtype="str"))
    assert linked.imputations == 1
    # By hand: whoever is linked takes the smaller name, until nothing changes.
    name = {one: one for one in IDS}
    for _ in IDS:
        for one, other in pairs:
            name[one] = name[other] = min(name[one], name[other])
    assert linked.people(0).to_dict() == name


def test_linked_events_are_those_of_renamed_customers():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"who": rng.choice(IDS, 300), "what": rng.choice(list("xyz"), 300)})
    # Many events at the same time: they follow in the order of their rows.
    frame["at"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 9, 300), unit="D")
    roles = {"customer": "who", "time": "at", "event": "what"}
    linked = bcx.link(bcx.read_events(frame, **roles), links_of(("id 3", "id 1", 1), ("id 1", "id 6", 1)))
    renamed = frame.replace({"who": {"id 3": "id 1", "id 6": "id 1"}})
    one, other = linked.events(0), bcx.read_events(renamed, **roles)
    pd.testing.assert_frame_equal(one.accepted.df(), other.accepted.df())
    stays = [bcx.summarise_stays(events, targets="z", unit="day") for events in (one, other)]
    pd.testing.assert_frame_equal(*(each.to_dataframe() for each in stays))
    assert one.only("x").rows_accepted == other.only("x").rows_accepted
    assert one.sha256 != linked.unlinked.sha256


def test_chances_of_nought_and_one_are_unlinked_and_linked():
    never = bcx.link(EVENTS, links_of(("id 1", "id 2", 0)))
    assert never.events(0) is EVENTS
    always = bcx.link(EVENTS, links_of(("id 1", "id 2", 1)))
    assert always.people(0)["id 2"] == "id 1"
    nearly = bcx.link(EVENTS, links_of(("id 1", "id 2", 0.999999)), imputations=3, seed=1)
    assert all(nearly.people(number)["id 2"] == "id 1" for number in range(3))


def test_links_that_cannot_be_used_are_counted():
    rows = [
        ("id 1", "id 1", 1),
        ("id 1", None, 1),
        ("id 1", "id 2", 1.5),
        ("id 1", "id 2", None),
        ("id 3", "nobody", 1),
        ("id 4", "id 5", 0.2),
        ("id 5", "id 4", 0.4),
        ("id 6", "id 7", 1),
        ("id 6", "id 0", 0.3),
        ("hub", "id 1", 1),
        ("hub", "id 2", 1),
    ]
    linked = bcx.link(EVENTS, links_of(*rows), imputations=80)
    assert linked.rejected_by_reason == {
        "id that no event has": 1,
        "link of an id with itself": 1,
        "link that is named again": 1,
        "missing id": 1,
        "probability that is missing or not from 0 to 1": 2,
        "uncertain link of an id that is linked for sure": 1,
    }
    people = [linked.people(number) for number in range(80)]
    # Two customers that an id without events joins are one.
    assert all(one["id 1"] == one["id 2"] for one in people)
    assert all(one["id 0"] != one["id 6"] for one in people)
    together = np.mean([one["id 4"] == one["id 5"] for one in people])
    assert abs(together - 0.4) < 4 * np.sqrt(0.24 / 80)
    assert people[0]["hub"] == "id 1"
    assert "link of an id with itself" in linked._repr_html_()


def test_a_device_is_of_one_person_at_most():
    linked = bcx.link(
        EVENTS, links_of(("id 0", "id 1", 0.5), ("id 0", "id 2", 0.3), ("id 0", "id 3", 0.1)), imputations=150
    )
    people = [linked.people(number) for number in range(150)]
    joined = np.array([[one["id 0"] == one[f"id {k}"] for k in (1, 2, 3)] for one in people])
    assert joined.sum(axis=1).max() == 1
    for share, p in zip(joined.mean(axis=0), (0.5, 0.3, 0.1), strict=True):
        assert abs(share - p) < 4 * np.sqrt(p * (1 - p) / 150)
    too_much = bcx.link(EVENTS, links_of(("id 0", "id 1", 0.9), ("id 0", "id 2", 0.6)), imputations=80)
    assert too_much.rejected_by_reason == {"probabilities of one id above 1 in sum, made smaller": 2}
    assert all(one["id 0"] != one["id 3"] for one in map(too_much.people, range(80)))


def test_imputations_do_not_depend_on_how_many_there_are():
    links = links_of(*((f"id {k}", f"id {k + 1}", 0.5) for k in range(7)))
    few, many = (bcx.link(EVENTS, links, imputations=n, seed=3) for n in (2, 5))
    pd.testing.assert_series_equal(few.people(1), many.people(1))
    assert not few.people(0).equals(few.people(1))
    with pytest.raises(bcx.InputError, match="from 0 to 1"):
        few.people(2)
    with pytest.raises(bcx.InputError, match="imputations=0"):
        bcx.link(EVENTS, links, imputations=0)
    with pytest.raises(bcx.InputError, match="no column 'other'"):
        bcx.link(EVENTS, links, right="other")


def test_numbers_sessions_and_pseudonyms_are_linked():
    numbers = events_of([1.0, 2.0, np.nan, 3.0], session=["a", "b", "c", "d"])
    linked = bcx.link(numbers, links_of((2, 1, 1), ("c", "3", 1)))
    shown = linked.events(0)
    assert shown.accepted.df()["customer"].tolist() == [1, 1, 3, 3]
    assert shown.rows_anonymous == 0
    assert shown.counts["known"].sum() == 4
    frame = pd.DataFrame({"who": ["ann", "bob", "eve"], "at": "2025-01-01", "what": "visit"})
    hidden = bcx.read_events(frame, customer="who", time="at", event="what", pseudonym_key=KEY)
    names = bcx.link(hidden, links_of(("eve", "ann", 1))).events(0).accepted.df()["customer"]
    assert names[0] == names[2] != names[1]
    assert names[0] == hidden.accepted.df()["customer"][0]


def test_visits_of_nobody_known_stay_so():
    events = events_of([None, None, "ann"], session=["a", "b", "c"])
    linked = bcx.link(events, links_of(("a", "b", 1)))
    assert linked.events(0) is events


def test_the_truth_lies_in_the_intervals(operator):
    """How many visits of browsers that nobody logged in with are those of the customer they are linked to."""
    links = operator.links[operator.links["probability"] < 1].set_index("left")
    truly = operator.truth.identities[links.index] == links["right"]
    visits = operator.frame.groupby("account")["session"].nunique()[links.index]
    linked = bcx.link(operator.by_account, operator.links, imputations=30, seed=4)
    made = [
        visits[linked.people(number)[links.index].to_numpy() == links["right"]].sum() for number in range(30)
    ]
    low, high = np.quantile(made, [0.0, 1.0])
    assert low <= visits[truly].sum() <= high
    # To take the likelier answer for certain is wrong, and says nothing of it.
    assert visits[links["probability"] > 0.5].sum() > high
    # Browsers with a log-in are the customer's, whatever comes of the others.
    sure = operator.links[operator.links["probability"] == 1]
    sure = sure[sure["left"].isin(operator.frame["account"])]
    assert (linked.people(0)[sure["left"]].to_numpy() == sure["right"]).all()


@pytest.mark.slow
def test_intervals_cover_as_often_as_they_say():
    """Small worlds in which each link is true with its probability; a mean over people, and its interval."""
    rng, hits, n = np.random.default_rng(6), 0, 60
    devices, owners = [f"k{i:02d}" for i in range(40)], [f"c{i:02d}" for i in range(40)]
    events = events_of(devices + owners)
    p = rng.uniform(0.1, 0.9, 40).round(2)
    linked = bcx.link(events, links_of(*zip(devices, owners, p, strict=True)), imputations=100, seed=1)
    drawn = np.array([linked.people(number).nunique() for number in range(100)])
    for _ in range(n):
        true = 80 - (rng.random(40) < p).sum()
        low, high = np.quantile(drawn, [0.05, 0.95])
        hits += low <= true <= high
    assert hits / n > 0.9 - 3 * np.sqrt(0.09 / n)
