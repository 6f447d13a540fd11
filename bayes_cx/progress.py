"""How far long work has come: loops count what they have done, and whoever shows it listens."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["Reached", "counted", "listening", "show_progress"]

# Shorter work is over before anybody has read how long it takes.
_PATIENCE = 2.0
# A reader does not see more changes in a second.
_OFTEN = 0.2


@dataclass(frozen=True)
class Reached:
    """How far some work has come.

    Attributes
    ----------
    what : str
        What is counted, for example ``"customers"``.
    done, total : int
    seconds : float
        Since the first of them.
    """

    what: str
    done: int
    total: int
    seconds: float

    def __str__(self) -> str:
        rate = self.done / self.seconds
        left = (self.total - self.done) / rate
        return f"{self.done:,} of {self.total:,} {self.what}, {rate:,.0f} a second, {_span(left)} left"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


_listener: ContextVar[Callable[[Reached], None] | None] = ContextVar("listener", default=None)


def counted(slices: Iterable[slice], what: str, total: int) -> Iterator[slice]:
    """Yield slices of some work, and tell who listens how much of it is done.

    Parameters
    ----------
    slices : iterable of slice
        With a start and a stop, in order.
    what : str
        What they are slices of.
    total : int
        How many there are.
    """
    listener, start, last = _listener.get(), time.perf_counter(), 0.0
    for some in slices:
        yield some
        now = time.perf_counter() - start
        if listener is not None and now > _PATIENCE and now - last > _OFTEN:
            last = now
            listener(Reached(what, some.stop, total, now))


@contextmanager
def listening(listener: Callable[[Reached], None]) -> Iterator[None]:
    """Call a function now and then, while the block runs, with how far work that takes long has come."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def show_progress() -> Iterator[None]:
    """Show what takes longer than two seconds, with its rate and the time left, while the block runs.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> posterior = bcx.fit(bcx.models.BG_NBD, stats, seed=1, progress=False)
    >>> with bcx.show_progress():
    ...     alive = bcx.score(posterior, stats, "p_alive")
    """
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("") as status, listening(lambda reached: status.update(f"{reached}")):
        yield
