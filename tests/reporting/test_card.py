"""The model card: nothing unchecked reads as passed, nothing not given is left out, and one page holds it."""

import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pypdf
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import bayes_cx as bcx
from bayes_cx.checks import Check, Interval
from bayes_cx.errors import InputError
from bayes_cx.inference.layout import Layout
from bayes_cx.model import Param, Prior
from bayes_cx.reporting import card as card_module
from bayes_cx.reporting.card import ModelCard, Use, model_card
from bayes_cx.reporting.card.parts import SECTIONS, Checked
from bayes_cx.reporting.card.record import card_schema
from bayes_cx.reporting.card.text import limits
from bayes_cx.study import Evidence, RunProvenance, Study
from bayes_cx.validation import PredictiveCheck
from tests import made
from tests.made import GOOD

STAMP = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


def posterior(checks=GOOD, n_params=4, text=""):
    """A fit of BG/NBD, or of a model with more parameters and longer words."""
    letters = [*bcx.models.BG_NBD.params, *(f"c{i}" for i in range(n_params - 4))]
    prior = Prior("LogNormal", {"mu": 0.5, "sigma": 1}, "what it is", f"because {text}")
    model = replace(
        bcx.models.BG_NBD,
        params={letter: Param("", f"what it is {text}") for letter in letters},
        priors=dict.fromkeys(letters, prior),
        story=f"While active, a customer buys at random. {text}",
        limits=("Everybody who bought once counts as active.", *([text] if text else [])),
    )
    return made.posterior(model, checks, data=replace(made.DATA, source=f"CDNOW_master.txt{text}"))


def check(name="80% coverage", about="", n=2000, target="≥ 0.8", status="passed"):
    return Check(name, 0.81, target, status, "", about, Interval(0.79, 0.83, 0.95), n, 0.05)


def statistics(**attrs):
    rows = {"x": ("row", [0, 1]), "weight": ("row", [13570, 10000])}
    return xr.Dataset(rows, attrs={"kind": "purchases", **attrs})


def predictive(observed=1.04):
    names = ["share of one-time buyers", "mean repeat purchases"]
    columns = {"observed": [0.6, observed], "median": [0.6, 1.05], "low": [0.58, 1.0], "high": [0.62, 1.1],
               "p": [0.5, 0.4]}  # fmt: skip
    table = xr.Dataset(
        {name: ("statistic", values) for name, values in columns.items()},
        coords={"statistic": names},
        attrs={"level": 0.95, "n_customers": 23570, "note": "1,000 of 23,570 customers"},
    )
    return PredictiveCheck("BG/NBD", "posterior", table, None)


def complete(
    groups=(("segment: B2B", 911), ("segment: retail", 3000)),
    failing=(),
    fit=None,
    stats=None,
    command="",
    owner="Customer analytics",
    title="Repeat purchases, retail",
    use=None,
    **changed,
):
    evidence = Evidence(
        holdout=made.holdout(
            checks=(check(),),
            by_group=tuple(
                check(about=g, n=n, status="failed" if g in failing else "passed") for g, n in groups
            ),
        ),
        prior_checks=(predictive(),),
        posterior_checks=(predictive(),),
        sensitivity=(
            Check("power-scaling of the prior, r", 0.01, "< 0.05", "passed", about="BG/NBD"),
            Check("power-scaling of the prior, p", 0.01, "< 0.05", "failed", about="Gamma-Gamma"),
        ),
    )
    run = RunProvenance(organisation=owner, command=command, timestamp=STAMP)
    stats = statistics() if stats is None else stats
    study = Study(stats, (fit or posterior(),), evidence=replace(evidence, **changed), provenance=run)
    return model_card(study, title=title, use=use)


def pages(card):
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(card.pdf())).pages]


# --- the verdict


def test_a_card_with_all_evidence_passes():
    card = complete()
    assert card.verdict == "passed"
    assert card.summary == "Passed: 11 of 11 checks passed, 0 failed, 0 not run."


@pytest.mark.parametrize(
    ("missing", "given"),
    [
        ("holdout", {"holdout": None}),
        ("prior_check", {"prior_checks": ()}),
        ("posterior_check", {"posterior_checks": ()}),
        ("sensitivity", {"sensitivity": ()}),
    ],
)
def test_what_was_not_given_is_said_and_never_passes(missing, given):
    card = complete(**given)
    assert card.verdict == "not_run"
    section = getattr(card, missing)
    assert section.verdict == "not_run"
    assert section.note.startswith("No ")
    assert SECTIONS[missing].lower() in card.summary
    for text in (card.to_markdown(), " ".join(" ".join(pages(card)).split())):
        assert section.note in text


def test_a_posterior_alone_shows_every_section():
    card = model_card(Study(statistics(), (posterior(checks=()),)))
    assert card.verdict == "not_run"
    text = " ".join(" ".join(pages(card)).split())
    for heading in (*SECTIONS.values(), "Limits", "Ethics and privacy", "Reproduction", "Not for"):
        assert heading in text
        assert f"# {heading}" in card.to_markdown()
    assert "owner: not stated" in text


def test_one_failure_fails_everything():
    assert complete(posterior_checks=(predictive(observed=9.0),)).verdict == "failed"
    assert complete(posterior_checks=(predictive(observed=9.0),), holdout=None).verdict == "failed"


def test_a_statistic_that_is_not_defined_is_not_run():
    section = complete(prior_checks=(predictive(observed=np.nan),)).prior_check
    assert [m.status for m in section.checks] == ["passed", "not_run"]
    assert section.verdict == "not_run"


def test_small_groups_are_left_out_and_counted():
    groups = [("segment: B2B", 911), ("segment: lapsed", 48), ("segment: lost", 3)]
    card = complete(groups=groups)
    assert [check.about for check in card.subgroups.checks] == ["segment: B2B"]
    assert "2 groups of fewer than 100 customers are left out: too few" in card.subgroups.note
    assert card.verdict == "passed"
    # Where no group is large enough nothing was judged.
    none = complete(groups=groups[1:])
    assert none.subgroups.verdict == "not_run"
    assert "2 groups" in none.subgroups.note


@given(st.lists(st.sampled_from(["passed", "failed", "not_run"]), max_size=6))
def test_the_verdict_of_a_section_never_reads_better_than_its_checks(statuses):
    checks = tuple(Check("m", 1.0, "", status) for status in statuses)
    found = Checked(checks=checks, note="nothing was looked at").verdict
    assert (found == "passed") == (bool(statuses) and set(statuses) == {"passed"})
    assert (found == "failed") == ("failed" in statuses)


# --- the record


def test_json_comes_back_as_it_was_and_fits_its_schema():
    card = complete()
    assert ModelCard.from_json(card.to_json()) == card
    import jsonschema  # takes seconds, and only this test needs it

    jsonschema.validate(json.loads(card.to_json()), json.loads(card_schema()))


def test_the_exported_schema_is_current():
    exported = Path(card_module.__file__).with_name("model_card.schema.json").read_text("utf-8")
    assert exported == card_schema(), "run `python -m bayes_cx.reporting.card.record`"


def tampered(path, value):
    record = json.loads(complete(holdout=None).to_json())
    *parents, last = path
    inner = record
    for name in parents:
        inner = inner[name]
    inner[last] = value
    return json.dumps(record)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (["verdict"], "passed", "disagrees"),
        (["holdout", "verdict"], "passed", "disagrees"),
        (["computation", "checks", 0, "status"], "failed", "disagrees"),
        (["computation", "checks", 0, "value"], None, "with status passed and no value"),
        (["holdout", "note"], "", "must have a note"),
        (["prior_check", "checks", 0, "interval", "low"], 5.0, "an interval from 5.0 to 0.62;"),
        (["approved_by"], "me", "Extra inputs"),
        (["data", "customers"], -1, "greater than or equal to 0"),
        (["limits"], [], "at least 1"),
        (["schema_version"], "0.9", "2.0"),
    ],
)
def test_a_card_that_disagrees_with_itself_is_refused(path, value, says):
    with pytest.raises(InputError, match=re.escape(says)):
        ModelCard.from_json(tampered(path, value))


def test_a_card_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        complete().title = "another"  # pyright: ignore
    with pytest.raises(ValidationError):
        ModelCard(**{**complete().model_dump(), "verdict": "failed"})


def test_the_facts_of_the_data_are_said():
    stats = xr.Dataset(
        {"x": ("customer", [0, 2, 1]), "segment": ("customer", np.array(["a", "b", "a"], dtype=object))},
        attrs={"kind": "purchases", "unit": "week"},
    )
    data = complete(stats=stats).data
    assert (data.customers, data.repeaters, data.groups, data.source) == (
        3,
        2,
        ("segment",),
        "CDNOW_master.txt",
    )
    assert data.rejected == {"amount is zero": 80, "missing customer": 3}


def test_statistics_of_other_data_are_refused():
    with pytest.raises(InputError, match="other data than the posterior was fitted to"):
        complete(stats=statistics(sha256="11" * 32))


def test_what_was_left_out_and_what_is_odd_stands_in_the_card():
    odd = "3 rows are dated 1900-01-01, 97 years before all others (1997-01-02)"
    data = replace(made.DATA, remarks=(odd,), rejected_amounts={"missing customer": 1450.0}, pseudonyms="k")
    card = complete(fit=made.posterior(data=data))
    assert card.data.remarks == (odd,)
    for text in (card.to_markdown(), " ".join(" ".join(pages(card)).split())):
        assert odd in text
        assert "missing customer 3, worth 1,450" in text
        assert "replaced by pseudonyms" in text
        assert "rows with a negative amount are rejected" in text
    assert "as in the source" in complete().to_markdown()
    assert ModelCard.from_json(card.to_json()) == card


def test_limits_and_ethics_are_those_of_this_fit():
    card, untested = complete(), complete(holdout=None)
    assert any("the hold-out tested that" in limit for limit in card.limits)
    assert not any("the hold-out tested" in limit for limit in untested.limits)
    assert any("no hold-out has tested that" in limit for limit in untested.limits)
    assert not any("part of the choice" in limit for limit in card.limits)
    assert any("part of the choice" in one for one in limits("latent", (), tested=True, decided=True))
    assert any(text.startswith("No attribute of customers enters the fit") for text in card.ethics)
    design = bcx.Design(pooled={"dropout": "age_group"})
    pooled = made.posterior(layout=Layout(design, {}, {}, {"age_group": ("old", "young")}))
    offset = (("chain", "draw", "group"), np.broadcast_to([-1.0, 1.0], (1, 400, 2)))
    known = {name: (("chain", "draw"), np.full((1, 400), 0.3)) for name in ("dropout", "dropout_spread")}
    draws = pooled.draws["posterior"].to_dataset().assign({**known, "dropout_offset": offset})
    card = complete(fit=pooled.with_group("posterior", draws))
    assert card.model.effects[-1].startswith("Customers of age_group young are 1.22 times as likely to leave")
    assert any(text.startswith("“age_group” enters the fit") for text in card.ethics)
    assert any("Only the purchase history and “age_group” tell customers apart" in one for one in card.limits)
    assert not any("No attribute" in text for text in card.ethics)


def test_the_card_of_spend_says_where_the_hold_out_is():
    spend = made.posterior(bcx.models.GAMMA_GAMMA)
    study = Study(statistics(), (posterior(), spend), evidence=Evidence(holdout=made.holdout((check(),))))
    found = model_card(study, spend).holdout
    assert found.verdict == "not_run"
    assert found.note == "The hold-out tests all models together: see the card of BG/NBD."


def test_a_failed_card_names_where_it_failed():
    card = complete(posterior_checks=(predictive(observed=9.0),), holdout=None)
    assert card.summary.endswith(
        "; failed: posterior predictive check; not checked: calibration and hold-out, subgroups."
    )


def test_the_command_is_the_fit_or_what_was_run():
    assert complete().reproduction.command == (
        "bcx.fit(bcx.models.BG_NBD, stats, method=bcx.Laplace(draws=400, degrees=8.0), seed=7)"
    )
    assert complete(command="bayes-cx report data.csv").reproduction.command == "bayes-cx report data.csv"


# --- reading it


def test_files_are_written_together_and_alike(tmp_path):
    complete().write(tmp_path / "one")
    complete().write(tmp_path / "two")
    names = ["model_card.json", "model_card.md", "model_card.pdf"]
    assert sorted(p.name for p in (tmp_path / "one").iterdir()) == names
    for name in names:
        one, two = ((tmp_path / folder / name).read_bytes() for folder in ("one", "two"))
        assert one == two, name
    complete().to_pdf(tmp_path / "card.pdf")
    assert (tmp_path / "card.pdf").read_bytes() == (tmp_path / "one" / "model_card.pdf").read_bytes()


def test_a_page_that_cannot_be_set_leaves_the_old_card(tmp_path, monkeypatch):
    complete().write(tmp_path)
    before = (tmp_path / "model_card.json").read_bytes()
    monkeypatch.setattr(ModelCard, "pdf", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        complete(title="another").write(tmp_path)
    assert (tmp_path / "model_card.json").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 3


def test_the_pdf_is_one_tagged_page_that_reads_back():
    reader = pypdf.PdfReader(io.BytesIO(complete().pdf()))
    assert len(reader.pages) == 1
    assert reader.metadata.title == "Repeat purchases, retail"
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert b"pdfuaid" in reader.trailer["/Root"]["/Metadata"].get_data()
    box = reader.pages[0].mediabox
    assert (round(box.width), round(box.height)) == (595, 842)
    text = " ".join(reader.pages[0].extract_text().split())
    for words in ("Passed: 11 of 11", "23,570", "LogNormal(mu=0.5, sigma=1)", "1.002", "Kruschke"):
        assert words in text


def test_many_groups_stay_one_page_and_failures_are_shown_first():
    groups = [(f"region: {i}", 500 + i) for i in range(300)]
    card = complete(groups=groups, failing={"region: 5", "region: 280", "region: 299"})
    (text,) = pages(card)
    assert card.verdict == "failed"
    assert "region: 280" in text
    assert "region: 299" in text
    assert len(card.subgroups.checks) == 30
    assert "The 30 largest of 300 groups; 270 were left out, with 1 failed checks." in " ".join(text.split())
    markdown = card.to_markdown()
    assert markdown.count("region: ") == 30
    assert "region: 269" not in markdown


def test_the_methods_are_cited():
    cited = " ".join(complete().references)
    assert all(name in cited for name in ("Pareto Smoothed", "Kallioinen", "Dimitriadis", "Kruschke"))
    assert "Kallioinen" not in " ".join(complete(sensitivity=()).references)


def test_the_card_says_how_many_false_alarms_to_expect():
    assert "up to 0.05 of them would be expected to fail" in complete().holdout.note


def test_whatever_it_holds_it_stays_one_page():
    long = "word " * 500 + "x" * 600
    use = Use(intended=long, users=long, decision=long, misuse=(long,) * 30)
    crowd = tuple(check(name=long, about=f"{long}{i}", n=500, target=long) for i in range(40))
    card = complete(
        fit=posterior(
            checks=tuple(Check(long, 1.0, long, "failed", long) for _ in range(40)), n_params=40, text=long
        ),
        holdout=made.holdout(checks=(check(name=long, target=long),) * 40, by_group=crowd),
        sensitivity=(Check(long, 1.0, long, "passed", long, "BG/NBD"),) * 40,
        owner=long,
        title=long,
        use=use,
        command=long,
    )
    assert len(pages(card)) == 1
    assert long.strip() in card.to_json()


@settings(max_examples=8, deadline=None)
@given(st.text(max_size=80))
def test_any_text_can_be_printed(text):
    card = complete(
        title=text or "x", owner=text, use=Use(intended=text, users=text, decision=text, misuse=(text,))
    )
    assert len(pages(card)) == 1
    for line in card.to_markdown().splitlines():
        assert not line.startswith("# ") or line[2:].strip() or not text.strip()


def test_markdown_prints_marks_as_they_are():
    text = complete(owner="<b>A|B</b> *x* [y](z) `w`").to_markdown()
    assert r"\<b\>A\|B\</b\> \*x\* \[y\](z) \`w\`" in text


def test_markdown_shows_interval_level_group_and_status():
    lines = complete().to_markdown().splitlines()
    assert "| Of | Check | Value | 95% interval | Status |" in lines
    assert "| segment: B2B | 80% coverage · n = 911 | 0.81 | 0.79 to 0.83 | ✓ passed |" in lines
    assert "## Subgroups (✓ passed)" in lines
    assert "should be: ≥ 0.8" in lines


def test_the_notebook_panel_says_what_is_open():
    assert "not checked: calibration and hold-out, subgroups" in complete(holdout=None)._repr_html_()
    for card, status in ((complete(), "passed"), (complete(holdout=None), "not_run")):
        assert f'class="notice {status}"' in card._repr_html_()


@pytest.mark.slow
def test_a_card_of_a_real_fit_holds_all_its_evidence():
    import bayes_cx as bcx

    parts = bcx.split(bcx.load_cdnow(sample=True), "1997-09-30", "1998-06-30")
    half = np.where(np.arange(parts.calibration.sizes["customer"]) % 2, "odd", "even").astype(object)
    stats = parts.calibration.assign(half=("customer", half))
    fits = [
        bcx.fit(model, stats, seed=1, progress=False) for model in (bcx.models.BG_NBD, bcx.models.GAMMA_GAMMA)
    ]
    found = bcx.validation.holdout(*fits, bcx.Split(stats, parts.holdout, parts.tracking), draws=100)
    evidence = Evidence(
        holdout=found,
        prior_checks=(bcx.validation.prior_predictive_check(fits[0].model, stats, draws=50),),
        posterior_checks=(bcx.validation.predictive_check(fits[0], stats, draws=50),),
    )
    study = Study(stats, tuple(fits), evidence=evidence, provenance=RunProvenance(timestamp=STAMP))
    card = model_card(study)
    assert model_card(study, fits[1]).holdout.verdict == "not_run"
    for shown, all_of in ((card.holdout.checks, found.checks), (card.subgroups.checks, found.by_group)):
        assert [(c.name, c.about, c.status, c.n) for c in shown] == [
            (c.name, c.about, c.status, c.n) for c in all_of
        ]
        # A card keeps the digits that count.
        assert [c.value for c in shown] == pytest.approx([c.value for c in all_of], rel=1e-7)
    assert {m.about for m in card.subgroups.checks} == {"half: even", "half: odd"}
    assert card.data.customers == 2357
    assert card.sensitivity.verdict == "not_run"
    assert len(pages(card)) == 1
    assert ModelCard.from_json(card.to_json()) == card
