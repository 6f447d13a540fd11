"""How likely events are for customers at risk, and which features make them more or less likely."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.argument_types import check_types
from bayes_cx.errors import InputError
from bayes_cx.inference.hazards import RiskPosterior, period_counts
from bayes_cx.inference.posterior import thinned
from bayes_cx.inference.risk_design import RiskDesign
from bayes_cx.scoring.options import check_one
from bayes_cx.scoring.risk_words import change, holds
from bayes_cx.scoring.score_table import Scores
from bayes_cx.spans import FINE_UNITS, Span

__all__ = ["RISK_QUANTITIES", "reasons", "risk_draws", "risk_log_likelihood", "score_risk"]

RISK_QUANTITIES = {
    "p_event": "chance that the event comes first, within the horizon",
    "p_no_event": "chance that none of the events comes within the horizon",
    "rate": "events per unit of time now",
}
"""What can be asked of customers at risk, and what it means."""

# Rows x draws at once.
_CELLS = 1_000_000
# A horizon longer than so many periods is more than features of today can say.
_MOST_PERIODS = 1000


def risk_draws(
    posterior: RiskPosterior,
    rows: xr.Dataset,
    quantity: str,
    *,
    t: Any = None,
    target: str | Sequence[str] | None = None,
    thin_to: int | None = None,
) -> np.ndarray:
    """Return a quantity of every customer at risk draw by draw.

    What is known of customers is held as it is; they only grow older.

    Parameters
    ----------
    posterior : RiskPosterior
    rows : xarray.Dataset
        From `at_risk`, or periods.
    quantity : {"p_event", "p_no_event", "rate"}
    t : str, Span, number or time difference, optional
        The horizon, by default that of the periods of the fit; a number is in the unit of `rows`.
    target : str or sequence of str, optional
        The events that are meant, by default all of the fit.
    thin_to : int, optional
        Use at most this many draws.

    Returns
    -------
    numpy.ndarray, shape (draw, row)

    Raises
    ------
    InputError
        If the quantity or the event is unknown, or an argument does not fit.
    """
    wanted, span = _checked(posterior, rows, quantity, t, target)
    keep = thinned(posterior.n_draws, thin_to)
    found = np.empty((keep.size, next(iter(rows.sizes.values()))))
    for some, values in _chunks(posterior, rows, quantity, wanted, span, keep):
        found[:, some] = values
    return found


def score_risk(
    posterior: RiskPosterior,
    rows: xr.Dataset,
    quantity: str,
    quantiles: Sequence[float],
    *,
    t: Any = None,
    target: str | Sequence[str] | None = None,
    thin_to: int | None = None,
    **options: Any,
) -> Scores:
    """Return mean, standard deviation and quantiles of a quantity of every customer at risk; see `score`."""
    if options:
        raise InputError(f"{min(options)}=... for risk", "target, t and thin_to", "leave it out")
    wanted, span = _checked(posterior, rows, quantity, t, target)
    keep = thinned(posterior.n_draws, thin_to)
    dim, n = next(iter(rows.sizes.items()))
    mean, sd, quantile = np.empty(n), np.empty(n), np.empty((n, len(quantiles)))
    for some, values in _chunks(posterior, rows, quantity, wanted, span, keep):
        mean[some], sd[some] = values.mean(axis=0), values.std(axis=0)
        quantile[some] = np.quantile(values, quantiles, axis=0).T
    names = rows[dim].to_numpy() if dim in rows.coords else np.arange(n)
    attrs = {
        "quantity": quantity,
        "meaning": RISK_QUANTITIES[quantity],
        "unit": f"1/{rows.attrs['unit']}" if quantity == "rate" else "",
        "model": posterior.model.name,
        "draws": keep.size,
        "t": "" if quantity == "rate" else f"{span:.6g} days" if t is None else str(t),
        "held": "what is known of customers is held as it is today",
    }
    if new := posterior.design.new_levels(rows):
        attrs["levels_not_in_fit"] = [f"{name}: {level}" for name, levels in new.items() for level in levels]
    data: dict[str, Any] = {
        "mean": ("customer", mean),
        "sd": ("customer", sd),
        "quantile": (("customer", "probability"), quantile),
    }
    return Scores(data, {"customer": names, "probability": list(quantiles)}, attrs)


def risk_log_likelihood(
    posterior: RiskPosterior, periods: xr.Dataset, thin_to: int | None = None
) -> xr.DataArray:
    """Return the log-likelihood of every row of periods, weights included, over (draw, row).

    Raises
    ------
    InputError
        If nothing says what happened, or an event is none of the fit.
    """
    counts = period_counts(posterior.design, posterior.causes, periods)
    beta = posterior.beta[thinned(posterior.n_draws, thin_to)]
    return xr.DataArray(counts.by_row(beta), dims=("draw", "row"))


def reasons(
    posterior: RiskPosterior,
    rows: xr.Dataset,
    *,
    target: str | None = None,
    most: int = 3,
    sure: float = 0.9,
) -> pd.DataFrame:
    """Return which features make the event more or less likely for each customer, the strongest first.

    A feature's contribution is the factor by which it changes the rate, compared with an average customer of
    the fit, as the shrunk effects have it. That is an association, not a cause.

    Parameters
    ----------
    posterior : RiskPosterior
    rows : xarray.Dataset
        From `at_risk`.
    target : str, optional
        The event that is meant; needed where the fit has several.
    most : int
        At most so many features a customer.
    sure : float
        Features of which the direction is less probable than this are left out.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``customer`` and ``rank`` (from 1): ``feature``, ``value`` (text), ``factor`` of the rate
        (posterior median), ``low`` and ``high`` (90 % interval), ``p_direction`` and ``text``.

    Raises
    ------
    InputError
        If the event is unknown, or an argument does not fit.

    Examples
    --------
    See `docs/risk.md`.
    """
    check_types(reasons, locals())
    if target is None and len(posterior.causes) > 1:
        raise InputError(
            "no target for reasons", f"one of {', '.join(posterior.causes)}", "pass target='...'"
        )
    cause = _places(posterior, target)[0]
    beta = posterior.beta[:, cause, 1:]
    design, dim = posterior.design, next(iter(rows.sizes))
    n = rows.sizes[dim]
    names = rows[dim].to_numpy() if dim in rows.coords else np.arange(n)
    places = {
        feature: [i for i, column in enumerate(design.columns) if column.feature == feature]
        for feature in design.features
    }
    matrix = design.matrix(rows)
    centre = beta.mean(axis=0)
    each = np.stack([matrix[:, own] @ centre[own] for own in places.values()], axis=1)
    order = np.argsort(-np.abs(each), axis=1, kind="stable")
    found = []
    for place, feature in enumerate(places):
        # Only where it is among the strongest, so that draws are looked at for few.
        ahead = (order[:, : most + 2] == place).any(axis=1)
        own = places[feature]
        at = np.flatnonzero(ahead)
        for start in range(0, at.size, max(1, _CELLS // len(beta))):
            some = at[start : start + max(1, _CELLS // len(beta))]
            drawn = beta[:, own] @ matrix[some][:, own].T
            up = (drawn > 0).mean(axis=0)
            low, middle, high = np.exp(np.quantile(drawn, [0.05, 0.5, 0.95], axis=0))
            for i, row in enumerate(some):
                direction = max(up[i], 1 - up[i])
                if direction >= sure:
                    value = _as_text(rows[feature].to_numpy()[row])
                    found.append(
                        (int(row), names[row], feature, value, middle[i], low[i], high[i], direction)
                    )
    table = pd.DataFrame(
        found,
        columns=["row", "customer", "feature", "value", "factor", "low", "high", "p_direction"],
    )
    table["strength"] = np.abs(np.log(table["factor"].astype(float)))
    table = table.sort_values(["row", "strength", "feature"], ascending=[True, False, True], kind="stable")
    table["rank"] = table.groupby("row").cumcount() + 1
    table = table[table["rank"] <= most]
    unit = FINE_UNITS[rows.attrs["unit"]]
    ages = rows["age"].to_numpy() if "age" in rows else np.full(n, np.nan)
    table["text"] = [
        f"{holds(name, rows[name].to_numpy()[row], unit, float(ages[row]))} ({change(factor)})"
        for row, name, factor in zip(table["row"], table["feature"], table["factor"], strict=True)
    ]
    return table.set_index(["customer", "rank"]).drop(columns=["row", "strength"])


def _as_text(value: Any) -> str:
    return str(value) if isinstance(value, str) else f"{float(value):.3g}"


def _checked(
    posterior: RiskPosterior, rows: xr.Dataset, quantity: str, t: Any, target: str | Sequence[str] | None
) -> tuple[list[int], float]:
    """Return the positions of the events that are meant, and the horizon in days."""
    check_one(quantity)
    if quantity not in RISK_QUANTITIES:
        raise InputError(
            f"the quantity {quantity!r}", f"one of {', '.join(RISK_QUANTITIES)}", "choose one of these"
        )
    if not isinstance(rows, xr.Dataset):
        raise InputError(f"rows of type {type(rows).__name__}", "customers at risk", "use bcx.at_risk")
    if "unit" not in rows.attrs:
        raise InputError("rows without a unit of time", "customers at risk", "use bcx.at_risk")
    if quantity == "rate" and t is not None:
        raise InputError(f"t={t!r}: a rate has no horizon", "no span of time", "leave t out")
    if quantity == "p_no_event" and target is not None:
        raise InputError(f"target={target!r} for p_no_event", "no target", "leave it out")
    span = posterior.length if t is None else Span.of(t, rows.attrs["unit"]).in_unit("day")
    if not 0 < span <= _MOST_PERIODS * posterior.length:
        raise InputError(
            f"a horizon of {t}", f"one above zero, at most {_MOST_PERIODS:,} periods", "pass another t"
        )
    return _places(posterior, target), span


def _places(posterior: RiskPosterior, target: str | Sequence[str] | None) -> list[int]:
    named = posterior.causes if target is None else (target,) if isinstance(target, str) else tuple(target)
    if unknown := [name for name in named if name not in posterior.causes]:
        raise InputError(
            f"the event {unknown[0]!r}", f"one of {', '.join(posterior.causes)}", "check the spelling"
        )
    return [posterior.causes.index(name) for name in named]


def _chunks(
    posterior: RiskPosterior,
    rows: xr.Dataset,
    quantity: str,
    wanted: list[int],
    span: float,
    keep: np.ndarray,
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield rows with the values of a quantity, shape (draw, row)."""
    design, beta = posterior.design, posterior.beta[keep]
    dim, n = next(iter(rows.sizes.items()))
    step = max(1, _CELLS // (keep.size * len(posterior.causes)))
    steps = max(1, int(np.ceil(span / posterior.length - 1e-9)))
    for start in range(0, n, step):
        some = slice(start, min(start + step, n))
        own = rows.isel({dim: some})
        if quantity == "rate":
            per_day = np.exp(_log_rates(design, beta, own, 0.0))[wanted].sum(axis=0)
            yield some, per_day * FINE_UNITS[rows.attrs["unit"]]
            continue
        yield some, _within(posterior, beta, own, quantity, wanted, span, steps)


def _within(
    posterior: RiskPosterior,
    beta: np.ndarray,
    rows: xr.Dataset,
    quantity: str,
    wanted: list[int],
    span: float,
    steps: int,
) -> np.ndarray:
    """Return the chance that the events come first within a span, or that none comes, shape (draw, row)."""
    spared: Any = 1.0
    found: Any = 0.0
    for number in range(steps):
        begin = number * posterior.length
        length = min(posterior.length, span - begin)
        each = np.exp(np.minimum(_log_rates(posterior.design, beta, rows, begin), 50.0)) * length
        total = each.sum(axis=0)
        comes = -np.expm1(-total)
        found = found + spared * each[wanted].sum(axis=0) / np.maximum(total, 1e-300) * comes
        spared = spared * np.exp(-total)
    return spared if quantity == "p_no_event" else found


def _log_rates(design: RiskDesign, beta: np.ndarray, rows: xr.Dataset, later: float) -> np.ndarray:
    """Return the logarithms of rates per day, shape (cause, draw, row)."""
    matrix = design.matrix(rows, later)
    return beta[:, :, 0].T[..., None] + beta[:, :, 1:].transpose(1, 0, 2) @ matrix.T
