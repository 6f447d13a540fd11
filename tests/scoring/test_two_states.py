"""Journeys that remember two states, against simulation of a second-order story and counts by hand."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.scoring import place_steps
from bayes_cx.scoring.journey_outlook import state_outlook
from bayes_cx.scoring.reach import journey_draws
from bayes_cx.scoring.ways import Ways

CLOSE = 60.0
FEW = bcx.Conjugate(draws=1000)
MEAN = {"look": 5.0, "basket": 12.0}
# What follows a state depends on the state before it: who comes back to look from the basket rarely buys.
GO = {
    ("", "start"): {"look": 0.8, "basket": 0.2},
    ("start", "look"): {"look": 0.3, "basket": 0.4, "exit": 0.3},
    ("look", "look"): {"look": 0.4, "basket": 0.1, "leave": 0.2, "exit": 0.3},
    ("basket", "look"): {"look": 0.1, "basket": 0.2, "leave": 0.5, "exit": 0.2},
    ("start", "basket"): {"look": 0.1, "buy": 0.8, "exit": 0.1},
    ("look", "basket"): {"look": 0.6, "buy": 0.3, "exit": 0.1},
}
ENDS = ("buy", "leave", "exit")


def flat(go):
    """Return a story of which the state before is no part: what follows a state is the same after all."""
    return {pair: go["start", pair[1]] if pair[1] != "start" else chances for pair, chances in go.items()}


def journey(rng, go=GO, before="", state="start", wait=0.0):
    """Return the steps of a journey as (state, minutes after now), from a stay of some length so far."""
    found, now, first = [], 0.0, True
    while state not in ENDS:
        chances = go[before, state]
        while True:
            following = str(rng.choice(list(chances), p=list(chances.values())))
            pause = (
                0.0 if state == "start" else CLOSE if following == "exit" else rng.exponential(MEAN[state])
            )
            if not first or state == "start" or pause > wait:
                break
        now += pause - (wait if first else 0.0)
        before, state, first = state, following, False
        found.append((state, now))
    return found


def stays_of(go, n, seed):
    """Return the stays of simulated journeys, and the journeys."""
    rng = np.random.default_rng(seed)
    rows, journeys = [], [journey(rng, go) for _ in range(n)]
    for steps_ in journeys:
        before, state, then = "", "start", 0.0
        for following, now in steps_:
            rows.append((before, state, following, now - then, 1, 1))
            before, state, then = state, following, now
    table = pd.DataFrame(rows, columns=["before", "state", "next", "wait", "left", "weight"])
    timed = table["state"] != "start"
    table.loc[timed, "wait"] = np.maximum((2 * table.loc[timed, "wait"]).round() / 2, 0.25)
    attrs = {
        "kind": "stays", "unit": "minute", "until": "2025-01-01 00:00:00", "sha256": "x", "close": CLOSE,
        "targets": '["buy", "leave"]', "journeys": n,
    }  # fmt: skip
    return xr.Dataset({name: ("row", table[name].to_numpy()) for name in table}, attrs=attrs), journeys


@pytest.fixture(scope="module")
def story():
    return stays_of(GO, 2000, 1)


@pytest.fixture(scope="module")
def stays(story):
    return story[0]


@pytest.fixture(scope="module")
def posterior(stays):
    return bcx.fit(bcx.models.SEMI_MARKOV, stays, method=FEW, seed=1)


def test_two_states_are_remembered_where_they_matter(posterior):
    assert posterior.memory == 2
    assert posterior.provenance["memory"]["asked"] == "auto"
    assert posterior.provenance["memory"]["gain"] > 100
    assert posterior.verdict == "passed"
    assert "last two states" in posterior.limits[0]
    assert "memory of two states" in repr(posterior)


def test_the_gain_is_the_difference_that_compare_memory_finds(posterior, stays):
    found = bcx.compare_memory(stays).table["log_marginal"]
    gain = found["two states, pooled"] - found["one state"]
    assert posterior.provenance["memory"]["gain"] == pytest.approx(gain, abs=0.5)


def test_pairs_are_counted_as_by_hand(posterior, story):
    by_hand = Counter()
    for steps_ in story[1]:
        names = ["", "start", *(name for name, _ in steps_)]
        by_hand.update(zip(names, names[1:], names[2:], strict=False))
    pairs = posterior.draws["observed_data"]["pairs"].sum("segment")
    for (before, state, following), n in by_hand.items():
        assert int(pairs.sel(before=before, state=state, next=following)) == n
    assert int(pairs.sum()) == sum(by_hand.values())
    assert np.array_equal(pairs.sum("before").to_numpy(), posterior.counts[0])


def test_the_chances_of_each_pair_are_found_again(posterior):
    p, places = posterior.at_places(), posterior.places
    for (before, state), chances in GO.items():
        (place,) = places.of(posterior.states.index(state), before)
        for following, share in chances.items():
            drawn = p[:, place, posterior.following.index(following)]
            assert abs(drawn.mean() - share) < 4 * drawn.std() + 0.01


def test_transitions_of_a_state_are_the_average_over_what_came_before(posterior):
    seen = posterior.counts[0] / posterior.counts[0].sum(axis=1, keepdims=True)
    assert posterior.transitions().mean(axis=0) == pytest.approx(seen, abs=0.01)


CASES: list[tuple[str, dict[str, Any], Any]] = [
    ("p_reach", {"target": "buy"}, lambda found: "buy" in dict(found)),
    ("p_reach", {"target": "buy", "t": 15}, lambda found: dict(found).get("buy", np.inf) <= 15),
    ("p_reach", {"target": "exit", "t": 70}, lambda found: dict(found).get("exit", np.inf) <= 70),
    (
        "p_next",
        {"target": ["basket", "buy"], "t": 8},
        lambda f: f[0][0] in ("basket", "buy") and f[0][1] <= 8,
    ),
    ("expected_visits", {"target": "look"}, lambda found: sum(name == "look" for name, _ in found)),
    ("expected_time", {}, lambda found: found[-1][1]),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "state", "wait"), [("", "start", 0.0), ("start", "look", 6.0), ("basket", "look", 0.0)]
)
def test_quantities_are_those_of_simulated_journeys(posterior, before, state, wait):
    rng = np.random.default_rng(2)
    later = [journey(rng, GO, before, state, wait) for _ in range(1000)]
    data = {"before": [before], "state": [state], "wait": [wait]}
    now = xr.Dataset({name: ("customer", value) for name, value in data.items()}, attrs={"unit": "minute"})
    for quantity, options, of in CASES:
        seen = np.array([of(found) for found in later], float)
        found = bcx.score(posterior, now, quantity, **options)
        error = np.hypot(seen.std() / np.sqrt(seen.size), float(found["sd"][0]))
        assert float(found["mean"][0]) == pytest.approx(seen.mean(), abs=4 * error + 1e-9), (
            quantity,
            options,
        )


def test_one_state_alone_is_wrong_about_these(stays):
    one = bcx.fit(bcx.models.SEMI_MARKOV, stays, method=FEW, seed=1, memory=1)
    (failed,) = (check for check in one.checks if check.status == "failed")
    assert failed.about == "memory"
    now = xr.Dataset({"before": ("customer", ["start"]), "state": ("customer", ["basket"])})
    now = now.assign(wait=("customer", [0.0]))
    found = bcx.score(one, now, "p_next", target="buy")
    assert float(found["mean"][0]) < 0.8 - 10 * float(found["sd"][0])


def test_what_is_not_known_is_averaged(posterior):
    """Who has waited is less likely one of those who will come no more, or more, by each state before."""

    def values(journeys):
        return journey_draws(posterior, journeys, "p_next", target="exit")[:, 0]

    unknown = xr.Dataset({"state": ("customer", ["look"]), "wait": ("customer", [9.0])})
    places = posterior.places.of(posterior.states.index("look"))
    names = [posterior.places.before[place] for place in places]
    each = [values(unknown.assign(before=("customer", [name]))) for name in names if name is not None]
    seen = posterior.draws["observed_data"]["pairs"].sel(state="look").sum(("segment", "next"))
    exits = posterior.at_places()[:, places, posterior.following.index("exit")]
    still = posterior.waits["look"].thinned(np.arange(posterior.n_draws)).survival(np.array([9.0]))[:, 0]
    weight = np.array(
        [
            int(seen.sel(before=name)) * ((1 - exits[:, at]) * still + exits[:, at])
            for at, name in enumerate(names)
            if name is not None
        ]
    )
    expected = (weight * each).sum(axis=0) / weight.sum(axis=0)
    assert values(unknown) == pytest.approx(expected)


def test_chances_of_all_ends_add_up_to_one(posterior):
    at = bcx.at_states(posterior)
    total = sum(journey_draws(posterior, at, "p_reach", target=end, thin_to=50) for end in ENDS)
    assert total == pytest.approx(np.ones_like(total))


def test_shares_of_pairs_reach_an_end_as_often_as_was_seen(posterior, story):
    pairs, places = posterior.draws["observed_data"]["pairs"].to_numpy()[0], posterior.places
    names = ["", *posterior.states]
    p = np.zeros((1, len(places), len(posterior.following)))
    for place, before in enumerate(places.before):
        if before is not None:
            seen = pairs[names.index(before), places.state[place]]
            p[0, place] = seen / seen.sum()
    ways = Ways.of(posterior, p, ["buy"], ["buy", "leave"])
    assert ways.in_total()[0, 0] == pytest.approx(np.mean([found[-1][0] == "buy" for found in story[1]]))


def test_removal_effects_are_those_of_journeys_cut_there(posterior, story):
    found = bcx.removal_effects(posterior, "buy").sel(state="look")
    bought = [found for found in story[1] if found[-1][0] == "buy"]
    # Of those who bought, the share that had looked would not have.
    passed = np.mean([any(name == "look" for name, _ in found) for found in bought])
    assert abs(float(found.mean()) - passed) < 4 * float(found.std()) + 0.01


def test_many_places_are_solved_as_few_are(posterior, monkeypatch):
    at = bcx.at_states(posterior)
    asked = (("p_reach", {"target": "buy"}), ("p_reach", {"target": "buy", "t": 15}), ("expected_time", {}))
    few = [journey_draws(posterior, at, quantity, thin_to=40, **o) for quantity, o in asked]
    monkeypatch.setattr(place_steps, "_DENSE", 0)
    many = [journey_draws(posterior, at, quantity, thin_to=40, **o) for quantity, o in asked]
    for one, other in zip(few, many, strict=True):
        assert other == pytest.approx(one, rel=1e-9)
    monkeypatch.setattr(place_steps, "_ROUNDS", 1)  # as of journeys that hardly ever end
    assert journey_draws(posterior, at, "expected_time", thin_to=40) == pytest.approx(few[2], rel=1e-9)


def test_where_one_state_is_enough_two_change_little():
    stays, _ = stays_of(flat(GO), 1000, 3)
    auto, two = (
        bcx.fit(bcx.models.SEMI_MARKOV, stays, method=FEW, seed=1, memory=memory) for memory in ("auto", 2)
    )
    assert auto.memory == 1
    assert auto.provenance["memory"]["gain"] < 0
    at = bcx.at_states(auto)
    asked: dict[str, dict[str, Any]] = {"p_reach": {"target": "buy"}, "expected_time": {}}
    for quantity, options in asked.items():
        one, other = (bcx.score(each, at, quantity, **options) for each in (auto, two))
        assert np.all(np.abs(one["mean"] - other["mean"]) < 0.5 * np.maximum(one["sd"], other["sd"]))


def test_a_posterior_is_read_as_it_was_written(posterior, tmp_path):
    posterior.save(tmp_path / "journeys.nc")
    again = bcx.load(tmp_path / "journeys.nc")
    at = bcx.at_states(posterior)
    assert bcx.score(posterior, at, "p_reach", target="buy").equals(
        bcx.score(again, at, "p_reach", target="buy")
    )


def test_segments_have_pairs_of_their_own(stays):
    """One segment does as the story says, the other as if nobody remembered."""
    others, _ = stays_of(flat(GO), 1000, 4)
    both = xr.concat([one.assign(part=("row", [name] * one.sizes["row"])) for name, one in
                      (("with", stays), ("without", others))], "row", combine_attrs="override")  # fmt: skip
    found = bcx.fit(bcx.models.SEMI_MARKOV, both, method=FEW, design=bcx.Design(pool=["part"]), seed=1)
    assert found.memory == 2
    now = {"before": ["look"] * 2, "state": ["basket"] * 2, "wait": [0.0] * 2, "part": ["with", "without"]}
    now = xr.Dataset({name: ("customer", value) for name, value in now.items()})
    assert bcx.score(found, now, "p_next", target="buy")["mean"].to_numpy() == pytest.approx(
        [0.3, 0.8], abs=0.05
    )
    spread = {name: found.at_places(name).std(axis=0).mean() for name in ("with", "new")}
    assert spread["with"] < spread["new"]
    whole = found.transitions()[:, 0].mean(axis=0)
    assert whole[found.following.index("look")] == pytest.approx(0.8, abs=0.03)


def test_open_journeys_are_scored_with_the_state_before():
    rng = np.random.default_rng(5)
    rows = []
    for visitor in range(600):
        kind = rng.choice(["a", "b"])
        names = [kind, "c", "buy" if (kind == "a") == (rng.random() < 0.9) else "call"]
        names = names[: 2 + (visitor >= 20)]
        rows += [
            (visitor, pd.Timestamp("2025-01-01") + pd.Timedelta(hours=d * (3 + visitor % 15)), name)
            for d, name in enumerate(names)
        ]
    frame = pd.DataFrame(rows, columns=["who", "at", "what"])
    events = bcx.read_events(frame, customer="who", time="at", event="what")
    reading = {"targets": ("buy", "call"), "until": "2025-01-03", "unit": "day"}
    fitted = bcx.fit(bcx.models.SEMI_MARKOV, bcx.summarise_stays(events, before=True, **reading), seed=1)
    now = bcx.open_journeys(events, **reading)
    found = bcx.score(fitted, now, "p_reach", target="buy")["mean"].to_numpy()
    assert now.sizes["customer"] == 20
    assert found == pytest.approx(np.where(now["before"].to_numpy() == "a", 0.9, 0.1), abs=0.06)


@pytest.mark.parametrize(
    ("memory", "about"), [(2, "the state before"), (3, "memory=3"), ("two", "memory='two'")]
)
def test_a_memory_that_cannot_be_is_refused(stays, memory, about):
    with pytest.raises(bcx.InputError, match=about):
        bcx.fit(bcx.models.SEMI_MARKOV, stays.drop_vars("before"), memory=memory)
    with pytest.raises(bcx.InputError, match="a model of journeys"):
        bcx.fit(bcx.models.BG_NBD, stays, memory=memory)  # pyright: ignore[reportCallIssue, reportArgumentType]


def test_a_state_before_that_was_never_seen_is_any_other(posterior):
    now = xr.Dataset({"before": ("customer", ["nowhere"]), "state": ("customer", ["look"])})
    found = bcx.score(posterior, now.assign(wait=("customer", [0.0])), "p_next", target="basket")
    known = bcx.score(
        posterior,
        now.assign(before=("customer", ["look"]), wait=("customer", [0.0])),
        "p_next",
        target="basket",
    )
    assert 0 < float(found["mean"][0]) < 1
    assert float(found["sd"][0]) > 3 * float(known["sd"][0])


def test_what_coming_into_a_state_changes_is_that_of_the_pairs(posterior, story):
    """Against the shares of simulated journeys that bought after each pair of states."""
    ways = Counter((tuple(name for name, _ in found[:-1]), found[-1][0]) for found in story[1])
    rows = [(path, end, path[-1] if path else "", n) for (path, end), n in ways.items()]
    paths = pd.DataFrame(rows, columns=["path", "end", "last", "n"])
    found = state_outlook(posterior, paths, ["buy"]).loc["basket"]
    bought = {pair: [] for pair in GO}
    came = Counter()
    for steps_ in story[1]:
        names = ["", "start", *(name for name, _ in steps_)]
        for before, state, following in zip(names, names[1:], names[2:], strict=False):
            bought[before, state].append(names[-1] == "buy")
            came[before, state] += following == "basket" and state != "basket"
    chance = {pair: np.mean(ended) for pair, ended in bought.items()}
    earlier = sum(n * chance[pair] for pair, n in came.items()) / came.total()
    there = sum(n * chance[state, "basket"] for (_, state), n in came.items() if n) / came.total()
    assert found["earlier"] == pytest.approx(earlier, abs=0.03)
    assert found["change"] == pytest.approx(there - earlier, abs=0.03)
    assert found["change_low"] < there - earlier < found["change_high"]


def test_what_was_solved_before_is_held_within_bounds(posterior, monkeypatch):
    at = bcx.at_states(posterior)
    posterior.solved.clear()
    first = journey_draws(posterior, at, "p_reach", target="buy", thin_to=30)
    assert len(posterior.solved) == 1
    assert np.array_equal(journey_draws(posterior, at, "p_reach", target="buy", thin_to=30), first)
    others = journey_draws(posterior, at, "p_reach", target="leave", thin_to=30)
    assert not np.array_equal(others, first)
    monkeypatch.setattr("bayes_cx.scoring.reach._HELD", 0)
    assert np.array_equal(journey_draws(posterior, at, "p_reach", target="buy", thin_to=30), first)
    journey_draws(posterior, at, "p_next", target="buy", thin_to=30)
    assert len(posterior.solved) == 1
    assert "solved" not in posterior.__getstate__()
