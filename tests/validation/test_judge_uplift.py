"""The judgement of uplift: against definitions, on permuted treatments, and on the Hillstrom trial."""

import itertools
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.special import expit

import bayes_cx as bcx
from bayes_cx.errors import InputError
from bayes_cx.validation import UpliftJudgement
from bayes_cx.validation.uplift_curves import Judged, area, gain_curve, qini_coefficient, robust_scores

HILLSTROM = Path(__file__).parents[3] / "shared" / "data" / "hillstrom.csv.gz"
ROLES = {"outcome": "y", "treatment": "arm", "control": "none", "features": ["age", "town"]}


def trial(n, seed, differ=1.0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "age": rng.integers(0, 4, n),
            "town": rng.choice(list("ab"), n),
            "arm": rng.choice(["none", "mail"], n),
        }
    )
    uplift = np.where(table.arm == "mail", 0.3 + differ * (table.age - 1.5), 0.0)
    return table.assign(y=(rng.random(n) < expit(-1 + 0.4 * (table.town == "b") + uplift)).astype(int))


@pytest.fixture(scope="module")
def judged():
    stats = bcx.summarise_uplift(trial(6000, 1), **ROLES)
    fit, rest = bcx.split_customers(stats, seed=1)
    posterior = bcx.fit(bcx.models.UPLIFT, fit, method=bcx.Laplace(draws=500), seed=1)
    return posterior, rest, bcx.judge_uplift(posterior, rest, to="mail", cost=0.05, resamples=400, seed=1)


def one_by_one(n=400, seed=0):
    """Return customers one a row: score, treated, outcome."""
    rng = np.random.default_rng(seed)
    score, treated = rng.permutation(n) / n, rng.random(n) < 0.4
    outcome = (rng.random(n) < 0.2 + 0.3 * treated * score).astype(float)
    return score, treated, outcome


def test_qini_is_its_definition():
    score, treated, outcome = one_by_one()
    n = score.size
    order = np.argsort(-score)
    t, y = treated[order], outcome[order]
    q = [0.0]
    for k in range(1, n + 1):
        n1, n0 = t[:k].sum(), (~t[:k]).sum()
        q.append(y[:k][t[:k]].sum() - (y[:k][~t[:k]].sum() * n1 / n0 if n0 else 0.0))
    curve = np.array(q) / abs(q[-1])
    expected = np.trapezoid(curve, np.arange(n + 1) / n) - 0.5
    one = Judged(np.arange(n), treated, outcome, np.ones(n), score, outcome)
    assert np.isclose(qini_coefficient(one), expected)


def test_robust_scores_are_unbiased_whatever_is_expected():
    """Over all ways to assign the treatment their mean is the true difference."""
    without, with_it, pi = np.array([1.0, 0.0]), np.array([3.0, 0.5]), 0.3
    for guess in (0.0, 7.0):
        mean = sum(
            (pi if a else 1 - pi)
            * robust_scores(with_it if a else without, np.full(2, a), pi, with_it + guess, without - guess)
            for a in (True, False)
        )
        np.testing.assert_allclose(mean, with_it - without)


def test_the_area_is_that_of_a_rank_weighted_effect():
    """With the weights of Qini it is the covariance of score rank and effect."""
    rng = np.random.default_rng(3)
    scores = rng.normal(size=50)
    share, gain = gain_curve(np.ones(50), scores)
    rank = (50 - np.arange(50) - 0.5) / 50
    assert np.isclose(area(share, gain), np.mean(scores * (rank - 0.5)))


def test_resamples_are_those_of_customers(judged):
    score, treated, outcome = one_by_one(300, 1)
    robust = robust_scores(outcome, treated, 0.4, np.full(300, 0.35), np.full(300, 0.2))
    one = Judged(np.arange(300) // 3, treated, outcome, np.ones(300), score[::3], robust)
    _, sums = one.resampled(2000, np.random.default_rng(0))
    assert abs(sums.sum(axis=1).mean() - robust.sum()) < 4 * robust.std() * np.sqrt(300 / 2000)
    assert 0.94 < sums.sum(axis=1).std() / (robust.std() * np.sqrt(300)) < 1.06


def test_choosing_pays_where_customers_differ(judged):
    found = judged[2]
    assert found.ranks
    assert found.advice == "choose"
    assert found.verdict == "passed"
    base = -1 + 0.4 * np.array([[0, 1]])
    uplift = (expit(base + 0.3 + np.arange(4)[:, None] - 1.5) - expit(base)).mean(axis=1)
    best = np.maximum(uplift - 0.05, 0.0).mean()
    value = found.data.sel(policy="choose")
    assert float(value["value_low"]) < best < float(value["value_high"])
    assert "Whom one treats matters" in found.sentences[1]


def measured_on(choose, everybody, lead, part=0.5, cost=0.02):
    """Return a judgement with these estimates and intervals after cost, as a hold-out could give them."""
    none = (0.0, 0.0, 0.0)
    at_random = tuple(choose[k] - part * everybody[k] for k in range(3))
    rows = {"value": (choose, everybody, tuple(part * v for v in everybody), none)}
    rows["lead"] = (none, lead, at_random, choose)
    found = {
        f"{name}{end}": ("policy", [row[k] for row in values])
        for name, values in rows.items()
        for k, end in enumerate(("", "_low", "_high"))
    }
    effect = everybody[0] + cost
    scalars = {"effect": effect, "effect_low": effect - 0.01, "effect_high": effect + 0.01}
    scalars |= {"ranking": 0.004, "ranking_low": 0.001, "ranking_high": 0.006, "beyond_low": 0.001}
    data = xr.Dataset(
        found
        | scalars
        | {"treated": ("policy", [part, 1.0, part, 0.0]), "gain": ("share", [0, 0.03, effect])},
        {"policy": ["choose", "all", "random", "none"], "share": [0.0, 0.5, 1.0]},
        {"to": "voucher", "against": "none", "outcome": "orders", "family": "bernoulli", "cost": cost},
    )
    return UpliftJudgement(data.assign_attrs(relevant=0.1), ())


CHOOSING = (0.0217, 0.0137, 0.0295)


@pytest.mark.parametrize(
    ("choose", "everybody", "lead", "part", "advice", "says"),
    [
        # All pay, choosing is the better estimate and its lead not shown: not "treat all".
        (
            CHOOSING,
            (0.0151, 0.0046, 0.0257),
            (0.0066, -0.0001, 0.0133),
            0.5,
            "unclear",
            "nets \\+2.17 .*all \\+1.51.*−0.01 and \\+1.33.*choosing is best.*not shown; each of the two",
        ),
        (
            CHOOSING,
            (0.0001, -0.01, 0.0102),
            (0.0216, -0.0001, 0.04),
            0.5,
            "unclear",
            "only choosing is shown to gain",
        ),
        (
            CHOOSING,
            (0.0230, 0.0150, 0.0310),
            (-0.0013, -0.004, 0.002),
            0.9,
            "all",
            "Treat all .* nets \\+2.3 .*only those .* nets \\+2.17",
        ),
        (
            CHOOSING,
            (0.0151, 0.0046, 0.0257),
            (0.0066, 0.0001, 0.0133),
            0.5,
            "choose",
            "nets \\+2.17 .*\\+0.66 more",
        ),
        (
            (0.001, -0.002, 0.004),
            (-0.01, -0.02, -0.001),
            (0.011, 0.002, 0.02),
            0.1,
            "none",
            "Treat nobody .*nets −1 .*not shown to gain",
        ),
        (
            (0.002, -0.002, 0.004),
            (0.002, -0.002, 0.004),
            (0.0, 0.0, 0.0),
            1.0,
            "unclear",
            "whether treating pays.*treating all is best",
        ),
        (
            (0.0, 0.0, 0.0),
            (-0.001, -0.004, 0.004),
            (0.001, -0.004, 0.004),
            0.0,
            "unclear",
            "treating nobody is best",
        ),
    ],
)
def test_treating_all_is_advised_only_where_it_is_shown_to_pay_and_no_estimate_is_better(
    choose, everybody, lead, part, advice, says
):
    found = measured_on(choose, everybody, lead, part)
    assert found.advice == advice
    assert re.search(says, found.sentences[2])


ENDS = [(-0.03, -0.02, -0.01), (-0.01, 0.0, 0.01), (-0.001, 0.005, 0.02), (0.01, 0.02, 0.03)]


def grid():
    """Return judgements with all combinations of losing, unclear and gaining, in value, lead and ranking."""
    shown = [(True, 0.01), (True, -0.01), (False, 0.01)]
    for (c, e, lead), (in_order, half), part, cost in itertools.product(
        itertools.product(ENDS, repeat=3), shown, [0, 0.5, 1], [0, 0.02]
    ):
        one = measured_on(*((mean, low, high) for low, mean, high in (c, e, lead)), part, cost)
        beyond = 0.001 if in_order else -0.001
        gain = [0, float(one.data["effect"]) / 2 + half, float(one.data["effect"])]
        data = one.data.assign(beyond_low=beyond, gain=("share", gain))
        for at_random in (None, -0.001):
            if at_random is not None:
                lead_low = np.where(data.policy == "random", at_random, data["lead_low"])
                data = data.assign(lead_low=("policy", lead_low))
            yield UpliftJudgement(data, ())


def test_advice_and_sentences_never_contradict_each_other():
    seen = set()
    for one in grid():
        _, matters, to_do = one.sentences
        seen.add((one.advice, one.ranks))
        start = {"choose": "Treat those", "all": "Treat all", "none": "Treat nobody", "unclear": "Not proven"}
        assert to_do.startswith(start[one.advice])
        assert matters.startswith("Whom one treats matters" if one.ranks else "No gain is claimed")
        assert one.ranks or one.advice != "choose"
        assert not re.search("bring[s]? (−|0 )", matters) or not one.ranks
        if "not shown to matter whom" in to_do:
            assert not one.ranks
        if one.advice == "unclear" and (apart := re.search("difference lies between (\\S+) and", to_do)):
            # An interval above zero is not called unproven, unless it is another comparison that is.
            below_none = float(one.data["lead_low"].sel(policy="none")) <= 0
            assert below_none or apart[1].startswith("−") or apart[1] == "0"
    assert seen == {("choose", True), *((a, r) for a in ("all", "none", "unclear") for r in (True, False))}


def test_nothing_is_found_on_permuted_treatments(judged):
    """A true difference between customers in how they respond is there, but no treatment made it."""
    posterior, rest, _ = judged
    rng = np.random.default_rng(4)
    claims = 0
    arm = np.repeat(rest.arm.to_numpy(), rest.weight)
    others = {n: np.repeat(rest[n].to_numpy(), rest.weight) for n in ("outcome", "age", "town")}
    for seed in range(25):
        table = pd.DataFrame({**others, "arm": rng.permutation(arm)})
        stats = bcx.compress(weighted(table, rest), ["arm", "outcome", "age", "town"])
        found = bcx.judge_uplift(posterior, stats, to="mail", resamples=200, seed=seed)
        claims += found.ranks
    # Of 25 at 2.5% each, three or more happen once in 40 times.
    assert claims <= 2


def test_nothing_is_found_where_fit_and_hold_out_are_permuted():
    table = trial(3000, 5)
    claims = []
    for seed in range(3):
        permuted = table.assign(arm=np.random.default_rng(seed).permutation(table.arm))
        fit, rest = bcx.split_customers(bcx.summarise_uplift(permuted, **ROLES), seed=seed)
        posterior = bcx.fit(bcx.models.UPLIFT, fit, method=bcx.Laplace(draws=200), seed=1)
        found = bcx.judge_uplift(posterior, rest, to="mail", cost=0.05, resamples=200)
        claims.append(found.ranks or found.advice in ("choose", "all"))
    assert not any(claims)


def weighted(table, like):
    return xr.Dataset({name: ("row", table[name].to_numpy()) for name in table}, attrs=like.attrs)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"cost": -1}, "cost=-1"),
        ({"relevant": 2}, "relevant=2"),
        ({"propensity": 1.0}, "propensity=1.0"),
        ({"resamples": 3}, "resamples=3"),
        ({"to": "phone"}, "'phone'"),
    ],
)
def test_what_cannot_be_judged_is_refused(judged, change, says):
    posterior, rest, _ = judged
    with pytest.raises(InputError, match=says):
        bcx.judge_uplift(posterior, rest, **{"to": "mail", **change})
    with pytest.raises(InputError, match="other levels"):
        bcx.judge_uplift(posterior, rest.assign_attrs(features="[]"), to="mail")


def test_a_treatment_that_was_not_random_is_noticed(judged):
    posterior, rest, _ = judged
    young = (rest.age == "0") & (rest.arm == "mail")
    kept = rest.isel(row=np.flatnonzero(~young.to_numpy()))
    found = bcx.judge_uplift(posterior, kept, to="mail", resamples=100)
    assert found.checks[0].status == "failed"
    assert "'age' differs" in found.checks[0].note


@pytest.fixture(scope="module")
def hillstrom():
    features = ["recency", "history", "mens", "womens", "zip_code", "newbie", "channel"]
    roles = {"outcome": "visit", "treatment": "segment", "control": "No E-Mail", "features": features}
    table = pd.read_csv(HILLSTROM)
    whole = bcx.summarise_uplift(table, **roles)
    even, odd = (bcx.summarise_uplift(table.iloc[i::2], like=whole, **roles) for i in (0, 1))
    posterior = bcx.fit(bcx.models.UPLIFT, even, seed=1)
    return posterior, odd


@pytest.mark.skipif(not HILLSTROM.exists(), reason="the data of the trial are not here")
def test_hillstrom_gains_by_choosing_for_the_womens_mail_and_not_for_the_mens(hillstrom):
    posterior, odd = hillstrom
    assert posterior.verdict == "passed"
    found = {
        name: bcx.judge_uplift(posterior, odd, to=f"{name} E-Mail", cost=0.03, seed=1)
        for name in ("Womens", "Mens")
    }
    # Effects and standard errors of all 64,000; the halves are within their own.
    for name, effect, error in (("Womens", 0.045233, 0.003234), ("Mens", 0.076590, 0.003386)):
        assert abs(float(found[name].data["effect"]) - effect) < 3 * error
        wide = float(found[name].data["effect_high"] - found[name].data["effect_low"]) / 3.92
        assert 1.2 < wide / error < 1.6  # half the customers: the square root of two
    assert found["Womens"].ranks
    assert found["Womens"].advice == "choose"
    assert not found["Mens"].ranks
    assert found["Mens"].advice == "all"
    # A logit T-learner on the same halves: .1576, interval .086 to .238; and -.031 to .035.
    assert 0.086 < float(found["Womens"].data["qini"]) < 0.238
    assert all(one.verdict == "passed" for one in found.values())
