"""What is installed is what is here: the built wheel works in another environment and another folder."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    """Run a command that must succeed, without the surroundings of this test, and return what it prints."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run([*map(str, command)], cwd=cwd, env=clean | env, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the working tree."""
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


def test_every_public_name_is_read_from_the_stub():
    """The package finds its names by splitting lines; Python's own grammar finds the same ones."""
    import ast

    import bayes_cx

    tree = ast.parse((ROOT / "bayes_cx" / "__init__.pyi").read_text(encoding="utf-8"))
    named = [alias for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert all(alias.name == alias.asname for alias in named)
    assert sorted([*(alias.name for alias in named), "__version__"]) == dir(bayes_cx)
    assert all(hasattr(bayes_cx, name) for name in bayes_cx.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = bayes_cx.nothing


def test_the_wheel_holds_every_file_of_the_package(wheel: Path):
    package = ROOT / "bayes_cx"
    here = {
        path.relative_to(ROOT).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == here


@pytest.mark.slow
def test_the_wheel_runs_elsewhere(wheel: Path, tmp_path: Path):
    """Only the libraries are borrowed from here; their folder is added without its own `.pth` files."""
    home = tmp_path / "env"
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    site = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip()
    )
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib"))

    where = run(python, "-c", "import bayes_cx; print(bayes_cx.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(home)
    assert "cdnow" in run(home / "bin" / "bayes-cx", "datasets", cwd=tmp_path)
    run(home / "bin" / "bayes-cx", "summarise", "--dataset", "cdnow", "--out", "stats.nc", cwd=tmp_path)
    assert (tmp_path / "stats.nc").stat().st_size > 0


@pytest.mark.slow
def test_the_wheel_reports_from_an_empty_environment(wheel: Path, tmp_path: Path):
    """Every library that is needed is declared: they are installed from the index, as a user would."""
    home = tmp_path / "env"
    venv.create(home, with_pip=True)
    run(home / "bin" / "python", "-m", "pip", "install", "--quiet", wheel, cwd=tmp_path)
    command = home / "bin" / "bayes-cx"
    run(command, "report", "--dataset", "cdnow", "--until", "1998-06-30", "--out", "cdnow", cwd=tmp_path)
    assert (tmp_path / "cdnow" / "retention.pdf").read_bytes().startswith(b"%PDF")
