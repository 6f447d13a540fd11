"""The process of the command `bayes-cx`."""

from bayes_cx import stop

__all__ = ["main"]


def main() -> None:
    """Run the command line as a process that may be told to stop at any time."""
    stop.end_when_told()
    from bayes_cx.app import cli  # takes its time, in which Ctrl-C shall work already

    try:
        cli.main()
    finally:
        stop.too_late()


if __name__ == "__main__":
    main()
