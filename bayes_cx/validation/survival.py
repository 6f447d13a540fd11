"""How many customers under contract stay: observed so far, and expected."""

from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.data import expand, unique_rows
from bayes_cx.errors import InputError
from bayes_cx.inference import Posterior
from bayes_cx.scoring import draws as draw_by_draw
from bayes_cx.scoring import horizon_in_fit
from bayes_cx.validation.comparable import columns_of
from bayes_cx.validation.tracking import QUANTILES

__all__ = ["EVERYBODY", "survival"]

EVERYBODY = "all customers"


def survival(
    posterior: Posterior, stats: xr.Dataset, t: Any, *, draws: int = 1000, seed: int = 0
) -> xr.Dataset:
    r"""Compare by age how many customers stayed with what the model expects, and look ahead by date.

    These are two questions. By age, at renewal 1, 2, ... since a contract began, whenever that was: of
    n customers a renewal keeps a binomial number, with the chance :math:`S(i) / S(i - 1)` of the draw; the
    bands are those of as many new customers, of whom as many came up for each renewal as here. By date, 1, 2,
    ... periods from now: how many of today's customers, each at an age of its own, are still there. Who is
    known to leave at the next renewal is not among these.

    Parameters
    ----------
    posterior : Posterior
        Of a model of contracts.
    stats : xarray.Dataset
        Statistics by customer, or weighted rows.
    t : str, number or time difference
        How far to look ahead, such as ``"5 years"``.
    draws : int
        At most this many draws of the posterior.
    seed : int

    Returns
    -------
    xarray.Dataset
        Over ``cohort`` (the groups of the fit, else of the first column of groups, else all customers):
        ``customers``, ``current`` (who have not left and have not given notice) and ``last`` (renewals seen).
        Over (cohort, period), period 0, 1, ... since the contract began: ``observed``, the share of customers
        still there (of those whose time it was: Kaplan & Meier), ``retention_observed`` and ``at_risk``, how
        many were asked (at 0 all); ``expected`` and ``retention`` (means) and, with ``quantile``,
        ``expected_quantile`` and ``retention_quantile``; all NaN after `last`. Over (cohort, ahead), ahead 0,
        1, ... periods from now: ``still``, the expected share of the current customers who are still there,
        and ``still_quantile``. Over ``sample``: ``stay``, how many of all current customers are still there
        after `t`. Attributes ``unit`` and ``horizon`` (in it).

    Raises
    ------
    InputError
        If the model is not one of contracts, or the horizon cannot be read.
    """
    if posterior.model.kind.leaving != "observed":
        raise InputError(
            f"survival of {posterior.model.name}", "a model of contracts", "fit bcx.models.SBG or BDW"
        )
    single, ahead = expand(stats), int(horizon_in_fit(t, stats, posterior).number)
    T, churned = (single[name].to_numpy().astype(int) for name in ("T", "churned"))
    cohort = _cohorts(posterior, single)
    names, place = np.unique(cohort, return_inverse=True)
    periods = int(T.max())
    renews = _renewals(posterior, single, names, periods, draws)
    rng = np.random.default_rng(seed)
    kind = posterior.model.kind
    possible = np.asarray(kind.observed(kind.numbers(single))["T"])
    current = (churned == 0) & ~kind.leaving_next(single)
    still = _still(posterior, single, np.where(current, place, -1), names.size, ahead, draws, rng)
    found = [
        {
            **_of_cohort(T[own], churned[own], possible[own], renews[:, i], rng),
            **_ahead(still[:, i], int((current & own).sum())),
        }
        for i, own in ((i, place == i) for i in range(names.size))
    ]
    data = {name: (_DIMS[name], np.array([one[name] for one in found])) for name in found[0]}
    return xr.Dataset(
        {**data, "stay": ("sample", still[:, :, -1].sum(axis=1))},
        coords={
            "cohort": names,
            "period": np.arange(periods + 1),
            "ahead": np.arange(ahead + 1),
            "quantile": list(QUANTILES),
        },
        attrs={"unit": stats.attrs["unit"], "horizon": ahead},
    )


_DIMS = {
    **dict.fromkeys(("customers", "current", "last"), ("cohort",)),
    **dict.fromkeys(("observed", "retention_observed", "at_risk"), ("cohort", "period")),
    **dict.fromkeys(("expected", "retention"), ("cohort", "period")),
    **dict.fromkeys(("expected_quantile", "retention_quantile"), ("cohort", "period", "quantile")),
    "still": ("cohort", "ahead"),
    "still_quantile": ("cohort", "ahead", "quantile"),
}


def _cohorts(posterior: Posterior, stats: xr.Dataset) -> np.ndarray:
    """Return the cohort of each customer."""
    texts = [str(name) for name, column in stats.data_vars.items() if column.dtype.kind in "OUT"]
    columns = [*posterior.layout.design.group_columns, *texts]
    if not columns:
        return np.full(stats.sizes["customer"], EVERYBODY)
    return stats[columns[0]].to_numpy().astype(str)


def _renewals(
    posterior: Posterior, stats: xr.Dataset, names: np.ndarray, periods: int, draws: int
) -> np.ndarray:
    """Return the chance to renew at 1, 2, ..., given all renewals before, shape (sample, cohort, period)."""
    cohort = _cohorts(posterior, stats)
    # The first customer of each cohort lends its columns of the design.
    first = [int(np.flatnonzero(cohort == name)[0]) for name in names]
    rows = stats.isel(customer=np.repeat(first, periods)).assign_coords(
        customer=np.arange(names.size * periods)
    )
    rows = rows.assign(
        T=("customer", np.tile(np.arange(periods), names.size)),
        churned=("customer", np.zeros(names.size * periods, np.int64)),
    )
    found = draw_by_draw(posterior, rows, "survival", t=1, thin_to=draws)
    return found.to_numpy().reshape(-1, names.size, periods)


def _of_cohort(
    T: np.ndarray, churned: np.ndarray, possible: np.ndarray, renews: np.ndarray, rng: np.random.Generator
) -> dict[str, Any]:
    """Return what was observed of one cohort and what is expected.

    `possible` are the renewals that there could have been; `renews` has shape (sample, period).
    """
    n, periods = T.size, renews.shape[1]
    last = int(T.max())
    period = np.arange(1, periods + 1)
    at_risk = (T[:, None] >= period).sum(axis=0).astype(float)
    left = ((T[:, None] == period) & (churned[:, None] == 1)).sum(axis=0)
    seen = np.where(period <= last, 1.0 - left / np.maximum(at_risk, 1.0), np.nan)
    observed = np.r_[1.0, np.cumprod(seen)]

    number, level = np.full(len(renews), n), np.ones(len(renews))
    share, retention = [level], []
    # Younger contracts came up less often, so later renewals are observed for fewer customers.
    asked = np.r_[n, (possible[:, None] >= period).sum(axis=0)]
    for i in range(periods):
        if asked[i + 1] < asked[i]:
            number = rng.binomial(number, asked[i + 1] / asked[i])
        before, number = number, rng.binomial(number, np.clip(renews[:, i], 0.0, 1.0))
        made = np.divide(number, before, out=np.full(before.size, np.nan), where=before > 0)
        level = np.where(before > 0, level * made, level)
        share.append(level)
        retention.append(made)
    kept = np.array(share)
    # Where no customer is left retention is not defined; the chance to renew is used instead.
    made = np.where(np.isnan(retention), renews.T, retention)
    nothing = np.full((1, len(QUANTILES)), np.nan)
    ages = np.arange(periods + 1)[:, None] <= last
    return {
        "customers": n,
        "last": last,
        "observed": observed,
        "retention_observed": np.r_[np.nan, seen],
        "at_risk": np.r_[n, np.where(period <= last, at_risk, np.nan)],
        "expected": np.where(ages[:, 0], kept.mean(axis=1), np.nan),
        "retention": np.where(ages[:, 0], np.r_[np.nan, renews.mean(axis=0)], np.nan),
        "expected_quantile": np.where(ages, np.quantile(kept, QUANTILES, axis=1).T, np.nan),
        "retention_quantile": np.where(
            ages, np.concatenate([nothing, np.quantile(made, QUANTILES, axis=1).T]), np.nan
        ),
    }


def _ahead(still: np.ndarray, current: int) -> dict[str, Any]:
    """Return the share of the current customers of a cohort, of shape (sample, ahead), as it is expected."""
    share = still / max(current, 1)
    return {
        "current": current,
        "still": share.mean(axis=0),
        "still_quantile": np.quantile(share, QUANTILES, axis=0).T,
    }


def _still(
    posterior: Posterior,
    stats: xr.Dataset,
    place: np.ndarray,
    cohorts: int,
    ahead: int,
    draws: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw how many of the current customers are still there, shape (sample, cohort, ahead).

    `place` is the cohort of each current customer, -1 of the others.
    """
    current = stats.isel(customer=np.flatnonzero(place >= 0)).assign(
        place=("customer", place[place >= 0].astype(np.int64))
    )
    if not current.sizes["customer"]:
        return np.zeros((1, cohorts, ahead + 1), np.int64)
    # Customers of the same history share their chances; each is still kept or lost alone.
    _, row = unique_rows(current, (*columns_of(posterior), "place"))
    first, size = np.unique(row, return_index=True, return_counts=True)[1:]
    rows = current.isel(customer=first)
    where = rows["place"].to_numpy()
    number = before = None
    found = []
    for i in range(1, ahead + 1):
        chance = draw_by_draw(posterior, rows, "survival", t=i, thin_to=draws).to_numpy()
        chance = np.clip(chance.reshape(-1, first.size), 0.0, 1.0)
        if number is None or before is None:
            number, before = np.broadcast_to(size, chance.shape), np.ones_like(chance)
            found.append(number)
        renews = np.divide(chance, before, out=np.zeros_like(chance), where=before > 0)
        number, before = rng.binomial(number, np.minimum(renews, 1.0)), chance
        found.append(number)
    each = np.array(found)
    return np.stack([each[:, :, where == i].sum(axis=2).T for i in range(cohorts)], axis=1)
