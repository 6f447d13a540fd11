"""What one treatment changes against another, for every customer: draw by draw, and summarised."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import expit

from bayes_cx.data import customers_of
from bayes_cx.errors import InputError
from bayes_cx.inference.uplift_fit import UpliftPosterior
from bayes_cx.scoring.score import check_quantiles
from bayes_cx.scoring.score_table import Scores

__all__ = ["Treated", "average_effects", "contrast", "contrast_draws", "responses_of", "treatment_of"]

type Treated = str | tuple[str, float]
"""A treatment, or a treatment and its dose."""

# Draws x patterns of customers held at once.
_CELLS = 4_000_000
_MEANINGS = {
    "p_outcome": "probability of the outcome",
    "mean_outcome": "expected outcome",
    "log_odds": "log odds of the outcome",
}


def contrast(
    posterior: UpliftPosterior,
    rows: Any,
    quantity: str = "p_outcome",
    *,
    to: Treated,
    against: Treated | None = None,
    quantiles: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95),
    customer: str | None = None,
) -> Scores:
    """Return by how much `to` changes a quantity of every customer against `against`.

    Both are computed from the same draw, so what they share cancels.

    Parameters
    ----------
    posterior : UpliftPosterior
    rows : xarray.Dataset, pandas.DataFrame or other table
        Customers with the features of the fit: statistics from `summarise_uplift`, or a table of customers as
        it was read for them.
    quantity : {"p_outcome", "mean_outcome", "log_odds"}
        Of a yes or no the probability or its log odds, of an amount its mean.
    to : str or (str, float)
        The treatment, with its dose where the trial had doses (the largest by default).
    against : str or (str, float), optional
        The other treatment; the control by default.
    quantiles : sequence of float
        Probabilities of the quantiles.
    customer : str, optional
        Column with the customers of a table; by default its index, or the number of the row.

    Returns
    -------
    Scores
        An `xarray.Dataset` over ``customer``: ``mean``, ``sd``, ``quantile`` (customer, probability), and
        ``p_positive``, the probability that the change is above zero. ``.table()`` makes a data frame of it.
        The attribute ``levels_not_in_fit`` names levels of features that the trial did not have; their
        customers count as average in this feature.

    Raises
    ------
    InputError
        If the quantity or a treatment is unknown, or a feature is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> import bayes_cx as bcx
    >>> bought = {("young", "mail"): 40, ("young", "no"): 10, ("old", "mail"): 10, ("old", "no"): 10}
    >>> rows = [(*who, int(i < n)) for who, n in bought.items() for i in range(100)]
    >>> frame = pd.DataFrame(rows, columns=["age", "arm", "bought"])
    >>> trial = bcx.summarise_uplift(frame, outcome="bought", treatment="arm", control="no", features="age")
    >>> posterior = bcx.fit(bcx.models.UPLIFT, trial, seed=1)
    >>> people = pd.DataFrame({"age": ["young", "old"]}, index=["ann", "bob"])
    >>> found = bcx.contrast(posterior, people, "p_outcome", to="mail")
    >>> found["mean"].sel(customer="ann").item() > 0.2, found["mean"].sel(customer="bob").item() < 0.1
    (True, True)
    """
    check_quantiles(quantiles)
    customers, levels = customers_of(rows, posterior.terms.features, customer)
    patterns, place = posterior.patterns(levels, len(customers))
    size = len(next(iter(patterns.values()), [0]))
    mean, sd, above, quantile = (
        np.empty(size),
        np.empty(size),
        np.empty(size),
        np.empty((size, len(quantiles))),
    )
    step = max(1, _CELLS // posterior.n_draws)
    for start in range(0, size, step):
        some = slice(start, start + step)
        part = {name: values[some] for name, values in patterns.items()}
        values = _difference(posterior, part, quantity, to, against)
        mean[some], sd[some], above[some] = values.mean(axis=0), values.std(axis=0), (values > 0).mean(axis=0)
        quantile[some] = np.quantile(values, quantiles, axis=0).T
    data = {
        "mean": ("customer", mean[place]),
        "sd": ("customer", sd[place]),
        "p_positive": ("customer", above[place]),
        "quantile": (("customer", "probability"), quantile[place]),
    }
    coords = {"customer": customers, "probability": list(quantiles)}
    attrs = _attrs(posterior, quantity, to, against)
    if new := posterior.terms.unseen(levels):
        attrs["levels_not_in_fit"] = sorted(new)
    return Scores(data, coords, attrs)


def contrast_draws(
    posterior: UpliftPosterior,
    rows: Any,
    quantity: str = "p_outcome",
    *,
    to: Treated,
    against: Treated | None = None,
    thin_to: int | None = None,
) -> xr.DataArray:
    """Return the changes that `contrast` summarises, draw by draw.

    Parameters
    ----------
    posterior, rows, quantity, to, against
        As in `contrast`.
    thin_to : int, optional
        Use at most this many draws.

    Returns
    -------
    xarray.DataArray
        Dimensions (chain, draw, customer), with one chain.

    Raises
    ------
    InputError
        As `contrast` does.
    """
    customers, levels = customers_of(rows, posterior.terms.features)
    patterns, place = posterior.patterns(levels, len(customers))
    values = _difference(posterior, patterns, quantity, to, against, thin_to)[:, place]
    return xr.DataArray(
        values[None],
        dims=("chain", "draw", "customer"),
        coords={"customer": customers},
        name=quantity,
        attrs=_attrs(posterior, quantity, to, against),
    )


def responses_of(
    posterior: UpliftPosterior,
    levels: dict[str, np.ndarray],
    treated: Treated,
    quantity: str,
    thin_to: int | None = None,
) -> np.ndarray:
    """Return a quantity of customers under a treatment, shape (draw, customer)."""
    known = ("p_outcome", "log_odds") if posterior.family == "bernoulli" else ("mean_outcome",)
    if quantity not in known:
        raise InputError(
            f"the quantity {quantity!r} of {posterior.outcome}", f"one of {', '.join(known)}", "choose one"
        )
    arm, dose = treatment_of(posterior, treated)
    terms, b = posterior.terms, posterior.coefficients(thin_to)
    z = terms.columns(levels)
    eta = b["constant"][:, None] + b["main"] @ z.T
    if arm != posterior.control:
        k = terms.arms.index(arm)
        reach = (dose / terms.largest[k]) ** b["shape"] if terms.largest else np.ones(len(eta))
        eta += reach[:, None] * (b["effect"][:, [k]] + b["interaction"][:, k] @ z.T)
    return expit(eta) if quantity == "p_outcome" else eta


def _difference(
    posterior: UpliftPosterior,
    levels: dict[str, np.ndarray],
    quantity: str,
    to: Treated,
    against: Treated | None,
    thin_to: int | None = None,
) -> np.ndarray:
    other = posterior.control if against is None else against
    found = responses_of(posterior, levels, to, quantity, thin_to)
    return found - responses_of(posterior, levels, other, quantity, thin_to)


def treatment_of(posterior: UpliftPosterior, treated: Treated) -> tuple[str, float]:
    """Return the name of a treatment and its dose."""
    terms = posterior.terms
    arm, dose = (
        (treated, None) if not isinstance(treated, tuple) else (treated if len(treated) == 2 else ("", None))
    )
    known = (terms.control, *terms.arms)
    if arm not in known:
        raise InputError(
            f"the treatment {treated!r}", f"one of {', '.join(map(repr, known))}", "choose one of these"
        )
    if arm == terms.control:
        return arm, 0.0
    most = terms.largest[terms.arms.index(arm)] if terms.largest else 1.0
    if dose is None:
        return arm, most
    if not terms.largest:
        raise InputError(f"a dose of {arm!r}", "no dose, as the trial had none", "name the treatment alone")
    if isinstance(dose, str | bool) or not 0 <= dose <= most:
        raise InputError(
            f"the dose {dose!r} of {arm!r}",
            f"one from 0 to {most:g}, the largest of the trial",
            "choose another",
        )
    return arm, float(dose)


def _attrs(posterior: UpliftPosterior, quantity: str, to: Treated, against: Treated | None) -> dict[str, Any]:
    other = posterior.control if against is None else against
    return {
        "quantity": quantity,
        "meaning": f"{_MEANINGS[quantity]} ({posterior.outcome}): {_named(to)} against {_named(other)}",
        "unit": "",
        "model": posterior.model.name,
        "draws": posterior.n_draws,
        "to": _named(to),
        "against": _named(other),
    }


def _named(treated: Treated) -> str:
    return treated if isinstance(treated, str) else f"{treated[0]} {treated[1]:g}"


def average_effects(posterior: UpliftPosterior, *, level: float = 0.95) -> xr.Dataset:
    """Return what each treatment changes on average over the customers of the trial, and how that differs.

    Parameters
    ----------
    posterior : UpliftPosterior
    level : float
        Probability that the intervals hold.

    Returns
    -------
    xarray.Dataset
        Over ``arm``: ``effect``, in the unit of the outcome and in the largest dose, and ``spread``, the
        standard deviation of the effect between customers, each with ``_low`` and ``_high``; ``p_positive``,
        the probability that the average effect is above zero.

    Raises
    ------
    InputError
        If the level is not between 0 and 1.

    Examples
    --------
    See `docs/uplift.md`.
    """
    if isinstance(level, str) or not 0 < level < 1:
        raise InputError(f"level={level!r}", "a probability between 0 and 1", "write 0.95 for 95%")
    quantity = "p_outcome" if posterior.family == "bernoulli" else "mean_outcome"
    observed = posterior.observed()
    levels = {feature.name: observed[feature.name].to_numpy() for feature in posterior.terms.features}
    patterns, place = posterior.patterns(levels, observed.sizes["row"])
    weight = np.bincount(place, observed["weight"].to_numpy())
    weight = weight / weight.sum()
    found: dict[str, list[Any]] = {}
    for arm in posterior.arms:
        values = _difference(posterior, patterns, quantity, arm, None)
        mean = values @ weight if patterns else values[:, 0]
        spread = np.sqrt(np.maximum((values - mean[:, None]) ** 2 @ weight, 0.0))
        for name, draws in (("effect", mean), ("spread", spread)):
            low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
            for end, value in (("", draws.mean()), ("_low", low), ("_high", high)):
                found.setdefault(name + end, []).append(float(value))
        found.setdefault("p_positive", []).append(float((mean > 0).mean()))
    attrs = {"outcome": posterior.outcome, "against": posterior.control, "level": level}
    return xr.Dataset(
        {name: ("arm", values) for name, values in found.items()}, {"arm": list(posterior.arms)}, attrs
    )
