"""The whole way and the way in steps, on a small shop with awkward customers."""

import csv
import io
import json
import re
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from pypdf import PdfReader
from rich.console import Console

import bayes_cx as bcx
from bayes_cx.app.folder import write_record
from bayes_cx.app.settings import Compute
from bayes_cx.app.steps import Steps
from bayes_cx.checks import Check, to_json
from bayes_cx.reporting import ModelCard

COLUMNS = ("--customer", "id", "--time", "day", "--amount", "paid")
TIMES = ("--until", "1998-06-30", "--horizon", "26 weeks")
# Where the choice of models is not what is tested.
NAMED = ("--model", "bg_nbd", "--spend-model", "gamma_gamma")
KEY = "an example key of a test"
MINE = {"priority_top_2023.csv"}
CARD = {"model_card.json", "model_card.md", "model_card.pdf"}
REPORT = {
    "retention.html",
    "retention.pdf",
    *CARD,
    *(f"spend/{name}" for name in CARD),
    "priority.csv",
    "priority.parquet",
    "priority_top10.csv",
    "rejected.csv",
    "run.json",
}


def name(number: str) -> str:
    """An id that can be found again in any output, and that a spreadsheet would run."""
    return f"=cust({number})" if int(number) % 2 else f"cust-{number}"


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    """Purchases of 400 customers, and three rows that no model can use."""
    frame = bcx.load_cdnow(sample=True, zero_amounts="reject").accepted.df()
    frame = frame[frame["customer"].isin(frame["customer"].unique()[:400])]
    frame["segment"] = frame["customer"].map(lambda one: "north" if int(one) % 3 else "south")
    frame["customer"] = frame["customer"].map(name)
    frame = frame.set_axis(["id", "day", "paid", "segment"], axis=1)
    bad = pd.DataFrame(
        {
            "id": [None, "cust-bad", "cust-worse"],
            "day": ["1997-03-01", "soon", "1997-03-01"],
            "paid": [1, 2, -3],
        }
    )
    path = tmp_path_factory.mktemp("shop") / "shop.csv"
    pd.concat([frame.assign(day=frame["day"].dt.strftime("%Y-%m-%d")), bad]).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def reported(shop, command_in):
    """What the command says, and the folder it makes of the shop, under pseudonyms."""
    (shop.parent / "run.toml").write_text(
        "file = 'shop.csv'\ncustomer = 'id'\ntime = 'day'\namount = 'paid'\nby = 'segment'\n"
        "until = 1998-06-30\nunit = 'week'\nhorizon = '26 weeks'\nholdout_from = 1997-09-30\n"
        "timestamp = 2025-07-01\ntop = 10\ncurrency = 'EUR'\nout = 'report'\npseudonymise = true\n"
        "model = 'bg_nbd'\nspend_model = 'gamma_gamma'\n"
    )
    # An earlier run left a longer list, with an id in the clear. One file there is the user's.
    old = shop.parent / "report"
    (old / "spend").mkdir(parents=True)
    for stale in ("priority_top50.csv", "spend/old.csv"):
        (old / stale).write_text("customer\ncust001\n")
    write_record(old, {}, ["priority_top50.csv", "spend/old.csv"])
    (old / "priority_top_2023.csv").write_text("mine")
    done = command_in(shop.parent)("report", "--config", "run.toml", "--capacity", 5, BAYES_CX_KEY=KEY)
    assert done.returncode == 0, done.stderr
    return done, shop.parent / "report"


def test_every_file_is_there(reported):
    folder = reported[1]
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")} == REPORT | MINE
    assert set(json.loads((folder / "run.json").read_text())["files"]) == REPORT


def test_the_console_says_what_matters(reported):
    done, _ = reported
    assert "3 rows rejected" not in done.stderr
    for reason in ("missing customer", "unreadable time", "negative amount"):
        assert f"1 row rejected: {reason}" in done.stderr
    assert "5 customers" in done.stderr
    assert "5 of 400 customers" in done.stdout
    assert "retention.pdf" in done.stdout


def test_no_file_holds_an_id(reported):
    done, folder = reported
    texts = [done.stdout, done.stderr]
    for path in folder.rglob("*.*"):
        texts.append(path.read_bytes().decode("latin-1"))
        if path.suffix == ".pdf":
            texts += [page.extract_text() for page in PdfReader(path).pages]
        if path.suffix == ".parquet":
            texts.append(pd.read_parquet(path).to_csv())
    for text in texts:
        assert "cust" not in text.replace("customer", "").replace("Customer", "").replace("CUSTOMER", "")


def test_the_tables_agree(reported):
    _, folder = reported
    whole = pd.read_parquet(folder / "priority.parquet")
    assert len(whole) == 400
    assert whole["contact"].sum() == 5
    assert set(whole["segment"]) == {"north", "south"}
    text = pd.read_csv(folder / "priority.csv")
    assert text["customer"].tolist() == whole["customer"].tolist()
    assert text["gain"].tolist() == pytest.approx(whole["gain"].tolist())
    assert pd.read_csv(folder / "priority_top10.csv").equals(text.head(10))


def test_the_card_is_valid_and_the_record_complete(reported):
    _, folder = reported
    card = ModelCard.from_json((folder / "model_card.json").read_bytes())
    assert card.holdout.checks
    assert card.prior_check.checks
    run = json.loads((folder / "run.json").read_text())
    assert run["command"] == "bayes-cx report --config run.toml --capacity 5"
    assert run["timestamp"] == "2025-07-01T00:00:00+00:00"
    assert run["settings"]["capacity"] == 5
    assert run["purchases"]["data"]["rows_rejected"] == 3
    assert KEY not in json.dumps(run)


@pytest.mark.slow
def test_the_same_bytes_again(reported, shop, command_in):
    _, folder = reported
    run = command_in(shop.parent)
    again = run("report", "--config", "run.toml", "--capacity", 5, "--out", "again", BAYES_CX_KEY=KEY)
    assert again.returncode == 0, again.stderr
    for name in sorted(REPORT):
        assert (folder / name).read_bytes() == (shop.parent / "again" / name).read_bytes(), name


@pytest.fixture
def call(bayes_cx):
    """Run the command and return its exit code."""

    def run(*arguments: object) -> int:
        done = bayes_cx(*arguments)
        print(done.stdout, done.stderr)  # for who reads why a test failed
        return done.returncode

    return run


def test_steps_pass_files_to_each_other(shop, bayes_cx, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("summarise", shop, *COLUMNS, "--until", "1998-06-30", "--out", "stats.parquet") == 0
    assert call("fit", "stats.parquet", "--model", "bg_nbd", "--out", "purchases.nc") == 0
    assert call("fit", "stats.parquet", "--model", "gamma_gamma", "--out", "spend.nc") == 0
    assert call("score", "purchases.nc", "stats.parquet", "--out", "alive.csv") == 0
    ahead = ("--quantity", "expected_purchases", "--t", "26 weeks")
    assert call("score", "purchases.nc", "stats.parquet", *ahead, "--out", "ahead.parquet") == 0
    Path("run.toml").write_text("discount_rate = 0\nseed = 2\nmethod = 'nuts'\nout = 'elsewhere'\n")
    less = ("score", "purchases.nc", "stats.parquet", "--quantity", "discounted_purchases", "--t", "26 weeks")
    assert call(*less, "--discount-rate", 0.5, "--out", "less.parquet") == 0
    assert call(*less, "--config", "run.toml", "--out", "same.parquet") == 0
    kept = ("score", "purchases.nc", "stats.parquet", "--quantity", "discounted_purchases_if_less_dropout")
    ahead_twice = ("--t", "26 weeks", "--t", "52 weeks")
    assert call(*kept, *ahead_twice, "--keep", 0, "--keep", 0.5, "--out", "kept.parquet") == 0
    options = ("--config", "run.toml", "--method", "laplace")
    assert call("fit", "stats.parquet", "--model", "gamma_gamma", *options, "--out", "again.nc") == 0
    assert bcx.load("again.nc").provenance.seed == 2
    fits = ("purchases.nc", "spend.nc", "stats.parquet")
    assert call("prioritise", *fits, "--cost", 2, "--capacity", 30, "--out", "plan.csv") == 0
    done = bayes_cx("card", "purchases.nc", "stats.parquet", "--out", "card", "--timestamp", "2025-07-01")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["card"]
    assert (
        "bayes-cx card purchases.nc stats.parquet --timestamp 2025-07-01"
        in Path("card/model_card.md").read_text()
    )

    with open("alive.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 400
    assert all(row["customer"].startswith(("'=cust", "cust-")) for row in rows)
    ahead = pd.read_parquet("ahead.parquet")
    assert (ahead["quantile_5"] <= ahead["quantile_95"]).all()
    # A rate of zero discounts nothing; half a year at 50 % takes off between nothing and all of 1 - 1.5^-0.5.
    same, less = (pd.read_parquet(f"{name}.parquet")["mean"] for name in ("same", "less"))
    assert same.to_numpy() == pytest.approx(ahead["mean"].to_numpy(), rel=1e-4)
    assert less.between(same / 1.5**0.5, same).all()
    kept = pd.read_parquet("kept.parquet").filter(like="mean")
    assert kept.shape == (400, 4)
    # Half as much dropout leaves more purchases, and so does more time.
    for name in ("26", "52"):
        lasts = kept[[column for column in kept if column.startswith(f"mean, t={name}")]]
        assert (lasts.iloc[:, 0] < lasts.iloc[:, 1]).all()
    plan = pd.read_csv("plan.csv")
    assert plan["contact"].sum() == 30
    assert plan["customer"].str.startswith(("'=cust", "cust-")).all()
    assert ModelCard.from_json(Path("card/model_card.json").read_bytes()).verdict != "passed"

    # A file of another kind is refused by name.
    assert call("fit", "purchases.nc", "--out", "x.nc") == 2
    assert call("score", "stats.parquet", "stats.parquet", "--out", "x.csv") == 2
    assert call("prioritise", "spend.nc", "purchases.nc", "stats.parquet", "--out", "x.csv") == 2
    assert call("score", "purchases.nc", "stats.parquet", "--quantity", "luck", "--out", "x.csv") == 2
    assert not Path("x.nc").exists()
    assert not Path("x.csv").exists()


def test_strict_refuses_a_fit_that_did_not_pass(shop, bayes_cx, tmp_path, monkeypatch):
    failed = to_json([Check("luck", 0.0, "> 1", "failed")])
    fit = bcx.fit

    def unlucky(*arguments, **options):
        posterior = fit(*arguments, **options)
        posterior.draws.attrs["checks"] = failed
        return posterior

    monkeypatch.chdir(tmp_path)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "retention.pdf").write_text("old")
    write_record(tmp_path / "old", {}, ["retention.pdf"])
    monkeypatch.setitem(bcx.__dict__, "fit", unlucky)
    options = ("--no-holdout", *NAMED, "--strict")
    done = bayes_cx("report", shop, *COLUMNS, *TIMES, *options, "--out", "old")
    assert done.returncode == 1
    assert "luck" in done.stderr
    assert done.stdout == ""
    assert {path.name for path in tmp_path.rglob("*")} == {"old", "retention.pdf", "run.json"}
    assert (tmp_path / "old" / "retention.pdf").read_text() == "old"


def test_the_report_says_why_there_is_no_hold_out():
    from bayes_cx.app import pipeline
    from bayes_cx.app.observe import Observed
    from bayes_cx.errors import InputError

    def too_short():
        raise InputError("a period of one day", "more", "wait")

    observed = Observed(bcx.load_donations(), ("bg_bb",), too_short)
    found, why = pipeline._holdout(observed, bcx.models.BG_NBD, Compute(), False)
    assert (found, why) == (None, "a period of one day")
    unasked = pipeline._holdout(observed, bcx.models.BG_NBD, Compute(holdout=False), False)
    assert unasked == (None, "it was not asked for")
    bare = replace(observed, split=None)
    assert "only statistics are known" in pipeline._holdout(bare, bcx.models.BG_NBD, Compute(), False)[1]


@pytest.mark.slow
def test_a_season_that_a_hold_out_is_too_short_for_is_left_out_of_its_test(uneven_shop):
    from bayes_cx.app import pipeline
    from bayes_cx.app.observe import Observed

    log, _ = uneven_shop
    transactions = bcx.read_transactions(log, customer="customer", time="time")
    parts = bcx.split(transactions, "2020-12-27")
    observed = Observed(parts.calibration, ("bg_nbd",), lambda: parts)
    asked = Compute(season=True, strict=True)
    found, said = pipeline._holdout(observed, bcx.models.BG_NBD, asked, False)
    assert said == f"fitted until 2020-12-27, judged until {parts.holdout.attrs['end']}"
    total = found.checks[0].interval
    assert (total.high - total.low) / parts.holdout["x_holdout"].sum() > 0.2  # as only calendar time knows


@pytest.mark.parametrize("watched", [True, False])
def test_bars_are_for_those_who_watch(monkeypatch, watched):
    steps = Steps(total=1)
    monkeypatch.setattr("sys.stdout.isatty", lambda: watched, raising=False)
    steps.console = Console(force_terminal=watched, file=io.StringIO())
    assert steps.bars is watched
    # A second live display in a terminal would be refused by rich on the same console.
    with steps.step("Fit", bars=True) as step, steps.console.status("a bar") if watched else nullcontext():
        step.says = "done"
    assert "Fit: done" in steps.console.file.getvalue()


def test_a_fault_of_the_program_is_one_line(bayes_cx, monkeypatch):
    monkeypatch.setitem(bcx.__dict__, "load_cdnow", lambda **_: 1 / 0)
    done = bayes_cx("summarise", "--dataset", "cdnow", "--out", "s.nc")
    assert done.returncode == 70
    assert done.stderr.count("\n") == 1
    assert "ZeroDivisionError" in done.stderr
    assert "--debug" in done.stderr


@pytest.fixture(scope="module")
def bare(shop) -> Path:
    """The same purchases without amounts."""
    path = shop.parent / "bare.csv"
    pd.read_csv(shop).drop(columns=["paid", "segment"]).to_csv(path, index=False)
    return path


def pages(folder: Path) -> str:
    return " ".join(
        " ".join(page.extract_text().split()) for page in PdfReader(folder / "retention.pdf").pages
    )


def test_without_amounts_purchases_are_counted(bare, bayes_cx, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = ("report", bare, *COLUMNS[:4], *TIMES, *NAMED[:2], "--capacity", 20)
    done = bayes_cx(*known, "--no-holdout", "--out", "counted")
    assert done.returncode == 0, done.stderr
    assert "costs 0.1 purchases, a tenth of an average purchase" in done.stderr
    text = pages(Path("counted"))
    assert re.search(r"costs as much as [\d.]+ purchases are worth", text)
    assert "no amounts are known" in text
    assert "Gamma" not in text.replace("Gamma(", "")
    assert {path.name for path in Path("counted").iterdir()} == {
        name.replace("top10", "top100") for name in REPORT if not name.startswith("spend/")
    }


@pytest.mark.slow
def test_without_amounts_a_purchase_may_have_a_worth(bare, bayes_cx, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = ("report", bare, *COLUMNS[:4], *TIMES, *NAMED[:2], "--capacity", 20)
    assert bayes_cx(*known, "--no-holdout", "--out", "counted").returncode == 0
    done = bayes_cx(*known, "--worth", 25, "--currency", "€", "--out", "priced")
    assert done.returncode == 0, done.stderr
    assert "costs 2.5, a tenth" in done.stderr
    text = pages(Path("priced"))
    assert "every purchase is worth €25.0" in text
    assert "hold-out purchases" in text
    counted, priced = (pd.read_parquet(f"{name}/priority.parquet") for name in ("counted", "priced"))
    assert priced["value"].to_numpy() == pytest.approx(25 * counted["value"].to_numpy(), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("key", ["mbg_nbd", "pareto_nbd", "bg_cnbd", "mbg_cnbd", "bg_bb"])
def test_every_model_of_purchases_reports(key, bare, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    unit = ("--unit", "month", "--horizon", "6 months") if key == "bg_bb" else TIMES[2:]
    known = ("report", bare, *COLUMNS[:4], "--until", "1998-06-30", "--holdout-from", "1997-12-31")
    assert call(*known, *unit, "--model", key, "--out", "made") == 0
    card = ModelCard.from_json(Path("made/model_card.json").read_bytes())
    assert bcx.models.find(key).name in card.model.name
    assert card.holdout.checks
    assert "Did the forecasts come true?" in pages(Path("made"))


@pytest.mark.slow
@pytest.mark.parametrize(("data", "key"), [("donations", "bg_bb"), ("cohorts", "sbg"), ("cohorts", "bdw")])
def test_statistics_go_the_whole_way_and_in_steps(data, key, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("report", "--dataset", data, "--model", key, "--worth", 50, "--out", "made") == 0
    text = pages(Path("made"))
    assert "only statistics are known, and they do not say what happened when" in text
    assert "5 years" in text
    assert ("How long do they stay?" in text) == (data == "cohorts")
    assert ("still active" in text) == (data == "donations")
    misuse = ModelCard.from_json(Path("made/model_card.json").read_bytes()).use.misuse
    assert any("under contract" in one for one in misuse) == (data == "donations")
    table = pd.read_parquet("made/priority.parquet")
    assert len(table) == {"donations": 11_104, "cohorts": 2_000}[data]

    events = "purchases" if data == "donations" else "renewals"
    assert call("datasets", data, "--out", "stats.nc") == 0
    assert call("fit", "stats.nc", "--model", key, "--out", "fit.nc") == 0
    score = ("score", "fit.nc", "stats.nc", "--out", "score.csv")
    assert call(*score, "--quantity", f"expected_{events}_between", "--t1", "1 year", "--t2", "3 years") == 0
    assert pd.read_csv("score.csv")["mean"].between(0, 2).all()
    assert call(*score, "--quantity", f"p_{events}", "--count", 2, "--t", "3 years") == 0
    assert pd.read_csv("score.csv")["mean"].between(0, 1).all()
    assert call(*score, "--quantity", "p_alive", "--t", "3 years") == 2
    assert call("prioritise", "fit.nc", "stats.nc", "--worth", 50, "--out", "plan.csv") == 0
    assert pd.read_csv("plan.csv")["value"].sum() == pytest.approx(table["value"].sum(), rel=0.02)


@pytest.mark.slow
def test_a_model_is_chosen_by_the_rule(bare, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = ("report", bare, *COLUMNS[:4], *TIMES, "--no-holdout", "--capacity", 20)
    assert call(*known, "--out", "made") == 0
    comparison = json.loads(Path("made/run.json").read_text())["comparison"]
    # So few customers are too few for some fits; the reason then says which were left out.
    for name in ("BG/NBD", "MBG/NBD", "Pareto/NBD"):
        assert (name in comparison["table"]) != (f"The fit of {name}" in comparison["reason"])
    assert "so BG/CNBD-k and MBG/CNBD-k would say the same" in comparison["reason"]
    text = pages(Path("made"))
    assert comparison["reason"] in text
    assert f"With {comparison['runner_up']}, the next best" in text
    assert comparison["chosen"] in ModelCard.from_json(Path("made/model_card.json").read_bytes()).model.name
