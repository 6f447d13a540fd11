"""Locks on folders, which end with the process that holds them, however it ends."""

import os
import sys
from pathlib import Path

__all__ = ["lock", "unlock"]


def lock(folder: Path, *, wait: bool) -> int:
    """Take the lock of a folder and return its descriptor, which `unlock` gives back.

    Nothing is written: the lock is on the folder itself. It ends with the process, even one that is killed.

    Parameters
    ----------
    folder : Path
        A folder, not a symbolic link to one.
    wait : bool
        Whether to wait until the lock is free.

    Raises
    ------
    BlockingIOError
        If someone else holds it and `wait` is false.
    OSError
        If the folder cannot be opened, or its file system or this operating system has no such locks.
    """
    if sys.platform == "win32":
        raise OSError("no locks on folders")
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def unlock(descriptor: int) -> None:
    """Give back what `lock` returned."""
    os.close(descriptor)
