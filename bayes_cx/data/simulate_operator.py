"""A telecom operator from a stated story: events in eight channels, contracts, links, and what is true."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.data.events import Events
from bayes_cx.data.operator_links import accounts_of, told_apart
from bayes_cx.data.operator_lives import (
    Contracts,
    Happened,
    People,
    contracts_of,
    disengaged,
    hazards,
    lived,
    people,
    until_left,
)
from bayes_cx.data.operator_story import (
    APP,
    DAYS,
    DISENGAGED,
    LAG,
    NULLS,
    SEGMENTS,
    SIGNALS,
    START,
    TARIFFS,
    WEB,
)
from bayes_cx.data.operator_visits import p_order
from bayes_cx.data.read_events import read_events
from bayes_cx.errors import InputError
from bayes_cx.seeds import checked_seed

__all__ = ["Operator", "OperatorTruth", "simulate_operator"]

_LEAVES = {"call centre": 0.4, "mail": 0.25, "web": 0.2, "shop": 0.15}
_REASONS = ("price", "service", "moving", "other")


@dataclass(frozen=True)
class OperatorTruth:
    """What is true of a simulated operator, and what its data do not say.

    Attributes
    ----------
    left : pandas.Series
        By customer when the contract was terminated; NaT for those who stayed.
    readiness : pandas.Series
        By customer what multiplies the chance to leave and that of a complaint.
    hazard : xarray.DataArray, shape (customer, day)
        Chance to leave on a day, given what had happened until the day before; NaN on days on which the
        customer was not there.
    signals : pandas.DataFrame
        By name what comes before leaving: ``events`` (in order, each within 14 days of the one before),
        ``factor`` (of the chance to leave on a day), ``days`` (for which it holds), and ``held`` (number of
        days of all customers on which it did). *loss of interest* is no event, but the lack of visits in the
        app.
    nulls : tuple of str
        Events that have nothing to do with leaving.
    p_order : dict of str to dict of str to float
        By channel (``web``, ``app``) the chance that a visit ends with an order, from its ``start`` and after
        each event.
    identities : pandas.Series
        By account whose it is.
    visitors : pandas.Series
        By session who was there, of visits on the web.
    """

    left: pd.Series = field(repr=False)
    readiness: pd.Series = field(repr=False)
    hazard: xr.DataArray = field(repr=False)
    signals: pd.DataFrame
    nulls: tuple[str, ...]
    p_order: dict[str, dict[str, float]]
    identities: pd.Series = field(repr=False)
    visitors: pd.Series = field(repr=False)


@dataclass(frozen=True)
class Operator:
    """A simulated telecom operator.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row an event, in order of time: ``customer`` (missing in visits of somebody who has not logged in
        yet), ``account`` (the customer, else the browser by its cookie, else missing), ``time``, ``event``,
        ``channel`` (missing for payments), ``value`` (amounts, and answers of surveys), ``reason``,
        ``initiator``, ``session`` (every contact has one), ``known_at``, ``device`` and ``segment`` (of known
        customers).
    columns : dict of str to str
        Which column is what: ``bcx.read_events(operator.frame, **operator.columns)``.
    links : pandas.DataFrame
        Accounts that may be of the same person: ``left``, ``right`` and ``probability``, 1 where somebody
        logged in. The probabilities are calibrated.
    customers : pandas.DataFrame
        By ``customer``: ``segment``, ``region`` (which makes no difference), ``joined`` and ``tariff`` (of
        the first contract).
    contracts : pandas.DataFrame
        One row a contract: ``customer``, ``tariff``, ``monthly`` (price of a month), ``start``,
        ``bound_until`` (end of the minimum term) and ``end`` (NaT while it runs).
    truth : OperatorTruth
        What the data do not say.
    """

    frame: pd.DataFrame = field(repr=False)
    columns: dict[str, str]
    links: pd.DataFrame = field(repr=False)
    customers: pd.DataFrame = field(repr=False)
    contracts: pd.DataFrame = field(repr=False)
    truth: OperatorTruth

    def __repr__(self) -> str:
        left = int(self.truth.left.notna().sum())
        return f"<Operator: {len(self.customers):,} customers, {len(self.frame):,} events, {left:,} left>"

    @cached_property
    def events(self) -> Events:
        """The events, read and checked; visits of nobody known are anonymous."""
        return self._read("customer")

    @cached_property
    def by_account(self) -> Events:
        """The events by account, for `link`: a browser is a customer of its own until it is linked."""
        return self._read("account")

    def _read(self, customer: str) -> Events:
        context = {"relational": ["segment"], "situational": ["device"]}
        return read_events(self.frame, **self.columns | {"customer": customer}, context=context)


def simulate_operator(n: int = 5000, seed: int = 1) -> Operator:
    """Simulate the customers of a telecom operator over two years, from a story that is stated.

    Customers of four segments visit the website and the app, call, chat, complain, pay, order and leave.
    The chance to leave depends on segment, contract and season, and is higher for a while after a payment
    that failed followed by a call and a complaint, after a fault that comes back, after any complaint, and
    while somebody has lost interest and hardly opens the app. Other events have nothing to do with it.
    `bayes_cx.data.operator_story` holds all numbers of the story.

    Parameters
    ----------
    n : int
        Number of customers. They have about 110 events each.
    seed : int
        The same seed gives the same operator.

    Returns
    -------
    Operator

    Raises
    ------
    InputError
        If `n` is no whole number from 1 on, or the seed cannot be used.

    Examples
    --------
    >>> operator = simulate_operator(20, seed=1)
    >>> operator.customers.shape, sorted(operator.truth.nulls)[0]
    ((20, 4), 'address_changed')
    """
    if not isinstance(n, int | np.integer) or isinstance(n, bool) or n < 1:
        raise InputError(f"n={n!r} customers", "a whole number from 1 on", "pass for example n=5000")
    rng = np.random.default_rng(checked_seed(seed))
    who = people(int(n), rng)
    asleep = disengaged(who, rng)
    did = lived(who, asleep, rng)
    contracts = contracts_of(who, did, rng)
    chance, signals = hazards(who, did, contracts, asleep)
    left = until_left(chance, rng)
    did = did[np.flatnonzero(did.day < left[did.person])]
    gone = np.arange(DAYS) > left[:, None]
    names = np.array([f"C{number:06d}" for number in range(1, int(n) + 1)], object)
    accounts, identified = accounts_of(did, who.n, rng)
    frame = _frame(who, did, contracts, left, names, accounts, identified, rng)
    links, identities = told_apart(accounts, did, identified, names, rng)
    present = ~np.isnan(chance) & ~gone
    customers = pd.DataFrame(
        {
            "segment": np.array(list(SEGMENTS), object)[who.segment],
            "region": rng.choice(np.array(["north", "east", "south", "west"], object), who.n),
            "joined": _dates(who.joined).floor("D"),
            "tariff": np.array(list(TARIFFS), object)[who.tariff],
        },
        index=pd.Index(names, name="customer"),
    )
    visits = did.channel == "web"
    sessions = pd.Series(names[did.person[visits]], _session_names(did.session[visits])).groupby(level=0)
    truth = OperatorTruth(
        left=pd.Series(_dates(left), customers.index, name="left"),
        readiness=pd.Series(who.readiness, customers.index, name="readiness"),
        hazard=xr.DataArray(
            np.where(gone, np.nan, chance).astype(np.float32),
            coords={"customer": names, "day": _dates(np.arange(DAYS)).to_numpy()},
            dims=("customer", "day"),
        ),
        signals=_signals({name: int((holds & present).sum()) for name, holds in signals.items()}),
        nulls=NULLS,
        p_order={"web": p_order(WEB), "app": p_order(APP)},
        identities=identities,
        visitors=sessions.first().rename("customer").rename_axis("session"),
    )
    roles = ("customer", "time", "event", "channel", "value", "reason", "initiator", "session", "known_at")
    return Operator(
        frame, {role: role for role in roles}, links, customers, _contracts(contracts, left, names), truth
    )


def _frame(
    who: People,
    did: Happened,
    contracts: Contracts,
    left: np.ndarray,
    names: np.ndarray,
    accounts: np.ndarray,
    identified: np.ndarray,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return one row an event, those of leaving among them, in order of time."""
    gone = np.flatnonzero(np.isfinite(left))
    channel = rng.choice(np.array(list(_LEAVES), object), gone.size, p=list(_LEAVES.values()))
    price = np.array(list(TARIFFS.values()))
    # Contracts are in order of customer and start, so that one search finds that of a day.
    apart = 10.0 * DAYS
    start = contracts.person * apart + np.maximum(contracts.start, -apart / 2)
    bills = did.of("invoice_paid")
    value = did.value.copy()
    at = np.searchsorted(start, did.person[bills] * apart + did.day[bills], side="right") - 1
    value[bills] = price[contracts.tariff[at]]
    known = np.concatenate([_where(identified, names[did.person]), names[gone]])
    unknown = pd.isna(known)
    segment = np.array(list(SEGMENTS), object)[np.concatenate([who.segment[did.person], who.segment[gone]])]
    day = np.concatenate([did.day, left[gone]])
    channels = np.concatenate([did.channel, channel])
    initiator = np.concatenate([did.initiator, np.full(gone.size, "customer", object)])
    last = int(did.session.max(initial=0)) + 1
    frame = pd.DataFrame(
        {
            "customer": known,
            "account": np.where(unknown, np.concatenate([accounts, names[gone]]), known),
            "time": _dates(day),
            "event": np.concatenate([did.event, np.full(gone.size, "contract_cancelled", object)]),
            "channel": _or_none(channels),
            "value": np.concatenate([value, np.full(gone.size, np.nan)]),
            "reason": _or_none(
                np.concatenate([did.reason, rng.choice(np.array(_REASONS, object), gone.size)])
            ),
            "initiator": initiator,
            "session": _session_names(np.concatenate([did.session, last + np.arange(gone.size)])),
            "known_at": _dates(day + _lag(channels, initiator, rng)),
            "device": _or_none(np.concatenate([did.device, np.full(gone.size, "", object)])),
            "segment": _where(~unknown, segment),
        }
    )
    return frame.sort_values(["time", "session"], kind="stable", ignore_index=True)


def _lag(channels: np.ndarray, initiator: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return after how many days the company knows of each event; of what it does itself it does at once."""
    lag = np.zeros(channels.size)
    for channel, (low, high) in LAG.items():
        late = np.flatnonzero((channels == channel) & ((initiator == "customer") | (channel == "technician")))
        lag[late] = rng.uniform(low, high, late.size)
    return lag


def _contracts(contracts: Contracts, left: np.ndarray, names: np.ndarray) -> pd.DataFrame:
    kept = contracts.start < left[contracts.person]
    person = contracts.person[kept]
    end = np.minimum(contracts.end[kept], left[person])
    tariff = contracts.tariff[kept]
    table = {
        "customer": names[person],
        "tariff": np.array(list(TARIFFS), object)[tariff],
        "monthly": np.array(list(TARIFFS.values()))[tariff],
        "start": _dates(contracts.start[kept]).floor("D"),
        "bound_until": _dates(contracts.bound_until[kept]).floor("D"),
        "end": _dates(np.where(end < DAYS, end, np.inf)).floor("D"),
    }
    return pd.DataFrame(table)


def _signals(held: dict[str, int]) -> pd.DataFrame:
    rows: dict[str, dict[str, Any]] = {
        name: {"events": one.events, "factor": one.factor, "days": one.days} for name, one in SIGNALS.items()
    }
    rows["loss of interest"] = {"events": (), "factor": DISENGAGED[0], "days": round(DISENGAGED[3])}
    found = pd.DataFrame.from_dict(rows, orient="index")
    return found.assign(held=pd.Series(held)).rename_axis("signal")


def _dates(day: np.ndarray) -> pd.DatetimeIndex:
    """Return days since the start as dates, to the second; NaT for infinity."""
    seconds = np.where(np.isfinite(day), np.nan_to_num(day, posinf=0.0) * 86_400, 0).round().astype("int64")
    found = np.datetime64(START, "s") + seconds.astype("timedelta64[s]")
    return pd.DatetimeIndex(np.where(np.isfinite(day), found, np.datetime64("NaT", "s")))


def _session_names(number: np.ndarray) -> np.ndarray:
    return np.array([f"S{one:08d}" for one in number.tolist()], object)


def _or_none(text: np.ndarray) -> np.ndarray:
    return _where(text != "", text)


def _where(kept: np.ndarray, text: np.ndarray) -> np.ndarray:
    """Return the text, None where it is not kept."""
    found = text.copy()
    found[~kept] = None
    return found
