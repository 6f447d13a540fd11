"""What goes with the event: the features that move rates, each with an interval."""

import numpy as np
import pandas as pd

from bayes_cx.page import Column, Number, Section, Table, Text
from bayes_cx.page.words import plural, shorten
from bayes_cx.reporting.rows import rows_of
from bayes_cx.risk_study import RiskStudy

__all__ = ["drivers", "factor_words", "section"]

_SHOWN, _SURE = 15, 0.95


def drivers(study: RiskStudy) -> pd.DataFrame:
    """Return columns whose direction is sure, the strongest first.

    They have ``feature``, ``step``, ``factor``, ``low``, ``high``, ``sure`` and ``strength``.
    A factor is that of the rate for one standard deviation of a number, or for being of a level.
    """
    posterior = study.posterior
    place = posterior.causes.index(study.target)
    drawn = posterior.beta[:, place, 1:]
    up = (drawn > 0).mean(axis=0)
    low, middle, high = np.exp(np.quantile(drawn, [0.05, 0.5, 0.95], axis=0))
    table = pd.DataFrame(
        {
            "feature": posterior.design.names,
            "step": [
                "being so" if column.form in ("category", "missing") else "one standard deviation more"
                for column in posterior.design.columns
            ],
            "factor": middle,
            "low": low,
            "high": high,
            "sure": np.maximum(up, 1 - up),
        }
    )
    table = table[table["sure"] >= _SURE].assign(strength=lambda t: np.abs(np.log(t["factor"])))
    return table.sort_values(["strength", "feature"], ascending=[False, True]).reset_index(drop=True)


def factor_words(factor: float) -> str:
    """Return a factor of a rate in words.

    Examples
    --------
    >>> factor_words(2.5), factor_words(1.2), factor_words(0.8)
    ('2.5 times the rate', '20% more', '20% less')
    """
    if factor >= 2:
        return f"{factor:.2g} times the rate"
    return f"{abs(factor - 1):.0%} {'more' if factor > 1 else 'less'}"


def section(study: RiskStudy) -> Section:
    """Return the features that surely move the rate."""
    table = drivers(study)
    title = f"What goes with {study.target}"
    n = len(study.posterior.design.names)
    if table.empty:
        return Section(title, (Text((f"Of {plural(n, 'feature')} none surely moves the rate.",)),))
    rows = tuple(
        (
            shorten(str(row.feature), 48),
            str(row.step),
            Number(f"{row.factor:.2f}", float(row.factor), "strong"),
            Number(f"{row.low:.2f} to {row.high:.2f}", float(row.low), "soft"),
        )
        for row in rows_of(table.head(_SHOWN))
    )
    return Section(
        title,
        (
            Table(
                (Column("What is known", wide=True), Column("For"), Column("Factor"), Column("90% interval")),
                rows,
                caption=f"By which factor the rate of {study.target} differs, all else equal.",
                legend=f"{plural(len(table), 'feature')} of {n}, those whose direction has a probability of "
                "95% or more. What goes together with an event need not be its cause.",
                label="Features",
            ),
        ),
    )
