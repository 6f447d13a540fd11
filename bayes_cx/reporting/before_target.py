"""What comes before a target, as a part of a report: a picture, a table, and what it does not say."""

from bayes_cx.inference.signals import Signals
from bayes_cx.page import Block, Column, Number, Section, Table, Text
from bayes_cx.page.words import agree, count, measured, measured_range, per_cent, plural, shorten
from bayes_cx.reporting.figures.before_target import before_target

__all__ = ["signals_section", "signals_table"]

_LONGEST = 70


def signals_section(signals: Signals, title: str = "") -> Section:
    """Return the signals before a target as a section of a report.

    Parameters
    ----------
    signals : Signals
        From `bcx.signals`.
    title : str
        By default ``What comes before`` and the target.
    """
    target = " or ".join(signals.target)
    found = signals.found()
    opening = (
        f"{plural(signals.cases, 'case')} of {target} {agree(signals.cases, 'was', 'were')} compared with "
        f"{count(signals.controls)} moments of others of about the same age at the same time. Of "
        f"{count(signals.data.sizes['sequence'])} events and sequences within {signals.window} before, "
        f"{count(len(found))} are signals; of these, one in twenty is expected to be false."
    )
    blocks: list[Block | None] = [Text((opening,)), before_target(signals), signals_table(signals, 12)]
    blocks += [
        Text(signals.sentences(3), "bullets"),
        Text(
            (
                "These are associations. Preventing the event need not prevent what follows it, and whether "
                "contacting those who show a signal helps, a trial says.",
            ),
            "note",
        ),
    ]
    return Section(title or f"What comes before {target}", tuple(one for one in blocks if one is not None))


def signals_table(signals: Signals, most: int) -> Table | None:
    """Return the strongest signals in a table; None where there is none."""
    found = signals.found()
    rows = []
    for name, row in found.head(most).to_dict("index").items():
        lead = measured(row["lead"], 2) if row["factor"] > 1 else ""
        rows.append(
            (
                shorten(str(name), _LONGEST),
                Number(measured(row["factor"], 2), float(row["factor"])),
                Number(measured_range(row["low"], row["high"]), float(row["low"])),
                Number(per_cent(row["share_cases"]), float(row["share_cases"])),
                Number(per_cent(row["share_controls"]), float(row["share_controls"])),
                Number(lead, float(row["lead"])) if lead else "",
                Number(measured(row["false_sign"], 2), float(row["false_sign"])),
            )
        )
    if not rows:
        return None
    heads = ("before", "times as likely", "90% interval", "of cases", "of others")
    heads += (f"{signals.window.unit}s before", "chance of a wrong sign")
    return Table(
        tuple(Column(head) for head in heads),
        tuple(rows),
        label=f"signals of {' or '.join(signals.target)}",
        total=len(found) if len(found) > most else None,
        rest="all are in .found()" if len(found) > most else "",
    )
