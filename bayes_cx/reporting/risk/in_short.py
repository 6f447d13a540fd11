"""Page one: how many will have the event, how many of them a list finds, what speaks for it, what to do."""

from bayes_cx.data import provenance_of
from bayes_cx.page import Section, Text, Tile, Tiles
from bayes_cx.page.words import about, about_range, count, last_day, listing, per_cent, per_cent_range, plural
from bayes_cx.reporting.risk.what_moves import age_words, drivers
from bayes_cx.reporting.rows import rows_of
from bayes_cx.risk_study import RiskStudy
from bayes_cx.scoring.risk_words import change
from bayes_cx.validation.capture import MODEL

__all__ = ["lead", "section"]

_CONTACTS = 100


def section(study: RiskStudy) -> Section:
    """Return what page one says below the warnings."""
    lines = [_list(study), _compared(study), _speaks(study), *_left_out(study)]
    return Section(
        "In short",
        (
            Text((lead(study),), "lead"),
            _tiles(study),
            Text(tuple(line for line in lines if line)),
            Section("What to do", (Text(tuple(_actions(study)), "steps"),)),
        ),
    )


def lead(study: RiskStudy) -> str:
    """Say how many will have the event, and whether such a forecast came true."""
    mean, low, high = study.total
    n = len(study.table)
    text = (
        f"Of {plural(n, 'customer')} at risk, {about(mean)} are expected to reach {study.target} within "
        f"{study.horizon} (90% interval {about_range(low, high)}), {per_cent(mean / n)}."
    )
    found = study.holdout
    if found is None:
        return f"{text} Whether such forecasts come true was not tested."
    inside = found.low <= found.observed <= found.high
    made = (
        f"Forecasts made on {found.dates} dates, the first after {last_day(found.cut, _zone(study))},"
        if found.dates > 1
        else f"The same forecast made after {last_day(found.cut, _zone(study))}"
    )
    return (
        f"{text} {made} expected {about(found.expected)}; {count(found.observed)} did, "
        f"{'inside' if inside else 'outside'} the 95% interval "
        f"({about_range(found.low, found.high)})."
    )


def _zone(study: RiskStudy) -> str:
    return study.events.schema.timezone


def _each_date(study: RiskStudy) -> str:
    n = 1 if study.holdout is None else study.holdout.dates
    return f" on each of {n} dates" if n > 1 else ""


def _nearest(study: RiskStudy) -> "tuple[int, float, float, float, float]":
    table = study.contacts
    row = table.iloc[(table["contacts"] - _CONTACTS).abs().to_numpy().argmin()]
    k, expected, low, high, share = (float(value) for value in row)
    return int(k), expected, low, high, share


def _list(study: RiskStudy) -> str:
    k, expected, low, high, share = _nearest(study)
    n = len(study.table)
    return (
        f"The {count(k)} first of the list, {per_cent(k / n)} of the customers, hold {about(expected)} of "
        f"those expected (90% interval {about_range(low, high)}), {per_cent(share)}."
    )


def _compared(study: RiskStudy) -> str:
    """Say how many such a list would have found before, beside simple rules; the worst news first."""
    if study.holdout is None or study.holdout.found.empty:
        return ""
    found = study.holdout.at(_CONTACTS)
    own = rows_of(found.loc[[MODEL]])[0]
    k = int(own.contacts)
    said, lost = [], []
    for row in rows_of(found.drop(MODEL)):
        said.append(f"{row.Index} {per_cent(row.share)}")
        if row.difference_low <= 0:
            lost.append(str(row.Index))
    text = (
        f"Tested on what came after {last_day(study.holdout.cut, _zone(study))}: {count(k)} contacts"
        f"{_each_date(study)} would have found "
        f"{per_cent(own.share)} of those who did (95% interval {per_cent_range(own.low, own.high)})"
    )
    if said:
        text += f"; by simple rules it would have been {listing(said)}"
    if lost:
        return f"The list is not surely better than {listing(lost, 'or')}. {text}."
    return f"{text}."


def _speaks(study: RiskStudy) -> str:
    found = drivers(study).head(3)
    if found.empty:
        return age_words(study) or "Nothing that is known of customers surely tells who is at more risk."
    said = [f"{row.what} ({change(row.factor)}{_step(str(row.step))})" for row in rows_of(found)]
    return (
        f"How much the rate of {study.target} differs with what is known, all else equal: {listing(said)}. "
        f"{age_words(study)}"
    ).strip()


def _step(step: str) -> str:
    return "" if step == "being so" else f" for {step}"


def _left_out(study: RiskStudy) -> list[str]:
    source = provenance_of(study.periods)
    lines = []
    early = int(study.periods.attrs["left_early"])
    if early:
        lines.append(
            f"{plural(early, 'customer')} reached {study.target} before a whole period had begun; these "
            "early ones are no part of the forecast."
        )
    if source.rows_rejected and source.rows_read:
        lines.append(f"Left out: {count(source.rows_rejected)} of {plural(source.rows_read, 'row')}.")
    if source.remarks:
        lines.append(f"About the data: {'; '.join(source.remarks)}.")
    return lines


def _tiles(study: RiskStudy) -> Tiles:
    mean, low, high = study.total
    k, expected, *_, share = _nearest(study)
    tiles = [
        Tile(count(len(study.table)), "customers at risk", f"of {study.target}"),
        Tile(about(mean), f"expected within {study.horizon}", about_range(low, high)),
        Tile(per_cent(share), f"of them in the first {count(k)}", f"{about(expected)} customers"),
    ]
    if study.holdout is not None:
        tiles.append(
            Tile(
                count(study.holdout.observed), "came in the test", f"{about(study.holdout.expected)} expected"
            )
        )
    return Tiles(tuple(tiles))


def _actions(study: RiskStudy) -> list[str]:
    steps = [
        "Begin with the first of risk.csv, and look at the reasons beside each name before the contact.",
        "Leave a tenth of the list alone, drawn by lot, so that the next report can say what contacting "
        "changed: the chances are of what happens if nothing is done.",
    ]
    if study.holdout is None or any(check.status == "failed" for check in study.holdout.checks):
        steps.append("Mind the warnings above: use the order of the list rather than its numbers.")
    return steps
