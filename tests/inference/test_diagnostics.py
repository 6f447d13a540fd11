"""The gate, on draws made to fail it."""

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from bayes_cx.checks import verdict
from bayes_cx.errors import FitError
from bayes_cx.inference import Design
from bayes_cx.inference.diagnostics import check_nuts, too_short
from bayes_cx.inference.explore import Explorer, Found


def tree(draws=1000, chains=4, shift=0.0, sampler=None):
    rng = np.random.default_rng(0)
    values = rng.standard_normal((chains, draws)) + shift * np.arange(chains)[:, None]
    energy = rng.standard_normal((chains, draws))
    given = {
        "diverging": np.zeros((chains, draws), bool),
        "energy": energy,
        "depth": np.full((chains, draws), 3),
    }
    given |= sampler or {}
    dims = ("chain", "draw")
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"r": (dims, values)}),
            "sample_stats": xr.Dataset({k: (dims, v) for k, v in given.items() if v is not None}),
        }
    )


def failed(checks):
    return [check.name for check in checks if check.status == "failed"]


def test_independent_draws_pass():
    assert verdict(check_nuts(tree(), 10)) == "passed"


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (tree(shift=0.3), "largest R-hat"),
        (tree(draws=80), "smallest bulk ESS"),
        (tree(sampler={"diverging": np.eye(4, 1000, dtype=bool)}), "divergences"),
        (tree(sampler={"energy": np.cumsum(np.ones((4, 1000)), axis=1)}), "smallest E-BFMI"),
        (tree(sampler={"depth": np.full((4, 1000), 10)}), "draws at the largest tree depth"),
        (
            tree(sampler={"depth": None, "maxdepth_reached": np.eye(4, 1000, dtype=bool)}),
            "draws at the largest tree depth",
        ),
    ],
)
def test_each_fault_is_found(made, name):
    checks = check_nuts(made, 10)
    assert name in failed(checks)
    assert verdict(checks) == "failed"


@pytest.mark.parametrize("missing", ["diverging", "energy", "depth"])
def test_what_the_sampler_did_not_report_is_not_passed(missing):
    checks = check_nuts(tree(sampler={missing: None}), 10)
    assert verdict(checks) == "not_run"


def test_one_chain_cannot_show_that_chains_agree():
    checks = check_nuts(tree(draws=4000, chains=1), 10)
    assert {check.name: check.status for check in checks}["largest R-hat"] == "not_run"


def test_draws_that_are_not_numbers_fail():
    broken = tree()
    broken["posterior"]["r"][0, 0] = np.nan
    assert verdict(check_nuts(broken, 10)) == "failed"


@pytest.mark.parametrize(
    ("made", "short"),
    [
        (tree(), False),
        (tree(draws=80), True),
        (tree(shift=0.1), True),
        (tree(shift=1.0), False),
        (tree(draws=80, sampler={"diverging": np.eye(4, 80, dtype=bool)}), False),
    ],
    ids=["passed", "few draws", "nearly together", "apart", "divergent"],
)
def test_longer_chains_are_for_what_they_can_mend(made, short):
    assert too_short(check_nuts(made, 10)) is short


def test_auto_samples_in_longer_chains_where_only_their_length_was_short(monkeypatch):
    methods = []

    def nuts(self, method, seed, progress):
        methods.append(method.draws)
        made = tree(draws=80 if method.draws == 1000 else 1000)
        return Found({}, check_nuts(made, 10), method, np.nan)

    def no_mode(*_):
        raise FitError("no maximum", "one", "sample")

    monkeypatch.setattr(Explorer, "_nuts", nuts)
    monkeypatch.setattr(Explorer, "_laplace", no_mode)
    plain = SimpleNamespace(layout=SimpleNamespace(design=Design()))
    explorer = object.__new__(Explorer)
    explorer.prepared = plain  # pyright: ignore
    found = explorer.explore("auto", 1, [1])
    assert methods == [1000, 4000]
    assert verdict(found.checks) == "passed"
