"""What the output must not contain: customer ids (keyed hashes replace them) and server addresses."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from pathlib import Path

from bayes_cx.errors import InputError

__all__ = ["DIGITS", "hmac_pads", "is_address", "place", "pseudonym", "pseudonyms"]

# "postgres:dbname=shop" is no path; one letter before a colon is a drive.
_SCHEME = re.compile(r"([A-Za-z][\w+.-]+):")
# The list of settings that databases take in place of a URL; a folder may be called "user=1".
_SETTINGS = re.compile(
    r"^\s*(host|hostaddr|server|dbname|database|user|uid)\s*=[^/]*$|\b(password|passwd|pwd)\s*=", re.I
)

# 16 hexadecimal digits are 64 bits: two of a million customers share one with a chance of 3 in 100 million.
DIGITS = 16
# Bytes that SHA-256 reads at a time.
_BLOCK = 64


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
    return hmac.new(_secret(key), str(customer).encode(), hashlib.sha256).hexdigest()[:DIGITS]


def pseudonyms(customers: Iterable[object], key: str | bytes) -> list[str]:
    """Return the pseudonym of every customer id, in the same order."""
    return [pseudonym(customer, key) for customer in customers]


def hmac_pads(key: str | bytes) -> tuple[bytes, bytes]:
    """Return the inner and the outer pad of HMAC-SHA-256, for those who compute it by other means.

    Raises
    ------
    InputError
        If the key is too short to keep a guess out.
    """
    secret = _secret(key)
    block = (hashlib.sha256(secret).digest() if len(secret) > _BLOCK else secret).ljust(_BLOCK, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


def _secret(key: str | bytes) -> bytes:
    secret = key.encode() if isinstance(key, str) else key
    if len(secret) < 16:
        raise InputError(
            f"the key for pseudonyms has {len(secret)} bytes",
            "at least 16",
            "make one with `openssl rand -hex 32`",
        )
    return secret


def is_address(source: object) -> bool:
    """Tell whether `source` is the address of a server rather than a path: it may hold a password."""
    return bool(_SCHEME.match(str(source)) or _SETTINGS.search(str(source)))


def place(source: object) -> str:
    """Name where data come from: a file without its folders, a server by its kind and nothing else.

    Examples
    --------
    >>> place("/home/ada/sales.csv"), place("postgres:host=db user=ada password=secret")
    ('sales.csv', 'postgres server')
    """
    if not is_address(source):
        return Path(str(source)).name or str(source)
    scheme = _SCHEME.match(str(source))
    return f"{scheme[1]} server" if scheme else "a server"
