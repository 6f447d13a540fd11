"""How many customers under contract stay: observed so far, and expected."""

from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.data import expand
from bayes_cx.errors import InputError
from bayes_cx.inference import Posterior
from bayes_cx.scoring import draws as draw_by_draw
from bayes_cx.scoring import horizon_in_fit
from bayes_cx.validation.tracking import QUANTILES

__all__ = ["EVERYBODY", "survival"]

EVERYBODY = "all customers"


def survival(
    posterior: Posterior, stats: xr.Dataset, t: Any, *, draws: int = 1000, seed: int = 0
) -> xr.Dataset:
    r"""Compare how many customers stayed with what the model expects, and look ahead.

    Of n customers a renewal keeps a binomial number, with the chance :math:`S(i) / S(i - 1)` of the draw.
    Until the last renewal that was seen the bands are those of as many new customers, of whom as many came up
    for each renewal as here. From there on they are those of the customers who are still there, so a band is
    narrow at first and widens.

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
        ``customers``, ``current`` (who have not left) and ``last`` (renewals seen). Over (cohort, period),
        period 0, 1, ...: ``observed``, the share of customers still there (of those whose time it was:
        Kaplan & Meier), ``retention_observed`` and ``at_risk``, how many were asked; NaN after `last`;
        ``expected`` and ``retention`` (means) and, with ``quantile``, ``expected_quantile`` and
        ``retention_quantile``. Over ``sample``: ``stay``, how many of the current customers are still there
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
    periods = int(T.max()) + ahead
    renews = _renewals(posterior, single, names, periods, draws)
    rng = np.random.default_rng(seed)
    kind = posterior.model.kind
    possible = np.asarray(kind.observed(kind.numbers(single))["T"])
    found = [
        _of_cohort(T[own], churned[own], possible[own], renews[:, i], rng)
        for i, own in ((i, place == i) for i in range(names.size))
    ]
    data = {name: (_DIMS[name], np.array([one[name] for one in found])) for name in found[0]}
    return xr.Dataset(
        {**data, "stay": ("sample", _stay(posterior, single.isel(customer=churned == 0), t, draws, rng))},
        coords={"cohort": names, "period": np.arange(periods + 1), "quantile": list(QUANTILES)},
        attrs={"unit": stats.attrs["unit"], "horizon": ahead},
    )


_DIMS = {
    **dict.fromkeys(("customers", "current", "last"), ("cohort",)),
    **dict.fromkeys(("observed", "retention_observed", "at_risk"), ("cohort", "period")),
    **dict.fromkeys(("expected", "retention"), ("cohort", "period")),
    **dict.fromkeys(("expected_quantile", "retention_quantile"), ("cohort", "period", "quantile")),
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
    rows = stats.isel(customer=np.repeat(first, periods)).assign(
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
    last, current = int(T.max()), int((churned == 0).sum())
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
        if i == last:
            number, level = np.full(len(renews), current), np.full(len(renews), float(observed[last]))
        elif i < last and asked[i + 1] < asked[i]:
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
    return {
        "customers": n,
        "current": current,
        "last": last,
        "observed": observed,
        "retention_observed": np.r_[np.nan, seen],
        "at_risk": np.r_[np.nan, np.where(period <= last, at_risk, np.nan)],
        "expected": kept.mean(axis=1),
        "retention": np.r_[np.nan, renews.mean(axis=0)],
        "expected_quantile": np.quantile(kept, QUANTILES, axis=1).T,
        "retention_quantile": np.concatenate([nothing, np.quantile(made, QUANTILES, axis=1).T]),
    }


def _stay(
    posterior: Posterior, current: xr.Dataset, t: Any, draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw how many of the current customers are still there after `t`, shape (sample,)."""
    if not current.sizes["customer"]:
        return np.zeros(1, np.int64)
    chance = draw_by_draw(posterior, current, "survival", t=t, thin_to=draws).to_numpy()
    chance = chance.reshape(-1, current.sizes["customer"])
    return rng.binomial(1, np.clip(chance, 0.0, 1.0)).sum(axis=1)
