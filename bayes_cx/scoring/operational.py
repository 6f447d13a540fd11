"""Scores and simulations where time is counted by a clock that all customers share, in each draw another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import xarray as xr

from bayes_cx.data import unique_rows
from bayes_cx.errors import InputError
from bayes_cx.inference import contacted, dated
from bayes_cx.inference.posterior import Posterior, thinned
from bayes_cx.inference.process import EFFECT, continued, remembered
from bayes_cx.model import Formula, Model, arguments
from bayes_cx.models.combine import at
from bayes_cx.scoring.compiled import evaluate
from bayes_cx.scoring.own_time import OwnTime, own_time
from bayes_cx.spans import UNITS
from bayes_cx.weeks import DAYS, cut, last_cut, number_of, overlaps, points, week_of

__all__ = [
    "CalendarClock",
    "calendar_clock",
    "check_quantity",
    "in_operational_time",
    "in_operational_time_of",
]

# Of the polynomial for what is discounted: how many nodes, and how much the logarithm bends.
_NODES, _BEND = 12, 10.0
# Times of an endless future, or of the past in reverse.
_WITHOUT = ("dert", "dert_new", "silence_limit", "silence_limit_new")


@dataclass(frozen=True)
class CalendarClock:
    """Operational time: the integral over calendar time of the factor that all customers share.

    Attributes
    ----------
    factor : numpy.ndarray, shape (sample, week)
        By which the rate is multiplied; the last week stands for all that come after it.
    first : int
        Number of the first week.
    until : float
        The point in time at which the observation of the customers ends.
    days : float
        In a unit of time of the fit.
    own : OwnTime, optional
        What contacts add to the time of single customers.
    """

    factor: np.ndarray
    first: int
    until: float
    days: float
    own: OwnTime | None = None

    def at(self, point: np.ndarray) -> np.ndarray:
        """Return operational time at points in time, shape (sample, point)."""
        last = self.first + self.factor.shape[1] - 1
        different, inverse = np.unique(point, return_inverse=True)
        return (self.factor @ overlaps(different, self.first, last).T / self.days)[:, inverse]

    def ahead(self, t: np.ndarray, path: np.ndarray | None = None) -> np.ndarray:
        """Return operational time from the end of observation on over spans, shape (sample, *spans).

        Where customers have paths of contacts it is of shape (sample, row), for one span or one for each row.
        """
        spans = np.atleast_1d(np.asarray(t, float))
        now = self.at(np.array([self.until]))
        end = self.until + spans.ravel() * self.days
        found = self.at(end) - now
        if self.own is not None and path is not None:
            return found + self.own.ahead(path, self.until, end)
        if self.own is not None and self.own.followed is not None:
            found = found + self.own.between(np.full(end.size, self.own.followed), self.until, end)
        return found.reshape(len(found), *np.shape(t))

    def following(self, path: int) -> "CalendarClock":
        """Return the clock whose future is that of one path, for all customers."""
        assert self.own is not None
        return replace(self, own=replace(self.own, followed=path))

    def edges(self, t: float) -> np.ndarray:
        """Return the times from the end of observation on to t between which the factor is constant."""
        ends = cut(
            np.arange(last_cut(self.until, inclusive=True) + 1, last_cut(self.until + t * self.days) + 1)
        )
        if self.own is not None:
            changes = self.own.edges(self.until)
            ends = np.union1d(ends, changes[changes < self.until + t * self.days])
        return np.concatenate([[0.0], (ends - self.until) / self.days, [t]])

    def history(
        self, t_x: np.ndarray | None, T: np.ndarray, path: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Return recency and age in operational time, each of shape (sample, row)."""
        first = self.until - T * self.days
        begin = self.at(first)
        found = {"T": self.at(np.array([self.until])) - begin}
        if t_x is not None:
            found["t_x"] = self.at(first + t_x * self.days) - begin
        if self.own is not None and path is not None:
            ends = {"T": self.until} if t_x is None else {"T": self.until, "t_x": first + t_x * self.days}
            found = {name: found[name] + self.own.between(path, first, end) for name, end in ends.items()}
        return found

    def draws(self, some: Sequence[int] | np.ndarray) -> "CalendarClock":
        """Return the clock of some draws."""
        own = None if self.own is None else self.own.draws(np.asarray(some))
        return replace(self, factor=self.factor[np.asarray(some)], own=own)

    def _known(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends of the weeks and operational time at them, of the first draw."""
        ends = cut(self.first + np.arange(self.factor.shape[1] + 1))
        return ends, np.concatenate([[0.0], np.cumsum(self.factor[0] * DAYS / self.days)])

    def passed(self, time: np.ndarray, since: np.ndarray) -> np.ndarray:
        """Return operational time from points in time on for so long, the inverse of `calendar`.

        The clock is that of a single draw.

        Parameters
        ----------
        time, since : numpy.ndarray, shape (event,)
        """
        ends, clock = self._known()
        return np.interp(since + time * self.days, ends, clock) - np.interp(since, ends, clock)

    def calendar(self, passed: np.ndarray, since: np.ndarray, path: np.ndarray | None = None) -> np.ndarray:
        """Return calendar time from points in time on until so much operational time has passed.

        The clock is that of a single draw.

        Parameters
        ----------
        passed, since : numpy.ndarray, shape (event,)
        path : numpy.ndarray of int, shape (event,), optional
        """
        ends, clock = self._known()
        if self.own is not None and path is not None:
            return self._calendar_of(self.own, passed, since, path)
        start = self.at(since)[0]
        return (np.interp(start + passed, clock, ends) - since) / self.days

    def _calendar_of(
        self, own: OwnTime, passed: np.ndarray, since: np.ndarray, path: np.ndarray
    ) -> np.ndarray:
        """Return the same in the time of each path."""
        ends, clock = self._known()

        def at(point: np.ndarray) -> np.ndarray:
            return np.interp(point, ends, clock) + own.since_start(path, point)

        target = at(since) + passed
        # Weeks and contacts begin and end with days, within which the rate is constant.
        low, high = np.floor(since), np.full(since.shape, ends[-1])
        while (high - low).max(initial=0.0) > 1.0:
            middle = np.floor((low + high) / 2)
            later = at(middle) < target
            low, high = np.where(later, middle, low), np.where(later, high, middle)
        before, after = at(low), at(high)
        return (low + (target - before) / (after - before) * (high - low) - since) / self.days


def calendar_clock(
    posterior: Posterior, stats: xr.Dataset, ahead: float = 0.0, thin_to: int | None = None, future: int = 0
) -> CalendarClock | None:
    """Return the clock of a fit with calendar time or contacts for some customers; None for any other fit.

    Parameters
    ----------
    posterior : Posterior
    stats : xarray.Dataset
        Of which the end of observation is read.
    ahead : float
        How far into the future it has to go, in the unit of the fit.
    thin_to : int, optional
        At most so many draws.
    future : int
        Which of the futures of each draw; scores and simulations are of the first, 0.

    Raises
    ------
    InputError
        If the end of observation is not known, customers came before the fit's first week, or columns by date
        are not stated for the future.
    """
    design = posterior.layout.design
    if not design.has_clock:
        return None
    until = stats.attrs.get("until")
    if not until:
        raise InputError(
            "statistics without the end of observation, for a fit with calendar time or contacts",
            "an attribute until, such as '1997-09-30'",
            "make the statistics with bcx.summarise",
        )
    days = UNITS[posterior.provenance.data.unit] / UNITS["day"]
    end, own = points(until, stats.attrs["unit"]), UNITS[stats.attrs["unit"]] / UNITS["day"]
    earliest = end - float(np.max(stats["T"].to_numpy(), initial=0.0)) * own
    furthest = end + ahead * days
    if design.calendar:
        factor, first = _shared(posterior, earliest, end, furthest, future)
    else:
        first = int(week_of(np.floor(earliest)))
        factor = np.ones((posterior.n_draws, int(week_of(np.ceil(furthest))) - first + 1))
    some = thinned(posterior.n_draws, thin_to)
    clock = CalendarClock(factor[some], first, end, days)
    if not design.contacts:
        return clock
    effects = posterior.draws["posterior"][contacted.EFFECTS].transpose("chain", "draw", contacted.CONTACT)
    effects = effects.to_numpy().reshape(posterior.n_draws, -1)[some]
    span = (earliest, end, furthest)
    return replace(clock, own=own_time(posterior.layout, stats, effects, clock.factor, first, span, days))


def _shared(
    posterior: Posterior, earliest: float, end: float, furthest: float, future: int
) -> tuple[np.ndarray, int]:
    """Return the factor of each week that all customers share, shape (sample, week), and the first week.

    Parameters
    ----------
    posterior : Posterior
    earliest, end, furthest : float
        Points in time: the first of all, the end of observation, and how far ahead.
    future : int
    """
    design = posterior.layout.design
    group = posterior.draws["posterior"].dataset.transpose("chain", "draw", ...)
    names = remembered(season=design.season, weeks=group.sizes["week"])
    draws = {name: group[name].to_numpy().reshape(-1, *group[name].shape[2:]) for name in names}
    first = int(number_of(group["week"].to_numpy()[0]))
    if week_of(np.floor(earliest)) < first:
        raise InputError(
            "customers who came before the first week of a fit with calendar time",
            f"customers who came in the week of {group['week'].to_numpy()[0]:.10} or later",
            "fit again with these customers",
        )
    last = max(int(week_of(np.ceil(furthest))), first)
    g = continued(draws, first, last, posterior.provenance.seed, future)
    begin = first + draws[EFFECT].shape[1]
    if design.by_date is not None and last >= begin:
        day = int(np.ceil(np.round(furthest, 6)))
        effects = group[dated.EFFECTS].to_numpy().reshape(len(g), -1)
        Z = dated.future(design.by_date, posterior.layout.by_date, begin, last, day)
        g[:, begin - first :] += effects @ Z.T
    return np.exp(g), first


def check_quantity(posterior: Posterior, quantity: str) -> None:
    """Refuse a quantity that cannot be had with calendar time or contacts."""
    design = posterior.layout.design
    if design.has_clock and quantity in _WITHOUT:
        with_it, without = ("calendar time", "calendar") if design.calendar else ("contacts", "contacts")
        raise InputError(
            f"{quantity} of a fit with {with_it}",
            "a quantity with a horizon, as the future is known or drawn week by week",
            f"ask for {_instead(posterior.model, quantity)}, or fit without {without}",
        )


def _instead(model: Model, quantity: str) -> str:
    return f"discounted_{model.kind.events} with t='260 weeks'" if quantity.startswith("dert") else "p_alive"


def in_operational_time(
    model: Model,
    name: str,
    clock: CalendarClock,
    rows: Mapping[str, np.ndarray],
    samples: Mapping[str, np.ndarray],
) -> np.ndarray:
    r"""Return the values of a quantity, shape (sample, row), as `evaluate` does without calendar time.

    What depends on the history only through whether the customer is active is computed for that alone, and
    what an active customer does for each different (x, T). Discounting stays in calendar time. By parts, with
    M the mean number of purchases, those within t are worth now

    .. math:: e^{-\delta t} M(\tau(t)) + \delta \int_0^t e^{-\delta s} M(\tau(s))\, ds .

    Parameters
    ----------
    model : Model
    name : str
        Of the quantity.
    clock : CalendarClock
        Of the same draws as the samples.
    rows, samples : mapping of str to numpy.ndarray
        As of `evaluate`, in calendar time; with a design, ``pattern`` among the rows.
    """
    E = model.kind.events
    known = model.quantities
    if name in (f"expected_{E}", f"discounted_{E}"):
        alive = in_operational_time(model, "p_alive", clock, rows, samples)
        return alive * in_operational_time(model, f"{name}_if_active", clock, rows, samples)
    if name == f"expected_{E}_between":
        alive = in_operational_time(model, "p_alive", clock, rows, samples)
        ends = [_renamed(rows, samples, end) for end in ("t2", "t1")]
        later, sooner = (in_operational_time(model, f"expected_{E}_if_active", clock, *each) for each in ends)
        return alive * (later - sooner)
    if "discount" in arguments(known[name].formula):
        return _discounted(known[name].formula, clock, rows, samples)
    return _plain(known[name].formula, clock, rows, samples)


def in_operational_time_of(
    formula: Formula,
    clock: CalendarClock,
    rows: Mapping[str, np.ndarray],
    samples: Mapping[str, np.ndarray],
) -> np.ndarray:
    """Return the values of a formula of histories and horizons, shape (sample, row), with calendar time."""
    return _plain(formula, clock, rows, samples)


def _renamed(
    rows: Mapping[str, np.ndarray], samples: Mapping[str, np.ndarray], end: str
) -> list[dict[str, np.ndarray]]:
    return [{"t" if n == end else n: v for n, v in part.items()} for part in (rows, samples)]


def _plain(
    formula: Formula,
    clock: CalendarClock,
    rows: Mapping[str, np.ndarray],
    samples: Mapping[str, np.ndarray],
    ahead: np.ndarray | None = None,
) -> np.ndarray:
    """Return the values of a formula; `ahead`, shape (sample,), is a horizon in operational time."""
    names = arguments(formula)
    read = [name for name in names if name in rows and not (name == "t" and ahead is not None)]
    # With a design the parameters are those of a pattern of customers.
    own = [name for name in names if name in samples and np.ndim(samples[name]) == 2]
    read += ["pattern"] if own else []
    read += ["path"] if clock.own is not None and "path" in rows else []
    if not read:
        given = {name: samples[name] for name in names if name in samples}
        given |= {name: clock.ahead(samples[name]) for name in ("t", "t1", "t2") if name in given}
        return evaluate(formula, {}, given | ({} if ahead is None else {"t": ahead}))
    table = xr.Dataset({name: ("customer", np.asarray(rows[name], float)) for name in read})
    different, inverse = unique_rows(table, read)
    given = {name: samples[name] for name in names if name in samples}
    if own:
        pattern = different.pop("pattern").astype(int)
        given |= {name: samples[name][:, pattern] for name in own}
    path = different.pop("path").astype(int) if "path" in different else None
    for name in ("t", "t1", "t2"):
        if name in different:
            given[name] = clock.ahead(different.pop(name), path)
        elif name in given:
            given[name] = clock.ahead(given[name], path)
    if ahead is not None:
        given["t"] = ahead
    if "T" in different:
        given |= clock.history(different.pop("t_x", None), different.pop("T"), path)
    size = inverse.max() + 1
    if any(np.ndim(value) == 2 for value in given.values()):
        different["pattern"] = np.arange(size)
    found = evaluate(formula, different, given)
    return found.T[inverse].T


@cache
def _undiscounted(formula: Formula) -> Formula:
    """Return a formula with the discount 0, the same object for the same formula."""
    return at(formula, discount=0.0)


def _discounted(
    formula: Formula,
    clock: CalendarClock,
    rows: Mapping[str, np.ndarray],
    samples: Mapping[str, np.ndarray],
) -> np.ndarray:
    """Return purchases discounted in calendar time, from those that are not discounted."""
    own = [name for name in ("t", "discount") if name in rows]
    if own:  # one horizon for each customer: those with the same together
        table = xr.Dataset({name: ("customer", np.asarray(rows[name], float)) for name in own})
        different, inverse = unique_rows(table, own)
        others = {name: column for name, column in rows.items() if name not in own}

        def of_horizon(i: int, some: Mapping[str, np.ndarray]) -> np.ndarray:
            same = {name: np.asarray(values[i]) for name, values in different.items()}
            return _discounted(formula, clock, some, {**samples, **same})

        return _group_by_group(of_horizon, others, inverse)
    if clock.own is not None and clock.own.followed is None and "path" in rows:
        # One future for each customer: those with the same together.
        path = np.asarray(rows["path"], int)
        _, like, inverse = np.unique(clock.own.future[path], return_index=True, return_inverse=True)

        def of_future(i: int, some: Mapping[str, np.ndarray]) -> np.ndarray:
            return _discounted(formula, clock.following(int(path[like[i]])), some, samples)

        return _group_by_group(of_future, rows, inverse)
    mean = _undiscounted(formula)
    t, force = float(samples["t"]), float(samples["discount"])
    others = {name: value for name, value in samples.items() if name not in ("t", "discount")}

    def purchases(ahead: np.ndarray) -> np.ndarray:
        return _plain(mean, clock, rows, others, ahead=ahead)

    whole = clock.ahead(np.asarray(t))
    total = np.exp(-force * t) * purchases(whole)
    if not (force and t):
        return total
    for ahead, weight in zip(*_rule(clock, t, force, whole), strict=True):
        total = total + weight[:, None] * purchases(ahead)
    return total


def _group_by_group(
    values: Callable[[int, Mapping[str, np.ndarray]], np.ndarray],
    rows: Mapping[str, np.ndarray],
    group: np.ndarray,
) -> np.ndarray:
    """Return values that are computed for the rows of each group, shape (sample, row)."""
    parts = []
    for i in range(group.max() + 1):
        some = {name: column[group == i] for name, column in rows.items()}
        found = values(i, some)
        parts.append(np.broadcast_to(found, (len(found), int((group == i).sum()))))
    return np.concatenate(parts, axis=1)[:, np.argsort(np.argsort(group, kind="stable"))]


def _rule(
    clock: CalendarClock, t: float, force: float, whole: np.ndarray
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    r"""Return operational times and weights that give :math:`\delta \int_0^t e^{-\delta s} M(\tau(s)) ds`.

    M is smooth in operational time, nearly the logarithm of it, where :math:`\tau(s)` has a bend at the end
    of every week. So M is interpolated by a polynomial of a logarithm of operational time, with Chebyshev's
    nodes, and its terms are integrated week by week.

    Returns
    -------
    list of numpy.ndarray, shape (sample,), for each node
    list of numpy.ndarray, shape (sample,), for each node
    """
    edges = clock.edges(t)
    node, share = np.polynomial.legendre.leggauss(3)
    width = np.diff(edges)[:, None]
    s = (edges[:-1, None] + width * (node + 1) / 2).ravel()
    weight = force * np.exp(-force * s) * (width * share / 2).ravel()
    stretch = np.log1p(_BEND)
    z = 2 * np.log1p(_BEND * clock.ahead(s) / whole[:, None]) / stretch - 1
    # The terms of Chebyshev's polynomial, each from the two before it.
    before, last = z, np.ones_like(z)
    moments = []
    for _ in range(_NODES):
        moments.append(last @ weight)
        before, last = last, 2 * z * last - before
    number = np.arange(_NODES)
    angle = np.pi * (number + 0.5) / _NODES
    terms = np.cos(number * angle[:, None]) * np.where(number == 0, 1, 2) / _NODES
    at = np.expm1((np.cos(angle) + 1) / 2 * stretch) / _BEND
    return [whole * each for each in at], [*(terms @ np.array(moments))]
