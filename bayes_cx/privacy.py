"""Pseudonyms: customer ids replaced by keyed hashes that only the holder of the key can repeat."""

import hashlib
import hmac
from collections.abc import Iterable

from bayes_cx.errors import InputError

__all__ = ["pseudonym", "pseudonyms"]

# 16 hexadecimal digits are 64 bits: two of a million customers share one with a chance of 3 in 100 million.
DIGITS = 16


def pseudonym(customer: object, key: str | bytes) -> str:
    """Return the pseudonym of one customer id: the first 16 hexadecimal digits of HMAC-SHA-256.

    The same id and key give the same pseudonym everywhere, so that tables can still be joined; without the
    key nobody can test a guess. An integer id and the text of the same digits are one customer.

    Parameters
    ----------
    customer : str or int
        The id as given in the data.
    key : str or bytes
        The secret; at least 16 bytes.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If the key is too short to keep a guess out.

    References
    ----------
    RFC 2104, HMAC: Keyed-Hashing for Message Authentication.

    Examples
    --------
    >>> pseudonym(4711, "an example key only")
    'd70a7d2b249ef44d'
    """
    secret = key.encode() if isinstance(key, str) else key
    if len(secret) < 16:
        raise InputError(
            f"the key for pseudonyms has {len(secret)} bytes",
            "at least 16",
            "make one with `openssl rand -hex 32`",
        )
    return hmac.new(secret, str(customer).encode(), hashlib.sha256).hexdigest()[:DIGITS]


def pseudonyms(customers: Iterable[object], key: str | bytes) -> list[str]:
    """Return the pseudonym of every customer id, in the same order."""
    return [pseudonym(customer, key) for customer in customers]
