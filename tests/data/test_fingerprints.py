"""The fingerprint tells data sets apart, in whatever file; and the quick verdict on a row is the slow one."""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_cx.data import read_transactions

ROLES = {"customer": "id", "time": "when", "amount": "paid"}
KEPT = {"returns": "keep", "zero_amounts": "keep"}

rows = st.lists(
    st.tuples(
        st.one_of(st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1)),
        st.one_of(
            st.integers(0, 3).map(
                lambda day: datetime(1969, 12, 30 + day) if day < 2 else datetime(1970, 1, day)
            ),
            st.datetimes(datetime(1800, 1, 1), datetime(2199, 12, 31)),
        ),
        st.one_of(st.integers(-2, 2), st.integers(-(10**9), 10**9)).map(lambda cents: cents / 100),
    ),
    min_size=1,
    max_size=6,
)


def table(some, text=False):
    customer, time, amount = zip(*some, strict=True)
    if text:
        return pa.table(
            {"id": list(map(str, customer)), "when": list(map(str, time)), "paid": list(map(str, amount))}
        )
    moments = pa.array(time, pa.timestamp("us"))
    return pa.table({"id": pa.array(customer, pa.int64()), "when": moments, "paid": list(map(float, amount))})


def fingerprint(some, text=False):
    return read_transactions(table(some, text), **ROLES, returns="net", zero_amounts="keep").sha256


@pytest.mark.usefixtures("one_database")
@settings(max_examples=6, deadline=None)
@given(rows, rows)
def test_equal_for_the_same_rows_only(one, other):
    assert (fingerprint(one) == fingerprint(other)) == (sorted(one) == sorted(other))
    assert fingerprint(one, text=True) == fingerprint(one[::-1])


@pytest.mark.usefixtures("one_database")
def test_rows_that_exchange_what_they_hold_are_other_rows():
    days = [datetime(2025, 1, day) for day in (1, 2, 3)]
    one = [(1, days[0], 5.0), (3, days[0], 5.0), (2, days[1], 7.0), (2, days[1], 7.0)]
    changed = {
        "amounts": [(1, days[0], 7.0), (3, days[0], 5.0), (2, days[1], 5.0), (2, days[1], 7.0)],
        "days": [(1, days[1], 5.0), (3, days[0], 5.0), (2, days[0], 7.0), (2, days[1], 7.0)],
        "customers": [(2, days[0], 5.0), (2, days[0], 5.0), (1, days[1], 7.0), (3, days[1], 7.0)],
    }
    assert len({fingerprint(some) for some in (one, *changed.values())}) == 4


@pytest.mark.usefixtures("one_database")
def test_it_is_the_same_tomorrow():
    some = pa.table(
        {"id": ["4711", "04711", "Ann"], "when": ["2025-01-01", "1969-07-20 20:17", "2025-01-02"]}
    )
    found = read_transactions(some, customer="id", time="when").sha256
    assert found == "7c6d7bc8549a24ae2f2f14b94d6022b24adb054465e887e7d3411b30b3383f53"
    identifiers = {
        read_transactions(some.slice(row, 1), customer="id", time="when").sha256 for row in range(3)
    }
    assert len(identifiers) == 3


CELLS = {
    "id": ["a", "", " ", None, "b\0", "7", "\0"],
    "when": [
        "2025-01-01",
        "",
        None,
        "soon",
        "epoch",
        "infinity",
        "9999-12-31",
        "1700-01-01",
        "2025-01-01T10:00+02:00",
    ],
    "paid": [
        "1.5",
        "0",
        "-2",
        "",
        None,
        "nan",
        "inf",
        "-inf",
        "1e18",
        "-1e18",
        "1e30",
        "999999999999999999.9999",
        "x",
    ],
}
TYPED = {
    "id": pa.array([1.0, 2.5, float("nan"), None, float("inf"), 1e300], pa.float64()),
    "when": pa.array([0, None, 2**62, -(2**62), 1], pa.timestamp("us", "UTC")),
    "paid": pa.array(
        [1.0, 0.0, -0.0, -2.0, None, float("nan"), float("inf"), 1e18, 1e30, -1e300], pa.float64()
    ),
}


@pytest.mark.usefixtures("one_database")
@pytest.mark.parametrize("cells", [CELLS, TYPED])
@pytest.mark.parametrize("how", [{}, KEPT, {"returns": "net"}, {"returns": "ignore"}])
def test_a_row_is_accepted_if_and_only_if_no_reason_is_found(cells, how):
    arrays = {name: pa.array(values) for name, values in cells.items()}
    every = np.indices([len(values) for values in arrays.values()]).reshape(len(arrays), -1)
    made = pa.table(
        {name: values.take(pa.array(at)) for at, (name, values) in zip(every, arrays.items(), strict=True)}
    )
    found = read_transactions(made, **ROLES, **how)
    judged = found.table.connection.table(found.schema.judged(found.table))
    assert 0 < found.rows_accepted == judged.filter("accepted").shape[0]
    assert not judged.filter("accepted IS NULL OR accepted <> (reason IS NULL)").shape[0]
