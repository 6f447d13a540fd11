"""Numbers and short phrases as text: at most three significant digits, and 100% only where it is exact."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

__all__ = [
    "Money",
    "about",
    "about_range",
    "agree",
    "between",
    "chance",
    "count",
    "day",
    "last_day",
    "last_moment",
    "listing",
    "measured",
    "measured_range",
    "per_cent",
    "per_cent_beside",
    "per_cent_range",
    "plural",
    "shorten",
    "sign",
]

_DASH = "–"
_MINUS = "−"
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)  # not strftime: that would follow the locale of the machine
_SCALES = ((1e9, "bn"), (1e6, "m"), (1e3, "k"))


def per_cent(share: float) -> str:
    """Return a share as a whole percentage; 0% and 100% only where they are exact.

    Examples
    --------
    >>> per_cent(0.634), per_cent(0.9999), per_cent(0.002), per_cent(1.0)
    ('63%', '>99%', '<1%', '100%')
    """
    if not math.isfinite(share):
        return _DASH
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    if 0 < share < 0.01:
        return "<1%"
    if 0.99 < share < 1:
        return ">99%"
    return f"{share:.0%}".replace("-", _MINUS)


def between(low: float, high: float, *forms: Callable[[float], str]) -> str:
    """Return an interval in the first of several forms that tells its ends apart, or one number if none does.

    Examples
    --------
    >>> between(1.0, 2.0, "{:.0f}".format), between(1.21, 1.24, "{:.1f}".format, "{:.2f}".format)
    ('1 to 2', '1.21 to 1.24')
    >>> between(1.21, 1.24, "{:.1f}".format)
    '1.2'
    """
    for form in forms:
        if (first := form(low)) != (last := form(high)):
            return f"{first} to {last}"
    return forms[0](low)


def per_cent_range(low: float, high: float) -> str:
    """Return an interval of shares, with as many decimals as it takes to tell its ends apart.

    Examples
    --------
    >>> per_cent_range(0.2, 0.41), per_cent_range(0.0312, 0.0338), per_cent_range(0.03, 0.03)
    ('20% to 41%', '3.1% to 3.4%', '3%')
    >>> per_cent_range(0.9953, 0.9961), per_cent_range(1.0, 1.0)
    ('99.5% to 99.6%', '100%')
    """
    finer = (f"{{:.{decimals}%}}".format for decimals in (1, 2))
    return between(low, high, per_cent, *finer).replace("-", _MINUS)


def per_cent_beside(share: float, low: float, high: float) -> str:
    """Return a share beside its interval, with decimals where it is less than one per cent.

    Examples
    --------
    >>> per_cent_beside(0.004, 0.003, 0.005), per_cent_beside(0.04, 0.03, 0.05)
    ('0.4%', '4%')
    """
    if per_cent(share)[0] in "<>":
        for decimals in (1, 2):
            form = f"{{:.{decimals}%}}".format
            if form(low) != form(high):
                return form(share).replace("-", _MINUS)
    return per_cent(share)


def about_range(low: float, high: float) -> str:
    """Return an interval of uncertain counts, exact where rounding would make its ends equal.

    Examples
    --------
    >>> about_range(11380, 12250), about_range(11386, 11412), about_range(3, 3.2)
    ('11,400 to 12,200', '11,386 to 11,412', '3')
    """
    return between(low, high, about, count)


def chance(share: float) -> str:
    """Return a probability that was estimated from draws, which is never exactly 0% or 100%.

    Examples
    --------
    >>> chance(1.0), chance(0.0), chance(0.3)
    ('>99%', '<1%', '30%')
    """
    return {0.0: "<1%", 1.0: ">99%"}.get(share) or per_cent(share)


def count(number: float) -> str:
    """Return an exact whole number with thousands separators.

    Examples
    --------
    >>> count(23570)
    '23,570'
    """
    return f"{round(number):,}".replace("-", _MINUS)


def about(number: float) -> str:
    """Return an uncertain count, rounded to three significant digits.

    Examples
    --------
    >>> about(11437.2), about(98.6), about(0.4), about(0.0)
    ('11,400', '99', '<1', '0')
    """
    if not math.isfinite(number):
        return _DASH
    if 0 < number < 0.5:
        return "<1"
    return count(_significant(number) if abs(number) >= 1000 else number)


def sign(text: str) -> str:
    """Return the text of a check with typographic signs.

    Examples
    --------
    >>> sign(">= 400"), sign("error -9.4%")
    ('≥ 400', 'error −9.4%')
    """
    return text.replace(">=", "≥").replace("<=", "≤").replace(" -", " −")


@dataclass(frozen=True)
class Money:
    r"""How amounts are printed.

    Attributes
    ----------
    currency : str
        Put before the number: a symbol without, a letter code with a space. "" if the data name none.
    noun : str
        What is counted where there is no money ("purchases"); put after the number.

    Examples
    --------
    >>> euro = Money("€")
    >>> euro(1534000), euro(-48230), euro(1234), euro(3.456)
    ('€1.53m', '−€48.2k', '€1,230', '€3.46')
    >>> Money("", "purchases").range(900, 12400)
    '900 to 12.4k\xa0purchases'
    >>> euro.range(12410, 12440), euro.range(5, 5)
    ('€12.41k to €12.44k', '€5.00')
    """

    currency: str = ""
    noun: str = ""

    @property
    def bare(self) -> "Money":
        """The same without noun, for cells whose head says what is counted."""
        return Money(self.currency)

    @property
    def unit(self) -> str:
        """What to put after the name of a quantity: `` in purchases``, or nothing of amounts."""
        return f" in {self.noun}" if self.noun else ""

    def __call__(self, amount: float) -> str:
        """Return an amount with three significant digits and k, m or bn."""
        return self._dress(self.compact(amount), amount)

    def compact(self, amount: float, digits: int = 3) -> str:
        """Return the size of an amount, without sign and currency."""
        if not math.isfinite(amount):
            return _DASH
        size = _significant(abs(amount), digits)
        for scale, suffix in _SCALES:
            if size >= max(scale, 1e4):  # four digits are short enough to be printed in full
                return f"{size / scale:.{_decimals(size / scale, digits)}f}{suffix}"
        return f"{size:,.{0 if size == 0 else min(_decimals(size, digits), 2)}f}"

    def tick(self, amount: float, _position: int = 0) -> str:
        """Return an amount as an axis shows it: `€16k`, without decimals that only pad."""
        size = abs(amount)
        scale, suffix = next(((s, w) for s, w in _SCALES if size >= s), (1.0, ""))
        return self.bare._dress(f"{size / scale:.6g}{suffix}", amount)

    def range(self, low: float, high: float) -> str:
        """Return an interval: `€12.0k to €98.4k`."""
        finer = (
            lambda amount, digits=digits: self.bare._dress(self.compact(amount, digits), amount)
            for digits in (4, 5)
        )
        text = between(low, high, self.bare, *finer)
        return f"{text}\u00a0{self.noun}" if self.noun else text

    def column(self, amounts: Iterable[float]) -> list[str]:
        """Return the amounts of one column of a table, all with the same decimals and without currency."""
        amounts = list(amounts)
        largest = max((abs(a) for a in amounts if math.isfinite(a)), default=0.0)
        decimals = 0 if largest >= 100 else 1 if largest >= 10 else 2
        return [self._cell(amount, decimals) for amount in amounts]

    @staticmethod
    def _cell(amount: float, decimals: int) -> str:
        if not math.isfinite(amount):
            return _DASH
        text = f"{abs(amount):,.{decimals}f}"
        is_zero = not text.strip("0.,")
        return text if amount >= 0 or is_zero else _MINUS + text

    def _dress(self, size: str, amount: float) -> str:
        if size == _DASH:
            return size
        gap = "\u00a0" if self.currency[-1:].isalnum() else ""
        sign = _MINUS if amount < 0 and size.strip("0.,") else ""
        text = f"{sign}{self.currency}{gap}{size}"
        return f"{text}\u00a0{self.noun}" if self.noun else text


def measured(value: float | None, digits: int = 3) -> str:
    """Return a number that may be of any size, without powers of ten; a dash where there is none.

    Parameters
    ----------
    value : float or None
    digits : int
        Significant ones, of numbers below 1,000; a number beside its limit needs four.

    Examples
    --------
    >>> measured(1234.5), measured(0.0123), measured(-1e-9), measured(None)
    ('1,234', '0.0123', '0.0000', '–')
    >>> measured(1.0024), measured(1.0024, digits=4)
    ('1', '1.002')
    """
    if value is None or not math.isfinite(value):
        return _DASH
    if 0 < abs(value) < 1e-4:
        return "<0.0001" if value > 0 else "0.0000"
    text = f"{value:,.0f}" if abs(value) >= 10 ** (digits - 1) else f"{value:.{digits}g}"
    return text.replace("-", _MINUS)


def measured_range(low: float, high: float) -> str:
    """Return an interval of measured numbers, with as many digits as it takes to tell its ends apart.

    Examples
    --------
    >>> measured_range(0.261, 0.273), measured_range(1.2341, 1.2344)
    ('0.261 to 0.273', '1.2341 to 1.2344')
    """
    return between(low, high, measured, lambda value: measured(value, digits=5))


def plural(number: float, noun: str, many: str = "") -> str:
    """Return a counted noun.

    Examples
    --------
    >>> plural(1, "customer"), plural(1200, "customer"), plural(2, "has", "have")
    ('1 customer', '1,200 customers', '2 have')
    """
    return f"{count(number)} {noun if number == 1 else many or noun + 's'}"


def agree(number: float, one: str, many: str) -> str:
    """Return the verb that agrees with a number as it is printed.

    Examples
    --------
    >>> agree(1.2, "is", "are"), agree(0, "is", "are")
    ('is', 'are')
    """
    return one if round(number) == 1 else many


def listing(items: Sequence[str], last: str = "and") -> str:
    """Return items as a phrase.

    Examples
    --------
    >>> listing(["a", "b", "c"])
    'a, b and c'
    """
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def day(date: str | datetime) -> str:
    """Return a date in words; a text that is not an ISO date is returned as it is.

    Examples
    --------
    >>> day("1998-06-30")
    '30 June 1998'
    """
    if isinstance(date, str):
        try:
            date = datetime.fromisoformat(date)
        except ValueError:
            return date
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year}"


def last_day(moment: str, timezone: str = "UTC") -> str:
    """Return the last day before an end of observation in UTC, in words; at midnight that is the day before.

    Examples
    --------
    >>> last_day("2025-01-01 00:00:00"), last_day("2024-12-31 23:00:00", "Europe/Berlin"), last_day("")
    ('31 December 2024', '31 December 2024', '')
    """
    return day(datetime.combine(_end(moment, timezone)[0], datetime.min.time())) if moment else ""


def last_moment(moment: str, timezone: str = "UTC") -> str:
    """Return an end of observation in UTC as users write it: the last day, or a day and a time of the zone.

    Examples
    --------
    >>> last_moment("2025-01-01 00:00:00"), last_moment("2025-01-01 09:30:00", "Europe/Berlin")
    ('2024-12-31', '2025-01-01 10:30')
    """
    if not moment:
        return ""
    last, time = _end(moment, timezone)
    return f"{last:%Y-%m-%d}" if time is None else f"{time:%Y-%m-%d %H:%M}"


def _end(moment: str, timezone: str) -> tuple[date, datetime | None]:
    """Return the last day before a moment in a zone, and the moment itself there unless it is midnight."""
    at = datetime.fromisoformat(moment)
    if timezone != "UTC":
        at = at.replace(tzinfo=UTC).astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
    last = (at - timedelta(microseconds=1)).date()
    return last, at if last == at.date() else None


def shorten(text: str, length: int) -> str:
    """Return at most `length` characters, an ellipsis in the middle: both ends stay readable.

    Examples
    --------
    >>> shorten("customer-000000000000017", 12)
    'custom…00017'
    """
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[len(text) - tail :]}"


def _significant(number: float, digits: int = 3) -> float:
    """Round to significant digits."""
    if number == 0 or not math.isfinite(number):
        return number
    return round(number, digits - 1 - math.floor(math.log10(abs(number))))


def _decimals(number: float, digits: int = 3) -> int:
    """Return the decimals that show three significant digits of a number already rounded to them."""
    if number == 0:
        return 0
    return max(0, digits - 1 - math.floor(math.log10(abs(number))))
