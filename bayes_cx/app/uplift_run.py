"""The command `bayes-cx uplift`: from the customers of a trial to whom to treat."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import bayes_cx as bcx
from bayes_cx.app.folder import CARD, report_folder, write_record
from bayes_cx.app.steps import Steps
from bayes_cx.data.summarise_uplift import read_customers
from bayes_cx.errors import FitError, InputError
from bayes_cx.files import atomic_path, few_digits, meaningful, write_csv
from bayes_cx.records import RECORD

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["FILES", "Asked", "run"]

_FEWEST = 80
"""Fewest customers of a treatment: chance leaves 20 of them in the half that judges."""

FILES = ("uplift.pdf", "uplift.html", "uplift.json", "uplift.nc", "customers.csv", *CARD, RECORD)
"""What the command writes."""


@dataclass(frozen=True)
class Asked:
    """What the user asked for.

    Attributes
    ----------
    file, people : Path
        The customers of the trial, and those to choose from.
    outcome, treatment, control : str
    features, categories : sequence of str
    customer, dose : str or None
    cost : float
    reading : mapping of str to Any
        How the trial is written: ``query``, ``encoding``, ``decimal`` and ``thousands``.
    strict : bool
        Whether a fit or a judgement that does not pass its checks is an error.
    """

    file: Path
    people: Path
    outcome: str
    treatment: str
    control: str
    features: Sequence[str]
    categories: Sequence[str]
    customer: str | None
    dose: str | None
    cost: float
    reading: Mapping[str, Any]
    strict: bool

    def flags(self, timestamp: str) -> list[str]:
        """Return the options that ask for the same again, into a folder called like the command."""
        found = ["--outcome", self.outcome, "--treatment", self.treatment, "--control", self.control]
        found += ["--features", ",".join(self.features)]
        found += ["--categories", ",".join(self.categories)] if self.categories else []
        found += ["--customer", self.customer] if self.customer else []
        found += ["--dose", self.dose] if self.dose else []
        found += ["--cost", f"{self.cost:g}"] if self.cost else []
        found += ["--people", self.people.name] if self.people != self.file else []
        return [*found, "--timestamp", timestamp, "--out", "uplift"]


def run(asked: Asked, provenance: bcx.RunProvenance, seed: int | None, out: Path) -> tuple[str, ...]:
    """Fit, judge and write; return the verdict in sentences."""
    seed = 0 if seed is None else seed
    steps = Steps(total=4)
    with report_folder(out, FILES) as folder:
        with steps.step("Read the trial") as step:
            stats = bcx.summarise_uplift(
                asked.file,
                outcome=asked.outcome,
                treatment=asked.treatment,
                control=asked.control,
                features=asked.features,
                categories=asked.categories,
                dose=asked.dose,
                customer=asked.customer,
                **asked.reading,
            )
            _check_sizes(stats)
            step.says = f"{int(stats['weight'].sum()):,} customers"
        for reason, n in json.loads(stats.attrs["rejected"]).items():
            steps.note(f"{n:,} {'row' if n == 1 else 'rows'} rejected: {reason}")
        with steps.step("Judge on the half that the fit has not seen") as step:
            fitted, rest = bcx.split_customers(stats, seed=seed)
            half = bcx.fit(bcx.models.UPLIFT, fitted, seed=seed)
            judged = [bcx.judge_uplift(half, rest, to=arm, cost=asked.cost, seed=seed) for arm in half.arms]
            amounts, refused = _amounts(half, rest, asked.cost, seed)
            step.says = ", ".join(f"{one.data.attrs['to']}: {one.advice}" for one in judged)
        for why in refused:
            steps.note(why)
        with steps.step("Fit to all") as step:
            posterior = bcx.fit(bcx.models.UPLIFT, stats, seed=seed)
            step.says = f"checks {posterior.verdict.replace('_', ' ')}"
        if asked.strict:
            _insist(posterior, [*judged, *amounts])
        with steps.step("Write report, customers and record"):
            table, said = _customers(posterior, judged, amounts, asked)
            write_csv(meaningful(table), folder / "customers.csv")
            report = bcx.uplift_report(posterior, judged, provenance, amounts=amounts)
            report.to_pdf(folder / "uplift.pdf")
            report.to_html(folder / "uplift.html")
            bcx.model_card(bcx.UpliftStudy(posterior, judged, provenance)).write(folder)
            posterior.save(folder / "uplift.nc")
            record = _record(posterior, judged)
            record["amounts"] = [
                {"to": one.data.attrs["to"], "advice": one.advice, "sentences": list(one.sentences)}
                for one in amounts
            ]
            with atomic_path(folder / "uplift.json") as part:
                part.write_text(json.dumps(few_digits(record), indent=1) + "\n", encoding="utf-8")
            kept = {
                "command": provenance.command,
                "timestamp": provenance.timestamp.isoformat(),
                "seed": seed,
                "verdicts": {str(one.data.attrs["to"]): one.advice for one in judged},
                "data": posterior.provenance["data"],
                "versions": posterior.provenance["versions"],
            }
            write_record(folder, kept, FILES)
    return said


def _check_sizes(stats: "xr.Dataset") -> None:
    """Refuse treatments with too few customers to judge on half of them.

    Raises
    ------
    InputError
        If there is such a treatment.
    """
    weight, arm = stats["weight"].to_numpy(), stats["arm"].to_numpy().astype(str)
    for name in np.unique(arm):
        n = weight[arm == name].sum()
        if n < _FEWEST:
            raise InputError(
                f"{int(n):,} {'customer' if n == 1 else 'customers'} with {str(name)!r}",
                f"{_FEWEST} or more with each treatment, since half of them judge the fit",
                "take these rows out of the file, or wait for more",
            )


def _amounts(
    half: bcx.UpliftPosterior, rest: "xr.Dataset", cost: float, seed: int
) -> tuple[list[bcx.DoseJudgement], list[str]]:
    """Return whether own amounts pay, for each treatment that was given in several, and why not for others.

    The cost is that of the largest amount, and of smaller ones in proportion.
    """
    found, refused = [], []
    for arm, most in zip(half.arms, half.terms.largest, strict=False):
        given = np.unique(rest["dose"].to_numpy()[rest["arm"].to_numpy().astype(str) == arm])
        if given.size < 2:
            continue
        try:
            found.append(bcx.judge_doses(half, rest, to=arm, cost=cost / most, seed=seed))
        except InputError as error:
            refused.append(f"amounts of {arm} are not compared: {error.came}")
    return found, refused


def _insist(
    posterior: bcx.UpliftPosterior, judged: Sequence[bcx.UpliftJudgement | bcx.DoseJudgement]
) -> None:
    """Refuse a fit or a judgement that did not pass its checks.

    Raises
    ------
    FitError
        If there is one.
    """
    checks = [*posterior.checks, *(check for one in judged for check in one.checks)]
    if failed := [check.name for check in checks if check.status != "passed"]:
        raise FitError(
            f"the uplift did not pass: {', '.join(dict.fromkeys(failed))}",
            "every check passed",
            "look for what made treated and others unlike, or leave out --strict",
        )


def _customers(
    posterior: bcx.UpliftPosterior,
    judged: Sequence[bcx.UpliftJudgement],
    amounts: Sequence[bcx.DoseJudgement],
    asked: Asked,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return who is to be treated, with the expected uplift of each customer, and what is said of it."""
    columns: dict[str, object] = {}
    said: list[str] = []
    # A query selects the rows of the trial, and of no other file.
    reading = {**asked.reading, "query": asked.reading["query"] if asked.people == asked.file else None}
    people = read_customers(
        asked.people, asked.features, asked.customer, categories=asked.categories, **reading
    )
    # With doses a judgement is about the largest one, which a treatment alone stands for.
    arms = {str(one.data.attrs["to"]): arm for one, arm in zip(judged, posterior.arms, strict=True)}
    for one in sorted(judged, key=lambda judgement: not judgement.ranks):
        to = str(one.data.attrs["to"])
        found = bcx.contrast(
            posterior,
            people,
            "p_outcome" if posterior.family == "bernoulli" else "mean_outcome",
            to=arms[to],
            quantiles=(0.05, 0.95),
            customer=asked.customer,
        )
        mean = found["mean"].to_numpy()
        chosen = mean > asked.cost
        who = found["customer"].to_numpy()
        columns |= {"customer": who} if asked.customer else {"row": who + 1}
        columns[f"{to}: treat"] = _marks(one.advice, chosen)
        columns[f"{to}: expected uplift"] = mean
        columns[f"{to}: uplift, 5%"] = found["quantile"].to_numpy()[:, 0]
        columns[f"{to}: uplift, 95%"] = found["quantile"].to_numpy()[:, 1]
        said += [*one.sentences, _marked(one, to, chosen)]
    for one in amounts:
        to = str(one.data.attrs["to"])
        best = _best_amounts(posterior, people, one, asked.customer)
        columns[f"{to}: own amount"] = best if one.advice == "own" else [""] * best.size
        said += [*one.sentences]
        said += [f"The amounts are in customers.csv, as {to}: own amount."] if one.advice == "own" else []
    return pd.DataFrame(columns), tuple(said)


def _best_amounts(
    posterior: bcx.UpliftPosterior, people: pd.DataFrame, one: bcx.DoseJudgement, customer: str | None
) -> np.ndarray:
    """Return for each customer the amount with the highest expected outcome after cost."""
    quantity = "p_outcome" if posterior.family == "bernoulli" else "mean_outcome"
    to, amounts = str(one.data.attrs["to"]), one.data["amount"].to_numpy()
    gains = [np.zeros(len(people))]
    for amount, cost in zip(amounts[1:], one.data["cost"].to_numpy()[1:], strict=True):
        found = bcx.contrast(posterior, people, quantity, to=(to, float(amount)), customer=customer)
        gains.append(found["mean"].to_numpy() - cost)
    return amounts[np.argmax(gains, axis=0)]


def _marks(advice: str, chosen: np.ndarray) -> list[str]:
    """Return for each customer whether the advice is to treat them, empty where there is none."""
    if advice == "choose":
        return ["yes" if each else "no" for each in chosen]
    return [{"all": "yes", "none": "no", "unclear": ""}[advice]] * chosen.size


def _marked(one: bcx.UpliftJudgement, to: str, chosen: np.ndarray) -> str:
    """Return what customers.csv says of a treatment."""
    above = f"{int(chosen.sum()):,} of {chosen.size:,} customers ({chosen.mean():.0%})"
    if one.advice == "choose":
        return f"Give {to} to the {above} who are marked in customers.csv."
    if one.advice == "all":
        alone = "" if one.ranks else "; nothing is claimed for single customers"
        return f"All {chosen.size:,} customers are marked for {to} in customers.csv{alone}."
    if one.advice == "none":
        return f"Nobody is marked for {to} in customers.csv."
    return (
        f"The column of whom to give {to} is empty in customers.csv, as that is not proven; the expected "
        f"uplift of {above} exceeds its cost."
    )


def _record(posterior: bcx.UpliftPosterior, judged: Sequence[bcx.UpliftJudgement]) -> dict:
    """Return results in types that JSON has."""
    found = []
    for one in judged:
        data = one.data
        scalars = {str(name): float(value) for name, value in data.data_vars.items() if not value.dims}
        policies = {
            str(policy): {
                str(name): float(value.sel(policy=policy))
                for name, value in data.data_vars.items()
                if value.dims == ("policy",)
            }
            for policy in data["policy"].to_numpy()
        }
        checks = [
            {"name": c.name, "value": c.value, "target": c.target, "status": c.status} for c in one.checks
        ]
        attrs = {str(name): value for name, value in data.attrs.items()}
        found.append(
            attrs
            | {"advice": one.advice, "choosing_gains": one.ranks, "sentences": list(one.sentences)}
            | {"results": scalars, "policies": policies, "checks": checks}
        )
    return {"outcome": posterior.outcome, "control": posterior.control, "treatments": found}
