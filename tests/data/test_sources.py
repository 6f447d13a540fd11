import gzip
import sqlite3

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from bayes_cx.data import read_transactions, summarise
from bayes_cx.errors import InputError

ROLES = {"customer": "id", "time": "when", "amount": "paid"}
GOOD = pd.DataFrame(
    {
        "id": ["00001", "00001", "00002", None],
        "when": ["2025-01-01", "2025-01-15", "2025-01-08", "2025-01-09"],
        "paid": [10.5, 20.0, 5.0, 1.0],
        "region": ["north", "south", "north", "north"],
    }
)
EXPECTED = summarise(read_transactions(GOOD, **ROLES, by="region"))


def check(source, **kwargs):
    """Every source must give the same table, twice."""
    transactions = read_transactions(source, **ROLES, by="region", **kwargs)
    assert transactions.rejected_by_reason == {"missing customer": 1}
    for _ in range(2):
        stats = summarise(transactions)
        assert stats.equals(EXPECTED)
        assert stats.attrs | {"source": ""} == EXPECTED.attrs | {"source": ""}
    assert [row[0] for row in transactions.rejected.fetchall()] == [4]
    return transactions


def test_frames_and_arrow():
    table = pa.Table.from_pandas(GOOD, preserve_index=False)
    check(table)
    check(pl.from_pandas(GOOD))
    check(pl.from_pandas(GOOD).lazy())
    check(GOOD.astype("object"))
    check(GOOD.set_axis([5, 6, 7, 8]))
    check(pa.dataset.dataset(table))


def test_what_can_be_read_only_once():
    table = pa.Table.from_pandas(GOOD, preserve_index=False)
    check(table.to_reader())
    with duckdb.connect() as connection:
        connection.register("orders", table)
        check(connection.sql("SELECT * FROM orders"))
        check(connection.table("orders").filter("paid > 0"))


def test_a_pandas_column_of_mixed_types_is_judged_cell_by_cell():
    mixed = GOOD.astype({"paid": "object"})
    mixed["paid"] = [10.5, "20", "five", None]
    reasons = read_transactions(mixed, **ROLES).rejected_by_reason
    assert reasons == {"missing customer": 1, "unreadable amount": 1}
    with pytest.raises(InputError, match="two columns are called 'id'"):
        read_transactions(GOOD.set_axis(["id", "id", "when", "paid"], axis=1), **ROLES)


def test_parquet_one_many_folder_and_pattern(tmp_path):
    paths = [tmp_path / "a" / "1.parquet", tmp_path / "b" / "2.parquet"]
    for path, part in zip(paths, (GOOD.iloc[:2], GOOD.iloc[2:]), strict=True):
        path.parent.mkdir()
        part.to_parquet(path)
    assert check(paths).source == "1.parquet, 2.parquet"
    assert check(tmp_path).source == f"{tmp_path.name} (2 files)"
    GOOD.to_parquet(tmp_path / "all.PQ")
    assert check(tmp_path / "all.PQ").source == "all.PQ"
    check(str(tmp_path / "all.PQ"))
    check(f"{tmp_path}/*/*.parquet")


def test_parquet_in_folders_named_by_a_column(tmp_path):
    for region, part in GOOD.groupby("region"):
        folder = tmp_path / f"region={region}"
        folder.mkdir()
        part.drop(columns="region").to_parquet(folder / "part.parquet")
    stats = summarise(read_transactions(tmp_path, **ROLES, by="region"))
    assert stats.region.to_numpy().tolist() == ["south", "north"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_csv_keeps_text_as_written(tmp_path, separator):
    path = tmp_path / "orders.csv"
    GOOD.to_csv(path, index=False, sep=separator)
    assert check(path).source == "orders.csv"
    packed = tmp_path / "orders.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    check(packed)
    bom = tmp_path / "excel.csv"
    bom.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    check(bom)
    check([path.rename(tmp_path / "1.csv")])


def test_columns_kept_apart_by_spaces(tmp_path):
    path = tmp_path / "orders.txt"
    path.write_text("  id  when   paid\n 007  20250101  1.5\n 007  20250108  2\n\n 7\n 8 Ann  20250108  2\n")
    transactions = read_transactions(path, **ROLES, time_format="%Y%m%d")
    assert transactions.rejected_by_reason == {"unreadable line": 2}
    assert summarise(transactions).customer.to_numpy().tolist() == ["007"]
    assert [row[-1] for row in transactions.rejected.fetchall()] == ["7", "8 Ann 20250108 2"]


def test_broken_lines_are_counted_and_written(tmp_path):
    path = tmp_path / "orders.csv"
    lines = ["id,when,paid", "1,2025-01-01,5", "2,2025-01-02", "3,2025-01-03,4,extra"]
    lines += ['"a ""q"", b",2025-01-05,"3"', ",2025-01-05,3", ""]
    path.write_text("\n".join(lines))
    transactions = read_transactions(path, **ROLES)
    assert transactions.rows_read == 5
    assert transactions.rejected_by_reason == {"missing customer": 1, "unreadable line": 2}
    stats = summarise(transactions)
    assert stats.customer.to_numpy().tolist() == ["1", 'a "q", b']
    assert stats.attrs["rows_read"] == stats.attrs["rows_rejected"] + 2
    transactions.write_rejected(tmp_path / "rejected.parquet")
    rows = pq.read_table(tmp_path / "rejected.parquet").to_pylist()
    assert [(row["row"], row["reason"], row["line"], row["line_text"]) for row in rows] == [
        (3, "missing customer", None, None),
        (None, "unreadable line", 3, "2,2025-01-02"),
        (None, "unreadable line", 4, "3,2025-01-03,4,extra"),
    ]


def test_text_in_another_encoding_is_rejected_line_by_line(tmp_path):
    path = tmp_path / "orders.csv"
    for separator in ",; ":
        text = "id,when,paid\nJosé,2025-01-01,5\nb,2025-01-02,5\n".replace(",", separator)
        path.write_bytes(text.encode("latin-1"))
        transactions = read_transactions(path, **ROLES)
        assert transactions.rejected_by_reason == {"line that is not UTF-8": 1}
        assert summarise(transactions)["customer"].to_numpy().tolist() == ["b"]
        whole = summarise(read_transactions(path, **ROLES, encoding="latin-1"))
        assert whole["customer"].to_numpy().tolist() == ["José", "b"]


def test_a_first_line_in_another_encoding_is_named(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_bytes("id;when;paid;größe\nb;2025-01-02;5;1\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"first line of orders\.csv is not UTF-8.*encoding"):
        read_transactions(path, **ROLES)


@pytest.mark.parametrize(
    ("encoding", "given"),
    [
        ("utf-16", None),
        ("utf-32", None),
        ("utf-16-le", "utf-16-le"),
        ("cp1252", "cp1252"),
        ("utf-8-sig", None),
    ],
)
def test_text_in_many_encodings(tmp_path, encoding, given):
    path = tmp_path / "orders.csv"
    packed = gzip.compress("id;when;größe;paid\nJosé;2025-01-02;1;5\n".encode(encoding))
    path.write_bytes(packed if given is None else gzip.decompress(packed))
    for query in (None, "SELECT * FROM data"):
        read = read_transactions(path, **ROLES, by="größe", encoding=given, query=query)
        assert summarise(read)["customer"].to_numpy().tolist() == ["José"]


def test_an_encoding_is_one_of_text_and_that_of_the_file(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_bytes("id;when;paid\nJosé;2025-01-02;5\n".encode("latin-1"))
    for encoding, words in (("utf-9", "utf-9"), ("hex", "hex"), ("utf-8", "not text in utf-8"), ("", "''")):
        with pytest.raises(InputError, match=words):
            read_transactions(path, **ROLES, encoding=encoding)
    GOOD.to_parquet(tmp_path / "orders.parquet")
    for source in (tmp_path / "orders.parquet", GOOD):
        with pytest.raises(InputError, match=r"an encoding for .*leave the encoding out"):
            read_transactions(source, **ROLES, encoding="latin-1")


def test_a_decimal_comma_is_an_unreadable_amount(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("id;when;paid\nb;2025-01-02;5,50\nb;2025-01-03;5.50\n")
    assert read_transactions(path, **ROLES).rejected_by_reason == {"unreadable amount": 1}


def test_a_query_against_sqlite(tmp_path):
    path = tmp_path / "shop.sqlite"
    with sqlite3.connect(path) as database:
        GOOD.to_sql("orders", database, index=False)
    database.close()
    check(path, query="SELECT * FROM orders;")
    check(str(path), query='SELECT id, "when", paid, region FROM orders WHERE paid > 0')
    check(path)
    with pytest.raises(InputError, match=r"the query failed.*no such table.*orders"):
        read_transactions(path, **ROLES, query="SELECT * FROM sales")


def test_cells_of_several_types_in_sqlite(tmp_path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE orders (id, day, paid)")
        rows = [(1, "2025-01-01", 5), (1, "2025-01-02", 2.5), (2, "2025-01-02", "much"), (None, None, None)]
        database.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)
    database.close()
    transactions = read_transactions(
        path, customer="id", time="day", amount="paid", query="SELECT * FROM orders"
    )
    assert transactions.rejected_by_reason == {"missing customer": 1, "unreadable amount": 1}
    stats = summarise(transactions)
    assert stats.customer.to_numpy().tolist() == [1]
    assert stats.spend.to_numpy().tolist() == [2.5]


def test_a_query_against_a_database_of_duckdb(tmp_path):
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(path) as connection:
        connection.register("frame", pa.Table.from_pandas(GOOD))
        connection.execute("CREATE TABLE orders AS SELECT * FROM frame")
    check(path, query="SELECT * FROM orders")
    check(path)
    with pytest.raises(InputError, match=r"the query failed in shop.duckdb.*orders"):
        read_transactions(path, **ROLES, query="SELECT * FROM sales")


def test_sources_that_cannot_be_read(tmp_path):
    (tmp_path / "empty.csv").touch()
    (tmp_path / "header.csv").write_text("id,when,paid\n")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no more")
    (tmp_path / "short.csv").write_text("id;when;price\n1;2025-01-01;1\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "noise.db").write_bytes(b"noise" * 1000)
    for source, message in (
        (tmp_path / "empty.csv", "empty.csv is empty"),
        (tmp_path / "header.csv", "header.csv has no rows"),
        (tmp_path / "broken.parquet", "broken.parquet cannot be read"),
        (tmp_path / "missing.csv", "missing.csv does not exist"),
        (tmp_path / "folder", "holds no tables"),
        ([tmp_path / "header.csv", tmp_path / "short.csv"], "the columns of short.csv differ.*'paid'"),
        ([tmp_path / "header.csv", tmp_path / "header.csv"], "header.csv is named twice"),
        (tmp_path / "missing.db", "missing.db does not exist"),
        (tmp_path / "noise.db", "noise.db cannot be read"),
        ([], "an empty list"),
        (GOOD.iloc[:0], "has no rows"),
        (42, "source is of type int"),
    ):
        with pytest.raises(InputError, match=message):
            read_transactions(source, **ROLES)


@pytest.mark.parametrize(
    "address",
    [
        "postgres:host=db user=ada password=hunter2",
        "postgresql://ada:hunter2@db/shop",
        "mysql:passwd=hunter2",
    ],
)
def test_no_message_tells_the_address_of_a_server(monkeypatch, address):
    class Server:
        def execute(self, sql):
            raise duckdb.IOException(f"IO Error: Unable to connect at {address!r}: refused")

        def close(self):
            pass

    monkeypatch.setattr("bayes_cx.data.databases.connect", Server)
    kind = address.partition(":")[0]
    with pytest.raises(InputError, match=rf"^{kind} server cannot be read \(IO Error\)") as error:
        read_transactions(address, **ROLES, query="SELECT 1")
    assert "hunter2" not in str(error.value)


def test_no_message_tells_what_is_no_database_either(tmp_path):
    for address in ("https://ada:hunter2@db/shop.csv", "host=db password=hunter2"):
        for query in (None, "SELECT 1"):
            with pytest.raises(InputError, match="server") as error:
                read_transactions(address, **ROLES, query=query)
            assert "hunter2" not in str(error.value)


def test_a_query_beside_a_frame_is_one_clear_line():
    with pytest.raises(InputError, match="a query for a pandas DataFrame") as error:
        read_transactions(GOOD, **ROLES, query="SELECT * FROM orders")
    assert "00001" not in str(error.value)


def test_an_id_in_the_wrong_column_is_hidden_under_pseudonyms(tmp_path):
    source = tmp_path / "slipped.csv"
    source.write_text(
        "id,day,paid\nada,2025-01-01,5\n2025-01-02,eve@mail.test,7\nbob,2025-01-03,joe@mail.test\n"
    )
    key = "an example key of a test"
    read = read_transactions(source, customer="id", time="day", amount="paid", pseudonym_key=key)
    read.write_rejected(tmp_path / "rejected.csv")
    written = (tmp_path / "rejected.csv").read_text()
    assert written.count("hidden") == 4
    assert "mail.test" not in written


def test_a_column_that_is_the_index_of_a_frame_is_read():
    frame = GOOD.set_index("id")
    assert summarise(read_transactions(frame, **ROLES, by="region")).equals(EXPECTED)
