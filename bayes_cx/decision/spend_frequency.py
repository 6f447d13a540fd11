"""How spend goes with frequency, and what it would cost to take them as independent."""

from dataclasses import dataclass

import numpy as np

from bayes_cx.decision.value import LifetimeValue
from bayes_cx.errors import InputError
from bayes_cx.inference import Posterior
from bayes_cx.scoring.compiled import evaluate

__all__ = ["SpendAndFrequency", "spend_and_frequency"]


@dataclass(frozen=True)
class SpendAndFrequency:
    """Draws of what goes with frequency, and of what a model without it would say.

    Attributes
    ----------
    correlation : numpy.ndarray, shape (sample,)
        Between the log number of repeat purchases and the log level of spend, among repeat buyers.
    per_doubling : numpy.ndarray, shape (sample,)
        By which share a purchase is worth more where a customer has bought twice as often.
    base, best : numpy.ndarray, shape (sample,)
        By which share the value of all customers, and of the best of them, would be taken too high (above
        zero) or too low if spend and frequency were taken as independent.
    same : float
        Share of the best customers who would be among the best as well.
    top : float
        The share of customers who count as the best.
    """

    correlation: np.ndarray
    per_doubling: np.ndarray
    base: np.ndarray
    best: np.ndarray
    same: float
    top: float

    def __repr__(self) -> str:
        low, high = np.quantile(self.correlation, [0.025, 0.975])
        correlation = f"correlation {self.correlation.mean():.2f} ({low:.2f} to {high:.2f})"
        all_, best = f"{self.base.mean():+.1%}", f"{self.best.mean():+.1%}"
        values = f"if independent, value of all {all_} and of the best {self.top:.0%} {best}"
        return f"<SpendAndFrequency: {correlation}; {values}>"


def spend_and_frequency(value: LifetimeValue, top: float = 0.10) -> SpendAndFrequency:
    """Return how spend goes with frequency, and how wrong the value is if they are taken as independent.

    Each draw of the model with frequency is compared with the model without it that comes closest to it, so
    that the difference is that of the assumption and not of two fits.

    Parameters
    ----------
    value : LifetimeValue
        With a posterior of a model of spend that knows frequency, such as `bcx.models.LOG_NORMAL_FREQUENCY`.
    top : float
        Share of the customers who count as the best, by expected value.

    Returns
    -------
    SpendAndFrequency

    Raises
    ------
    InputError
        If the model of spend does not know frequency, or has a design.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> bg, frequency = bcx.models.BG_NBD, bcx.models.LOG_NORMAL_FREQUENCY
    >>> fits = [bcx.fit(model, stats, seed=1, progress=False) for model in (bg, frequency)]
    >>> found = bcx.spend_and_frequency(bcx.lifetime_value(*fits, stats, draws=200))
    >>> bool(0 < found.correlation.mean() < 0.4)
    True
    """
    spend = value.spend
    if not isinstance(spend, Posterior) or spend.model.without_frequency is None:
        named = spend.model.name if isinstance(spend, Posterior) else "no model of spend"
        raise InputError(
            f"a value with {named}",
            "a model of spend that knows frequency",
            "fit bcx.models.LOG_NORMAL_FREQUENCY",
        )
    if not spend.layout.design.is_constant:
        raise InputError("a model of spend with a design", "one without", "fit the spend without a design")
    if not 0 < top <= 1:
        raise InputError(f"top={top!r}", "a share above 0 and up to 1", "write for example top=0.1")
    letters = spend.parameters(value.draws)
    seen = spend.observed()
    columns = {name: seen[name].to_numpy().astype(float) for name in spend.model.statistics}
    other = spend.model.without_frequency(seen["weight"].to_numpy().astype(float), **columns, **letters)
    rows = {name: value.stats[name].to_numpy().astype(float) for name in other.model.statistics}
    formula = other.model.quantities["expected_spend"].formula
    n = value.n_customers
    totals, means = np.zeros((2, value.draws)), np.zeros((2, n))

    def both(some: np.ndarray) -> np.ndarray:
        """Return the value with and without frequency, shape (2, sample, customer)."""
        worth = value.worth(some)
        independent = evaluate(formula, {name: column[some] for name, column in rows.items()}, other.params)
        return np.stack([worth.value, worth.value * (value.margin * independent / worth.spend)])

    for some in value.blocks():
        found = both(some)
        totals += found.sum(axis=2)
        means[:, some] = found.mean(axis=1)
    size = max(1, round(top * n))
    mine, theirs = (np.argsort(-each, kind="stable")[:size] for each in means)
    step = max(1, 1_000_000 // value.draws)
    best = np.sum([both(mine[i : i + step]).sum(axis=2) for i in range(0, size, step)], axis=0)
    return SpendAndFrequency(
        correlation=other.correlation,
        per_doubling=other.per_doubling,
        base=totals[1] / totals[0] - 1.0,
        best=best[1] / best[0] - 1.0,
        same=float(np.isin(mine, theirs).mean()),
        top=top,
    )
