"""Fingerprints of purchases: a number for each row that depends on all of it; the sum tells tables apart."""

__all__ = ["with_digests"]

# Half of a number of 64 bits.
_HALF = 0xFFFFFFFF
# Odd and below 2^31, so that products fit 63 bits: for both halves of each part, and for what they come to.
_MULTIPLIERS = {
    "customer_number": (0x61C88647, 0x3C6EF35F),
    "time_number": (0x41C64E6D, 0x19660D1D),
    "amount_number": (0x6C078965, 0x5D588B65),
}
_ALL = 0x5BD1E995
# Whole numbers below differ as floats too.
_ROUND = 2**53


def with_digests(rows: str, text: bool) -> str:
    """Return SQL for rows with one more column: ``digest``, 60 bits that depend on customer, time and amount.

    The same values have the same number in any file, of whatever kind, with any version of DuckDB, whose own
    `hash` promises no such thing. Whole numbers are mixed by arithmetic, which takes a tenth of the time of
    SHA-256; text that is no whole number goes by its SHA-256.

    Parameters
    ----------
    rows : str
        A view with ``customer``, ``moment`` and ``amount``; see `Schema.judged`.
    text : bool
        Whether the customers are text.
    """
    customer = "customer"
    if text:
        # '12' in a text file is the customer 12 of a frame; '012' is somebody else.
        customer = """CASE WHEN CAST(TRY_CAST(customer AS BIGINT) AS VARCHAR) = customer
THEN TRY_CAST(customer AS BIGINT) ELSE CAST('0x' || substr(sha256(customer), 1, 15) AS BIGINT) END"""
    # In billionths; what is the same as a float differs in the sum of all amounts.
    amount = f"coalesce(CAST(fmod(CAST(amount AS DOUBLE) * 1e9, {_ROUND}) AS BIGINT), {_ROUND})"
    mixed = "0"
    for part, (low, high) in _MULTIPLIERS.items():
        mixed = f"xor({mixed}, xor(({part} & {_HALF}) * {low}, (({part} >> 32) & {_HALF}) * {high}))"
    return f"""(SELECT * EXCLUDE (mixed), xor((mixed & {_HALF}) * {_ALL}, mixed >> 31) >> 3 AS digest
FROM (SELECT * EXCLUDE ({", ".join(_MULTIPLIERS)}), {mixed} AS mixed
FROM (SELECT *, {customer} AS customer_number, epoch_us(moment) AS time_number, {amount} AS amount_number
FROM {rows})))"""
