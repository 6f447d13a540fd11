"""The notebook panels: well-formed, escaped, honest about checks, and readable without their style."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import bayes_cx as bcx
from bayes_cx import reprs
from bayes_cx.checks import Check, Interval
from bayes_cx.errors import InputError
from bayes_cx.panel import (
    Html,
    badge,
    check_badges,
    density_svg,
    histogram_svg,
    measured,
    number,
    panel,
    percent,
    table,
)
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
        attrs={"kind": "purchases", "horizon": "52 weeks", "discount_rate": 0.1, "currency": "€",
               "total_cost": 13.5},
    )  # fmt: skip
    offer = SimpleNamespace(name="voucher", cost=1.5, win_back="Beta(2, 18)", keep="Beta(2, 18)")
    return SimpleNamespace(data=data, offers=(offer,), settings={"budget": None, "capacity": 9})


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


def everything():
    check = Check("80% coverage", 0.81, "0.8 inside", "passed", interval=Interval(0.79, 0.83, 0.95), n=300)
    transactions = SimpleNamespace(
        rows_read=700,
        rejected_by_reason={"missing customer": 2, NASTY: 1},
        source=NASTY,
        sha256="9f" * 32,
        returns="reject",
        has_amount=True,
    )
    holdout_data = xr.Dataset({"x_holdout": ("customer", np.arange(300) % 3)}, attrs={"start": "1997-09-30"})
    return {
        "posterior": reprs.posterior_html(posterior(GOOD)),
        "posterior failed": reprs.posterior_html(posterior(BAD, name=NASTY)),
        "posterior open": reprs.posterior_html(posterior(OPEN)),
        "point estimate": reprs.posterior_html(posterior(OPEN, n=1)),
        "plan": reprs.plan_html(plan()),
        "statistics": reprs.show(statistics()).html,
        "score": reprs.show(score()).html,
        "transactions": reprs.transactions_html(transactions),
        "split": reprs.split_html(SimpleNamespace(calibration=statistics(), holdout=holdout_data)),
        "hold-out": reprs.holdout_html(SimpleNamespace(checks=(check,), by_group=())),
    }


@pytest.mark.parametrize("name", everything())
def test_every_panel_is_well_formed_and_escaped(name):
    html = everything()[name]
    read = Reader(html)
    assert not {"script", "b", "link", "img"} & read.tags
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", html)
    assert "nan" not in read.text.split()


def test_a_posterior_shows_its_parameters_first_and_folds_the_rest():
    read = Reader(everything()["posterior"])
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
        ("posterior failed", "do not act on this"),
        ("posterior open", "this is not a pass"),
        ("posterior", None),
    ],
)
def test_what_is_not_passed_is_said_in_words(name, words):
    read = Reader(everything()[name])
    for other in ("do not act on this", "this is not a pass"):
        assert (other in read.text) == (other == words)


def test_a_point_estimate_shows_no_interval():
    assert "95% interval" not in Reader(everything()["point estimate"]).text


def test_failures_come_first_and_carry_a_mark():
    marks = [Reader(mark).text for mark in check_badges(BAD)]
    assert marks == ["▲ smallest bulk ESS 87", "✓ largest R-hat 1.002", "✓ divergences 0"]


def test_a_plan_names_whom_to_contact():
    read = Reader(everything()["plan"])
    assert "Contact 9 of 25 customers" in read.text
    assert "wait and see 10" in read.text
    assert "株式会社" in read.text
    assert "x" * 41 not in read.text


def test_statistics_count_the_rejected_rows():
    read = Reader(everything()["statistics"])
    assert "700 rows read" in read.text
    assert "3 rejected" in read.text
    assert "unreadable time 1" in read.text


def test_weighted_statistics_count_customers():
    stats = statistics()
    twice = stats.assign(weight=("customer", np.full(300, 2)))
    assert "600 customers" in Reader(reprs.statistics_html(twice)).text


def test_statistics_of_other_kinds_are_shown_in_their_words():
    donations, cohorts = (reprs.show(load()).html for load in (bcx.load_donations, bcx.load_cohorts))
    assert "11,104 customers" in donations
    assert "opportunities taken" in donations
    assert "2,000 customers, 567 under contract" in cohorts
    assert "renewals that came up" in cohorts
    assert "repeat purchase" not in cohorts


def test_no_customers_is_still_a_panel():
    Reader(reprs.statistics_html(statistics(0)))


def test_scores_show_their_interval():
    assert "90% interval" in Reader(everything()["score"]).text


def test_a_quantity_of_new_customers_is_shown_without_any_of_them():
    one = (
        score().isel(customer=0, drop=True).assign_attrs(unit="purchases", quantity="expected_purchases_new")
    )
    read = Reader(reprs.show(one).html)
    assert "any new customer" in read.text
    assert "customers" not in read.text
    assert "90% interval" in read.text


def test_show_refuses_what_it_does_not_know():
    with pytest.raises(InputError, match="statistics"):
        reprs.show(xr.Dataset({"y": ("d", [1.0])}))


@given(st.text(min_size=1, max_size=40).filter(lambda text: not {"\r", "\x00"} & set(text)))
def test_any_text_survives_as_text(text):
    html = panel(text, text, [badge(text)], table(["h"], [[text]]), [(text, Html.of(text))], warning=text)
    assert "".join(Reader(html).words).count(text) >= 6


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=50))
def test_any_sample_can_be_drawn(values):
    for draw in (density_svg, histogram_svg):
        svg = draw(np.array(values))
        assert "nan" not in svg
        Reader(svg)


def test_a_density_peaks_where_the_sample_does():
    sample = np.random.default_rng(0).normal(3, 1, 20_000)
    points = re.search(r'<polyline points="([^"]+)"', density_svg(sample, width=200))[1]
    x, y = np.array([[float(v) for v in pair.split(",")] for pair in points.split()]).T
    low, high = np.quantile(sample, [0.001, 0.999])
    assert low + (x[y.argmin()] - 1) / 198 * (high - low) == pytest.approx(3, abs=0.3)


@given(st.floats(0, 1))
def test_a_percentage_is_never_falsely_certain(share):
    assert (percent(share) == "0%") == (share == 0)
    assert (percent(share) == "100%") == (share == 1)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_a_number_reads_back(value):
    for form, precision in ((number, 5.1e-3), (measured, 5.1e-4)):
        text = form(value)
        if 0 < abs(value) < 1e-4:
            assert text in ("<0.0001", ">−0.0001")
        else:
            assert float(text.replace(",", "").replace("−", "-")) == pytest.approx(value, rel=precision)
