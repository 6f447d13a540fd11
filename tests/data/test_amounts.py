"""Amounts as people write them, and amounts that are computed."""

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_cx.data import read_transactions
from bayes_cx.data.expressions import columns_in
from bayes_cx.data.numbers import Numbers
from bayes_cx.errors import InputError

pytestmark = pytest.mark.usefixtures("one_database")


def plain(numbers, texts):
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE written (number INTEGER, t VARCHAR)")
        connection.register("texts", pd.DataFrame({"number": range(len(texts)), "t": texts}))
        connection.execute("INSERT INTO written SELECT * FROM texts")
        rows = connection.execute(f"SELECT {numbers.plain('t')} FROM written ORDER BY number").fetchall()
    return [text for (text,) in rows]


def of(texts, **more):
    frame = pd.DataFrame({"id": "a", "when": "2025-01-01", "paid": texts})
    return read_transactions(frame, customer="id", time="when", amount="paid", returns="net", **more)


def amounts(transactions):
    return [float(cell) for (cell,) in transactions.accepted.project("amount").fetchall()]


@pytest.mark.parametrize(
    ("options", "texts", "expected", "unreadable"),
    [
        ({}, ["5.50", "1e2", "5,50", "2,000.00"], [5.5, 100], 2),
        ({"decimal": ","}, ["5,50", "2.000,00", "2.000", "5.50", "1.2345,0"], [5.5, 2000, 2000], 2),
        ({"thousands": ","}, ["2,000.00", "1,234,567", "5,50", "12,34.5"], [2000, 1234567], 2),
        ({}, ["1 234.50", "1'234.50", "1\u202f234.5", "1 23.0"], [1234.5] * 3, 1),
        ({}, ["€5.50", "5.50 €", "-€ 1", "(€2.00)", "3.00-", "\u22124"], [5.5, 5.5, -1, -2, -3, -4], 0),
        ({"decimal": ","}, ["EUR 5,50", "1.000,00 EUR"], [5.5, 1000], 0),
        ({}, ["5 kg", "5 MIO", "5.00 CR", "--5", "(-5)", "(5", "5)", "$", "a5", "6"], [6], 9),
    ],
)
def test_written_amounts(options, texts, expected, unreadable):
    transactions = of(texts, **options)
    assert amounts(transactions) == expected
    assert transactions.rejected_by_reason.get("unreadable amount", 0) == unreadable


def test_amounts_of_two_currencies_are_refused():
    with pytest.raises(InputError, match=r"several currencies \(\$, €\)"):
        of(["€5", "$5"])


@pytest.mark.parametrize(
    "options", [{"decimal": ";"}, {"thousands": "x"}, {"decimal": ",", "thousands": ","}]
)
def test_signs_that_cannot_be(options):
    with pytest.raises(InputError, match=r"decimal|thousands"):
        of(["5"], **options)


@settings(max_examples=5, deadline=None)
@given(st.lists(st.decimals(-(10**12), 10**12, places=2), min_size=1, max_size=200))
def test_numbers_written_in_two_countries_come_back(numbers):
    english = [f"{number:,.2f}" for number in numbers]
    german = [text.translate(str.maketrans(",.", ".,")) for text in english]
    exact = [f"{number:.2f}" for number in numbers]
    assert plain(Numbers(thousands=","), english) == exact
    assert plain(Numbers(decimal=","), german) == exact


ORDERS = pd.DataFrame(
    {
        "id": ["a", "b", "c", "d", "e"],
        "when": "2025-01-01",
        "Quantity": ["6", "", "x", "3", "2"],
        "Unit Price": [2.55, 1.0, 1.0, 0.1, float("inf")],
        "Total-Price": [1.0, 2.0, 3.0, 4.0, 5.0],
    }
)


def computed(expression, source=ORDERS, **more):
    return read_transactions(source, customer="id", time="when", amount=expression, **more)


def test_an_amount_may_be_arithmetic_over_columns(tmp_path):
    transactions = computed('Quantity * "Unit Price"')
    assert amounts(transactions) == [15.3, 0.3]
    assert transactions.rejected_by_reason == {
        "missing amount": 1,
        "non-finite amount": 1,
        "unreadable amount": 1,
    }
    assert amounts(computed("round(abs(-Quantity) / 4 + 1, 1)")) == [2.5, 1.8, 1.5]
    assert amounts(computed("coalesce(Quantity, 10) - 1")) == [5, 9, 9, 2, 1]
    # A column of that very name comes first.
    assert amounts(computed("Total-Price")) == [1, 2, 3, 4, 5]
    path = tmp_path / "orders.csv"
    path.write_text("id;when;q;p\na;2025-01-01;3;1.234,5\n")
    assert amounts(computed("q * p", path, decimal=",")) == [3703.5]


NO_ARITHMETIC = [
    "(SELECT 1)",
    "1) FROM (SELECT 1",
    "Quantity; COPY (SELECT 1) TO 'f.csv'",
    "Quantity FROM data",
    "Quantity) WHERE (1 = 1",
    "Quantity, 1",
    "length(id)",
    "getvariable('inner_pad')",
    "sum(Quantity)",
    "sum(Quantity) OVER ()",
    "Quantity AS q",
    "'5'",
    "5",
    "*",
    "COLUMNS(*)",
    "Quantity::INTEGER",
    "$1 * Quantity",
    "t.Quantity * 2",
    "-(" * 900 + "Quantity" + ")" * 900,
    "",
]


def test_what_is_no_arithmetic_is_no_amount():
    for expression in NO_ARITHMETIC:
        assert columns_in(expression) == (), expression
    for expression in NO_ARITHMETIC[:3]:
        with pytest.raises(InputError, match=r"no column .*or arithmetic over them"):
            computed(expression)


def test_columns_of_arithmetic_must_be_there_and_be_numbers():
    with pytest.raises(InputError, match=r"no column 'Price' .*'Quantity'"):
        computed("Quantity * Price")
    with pytest.raises(InputError, match=r"no column 'quantity'"):
        computed("2 * quantity")
    dated = ORDERS.assign(when=pd.Timestamp("2025-01-01"))
    with pytest.raises(InputError, match=r"column 'when' of type TIMESTAMP.* in an amount"):
        computed('Quantity * "when"', dated)


@pytest.mark.parametrize("decimal", [".", ","])
@given(numbers=st.lists(st.floats(0.001, 1e9).map(lambda value: float(f"{value:.6g}")), min_size=9))
@settings(max_examples=2, deadline=None)
def test_numbers_beside_text_keep_their_value(decimal, numbers):
    """12.345 is no twelve thousand where other cells of the column are text with a decimal comma."""
    paid = [*numbers, 12.345, f"7{decimal}50", 3, None]
    frame = pd.DataFrame({"id": "a", "day": "2025-01-01", "paid": pd.Series(paid, dtype=object)})
    read = read_transactions(frame, customer="id", time="day", amount="paid", decimal=decimal)
    amounts = [float(row[2]) for row in read.accepted.fetchall()]
    assert sorted(amounts) == pytest.approx(sorted([*numbers, 12.345, 7.5, 3]), rel=1e-5, abs=1e-9)


def test_whole_numbers_beside_text_are_the_same_ids():
    frame = pd.DataFrame({"id": pd.Series([7, "7", 7.0, "A8"], dtype=object), "day": "2025-01-01"})
    read = read_transactions(frame, customer="id", time="day")
    assert [row[0] for row in read.accepted.order("customer").fetchall()] == ["7", "7", "7", "A8"]
