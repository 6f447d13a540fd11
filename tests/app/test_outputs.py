"""What a command may write: never its input, never a file of the user, and never half of a report."""

import errno
import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bayes_cx.app import cli
from bayes_cx.app.apart import check_apart
from bayes_cx.app.folder import card_folder, report_files, report_folder, write_record
from bayes_cx.app.streams import Stream
from bayes_cx.errors import InputError
from bayes_cx.locks import lock, unlock
from bayes_cx.records import RECORD


def write_report(target: Path, *names: str, text: str = "new", foreseen=None, amid=lambda: None) -> None:
    """Write a report of these files, as the command does."""
    with report_folder(target, names if foreseen is None else foreseen) as folder:
        amid()
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        write_record(folder, {"text": text}, names)


def found(folder: Path) -> dict[str, str]:
    """Return the files in a folder but the record, with their text."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != RECORD)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}


def test_a_report_takes_the_place_of_the_last_one_and_of_nothing_else(tmp_path):
    mine = {"priority_top_customers_2023.csv": "mine", "spend/notes.md": "mine", "rejected": "mine"}
    write_report(tmp_path, "a.pdf", "rejected.csv", "spend/card.md", "deep/one/x.md", text="old")
    for name, text in mine.items():
        (tmp_path / name).write_text(text)
    write_report(tmp_path, "a.pdf", "b.csv")
    assert found(tmp_path) == {"a.pdf": "new", "b.csv": "new", **mine}
    assert not (tmp_path / "deep").exists()
    record = json.loads((tmp_path / RECORD).read_text())
    assert record["files"] == ["a.pdf", "b.csv", RECORD]
    assert "complete" not in record


@pytest.mark.parametrize("name", ["a.pdf", "spend/card.md", RECORD])
def test_a_file_that_no_report_wrote_is_not_replaced(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("{}")
    for files in ([name], [*report_files(5), name]):
        with pytest.raises(InputError, match=name), report_folder(tmp_path, files):
            pytest.fail("it is refused before the work")
    # One that came while the report was made, and is not among the names that were foreseen.
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=name):
        write_report(tmp_path, name, foreseen=[], amid=lambda: (tmp_path / name).write_text("{}"))
    assert (tmp_path / name).read_text() == "{}"
    assert [path.name for path in tmp_path.iterdir()] == [Path(name).parts[0]]


@pytest.mark.parametrize(
    "record",
    [
        '{"files": ["a.pdf"]}',
        '{"made_by": "another tool", "files": ["a.pdf"]}',
        "[" * 100_000,
        '["a.pdf"]',
        "\udcff",
    ],
)
def test_the_record_of_another_program_is_not_ours(tmp_path, record):
    (tmp_path / RECORD).write_bytes(record.encode("utf-8", "surrogateescape"))
    (tmp_path / "a.pdf").write_text("mine")
    with pytest.raises(InputError, match=r"a\.pdf|run\.json"):
        write_report(tmp_path, "a.pdf")
    assert found(tmp_path) == {"a.pdf": "mine"}


def test_a_record_reaches_no_file_outside_its_folder(tmp_path):
    out, other = tmp_path / "out", tmp_path / "other"
    for folder in (out, other):
        folder.mkdir()
    for name in ("x.csv", "y.csv"):
        (other / name).write_text("mine")
    (out / "link").symlink_to(other)
    write_record(out, {}, ["../other/x.csv", str(other / "x.csv"), "link/x.csv", "", "a\0b", "."])
    write_report(out, "a.pdf")
    assert found(other) == {"x.csv": "mine", "y.csv": "mine"}
    with pytest.raises(InputError, match="symbolic link"):
        write_report(out, "link/y.csv")
    assert found(other) == {"x.csv": "mine", "y.csv": "mine"}


def test_a_report_that_was_killed_amid_the_moves_is_known_to_the_next(tmp_path, monkeypatch):
    write_report(tmp_path, "a.pdf", "old.csv", text="old")
    replace, moved = os.replace, []

    def stop_at_the_second(source, target):
        if Path(target).suffix in {".pdf", ".csv"}:
            moved.append(target)
            if len(moved) == 2:
                raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        write_report(tmp_path, "a.pdf", "b.csv", "c.csv")
    monkeypatch.undo()
    assert json.loads((tmp_path / RECORD).read_text())["complete"] is False
    write_report(tmp_path, "c.csv", text="last")
    assert found(tmp_path) == {"c.csv": "last"}


def test_two_reports_do_not_mix(tmp_path):
    held = lock(tmp_path, wait=True)
    running = threading.Thread(target=write_report, args=(tmp_path, "a.pdf", "b.pdf"))
    running.start()
    running.join(0.2)
    assert running.is_alive()
    assert found(tmp_path).get("a.pdf") is None
    unlock(held)
    running.join(10)
    assert found(tmp_path) == {"a.pdf": "new", "b.pdf": "new"}


def test_a_card_replaces_a_card_and_nothing_else(tmp_path):
    def write_card(text):
        with card_folder(tmp_path) as folder:
            (folder / "model_card.json").write_text(text)

    card = json.dumps({"schema_version": "1.0", "verdict": "passed", "model": {}})
    write_card(card)
    write_card(card)
    (tmp_path / "model_card.json").write_text('{"name": "of another model"}')
    with pytest.raises(InputError, match="model_card"):
        write_card(card)


def names_of_one_file(folder: Path) -> dict[str, Path]:
    """Return names for ``in/a.csv``."""
    (folder / "in").mkdir()
    (folder / "in" / "a.csv").write_text("id,day\n1,2025-01-01\n")
    (folder / "symbolic.csv").symlink_to(folder / "in" / "a.csv")
    (folder / "hard.csv").hardlink_to(folder / "in" / "a.csv")
    (folder / "folder").symlink_to(folder / "in")
    known = ("in/a.csv", "in/../in/a.csv", "symbolic.csv", "hard.csv", "folder/a.csv")
    return {name: folder / name for name in known}


def test_an_output_is_no_input(tmp_path):
    names = names_of_one_file(tmp_path)
    (tmp_path / "shop.db").touch()
    for source in (*names.values(), tmp_path / "in", tmp_path / "folder", tmp_path / "in" / "*.csv"):
        for out in names.values():
            with pytest.raises(InputError, match="is"):
                check_apart([source], [out])
    for source, out in [
        ("in", "in"),
        ("in", "in/new.csv"),
        ("folder", "in/deep/new.csv"),
        ("in", "folder/new.csv"),
        ("in/*.csv", "in/new.csv"),
        ("in/**/*.csv", "in/deep/new.csv"),
        (f"sqlite:{tmp_path}/shop.db", "shop.db"),
    ]:
        with pytest.raises(InputError, match="choose another output"):
            check_apart([source if ":" in source else tmp_path / source], [tmp_path / out])
    check_apart([tmp_path / "in"], [tmp_path / "inner.csv", tmp_path / "out" / "a.csv"])
    check_apart([tmp_path / "in/*.csv"], [tmp_path / "in/new.nc"])
    check_apart([tmp_path / "in" / "a.csv", None, "postgres:dbname=a.csv"], [tmp_path / "a.csv", None])


def test_two_outputs_are_two_files(tmp_path):
    names = names_of_one_file(tmp_path)
    for out in (names["in/a.csv"], names["hard.csv"], names["in/../in/a.csv"]):
        with pytest.raises(InputError, match="same file"):
            check_apart([], [names["in/a.csv"], out])
    with pytest.raises(InputError, match="same file"):
        check_apart([], [tmp_path / "new.csv", tmp_path / "in" / ".." / "new.csv"])


def test_an_output_is_no_link(tmp_path):
    names_of_one_file(tmp_path)
    (tmp_path / "dangling.csv").symlink_to(tmp_path / "nowhere.csv")
    for name in ("symbolic.csv", "dangling.csv"):
        with pytest.raises(InputError, match="symbolic link"):
            check_apart([], [tmp_path / name])


READ = "id,day\n1,2025-01-01\n"
COLUMNS = ("--customer", "id", "--time", "day")


@pytest.mark.parametrize(
    "command",
    [
        ("summarise", "in.csv", *COLUMNS, "--out", "s.nc", "--rejected", "in.csv"),
        ("summarise", "in.csv", *COLUMNS, "--out", "s.nc", "--rejected", "s.nc"),
        ("summarise", "--config", "run.toml", "--out", "s.nc", "--rejected", "in.csv"),
        ("summarise", "--config", "run.toml", "--out", "s.nc", "--rejected", "run.toml"),
        ("summarise", "in.csv", *COLUMNS, "--key-file", "key", "--out", "s.nc", "--rejected", "key"),
        ("fit", "st.nc", "--out", "st.nc"),
        ("score", "post.nc", "s.parquet", "--out", "s.parquet"),
        ("prioritise", "post.nc", "s.parquet", "--out", "s.parquet"),
        ("prioritise", "post.nc", "spend.nc", "s.parquet", "--out", "s.parquet"),
        ("card", "model_card.json", "s.parquet", "--out", "."),
        ("report", "priority.csv", *COLUMNS, "--out", "."),
        ("report", "folder", *COLUMNS, "--out", "folder"),
        ("report", "folder", *COLUMNS, "--out", "folder/report"),
    ],
    ids=lambda words: " ".join(words),
)
def test_no_command_writes_what_it_reads(bayes_cx, tmp_path, command):
    (tmp_path / "folder").mkdir()
    files = ("in.csv", "st.nc", "s.parquet", "post.nc", "spend.nc", "model_card.json", "priority.csv")
    for name in (*files, "key", "folder/a.csv"):
        (tmp_path / name).write_text(READ)
    (tmp_path / "run.toml").write_text("file = 'in.csv'\ncustomer = 'id'\ntime = 'day'\n")
    before = found(tmp_path)
    done = bayes_cx(*command)
    assert done.returncode == 2, done.stderr
    assert "the output" in done.stderr
    assert "1/" not in done.stderr
    assert found(tmp_path) == before


KILLED = """
import os, signal, sys
from pathlib import Path
from bayes_cx.files import make_temporary
folders = [make_temporary(Path(one)) for one in sys.argv[1:]]
for folder in folders:
    (folder / "rejected.csv").write_text("customer")
print("made", flush=True)
if not sys.stdin.read():
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_goes_with_the_next(tmp_path):
    out, tmp = tmp_path / "out", tmp_path / "tmp"
    for folder in (out, tmp):
        folder.mkdir()
    (out / ".bayes_cx-notes").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, out, tmp_path, tmp],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        assert run.stdout.readline() == "made\n"
        # In use until the process ends.
        write_report(out, "a.pdf")
        assert len([*tmp_path.rglob("rejected.csv")]) == 3
        run.stdin.close()
    assert run.returncode == -9
    assert len([*tmp_path.rglob("rejected.csv")]) == 3
    write_report(out, "a.pdf")
    assert [path.parent.parent for path in tmp_path.rglob("rejected.csv")] == [tmp]
    assert {path.name for path in out.iterdir()} == {"a.pdf", RECORD, ".bayes_cx-notes"}


class Broken(io.StringIO):
    """A stream that cannot be written."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def write(self, text: str) -> int:
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize(
    ("number", "words", "code"),
    [
        (errno.EPIPE, ["datasets"], 0),
        (errno.EPIPE, ["--version"], 0),
        (errno.ENOSPC, ["datasets"], 1),
        (errno.ENOSPC, ["--version"], 1),
        (errno.ENOSPC, ["datasets", "cohorts", "--out", "c.nc"], 0),
    ],
)
def test_what_cannot_be_said(monkeypatch, capsys, tmp_path, number, words, code):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdout", Broken(number))
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == code
    assert ("No space left" in capsys.readouterr().err) is (number == errno.ENOSPC)
    assert len(list(tmp_path.iterdir())) == (len(words) > 1)


def test_progress_that_nobody_reads_stops_no_work(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.csv").write_text(READ)
    monkeypatch.setattr(sys, "stderr", Broken(errno.EPIPE))
    with pytest.raises(SystemExit) as ended:
        cli.main(["summarise", "in.csv", *COLUMNS, "--out", "s.nc"])
    assert ended.value.code == 0
    assert (tmp_path / "s.nc").exists()


@pytest.mark.parametrize("target", ["pipe", pytest.param("/dev/full", marks=pytest.mark.slow)])
def test_the_process_ends_well_without_a_reader(tmp_path, target):
    """What Python still has in its buffer at the end must not fail either."""
    program = "import sys; from bayes_cx.app import cli; cli.main(['datasets'])"
    reader, writer = os.pipe() if target == "pipe" else (None, os.open(target, os.O_WRONLY))
    if reader is not None:
        os.close(reader)
    run = subprocess.Popen([sys.executable, "-c", program], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    said = run.communicate()[1]
    assert (run.returncode, said) == (
        (0, "")
        if target == "pipe"
        else (1, "bayes-cx: standard output cannot be written (No space left on device).\n")
    )


def test_a_stream_writes_until_it_fails():
    good = io.StringIO()
    stream = Stream(good)
    stream.write("one")
    stream.flush()
    assert (good.getvalue(), stream.failed) == ("one", None)


@pytest.mark.slow
def test_another_processor_writes_the_same_bytes(tmp_path):
    """Other instructions add up in another order and round other bits; no byte of a report shows it."""
    older = {
        "OPENBLAS_CORETYPE": "Prescott",
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX X86_V3 X86_V4",
    }
    command = ["report", "--dataset", "cdnow-sample", "--holdout-from", "1997-09-30", "--capacity", "20"]
    for out, environment in (("one", {}), ("two", older)):
        subprocess.run(
            [sys.executable, "-m", "bayes_cx", *command, "--timestamp", "2025-07-01", "--out", out],
            cwd=tmp_path,
            env=os.environ | environment,
            check=True,
        )
    one, two = (sorted(path for path in (tmp_path / out).rglob("*.*")) for out in ("one", "two"))
    assert [path.name for path in one] == [path.name for path in two]
    for path, other in zip(one, two, strict=True):
        assert path.read_bytes() == other.read_bytes(), path.name
