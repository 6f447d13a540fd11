import json

import numpy as np
import pytest

from bayes_cx.data import load_cdnow, load_donations, split


@pytest.mark.parametrize(("zero_amounts", "customers"), [("keep", 2357), ("reject", 2349)])
def test_the_published_counts_of_the_cdnow_sample(zero_amounts, customers):
    transactions = load_cdnow(sample=True, zero_amounts=zero_amounts)
    part = split(transactions, "1997-09-30", "1998-06-30")
    stats, holdout = part.calibration, part.holdout
    # Who got a free disc in the sample never came back: only the number of customers depends on them.
    assert stats.sizes["customer"] == customers
    assert int((stats.x > 0).sum()) == 946
    assert int(stats.x.sum()) == 2457
    assert int(holdout.x_holdout.sum()) == 1882
    assert holdout.attrs["length"] == 39
    assert int(part.tracking.observed.sum()) == 2457 + 1882
    assert part.tracking.sizes["period"] == 78
    assert part.tracking.attrs["calibration_periods"] == 39


def test_customers_of_the_papers():
    stats = split(load_cdnow(sample=True), "1997-09-30").calibration
    assert stats.customer[0] == "0001"
    assert float(stats["T"][0]) == 272 / 7
    first = stats.sel(customer="0001")
    assert int(first.x) == 2
    np.testing.assert_allclose(float(first.t_x), 30.43, atol=0.005)
    assert json.loads(stats.attrs["rejected"])["after the end of observation"] > 0


def test_the_whole_of_cdnow():
    transactions = load_cdnow()
    assert (transactions.rows_read, transactions.rows_rejected, transactions.rows_zero) == (69_659, 0, 80)
    assert load_cdnow(zero_amounts="reject").rejected_by_reason == {"zero amount": 80}
    parts = split(transactions, "1997-09-30")
    assert parts.calibration.sizes["customer"] == 23_570
    assert parts.holdout.attrs["new_customers"] == 0
    assert int(parts.tracking.first_purchases.sum()) == 23_570


def test_the_donations():
    stats = load_donations()
    assert stats.sizes["row"] == 22
    assert int(stats.weight.sum()) == 11_104
    assert set(stats.n.to_numpy()) == {6}
    assert (stats.x <= stats.t_x).all()
