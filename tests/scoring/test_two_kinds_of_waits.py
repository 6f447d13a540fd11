"""Journeys whose waits are of two kinds: what is asked of them, against SciPy and as saved."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayes_cx as bcx
from bayes_cx.inference.wait_families import TWO_KINDS

SHORT, LONG, SHARE = stats.lognorm(0.8, scale=3.0), stats.weibull_min(1.2, scale=20_000.0), 0.7


@pytest.fixture(scope="module")
def posterior():
    """Seven in ten buy within minutes of a visit, the others after two weeks; in minutes."""
    rng = np.random.default_rng(1)
    size = 600
    wait = np.where(
        rng.random(size) < SHARE, SHORT.rvs(size, random_state=rng), LONG.rvs(size, random_state=rng)
    )
    start = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.uniform(0, 30, size), unit="D")
    who = np.arange(size)
    visits = pd.DataFrame({"who": who, "at": start, "what": "visit"})
    bought = visits.assign(what="buy", at=start + pd.to_timedelta(np.maximum(wait, 1 / 60), unit="m"))
    frame = pd.concat([visits, bought], ignore_index=True)
    frame["at"] = frame["at"].dt.round("s")
    events = bcx.read_events(frame, customer="who", time="at", event="what")
    stays = bcx.summarise_stays(events, targets="buy", unit="minute", until="2025-02-10")
    return bcx.fit(bcx.models.SEMI_MARKOV, stays, seed=1)


def survival(wait):
    return SHARE * SHORT.sf(wait) + (1 - SHARE) * LONG.sf(wait)


def test_what_comes_next_depends_on_how_long_it_has_been(posterior):
    assert posterior.waits["visit"].family in TWO_KINDS
    at = bcx.at_states(posterior).isel(customer=[1, 1, 1])
    at = at.assign(wait=("customer", [0.0, 5.0, 60.0]))
    for quantity, options in (("p_next", {"target": "buy"}), ("p_reach", {"target": "buy"})):
        found = bcx.score(posterior, at, quantity, t="30 minutes", **options)
        for place, wait in enumerate((0.0, 5.0, 60.0)):
            true = 1 - survival(wait + 30) / survival(wait)
            error = float(found["mean"][place]) - true
            assert abs(error) < max(4 * float(found["sd"][place]), 0.01)


def test_the_time_to_the_end_is_that_of_the_kind_it_must_be_of(posterior):
    at = bcx.at_states(posterior).isel(customer=[1, 1]).assign(wait=("customer", [0.0, 600.0]))
    found = bcx.score(posterior, at, "expected_time")
    # After ten hours it is surely a long one.
    later = LONG.expect(lb=600, conditional=True) - 600
    for place, true in enumerate((SHARE * SHORT.mean() + (1 - SHARE) * LONG.mean(), later)):
        assert abs(float(found["mean"][place]) - true) < 4 * float(found["sd"][place])
    assert float(found["mean"][1]) > 2.5 * float(found["mean"][0])


def test_two_kinds_are_read_as_they_were_written(posterior, tmp_path):
    posterior.save(tmp_path / "journeys.nc")
    again = bcx.load(tmp_path / "journeys.nc").waits["visit"]
    wait = np.array([1.0, 50.0, 30_000.0])
    keep = np.arange(20)
    assert again.thinned(keep).survival(wait) == pytest.approx(
        posterior.waits["visit"].thinned(keep).survival(wait)
    )
