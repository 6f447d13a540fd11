"""What the output must not contain: customer ids (keyed hashes replace them) and server addresses."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from bayes_cx.errors import InputError

__all__ = [
    "DIGITS",
    "check_groups",
    "hmac_pads",
    "is_address",
    "key_mark",
    "keyed",
    "place",
    "printed",
    "pseudonym",
    "pseudonyms",
]

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
# A key has at least so many different bytes, differences between neighbours, and pairs of neighbours. One in
# 10,000 random keys of 16 hexadecimal digits, the shortest there are, has less; of longer ones none.
_VARIED = {"different characters": 6, "different steps from one to the next": 6, "different pairs": 11}
# Of so many customers a column of groups must leave at least two in a group, on average.
_MANY = 20


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


def keyed(text: str, key: str | bytes) -> str:
    """Return HMAC-SHA-256 of a text, 64 hexadecimal digits: without the key nobody can test a guess of it.

    Raises
    ------
    InputError
        If the key is too short.
    """
    return hmac.new(_secret(key), text.encode(), hashlib.sha256).hexdigest()


def key_mark(key: str | bytes) -> str:
    """Return 8 hexadecimal digits by which pseudonyms of one key are known; they do not tell the key.

    Examples
    --------
    >>> key_mark("an example key only") == key_mark("another example key")
    False
    """
    return keyed("bayes_cx: the mark of a key for pseudonyms", key)[:8]


def check_groups(column: str, customers: int, groups: int, equal: bool) -> None:
    """Refuse a column of groups that would show beside a pseudonym who the customer is.

    Parameters
    ----------
    column : str
    customers, groups : int
        Customers who are in a group, and different values of the column.
    equal : bool
        Whether the column holds the ids themselves.

    Raises
    ------
    InputError
        If it holds the ids, or so many values that it names customers rather than groups of them: one for
        each, or, of 20 customers or more, more than one for every other.
    """
    alone = groups >= customers > 2
    if customers and (equal or alone or (customers >= _MANY and 2 * groups > customers)):
        came = "the customer ids" if equal else f"{groups:,} values for {customers:,} customers"
        raise InputError(
            f"the column {column!r} of groups with {came}, under pseudonyms",
            "groups of several customers each",
            "leave it out, or make wider groups of it",
        )


def hmac_pads(key: str | bytes) -> tuple[bytes, bytes]:
    """Return the inner and the outer pad of HMAC-SHA-256, for those who compute it by other means.

    Raises
    ------
    InputError
        If the key is too short, or too regular, to keep a guess out.
    """
    secret = _secret(key)
    _check_varied(secret)
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


def _check_varied(secret: bytes) -> None:
    """Refuse a key that repeats a few characters or counts: somebody who tries such keys first finds it."""
    pairs = list(pairwise(secret))
    counts = (len(set(secret)), len({after - before for before, after in pairs}), len(set(pairs)))
    for (what, least), n in zip(_VARIED.items(), counts, strict=True):
        if n < least:
            raise InputError(
                f"a key for pseudonyms that repeats itself or counts ({n} {what})",
                f"at least {least}, as in a random key",
                "make one with `openssl rand -hex 32`",
            )


def is_address(source: object) -> bool:
    """Tell whether `source` is the address of a server rather than a path: it may hold a password."""
    return bool(_SCHEME.match(str(source)) or _SETTINGS.search(str(source)))


def place(source: object) -> str:
    """Name where data come from: a file without its folders, a server by its kind and nothing else.

    Bytes of a file name that are no text in the encoding of the system become question marks.

    Examples
    --------
    >>> place("/home/ada/sales.csv"), place("postgres:host=db user=ada password=secret")
    ('sales.csv', 'postgres server')
    """
    if not is_address(source):
        return printed(Path(str(source)).name or str(source))
    scheme = _SCHEME.match(str(source))
    return f"{scheme[1]} server" if scheme else "a server"


def printed(name: str) -> str:
    """Return a file name in which bytes that are no text in the encoding of the system are question marks."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
