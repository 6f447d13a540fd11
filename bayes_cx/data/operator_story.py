"""The story of a telecom operator in numbers: who its customers are, what they do, and what makes them leave.

All that customers do besides leaving is drawn first. The chance to leave on a day follows from what happened
on the days before, and who leaves does nothing afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = [
    "AFTER_TERM",
    "APP",
    "BOUND",
    "BY_ITSELF",
    "CHANNELS",
    "CHURN",
    "DAYS",
    "DISENGAGED",
    "LAG",
    "NULLS",
    "SEGMENTS",
    "SIGNALS",
    "START",
    "TARIFFS",
    "TERMS",
    "WEB",
    "Chain",
    "Segment",
    "Signal",
]

START, DAYS = "2023-01-01", 731
"""The first day, and the number of days: until the end of 2024."""

CHANNELS = ("web", "app", "shop", "call centre", "chat", "mail", "social", "technician")

TARIFFS: Mapping[str, float] = {"S": 15.0, "M": 25.0, "L": 40.0, "XL": 60.0}
"""Price of a month."""

TERMS: Mapping[int, float] = {0: 0.1, 365: 0.3, 730: 0.6}
"""Minimum terms of contracts in days, and the share of customers who have them."""

LAG: Mapping[str, tuple[float, float]] = {
    "shop": (0.0, 2.0),
    "mail": (1.0, 6.0),
    "social": (0.2, 2.0),
    "technician": (0.5, 3.0),
}
"""After how many days the company knows of what happened in a channel: evenly between the two."""


@dataclass(frozen=True)
class Segment:
    """Customers who are alike.

    Their share, visits a day in the app and on the web, the factor of the chance to leave, shares of tariffs.
    """

    share: float
    app: float
    web: float
    leaving: float
    tariffs: tuple[float, ...]


SEGMENTS: Mapping[str, Segment] = {
    "young": Segment(0.25, 0.080, 0.020, 1.5, (0.4, 0.4, 0.15, 0.05)),
    "family": Segment(0.40, 0.050, 0.025, 1.0, (0.1, 0.3, 0.4, 0.2)),
    "senior": Segment(0.20, 0.015, 0.015, 0.6, (0.5, 0.4, 0.1, 0.0)),
    "business": Segment(0.15, 0.040, 0.035, 0.8, (0.0, 0.2, 0.4, 0.4)),
}

CHURN = 0.0005
"""Chance to leave on a day, of a family that is bound by no contract and to whom nothing has happened."""

BOUND, AFTER_TERM = 0.15, (3.0, 60)
"""What multiplies the chance to leave within the minimum term; and after it, with for how many days."""


@dataclass(frozen=True)
class Signal:
    """What comes before leaving.

    Attributes
    ----------
    events : tuple of str
        What happens, in this order.
    factor : float
        By what the chance to leave on a day is multiplied.
    days : int
        For how many days, from the day after the last of the events.
    """

    events: tuple[str, ...]
    factor: float
    days: int


SIGNALS: Mapping[str, Signal] = {
    "unresolved bill": Signal(("payment_failed", "call", "complaint"), 20.0, 30),
    "repeated fault": Signal(("ticket_opened", "technician_visit", "ticket_opened"), 10.0, 30),
    "complaint": Signal(("complaint",), 4.0, 30),
}
"""Signals of leaving. Of several that hold at a time the largest counts."""

DISENGAGED = (6.0, 0.1, 0.0006, 60.0)
"""Somebody who loses interest: the factor of leaving, the share of app visits that are left, how many people
a day it comes over, and for how many days on average."""

BY_ITSELF: Mapping[str, tuple[float, str]] = {
    "call": (0.08, "call centre"),
    "chat_started": (0.04, "chat"),
    "question_asked": (0.02, "social"),
    "complaint": (0.015, "mail"),
    "ticket_opened": (0.03, "call centre"),
    "address_changed": (0.02, "web"),
    "sim_swapped": (0.02, "shop"),
    "newsletter_opened": (0.12, "mail"),
    "survey_answered": (0.04, "mail"),
    "shop_advice": (0.03, "shop"),
}
"""What happens to everybody alike: how often in 30 days, and in which channel.

Complaints and tickets come in other channels too."""

NULLS = ("address_changed", "sim_swapped", "newsletter_opened", "survey_answered", "shop_advice")
"""What has nothing to do with leaving."""


@dataclass(frozen=True)
class Chain:
    """Visits of a channel, from one event to the next.

    What is missing from one in a row is the chance that the visit ends.

    Attributes
    ----------
    start : mapping of str to float
        Chances of the first event.
    steps : mapping of str to mapping of str to float
        Chances of the next event after each.
    """

    start: Mapping[str, float]
    steps: Mapping[str, Mapping[str, float]]

    @property
    def events(self) -> tuple[str, ...]:
        """The events, ``order_placed`` last: a visit ends with it."""
        return (*self.steps, "order_placed")


WEB = Chain(
    {"page_viewed": 0.65, "login": 0.2, "faq_read": 0.15},
    {
        "page_viewed": {"page_viewed": 0.2, "offer_viewed": 0.25, "faq_read": 0.08, "login": 0.12},
        "offer_viewed": {"basket_filled": 0.18, "page_viewed": 0.25, "offer_viewed": 0.1},
        "basket_filled": {"order_placed": 0.4, "offer_viewed": 0.15},
        "faq_read": {"faq_read": 0.2, "page_viewed": 0.2},
        "login": {"usage_viewed": 0.5, "page_viewed": 0.3},
        "usage_viewed": {"page_viewed": 0.15},
    },
)

APP = Chain(
    {"login": 1.0},
    {
        "login": {"usage_viewed": 0.55, "offer_viewed": 0.08, "faq_read": 0.05},
        "usage_viewed": {"offer_viewed": 0.05, "faq_read": 0.03},
        "offer_viewed": {"basket_filled": 0.15, "usage_viewed": 0.1},
        "basket_filled": {"order_placed": 0.5, "offer_viewed": 0.1},
        "faq_read": {"usage_viewed": 0.2},
    },
)
