"""What contacting a customer changes: stated by somebody or measured by a trial; a plan reads both alike."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr

from bayes_cx.errors import InputError
from bayes_cx.inference import TrialPosterior
from bayes_cx.inference.posterior import thinned

__all__ = ["Beta", "Changed", "Measured", "Outcome", "Response", "Stated", "response_of"]

type Outcome = Literal["buying", "purchases", "spend"]
"""What a response changes: the chance to buy, the number of purchases, or the amount that is spent."""


@dataclass(frozen=True)
class Beta:
    """A distribution on (0, 1) by the two parameters of the beta distribution.

    A measured campaign with s successes in n trials and a uniform prior is ``Beta(1 + s, 1 + n - s)``.

    Examples
    --------
    >>> Beta(2, 18).mean
    0.1
    """

    alpha: float
    beta: float

    def __post_init__(self) -> None:
        if not (0 < self.alpha < np.inf and 0 < self.beta < np.inf):
            raise InputError(
                f"{self}", "two positive numbers", "write for example Beta(2, 18), whose mean is 0.1"
            )

    @property
    def mean(self) -> float:
        """The mean."""
        return self.alpha / (self.alpha + self.beta)

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Return n draws, shape (sample,)."""
        return rng.beta(self.alpha, self.beta, n)


@dataclass(frozen=True)
class Changed:
    """Draws of what a contact changes, of all customers alike or of each.

    Attributes
    ----------
    effect : numpy.ndarray, shape (sample,) or (sample, customer)
        By how much the outcome rises; negative where it falls.
    taking : numpy.ndarray or None
        Of the same shape: the share of the contacted who take the offer up. None where that is not known.
    place : numpy.ndarray of int, shape (customer,), or None
        The column of each customer, where equal customers share one.
    """

    effect: np.ndarray
    taking: np.ndarray | None = None
    place: np.ndarray | None = None

    def of(self, some: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return effect and share for some customers, shape (sample, customer), or (sample, 1) for all."""
        column = some if self.place is None else self.place[some]
        return self._of(self.effect, column), None if self.taking is None else self._of(self.taking, column)

    @staticmethod
    def _of(draws: np.ndarray, some: np.ndarray) -> np.ndarray:
        return draws[:, None] if draws.ndim == 1 else draws[:, some]


class Response(ABC):
    """What contacting a customer changes, as draws from a posterior or from what somebody stated.

    A plan reads `draw` and `outcome`, and does not know where they come from; people read the rest.
    """

    @property
    @abstractmethod
    def outcome(self) -> Outcome:
        """What the effect is a rise of."""

    @property
    @abstractmethod
    def mean(self) -> float:
        """The expected effect; of each customer on average where it differs between them."""

    @abstractmethod
    def interval(self, level: float = 0.9) -> tuple[float, float]:
        """Return an interval that holds the effect with this probability."""

    @property
    @abstractmethod
    def basis(self) -> Literal["stated", "measured", "uplift"]:
        """Where the effect comes from."""

    @property
    @abstractmethod
    def customers(self) -> int:
        """Number of customers that measured it, 0 where nobody did."""

    @property
    @abstractmethod
    def source(self) -> str:
        """Where the effect comes from, in words that follow "the effect is"."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, n: int, stats: xr.Dataset) -> Changed:
        """Return n draws for the customers of these statistics.

        Two responses that were measured by one trial share its draws, so that what they have in common, such
        as the control group, is not counted as two findings.
        """

    @abstractmethod
    def as_dict(self) -> dict[str, Any]:
        """Return it in types that JSON has, for the record of a run."""


@dataclass(frozen=True)
class Stated(Response):
    """An effect that somebody assumes; it is printed as an assumption.

    Attributes
    ----------
    prior : Beta
        Of the share of the contacted who buy because they were contacted.

    Examples
    --------
    >>> Stated(Beta(2, 18)).mean, Stated(Beta(2, 18)).source
    (0.1, 'assumed')
    """

    prior: Beta

    def __post_init__(self) -> None:
        if not isinstance(self.prior, Beta):
            raise InputError(
                f"Stated({self.prior!r})", "a distribution", "write for example Stated(Beta(2, 18))"
            )

    @property
    def outcome(self) -> Outcome:
        """The chance to buy."""
        return "buying"

    @property
    def mean(self) -> float:
        """The mean of the prior."""
        return self.prior.mean

    def interval(self, level: float = 0.9) -> tuple[float, float]:
        """Return the central interval of the prior."""
        from scipy import stats as distributions

        tail = (1 - level) / 2
        low, high = distributions.beta(self.prior.alpha, self.prior.beta).ppf([tail, 1 - tail])
        return float(low), float(high)

    @property
    def basis(self) -> Literal["stated", "measured", "uplift"]:
        """It is stated."""
        return "stated"

    @property
    def customers(self) -> int:
        """Nobody measured it."""
        return 0

    @property
    def source(self) -> str:
        """It is assumed."""
        return "assumed"

    def draw(self, rng: np.random.Generator, n: int, stats: xr.Dataset) -> Changed:
        """Return n draws of the prior, the same for all customers."""
        return Changed(self.prior.draw(rng, n))

    def as_dict(self) -> dict[str, Any]:
        """Return the two numbers of the prior."""
        return {"alpha": self.prior.alpha, "beta": self.prior.beta}


@dataclass(frozen=True)
class Measured(Response):
    """An effect that a trial measured: an arm against another one, the control if none is named.

    Attributes
    ----------
    trial : TrialPosterior
        From `bcx.fit(bcx.models.TRIAL, ...)`.
    arm : str
    against : str
        Empty for the control.

    Raises
    ------
    InputError
        If there is no such arm, or both are the same.

    Examples
    --------
    >>> import pandas as pd
    >>> import bayes_cx as bcx
    >>> sent = ["mail"] * 500 + ["none"] * 500
    >>> bought = [1] * 60 + [0] * 440 + [1] * 35 + [0] * 465
    >>> mail = pd.DataFrame({"sent": sent, "bought": bought})
    >>> stats = bcx.summarise_trial(mail, "bought", arm="sent", control="none")
    >>> response = bcx.Measured(bcx.fit(bcx.models.TRIAL, stats, seed=1), "mail")
    >>> round(response.mean, 2), response.source
    (0.05, 'measured on 1,000 customers, mail against none')
    """

    trial: TrialPosterior
    arm: str
    against: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.trial, TrialPosterior):
            raise InputError(
                f"a {type(self.trial).__name__} for the posterior of a trial",
                "what bcx.fit(bcx.models.TRIAL, stats) returns",
                "fit the trial first",
            )
        object.__setattr__(self, "against", self.against or self.trial.control)
        if self.trial.arm(self.arm) == self.trial.arm(self.against):
            raise InputError(f"the arm {self.arm!r} against itself", "two arms", "name another one")

    @property
    def outcome(self) -> Outcome:
        """What the outcome of the trial was."""
        found: dict[str, Outcome] = {"conversion": "buying", "count": "purchases", "value": "spend"}
        return found[self.trial.measure]

    @property
    def mean(self) -> float:
        """The expected difference of the two arms."""
        return float(self._difference().mean())

    def interval(self, level: float = 0.9) -> tuple[float, float]:
        """Return the central interval of the difference."""
        low, high = np.quantile(self._difference(), [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    @property
    def basis(self) -> Literal["stated", "measured", "uplift"]:
        """It is measured."""
        return "measured"

    @property
    def customers(self) -> int:
        """Number of customers in the two arms."""
        both = [self.trial.arm(self.arm), self.trial.arm(self.against)]
        return int(self.trial.table["n"].to_numpy()[both].sum())

    @property
    def source(self) -> str:
        """It is measured, on so many customers."""
        failed = " in a trial that failed its checks" if self.trial.verdict == "failed" else ""
        return f"measured{failed} on {self.customers:,} customers, {self.arm} against {self.against}"

    def draw(self, rng: np.random.Generator, n: int, stats: xr.Dataset) -> Changed:
        """Return n draws of the difference, the same for all customers, in the order of the trial's."""
        some = np.resize(thinned(self.trial.n_draws, min(n, self.trial.n_draws)), n)
        draws = self.trial.posterior
        own = draws["mean"].to_numpy()[some, self.trial.arm(self.arm)]
        taking = own
        if self.trial.measure == "value":
            taking = draws["responding"].to_numpy()[some, self.trial.arm(self.arm)]
        elif self.trial.measure == "count":  # of Poisson counts, those above zero
            taking = -np.expm1(-own)
        return Changed(self._difference()[some], np.clip(taking, 0.0, 1.0))

    def as_dict(self) -> dict[str, Any]:
        """Return what was measured, on how many, and the fingerprint of the data of the trial."""
        low, high = self.interval()
        data = self.trial.provenance["data"]
        return {
            "measured": data.get("source", ""),
            "sha256": data.get("sha256", ""),
            "outcome": self.outcome,
            "arm": self.arm,
            "against": self.against,
            "customers": self.customers,
            "mean": self.mean,
            "interval": [low, high],
            "checks": self.trial.verdict,
        }

    def _difference(self) -> np.ndarray:
        mean = self.trial.posterior["mean"].to_numpy()
        return mean[:, self.trial.arm(self.arm)] - mean[:, self.trial.arm(self.against)]


def response_of(effect: Beta | Response) -> Response:
    """Return an effect as a response: a distribution alone is one that was stated.

    Examples
    --------
    >>> response_of(Beta(2, 18)).basis
    'stated'
    """
    return Stated(effect) if isinstance(effect, Beta) else effect
