"""Contacts with customers from a file: read like columns by date, in statistics, fits and the report."""

import re

import numpy as np
import pandas as pd
import pytest

import bayes_cx as bcx
from bayes_cx.app.designs import design_of
from bayes_cx.app.load import load
from bayes_cx.app.observe import observe
from bayes_cx.app.settings import Compute
from bayes_cx.app.steps import Steps
from bayes_cx.data.contact_file import read_contacts
from bayes_cx.decision.segment_futures import columns_of_groups
from bayes_cx.errors import InputError
from bayes_cx.models import BG_NBD, GAMMA_GAMMA

TIMES, DAYS = 2.0, 14


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A shop whose customers buy twice as often for two weeks after mail, some of it after the data."""
    folder = tmp_path_factory.mktemp("shop")
    rng = np.random.default_rng(3)
    rows, mail = [], [("9999", 200, "mail"), ("0001", 300, "visit")]
    for i in range(300):
        start, rate = int(rng.uniform(0, 120)), rng.gamma(1.0, 0.02)
        sent = np.sort(rng.choice(np.arange(130, 420), rng.integers(0, 6), replace=False))
        mail += [(f"{i:04d}", int(day), "mail") for day in sent]
        days = np.arange(start + 1, 365)
        often = ((sent[:, None] <= days) & (days < sent[:, None] + DAYS)).any(axis=0)
        bought = days[rng.random(days.size) < rate * np.where(often, TIMES, 1.0)]
        rows += [(f"{i:04d}", day) for day in (start, *bought)]
    for name, columns, listed in (("sales", ("id", "day"), rows), ("mail", ("who", "sent", "what"), mail)):
        frame = pd.DataFrame([each[: len(columns)] for each in listed], columns=[*columns])
        frame[columns[1]] = pd.Timestamp("2025-01-01") + pd.to_timedelta(frame[columns[1]], "D")
        frame.to_csv(folder / f"{name}.csv", index=False)
    return folder


def given(shop, **more):
    columns = {"file": str(shop / "sales.csv"), "customer": "id", "time": "day"}
    return load({**columns, "contacts": shop / "mail.csv", "contacts_last": ["mail=2 weeks"], **more})


def test_contacts_of_a_file_are_part_of_the_statistics(shop):
    """Also of those that a hold-out is fitted to; and they are no groups of customers."""
    observed = observe(given(shop), Steps(total=2), None)
    stats = observed.stats
    assert stats.attrs["contacts"] == '{"mail": 14, "visit": 7}'
    assert stats.attrs["contacts_of_others"] == '{"mail": 1, "visit": 0}'
    listed = pd.read_csv(shop / "mail.csv", dtype=str).query("what == 'mail' and who == '0001'")["sent"]
    assert stats["mail"].sel(customer="0001").item().split() == sorted(day[:10] for day in listed)
    assert observed.split is not None
    known = observed.split().calibration
    assert "mail_at_purchases" in known
    # The only visit was after the cut: there is nothing to learn of it.
    assert known.attrs["contacts"] == '{"mail": 14}'
    assert "visit" not in known
    assert columns_of_groups(stats) == ()
    assert design_of(BG_NBD, stats, Compute()).contacts == ("mail", "visit")
    assert design_of(GAMMA_GAMMA, stats, Compute()).is_constant


def test_what_cannot_be_used_is_named(shop, tmp_path, bayes_cx):
    for text, words in {
        "who\na\n": "the columns who",
        "who,sent\n": "0 rows",
        "who,sent,what\na,2025-01-01,sent by mail\n": "of the sort 'sent by mail'",
        "who,sent\na,soon\n": r"1 cannot be used \(unreadable time\)",
    }.items():
        (tmp_path / "c.csv").write_text(text)
        with pytest.raises(InputError, match=words):
            read_contacts(tmp_path / "c.csv")
    (tmp_path / "c.csv").write_text("who,sent\na,2025-01-01\n")
    assert list(read_contacts(tmp_path / "c.csv")) == ["contact"]
    with pytest.raises(InputError, match="cannot be read"):
        read_contacts(tmp_path / "none.csv")
    with pytest.raises(InputError, match="--contacts-last of letter; expected one of the contacts"):
        observe(given(shop, contacts_last=["letter=2 weeks"]), Steps(total=2), None)
    with pytest.raises(InputError, match="contacts_last without contacts"):
        load({"contacts_last": ["2 weeks"]})
    with pytest.raises(InputError, match="--contacts-last is"):
        load({"contacts": tmp_path / "c.csv", "contacts_last": ["mail=long"]})
    done = bayes_cx("report", "--dataset", "cohorts", "--contacts", tmp_path / "c.csv", "--out", "r")
    assert done.returncode == 2
    assert "--contacts for statistics" in done.stderr


@pytest.mark.slow
def test_the_report_says_what_goes_with_contacts(shop, tmp_path, bayes_cx):
    """From the command line, with a hold-out; and the single commands find the same effect."""
    read = [shop / "sales.csv", "--customer", "id", "--time", "day", "--until", "2025-12-31"]
    contacts = ["--contacts", shop / "mail.csv", "--contacts-last", "mail=2 weeks"]
    done = bayes_cx("report", *read, *contacts, "--model", "bg_nbd", "--draws", "200", "--out", "r")
    assert done.returncode == 0, done.stderr
    assert "fitted until" in done.stderr
    page = (tmp_path / "r" / "retention.html").read_text()
    sentence = (
        r"In the 2 weeks after mail customers buy ([\d.]+) times as often as without, ([\d.]+) to ([\d.]+)\."
    )
    found = re.search(sentence, page)
    assert found is not None
    middle, low, high = map(float, found.groups())
    assert low < TIMES < high < 1.5 * middle
    assert "It is an association" in page
    done = bayes_cx("summarise", *read, *contacts, "--out", "s.nc")
    assert done.returncode == 0, done.stderr
    done = bayes_cx("fit", "s.nc", "--model", "bg_nbd", "--out", "p.nc")
    assert done.returncode == 0, done.stderr
    fitted = bcx.load(tmp_path / "p.nc")
    assert f"{middle:.2f} times as often" in bcx.effects_of_contacts(fitted)["sentence"].to_numpy()[0]
    refused = bayes_cx("fit", "s.nc", "--model", "pareto_nbd", "--out", "q.nc")
    assert refused.returncode == 2
    assert "contacts for Pareto/NBD" in refused.stderr
