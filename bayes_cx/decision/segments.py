"""Segments of customers: tiers by value with a probability of belonging, and the classes of RFM."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from bayes_cx.decision.best import chance_among_best
from bayes_cx.decision.value import LifetimeValue
from bayes_cx.errors import InputError
from bayes_cx.files import atomic_path, meaningful, write_csv
from bayes_cx.kinds import kind_of
from bayes_cx.scoring import predict_spend

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "RFM_CLASSES",
    "TOP",
    "Segments",
    "flat",
    "futures",
    "rfm",
    "segments",
    "tier_columns",
    "tier_names",
]

TOP = (0.05, 0.2, 0.5)
"""The shares of the customers, best first, at which one tier ends and the next begins."""

# Chances are known to three points from so many futures of each customer. Of millions of customers so many
# cells are simulated, but futures enough to know them to five.
_FUTURES, _CELLS, _FEWEST = 300, 1_000_000_000, 100

# By recency, from those silent for long to those seen lately; in a line by frequency and spend, few to many.
_GRID = (
    ("lost", "hibernating", "at risk"),
    ("about to sleep", "needs attention", "loyal"),
    ("new", "potentially loyal", "champion"),
)
RFM_CLASSES = tuple(name for line in reversed(_GRID) for name in reversed(line))
"""The classes of RFM, the best first."""


@dataclass(frozen=True)
class Segments:
    """The segment of each customer.

    Attributes
    ----------
    data : xarray.Dataset
        By ``customer``: ``value``, its mean; ``tier``, by the rank of the mean, and ``p_tier``, the chance
        that what the customer brings will lie in it; ``p_top`` by (customer, top), the chance that it will be
        among the best ``top`` share; and, of customers who buy, ``recency_score``, ``frequency_score``, with
        amounts ``monetary_score`` (quintiles, 5 the best) and ``rfm_class``.
    """

    data: xr.Dataset

    def table(self) -> "pd.DataFrame":
        """Return one row a customer, in the order of the statistics; plain columns, as a CRM imports them."""
        return flat(self.data)

    def to_csv(self, path: str | Path) -> None:
        """Write `table` as CSV, completely or not at all; no cell runs as a formula in a spreadsheet."""
        write_csv(meaningful(self.table()), path)

    def to_parquet(self, path: str | Path) -> None:
        """Write `table` as Parquet, whole or not at all."""
        with atomic_path(path) as part:
            meaningful(self.table()).to_parquet(part, index=False)

    def __repr__(self) -> str:
        names, sizes = np.unique(self.data["tier"].to_numpy().astype(str), return_counts=True)
        counted = dict(zip(names, sizes, strict=True))
        tiers = tier_names(tuple(self.data["top"].to_numpy()))
        parts = ", ".join(f"{name} {counted.get(name, 0):,}" for name in tiers)
        return f"<Segments of {self.data.sizes['customer']:,} customers: {parts}>"


def segments(
    value: LifetimeValue | xr.DataArray,
    stats: xr.Dataset | None = None,
    top: Sequence[float] = TOP,
    *,
    seed: int = 0,
) -> Segments:
    """Return the tier of each customer by value, how sure that is, and the class of RFM.

    In every simulated future customers are put in order of what they bring, with all luck of purchases and
    spend; the share of futures in which one is among the best 5 % is the chance of belonging to them.
    Customers who bring the same share the last places.

    Parameters
    ----------
    value : LifetimeValue or xarray.DataArray
        The value; or draws of any quantity by ``customer``, as `bcx.draws` and `bcx.predict_purchases` return
        them, in place of futures.
    stats : xarray.Dataset, optional
        Statistics of the same customers, for the classes of RFM; those of a LifetimeValue are known.
    top : sequence of float
        Shares at which tiers end, between 0 and 1 and rising.
    seed : int
        Of the simulated futures.

    Returns
    -------
    Segments

    Raises
    ------
    InputError
        If the shares do not rise, or the statistics are not of the same customers.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> purchases = bcx.fit(bcx.models.BG_NBD, stats, seed=1, progress=False)
    >>> found = bcx.segments(bcx.lifetime_value(purchases, 35.0, stats, draws=100))
    >>> found
    <Segments of 2,357 customers: top 5% 118, next 15% 353, next 30% 707, last 50% 1,179>
    """
    top = _checked(top)
    if isinstance(value, LifetimeValue):
        stats, draws = value.stats, futures(value, seed)
        mean = value.summary(quantiles=())["mean"].to_numpy()
        ids = stats["customer"].to_numpy()
    else:
        if "customer" not in value.dims:
            raise InputError(
                f"draws over {', '.join(map(str, value.dims)) or 'nothing'}",
                "draws with a dimension customer",
                "pass what bcx.draws returns",
            )
        draws = value.transpose(..., "customer").to_numpy().reshape(-1, value.sizes["customer"])
        mean = draws.mean(axis=0)
        ids = value["customer"].to_numpy()
        if stats is not None and not np.array_equal(stats["customer"].to_numpy(), ids):
            raise InputError(
                "draws and statistics of different customers",
                "the statistics that were scored, in the same order",
                "pass the stats of bcx.draws",
            )
    data = {"value": ("customer", mean), **tier_columns(draws, mean, top)}
    if stats is not None:
        data |= {name: ("customer", column) for name, column in rfm(stats).items()}
    return Segments(xr.Dataset(data, coords={"customer": ids, "top": list(top)}))


def _checked(top: Sequence[float]) -> tuple[float, ...]:
    shares = tuple(float(share) for share in top)
    if not shares or not all(0 < a < b <= 1 for a, b in zip((1e-12, *shares), shares, strict=False)):
        raise InputError(
            f"tiers that end at {', '.join(map(str, top)) or 'nothing'}",
            "rising shares between 0 and 1",
            "write for example (0.05, 0.2, 0.5)",
        )
    return shares


def futures(value: LifetimeValue, seed: int) -> Iterator[np.ndarray]:
    """Yield what each customer brings in simulated futures, shape (customer,).

    Who is known to leave brings nothing. There are 300 futures, and fewer of more than 3 million customers.
    """
    draws = min(_FUTURES, max(_FEWEST, _CELLS // max(value.n_customers, 1)))
    found = predict_spend(
        value.purchases,
        value.price,
        value.stats,
        value.horizon,
        discount_rate=value.rate,
        draws=draws,
        seed=seed,
    )
    for each in found:
        yield np.where(value.leaving_next, 0.0, value.margin * each)


def tier_names(top: Sequence[float]) -> tuple[str, ...]:
    """Return what the tiers are called, the best first.

    Examples
    --------
    >>> tier_names((0.05, 0.2, 0.5))
    ('top 5%', 'next 15%', 'next 30%', 'last 50%')
    """
    ends = [0.0, *top, *([1.0] if top[-1] < 1 else [])]
    sizes = [f"{100 * (b - a):.3g}%" for a, b in pairwise(ends)]
    last = len(sizes) - 1
    words = ("top" if i == 0 else "last" if i == last else "next" for i in range(len(sizes)))
    return tuple(f"{word} {size}" for word, size in zip(words, sizes, strict=True))


def tier_columns(
    draws: Iterable[np.ndarray], mean: np.ndarray, top: Sequence[float] = TOP
) -> dict[str, tuple[str | tuple[str, ...], np.ndarray]]:
    """Return ``tier``, ``p_tier`` and ``p_top`` of customers as variables of a Dataset.

    Parameters
    ----------
    draws : iterable of numpy.ndarray, shape (customer,)
        What customers bring, draw by draw.
    mean : numpy.ndarray, shape (customer,)
        By its rank customers get their tier.
    top : sequence of float
    """
    n = mean.size
    ends = [round(share * n) for share in top]
    p_top = chance_among_best(draws, n, ends)
    rank = np.empty(n, np.int64)
    rank[np.argsort(-mean, kind="stable")] = np.arange(n)
    names = tier_names(top)
    place = np.minimum(np.searchsorted(ends, rank, side="right"), len(names) - 1)
    bounds = np.column_stack([np.zeros(n), p_top, np.ones(n)])
    p_tier = np.clip(np.diff(bounds, axis=1)[np.arange(n), place], 0.0, 1.0)
    return {
        "tier": ("customer", np.array(names, dtype=object)[place]),
        "p_tier": ("customer", p_tier),
        "p_top": (("customer", "top"), p_top),
    }


def rfm(stats: xr.Dataset) -> dict[str, np.ndarray]:
    """Return quintiles of recency, frequency and, with amounts, spend (5 the best), and the class of RFM.

    Classes go by recency and by the mean of the other scores, rounded down, each in three steps: 1 to 2, 3,
    and 4 to 5. Nothing for kinds whose customers do not buy.

    Examples
    --------
    >>> stats = xr.Dataset(
    ...     {"x": ("customer", [0, 0, 3, 3, 9]), "t_x": ("customer", [0.0, 0, 2, 30, 39])},
    ...     attrs={"kind": "purchases"},
    ... ).assign(T=("customer", [40.0, 4, 40, 40, 40]))
    >>> rfm(stats)["rfm_class"].tolist()
    ['lost', 'new', 'hibernating', 'needs attention', 'champion']
    """
    kind = kind_of(stats)
    if kind.rfm is None:
        return {}
    scores = {f"{name}_score": quintile for name, quintile in kind.rfm(kind.numbers(stats)).items()}
    recency, *others = scores.values()
    line, place = (
        np.searchsorted((2, 3), score, side="left") for score in (recency, np.floor(np.mean(others, axis=0)))
    )
    return {**scores, "rfm_class": np.array(_GRID, dtype=object)[line, place]}


def flat(data: xr.Dataset) -> "pd.DataFrame":
    """Return the columns by customer as a frame, with ``p_top`` as one column for each share."""
    frame = data[[name for name, one in data.data_vars.items() if one.dims == ("customer",)]].to_dataframe()
    frame = frame[[column for column in frame.columns if column not in data.coords]]
    if "p_top" in data:
        at = list(frame.columns).index("p_tier") + 1
        for i, share in enumerate(data["top"].to_numpy()):
            frame.insert(at + i, f"p_top_{100 * share:.3g}", data["p_top"].isel(top=i).to_numpy())
    return frame.reset_index()
