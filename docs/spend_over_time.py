"""Whether what customers pay drifts in calendar time: writes docs/spend_over_time.md.

Every customer has a level of spend, and all of them a level by month. The levels of the months are estimated
within customers, by least squares, so that it does not matter who buys when; their errors allow for anything
that the purchases of one customer have in common. Then it is asked how much of what moves them stays, as a
random walk does, and how much is of one month alone. Nothing is drawn at random.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

import bayes_cx as bcx
from bayes_cx.data import Transactions
from bayes_cx.files import atomic_path

HERE = Path(__file__).parent
APPAREL = HERE.parents[1] / "shared" / "data" / "apparelTrans.csv"
# Standard deviations of what stays and of what passes, relative; their prior is even over these.
SCALES = np.linspace(0.0, 0.2, 101)
# Periods with fewer purchases tell next to nothing and have no level of their own.
FEWEST = 30


@dataclass(frozen=True)
class Drift:
    """Levels of what purchases are worth, by period, in logarithms.

    Attributes
    ----------
    data, period : str
    per_year, n, customers : int
        Periods in a year, purchases, and customers who made two or more of them.
    level : numpy.ndarray, shape (period,)
    covariance : numpy.ndarray, shape (period, period)
        Of the errors; levels are known up to a constant.
    at : numpy.ndarray, shape (period,)
        When, in periods since the first.
    within : float
        Standard deviation of the log amounts of one customer in one period.
    """

    data: str
    period: str
    per_year: int
    n: int
    customers: int
    level: np.ndarray
    covariance: np.ndarray
    at: np.ndarray
    within: float

    def trend(self) -> tuple[float, float, float]:
        """Return the relative change in a year of a straight line with shocks, and its 95 % interval."""
        y, covariance = self._contrasts()
        x = self.at[1:] - self.at[0]
        precision = np.linalg.inv(covariance + self.scales[1][1] ** 2 * (np.eye(y.size) + 1.0))
        variance = 1 / (x @ precision @ x)
        slope, error = variance * (x @ precision @ y), 1.96 * np.sqrt(variance)
        low, middle, high = (np.expm1(self.per_year * (slope + off)) for off in (-error, 0.0, error))
        return float(middle), float(low), float(high)

    @cached_property
    def scales(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the 5, 50 and 95 % points of two standard deviations.

        They are that of a step of a random walk from one period to the next, and that of shocks of single
        periods.
        """
        log_lik = np.array([[self._log_lik(step, shock) for shock in SCALES] for step in SCALES])
        weight = np.exp(log_lik - log_lik.max())
        step, shock = (
            np.interp([0.05, 0.5, 0.95], share.cumsum() / share.sum(), SCALES)
            for share in (weight.sum(axis=1), weight.sum(axis=0))
        )
        return step, shock

    def _log_lik(self, step: float, shock: float) -> float:
        y, covariance = self._contrasts()
        apart = self.at[1:] - self.at[0]
        total = covariance + step**2 * np.minimum.outer(apart, apart)
        # The shock of the first period is part of all contrasts with it.
        total = total + shock**2 * (np.eye(y.size) + 1.0)
        return float(-0.5 * (y @ np.linalg.solve(total, y) + np.linalg.slogdet(total)[1]))

    def _contrasts(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the levels relative to the first, and the covariance of their errors."""
        against = np.column_stack([-np.ones(self.level.size - 1), np.eye(self.level.size - 1)])
        return against @ self.level, against @ self.covariance @ against.T


def data() -> Iterator[tuple[str, Transactions, str]]:
    """Yield data sets with the length of a period."""
    yield "CDNOW", bcx.load_cdnow(), "month"
    if APPAREL.exists():
        raw = pd.read_csv(APPAREL)
        time = pd.to_datetime(raw["Date"], unit="D")
        frame = pd.DataFrame({"customer": raw["Id"], "time": time, "amount": raw["Price"]})
        yield (
            "apparel",
            bcx.read_transactions(frame, customer="customer", time="time", amount="amount"),
            "quarter",
        )


def drift(name: str, transactions: Transactions, period: str) -> Drift:
    """Return the levels by period of the paid repeat purchases, one a customer and day."""
    rows = transactions.accepted.df()
    rows = rows.assign(day=pd.to_datetime(rows["time"]).dt.normalize())
    each = rows.groupby(["customer", "day"], as_index=False)["amount"].sum()
    each = each[each["day"] > each.groupby("customer")["day"].transform("min")]
    each = each[each["amount"] > 0]
    when = each["day"].dt.to_period(period[0].upper())
    number = when.map(lambda one: one.ordinal)
    often = number.map(number.value_counts()) >= FEWEST
    each, number = each[often], number[often].to_numpy()
    who = pd.factorize(each["customer"])[0]
    twice = np.bincount(who)[who] > 1
    who = pd.factorize(who[twice])[0]
    y, number = np.log(each["amount"].to_numpy(float)[twice]), number[twice]
    at, column = np.unique(number, return_inverse=True)
    X = np.zeros((y.size, at.size))
    X[np.arange(y.size), column] = 1.0
    size = np.bincount(who).astype(float)

    def within(values: np.ndarray) -> np.ndarray:
        """Return what is left of columns without the mean of each customer."""
        total = np.zeros((size.size, values.shape[1]))
        np.add.at(total, who, values)
        return values - (total / size[:, None])[who]

    own, X = within(y[:, None])[:, 0], within(X)
    bread = np.linalg.pinv(X.T @ X)
    level = bread @ (X.T @ own)
    left = own - X @ level
    score = np.zeros((size.size, at.size))
    np.add.at(score, who, X * left[:, None])
    freedom = y.size - size.size - at.size + 1
    return Drift(
        name,
        period,
        12 if period == "month" else 4,
        y.size,
        size.size,
        level,
        bread @ (score.T @ score) @ bread,
        (at - at[0]).astype(float),
        float(np.sqrt((left**2).sum() / freedom)),
    )


def page(found: list[Drift]) -> str:
    """Return the page as Markdown."""
    lines = [
        "# Does what a purchase is worth drift in calendar time?",
        "",
        "`make spend-over-time` writes this page. The models of spend have a level for each customer, and"
        " `drift` one for each cohort, but none for each month: statistics of a customer hold the number,"
        " mean and spread of the log amounts and not when they were paid. The table says what is missed. "
        "Levels of the periods are estimated within customers, from paid repeat purchases of those who "
        "made two or more, so a trend is not that of who buys when. Within a customer time and age as a "
        "customer pass together: where spend rises, this cannot say whether prices rose or customers grew"
        " used to the shop. Where prices are known to rise, divide amounts by an index of prices when "
        'they are read, as in `--amount "paid / price_index"`.',
        "",
        "*Trend* is that of a straight line with shocks, with its 95 % interval. *Stays* is the standard "
        "deviation of the step of a random walk from one period to the next, and *passes* that of shocks "
        "of single periods, both estimated together, with their 90 % intervals (their prior is even from "
        "0 to 20 %). *Year* is what such a walk adds to what is not known of the level of spend a year "
        "ahead (one standard deviation, at the median of the step). *Customer* is, for comparison, the "
        "standard deviation of the single purchases of one customer, as a factor.",
        "",
        "| data | periods | purchases | customers | trend a year | stays | passes | year | customer |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        middle, low, high = (f"{100 * share:+.1f} %".replace("-", "−") for share in one.trend())
        step, shock = one.scales
        year = np.expm1(step[1] * np.sqrt(one.per_year))
        lines.append(
            f"| {one.data} | {one.at.size} {one.period}s | {one.n:,} | {one.customers:,} | "
            f"{middle} ({low} to {high}) | {_percent(step)} | {_percent(shock)} | ±{100 * year:.0f} % | "
            f"{np.exp(one.within):.2f} |"
        )
    lines += ["", *_levels(found)]
    return "\n".join(lines) + "\n"


def _percent(points: np.ndarray) -> str:
    low, middle, high = (f"{100 * point:.1f}" for point in points)
    return f"{middle} % ({low} to {high})"


def _levels(found: list[Drift]) -> Iterator[str]:
    """Yield the levels, relative to the mean of all periods, with two standard errors."""
    yield "Levels by period, relative to their mean, in percent, with two standard errors:"
    yield ""
    for one in found:
        n = one.level.size
        centre = np.eye(n) - 1 / n
        level, error = centre @ one.level, 2 * np.sqrt(np.diagonal(centre @ one.covariance @ centre))
        cells = (f"{100 * a:+.0f}±{100 * b:.0f}".replace("-", "−") for a, b in zip(level, error, strict=True))
        yield f"- {one.data}: {', '.join(cells)}"


def main() -> None:
    """Compute everything and write the page."""
    found = [drift(*each) for each in data()]
    with atomic_path(HERE / "spend_over_time.md") as unfinished:
        unfinished.write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    main()
