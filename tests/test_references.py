"""The bibliography against a parser that shares no code with ours: plain regular expressions."""

import re
from importlib.resources import files

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
        assert not re.search(r"[{}\\]|--|\?\.", printed)


def test_four_authors_are_cut_and_three_are_not():
    assert cite("fader2005bgnbd") == "Fader, Hardie & Lee (2005)"
    assert cite("gabry2019", "fader2013gamma") == "Gabry et al. (2019); Fader & Hardie (2013)"


def test_an_unknown_key_says_which_there_are():
    with pytest.raises(InputError, match=r"nobody1900.*kruschke2021"):
        reference("nobody1900")
