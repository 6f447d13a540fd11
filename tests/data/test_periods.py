"""Periods at risk, against what is counted by hand in plain Python, and against what nobody could know."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bayes_cx as bcx

END = pd.Timestamp("2025-03-01")
DAY = pd.Timedelta(days=1)
# In nanoseconds.
_END, _DAY = int(END.timestamp()) * 10**9, 86_400 * 10**9
WINDOWS = (5, 20)
FEATURES = bcx.Features(
    windows=[f"{days} days" for days in WINDOWS], events=["call", "pay"], channels=["web"], digits=None
)


def read(frame, **more):
    return bcx.read_events(
        frame, customer="who", time="at", event="what", channel="via", value="paid", **more
    )


def by_hand(frame, period, times, causes, repeats, known="at"):
    """Return the rows of every customer and period, one by one, from a frame of events."""
    found = []
    end = _END
    for who, own in frame.groupby("who"):
        own = own[(own["at"] < END) & (own[known] < END)]
        if own.empty:
            continue
        at, seen = (own[name].to_numpy().astype("datetime64[ns]").astype(np.int64) for name in ("at", known))
        final = [t for t, what in zip(at, own["what"], strict=True) if what in causes and what not in repeats]
        began = min(zip(seen, at, strict=True))[1]
        for j in range(-40, 1 - times):
            start = end + j * period * _DAY
            stop = start + times * period * _DAY
            if not (seen < start).any() or any(t < start for t in final):
                continue
            first = [
                (t, causes.index(what), what)
                for t, what in zip(at, own["what"], strict=True)
                if start <= t < stop and what in causes
            ]
            row = {"who": who, "age": (start - began) / _DAY, "event": min(first)[2] if first else ""}
            for days in WINDOWS:
                inside = (seen < start) & (at >= start - days * _DAY)
                for name in ("call", "pay"):
                    row[f"{name}, {days} days"] = int((inside & (own["what"] == name)).sum())
                row[f"web (channel), {days} days"] = int((inside & (own["via"] == "web")).sum())
                row[f"value, {days} days"] = float(own["paid"].to_numpy(float)[inside].sum())
            for name in ("call", "pay", "any event"):
                which = (seen < start) & ((own["what"] == name) if name != "any event" else True)
                last = at[which].max() if which.any() else began
                row[f"since {name}"] = (start - last) / _DAY
            found.append(row)
    return pd.DataFrame(found)


def as_frame(periods):
    """Return periods as a frame, each as often as it occurs."""
    frame = periods.to_dataframe()
    return frame.loc[frame.index.repeat(frame["weight"])].drop(columns=["weight", "happened", "length"])


def same(periods, wanted):
    columns = [name for name in wanted.columns if name != "who"]
    found, wanted = (
        frame[columns].round(6).sort_values(columns).reset_index(drop=True)
        for frame in (as_frame(periods), wanted)
    )
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False)


whole_hours = st.integers(0, 24 * 60).map(lambda hour: END - 40 * DAY + pd.Timedelta(hours=hour))
rows = st.tuples(
    st.sampled_from("abc"),
    whole_hours,
    st.sampled_from(["call", "pay", "leave"]),
    st.sampled_from(["web", "shop"]),
    st.integers(0, 50),
    st.integers(0, 15),
)
quickly = settings(
    parent=settings.get_profile("queries"), max_examples=3, suppress_health_check=[HealthCheck.too_slow]
)


@quickly
@given(
    st.lists(rows, min_size=6, max_size=25),
    st.sampled_from([(7, 1, ["leave"], []), (10, 2, ["leave"], []), (9, 1, ["leave", "call"], ["call"])]),
)
def test_rows_are_those_of_a_count_by_hand(found, asked):
    period, times, causes, repeats = asked
    frame = pd.DataFrame(found, columns=["who", "at", "what", "via", "paid", "late"])
    frame["known"] = frame["at"] + frame["late"] * DAY
    # A first event of each name, so that it is known.
    early = pd.DataFrame(
        [("z", END - 50 * DAY, name, "web", 0, 0, END - 50 * DAY) for name in ("call", "pay")]
        + [("z", END - 1 * DAY, "leave", "web", 0, 0, END - 1 * DAY)],
        columns=frame.columns,
    )
    frame = pd.concat([frame, early], ignore_index=True)
    wanted = by_hand(frame, period, times, causes, repeats, "known")
    periods = bcx.summarise_periods(
        read(frame, known_at="known"),
        event=causes,
        repeats=repeats,
        until=END.isoformat(),
        period=f"{period} days",
        horizon=f"{period * times} days",
        features=FEATURES,
    )
    same(periods, wanted)
    assert periods.length.to_numpy()[0] == period * times


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(5)
    n = 900
    what = rng.choice(["call", "pay", "visit", "leave"], n, p=[0.3, 0.3, 0.38, 0.02])
    return pd.DataFrame(
        {
            "who": [f"c{i}" for i in rng.integers(0, 90, n)],
            "at": END - pd.to_timedelta(rng.integers(0, 24 * 120, n), unit="h") - pd.Timedelta(minutes=30),
            "what": what,
            "via": rng.choice(["web", "shop"], n),
            "paid": np.where(what == "pay", rng.integers(1, 90, n), np.nan),
            "plan": rng.choice(["small", "large"], n),
        }
    )


def summarised(frame, **more):
    asked = {"event": "leave", "until": END.isoformat(), "period": "10 days", "features": FEATURES}
    return bcx.summarise_periods(read(frame), **(asked | more))


def test_what_is_known_later_changes_nothing(frame):
    """Events that were known only after the start of a period are not part of it, wherever they are."""
    late = frame.assign(known=frame["at"])
    cut = END - 30 * DAY
    hidden = (late["what"] == "call") & (late["at"] < cut)
    shifted = late.assign(known=late["at"].where(~hidden, cut + 5 * DAY))
    without = late[~hidden]
    tables = []
    for one in (shifted, without):
        asked = {"event": "leave", "period": "10 days", "features": FEATURES}
        events = read(one, known_at="known")
        periods = bcx.summarise_periods(events, until=END.isoformat(), **asked)
        tables.append(bcx.at_risk(events, periods, until=cut.isoformat()))
    first, second = (table.to_dataframe() for table in tables)
    # Whose only events are hidden is not known to be there.
    pd.testing.assert_frame_equal(first.loc[second.index], second)
    seen = read(late, known_at="known")
    openly = bcx.at_risk(seen, summarised(frame), until=cut.isoformat()).to_dataframe()
    assert (openly["call, 20 days"].loc[second.index] > second["call, 20 days"]).any()


def test_customers_of_today_are_the_rows_of_a_period_that_begins_today(frame):
    cut = (END - 10 * DAY).isoformat()
    events = read(frame)
    periods = summarised(frame)
    today = bcx.at_risk(events, periods, until=cut)
    last = bcx.summarise_periods(
        events, event="leave", until=END.isoformat(), period="10 days", features=FEATURES, since=cut
    )
    columns = [name for name in today.data_vars if name != "length"]
    one, two = (
        some.to_dataframe()[columns].round(9).sort_values(columns).reset_index(drop=True)
        for some in (today, bcx.expand(last))
    )
    pd.testing.assert_frame_equal(one, two)


def test_customers_add_and_equal_rows_collapse(frame):
    coarse = bcx.Features(
        windows=["20 days"], events=["call"], channels=(), value=False, digits=1, recency=False
    )
    parts = [frame[frame["who"].str[-1].isin(list(some))] for some in ("01234", "56789")]
    one, two = (summarised(part, features=coarse) for part in parts)
    both = summarised(frame, features=coarse)
    total = bcx.add(one, two)
    order = ["age", "call, 20 days", "event"]
    for name in both.data_vars:
        ours, theirs = (some.to_dataframe().sort_values(order)[str(name)].tolist() for some in (total, both))
        assert ours == theirs
    assert total.attrs["customers"] == both.attrs["customers"]
    assert both.weight.sum() > 2 * both.sizes["row"]


def test_the_unit_of_time_changes_nothing_but_times(frame):
    day, week = summarised(frame), summarised(frame, unit="week")
    for name in day.data_vars:
        is_time = name in ("age", "length") or str(name).startswith("since ")
        factor = 7 if is_time else 1
        values = day[name].to_numpy() / factor if is_time else day[name].to_numpy()
        if values.dtype == object:
            assert (values == week[name].to_numpy()).all()
        else:
            np.testing.assert_allclose(week[name].to_numpy(), values)


def test_a_table_of_customers_is_read_as_it_was_known(frame):
    known = pd.DataFrame(
        {
            "customer": ["c1", "c1", "c2"],
            "known_at": ["2020-01-01", (END - 35 * DAY).date().isoformat(), "2020-01-01"],
            "fee": [10.0, 20.0, 30.0],
            "contract": ["old", "new", None],
        }
    )
    periods = summarised(frame, customers=known)
    for days, fee, contract in ((40, 10.0, "old"), (20, 20.0, "new")):
        cut = END - days * DAY
        rows = bcx.at_risk(read(frame), periods, until=cut.isoformat(), customers=known).to_dataframe()
        assert rows.loc["c1", "fee"] == fee
        assert rows.loc["c1", "contract"] == contract
        assert rows.loc["c2", "contract"] == "missing"
        assert np.isnan(rows.loc["c3", "fee"])


def test_what_cannot_be_said_is_refused(frame):
    for asked, message in (
        ({"event": "left"}, "no event 'left'"),
        ({"event": ()}, "one event or several"),
        ({"repeats": "call"}, "repeats='call'"),
        ({"horizon": "15 days"}, "a whole number of periods"),
        ({"period": "3 years"}, "no customer at risk of leave"),
        ({"features": bcx.Features(events=["fly"])}, "no event 'fly' to count"),
        ({"since": "2030-01-01"}, "a time before"),
        ({"customers": pd.DataFrame({"who": ["c1", "c1"], "fee": [1, 2]})}, "two rows of the customer 'c1'"),
    ):
        with pytest.raises(bcx.InputError, match=message):
            summarised(frame, **asked)
    with pytest.raises(bcx.InputError, match="to be like"):
        bcx.at_risk(read(frame), frame)
    with pytest.raises(bcx.InputError, match="features other than those of the fit"):
        bcx.at_risk(read(frame), summarised(frame), customers=pd.DataFrame({"who": ["c1"], "fee": [1.0]}))


def test_strange_names_and_single_customers_are_read():
    odd = pd.DataFrame(
        {
            "who": [1, 1, 1],
            "at": ["2025-01-01", "2025-01-20", "2025-02-20"],
            "what": ['it\'s "a" / ö', "call", "leave"],
        }
    )
    events = bcx.read_events(odd, customer="who", time="at", event="what")
    periods = bcx.summarise_periods(events, event="leave", until="2025-02-28", period="10 days")
    assert 'it\'s "a" \u2215 ö, 30 days' in periods
    assert periods.weight.sum() == 5
    assert json.loads(periods.attrs["definition"])["period"] == 10
    assert isinstance(periods, xr.Dataset)
