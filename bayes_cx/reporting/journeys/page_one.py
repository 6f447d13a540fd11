"""Page one: how many journeys fail, where to mend them, what comes before, and whom to call."""

from typing import Any

import numpy as np

from bayes_cx.data import provenance_of
from bayes_cx.journey_study import JourneyStudy, Outlook
from bayes_cx.page import Section, Text, Tile, Tiles
from bayes_cx.page.words import about, about_range, count, listing, per_cent, per_cent_range, plural
from bayes_cx.reporting.figures.journey_map import ending_words
from bayes_cx.reporting.journeys.words import (
    ahead,
    either_of,
    named,
    per_hundred,
    what_is_a_journey,
)
from bayes_cx.scoring.journey_views import around, each_row, share_interval

__all__ = ["before_words", "calls", "known_customers", "lead", "losses", "mend", "section"]

_MENDED, _SIGNALS = 3, 2
# A state before the end is named where it is so much more frequent there than in other journeys.
_TELLING = 1.5
# What fewer journeys, or steps, did is no reason to act.
_FEWEST = 20
# So many journeys are few.
_FEW = 100


def section(study: JourneyStudy) -> Section:
    """Return what page one says below the warnings."""
    lines = [
        line for line in (known_customers(study), *mend(study), before_words(study), calls(study)) if line
    ]
    lines += [what_is_a_journey(study), *_left_out(study)]
    return Section(
        "In short",
        (
            Text((lead(study),), "lead"),
            _tiles(study),
            Text(tuple(lines)),
            Section("What to do", (Text(tuple(_actions(study)), "steps"),)),
        ),
    )


def lead(study: JourneyStudy) -> str:
    """Say how many journeys end badly, then how many end well."""
    said = []
    for one in (study.rival, study.goal):
        if one is not None:
            said.append(f"{per_hundred(*one.start)} reach {either_of(one.states)}{ahead(study)}")
    text = f"Of 100 journeys {said[0]}"
    if study.rival is not None and len(said) > 1:
        text = f"{text}; {said[1]}"
    return " ".join(filter(None, (f"{text}.", _no_more(study))))


def known_customers(study: JourneyStudy) -> str:
    """Say how journeys of known customers ended, where visits of nobody known are among the journeys."""
    if study.by_known is None:
        return ""
    known, others = study.by_known
    size, rest = sum(known.values()), sum(others.values())
    if not size or not rest:
        return ""
    said = []
    for one in (study.rival, study.goal):
        if one is not None:
            mine, theirs = (sum(ends.get(name, 0) for name in one.states) for ends in (known, others))
            said.append(
                f"of 100 of these {_of_hundred(mine / size)} were seen to reach {either_of(one.states)}, and "
                f"of 100 visits of nobody known {_of_hundred(theirs / rest)}"
            )
    return (
        f"These are averages over all journeys, of which {per_cent(size / (size + rest))} are of known "
        f"customers: {'; '.join(said)}."
    )


def _of_hundred(share: float) -> str:
    return per_hundred(share, share, share) if share else "none"


def _no_more(study: JourneyStudy) -> str:
    """Say after which state most journeys end without a target."""
    lost = study.paths[study.paths["end"] == "exit"]
    if lost.empty:
        return ""
    last = lost[lost["last"] != ""].groupby("last")["n"].sum().sort_values(ascending=False, kind="stable")
    if last.empty:
        return ""
    size = int(lost["n"].sum())
    word = "neither" if study.rival is not None and study.goal is not None else "no such state"
    text = (
        f"{count(size)} of {count(study.journeys)} seen, {per_cent(size / study.journeys)}, ended with {word}"
    )
    first = share_interval(float(last.iloc[0]), float(last.sum()))[0]
    second = share_interval(float(last.iloc[1]), float(last.sum()))[1] if len(last) > 1 else 0.0
    if size < _FEWEST or first <= second:
        return f"{text}."
    share = float(last.iloc[0]) / float(last.sum())
    return f"{text}; the largest part of them, {per_cent(share)}, ended after {named(str(last.index[0]))}."


def losses(one: Outlook, good: bool) -> Any:
    """Return the states at which journeys surely turn for the worse, the surest and largest loss first.

    The interval of the change has to be away from none, and enough steps have to have led there, and
    elsewhere from the states before: without these the change is a comparison with what was never seen.
    """
    table = one.by_state[(one.by_state["stays"] >= _FEWEST) & (one.by_state["others"] >= _FEWEST)]
    if good:
        found = table[table["change_high"] < 0].assign(sure=lambda t: -t["gain_high"])
    else:
        found = table[table["change_low"] > 0].assign(sure=lambda t: t["gain_low"])
    return found.sort_values("sure", ascending=False, kind="stable")


def mend(study: JourneyStudy) -> list[str]:
    """Say which events make journeys worse: most in total, and most where they happen."""
    lines = []
    for one, good in ((study.rival, False), (study.goal, True)):
        if one is None:
            continue
        found, what = losses(one, good), either_of(one.states)
        if found.empty:
            way = "lowers" if good else "raises"
            few = " So few journeys do not show more." if study.journeys < _FEW else ""
            lines.append(f"No state surely {way} the chance of {what}.{few}")
            continue
        largest = found.index[0]
        column = "change_high" if good else "change_low"
        hardest = found[column].abs().idxmax()
        names = [largest, *([hardest] if hardest != largest else [])]
        said = [_turn(found.loc[name], str(name), what) for name in names]
        lines.append(f"Mend first: {'; the hardest blow where it happens is '.join(said)}.")
    return lines


def _turn(row: Any, name: str, what: str) -> str:
    word = "falls" if row["change"] < 0 else "rises"
    return (
        f"{named(name)}, where the chance of {what} {word} from {per_cent(row['earlier'])} to "
        f"{per_cent(row['chance'])} (90% interval {per_cent_range(row['low'], row['high'])}) and which "
        f"{per_cent(row['passed'])} of journeys pass"
    )


def before_words(study: JourneyStudy) -> str:
    """Say what comes before the end that is to be avoided, or else the one that is wanted."""
    one = study.main
    if study.signals is not None and len(study.signals.found()):
        return " ".join(study.signals.sentences(_SIGNALS))
    states = [name for name in one.states if name in set(study.paths["end"])]
    if not states:
        return ""
    found: Any = around(study.paths, states[0], 3)
    found = found[(found["position"] < 0) & (found["state"] != "start")]
    if found.empty:
        return ""
    # The lower end there against the upper end elsewhere; where nothing is known of others, no comparison.
    telling = found.assign(times=found["low"] / found["elsewhere_high"])
    telling = telling[(telling["times"] >= _TELLING) & (telling["n"] >= _FEWEST)].sort_values(
        "times", ascending=False, kind="stable"
    )
    telling = telling.drop_duplicates("state").head(_MENDED)
    if telling.empty:
        usual = found[found["position"] == -1].iloc[0]
        return (
            f"Nothing surely stands out before {named(states[0])}; the most frequent step before it was "
            f"{named(str(usual['state']))}, in {count(usual['n'])} of {plural(int(usual['of']), 'journey')}."
        )
    said = [
        f"{named(str(row.state))} {_steps(int(row.position))} in {per_cent(row.share)} of cases, "
        f"against {per_cent(row.elsewhere)} of the steps of other journeys"
        for row in each_row(telling)
    ]
    return f"What comes before {named(states[0])}: {listing(said)}."


def _steps(position: int) -> str:
    return "right before" if position == -1 else f"{-position} steps before"


def calls(study: JourneyStudy) -> str:
    """Say how many journeys are open, and what the first of the list hold."""
    n, one = study.open.sizes["customer"], study.main
    if not n:
        return "No journey was open at the end of the observation."
    contacts = one.contacts
    row = contacts.iloc[int(np.argmin(np.abs(contacts["contacts"].to_numpy() - 100)))]
    k = int(row["contacts"])
    if k >= n:
        return (
            f"{plural(n, 'journey')} {'was' if n == 1 else 'were'} open at the end of the observation; "
            f"{about(row['expected'])} are expected to reach {either_of(one.states)}{ahead(study)} "
            f"(90% interval {about_range(row['low'], row['high'])})."
        )
    share = float(row["expected"]) / float(row["of"]) if row["of"] > 0 else 0.0
    return (
        f"Of {count(n)} open journeys {about(row['of'])} are expected to reach {either_of(one.states)}"
        f"{ahead(study)}. The {count(k)} first of the list, {per_cent(k / n)} of them, hold "
        f"{about(row['expected'])} of these (90% interval {about_range(row['low'], row['high'])}), "
        f"{per_cent(share)}."
    )


def _left_out(study: JourneyStudy) -> list[str]:
    """Say which rows are part of no number here, and what is odd about the others."""
    source = provenance_of(study.stays)
    rejected, read = source.rows_rejected or 0, source.rows_read or 0
    lines = []
    if rejected and read:
        reasons = sorted(source.rejected.items(), key=lambda item: -item[1])
        said = "; ".join(f"{reason} {count(n)}" for reason, n in reasons[:2])
        lines.append(f"Left out: {count(rejected)} of {plural(read, 'row')} ({said}).")
    if source.remarks:
        lines.append(f"About the data: {'; '.join(source.remarks)}.")
    return lines


def _tiles(study: JourneyStudy) -> Tiles:
    found = [Tile(count(study.journeys), "journeys seen", f"{plural(study.customers, 'customer')}")]
    for one in (study.rival, study.goal):
        if one is not None:
            mean, low, high = one.start
            name = " or ".join(ending_words(state) for state in one.states)
            found.append(Tile(per_cent(mean), f"reach {name}{ahead(study)}", per_cent_range(low, high)))
    found.append(Tile(count(study.open.sizes["customer"]), "journeys open now", "see the list"))
    return Tiles(tuple(found))


def _actions(study: JourneyStudy) -> list[str]:
    steps = []
    for one, good in ((study.rival, False), (study.goal, True)):
        if one is not None and not (found := losses(one, good)).empty:
            names = listing([named(str(name)) for name in found.index[:_MENDED]])
            steps.append(
                f"Look at what happens at {names}: that is where journeys turn for the worse. Change one "
                "thing, and compare with customers for whom it was not changed."
            )
            break
    if not steps:
        steps.append(
            "Change nothing because of what is shown here: no state surely makes journeys worse. More "
            "journeys, or a change that is tried on half of the customers, would tell."
        )
    n, ordered = study.open.sizes["customer"], _is_ordered(study.main)
    if n:
        what = "keep" if study.rival is not None else "help"
        first = (
            "begin with the first of open_journeys.csv"
            if ordered
            else "take any of open_journeys.csv: whose chances are larger is not sure"
        )
        rest = (
            "; leave a tenth of them alone, so that the next report can say what calling changed"
            if n >= 10 * _FEWEST
            else "; they are too few to learn what calling changes"
        )
        steps.append(f"To {what} customers, {first}{rest}.")
    if study.holdout is None or any(check.status == "failed" for check in study.holdout.checks):
        rather = ": use the order of the list rather than its numbers" if n and ordered else ""
        steps.append(f"Mind the warnings above before acting on single chances{rather}.")
    return steps


def _is_ordered(one: Outlook) -> bool:
    """Return whether the open journey with the largest chance surely has a larger one than the average."""
    table = one.of_open
    return len(table) > 1 and bool(table["low"].iloc[int(table["chance"].argmax())] > table["chance"].mean())
