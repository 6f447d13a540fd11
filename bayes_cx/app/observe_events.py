"""The events that commands work on, as the settings name them."""

from pathlib import Path
from typing import TYPE_CHECKING

import bayes_cx as bcx
from bayes_cx import catalogue
from bayes_cx.app.settings import Settings
from bayes_cx.app.steps import Steps
from bayes_cx.errors import InputError

if TYPE_CHECKING:
    from bayes_cx.data import Taxonomy

__all__ = ["observe_events"]

# The taxonomy that is built in.
_OPERATOR = "operator"
_HINTS = {
    "unreadable value": "; see --decimal and --thousands",
    "unreadable time": "; see --time-format",
    "line that is not UTF-8": "; see --encoding",
}
_ROLES = ("customer", "time", "event", "channel", "value", "reason", "initiator", "session", "known_at")


def observe_events(settings: Settings, steps: Steps, rejected: Path | None = None) -> "bcx.Events":
    """Read the events that the settings name; report what was left out and why.

    Parameters
    ----------
    settings : Settings
    steps : Steps
    rejected : Path, optional
        Where to write the rows that were left out, with number and reason, as CSV.

    Raises
    ------
    InputError
        If there is no such source, a column is missing, or no row can be used.
    """
    with steps.step("Read events") as step:
        events = _read(settings)
        step.says = f"{events.rows_read:,} rows of {events.source}"
    # Without any accepted row the error at the end says all that there is to say.
    for remark in events.remarks if events.rows_accepted else ():
        steps.note(remark)
    for reason, rows in events.rejected_by_reason.items():
        word = "row" if rows == 1 else "rows"
        steps.note(f"{rows:,} {word} rejected: {reason}{_HINTS.get(reason, '')}")
    if rejected is not None and events.rows_rejected:
        events.write_rejected(rejected)
    if not events.rows_accepted:
        raise events.nothing("events")
    return events


def _read(settings: Settings) -> "bcx.Events":
    read, given = settings.read, settings.events
    key = read.key()
    states = _taxonomy(given.taxonomy)
    context = {"relational": list(read.by)} if read.by else {}
    if read.dataset is not None:
        entry = catalogue.find_dataset(read.dataset)
        if not entry.events:
            raise InputError(
                f"the dataset {entry.key}, which has no events",
                f"a file of events, or {' or '.join(e.key for e in catalogue.DATASETS if e.events)}",
                "name one",
            )
        named = [role for role in _ROLES if settings.value(role) is not None]
        if named:
            raise InputError(
                f"--{named[0].replace('_', '-')} for the dataset {entry.key}",
                "a file with such columns",
                "leave this out",
            )
        made = getattr(bcx, entry.loader)(**entry.arguments)
        return bcx.read_events(made.frame, **made.columns, context=context, states=states, pseudonym_key=key)
    if read.file is None:
        raise InputError("no events are named", "a file", "name one, or pass --dataset operator")
    for name in ("customer", "time", "event"):
        if settings.value(name) is None:
            raise InputError(f"--{name} is missing", f"the column with the {name}", f"pass --{name} COLUMN")
    roles = {role: settings.value(role) for role in _ROLES if settings.value(role) is not None}
    return bcx.read_events(
        read.file,
        **roles,
        context=context,
        states=states,
        time_format=read.time_format,
        timezone=read.timezone,
        decimal=read.decimal,
        thousands=read.thousands,
        encoding=read.encoding,
        query=read.query,
        pseudonym_key=key,
    )


def _taxonomy(named: str | None) -> "Taxonomy | None":
    if named is None:
        return None
    path = Path(named)
    if path.name == _OPERATOR and not path.exists():
        return bcx.Taxonomy.operator()
    return bcx.Taxonomy.read(path)
