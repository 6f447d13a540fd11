"""What several sections of a report of journeys say in the same words."""

from collections.abc import Sequence

from bayes_cx.journey_study import JourneyStudy
from bayes_cx.page.words import count, listing, shorten
from bayes_cx.reporting.figures.journey_map import ending_words
from bayes_cx.spans import FINE_UNITS

__all__ = [
    "ahead",
    "either_of",
    "length_words",
    "named",
    "path_words",
    "per_hundred",
    "what_is_a_journey",
]


def named(state: str) -> str:
    """Return a state as a sentence quotes it."""
    return f"“{shorten(ending_words(state), 40)}”"


def either_of(states: Sequence[str]) -> str:
    """Return states of which any counts."""
    return listing([named(one) for one in states], "or")


def per_hundred(share: float, low: float, high: float) -> str:
    """Return how many of 100 a share is, with its interval: ``13 (12 to 14)``."""
    numbers = [100 * one for one in (share, low, high)]
    digits = 0 if numbers[0] >= 10 else 1 if numbers[0] >= 1 else 2
    middle, first, last = (f"{one:.{digits}f}" for one in numbers)
    return middle if first == last == middle else f"{middle} (90% interval {first} to {last})"


def ahead(study: JourneyStudy) -> str:
    """Return how far chances look, to follow a verb: `` within 30 days``, or nothing."""
    horizon = study.terms.horizon
    return "" if horizon is None else f" within {horizon}"


def path_words(path: Sequence[str], most: int = 6) -> str:
    """Return the states of a journey with arrows between them."""
    shown = [shorten(ending_words(name), 24) for name in path[:most]]
    if len(path) > most:
        shown.append("…")
    return " → ".join(shown) or "nothing before"


def length_words(time: float, unit: str) -> str:
    """Return a length of time in the largest unit that fits: ``2.5 h``."""
    days = time * FINE_UNITS[unit]
    units = (("day", "d"), ("hour", "h"), ("minute", "min"), ("second", "s"))
    name, short = next((one for one in units if days >= FINE_UNITS[one[0]]), units[-1])
    number = days / FINE_UNITS[name]
    return f"{count(round(number))} {short}" if number >= 10 else f"{number:.1f} {short}"


def what_is_a_journey(study: JourneyStudy) -> str:
    """Say what one journey is and how it ends."""
    terms = study.terms
    if terms.journey == "customer":
        what = "all that a customer does"
    elif terms.journey == "session":
        what = "a visit"
    else:
        what = f"what a customer does without a silence of {terms.journey}"
    ends = [named(one) for one in (*terms.goals, *terms.rivals)]
    silent = f", or after {terms.close} without an event" if terms.close is not None else ""
    return f"A journey is {what}, and ends with {listing(ends, 'or')}{silent}."
