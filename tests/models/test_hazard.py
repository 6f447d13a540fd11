"""Hazards, against probabilities written out, an integral over a grid, and customers who live the story."""

import json

import numpy as np
import pytest
import xarray as xr
from scipy.integrate import simpson
from scipy.stats import norm

import bayes_cx as bcx
from bayes_cx.inference.hazard_likelihood import PeriodCounts
from bayes_cx.scoring.risk import risk_draws, risk_log_likelihood

HAZARD = bcx.models.HAZARD


def periods(x, event, *, weight=None, age=None, causes=("leave",), days=30.0, unit="day", segment=None):
    """Return periods at risk with a number x, as `summarise_periods` does."""
    n = len(event)
    per = {"day": 1.0, "week": 7.0}[unit]
    definition = {
        "causes": causes, "period": days, "times": 1, "unit": unit,
        "features": [{"name": "x", "family": "numbers", "form": "number", "of": "x", "window": 0.0}],
    }  # fmt: skip
    data = {
        "event": ("row", np.asarray(event, object)),
        "happened": ("row", (np.asarray(event) != "").astype(int)),
        "age": ("row", (np.full(n, days) if age is None else np.asarray(age, float)) / per),
        "length": ("row", np.full(n, days / per)),
        "x": ("row", np.asarray(x, float)),
        "weight": ("row", np.ones(n, int) if weight is None else np.asarray(weight)),
    }
    if segment is not None:
        data["segment"] = ("row", np.asarray(segment, object))
    attrs = {"kind": "periods", "unit": unit, "until": "2025-01-01", "definition": json.dumps(definition)}
    return xr.Dataset(data, attrs=attrs)


def lived(rng, n, log_rate, effects, x, days=30.0):
    """Return which event comes first for each customer: exponential waiting times, the shortest counts."""
    rates = np.exp(np.asarray(log_rate)[:, None] + np.asarray(effects)[:, None] * x)
    waits = rng.exponential(1 / rates)
    names = np.array(["leave", "call"])[: len(log_rate)]
    return np.where(waits.min(axis=0) < days, names[waits.argmin(axis=0)], "")


def test_the_likelihood_is_that_of_probabilities_written_out(rng):
    X = np.column_stack([np.ones(12), rng.normal(size=12)])
    length = rng.uniform(0.5, 40, 12)
    happened, none = rng.integers(0, 4, (12, 2)).astype(float), rng.integers(0, 9, 12).astype(float)
    none[0] = happened[1] = 0
    counts = PeriodCounts(X, np.log(length), happened, none)
    for beta in (
        np.array([[-3, 0.4], [-2, -1.0]]),
        np.array([[-8, 0.4], [-9, 1.0]]),
        np.array([[1, 0.4], [-2, 1.0]]),
    ):
        wanted = 0.0
        for row in range(12):
            rate = [np.exp(X[row] @ own) for own in beta]
            stays = np.exp(-length[row] * sum(rate))
            chances = [one / sum(rate) * (1 - stays) for one in rate]
            wanted += none[row] * np.log(stays) + sum(
                n * np.log(p) for n, p in zip(happened[row], chances, strict=True)
            )
        # They differ by the lengths, which are no part of rates.
        assert counts.height(beta) == pytest.approx(wanted, rel=1e-9)
        assert counts.heights(beta[None])[0] == pytest.approx(wanted, rel=1e-9)
        assert counts.by_row(beta[None])[0].sum() == pytest.approx(wanted, rel=1e-9)
        slope, curve = counts.quadratic(beta)
        h = 1e-5
        for place in np.ndindex(2, 2):
            step = np.zeros((2, 2))
            step[place] = h
            up, down = counts.height(beta + step), counts.height(beta - step)
            assert slope[place] == pytest.approx((up - down) / (2 * h), rel=1e-5, abs=1e-5)
            change = (counts.quadratic(beta - step)[0] - counts.quadratic(beta + step)[0]) / (2 * h)
            np.testing.assert_allclose(curve[place], change, rtol=1e-4, atol=1e-5)


def test_the_posterior_is_that_of_an_integral_over_a_grid(rng):
    """One number, few events: intercept, effect and its scale on a grid, with the prior written out."""
    x = rng.normal(size=60)
    event = lived(rng, 60, [-4.5], [0.8], x)
    post = bcx.fit(HAZARD, periods(x, event), seed=3, method=bcx.Laplace(draws=4000))
    assert post.verdict == "passed"
    z = (x - x.mean()) / x.std()
    n, at_risk = (event != "").sum(), 60 * 30.0
    alpha = np.linspace(-7.5, -2.5, 101)
    beta = np.linspace(-1.5, 2.5, 101)
    scale = np.exp(np.linspace(-7, 2, 181))
    total = 30 * np.exp(alpha[:, None, None] + beta[:, None] * z)
    log_like = np.where(event != "", np.log(-np.expm1(-total)), -total).sum(axis=2)
    prior = norm.logpdf(alpha, np.log(n / at_risk), 3)[:, None]
    # Half-normal of scale .7, over the logarithm of the scale.
    given = norm.pdf(beta[:, None], 0, scale) * 2 * norm.pdf(scale, 0, 0.7) * scale
    marginal = simpson(given, x=np.log(scale), axis=1)
    density = np.exp(log_like + prior - (log_like + prior).max()) * marginal
    density /= density.sum()
    mean = (density.sum(axis=0) * beta).sum()
    sd = np.sqrt((density.sum(axis=0) * (beta - mean) ** 2).sum())
    drawn = post.draws["posterior"]["effect"].values.ravel()
    assert drawn.mean() == pytest.approx(mean, abs=0.03)
    assert drawn.std() == pytest.approx(sd, rel=0.06)
    middle = (density.sum(axis=1) * alpha).sum()
    assert post.draws["posterior"]["intercept"].values.mean() == pytest.approx(middle, abs=0.03)


@pytest.fixture(scope="module")
def two():
    """Two events that compete, with known rates and effects of x; and the posterior."""
    rng = np.random.default_rng(8)
    x = np.round(rng.normal(size=6000), 1)
    event = lived(rng, 6000, [-6.0, -5.0], [0.7, 0.0], x)
    rows = periods(x, event, causes=("leave", "call"))
    return rows, bcx.fit(HAZARD, rows, seed=1)


def test_rates_and_effects_are_recovered(two):
    rows, post = two
    assert post.verdict == "passed"
    x = rows.x.values
    drawn = post.draws["posterior"]
    effect = drawn["effect"].sel(column="x").values[0] / x.std()
    intercept = drawn["intercept"].values[0] - effect * x.mean()
    for place, (rate, slope) in enumerate([(-6.0, 0.7), (-5.0, 0.0)]):
        for found, truth in ((intercept[:, place], rate), (effect[:, place], slope)):
            assert abs(found.mean() - truth) < 3 * found.std()
            assert found.std() < 0.12


def test_forecasts_are_those_of_customers_who_live_on(two, rng):
    """Waiting times of many customers with the rates of one draw; over a horizon of several periods too."""
    rows, post = two
    some = rows.isel(row=[0, 1, 2]).drop_vars(["event", "happened", "weight"])
    for days in (10, 30, 75):
        leave = risk_draws(post, some, "p_event", t=f"{days} days", target="leave", thin_to=1)[0]
        call = risk_draws(post, some, "p_event", t=f"{days} days", target="call", thin_to=1)[0]
        spared = risk_draws(post, some, "p_no_event", t=f"{days} days", thin_to=1)[0]
        np.testing.assert_allclose(leave + call + spared, 1)
        each = [risk_draws(post, some, "rate", target=name, thin_to=1)[0] for name in ("leave", "call")]
        for place in range(3):
            waits = rng.exponential([[1 / one[place]] for one in each], (2, 40_000))
            came = (waits[0] < waits[1]) & (waits[0] < days)
            assert leave[place] == pytest.approx(came.mean(), abs=0.012)


def test_equal_rows_collapse_and_units_change_nothing(two):
    rows, post = two
    small = bcx.compress(rows, on=["event", "happened", "age", "length", "x"])
    assert small.sizes["row"] < rows.sizes["row"] / 20
    again = bcx.fit(HAZARD, small, seed=1)
    weeks = rows.assign(age=rows.age / 7, length=rows.length / 7).assign_attrs(unit="week")
    for other in (again, bcx.fit(HAZARD, weeks, seed=1)):
        np.testing.assert_allclose(other.beta, post.beta, rtol=1e-5, atol=1e-7)
    one = bcx.score(post, rows.isel(row=[0]), "p_event", t="2 weeks")["mean"]
    two_weeks = bcx.score(post, weeks.isel(row=[0]), "p_event", t=2)["mean"]
    assert one.item() == pytest.approx(two_weeks.item())
    total = risk_log_likelihood(post, rows, thin_to=5).sum("row")
    np.testing.assert_allclose(total, risk_log_likelihood(post, small, thin_to=5).sum("row"))


def test_a_small_segment_borrows_from_the_others(rng):
    names = np.repeat(["a", "b", "c", "d", "tiny"], [900, 900, 900, 900, 3])
    log_rate = np.repeat([-5.2, -4.8, -5.1, -4.9, -5.0], [900, 900, 900, 900, 3])
    event = np.where(rng.exponential(np.exp(-log_rate)) < 30, "leave", "")
    event[-3:] = "leave"  # all of the few, whom a fit of their own would lose for sure
    rows = periods(np.zeros(names.size), event, segment=names)
    post = bcx.fit(HAZARD, rows, design=bcx.Design(pool=["segment"]), seed=1)
    chance = bcx.score(post, rows.isel(row=[0, -1]), "p_event")["mean"].values
    assert event[:900].astype(bool).mean() == pytest.approx(chance[0], abs=0.03)
    assert chance[1] < 0.6
    assert post.draws["posterior"].sizes["column"] == 5


def test_a_posterior_is_saved_and_read_by_arviz(two, tmp_path):
    import arviz as az

    _, post = two
    post.save(tmp_path / "risk.nc")
    again = bcx.load(tmp_path / "risk.nc")
    xr.testing.assert_identical(again.draws["posterior"].to_dataset(), post.draws["posterior"].to_dataset())
    assert again.checks == post.checks
    assert repr(again) == repr(post)
    assert "effect[leave, x]" in az.summary(again.draws, kind="stats").index
    assert post.provenance["data"]["until"] == "2025-01-01"


def test_reasons_name_what_moves_a_customer(two):
    rows, post = two
    high = rows.isel(row=[int(rows.x.values.argmax())])
    found = bcx.reasons(post, high, target="leave")
    assert found["feature"].tolist() == ["x"]
    assert found["factor"].item() == pytest.approx(np.exp(0.7 * rows.x.values.max()), rel=0.4)
    assert "times the rate" in found["text"].item()
    assert bcx.reasons(post, high, target="call").empty


def test_what_cannot_be_fitted_or_asked_is_refused(two):
    rows, post = two
    for asked, message in (
        ((post, rows, "p_alive"), "the quantity 'p_alive'"),
        ((post, rows.drop_vars("x"), "p_event"), "no column 'x'"),
    ):
        with pytest.raises(bcx.InputError, match=message):
            bcx.score(*asked)
    for options, message in (
        ({"target": "buy"}, "the event 'buy'"),
        ({"t": "0 days"}, "above zero"),
        ({"before": "call"}, "before=... for risk"),
    ):
        with pytest.raises(bcx.InputError, match=message):
            bcx.score(post, rows, "p_event", **options)
    with pytest.raises(bcx.InputError, match="no target for reasons"):
        bcx.reasons(post, rows)
    nothing = rows.assign(event=("row", np.full(rows.sizes["row"], "", object)), happened=rows.happened * 0)
    for wrong, options, message in (
        (nothing, {}, "no period with an event"),
        (rows, {"method": bcx.NUTS()}, "for risk"),
        (rows, {"design": bcx.Design(rate="x")}, "for risk"),
        (bcx.load_cohorts(), {}, "periods at risk"),
        (rows.drop_attrs().assign_attrs(kind="periods", unit="day"), {}, "without a definition"),
    ):
        with pytest.raises(bcx.InputError, match=message):
            bcx.fit(HAZARD, wrong, **options)


@pytest.mark.slow
def test_ranks_of_the_truth_are_uniform():
    """Simulation-based calibration: effects and scales from the prior, customers who live by them."""
    ranks = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        tau = abs(rng.normal()) * HAZARD.scale
        effect = rng.normal(0, tau)
        x = rng.normal(size=400)
        x = (x - x.mean()) / x.std()
        event = lived(rng, 400, [-5.5], [effect], x)
        if not (event != "").any():
            continue
        post = bcx.fit(HAZARD, periods(x, event), seed=seed, method=bcx.Laplace(draws=400))
        ranks.append((post.draws["posterior"]["effect"].values.ravel() < effect).mean())
    counts = np.histogram(ranks, bins=6, range=(0, 1))[0]
    expected = len(ranks) / 6
    assert ((counts - expected) ** 2 / expected).sum() < 16.7  # .995 of chi-squared with 5 degrees


def test_a_mean_quadratic_is_the_mean_of_quadratics(rng):
    """Slope and curvature, averaged over normal effects, against the mean of many draws of them."""
    X = np.column_stack([np.ones(40), rng.normal(size=40)])
    none = rng.integers(1, 9, 40).astype(float)
    happened = np.where(np.arange(40)[:, None] < 8, [[1.0, 0.0]], 0.0)
    counts = PeriodCounts(X, np.full(40, np.log(30.0)), happened, none)
    beta, spread = np.array([[-8.0, 0.5], [-9.0, 1.0]]), np.array([[[0.3, 0.1], [0.1, 0.4]]] * 2)
    slope, curve = counts.quadratic(beta, spread)
    roots = np.linalg.cholesky(spread)
    drawn = beta + np.einsum("cij,dcj->dci", roots, rng.standard_normal((6000, 2, 2)))
    slopes, curves = (np.array(one) for one in zip(*(counts.quadratic(one) for one in drawn), strict=True))
    own = np.arange(2)
    for found, values in ((slope, slopes), (curve[own, :, own], curves[:, own, :, own].swapaxes(0, 1))):
        error = values.std(axis=0) / np.sqrt(len(drawn))
        # Of periods with events it is right to the first order of their chance.
        assert np.all(np.abs(found - values.mean(axis=0)) < 4 * error + 0.01 * np.abs(found))
