"""Each model: its story, its formulas, and its estimated parameters."""

import numpy as np

from bayes_cx.inference import Posterior
from bayes_cx.page import Block, Cell, Column, Number, Section, Strong, Table, Text
from bayes_cx.page.words import between
from bayes_cx.references import reference
from bayes_cx.study import Study

__all__ = ["section"]

_GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "kappa": "κ", "rho": "ρ", "lambda": "λ"}


def section(study: Study) -> Section | None:
    """Return one subsection a model."""
    return Section("", tuple(_model(fit) for fit in study.fits))


def _model(fit: Posterior) -> Section:
    model = fit.model
    blocks: list[Block] = [Text((fit.story,)), Text(tuple(model.formulas), "formula"), _parameters(fit)]
    if model.reference:
        blocks.append(Text((str(reference(model.reference)),), "note"))
    return Section(model.name, tuple(blocks))


def _parameters(fit: Posterior) -> Table:
    """Return the parameters of a model with mean and 90% interval."""
    rows: list[tuple[Cell, ...]] = []
    for letter, draws in fit.parameters().items():
        low, high = np.quantile(draws, [0.05, 0.95])
        param = fit.model.params.get(letter)
        meaning = param.meaning if param is not None else ""
        mean = Number(f"{np.mean(draws):.3g}", float(np.mean(draws)))
        interval = Number(between(low, high, "{:.3g}".format, "{:.5g}".format))
        rows.append((Strong(_GREEK.get(letter, letter)), meaning, mean, interval))
    columns = (Column("Parameter"), Column("Meaning", wide=True), Column("Mean"), Column("90% interval"))
    return Table(columns, tuple(rows), label=f"Parameters of {fit.model.name}")
