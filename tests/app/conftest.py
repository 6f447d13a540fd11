"""What the tests of the command line share."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


def run_in(folder: Path) -> Run:
    """Return a function that runs the real command in `folder`, as a user does."""
    kept = {
        name: value for name, value in os.environ.items() if name not in ("BAYES_CX_KEY", "SOURCE_DATE_EPOCH")
    }
    command = str(Path(sys.executable).parent / "bayes-cx")

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [command, *map(str, arguments)],
            cwd=folder,
            env=kept | environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture(scope="session")
def command_in() -> Callable[[Path], Run]:
    """Make the real command run in a folder."""
    return run_in


@pytest.fixture
def bayes_cx(tmp_path: Path) -> Run:
    """The real command, in an empty folder."""
    return run_in(tmp_path)
