"""The pages of a trial that asks for whom a treatment changes most: what to do, how sure, and why."""

from collections.abc import Sequence

from bayes_cx.checks import verdict
from bayes_cx.errors import InputError
from bayes_cx.inference import UpliftPosterior
from bayes_cx.page import Block, Column, Notice, Number, Page, Section, Table, Text
from bayes_cx.page.check_table import checks_table
from bayes_cx.page.words import count, day
from bayes_cx.reporting.figures.uplift_gain import tenths, uplift_curve
from bayes_cx.reporting.panels.shared import warning
from bayes_cx.reporting.panels.uplift import effects_by_arm, strongest
from bayes_cx.reporting.panels.uplift_judgement import policies
from bayes_cx.reporting.report import Report
from bayes_cx.study import RunProvenance
from bayes_cx.validation import DoseJudgement, UpliftJudgement
from bayes_cx.validation.judge_doses import MIX, OWN
from bayes_cx.validation.uplift_words import better_of, number_of, per_hundred, range_of

__all__ = ["uplift_report"]

_MOST = 4
"""The most treatments that are named at the top; all have a notice below."""


def uplift_report(
    posterior: UpliftPosterior,
    judgements: Sequence[UpliftJudgement],
    run: RunProvenance | None = None,
    *,
    amounts: Sequence[DoseJudgement] = (),
) -> Report:
    """Put what treatments change, and whether it pays to choose customers, into a report.

    Parameters
    ----------
    posterior : UpliftPosterior
        Of all customers.
    judgements : sequence of UpliftJudgement
        One for each treatment, each of a fit that has not seen the customers on which it is judged.
    run : RunProvenance, optional
        Title, organisation, command and time of the run.
    amounts : sequence of DoseJudgement
        For each treatment that was given in several amounts, whether own amounts pay.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If there is no judgement.
    """
    if not judgements:
        raise InputError("no judgement", "one or more", "pass what bcx.judge_uplift returned")
    run = RunProvenance() if run is None else run
    checks = [check for judgement in (*judgements, *amounts) for check in judgement.checks]
    ordered = sorted(judgements, key=lambda judgement: not judgement.ranks)
    facts = (
        ("Prepared for", run.organisation),
        ("Outcome", posterior.outcome),
        ("Customers", count(posterior.n_customers)),
        ("Compared with", posterior.control),
        ("Made", day(run.timestamp)),
    )
    sections = [
        Section("In short", (*_short(ordered, (*posterior.checks, *checks)), *map(_own_amounts, amounts))),
        *(Section(str(one.data.attrs["to"]), _treatment(one)) for one in ordered),
        *(Section(f"Amounts of {one.data.attrs['to']}", _compared_amounts(one)) for one in amounts),
        Section("What each treatment changes, and for whom more", _effects(posterior)),
        Section("How it was computed", _method(posterior, judgements, run)),
    ]
    made = posterior.provenance
    return Report(
        Page(
            run.title or "Whom to treat",
            tuple(sections),
            subtitle="What a treatment changes, for whom, and whether choosing customers gains",
            facts=tuple((name, value) for name, value in facts if value),
            organisation=run.organisation,
            foot=f"bayes_cx {made['versions']['bayes_cx']} · data {str(made['data'].get('sha256', ''))[:8]}",
            timestamp=run.timestamp,
        )
    )


def _short(judgements: Sequence[UpliftJudgement], checks: Sequence) -> tuple[Block, ...]:
    """Return a verdict on each treatment, those with a gain from choosing first, after failed checks."""
    blocks: list[Block] = []
    if (failed := warning(checks)) is not None:
        blocks.append(failed)
    blocks.append(Text(tuple(_lead(one) for one in judgements[:_MOST]), "lead"))
    for one in judgements:
        to = str(one.data.attrs["to"])
        title = (
            f"{to}: choosing customers gains more than chance does."
            if one.ranks
            else f"{to}: no gain from choosing is claimed."
        )
        status = "passed" if one.ranks and verdict(one.checks) == "passed" else "look"
        blocks.append(Notice(status, title, " ".join(one.sentences)))
    return tuple(blocks)


def _lead(judgement: UpliftJudgement) -> str:
    """Return in a few words to whom to give a treatment."""
    better = {
        "choose": "choosing customers",
        "all": "giving it to all",
        "none": "giving it to nobody",
    }[better_of(judgement.data)]
    what = {
        "choose": "give it to the customers whose expected uplift exceeds its cost",
        "all": "give it to all",
        "none": "give it to nobody",
        "unclear": f"to whom to give it is not proven; by the estimates, not shown, {better} is best",
    }[judgement.advice]
    alone = judgement.advice == "all" and not judgement.ranks
    claimed = "; nothing is claimed for single customers" if alone else ""
    return f"{judgement.data.attrs['to']}: {what}{claimed}."


def _treatment(judgement: UpliftJudgement) -> tuple[Block, ...]:
    found = policies(judgement), uplift_curve(judgement), tenths(judgement), checks_table(judgement.checks)
    return tuple(block for block in found if block is not None)


def _own_amounts(judgement: DoseJudgement) -> Notice:
    """Return whether own amounts pay, for page one."""
    to, shown = judgement.data.attrs["to"], judgement.advice == "own"
    title = f"{to}: own amounts gain more than one amount for all." if shown else f"{to}: amounts compared."
    status = "passed" if shown and judgement.verdict == "passed" else "look"
    return Notice(status, title, " ".join(judgement.sentences))


def _compared_amounts(judgement: DoseJudgement) -> tuple[Block, ...]:
    """Return what each policy gains against nothing, and by how much own amounts are ahead of it."""
    data, unit = judgement.data, per_hundred(judgement.data.attrs["family"])
    rows = []
    for policy in data["policy"].to_numpy():
        found = data.sel(policy=policy).data_vars.items()
        one = {name: float(value) for name, value in found if not value.dims}
        cells: list[Number | str] = [str(policy) if policy in (OWN, MIX) else f"{policy} to all"]
        for name in ("value", "lead"):
            ends = range_of(one[f"{name}_low"], one[f"{name}_high"], unit).removeprefix("95% interval ")
            cells += [
                Number(number_of(one[name], unit), one[name], "strong"),
                Number(ends, one[f"{name}_low"], "soft"),
            ]
        rows.append(tuple(cells))
    each = f"per {unit} customers" if unit > 1 else "per customer"
    table = Table(
        (
            Column("Policy", wide=True),
            *map(Column, ("Against nothing", "95% interval", "Own amounts bring more", "95% interval")),
        ),
        tuple(rows),
        caption=f"{data.attrs['outcome']} {each}, after cost.",
        label="Amounts",
    )
    return table, checks_table(judgement.checks)


def _effects(posterior: UpliftPosterior) -> tuple[Block, ...]:
    found = effects_by_arm(posterior), strongest(posterior)
    return tuple(block for block in found if block is not None)


def _method(
    posterior: UpliftPosterior, judgements: Sequence[UpliftJudgement], run: RunProvenance
) -> tuple[Block, ...]:
    judged = count(judgements[0].data.attrs["customers"])
    what = (
        "Outcomes are explained by features, treatments and their interactions. All effects are shrunk to "
        "nothing by scales that are learnt, so that without evidence customers do not differ. Whether "
        f"choosing gains was judged on {judged} customers whom the fit had not seen, by doubly robust scores "
        "with 95% intervals of resampled customers. The list of customers is from a fit to all of them."
    )
    blocks: list[Block] = [
        Text((what,)),
        Text(posterior.model.limits, "bullets"),
        checks_table(posterior.checks),
    ]
    if run.command:
        blocks.append(Text((run.command,), "code"))
    return tuple(blocks)
