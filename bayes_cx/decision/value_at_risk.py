"""What may be lost: the value of each customer times the chance of the event, draw by draw."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.decision.responses import Beta, Response
from bayes_cx.decision.value import LifetimeValue
from bayes_cx.errors import InputError
from bayes_cx.inference.hazards import RiskPosterior
from bayes_cx.inference.posterior import thinned
from bayes_cx.scoring.risk import risk_draws

__all__ = ["gains_at_risk", "value_at_risk"]

_DRAWS = 1000
# Customers x draws at once.
_CELLS = 1_000_000


def value_at_risk(
    posterior: RiskPosterior,
    rows: xr.Dataset,
    value: float | pd.Series | xr.DataArray | LifetimeValue,
    *,
    t: Any = None,
    target: str | Sequence[str] | None = None,
) -> xr.Dataset:
    """Return the value of each customer that the event is expected to take away, the largest first.

    For each draw it is the chance that the event comes within `t`, times the value of the customer. Those two
    are taken as independent: of the value of a lifetime a part is lost already in the forecast of purchases,
    so count it given that the customer stays.

    Parameters
    ----------
    posterior : RiskPosterior
    rows : xarray.Dataset
        From `at_risk`.
    value : float, pandas.Series, xarray.DataArray or LifetimeValue
        What a customer is worth: one number for all; one for each, indexed by ``customer``, such as what the
        contract still pays; or what customers are worth draw by draw.
    t, target
        As for `score`.

    Returns
    -------
    xarray.Dataset
        Over ``customer``: ``p_event`` and ``value`` (means), ``at_risk`` (mean), ``low`` and ``high`` (90 %
        interval) and ``rank`` (from 1). Attributes ``total``, ``total_low`` and ``total_high``: of all of
        them, 90 %.

    Raises
    ------
    InputError
        If a customer has no value, or a value is negative or not finite.

    Examples
    --------
    See `docs/risk.md`.
    """
    names = pd.Index(rows["customer"].to_numpy().astype(str))
    draws = min(_DRAWS, posterior.n_draws)
    worth = _of(value, names)
    if isinstance(value, LifetimeValue):
        draws = min(draws, value.draws)
        worth = worth[thinned(value.draws, draws)]
    total = np.zeros(draws)
    columns = {name: np.empty(names.size) for name in ("p_event", "value", "at_risk", "low", "high")}
    step = max(1, _CELLS // draws)
    for start in range(0, names.size, step):
        some = slice(start, min(start + step, names.size))
        chance = risk_draws(posterior, rows.isel(customer=some), "p_event", t=t, target=target, thin_to=draws)
        lost = chance * worth[..., some]
        total += lost.sum(axis=1)
        columns["p_event"][some] = chance.mean(axis=0)
        columns["value"][some] = np.broadcast_to(worth[..., some], lost.shape).mean(axis=0)
        columns["at_risk"][some] = lost.mean(axis=0)
        columns["low"][some], columns["high"][some] = np.quantile(lost, [0.05, 0.95], axis=0)
    order = np.lexsort((np.arange(names.size), -columns["at_risk"]))
    low, high = np.quantile(total, [0.05, 0.95])
    data = {name: ("customer", values[order]) for name, values in columns.items()}
    return xr.Dataset(
        {**data, "rank": ("customer", np.arange(1, names.size + 1))},
        coords={"customer": rows["customer"].to_numpy()[order]},
        attrs={"total": float(total.mean()), "total_low": float(low), "total_high": float(high)},
    )


def gains_at_risk(
    posterior: RiskPosterior,
    rows: xr.Dataset,
    value: float | pd.Series | xr.DataArray | LifetimeValue,
    keeps: Mapping[str, Beta | Response],
    *,
    t: Any = None,
    target: str | Sequence[str] | None = None,
    seed: int = 0,
) -> xr.DataArray:
    """Return what each action is expected to keep of the value at risk, draw by draw, before its cost.

    `next_best_action` takes it, and contacts those of whom an action keeps more than it costs.

    Parameters
    ----------
    posterior, rows, value, t, target
        As for `value_at_risk`.
    keeps : mapping of str to Beta or Response
        By the name of the action. A `Beta` is the share of those who would have the event that the action
        keeps from it: its gain is chance times share times value. A response, such as `Measured` by a trial
        of who stayed, is by how much the chance to stay rises for everybody: its gain is that times value.
    seed : int

    Returns
    -------
    xarray.DataArray
        Over (sample, customer, action), in the unit of `value`.

    Raises
    ------
    InputError
        As for `value_at_risk`; if an action keeps something else, or none is named.

    Examples
    --------
    Of 80 customers 20 leave within a month; a call keeps a fifth of those who would.

    >>> import pandas as pd
    >>> import bayes_cx as bcx
    >>> frame = pd.DataFrame({"who": [*range(80), *range(0, 40, 2)], "what": ["join"] * 80 + ["leave"] * 20})
    >>> frame["day"] = ["2025-01-01"] * 80 + ["2025-02-10"] * 20
    >>> events = bcx.read_events(frame, customer="who", time="day", event="what")
    >>> some = bcx.Features(windows=[], recency=False)
    >>> periods = bcx.summarise_periods(events, event="leave", until="2025-02-28", features=some)
    >>> risk = bcx.fit(bcx.models.HAZARD, periods, seed=1)
    >>> today = bcx.at_risk(events, periods, until="2025-02-28")
    >>> worth = pd.Series([10.0] * 30 + [500.0] * 30, index=today["customer"].to_numpy())
    >>> gains = gains_at_risk(risk, today, worth, {"call": Beta(200, 800)}, t="30 days")
    >>> plan = bcx.next_best_action(gains, [bcx.Action("call", cost=5.0)])
    >>> int((plan.data["action"] == "call").sum())
    30
    """
    if not isinstance(keeps, Mapping) or not keeps:
        raise InputError(
            f"keeps={keeps!r}", "what each action keeps, by its name", "{'call': bcx.Beta(2, 8)}"
        )
    draws = min(_DRAWS, posterior.n_draws)
    worth = _of(value, pd.Index(rows["customer"].to_numpy().astype(str)))
    if isinstance(value, LifetimeValue):
        draws = min(draws, value.draws)
        worth = worth[thinned(value.draws, draws)]
    chance = risk_draws(posterior, rows, "p_event", t=t, target=target, thin_to=draws)
    gains = np.empty((*chance.shape, len(keeps)), np.float32)
    for place, (name, kept) in enumerate(keeps.items()):
        rng = np.random.default_rng([seed, place])
        if isinstance(kept, Beta):
            gains[:, :, place] = chance * kept.draw(rng, draws)[:, None] * worth
        elif isinstance(kept, Response) and kept.outcome == "buying":
            effect, _ = kept.draw(rng, draws, rows).of(np.arange(chance.shape[1]))
            gains[:, :, place] = effect * worth
        else:
            raise InputError(
                f"{kept!r} for what {name!r} keeps",
                "a Beta, or a response of a trial of yes or no",
                "write for example {'call': bcx.Beta(2, 8)}",
            )
    coords = {"customer": rows["customer"].to_numpy(), "action": list(keeps)}
    return xr.DataArray(gains, coords, dims=("sample", "customer", "action"))


def _of(value: Any, names: pd.Index) -> np.ndarray:
    """Return values of shape (customer,), or (sample, customer)."""
    if isinstance(value, LifetimeValue):
        drawn = value.draw()
        place = pd.Index(drawn["customer"].to_numpy().astype(str)).get_indexer(names)
        found = drawn.to_numpy()[:, place]
        missing = place < 0
    elif isinstance(value, pd.Series | xr.DataArray):
        own = value if isinstance(value, pd.Series) else value.to_series()
        own = own.set_axis(own.index.astype(str))
        if not own.index.is_unique:
            raise InputError("two values of one customer", "one value a customer", "keep one of each")
        found = own.reindex(names).to_numpy(float)
        missing = ~names.isin(own.index)
    else:
        try:
            found = np.full(names.size, float(value))
        except (TypeError, ValueError) as error:
            raise InputError(
                f"a {type(value).__name__} for the value of customers",
                "a number, or a Series or DataArray indexed by customer, or a LifetimeValue",
                "pass one of these",
            ) from error
        missing = np.zeros(names.size, bool)
    if missing.any():
        raise InputError(
            f"no value of the customer {names[missing][0]!r}",
            "a value of every customer at risk",
            "add it, 0 where there is none",
        )
    if not np.all(np.isfinite(found) & (found >= 0)):
        raise InputError("a value that is negative or missing", "numbers of zero or more", "correct it")
    return found
