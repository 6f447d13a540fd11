"""The two pages of a trial that somebody acts on: what won, by how much, how sure, for whom it differs."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.inference import TrialPosterior
from bayes_cx.page import Block, Notice, Page, Section, Text, Tile, Tiles
from bayes_cx.page.blocks import Column, Number, Table
from bayes_cx.page.check_table import checks_table
from bayes_cx.page.words import Money, chance, count, day, listing, plural, shorten, sign
from bayes_cx.reporting.figures.arms import arm_changes, segment_changes
from bayes_cx.reporting.report import Report
from bayes_cx.reporting.trial.tables import amount, arms_table, change, change_range, segments_table
from bayes_cx.reporting.trial.trial_study import TrialStudy
from bayes_cx.scoring import effect_by_segment

__all__ = ["trial_report"]

# From this probability on an arm is called better, and segments are said to differ; below the other they
# are said not to.
_SURE, _DIFFER, _ALIKE = 0.95, 0.95, 0.2
_MOST = 5
"""The most segments of a kind that are named on page one."""


def trial_report(study: TrialStudy) -> Report:
    """Return the report of a trial: two pages, the checks behind them.

    Parameters
    ----------
    study : TrialStudy

    Returns
    -------
    Report
        With ``to_pdf``, ``to_html`` and ``to_markdown``.

    Examples
    --------
    >>> import pandas as pd
    >>> import bayes_cx as bcx
    >>> rows = pd.DataFrame({"mail": ["no"] * 1000 + ["yes"] * 1000, "bought": 0})
    >>> rows.loc[[*range(50), *range(1000, 1120)], "bought"] = 1
    >>> stats = bcx.summarise_trial(rows, "bought", arm="mail", control="no")
    >>> made = bcx.trial_report(bcx.TrialStudy(bcx.fit(bcx.models.TRIAL, stats, seed=1)))
    >>> made.sentences[0]
    '“yes” won: with it the share of customers who respond is 12.1%, +6.99 points against “no”.'
    """
    posterior, run = study.posterior, study.provenance
    data = posterior.provenance["data"]
    facts = (
        ("Prepared for", run.organisation),
        ("Customers", count(posterior.n_customers)),
        ("Arms", plural(len(posterior.arms), "arm")),
        ("Outcome", " ".join(filter(None, (data.get("outcome", ""), _window(data))))),
        ("Observed until", day(data["until"]) if data.get("until") and len(data["until"]) == 10 else ""),
        ("Made", day(run.timestamp)),
    )
    sections = (_warnings(study), _short(study), _whom(study), _sure(study), _checks(study))
    sha256 = str(data.get("sha256", ""))
    return Report(
        Page(
            run.title or "Result of a trial",
            tuple(section for section in sections if section is not None),
            subtitle="What won, by how much, how sure that is, and for whom it differs",
            facts=tuple((name, value) for name, value in facts if value),
            organisation=run.organisation,
            foot=f"bayes_cx {posterior.provenance['versions']['bayes_cx']} · data {sha256[:8]}",
            timestamp=run.timestamp,
        )
    )


def _window(data: dict[str, Any]) -> str:
    return f"within {data['window']}" if data.get("window") else ""


def _said(study: TrialStudy) -> Callable[[float], str]:
    currency = study.provenance.currency
    return lambda one: change(study.posterior, one, currency).removesuffix(" points")


def _warnings(study: TrialStudy) -> Section | None:
    """Return what failed, before anything else."""
    failed = [check for check in study.posterior.checks if check.status == "failed"]
    if not failed:
        return None
    text = (
        "Do not act on the result below: the arms may differ in more than what they got. "
        f"{plural(len(failed), 'check')} failed: {listing([sign(one.name) for one in failed])}. "
        f"{' '.join(one.note[:1].upper() + one.note[1:] + '.' for one in failed if one.note)}"
    )
    return Section("", (Notice("failed", "The trial failed its checks.", text),))


_WHAT = {
    "conversion": "the share of customers who respond",
    "count": "the number of events of a customer",
    "value": "the amount of a customer",
}


def _short(study: TrialStudy) -> Section:
    posterior, currency = study.posterior, study.provenance.currency
    lines = [_won(study), *_for_whom_it_pays(study), *_how_sure(study), _stop(study)]
    if (gain := _worth(study)) is not None:
        lines.append(gain)
    return Section(
        "In short",
        (
            Text((lines[0],), "lead"),
            _tiles(study),
            Text(tuple(lines[1:])),
            arm_changes(posterior, _said(study)),
            arms_table(posterior, currency),
        ),
    )


def _won(study: TrialStudy) -> str:
    """Say which arm won, and by how much."""
    posterior, currency = study.posterior, study.provenance.currency
    found, best = study.arms, study.best
    what = _WHAT[posterior.measure]
    control = f"“{shorten(posterior.control, 40)}”"
    if best == posterior.control:
        mean = float(found["mean"].sel(arm=best))
        said = amount(posterior, mean, currency)
        return f"No arm is shown to be better than {control}, where {what} is {said}."
    one = found.sel(arm=best)
    mean, lift, p = (float(one[name]) for name in ("mean", "lift", "p_better"))
    verb = "won" if p >= _SURE else "is ahead, but has not won"
    if posterior.verdict == "failed":
        verb = "is ahead in a trial that failed its checks"
    return (
        f"“{shorten(best, 40)}” {verb}: with it {what} is {amount(posterior, mean, currency)}, "
        f"{change(posterior, lift, currency)} against {control}."
    )


def _how_sure(study: TrialStudy) -> Iterator[str]:
    posterior, currency = study.posterior, study.provenance.currency
    found, best = study.arms, study.best
    name = best if best != posterior.control else str(found["arm"].to_numpy()[1 + _second(found)])
    one = found.sel(arm=name)
    interval = change_range(posterior, float(one["lift_low"]), float(one["lift_high"]), currency)
    text = (
        f"The change by “{shorten(name, 40)}” is {interval} with a probability of 90%; the probability that "
        f"it is better than “{shorten(posterior.control, 40)}” is {chance(round(float(one['p_better']), 6))}"
    )
    if len(posterior.arms) > 2:
        text += f", that it is the best of all arms {chance(round(float(one['p_best']), 6))}"
    loss = max(float(one["loss"]), 0.0)
    costs = _loss(posterior, loss, currency)
    yield f"{text}. Choosing it although another arm is better would cost {costs} on average."


def _loss(posterior: TrialPosterior, loss: float, currency: str) -> str:
    # What is less than a thousandth of an outcome is nothing that anybody would see.
    mean = float(posterior.table["total"].sum() / posterior.table["n"].sum())
    if loss < 1e-3 * mean:
        return "next to nothing"
    return change(posterior, loss, currency).lstrip("+")


def _second(found: xr.Dataset) -> int:
    return int(found["p_best"].to_numpy()[1:].argmax())


def _stop(study: TrialStudy) -> str:
    """Say whether the trial may be stopped now, however often it was looked at."""
    looks = study.looks
    decided, names = looks["decided"].to_numpy(), [shorten(str(n), 40) for n in looks["arm"].to_numpy()]
    alpha = f"{100 * study.alpha:g}%"
    rule = (
        f"By the rule that errs in at most {alpha} of trials without a difference, however often one looks,"
    )
    better = [f"“{name}”" for name, one in zip(names, decided, strict=True) if one == "better"]
    if better:
        best = f"“{shorten(study.best, 40)}”"
        verb = "is" if len(better) == 1 else "are"
        also = f" That {best} is better is not shown yet."
        if best in better or study.best == study.posterior.control:
            also = ""
        return f"Stop: {rule} {listing(better)} {verb} better.{also}"
    if (decided != "open").all():
        return f"Stop: {rule} no arm is worth having."
    open_ = [f"“{name}”" for name, one in zip(names, decided, strict=True) if one == "open"]
    return (
        f"Go on, if more customers can be had: {rule} {listing(open_)} "
        f"{'is' if len(open_) == 1 else 'are'} not decided. If the trial was planned to end now, "
        "and was looked at only now, the probabilities above are what counts."
    )


def _worth(study: TrialStudy) -> str | None:
    gains, money = study.gains, Money(study.provenance.currency)
    if gains is None or study.best == study.posterior.control:
        return None
    one = gains.sel(arm=study.best)
    gain = float(one["gain"])
    verb = "bring" if gain >= 0 else "lose"
    each = f", at {money(study.cost)} each" if study.cost else ""
    return (
        f"Given to {count(study.customers or 0)} customers{each}, “{shorten(study.best, 40)}” is expected to "
        f"{verb} {money(abs(gain))} more than “{shorten(study.posterior.control, 40)}” (90% interval "
        f"{money.range(float(one['gain_low']), float(one['gain_high']))}); the probability that it pays is "
        f"{chance(float(one['p_gain']))}."
    )


def _for_whom_it_pays(study: TrialStudy) -> Iterator[str]:
    """Say for whom an arm pays, and for whom not, where segments differ and it is expected to lose in one."""
    gains, posterior = study.segment_gains, study.posterior
    if gains is None:
        return
    found, labels = effect_by_segment(posterior), gains["segment"].to_numpy().astype(str)
    money, currency = Money(study.provenance.currency), study.provenance.currency
    for arm in posterior.arms[1:]:
        effect = found["effect"].sel(treatment=arm).to_numpy()
        one = {str(name): column.sel(treatment=arm).to_numpy() for name, column in gains.data_vars.items()}

        def said(at: int, effect: np.ndarray = effect, one: dict[str, np.ndarray] = one) -> str:
            interval = money.range(float(one["net_low"][at]), float(one["net_high"][at]))
            name = shorten(labels[at].split(": ", 1)[1], 30)
            return (
                f"{name} ({change(posterior, float(effect[at]), currency)}, "
                f"net {money(float(one['net'][at]))} a customer, 90% interval {interval}, probability to pay "
                f"{chance(round(float(one['p_net'][at]), 6))})"
            )

        for column in posterior.divisions:
            mine = np.flatnonzero([label.startswith(f"{column}: ") for label in labels])
            sure = float(posterior.provenance["p_differ"][arm][column]) >= _DIFFER
            p = one["p_net"]
            groups = {
                "it loses money in": mine[p[mine] <= 1 - _SURE],
                "it pays in": mine[p[mine] >= _SURE],
                "neither is shown in": mine[(p[mine] > 1 - _SURE) & (p[mine] < _SURE)],
            }
            if not sure or not (p[mine] < 0.5).any():
                continue
            parts = [
                f"{what} {listing([said(int(at)) for at in some[:_MOST]])}"
                + (f" and {count(some.size - _MOST)} more" if some.size > _MOST else "")
                for what, some in groups.items()
                if some.size
            ]
            needed = ""
            if study.worth > 0 and study.cost > 0:
                least = change(posterior, study.cost / study.worth, currency)
                needed = f": a change of {least} is needed to earn its {money(study.cost)} for each customer"
            shown = "does not" if groups["it loses money in"].size else "is not shown to"
            yield f"“{shorten(arm, 40)}” {shown} pay for everybody{needed}. By {column} {'; '.join(parts)}."


def _tiles(study: TrialStudy) -> Tiles:
    posterior, currency = study.posterior, study.provenance.currency
    found = study.arms
    name = study.best if study.best != posterior.control else posterior.arms[1 + _second(found)]
    one = found.sel(arm=name)
    interval = change_range(posterior, float(one["lift_low"]), float(one["lift_high"]), currency)
    looks, gains = study.looks, study.gains
    tiles = [
        Tile(
            change(posterior, float(one["lift"]), currency),
            f"change by {shorten(name, 24)}",
            f"90% interval {interval}",
        ),
        Tile(
            chance(round(float(one["p_better"]), 6)),
            "probability that it is better",
            f"than {shorten(posterior.control, 24)}",
        ),
        Tile(
            str(looks.attrs["decision"]).capitalize(),
            "however often one looked",
            f"e-value {_e(float(looks['e_value'].sel(arm=name)))}, {looks.attrs['threshold']:.0f} decides",
        ),
    ]
    if gains is not None:
        money = Money(currency)
        worth = gains.sel(arm=name)
        tiles.append(
            Tile(
                money(float(worth["gain"])),
                f"gain with {count(study.customers or 0)} customers",
                f"90% interval {money.range(float(worth['gain_low']), float(worth['gain_high']))}",
            )
        )
    return Tiles(tuple(tiles))


def _e(value: float) -> str:
    return "above 1,000" if value > 1000 else f"{value:.2g}" if value < 100 else f"{value:.0f}"


def _whom(study: TrialStudy) -> Section | None:
    """Say for whom the arms work differently, and whether that is more than noise."""
    posterior = study.posterior
    if not posterior.divisions:
        return None
    differ = posterior.provenance["p_differ"]
    lines, shown = [], None
    for arm in posterior.arms[1:]:
        found = effect_by_segment(posterior).sel(treatment=arm)
        for name in posterior.divisions:
            p = float(differ[arm][name])
            lines.append(_differs(study, arm, name, p, found))
            if shown is None or p > shown[0]:
                shown = (p, arm)
    assert shown is not None
    blocks: list[Block] = [Text(tuple(lines), "bullets"), segment_changes(posterior, shown[1], _said(study))]
    blocks.append(segments_table(posterior, study.provenance.currency))
    return Section("For whom it differs", tuple(blocks), new_page=True)


def _differs(study: TrialStudy, arm: str, column: str, p: float, found: xr.Dataset) -> str:
    posterior, currency = study.posterior, study.provenance.currency
    name = f"“{shorten(arm, 40)}”"
    if p < _DIFFER:
        how = (
            f"{name} works alike by {column}, as far as this trial shows"
            if p <= _ALIKE
            else f"whether {name} works differently by {column} is open; plan as if it did not"
        )
        return f"{how[:1].upper()}{how[1:]}: the probability that segments differ is {chance(p)}."
    mine = [str(one).startswith(f"{column}: ") for one in found["segment"].to_numpy()]
    effect = found["effect"].to_numpy()[mine]
    names = [str(one).removeprefix(f"{column}: ") for one in found["segment"].to_numpy()[mine]]
    high, low = int(effect.argmax()), int(effect.argmin())
    return (
        f"{name} works differently by {column}: the probability that this is more than noise is "
        f"{chance(round(p, 6))}. Most in {column} = {shorten(names[high], 30)}, "
        f"{change(posterior, float(effect[high]), currency)}; least in {column} = {shorten(names[low], 30)}, "
        f"{change(posterior, float(effect[low]), currency)}."
    )


def _sure(study: TrialStudy) -> Section:
    """Return the rule that may be looked at at any time, arm by arm."""
    posterior, looks, currency = study.posterior, study.looks, study.provenance.currency
    rows = []
    for i, name in enumerate(looks["arm"].to_numpy()):
        low, high = float(looks["low"][i]), float(looks["high"][i])
        interval = change_range(posterior, low, high, currency) if np.isfinite(low + high) else "–"
        rows.append(
            (
                shorten(str(name), 40),
                Number(
                    change(posterior, float(looks["difference"][i]), currency), float(looks["difference"][i])
                ),
                Number(interval, low, "soft"),
                Number(_e(float(looks["e_value"][i])), float(looks["e_value"][i])),
                str(looks["decided"].to_numpy()[i]),
            )
        )
    columns = tuple(
        Column(head, wide=i == 0)
        for i, head in enumerate(("Arm", "Difference", "Holds at all looks", "E-value", "Decided"))
    )
    hoped = change(posterior, looks.attrs["effect"], currency).lstrip("+")
    note = (
        f"An e-value of {looks.attrs['threshold']:.0f} decides: without a difference it is ever reached in "
        f"at most {100 * study.alpha:g}% of trials, of all arms together. It was computed for a hoped-for "
        f"effect of {hoped}, which has to be chosen before the trial."
    )
    return Section(
        "May one stop?",
        (
            Text(
                (
                    "Who looks at a trial every day and stops as soon as an arm is ahead stops many trials "
                    "in which nothing differs. The rule below holds however often one looks; it needs more "
                    "customers than a trial that is looked at once.",
                )
            ),
            Table(columns, tuple(rows), label="Looking early", note=note),
        ),
    )


def _checks(study: TrialStudy) -> Section:
    posterior = study.posterior
    data = posterior.provenance["data"]
    lines = list(posterior.model.limits)
    if posterior.adjusted:
        share = float(posterior.provenance["explained"])
        lines.append(
            f"Outcomes are adjusted for {posterior.provenance['before']}, which explains {100 * share:.1f}% "
            "of their variance."
        )
    if family := posterior.provenance.get("family"):
        lines.append(f"Amounts are taken as {family}, which the data prefer.")
    lines += [f"{one[:1].upper()}{one[1:]}." for one in json.loads(data.get("remarks", "[]"))]
    rejected = int(data.get("rows_rejected", 0))
    if rejected:
        reasons = "; ".join(f"{why}: {count(n)}" for why, n in json.loads(data["rejected"]).items())
        lines.append(f"{count(rejected)} of {count(int(data['rows_read']))} rows were left out ({reasons}).")
    return Section(
        "How it was checked",
        (checks_table(posterior.checks), Section("Limits", (Text(tuple(lines), "bullets"),))),
    )
