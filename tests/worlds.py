"""Shops simulated day by day, in which all customers buy more on some days than on others.

The story is told in plain NumPy and shares no code with the package: whoever is active buys on a day with a
chance that follows from the customer's own rate and from the day, and may leave after a repeat purchase.
"""

import numpy as np
import pandas as pd

__all__ = ["daily", "shop"]

START = np.datetime64("2020-01-06")  # a Monday


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
    factor : array, shape (day,)
        Logarithm of what multiplies all rates.
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
        buys = here[rng.random(here.size) < -np.expm1(-rate[here] * height)]
        bought.append((buys, np.full(buys.size, day)))
        active[buys[rng.random(buys.size) < leaves[buys]]] = False
    who, when = (np.concatenate(each) for each in zip(*bought, strict=True))
    return pd.DataFrame({"customer": who, "time": START + when.astype("timedelta64[D]")})
