"""Parts of a study that several sections use."""

import numpy as np
import xarray as xr

from bayes_cx.decision import Plan
from bayes_cx.errors import InputError
from bayes_cx.kinds import Kind, Words
from bayes_cx.page.words import Money
from bayes_cx.reporting.alike import alike
from bayes_cx.study import Study

__all__ = [
    "events",
    "histories",
    "kind_of_study",
    "left_waiting",
    "listed",
    "money_of",
    "ninety",
    "plan_of",
    "worth_of",
]


def plan_of(study: Study) -> Plan:
    """Return the plan of a study.

    Raises
    ------
    InputError
        If it has none, or is no study.
    """
    if not isinstance(study, Study):
        raise InputError(
            f"a {type(study).__name__} for a study",
            "a study",
            "pass bcx.Study(plan=...), or what bcx.study_journeys or bcx.study_risk returned",
        )
    if study.plan is None:
        raise InputError("a study without a plan", "a plan", "pass plan=bcx.prioritise(...)")
    return study.plan


def money_of(study: Study) -> Money:
    """Return how the amounts of a study are printed: in its currency, or as a number of events."""
    values = str(plan_of(study).data.attrs["values"])
    return Money(study.provenance.currency) if values == "spend" else Money("", values)


def worth_of(study: Study) -> str:
    """Return what counts as value: revenue, margin, or the events themselves."""
    if noun := money_of(study).noun:
        return noun
    return "revenue" if float(plan_of(study).settings.get("margin", 1.0)) == 1.0 else "margin"


def kind_of_study(study: Study) -> Kind:
    """Return the kind of the model that says who comes back or stays."""
    return study.fits[0].model.kind


def events(study: Study) -> Words:
    """Return what the events and customers of a study are called."""
    return kind_of_study(study).words["en"]


def histories(study: Study) -> xr.Dataset | None:
    """Return one row for all customers of the same history, or None where few customers share one."""
    statistics = (name for fit in study.fits for name in fit.model.statistics)
    return alike(plan_of(study).data, kind_of_study(study), statistics)


def listed(study: Study) -> xr.Dataset:
    """Return the rows of the priority list: customers, or histories that many of them share.

    Where dropout is observed the rows have ``stay`` and ``stay_quantile``, the chance to be still a customer
    at the end of the horizon.
    """
    rows = histories(study)
    rows = plan_of(study).data if rows is None else rows
    if kind_of_study(study).leaving != "observed":
        return rows
    # Only here, because it loads what other reports do not need.
    from bayes_cx.decision.prioritise import QUANTILES
    from bayes_cx.scoring import score

    found = score(study.fits[0], rows, "survival", t=rows.attrs["horizon"], quantiles=QUANTILES)
    return rows.assign(
        stay=("customer", found["mean"].to_numpy()),
        stay_quantile=(("customer", "quantile"), found["quantile"].to_numpy()),
    )


def left_waiting(data: xr.Dataset) -> int:
    """Return for how many customers a contact would pay, although there is no budget or capacity for it."""
    if "withheld_contacts" in data.attrs:
        return 0
    waits = ~data["contact"].to_numpy() & ~np.isin(data["label"].to_numpy(), ("held out", "not possible"))
    return int((data["gain"].to_numpy()[waits] > 0).sum())


def ninety(draws: np.ndarray | xr.DataArray) -> tuple[float, float]:
    """Return the ends of the central 90% interval of draws."""
    low, high = np.quantile(np.asarray(draws), [0.05, 0.95])
    return float(low), float(high)
