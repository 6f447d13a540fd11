"""Pseudonyms are keyed hashes, as the standard library computes them."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_cx.errors import InputError
from bayes_cx.privacy import check_groups, hmac_pads, key_mark, pseudonym, pseudonyms

KEY = "an example key of a test"


def test_they_are_hmac_sha256():
    expected = hmac.digest(KEY.encode(), "Ådä".encode(), hashlib.sha256).hex()[:16]
    assert pseudonym("Ådä", KEY) == pseudonym("Ådä", KEY.encode()) == expected


def test_the_example_of_rfc_4231():
    key, text = b"\xaa" * 131, "Test Using Larger Than Block-Size Key - Hash Key First"
    assert pseudonym(text, key) == "60e431591ee0b67f"


def test_another_key_gives_another_pseudonym():
    assert pseudonym(1, KEY) != pseudonym(1, KEY + "!")
    assert pseudonyms([1, "1", 2], KEY)[0] == pseudonyms([1, "1", 2], KEY)[1]
    assert len(set(pseudonyms(range(10_000), KEY))) == 10_000


def test_a_short_key_is_refused():
    with pytest.raises(InputError, match="16"):
        pseudonym(1, "short")


@given(st.randoms(use_true_random=True), st.sampled_from([16, 32, 64]))
def test_a_random_key_is_accepted(rng, length):
    hmac_pads(rng.randbytes(length))
    hmac_pads(rng.randbytes(length).hex())


@given(st.text("abcdefgh0123 ", min_size=1, max_size=9), st.integers(2, 40))
def test_a_key_that_repeats_is_refused(block, times):
    with pytest.raises(InputError, match=r"bytes|repeats"):
        hmac_pads(block * times)


@given(st.integers(0, 255), st.integers(-9, 9), st.integers(16, 64))
def test_a_key_that_counts_is_refused(start, step, length):
    with pytest.raises(InputError, match="repeats itself or counts"):
        hmac_pads(bytes((start + step * place) % 256 for place in range(length)))


def test_the_mark_of_a_key_is_its_own():
    assert key_mark(KEY) == key_mark(KEY.encode()) != key_mark(KEY + "!")
    assert len(key_mark(KEY)) == 8


@pytest.mark.parametrize(
    ("customers", "groups", "equal", "refused"),
    [
        (3, 3, False, True),
        (400, 390, False, True),
        (400, 201, False, True),
        (400, 200, False, False),
        (400, 3, False, False),
        (400, 3, True, True),
        (19, 12, False, False),
        (2, 2, False, False),
        (0, 0, False, False),
    ],
)
def test_groups_do_not_name_customers(customers, groups, equal, refused):
    if refused:
        with pytest.raises(InputError, match="'mail'"):
            check_groups("mail", customers, groups, equal)
    else:
        check_groups("mail", customers, groups, equal)
