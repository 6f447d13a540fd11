"""What a trial came to: its posterior, what is asked of it, and all numbers that follow."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.inference import TrialPosterior
from bayes_cx.scoring import arm_worth, compare_arms, effect_by_segment, look
from bayes_cx.study import RunProvenance

__all__ = ["TrialStudy"]


@dataclass(frozen=True)
class TrialStudy:
    """What a trial came to, for everybody who writes about it.

    Attributes
    ----------
    posterior : TrialPosterior
    customers : int or None
        How many customers the best arm would reach over the horizon, for what it is worth.
    worth : float
        What one more outcome is worth.
    cost : float
        Of giving one customer an arm that is not the control.
    alpha : float
        See `bcx.look`.
    effect : float or None
    worthwhile : float
    provenance : RunProvenance
    """

    posterior: TrialPosterior
    customers: int | None = None
    worth: float = 1.0
    cost: float = 0.0
    alpha: float = 0.05
    effect: float | None = None
    worthwhile: float = 0.0
    provenance: RunProvenance = field(default_factory=RunProvenance)

    @cached_property
    def arms(self) -> xr.Dataset:
        """What the arms bring; see `bcx.compare_arms`."""
        return compare_arms(self.posterior)

    @cached_property
    def looks(self) -> xr.Dataset:
        """Whether the trial may be stopped; see `bcx.look`."""
        return look(self.posterior, alpha=self.alpha, effect=self.effect, worthwhile=self.worthwhile)

    @cached_property
    def gains(self) -> xr.Dataset | None:
        """What the arms are worth, where it is known how many customers they would reach."""
        if self.customers is None:
            return None
        return arm_worth(self.posterior, self.customers, worth=self.worth, cost=self.cost)

    @cached_property
    def segment_gains(self) -> xr.Dataset | None:
        """What a customer of each segment gains by each arm, after cost, where `gains` are known.

        Over (``treatment``, ``segment``): ``net``, its 90% interval ``net_low`` to ``net_high``, and
        ``p_net``, the probability that it is above 0.
        """
        if self.customers is None or not self.posterior.divisions:
            return None
        found = effect_by_segment(self.posterior)
        net = self.worth * self.posterior.posterior["effect"].to_numpy() - self.cost
        low, high = np.quantile(net, [0.05, 0.95], axis=0)
        columns = {"net": net.mean(axis=0), "net_low": low, "net_high": high, "p_net": (net > 0).mean(axis=0)}
        both = ("treatment", "segment")
        return xr.Dataset({name: (both, one) for name, one in columns.items()}, found.coords)

    @cached_property
    def best(self) -> str:
        """The arm that is most probably the best, the control among them."""
        return str(self.arms["arm"].to_numpy()[int(self.arms["p_best"].to_numpy().argmax())])

    def record(self) -> dict[str, Any]:
        """Return all numbers of the report in types that JSON has."""
        made = {"arms": self.arms, "looks": self.looks, "gains": self.gains}
        if self.posterior.divisions:
            found = effect_by_segment(self.posterior)
            made["segments"] = found[["effect", "effect_low", "effect_high", "p_better", "raw"]]
            if self.segment_gains is not None:
                made["segments"] = made["segments"].merge(self.segment_gains)
        tables = {
            name: _plain(data.to_dataframe().reset_index().to_dict(orient="records"))
            for name, data in made.items()
            if data is not None
        }
        return {
            **tables,
            "best": self.best,
            "control": self.posterior.control,
            "measure": self.posterior.measure,
            "decision": self.looks.attrs["decision"],
            "threshold": self.looks.attrs["threshold"],
            "p_differ": self.posterior.provenance.get("p_differ", {}),
            "checks": [
                {"name": one.name, "value": one.value, "target": one.target, "status": one.status}
                for one in self.posterior.checks
            ],
            "verdict": self.posterior.verdict,
        }


def _plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in row.items()
        }
        for row in rows
    ]
