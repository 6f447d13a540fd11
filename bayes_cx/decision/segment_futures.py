"""Segments of customers compared: what they will do, and how likely one is better than another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from bayes_cx.data import groups_of
from bayes_cx.decision.value import LifetimeValue
from bayes_cx.errors import InputError
from bayes_cx.notebook import html
from bayes_cx.scoring.predict import predict_counts_and_spend
from bayes_cx.scoring.scorer import scorer

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CLEAR", "QUANTITIES", "BySegment", "by_segment", "by_segments", "columns_of_groups"]

QUANTITIES = ("active", "events", "value")
"""What is compared: the share of active customers, and purchases (or renewals) and value a customer."""

CLEAR = 0.95
"""The probability from which on one segment counts as better than another."""


@dataclass(frozen=True)
class BySegment:
    """What the customers of each segment will do, in simulated futures.

    A future has all that is not known: the parameters, what all customers share, and the luck of each of
    them. So the mean of a small segment is less certain than that of a large one.

    Attributes
    ----------
    data : xarray.Dataset
        Over (sample, segment), a customer: ``active``, the share of active customers; ``events``, purchases
        or renewals over the horizon; ``value`` of them, discounted. Over ``segment``: ``customers``.
        Attributes: ``by``, the column; ``events`` and ``horizon``.
    """

    data: xr.Dataset

    @property
    def by(self) -> str:
        """The column that segments are of."""
        return str(self.data.attrs["by"])

    @property
    def names(self) -> tuple[str, ...]:
        """The segments, sorted by name."""
        return tuple(map(str, self.data["segment"].to_numpy()))

    def summary(self, quantity: str = "value", level: float = 0.9) -> "pd.DataFrame":
        """Return mean and interval of a quantity, one row a segment."""
        draws = self.data[quantity]
        low, high = draws.quantile([(1 - level) / 2, (1 + level) / 2], "sample").to_numpy()
        columns = {"customers": self.data["customers"].to_numpy(), "mean": draws.mean("sample").to_numpy()}
        found = xr.Dataset(
            {name: ("segment", v) for name, v in (columns | {"low": low, "high": high}).items()}
        )
        return found.assign_coords(segment=self.data["segment"]).to_dataframe()

    def p_better(self, quantity: str = "value") -> xr.DataArray:
        """Return the probability that one segment has more of a quantity than another.

        Returns
        -------
        xarray.DataArray
            Over (segment, other); ties count half, so the two ways sum to 1.
        """
        draws = self.data[quantity].transpose("segment", "sample").to_numpy()
        better = [[((one > two).mean() + (one == two).mean() / 2) for two in draws] for one in draws]
        names = list(self.names)
        return xr.DataArray(
            better, dims=("segment", "other"), coords={"segment": names, "other": names}, name="p_better"
        )

    def p_above_others(self, quantity: str = "value") -> np.ndarray:
        """Return the probability that each has more than all other customers on average, shape (segment,)."""
        draws = self.data[quantity].transpose("sample", "segment").to_numpy()
        n = self.data["customers"].to_numpy()
        others = ((draws * n).sum(axis=1, keepdims=True) - draws * n) / np.maximum(n.sum() - n, 1)
        return (draws > others).mean(axis=0) + (draws == others).mean(axis=0) / 2

    def clear(
        self, quantity: str = "value", probability: float = CLEAR
    ) -> tuple[tuple[str, str, float], ...]:
        """Return the pairs of which one is better than the other with this probability, the surest first."""
        found, names = self.p_better(quantity).to_numpy(), self.names
        pairs = [
            (names[i], names[j], float(found[i, j]))
            for i, j in zip(*np.nonzero(found >= probability), strict=True)
        ]
        return tuple(sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1])))

    def __repr__(self) -> str:
        n = int(self.data["customers"].sum())
        return (
            f"<{len(self.names)} segments by {self.by}: {n:,} customers, {self.data.sizes['sample']} futures>"
        )

    def _repr_html_(self) -> str:
        return html("by_segment", self)


def columns_of_groups(stats: xr.Dataset) -> tuple[str, ...]:
    """Return the columns of statistics that put customers into groups, two or more."""
    return tuple(name for name in groups_of(stats) if np.unique(stats[name].astype(str)).size > 1)


def by_segment(value: LifetimeValue, by: str, *, draws: int = 400, seed: int = 0) -> BySegment:
    """Return what the customers of each segment will do, in simulated futures.

    Parameters
    ----------
    value : LifetimeValue
    by : str
        A column of its statistics with the segment of each customer.
    draws : int
        Number of futures.
    seed : int

    Returns
    -------
    BySegment

    Raises
    ------
    InputError
        If there is no such column, or all customers are of one segment.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> month = stats["first"].dt.strftime("%Y-%m").astype(str)
    >>> purchases = bcx.fit(bcx.models.BG_NBD, stats, seed=1, progress=False)
    >>> value = bcx.lifetime_value(purchases, 35.0, stats.assign(joined=month))
    >>> bcx.by_segment(value, "joined", draws=100)
    <3 segments by joined: 2,357 customers, 100 futures>
    """
    return by_segments(value, [by], draws=draws, seed=seed)[0]


def by_segments(
    value: LifetimeValue, columns: Sequence[str], *, draws: int = 400, seed: int = 0
) -> tuple[BySegment, ...]:
    """Return the same for several columns, in the same futures.

    Parameters
    ----------
    value : LifetimeValue
    columns : sequence of str
    draws, seed
        As in `by_segment`.
    """
    members = [_members(value, by) for by in columns]
    if not members:
        return ()
    found = [{name: np.empty((draws, names.size)) for name in QUANTITIES} for names, _ in members]
    staying = ~value.leaving_next
    for i, each in enumerate(_futures(value, draws, seed)):
        for (names, segment), totals in zip(members, found, strict=True):
            for name in QUANTITIES:
                totals[name][i] = np.bincount(segment, each[name] * staying, minlength=names.size)
    made = []
    for by, (names, segment), totals in zip(columns, members, found, strict=True):
        n = np.bincount(segment, minlength=names.size)
        data = xr.Dataset(
            {name: (("sample", "segment"), total / n) for name, total in totals.items()}
            | {"customers": ("segment", n)},
            coords={"segment": names},
            attrs={"by": by, "events": value.events, "horizon": str(value.horizon)},
        )
        made.append(BySegment(data))
    return tuple(made)


def _members(value: LifetimeValue, by: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the names of the segments, and the position of the one that each customer is in."""
    stats = value.stats
    if by not in stats or stats[by].dims != ("customer",):
        there = ", ".join(columns_of_groups(stats)) or "none"
        raise InputError(
            f"segments by {by!r}",
            f"a column of the statistics with groups: {there}",
            "name one, or assign it",
        )
    names, segment = np.unique(stats[by].to_numpy().astype(str), return_inverse=True)
    if names.size < 2:
        raise InputError(
            f"segments by {by}, which is {names[0]} for all", "two segments", "name another column"
        )
    return names, segment


def _futures(value: LifetimeValue, draws: int, seed: int) -> Iterator[dict[str, np.ndarray]]:
    """Yield what each customer does in simulated futures, arrays of shape (customer,) by quantity."""
    made = predict_counts_and_spend(
        value.purchases,
        value.price,
        value.stats,
        value.horizon,
        discount_rate=value.rate,
        draws=draws,
        seed=seed,
    )
    rng = np.random.default_rng([seed, 2])
    n = value.purchases.n_draws
    chances = scorer(value.purchases, value.stats, "p_alive").each([i * n // draws for i in range(draws)])
    for chance, (counts, paid) in zip(chances, made, strict=True):
        active = rng.random(chance.size) < chance
        yield {"active": active, "events": counts, "value": value.margin * paid}
