"""One family of exceptions, each with what came, what was expected and what to do; one kind of warning."""

__all__ = ["BayesCxError", "BayesCxWarning", "FitError", "InputError"]


class BayesCxError(Exception):
    """Base of every error that bayes_cx raises on purpose.

    Parameters
    ----------
    came : str
        What was received or observed.
    expected : str
        What was expected instead.
    do : str
        What the reader can do about it.

    Examples
    --------
    >>> print(BayesCxError("unit is 'fortnight'", "hour, day, week, month or year", "pass unit='week'"))
    unit is 'fortnight'; expected hour, day, week, month or year; pass unit='week'.
    """

    def __init__(self, came: str, expected: str, do: str) -> None:
        self.came, self.expected, self.do = came, expected, do
        super().__init__(f"{came}; expected {expected}; {do}.")


class InputError(BayesCxError, ValueError):
    """The data, an option or an argument cannot be used as it is."""


class FitError(BayesCxError, RuntimeError):
    """A model could not be fitted, or its fit failed the checks."""


class BayesCxWarning(UserWarning):
    """What a user should know of a result; commands print it as a note."""
