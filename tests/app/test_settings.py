"""Settings from TOML and flags; what is wrong is named."""

import ast
import re
import shlex
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

import bayes_cx as bcx
from bayes_cx.app.designs import design_of
from bayes_cx.app.load import load
from bayes_cx.app.rerun import command, recorded
from bayes_cx.app.settings import GROUPS, SETTINGS, Compute, Offers, Read, Settings, Write, settings_in
from bayes_cx.errors import InputError


def write(folder: Path, text: str) -> dict[str, Path]:
    path = folder / "run.toml"
    path.write_text(text)
    return {"config": path}


def test_nothing_given_is_the_default():
    assert load({"unit": None, "by": [], "config": None}) == Settings()


def test_flags_win(tmp_path):
    given = write(tmp_path, "unit = 'day'\nseed = 3\nuntil = 2025-12-31\nby = 'segment'")
    settings = load({**given, "unit": "month", "holdout": False})
    compute = settings.compute
    assert (compute.unit, compute.seed, compute.until) == ("month", 3, date(2025, 12, 31))
    assert settings.read.by == ("segment",)
    assert compute.holdout is False


def test_the_model_is_chosen_unless_it_is_named():
    assert Settings().compute.model == "auto"
    assert load({"dataset": "cdnow-sample", "calendar": True, "model": "BG/NBD"}).compute.model == "bg_nbd"


def test_columns_by_date_are_a_file_beside_the_settings(tmp_path, cdnow_sample):
    (tmp_path / "p.csv").write_text("date,promotion\n1997-02-03,1\n")
    settings = load(write(tmp_path, "by_date = 'p.csv'\nby_date_otherwise = 0"))
    design = design_of(bcx.models.BG_NBD, cdnow_sample, settings.compute)
    assert design.calendar
    assert design.by_date == bcx.ByDate(pd.DataFrame({"promotion": 1}, index=["1997-02-03"]), otherwise=0)
    assert not design_of(bcx.models.GAMMA_GAMMA, cdnow_sample, settings.compute).calendar
    with pytest.raises(InputError, match="by_date_otherwise without by_date"):
        load({"by_date_otherwise": 0.0})


def test_another_source_replaces_the_one_of_the_file(tmp_path):
    settings = load({**write(tmp_path, "dataset = 'cdnow'"), "file": "a.csv"})
    assert (settings.read.file, settings.read.dataset) == ("a.csv", None)


def test_a_cost_replaces_the_offers_of_the_file(tmp_path):
    settings = load({**write(tmp_path, "[[offers]]\nname = 'a'\ncost = 1"), "cost": 2.0})
    assert (settings.offer.offers, settings.offer.cost) == ((), 2.0)


def test_paths_are_meant_from_where_the_file_lies(tmp_path):
    settings = load(write(tmp_path, "file = 'a.csv'\nout = '.'\nkey_file = '/keys/one'"))
    assert settings.read.file == str(tmp_path / "a.csv")
    assert settings.write.out == tmp_path
    assert settings.read.key_file == Path("/keys/one")
    assert load(write(tmp_path, "file = 'postgres:dbname=shop'")).read.file == "postgres:dbname=shop"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("untill = 2025-12-31", ("'untill'", "'until'", "run.toml")),
        ("nonsense = 1", ("'nonsense'", "horizon", "run.toml")),
        ("unit = 'fortnight'", ("unit", "fortnight", "week")),
        ("horizon = '3 fortnights'", ("3 fortnights", "52 weeks")),
        ("returns = 'refund'", ("returns", "refund", "reject")),
        ("seed = -1", ("seed", "-1")),
        ("until = '30.6.2025'", ("until", "30.6.2025", "date")),
        ("[[offers]]\nname = 'a'\ncosts = 1", ("'costs' in offer 1 of", "run.toml", "'cost'")),
        (
            "[[offers]]\nname = 'a'\ncost = 1\nkeep = [0, 1]",
            ("keep is [0, 1] in offer 1 of", "Beta", "the key keep"),
        ),
        ("seed = ", ("run.toml", "TOML")),
        ("file = 'a.csv'\ndataset = 'cdnow'", ("file", "dataset")),
        ("[compute]\nseed = 1", ("[compute]", "without a table")),
        ("[[offers]]\nname = 'a'", ("key cost is missing in offer 1 of",)),
        ("offers = 3", ("offers is 3", "[[offers]]")),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, words):
    with pytest.raises(InputError) as error:
        load(write(tmp_path, text))
    for word in words:
        assert word in str(error.value)
    assert "\n" not in str(error.value)


def test_the_flag_is_named_where_it_was_a_flag(tmp_path):
    """Each in the way it was given: correcting the file would not help against a flag."""
    given = write(tmp_path, "seed = 3")
    with pytest.raises(InputError, match=r"^--discount-rate is -1; expected a number from 0 to 1; pass"):
        load({**given, "discount_rate": -1})
    with pytest.raises(InputError, match=r"^FILE is 1; expected a valid string"):
        load({"file": 1})


def options_of(command: str) -> dict[str, str]:
    """The flags of a command with what the help says of them."""
    import typer

    from bayes_cx.app.cli import app

    made = typer.main.get_command(app).commands[command]
    return {flag: str(one.help) for one in made.params for flag in one.opts}


OF_REPORT = {one.key: one for record in (Read, Compute, Offers, Write) for one in settings_in(record)}


@pytest.mark.parametrize("setting", OF_REPORT.values(), ids=OF_REPORT)
def test_every_setting_is_an_option_of_the_report(setting):
    flags = options_of("report")
    flag = setting.key if setting.option.argument else f"--{setting.key.replace('_', '-')}"
    assert (flag in flags) == setting.option.flag
    if setting.option.flag and isinstance(setting.option.help, str):
        assert flags[flag].startswith(setting.option.help)
        if setting.default not in (None, False, "", ()):
            assert "(default: " in flags[flag]


def test_a_single_step_has_the_options_that_it_uses():
    common = {"--config", "--debug", "--out"}
    assert set(options_of("card")) == common | {
        "posterior",
        "stats",
        "--organisation",
        "--timestamp",
        "--seed",
    }
    assert "--key-file" in options_of("summarise")
    assert "--seed" not in options_of("summarise")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml"):
        load({"config": tmp_path / "none.toml"})


def test_timestamp(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert load({}).write.stamp() == datetime(1970, 1, 1, tzinfo=UTC)
    assert load({"timestamp": "2025-01-01T12:00:00+02:00"}).write.stamp() == datetime(
        2025, 1, 1, 10, tzinfo=UTC
    )
    assert load({"timestamp": "2025-01-01"}).write.stamp() == datetime(2025, 1, 1, tzinfo=UTC)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "soon")
    with pytest.raises(InputError, match="SOURCE_DATE_EPOCH"):
        load({}).write.stamp()


def test_key(monkeypatch, tmp_path):
    monkeypatch.delenv("BAYES_CX_KEY", raising=False)
    assert load({}).read.key() is None
    with pytest.raises(InputError, match="BAYES_CX_KEY"):
        load({"pseudonymise": True}).read.key()
    monkeypatch.setenv("BAYES_CX_KEY", "from the variable")
    assert load({"pseudonymise": True}).read.key() == "from the variable"
    (tmp_path / "key").write_text("from the file\n")
    assert load({"pseudonymise": True, "key_file": tmp_path / "key"}).read.key() == "from the file"
    with pytest.raises(InputError, match="no-key"):
        load({"pseudonymise": True, "key_file": tmp_path / "no-key"}).read.key()


def test_the_record_holds_no_folder_and_no_key():
    given = {
        "file": "/home/ada/sales.csv",
        "out": "/home/ada/out",
        "key_file": "/home/ada/key",
        "by": ["a", "b"],
    }
    assert recorded(load(given)) == {"file": "sales.csv", "by": ["a", "b"]}
    words = command("report", {**given, "until": datetime(2025, 1, 31), "holdout": False})
    assert words == (
        "bayes-cx report sales.csv --by a --by b --until 2025-01-31 --no-holdout"
        "  # in the folder with sales.csv"
    )


@pytest.mark.parametrize(
    "address",
    [
        "postgres:host=db user=ada password=hunter2",
        "postgresql://ada:hunter2@db/shop",
        "mysql:host=db passwd=hunter2",
        "https://ada:hunter2@db/shop.csv",
        "host=db user=ada password=hunter2",
    ],
)
def test_the_record_holds_no_address_and_no_query(address):
    given = {"file": address, "query": "SELECT * FROM orders WHERE owner = 'hunter2'"}
    said = command("report", given) + str(recorded(load(given)))
    for word in ("hunter2", "ada", "db", "orders"):
        assert word not in said
    assert '--query "$QUERY"' in said
    assert '"$SOURCE"' in said


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("reports/shop.toml", "reports/shop.toml"),
        ("reports/../shop's.toml", "'shop'\"'\"'s.toml'"),
        ("-shop.toml", "./-shop.toml"),
        ("/home/ada/shop.toml", "shop.toml  # in the folder with shop.toml"),
        ("../ada/shop.toml", "shop.toml  # in the folder with shop.toml"),
    ],
)
def test_the_record_holds_the_settings_by_a_name_that_can_be_used(path, said):
    assert command("report", {"config": Path(path)}) == f"bayes-cx report --config {said}"


@pytest.fixture
def asked(monkeypatch):
    """The settings and the command of each report that is asked for, none of which is made."""
    from bayes_cx.app import pipeline

    found = []

    class Made:
        sentences = ()

    def record(settings, command):
        found.append((settings, command))
        return Made

    monkeypatch.setattr(pipeline, "report", record)
    return found


OPTIONS = ("--customer", "the id", "--time", "$day", "--by", "a;b", "--by", "c", "--no-holdout", "--seed", 7)


@pytest.mark.parametrize(
    "given",
    [
        ("data/my sales.csv", *OPTIONS, "--out", "deep/out"),
        ("--dataset", "cdnow-sample", "--timestamp", "2025-07-01", "--until", "1998-06-30", "--out", "x"),
        ("--config", "shops/run.toml", "--out", "elsewhere"),
        ("--config", "shops/run.toml"),
        ("--config", "shops/bare.toml", "--budget", "5", "--pseudonymise", "--out", "x"),
        ("shop.db", "--query", "SELECT 'x'", *OPTIONS[:4], "--out", "x"),
        ("sqlite:shop.db", "--query", "SELECT 'x'", *OPTIONS[:4], "--out", "x"),
    ],
)
def test_the_command_in_the_report_makes_the_report_again(bayes_cx, asked, tmp_path, given):
    """Whatever was given by hand or in a file; it prints itself again, so that the bytes can be equal."""
    for folder in ("data", "shops"):
        (tmp_path / folder).mkdir()
    (tmp_path / "shops" / "run.toml").write_text("file = 'a.csv'\nout = 'out'\ntimestamp = 2025-07-01\n")
    (tmp_path / "shops" / "bare.toml").write_text("dataset = 'cdnow'\n")
    key = {"BAYES_CX_KEY": "an example key of a test"}
    given_by_hand = {"$QUERY": "SELECT 'x'", "$SOURCE": "sqlite:shop.db"}
    for _ in range(2):
        done = bayes_cx("report", *given, **key)
        assert done.returncode == 0, done.stderr
        words = shlex.split(asked[-1][1], comments=True)
        assert words[:2] == ["bayes-cx", "report"]
        given = [given_by_hand.get(word, word) for word in words[2:]]
    (first, command), (second, again) = asked
    assert command == again
    assert replace(first, write=replace(first.write, out=None)) == replace(
        second, write=replace(second.write, out=None)
    )
    assert second.write.out is not None
    assert "elsewhere" not in command


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("by = " + "[" * 5000 + "]" * 5000, "nested too deep"),
        ("by = " + "{a = " * 5000 + "1" + "}" * 5000, "nested too deep"),
        (f"seed = {'9' * 5000}", "is not TOML"),
        (f"seed = {'9' * 400}", "a whole number up to 4,294,967,295"),
        ("capacity = 99999999999999", "a whole number up to"),
        ("horizon = '1000000000 years'", "at most 200 years"),
        ("horizon = '2000000 hours'", "at most 200 years"),
        ("cost = 1e300", r"a finite number up to 1e\+15"),
        ("budget = inf", "a finite number"),
        ("worth = nan", "a finite number"),
        ("discount_rate = inf", "a finite number"),
        ('customer = "a\\u0000b"', "without the character NUL"),
        ('out = "a\\u0000b"', "without the character NUL"),
        ("[[offers]]\nname = 'a'\ncost = 1e300", "a finite number"),
        ("[[offers]]\nname = 'a'\ncost = 1\nkeep = [inf, 2]", "a finite number"),
        ("[[offers]]\nname = 'a'\ncost = 1\nkeep = [2]", "expected two numbers; correct the key keep"),
        ("[[offers]]\nname = 'a'\ncost = 1\nkeep = [2, 3, 4]", "expected two numbers; correct the key keep"),
        ("[[offers]]\nname = 'a'\ncost = 1\n[[offers]]\nname = 'a'\ncost = 2", "a name of its own"),
        (f"title = ['{'x' * 1000}']", "x…"),
    ],
    ids=lambda text: text[:30].replace("\n", " "),
)
def test_what_is_beyond_all_use_is_named_before_the_work(tmp_path, text, says):
    with pytest.raises(InputError, match=says) as found:
        load(write(tmp_path, text))
    assert "--" not in str(found.value)  # no flag: it stands in a file
    assert len(str(found.value)) < 500


def test_a_time_beyond_the_calendar(tmp_path):
    settings = load(write(tmp_path, "timestamp = 0001-01-01T00:00:00+14:00"))
    with pytest.raises(InputError, match="timestamp"):
        settings.stamped()


@pytest.mark.parametrize("option", ["--t", "--t1", "--t2"])
def test_a_score_looks_no_further_either(bayes_cx, option):
    done = bayes_cx("score", "no.nc", "none.nc", option, "1000000000 years", "--out", "s.csv")
    assert done.returncode == 2
    assert "at most 200 years" in done.stderr


def test_messages_name_flags_that_exist():
    """Every flag in a text of the commands is one of some command."""
    import typer

    from bayes_cx.app import cli

    commands = typer.main.get_command(cli.app).commands.values()
    flags = {
        name for command in commands for each in command.params for name in (*each.opts, *each.secondary_opts)
    }
    for path in Path(cli.__file__).parent.glob("*.py"):
        texts = (
            node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)
        )
        for text in filter(lambda one: isinstance(one, str), texts):
            for flag in re.findall(r"(?<![\w-])--[a-z][a-z.0-9-]*[a-z0-9]", text):
                assert flag in flags | {"--help", "--version", "--no"}, (path.name, flag)


def test_no_two_settings_share_a_name():
    keys = [one.key for record in GROUPS.values() for one in settings_in(record)]
    assert sorted(keys) == sorted(SETTINGS)
