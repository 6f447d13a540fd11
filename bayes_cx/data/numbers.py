"""Numbers as people write them, as SQL: with a decimal comma, groups of thousands, the sign of a currency."""

from dataclasses import dataclass

from bayes_cx.data.sql import literal
from bayes_cx.errors import InputError

__all__ = ["Numbers"]

_CODES = (
    "AED|AFN|ALL|AMD|AOA|ARS|AUD|AZN|BAM|BDT|BGN|BHD|BOB|BRL|BWP|BYN|CAD|CHF|CLP|CNY|COP|CRC|CZK|DKK|DOP|DZD|"
    "EGP|ETB|EUR|GBP|GEL|GHS|GTQ|HKD|HNL|HRK|HUF|IDR|ILS|INR|IQD|IRR|ISK|JMD|JOD|JPY|KES|KRW|KWD|KZT|LBP|LKR|"
    "MAD|MDL|MKD|MUR|MXN|MYR|NAD|NGN|NOK|NPR|NZD|OMR|PAB|PEN|PHP|PKR|PLN|PYG|QAR|RON|RSD|RUB|SAR|SEK|SGD|THB|"
    "TND|TRY|TTD|TWD|TZS|UAH|UGX|USD|UYU|UZS|VND|XAF|XOF|ZAR|ZMW"
)
_NAMES = r"[kK]r\.?|S?Fr\.?|Rs\.?|RM|zł|Kč|Ft|lei"
_CURRENCY = rf"(?:[A-Z]{{0,3}}\p{{Sc}}|[A-Z]{{3}}|{_NAMES})"
_GAP = r"[\s\p{Z}]*"
_MINUS = r"[-\x{2212}\x{2013}]"
_NEGATIVE = r"[-\x{2212}\x{2013}(]"
# Between groups of three digits these can mean nothing else.
_GROUPING = (" ", "\u00a0", "\u202f", "\u2009", "'", "\u2019")


@dataclass(frozen=True)
class Numbers:
    """How numbers in text are written.

    Parameters
    ----------
    decimal : {".", ","}
        What stands before the decimals.
    thousands : {".", ",", " ", "'"}, optional
        What stands between groups of three digits: a point where `decimal` is a comma, otherwise nothing.
        Spaces and apostrophes are understood between such groups in any case.

    Raises
    ------
    InputError
        If one of them is another sign, or both are the same.

    Examples
    --------
    >>> import duckdb
    >>> numbers = Numbers(decimal=",")
    >>> texts = ["5,50", "2.000,00", "-1 234,5 €", "5.50"]
    >>> [duckdb.sql(f"SELECT {numbers.plain(repr(text))}").fetchall()[0][0] for text in texts]
    ['5.50', '2000.00', '-1234.5', None]
    """

    decimal: str = "."
    thousands: str | None = None

    def __post_init__(self) -> None:
        if self.decimal not in (".", ","):
            raise InputError(f"decimal={self.decimal!r}", "a point or a comma", "pass decimal=','")
        if self.thousands not in (".", ",", " ", "'", None):
            raise InputError(
                f"thousands={self.thousands!r}",
                "a point, a comma, a space or an apostrophe",
                "pass thousands='.'",
            )
        if self.decimal == self.thousands:
            raise InputError(
                f"decimal and thousands are both {self.decimal!r}",
                "two different signs",
                "leave out thousands",
            )

    @property
    def _is_plain(self) -> bool:
        return self.decimal == "."

    @property
    def _pattern(self) -> str:
        """A regular expression for the whole text; its second group is the number without its signs."""
        grouping = [*_GROUPING, self.thousands or ("." if self.decimal == "," else "")]
        grouped = "|".join(rf"\d{{1,3}}(?:[{sign}]\d{{3}})+" for sign in grouping if sign)
        number = rf"((?:{grouped}|\d+)(?:[{self.decimal}]\d*)?|[{self.decimal}]\d+)"
        before, after = rf"(?:{_CURRENCY}{_GAP})?", rf"(?:{_GAP}{_CURRENCY})?"
        signed = rf"[-+\x{{2212}}\x{{2013}}]{_GAP}"
        return (
            rf"^{_GAP}((?:{signed})?{before}|{before}(?:{signed})?|[(]{_GAP}{before})"
            rf"{number}({after}|{_MINUS}?{after}|{after}{_GAP}[)]){_GAP}$"
        )

    def plain(self, text: str) -> str:
        """Return SQL for a number in plain digits, as text, or NULL if it is none; `text` is SQL as well.

        The sign of a currency goes, and a number in parentheses is negative, as in accounts.
        """
        number = f"nullif(regexp_extract({text}, {literal(self._pattern)}, 2), '')"
        digits = f"regexp_replace({number}, {literal(f'[^0-9{self.decimal}]')}, '', 'g')"
        minus = f"CASE WHEN regexp_matches({text}, {literal(_NEGATIVE)}) THEN '-' ELSE '' END"
        wrong = (
            f"regexp_matches({text}, {literal(f'{_NEGATIVE}.*{_NEGATIVE}')}) "
            f"OR (position('(' IN {text}) > 0) <> (position(')' IN {text}) > 0) "
            f"OR NOT regexp_full_match(regexp_extract({text}, '[A-Z]{{3}}'), '|{_CODES}')"
        )
        read = f"CASE WHEN NOT ({wrong}) THEN {minus} || replace({digits}, {literal(self.decimal)}, '.') END"
        # What DuckDB reads itself it reads sooner; with a decimal comma that is infinity and NaN only.
        known = f"TRY_CAST({text} AS DOUBLE)"
        known = f"{known} IS NOT NULL" if self._is_plain else f"NOT isfinite({known})"
        return f"CASE WHEN {known} THEN {text} ELSE {read} END"

    def currency(self, text: str) -> str:
        """Return SQL for the sign of the currency beside what is a number, empty if there is none."""
        return (
            f"CASE WHEN TRY_CAST({text} AS DOUBLE) IS NULL "
            f"THEN regexp_extract({text}, {literal(_CURRENCY)}) ELSE '' END"
        )
