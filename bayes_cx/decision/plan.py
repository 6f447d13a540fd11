"""The plan: whom to contact with what, what that is worth and how sure it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from bayes_cx.decision.next_best_action import ActionPlan
from bayes_cx.decision.offers import Offer
from bayes_cx.decision.segment_futures import BySegment
from bayes_cx.decision.segments import flat
from bayes_cx.files import atomic_path, meaningful, write_csv
from bayes_cx.kinds import KINDS
from bayes_cx.kinds.buying import LOG_MOMENTS
from bayes_cx.notebook import html

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LABELS", "Plan"]

# A customer's label in plain words.
LABELS = (
    "contact",
    "held out",
    "not possible",
    "notice given",
    "wait and see",
    "let go",
    "needs no offer",
)


@dataclass(frozen=True)
class Plan:
    """Customers in order of priority, with the offer for each and what it may gain.

    Attributes
    ----------
    data : xarray.Dataset
        By ``customer``, best first: ``rank``, ``contact``, ``label``, ``offer``, expected net ``gain`` with
        ``gain_sd`` and ``gain_quantile``, ``p_gain`` (chance that the gain is positive), ``p_best`` (chance
        to be among the best k, k the number contacted), ``evpi`` (what knowing this customer's gain
        beforehand would be worth), ``cost``, ``p_alive``, ``value``, ``value_at_risk``, the statistics, and
        the segments that `segments` returns (``tier``, ``p_tier``, ``p_top``, ``rfm_class``).
        By ``sample``: totals over all customers, ``total_gain`` of the chosen contacts and
        ``total_gain_predictive``, which adds the luck of who comes back, and ``curve`` (contacts, sample),
        the net gain of the first so many contacts. Gains are expectations over a customer's own luck, except
        ``total_gain_predictive`` and ``curve_predictive``; ``total_value_predictive`` by ``future`` includes
        all luck of purchases and spend.
    sensitivity : xarray.Dataset
        Gain of this plan, and the number of contacts that would be best, if all effects of the offers were
        ``scale`` times what was assumed. The ends of its interval include the luck of who comes back, as
        ``total_gain_predictive`` does.
    drivers : xarray.Dataset
        By ``assumption`` (``win_back``, ``keep``, ``half_life``, ``response``, ``margin``): the expected gain
        of this plan if that one were ``half`` and ``twice`` as large. Attributes: ``gain`` as assumed, and
        the number of contacts that would be best with half and twice the half-life.
    offers : tuple of Offer
    settings : dict
        The settings of `prioritise` and `lifetime_value` that made the plan.
    by_segment : tuple of BySegment
        What the customers of each segment will do, for every column of the statistics that holds groups.
    actions : ActionPlan or None
        Who gets which of several actions within their limits, where the plan follows it. ``data`` then has
        ``channel``, ``control`` (held out at random), ``planned``, ``propensity`` (of what is done),
        ``p_action_best`` (the chance that the planned action gains most) and ``reason``.
    """

    data: xr.Dataset
    sensitivity: xr.Dataset
    offers: tuple[Offer, ...]
    settings: Mapping[str, Any]
    drivers: xr.Dataset = field(default_factory=xr.Dataset)
    by_segment: tuple[BySegment, ...] = ()
    actions: ActionPlan | None = None

    @property
    def n_contacted(self) -> int:
        """Number of customers to contact."""
        return int(self.data["contact"].sum())

    def table(self) -> "pd.DataFrame":
        """Return one row a customer, best first, with 90 % intervals as columns ``*_low`` and ``*_high``."""
        # Logarithms of amounts are for models, and nobody who reads the list.
        frame = flat(self.data).set_index("customer").drop(columns=[*LOG_MOMENTS], errors="ignore")
        for name in ("p_alive", "value", "gain"):
            quantile = self.data[f"{name}_quantile"]
            place = list(frame.columns).index(name) + 1
            frame.insert(place, f"{name}_low", quantile.sel(quantile=0.05).to_numpy())
            frame.insert(place + 1, f"{name}_high", quantile.sel(quantile=0.95).to_numpy())
        return frame.reset_index()

    def written(self) -> "pd.DataFrame":
        """Return `table` with the digits that count, as files have it; what was observed stays as it is."""
        observed = {name for kind in KINDS.values() for name in kind.columns}
        return meaningful(self.table(), exact=observed)

    def to_csv(self, path: str | Path) -> None:
        """Write `table` as CSV, completely or not at all; no cell runs as a formula in a spreadsheet."""
        write_csv(self.written(), path)

    def to_parquet(self, path: str | Path) -> None:
        """Write `table` as Parquet, whole or not at all."""
        with atomic_path(path) as part:
            self.written().to_parquet(part, index=False)

    def head(self, n: int = 20) -> xr.Dataset:
        """Return the first n customers of `data`."""
        return self.data.isel(customer=np.arange(min(n, self.data.sizes["customer"])))

    def __repr__(self) -> str:
        gain, values = float(self.data["total_gain"].mean()), self.data.attrs.get("values", "spend")
        return (
            f"<Plan: contact {self.n_contacted:,} of {self.data.sizes['customer']:,} customers, "
            f"expected net gain {gain:,.0f}{'' if values == 'spend' else f' {values}'}>"
        )

    def _repr_html_(self) -> str:
        return html("plan", self)
