"""The notebook panels: well-formed, escaped, honest about checks, and readable without their style."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.checks import Check, Interval
from bayes_cx.errors import InputError
from bayes_cx.page.html import fragment
from bayes_cx.reporting.panels.shared import check_badges
from tests import made

NASTY = "<script>alert('x')</script> & \"co\""


class Reader(HTMLParser):
    """Collects the text outside <style> and checks that every tag is closed in order."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.words, self.tags = [], [], set()
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def posterior(checks, n=1000, name="BG/NBD"):
    model = replace(bcx.models.BG_NBD, name=name)
    return made.posterior(model, checks, n, data=replace(made.DATA, source=NASTY))


GOOD = (Check("largest R-hat", 1.002, "<= 1.01", "passed"), Check("divergences", 0.0, "0", "passed"))
BAD = (*GOOD, Check("smallest bulk ESS", 87.0, ">= 400", "failed"))
OPEN = (*GOOD, Check("smallest E-BFMI", None, ">= 0.3", "not_run", "not reported"))


def plan():
    rng = np.random.default_rng(1)
    n, samples = 25, 200
    data = xr.Dataset(
        {
            "rank": ("customer", np.arange(1, n + 1)),
            "p_alive": ("customer", rng.beta(2, 1, n)),
            "value": ("customer", rng.gamma(2, 200, n)),
            "gain": ("customer", np.sort(rng.normal(3, 4, n))[::-1]),
            "p_gain": ("customer", rng.beta(3, 1, n)),
            "offer": ("customer", ["voucher"] * 9 + [""] * (n - 9)),
            "contact": ("customer", np.arange(n) < 9),
            "label": ("customer", ["contact"] * 9 + ["wait and see"] * 10 + ["let go"] * (n - 19)),
            "gain_quantile": (("customer", "quantile"), np.sort(rng.normal(3, 4, (n, 5)), axis=1)),
            "total_active": ("sample", rng.normal(17, 1, samples)),
            "total_gain": ("sample", rng.normal(60, 30, samples)),
        },
        coords={
            "customer": np.array([NASTY, "株式会社", "x" * 400, *map(str, range(n - 3))], dtype=object),
            "quantile": [0.05, 0.25, 0.5, 0.75, 0.95],
        },
        attrs={"kind": "purchases", "horizon": "52 weeks", "discount_rate": 0.1, "values": "spend",
               "total_cost": 13.5},
    )  # fmt: skip
    return bcx.Plan(data, xr.Dataset(), (bcx.Offer("voucher", 1.5),), {"budget": None, "capacity": 9})


def statistics(n=300):
    rng = np.random.default_rng(5)
    x = rng.poisson(rng.gamma(0.3, 4, n))
    return xr.Dataset(
        {
            "x": ("customer", x),
            "t_x": ("customer", np.where(x > 0, rng.uniform(0, 30, n), 0.0)),
            "T": ("customer", rng.uniform(26, 39, n)),
            "spend": ("customer", np.where(x > 0, rng.gamma(6, 6, n), np.nan)),
        },
        coords={"customer": np.arange(n)},
        attrs={"kind": "purchases", "unit": "week", "until": "1997-09-30", "period_start": "1997-01-01",
               "rows_read": 700, "rows_rejected": 3,
               "rejected": '{"missing customer": 2, "unreadable time": 1}'},
    )  # fmt: skip


def score():
    n = 300
    mean = np.random.default_rng(4).beta(2, 2, n)
    return xr.Dataset(
        {
            "mean": ("customer", mean),
            "sd": ("customer", mean / 10),
            "quantile": (("customer", "probability"), mean[:, None] * [0.8, 1, 1.1]),
        },
        coords={"customer": np.arange(n), "probability": [0.05, 0.5, 0.95]},
        attrs={
            "quantity": "p_alive",
            "meaning": "chance that the customer is still active",
            "unit": "probability",
        },
    )


@pytest.fixture(scope="module")
def transactions(tmp_path_factory):
    """Purchases of a few customers in a file of a nasty name, and rows that no model can use."""
    days = pd.date_range("1997-01-01", periods=40, freq="D").strftime("%Y-%m-%d").tolist()
    names = [f"c{i % 7}" for i in range(40)]
    rows = {"id": [*names, None, None, "c1"], "day": [*days, days[0], days[1], "soon"], "paid": 5.0}
    path = tmp_path_factory.mktemp("sales") / "<b>sales & co.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return bcx.read_transactions(path, customer="id", time="day", amount="paid")


@pytest.fixture(scope="module")
def panels(transactions):
    check = Check("80% coverage", 0.81, "0.8 inside", "passed", interval=Interval(0.79, 0.83, 0.95), n=300)
    return {
        "posterior": posterior(GOOD),
        "posterior failed": posterior(BAD, name=NASTY),
        "posterior open": posterior(OPEN),
        "point estimate": posterior(OPEN, n=1),
        "plan": plan(),
        "statistics": bcx.show(statistics()),
        "score": bcx.show(score()),
        "transactions": transactions,
        "split": bcx.split(transactions, "1997-01-25", "1997-02-09", unit="day"),
        "hold-out": made.holdout((check,), (replace(check, about=NASTY),)),
    }


def shown(record):
    return record._repr_html_()


def test_every_panel_is_well_formed_and_escaped(panels):
    for record in panels.values():
        _check_panel(shown(record))


def _check_panel(html):
    read = Reader(html)
    assert not {"script", "b", "link", "img"} & read.tags
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", html)
    assert "nan" not in read.text.split()


def test_a_posterior_shows_its_parameters_first_and_folds_the_rest(panels):
    read = Reader(shown(panels["posterior"]))
    assert read.text.startswith(
        "BG/NBD posterior 23,570 customers · until 1998-06-30 · time in weeks · Laplace, 1,000 draws"
    )
    assert (
        read.text.index("alpha")
        < read.text.index("checks: 2 of 2 checks passed")
        < read.text.index("priors and why")
    )
    assert "Beta(alpha=1, beta=3)" in read.text
    assert NASTY in read.text  # text, not markup


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("posterior failed", "Do not act on this"),
        ("posterior open", "This is not a pass"),
        ("posterior", None),
    ],
)
def test_what_is_not_passed_is_said_in_words(name, words, panels):
    read = Reader(shown(panels[name]))
    for other in ("Do not act on this", "This is not a pass"):
        assert (other in read.text) == (other == words)


def test_a_point_estimate_shows_no_interval(panels):
    assert "95% interval" not in Reader(shown(panels["point estimate"])).text


def test_failures_come_first_and_carry_a_mark():
    text = Reader(fragment([check_badges(BAD)])).text
    assert text == "▲ smallest bulk ESS 87 ✓ largest R-hat 1.002 ✓ divergences 0"


def test_a_plan_names_whom_to_contact(panels):
    read = Reader(shown(panels["plan"]))
    assert "Contact 9 of 25 customers" in read.text
    assert "wait and see 10" in read.text
    assert "株式会社" in read.text
    assert "x" * 41 not in read.text


def test_statistics_count_the_rejected_rows(panels):
    read = Reader(shown(panels["statistics"]))
    assert "700 rows read" in read.text
    assert "3 rejected" in read.text
    assert "unreadable time 1" in read.text


def test_weighted_statistics_count_customers():
    stats = statistics()
    twice = stats.assign(weight=("customer", np.full(300, 2)))
    assert "600 customers" in Reader(shown(bcx.show(twice))).text


def test_statistics_of_other_kinds_are_shown_in_their_words():
    donations, cohorts = (bcx.show(load()).html for load in (bcx.load_donations, bcx.load_cohorts))
    assert "11,104 customers" in donations
    assert "opportunities taken" in donations
    assert "2,000 customers, 567 under contract" in cohorts
    assert "renewals that came up" in cohorts
    assert "repeat purchase" not in cohorts


def test_no_customers_is_still_a_panel():
    Reader(shown(bcx.show(statistics(0))))


def test_scores_show_their_interval(panels):
    assert "90% interval" in Reader(shown(panels["score"])).text


def test_a_quantity_of_new_customers_is_shown_without_any_of_them():
    one = (
        score().isel(customer=0, drop=True).assign_attrs(unit="purchases", quantity="expected_purchases_new")
    )
    read = Reader(bcx.show(one).html)
    assert "any new customer" in read.text
    assert "customers" not in read.text
    assert "90% interval" in read.text


def test_show_refuses_what_it_does_not_know():
    with pytest.raises(InputError, match="statistics"):
        bcx.show(xr.Dataset({"y": ("d", [1.0])}))


def test_transactions_say_why_rows_were_rejected(panels):
    text = Reader(shown(panels["transactions"])).text
    assert "40 transactions" in text
    assert "43 rows read" in text
    assert "missing customer 2" in text
    assert "unreadable time 1" in text


def test_a_split_counts_both_periods(panels, transactions):
    text = Reader(shown(panels["split"])).text
    parts = panels["split"]
    assert "7 customers, split in time" in text
    assert f"hold-out 1997-01-26 1997-02-09 {int(parts.holdout['x_holdout'].sum())}" in text


def test_the_checks_of_groups_are_folded(panels):
    text = Reader(shown(panels["hold-out"])).text
    assert text.index("1 of 1 checks passed") < text.index("by group") < text.index(NASTY)
