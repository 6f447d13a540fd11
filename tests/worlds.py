"""Shops simulated day by day, in which all customers buy more on some days than on others.

The story is told in plain NumPy and shares no code with the package: whoever is active buys on a day with a
chance that follows from the customer's own rate and from the day, and may leave after a repeat purchase.
"""

import numpy as np
import pandas as pd

__all__ = ["KINDS", "any_shop", "daily", "shop"]

START = np.datetime64("2020-01-06")  # a Monday

KINDS = ("even weeks", "seasons", "shocks", "drift", "promotions", "monthly peaks", "trend", "a step")
"""What may concern all customers of a shop of `any_shop`."""


def daily(
    rng: np.random.Generator,
    days: int,
    *,
    season: float = 0.0,
    sd: float = 0.0,
    memory: float = 8.0,
    noise: float = 0.0,
) -> np.ndarray:
    """Return the log of the factor of each day: a yearly season, what persists, and single weeks."""
    week = np.arange(days) // 7
    n = int(week[-1]) + 1
    u, phi = np.empty(n), np.exp(-1 / memory)
    u[0] = rng.standard_normal()
    for w in range(1, n):
        u[w] = phi * u[w - 1] + np.sqrt(1 - phi**2) * rng.standard_normal()
    by_week = sd * u + noise * rng.standard_normal(n)
    year = 2 * np.pi * np.arange(days) / 365.25
    return by_week[week] + season * (np.cos(year) + 0.5 * np.cos(2 * year))


def shop(
    rng: np.random.Generator,
    factor: np.ndarray,
    *,
    customers: int,
    joining: int,
    r: float = 0.6,
    alpha: float = 5.0,
    a: float = 0.8,
    b: float = 3.0,
    risk: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """Return the purchases, ``customer`` and ``time``, of customers who join evenly over the first days.

    Parameters
    ----------
    factor : array, shape (day,) or (day, customer)
        Logarithm of what multiplies all rates, or those of each customer.
    customers, joining : int
        How many, and on how many days they join.
    r, alpha, a, b : float
        Of BG/NBD, in weeks.
    risk : tuple of float, optional
        s and beta, in weeks, where customers leave at any moment at a risk of their own, as in Pareto/NBD,
        and not after purchases.
    """
    rate = rng.gamma(r, 1 / alpha, customers) / 7
    leaves = rng.beta(a, b, customers)
    first = rng.integers(0, joining, customers)
    stays = np.full(customers, np.inf)
    if risk is not None:
        leaves[:] = 0.0
        stays = first + 7 * rng.standard_exponential(customers) / rng.gamma(risk[0], 1 / risk[1], customers)
    active = np.ones(customers, bool)
    bought = [(np.arange(customers), first)]
    for day, height in enumerate(np.exp(factor)):
        here = np.flatnonzero(active & (first < day) & (day <= stays))
        buys = here[rng.random(here.size) < -np.expm1(-(rate * height)[here])]
        bought.append((buys, np.full(buys.size, day)))
        active[buys[rng.random(buys.size) < leaves[buys]]] = False
    who, when = (np.concatenate(each) for each in zip(*bought, strict=True))
    return pd.DataFrame({"customer": who, "time": START + when.astype("timedelta64[D]")})


def any_shop(rng: np.random.Generator, kind: str, ahead: int) -> tuple[pd.DataFrame, int]:
    """Return the purchases of a shop of any size, and after how many weeks it is to be forecast.

    Its history is of 20 to 120 weeks, and 200 to 3,000 customers join in the first fifth of it or later.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    ahead : int
        Weeks that follow.
    """
    history, customers = int(rng.choice([20, 35, 52, 80, 120])), int(rng.choice([200, 600, 1500, 3000]))
    joining = int(7 * history * rng.choice([0.2, 0.5, 1.0]))
    factor = _common(rng, kind, history + ahead)
    letters = {
        "r": rng.uniform(0.3, 1.2),
        "alpha": rng.uniform(3, 10),
        "a": rng.uniform(0.4, 1.2),
        "b": rng.uniform(1.5, 5),
    }
    return shop(rng, factor, customers=customers, joining=joining, **letters), history


def _common(rng: np.random.Generator, kind: str, weeks: int) -> np.ndarray:
    """Return the log of the factor of each day."""
    days = 7 * weeks
    day, week = np.arange(days), np.arange(days) // 7
    if kind == "seasons":
        return daily(rng, days, season=rng.uniform(0.1, 0.4), noise=0.05)
    if kind == "shocks":
        memory = np.exp(rng.uniform(np.log(2), np.log(30)))
        return daily(rng, days, sd=rng.uniform(0.1, 0.4), memory=memory, noise=rng.uniform(0, 0.15))
    if kind == "drift":
        return np.cumsum(rng.normal(0, rng.uniform(0.02, 0.07), weeks))[week]
    if kind == "promotions":  # of a week, now and then
        held = rng.random(weeks) < rng.uniform(0.03, 0.12)
        return (held * rng.uniform(0.3, 1.0, weeks))[week]
    if kind == "monthly peaks":
        date = START + day.astype("timedelta64[D]")
        of_month = (date - date.astype("datetime64[M]").astype(date.dtype)).astype(int)
        return rng.uniform(0.2, 0.7) * ((of_month >= 24) & (of_month <= 29))
    if kind == "trend":
        return rng.uniform(-0.6, 0.6) * day / 365.25
    if kind == "a step":
        return rng.uniform(-0.5, 0.5) * (week >= rng.integers(5, weeks)).astype(float)
    return np.zeros(days)
