"""Standard output and error that nobody may be reading: what is said there is lost, and the work goes on."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

__all__ = ["Stream", "forgiving"]


class Stream:
    """A text stream that does not fail: from the first error on it drops what is written.

    Parameters
    ----------
    stream : TextIO

    Attributes
    ----------
    failed : OSError or None
        Why it could not be written; None too where only nobody reads it any more, as after ``| head``.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._open = stream, True
        self.failed: OSError | None = None

    def write(self, text: str) -> int:
        """Write text, unless an earlier write failed."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Write what is buffered, unless an earlier write failed."""
        self._try(self._stream.flush)

    def _try(self, do: Any) -> None:
        if not self._open:
            return
        try:
            do()
        except OSError as error:
            self._open = False
            self.failed = None if error.errno == errno.EPIPE else error
            # Python writes the rest of the buffer when it ends, and would fail again.
            with suppress(OSError), open(os.devnull, "w") as nothing:
                os.dup2(nothing.fileno(), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def forgiving() -> Iterator[Stream]:
    """Let `sys.stdout` and `sys.stderr` be streams that do not fail until the block ends; yield the first."""
    before = sys.stdout, sys.stderr
    out = Stream(sys.stdout)
    sys.stdout, sys.stderr = out, Stream(sys.stderr)  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield out
    finally:
        out.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before
