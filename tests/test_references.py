"""The bibliography against a parser that shares no code with ours: plain regular expressions."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from bayes_cx.errors import InputError
from bayes_cx.references import cite, reference, references

TEXT = files("bayes_cx").joinpath("references.bib").read_text("utf-8")


def test_every_entry_is_read_in_order():
    assert list(references()) == re.findall(r"^@\w+\{(.+),$", TEXT, re.MULTILINE)


def test_every_entry_is_printed_whole():
    for key, entry in references().items():
        printed = str(entry)
        block = TEXT[TEXT.index(f"{{{key},") :].split("\n}\n")[0]
        fields = dict(re.findall(r"^  (\w+) = \{(.*)\},?$", block, re.MULTILINE))
        assert fields["title"] in printed
        assert f"({fields['year']})" in printed
        assert fields.get("doi", fields.get("url")) in printed
        assert fields["author"].split(",")[0] in printed
        assert not re.search(r"[{}\\]|--|\?\.|\. \.", printed)


def test_four_authors_are_cut_and_three_are_not():
    assert cite("fader2005counting") == "Fader, Hardie & Lee (2005)"
    assert (
        cite("gabry2019visualization", "fader2013gammagamma") == "Gabry et al. (2019); Fader & Hardie (2013)"
    )


def test_every_citation_in_the_package_has_an_entry():
    cited = {
        key
        for path in Path(str(files("bayes_cx"))).rglob("*.py")
        for found in re.findall(r"\[([a-z]+\d{4}[a-z]+)\]_|reference=\"(\w+)\"", path.read_text("utf-8"))
        for key in filter(None, found)
    }
    assert cited
    assert cited <= set(references())


def test_an_unknown_key_says_which_there_are():
    with pytest.raises(InputError, match=r"nobody1900.*kruschke2021bayesian"):
        reference("nobody1900")
