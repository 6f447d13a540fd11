"""What goes with the event: the features that move rates, each with an interval."""

from typing import Any

import numpy as np
import pandas as pd

from bayes_cx.inference.risk_design import AGE
from bayes_cx.page import Column, Number, Section, Table, Text
from bayes_cx.page.words import plural, shorten
from bayes_cx.reporting.figures.risk_found import rate_by_age
from bayes_cx.reporting.rows import rows_of
from bayes_cx.risk_study import RiskStudy
from bayes_cx.scoring.risk_effects import effects_on_risk
from bayes_cx.scoring.risk_words import change_range
from bayes_cx.spans import FINE_UNITS

__all__ = ["age_words", "by_age", "drivers", "section"]

_SHOWN, _SURE = 15, 0.95
_MONTH = 365.25 / 12


def drivers(study: RiskStudy) -> pd.DataFrame:
    """Return columns whose direction is sure, the strongest first; age has a curve of its own (`by_age`).

    They have ``feature``, ``what``, ``step``, ``factor``, ``low``, ``high``, ``sure`` and ``strength``.
    See `effects_on_risk`.
    """
    table: Any = effects_on_risk(study.posterior, study.target)
    table = table[table["sure"] >= _SURE]
    return table.sort_values(["strength", "feature"], ascending=[False, True]).reset_index(drop=True)


def by_age(study: RiskStudy, points: int = 60) -> pd.DataFrame:
    """Return by which factor the rate differs by how long one has been a customer, all else equal.

    Returns
    -------
    pandas.DataFrame
        ``age`` in days, over the middle 98 % of the periods, ``factor`` (posterior median, compared with the
        average over the periods), ``low`` and ``high`` (90 % interval); empty if age does not vary.
    """
    posterior, periods = study.posterior, study.periods
    own = [i for i, column in enumerate(posterior.design.columns) if column.feature == AGE]
    age, weight = periods["age"].to_numpy().astype(float), periods["weight"].to_numpy().astype(float)
    order = np.argsort(age, kind="stable")
    share = np.cumsum(weight[order]) / weight.sum()
    first, last = (float(age[order][np.searchsorted(share, level)]) for level in (0.01, 0.99))
    columns = ["age", "factor", "low", "high"]
    if not own or not last > first:
        return pd.DataFrame(columns=columns, dtype=float)
    shown = np.linspace(first, last, points)
    per = posterior.design.period / FINE_UNITS[periods.attrs["unit"]]
    matrix = np.stack(
        [
            (posterior.design.columns[i].raw(shown, per) - posterior.design.columns[i].centre)
            / posterior.design.columns[i].spread
            for i in own
        ]
    )
    drawn = posterior.beta[:, posterior.causes.index(study.target), 1:][:, own] @ matrix
    low, middle, high = np.exp(np.quantile(drawn, [0.05, 0.5, 0.95], axis=0))
    days = shown * FINE_UNITS[periods.attrs["unit"]]
    return pd.DataFrame(dict(zip(columns, (days, middle, low, high), strict=True)))


def age_words(study: RiskStudy) -> str:
    """Say at which age customers surely differ most from the average; empty where none surely does."""
    table = by_age(study)
    sure = table[(table["low"] > 1) | (table["high"] < 1)]
    if sure.empty:
        return ""
    changes = np.abs(np.log(np.asarray(sure["factor"], float)))
    row = sure.iloc[int(np.argmax(changes))]
    differs = change_range(*(float(row[name]) for name in ("factor", "low", "high")))
    return (
        f"By how long one has been a customer, the rate differs most from the average at "
        f"{_long(float(row['age']))} ({differs})."
    )


def _long(days: float) -> str:
    """Return a length of time in months, or in days if it is short."""
    return plural(round(days / _MONTH), "month") if days >= 2 * _MONTH else f"{days:.3g} days"


def section(study: RiskStudy) -> Section:
    """Return the features that surely move the rate."""
    table = drivers(study)
    title = f"What goes with {study.target}"
    n = sum(column.feature != AGE for column in study.posterior.design.columns)
    age = by_age(study)
    curve = () if age.empty else (rate_by_age(age, study.target, age_words(study)),)
    if table.empty:
        said = Text((f"Of {plural(n, 'feature')} none surely moves the rate.",))
        return Section(title, (said, *curve))
    rows = tuple(
        (
            shorten(str(row.what), 60),
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
                (
                    Column("What is known", wide=True),
                    Column("For such a step"),
                    Column("Factor"),
                    Column("90% interval"),
                ),
                rows,
                caption=f"By which factor the rate of {study.target} differs, all else equal.",
                legend="A step is one standard deviation, one rather than none of what is rare, or being so. "
                f"{plural(len(table), 'feature')} of {n}, those whose direction has a probability of "
                "95% or more. What goes together with an event need not be its cause.",
                label="Features",
            ),
            *curve,
        ),
    )
