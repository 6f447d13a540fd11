"""What a customer did and what follows: one over time, and all possible histories."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from matplotlib.ticker import MaxNLocator, PercentFormatter
from scipy import special

from bayes_cx.clock import Clock
from bayes_cx.data import Transactions, expand
from bayes_cx.errors import InputError
from bayes_cx.inference import Posterior
from bayes_cx.kinds import Kind
from bayes_cx.page.style import COLOURS, tint
from bayes_cx.plot.axes import DRAWS, LEVELS, drawn_on, fan, latent
from bayes_cx.scoring import score

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["frequency_recency", "p_alive"]


def p_alive(
    posterior: Posterior,
    stats: xr.Dataset,
    transactions: Transactions,
    customer: Any,
    *,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the chance that one customer is active, day by day, with 50, 80 and 95% bands.

    Each day is judged by what the customer had done until then, with the parameters of the whole fit. Marks
    below are the purchases.

    Parameters
    ----------
    posterior : Posterior
        Of a model of purchases or opportunities.
    stats : xarray.Dataset
        Statistics with the customer: they say when observation ended, and hold the columns of a design.
    transactions : Transactions
        What the statistics were made of.
    customer : int or str
        The id.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If the customer is not there, or under contract, where one sees who leaves.
    """
    kind = latent(posterior)
    if customer not in stats["customer"].to_numpy():
        raise InputError(
            f"no customer {customer!r}", "an id in the statistics", "choose one of stats.customer"
        )
    clock = Clock(stats.attrs["unit"], transactions.schema.timezone)
    occasions = transactions.occasions(stats.attrs["until"], clock.unit)
    bought = occasions.steps_of(customer)
    rows, steps = _over_time(kind, clock, bought, occasions.end)
    known = stats.sel(customer=customer)
    columns = {
        name: ("customer", np.repeat(known[name], steps.size)) for name in posterior.layout.design.read
    }
    table = xr.Dataset(
        {name: ("customer", values) for name, values in rows.items()} | columns,
        attrs={"kind": kind.key, "unit": clock.unit},
    )
    found = score(posterior, table, "p_alive", thin_to=DRAWS, quantiles=LEVELS)
    when = clock.times_of(steps)
    with drawn_on(ax, 2.4) as axes:
        fan(axes, when, found["quantile"].to_numpy().T)
        axes.plot(when, found["mean"], color=COLOURS["blue"], linewidth=1.4)
        axes.plot(
            clock.times_of(bought), np.zeros(bought.size), "|", color=COLOURS["ink"], markersize=9,
            markeredgewidth=1.2, clip_on=False, zorder=4,
        )  # fmt: skip
        axes.set(ylim=(0, 1.02), ylabel="Chance to be active")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return axes


def _over_time(
    kind: Kind, clock: Clock, bought: np.ndarray, end: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the statistics of a customer as of each step, just before and after each purchase too.

    Parameters
    ----------
    kind : Kind
    clock : Clock
    bought : numpy.ndarray of int
        Steps with a purchase, in order.
    end : int
        Last step.

    Returns
    -------
    rows : dict of str to numpy.ndarray, shape (row,)
    steps : numpy.ndarray of int, shape (row,)
    """
    first, later = int(bought[0]), bought[1:]
    if kind.discrete:
        return _opportunity_by_opportunity(clock, first, later, end)
    # A purchase counts from its own step on; the row just before it makes the rise upright.
    grid = np.unique(np.linspace(first, end, min(end - first + 1, 400)).astype(np.int64))
    steps = np.concatenate([grid, later, later])
    counts = np.concatenate([np.ones(grid.size + later.size, bool), np.zeros(later.size, bool)])
    order = np.lexsort((counts, steps))
    steps, counts = steps[order], counts[order]
    x = np.searchsorted(later, steps, side="right") - (~counts)
    last = bought[x]
    log_gaps = np.append(0.0, np.cumsum(np.log(np.diff(bought))))
    rows = {"x": x, "t_x": clock.length(first, last), "T": clock.length(first, steps)}
    span = np.log(np.maximum(last - first, 1))
    return rows | {"regularity": np.where(x > 1, log_gaps[x] - x * span, 0.0)}, steps


def _opportunity_by_opportunity(
    clock: Clock, first: int, later: np.ndarray, end: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    n = np.arange(clock.periods(first, end) + 1)
    taken = np.unique(np.ceil(clock.length(first, later)).astype(np.int64))
    x = np.searchsorted(taken, n, side="right")
    rows = {"x": x, "t_x": np.append(0, taken)[x], "n": n}
    return rows, first + np.floor(n * clock.steps_per_unit).astype(np.int64)


def frequency_recency(
    posterior: Posterior,
    quantity: str = "p_alive",
    *,
    T: Any = None,
    most: int | None = None,
    ax: "Axes | None" = None,
    **options: Any,
) -> "Axes":
    """Draw a quantity for all histories that customers of one age can have.

    Parameters
    ----------
    posterior : Posterior
        Of a model of purchases or opportunities without a design.
    quantity : str
        Such as ``"p_alive"``, or ``"expected_purchases"`` with ``t="52 weeks"``.
    T : number, optional
        The time since the first purchase, or the number of opportunities, in the unit of the fit; by default
        the longest in the data.
    most : int, optional
        The largest number of repeat purchases to draw; by default what all but one in a hundred customers of
        the data stay below.
    ax : matplotlib.axes.Axes, optional
    **options
        What else the quantity needs; see `bcx.score`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If the model is one of contracts or spend, has a design, or lacks the quantity.

    Notes
    -----
    Models of regular buyers read how equal the gaps between purchases are. Here they are as of somebody who
    buys at random.
    """
    kind, unit = latent(posterior), posterior.provenance.data.unit
    if not posterior.layout.design.is_constant:
        raise InputError(
            "a fit with a design", "one in which all customers share the parameters", "fit without a design"
        )
    seen = expand(posterior.observed())
    age = float(seen[kind.exposure].max()) if T is None else float(T)
    if most is None:
        most = max(5, int(np.quantile(seen["x"], 0.99)))
    x = np.arange((min(most, int(age)) if kind.discrete else most) + 1)
    last = np.arange(int(age) + 1.0) if kind.discrete else np.linspace(0, age, 61)
    at_x, at_last = (grid.ravel() for grid in np.meshgrid(x, last))
    possible = (at_x > 0) == (at_last > 0)
    if kind.discrete:
        possible &= at_x <= at_last
    n = np.maximum(at_x, 1)
    rows = {
        "x": at_x,
        "t_x": at_last,
        kind.exposure: np.full(at_x.size, age),
        "regularity": np.where(at_x > 1, at_x * (special.digamma(1) - special.digamma(n)), 0.0),
    }
    table = xr.Dataset(
        {name: ("customer", values[possible]) for name, values in rows.items()},
        attrs={"kind": kind.key, "unit": unit},
    )
    found = score(posterior, table, quantity, thin_to=DRAWS, quantiles=(0.5,), **options)
    values = np.full(at_x.size, np.nan)
    values[possible] = found["mean"]
    share = found.attrs["unit"] == "probability"
    with drawn_on(ax, 3.6, 5.2) as axes:
        from matplotlib.colors import LinearSegmentedColormap

        colours = LinearSegmentedColormap.from_list("house", [tint(COLOURS["blue"], 0.03), COLOURS["blue"]])
        mesh = axes.pcolormesh(
            x, last, values.reshape(last.size, x.size), cmap=colours, shading="nearest", rasterized=True,
            vmin=0, vmax=1 if share else None,
        )  # fmt: skip
        axes.grid(False)
        axes.set(
            xlabel=f"{kind.words['en'].repeats.capitalize()}", ylabel=f"{unit.capitalize()} of the last one"
        )
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        bar = axes.figure.colorbar(mesh, ax=axes, format=PercentFormatter(1, decimals=0) if share else None)
        bar.outline.set_visible(False)
        t = found.attrs["t"]
        meaning = found.attrs["meaning"].replace("within t", f"within {t}") if t else found.attrs["meaning"]
        axes.set_title(f"{meaning[:1].upper()}{meaning[1:]}", loc="left", fontsize=9)
    return axes
