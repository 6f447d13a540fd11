"""The process of the command `bayes-cx`."""

from bayes_cx import stop

__all__ = ["main"]


def main() -> None:
    """Run the command line as a process that can be stopped at any time."""
    stop.end_on_signal()
    from bayes_cx.app import cli  # takes its time, in which Ctrl-C shall work already

    try:
        cli.main()
    finally:
        stop.ignore_signals()


if __name__ == "__main__":
    main()
