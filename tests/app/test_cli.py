"""The command line on good and bad input; what needs no fit is here."""

import csv
import os
import re
import signal
import subprocess
import warnings
from pathlib import Path

import pandas as pd
import pytest

import bayes_cx as bcx
from bayes_cx.app import cli
from bayes_cx.errors import BayesCxWarning

HEAVY = (
    "numpy",
    "pandas",
    "pymc",
    "pytensor",
    "arviz",
    "xarray",
    "duckdb",
    "matplotlib",
    "scipy",
)
COMMANDS = ("report", "summarise", "fit", "score", "prioritise", "card", "datasets")
COLUMNS = ("--customer", "id", "--time", "day", "--amount", "paid")
CONTRACTS = ("--customer", "id", "--start", "day", "--end", "day", "--until", "2025-12-31")

BROKEN = """id,day,paid,mail
1,2025-01-01,10,a@x.org
1,2025-02-01,12.5,a@x.org
,2025-02-03,4,b@x.org
2,2025-13-03,4,c@x.org
2,2025-02-05,-4,c@x.org
3,2025-02-05,abc,d@x.org
5,2026-02-05,3,e@x.org
6,2025-02-05,3,f@x.org
"""


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.csv"
    path.write_text(BROKEN)
    return path


def fails(done, code: int, *words: str) -> None:
    """Assert that a run ended with `code` and one line that says all `words`, and no traceback."""
    assert done.returncode == code, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("bayes-cx:")]
    assert len(lines) == 1
    assert done.stderr.splitlines()[-1] == lines[0]
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in lines[0]


@pytest.mark.parametrize("command", [(), ("report",), ("score",)], ids=lambda words: "".join(words) or "all")
def test_help_loads_nothing_heavy(bayes_cx_process, command):
    done = bayes_cx_process(*command, "--help", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    loaded = {
        line.rsplit("|", 1)[-1].strip()
        for line in done.stderr.splitlines()
        if line.startswith("import time:")
    }
    assert "typer" in loaded
    assert loaded & set(HEAVY) == set()


def test_help_names_every_command(bayes_cx):
    said = bayes_cx("--help").stdout
    assert bayes_cx().stdout == said
    for command in COMMANDS:
        assert command in said


def test_version(bayes_cx_process):
    assert bayes_cx_process("--version").stdout.startswith("bayes-cx 0.")


def test_datasets(bayes_cx, tmp_path):
    assert "donations" in bayes_cx("datasets").stdout
    assert bayes_cx("datasets", "donations", "--out", "d.csv").returncode == 0
    assert pd.read_csv(tmp_path / "d.csv")["weight"].to_numpy().sum() == 11_104
    assert bayes_cx("datasets", "cdnow", "--out", "c.csv").returncode == 0
    assert len(pd.read_csv(tmp_path / "c.csv")) == 69_659
    fails(bayes_cx("datasets", "cdnov", "--out", "c.csv"), 2, "cdnov", "cdnow")
    fails(bayes_cx("datasets", "cdnow"), 2, "--out")


def test_broken_rows_are_counted_and_written(bayes_cx, broken, tmp_path):
    done = bayes_cx(
        "summarise", broken, *COLUMNS, "--until", "2025-12-31", "--out", "s.parquet", "--rejected", "r.csv"
    )
    assert done.returncode == 0, done.stderr
    rejected = pd.read_csv(tmp_path / "r.csv", dtype=str)
    assert rejected["reason"].tolist() == [
        "missing customer",
        "unreadable time",
        "negative amount",
        "unreadable amount",
        "after the end of observation",
    ]
    assert rejected["row"].tolist() == ["3", "4", "5", "6", "7"]
    for reason in rejected["reason"]:
        assert f"1 row rejected: {reason}" in done.stderr
    assert pd.read_parquet(tmp_path / "s.parquet")["x"].to_dict() == {"1": 1, "6": 0}


@pytest.mark.parametrize("ending", ["nc", "parquet"])
def test_statistics_come_back_as_they_were(bayes_cx, broken, tmp_path, ending):
    import bayes_cx as bcx
    from bayes_cx.app.store import read_statistics

    out = tmp_path / f"s.{ending}"
    assert (
        bayes_cx(
            "summarise", broken, *COLUMNS, "--until", "2025-12-31", "--by", "mail", "--out", out
        ).returncode
        == 0
    )
    transactions = bcx.read_transactions(str(broken), customer="id", time="day", amount="paid", by="mail")
    expected = bcx.summarise(transactions, until="2025-12-31")
    found = read_statistics(out)
    assert found.attrs == expected.attrs
    for name in (*expected.data_vars, "customer"):
        pd.testing.assert_series_equal(
            found[name].to_series(), expected[name].to_series(), check_dtype=False, check_index_type=False
        )


def test_wrong_column(bayes_cx_process, broken):
    fails(
        bayes_cx_process("summarise", broken, "--customer", "ID", "--time", "day", "--out", "s.nc"),
        2,
        "'ID'",
        "'id'",
        "'day'",
    )


def test_missing_column_option(bayes_cx, broken):
    fails(bayes_cx("summarise", broken, "--customer", "id", "--out", "s.nc"), 2, "--time")


def test_no_file(bayes_cx):
    fails(bayes_cx("summarise", "none.csv", *COLUMNS, "--out", "s.nc"), 2, "none.csv")
    fails(bayes_cx("summarise", *COLUMNS, "--out", "s.nc"), 2, "--dataset")
    fails(bayes_cx("fit", "none.nc", "--out", "p.nc"), 2, "none.nc")


@pytest.mark.parametrize(
    "text", ["", "id,day,paid\n", "id,day,paid\n,,\n"], ids=["empty", "header", "nothing usable"]
)
def test_empty_file(bayes_cx, tmp_path, text):
    (tmp_path / "empty.csv").write_text(text)
    fails(bayes_cx("summarise", "empty.csv", *COLUMNS, "--out", "s.nc"), 2, "empty.csv")


def test_report_needs_a_folder(bayes_cx, broken):
    fails(bayes_cx("report", broken, *COLUMNS), 2, "--out")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*COLUMNS, "--worth", 25), ("worth", "amount", "keep one")),
        ((*COLUMNS, "--start", "day"), ("start", "time", "keep one")),
        ((*COLUMNS[:4], "--worth", -1), ("worth", "-1")),
        ((*COLUMNS, "--model", "bg_nbt"), ("model", "bg_nbt", "bg_nbd", "auto")),
        ((*COLUMNS, "--model", "sbg"), ("sbg", "purchases in time", "bg_nbd")),
        (("--customer", "id", "--start", "day"), ("--end",)),
        (("--customer", "id", "--start", "day", "--end", "day"), ("--until",)),
        ((*CONTRACTS, "--decimal", ","), ("--decimal", "contracts")),
        ((*CONTRACTS, "--returns", "net", "--zero-amounts", "keep"), ("--returns", "--zero-amounts")),
    ],
    ids=lambda value: str(value[-1]),
)
def test_what_does_not_go_together(bayes_cx, broken, arguments, words):
    fails(bayes_cx("report", broken, *arguments, "--out", "r"), 2, *words)


def test_a_worth_is_not_passed_over_where_amounts_were_fitted(bayes_cx):
    files = ("purchases.nc", "spend.nc", "stats.nc")
    fails(bayes_cx("prioritise", *files, "--worth", 25, "--out", "plan.csv"), 2, "--worth", "spend")


@pytest.mark.parametrize("ending", ["nc", "parquet", "NC"])
def test_statistics_are_known_by_what_the_file_says(bayes_cx, broken, tmp_path, ending):
    stats = f"stats.{ending}"
    assert bayes_cx("summarise", broken, *COLUMNS, "--out", stats).returncode == 0
    done = bayes_cx("summarise", stats, "--out", "again.nc")
    assert done.returncode == 0
    assert "Read statistics" in done.stderr
    # They are not read as something else, and nothing that cannot be heeded is passed over.
    fails(bayes_cx("report", stats, "--model", "sbg", "--out", "r"), 2, "sbg", "purchases in time")
    fails(bayes_cx("report", stats, *COLUMNS, "--out", "r"), 2, "--customer and --time", "statistics")
    fails(bayes_cx("report", stats, "--until", "2025-01-01", "--out", "r"), 2, "--until", "statistics")
    fails(bayes_cx("report", stats, "--unit", "month", "--out", "r"), 2, "--unit", "statistics")


def test_a_table_of_rows_is_none_of_statistics(bayes_cx, tmp_path):
    frame = pd.DataFrame({"who": ["a", "b"], "day": ["2025-01-01", "2025-01-02"]})
    frame.attrs = {"kind": "invoices"}
    frame.to_parquet(tmp_path / "rows.parquet")
    read = ("summarise", "rows.parquet", "--customer", "who", "--time", "day", "--out", "s.nc")
    assert bayes_cx(*read).returncode == 0
    fails(bayes_cx("fit", "rows.parquet", "--out", "f.nc"), 2, "no statistics")
    fails(bayes_cx("fit", "rows.csv", "--out", "f.nc"), 2, ".nc or .parquet", "summarise")


def test_what_a_data_set_has_is_not_asked_for(bayes_cx):
    fails(
        bayes_cx("report", "--dataset", "cdnow", "--customer", "id", "--out", "r"), 2, "--customer", "cdnow"
    )


def test_models_are_for_their_data(bayes_cx):
    fails(
        bayes_cx("report", "--dataset", "cohorts", "--model", "bg_nbd", "--out", "r"), 2, "contracts", "sbg"
    )
    fails(bayes_cx("report", "--dataset", "donations", "--model", "bdw", "--out", "r"), 2, "bg_bb")


def test_contracts_become_renewals(bayes_cx, tmp_path):
    lines = ["id,begin,end,plan", "a,2025-01-31,,x", "b,2025-01-01,2025-04-01,y", ",2025-01-01,,x"]
    (tmp_path / "contracts.csv").write_text("\n".join(lines))
    columns = ("--customer", "id", "--start", "begin", "--end", "end", "--by", "plan", "--unit", "month")
    known = ("summarise", "contracts.csv", *columns, "--until", "2025-06-15", "--rejected", "r.csv")
    done = bayes_cx(*known, "--out", "s.parquet", "--pseudonymise", BAYES_CX_KEY="an example key of a test")
    assert done.returncode == 0, done.stderr
    assert "1 row rejected: missing customer" in done.stderr
    found = pd.read_parquet(tmp_path / "s.parquet").set_index("plan")
    assert found[["T", "churned"]].to_dict("index") == {
        "x": {"T": 4, "churned": 0},
        "y": {"T": 3, "churned": 1},
    }
    assert len(pd.read_csv(tmp_path / "r.csv")) == 1


def test_other_statistics_are_made_on_demand(bayes_cx, broken, tmp_path):
    known = ("summarise", broken, *COLUMNS, "--until", "2025-12-31")
    assert bayes_cx(*known, "--regularity", "--out", "regular.parquet").returncode == 0
    assert "regularity" in pd.read_parquet(tmp_path / "regular.parquet")
    assert bayes_cx(*known, "--opportunities", "--unit", "month", "--out", "n.parquet").returncode == 0
    assert {"x", "t_x", "n"} <= set(pd.read_parquet(tmp_path / "n.parquet"))


@pytest.mark.parametrize(
    ("flag", "value", "words"),
    [
        ("--unit", "fortnight", ("unit", "fortnight", "week")),
        ("--until", "30.6.2025", ("--until", "30.6.2025")),
        ("--capacity", "many", ("--capacity", "integer")),
        ("--hroizon", "1", ("--hroizon", "--horizon")),
    ],
)
def test_bad_flag(bayes_cx, broken, flag, value, words):
    fails(bayes_cx("report", broken, *COLUMNS, "--out", "r", flag, value), 2, *words)


def test_bad_toml(bayes_cx, tmp_path):
    (tmp_path / "run.toml").write_text("untill = 2025-12-31")
    fails(bayes_cx("report", "--config", "run.toml", "--out", "r"), 2, "'untill'", "'until'", "run.toml")


def test_flags_win_and_paths_are_those_of_the_file(bayes_cx, broken, tmp_path):
    (tmp_path / "a").mkdir()
    text = "file = '../broken.csv'\ncustomer = 'id'\ntime = 'day'\nuntil = 2025-12-31\nunit = 'week'"
    (tmp_path / "a" / "run.toml").write_text(text)
    done = bayes_cx("summarise", "--config", "a/run.toml", "--unit", "day", "--out", "s.parquet")
    assert done.returncode == 0, done.stderr
    stats = pd.read_parquet(tmp_path / "s.parquet")
    assert stats.attrs["unit"] == "day"
    assert stats.attrs["until"] == "2025-12-31"


# What the process says right before the signal is sent, and what makes it say so: amid the imports of the
# start, and while pymc is imported for the fit, with a temporary folder and a connection open.
MOMENTS = {"start": (r"\| *typer[.]", {"PYTHONPROFILEIMPORTTIME": "1"}), "fit": ("2/7 Summarise", {})}


@pytest.mark.parametrize(
    ("number", "word", "moment"),
    [
        (signal.SIGINT, "interrupted", "fit"),
        (signal.SIGTERM, "terminated", "start"),
        pytest.param(signal.SIGINT, "interrupted", "start", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, "terminated", "fit", marks=pytest.mark.slow),
    ],
)
def test_a_stopped_run_says_so_and_leaves_nothing(bayes_cx_path, tmp_path, moment, number, word):
    command = [bayes_cx_path, "report", "--dataset", "cdnow-sample"]
    (tmp_path / "tmp").mkdir()
    sign, environment = MOMENTS[moment]
    with subprocess.Popen(
        [*command, "--out", "new/report"],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(tmp_path / "tmp")} | environment,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in the background of a shell, interrupts are ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as run:
        assert run.stderr is not None
        assert any(re.search(sign, line) for line in run.stderr)
        run.send_signal(number)
        lines = run.communicate(timeout=60)[1].splitlines()
    assert run.returncode == 128 + number, lines
    assert lines[-1] == f"bayes-cx: {word}; no file is half written."
    assert not [line for line in lines[:-1] if not line.startswith("import time:")]
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["tmp"]


def test_what_a_user_should_know_is_said_once(bayes_cx, monkeypatch):
    def noisy(*_, **__):
        for text in ("3 groups not in the fit", "3 groups not in the fit", "other"):
            warnings.warn(text, UserWarning if text == "other" else BayesCxWarning, stacklevel=1)
        return 0

    monkeypatch.setattr(cli, "app", noisy)
    assert bayes_cx("datasets").stderr == "bayes-cx: 3 groups not in the fit\n"


def test_debug_shows_where(bayes_cx, broken):
    done = bayes_cx("summarise", broken, *COLUMNS, "--unit", "eon", "--out", "s.nc", "--debug")
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_wrong_ending_before_the_work(bayes_cx, broken):
    done = bayes_cx("summarise", broken, *COLUMNS, "--out", "s.xlsx")
    fails(done, 2, "s.xlsx", ".nc", ".parquet")
    assert "rows of" not in done.stderr


def test_formulas_are_not_run(bayes_cx, tmp_path):
    ids = ["=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1)", "\tx"]
    with open(tmp_path / "evil.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows(
            [("id", "day", "paid"), *((one, "2025-13-01", 1) for one in ids), ("good", "2025-01-01", 1)]
        )
    done = bayes_cx("summarise", "evil.csv", *COLUMNS, "--out", "s.nc", "--rejected", "r.csv")
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "r.csv", newline="") as file:
        rows = list(csv.reader(file))[1:]
    assert [row[2] for row in rows] == [f"'{one}" for one in ids]


def test_pseudonyms_hide_every_id(bayes_cx, broken, tmp_path):
    command = (
        "summarise",
        broken,
        *COLUMNS,
        "--until",
        "2025-12-31",
        "--out",
        "s.parquet",
        "--rejected",
        "r.csv",
    )
    fails(bayes_cx(*command, "--pseudonymise"), 2, "key", "BAYES_CX_KEY")
    fails(bayes_cx(*command, "--pseudonymise", BAYES_CX_KEY="short"), 2, "16")
    assert not (tmp_path / "s.parquet").exists()
    assert bayes_cx(*command, "--pseudonymise", BAYES_CX_KEY="an example key of a test").returncode == 0
    from_variable = pd.read_parquet(tmp_path / "s.parquet")
    rejected = (tmp_path / "r.csv").read_text()
    (tmp_path / "key").write_text("an example key of a test\n")
    assert bayes_cx(*command, "--pseudonymise", "--key-file", "key").returncode == 0
    from_file = pd.read_parquet(tmp_path / "s.parquet")
    pd.testing.assert_frame_equal(from_variable, from_file)
    assert from_file.index.is_monotonic_increasing
    assert all(len(one) == 16 for one in from_file.index)
    # Other columns of a rejected row may name a customer as well.
    assert "x.org" not in rejected
    assert pd.read_csv(tmp_path / "r.csv", dtype=str)["id"].str.len().dropna().eq(16).all()


def test_a_failing_run_leaves_the_old_output(bayes_cx, broken, tmp_path):
    (tmp_path / "s.nc").write_text("old")
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "retention.pdf").write_text("old")
    assert (
        bayes_cx("summarise", broken, "--customer", "nobody", "--time", "day", "--out", "s.nc").returncode
        == 2
    )
    assert bayes_cx("report", broken, "--customer", "nobody", "--time", "day", "--out", "r").returncode == 2
    assert (tmp_path / "s.nc").read_text() == "old"
    assert (tmp_path / "r" / "retention.pdf").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.csv", "r", "s.nc"]


def test_a_folder_that_cannot_be_written(bayes_cx, broken, tmp_path):
    # A file in its place stops root as well, whom no permission stops.
    (tmp_path / "locked").touch()
    fails(bayes_cx("summarise", broken, *COLUMNS, "--out", "locked/s.nc"), 2, "locked", "cannot be written")


def test_output_of_the_wrong_kind(bayes_cx, broken, tmp_path):
    (tmp_path / "s.nc").mkdir()
    fails(bayes_cx("summarise", broken, *COLUMNS, "--out", "s.nc"), 2, "s.nc", "folder")
    fails(bayes_cx("report", broken, *COLUMNS, "--out", "broken.csv"), 2, "broken.csv", "file")


def test_a_fit_without_a_model_is_of_the_one_that_the_rule_chooses(bayes_cx, cdnow_sample, tmp_path):
    """BG/NBD predicts these customers as well, but assumes that all one-time buyers are active."""
    cdnow_sample.isel(customer=slice(0, None, 4)).to_netcdf(tmp_path / "s.nc")
    done = bayes_cx("fit", "s.nc", "--out", "p.nc")
    assert done.returncode == 0, done.stderr
    assert bcx.load(tmp_path / "p.nc").model.name == "MBG/NBD"
    assert "it does not assume that every one-time buyer is active, as BG/NBD does" in done.stderr


def test_a_coarsened_fit_carries_the_check_of_what_that_changed(bayes_cx, tmp_path):
    assert bayes_cx("summarise", "--dataset", "cdnow-sample", "--out", "s.nc").returncode == 0
    done = bayes_cx("fit", "s.nc", "--model", "gamma_gamma", "--coarsen-spend", "0.05", "--out", "p.nc")
    assert done.returncode == 0, done.stderr
    shift = bcx.load(tmp_path / "p.nc").checks[-1]
    assert shift.name.startswith("shift by coarsening")
    assert shift.status == "passed"
    fails(bayes_cx("fit", "s.nc", "--coarsen", "soon", "--out", "q.nc"), 2, "soon")
    fails(bayes_cx("fit", "s.nc", "--coarsen-spend", "0.05", "--out", "q.nc"), 2, "width for spend")
