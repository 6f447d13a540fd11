"""What purchases and opportunities have in common: customers who buy, and whose leaving is latent."""

from collections.abc import Callable, Mapping

import numpy as np

from bayes_cx.kinds.kind import Column, Columns, Forecast, Statistic, Words, plural, share

__all__ = [
    "LOG_MOMENTS",
    "MONEY",
    "PAID",
    "features",
    "forecast",
    "history",
    "lively",
    "log_moments",
    "log_sd",
    "of_repeaters",
    "rfm",
    "rfm_score",
    "words",
]

# What is known of the amounts, wherever purchases are counted.
_WITH_AMOUNTS = "summarise the transactions with an amount column"
MONEY = {
    "spend": Column("money", "mean spend of repeat purchases", required=False, source=_WITH_AMOUNTS),
    "spend_sum": Column("money", "total spend of repeat purchases", required=False, source=_WITH_AMOUNTS),
    "first_spend": Column("money", "spend of the first purchase", required=False, source=_WITH_AMOUNTS),
    "paid": Column("count", "repeat purchases that were not free", required=False, source=_WITH_AMOUNTS),
    # A logarithm has no unit that a factor could change: in another currency a constant is added.
    "log_spend": Column("", "mean log spend of those not free", required=False, source=_WITH_AMOUNTS),
    "log_spend_sd": Column(
        "", "standard deviation of the log spend of those not free", required=False, source=_WITH_AMOUNTS
    ),
}

LOG_MOMENTS = ("paid", "log_spend", "log_spend_sd")
"""What is known of the logarithms of single amounts."""

PAID = {"spend": 1, "spend_sum": 1, "first_spend": 1, "paid": 1, "log_spend": 0, "log_spend_sd": 0}
"""The amounts of a customer with one repeat purchase, each of them worth one."""

# Amounts that differ by less than one in 100,000 are alike: less than that is lost in a sum of squares.
_ALIKE = 1e-10


def words(history: Callable[[Mapping[str, float], str], tuple[str, ...]]) -> dict[str, Words]:
    """Return the words for buyers with this history."""
    return {
        "en": Words(
            event="purchase",
            events="purchases",
            active="active",
            lively="with a repeat purchase",
            repeats="repeat purchases",
            renew="bought",
            steady="frequent and rare buyers came back",
            history=history,
        )
    }


def history(exposure: str) -> Callable[[Mapping[str, float], str], tuple[str, ...]]:
    """Return the function that puts a history into words; `exposure` is the column of the time observed."""

    def in_words(row: Mapping[str, float], unit: str) -> tuple[str, ...]:
        silent = row[exposure] - row["t_x"]
        last = f"last {plural(round(silent), unit)} ago" if silent >= 0.5 else f"last one within this {unit}"
        return plural(row["x"] + 1, "purchase"), last

    return in_words


def lively(columns: Columns) -> np.ndarray:
    """Return who bought again."""
    return columns["x"] > 0


def of_repeaters(reduce: Callable[[np.ndarray], float], column: str) -> Statistic:
    """Return a statistic of a column among those who bought again."""

    def statistic(columns: Columns) -> float:
        bought = columns["x"] > 0
        return float(reduce(columns[column][bought])) if bought.any() else np.nan

    return statistic


def features(exposure: str) -> dict[str, Statistic]:
    """Return the statistics in which purchases are compared with simulated ones."""
    return {
        "share of one-time buyers": lambda data: share(data["x"] == 0),
        "mean repeat purchases": lambda data: float(data["x"].mean()),
        "standard deviation of repeat purchases": lambda data: float(data["x"].std()),
        "95th percentile of repeat purchases": lambda data: float(np.quantile(data["x"], 0.95)),
        "most repeat purchases of a customer": lambda data: float(data["x"].max()),
        "share of repeat buyers silent for half their time": lambda data: share(
            (data["t_x"] < 0.5 * data[exposure])[data["x"] > 0]
        ),
        "mean time from first to last purchase of repeat buyers": of_repeaters(np.mean, "t_x"),
    }


def forecast(exposure: str, *, peer: bool = False) -> Forecast:
    """Return what a hold-out of purchases counts."""

    def carried_on(columns: Columns, span: np.ndarray) -> np.ndarray:
        x, age = columns["x"], columns[exposure]
        return np.divide(x * span, age, out=np.zeros(x.size), where=age > 0)

    def ranks(columns: Columns) -> dict[str, np.ndarray]:
        recency, number = columns["t_x"] - columns[exposure], columns["x"] + 1
        if "first_spend" not in columns:
            return {"recency": recency, "frequency": number}
        spent = columns["first_spend"] + columns["spend_sum"]
        return {
            "recency": recency,
            "frequency x spend": spent,
            "RFM score": rfm_score(recency, number, spent / number),
        }

    return Forecast(
        expected="expected_purchases",
        chance="p_any_purchase",
        outcome="any purchase",
        they="buyers",
        whom="customers who bought in the hold-out",
        happened=lambda count, span: count > 0,
        reached=lambda count, span, number: count >= number,
        furthest=lambda span: 7,
        before=lambda columns: columns["x"],
        passed=lambda columns: columns[exposure],
        carried_on=carried_on,
        rule="the past rate of each customer",
        ranks=ranks,
        peer=peer,
    )


def rfm(exposure: str) -> Callable[[Columns], dict[str, np.ndarray]]:
    """Return the function that gives quintiles of recency, frequency and spend by purchase."""

    def quintiles(columns: Columns) -> dict[str, np.ndarray]:
        number = columns["x"] + 1
        found = {"recency": columns["t_x"] - columns[exposure], "frequency": number}
        if "first_spend" in columns:
            found["monetary"] = (columns["first_spend"] + columns["spend_sum"]) / number
        return {name: _quintile(values) for name, values in found.items()}

    return quintiles


def rfm_score(recency: np.ndarray, frequency: np.ndarray, monetary: np.ndarray) -> np.ndarray:
    """Return the sum of three quintiles, each 1 to 5, the higher the better; equal values share a quintile.

    Examples
    --------
    >>> values = np.arange(5.0)
    >>> rfm_score(values, values, np.array([1.0, 1.0, 1.0, 1.0, 2.0]))
    array([ 4,  6,  8, 10, 15])
    """
    return _quintile(recency) + _quintile(frequency) + _quintile(monetary)


def _quintile(values: np.ndarray) -> np.ndarray:
    """Return the fifth that the middle rank of each value falls into, 1 for the lowest."""
    _, place, size = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(size) - size / 2
    return np.ceil(5 * middle[place] / values.size).astype(np.int64)


def log_moments(
    *parts: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the standard deviation of the log amounts of several parts together.

    Parameters
    ----------
    *parts : tuple of (n, mean, sd)
        Numbers of amounts, and mean and standard deviation of their logarithms, each of shape (customer,).
        Where n is 0 the others do not matter.

    Returns
    -------
    mean, sd : numpy.ndarray, shape (customer,)
        NaN where there is no amount.

    Examples
    --------
    >>> n, mean, other, sd = np.array([[1.0], [0.0], [2.0], [0.0]])
    >>> log_moments((n, mean, sd), (n, other, sd))
    (array([1.]), array([1.]))
    """
    n = np.sum([number for number, _, _ in parts], axis=0)
    share = [np.divide(number, n, out=np.zeros(n.size), where=n > 0) for number, _, _ in parts]

    def average(values: list[np.ndarray]) -> np.ndarray:
        terms = [np.where(one > 0, one * value, 0.0) for one, value in zip(share, values, strict=True)]
        return np.where(n > 0, np.sum(terms, axis=0), np.nan)

    mean = average([own for _, own, _ in parts])
    return mean, log_sd(average([sd**2 + (own - mean) ** 2 for _, own, sd in parts]))


def log_sd(variance: np.ndarray) -> np.ndarray:
    """Return the root of variances of logarithms; those of amounts that are alike are zero."""
    return np.sqrt(np.where(variance < _ALIKE, 0.0, variance))
