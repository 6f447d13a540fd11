import numpy as np
import pandas as pd
import pytest

from bayes_cx.data import cdnow_path, from_lifetimes, load_cdnow, summarise, to_lifetimes
from bayes_cx.errors import InputError


def test_there_and_back():
    stats = summarise(load_cdnow(sample=True), "1997-09-30")
    frame = to_lifetimes(stats)
    assert list(frame.columns) == ["frequency", "recency", "T", "monetary_value"]
    assert frame.index.name == "customer"
    assert (frame.loc[frame["frequency"] == 0, "monetary_value"] == 0).all()
    back = from_lifetimes(frame, unit="week", until="1997-09-30")
    for name in ("x", "t_x", "T", "spend", "first"):
        np.testing.assert_array_equal(back[name], stats[name])
    np.testing.assert_allclose(back["spend_sum"], stats["spend_sum"])
    assert back.customer.equals(stats.customer)
    # A frame of customers does not know the purchases of each week.
    assert back.attrs.keys() == stats.attrs.keys() - {"repeats_by_week"}


def test_the_frame_is_that_of_lifetimes():
    # The summary in the package was computed by others from the same purchases.
    theirs = pd.read_csv(cdnow_path().with_name("cdnow_customers_summary.csv"), index_col=0)
    ours = to_lifetimes(summarise(load_cdnow(sample=True), "1997-09-30"))
    assert len(theirs) == len(ours) == 2357
    for name in ("frequency", "recency", "T"):
        np.testing.assert_allclose(theirs[name], ours[name], atol=0.006)


def test_without_money_and_dates():
    frame = pd.DataFrame({"frequency": [0, 2], "recency": [0, 3.5], "T": [5, 5]}, index=[9, 4])
    stats = from_lifetimes(frame, unit="month")
    assert stats.customer.to_numpy().tolist() == [4, 9]
    assert stats.x.to_numpy().tolist() == [2, 0]
    assert np.isnat(stats["first"]).all()
    assert stats.attrs["sha256"] == from_lifetimes(frame.iloc[::-1], unit="month").attrs["sha256"]
    assert list(to_lifetimes(stats).columns) == ["frequency", "recency", "T"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frequency": [-1.0, 1.0]}, "1 customers without frequency .* 'a'"),
        ({"frequency": [0.5, 1.0]}, "a whole number"),
        ({"frequency": [np.nan, 1.0]}, "a whole number"),
        ({"recency": [0.0, 6.0]}, "recency between 0 and T .* 'b'"),
        ({"T": [1.0, np.inf]}, "recency between 0 and T"),
        ({"recency": [1.0, 1.0]}, "recency of 0 without repeat purchases"),
        ({"monetary_value": [0.0, -1.0]}, "monetary_value of zero or more"),
    ],
)
def test_a_row_that_cannot_be_is_one_error(change, message):
    frame = pd.DataFrame(
        {"frequency": [0.0, 1.0], "recency": [0.0, 1.0], "T": [5.0, 5.0], "monetary_value": [0.0, 9.0]},
        ["a", "b"],
    )
    from_lifetimes(frame, unit="week")
    with pytest.raises(InputError, match=message):
        from_lifetimes(frame.assign(**change), unit="week")


def test_a_frame_of_another_shape_is_one_error():
    with pytest.raises(InputError, match="no column T"):
        from_lifetimes(pd.DataFrame({"frequency": [0], "recency": [0]}), unit="week")
    with pytest.raises(InputError, match="appear twice"):
        from_lifetimes(pd.DataFrame({"frequency": 0, "recency": 0, "T": 1}, index=["a", "a"]), unit="week")


def test_the_customer_may_be_a_column():
    frame = pd.DataFrame({"customer_id": ["b", "a"], "frequency": 0, "recency": 0, "T": [1, 2]})
    assert from_lifetimes(frame, unit="week").equals(
        from_lifetimes(frame.set_index("customer_id"), unit="week")
    )
    with pytest.raises(InputError, match="row numbers as index beside the column who"):
        from_lifetimes(frame.rename(columns={"customer_id": "who"}), unit="week")
    with pytest.raises(InputError, match="appear twice"):
        from_lifetimes(frame.assign(customer_id="a"), unit="week")
