"""How customers differ: the traits of a population, and what is believed of each against what was seen."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter
from scipy import stats as distributions

from bayes_cx.data import expand
from bayes_cx.errors import InputError
from bayes_cx.inference import Posterior
from bayes_cx.kinds import SPEND
from bayes_cx.model import Trait
from bayes_cx.page.style import COLOURS, tint
from bayes_cx.page.words import measured
from bayes_cx.plot.axes import DRAWS, LEVELS, drawn_on, fan, latent
from bayes_cx.scoring import score

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["population", "share_below", "shrinkage"]


# More dots than these would not be seen.
_DOTS = 2000


def population(posterior: Posterior, trait: str | None = None, *, ax: "Axes | None" = None) -> "Axes":
    """Draw how a trait differs between customers: the share of customers below each value, with bands.

    The bands of 50, 80 and 95% are the uncertainty about the population. With a design it is that of
    customers with average covariates in an average group.

    Parameters
    ----------
    posterior : Posterior
    trait : str, optional
        One of ``posterior.model.traits``, such as ``"purchase_rate"`` or ``"dropout"``; by default the first.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If the model has no such trait.
    """
    model = posterior.model
    known = model.traits
    name = next(iter(known), "") if trait is None else trait
    if name not in known:
        raise InputError(
            f"trait {name!r} of {model.name}", f"one of {', '.join(known) or 'none'}", "choose one of these"
        )
    chosen = known[name]
    parameters = posterior.parameters(DRAWS)
    grid, below = share_below(chosen, chosen.values(parameters))
    with drawn_on(ax, 2.6) as axes:
        fan(axes, grid, np.quantile(below, LEVELS, axis=0))
        axes.plot(grid, below.mean(axis=0), color=COLOURS["blue"], linewidth=1.4)
        meaning = chosen.meaning
        if chosen.unit == "per time":
            meaning = meaning.replace("unit of time", posterior.provenance.data.unit)
        axes.set(xlim=(0, grid[-1]), ylim=(0, 1.02), xlabel=f"{meaning[:1].upper()}{meaning[1:]}")
        axes.set_ylabel("Share of customers below")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        if chosen.distribution == "Beta":
            axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return axes


def share_below(trait: Trait, arguments: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return values of a trait, and the share of customers below each in every draw.

    Returns
    -------
    grid : numpy.ndarray, shape (value,)
        From zero to what all but one in fifty customers are below; of a chance to one.
    below : numpy.ndarray, shape (sample, value)
    """
    first, second = (np.reshape(each, (-1, 1)) for each in arguments)
    match trait.distribution:
        case "Gamma":
            made = distributions.gamma(first, scale=1 / second)
        case "InverseGamma":
            made = distributions.invgamma(first, scale=second)
        case "LogNormal":
            made = distributions.lognorm(second, scale=first)
        case "Beta":
            made = distributions.beta(first, second)
    end = 1.0 if trait.distribution == "Beta" else float(np.median(made.ppf(0.98)))
    # Closer together at first: many customers are near zero, where the curve is steep.
    grid = end * np.linspace(0, 1, 201) ** 2
    return grid, made.cdf(grid)


def shrinkage(posterior: Posterior, stats: xr.Dataset, *, ax: "Axes | None" = None) -> "Axes":
    """Draw what is expected of each customer against what was observed of the same customer.

    The fewer purchases a customer has made, the more the expectation is drawn from the customer's own mean
    (dashed) towards that of all customers (orange). Of models of spend these are amounts, else purchases per
    unit of time: the observed rate, and that expected of the customer while active.

    Parameters
    ----------
    posterior : Posterior
        Of a model of spend, purchases or opportunities.
    stats : xarray.Dataset
        Statistics by customer, or weighted rows. Of many customers 2,000, evenly spaced, are drawn.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If the model is one of contracts, or a column is missing.
    """
    spend = posterior.model.kind is SPEND
    kind = posterior.model.kind if spend else latent(posterior)
    single = expand(stats)
    usable = single["x"] > 0 if spend else single[kind.exposure] > 0
    if spend:
        usable &= single["spend"] > 0
    single = single.isel(customer=np.flatnonzero(usable))
    n = single.sizes["customer"]
    single = single.isel(customer=np.unique(np.linspace(0, n - 1, min(n, _DOTS)).astype(int)))
    x = single["x"].to_numpy()
    if spend:
        seen, quantity, options = single["spend"].to_numpy(), "expected_spend", {}
    else:
        seen = x / single[kind.exposure].to_numpy()
        quantity, options = f"expected_{kind.events}_if_active", {"t": 1}
    believed = score(posterior, single, quantity, thin_to=DRAWS, quantiles=(0.5,), **options)[
        "mean"
    ].to_numpy()
    unit = str(stats.attrs.get("unit", "unit of time"))
    what = "mean spend" if spend else f"{kind.events} per {unit}"
    with drawn_on(ax, 3.6, 4.6) as axes:
        end = float(np.quantile(np.maximum(seen, believed), 0.99)) or 1.0
        axes.plot([0, end], [0, end], color=COLOURS["grey"], linewidth=0.9, dashes=(4, 3))
        axes.axhline(float(np.average(believed)), color=COLOURS["orange"], linewidth=1.1)
        for label, low, high, strength in (
            ("1" if spend else "0 or 1", 0, 1, 0.3),
            ("2 to 4", 2, 4, 0.6),
            ("5 or more", 5, np.inf, 1.0),
        ):
            here = (x >= low) & (x <= high)
            axes.plot(
                seen[here], believed[here], "o", color=tint(COLOURS["blue"], strength), markersize=3,
                markeredgewidth=0, label=label,
            )  # fmt: skip
        axes.set(
            xlim=(0, 1.02 * end), ylim=(0, 1.02 * end), xlabel=f"Observed {what}", ylabel=f"Expected {what}"
        )
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(6))
            axis.set_major_formatter(FuncFormatter(lambda number, _: measured(number)))
        axes.legend(title="Repeat purchases", frameon=False, markerscale=1.6)
    return axes
