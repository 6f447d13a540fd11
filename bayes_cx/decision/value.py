"""The discounted residual lifetime value of customers, draw by draw."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.data import unique_rows
from bayes_cx.errors import InputError
from bayes_cx.inference.posterior import Posterior, check_posterior
from bayes_cx.progress import counted
from bayes_cx.scoring import Scorer, horizon_in_fit, scorer
from bayes_cx.spans import DiscountRate, Span

__all__ = ["LifetimeValue", "Worth", "lifetime_value"]

# Draws x customers in one block: a handful of such arrays live at once.
_BLOCK_CELLS = 1_000_000
# Up to this share of customers who differ equal ones are evaluated once.
_MOSTLY = 0.7
_CONDITIONS = ("active", "won_back", "kept")


def _needed(events: str) -> tuple[str, ...]:
    """Return the quantities that make up the value, one for each of the conditions."""
    return tuple(f"discounted_{events}_if_{condition}" for condition in _CONDITIONS)


@dataclass(frozen=True)
class Worth:
    """What some customers are worth, draw by draw; every array has shape (sample, customer).

    Attributes
    ----------
    p_alive : numpy.ndarray
        Chance to be active now.
    active, won_back, kept : numpy.ndarray
        Discounted value over the horizon of a customer who is active, who had left and is brought back, and
        who is active and cannot leave.
    spend : numpy.ndarray
        Profit per purchase.
    """

    p_alive: np.ndarray
    active: np.ndarray
    won_back: np.ndarray
    kept: np.ndarray
    spend: np.ndarray

    @property
    def value(self) -> np.ndarray:
        """Discounted residual value."""
        return self.p_alive * self.active

    @property
    def at_risk(self) -> np.ndarray:
        """Value that is lost because active customers leave within the horizon."""
        return self.p_alive * (self.kept - self.active)


@dataclass(frozen=True)
class LifetimeValue:
    """The discounted residual lifetime value of customers, evaluated block by block when needed.

    Attributes
    ----------
    purchases : Posterior
        Of a model of purchases.
    spend : Posterior, float, numpy.ndarray of shape (customer,), or None
        Posterior of a model of spend, or the amount that every purchase (or renewal) is worth, one for all or
        one a customer; with None value is a number of purchases.
    stats : xarray.Dataset
        Statistics by customer.
    horizon : Span
        How far ahead.
    rate : DiscountRate
        What money in a year is worth now.
    margin : float
        Share of the spend that counts as value.
    draws : int
        Number of draws.
    """

    purchases: Posterior
    spend: Posterior | float | np.ndarray | None
    stats: xr.Dataset
    horizon: Span
    rate: DiscountRate
    margin: float
    draws: int

    def __repr__(self) -> str:
        spend = self.spend.model.name if isinstance(self.spend, Posterior) else self.spend
        worth = f"in {self.events}" if self.spend is None else f"at {spend}, {self.margin:.0%} of it"
        return (
            f"<LifetimeValue of {self.n_customers:,} customers: {self.purchases.model.name} {worth}, "
            f"{self.horizon}, {self.rate.per_year:.3g} a year, {self.draws:,} draws>"
        )

    @property
    def events(self) -> str:
        """What brings value: purchases or renewals."""
        return self.purchases.model.kind.events

    @property
    def price(self) -> Posterior | float | np.ndarray:
        """The model of spend, or what each of the events is worth."""
        return 1.0 if self.spend is None else self.spend

    @property
    def n_customers(self) -> int:
        """Number of customers."""
        return self.stats.sizes["customer"]

    @cached_property
    def order(self) -> np.ndarray:
        """An order in which equal customers are neighbours, so that blocks share work, shape (customer,)."""
        return np.lexsort([self.stats[name].to_numpy() for name in self.purchases.model.statistics])

    @cached_property
    def _group(self) -> np.ndarray:
        """A number for each customer, the same for those who are equal in all that counts here."""
        own = {"leaving next": self.leaving_next, "silence": self.silence}
        names = [*self.purchases.model.statistics, *self.purchases.layout.design.read]
        if isinstance(self.spend, Posterior):
            names += [*self.spend.model.statistics, *self.spend.layout.design.read]
        elif isinstance(self.spend, np.ndarray):
            own["price"] = self.spend
        table = self.stats.assign({name: ("customer", column) for name, column in own.items()})
        return unique_rows(table, [*dict.fromkeys(names), *own])[1]

    def alike(self, some: np.ndarray, *more: np.ndarray) -> tuple[np.ndarray, np.ndarray | slice]:
        """Return customers who stand for all equal ones among `some`, and the place of each of `some` there.

        Parameters
        ----------
        some : numpy.ndarray of int
            Positions of customers.
        *more : numpy.ndarray of int, shape (customer,)
            What else equal customers agree in.

        Returns
        -------
        numpy.ndarray of int
            Positions of customers; all of `some` where few are equal, as the rest would be copied.
        numpy.ndarray of int or slice
        """
        code = self._group[some]
        for each in more:
            code = code * (int(each.max()) + 1) + each[some]
        _, first, place = np.unique(code, return_index=True, return_inverse=True)
        if first.size > _MOSTLY * some.size:
            return some, slice(None)
        return some[first], place

    @cached_property
    def leaving_next(self) -> np.ndarray:
        """Who is known to leave at the next opportunity, such as who has given notice, shape (customer,).

        They count as lost already: without an offer they bring nothing more.
        """
        return self.purchases.model.kind.leaving_next(self.stats)

    @cached_property
    def silence(self) -> np.ndarray:
        """How long nothing was heard of each customer, in the unit of the statistics, shape (customer,)."""
        kind = self.purchases.model.kind
        if kind.silence is None:
            return np.zeros(self.n_customers)
        return np.maximum(np.asarray(kind.silence(kind.numbers(self.stats)), float), 0.0)

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield positions of customers, in blocks small enough for memory."""
        step = max(1, _BLOCK_CELLS // self.draws)
        n = self.n_customers
        slices = (slice(start, min(start + step, n)) for start in range(0, n, step))
        for some in counted(slices, "customers", n):
            yield self.order[some]

    @cached_property
    def _scorers(self) -> dict[str, Scorer]:
        given = {"t": self.horizon, "discount_rate": self.rate}
        needed = zip(_CONDITIONS, _needed(self.events), strict=True)
        ready = {name: self.scorer(quantity, **given) for name, quantity in needed}
        ready["p_alive"] = self.scorer("p_alive")
        if isinstance(self.price, Posterior):
            ready["spend"] = scorer(self.price, self.stats, "expected_spend", thin_to=self.draws)
        return ready

    def scorer(self, quantity: str, **options: Any) -> Scorer:
        """Return a scorer of a quantity of the purchases, on as many draws as the value has."""
        return scorer(self.purchases, self.stats, quantity, thin_to=self.draws, **options)

    def worth(self, some: np.ndarray) -> Worth:
        """Return what some customers are worth."""
        ready = self._scorers
        shape = (self.draws, some.size)  # a point estimate has one draw, which stands for all
        if "spend" in ready:
            spend = ready["spend"].customers(some)
        else:
            spend = np.broadcast_to(np.asarray(self.price, float), self.n_customers)[some]
        spend = np.broadcast_to(self.margin * spend, shape)
        return Worth(
            p_alive=np.broadcast_to(
                np.where(self.leaving_next[some], 0.0, ready["p_alive"].customers(some)), shape
            ),
            active=spend * ready["active"].customers(some),
            won_back=spend * ready["won_back"].customers(some),
            kept=spend * ready["kept"].customers(some),
            spend=spend,
        )

    def less_dropout(self, share: np.ndarray) -> Scorer:
        r"""Return a scorer of the discounted events of active customers with a lower chance to leave.

        Parameters
        ----------
        share : numpy.ndarray, shape (sample,)
            :math:`\kappa`, by which the chance to leave falls; below one.
        """
        return self.scorer(
            f"discounted_{self.events}_if_less_dropout",
            t=self.horizon,
            discount_rate=self.rate,
            drawn={"keep": share},
        )

    def draw(self) -> xr.DataArray:
        """Return the value draw by draw, dimensions (sample, customer); needs 8 bytes a cell."""
        values = np.empty((self.draws, self.n_customers))
        for some in self.blocks():
            values[:, some] = self.worth(some).value
        return xr.DataArray(
            values,
            dims=("sample", "customer"),
            coords={"customer": self.stats["customer"].to_numpy()},
            name="value",
        )

    def summary(self, quantiles: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95)) -> xr.Dataset:
        """Return mean, standard deviation and quantiles of each customer's value.

        Returns
        -------
        xarray.Dataset
            Variables ``mean`` and ``sd`` over ``customer`` and ``quantile`` over (customer, probability).
        """
        n = self.n_customers
        mean, sd, quantile = np.empty(n), np.empty(n), np.empty((n, len(quantiles)))
        for some in self.blocks():
            each, place = self.alike(some)
            value = self.worth(each).value
            mean[some], sd[some] = value.mean(axis=0)[place], value.std(axis=0)[place]
            quantile[some] = np.quantile(value, quantiles, axis=0).T[place]
        return xr.Dataset(
            {
                "mean": ("customer", mean),
                "sd": ("customer", sd),
                "quantile": (("customer", "probability"), quantile),
            },
            coords={"customer": self.stats["customer"].to_numpy(), "probability": list(quantiles)},
            attrs={
                "quantity": "lifetime value",
                "t": str(self.horizon),
                "discount_rate": self.rate.per_year,
            },
        )


def lifetime_value(
    purchases: Posterior,
    spend: Posterior | float | np.ndarray | xr.DataArray | None,
    stats: xr.Dataset,
    horizon: Any = "52 weeks",
    discount_rate: DiscountRate | float | str = 0.10,
    *,
    margin: float = 1.0,
    draws: int = 1000,
) -> LifetimeValue:
    """Return the value of customers' future purchases and spend, discounted to now.

    The value of a draw is the expectation over the customer's own luck given the parameters of that draw, so
    its spread is the uncertainty about the customer, of purchases and of spend.

    Parameters
    ----------
    purchases : Posterior
        Of a model of purchases, or of renewals.
    spend : Posterior, float, array of shape (customer,), or None
        Posterior of a model of spend, or the amount that every purchase (or renewal) is worth: one for all,
        or one for each customer of `stats` in order, such as ``stats["amount"]`` of contracts. With None
        value is counted in purchases.
    stats : xarray.Dataset
        Statistics by customer.
    horizon : str, Span, number or time difference
        How far ahead, such as ``"52 weeks"``; a number is in the unit of `stats`.
    discount_rate : DiscountRate, float or str
        Per year, 0.1 or ``"10 %"``: money in a year is worth ``1 / (1 + discount_rate)`` now, continuously in
        between.
    margin : float
        Share of the spend that counts as value; 1 values revenue.
    draws : int
        At most this many draws of each posterior.

    Returns
    -------
    LifetimeValue

    Raises
    ------
    InputError
        If an option is out of its range or a posterior does not fit.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> purchases = bcx.fit(bcx.models.BG_NBD, stats, method=bcx.MLE())
    >>> value = bcx.lifetime_value(purchases, 35.0, stats, horizon="52 weeks", discount_rate=0.1)
    >>> value.summary()["mean"].max().round(-2).item()
    900.0
    """
    check_posterior(purchases)
    rate = DiscountRate.of(discount_rate)
    if not 0.0 < margin <= 1.0:
        raise InputError(f"margin={margin}", "a share above 0, at most 1", "write 0.3 for 30 %")
    if draws < 1:
        raise InputError(f"{draws} draws", "one draw or more", "ask for a positive number of draws")
    if spend is not None and not isinstance(spend, Posterior):
        spend = _price(spend, stats)
    if spend is None and margin != 1.0:
        raise InputError(
            f"margin={margin} where value is counted in events, not paid",
            "margin=1",
            "pass spend= with a worth",
        )
    if "expected_spend" in purchases.model.quantities or "p_alive" not in purchases.model.quantities:
        raise InputError(
            f"{purchases.model.name} as the model of purchases",
            "a model that knows who is active",
            "pass the posterior of purchases first",
        )
    lacks = [name for name in _needed(purchases.model.kind.events) if name not in purchases.model.quantities]
    if lacks:
        raise InputError(
            f"{purchases.model.name}, which has no formula for {', '.join(lacks)}",
            "a model whose customers can be valued",
            "fit another one, or simulate what customers will buy with bcx.predict_purchases",
        )
    if isinstance(spend, Posterior) and "expected_spend" not in spend.model.quantities:
        raise InputError(
            f"{spend.model.name} as the model of spend", "a model of spend", "fit bcx.models.GAMMA_GAMMA"
        )
    available = [p.n_draws for p in (purchases, spend) if isinstance(p, Posterior) and p.n_draws > 1]
    horizon_in_fit(horizon, stats, purchases)  # so that a wrong horizon fails here and not in scoring
    return LifetimeValue(
        purchases=purchases,
        spend=spend,
        stats=stats,
        horizon=Span.of(horizon, stats.attrs["unit"]),
        rate=rate,
        margin=margin,
        draws=min([draws, *available]),
    )


def _price(worth: Any, stats: xr.Dataset) -> float | np.ndarray:
    """Return what a purchase is worth: a number above 0, or one a customer, 0 or more."""
    try:
        price = np.asarray(worth, float)
    except (TypeError, ValueError):
        price = np.array(np.nan)
    if price.ndim == 0 and 0 < price < np.inf:
        return float(price)
    sound = np.isfinite(price) & (price >= 0)
    if price.shape == (stats.sizes["customer"],) and sound.all() and price.any():
        return price
    came = (
        f"spend {worth}" if price.ndim == 0 else f"spend of shape {price.shape}, {int(sound.sum())} possible"
    )
    raise InputError(
        came,
        "a posterior of spend, the positive worth of a purchase, one of zero or more for each of the "
        f"{stats.sizes['customer']:,} customers, or None",
        "pass one of these as spend",
    )
