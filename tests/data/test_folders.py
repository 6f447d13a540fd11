"""Folders: all that belongs together is read, the rest is refused by name, and never our own output."""

import gzip
import os

import pandas as pd
import pytest

from bayes_cx.data import read_transactions
from bayes_cx.data.folders import find_files
from bayes_cx.errors import InputError

pytestmark = pytest.mark.usefixtures("one_database")
JANUARY = "id,when,paid\na,2025-01-01,5\na,2025-01-09,6\n"
FEBRUARY = "paid;when;id;shop\n7;2025-02-02;b;north\n"


def read(source, **more):
    return read_transactions(source, customer="id", time="when", amount="paid", **more)


@pytest.fixture
def shop(tmp_path):
    folder = tmp_path / "shop"
    (folder / "2025").mkdir(parents=True)
    (folder / "january.csv").write_text(JANUARY)
    (folder / "2025" / "february.csv.gz").write_bytes(gzip.compress(FEBRUARY.encode()))
    return folder


def test_text_files_are_read_together_whatever_their_packing_delimiter_and_order_of_columns(shop):
    transactions = read(shop)
    assert transactions.source == "shop (2 files)"
    assert sorted(transactions.accepted.project("customer, amount").fetchall()) == [
        ("a", 5),
        ("a", 6),
        ("b", 7),
    ]
    assert read([shop / "january.csv", shop / "2025" / "february.csv.gz"]).sha256 == transactions.sha256


def test_what_cannot_be_read_together_is_named(shop):
    pd.DataFrame({"id": ["c"], "when": ["2025-03-01"], "paid": [1.0]}).to_parquet(shop / "march.parquet")
    with pytest.raises(InputError, match=r"several kinds .*Parquet: march\.parquet.*january\.csv"):
        read(shop)
    assert read(f"{shop}/*.parquet").rows_read == 1
    (shop / "march.parquet").rename(shop / "march.csv")  # what a file is, not what it is called
    with pytest.raises(InputError, match=r"Parquet: march\.csv"):
        read(shop)
    (shop / "march.csv").write_text("customer,when,paid\nc,2025-03-01,1\n")
    with pytest.raises(InputError, match=r"columns of march\.csv differ .* no 'id'"):
        read(shop)
    (shop / "march.csv").write_bytes(b"\x00\x01\x02\x03" * 100)
    with pytest.raises(InputError, match=r"neither text .*march\.csv"):
        read(shop)


def test_a_table_beside_its_packed_copy_is_not_counted_twice(shop):
    (shop / "january.csv.gz").write_bytes(gzip.compress(JANUARY.encode()))
    with pytest.raises(InputError, match=r"january\.csv.*january\.csv\.gz seem to be the same table"):
        read(shop)


def test_parquet_files_must_agree_on_text_and_numbers(tmp_path):
    frame = pd.DataFrame({"id": [1.0, None], "when": ["2025-01-01"] * 2, "paid": [1.0, 2.0]})
    frame.to_parquet(tmp_path / "a.parquet")
    frame.assign(id=["1", "2"]).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"'id' is text in b\.parquet and not in a\.parquet"):
        read(tmp_path)
    frame.drop(columns="paid").to_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"columns of b\.parquet differ .* no 'paid'"):
        read(tmp_path)


def test_documents_hidden_files_and_marks_are_no_tables(shop):
    for name in ("README.md", "chart.PNG", "stats.nc", ".january.csv", "_SUCCESS"):
        (shop / name).write_text("no table")
    assert read(shop).rows_read == 3


def test_our_own_output_is_never_read(shop):
    before = read(shop)
    (shop / "broken.csv").write_text(JANUARY + ",2025-01-01,5\n")
    read(shop / "broken.csv").write_rejected(shop / "left out.csv")
    (shop / "broken.csv").unlink()
    report = shop / "report"
    report.mkdir()
    for name in ("priority_top100.csv", "rejected.csv", "model_card.json"):
        (report / name).write_text(JANUARY)
    (report / "run.json").write_text(
        '{"made_by": "bayes-cx report", "files": ["priority_top100.csv", "rejected.csv"]}'
    )
    assert read(shop).sha256 == before.sha256
    assert read(shop).source == "shop (2 files)"
    assert read(f"{shop}/*.csv").rows_read == 2
    # What the user put there is read, and so are rejected rows that are asked for.
    (report / "priority_customers.csv").write_text(FEBRUARY)
    assert read(shop).rows_read == 4
    assert read(shop / "left out.csv").rejected_by_reason == {"missing customer": 1}


def test_links_are_followed_and_every_file_counts_once(shop):
    os.symlink(".", shop / "again")
    os.symlink("january.csv", shop / "latest.csv")
    elsewhere = shop.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "march.csv").write_text(FEBRUARY)
    os.symlink(elsewhere, shop / "2026")
    assert sorted(file.name for file in find_files(shop)) == ["february.csv.gz", "january.csv", "march.csv"]
    assert [file.name for file in find_files(shop / "**" / "jan*.csv")] == ["january.csv"]


@pytest.mark.parametrize("target", ["loop.csv", "nowhere.csv"])
def test_a_link_that_leads_nowhere_is_named(shop, target):
    os.symlink(target, shop / "loop.csv")
    for source in (shop, shop / "loop.csv", f"{shop}/*.csv"):
        with pytest.raises(InputError, match=r"loop\.csv is a link that leads nowhere"):
            read(source)


def test_what_is_no_file_on_disk_is_named(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match=r"pipe\.csv is no file on disk"):
        read(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match="NUL"):
        read("a\x00b.csv")


@pytest.mark.parametrize("name", [b"caf\xe9.csv", b"a[1]*?.csv", b'it\'s "new".csv', b"line\nbreak.csv"])
def test_a_file_may_have_any_name(tmp_path, name):
    path = tmp_path / os.fsdecode(name)
    path.write_text(JANUARY)
    transactions = read(path)
    assert transactions.rows_accepted == 2
    transactions.source.encode()
    assert read(tmp_path).rows_accepted == 2
    assert read(path, query="SELECT * FROM data WHERE paid = '6'").rows_accepted == 1


def test_a_column_in_the_name_of_a_folder_stays_beside_an_odd_name(tmp_path):
    (tmp_path / "id=7").mkdir()
    pd.DataFrame({"when": ["2025-01-01"], "paid": [1.0]}).to_parquet(tmp_path / "id=7" / "part [1].parquet")
    assert read(tmp_path).accepted.project("customer").fetchall() == [(7,)]


def test_a_line_that_is_no_row_is_found_in_its_file(tmp_path):
    months = {
        "2024/01.csv": "id,day\na,2024-01-01\nb,2024-01-02,5\n",
        "2025/01.csv.gz": 'id,day\na,2025-01-01\nb,"2025-01-02\n',
        "2025/02.csv": "id;day\na;2025-02-01\nb\n",
    }
    for name, text in months.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        packed = gzip.compress(text.encode()) if name.endswith("gz") else text.encode()
        (tmp_path / name).write_bytes(packed)
    for query in (None, "SELECT * FROM data"):
        read = read_transactions(tmp_path, customer="id", time="day", query=query)
        rejected = read.rejected.df()
        assert [(row.file, row.line) for row in rejected.itertuples()] == [(name, 3) for name in months]
        assert list(rejected["line_text"]) == ["b,2024-01-02,5", 'b,"2025-01-02', "b"]
    # The name of a file may name a customer.
    read = read_transactions(tmp_path, customer="id", time="day", pseudonym_key=os.urandom(32))
    assert read.rejected.columns == ["row", "reason", "id", "day", "line"]
