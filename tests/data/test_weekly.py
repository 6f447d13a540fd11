"""Repeat purchases by week, against pandas; where they no longer fit they are refused."""

import itertools
import json
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_cx.data import add, coarsen, compress, expand, read_transactions, split, summarise
from bayes_cx.data.weekly import weekly_repeats
from bayes_cx.errors import InputError
from bayes_cx.weeks import monday as monday_of
from bayes_cx.weeks import overlaps

pytestmark = pytest.mark.usefixtures("one_database")

UNTIL = "1970-04-09"


@pytest.fixture(scope="module")
def log():
    """Purchases of some customers around 1970, where the numbers of days change sign."""
    rng = np.random.default_rng(7)
    days = np.datetime64("1969-11-20T05:00") + rng.integers(0, 24 * 160, 600).astype("timedelta64[h]")
    return pd.DataFrame({"id": rng.integers(1, 90, 600), "when": days})


def summed(log, until=UNTIL, unit="week"):
    return summarise(read_transactions(log, customer="id", time="when"), until, unit)


def by_pandas(log, until=UNTIL, step="D"):
    """Return the repeat occasions by Monday, counted without any SQL."""
    step_of = log["when"].to_numpy().astype(f"datetime64[{step}]")
    found: dict[str, int] = {}
    bought = sorted({*zip(log["id"], step_of, strict=True)})
    for (before, _), (customer, when) in itertools.pairwise(bought):
        if customer == before and when < np.datetime64(until) + np.timedelta64(1, "D"):
            day = when.astype("datetime64[D]").item()
            monday = (day - timedelta(days=day.weekday())).isoformat()
            found[monday] = found.get(monday, 0) + 1
    return dict(sorted(found.items()))


@pytest.mark.parametrize(("unit", "step"), [("week", "D"), ("month", "D"), ("hour", "h")])
def test_repeats_are_counted_by_week(log, unit, step):
    stats = summed(log, unit=unit)
    assert json.loads(stats.attrs["repeats_by_week"]) == by_pandas(log, step=step)
    first, counts = weekly_repeats(stats)
    assert counts.sum() == int(stats["x"].sum())
    weeks = monday_of(first + np.arange(counts.size)).astype(str)
    assert {week: n for week, n in zip(weeks, counts, strict=True) if n} == by_pandas(log, step=step)


def test_they_stay_with_the_statistics(log, tmp_path):
    stats = summed(log)
    stats.to_netcdf(tmp_path / "s.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "s.nc", engine="h5netcdf") as read:
        tables = [compress(stats), coarsen(stats, "2 weeks"), expand(compress(stats)), read.load()]
    for table in tables:
        assert weekly_repeats(table)[1].tolist() == weekly_repeats(stats)[1].tolist()
    parts = split(read_transactions(log, customer="id", time="when"), "1970-02-10", UNTIL)
    assert (
        weekly_repeats(parts.calibration)[1].tolist() == weekly_repeats(summed(log, "1970-02-10"))[1].tolist()
    )


def test_those_of_other_customers_are_refused(log):
    stats = summed(log)
    with pytest.raises(InputError, match="counted by week"):
        weekly_repeats(stats.isel(customer=slice(10)))
    # Without those who bought once, nothing is counted that the others did not buy.
    again = stats.isel(customer=np.flatnonzero(stats["x"] > 0))
    assert weekly_repeats(again)[1].tolist() == weekly_repeats(stats)[1].tolist()
    del stats.attrs["repeats_by_week"]
    with pytest.raises(InputError, match="without the repeat purchases by week"):
        weekly_repeats(stats)


def test_a_part_without_them_leaves_the_sum_without(log):
    low = log["id"] < 30
    one, two = summed(log[low]), summed(log[~low])
    del two.attrs["repeats_by_week"]
    for total in (add(one, two), add(two, one)):
        with pytest.raises(InputError, match="without the repeat purchases by week"):
            weekly_repeats(total)


def test_overlaps_are_days_counted_one_by_one():
    at = np.array([3.0, 4.0, 11.5, 20.0])
    first, last = 0, 2
    for point, row in zip(at, overlaps(at, first, last), strict=True):
        days = np.arange(-3, int(point) + 1)
        weeks = np.minimum((days + 3) // 7, last)
        counted = np.bincount(weeks, minlength=3).astype(float)
        counted[int(min((point + 2.999) // 7, last))] += point % 1
        np.testing.assert_allclose(row, counted)
