"""The progress of a command: one line for each step, with its result."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from bayes_cx.progress import listening

__all__ = ["Step", "Steps"]


class Step:
    """A running step; its line ends with `says`."""

    says: str = ""


class Steps:
    """A numbered list of steps on standard error.

    Parameters
    ----------
    total : int
        How many steps there will be.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)

    @property
    def bars(self) -> bool:
        """Whether a step may show progress bars: only on a terminal, never in a pipe or a file."""
        return self.console.is_interactive and sys.stdout.isatty()

    @contextmanager
    def step(self, doing: str, bars: bool = False) -> Iterator[Step]:
        """Show `doing` until the block ends, then its result and how long it took.

        A spinner turns meanwhile, unless the block shows progress `bars` itself: two of them would overwrite
        each other.
        """
        self.done += 1
        step, start = Step(), time.perf_counter()
        number = f"{self.done}/{self.total}"
        if bars and self.bars:
            self.console.print(Text(f"{number} {doing} …", "dim"))
            yield step
        else:
            title = f"{number} {doing} …"
            with (
                self.console.status(title, spinner="dots") as status,
                listening(lambda reached: status.update(f"{title} {reached}")),
            ):
                yield step
        line = Text.assemble((f"{number} ", "dim"), doing, f": {step.says}" if step.says else "")
        line.append(f"  {time.perf_counter() - start:.1f} s", "dim")
        self.console.print(line)

    def note(self, text: str) -> None:
        """Show one line that is important but no error."""
        self.console.print(Text(f"    {text}", "yellow"))
