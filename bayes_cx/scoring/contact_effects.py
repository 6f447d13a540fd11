"""What contacts with single customers do to their purchases, as factors and in words."""

import numpy as np
import xarray as xr

from bayes_cx.errors import InputError
from bayes_cx.inference import contacted
from bayes_cx.inference.posterior import Posterior

__all__ = ["effects_of_contacts"]

_QUANTILES = (0.025, 0.5, 0.975)


def effects_of_contacts(posterior: Posterior) -> xr.Dataset:
    """Return how many times as often a customer buys while a contact counts, all else being equal.

    Parameters
    ----------
    posterior : Posterior
        Of a fit with contacts.

    Returns
    -------
    xarray.Dataset
        Over ``contact``, the sorts of contact: ``days``, for how many days one counts (NaN: for good);
        ``at_purchases``, how many counted at repeat purchases; the ``mean`` of the factor, its ``quantile``
        of 2.5, 50 and 97.5 %, and a ``sentence``.

    Raises
    ------
    InputError
        If there are no contacts.

    Notes
    -----
    It is what was seen, not what was caused. Where customers are contacted because of what they do, as when
    mail goes to those who bought just now, the two differ; an experiment tells.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> log = bcx.load_cdnow(sample=True)
    >>> bought = log.accepted.df()
    >>> spring = bought[bought["time"] < "1997-06-01"]
    >>> thanks = bcx.read_transactions(spring, customer="customer", time="time")
    >>> stats = bcx.summarise(log, until="1997-09-30", unit="week")
    >>> stats = bcx.with_contacts(stats, log, {"thanks": thanks}, lasts="4 weeks")
    >>> design, quick = bcx.Design(contacts=["thanks"]), bcx.Laplace(draws=400)
    >>> posterior = bcx.fit("bg_nbd", stats, design=design, method=quick, seed=1, progress=False)
    >>> effects_of_contacts(posterior)["days"].item()
    28.0
    """
    sorts = posterior.layout.contacts
    if not sorts:
        raise InputError(
            "a fit without contacts", "a fit with Design(contacts=...)", "fit with contacts of the statistics"
        )
    draws = posterior.draws["posterior"][contacted.EFFECTS].transpose("chain", "draw", contacted.CONTACT)
    factor = np.exp(draws.to_numpy().reshape(-1, len(sorts)))
    quantile = np.quantile(factor, _QUANTILES, axis=0).T
    lasts = [days for days, _ in sorts.values()]
    sentences = [
        _sentence(name, days, *ends, sampled=len(factor) > 1)
        for name, days, ends in zip(sorts, lasts, quantile.tolist(), strict=True)
    ]
    return xr.Dataset(
        {
            "days": ("contact", [np.nan if days is None else float(days) for days in lasts]),
            "at_purchases": ("contact", [n for _, n in sorts.values()]),
            "mean": ("contact", factor.mean(axis=0)),
            "quantile": (("contact", "q"), quantile),
            "sentence": ("contact", np.array(sentences, object)),
        },
        coords={"contact": [*sorts], "q": [*_QUANTILES]},
    )


def _sentence(name: str, days: int | None, low: float, middle: float, high: float, *, sampled: bool) -> str:
    when = "After" if days is None else "On the day of" if days == 1 else f"In the {_span(days)} after"
    between = f", {low:.2f} to {high:.2f}" if sampled else ""
    return f"{when} {name} customers buy {middle:.2f} times as often as without{between}."


def _span(days: int) -> str:
    """Return a number of days, in weeks where they are whole ones."""
    if days == 7:
        return "week"
    return f"{days // 7} weeks" if days % 7 == 0 else f"{days} days"
