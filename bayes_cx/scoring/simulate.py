"""Data of customers who never were, as the story of a model makes them."""

from collections.abc import Mapping
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from bayes_cx.clock import Clock
from bayes_cx.data import read_transactions
from bayes_cx.errors import InputError
from bayes_cx.inference.posterior import Posterior
from bayes_cx.kinds import SPEND
from bayes_cx.model import Model
from bayes_cx.models import find
from bayes_cx.seeds import checked_seed
from bayes_cx.simulated import Amounts

__all__ = ["simulate"]

# How many units before the end the first customers join, where it is not said.
_UNITS = 52


def simulate(
    model: Model | str,
    parameters: Mapping[str, float] | Posterior,
    n: int,
    *,
    until: Any,
    since: Any = None,
    joined: Any = None,
    unit: str | None = None,
    spend: Mapping[str, float] | Posterior | float | None = None,
    seed: int = 0,
) -> Any:
    """Return the purchases, or the contracts, of customers who never were.

    They are for teaching, for the size of a study, and for tests of one's own work: all that follows reads
    them like data. Customers join on days that are drawn evenly from `since` to `joined`; what they do from
    then on is simulated from the story of the model, which shares nothing with its likelihood.

    Parameters
    ----------
    model : Model or str
        Of purchases, opportunities or contracts.
    parameters : mapping of str to float, or Posterior
        The parameters by the letters of the paper, or a posterior (or `bcx.sample_prior`) of the model, of
        which one draw is taken. With a design the new customers are spread over groups and covariates as
        those of the fit are.
    n : int
        Number of customers.
    until : str, date or datetime
        Last day, to be given to `summarise` as well.
    since, joined : str, date or datetime, optional
        First and last day on which customers join; by default 52 units before `until`, and `until`.
    unit : {"hour", "day", "week", "month", "year"}, optional
        The unit of the parameters; by default that of the posterior, else the week. Opportunities and
        renewals come once a unit.
    spend : mapping, Posterior or float, optional
        What purchases are worth: the posterior of a model of spend or its parameters, by whose letters the
        model is known, or the same for each.
    seed : int
        The same seed gives the same data.

    Returns
    -------
    Transactions or pandas.DataFrame
        Of purchases and opportunities `Transactions`: ``customer`` (1 to n), ``time`` and, with `spend`,
        ``amount``; the columns of a design are groups. Of contracts a frame that `summarise_contracts` and
        `split_contracts` read: ``customer``, ``start`` and ``end`` (empty for those that run).

    Raises
    ------
    InputError
        If the parameters are not those of the model, a day is out of order, or `spend` is given for
        contracts.

    Notes
    -----
    Days have no parts: what a customer buys more than k - 1 and up to k days after the first purchase is
    dated k days after it, and several purchases of a day are one occasion to `summarise`. Where customers buy
    nearly every day, ``unit="hour"`` keeps more apart.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> truth = {"r": 0.5, "alpha": 6.0, "a": 0.8, "b": 2.5}
    >>> made = bcx.simulate(bcx.models.BG_NBD, truth, 1000, until="2025-12-31", seed=1)
    >>> bcx.summarise(made, until="2025-12-31", unit="week").sizes["customer"]
    1000
    """
    model = find(model) if isinstance(model, str) else model
    if model.kind is SPEND:
        raise InputError(f"{model.name} alone", "a model of purchases or contracts", "pass it as spend=")
    if not (isinstance(n, int | np.integer) and not isinstance(n, bool) and n > 0):
        raise InputError(f"n = {n!r}", "a whole number of customers, one or more", "pass for example 1000")
    own = parameters.provenance.data.unit if isinstance(parameters, Posterior) else "week"
    clock, rng = Clock(unit or own), np.random.default_rng(checked_seed(seed))
    first, last, end = _days(clock, since, joined, until)
    start = rng.integers(first, last, n, endpoint=True)
    drawn, groups = _drawn(model, parameters, clock.unit, n, rng)
    if model.kind.leaving == "observed":
        if spend is not None:
            raise InputError("spend for contracts", "no spend", "leave it out, and value renewals by worth")
        frame = _contracts(model, drawn, clock, rng, start, end)
        return frame.assign(**groups)
    customer, step = _purchases(model, drawn, clock, rng, start, end)
    frame = pd.DataFrame({"customer": customer + 1, "time": clock.times_of(step)})
    if spend is not None:
        frame["amount"] = _amounts(spend, customer, step, rng)
    frame = frame.assign(**{name: values[customer] for name, values in groups.items()})
    frame = frame.sort_values(["time", "customer"], ignore_index=True)
    amount = None if spend is None else "amount"
    made = read_transactions(frame, customer="customer", time="time", amount=amount, by=list(groups))
    return replace(made, source=f"simulated by {model.name}, seed {seed}")


def _days(clock: Clock, since: Any, joined: Any, until: Any) -> tuple[int, int, int]:
    """Return the first and last step on which customers join, and the last step of all."""
    end = clock.step_of(until)
    last = end if joined is None else clock.step_of(joined)
    first = clock.on_calendar(end, -_UNITS) if since is None else clock.step_of(since)
    if not first <= last <= end:
        raise InputError(
            f"customers who join from {clock.iso(first)} to {clock.iso(last)}, until {clock.iso(end)}",
            "since, joined and until in this order",
            "correct the days",
        )
    return first, last, end


def _drawn(
    model: Model, given: Mapping[str, float] | Posterior, unit: str, n: int, rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the parameters of every customer, shape () or (customer,), and the columns of the design.

    The unit is that of time, empty where time does not matter.
    """
    if not isinstance(given, Posterior):
        return _stated(model, given), {}
    if given.model.key != model.key:
        raise InputError(
            f"a posterior of {given.model.name} for {model.name}", "one of the same model", "pass its model"
        )
    fitted = given.provenance.data.unit
    if unit not in ("", fitted):
        raise InputError(
            f"unit {unit!r} for a posterior in {fitted}s", f"{fitted!r}, as in the fit", "leave unit out"
        )
    if given.layout.design.has_clock:
        with_it, without = (
            ("calendar time", "calendar") if given.layout.design.calendar else ("contacts", "contacts")
        )
        raise InputError(
            f"a posterior with {with_it} to simulate other customers from",
            "one without: other customers live at other times, and have contacts of their own",
            f"pass the parameters by letter, or a fit without {without}",
        )
    draw = int(rng.integers(given.n_draws))
    if given.layout.design.is_constant:
        return {name: values[draw] for name, values in given.parameters().items()}, {}
    rows = given.observed()
    weight = rows["weight"].to_numpy()
    like = rows.isel(row=rng.choice(weight.size, n, p=weight / weight.sum()))
    parameters, pattern = given.parameters_of(like)
    columns = {name: like[name].to_numpy() for name in given.layout.design.columns}
    return {name: values[draw, pattern] for name, values in parameters.items()}, columns


def _stated(model: Model, given: Mapping[str, float]) -> dict[str, np.ndarray]:
    """Return parameters that were written down, checked."""
    names = ", ".join(model.params)
    if not isinstance(given, Mapping) or set(given) != set(model.params):
        came = ", ".join(map(str, given)) if isinstance(given, Mapping) else repr(given)
        raise InputError(f"parameters {came or 'none'} of {model.name}", names, "state each by its letter")
    for name, value in given.items():
        ok = isinstance(value, Real) and np.isfinite(float(value))
        positive = model.params[name].link != "log" or (ok and value > 0)
        whole = name not in model.choices or value in model.choices[name]
        if not (ok and positive and whole):
            known = model.choices.get(name)
            expected = f"one of {', '.join(map(str, known))}" if known else "a finite number above zero"
            raise InputError(f"{name} = {value!r} of {model.name}", expected, "correct the parameter")
    return {name: np.asarray(value, float) for name, value in given.items()}


def _purchases(
    model: Model,
    drawn: Mapping[str, np.ndarray],
    clock: Clock,
    rng: np.random.Generator,
    start: np.ndarray,
    end: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the customer and the step of every purchase, the first of each customer included."""
    kind, exposure = model.kind, clock.length(start, end)
    if kind.discrete:
        exposure = np.floor(exposure)
    made = model.simulate(rng, **{kind.exposure: exposure}, **drawn)
    if kind.discrete:
        # The i-th opportunity is the span from i - 1 to i units after the first purchase: any day of it.
        before, last = (np.floor((made.time - back) * clock.steps_per_unit) for back in (1, 0))
        after = rng.integers(before.astype(np.int64) + 1, last.astype(np.int64), endpoint=True)
    else:
        after = np.ceil(made.time * clock.steps_per_unit).astype(np.int64)
    # A time of the last day may be rounded up beyond it.
    later = np.minimum(start[made.customer] + after, end)
    everybody = np.arange(start.size)
    return np.concatenate([everybody, made.customer]), np.concatenate([start, later])


def _amounts(spend: Any, customer: np.ndarray, step: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return what each purchase is worth: drawn one after the other, each given those before it."""
    if isinstance(spend, Real) and not isinstance(spend, bool):
        if not 0 < float(spend) < np.inf:
            raise InputError(f"spend = {spend}", "a finite amount above zero", "correct it")
        return np.full(customer.size, float(spend))
    model = _spend_model(spend)
    drawn, groups = _drawn(model, spend, "", int(customer.max()) + 1, rng)
    if groups:
        raise InputError(
            "a posterior of spend with a design", "one without", "fit the spend without a design"
        )
    # Repeat purchases are drawn first, and then the first one of each customer given these.
    order = np.lexsort((step, customer))
    sizes = np.bincount(customer)
    first = np.cumsum(sizes) - sizes
    repeats = sizes - 1
    made = model.simulate(rng, repeats, **drawn)
    if not isinstance(made, Amounts):
        return _one_by_one(model, drawn, order, sizes, rng)
    amount = np.empty(customer.size)
    again = np.ones(customer.size, bool)
    again[first] = False
    # Both are in the order of customers.
    amount[order[again]] = made.amount
    known = {name: np.nan_to_num(each) for name, each in model.observe(made, repeats).items()}
    amount[order[first]] = model.simulate_future(rng, np.ones(sizes.size), **known, **drawn)
    return amount


def _one_by_one(
    model: Model,
    drawn: Mapping[str, np.ndarray],
    order: np.ndarray,
    sizes: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return what each purchase is worth, drawn one after the other, each given the mean of those before."""
    amount, total = np.empty(order.size), np.zeros(sizes.size)
    first = np.cumsum(sizes) - sizes
    for i in range(int(sizes.max())):
        who = np.flatnonzero(sizes > i)
        known = {"x": np.full(who.size, float(i)), "spend": total[who] / max(i, 1)}
        came = model.simulate_future(rng, np.ones(who.size), **known, **drawn)
        amount[order[first[who] + i]] = came
        total[who] += came
    return amount


def _spend_model(given: Mapping[str, float] | Posterior) -> Model:
    """Return the model of spend that a posterior is of, or whose letters were given."""
    if isinstance(given, Posterior):
        if given.model.kind is SPEND:
            return given.model
        raise InputError(
            f"a posterior of {given.model.name} as spend", "one of a model of spend", "pass such a one"
        )
    from bayes_cx.models import MODELS  # all of them, which only who states parameters has to load

    models = [model for model in MODELS.values() if model.kind is SPEND]
    known = given if isinstance(given, Mapping) else ()
    found = next((model for model in models if {*model.params} == {*known}), None)
    if found is None:
        letters = "; ".join(f"{', '.join(model.params)} of {model.name}" for model in models)
        came = ", ".join(map(str, known)) or repr(given)
        raise InputError(f"parameters {came} of spend", letters, "state each by its letter")
    return found


def _contracts(
    model: Model,
    drawn: Mapping[str, np.ndarray],
    clock: Clock,
    rng: np.random.Generator,
    start: np.ndarray,
    end: int,
) -> pd.DataFrame:
    """Return contracts with their first day and, where they have ended, the day of the renewal not made."""
    # One renewal more than there can be; whether its day has come is read from the calendar.
    possible = np.ceil(clock.length(start, end)) + 1
    left = model.simulate(rng, **{model.kind.exposure: possible}, **drawn).left
    over = np.full(start.size, np.datetime64("NaT", "s"))
    for i in np.flatnonzero(np.isfinite(left)):
        day = clock.on_calendar(int(start[i]), int(left[i]))
        if day <= end:
            over[i] = clock.times_of(np.asarray(day))
    return pd.DataFrame({"customer": np.arange(start.size) + 1, "start": clock.times_of(start), "end": over})
