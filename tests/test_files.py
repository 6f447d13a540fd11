"""Files are whole or not there; text in a CSV file never runs."""

import csv
import errno
import math
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_cx.errors import InputError
from bayes_cx.files import (
    atomic_folder,
    atomic_path,
    few_digits,
    meaningful,
    safe_cell,
    temporary_folder,
    write_csv,
)
from bayes_cx.stop import leftovers


def fail_half_way(opened):
    """Write into what `opened` yields and fail."""
    with opened as part:
        (part / "a.txt" if part.is_dir() else part).write_text("half")
        raise KeyError


def test_a_file_appears_whole(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with atomic_path(path) as part:
        part.write_text("all of it")
        assert not path.exists()
    assert path.read_text() == "all of it"
    assert [one.name for one in path.parent.iterdir()] == ["a.txt"]


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyError):
        fail_half_way(atomic_path(path))
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_keeps_what_it_held(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.toml").write_text("mine")
    (tmp_path / "out" / "a.txt").write_text("old")
    with pytest.raises(KeyError):
        fail_half_way(atomic_folder(tmp_path / "out"))
    assert (tmp_path / "out" / "a.txt").read_text() == "old"
    with atomic_folder(tmp_path / "out") as part:
        (part / "a.txt").write_text("new")
        (part / "sub").mkdir()
        (part / "sub" / "b.txt").write_text("b")
    found = {str(one.relative_to(tmp_path)): one.read_text() for one in tmp_path.rglob("*.*")}
    assert found == {"out/a.txt": "new", "out/sub/b.txt": "b", "out/mine.toml": "mine"}


def test_a_failure_leaves_no_new_folder(tmp_path):
    for opened in (atomic_path(tmp_path / "a" / "b" / "c.txt"), atomic_folder(tmp_path / "a" / "b")):
        with pytest.raises(KeyError):
            fail_half_way(opened)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_amid_the_moves_waits_for_the_last_one(tmp_path, monkeypatch, number):
    class Interrupted(Exception):
        """What the handler of the process raises."""

    def interrupt(*_):
        raise Interrupted

    def move_and_signal(source, target):
        signal.raise_signal(number)
        rename(source, target)

    (tmp_path / "made").mkdir()
    for name in "ab":
        (tmp_path / "made" / name).write_text(name)
    before, rename = signal.signal(number, interrupt), os.replace
    monkeypatch.setattr(os, "replace", move_and_signal)
    try:
        with pytest.raises(Interrupted), atomic_folder(tmp_path / "out") as part:
            shutil.copytree(tmp_path / "made", part, dirs_exist_ok=True)
        with pytest.raises(Interrupted), atomic_path(tmp_path / "c") as part:
            part.write_text("c")
        assert signal.getsignal(number) is interrupt
    finally:
        signal.signal(number, before)
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == ["a", "b"]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["c", "made", "out"]
    assert not [one for one in leftovers if Path(one).is_relative_to(tmp_path)]


def test_other_threads_write_files_too(tmp_path):
    """They are never interrupted, and may not handle signals."""
    frame = pd.DataFrame({"a": [1]})
    with ThreadPoolExecutor(1) as pool:
        pool.submit(write_csv, frame, tmp_path / "a.csv").result()
    assert (tmp_path / "a.csv").read_text() == "a\n1\n"


def test_a_temporary_folder_is_known_while_it_is_there():
    with temporary_folder() as folder:
        (folder / "a.txt").write_text("a")
        assert str(folder) in leftovers
    assert not folder.exists()
    assert str(folder) not in leftovers


def test_a_folder_that_is_a_disk_of_its_own(tmp_path, monkeypatch):
    disk, rename = tmp_path / "disk", os.replace
    disk.mkdir()

    def rename_on_one_disk(source, target):
        if (disk in Path(source).parents) != (disk in Path(target).parents):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(source, target)

    monkeypatch.setattr(os, "replace", rename_on_one_disk)
    with atomic_folder(disk) as part:
        (part / "a.txt").write_text("a")
    with atomic_path(disk / "new" / "b.txt") as part:
        part.write_text("b")
    assert sorted(one.name for one in disk.rglob("*")) == ["a.txt", "b.txt", "new"]


def test_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with atomic_folder(".") as part:
        (part / "a.txt").write_text("a")
    assert [one.name for one in tmp_path.iterdir()] == ["a.txt"]


def test_what_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"), atomic_folder(tmp_path / "file"):
        pass
    with pytest.raises(InputError, match="cannot be written"), atomic_path(tmp_path / "file" / "a.txt"):
        pass
    with pytest.raises(InputError, match="folder"), atomic_path(tmp_path):
        pass


@given(st.text() | st.from_regex(r"[=+@-][0-9.+e-]*", fullmatch=True))
def test_no_cell_runs(text):
    cell = safe_cell(text)
    if cell[:1] in set("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"):
        assert Decimal(cell).is_finite()
        assert cell.isascii()
    assert cell.removeprefix("'") == text.removeprefix("'")


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        *((text, False) for text in ("-50.0", "+7", "-1e-05", "-.5")),
        *((text, True) for text in ("-1+1", "-inf", "-1\n", "-", "-1_0", "-5 EUR", "=1")),
    ],
)
def test_a_signed_number_stays_what_it_is(text, runs):
    assert safe_cell(text) == (f"'{text}" if runs else text)


def test_csv_in_parts_is_csv_in_one(tmp_path):
    whole = pd.DataFrame({"customer": ["=1+1", "ada", "é"], "value": [-1.5, 1 / 3, 2]})
    write_csv(whole, tmp_path / "whole.csv")
    write_csv((whole.iloc[[row]] for row in range(3)), tmp_path / "parts.csv")
    assert (tmp_path / "parts.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_csv_neutralises_text_and_keeps_numbers(tmp_path):
    frame = pd.DataFrame(
        {
            "customer": ["=1+1", "ada"],
            "mixed": pd.Series(["@x", 2], dtype=object),
            "kind": pd.Categorical(["-x", "y"]),
            "value": [-1.5, 1 / 3],
            "count": [-1, 2],
            "+head": ["a", None],
        }
    )
    write_csv(frame, tmp_path / "a.csv")
    with open(tmp_path / "a.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["customer", "mixed", "kind", "value", "count", "'+head"],
        ["'=1+1", "'@x", "'-x", "-1.5", "-1", "a"],
        ["ada", "2", "y", "0.3333333333", "2", ""],
    ]


numbers = st.floats(-1e12, 1e12) | st.sampled_from([0.0, -0.0, float("nan"), float("inf"), -float("inf")])


@given(st.lists(numbers, min_size=1, max_size=9))
def test_six_digits_and_nothing_that_is_nothing(values):
    frame = pd.DataFrame({"computed": values, "seen": values, "n": range(len(values))})
    written = meaningful(frame, exact=["seen"])
    assert written[["seen", "n"]].equals(frame[["seen", "n"]])
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0)
    for value, shown in zip(values, written["computed"], strict=True):
        if not math.isfinite(value):
            assert str(shown) == str(value)
        elif abs(value) < max(largest * 0.999e-9, 0.999e-17):
            assert str(shown) == "0.0"
        elif abs(value) > max(largest * 1.001e-9, 1.001e-17):
            # As the decimal module rounds; what lies in the middle may go either way.
            step = Decimal(1).scaleb(Decimal(value).adjusted() - 5)
            assert abs(Decimal(repr(shown)) - Decimal(value)) <= step * Decimal("0.5000001")
            assert Decimal(repr(shown)) % step == 0
    assert meaningful(written, exact=["seen"]).equals(written)


@given(st.floats(0.01, 1e9), st.integers(-40, 40))
def test_the_last_bits_of_a_number_are_not_written(value, bits):
    other = value
    for _ in range(abs(bits)):
        other = math.nextafter(other, math.copysign(math.inf, bits))
    one, two = (few_digits([each]) for each in (value, other))
    step = Decimal(1).scaleb(Decimal(value).adjusted() - 7)
    middle = abs(Decimal(value) % step - step / 2) < step / 10**4
    assert one == two or middle


def test_few_digits_of_what_json_holds():
    content = {"a": [1 / 3, 1234567891, True, None, "0.123456789"], "b": (-5e-13, 2.0)}
    assert few_digits(content) == {"a": [0.33333333, 1234567891, True, None, "0.123456789"], "b": [0.0, 2.0]}
    assert str(few_digits(-5e-13)) == "0.0"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_that_is_stopped_removes_nothing_of_the_command(tmp_path):
    program = """
import os, signal, sys
from pathlib import Path
from bayes_cx import stop
from bayes_cx.files import make_temporary
stop.end_on_signal()
folder = make_temporary(Path(sys.argv[1]))
child = os.fork()
if not child:
    os.kill(os.getpid(), signal.SIGTERM)
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status), folder.is_dir())
"""
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("143 True\n", "")
