"""One family of exceptions, each with what came, what was expected and what to do; one kind of warning.

And the known name that is nearest to one that is not known, which some of them say.
"""

import difflib
from collections.abc import Iterable

__all__ = ["BayesCxError", "BayesCxWarning", "FitError", "InputError", "nearest", "no_attribute"]


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


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most like another, or "" if none is; case and punctuation do not count.

    Examples
    --------
    >>> nearest("BGNBD", ["BG_BB", "BG_NBD", "SBG"])
    'BG_NBD'
    >>> nearest("weather", ["BG_NBD"])
    ''
    """
    plain = {"".join(filter(str.isalnum, each)).casefold(): each for each in known}
    found = difflib.get_close_matches("".join(filter(str.isalnum, name)).casefold(), plain, n=1)
    return plain[found[0]] if found else ""


def no_attribute(module: str, name: str, public: Iterable[str]) -> AttributeError:
    """Return the error for a name that a module does not have, with the public name nearest to it.

    Examples
    --------
    >>> print(no_attribute("bayes_cx", "summarize", ["fit", "summarise"]))
    module 'bayes_cx' has no attribute 'summarize'; perhaps 'summarise' is meant
    """
    # Python itself asks for names that begin with an underscore, and expects no advice.
    close = "" if name.startswith("_") else nearest(name, public)
    return AttributeError(
        f"module {module!r} has no attribute {name!r}" + (f"; perhaps {close!r} is meant" if close else "")
    )
