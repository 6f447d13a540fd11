"""Two ways to run the command `bayes-cx`: in this process, and as the process that a user starts.

`bayes_cx` and `command_in` call the entry function of the package here, with the arguments, working folder,
environment and streams that a process of its own would have. What they run shares the libraries and compiled
functions of the other tests of the file, so that it costs what it computes.

`bayes_cx_process` and `process_in` start the installed command. It costs seconds of imports, so it is kept
for what only a process shows:

- the command is installed, ends with the exit code and writes to the real streams: `test_version` and
  `test_wrong_column` in test_cli;
- nothing heavy is loaded for the help, and a setting that Python reads at its start: the imports in test_cli;
- Ctrl-C and SIGTERM end it: test_cli, which starts the process itself, to stop it (`bayes_cx_path`);
- one whole report from start to end, and all that it says on the way: `reported` in test_contracts.
"""

import contextlib
import io
import logging
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest

from bayes_cx.__main__ import main

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
# Who runs the tests may have them set.
UNSET = ("BAYES_CX_KEY", "SOURCE_DATE_EPOCH")


def environment_with(given: dict[str, str]) -> dict[str, str]:
    """Return the environment of the tests as a command gets it."""
    return {name: value for name, value in os.environ.items() if name not in UNSET} | given


def call_in(folder: Path) -> Run:
    """Return a function that runs the command in `folder`, in this process.

    An exception that the command does not catch is one of the test. So is a warning that is not ignored: as
    everywhere in the tests it is an error, where a process would only show it.
    """

    def run(*arguments: object, **environment: str) -> Done:
        words = ["bayes-cx", *map(str, arguments)]
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
        with (
            contextlib.chdir(folder),
            mock.patch.dict(os.environ, environment_with(environment), clear=True),
            mock.patch.multiple(sys, argv=words, stdin=io.StringIO(), stdout=out, stderr=err),
            warnings.catch_warnings(),
            signals_kept(),
            logs_to(err),
            pytest.raises(SystemExit) as ended,
        ):
            main()
        code = ended.value.code
        assert code is None or isinstance(code, int)
        said = (stream.buffer.getvalue().decode() for stream in (out, err))
        return Done(words, code or 0, *said)

    return run


@contextlib.contextmanager
def signals_kept() -> Iterator[None]:
    """Put back the signal handlers that the command replaces."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def logs_to(stream: io.TextIOWrapper) -> Iterator[None]:
    """Let what libraries log go where it goes in a process of its own: to `stream`, and not to pytest."""
    root = logging.getLogger()
    root_handlers, level = root.handlers[:], root.level
    known = {handler: handler.stream for handler in stream_handlers()}
    outside = sys.__stderr__
    root.handlers.clear()
    for handler in known:
        handler.setStream(stream)
    try:
        yield
    finally:
        # A library that was imported meanwhile keeps its handler; the stream of this run ends with it.
        for handler in stream_handlers():
            handler.setStream(known.get(handler, outside))
        root.handlers[:] = root_handlers
        root.setLevel(level)


def stream_handlers() -> list[logging.StreamHandler]:
    """Return the handlers of all loggers that write to the screen."""
    loggers = [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    handlers = [handler for logger in loggers for handler in logger.handlers]
    return [handler for handler in handlers if type(handler) is logging.StreamHandler]


def start_in(folder: Path) -> Run:
    """Return a function that starts the installed command in `folder` and waits for it."""

    def run(*arguments: object, **environment: str) -> Done:
        return subprocess.run(
            [installed(), *map(str, arguments)],
            cwd=folder,
            env=environment_with(environment),
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


def installed() -> str:
    """Return the path of the command."""
    return str(Path(sys.executable).parent / "bayes-cx")


@pytest.fixture(scope="session")
def command_in() -> Callable[[Path], Run]:
    """Make the command run in a folder, in this process."""
    return call_in


@pytest.fixture
def bayes_cx(tmp_path: Path) -> Run:
    """The command in an empty folder, in this process."""
    return call_in(tmp_path)


@pytest.fixture(scope="session")
def process_in() -> Callable[[Path], Run]:
    """Make the installed command run in a folder, as a process."""
    return start_in


@pytest.fixture
def bayes_cx_process(tmp_path: Path) -> Run:
    """The installed command in an empty folder, as a process."""
    return start_in(tmp_path)


@pytest.fixture(scope="session")
def bayes_cx_path() -> str:
    """The installed command, for a test that starts it itself."""
    return installed()
