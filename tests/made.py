"""Small records with invented numbers, for tests that look at what is made of a fit and not at the fit."""

from dataclasses import replace

import numpy as np
import xarray as xr

import bayes_cx as bcx
from bayes_cx.checks import Check
from bayes_cx.data import DataProvenance
from bayes_cx.inference import Posterior
from bayes_cx.inference.layout import Layout
from bayes_cx.inference.posterior import attributes
from bayes_cx.inference.provenance import Provenance
from bayes_cx.model import Model
from bayes_cx.validation import Holdout

GOOD = (
    Check("largest R-hat", 1.002, "<= 1.01", "passed"),
    Check("smallest bulk ESS", 1874.0, ">= 400", "passed"),
    Check("divergences", 0.0, "0", "passed"),
)
DATA = DataProvenance(
    kind="purchases",
    unit="week",
    source="CDNOW_master.txt",
    sha256="9f2c" * 16,
    period_start="1997-01-01",
    period_end="1998-06-30",
    until="1998-06-30",
    returns="reject",
    rows_read=69659,
    rows_rejected=83,
    rejected={"amount is zero": 80, "missing customer": 3},
)


def provenance(model: Model = bcx.models.BG_NBD, **changes) -> Provenance:
    """Where the draws of `posterior` would come from."""
    usual = Provenance(
        model=model.key,
        method="Laplace",
        method_settings={"draws": 400, "degrees": 8.0},
        seed=7,
        seconds=12.3,
        scale=0.25,
        priors={name: prior.text for name, prior in model.priors.items()},
        layout=Layout(bcx.Design(), {}, {}, {}),
        n_customers=23570,
        rows=1210,
        versions={"python": "3.12.1", "bayes_cx": "0.1.0", "pymc": "6.4.0"},
        data=DATA,
    )
    return replace(usual, **changes)


def posterior(model: Model = bcx.models.BG_NBD, checks=GOOD, draws: int = 400, **changes) -> Posterior:
    """A posterior of a model whose parameters were drawn at random; `changes` are of its provenance."""
    rng = np.random.default_rng(3)
    values = {letter: (("chain", "draw"), rng.gamma(60, 0.01, (1, draws))) for letter in model.params}
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(values),
            "observed_data": xr.Dataset({name: ("row", np.zeros(2)) for name in model.statistics}),
            "constant_data": xr.Dataset({"weight": ("row", np.ones(2, int))}),
        }
    )
    named = tuple(replace(check, about=model.name) for check in checks)
    tree.attrs = attributes(provenance(model, **changes), named)
    return Posterior(model, tree)


def with_provenance(fit: Posterior, **changes) -> Posterior:
    """The same posterior with other provenance; the fields of `DataProvenance` are found too."""
    data = {name: changes.pop(name) for name in list(changes) if hasattr(DATA, name)}
    before = fit.provenance
    made = fit.with_group("posterior", fit.draws["posterior"].to_dataset())
    after = replace(before, data=replace(before.data, **data), **changes)
    made.draws.attrs = attributes(after, fit.checks)
    return made


def holdout(checks=(), by_group=()) -> Holdout:
    """A hold-out of which nothing but the checks is looked at."""
    nothing = xr.Dataset()
    return Holdout(nothing, nothing, nothing, nothing, nothing, None, tuple(checks), tuple(by_group))
