"""What a log of actions has taught, as pages for people: effects, goals, what is new, and the next plan."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from bayes_cx.checks import Status
from bayes_cx.decision import Learned
from bayes_cx.page import Block, Number, Page, Section, Text, Tile, Tiles
from bayes_cx.page.blocks import Badge, Cell, Column, Name, Table
from bayes_cx.page.check_table import checks_table
from bayes_cx.page.words import (
    Money,
    agree,
    between,
    chance,
    count,
    day,
    listing,
    measured,
    per_cent,
    plural,
    shorten,
)
from bayes_cx.reporting.figures.learned_effects import learned_effects
from bayes_cx.reporting.panels.shared import warning
from bayes_cx.reporting.report import Report
from bayes_cx.study import RunProvenance
from bayes_cx.validation import Realised

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["learn_report"]

_WHAT = {"bought": "share who buy", "purchases": "purchases", "spend": "spend", "gain": "gain"}
_MOST = 60
"""The most rows of a table; the rest is in effects.csv."""


def learn_report(
    learned: Learned,
    realised: Realised | None = None,
    *,
    policy: xr.Dataset | None = None,
    plan: "pd.DataFrame | None" = None,
    run: RunProvenance | None = None,
) -> Report:
    """Put what a log has taught into pages: what the plan overestimated, what is new, what comes next.

    Parameters
    ----------
    learned : Learned
        From `bcx.learn`.
    realised : Realised, optional
        From `bcx.realised`: what actions brought, against what was expected of them.
    policy : xarray.Dataset, optional
        From `Learned.policy`: the next plan as probabilities by group.
    plan : pandas.DataFrame, optional
        From `Learned.plan`: the next plan by customer.
    run : RunProvenance, optional
        Title, organisation, currency, command and time of the run.

    Returns
    -------
    Report
        With ``to_pdf``, ``to_html`` and ``to_markdown``.

    Examples
    --------
    >>> import pandas as pd
    >>> import bayes_cx as bcx
    >>> log = bcx.read_actions(
    ...     pd.DataFrame({"customer": range(2000), "action": ["mail", "nothing"] * 1000}).assign(
    ...         time="2025-01-01", propensity=0.5
    ...     )
    ... )
    >>> bought = pd.DataFrame({"customer": range(0, 2000, 10), "time": "2025-01-05"})
    >>> learned = bcx.learn(log, bought, window="30 days", until="2025-03-01")
    >>> bcx.learn_report(learned).sentences[0]
    'What the only action changes is measured, on 2,000 decisions in 1 round.'
    """
    run = RunProvenance() if run is None else run
    facts = (
        ("Prepared for", run.organisation),
        ("Outcome", f"{_WHAT[learned.outcome]} within {learned.window}"),
        ("Decisions", count(_decisions(learned))),
        ("Last round", _round(learned)),
        ("As of", day(run.timestamp)),
    )
    sections = (
        _short(learned, realised, plan, run),
        _goals(realised, run),
        _effects(learned, run),
        _news(learned, run),
        _next(learned, policy, plan, run),
        _method(learned, realised, run),
    )
    return Report(
        Page(
            run.title or "What we learned",
            tuple(section for section in sections if section is not None),
            subtitle="What actions changed, against what was expected, and what to do next",
            facts=tuple((name, value) for name, value in facts if value),
            organisation=run.organisation,
            foot="bayes_cx",
            timestamp=run.timestamp,
        )
    )


def _decisions(learned: Learned) -> int:
    return int(learned.sums["n"].to_numpy().sum())


def _round(learned: Learned) -> str:
    return day(str(learned.sums["round"].max())[:10])


def _said(outcome: str, currency: str) -> Callable[[float], str]:
    """Return how a change is printed: of a share in points, of spend and gain as money."""
    if outcome == "bought":
        return _points
    if outcome == "purchases":
        return _signed
    return Money(currency)


def _points(value: float) -> str:
    """Return a change of a share in percentage points, with one decimal, or two where it is small."""
    text = f"{100 * value:+.1f}" if abs(value) >= 0.01 else f"{100 * value:+.2f}"
    return text.replace("-", "−") if np.isfinite(value) else "–"


def _signed(value: float) -> str:
    return f"{'−' if value < 0 else '+'}{measured(abs(value))}" if np.isfinite(value) else "–"


def _change(outcome: str, value: float, currency: str) -> str:
    return _said(outcome, currency)(value) + (" points" if outcome == "bought" else "")


def _range(outcome: str, low: float, high: float, currency: str) -> str:
    return between(low, high, _said(outcome, currency))


def _effect_pairs(learned: Learned) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Yield action, group and numbers of each effect, those with the most decisions first."""
    found = learned.effects
    n = found["n"].to_numpy()
    for k in np.argsort(-n, axis=None, kind="stable"):
        i, j = np.unravel_index(k, n.shape)
        numbers = {
            str(name): float(values.to_numpy()[i, j])
            for name, values in found.data_vars.items()
            if values.dims == ("action", "group")
        }
        yield learned.actions[i], learned.groups[j], numbers


def _of(learned: Learned, group: str) -> str:
    return "" if len(learned.groups) == 1 else f" in “{shorten(group, 30)}”"


def _short(
    learned: Learned, realised: Realised | None, plan: "pd.DataFrame | None", run: RunProvenance
) -> Section:
    blocks: list[Block] = []
    if realised is not None and (failed := warning(realised.checks)) is not None:
        blocks.append(failed)
    blocks.append(Text((_lead(learned, realised, run.currency),), "lead"))
    blocks.append(_tiles(learned, run))
    lines = [_best(learned, run.currency), *_assumed(learned)]
    if plan is not None:
        lines.append(_planned(learned, plan, run.currency))
    blocks.append(Text(tuple(line for line in lines if line)))
    return Section("In short", tuple(blocks))


def _lead(learned: Learned, realised: Realised | None, currency: str) -> str:
    """Say which effects the plan overestimated; where nothing was expected, on how much the effects rest."""
    if realised is not None:
        goals = realised.data["goal"].to_numpy().astype(str)
        names = realised.data["action"].to_numpy().astype(str)
        was, now = (realised.data[name].to_numpy() for name in ("expected", "realised"))
        said, unit = _said(realised.outcome, currency), " points" if realised.outcome == "bought" else ""

        def against(goal: str) -> str:
            some = zip(names[goals == goal], was[goals == goal], now[goals == goal], strict=True)
            return listing(
                [
                    f"“{shorten(name, 30)}” (expected {said(a)}{unit}, measured {said(b)}{unit} a decision)"
                    for name, a, b in some
                ]
            )

        if "missed" in goals:
            also = f"; it underestimated {against('beaten')}" if "beaten" in goals else ""
            return f"The plan overestimated {against('missed')}{also}."
        if "beaten" in goals:
            return f"The plan underestimated {against('beaten')}, and overestimated no action."
        if (goals != "not known").any():
            return "No action is shown to have brought less than expected."
    tried = [name for name in learned.actions if learned.effects["n"].sel(action=name).sum() > 0]
    rounds = f"on {plural(_decisions(learned), 'decision')} in {plural(learned.rounds, 'round')}"
    if not tried:
        return "No action was tried yet: what they change is assumed."
    if len(tried) < len(learned.actions):
        return (
            f"What {count(len(tried))} of {count(len(learned.actions))} actions change is measured, {rounds}."
        )
    which = "the only action changes" if len(tried) == 1 else f"all {count(len(tried))} actions change"
    return f"What {which} is measured, {rounds}."


def _tiles(learned: Learned, run: RunProvenance) -> Tiles:
    """Return the effects with the most decisions."""
    tiles = []
    for action, group, one in list(_effect_pairs(learned))[:4]:
        interval = _range(learned.outcome, one["low"], one["high"], run.currency)
        basis = f"{plural(one['n'], 'decision')}" if one["n"] else "assumed"
        tiles.append(
            Tile(
                _change(learned.outcome, one["effect"], run.currency),
                f"{shorten(action, 20)}{_of(learned, shorten(group, 20))}",
                f"90% interval {interval}; {basis}",
            )
        )
    return Tiles(tuple(tiles))


def _best(learned: Learned, currency: str) -> str:
    """Say which effects are above nothing, and which are below."""
    sure = [(a, g, one) for a, g, one in _effect_pairs(learned) if one["n"] and one["low"] > 0]
    harm = [(a, g, one) for a, g, one in _effect_pairs(learned) if one["n"] and one["high"] < 0]
    what = _WHAT[learned.outcome]
    if not sure:
        text = f"No action is shown to raise the {what}."
    else:
        action, group, one = max(sure, key=lambda row: row[2]["effect"])
        text = (
            f"“{shorten(action, 30)}” raises the {what} most{_of(learned, group)}, by "
            f"{_change(learned.outcome, one['effect'], currency).lstrip('+')} (90% interval "
            f"{_range(learned.outcome, one['low'], one['high'], currency)})."
        )
    if harm:
        names = [f"“{shorten(a, 30)}”{_of(learned, g)}" for a, g, _ in harm[:4]]
        text += f" {listing(names)} {agree(len(names), 'lowers', 'lower')} it."
    return text


def _assumed(learned: Learned) -> Iterator[str]:
    """Say how many effects nobody has measured."""
    n = learned.effects["n"].to_numpy()
    missing = int((n == 0).sum())
    if missing:
        never = [name for name, row in zip(learned.actions, n, strict=True) if not row.any()]
        also = f" {listing([f'“{shorten(a, 24)}”' for a in never[:4]])} {agree(len(never), 'was', 'were')} "
        also = f"{also}never tried." if never else ""
        yield (
            f"{count(missing)} of {plural(n.size, 'effect')} {agree(missing, 'is', 'are')} an assumption "
            f"still.{also}"
        )


def _planned(learned: Learned, plan: "pd.DataFrame", currency: str) -> str:
    rows: Any = plan
    acted = int((rows["action"] != learned.control).sum())
    gain = float(rows["expected"].to_numpy().sum())
    return (
        f"The next plan acts on {count(acted)} of {plural(len(rows), 'customer')}, and is expected to gain "
        f"{Money(currency)(gain)} over leaving all alone; {count(len(rows) - acted)} are left alone."
    )


_GOAL: dict[str, tuple[str, Status | None]] = {
    "missed": ("overestimated", None),
    "beaten": ("underestimated", "passed"),
    "not contradicted": ("not contradicted", "passed"),
    "not known": ("not known", "not_run"),
}


def _goals(realised: Realised | None, run: RunProvenance) -> Section | None:
    """Return what was expected beside what happened, by action."""
    if realised is None:
        return None
    said = _said(realised.outcome, run.currency)
    rows: list[tuple[Cell, ...]] = []
    for name in realised.data["action"].to_numpy().astype(str):
        one = {str(key): realised.data[key].sel(action=name).item() for key in realised.data.data_vars}
        rows.append(
            (
                shorten(name, 40),
                Number(count(one["n"]), one["n"]),
                Number(said(one["expected"]) if np.isfinite(one["expected"]) else "–", one["expected"]),
                Number(
                    said(one["realised"]) if np.isfinite(one["realised"]) else "–", one["realised"], "strong"
                ),
                Number(
                    between(one["low"], one["high"], said) if np.isfinite(one["low"]) else "–",
                    one["low"],
                    "soft",
                ),
                Badge(*_GOAL[one["goal"]]),
                Number(said(one["corrected"]) if np.isfinite(one["corrected"]) else "–", one["corrected"]),
            )
        )
    heads = (
        "Action",
        "Decisions",
        "Expected",
        "Realised",
        f"{realised.level:.0%} interval",
        "The plan was",
        "Now",
    )
    return Section(
        "Was it worth it?",
        (
            Table(
                tuple(Column(head, wide=i == 0) for i, head in enumerate(heads)),
                tuple(rows),
                label="Expected and realised",
                note=f"{_WHAT[realised.outcome].capitalize()} of a decision over leaving the customer alone, "
                "after cost. The plan overestimated an action where the whole interval lies below what was "
                "expected. “Now” "
                "is what to expect from now on.",
            ),
        ),
    )


def _effects(learned: Learned, run: RunProvenance) -> Section:
    rows: list[tuple[Cell, ...]] = []
    pairs = list(_effect_pairs(learned))
    said = _said(learned.outcome, run.currency)
    for action, group, one in pairs[:_MOST]:
        rows.append(
            (
                Name(shorten(action, 30), "" if len(learned.groups) == 1 else shorten(group, 40)),
                Number(said(learned.assumed(action)), learned.assumed(action), "soft"),
                Number(
                    said(one["measured"]) if np.isfinite(one["measured"]) else "–", one["measured"], "soft"
                ),
                Number(said(one["effect"]), one["effect"], "strong"),
                Number(between(one["low"], one["high"], said), one["low"], "soft"),
                Number(count(one["n"]), one["n"]),
                Badge("measured", "passed") if one["n"] else Badge("assumed", "not_run"),
            )
        )
    heads = ("Action", "Assumed", "In the log", "Known now", "90% interval", "Decisions", "")
    unit = "in percentage points " if learned.outcome == "bought" else ""
    table = Table(
        tuple(Column(head, wide=i == 0) for i, head in enumerate(heads)),
        tuple(rows),
        label="What actions change",
        note=f"Change of the {_WHAT[learned.outcome]}, {unit}over leaving the customer alone. What is known "
        "now weighs the assumption and the log by how much each says, and draws groups together unless the "
        "log says that they differ.",
        total=len(pairs),
        rest="all are in effects.csv",
    )
    return Section("What actions change", (learned_effects(learned, _headline(learned)), table))


def _headline(learned: Learned) -> str:
    low, high, n = (learned.effects[name].to_numpy() for name in ("low", "high", "n"))
    known = int((n > 0).sum())
    shown = int(((low > 0) & (n > 0)).sum())
    below = int(((high < 0) & (n > 0)).sum())
    text = f"{count(shown)} of {plural(known, 'measured effect')} {agree(shown, 'is', 'are')} above zero"
    return text + (f", {count(below)} below" if below else "")


def _news(learned: Learned, run: RunProvenance) -> Section:
    """Say what the last round has changed of what was known before it."""
    said, rounds = _said(learned.outcome, run.currency), learned.sums["round"]
    earlier: Any = learned.sums[rounds < rounds.max()]
    title = "What is new since last time"
    if not len(earlier) or not (earlier["action"] == learned.control).any():
        line = "This is the first round. Before it all effects were assumed; the table above has both."
        return Section(title, (Text((line,)),))
    past = replace(learned, sums=earlier.reset_index(drop=True)).effects
    rows: list[tuple[Cell, ...]] = []
    lines = []
    for action, group, one in _effect_pairs(learned):
        if action not in past["action"].to_numpy() or group not in past["group"].to_numpy():
            rows.append((*_cells(action, group, learned), "–", "–", _now(one, said), "new"))
            continue
        was = {name: float(past[name].sel(action=action, group=group)) for name in ("effect", "low", "high")}
        word = "as thought"
        if not was["low"] <= one["effect"] <= was["high"]:
            word = "lower than thought" if one["effect"] < was["low"] else "higher than thought"
            lines.append(
                f"“{shorten(action, 30)}”{_of(learned, group)} changes {word.replace('than thought', '')}"
                f"than was thought: {said(one['effect'])}, not {said(was['effect'])}."
            )
        narrower = 1.0 - (one["high"] - one["low"]) / (was["high"] - was["low"])
        sharp = f"{word}; interval {per_cent(narrower)} narrower" if narrower >= 0.05 else word
        rows.append(
            (
                *_cells(action, group, learned),
                Number(said(was["effect"]), was["effect"]),
                Number(between(was["low"], was["high"], said), was["low"], "soft"),
                _now(one, said),
                sharp,
            )
        )
    heads = ("Action", "Before", "90% interval", "Now", "What is new")
    if not lines:
        lines = ["Nothing is far from what was thought before this round; intervals became narrower."]
    table = Table(
        tuple(Column(head, wide=i in (0, 4)) for i, head in enumerate(heads)),
        tuple(rows[:_MOST]),
        label=title,
        total=len(rows),
        note="“Before” is what was known without the last round. Higher or lower: outside the interval of "
        "before.",
    )
    return Section(title, (Text(tuple(lines[:8]), "bullets"), table))


def _cells(action: str, group: str, learned: Learned) -> tuple[Name]:
    return (Name(shorten(action, 30), "" if len(learned.groups) == 1 else shorten(group, 40)),)


def _now(one: dict[str, float], said: Callable[[float], str]) -> Number:
    return Number(said(one["effect"]), one["effect"], "strong")


def _next(
    learned: Learned, policy: xr.Dataset | None, plan: "pd.DataFrame | None", run: RunProvenance
) -> Section | None:
    """Return the next plan: how probable each action is in each group, and how many get it."""
    if policy is None and plan is None:
        return None
    money, blocks = Money(run.currency), []
    if plan is not None:
        rows: Any = plan
        found = rows.groupby("action")["expected"].agg(["size", "sum"])
        cells = [
            (
                shorten(str(name), 40),
                Number(count(row["size"]), row["size"]),
                Number(per_cent(row["size"] / len(plan)), row["size"]),
                Number(money(row["sum"]), row["sum"]),
            )
            for name, row in found.sort_values("size", ascending=False).iterrows()
        ]
        blocks.append(
            Table(
                tuple(
                    Column(head, wide=i == 0)
                    for i, head in enumerate(("Action", "Customers", "Share", "Expected gain"))
                ),
                tuple(cells),
                label="The next plan",
                note="Expected gain over leaving customers alone, after cost.",
            )
        )
    if policy is not None:
        blocks.append(_chances(learned, policy, money))
    return Section("What to do next", tuple(blocks))


def _chances(learned: Learned, policy: xr.Dataset, money: Money) -> Table:
    rows = []
    for j, group in enumerate(policy["group"].to_numpy().astype(str)):
        one = policy.isel(group=j)
        order = np.argsort(-one["p_best"].to_numpy(), kind="stable")
        for position, i in enumerate(order):
            values = {name: float(one[name][i]) for name in ("propensity", "p_best", "gain")}
            action = str(policy["action"].to_numpy()[i])
            rows.append(
                (
                    shorten(group, 40) if position == 0 else "",
                    shorten(action, 30),
                    Number(chance(round(values["p_best"], 6)), values["p_best"]),
                    Number("–" if action == learned.control else money(values["gain"]), values["gain"]),
                    Number(per_cent(round(values["propensity"], 6)), values["propensity"], "strong"),
                )
            )
    heads = ("Group", "Action", "Best", "Gain of a decision", "Share that gets it")
    return Table(
        tuple(Column(head, wide=i < 2) for i, head in enumerate(heads)),
        tuple(rows[:_MOST]),
        caption="How the next plan chooses",
        label="How the next plan chooses",
        total=len(rows),
        rest="all are in policy.csv",
        note="“Best” is the probability that the action gains most in this group. An action gets a share "
        "of the customers that follows it; some are left alone, and some get any action, so that the next "
        "round can be learned from.",
    )


def _method(learned: Learned, realised: Realised | None, run: RunProvenance) -> Section:
    forget = f" A round counts half after {learned.half_life}." if learned.half_life else ""
    what = (
        "Customers who got an action are compared with those of the same round and group who were left "
        "alone. A decision counts by one over the probability with which it was chosen, so neither the "
        f"choice of customers nor a good month is taken for an effect. What was assumed is the prior.{forget}"
    )
    limits = (
        "What an action does to others than the customer who got it is not seen.",
        f"What happens later than {learned.window} after a decision does not count.",
        "An effect may wear off: it is that of the rounds in the log.",
    )
    priors = [
        f"“{shorten(name, 30)}” was assumed as {_prior(learned, name)}." for name in learned.actions[:20]
    ]
    blocks: list[Block] = [Text((what,)), Text((*priors, *limits), "bullets")]
    if realised is not None and realised.checks:
        blocks.append(checks_table(realised.checks, about="Action"))
    if run.command:
        blocks.append(Text((run.command,), "code"))
    return Section("How it was computed", tuple(blocks))


def _prior(learned: Learned, name: str) -> str:
    prior = learned.prior(name)
    share = "" if learned.outcome == "bought" else " of what those left alone bring"
    return f"Beta({prior.alpha:g}, {prior.beta:g}), {per_cent(prior.mean)}{share} on average"
