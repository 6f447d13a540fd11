"""Files are whole or not there; text in a CSV file never runs."""

import csv

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_cx.errors import InputError
from bayes_cx.files import atomic_folder, atomic_path, safe_cell, write_csv


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


@given(st.text())
def test_no_cell_runs(text):
    assert safe_cell(text)[:1] not in set("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
    assert safe_cell(text).removeprefix("'") == text.removeprefix("'")


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
