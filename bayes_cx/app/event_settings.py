"""The settings of commands that read events; see `settings`, of which they are a part."""

from dataclasses import dataclass
from typing import Annotated

from bayes_cx.app.option import Option, one_or_many
from bayes_cx.spans import Span

__all__ = ["JourneySettings", "ReadEvents"]


def _journey(text: str) -> str:
    return text if text in ("customer", "session") else str(Span.of(text))


@dataclass(frozen=True, kw_only=True)
class ReadEvents:
    """What the columns of events mean."""

    event: Annotated[str | None, Option("Column with the name of what happened.", metavar="COLUMN")] = None
    channel: Annotated[
        str | None, Option("Column with the channel, such as web, shop or call centre.", metavar="COLUMN")
    ] = None
    session: Annotated[
        str | None, Option("Column with the visit that an event is part of.", metavar="COLUMN")
    ] = None
    value: Annotated[
        str | None, Option("Column with a number, such as the amount of a purchase.", metavar="COLUMN")
    ] = None
    reason: Annotated[str | None, Option("Column with why it happened.", metavar="COLUMN")] = None
    initiator: Annotated[
        str | None, Option("Column with who began it, the customer or the company.", metavar="COLUMN")
    ] = None
    known_at: Annotated[
        str | None,
        Option(
            "Column with when the company knew of the event; what was known later is not used.",
            default="at the time of the event",
            metavar="COLUMN",
        ),
    ] = None
    taxonomy: Annotated[
        str | None,
        Option(
            "TOML file with patterns that turn names of events into states, or operator for that of a "
            "service operator.",
            default="each name is a state",
            metavar="FILE",
            path=True,
            record="place",
        ),
    ] = None
    target: Annotated[
        tuple[str, ...],
        Option(
            "State that is wanted, such as purchase; ends a journey. May be given several times.",
            metavar="STATE",
            parse=one_or_many,
        ),
    ] = ()


@dataclass(frozen=True, kw_only=True)
class JourneySettings:
    """What a journey is."""

    rival: Annotated[
        tuple[str, ...],
        Option(
            "State that is to be avoided, such as termination; ends a journey as well. May be given several "
            "times.",
            metavar="STATE",
            parse=one_or_many,
        ),
    ] = ()
    journey: Annotated[
        str,
        Option(
            "All that a customer did (customer), each visit (session), or what lies between silences of a "
            "span such as '30 minutes'.",
            default="session where there are sessions, else customer",
            metavar="JOURNEY",
            parse=_journey,
        ),
    ] = ""
    close: Annotated[
        str | None,
        Option(
            "After how long without an event a journey has ended.",
            default="30 minutes for visits, never for customers",
            metavar="SPAN",
            parse=lambda span: str(Span.of(span)),
        ),
    ] = None
