"""How the process of the command line ends when it is stopped: by Ctrl-C or by SIGTERM.

As an exception an interrupt gets lost. Libraries turn it into errors of their own or into a return value, one
that arrives in a destructor is printed and forgotten, and one that arrives amid the cleaning up leaves half
of it. So the process of the command takes the signal itself: it removes what is temporary, says one line and
is gone. In a notebook, or in a program that imports bayes_cx, nothing of this is installed.

Only what has started with Python is imported here: until the signals are taken, Ctrl-C shows a traceback.
"""

import os
import signal

__all__ = ["end_on_signal", "ignore_signals", "leftovers"]

leftovers: set[str] = set()
"""Temporary folders in use; `files.make_temporary` adds them, `files.remove_temporary` takes them out."""

# The process of the command; one that it forks has its handlers and none of its temporary folders.
_command: list[int] = []
_SAID = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
# Erases the line of a spinner and shows the cursor that it hides.
_CLEAN_LINE = "\r\x1b[2K\x1b[?25h"


def end_on_signal() -> None:
    """From now on, end this process with one line and exit code 130 (Ctrl-C) or 143 (SIGTERM)."""
    _command.append(os.getpid())
    for number in _SAID:
        # Who started the process may have chosen that it shall not be interrupted, as `nohup` and `&` do.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def ignore_signals() -> None:
    """From now on, do not stop: all is written, and only the process itself is left to close."""
    for number in _SAID:
        signal.signal(number, signal.SIG_IGN)


def _end(number: int, _frame: object) -> None:
    if os.getpid() not in _command:
        os._exit(128 + number)
    ignore_signals()
    if leftovers:
        import shutil  # loaded by whoever made the folders

        for folder in list(leftovers):
            # Another thread may still be writing into it.
            for _ in range(10):
                shutil.rmtree(folder, ignore_errors=True)
                if not os.path.lexists(folder):
                    break
    start = _CLEAN_LINE if os.isatty(2) else ""
    line = f"{start}bayes-cx: {_SAID[signal.Signals(number)]}; no file is half written.\n"
    try:
        os.write(2, line.encode())  # not by print: this may have come amid another one
    finally:
        os._exit(128 + number)
