"""`bayes-cx trial` from files to two pages, and a report whose offer is measured by a trial."""

import json

import numpy as np
import pandas as pd
import pytest

import bayes_cx as bcx
from bayes_cx.app.cli import main
from bayes_cx.app.load import load
from bayes_cx.app.measured import response_of
from bayes_cx.errors import InputError
from bayes_cx.reporting.trial.pages import _for_whom_it_pays


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """Four thousand customers, half with a voucher, of whom a tenth buys and not a twentieth."""
    rng = np.random.default_rng(3)
    group = rng.permutation(np.repeat(["voucher", "none"], 2000))
    bought = rng.random(4000) < np.where(group == "voucher", 0.11, 0.05)
    path = tmp_path_factory.mktemp("trial") / "campaign.csv"
    shop = rng.choice(["town", "village"], 4000)
    pd.DataFrame({"group": group, "bought": bought.astype(int), "shop": shop}).to_csv(path, index=False)
    return path


def call(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def test_two_pages_numbers_and_a_posterior(campaign, tmp_path, capsys):
    words = ["trial", campaign, "--arm", "group", "--control", "none", "--outcome", "bought", "--by", "shop"]
    words += ["--customers", 50_000, "--worth", 40, "--cost", 1, "--currency", "€"]
    words += ["--timestamp", "2026-01-01T00:00:00Z", "--out"]
    code, out, _ = call(capsys, *words, tmp_path / "a")
    assert code == 0
    assert out.startswith("“voucher” won: with it the share of customers who respond is 11.2%")
    assert "Stop: By the rule" in out
    found = json.loads((tmp_path / "a" / "trial.json").read_text())
    assert (found["best"], found["decision"], found["verdict"]) == ("voucher", "stop", "passed")
    mean = pd.read_csv(campaign).groupby("group")["bought"].mean()
    (arm,) = (one for one in found["arms"] if one["arm"] == "voucher")
    assert arm["lift"] == pytest.approx(mean["voucher"] - mean["none"], abs=1e-3)
    posterior = bcx.load(tmp_path / "a" / "trial.nc")
    assert posterior.n_customers == 4000
    assert (tmp_path / "a" / "trial.pdf").read_bytes().startswith(b"%PDF")
    page = (tmp_path / "a" / "trial.html").read_text()
    assert "For whom it differs" in page
    run = json.loads((tmp_path / "a" / "run.json").read_text())
    assert run["settings"]["file"] == "campaign.csv"
    code, *_ = call(capsys, *words, tmp_path / "b")
    for name in ("trial.json", "trial.html", "run.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_page_one_says_for_whom_a_treatment_pays_and_for_whom_it_loses():
    """Of the old 55 of a thousand more buy, of the new 4; to pay 0.50 at 30 takes 17."""
    bought = {("none", "old"): 200, ("voucher", "old"): 420, ("none", "new"): 200, ("voucher", "new"): 216}
    rows = pd.concat(
        pd.DataFrame({"group": group, "type": kind, "bought": np.arange(4000) < n})
        for (group, kind), n in bought.items()
    )
    rows["bought"] = rows["bought"].astype(int)
    stats = bcx.summarise_trial(rows, "bought", arm="group", control="none", by="type")
    fitted = bcx.fit(bcx.models.TRIAL, stats, seed=1)
    study = bcx.TrialStudy(fitted, customers=50_000, worth=30.0, cost=0.5)
    (said,) = (one for one in bcx.trial_report(study).sentences if "pay for everybody" in one)
    assert "a change of +1.67 points is needed" in said
    loses, pays = said.split("it pays in")
    assert "it loses money in new (+0." in loses
    assert "net −0." in loses
    assert pays.strip().startswith("old (+5.")
    segments = {one["segment"]: one for one in study.record()["segments"]}
    assert segments["type: old"]["net"] == pytest.approx(30 * 0.055 - 0.5, abs=0.15)
    assert segments["type: new"]["net_high"] < 0 < segments["type: old"]["net_low"]
    # At 0.20 each the new lose by the estimate, and that may be chance.
    (open_,) = _for_whom_it_pays(bcx.TrialStudy(fitted, customers=50_000, worth=30.0, cost=0.2))
    assert "is not shown to pay for everybody" in open_
    assert "neither is shown in new" in open_
    # Where the voucher costs nothing it loses nowhere.
    assert not [*_for_whom_it_pays(bcx.TrialStudy(fitted, customers=50_000, worth=30.0))]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--control", "none", "--outcome", "bought"], "--arm is missing"),
        (["--arm", "group", "--control", "none"], "--outcome or --purchases is missing"),
        (["--arm", "group", "--control", "zero", "--outcome", "bought"], "the control 'zero'"),
        (["--arm", "group", "--control", "none", "--outcome", "sold"], "no column 'sold'"),
        (["--arm", "group", "--control", "none", "--outcome", "bought", "--customers", "9"], "--worth"),
    ],
)
def test_one_clear_message(campaign, tmp_path, capsys, words, message):
    code, _, err = call(capsys, "trial", campaign, *words, "--out", tmp_path / "out")
    assert code == 2
    assert message in err
    assert not (tmp_path / "out" / "trial.pdf").exists()


def test_an_offer_may_be_measured_by_a_file_or_stated(campaign, tmp_path):
    toml = tmp_path / "run.toml"
    offer = '[[offers]]\nname = "voucher"\ncost = 2\nresponse = {}\n'
    measured = '{measured = "campaign.csv", arm = "group", control = "none", outcome = "bought"}'
    (tmp_path / "campaign.csv").write_bytes(campaign.read_bytes())
    toml.write_text(offer.format(measured))
    settings = load({"config": toml})
    found = response_of(settings.offer.offers[0].response, settings)
    assert (found.basis, found.customers, found.outcome) == ("measured", 4000, "buying")
    assert found.source == "measured on 4,000 customers, voucher against none"
    toml.write_text(offer.format("{stated = [3, 27]}"))
    stated = response_of(load({"config": toml}).offer.offers[0].response, settings)
    assert stated == bcx.Stated(bcx.Beta(3, 27))


@pytest.mark.parametrize(
    ("response", "message"),
    [
        ("3", "response is 3"),
        ("{}", "neither stated and measured"),
        ('{measured = "a.csv", stated = [2, 18]}', "both stated and measured"),
        ('{measured = "a.csv", arm = "x"}', "without control"),
        ('{measured = "a.csv", arm = "x", control = "y"}', "without outcome"),
        ('{measurd = "a.csv"}', "'measured' perhaps"),
    ],
)
def test_a_response_that_cannot_be_used_is_named(tmp_path, response, message):
    toml = tmp_path / "run.toml"
    toml.write_text(f'[[offers]]\nname = "voucher"\ncost = 2\nresponse = {response}\n')
    with pytest.raises(InputError, match=message):
        load({"config": toml})


def test_a_trial_is_planned_on_the_command_line(capsys):
    words = ["plan-trial", 0.05, 0.01, "--per-day", 1000]
    code, out, _ = call(capsys, *words)
    plan = bcx.plan_trial(0.05, 0.01, per_day=1000, seed=1)
    assert code == 0
    assert out.splitlines()[:2] == list(plan.sentences())
    code, out, _ = call(
        capsys, *words, "--customers", 100_000, "--worth", 20, "--cost", 0.1, "--currency", "€"
    )
    paid = bcx.plan_trial(0.05, 0.01, customers=100_000, worth=20.0, cost=0.1, seed=1)
    assert f"worth €{paid.value:,.0f}, and after the cost of the trial €{paid.value_after_cost:,.0f}" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["0.05", "0"], "a change to be found"),
        (["5", "1"], "pass sd for amounts and counts"),
        (["0.05", "0.01", "--customers", "9"], "--customers without --worth"),
        (["0.05", "0.01", "--worth", "9"], "without --customers"),
        (["0.05", "0.01", "--power", "2"], "power=2"),
    ],
)
def test_a_plan_that_cannot_be_made_is_one_message(capsys, words, message):
    code, _, err = call(capsys, "plan-trial", *words)
    assert (code, err.count("\n")) == (2, 1)
    assert message in err
