"""The command `bayes-cx uplift`, from a file to the list of customers."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import bayes_cx as bcx
from bayes_cx.app.cli import main
from bayes_cx.app.uplift_run import _marks

OPTIONS = [
    "--outcome",
    "bought",
    "--treatment",
    "arm",
    "--control",
    "none",
    "--features",
    "age,town",
    "--customer",
    "who",
]


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    rng = np.random.default_rng(1)
    n = 6000
    table = pd.DataFrame(
        {
            "who": [f"=c{i}" for i in range(n)],
            "age": rng.integers(0, 4, n),
            "town": rng.choice(["a b", "ü"], n),
            "arm": rng.choice(["none", "mail"], n),
        }
    )
    uplift = np.where(table.arm == "mail", 1.2 * (table.age - 1.5), 0.0)
    table["bought"] = (rng.random(n) < expit(-1 + uplift)).astype(int)
    table.loc[0, "arm"] = None
    path = tmp_path_factory.mktemp("trial") / "trial.csv"
    table.to_csv(path, index=False)
    return path


def run(*arguments):
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return left.value.code


def test_from_a_file_to_whom_to_treat(trial, tmp_path, capsys):
    out = tmp_path / "made"
    command = [
        "uplift",
        trial,
        *OPTIONS,
        "--cost",
        "0.05",
        "--seed",
        "1",
        "--timestamp",
        "2026-01-02",
        "--out",
        out,
    ]
    assert run(*command) == 0
    said = capsys.readouterr()
    assert "Whom one treats matters" in said.out
    assert "1 row rejected: missing treatment" in said.err
    table = pd.read_csv(out / "customers.csv")
    assert len(table) == 6000
    assert table["customer"][1] == "'=c1"
    people = pd.read_csv(trial)
    treat = (table["mail: treat"] == "yes").to_numpy()
    assert treat[people.age == 3].all()
    assert not treat[people.age == 0].any()
    record = json.loads((out / "uplift.json").read_text())
    assert record["treatments"][0]["advice"] == "choose"
    run_json = json.loads((out / "run.json").read_text())
    assert {"uplift.pdf", "uplift.html", "customers.csv"} <= set(run_json["files"])
    assert "--features age,town" in run_json["command"]
    assert (out / "uplift.pdf").read_bytes()[:4] == b"%PDF"


@pytest.mark.parametrize(
    ("advice", "marks"),
    [("choose", ["yes", "no"]), ("all", ["yes", "yes"]), ("none", ["no", "no"]), ("unclear", ["", ""])],
)
def test_who_is_marked_agrees_with_the_advice(advice, marks):
    assert _marks(advice, np.array([True, False])) == marks


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--control", "nobody"], "nobody in the control 'nobody'"),
        (["--features", "size"], "no column 'size'"),
        (["--cost", "-1"], "cost=-1"),
    ],
)
def test_one_clear_message(trial, tmp_path, capsys, change, says):
    assert run("uplift", trial, *OPTIONS, *change, "--out", tmp_path / "made") == 2
    error = capsys.readouterr().err
    assert says in error
    assert "Traceback" not in error


def test_a_treatment_of_one_customer_is_one_message(trial, tmp_path, capsys):
    table = pd.read_csv(trial)
    table.loc[0, "arm"] = "ünï'q"
    table.to_csv(tmp_path / "one.csv", index=False)
    assert run("uplift", tmp_path / "one.csv", *OPTIONS, "--out", tmp_path / "uplift") == 2
    said = " ".join(capsys.readouterr().err.split())
    assert '1 customer with "ünï\'q"; expected 80 or more with each treatment' in said
    assert not (tmp_path / "uplift").exists()


def test_a_file_with_decimal_commas_and_a_query_is_the_same_trial(tmp_path):
    rng = np.random.default_rng(5)
    table = pd.DataFrame(
        {
            "arm": rng.choice(["none", "mail"], 400),
            "age": rng.choice([20.5, 30.5, 1040.5], 400),
            "spent": rng.gamma(1.0, 20.0, 400).round(2),
        }
    )
    table.to_csv(tmp_path / "plain.csv", index=False)
    written = table.assign(
        age=table.age.map("{:,.1f}".format).str.translate(str.maketrans(",.", ".,")),
        spent=table.spent.map("{:.2f}".format).str.replace(".", ","),
    )
    odd = pd.DataFrame({"arm": ["test"], "age": ["x"], "spent": ["1"]})
    pd.concat([written, odd]).to_csv(tmp_path / "german.csv", index=False, sep=";")
    roles = {"outcome": "spent", "treatment": "arm", "control": "none", "features": "age"}
    plain = bcx.summarise_uplift(tmp_path / "plain.csv", **roles)
    german = bcx.summarise_uplift(
        tmp_path / "german.csv", **roles, decimal=",", query="SELECT * FROM data WHERE arm <> 'test'"
    )
    assert german.drop_attrs().identical(plain.drop_attrs())
    assert german.attrs["features"] == plain.attrs["features"]


def test_amounts_are_compared_and_named_for_each_customer(tmp_path, bayes_cx, rng):
    n = 3000
    table = pd.DataFrame({"age": rng.integers(1, 5, n), "arm": rng.choice(["none", "voucher"], n)})
    table["euro"] = np.where(table["arm"] == "none", 0.0, rng.choice([5.0, 10.0], n))
    # Young customers answer to the amount, old ones do not.
    table["bought"] = (rng.random(n) < 0.1 + 0.03 * table["euro"] * (table["age"] <= 2)).astype(int)
    table.to_csv(tmp_path / "trial.csv", index=False)
    known = ("--outcome", "bought", "--treatment", "arm", "--control", "none", "--features", "age")
    out = tmp_path / "out"
    done = bayes_cx("uplift", tmp_path / "trial.csv", *known, "--dose", "euro", "--cost", 0.08, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "Give each customer their own amount of voucher" in done.stdout
    customers = pd.read_csv(out / "customers.csv")
    young = table["age"].to_numpy() <= 2
    assert (customers["voucher: own amount"][young] == 10).all()
    assert (customers["voucher: own amount"][~young] == 0).all()
    record = json.loads((out / "uplift.json").read_text())
    assert record["amounts"][0]["advice"] == "own"
    shown = (out / "uplift.html").read_text()
    assert "Amounts of voucher" in shown
    assert "5 to all" in shown
