"""Run one task of one tool in a process of its own, so that imports and peak memory are its own."""

import json
import os
import subprocess
from pathlib import Path

from page import Timed

__all__ = ["run"]

HERE = Path(__file__).parent
LIMIT = 900  # seconds that a task may take


def run(python: str, tool: str, task: str, folder: Path, script: str = "tasks.py") -> Timed:
    """Run one task; one that fails or takes too long has no times."""
    print(f"{tool} {task} …", flush=True)
    command = [python, str(HERE / script), tool, task, str(folder)]
    # In a folder of its own, so that no other environment finds this package by chance.
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LIMIT, cwd=folder, check=False, env=environment()
        )
    except subprocess.TimeoutExpired:
        return Timed(tool, task, None)
    if done.returncode:
        print(done.stderr[-2000:])
        return Timed(tool, task, None)
    return Timed(tool, task, json.loads(done.stdout.splitlines()[-1]))


def environment() -> dict[str, str]:
    """Return the environment of tasks: one process, as many threads as libraries take by themselves."""
    return {**os.environ, "PYTHONWARNINGS": "ignore", "RETENTIONEERING_NO_TRACK": "1"}
