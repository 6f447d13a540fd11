"""How much of the revenue came from the customers ranked first by the model, and by simple rules."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from bayes_cx.errors import FitError
from bayes_cx.kinds import Kind
from bayes_cx.validation.baseline import point_estimate

__all__ = ["MODEL", "POINT_ESTIMATE", "capture", "rules"]

MODEL = "bayes_cx"
POINT_ESTIMATE = "maximum likelihood (lifetimes)"


def rules(kind: Kind, stats: xr.Dataset, model: np.ndarray, t: float) -> dict[str, np.ndarray]:
    """Return the score of each customer by each rule; a higher score is a better customer.

    Parameters
    ----------
    kind : Kind
        The kind whose simple rules are used.
    stats : xarray.Dataset
        Statistics by customer.
    model : numpy.ndarray, shape (customer,)
        Expected spend over the hold-out period; expected events where there are no amounts.
    t : float
        Length of the hold-out period, for the point estimate.

    Returns
    -------
    dict of str to numpy.ndarray, shape (customer,)
        The model and the simple rules. Of purchases these are recency (time since the last purchase, the
        shorter the better), frequency x spend (purchases times mean spend, the first included) and the RFM
        score of recency, number of purchases and mean spend; without amounts recency and frequency; and in
        time, with amounts, the point estimate, left out if lifetimes finds no maximum.
    """
    if kind.forecast is None:
        return {MODEL: model}
    columns = kind.numbers(stats)
    known = {MODEL: model, **kind.forecast.ranks(columns)}
    if not kind.forecast.peer or "first_spend" not in columns:
        return known
    try:
        point = point_estimate(stats, t)
    except FitError:
        return known
    return known | {POINT_ESTIMATE: point.expected_purchases * point.expected_spend}


def capture(
    scores: Mapping[str, np.ndarray],
    revenue: np.ndarray,
    *,
    counted: str = "revenue",
    top_share: float = 0.10,
    resamples: int = 1000,
    seed: int = 0,
) -> xr.Dataset:
    """Return how much of the revenue came from the customers that each rule ranks first.

    Parameters
    ----------
    scores : mapping of str to numpy.ndarray, shape (customer,)
        The score of each customer by each rule, the model first.
    revenue : numpy.ndarray, shape (customer,)
        What each customer spent in the hold-out period, or the number of events.
    counted : str
        ``"revenue"``, or what the events are called.
    top_share : float
        Share of customers that are ranked first.
    resamples : int
        Number of bootstrap samples of customers, the same for all rules.
    seed : int
        Ties are broken by one random order of the customers, the same for all rules.

    Returns
    -------
    xarray.Dataset
        Over ``rule``: ``share`` of the revenue, ``low`` and ``high`` (95% bootstrap interval over
        customers), ``difference`` of the model to the rule with ``difference_low`` and ``difference_high``,
        paired. Attributes ``top_share``, ``n_top``, ``counted``, ``revenue`` (in all), ``seed``, ``note``.
    """
    n = revenue.size
    n_top = max(1, round(top_share * n))
    rng = np.random.default_rng(seed)
    order_of_ties = rng.random(n)
    order = np.array([np.lexsort((order_of_ties, -score)) for score in scores.values()])
    share = np.array([revenue[best[:n_top]].sum() / revenue.sum() for best in order])
    again = np.empty((resamples, len(order)))
    for i in range(resamples):
        times = np.bincount(rng.integers(n, size=n), minlength=n)
        earned = times * revenue
        for j, best in enumerate(order):
            # The best n_top of the resampled customers, the last of them perhaps with only some copies.
            copies = times[best]
            last = int(np.searchsorted(np.cumsum(copies), n_top))
            over = copies[: last + 1].sum() - n_top
            again[i, j] = earned[best[: last + 1]].sum() - over * revenue[best[last]]
        again[i] /= earned.sum() or np.nan
    low, high = np.nanquantile(again, [0.025, 0.975], axis=0)
    difference = again[:, :1] - again
    difference_low, difference_high = np.nanquantile(difference, [0.025, 0.975], axis=0)
    columns = {
        "share": share, "low": low, "high": high, "difference": share[0] - share,
        "difference_low": difference_low, "difference_high": difference_high,
    }  # fmt: skip
    return xr.Dataset(
        {name: ("rule", values) for name, values in columns.items()},
        coords={"rule": list(scores)},
        attrs={
            "top_share": top_share,
            "n_top": n_top,
            "counted": counted,
            "revenue": float(revenue.sum()),
            "seed": seed,
            "note": "Ties are broken by one random order of the customers, the same for all rules.",
        },
    )
