"""The architecture as a test: which room may import which, and which library may be used where."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Collection, Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "bayes_cx"

# What a room may import besides itself. Data flow one way: nothing downstream is imported upstream.
GROUND = {
    "argument_types",
    "errors",
    "checks",
    "spans",
    "clock",
    "weeks",
    "stop",
    "locks",
    "files",
    "privacy",
    "records",
    "references",
    "notebook",
    "kinds",
    "progress",
    "seeds",
    "simulated",
}
ANALYSIS = {
    "catalogue",
    "model",
    "models",
    "data",
    "inference",
    "scoring",
    "decision",
    "validation",
    "study",
    "journey_study",
    "risk_study",
    "page",
}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "argument_types": {"errors"},
    "checks": {"errors"},
    "spans": {"errors"},
    "clock": {"errors", "spans"},
    "weeks": {"clock"},
    "catalogue": {"errors"},
    "stop": set(),
    "locks": set(),
    "files": {"errors", "locks", "stop"},
    "privacy": {"errors"},
    "records": set(),
    "references": {"errors"},
    "notebook": set(),
    "progress": set(),
    "seeds": {"errors"},
    "simulated": set(),
    "kinds": {"errors"},
    "compiling": {"errors"},
    "kernels": set(),
    "page": {"errors", "checks", "files"},
    "numerics": set(),
    "model": {"errors", "kinds", "simulated"},
    "models": {"catalogue", "errors", "kinds", "numerics", "model", "simulated"},
    "data": GROUND,
    "inference": GROUND | {"compiling", "kernels", "model", "models", "data"},
    "scoring": GROUND | {"compiling", "kernels", "model", "models", "data", "inference"},
    "decision": GROUND | {"data", "inference", "scoring"},
    "validation": GROUND | {"model", "models", "data", "inference", "scoring"},
    "study": GROUND | {"model", "models", "data", "inference", "scoring", "decision", "validation"},
    "journey_study": GROUND | {"model", "models", "data", "inference", "scoring", "validation", "study"},
    "risk_study": GROUND | {"model", "models", "data", "inference", "scoring", "validation", "study"},
    "reporting": GROUND | ANALYSIS,
    "plot": GROUND | ANALYSIS | {"reporting"},
    "app": GROUND | ANALYSIS | {"reporting"},
    "__main__": {"stop", "app"},
}

# A library that is not named here may be used anywhere.
ONLY_IN: dict[str, set[str]] = {
    "pymc": {"inference"},
    "nutpie": {"inference"},
    "arviz": {"inference", "validation"},
    "arviz_stats": {"inference", "validation"},
    "pytensor": {"compiling", "kernels", "numerics", "models", "inference", "scoring"},
    "duckdb": {"data"},
    "pyarrow": {"data"},
    "polars": set(),
    "python_calamine": {"data"},
    "llvmlite": {"kernels"},
    "matplotlib": {"page", "reporting", "plot"},
    "fontTools": {"page"},
    "typst": {"page", "reporting"},
    "pydantic": {"reporting", "app"},
    "typer": {"app"},
    "lifetimes": {"validation/baseline"},
}

# Declared, but imported by no module.
LOADED_OTHERWISE = {
    "font-source-sans-pro": "the files of a typeface, found in its folder",
    "formulaic": "reads the formulas of a design",
    "h5netcdf": "the engine that xarray reads and writes .nc with, by its name",
}

MODULES = sorted(PACKAGE.rglob("*.py"))


@cache
def imports(path: Path, run: bool = False) -> tuple[str, ...]:
    """Return the full name of everything that a module imports, wherever in the module.

    With `run`, what stands under ``if TYPE_CHECKING`` is left out.
    """
    return tuple(_imports(path, run))


def _imports(path: Path, run: bool) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    if run:
        tree = Runs().visit(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import hides its room"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


class Runs(ast.NodeTransformer):
    """Take out what only type checkers see."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        checking = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return None if checking else self.generic_visit(node)


def where(path: Path) -> str:
    """Return the place of a module inside the package, such as ``data/datasets``."""
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def test_every_room_is_known():
    rooms = {where(path).split("/")[0] for path in MODULES} - {"__init__"}
    assert rooms <= set(MAY_IMPORT), "say in MAY_IMPORT what the new room may import"


def test_the_rules_have_no_cycle():
    done: set[str] = set()
    while rest := {room for room in MAY_IMPORT if room not in done}:
        free = {room for room in rest if MAY_IMPORT[room] <= done}
        assert free, f"these rooms import each other: {rest}"
        done |= free


def test_no_module_is_imported_by_what_it_imports():
    """Imports inside functions count; those of type checkers alone do not, as nothing ever runs them."""
    names = {
        ("bayes_cx." + where(path).replace("/", ".")).removesuffix(".__init__"): path for path in MODULES
    }
    needs = {
        name: {
            module for found in imports(path, run=True) if (module := owner(found, names)) not in (None, name)
        }
        for name, path in names.items()
        if name != "bayes_cx"  # which opens its rooms when they are asked for
    }
    # A module of a room is loaded after the room's own `__init__` has begun, so only other rooms need that.
    for name, modules in needs.items():
        modules -= {room for room in modules if name.startswith(f"{room}.")} | {"bayes_cx"}
    while free := {name for name, modules in needs.items() if not modules & needs.keys()}:
        needs = {name: modules for name, modules in needs.items() if name not in free}
    assert not needs, f"these modules import each other: {', '.join(sorted(needs))}"


def owner(name: str, modules: Collection[str]) -> str | None:
    """Return the module in which an imported name stands: itself, or what it is an attribute of."""
    if name in modules:
        return name
    parent = name.rpartition(".")[0]
    return parent if parent in modules else None


@pytest.mark.parametrize("path", MODULES, ids=where)
def test_rooms(path: Path):
    room = where(path).split("/")[0]
    if room == "__init__":
        return
    inside = {name.split(".")[1] for name in imports(path) if name.startswith("bayes_cx.")}
    # `import bayes_cx` opens every door, so only the last room may.
    if any(name == "bayes_cx" for name in imports(path)):
        assert room == "app"
    forbidden = inside - MAY_IMPORT[room] - {room}
    assert not forbidden, f"{where(path)} must not import {forbidden}"


def test_a_name_that_stands_twice_is_one_subject():
    """`reporting` shows under the same name what another room makes; else every module has its own name."""
    places: dict[str, list[str]] = {}
    for path in MODULES:
        if path.stem != "__init__":
            places.setdefault(path.stem, []).append(where(path))
    for name, found in places.items():
        made = [place for place in found if not place.startswith("reporting/")]
        assert len(made) <= 1, f"{' and '.join(made)}: call each {name} by what it holds"


@pytest.mark.parametrize("path", MODULES, ids=where)
def test_libraries(path: Path):
    place = where(path)
    for name in imports(path):
        library = name.split(".")[0]
        if (rooms := ONLY_IN.get(library)) is not None:
            assert any(f"{place}/".startswith(f"{room}/") for room in rooms), (
                f"{place} must not import {library}"
            )


@pytest.fixture(scope="module")
def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {line.split("[")[0].split(">")[0].split("=")[0].strip() for line in project["dependencies"]}


def test_everything_declared_is_used(declared: set[str]):
    distributions = packages_distributions()
    libraries = {name.split(".")[0] for path in MODULES for name in imports(path)}
    used = {name.lower() for library in libraries for name in distributions.get(library, ())}
    assert declared <= used | set(LOADED_OTHERWISE)


def test_every_library_is_declared(declared: set[str]):
    distributions = packages_distributions()
    for path in MODULES:
        for library in (
            {name.split(".")[0] for name in imports(path)} - sys.stdlib_module_names - {"bayes_cx"}
        ):
            assert declared & {name.lower() for name in distributions[library]}, f"{library} of {where(path)}"


def test_data_of_lifetimes_load_without_it():
    """The package is its files: neither it nor what only it needs is imported."""
    code = (
        "import sys, bayes_cx as bcx; bcx.load_cdnow(sample=True); bcx.load_donations();"
        "print(*sorted({'lifetimes', 'autograd', 'dill', 'matplotlib', 'pymc'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("statement", ["import bayes_cx", "import bayes_cx.app.cli"])
def test_a_first_import_is_light(statement: str):
    heavy = {
        "arviz",
        "duckdb",
        "matplotlib",
        "numpy",
        "pandas",
        "pydantic",
        "pymc",
        "pytensor",
        "scipy",
        "xarray",
    }
    code = f"import sys; {statement}; print(*sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
