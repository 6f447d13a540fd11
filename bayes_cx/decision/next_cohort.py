"""What the next cohort, of customers who have not come yet, is expected to do beside the last ones."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from bayes_cx.argument_types import check_types
from bayes_cx.data.cohorts import COHORT
from bayes_cx.decision.value import LifetimeValue
from bayes_cx.errors import InputError
from bayes_cx.inference import Design, Posterior
from bayes_cx.inference.drift import following, positions
from bayes_cx.notebook import html
from bayes_cx.scoring import predict_newcomers
from bayes_cx.seeds import checked_seed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NextCohort", "next_cohort"]

# A cohort is simulated with so many customers at most; more of them share their luck no less.
_MOST = 5_000


@dataclass(frozen=True)
class NextCohort:
    """What new customers of the last cohorts, and of the next, do in the time after their first purchase.

    All of it is simulated: also of the cohorts that were observed it is what the fit expects of customers
    like theirs, so that they compare. A future has all that is not known: the parameters, how the next cohort
    differs from the last, and the luck of as many customers as the cohort has; the next one is taken to be as
    large as the largest of the others, and alike in whatever else the design reads.

    Attributes
    ----------
    data : xarray.Dataset
        Over (sample, cohort), the next cohort last: ``events``, purchases (or renewals) a customer after the
        first; ``again``, the share of customers who make one or more; ``value`` a customer, discounted to the
        first purchase. Over ``cohort``: ``customers``, how many were simulated. Attributes: ``by``, the
        column; ``events`` and ``horizon``.
    """

    data: xr.Dataset

    @property
    def by(self) -> str:
        """The column of cohorts."""
        return str(self.data.attrs["by"])

    @property
    def name(self) -> str:
        """The next cohort."""
        return str(self.data["cohort"].to_numpy()[-1])

    @property
    def names(self) -> tuple[str, ...]:
        """The cohorts in order, the next one last."""
        return tuple(map(str, self.data["cohort"].to_numpy()))

    def summary(self, quantity: str = "value", level: float = 0.9) -> "pd.DataFrame":
        """Return mean and interval of ``events``, ``again`` or ``value``, one row a cohort."""
        draws = self.data[quantity]
        low, high = draws.quantile([(1 - level) / 2, (1 + level) / 2], "sample").to_numpy()
        columns = {"customers": self.data["customers"].to_numpy(), "mean": draws.mean("sample").to_numpy()}
        columns |= {"low": low, "high": high}
        found = xr.Dataset({name: ("cohort", column) for name, column in columns.items()})
        return found.assign_coords(cohort=self.data["cohort"]).to_dataframe()

    def p_better(self, quantity: str = "value") -> float:
        """Return the probability that the next cohort has more than the last; ties count half."""
        last, new = (self.data[quantity].isel(cohort=i).to_numpy() for i in (-2, -1))
        return float((new > last).mean() + (new == last).mean() / 2)

    def __repr__(self) -> str:
        mean, low, high = self.summary("events").iloc[-1][["mean", "low", "high"]]
        return (
            f"<NextCohort {self.name}: {mean:.2f} {self.data.attrs['events']} each ({low:.2f} to {high:.2f}) "
            f"in {self.data.attrs['horizon']}>"
        )

    def _repr_html_(self) -> str:
        return html("next_cohort", self)


def next_cohort(
    value: LifetimeValue, by: str | None = None, *, recent: int = 3, draws: int = 400, seed: int = 0
) -> NextCohort:
    """Return what customers of the next cohort are expected to do, beside those of the last ones.

    With ``Design(drift="cohort")`` the next cohort is a step on from the last one, and its interval has what
    is not known of that step; pooled, it is one more draw from the distribution of cohorts.

    Parameters
    ----------
    value : LifetimeValue
        Its purchases have a design with cohorts; its horizon, rate and margin are used.
    by : str, optional
        The column of cohorts; by default the one that drifts, or ``"cohort"``.
    recent : int
        How many of the last cohorts stand beside it.
    draws : int
        Number of futures.
    seed : int

    Returns
    -------
    NextCohort

    Raises
    ------
    InputError
        If the design has no such column, its groups have no order, or rates depend on the date.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.cohorts(bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30"))
    >>> design, method = bcx.Design(drift={"purchase_rate": "cohort"}), bcx.Laplace(draws=500)
    >>> purchases = bcx.fit("bg_nbd", stats, design=design, method=method, seed=1, progress=False)
    >>> found = bcx.next_cohort(bcx.lifetime_value(purchases, 35.0, stats), draws=100)
    >>> found.names
    ('1997-01', '1997-02', '1997-03', '1997-04')
    """
    check_types(next_cohort, locals())
    design = value.purchases.layout.design
    by = _cohort_column(design) if by is None else by
    if by is None or by not in design.group_columns:
        there = ", ".join(design.group_columns) or "none"
        raise InputError(
            f"the next cohort by {by}" if by else "the next cohort of a fit without cohorts",
            f"a column over which the fit drifts or is pooled: {there}",
            "fit for example with bcx.Design(drift='cohort'), on statistics from bcx.cohorts",
        )
    if recent < 1:
        raise InputError(f"{recent} recent cohorts", "one or more", "ask for a positive number")
    member = value.stats[by].to_numpy().astype(str)
    names, size = np.unique(member, return_counts=True)
    order = np.argsort(positions([*names], by))
    names, size = names[order], size[order]
    coming = following([*names], by)
    last = [*range(max(0, names.size - recent), names.size)]
    largest = last[int(np.argmax(size[last]))]
    # Of each cohort the customers who are copied, and its name.
    copied = [(names[i], names[i]) for i in last] + [(names[largest], coming)]
    parts: list[dict[str, np.ndarray]] = []
    customers = []
    for i, (model, name) in enumerate(copied):
        rows = np.flatnonzero(member == model)
        rows = rows[np.unique(np.linspace(0, rows.size - 1, min(rows.size, _MOST)).astype(int))]
        customers.append(rows.size)
        own = int(np.random.SeedSequence([checked_seed(seed), i]).generate_state(1)[0])
        parts.append(_simulated(value, rows, by, str(name), draws, own))
    data = {
        quantity: (("sample", "cohort"), np.column_stack([part[quantity] for part in parts]))
        for quantity in parts[0]
    }
    return NextCohort(
        xr.Dataset(
            data | {"customers": ("cohort", customers)},
            coords={"cohort": [str(name) for _, name in copied]},
            attrs={"by": by, "events": value.events, "horizon": str(value.horizon)},
        )
    )


def _simulated(
    value: LifetimeValue, rows: np.ndarray, by: str, name: str, draws: int, seed: int
) -> dict[str, np.ndarray]:
    """Return what new customers like those of some rows do on average, draw by draw, as a cohort `name`."""
    stats = value.stats.isel(customer=rows)
    stats = stats.assign({by: ("customer", np.full(rows.size, name, object))})
    price: Any = value.price
    if not isinstance(price, Posterior | float):
        price = price[rows]
    found = {quantity: np.empty(draws) for quantity in ("events", "again", "value")}
    futures = predict_newcomers(
        value.purchases, price, stats, value.horizon, discount_rate=value.rate, draws=draws, seed=seed
    )
    for i, (count, paid) in enumerate(futures):
        found["events"][i], found["again"][i] = count.mean(), (count > 0).mean()
        found["value"][i] = value.margin * paid.mean()
    return found


def _cohort_column(design: Design) -> str | None:
    """Return the column of cohorts of a design: ordered groups, or the column ``cohort``; None without."""
    if design.ordered:
        return design.ordered[0]
    return COHORT if COHORT in design.group_columns else None
