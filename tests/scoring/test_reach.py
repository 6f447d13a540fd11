"""Where journeys lead, against simulation from the story and against values that were published."""

import gzip
import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.scoring.reach import journey_draws

# Not in the repository.
PATHS = Path(__file__).parents[3] / "shared" / "data" / "channel_paths.csv.gz"
RATES = {"look": (0.7, 5.0), "basket": (1.6, 20.0)}
GO = {
    "start": {"look": 0.9, "basket": 0.1},
    "look": {"look": 0.4, "basket": 0.2, "leave": 0.1, "exit": 0.3},
    "basket": {"look": 0.3, "buy": 0.5, "exit": 0.2},
}
CLOSE = 60.0


def journey(rng, state="start", wait=0.0):
    """Return the steps of a journey as (state, minutes after now), from a stay of some length so far."""
    steps, now, first = [], 0.0, True
    while state in GO:
        if state == "start":
            pause = 0.0
        else:
            # The last stay is one in which nothing comes; it is the last with the chance of the exit.
            while True:
                following = rng.choice(list(GO[state]), p=list(GO[state].values()))
                shape, scale = RATES[state]
                pause = CLOSE if following == "exit" else scale * rng.weibull(shape)
                if not first or pause > wait:
                    break
            pause -= wait if first else 0.0
        if state == "start":
            following = rng.choice(list(GO[state]), p=list(GO[state].values()))
        now, state, first = now + pause, str(following), False
        steps.append((state, now))
    return steps


@pytest.fixture(scope="module")
def stays():
    """Return the stays of a few thousand journeys."""
    rng = np.random.default_rng(1)
    rows = []
    for _ in range(3000):
        state, before = "start", 0.0
        for following, now in journey(rng):
            rows.append((state, following, max(now - before, 0.0), 1))
            state, before = following, now
    table = pd.DataFrame(rows, columns=["state", "next", "wait", "left"])
    table.loc[(table["state"] != "start") & (table["wait"] == 0), "wait"] = 1e-6
    data = {name: ("row", table[name].to_numpy()) for name in table}
    attrs = {
        "kind": "stays", "unit": "minute", "until": "2025-01-01 00:00:00", "sha256": "x", "close": CLOSE,
        "targets": '["buy", "leave"]', "journeys": 3000,
    }  # fmt: skip
    return xr.Dataset(data | {"weight": ("row", np.ones(len(table), np.int64))}, attrs=attrs)


@pytest.fixture(scope="module")
def posterior(stays):
    return bcx.fit(bcx.models.SEMI_MARKOV, stays, seed=1)


def test_a_fit_finds_the_story_again(posterior):
    assert posterior.verdict == "passed"
    assert posterior.states == ("start", "basket", "look")
    assert set(posterior.following) == {"basket", "look", "buy", "leave", "exit"}
    p = posterior.transitions()
    for state, go in GO.items():
        for following, share in go.items():
            drawn = p[:, posterior.states.index(state), posterior.following.index(following)]
            assert abs(drawn.mean() - share) < 4 * drawn.std()
    for state, (shape, scale) in RATES.items():
        waits = posterior.waits[state]
        assert waits.family == "Weibull"
        assert abs(waits.shape.mean() - shape) < 4 * waits.shape.std()
        assert abs(waits.scale.mean() - scale) < 4 * waits.scale.std()


CASES = [
    ("p_reach", {"target": "buy"}, lambda steps: "buy" in dict(steps)),
    ("p_reach", {"target": "buy", "t": 25}, lambda steps: dict(steps).get("buy", np.inf) <= 25),
    ("p_reach", {"target": "exit", "t": 45}, lambda steps: dict(steps).get("exit", np.inf) <= 45),
    (
        "p_reach",
        {"target": "basket", "before": "look"},
        lambda steps: next((name for name, _ in steps if name in ("basket", "look")), "") == "basket",
    ),
    ("p_next", {"target": "basket"}, lambda steps: steps[0][0] == "basket"),
    (
        "p_next",
        {"target": ["basket", "buy"], "t": 8},
        lambda steps: steps[0][0] in ("basket", "buy") and steps[0][1] <= 8,
    ),
    ("expected_visits", {"target": "look"}, lambda steps: sum(name == "look" for name, _ in steps)),
    (
        "expected_visits",
        {"target": "look", "t": 30},
        lambda steps: sum(name == "look" and at <= 30 for name, at in steps),
    ),
    ("expected_time", {}, lambda steps: steps[-1][1]),
]  # fmt: skip


@pytest.mark.parametrize(("quantity", "options", "of"), CASES)
@pytest.mark.parametrize(("state", "wait"), [("start", 0.0), ("look", 0.0), ("look", 14.0), ("basket", 30.0)])
def test_quantities_are_those_of_simulated_journeys(posterior, quantity, options, of, state, wait):
    rng = np.random.default_rng(2)
    seen = np.array([of(journey(rng, state, wait)) for _ in range(1500)], float)
    open_ = xr.Dataset(
        {"state": ("customer", [state]), "wait": ("customer", [wait])}, attrs={"unit": "minute"}
    )
    found = bcx.score(posterior, open_, quantity, **options)
    error = np.hypot(seen.std() / np.sqrt(seen.size), float(found["sd"][0]))
    assert float(found["mean"][0]) == pytest.approx(seen.mean(), abs=4 * error + 1e-9)


def test_a_finer_grid_of_times_changes_nothing_that_matters(posterior, monkeypatch):
    at = bcx.at_states(posterior)
    coarse = journey_draws(posterior, at, "p_reach", target="buy", t=40, thin_to=50)
    monkeypatch.setattr("bayes_cx.scoring.ways._CELLS", 512)
    posterior.solved.clear()
    fine = journey_draws(posterior, at, "p_reach", target="buy", t=40, thin_to=50)
    assert np.abs(fine - coarse).max() < 2e-3


def test_chances_of_all_ends_add_up_to_one(posterior):
    at = bcx.at_states(posterior)
    total = sum(
        journey_draws(
            posterior, at, "p_reach", target=end, before=[e for e in ("buy", "leave", "exit") if e != end]
        )
        for end in ("buy", "leave", "exit")
    )
    assert total == pytest.approx(np.ones_like(total))


def test_a_posterior_is_read_as_it_was_written(posterior, tmp_path):
    posterior.save(tmp_path / "journeys.nc")
    again = bcx.load(tmp_path / "journeys.nc")
    at = bcx.at_states(posterior)
    for options in ({}, {"t": "10 minutes"}):
        one, other = (bcx.score(each, at, "p_reach", target="buy", **options) for each in (posterior, again))
        assert one.equals(other)


def test_the_same_seed_gives_the_same_draws(posterior, stays):
    again = bcx.fit(bcx.models.SEMI_MARKOV, stays, seed=1)
    assert np.array_equal(again.transitions(), posterior.transitions())
    assert not np.array_equal(
        bcx.fit(bcx.models.SEMI_MARKOV, stays, seed=2).transitions(), again.transitions()
    )


def test_equal_stays_count_by_their_weight(stays, posterior):
    few = bcx.compress(stays, ["state", "next", "wait", "left"])
    again = bcx.fit(bcx.models.SEMI_MARKOV, few, seed=1)
    assert np.array_equal(again.transitions(), posterior.transitions())


def test_small_segments_borrow_from_the_others(stays):
    rng = np.random.default_rng(3)
    part = xr.DataArray(rng.choice(["large", "small"], stays.sizes["row"], p=[0.995, 0.005]), dims="row")
    pooled = bcx.fit(
        bcx.models.SEMI_MARKOV, stays.assign(part=part), design=bcx.Design(pool=["part"]), seed=1
    )
    assert pooled.segments == ("large", "small")
    look, basket = pooled.states.index("look"), pooled.following.index("basket")
    alone = pooled.counts[1, look] / pooled.counts[1, look].sum()
    share = pooled.transitions("small")[:, look, basket].mean()
    common = pooled.transitions("large")[:, look, basket].mean()
    assert min(alone[basket], common) - 0.01 <= share <= max(alone[basket], common) + 0.01
    spread = {name: pooled.transitions(name)[:, look, basket].std() for name in ("large", "small", "new")}
    assert spread["large"] < spread["small"] < spread["new"]


@pytest.mark.parametrize(
    ("quantity", "options", "about"),
    [
        ("p_buy", {"target": "buy"}, "quantity 'p_buy'"),
        ("p_reach", {}, "no target for p_reach"),
        ("p_reach", {"target": "sell"}, "the state 'sell'"),
        ("p_reach", {"target": "buy", "before": "sell"}, "the state 'sell'"),
        ("expected_time", {"target": "buy"}, "a target for expected_time"),
        ("expected_time", {"t": 3}, "expected_time has no horizon"),
        ("p_reach", {"target": "buy", "count": 3}, "count"),
    ],
)
def test_what_cannot_be_asked_is_refused(posterior, quantity, options, about):
    with pytest.raises(bcx.InputError, match=about):
        bcx.score(posterior, bcx.at_states(posterior), quantity, **options)


def test_journeys_are_fitted_in_their_own_way(stays):
    with pytest.raises(bcx.InputError, match="method NUTS"):
        bcx.fit(bcx.models.SEMI_MARKOV, stays, method=bcx.NUTS())  # pyright: ignore[reportCallIssue, reportArgumentType]
    with pytest.raises(bcx.InputError, match="Conjugate for BG/NBD"):
        bcx.fit(bcx.models.BG_NBD, stays, method=bcx.Conjugate())  # pyright: ignore[reportCallIssue, reportArgumentType]
    with pytest.raises(bcx.InputError, match="for journeys"):
        bcx.fit(bcx.models.SEMI_MARKOV, stays, design=bcx.Design(purchase_rate="age"))


@pytest.fixture(scope="module")
def paths():
    """Return the stays of published paths of channels, with their conversions and failures."""
    counts: dict[tuple[str, str], int] = {}
    with gzip.open(PATHS, "rt") as lines:
        next(lines)
        for line in lines:
            path, conversions, _, nulls = line.strip().split(";")
            steps = ["start", *path.split(" > ")]
            both = int(conversions) + int(nulls)
            ends = ((steps[-1], "conversion", int(conversions)), (steps[-1], "exit", int(nulls)))
            pairs = [(a, b, both) for a, b in itertools.pairwise(steps)]
            for state, following, n in (*pairs, *ends):
                counts[state, following] = counts.get((state, following), 0) + n
    kept = {pair: n for pair, n in counts.items() if n}
    data = {
        "state": ("row", np.array([state for state, _ in kept], object)),
        "next": ("row", np.array([following for _, following in kept], object)),
        "wait": ("row", np.zeros(len(kept))),
        "left": ("row", np.ones(len(kept), np.int64)),
        "weight": ("row", np.array(list(kept.values()))),
    }
    return xr.Dataset(data, attrs={"kind": "stays", "unit": "day", "targets": '["conversion"]', "close": 1.0})


@pytest.mark.skipif(not PATHS.exists(), reason="the paths are not here")
def test_removal_effects_are_those_published(paths):
    posterior = bcx.fit(bcx.models.SEMI_MARKOV, paths, seed=1)
    reached = bcx.score(posterior, bcx.at_states(posterior), "p_reach", target="conversion")["mean"]
    assert float(reached.sel(customer="start")) == pytest.approx(0.2238451351, abs=0.001)
    published = {
        "alpha": 0.5584,
        "iota": 0.4058,
        "eta": 0.3490,
        "beta": 0.2640,
        "theta": 0.2060,
        "lambda": 0.1340,
    }
    effects = bcx.removal_effects(posterior, "conversion").sel(state=list(published))
    assert effects.mean("draw").to_numpy() == pytest.approx(np.array(list(published.values())), abs=0.005)
    low, high = effects.quantile([0.001, 0.999], "draw")
    assert np.all((low < list(published.values())) & (high > list(published.values())))


def test_journeys_made_otherwise_than_the_fit_are_refused(posterior, stays):
    at = bcx.at_states(posterior)
    with pytest.raises(bcx.InputError, match="targets"):
        bcx.score(posterior, at.assign_attrs(targets='["look"]'), "p_reach", target="buy")
    with pytest.raises(bcx.InputError, match="stays"):
        bcx.score(posterior, stays, "p_reach", target="buy")
    with pytest.raises(bcx.InputError, match="JourneyPosterior"):
        bcx.compare({"a": posterior, "b": posterior})  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("t", ["60 minutes", "1 hour", "3600 seconds", 60])
def test_a_span_is_as_long_in_any_unit(posterior, t):
    at = bcx.at_states(posterior)
    found = bcx.score(posterior, at, "p_reach", target="exit", t=t)["mean"]
    assert found.sel(customer="look") > 0.25
