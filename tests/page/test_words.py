import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_cx.page.fonts import _glyphs, printable
from bayes_cx.page.words import Money, about, chance, count, day, listing, per_cent, plural, shorten

AMOUNT = st.floats(min_value=-1e12, max_value=1e12).filter(lambda a: a == 0 or abs(a) > 0.1)
SCALE = {"": 1, "k": 1e3, "m": 1e6, "bn": 1e9}


@given(AMOUNT)
def test_money_reads_back_to_half_a_percent(amount):
    text = Money("€")(amount)
    match = re.fullmatch(r"(−?)€([\d,.]+)(k|m|bn|)", text)
    assert match, text
    size = float(match[2].replace(",", "")) * SCALE[match[3]]
    assert (-size if match[1] else size) == pytest.approx(amount, rel=0.006, abs=0.006)


@given(AMOUNT)
def test_money_has_at_most_three_significant_digits(amount):
    digits = re.sub(r"[^\d.]", "", Money()(amount))
    significant = digits.lstrip("0.").replace(".", "")
    assert len(significant.rstrip("0") if "." not in digits else significant) <= 3


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        *((0, "€0"), (0.004, "€0.00"), (-0.001, "€0.00"), (999.7, "€1,000"), (9996, "€10.0k")),
        *(
            (999_600, "€1.00m"),
            (-1.5, "−€1.50"),
            (float("nan"), "–"),
            (float("inf"), "–"),
            (2.5e9, "€2.50bn"),
        ),
    ],
)
def test_money_at_the_edges(amount, text):
    assert Money("€")(amount) == text


def test_a_column_has_the_same_decimals_and_no_minus_zero():
    assert Money("€").column([1234.4, -0.2, 7]) == ["1,234", "0", "7"]
    assert Money("€").column([4.25, -0.2]) == ["4.25", "−0.20"]


def test_ticks_do_not_pad():
    assert [Money("€").tick(a) for a in (0, 2500, 5000, -1.5e6, 0.25)] == [
        "€0",
        "€2.5k",
        "€5k",
        "−€1.5m",
        "€0.25",
    ]


@given(st.floats(min_value=0, max_value=1))
def test_certainty_is_never_claimed_by_rounding(share):
    assert (per_cent(share) == "100%") == (share == 1)
    assert (per_cent(share) == "0%") == (share == 0)
    assert chance(share) not in ("0%", "100%")


def test_phrases():
    assert plural(1, "customer") == "1 customer"
    assert plural(0, "customer") == "0 customers"
    assert listing([]) == ""
    assert listing(["a", "b"]) == "a and b"
    assert count(-1234.0) == "−1,234"
    assert about(float("nan")) == "–"
    assert day("not a date") == "not a date"


@given(st.text(), st.integers(3, 50))
def test_shortened_text_fits_and_keeps_both_ends(text, length):
    short = shorten(text, length)
    assert len(short) <= length
    assert short == text or (text.startswith(short.split("…")[0]) and "…" in short)


@given(st.text())
def test_printable_text_has_a_glyph_for_every_character_and_stays_as_it_is(text):
    shown = printable(text)
    assert all(ord(character) in _glyphs() for character in shown)
    assert printable(shown) == shown


def test_printable_keeps_different_names_apart():
    names = ["株式会社", "株式會社", "😀", "😃", "a\u200bb", "ab", "a\nb"]
    assert len({printable(name) for name in names}) == len(names)
