"""Tables of one kind add in any order and keep their kind, and so do compressed and expanded ones."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import bayes_cx as bcx
from bayes_cx.kinds import KINDS

# A history is four small numbers; each kind makes possible columns of them.
histories = st.lists(st.tuples(*[st.integers(0, 6)] * 4), min_size=1, max_size=6)
MADE = {
    "purchases": lambda a, b, c, d: {"x": a, "t_x": float(a > 0) * (b + 1), "T": b + c + 1.0},
    "opportunities": lambda a, b, c, d: {"x": a, "t_x": a + b * (a > 0), "n": a + b + c},
    "contracts": lambda a, b, c, d: {
        "T": a + 1,
        "churned": b % 2,
        "periods": a + 1 + c,
        "notice": (1 - b % 2) * (d % 2),
    },
    "spend": lambda a, b, c, d: {
        "x": a,
        "spend": b + 0.25 if a else np.nan,
        "paid": a,
        "log_spend": np.log(b + 0.25) - c / 9 if a else np.nan,
        "log_spend_sd": d / 9 if a else np.nan,
    },
    "stays": lambda a, b, c, d: {
        "state": "ab"[a % 2],
        "next": "cd"[b % 2] if c else "",
        "wait": d + 0.5,
        "left": int(c > 0),
    },
    "periods": lambda a, b, c, d: {
        "age": a / 2,
        "length": b + 1.0,
        "event": "leave" if c > 3 else "",
        "happened": int(c > 3),
        "call, 30 days": float(d),
    },
    "treatments": lambda a, b, c, d: {"arm": "ab"[a % 2], "outcome": float(b % 2), "dose": c * (a % 2) / 2},
    "trials": lambda a, b, c, d: {"arm": "ab"[a % 2], "region": "ns"[b % 2], "y": float(c), "before": d / 2},
}


def table(kind, rows, first, dim="customer"):
    columns = [MADE[kind.key](*row) for row in rows]
    arrays = {name: np.array([row[name] for row in columns]) for name in columns[0]}
    data = {name: (dim, a.astype(object) if a.dtype.kind == "U" else a) for name, a in arrays.items()}
    attrs = {
        "kind": kind.key, "unit": "week", "until": "2025-06-30", "period_start": "2025-01-01",
        "period_end": "2025-06-30", "source": "made", "sha256": str(first), "rows_read": len(rows),
        "rows_rejected": 1, "rejected": '{"no day": 1}', "varying": "{}",
        **dict.fromkeys(kind.tallies, len(rows)),
    }  # fmt: skip
    customers = {"customer": np.arange(first, first + len(rows))}
    return xr.Dataset(data, coords=customers, attrs=attrs)


def same(one, other):
    """Say that tables are the same but for the fingerprint, which names the parts."""
    xr.testing.assert_identical(one.assign_attrs(sha256=""), other.assign_attrs(sha256=""))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@settings(max_examples=25, deadline=None)
@given(parts=st.tuples(histories, histories, histories))
def test_addition_is_commutative_and_associative(kind, parts):
    a, b, c = (table(kind, rows, first) for rows, first in zip(parts, (0, 100, 200), strict=True))
    rows = [bcx.compress(part, on=list(part.data_vars)) for part in (a, b, c)]
    for one, two, three in ((a, b, c), rows):
        same(bcx.add(one, two), bcx.add(two, one))
        total = bcx.add(bcx.add(one, two), three)
        same(total, bcx.add(one, bcx.add(two, three)))
        assert total.attrs["kind"] == kind.key
        assert total.attrs["rows_read"] == sum(map(len, parts))
        assert all(total.attrs[name] == sum(map(len, parts)) for name in kind.tallies)
    # Adding is laying together: what all customers at once come to.
    same(bcx.compress(bcx.add(bcx.add(a, b), c), on=list(a.data_vars)), bcx.add(bcx.add(*rows[:2]), rows[2]))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@settings(max_examples=25, deadline=None)
@given(rows=histories)
def test_compressed_and_expanded_statistics_keep_their_kind(kind, rows):
    stats = table(kind, rows, 0)
    columns = list(stats.data_vars)
    small = bcx.compress(stats, on=columns)
    large = bcx.expand(small)
    assert small.attrs == large.attrs == stats.attrs
    assert large.sizes["customer"] == len(rows)
    same(bcx.compress(large, on=columns), small)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_kinds_do_not_mix(kind):
    stats = table(kind, [(1, 1, 1, 1)], 0)
    other = next(key for key in KINDS if key != kind.key)
    with pytest.raises(bcx.InputError, match=f"kind is '{kind.key}' in one part and '{other}'"):
        bcx.add(stats, stats.assign_attrs(kind=other))


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.sequence is None], ids=str)
def test_two_periods_of_what_may_end_in_the_second_do_not_add(kind):
    stats = table(kind, [(1, 1, 1, 1)], 0)
    late = stats.assign_attrs(until="2025-12-31", period_start="2025-07-01", period_end="2025-12-31")
    with pytest.raises(bcx.InputError, match=f"two periods of {kind.key}"):
        bcx.add(stats, late)
