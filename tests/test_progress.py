"""How far long work has come."""

import re
from importlib import import_module
from itertools import count

import pytest

import bayes_cx as bcx
from bayes_cx import progress
from bayes_cx.progress import Reached, counted, listening

SLICES = [slice(0, 4), slice(4, 8), slice(8, 10)]


@pytest.fixture
def clock(monkeypatch):
    """Time that passes by three seconds between one look at it and the next."""
    now = count(0, 3)
    monkeypatch.setattr(progress.time, "perf_counter", lambda: float(next(now)))


def test_who_listens_hears_what_is_done_at_which_rate_and_how_long_it_takes_yet(clock):
    heard = []
    with listening(heard.append):
        assert list(counted(SLICES, "customers", 10)) == SLICES
    assert [(each.done, each.total, each.seconds) for each in heard] == [
        (4, 10, 3.0),
        (8, 10, 6.0),
        (10, 10, 9.0),
    ]
    assert str(heard[0]) == "4 of 10 customers, 1 a second, 4 s left"


def test_short_work_says_nothing():
    heard = []
    with listening(heard.append):
        list(counted(SLICES, "customers", 10))
    assert not heard


def test_nobody_need_listen(clock):
    assert list(counted(SLICES, "customers", 10)) == SLICES


def test_long_times_are_in_minutes():
    assert str(Reached("customers", 1_000, 61_000, 10.0)).endswith("100 a second, 10 min left")


def test_a_score_in_blocks_is_counted(purchases, cdnow_sample, clock, monkeypatch):
    monkeypatch.setattr(import_module("bayes_cx.scoring.scorer"), "_CHUNK_CELLS", 400_000)
    heard = []
    with listening(heard.append):
        bcx.score(purchases, cdnow_sample, "p_alive")
    assert len(heard) > 1
    assert heard[-1].done == heard[-1].total
    assert re.match(r"[\d,]+ of [\d,]+ histories", str(heard[-1]))


def test_a_table_of_values_is_counted_in_draws(purchases, cdnow_sample, clock, monkeypatch):
    monkeypatch.setattr(import_module("bayes_cx.scoring.compiled"), "_CELLS", 100_000)
    few = cdnow_sample.isel(customer=slice(100))
    values = import_module("bayes_cx.scoring.scorer").scorer(purchases, few, "p_alive")
    heard = []
    with listening(heard.append):
        values.customers()
    assert len(heard) > 1
    assert heard[-1].done == heard[-1].total == purchases.n_draws
    assert re.match(r"[\d,]+ of [\d,]+ draws", str(heard[-1]))
