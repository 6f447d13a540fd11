import dataclasses
import io
import re
from datetime import UTC, datetime

import numpy as np
import pypdf
import pytest
import xarray as xr

from bayes_cx.checks import Check
from bayes_cx.page.words import Money
from bayes_cx.reporting import tables
from bayes_cx.reporting.report import report
from bayes_cx.study import Evidence, RunProvenance, Study
from bayes_cx.validation import PredictiveCheck

WHEN = datetime(2026, 1, 5, tzinfo=UTC)
NAMES = ["株式会社テスト", "😀 #1 *bold* $x$ @ref \\ <t> [y]", "شركة", "A" * 200, "Łódź & Żółw s.r.o."]


def make(mock, *, hold=True, checks=None, currency="€", **options):
    plan = mock.plan(**({"n": 300, "samples": 200, "cost": 2.0} | options))
    posterior = mock.posterior(**({} if checks is None else {"checks": checks}))
    fits = (posterior, mock.posterior(model="Gamma-Gamma")) if options.get("money", True) else (posterior,)
    run = RunProvenance(
        organisation="Northgate & #1 Supplies",
        currency=currency,
        command="bayes-cx report orders.csv --seed 1",
        timestamp=WHEN,
    )
    evidence = Evidence(holdout=mock.holdout(n=300) if hold else None)
    return report(Study(mock.stats(plan), fits, plan, evidence, provenance=run))


def of(mock, plan, **evidence):
    fits = (mock.posterior(),)
    run = RunProvenance(timestamp=WHEN)
    return report(Study(mock.stats(plan), fits, plan, Evidence(**evidence), provenance=run))


def pages(made, number=None):
    reader = pypdf.PdfReader(io.BytesIO(made.to_bytes()))
    return [" ".join(page.extract_text().split()) for page in reader.pages[:number]]


def plain(text):
    return " ".join(text.replace("\u00a0", " ").split())


@pytest.fixture(scope="module")
def usual(mock):
    return make(mock, groups=True, offers=2)


@pytest.fixture(scope="module")
def usual_pages(usual):
    return pages(usual)


def test_page_one_carries_every_sentence(usual, usual_pages):
    first = plain(usual_pages[0])
    for sentence in usual.sentences:
        assert plain(sentence) in first


def test_sentences_are_computed_from_the_draws(mock, usual):
    data = mock.plan(n=300, samples=200, cost=2.0, groups=True, offers=2).data
    gain = data["total_gain_predictive"].to_numpy()
    assert (gain < 0).mean() != (data["total_gain"] < 0).mean()
    lead = usual.data["page_one"]["lead"]
    assert f"Contact {data.attrs['n_contacted']} of 300 customers" in lead
    assert f"loses money is {(gain < 0).mean():.0%}" in lead
    active = usual.data["page_one"]["texts"][0]
    assert f"About {data['total_active'].mean().item():.0f} of the 300" in active
    assert f"But {(data['x'] == 0).sum().item()} of these have bought only once" in active


def test_every_section_is_there(usual_pages):
    text = plain(" ".join(usual_pages))
    for heading in (
        *("In short", "What to do", "Priority list", "What the campaign is worth", "Kinds of customers"),
        *("By segment", "How sure are we?", "Did the forecasts come true?", "How often the intervals held"),
        *(
            "Method",
            "Quality of the fit",
            "Quality of the forecasts",
            "mean chance to leave after a purchase",
            "pymc 6.4.0",
            "What the numbers rest on",
            "Limits",
            "How to make this report again",
        ),
        *(
            "amount is zero: 80",
            "Beta(2, 18)",
            "9f2c9f2c",
            "bayes-cx report orders.csv",
            "Northgate & #1 Supplies",
        ),
    ):
        assert heading in text, heading


def test_the_document_is_tagged_titled_and_stable(mock, usual):
    content = usual.to_bytes()
    root = pypdf.PdfReader(io.BytesIO(content)).trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert b"pdfuaid" in root["/Metadata"].get_data()
    assert make(mock, groups=True, offers=2).to_bytes() == content


def test_writing_is_whole_or_not_at_all(usual, tmp_path, monkeypatch):
    path = tmp_path / "deep" / "report.pdf"
    usual.to_pdf(path)
    before = path.read_bytes()
    assert before.startswith(b"%PDF")
    broken = dataclasses.replace(usual, data={})
    with pytest.raises(Exception, match=r"report\.typ"):
        broken.to_pdf(path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["report.pdf"]


def test_a_failed_check_is_said_before_anything_else(mock):
    failed = (Check("largest rank R-hat", 1.34, "<= 1.01", "failed"),)
    made = make(mock, checks=failed)
    first = plain(pages(made, 1)[0])
    assert "The fit failed its checks." in first
    assert "largest rank R-hat is 1.34, should be ≤ 1.01" in first
    assert first.index("failed its checks") < first.index("In short")


@pytest.mark.parametrize("checks", [(), (Check("divergent transitions", None, "0", "not_run"),)])
def test_a_check_that_was_not_run_never_reads_as_passed(mock, checks):
    made = make(mock, checks=checks)
    assert "The fit was not fully checked." in plain(pages(made, 1)[0])
    assert {row["status"] for row in made.data["checks"] if row["model"] == "BG/NBD"} == {"not_run"}


def test_without_hold_out_page_one_says_so(mock):
    text = [plain(page) for page in pages(make(mock, hold=False))]
    assert "There is no hold-out evidence." in text[0]
    assert "No part of the data was kept back" in " ".join(text)


def test_a_missed_total_is_said_on_page_one(mock):
    plan = mock.plan(n=300, samples=200)
    made = of(mock, plan, holdout=mock.holdout(n=300, bias=2.0))
    assert "The forecast missed the hold-out total." in plain(pages(made, 1)[0])


def test_failed_hold_out_checks_are_named_on_page_one(mock):
    plan, evidence = mock.plan(n=300, samples=200), mock.holdout(n=300)
    evidence.checks = (
        *evidence.checks,
        Check("spend in the hold-out", 1.0, "interval holds 2", "failed", "error −15%"),
    )
    made = of(mock, plan, holdout=evidence)
    first = plain(pages(made, 1)[0])
    assert "Some forecasts did not come true. 1 of 3 checks" in first
    assert "spend in the hold-out" in first


def test_nobody_worth_a_contact(mock):
    first = plain(pages(make(mock, cost=9000.0), 1)[0])
    assert "Contact nobody with these offers." in first
    assert "Contact 0" not in first


def test_five_customers_with_names_that_no_font_has(mock):
    text = plain(" ".join(pages(make(mock, n=5, cost=1.0, names=NAMES), 2)))
    assert "*bold* $x$ @ref \\ <t> [y]" in text
    assert "[U+682A" in text
    assert "[U+1F600]" in text
    assert "Łódź & Żółw s.r.o." in text
    assert "A" * 10 in text
    assert "A" * 60 not in text
    assert "as code points" in text


def test_without_spend_value_is_counted_in_purchases(mock):
    made = make(mock, money=False, cost=0.05)
    text = plain(pages(made, 1)[0])
    assert "purchases in the next 52 weeks" in text
    assert "€" not in text


@pytest.mark.parametrize(
    ("currency", "shown"),
    [("", r"costs \d"), ("CHF", r"costs CHF \d"), ("£", r"costs £\d")],
)
def test_the_currency_is_the_readers(mock, currency, shown):
    text = plain(pages(make(mock, currency=currency), 1)[0])
    assert re.search(shown, text)
    assert "€" not in text


def test_the_campaign_counts_the_luck_of_who_comes_back(usual, usual_pages):
    first = plain(usual_pages[0])
    assert "by the luck of who comes back; what they then spend is taken at its expectation" in first
    assert "every interval in this report" not in plain(" ".join(usual_pages))


def test_why_somebody_who_has_left_stands_first_is_said(mock):
    plan = mock.plan(n=60, samples=100)
    note = tables.top_note(plan, Money("€"))
    plan.data["p_alive"][0] = 0.01
    first = str(plan.data["customer"].values[0])
    said = tables.top_note(plan, Money("€"))
    assert "about 10% of such customers are taken to come back" in said
    assert first in said
    plan.data["p_alive"][:] = 0.9
    assert tables.top_note(plan, Money("€")) == "Customers stand in the order of their expected net gain."
    assert note


def test_predictive_checks_are_shown_whatever_they_say(mock):
    names = ["share of one-time buyers", "mean repeat purchases"]
    columns = {"observed": [0.6, 9.0], "median": [0.6, 1.0], "low": [0.58, 1.0], "high": [0.62, 1.1]}
    table = xr.Dataset(
        {name: ("statistic", values) for name, values in columns.items()},
        coords={"statistic": names},
        attrs={"level": 0.95, "n_customers": 1000, "note": "1,000 of 23,570 customers"},
    )
    check = PredictiveCheck("BG/NBD", "posterior", table, None)
    plan = mock.plan(n=50, samples=50)
    made = of(mock, plan, posterior_checks=(check,))
    assert [row["status"] for row in made.data["predictive"]] == ["passed", "failed"]
    text = plain(" ".join(pages(made)))
    assert "Data like these?" in text
    assert "BG/NBD, posterior: 1,000 of 23,570 customers." in text
    assert "about 0.1 of 2 would lie outside" in text


def test_the_report_says_how_many_false_alarms_to_expect(mock):
    checks = (*mock.holdout(n=50).checks, mock.metric("score", 1.0, "<= 2", 0.9, 1.1, alarm=None))
    assert "known of 2 checks" in tables.false_alarms(checks)
    assert "0.1 failures or fewer" in tables.false_alarms(checks)
    assert tables.false_alarms(checks[2:]) == ""


def test_what_a_return_means_is_an_assumption(usual):
    said = dict(usual.data["assumptions"])
    assert "same chance however long the silence" in said["Who is won back"]
    assert "whole horizon" in said["Who is kept"]


def test_one_time_buyers_that_the_model_can_lose_are_estimated(mock):
    plan = mock.plan(n=300, samples=200)
    once = plan.data["x"].to_numpy() == 0
    plan.data["p_alive"] = plan.data["p_alive"].where(~once, 0.5)
    made = of(mock, plan)
    assert (
        f"About {np.round(once.sum() / 2):.0f} of these have bought only once."
        in made.data["page_one"]["texts"][0]
    )


def test_now_is_a_good_timestamp(mock):
    plan = mock.plan(n=40)
    made = report(Study(mock.stats(plan), (mock.posterior(),), plan))
    assert made.to_bytes().startswith(b"%PDF")


def test_page_one_says_that_the_response_is_put_in(usual):
    assert any("rests on beliefs about the response" in sentence for sentence in usual.sentences)
