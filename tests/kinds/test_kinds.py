"""Every kind says all that the rooms ask of it, and statistics name theirs."""

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.kinds import CONTRACTS, KINDS, OPPORTUNITIES, PURCHASES, SPEND, find_kind, kind_of
from bayes_cx.models import MODELS


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_kind_names_columns_that_it_has(kind):
    assert find_kind(kind.key) is kind
    assert kind.counted in kind.columns
    assert kind.exposure in {*kind.columns, ""}
    assert {column.unit for column in kind.columns.values()} <= {"", "time", "money", "count", "text"}
    assert set(kind.tables) <= set(KINDS)
    assert kind.reads(kind.key)
    assert kind.words["en"].events in (kind.events, "purchases")


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_example_of_a_kind_is_possible(kind):
    required = {name for name, column in kind.columns.items() if column.required and column.unit != "text"}
    assert required <= set(kind.example) <= set(kind.columns)
    rows = {name: np.array([value], float) for name, value in kind.example.items()}
    assert not any(wrong.any() for _, wrong in kind.impossible(rows))
    assert list(kind.demands(rows)) == []
    assert kind.lively(rows).shape == (1,)
    assert all(np.isnan(value) or np.isfinite(value) for value in (f(rows) for f in kind.features.values()))
    assert kind.words["en"].history(kind.example, "week")


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_model_reads_columns_of_its_kind(model):
    assert set(model.statistics) <= set(model.kind.columns)
    assert any(model.kind.events.removesuffix("s") in name for name in model.quantities)


def test_kinds_are_light():
    heavy = {"pandas", "xarray", "duckdb", "pymc", "scipy"}
    code = f"import sys, bayes_cx.kinds; print(*{heavy!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_statistics_without_a_kind_are_refused_and_never_guessed():
    rows = {"x": ("customer", [1, 0]), "t_x": ("customer", [1.0, 0.0]), "T": ("customer", [2.0, 2.0])}
    own = xr.Dataset(rows, coords={"customer": [0, 1]}, attrs={"unit": "week"})
    with pytest.raises(bcx.InputError, match=r"without a kind.*assign_attrs\(kind='purchases'\)"):
        bcx.fit("bg_nbd", own)
    with pytest.raises(bcx.InputError, match=r"kind 'shopping'.*purchases, opportunities, contracts, spend"):
        kind_of(own.assign_attrs(kind="shopping"))
    with pytest.raises(bcx.InputError, match="kind 'shopping'"):
        find_kind("shopping")


def test_a_model_refuses_statistics_of_another_kind_and_says_how_to_get_its_own():
    with pytest.raises(bcx.InputError, match=r"of contracts.*of purchases for BG/NBD.*bcx.summarise"):
        bcx.fit("bg_nbd", bcx.load_cohorts())
    with pytest.raises(bcx.InputError, match=r"of opportunities.*of contracts for sBG.*bcx.from_survivors"):
        bcx.fit("sbg", bcx.load_donations())


def test_spend_stands_in_tables_of_purchases():
    assert [key for key in KINDS if SPEND.reads(key)] == ["purchases", "opportunities", "spend"]
    assert [key for key in KINDS if PURCHASES.reads(key)] == ["purchases"]
    with pytest.raises(bcx.InputError, match=r"without spend.*amount column"):
        bcx.fit("gamma_gamma", bcx.load_donations())


@pytest.mark.parametrize(
    ("kind", "columns", "what"),
    [
        (PURCHASES, {"x": 1.5, "t_x": 1.0, "T": 2.0}, "x that is not a whole number"),
        (PURCHASES, {"x": 1, "t_x": 1.0, "T": np.nan}, "T that is negative or missing"),
        (PURCHASES, {"x": 1, "t_x": 3.0, "T": 2.0}, "t_x outside 0 to T"),
        (PURCHASES, {"x": 1, "t_x": 0.0, "T": 2.0}, "repeat purchases at time 0"),
        (PURCHASES, {"x": 2, "t_x": 2.0, "T": 2.0, "regularity": -1.0}, "regularity beyond"),
        (OPPORTUNITIES, {"x": -1, "t_x": 0, "n": 2}, "x that is not a whole number"),
        (OPPORTUNITIES, {"x": 1, "t_x": 1, "n": 1.5}, "n that is not a whole number"),
        (OPPORTUNITIES, {"x": 1, "t_x": 3, "n": 2}, "t_x that is not one of the n"),
        (OPPORTUNITIES, {"x": 2, "t_x": 1, "n": 2}, "x that is more than t_x allows"),
        (CONTRACTS, {"T": -1, "churned": 0}, "T that is negative or missing"),
        (CONTRACTS, {"T": 1.5, "churned": 0}, "T that is not a whole number"),
        (CONTRACTS, {"T": 1, "churned": 2}, "churned that is neither 0 nor 1"),
        (CONTRACTS, {"T": 0, "churned": 1}, "churned before the first renewal"),
        (PURCHASES, {"x": 0, "t_x": 1.0, "T": 2.0}, "a last purchase after time 0"),
        (PURCHASES, {"x": np.inf, "t_x": 1.0, "T": 2.0}, "x that is not a whole number"),
        (CONTRACTS, {"T": np.inf, "churned": 0}, "T that is negative or missing"),
        (SPEND, {"x": 1, "spend": -1.0}, "negative spend"),
        (SPEND, {"x": 1, "spend": np.inf}, "infinite spend"),
    ],
)
def test_what_is_impossible_is_named_with_its_rows(kind, columns, what):
    good = {"x": 1, "t_x": 1, "T": 2, "n": 2, "churned": 0, "spend": 2.0, "regularity": -5.0}
    both = {name: np.array([good[name], value]) for name, value in columns.items()}
    found = {text: rows.tolist() for text, rows in kind.impossible(both) if rows.any()}
    assert any(text.startswith(what) for text in found), found
    assert all(rows == [False, True] for rows in found.values()), found


def test_histories_in_words():
    history_of = {kind.key: kind.words["en"].history for kind in KINDS.values()}
    assert history_of["purchases"]({"x": 2, "t_x": 3.0, "T": 7.2}, "week") == (
        "3 purchases",
        "last 4 weeks ago",
    )
    assert history_of["opportunities"]({"x": 0, "t_x": 0, "n": 0}, "year") == (
        "1 purchase",
        "last one within this year",
    )
    assert history_of["contracts"]({"T": 3, "churned": 1}, "month") == ("left at renewal 3",)
    assert history_of["contracts"]({"T": 1, "churned": 0}, "month") == ("1 renewal",)
