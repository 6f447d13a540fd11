"""What a model of risk knows of customers in words: which way a feature goes, by how much, and the change."""

from bayes_cx.inference.risk_design import RiskColumn

__all__ = ["change", "change_range", "duration", "holds", "larger", "size", "step"]

_SINCE, _SO_FAR = "since ", " so far"
_TWICE = 2.0


def change(factor: float) -> str:
    """Return a factor of a rate in words.

    Examples
    --------
    >>> change(2.5), change(1.2), change(0.8), change(1.001)
    ('2.5 times the rate', '20% more', '20% less', 'no change')
    """
    return f"{factor:.2g} times the rate" if factor >= _TWICE else _per_cent(factor)


def change_range(factor: float, low: float, high: float) -> str:
    """Return a factor of a rate with its 90 % interval, both in the same unit.

    Examples
    --------
    >>> change_range(0.9, 0.77, 1.0)
    '10% less, 90% interval 23% less to no change'
    >>> change_range(2.5, 1.9, 3.3)
    '2.5 times the rate, 90% interval 1.9 to 3.3 times'
    """
    if factor >= _TWICE:
        return f"{change(factor)}, 90% interval {low:.2g} to {high:.2g} times"
    return f"{_per_cent(factor)}, 90% interval {_per_cent(low)} to {_per_cent(high)}"


def _per_cent(factor: float) -> str:
    size = f"{abs(factor - 1):.0%}"
    return "no change" if size == "0%" else f"{size} {'more' if factor > 1 else 'less'}"


def duration(days: float) -> str:
    """Return a length of time in the unit that suits it.

    Examples
    --------
    >>> duration(0.117), duration(1.0), duration(42.3), duration(0.0)
    ('2.8 hours', '24 hours', '42.3 days', '0 minutes')
    """
    for unit, length, digits in (("day", 1.0, 3), ("hour", 1 / 24, 2)):
        if days >= (2 * length if unit == "day" else length):
            return _number(days / length, unit, digits)
    return _number(days * 1440, "minute", 2)


def _number(number: float, unit: str, digits: int) -> str:
    text = f"{number:.{digits}g}"
    return f"{text} {unit}{'' if text == '1' else 's'}"


def larger(column: RiskColumn, more: bool = True) -> str:
    """Return what it is to have more of a column, or less; a level of text one has or has not.

    Examples
    --------
    >>> since = RiskColumn("since complaint", "recency", "since complaint", "recency")
    >>> larger(since), larger(since, more=False)
    ('a longer time since the last complaint', 'a more recent complaint')
    >>> larger(RiskColumn("call, 30 days", "counts", "call, 30 days", "count"))
    'call more often within 30 days'
    """
    name = column.name
    if column.form in ("category", "missing"):
        return name
    if column.form == "recency":
        what = name.removeprefix(_SINCE)
        if what == "any event":
            return f"a {'longer time since the last' if more else 'more recent'} event of any kind"
        if what.startswith("the "):
            return f"a {'longer' if more else 'shorter'} time since {what}"
        return f"a longer time since the last {what}" if more else f"a more recent {what}"
    what, within = _window(name)
    if column.form == "count":
        return f"{what} {'more' if more else 'less'} often{within}"
    if column.form == "value":
        return f"{'more' if more else 'less'} {what}{within}"
    return f"{'a larger' if more else 'a smaller'} {name}"


def size(column: RiskColumn) -> float:
    """Return the step that is said of a column, in its standard deviations.

    It is one, but for counts of what is rare: there it is from none to one, of which there is no part. In a
    column such counts are logarithms to the base of two of one more than they are.

    Examples
    --------
    >>> size(RiskColumn("call, 30 days", "counts", "call, 30 days", "count", centre=0.1, spread=0.25))
    4.0
    """
    return 1 / column.spread if column.form == "count" and column.spread < 1 else 1.0


def step(column: RiskColumn, period: float, more: bool = True) -> str:
    """Return the step that an effect stands for, in the unit of the feature: that of `size`.

    Parameters
    ----------
    column : RiskColumn
    period : float
        Length of a period in days.
    more : bool
        Whether the step is up, or down.

    Examples
    --------
    >>> since = RiskColumn("since call", "recency", "since call", "recency", centre=2.0, spread=2.0)
    >>> step(since, 10.0), step(since, 10.0, more=False)
    ('70 days ago rather than 10 days ago', '10 days ago rather than 70 days ago')
    """
    if column.form in ("category", "missing"):
        return "being so"
    if size(column) != 1:
        return "1 rather than 0" if more else "0 rather than 1"
    low = column.centre - column.spread / 2
    if column.form in ("count", "recency", "value") and low < 0 <= column.centre:
        low = 0.0  # nothing is below it, or hardly anything
    ends = [_point(column, end, period) for end in (low, low + column.spread)]
    return " rather than ".join(ends[::-1] if more else ends)


def _point(column: RiskColumn, g: float, period: float) -> str:
    """Return what a point of a column is, before it is standardised."""
    if column.form == "recency":
        return f"{duration((2**g - 1) * period)} ago"
    if column.form == "count":
        return f"{2**g - 1:.2g}"
    if column.form == "value":
        return f"{(-1 if g < 0 else 1) * (2 ** abs(g) - 1) * column.at:.3g}"
    return f"{g:.3g}"


def holds(feature: str, value: object, unit: float, age: float | None = None) -> str:
    """Return what is known of one customer.

    Parameters
    ----------
    feature : str
        Name of the column.
    value : str or float
    unit : float
        Length of the unit of time in days.
    age : float, optional
        For how long one has been a customer, in that unit. What never happened has not happened for so long.

    Examples
    --------
    >>> holds("since complaint", 0.117, 1.0, age=80.0), holds("since complaint", 80.0, 1.0, age=80.0)
    ('the last complaint 2.8 hours ago', 'no complaint for 80 days')
    >>> holds("call, 30 days", 3.0, 1.0), holds("segment", "gold", 1.0)
    ('3 x call within 30 days', 'segment is gold')
    """
    if isinstance(value, str):
        return f"{feature} is {value}"
    number = float(value)  # pyright: ignore[reportArgumentType]
    if feature == "age":
        return f"a customer for {duration(number * unit)}"
    if feature.startswith(_SINCE):
        what, long = feature.removeprefix(_SINCE), duration(number * unit)
        if what.startswith("the "):
            return f"{long} since {what}"
        event = "event of any kind" if what == "any event" else what
        return f"no {event} for {long}" if number == age else f"the last {event} {long} ago"
    what, within = _window(feature)
    if not within:
        return f"{feature} is {number:.3g}"
    return f"value {number:.3g}{within}" if what == "value" else f"{number:.3g} x {what}{within}"


def _window(name: str) -> tuple[str, str]:
    """Return what a feature counts, and within which time; the latter empty where it is no count."""
    if name.endswith(_SO_FAR):
        return name.removesuffix(_SO_FAR), _SO_FAR
    what, _, window = name.rpartition(", ")
    if what and window.split(" ")[0].replace(".", "").isdigit():
        return what, f" within {window}"
    return name, ""
