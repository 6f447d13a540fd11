"""The catalogue says of models and data sets what is true of them, and is all that lists them."""

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import bayes_cx as bcx
from bayes_cx import catalogue
from bayes_cx.errors import InputError
from bayes_cx.kinds import KINDS

MODELS = Path(bcx.__file__).parent / "models"


@pytest.mark.parametrize("entry", catalogue.MODELS, ids=lambda entry: entry.key)
def test_an_entry_says_what_the_record_says(entry):
    model = bcx.models.find(entry.key)
    assert (model.key, model.name, model.kind.key) == (entry.key, entry.name, entry.kind)
    required = {name for name, column in KINDS[entry.kind].columns.items() if column.required}
    assert set(model.statistics) - required == set(entry.columns)
    assert bcx.models.find(entry.name) is model
    assert getattr(bcx.models, entry.attribute) is model


def test_every_record_has_an_entry():
    """What type checkers see, and every name in capitals that a model's file makes public."""
    files = {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODELS.glob("*.py")}
    checked = {
        (node.module.rsplit(".", 1)[-1], alias.name)
        for node in ast.walk(files[MODELS / "__init__.py"])
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("bayes_cx.models.")
        for alias in node.names
    }
    made = {
        (path.stem, target.id)
        for path, tree in files.items()
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Name) and getattr(node.value.func, "id", "") == "Model"
    }
    listed = {(entry.module, entry.attribute) for entry in catalogue.MODELS}
    # Journeys, risk, trials and uplift have one model each, fitted in its own way: no choice of a report.
    others = {("semi_markov", "SEMI_MARKOV"), ("hazard", "HAZARD"), ("trial", "TRIAL")}
    others |= {("uplift", "UPLIFT")}
    assert checked == listed | others
    # A record may also be made by a function of its file.
    assert made
    assert made <= listed


def test_a_model_without_an_entry_is_not_known():
    with pytest.raises(InputError, match=r"one of bg_nbd \(BG/NBD\), mbg_nbd"):
        bcx.models.find("bg_nbt")
    with pytest.raises(AttributeError, match="BG_NBT"):
        _ = bcx.models.BG_NBT


def test_the_kinds_are_those_of_statistics():
    assert set(catalogue.KINDS) == set(KINDS)
    assert {entry.kind for entry in catalogue.MODELS} == set(KINDS) - {
        "stays",
        "periods",
        "treatments",
        "trials",
    }


@pytest.mark.parametrize("entry", catalogue.DATASETS, ids=lambda entry: entry.key)
def test_a_data_set_loads_as_its_entry_says(entry):
    from bayes_cx.app.observe import load_dataset

    if entry.events:  # which only commands that read events can use
        assert hasattr(bcx, entry.loader)
        with pytest.raises(InputError, match="use `journeys`"):
            load_dataset(entry.key)
        return
    data = load_dataset(entry.key)
    assert isinstance(data, bcx.Transactions) != entry.summarised


def test_a_model_that_is_added_is_an_option_at_once():
    """Help and settings name it without a change to the commands, which load once a process."""
    code = """
import sys
from dataclasses import replace
from bayes_cx import catalogue
new = replace(catalogue.find_model("bg_nbd"), key="brand_new", name="New")
catalogue.MODELS = (*catalogue.MODELS, new)
from bayes_cx.app import cli, load
assert load.load({"model": "brand_new"}).compute.model == "brand_new"
cli.main([sys.argv[1], "--help"])
"""
    for command in ("report", "fit"):
        done = subprocess.run([sys.executable, "-c", code, command], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "brand_new" in done.stdout


def test_the_candidates_are_those_that_the_data_allow(monkeypatch):
    """A model that is added to the catalogue is fitted with the others."""
    from bayes_cx.app.load import load
    from bayes_cx.app.observe import models_for

    stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30")
    assert models_for(load({"model": "auto"}), stats) == ("bg_nbd", "mbg_nbd", "pareto_nbd")
    new = replace(catalogue.find_model("bg_nbd"), key="new", name="New")
    monkeypatch.setattr(catalogue, "MODELS", (*catalogue.MODELS, new))
    assert models_for(load({"model": "auto"}), stats)[-1] == "new"
