"""What all customers share, week by week, and what columns by date do to it."""

from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.errors import InputError
from bayes_cx.inference import dated
from bayes_cx.inference.posterior import Posterior, thinned
from bayes_cx.scoring.operational import CalendarClock, calendar_clock
from bayes_cx.scoring.options import horizon_in_fit
from bayes_cx.weeks import monday

__all__ = ["effects_by_date", "factors_by_week"]

_QUANTILES = (0.025, 0.5, 0.975)


def factors_by_week(posterior: Posterior, t: Any = None, thin_to: int | None = None) -> xr.Dataset:
    """Return by what each week multiplies the purchase rate of all customers.

    Parameters
    ----------
    posterior : Posterior
        Of a fit with calendar time.
    t : str, Span or time difference, optional
        How far to look ahead; without it the weeks are those of the data.
    thin_to : int, optional
        At most so many draws.

    Returns
    -------
    xarray.Dataset
        Over (sample, week) ``factor``, and ``by_date``, the part of it that is due to columns by date (1
        without such columns); over (week) ``seen``, whether the week lies in the data. The coordinate
        ``week`` holds Mondays.

    Raises
    ------
    InputError
        If the fit has no calendar time, or columns by date are not stated for all these weeks.
    """
    if not posterior.layout.design.calendar:
        raise InputError(
            "a fit without calendar time", "a fit with Design(calendar=True)", "fit with calendar time"
        )
    stats = _seen(posterior)
    ahead = 0.0 if t is None else float(horizon_in_fit(t, stats, posterior).number)
    clock = calendar_clock(posterior, stats, ahead, thin_to)
    assert clock is not None
    number = clock.first + np.arange(clock.factor.shape[1])
    some = thinned(posterior.n_draws, thin_to)
    return xr.Dataset(
        {
            "factor": (("sample", "week"), clock.factor),
            "by_date": (("sample", "week"), np.exp(_through_columns(posterior, clock, ahead)[some])),
            "seen": ("week", np.arange(number.size) < posterior.draws["posterior"].sizes["week"]),
        },
        coords={"week": monday(number).astype("datetime64[ns]")},
    )


def effects_by_date(posterior: Posterior) -> xr.Dataset:
    """Return how many times as often customers buy in weeks with the highest value of a column by date.

    They are compared with weeks with its lowest value, all else being equal.

    Parameters
    ----------
    posterior : Posterior
        Of a fit with columns by date.

    Returns
    -------
    xarray.Dataset
        Over ``by_date``, the names of the columns: ``lowest`` and ``highest`` value in a week of the data,
        the ``mean`` of the factor, and its ``quantile`` of 2.5, 50 and 97.5 %.

    Raises
    ------
    InputError
        If there are no columns by date.
    """
    by_date = posterior.layout.design.by_date
    if by_date is None:
        raise InputError(
            "a fit without columns by date", "a fit with Design(by_date=...)", "fit with such columns"
        )
    values = dated.observed(by_date, _seen(posterior))
    lowest, highest = values.min(axis=0), values.max(axis=0)
    spread = np.array([spread for _, spread in posterior.layout.by_date.values()])
    found = np.exp(_effects(posterior) * (highest - lowest) / spread)
    return xr.Dataset(
        {
            "lowest": (dated.COLUMN, lowest),
            "highest": (dated.COLUMN, highest),
            "mean": (dated.COLUMN, found.mean(axis=0)),
            "quantile": ((dated.COLUMN, "q"), np.quantile(found, _QUANTILES, axis=0).T),
        },
        coords={dated.COLUMN: [*by_date.columns], "q": [*_QUANTILES]},
    )


def _seen(posterior: Posterior) -> xr.Dataset:
    """Return the statistics that a posterior holds, with the end of observation."""
    made = posterior.provenance.data
    return posterior.observed().assign_attrs(until=made.until, unit=made.unit, kind=made.kind)


def _effects(posterior: Posterior) -> np.ndarray:
    """Return the effects of columns by date, shape (sample, column)."""
    draws = posterior.draws["posterior"][dated.EFFECTS].transpose("chain", "draw", dated.COLUMN).to_numpy()
    return draws.reshape(-1, draws.shape[-1])


def _through_columns(posterior: Posterior, clock: CalendarClock, ahead: float) -> np.ndarray:
    """Return the part of g that is due to columns by date, shape (sample, week)."""
    by_date, standard, weeks = (
        posterior.layout.design.by_date,
        posterior.layout.by_date,
        clock.factor.shape[1],
    )
    if by_date is None:
        return np.zeros((posterior.n_draws, weeks))
    Z = dated.past(by_date, standard, _seen(posterior))
    if weeks > len(Z):
        begin = clock.first + len(Z)
        day = int(np.ceil(np.round(clock.until + ahead * clock.days, 6)))
        Z = np.concatenate([Z, dated.future(by_date, standard, begin, clock.first + weeks - 1, day)])
    return _effects(posterior) @ Z.T
