"""The literature, written once in ``references.bib`` and printed everywhere by key."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from bayes_cx.errors import InputError

__all__ = ["Reference", "cite", "reference", "references"]


@dataclass(frozen=True)
class Reference:
    """One entry of the bibliography.

    Attributes
    ----------
    key : str
        The name it is cited by, such as ``"fader2005counting"``.
    authors : tuple of (given names, family name)
        In the order of the paper.
    year, title, venue, url : str
        ``venue`` joins journal (of a book its publisher), volume, number and pages; ``url`` is the DOI link
        where there is a DOI.
    """

    key: str
    authors: tuple[tuple[str, str], ...]
    year: str
    title: str
    venue: str
    url: str

    @property
    def short(self) -> str:
        """The citation in running text: ``Fader, Hardie & Lee (2005)``; more than three authors are cut."""
        families = [family for _, family in self.authors]
        if len(families) > 3:
            return f"{families[0]} et al. ({self.year})"
        *before, last = families
        return f"{f'{", ".join(before)} & {last}' if before else last} ({self.year})"

    def __str__(self) -> str:
        """Return the full entry on one line."""
        names = [f"{family}, {_initials(given)}" for given, family in self.authors]
        if len(names) > 6:
            names = [*names[:3], "et al."]
        stop = "" if self.title.endswith(("?", "!")) else "."
        return f"{', '.join(names)} ({self.year}). {self.title}{stop} {self.venue}. {self.url}"


def reference(key: str) -> Reference:
    """Return the entry cited by ``key``.

    Raises
    ------
    InputError
        If no entry has that key.

    Examples
    --------
    >>> print(reference("kruschke2021bayesian"))
    Kruschke, J. K. (2021). Bayesian Analysis Reporting Guidelines. Nature Human Behaviour 5, 1282–1291. \
https://doi.org/10.1038/s41562-021-01177-7
    """
    try:
        return references()[key]
    except KeyError:
        known = ", ".join(references())
        raise InputError(f"reference {key!r}", f"one of {known}", "add it to references.bib") from None


def cite(*keys: str) -> str:
    """Return the short citations of the keys, joined by semicolons.

    Examples
    --------
    >>> cite("fader2005counting", "mitchell2019model")
    'Fader, Hardie & Lee (2005); Mitchell et al. (2019)'
    """
    return "; ".join(reference(key).short for key in keys)


@cache
def references() -> dict[str, Reference]:
    """Return all entries by key, in the order of the file.

    Raises
    ------
    InputError
        If the file has an entry that cannot be read, or a key twice.
    """
    # parsing costs an import that most runs never need
    from bibtexparser.entrypoint import parse_string
    from bibtexparser.middlewares import LatexDecodingMiddleware, SeparateCoAuthors, SplitNameParts

    library = parse_string(
        files("bayes_cx").joinpath("references.bib").read_text("utf-8"),
        append_middleware=[LatexDecodingMiddleware(), SeparateCoAuthors(), SplitNameParts()],
    )
    if library.failed_blocks:
        line = (library.failed_blocks[0].start_line or 0) + 1
        raise InputError(f"references.bib, line {line}", "a readable entry with a key of its own", "mend it")
    return {
        entry.key: _entry(entry.key, {name: field.value for name, field in entry.fields_dict.items()})
        for entry in library.entries
    }


def _entry(key: str, fields: dict[str, Any]) -> Reference:
    where = ("journal", "booktitle", "institution", "publisher")
    journal = next((fields[name] for name in where if fields.get(name)), "")
    number = f"({fields['number']})" if "number" in fields else ""
    pages = f", {fields['pages'].replace('--', '–')}" if "pages" in fields else ""
    return Reference(
        key=key,
        authors=tuple((" ".join(name.first), " ".join([*name.von, *name.last])) for name in fields["author"]),
        year=fields["year"],
        title=fields["title"].rstrip("."),
        venue=f"{journal} {fields.get('volume', '')}{number}".strip() + pages,
        url=f"https://doi.org/{fields['doi']}" if "doi" in fields else fields["url"],
    )


def _initials(given: str) -> str:
    """Return ``"J. K."`` for ``"John K."`` and ``"P.-C."`` for ``"Paul-Christian"``."""
    return " ".join("-".join(f"{part[0]}." for part in name.split("-")) for name in given.split())
