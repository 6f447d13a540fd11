"""Several actions in `bayes-cx report`: the settings of the page, opt-outs from files, the report itself."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayes_cx as bcx
from bayes_cx.app import action_plan, opt_outs
from bayes_cx.app.cli import main
from bayes_cx.app.load import load
from bayes_cx.app.rerun import recorded
from bayes_cx.errors import InputError

PAGE = Path(__file__).parents[2] / "docs" / "next_best_action.md"
ONE = '[[actions]]\nname = "mail"\ncost = 1\nchannel = "e-mail"\n'
CUSTOMERS = 500


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files that the settings of the page name, and the settings; CDNOW's customers, and a campaign."""
    folder = tmp_path_factory.mktemp("actions")
    (toml,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (folder / "run.toml").write_text(toml)
    rng = np.random.default_rng(4)
    group = rng.choice(["none", "mail"], 4000)
    bought = (rng.random(4000) < 0.06 + 0.03 * (group == "mail")).astype(int)
    pd.DataFrame({"group": group, "bought": bought}).to_csv(folder / "campaign.csv", index=False)
    sales = bcx.load_cdnow(sample=True).accepted.df()
    ids = sorted(sales["customer"].unique())[:CUSTOMERS]
    sales = sales[sales["customer"].isin(ids)]
    refuses = np.where(sales["customer"].isin(ids[80:120]), "yes", "no")
    sales.assign(no_contact=refuses).to_csv(folder / "sales.csv", index=False)
    channel = ["all"] * 20 + ["phone"] * 20
    pd.DataFrame({"customer": ids[:40], "channel": channel}).to_csv(folder / "opt_outs.csv", index=False)
    contacts = pd.DataFrame({"customer": ids[40:80], "time": "1998-06-20"})
    contacts.to_csv(folder / "contacts.csv", index=False)
    return folder, ids


def test_the_settings_of_the_page_are_read(folder):
    path, ids = folder
    settings = load({"config": path / "run.toml"})
    several = settings.several
    assert [one.name for one in several.actions] == ["mail", "call", "voucher"]
    assert several.capacities == (("phone", 40),)
    assert settings.offer.budget == 150
    assert json.loads(json.dumps(recorded(settings)))["opt_outs"] == "opt_outs.csv"
    action_plan.check_actions(settings)
    table = action_plan._preferences(settings, ["0099"])
    assert table["customer"].tolist() == [*ids[:40], "0099"]  # with the zeros that they begin with
    assert table["channel"].tolist()[-1] == "all"
    made = [action_plan._action(one, settings) for one in several.actions]
    assert [action.response.basis if action.response else "" for action in made] == ["measured", "stated", ""]
    assert made[2].as_offer().win_back == bcx.Beta(2, 18)


def test_an_opt_out_is_kept_under_pseudonyms(folder, monkeypatch):
    path, ids = folder
    monkeypatch.setenv("BAYES_CX_KEY", "a key of this test only")
    settings = load({"config": path / "run.toml", "pseudonymise": True})
    from bayes_cx.privacy import pseudonym

    table = action_plan._preferences(settings, ())
    assert table["customer"].tolist() == [pseudonym(one, "a key of this test only") for one in ids[:40]]


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("budget = 3\nperiod = '2 weeks'\n", "period without actions"),
        (f"{ONE}[[offers]]\nname = 'a'\ncost = 1\n", "both actions and offers"),
        (f"cost = 2\n{ONE}", "both actions and cost"),
        (f"capacity = 20\n{ONE}", "both actions and capacity.*by channel"),
        (f"capacities = 20\n{ONE}", "capacities is 20.*phone = 200"),
        (f"capacities = {{phone = -1}}\n{ONE}", "whole number of zero or more"),
        (f"capacities = {{phone = 3}}\n{ONE}", "capacity of 'phone'.*e-mail"),
        (f"most_contacts = 1.5\n{ONE}", "most_contacts is 1.5"),
        (f"held_out = 1.5\n{ONE}", "held_out is 1.5.*0 to 0.9"),
        (f"consistent = true\n{ONE}", "actions that have no message"),
        (f"consistent = true\n{ONE}message = 'spring'\n", "consistent without contact_log"),
        ("opt_outs = 'a.csv'\n[[actions]]\nname = 'price'\ncost = 1\n", "opt_outs with actions that have no"),
        (f"{ONE}{ONE}", "actions named mail, mail"),
        (f"{ONE}chanel = 'phone'\n", "unknown key 'chanel'.*action 1.*'channel' perhaps"),
        ("actions = 3\n", r"actions is 3.*\[\[actions\]\]"),
        (f"{ONE}response = {{}}\n", "neither stated and measured"),
    ],
)
def test_settings_that_cannot_be_used_are_named(tmp_path, toml, message):
    (tmp_path / "run.toml").write_text(toml)
    with pytest.raises(InputError, match=message):
        load({"config": tmp_path / "run.toml"})


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("customer,channel\n1,fax\n", "the channel 'fax' in preferences.*e-mail"),
        ("customer\n1\n", "channel"),
        ("customer,channel\n,all\n", "without a customer"),
        ("customer,channel,allowed\n1,all,perhaps\n", "allowed='perhaps'"),
    ],
)
def test_opt_outs_that_cannot_be_used_are_named_before_anything_is_fitted(tmp_path, rows, message):
    (tmp_path / "no.csv").write_text(rows)
    (tmp_path / "run.toml").write_text(f"opt_outs = 'no.csv'\n{ONE}")
    with pytest.raises(InputError, match=message):
        action_plan.check_actions(load({"config": tmp_path / "run.toml"}))


def test_a_column_of_opt_outs_says_yes_or_no():
    said = np.array(["Yes", "no", "TRUE", "0", ""], object)
    assert opt_outs.refuse(said, "no_contact").tolist() == [True, False, True, False, False]
    with pytest.raises(InputError, match="'maybe' in the column no_contact"):
        opt_outs.refuse(np.array(["maybe"]), "no_contact")


@pytest.mark.slow
def test_the_report_of_the_page(folder, tmp_path, capsys):
    """The settings of the page lead to a report that keeps every limit and says why."""
    path, ids = folder
    words = ["report", "--config", path / "run.toml", "--model", "bg_nbd", "--method", "laplace"]
    words += ["--no-holdout", "--until", "1998-06-30", "--out", tmp_path / "out"]
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    said = capsys.readouterr()
    assert ended.value.code == 0, said.err
    assert "40 of the 40 customers in opt_outs are among those of the report" in said.err
    assert "Opt-outs, contacts and consistency are kept whatever they cost" in said.out
    assert "held out at random will show what the plan brings" in said.out
    table = pd.read_csv(tmp_path / "out" / "priority.csv", dtype={"customer": str}).set_index("customer")
    done = table["contact"]
    assert 0 < done.sum() < len(table)
    assert table.loc[done, "cost"].sum() <= 150
    assert (table.loc[done, "channel"] == "phone").sum() <= 40
    nobody = [*ids[:20], *ids[40:120]]  # all refused in the file, contacted lately, or refused in the column
    assert not done[[one for one in nobody if one in done.index]].any()
    assert not (table.loc[[one for one in ids[20:40] if one in done.index], "channel"] == "phone").any()
    held = table["control"]
    assert held.any()
    assert not done[held].any()
    assert (table.loc[held, "propensity"] == 0.1).all()
    assert (table.loc[done, "propensity"] == 0.9).all()
    assert set(table.loc[held, "label"]) == {"held out"}
    assert table["reason"].notna().all()
    page = (tmp_path / "out" / "retention.html").read_text()
    for text in ("Which action for whom", "What limits cost", "Why each customer gets it", "measured on"):
        assert text in page
    assert (tmp_path / "out" / "retention.pdf").read_bytes().startswith(b"%PDF")
