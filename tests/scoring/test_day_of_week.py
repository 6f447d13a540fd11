"""Why the day of the week is in no model: it hardly changes a forecast."""

import numpy as np
import pytest

import bayes_cx as bcx
from tests.worlds import START, shop


@pytest.mark.slow
@pytest.mark.parametrize("until", ["2020-12-27", "2020-12-30"])  # a Sunday, a Wednesday
def test_weekends_three_times_as_busy_hardly_change_a_forecast(until, rng):
    """Against a fit in which every day of the past is as long as its share of purchases."""
    share = np.array([0.6, 0.6, 0.6, 0.6, 0.8, 1.9, 1.9])
    day = np.arange(7 * 52)
    log = shop(rng, np.log(share)[day % 7], customers=4000, joining=7 * 26)
    transactions = bcx.read_transactions(log, customer="customer", time="time")
    stats = bcx.summarise(transactions, until=until, unit="day")
    passed = np.concatenate([[0.0], np.cumsum(share[day % 7])])
    end = int((np.datetime64(until) - START).astype(int))
    first = end - stats["T"].to_numpy().astype(int)
    last = first + stats["t_x"].to_numpy().astype(int)
    knowing = stats.assign(
        T=("customer", passed[end + 1] - passed[first + 1]),
        t_x=("customer", passed[last + 1] - passed[first + 1]),
    )
    fits = [(bcx.fit("bg_nbd", s, method=bcx.MAP(), seed=1, progress=False), s) for s in (stats, knowing)]
    totals = [float(bcx.score(fit, s, "expected_purchases", t=26 * 7)["mean"].sum()) for fit, s in fits]
    assert totals[0] == pytest.approx(totals[1], rel=0.02)
    alive = [bcx.score(fit, s, "p_alive")["mean"] for fit, s in fits]
    assert float(abs(alive[0] - alive[1]).quantile(0.99)) < 0.03
