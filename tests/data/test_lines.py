"""Lines of text files and the rows they come to, against Python's own csv module."""

import csv
import gzip
import io
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bayes_cx.data import lines, mending, read_transactions, summarise_contracts
from bayes_cx.data.lines import copy_mended, scan

pytestmark = pytest.mark.usefixtures("one_database")

HEADER = ["id", "name", "when", "note"]
# A cell with delimiters or with several lines; one with both may look like rows itself.
cells = st.one_of(
    st.text('ab ,"', min_size=1, max_size=8),
    st.text('ab "\n', min_size=1, max_size=8),
    st.sampled_from(["é", "5 in", "-"]),
)
plain = st.text("abc 5", min_size=1, max_size=5).filter(str.strip)
places = st.sampled_from([None] * 9 + [0, 1, 2, 3])
ends = st.sampled_from(["\n", "\r\n"])


def write(rows, end="\n", quoting=csv.QUOTE_MINIMAL):
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=quoting).writerows([HEADER, *rows])
    return text.getvalue()


def look(text, **kwargs):
    return scan(io.BytesIO(text.encode()), ",", len(HEADER), **kwargs)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(cells, cells, cells, cells), max_size=8),
    ends,
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from([9, 4_000_000]),
)
@example([("a", "b\n\nb", "c", "\n")], "\r\n", csv.QUOTE_MINIMAL, 9)
def test_what_csv_writes_comes_to_its_rows(rows, end, quoting, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_BLOCK", block)
        found = look(write(rows, end, quoting))
    assert (found.rows, found.unbalanced, found.stray, found.mixed) == (len(rows), {}, 0, False)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.tuples(plain, plain, plain, plain), places), max_size=30),
    ends,
    st.sampled_from([9, 4_000_000]),
)
def test_a_quote_that_nobody_closes_costs_its_own_line(rows, end, block):
    broken = [
        [('"' if place == column else "") + cell for column, cell in enumerate(row)] for row, place in rows
    ]
    text = end.join(map(",".join, [HEADER, *broken])) + end
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_BLOCK", block)
        found = look(text)
    expected = {
        number: ",".join(cells)
        for number, (cells, (_, place)) in enumerate(zip(broken, rows, strict=True), start=2)
        if place is not None
    }
    assert found.unbalanced == expected
    assert found.rows == len(rows) - len(expected)


@pytest.mark.parametrize("packed", [False, True])
def test_rows_after_an_unbalanced_quote_are_read(tmp_path, packed):
    rows = [f"{i},n{i},2025-01-{i % 28 + 1:02},x" for i in range(1465)]
    rows[10] = '10,"Bob,2025-01-11,x'
    rows[700] = '700,"Ann, née\nEve",2025-01-01,"two\n\nlines"'
    path = tmp_path / ("orders.csv" + ".gz" * packed)
    text = "\n".join([",".join(HEADER), *rows]) + "\n"
    written = gzip.compress(text.encode()) if packed else text.encode()
    path.write_bytes(written)
    transactions = read_transactions(path, customer="id", time="when")
    assert (transactions.rows_read, transactions.rows_accepted) == (1465, 1464)
    assert transactions.rejected_by_reason == {"unbalanced quote": 1}
    transactions.write_rejected(tmp_path / "rejected.csv")
    with (tmp_path / "rejected.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["reason"], row["line"], row["line_text"]) == ("unbalanced quote", "12", rows[10])
    # And in pseudonymised files the line, which may name somebody, is not shown.
    hidden = read_transactions(path, customer="id", time="when", pseudonym_key="an example key of a test")
    hidden.write_rejected(tmp_path / "rejected.csv")
    assert "Bob" not in (tmp_path / "rejected.csv").read_text()
    assert path.read_bytes() == written


def test_contracts_are_read_in_the_same_way(tmp_path):
    path = tmp_path / "contracts.csv"
    path.write_text('id,from,to,note\n1,2025-01-01,,"good\n2,2025-01-01,,x\n3,2025-01-01,,x\n')
    stats = summarise_contracts(path, customer="id", start="from", end="to", until="2025-03-01")
    assert stats["customer"].to_numpy().tolist() == ["2", "3"]
    assert json.loads(stats.attrs["rejected"]) == {"unbalanced quote": 1}
    assert stats.attrs["rows_read"] == 3


@pytest.mark.parametrize(
    "text",
    [
        "id,when\r\na,2025-01-01\nb,2025-01-02\r\n",
        "id,when\r\r\na,2025-01-01\r\r\nb,2025-01-02\r\r\n",
        "id,when\na,2025-01-01\r\nb,2025-01-02",
        "id,when\ra,2025-01-01\rb,2025-01-02\r",
    ],
)
def test_lines_may_end_in_several_ways(tmp_path, text):
    (tmp_path / "orders.csv").write_bytes(text.encode())
    transactions = read_transactions(tmp_path / "orders.csv", customer="id", time="when")
    assert (
        transactions.accepted.fetchall()
        == read_transactions([_plain(tmp_path)], customer="id", time="when").accepted.fetchall()
    )
    assert transactions.rows_read == 2


def _plain(folder):
    (folder / "plain.csv").write_text("id,when\na,2025-01-01\nb,2025-01-02\n")
    return folder / "plain.csv"


def test_lines_before_the_names_and_a_mark_of_order_count_for_nothing():
    text = '\ufeffsep=,\n"a note\n' + write([("a", "b", "c", "d\ne")])
    assert look(text, skip=2).rows == 1
    assert look("\ufeff" + write([("a", "b", "c", "d")], quoting=csv.QUOTE_ALL)).unbalanced == {}


def test_a_mended_copy_keeps_the_number_of_lines(tmp_path):
    text = b'id,n\n1,"x\n2,y\r\n3,z\rz\n'
    found = scan(io.BytesIO(text), ",", 2)
    copy_mended(io.BytesIO(text), found, tmp_path / "copy.csv")
    assert (tmp_path / "copy.csv").read_bytes() == b"id,n\n\n2,y\n3,z z\n"


def test_lines_that_come_to_no_row_are_counted(tmp_path, monkeypatch):
    def one_more(*arguments, **kwargs):
        found = scan(*arguments, **kwargs)
        found.rows += 1
        return found

    monkeypatch.setattr(mending, "scan", one_more)
    transactions = read_transactions(_plain(tmp_path), customer="id", time="when")
    assert transactions.rejected_by_reason == {"line that came to no row": 1}
    assert transactions.rows_read == 3
    transactions.write_rejected(tmp_path / "rejected.csv")
