"""What is seen of customers, and of one: against counts by hand; what is missing is said."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import bayes_cx as bcx
from bayes_cx.page.blocks import tables_of
from bayes_cx.reporting.what_is_seen import coverage_section


def read(rows):
    frame = pd.DataFrame(rows, columns=["who", "at", "what", "via", "known", "visit"])
    return bcx.read_events(
        frame, customer="who", time="at", event="what", channel="via", known_at="known", session="visit"
    )


@pytest.fixture(scope="module")
def events():
    return read(
        [
            ("ann", "2025-01-03", "visit", "web", "", "1"),
            (None, "2025-01-04", "visit", "web", "", "2"),
            ("bob", "2025-02-03", "visit", "web", "", "3"),
            ("ann", "2025-02-05", "call", "phone", "2025-02-09", "4"),
            ("ann", "2025-04-05", "call", "phone", "2025-04-06", "5"),
            ("cat", "2025-04-07", "paid", None, "", "6"),
            ("cat", "never", "paid", None, "", "7"),
        ]
    )


def test_what_is_seen_by_channel(events):
    view = bcx.channel_view(events)
    assert view.customers == 3
    table = view.by_channel
    assert table["events"].to_dict() == {"web": 3, "phone": 2, "missing": 1}
    np.testing.assert_allclose(table["identified"], [2 / 3, 1, 1])
    np.testing.assert_allclose(table["seen"], [2 / 3, 1 / 3, 1 / 3])
    # Only bob was seen on the web alone, and cat only where no channel was named.
    np.testing.assert_allclose(table["only"], [1 / 3, 0, 1 / 3])
    assert table["days_late"].tolist() == [0, 2.5, 0]
    pd.testing.assert_frame_equal(view.by_month, events.coverage())


def test_what_is_missing_is_said(events):
    said = bcx.channel_view(events).missing
    assert said == (
        "17% of the events have no channel.",
        "17% of the events have no customer, most of them in the channel web, where it is 33%.",
        "Nothing of the channel web is known after 2025-02.",
        "Nothing of the channel phone is known before 2025-02.",
        "The channel phone has no event in 2025-03.",
        "Half of what happens is known only later in the channel phone (2.5 days).",
        "33% of the customers were seen in one channel only.",
        "1 of 7 rows could not be used.",
    )


def test_one_customer(events):
    view = bcx.customer_view(events, "ann")
    assert view.events["event"].tolist() == ["visit", "call", "call"]
    assert view.by_channel["events"].to_dict() == {"phone": 2, "web": 1}
    shown = view._repr_html_()
    assert "Customer ann" in shown
    assert "5 April 2025" in shown
    with pytest.raises(bcx.InputError, match="no event of the customer 'eve'"):
        bcx.customer_view(events, "eve")


def test_views_are_shown(events):
    mpl.use("agg")
    view = bcx.channel_view(events)
    assert "no customer" in view._repr_html_()
    section = coverage_section(view)
    (table,) = tables_of((section,))
    assert [row[0] for row in table.rows] == ["web", "phone", "missing"]
    axes = bcx.plot.channels(events)
    # A box for each month in which a channel was seen.
    assert len(axes.patches) == len(view.by_month)
    assert {text.get_text() for text in axes.get_yticklabels()} == {"web", "phone", "missing"}
    plt.close(axes.figure)
    with pytest.raises(bcx.InputError):
        bcx.plot.channels(view.by_month)


def test_little_is_seen():
    one = read([("ann", "2025-01-03", "visit", "a <b>", "", "1")])
    view = bcx.channel_view(one)
    assert view.missing == ()
    assert "<b>" not in view._repr_html_()
    assert "No gap was found" in str(coverage_section(view))
    nobody = read([(None, "2025-01-03", "visit", None, "", "1")])
    lost = bcx.channel_view(nobody)
    assert lost.customers == 0
    assert lost.missing[0] == "100% of the events have no channel."
    assert lost._repr_html_()
    bcx.plot.channels(lost)
    plt.close("all")
