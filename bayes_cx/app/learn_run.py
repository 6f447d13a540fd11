"""The command `bayes-cx learn`: from a log of actions and purchases to their effects and the next plan."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bayes_cx as bcx
from bayes_cx.app.folder import report_folder, write_record
from bayes_cx.app.settings import Settings
from bayes_cx.app.steps import Steps
from bayes_cx.errors import InputError
from bayes_cx.files import few_digits, meaningful, write_csv
from bayes_cx.records import RECORD

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["FILES", "Asked", "run"]

STATE = "learned.parquet"
TABLES = ("effects.csv", "realised.csv", "policy.csv", "next.csv")
PAGES = ("learned.pdf", "learned.html")
FILES = (STATE, *PAGES, *TABLES, "rejected.csv", "rejected_purchases.csv", RECORD)
"""The files that the command may write."""


@dataclass(frozen=True)
class Asked:
    """What is asked for besides the settings.

    Attributes
    ----------
    outcome : str
        What is learned of.
    control : str
        The action of those left alone.
    costs, believed : sequence of str
        Cost and prior of actions, as ``"mail=1.5"`` and ``"mail=2,18"``.
    half_life : str or None
    least, left_alone : float
    plan_for : datetime or None
        When the next plan is carried out: it is then written into the log.
    """

    outcome: str
    control: str
    costs: Sequence[str]
    believed: Sequence[str]
    half_life: str | None
    least: float
    left_alone: float
    plan_for: datetime | None


def run(log: Path, purchases: Path, settings: Settings, asked: Asked, out: Path) -> tuple[str, ...]:
    """Learn, write what was learned and the next plan into `out`, and return it in sentences.

    Rounds that an earlier run has learned into the same folder stay as they are.

    Raises
    ------
    InputError
        If a file cannot be read, or nothing can be learned.
    """
    if settings.trial.window is None:
        raise InputError("no window", "how long after an action a purchase counts", "pass --window '30 days'")
    costs = {name: _cost(value, name) for name, value in _pairs(asked.costs, "--cost", "mail=1.50")}
    priors = {name: _beta(value, name) for name, value in _pairs(asked.believed, "--believe", "mail=2,18")}
    steps = Steps(total=3)
    with report_folder(out, FILES) as folder:
        with steps.step("Read actions and purchases") as step:
            actions = bcx.read_actions(log, timezone=settings.read.timezone)
            bought = _purchases(purchases, settings)
            step.says = f"{actions.rows_accepted:,} decisions, {bought.rows_accepted:,} purchases"
        for found, name in ((actions, "rejected.csv"), (bought, "rejected_purchases.csv")):
            for reason, n in found.rejected_by_reason.items():
                steps.note(f"{n:,} {'row' if n == 1 else 'rows'} of {found.source} rejected: {reason}")
            if found.rows_rejected:
                found.write_rejected(folder / name)
        with steps.step("Learn what actions change") as step:
            decided = bcx.follow_up(
                actions,
                bought,
                window=settings.trial.window,
                until=settings.compute.until,
                margin=settings.compute.margin,
                costs={name: cost for name, cost in costs.items() if name in actions.actions},
                worth=settings.compute.worth,
            )
            learned = bcx.learn(
                decided,
                outcome=asked.outcome,
                by=settings.read.by or None,
                control=asked.control,
                priors=priors,
                half_life=asked.half_life,
                before=bcx.load_learned(out / STATE) if (out / STATE).exists() else None,
                seed=settings.compute.seed,
            )
            step.says = f"{learned.rounds:,} {'round' if learned.rounds == 1 else 'rounds'}"
        for remark in decided.remarks:
            steps.note(remark)
        with steps.step("Write what was learned and the next plan"):
            plan, policy = _write(folder, actions, decided, learned, settings, asked, costs)
            found = bcx.realised(decided, control=asked.control, by=learned.by)
            made = bcx.learn_report(
                learned, found, policy=policy, plan=plan, run=_provenance(settings, decided)
            )
            made.to_pdf(folder / PAGES[0])
            made.to_html(folder / PAGES[1])
            write_csv(meaningful(found.table()), folder / "realised.csv")
            missed = [one for one in found.sentences if "expected" in one or "not known" in one]
            sentences = (*learned.sentences, *missed)
            record = {"sentences": sentences, **_recorded(learned, settings, asked)}
            files = [path.name for path in folder.iterdir()]
            write_record(folder, few_digits(json.loads(json.dumps(record))), files)
    if asked.plan_for is not None:
        written = bcx.write_actions(plan, log, time=asked.plan_for, model="learned", context=learned.by)
        sentences += (f"The next plan is in the log, {written}.",)
    return sentences


def _write(
    folder: Path,
    actions: bcx.Actions,
    decided: bcx.FollowUp,
    learned: bcx.Learned,
    settings: Settings,
    asked: Asked,
    costs: dict[str, float],
) -> "tuple[pd.DataFrame, xr.Dataset]":
    """Write the tables; return the next plan for all customers of the log, and the chances it follows."""
    value: dict[str, Any] = {"least": asked.least, "left_alone": asked.left_alone}
    if asked.outcome != "gain":  # which has both in it
        value |= {"worth": _worth(decided, settings, asked.outcome), "costs": costs}
    rows: Any = actions.table()
    if asked.plan_for is not None:  # a plan that was written before is no news of its customers
        rows = rows[rows["time"] < asked.plan_for]
    latest = rows.groupby("customer", as_index=False, sort=True).tail(1).sort_values("customer")
    plan = learned.plan(latest[["customer", *learned.by]], seed=settings.compute.seed, **value)
    policy = learned.policy(**value)
    by_group = policy.to_dataframe().reset_index()
    bcx.save_learned(learned, folder / STATE)
    write_csv(meaningful(learned.table()), folder / "effects.csv")
    write_csv(meaningful(by_group, exact=["propensity"]), folder / "policy.csv")
    write_csv(meaningful(plan, exact=["propensity"]), folder / "next.csv")
    return plan, policy


def _provenance(settings: Settings, decided: bcx.FollowUp) -> bcx.RunProvenance:
    """Return title, organisation, currency and time of the pages.

    The time is that until which purchases are known unless one is given, since the same outcomes learned
    twice must change nothing.
    """
    write = settings.write
    return bcx.RunProvenance(
        title=write.title or "",
        organisation=write.organisation,
        currency=write.currency,
        timestamp=decided.until if write.timestamp is None else write.stamp(),
    )


def _worth(decided: bcx.FollowUp, settings: Settings, outcome: str) -> float:
    """Return what one more buyer, purchase or unit of spend is worth: what they bring in the log."""
    if settings.compute.worth is not None and outcome != "spend":
        return settings.compute.worth
    if outcome == "spend":
        return settings.compute.margin
    brought = {"bought": "buyers", "purchases": "purchases"}[outcome]
    sums: Any = decided.by_action().sum()
    if "spend" not in sums or not sums[brought]:
        return 1.0
    return settings.compute.margin * float(sums["spend"]) / float(sums[brought])


def _recorded(learned: bcx.Learned, settings: Settings, asked: Asked) -> dict[str, Any]:
    sums = learned.sums.to_csv(index=False)
    return {
        "decisions": int(learned.sums["n"].to_numpy().sum()),
        "rounds": learned.rounds,
        "sha256": hashlib.sha256(sums.encode()).hexdigest(),
        "settings": {
            "outcome": asked.outcome,
            "control": asked.control,
            "by": learned.by,
            "window": learned.window,
            "half_life": learned.half_life,
            "least": asked.least,
            "left_alone": asked.left_alone,
            "costs": list(asked.costs),
            "believed": {name: [prior.alpha, prior.beta] for name, prior in learned.priors.items()},
            "seed": settings.compute.seed,
        },
    }


def _purchases(file: Path, settings: Settings) -> bcx.Transactions:
    read = settings.read
    return bcx.read_transactions(
        file,
        customer=read.customer or "customer",
        time=read.time or "time",
        amount=read.amount,
        time_format=read.time_format,
        timezone=read.timezone,
        returns=read.returns,
        zero_amounts=read.zero_amounts,
        decimal=read.decimal,
        thousands=read.thousands,
        encoding=read.encoding,
        query=read.query,
    )


def _pairs(texts: Sequence[str], flag: str, example: str) -> list[tuple[str, str]]:
    """Return names and values of ``name=value``."""
    found = []
    for text in texts:
        name, equals, value = text.rpartition("=")
        if not equals or not name.strip():
            raise InputError(
                f"{flag} {text}", "an action and a number", f"write for example {flag} {example}"
            )
        found.append((name.strip(), value.strip()))
    return found


def _numbers(text: str) -> list[float]:
    with suppress(ValueError):
        return [float(part) for part in text.split(",")]
    return []


def _cost(text: str, name: str) -> float:
    match _numbers(text):
        case [cost] if 0 <= cost < float("inf"):
            return cost
    raise InputError(f"the cost {text!r} of {name!r}", "a number of zero or more", "correct --cost")


def _beta(text: str, name: str) -> bcx.Beta:
    match _numbers(text):
        case [alpha, beta]:
            return bcx.Beta(alpha, beta)
    raise InputError(
        f"the belief {text!r} about {name!r}",
        "the two numbers of a Beta distribution",
        "write for example --believe mail=2,18, whose mean is 0.1",
    )
