"""The lives of an operator's customers, drawn from its story: who they are, what they do, when they leave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_cx.data.operator_story import (
    AFTER_TERM,
    APP,
    BOUND,
    BY_ITSELF,
    CHURN,
    DAYS,
    DISENGAGED,
    SEGMENTS,
    SIGNALS,
    TARIFFS,
    TERMS,
    WEB,
)
from bayes_cx.data.operator_visits import steps_of_visits

__all__ = [
    "Contracts",
    "Happened",
    "People",
    "contracts_of",
    "disengaged",
    "hazards",
    "lived",
    "people",
    "until_left",
]

_HOURS = np.array([1, 1, 1, 1, 1, 2, 4, 8, 12, 14, 14, 13, 12, 12, 13, 14, 15, 16, 18, 18, 14, 9, 4, 2.0])
_DEVICES, _OF_DEVICES = ("phone", "desktop", "tablet"), (0.5, 0.38, 0.12)


@dataclass(frozen=True)
class People:
    """Customers, one entry each: positions in the tables of the story, and days since its start.

    ``since`` is the day from which a customer is seen, ``began`` the day on which the contract began.
    ``readiness`` multiplies the chance to leave and that of a complaint, and nobody sees it.
    """

    segment: np.ndarray
    tariff: np.ndarray
    term: np.ndarray
    joined: np.ndarray
    began: np.ndarray
    since: np.ndarray
    readiness: np.ndarray

    @property
    def n(self) -> int:
        """Number of customers."""
        return len(self.segment)


@dataclass(frozen=True)
class Happened:
    """What happened, one entry each; ``day`` is the time since the start of the story, in days."""

    person: np.ndarray
    day: np.ndarray
    event: np.ndarray
    channel: np.ndarray
    reason: np.ndarray
    value: np.ndarray
    initiator: np.ndarray
    session: np.ndarray
    device: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> "Happened":
        return Happened(*(values[rows] for values in vars(self).values()))

    def of(self, event: str) -> np.ndarray:
        """Return the positions of an event."""
        return np.flatnonzero(self.event == event)


@dataclass(frozen=True)
class Contracts:
    """Contracts, one entry each, in days since the start of the story; an ``end`` of infinity is none yet."""

    person: np.ndarray
    tariff: np.ndarray
    start: np.ndarray
    bound_until: np.ndarray
    end: np.ndarray


def people(n: int, rng: np.random.Generator) -> People:
    """Return `n` customers: most were there before the first day, three in ten come later."""
    segment = rng.choice(len(SEGMENTS), n, p=[one.share for one in SEGMENTS.values()])
    below = np.cumsum([one.tariffs for one in SEGMENTS.values()], axis=1)[segment]
    tariff = np.minimum((rng.random(n)[:, None] > below).sum(axis=1), len(TARIFFS) - 1)
    term = rng.choice(list(TERMS), n, p=list(TERMS.values()))
    before = rng.random(n) < 0.7
    joined = np.where(before, -rng.uniform(1, 1460, n), rng.uniform(0, 600, n))
    began = np.maximum(joined, np.where(before, -rng.uniform(1, 900, n), joined))
    readiness = rng.lognormal(-0.5 * 0.4**2, 0.4, n)
    return People(segment, tariff, term, joined, began, np.maximum(joined, 0.0), readiness)


def disengaged(who: People, rng: np.random.Generator) -> np.ndarray:
    """Return on which days each customer has lost interest, shape (customer, day)."""
    _, _, rate, mean = DISENGAGED
    person, first = _poisson(who, np.full(who.n, rate), rng)
    return _covered(who.n, person, first, first + 14 + rng.exponential(mean - 14, first.size))


def lived(who: People, asleep: np.ndarray, rng: np.random.Generator) -> Happened:
    """Return all that customers do but leave, by customer and in order of time.

    Parameters
    ----------
    asleep : numpy.ndarray of bool, shape (customer, day)
        From `disengaged`.
    """
    parts = [*_by_themselves(who, rng), *_bills(who, rng), *_faults(who, rng)]
    parts += [_visits(who, asleep, channel, rng) for channel in ("web", "app")]
    found = Happened(*(np.concatenate(columns) for columns in zip(*map(_columns, parts), strict=True)))
    found = found[np.flatnonzero((found.day < DAYS) & (found.day >= who.since[found.person]))]
    found = found[np.lexsort((found.session, found.day, found.person))]
    # Visits are told apart by their number; every other contact is one of its own.
    single = np.flatnonzero(found.session < 0)
    found.session[single] = np.arange(single.size) + max(int(found.session.max(initial=-1)) + 1, 0)
    return found


def contracts_of(who: People, did: Happened, rng: np.random.Generator) -> Contracts:
    """Return the contracts: a renewal ends one and begins the next, bound for two years."""
    renewed = np.flatnonzero((did.event == "order_placed") & (did.reason == "renewal"))
    person = np.concatenate([np.arange(who.n), did.person[renewed]])
    start = np.concatenate([who.began, did.day[renewed]])
    order = np.lexsort((start, person))
    person, start = person[order], start[order]
    first = np.append(True, person[1:] != person[:-1])
    dearer = np.where(first, 0, rng.random(person.size) < 0.4)
    total = np.cumsum(dearer)
    steps = total - np.maximum.accumulate(np.where(first, total, 0))
    tariff = np.minimum(who.tariff[person] + steps, len(TARIFFS) - 1)
    bound = start + np.where(first, who.term[person], 730)
    end = np.where(np.append(person[1:] == person[:-1], False), np.append(start[1:], np.inf), np.inf)
    return Contracts(person, tariff, start, bound, end)


def hazards(
    who: People, did: Happened, contracts: Contracts, asleep: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the chance to leave on each day, NaN before a customer is seen, and when each signal holds.

    Returns
    -------
    chance : numpy.ndarray of float, shape (customer, day)
    signals : dict of str to numpy.ndarray of bool, shape (customer, day)
    """
    bound = _covered(who.n, contracts.person, contracts.start, contracts.bound_until)
    factor, days = AFTER_TERM
    over = np.isfinite(contracts.bound_until) & (contracts.bound_until > contracts.start)
    late = _covered(
        who.n, contracts.person[over], contracts.bound_until[over], contracts.bound_until[over] + days
    )
    signals = {name: _after(who.n, did, one.events, one.days) for name, one in SIGNALS.items()}
    signals["loss of interest"] = asleep
    level = CHURN * np.array([one.leaving for one in SEGMENTS.values()])[who.segment] * who.readiness
    chance = np.outer(level, 1 + 0.2 * np.cos(2 * np.pi * (np.arange(DAYS) - 290) / 365.25))
    chance *= np.where(bound, BOUND, np.where(late, factor, 1.0))
    strength = np.ones_like(chance)
    factors = {name: one.factor for name, one in SIGNALS.items()} | {"loss of interest": DISENGAGED[0]}
    for name, holds in signals.items():
        strength[holds] = np.maximum(strength[holds], factors[name])
    chance = np.minimum(chance * strength, 0.5)
    chance[np.arange(DAYS) < np.ceil(who.since)[:, None]] = np.nan
    return chance, signals


def until_left(chance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the day, with its fraction, on which each customer leaves; infinity for those who stay."""
    risk = -np.log1p(-np.nan_to_num(chance)).cumsum(axis=1)
    bar = rng.exponential(size=len(chance))[:, None]
    leaves, day = risk[:, -1] > bar[:, 0], (risk <= bar).sum(axis=1)
    return np.where(leaves, day + _hour(len(chance), rng) / 24, np.inf)


def _columns(one: Mapping[str, Any]) -> tuple[np.ndarray, ...]:
    """Return the columns of `Happened`, what is not said filled in; -1 stands for a contact without visit."""
    n = np.size(one["day"])
    empty = {"reason": "", "value": np.nan, "initiator": "customer", "session": -1, "device": ""}
    columns = {name: one.get(name, empty.get(name)) for name in Happened.__dataclass_fields__}
    return tuple(
        np.broadcast_to(np.asarray(v, object if isinstance(v, str) else None), n) for v in columns.values()
    )


def _by_themselves(who: People, rng: np.random.Generator) -> list[dict]:
    """Return what comes at a constant rate to everybody; calls more often in winter."""
    found = []
    reasons = {"call": ("bill", "fault", "tariff", "sim"), "complaint": ("bill", "fault", "service")}
    for event, (rate, channel) in BY_ITSELF.items():
        level = np.full(who.n, rate / 30)
        if event == "complaint":
            level = level * who.readiness
        person, day = _poisson(who, 1.3 * level if event == "call" else level, rng)
        if event == "call":
            kept = rng.random(day.size) < (1 + 0.3 * np.cos(2 * np.pi * day / 365.25)) / 1.3
            person, day = person[kept], day[kept]
        one: dict = {"person": person, "day": day, "event": event, "channel": channel}
        if event in reasons:
            one["reason"] = rng.choice(np.array(reasons[event], object), day.size)
        if event in ("complaint", "ticket_opened"):
            also = {"complaint": ("mail", "social", "shop"), "ticket_opened": ("call centre", "app", "chat")}
            one["channel"] = rng.choice(np.array(also[event], object), day.size, p=(0.5, 0.3, 0.2))
        if event == "survey_answered":
            mood = 7.5 - 3 * np.log(who.readiness[person]) + rng.standard_normal(day.size) * 2
            one["value"] = np.clip(np.round(mood), 0, 10)
        found.append(one)
    return found


def _bills(who: People, rng: np.random.Generator) -> list[dict]:
    """Return monthly payments; one in fifty fails, and a call and a complaint may follow."""
    months = np.arange(DAYS // 30 + 1)
    day = (30.4 * months + rng.integers(0, 28, who.n)[:, None] + 0.25).ravel()
    person = np.repeat(np.arange(who.n), months.size)
    failed = rng.random(day.size) < 0.02
    price = np.array(list(TARIFFS.values()))[who.tariff[person]]
    paid = {"person": person, "day": day, "event": "invoice_paid", "channel": "", "value": price}
    paid = {k: v[~failed] if isinstance(v, np.ndarray) else v for k, v in paid.items()}
    who_failed, when = person[failed], day[failed]
    n = when.size
    call = when + 1 + _days(0, 6, n, rng)
    calls = rng.random(n) < 0.5
    complains = calls & (rng.random(n) < 0.35)
    complaint = call + 1 + _days(0, 9, n, rng)
    company = {"initiator": "company"}
    return [
        paid | company,
        {"person": who_failed, "day": when, "event": "payment_failed", "channel": ""} | company,
        {"person": who_failed, "day": when + 3, "event": "payment_reminder", "channel": "mail"} | company,
        {"person": who_failed, "day": when + 6 + _days(0, 6, n, rng), "event": "invoice_paid", "channel": ""}
        | {"value": price[failed]},
        {"person": who_failed[calls], "day": call[calls], "event": "call", "channel": "call centre"}
        | {"reason": "bill"},
        {"person": who_failed[complains], "day": complaint[complains], "event": "complaint"}
        | {"channel": "mail", "reason": "bill"},
    ]


def _faults(who: People, rng: np.random.Generator) -> list[dict]:
    """Return what follows tickets that are opened here: a technician, and the fault again."""
    person, day = _poisson(who, np.full(who.n, 0.02 / 30), rng)
    visit = day + 1 + _days(0, 4, day.size, rng)
    again = rng.random(day.size) < 0.25
    ticket = {"event": "ticket_opened", "channel": "call centre", "reason": "fault"}
    return [
        {"person": person, "day": day} | ticket,
        {"person": person, "day": visit, "event": "technician_visit", "channel": "technician"}
        | {"initiator": "company", "reason": "fault"},
        {"person": person[again], "day": (visit + 2 + _days(0, 12, day.size, rng))[again]} | ticket,
    ]


def _visits(who: People, asleep: np.ndarray, channel: str, rng: np.random.Generator) -> dict:
    """Return the events of visits; who has lost interest hardly opens the app."""
    chain = {"web": WEB, "app": APP}[channel]
    rate = np.array([getattr(one, channel) for one in SEGMENTS.values()])[who.segment]
    person, day = _poisson(who, rate, rng)
    if channel == "app":
        kept = ~asleep[person, day.astype(int)] | (rng.random(day.size) < DISENGAGED[1])
        person, day = person[kept], day[kept]
    device = rng.choice(np.array(_DEVICES, object), day.size, p=_OF_DEVICES)
    visit, minutes, event = steps_of_visits(chain, day.size, rng)
    name = np.array(chain.events, object)[event]
    ordered = name == "order_placed"
    renewal = rng.random(event.size) < 0.35
    return {
        "person": person[visit],
        "day": day[visit] + minutes / 1440,
        "event": name,
        "channel": channel,
        "reason": np.where(ordered, np.where(renewal, "renewal", "add-on"), "").astype(object),
        "value": np.where(ordered, np.round(rng.lognormal(3.5, 0.7, event.size), 2), np.nan),
        # Visits of the app have odd numbers, those of the web even ones.
        "session": 2 * visit + (channel == "app"),
        "device": "phone" if channel == "app" else device[visit],
    }


def _poisson(who: People, rate: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the customer and the day, with the hour, of events at a rate a day."""
    n = rng.poisson(rate * (DAYS - who.since))
    person = np.repeat(np.arange(who.n), n)
    day = np.floor(rng.uniform(who.since[person], DAYS)) + _hour(person.size, rng) / 24
    # Nobody is seen before the hour of joining.
    return person, np.maximum(day, who.since[person])


def _days(low: float, high: float, n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(low, high, n)


def _hour(n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(24, n, p=_HOURS / _HOURS.sum()) + rng.random(n)


def _covered(n: int, person: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return which days lie in one of the spans, from the day after `first` until that of `last`."""
    change = np.zeros((n, DAYS + 1), np.int32)
    edges = [np.clip(np.floor(day) + 1, 0, DAYS).astype(int) for day in (first, last)]
    np.add.at(change, (person, edges[0]), 1)
    np.add.at(change, (person, np.maximum(*edges)), -1)
    return change[:, :-1].cumsum(axis=1) > 0


def _after(n: int, did: Happened, events: Sequence[str], days: int, gap: float = 14.0) -> np.ndarray:
    """Return on which days a sequence of events has ended within so many days, shape (customer, day).

    Each event follows the one before within `gap` days.
    """
    rows = did.of(events[0])
    for event in events[1:]:
        # Days of one customer are apart from those of the next, so that one search finds the nearest before.
        apart = 10.0 * DAYS
        before = np.sort(did.person[rows] * apart + did.day[rows])
        rows = did.of(event)
        here = did.person[rows] * apart + did.day[rows]
        at = np.searchsorted(before, here) - 1
        near = (at >= 0) & (here - before[np.maximum(at, 0)] <= gap) if before.size else np.zeros(0, bool)
        rows = rows[near] if before.size else rows[:0]
    return _covered(n, did.person[rows], did.day[rows], did.day[rows] + days)
