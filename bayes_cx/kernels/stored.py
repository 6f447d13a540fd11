"""Generated modules, kept on disk so that another process loads what this one compiled."""

import hashlib
import importlib.util
import os
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
import platformdirs

from bayes_cx.kernels import arithmetic

__all__ = ["load"]


@cache
def load(source: str) -> Any:
    """Return the ``kernel`` of a generated module.

    It is kept in the user's cache folder, by everything that it depends on. Where there is none to write to,
    the same is compiled for this process alone.
    """
    about = (source, Path(arithmetic.__file__).read_text("utf-8"), numba.__version__, sys.version)
    name = f"kernel_{hashlib.sha256(chr(0).join(about).encode()).hexdigest()[:24]}"
    try:
        path = _folder() / f"{name}.py"
        if not path.exists():
            _write(path, source.replace("cache=CACHE", "cache=True"))
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    except (OSError, RuntimeError):  # numba raises the latter where it cannot keep anything
        module = ModuleType(name)
        exec(compile(source.replace("cache=CACHE", "cache=False"), name, "exec"), vars(module))
    return module.kernel


def _folder() -> Path:
    folder = Path(os.environ.get("BAYES_CX_CACHE") or platformdirs.user_cache_dir("bayes_cx")) / "kernels"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False) as file:
        file.write(text)
    os.replace(file.name, path)
