"""What a contact changes of each customer, from a fit of uplift."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import xarray as xr

from bayes_cx.data import customers_of
from bayes_cx.decision.responses import Changed, Outcome, Response
from bayes_cx.errors import InputError
from bayes_cx.inference import UpliftPosterior
from bayes_cx.inference.posterior import thinned
from bayes_cx.scoring import Treated, responses_of, treatment_of

__all__ = ["Uplift"]


@dataclass(frozen=True)
class Uplift(Response):
    """An effect that a trial measured, and that differs between customers by their features.

    Attributes
    ----------
    posterior : UpliftPosterior
    to, against : str or (str, float)
        The treatment that the offer makes, and the other one; by default the control.
    of : {"buying", "purchases", "spend"}, optional
        What the outcome of the trial was: by default whether a customer bought, where it was yes or no, and
        what was spent, where it was an amount.

    Raises
    ------
    InputError
        If the posterior is none of uplift, a treatment is unknown, or `of` does not fit the outcome.

    Examples
    --------
    See `docs/uplift.md`.
    """

    posterior: UpliftPosterior
    to: Treated
    against: Treated | None = None
    of: Outcome | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.posterior, UpliftPosterior):
            raise InputError(
                f"a {type(self.posterior).__name__} for a posterior", "a fit of bcx.models.UPLIFT", "pass one"
            )
        for treated in (self.to, self._against):
            treatment_of(self.posterior, treated)
        allowed = ("buying",) if self.posterior.family == "bernoulli" else ("spend", "purchases")
        if self.of not in (None, *allowed):
            raise InputError(
                f"of={self.of!r} for the outcome {self.posterior.outcome!r}",
                f"one of {', '.join(allowed)}",
                "leave it out",
            )

    @property
    def _against(self) -> Treated:
        return self.posterior.control if self.against is None else self.against

    @property
    def outcome(self) -> Outcome:
        """What the effect is a rise of."""
        return self.of or ("buying" if self.posterior.family == "bernoulli" else "spend")

    @cached_property
    def _average(self) -> np.ndarray:
        """Draws of the average effect over the customers of the trial, shape (draw,)."""
        observed = self.posterior.observed()
        _, levels = customers_of(observed, self.posterior.terms.features)
        patterns, place = self.posterior.patterns(levels, observed.sizes["row"])
        weight = np.bincount(place, observed["weight"].to_numpy())
        effect, _ = self._by_pattern(patterns)
        return effect @ (weight / weight.sum()) if patterns else effect[:, 0]

    @property
    def mean(self) -> float:
        """The expected effect on the average customer of the trial."""
        return float(self._average.mean())

    def interval(self, level: float = 0.9) -> tuple[float, float]:
        """Return the central interval of the average effect."""
        low, high = np.quantile(self._average, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    @property
    def basis(self) -> Literal["stated", "measured", "uplift"]:
        """It is by customer."""
        return "uplift"

    @property
    def customers(self) -> int:
        """Number of customers in the trial."""
        return self.posterior.n_customers

    @property
    def source(self) -> str:
        """Measured, by customer, on how many."""
        return f"measured on {self.customers:,} customers of a trial, and differs by their features"

    def draw(self, rng: np.random.Generator, n: int, stats: xr.Dataset) -> Changed:
        """Return n draws for the customers of these statistics, which need the features of the fit.

        Raises
        ------
        InputError
            If a feature is missing.
        """
        customers, levels = customers_of(stats, self.posterior.terms.features)
        patterns, place = self.posterior.patterns(levels, len(customers))
        effect, taking = self._by_pattern(patterns)
        # All responses of one posterior use its draws in the same order.
        keep = np.resize(thinned(self.posterior.n_draws, n), n)
        return Changed(effect[keep], None if taking is None else taking[keep], place)

    def _by_pattern(self, patterns: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray | None]:
        """Return draws of the effect, and of the share who respond with the offer, shape (draw, pattern)."""
        quantity = "p_outcome" if self.posterior.family == "bernoulli" else "mean_outcome"
        with_it = responses_of(self.posterior, patterns, self.to, quantity)
        effect = with_it - responses_of(self.posterior, patterns, self._against, quantity)
        return effect, with_it if self.posterior.family == "bernoulli" else None

    def as_dict(self) -> dict[str, Any]:
        """Return treatment, outcome, mean and number of customers."""
        return {
            "to": self.to if isinstance(self.to, str) else list(self.to),
            "against": self._against if isinstance(self._against, str) else list(self._against),
            "outcome": self.outcome,
            "measured_outcome": self.posterior.outcome,
            "mean": self.mean,
            "customers": self.customers,
        }
