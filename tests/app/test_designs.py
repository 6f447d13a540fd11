"""Designs from flags and TOML files: their columns are read, and what cannot be read is named."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.app.designs import able, check_coordinates, design_of
from bayes_cx.app.load import load
from bayes_cx.app.observe import observe
from bayes_cx.app.settings import Compute
from bayes_cx.app.steps import Steps
from bayes_cx.errors import InputError
from bayes_cx.models import BG_NBD, GAMMA_GAMMA, LOG_NORMAL, SBG

LINES = ("purchase_rate=channel + age", "dropout=channel")


@pytest.fixture
def shop(tmp_path):
    """Customers who came by three channels, of whose ages one is not known."""
    rng = np.random.default_rng(3)
    who = np.concatenate([np.arange(60), rng.integers(0, 60, 240)])
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, who.size), "D")
    channel = np.array(["email", "search", "social"])[who % 3]
    age = np.where(who == 7, "", (20 + who).astype(str))
    frame = pd.DataFrame({"id": who, "day": day, "channel": channel, "age": age, "plz": 1000 + who % 4})
    frame.to_csv(tmp_path / "shop.csv", index=False)
    return tmp_path / "shop.csv"


@pytest.mark.parametrize(
    "text",
    [
        "covariates = ['purchase_rate=channel + age', 'dropout = channel']",
        "[covariates]\npurchase_rate = 'channel + age'\ndropout = 'channel'",
        "covariates = {purchase_rate = 'channel + age', dropout = 'channel'}",
    ],
)
def test_a_design_may_be_written_in_several_ways(tmp_path, text):
    (tmp_path / "run.toml").write_text(text)
    of_file = load({"config": tmp_path / "run.toml"}).compute
    assert of_file.covariates == LINES == load({"covariates": list(LINES)}).compute.covariates
    assert load({"pool": ["country / store"]}).compute.pool == ("country / store",)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"covariates": ["channel + age"]}, ("--covariates", "purchase_rate=channel + age")),
        ({"covariates": ["dropout=a", "dropout=b"]}, ("--covariates", "each once")),
        ({"covariates": ["dropout=channel +"]}, ("--covariates", "joined by +")),
        ({"covariates": 3}, ("--covariates is 3",)),
        ({"pool": ["country /"]}, ("--pool", "country / store")),
    ],
)
def test_what_cannot_be_read_is_named(given, words):
    with pytest.raises(InputError) as error:
        load(given)
    for word in words:
        assert word in str(error.value)


def test_columns_of_the_design_are_read_and_numbers_are_numbers(shop, tmp_path):
    """Without --by; what is pooled or named by --by stays a group, though it be written in digits."""
    given = {"file": str(shop), "customer": "id", "time": "day", "pool": ["plz"], "covariates": list(LINES)}
    observed = observe(load(given), Steps(total=2), None)
    stats = observed.stats
    assert stats["plz"].dtype.kind == "O"
    assert set(stats["channel"].to_numpy()) == {"email", "search", "social"}
    age = stats["age"].to_numpy()
    assert age.dtype.kind == "f"
    assert np.flatnonzero(np.isnan(age)).tolist() == np.flatnonzero(stats["customer"] == "7").tolist()
    assert observed.split is not None
    known = observed.split().calibration
    assert known["age"].dtype.kind == "f"
    with pytest.raises(InputError, match=r"age with missing values: of 60 customers 1 .*1 missing"):
        bcx.fit(BG_NBD, stats, design=design_of(BG_NBD, stats, load(given).compute), method=bcx.MLE())
    grouped = observe(load({**given, "by": ["age"]}), Steps(total=2), None).stats
    assert grouped["age"].dtype.kind == "O"


def test_each_model_gets_the_coordinates_that_it_has():
    compute = Compute(covariates=("dropout=channel", "mean_spend=channel"), pool=("country",))
    nothing = xr.Dataset()
    assert set(design_of(BG_NBD, nothing, compute).formulas) == {"dropout"}
    assert set(design_of(GAMMA_GAMMA, nothing, compute).formulas) == {"mean_spend"}
    assert design_of(SBG, nothing, compute).pool == ("country",)
    # Groups of spend are for who names its model.
    assert design_of(GAMMA_GAMMA, nothing, compute).pool == ()
    assert design_of(GAMMA_GAMMA, nothing, Compute(model="gamma_gamma", pool=("country",))).pool == (
        "country",
    )
    drifting = Compute(drift="cohort", covariates=("dropout=channel",))
    assert design_of(BG_NBD, nothing, drifting).drift == "cohort"
    assert design_of(GAMMA_GAMMA, nothing, drifting).drift == {"mean_spend": "cohort"}
    assert design_of(LOG_NORMAL, nothing, drifting).drift == {"typical_spend": "cohort"}
    assert Compute(drift="cohort").differ
    check_coordinates([BG_NBD, GAMMA_GAMMA], compute)
    with pytest.raises(InputError, match=r"'mean_spend'.*BG/NBD: purchase_rate"):
        check_coordinates([BG_NBD], compute)


def test_models_without_a_coordinate_are_no_candidates():
    keys = ("bg_nbd", "pareto_nbd", "mbg_nbd")
    compute = Compute(covariates=("dropout=channel", "mean_spend=channel"))
    assert able(keys, compute, [GAMMA_GAMMA]) == ("bg_nbd", "mbg_nbd")
    assert able(keys, Compute(covariates=("purchase_rate=channel",))) == keys
    assert able(keys, Compute(covariates=("none=channel",))) == keys


def test_columns_that_are_not_there_are_named(bayes_cx, shop, tmp_path):
    bayes_cx("summarise", shop, "--customer", "id", "--time", "day", "--by", "channel", "--out", "s.nc")
    done = bayes_cx("fit", "s.nc", "--pool", "chanel", "--out", "p.nc")
    assert done.returncode == 2
    assert "--pool with the column chanel; expected a column of the statistics: x" in done.stderr
    assert "--by" in done.stderr
    done = bayes_cx("fit", "s.nc", "--drift", "month", "--out", "p.nc")
    assert done.returncode == 2
    assert "--drift with the column month; expected a column of the statistics: x" in done.stderr
    done = bayes_cx("fit", "s.nc", "--model", "bg_nbd", "--covariates", "drop=channel", "--out", "p.nc")
    assert done.returncode == 2
    assert "expected a parameter of BG/NBD: purchase_rate, rate_cv, dropout or dropout_size" in done.stderr


def test_a_model_of_spend_has_no_calendar(bayes_cx, shop):
    bayes_cx("summarise", shop, "--customer", "id", "--time", "day", "--out", "s.nc")
    done = bayes_cx("fit", "s.nc", "--model", "log_normal", "--calendar", "--out", "p.nc")
    assert done.returncode == 2
    assert "for Log-normal; expected a model of what customers do" in done.stderr


def test_columns_by_date_that_a_first_part_does_not_show_are_left_out_of_its_fit(cdnow_sample, tmp_path):
    """So that a hold-out is tested although a promotion came after its cut; the weeks count all the same."""
    dates = ["1997-03-10", "1997-03-11", "1997-12-20"]
    frame = pd.DataFrame({"spring": [1, 1, 0], "winter": [0, 0, 1]}, index=dates)
    frame.to_csv(tmp_path / "both.csv")
    frame[["winter"]].to_csv(tmp_path / "winter.csv")
    both, late = (
        Compute(by_date=tmp_path / f"{name}.csv", by_date_otherwise=0) for name in ("both", "winter")
    )
    whole = design_of(BG_NBD, cdnow_sample, both)
    assert whole.by_date is not None
    assert set(whole.by_date.columns) == {"spring", "winter"}
    part = design_of(BG_NBD, cdnow_sample, both, first_part=True)
    assert part.by_date is not None
    assert set(part.by_date.columns) == {"spring"}
    assert part.calendar
    without = design_of(BG_NBD, cdnow_sample, late, first_part=True)
    assert without.by_date is None
    assert without.calendar
