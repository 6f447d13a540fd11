"""Text files as programs and people write them."""

import bz2
import gzip
import lzma
import zipfile

import pandas as pd
import pyarrow as pa
import pytest

from bayes_cx.data import read_transactions
from bayes_cx.data.column_names import distinct
from bayes_cx.errors import InputError

pytestmark = pytest.mark.usefixtures("one_database")
ROWS = "id,when,paid\na,2025-01-01,5\nb,2025-01-02,7\n"


def read(source, **more):
    return read_transactions(source, customer="id", time="when", amount="paid", **more)


def found(source, **more):
    return sorted(read(source, **more).accepted.project("customer, CAST(amount AS DOUBLE)").fetchall())


@pytest.mark.parametrize(
    "text",
    [
        ",id,when,paid\n0,a,2025-01-01,5\n1,b,2025-01-02,7\n",
        "id,when,paid,,\na,2025-01-01,5,,\nb,2025-01-02,7,,\n",
        "id,shop,when,SHOP,shop,paid\na,1,2025-01-01,2,3,5\nb,1,2025-01-02,2,3,7\n",
        "ID,id,when,paid\nx,a,2025-01-01,5\ny,b,2025-01-02,7\n",
        f"sep=,\n{ROWS}",
        f'\ufeff"sep=,"\n{ROWS}',
        "sep=;\r\nid;when;paid\r\na;2025-01-01;5\r\nb;2025-01-02;7\r\n",
        "sep=\t\nid\twhen\tpaid\na\t2025-01-01\t5\nb\t2025-01-02\t7\n",
        f"\n   \n\r\n{ROWS}",
        f'Orders of "2025\nall, of them\n\n{ROWS}',
        "\n\n id  when  paid\n a  2025-01-01  5\n b  2025-01-02  7\n",
    ],
    ids=[
        "index of pandas",
        "empty names",
        "names twice",
        "names in two cases",
        "sep",
        "sep quoted, byte order mark",
        "sep of Windows",
        "sep tab",
        "blank lines",
        "title",
        "blank lines and spaces",
    ],
)
def test_first_lines_of_every_kind(tmp_path, text):
    path = tmp_path / "orders.csv"
    path.write_bytes(text.encode())
    assert found(path) == [("a", 5), ("b", 7)]


def test_lines_keep_their_numbers_below_a_title(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text(f"Orders\n\n{ROWS}c,1\n")
    rows = read(path).rejected.fetchall()
    assert [row[-2:] for row in rows] == [(6, "c,1")]


def test_a_column_that_is_needed_must_not_stand_twice(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("id,when,paid,paid\na,2025-01-01,5,6\n")
    frame = pd.DataFrame([["a", "2025-01-01", 5, 6]], columns=["id", "when", "paid", "paid"])
    for source in (path, frame, pa.Table.from_pandas(frame.set_axis(["id", "when", "p", "q"], axis=1))):
        if isinstance(source, pa.Table):
            source = source.rename_columns(["id", "when", "paid", "paid"])
        with pytest.raises(InputError, match=r"two columns are called 'paid' .*numbers 3 and 4"):
            read(source)


def test_names_that_duckdb_cannot_tell_apart():
    frame = pd.DataFrame([["x", "a", "2025-01-01", 5.0]], columns=["ID", "id", "when", "paid"])
    for source in (frame, pa.table(frame), pa.table(frame).to_reader()):
        assert found(source) == [("a", 5)]
    assert distinct(["a", "A", "a_2", ""], [], "x") == ["a", "A_2", "a_2_2", "unnamed_4"]


def test_packed_by_other_programs_and_wrongly_named(tmp_path):
    packed = {"a.csv.bz2": bz2.compress, "a.csv.xz": lzma.compress, "a.csv": gzip.compress, "b.csv.gz": bytes}
    for name, pack in packed.items():
        (tmp_path / name).write_bytes(pack(ROWS.encode()))
        assert found(tmp_path / name) == [("a", 5), ("b", 7)]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("orders.csv", ROWS)
    assert found(tmp_path / "a.zip") == [("a", 5), ("b", 7)]
    with pa.CompressedOutputStream(str(tmp_path / "a.csv.zst"), "zstd") as out:
        out.write(ROWS.encode())
    assert found(tmp_path / "a.csv.zst") == [("a", 5), ("b", 7)]


def test_what_is_not_whole_or_no_table_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", ROWS)
        archive.writestr("b.csv", ROWS)
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(ROWS.encode())[:20])
    long = ROWS + "".join(f"{number},2025-01-01,{number**3}\n" for number in range(20_000))
    (tmp_path / "later.csv.gz").write_bytes(gzip.compress(long.encode())[:-500])
    (tmp_path / "title.csv.gz").write_bytes(gzip.compress(f"title\n{long}".encode())[:-500])
    (tmp_path / "cut.csv.bz2").write_bytes(bz2.compress(ROWS.encode())[:20])
    (tmp_path / "letter.csv").write_bytes(b"%PDF-1.7\n")
    (tmp_path / "blank.csv").write_text("\n  \n")
    for name, message in (
        ("two.zip", "neither text"),
        ("cut.csv.gz", "cannot be unpacked"),
        ("later.csv.gz", "cannot be unpacked"),
        ("title.csv.gz", "cannot be unpacked"),
        ("cut.csv.bz2", "cannot be unpacked"),
        ("letter.csv", "neither text"),
        ("blank.csv", "is empty"),
    ):
        with pytest.raises(InputError, match=rf"{name} .*{message}|{name} {message}"):
            read(tmp_path / name)


def test_of_very_many_columns_only_those_needed_are_read(tmp_path):
    many = [f"c{number}" for number in range(1000)]
    path = tmp_path / "wide.csv"
    more = ",1" * len(many)
    path.write_text(
        f"id,when,paid,{','.join(many)}\na,2025-01-01,5{more}\nb,2025-01-02,much{more}\nc,2025-01-02,7\n"
    )
    transactions = read(path, by="c7")
    assert transactions.rejected_by_reason == {"unreadable amount": 1, "unreadable line": 1}
    transactions.write_rejected(tmp_path / "rejected.csv")
    lines = (tmp_path / "rejected.csv").read_text().splitlines()
    assert lines[:2] == [
        "row,reason,id,when,paid,c7,line,line_text",
        "2,unreadable amount,b,2025-01-02,much,1,,",
    ]
    assert lines[2].startswith(",unreadable line,,,,,4,")
    with pytest.raises(InputError, match=r"no column 'z'.* and 953 more"):
        read(path, by="z")
    path.write_text("id,when,paid" + ",x" * 20_000)
    with pytest.raises(InputError, match=r"wide\.csv has 20,003 columns"):
        read(path)


def test_times_with_a_zone_to_the_nanosecond(tmp_path):
    when = pd.to_datetime(["2025-01-01 23:30", "2025-01-02 22:30"]).tz_localize("UTC").as_unit("ns")
    frame = pd.DataFrame({"id": ["a", "b"], "when": when, "paid": [5.0, 7.0]})
    frame.to_parquet(tmp_path / "orders.PARQUET")
    for source in (frame, tmp_path / "orders.PARQUET"):
        days = read(source, timezone="Europe/Berlin").accepted.project("CAST(time AS DATE)").fetchall()
        assert [str(day) for (day,) in days] == ["2025-01-02", "2025-01-02"]


def test_types_of_arrow_that_duckdb_lacks():
    table = pa.table(pd.DataFrame({"id": ["a", "b"], "when": ["2025-01-01", "2025-01-02"]}))
    halves = pa.array([5.0, 7.0], pa.float32()).cast(pa.float16())
    assert found(table.append_column("paid", halves)) == [("a", 5), ("b", 7)]
    big = pa.array([5, 7], pa.decimal256(50, 2))
    empty = pa.nulls(2)
    assert found(table.append_column("paid", big).append_column("note", empty)) == [("a", 5), ("b", 7)]
