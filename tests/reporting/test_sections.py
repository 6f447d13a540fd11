"""Each section says what a study came to: sentences are computed, the bad news first, nothing is hidden."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.checks import Check, Interval, to_json
from bayes_cx.page import Band, Name, Notice, Picture, Section, Table, Text
from bayes_cx.page.blocks import tables_of
from bayes_cx.page.check_table import false_alarms
from bayes_cx.page.lay import cell_text
from bayes_cx.page.words import Money
from bayes_cx.reporting import figures
from bayes_cx.reporting.sections import (
    SECTIONS,
    assumptions,
    by_segment,
    certainty,
    coefficients,
    contacts,
    fit_checks,
    forecast_checks,
    holdout,
    likeness,
    limits,
    models,
    next_cohort,
    notices,
    page_one,
    priority,
    reproduction,
    rule,
    segments,
    selection,
    spend,
    staying,
    what_to_do,
    worth,
)
from bayes_cx.validation.prospects import Prospect
from bayes_cx.validation.selection import SPEND_RULE, Selection
from bayes_cx.validation.short_test import Forecasted, ShortTest

FORECAST = Forecasted(100, 80, 70, 90)


def checked(posterior, *checks):
    """A posterior with other checks of its fit."""
    attrs = {**posterior.draws.attrs, "checks": to_json(checks)}
    draws = posterior.draws.copy()
    draws.attrs = attrs
    return replace(posterior, draws=draws)


def with_fit(study, *checks):
    return replace(study, fits=(checked(study.fits[0], *checks), *study.fits[1:]))


def with_plan(study, **columns):
    """A study of which the plan has other columns."""
    data = study.plan.data.copy()
    for name, values in columns.items():
        data[name] = (data[name].dims, np.asarray(values))
    return replace(study, plan=replace(study.plan, data=data))


def with_holdout(study, **parts):
    return replace(study, evidence=replace(study.evidence, holdout=replace(study.evidence.holdout, **parts)))


def warnings(study):
    found = notices.section(study)
    return {block.title: block for block in found.blocks if isinstance(block, Notice)} if found else {}


def said(section):
    """All texts of a section, and of its tables."""
    parts = []
    for block in section.blocks:
        match block:
            case Text(lines):
                parts += map(cell_text, lines)
            case Section():
                parts.append(said(block))
            case Table():
                parts += [cell_text(cell) for row in block.rows for cell in row]
                parts += [block.caption, block.legend, block.note]
    return " ".join(parts)


def test_every_section_takes_every_study(study, counted, contracts):
    for one in (study, counted, contracts, replace(study, plan=None), replace(contracts, plan=None)):
        found = [section(one) for section in SECTIONS]
        assert all(section is None or isinstance(section, Section) for section in found)
        assert any(found)


def test_a_failed_check_is_the_first_warning(study):
    failing = with_fit(study, Check("largest rank R-hat", 1.34, "<= 1.01", "failed", about="BG/NBD"))
    first = notices.section(failing).blocks[0]
    assert (first.status, first.title) == ("failed", "The fit failed its checks.")
    assert "largest rank R-hat is 1.34, should be ≤ 1.01" in first.text


@pytest.mark.parametrize("checks", [(), (Check("divergent transitions", None, "0", "not_run"),)])
def test_a_check_that_was_not_run_never_reads_as_passed(study, checks):
    unchecked = with_fit(study, *checks)
    assert warnings(unchecked)["The fit was not fully checked."].status == "not_run"
    (table,) = tables_of(fit_checks.section(unchecked).blocks)
    mine = [row for row in table.rows if row[0] == "BG/NBD"]
    assert {cell_text(row[-1]) for row in mine} == {"– not run"}


def test_without_hold_out_it_says_so_and_why(counted):
    unknown = warnings(counted)["The forecasts were not tested."]
    assert "purchases that the model had not seen. How well" in unknown.text
    noted = replace(counted, evidence=replace(counted.evidence, holdout_note="a period of one day"))
    assert "had not seen: a period of one day. How" in warnings(noted)["The forecasts were not tested."].text
    assert "nothing here says how well" in holdout.section(counted).blocks[0].text
    assert forecast_checks.section(counted) is None


@pytest.mark.parametrize(("seen", "wrong"), [(10**6, "low"), (0, "high")])
def test_a_missed_total_says_in_which_direction(study, seen, wrong):
    coverage = study.evidence.holdout.coverage.copy(deep=True)
    coverage["total_inside"][:] = False
    missed = with_holdout(study, coverage=coverage.assign_attrs(total_observed=seen))
    assert f"too {wrong}" in warnings(missed)["The forecast missed the hold-out total."].text


def test_failed_hold_out_checks_are_named(study):
    found = study.evidence.holdout
    coverage = found.coverage.copy(deep=True)
    coverage["total_inside"][:] = True
    failed = Check("spend in the hold-out", 1.0, "interval holds 2", "failed", "error -15%")
    one = with_holdout(study, coverage=coverage, checks=(Check("score", 1.0, "<= 2", "passed"), failed))
    notice = warnings(one)["Some forecasts did not come true."]
    assert notice.text.endswith("1 of 2 checks on that period failed: spend in the hold-out.")
    assert notice.text.index("be careful") < notice.text.index("failed:")
    assert "error −15%" in said(forecast_checks.section(one))


def test_what_the_model_does_not_describe_is_named(study):
    check = study.evidence.posterior_checks[0]
    off = check.statistics.copy(deep=True)
    off["observed"][0] = 1e9
    unlike = replace(
        study, evidence=replace(study.evidence, posterior_checks=(replace(check, statistics=off),))
    )
    name = str(off["statistic"].values[0])
    assert name in warnings(unlike)["The model does not describe these customers in every respect."].text
    table = next(tables_of(likeness.section(unlike).blocks))
    assert cell_text(table.rows[0][-1]) == "▲ failed"


def test_what_follows_where_the_top_is_unlike_depends_on_the_direction(study):
    check = study.evidence.posterior_checks[0]
    names = list(check.statistics["statistic"].values)
    at = names.index("most repeat purchases of a customer")
    said = []
    for value in (1e6, -1.0):
        off = check.statistics.copy(deep=True)
        off["observed"][at] = value
        evidence = replace(study.evidence, posterior_checks=(replace(check, statistics=off),))
        unlike = warnings(replace(study, evidence=evidence))
        said.append(unlike["The model does not describe these customers in every respect."].text)
    assert "frequent buyers are rarer than in the data, so" in said[0]
    assert said[0].endswith("may be too low.")
    assert said[1].endswith("may be too high.")


def test_a_gain_that_its_assumptions_can_turn_says_so_in_the_first_sentence(study):
    drivers, strengths = study.plan.drivers, study.plan.sensitivity
    sure = replace(
        study.plan,
        drivers=drivers.assign(half=drivers["half"] * 0 + 1, twice=drivers["twice"] * 0 + 1),
        sensitivity=strengths.assign(gain=strengths["gain"] * 0 + 1),
    )
    assert ", if" not in page_one.campaign(replace(study, plan=sure)).split(".")[0]
    half = xr.where(drivers["assumption"] == "margin", -1.0, 1.0)
    goods = replace(sure, drivers=sure.drivers.assign(half=half))
    assert ", if a margin of 100% holds. " in page_one.campaign(replace(study, plan=goods))
    half = xr.where(drivers["assumption"].isin(["margin", "keep"]), -1.0, 1.0)
    both = replace(sure, drivers=sure.drivers.assign(half=half))
    assert ", if the assumed response and a margin of 100% hold. " in page_one.campaign(
        replace(study, plan=both)
    )


def test_a_row_of_one_who_has_left_says_what_the_contact_rests_on(study):
    """Of several alike in gain only the one who is almost surely gone has a remark with the chance."""
    alive, gain = np.full(300, 0.9), np.full(300, 5.0)
    alive[1] = 0.001
    lost = with_plan(study, p_alive=alive, gain=gain, offer=np.full(300, "call", object))
    rows = next(tables_of((priority.section(lost),))).rows
    notes = [row[1].note for row in rows[:3]]
    assert "won back" not in notes[0] + notes[2]
    weeks = float((lost.plan.data["T"] - lost.plan.data["t_x"]).values[1])
    call = next(offer for offer in lost.plan.offers if offer.name == "call")
    chance = 6 / 20 * 0.5 ** (weeks / call.half_life_in("week"))
    assert notes[1].startswith(f"pays only if won back ({page_one.per_cent(chance)} assumed) · ")


def test_the_campaign_is_computed_from_the_draws(study):
    data = study.plan.data
    gain = data["total_gain_predictive"].to_numpy()
    assert (gain < 0).mean() != (data["total_gain"] < 0).mean()
    sentence = page_one.campaign(study)
    assert f"Contact {data.attrs['n_contacted']} of 300 customers" in sentence
    assert f"loses money is {page_one.chance((gain < 0).mean())}" in sentence
    once = int((data["x"] == 0).sum())
    active = float(data["total_active"].mean()) - once
    text = page_one.customers(study)
    assert text.startswith(
        f"Of the {300 - once} customers who bought again about {active:.0f} are still active"
    )
    assert f"{once} have bought only once; whether they have left is not known" in text


def test_nothing_says_of_one_time_buyers_that_they_are_active(study):
    """BG/NBD counts them as active, whatever the data; that is an assumption, and no finding."""
    data = study.plan.data
    assert bcx.score(study.fits[0], data, "p_alive")["mean"].to_numpy()[data["x"] == 0].min() > 0.999
    once, everybody = int((data["x"] == 0).sum()), data.sizes["customer"]
    campaign = page_one.tiles(study).tiles[2]
    assert f"of {everybody - once} repeat buyers active" in campaign.note
    left_alone = said(Section("", (what_to_do.actions(study),)))
    some = int(((data["x"] == 0) & (data["label"] == "needs no offer")).sum())
    assert f"if they are active, which of {some} who bought only once is not known" in left_alone
    assert "as far as known they are active" not in left_alone


def test_one_time_buyers_that_the_model_can_lose_are_estimated(study):
    once = study.plan.data["x"].to_numpy() == 0
    lost = with_plan(study, p_alive=np.where(once, 0.5, study.plan.data["p_alive"]))
    assert f"About {np.round(once.sum() / 2):.0f} of these have bought only once." in page_one.customers(lost)


def test_a_plan_that_almost_surely_loses_is_put_into_words(study):
    held = {"contacts": 1, "gain": 38.6, "low": -51.0, "high": -49.9, "loss": 0.98}
    attrs = {"n_contacted": 0, **{f"withheld_{name}": value for name, value in held.items()}}
    none = replace(study, plan=replace(study.plan, data=study.plan.data.assign_attrs(attrs)))
    assert page_one.campaign(none) == (
        "Contact nobody with these offers. 1 contact would be expected to earn €38.6 after its cost, but the "
        "chance that this loses money is 98% (90% interval −€51.0 to −€49.9): the average is positive only "
        "because of rare large gains."
    )


def test_where_average_and_most_futures_disagree_it_is_said(study):
    assert "Most futures lose" not in page_one.campaign(study)
    gain = study.plan.data["total_gain"]
    mostly = np.where(np.arange(gain.size) % 10 == 0, 50.0, -1.0)
    skewed = with_plan(study, total_gain_predictive=mostly, total_gain=np.full(gain.size, 4.1))
    assert "the average is positive because a few gain far more" in page_one.campaign(skewed)


def test_what_moves_the_result_most_is_named(study):
    found = study.plan.drivers
    swing = np.abs(found["twice"] - found["half"])
    most = str(found["assumption"].values[int(swing.to_numpy().argmax())])
    words = {
        "win_back": "The chance to win back moves",
        "keep": "The share of leaving",
        "half_life": "The time after which",
        "margin": "The share of the amounts",
    }
    assert words[most] in page_one.grounds(study)
    table = next(tables_of(worth.section(study).blocks))
    assert len(table.rows) == found.sizes["assumption"] == 4
    swings = [abs(row[3].value - row[1].value) for row in table.rows]
    assert swings == sorted(swings, reverse=True)


def test_what_counts_and_what_was_left_out_stand_on_page_one(study, counted):
    text = page_one.value(study)
    assert "): revenue, before the cost of goods; all of the price is taken for profit. " in text
    label = page_one.tiles(study).tiles[1].label
    assert label == "revenue at risk"
    assert f"{label.capitalize()} is what they would bring" in text
    assert page_one.tiles(study).tiles[0].label == "revenue in the next 52 weeks"
    third = replace(study, plan=replace(study.plan, settings={**study.plan.settings, "margin": 0.3}))
    assert "): margin, 30% of what they pay." in page_one.value(third)
    whole = replace(study, stats=study.stats.assign_attrs(rows_rejected=0, rejected="{}"))
    assert page_one.left_out(whole) is None
    attrs = {
        "rows_read": 1000,
        "rows_rejected": 130,
        "rejected": '{"missing customer": 100, "negative amount": 20, "unreadable time": 10}',
        "rejected_amounts": '{"missing customer": 1450000.0}',
    }
    partial = replace(study, stats=study.stats.assign_attrs(attrs))
    assert page_one.left_out(partial) == (
        "Left out: 130 of 1,000 rows (13%) — missing customer 100, worth €1.45m; negative amount 20; 1 other "
        "reason in the appendix."
    )
    assert page_one.left_out(partial) in said(page_one.section(partial))
    assert "worth" not in page_one.left_out(replace(counted, stats=partial.stats))
    assert "About the data: 21 rows are exact repeats of another" in str(page_one.remarks(study))
    nothing = study.stats.assign_attrs(remarks="[]")
    assert page_one.remarks(replace(study, stats=nothing)) is None
    odd = ["3 rows are dated 1900-01-01, 97 years before all others (1997-01-02)", "2 times carry a zone"]
    told = replace(study, stats=study.stats.assign_attrs(remarks=json.dumps(odd), varying='{"segment": 7}'))
    assert f"About the data: {odd[0]}; {odd[1]}." in said(page_one.section(told))
    rows = dict(assumptions.assumptions(told))
    assert rows["Remarks on the data"] == "; ".join(odd)
    assert rows["Values of segment"] == "7 customers have more than one; the last one known counts"


def test_revenue_that_is_no_margin_is_put_into_figures(study):
    """Half of the revenue kept is what a margin of one half gains."""
    half = float(study.plan.drivers["half"].sel(assumption="margin"))
    says = f"If half of the revenue went into goods, it would {figures.net(half, Money('€'))}."
    assert says in page_one.drivers(study)
    third = replace(study, plan=replace(study.plan, settings={**study.plan.settings, "margin": 0.3}))
    assert "went into goods" not in page_one.drivers(third)


def test_the_customers_under_contract_are_counted_and_not_rounded(contracts):
    known = np.repeat([1.0, 0.0], [1, contracts.plan.data.sizes["customer"] - 1])
    many = with_plan(contracts, p_alive=np.where(known, 1106.0, 0.0))
    table = next(table for table in tables_of(worth.section(many).blocks) if "Advice" in table.label.title())
    assert table.rows[-1][3].text == "1,106"


def test_notices_say_what_to_do_before_they_name_checks(study):
    failing = with_fit(study, Check("largest rank R-hat", 1.34, "<= 1.01", "failed", about="BG/NBD"))
    text = notices.section(failing).blocks[0].text
    assert text.index("Do not act") < text.index("--method nuts") < text.index("largest rank R-hat")
    coverage = study.evidence.holdout.coverage.copy(deep=True)
    coverage["total_inside"][:] = False
    text = warnings(with_holdout(study, coverage=coverage))["The forecast missed the hold-out total."].text
    assert text.startswith("Trust the order of the list more than the totals below")
    assert "--calendar" in text
    chosen = Selection("BG/NBD", "MBG/NBD", "BG/NBD predicts best.", None)
    tried = with_holdout(replace(study, selection=chosen, other=study.plan), coverage=coverage)
    assert "--calendar" in warnings(tried)["The forecast missed the hold-out total."].text
    calendar = replace(study.fits[0].layout, design=bcx.Design(calendar=True))
    test = ShortTest(SimpleNamespace(layout=calendar), FORECAST, FORECAST)
    all_tried = replace(tried, selection=replace(chosen, tests={"BG/NBD": (test,)}))
    assert (
        "again" not in warnings(all_tried)["The forecast missed the hold-out total."].text.split("In the")[0]
    )
    inside = coverage.assign(total_inside=~coverage["total_inside"])
    score = Check("Brier score", 0.3, "< 0.2", "failed")
    failed = warnings(with_holdout(study, coverage=inside, checks=(score,)))
    assert "without --model" in failed["Some forecasts did not come true."].text


def test_segments_add_up(study, contracts):
    tiers, classes = tables_of(segments.section(study).blocks)
    for table in (tiers, classes):
        assert sum(row[1].value for row in table.rows) == 300
        assert sum(row[2].value for row in table.rows) == pytest.approx(float(study.plan.data["value"].sum()))
    assert [row[0].text for row in tiers.rows] == ["Top 5%", "Next 15%", "Next 30%", "Last 50%"]
    assert len(list(tables_of(segments.section(contracts).blocks))) == 1


def test_segments_are_compared_and_noise_is_not_ranked(study, counted, contracts):
    (part,) = by_segment.section(study).blocks
    table, pairs, said = part.blocks
    (found,) = study.plan.by_segment
    assert [cell_text(row[0]) for row in table.rows] == list(found.names) == ["B2B", "Retail"]
    assert sum(row[1].value for row in table.rows) == 300
    assert [column.head for column in table.columns][-2:] == ["Revenue each", "More revenue than the others"]
    assert table.rows[0][-1].value == pairs.rows[0][2].value == found.p_better().to_numpy()[0, 1]
    assert "The model does not know “segment”" in table.note
    clear = abs(table.rows[0][-1].value - 0.5) >= 0.45
    assert said.lines[-1].startswith(("B2B", "Retail") if clear else "The difference does not reach")
    (part,) = by_segment.section(counted).blocks
    assert [column.head for column in part.blocks[0].columns][-1] == "More purchases than the others"
    assert "Under contract" in [
        column.head for column in by_segment.section(contracts).blocks[0].blocks[0].columns
    ]
    assert by_segment.section(replace(study, plan=replace(study.plan, by_segment=()))) is None


def test_many_segments_are_cut_and_what_is_noise_is_counted(study):
    from bayes_cx.decision import BySegment

    rng = np.random.default_rng(5)
    draws = rng.normal(10.0, 1.0, (200, 30)) + np.where(np.arange(30) == 4, 50.0, 0.0)
    names = [f"s{i:02}" for i in range(30)]
    data = dict.fromkeys(("events", "value"), (("sample", "segment"), draws))
    data |= {"active": (("sample", "segment"), draws / 100), "customers": ("segment", np.arange(30) + 1)}
    attrs = {"by": "shop", "events": "purchases", "horizon": "52 weeks"}
    many = BySegment(xr.Dataset(data, coords={"segment": names}, attrs=attrs))
    plan = replace(study.plan, by_segment=(many,) * 4)
    *parts, left_out = by_segment.section(replace(study, plan=plan)).blocks
    table, said = parts[0].blocks
    assert [cell_text(row[0]) for row in table.rows] == names[10:]
    assert "The 20 largest of 30; 10 smaller ones are left out." in table.note
    assert said.lines == (
        "None of the 190 differences reaches a probability of 95%: to rank by them is to rank noise.",
    )
    assert "“shop”" in left_out.lines[0]


def test_what_customers_won_next_will_do_is_said(study, counted, contracts):
    from bayes_cx.decision import NextCohort

    made = np.linspace(0.9, 1.1, 101)[:, None] * [1.0, 2.0, 3.0]
    data = {name: (("sample", "cohort"), made * times) for name, times in {"events": 1, "value": 20}.items()}
    data |= {"again": (("sample", "cohort"), made / 10), "customers": ("cohort", [90, 80, 90])}
    attrs = {"by": "cohort", "events": "purchases", "horizon": "52 weeks"}
    names = ["2025-11", "2025-12", "2026-01"]
    coming = NextCohort(xr.Dataset(data, coords={"cohort": names}, attrs=attrs))
    words, table = next_cohort.section(replace(study, next_cohort=coming)).blocks
    assert words.lines == (
        "Customers won next, the cohort 2026-01, are expected to make 3 repeat purchases each (2.73 to 3.27) "
        "in the 52 weeks after their first purchase, which bring €60.0 of revenue (€54.6 to €65.4). For "
        "customers like those of 2025-12 it is 2. That those of 2026-01 bring more revenue each than those "
        "of 2025-12 has a probability of >99%.",
    )
    assert [cell_text(row[0]) for row in table.rows] == ["2025-11", "2025-12", "2026-01, the next"]
    assert [cell_text(cell) for cell in table.rows[2][1:]] == [
        *("90", "27% to 33%", "2.73 to 3.27", "€54.6 to €65.4"),
    ]
    without = next_cohort.section(replace(counted, next_cohort=coming))
    assert "revenue" not in str(without)
    assert len(without.blocks[1].columns) == 4
    ending = next_cohort.section(replace(contracts, next_cohort=coming))
    assert "in the 52 weeks after their contract began" in ending.blocks[0].lines[0]
    assert next_cohort.section(study) is None
    assert "2026-01, the next" in coming._repr_html_()


def test_what_goes_with_contacts_is_said(study):
    """Of how many contacts, and which ones forecasts assume."""
    from bayes_cx.inference.layout import Layout
    from tests.made import with_provenance

    fit = study.fits[0]
    group = fit.draws["posterior"].to_dataset().assign_coords(contact=["mail"])
    effect = np.log(np.linspace(1.2, 1.6, fit.n_draws)).reshape(
        *(group.sizes[d] for d in ("chain", "draw")), 1
    )
    fit = fit.with_group("posterior", group.assign(contact_effect=(("chain", "draw", "contact"), effect)))
    layout = Layout(bcx.Design(contacts=["mail"]), {}, {}, {}, contacts={"mail": (28, 12)})
    n = study.stats.sizes["customer"]
    days = np.array(["1997-06-01 1997-11-02", *[""] * (n - 1)], object)
    attrs = study.stats.attrs | {"contacts": '{"mail": 28}', "contacts_of_others": '{"mail": 3}'}
    stats = study.stats.assign(mail=("customer", days), mail_at_purchases=("customer", np.zeros(n, int)))
    of_contacts = replace(study, stats=stats.assign_attrs(attrs), fits=(with_provenance(fit, layout=layout),))
    effects, caveat, table, future = contacts.section(of_contacts).blocks
    assert effects.lines == (
        "In the 4 weeks after mail customers buy 1.40 times as often as without, 1.21 to 1.59.",
    )
    assert "It is an association" in caveat.lines[0]
    assert [cell_text(cell) for cell in table.rows[0]] == ["mail", "28 days", "1", "1", "1", "12", "3"]
    assert "assume the contacts that are listed to come (mail)" in future.lines[0]
    assert contacts.section(study) is None


def test_how_customers_differ_is_put_into_words(study):
    assert coefficients.section(study) is None


def test_who_has_given_notice_stands_on_page_one(contracts):
    stats = contracts.stats
    notice = ((stats["churned"] == 0) & (stats["T"] == 3)).to_numpy().astype(np.int64)
    number = int(notice.sum())
    known = stats.assign(notice=("customer", notice))
    worth_ = bcx.lifetime_value(contracts.fits[0], 20.0, known, horizon="12 months", draws=50)
    plan = bcx.prioritise(worth_, [bcx.Offer("month free", cost=500.0)], seed=1)
    one = replace(contracts, stats=known, plan=plan)
    current = int((stats["churned"] == 0).sum()) - number
    text = page_one.customers(one)
    assert f"{current} of the 800 customers are under contract and have not given notice;" in text
    assert f"; {number} more have, and leave at the next renewal. About" in text
    assert f" of the {current} will leave within" in text
    assert f"Expect {number} customers to leave" in said(page_one.section(one))
    (table,) = [t for t in tables_of(worth.section(one).blocks) if t.label == "Sums by advice"]
    assert {row[0].text: row[1].value for row in table.rows}["Notice given"] == number
    (table,) = tables_of(priority.section(one).blocks)
    states = {cell_text(row[3]) for row in table.rows if "notice given" in row[1].text + row[1].note}
    assert states == {"notice"}
    # The forecast by date is about those who stay on.
    assert int(staying.survived(one)["current"].sum()) == current


def test_nobody_worth_a_contact(study, value):
    plan = bcx.prioritise(value, [bcx.Offer("voucher", cost=9000.0)], seed=1)
    nobody = replace(study, plan=plan)
    assert page_one.campaign(nobody).startswith("Contact nobody with the offer “voucher”.")
    assert "Contact 0" not in said(page_one.section(nobody))
    assert "none of them is today" in next(tables_of(priority.section(nobody).blocks)).extract.caption
    assert "assumed response" in said(worth.section(nobody))
    assert page_one.tiles(nobody).tiles[3].number == "none"


def test_the_offer_that_would_pay_is_named(study, value):
    """What the best contact brings is the cost at which it neither gains nor loses."""
    dear, seed = bcx.prioritise(value, [bcx.Offer("voucher", cost=900.0)], seed=1), 1
    best = float(dear.data["gain"].max()) + 900.0
    lead = page_one.campaign(replace(study, plan=dear))
    assert lead.endswith(f"would pay for somebody only if it costs {Money('€')(best)} or less.")
    pays = [
        bcx.prioritise(value, [bcx.Offer("voucher", cost=best * times)], seed=seed).data["gain"].max() > 0
        for times in (0.99, 1.01)
    ]
    assert pays == [True, False]


def test_where_limits_keep_everybody_away_nobody_reads_that_no_contact_pays(study, value):
    plan = bcx.prioritise(value, [bcx.Offer("voucher", cost=1.0)], capacity=0, seed=1)
    pays = int((plan.data["gain"] > 0).sum())
    none = replace(study, plan=plan)
    lead = page_one.campaign(none)
    assert lead.startswith("Contact nobody: the budget or the capacity is used up before the first contact.")
    assert f"{pays} customers are expected to be worth the cost of the offer “voucher”" in lead
    assert page_one.tiles(none).tiles[3].note == "the budget or the capacity is used up"
    assert "no room for a contact" in next(tables_of(priority.section(none).blocks)).extract.caption
    assert "assumed response" not in said(worth.section(none))


def test_counted_value_has_no_currency(counted):
    lead = page_one.campaign(counted)
    assert "costs as much as" in lead
    assert "purchases more than it costs" in lead or "purchases less than it costs" in lead
    assert "loses money" not in lead
    assert page_one.tiles(counted).tiles[0].label == "purchases in the next 52 weeks"
    assert "because no amounts are known" in dict(assumptions.assumptions(counted))["Value"]
    priced = replace(counted.plan, data=counted.plan.data.assign_attrs(worth=25.0, values="spend"))
    assert "revenue, at 25.0 for every purchase" in page_one.value(replace(counted, plan=priced))


def test_who_has_left_a_contract_is_known(contracts):
    sentence = page_one.customers(contracts)
    current = int((contracts.stats["churned"] == 0).sum())
    assert f"{current} of the 800 customers are under contract." in sentence
    assert "will leave within the next 12 months" in sentence
    text = " ".join(said(part(contracts)) for part in (page_one.section, worth.section, priority.section))
    assert "still active" not in text


def test_renewals_to_come_are_listed_by_history(contracts, study):
    assert staying.section(study) is None
    found = staying.section(contracts)
    today, by_age, _ = found.blocks
    assert today.headline.startswith("Of today's customers, ")
    assert today.headline.endswith("will still be there in 12 months")
    survived, retained = (picture.headline for picture in by_age.blocks)
    assert re.match(r"\d+% of “basic” were still there after \d+ renewals and \d+% of “gold” after", survived)
    assert retained.startswith("Retention of “basic” ")
    assert b"today" not in b"".join(picture.svg for picture in by_age.blocks)
    (table,) = tables_of(found.blocks)
    numbers = {cell_text(row[0]): row[1].value for row in table.rows}
    stats = contracts.stats
    one = (stats["churned"] == 0) & (stats["T"] == 3) & (stats["plan"] == "gold")
    assert numbers["gold, 3 renewals"] == int(one.sum())
    assert all(0 < row[2].value < 1 for row in table.rows)


def test_the_priority_list_is_the_plan(study):
    (table,) = tables_of(priority.section(study).blocks)
    data = study.plan.data
    assert len(table.rows) == 300
    assert table.extract.rows == 20
    assert [row[1].text for row in table.rows[:5]] == [str(name) for name in data["customer"].values[:5]]
    gains = [row[6].value for row in table.rows]
    np.testing.assert_allclose(gains, data["gain"])
    assert gains == sorted(gains, reverse=True)
    bars = [row[2] for row in table.rows]
    assert all(isinstance(bar, Band) and list(bar.quantiles) == sorted(bar.quantiles) for bar in bars)
    assert {row[1].note.split(" · ")[-1] for row in table.rows} == {"B2B", "Retail"}


def test_customers_of_one_history_share_a_row(contracts):
    # With dates they differ by how long ago the contract ended, and are listed one by one.
    (table,) = tables_of(priority.section(contracts).blocks)
    assert len(table.rows) == 800
    assert any("months ago" in row[1].note for row in table.rows)
    data = contracts.plan.data.drop_vars("periods")
    undated = replace(contracts, plan=replace(contracts.plan, data=data))
    (table,) = tables_of(priority.section(undated).blocks)
    listed = [row[1] for row in table.rows]
    assert all(isinstance(name, Name) and "customer" in name.note for name in listed)
    gone = [row for row in table.rows if "left at renewal" in row[1].text]
    assert gone
    assert all(row[2] == "" and cell_text(row[3]) == "left" for row in gone)


def test_why_somebody_who_has_left_stands_first_is_said(study):
    p = study.plan.data["p_alive"].to_numpy().copy()
    p[:] = 0.9
    (table,) = tables_of(priority.section(with_plan(study, p_alive=p)).blocks)
    assert "almost surely left" not in table.note
    p[0] = 0.01
    (table,) = tables_of(priority.section(with_plan(study, p_alive=p)).blocks)
    first = str(study.plan.data["customer"].values[0])
    assert f"{first} would then bring so much" in table.note


def test_kinds_and_groups_of_customers_add_up(study):
    found = worth.section(study)
    _, kinds, groups = tables_of(found.blocks)
    *parts, everybody = [row[1].value for row in kinds.rows]
    assert sum(parts) == everybody == 300
    assert sorted(row[0].text for row in groups.rows) == ["B2B", "Retail"]
    contacts = [row[7].value for row in groups.rows]
    assert sum(contacts) == study.plan.n_contacted
    value = sum(float(row[4].value) for row in groups.rows)
    assert value == pytest.approx(float(study.plan.data["value"].sum()))


def test_small_groups_are_joined(study):
    many = np.array([f"group {i % 12}" for i in range(300)], object)
    *_, table = tables_of(worth.section(with_plan(study, segment=many)).blocks)
    assert len(table.rows) == 9
    assert table.rows[-1][0].text == "4 other groups"


def test_the_choice_is_spoken_of_on_page_one_only_where_it_matters(study):
    chosen = Selection("BG/NBD", "MBG/NBD", "BG/NBD predicts best.", None)
    same = replace(study, selection=chosen, other=study.plan)
    assert list(selection.matters(same)) == []
    text = said(selection.section(same))
    assert "BG/NBD predicts best. The rule: of the models" in text
    assert "With MBG/NBD, the next best" in text
    data = study.plan.data.assign(total_value=1.3 * study.plan.data["total_value"])
    (notice,) = selection.matters(replace(same, other=replace(study.plan, data=data)))
    assert notice.title == "The choice of the model matters."
    assert "(+30.0%)" in notice.text
    number = study.plan.n_contacted
    assert f"{number} instead of {number} customers would be contacted; {number} are on both" in notice.text
    assert selection.section(study) is None


def test_the_choice_is_put_into_words_and_numbers(study):
    """Why, what decided, and what each model says of the customers; assumptions are named as such."""
    mine, other = (
        Prospect(active, (active - 9, active + 9), once, events, (events - 9, events + 9))
        for active, once, events in ((120.0, 50.0, 700.0), (260.0, 170.0, 730.0))
    )
    fit = study.fits[0]
    tests = {"MBG/NBD": (ShortTest(fit, FORECAST, None),), "BG/NBD": (ShortTest(fit, FORECAST, FORECAST),)}
    chosen = Selection(
        *("MBG/NBD", "BG/NBD", "MBG/NBD was chosen because.", None),
        tests=tests,
        assuming=("BG/NBD",),
        prospects={"BG/NBD": other, "MBG/NBD": mine},
    )
    found = replace(study, selection=chosen)
    assert page_one.choice(study) is None
    text = page_one.choice(found)
    assert text.startswith(
        "MBG/NBD was chosen because. It counts about 120 customers as active and expects about 700"
    )
    assert "BG/NBD would say 260 (by assumption all who bought only once are among them) and 730" in text
    hold_out, says = tables_of(selection.section(found).blocks)
    cells = [cell_text(cell) for cell in hold_out.rows[1]]
    assert cells == ["BG/NBD", *2 * ["80 (70 to 90)", "▲ outside"]]
    assert cell_text(hold_out.rows[0][1]) == "–"
    assert "100 purchases happened" in hold_out.note
    assert [cell_text(row[0]) for row in says.rows] == ["MBG/NBD", "BG/NBD"]
    assert cell_text(says.rows[1][2]) == "170 (assumed)"
    assert selection.chosen(replace(chosen, calendar=True)) == "MBG/NBD, calendar time"


def test_models_are_described_with_formulas_and_parameters(study):
    found = models.section(study)
    assert [part.title for part in found.blocks] == ["BG/NBD", "Gamma-Gamma"]
    table = next(tables_of(found.blocks))
    draws = study.fits[0].parameters()["alpha"]
    row = next(row for row in table.rows if cell_text(row[0]) == "α")
    assert row[2].value == pytest.approx(draws.mean())
    assert cell_text(row[3]) == "{:.3g} to {:.3g}".format(*np.quantile(draws, [0.05, 0.95]))


def test_assumptions_are_those_of_the_run(study, contracts):
    found = dict(assumptions.assumptions(study))
    assert found["Offer: call"] == "costs €9.00, paid for every contact"
    assert "the longer the silence" in found["Who is won back"]
    assert found["Half-life of ρ"].startswith("26 weeks of silence; an assumption")
    assert "whole horizon" in found["Who is kept"]
    assert found["Discount rate"] == "10% a year, continuous in time"
    assert found["Rows read"] == f"{study.stats.attrs['rows_read']:,}"
    assert "the longer ago the contract ended" in dict(assumptions.assumptions(contracts))["Who is won back"]
    priors = list(tables_of(assumptions.section(study).blocks))[-1]
    assert {row[0] for row in priors.rows} == {"BG/NBD", "Gamma-Gamma"}


def test_the_rule_speaks_of_who_is_known_to_have_left_only_where_that_is_known(study, contracts):
    assert "active with probability" in said(rule.section(study))
    assert "is 1 or 0" in said(rule.section(contracts))
    assert "all luck of renewals" in said(rule.section(contracts))


def test_how_to_make_it_again(study):
    text = said(reproduction.section(study))
    assert text.startswith("bayes-cx report orders.csv --seed 1 data ")
    assert study.stats.attrs["sha256"] in text
    assert "Gamma-Gamma: Laplace, seed 1" in text


def test_limits_end_with_those_of_the_plan(study):
    assert "purchases alone do not show it" in said(limits.section(study))
    assert "alone do not show" not in said(limits.section(replace(study, plan=None)))


def test_false_alarms_are_counted():
    checks = [Check("a", 1.0, "", "passed", interval=Interval(0, 2, 0.95), alarm=0.05) for _ in range(2)]
    assert "For 2 checks it is known" in false_alarms([*checks, Check("b", 1.0, "<= 2", "passed")])
    assert "up to 0.1 of them" in false_alarms(checks)
    assert false_alarms([Check("b", 1.0, "<= 2", "passed")]) == ""


def test_the_forest_draws_the_first_of_the_plan(study):
    (picture,) = certainty.section(study).blocks
    first = str(study.plan.data["customer"].values[0])
    assert first.encode() in picture.svg


def test_amounts_are_in_the_currency_of_the_run(study):
    for currency in ("", "CHF", "£"):
        one = replace(study, provenance=replace(study.provenance, currency=currency))
        cost = Money(currency)(float(study.plan.data.attrs["total_cost"]))
        assert f"costs {cost} and" in page_one.campaign(one)


def test_a_prior_of_ones_own_says_why_beside_what_it_implies(some_customers):
    prior = bcx.Prior("Beta", {"alpha": 2, "beta": 18}, reason="one in ten left after a purchase <last year>")
    model = bcx.models.BG_NBD.with_priors(dropout=prior)
    fit = bcx.fit(model, some_customers, method=bcx.MAP(), seed=1, progress=False)
    before = bcx.validation.prior_predictive_check(model, some_customers, draws=20, seed=1)
    study = bcx.Study(some_customers, (fit,), evidence=bcx.Evidence(prior_checks=(before,)))
    blocks = assumptions.section(study).blocks
    (text,) = (block for block in blocks if isinstance(block, Text))
    assert text.lines == (
        "Mean chance to leave after a purchase: Beta(alpha=2, beta=18), in place of Beta(alpha=1, beta=3), "
        "by choice of the analyst. Reason: one in ten left after a purchase <last year>",
    )
    (picture,) = (block for block in blocks if isinstance(block, Picture))
    assert "priors alone" in picture.headline
    card = bcx.model_card(study)
    assert any(prior.reason.startswith("one in ten left") for prior in card.model.priors)


@pytest.fixture(scope="module")
def frequency():
    """What a test can recompute: even draws around five, a half, one and minus two percent."""
    spread = np.linspace(-0.01, 0.01, 1001)
    return bcx.SpendAndFrequency(
        correlation=0.15 + spread, per_doubling=0.05 + spread, base=0.005 + spread, best=-0.02 + spread,
        same=0.98, top=0.10,
    )  # fmt: skip


def test_spend_says_how_its_model_was_chosen_and_tested(study, frequency):
    chosen = Selection("Gamma-Gamma", None, "Gamma-Gamma is the only one.", None, SPEND_RULE)
    evidence = replace(study.evidence, frequency=frequency)
    text = said(spend.section(replace(study, spend_selection=chosen, evidence=evidence)))
    table = study.evidence.holdout.spend
    assert text.startswith("Gamma-Gamma is the only one. Every purchase of a customer varies")
    more = table.attrs["observed"] / table.attrs["expected"] - 1
    assert f"{table.attrs['n']:,} customers bought" in text
    assert f"{100 * abs(more):.1f}% {'more' if more > 0 else 'less'} than expected" in text
    for name in ("customer", "single"):
        for share in table[name].to_numpy():
            assert f"{100 * share:.1f}% (" in text


def test_spend_says_how_it_goes_with_frequency(study, frequency):
    text = said(spend.section(replace(study, evidence=replace(study.evidence, frequency=frequency))))
    assert "twice as often pay 5.0% more per purchase (95% interval +4.0% to +6.0%). Between" in text
    assert "is 0.15 (0.14 to 0.16)." in text
    assert "valued 0.5% too high (−0.4% to +1.4%), and the best 10% 2.0% too low (−2.9% to −1.1%)" in text
    assert "98% of the best would be the same customers." in text
    unclear = replace(frequency, per_doubling=frequency.per_doubling - 0.0512)
    text = said(spend.section(replace(study, evidence=replace(study.evidence, frequency=unclear))))
    assert "pay 0.1% less per purchase (95% interval −1.1% to +0.8%). It is not clear" in text


def test_without_a_fit_of_spend_nothing_is_said_of_it(counted, contracts):
    assert spend.section(counted) is None
    assert spend.section(contracts) is None
