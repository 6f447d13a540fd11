"""Contacts: what is kept of them, against a loop over customers and days."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import bayes_cx as bcx
from bayes_cx.data import contacts_of
from bayes_cx.data.contact_paths import days_of, paths_of, texts_of
from bayes_cx.errors import InputError

START, DAYS = np.datetime64("2025-01-01"), 60
UNTIL = str(START + np.timedelta64(DAYS - 1, "D"))


def read(frame, **options):
    return bcx.read_transactions(frame, customer="who", time="day", **options)


def frame(pairs):
    who, day = zip(*pairs, strict=True)
    return pd.DataFrame({"who": who, "day": START + np.array(day).astype("timedelta64[D]")})


@pytest.mark.parametrize("lasts", [1, 9, "always"])
def test_what_is_kept_is_what_a_loop_finds(lasts):
    """Customers and days at random, days twice, contacts before and after all purchases and with others."""
    rng = np.random.default_rng(4)
    names = np.array([f"ü'\" {i}" for i in range(70)])
    bought, sent = (
        [*zip(rng.choice(some, n).tolist(), rng.integers(0, DAYS + 20, n).tolist(), strict=True)]
        for some, n in ((names[:50], 250), (names[10:], 300))
    )
    log, mail = read(frame(bought)), read(frame(sent))
    stats = bcx.with_contacts(bcx.summarise(log, until=UNTIL), log, {"mail": mail}, lasts=lasts)
    long = 10_000 if lasts == "always" else lasts
    for i, who in enumerate(stats["customer"].to_numpy()):
        days = sorted({day for one, day in bought if one == who and day < DAYS})
        made = sorted({day for one, day in sent if one == who and day + long - 1 > days[0]})
        assert stats["mail"].to_numpy()[i].split() == [str(START + np.timedelta64(d, "D")) for d in made]
        counted = sum(1 for day in days[1:] for one in made if one <= day < one + long)
        assert int(stats["mail_at_purchases"][i]) == counted
    known = {one for one, day in bought if day < DAYS}
    others = {(one, day) for one, day in sent if one not in known}
    assert stats.attrs["contacts_of_others"] == f'{{"mail": {len(others)}}}'
    assert int(stats["mail_at_purchases"].sum()) > 1


@settings(max_examples=40, deadline=None)
@given(
    mail=st.lists(st.lists(st.integers(0, 40), max_size=5), min_size=1, max_size=4),
    lasts=st.one_of(st.none(), st.integers(1, 15)),
    span=st.tuples(st.integers(-5, 20), st.integers(0, 40)),
)
def test_stretches_are_those_of_a_loop_over_days(mail, lasts, span):
    begin, end = span[0], span[0] + span[1]
    row = np.repeat(np.arange(len(mail)), [len(one) for one in mail])
    texts = texts_of(len(mail), row, np.array([day for one in mail for day in one], int))
    visits = texts_of(len(mail), np.zeros(1, int), np.array([7]))
    paths = paths_of({"mail": texts, "visit": visits}, {"mail": lasts, "visit": 2}, -4.0, 45.0)
    path = np.arange(len(mail))
    matrix = paths.within(path, np.full(path.size, begin), np.full(path.size, end)).toarray()
    found = matrix @ paths.z
    for i, days in enumerate(mail):
        # Day d lasts from d - 1 to d.
        inside = range(max(begin, -4) + 1, min(end, 45) + 1)
        z = {day: sum(0 <= day - one < (lasts or 999) for one in set(days)) for day in range(-3, 46)}
        v = {day: int(i == 0 and 0 <= day - 7 < 2) for day in range(-3, 46)}
        assert found[i].tolist() == [sum(z[d] for d in inside), sum(v[d] for d in inside)]
        for day in (end, begin):
            if -3 <= day <= 45:
                rows, cells = paths.at(np.array([i]), np.array([float(day)]))
                at = paths.z[cells[0]].tolist() if rows.size else [0, 0]
                assert at == [z[day], v[day]]


def test_texts_are_read_as_they_were_written():
    row, day = np.array([2, 0, 2, 2]), np.array([5, -400, 3, 5])
    texts = texts_of(3, row, day)
    assert texts.tolist() == ["1968-11-27", "", "1970-01-04 1970-01-06"]
    again = days_of("mail", texts)
    assert [each.tolist() for each in again] == [[0, 2, 2], [-400, 3, 5]]
    assert texts_of(2, np.zeros(0, int), np.zeros(0, int)).tolist() == ["", ""]


@pytest.fixture(scope="module")
def log():
    return read(frame([("a", 0), ("a", 14), ("b", 7), ("c", 59)]))


@pytest.fixture(scope="module")
def mailed(log):
    mail = read(frame([("a", 12), ("b", 20), ("b", 70), ("d", 5)]))
    return bcx.with_contacts(bcx.summarise(log, until=UNTIL), log, {"mail": mail}, lasts="2 weeks")


def test_hours_and_pseudonyms(log):
    """A day of contact is one of the calendar, and both tables are under the same key."""
    key, bought = "a key that nobody knows 123", frame([("a", 0), ("a", 14), ("b", 7)])
    bought = bought.assign(day=bought["day"] + pd.Timedelta(hours=9))
    secret, mail = (read(each, pseudonym_key=key) for each in (bought, frame([("a", 14)])))
    stats = bcx.with_contacts(
        bcx.summarise(secret, until=UNTIL, unit="hour"), secret, {"mail": mail}, lasts=1
    )
    assert sorted(stats["mail_at_purchases"].to_numpy().tolist()) == [0, 1]
    assert "a" not in stats["customer"].to_numpy().tolist()
    with pytest.raises(InputError, match="not both have ids, or pseudonyms"):
        bcx.with_contacts(bcx.summarise(secret), secret, {"mail": read(frame([("a", 14)]))})


def test_numbers_as_ids_and_a_second_sort():
    log, mail = (read(frame(pairs)) for pairs in ([(1, 0), (1, 9), (2, 3)], [(1, 9), (2, 2), (2, 4)]))
    stats = bcx.with_contacts(bcx.summarise(log, until=UNTIL), log, {"mail": mail})
    stats = bcx.with_contacts(stats, log, {"visit": mail}, lasts="always")
    assert contacts_of(stats) == {"mail": 7, "visit": None}
    assert stats["mail_at_purchases"].to_numpy().tolist() == [1, 0]
    text = read(frame([("1", 9)]))
    with pytest.raises(InputError, match=r"none of the customers \(ids such as '1'"):
        bcx.with_contacts(bcx.summarise(log, until=UNTIL), log, {"mail": text})


def test_a_calibration_keeps_the_contacts_to_come(log):
    mail = read(frame([("a", 12), ("b", 30), ("c", 59)]))
    parts = bcx.split(log, str(START + np.timedelta64(20, "D")), UNTIL)
    stats = bcx.with_contacts(parts.calibration, log, {"mail": mail})
    assert stats["mail"].to_numpy().tolist() == ["2025-01-13", "2025-01-31"]
    cleared = bcx.plan_contacts(stats, {"mail": []})
    assert cleared["mail"].to_numpy().tolist() == ["2025-01-13", ""]


def test_a_plan_replaces_what_was_to_come(mailed):
    days = ["2025-03-10", "2025-03-10", "2025-03-05"]
    plan = bcx.plan_contacts(mailed, {"mail": days}, customers=["c", "b"])
    assert plan["mail"].to_numpy().tolist() == [
        "2025-01-13",
        "2025-01-21 2025-03-05 2025-03-10",
        "2025-03-05 2025-03-10",
    ]
    # What purchases came under is of the past.
    np.testing.assert_array_equal(plan["mail_at_purchases"], mailed["mail_at_purchases"])
    for match, sorts, customers in (
        ("contacts letter", {"letter": []}, None),
        ("customer 'z' to contact", {"mail": []}, ["z"]),
        ("planned for 2025-03-01", {"mail": "2025-03-01"}, None),
    ):
        with pytest.raises(InputError, match=match):
            bcx.plan_contacts(mailed, sorts, customers=customers)


def test_what_cannot_be_had_is_refused(log, mailed):
    stats = bcx.summarise(log, until=UNTIL)
    mail = read(frame([("a", 12)]))
    other = read(frame([("a", 0), ("b", 7)]))
    for match, given_stats, given_log, sorts, lasts in (
        ("a mapping from the name of each sort", stats, log, mail, 7),
        ("with purchases of", stats, other, {"mail": mail}, 7),
        ("statistics with a column mail", mailed, log, {"mail": mail}, 7),
        ("statistics with a column x", stats, log, {"x": mail}, 7),
        ("lasts without mail", stats, log, {"mail": mail}, {"visit": 7}),
        ("mail that last 3 hours", stats, log, {"mail": mail}, "3 hours"),
        ("not of purchases by customer", bcx.compress(stats), log, {"mail": mail}, 7),
    ):
        with pytest.raises(InputError, match=match):
            bcx.with_contacts(given_stats, given_log, sorts, lasts=lasts)
    unreadable = read(pd.DataFrame({"who": ["a"], "day": ["soon"]}))
    with pytest.raises(InputError, match="without a row that can be read"):
        bcx.with_contacts(stats, log, {"mail": unreadable})


def test_customers_add_and_periods_do_not(mailed):
    log, mail = read(frame([("a", 0), ("a", 14)])), read(frame([("a", 12), ("d", 5)]))
    one = bcx.with_contacts(bcx.summarise(log, until=UNTIL), log, {"mail": mail}, lasts=14)
    log, mail = read(frame([("b", 7), ("c", 59)])), read(frame([("b", 20), ("b", 70)]))
    two = bcx.with_contacts(bcx.summarise(log, until=UNTIL), log, {"mail": mail}, lasts=14)
    both = bcx.add(one, two)
    xr.testing.assert_equal(both, mailed)
    assert "contacts_of_others" not in both.attrs
    with pytest.raises(InputError, match=r"contacts is '{\"mail\": 14}' in one part"):
        bcx.add(one, bcx.summarise(log, until=UNTIL).assign(mail=two["mail"]))
    early = one.assign_attrs(until="2025-01-15", period_end="2025-01-15")
    with pytest.raises(InputError, match="two periods with contacts"):
        bcx.add(early, two.isel(customer=[1]).assign_attrs(period_start=UNTIL))
