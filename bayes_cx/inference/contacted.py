r"""Contacts in a customer's own clock: what they add to recency and age, and to the log-likelihood.

Customer i buys at rate :math:`\lambda_i e^{g(v) + \beta' z_i(v)}`, where :math:`z_i(v)` is the number of
contacts of each sort that count at time v. So recency and age in operational time are the customer's own
integrals,

.. math:: \tau_i(v) = \int^v e^{g} + \int^v e^{g} (e^{\beta' z_i} - 1),

of which the second is zero but where there were contacts, and the log-likelihood gets :math:`\beta' S`, with
S the contacts that counted at the repeat purchases of all customers.
"""

import json
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.sparse import csr_array

from bayes_cx.data import at_purchases, contacts_of
from bayes_cx.data.contact_paths import Paths, days_of
from bayes_cx.errors import InputError
from bayes_cx.inference.design import Design
from bayes_cx.model import Model, Prior
from bayes_cx.weeks import points

__all__ = [
    "CONTACT",
    "EFFECTS",
    "PRIORS",
    "Contacted",
    "check_contacts",
    "contacts_in",
    "counted_at_purchases",
    "log_prior",
]

EFFECTS, CONTACT = "contact_effect", "contact"
"""Name of the effects in draws, over this dimension."""

PRIORS = {
    EFFECTS: Prior(
        "Normal",
        {"mu": 0.0, "sigma": 1.0},
        "effect of a contact that counts on the log of the customer's purchase rate",
        "two effects in three are a rate of 37 % to 270 % of the usual",
    )
}

_COUNTED = "counted_at_purchases"


@dataclass(frozen=True)
class Contacted:
    """What contacts do to the times of patterns of customers.

    Attributes
    ----------
    recency, age : scipy.sparse.csr_array, shape (pattern, cell)
        Time with contacts in each cell up to the last purchase, and up to the end of observation.
    week : numpy.ndarray of int, shape (cell,)
        The place of its week.
    z : numpy.ndarray, shape (cell, sort)
        How many contacts count.
    total : numpy.ndarray, shape (sort,)
        S, the contacts that counted at purchases.
    """

    recency: csr_array
    age: csr_array
    week: np.ndarray
    z: np.ndarray
    total: np.ndarray

    @classmethod
    def of(
        cls,
        paths: Paths,
        first_week: int,
        times: tuple[np.ndarray, np.ndarray, np.ndarray],
        days: float,
        total: np.ndarray,
    ) -> "Contacted":
        """Return the contacts of patterns.

        Parameters
        ----------
        paths : Paths
            One for each pattern.
        first_week : int
            Number of the week whose place is 0.
        times : tuple of numpy.ndarray, shape (pattern,)
            Points in time of the first and the last purchase, and of the end of observation.
        days : float
            In a unit of time.
        total : numpy.ndarray, shape (sort,)
        """
        first, last, end = times
        each = np.arange(first.size)
        recency, age = (paths.within(each, first, until) / days for until in (last, end))
        return cls(csr_array(recency), csr_array(age), paths.week - first_week, paths.z, total)

    def added(self, effects: np.ndarray, factor: np.ndarray) -> dict[str, np.ndarray]:
        """Return what contacts add to recency and age in operational time, each (pattern, point).

        Parameters
        ----------
        effects : numpy.ndarray, shape (point, sort)
        factor : numpy.ndarray, shape (point, week)
        """
        gain = np.expm1(self.z @ effects.T) * factor.T[self.week]
        return {"t_x": self.recency @ gain, "T": self.age @ gain}

    def back(
        self, by_times: tuple[np.ndarray, np.ndarray], effects: np.ndarray, factor: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return slopes by the effects, (point, sort), and by the factor, (week, point), from those by times.

        Parameters
        ----------
        by_times : tuple of numpy.ndarray, shape (pattern, point)
            By recency and by age.
        effects, factor
            As of `added`.
        """
        by_gain = self.recency.T @ by_times[0] + self.age.T @ by_times[1]
        raised = self.z @ effects.T
        by_raised = by_gain * np.exp(raised) * factor.T[self.week]
        by_factor = np.zeros((factor.shape[1], len(factor)))
        np.add.at(by_factor, self.week, by_gain * np.expm1(raised))
        return by_raised.T @ self.z + self.total, by_factor


def log_prior(effects: np.ndarray) -> np.ndarray:
    """Return the log prior density of effects, shape (point,); its slopes are minus the effects."""
    return -0.5 * (effects**2).sum(axis=1) - 0.5 * np.log(2 * np.pi) * effects.shape[1]


def check_contacts(design: Design, model: Model, stats: xr.Dataset) -> None:
    """Refuse contacts for a model or statistics that do not have what they need.

    Raises
    ------
    InputError
        If the model does not run in operational time; if the statistics lack the contacts, or no customer had
        any while observed; if groups are pooled at constant rates.
    """
    if not model.operational_time:
        why = (
            ", whose customers leave in real time"
            if model.in_pieces is not None
            else ", which needs every gap between purchases, where the statistics hold a sum"
            if "regularity" in model.statistics
            else ""
        )
        raise InputError(
            f"contacts for {model.name}{why}",
            "a model of customers who buy at random at any time, and leave after purchases",
            "fit BG_NBD or MBG_NBD, or leave out contacts",
        )
    known = contacts_of(stats)
    columns = [column for name in design.contacts for column in (name, at_purchases(name))]
    missing = [name for name in design.contacts if name not in known]
    if missing := missing or [column for column in columns if column not in stats]:
        raise InputError(
            f"statistics without contacts {missing[0]}",
            f"one of {', '.join(known)}" if known else "statistics that contacts were added to",
            "add them with bcx.with_contacts",
        )
    if clash := sorted({*design.contacts} & {*design.columns}):
        raise InputError(f"{clash[0]} as contacts and as a column", "one of the two", "leave one of them out")
    if not stats.attrs.get("until"):
        raise InputError(
            "statistics without the end of observation",
            "an attribute until, such as '1997-09-30'",
            "make the statistics with bcx.summarise",
        )
    if design.group_columns and not design.calendar:
        raise InputError(
            f"contacts together with groups of {design.group_columns[0]} at constant rates",
            "groups with calendar time, or covariates",
            "write Design(calendar=True, ...), or a formula such as purchase_rate='channel'",
        )
    end = points(stats.attrs["until"], stats.attrs["unit"])
    for name in design.contacts:
        _, day = days_of(name, stats[name].to_numpy())
        if not (day <= end).any():
            raise InputError(
                f"contacts {name} of which none was made by {stats.attrs['until']}",
                "one with a customer who was observed, as the effect is learnt from those",
                "leave the contacts out",
            )


def contacts_in(design: Design, stats: xr.Dataset) -> dict[str, tuple[int | None, int]]:
    """Return the days for which a contact of each sort counts, and how many counted at purchases."""
    if not design.contacts:
        return {}
    attrs = counted_at_purchases(design, stats) if _COUNTED not in stats.attrs else stats.attrs
    days, total = contacts_of(stats), json.loads(attrs[_COUNTED])
    return {name: (days[name], int(total[name])) for name in design.contacts}


def counted_at_purchases(design: Design, stats: xr.Dataset) -> dict[str, str]:
    """Return the attribute that holds S by sort: how many contacts counted at purchases of all customers."""
    if not design.contacts:
        return {}
    weight = stats["weight"].to_numpy() if "weight" in stats else 1
    counts = {name: stats[at_purchases(name)].to_numpy() for name in design.contacts}
    return {_COUNTED: json.dumps({name: int((weight * each).sum()) for name, each in counts.items()})}
