import pandas as pd
import pytest

from bayes_cx.data import sources


@pytest.fixture(scope="module")
def one_database():
    """Read many small tables by connections of one database: to start one takes longer than to read them.

    Connections share no table, view or registered frame.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "_connect", sources._connect().cursor)
        yield


@pytest.fixture
def shop():
    """Twelve rows, three good customers, one of each kind of broken row."""
    rows = [
        ("00001", "2025-01-01", "10.50", "north"),
        ("00001", "2025-01-01", "4.50", "north"),
        ("00001", "2025-01-15", "20", "south"),
        ("00002", "2025-01-08", "5", "north"),
        ("00003", "2025-02-01 10:30:00", "7", ""),
        ("", "2025-01-02", "1", "north"),
        ("00002", "", "1", "north"),
        ("00002", "not a day", "1", "north"),
        ("00002", "2025-01-09", "", "north"),
        ("00002", "2025-01-09", "a lot", "north"),
        ("00002", "2025-01-09", "inf", "north"),
        ("00002", "2025-01-09", "-3", "north"),
        ("00002", "2025-01-09", "0", "north"),
    ]
    return pd.DataFrame(rows, columns=["id", "when", "paid", "region"])
