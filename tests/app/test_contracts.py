"""Dated contracts come with a hold-out, as purchases do, in the report and in the card."""

import numpy as np
import pandas as pd
import pytest
from pypdf import PdfReader

# The fast suite makes reports of contracts without the command; see tests/reporting/test_report.py.
pytestmark = pytest.mark.slow

COLUMNS = ("--customer", "who", "--start", "from", "--end", "to", "--unit", "month", "--until", "2024-12-31")


@pytest.fixture(scope="module")
def reported(tmp_path_factory, process_in):
    """What the command says as a process, from start to end, and the folder it makes of contracts."""
    folder = tmp_path_factory.mktemp("contracts")
    rng = np.random.default_rng(1)
    begins = pd.to_datetime(np.datetime64("2022-01-01") + rng.integers(0, 900, 1500))
    months = np.minimum(rng.geometric(rng.beta(0.8, 6.0, begins.size)), 600)
    ends = [begin + pd.DateOffset(months=int(n)) for begin, n in zip(begins, months, strict=True)]
    frame = pd.DataFrame({"who": np.arange(begins.size), "from": begins, "to": ends})
    frame.to_csv(folder / "contracts.csv", index=False)
    settings = (
        "--model",
        "bdw",
        "--worth",
        20,
        "--cost",
        2,
        "--holdout-from",
        "2023-12-31",
        "--pseudonymise",
    )
    done = process_in(folder)(
        "report", "contracts.csv", *COLUMNS, *settings, "--out", "r", BAYES_CX_KEY="an example key of a test"
    )
    assert done.returncode == 0, done.stderr
    return done, folder / "r"


def test_the_report_says_whether_renewals_came_as_forecast(reported):
    done, folder = reported
    assert "fitted until 2023-12-31, judged until 2024-12-31" in done.stderr
    assert "Warning" not in done.stderr
    text = " ".join(
        " ".join(page.extract_text() for page in PdfReader(folder / "retention.pdf").pages).split()
    )
    assert "Renewals: observed (dots), forecast (line)" in text
    assert "Later renewal Forecast 95% interval Still there" in text
    assert "Hold-out renewals per customer" in text
    assert "Forecast chance of being still a customer" in text
    assert "predicted customers still there at the end of the hold-out" in text
    assert "No part of the data was kept back" not in text


def test_the_card_holds_the_same_evidence(reported):
    card = (reported[1] / "model_card.md").read_text()
    assert "predicted renewals in the hold-out" in card
    assert "Brier score of being still a customer" in card
    assert "purchases in the hold-out" not in card
