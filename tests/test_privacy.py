"""Pseudonyms are keyed hashes, as the standard library computes them."""

import hashlib
import hmac

import pytest

from bayes_cx.errors import InputError
from bayes_cx.privacy import pseudonym, pseudonyms

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
