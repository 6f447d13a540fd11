"""Comparison of models against exact leave-one-out refits, ArviZ, brute force and simulated truth."""

from dataclasses import replace

import arviz as az
import numpy as np
import pytest
import xarray as xr
from scipy.special import logsumexp

import bayes_cx as bcx
from bayes_cx.kinds import OPPORTUNITIES
from bayes_cx.models import BG_NBD, MBG_CNBD, MBG_NBD
from bayes_cx.scoring import log_likelihoods
from bayes_cx.validation.compare import _scores
from bayes_cx.validation.comparison import Comparison
from bayes_cx.validation.forecasts import forecasts
from bayes_cx.validation.loo import Loo, khat_limit, leave_one_out
from bayes_cx.validation.scores import crps, log_score, pooled
from bayes_cx.validation.stacking import stacking
from tests.made import with_provenance

LAPLACE = bcx.Laplace()


def simulated_stats(n, r, alpha, a, b, seed, k=1):
    """Let customers leave before each next purchase, as in MBG/NBD; no formula of the model is used.

    Every k-th of their moments is a purchase: the larger k, the more regular they are.
    """
    rng = np.random.default_rng(seed)
    T, rate, leave = rng.integers(26, 53, n), rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    x, t_x, regularity = np.zeros(n, int), np.zeros(n), np.zeros(n)
    for i in range(n):
        gaps = [0.0]
        while rng.random() >= leave[i] and sum(gaps) + (gap := rng.gamma(k, 1 / rate[i])) <= T[i]:
            gaps.append(gap)
        x[i], t_x[i] = len(gaps) - 1, sum(gaps)
        regularity[i] = np.sum(np.log(np.array(gaps[1:]) / t_x[i])) if x[i] > 1 else 0.0
    columns = {"x": x, "t_x": t_x, "T": T.astype(float), "regularity": regularity}
    return xr.Dataset(
        {name: ("customer", values) for name, values in columns.items()},
        coords={"customer": np.arange(n)},
        attrs={"kind": "purchases", "unit": "week", "until": "2024-12-31"},
    )


def fits(stats, **settings):
    return {m.name: bcx.fit(m, stats, seed=1, progress=False, **settings) for m in (BG_NBD, MBG_NBD)}


@pytest.fixture(scope="module")
def early():
    """Customers of whom a third leave at once."""
    return simulated_stats(400, r=2.0, alpha=4.0, a=1.0, b=1.5, seed=1)


@pytest.fixture(scope="module")
def early_fits(early):
    return fits(early, method=LAPLACE)


@pytest.fixture(scope="module")
def cdnow_rivals(cdnow):
    """A quarter of the usual draws is enough: a comparison takes time in proportion to them."""
    return fits(cdnow.calibration, method=bcx.Laplace(draws=1000))


@pytest.fixture(scope="module")
def found(cdnow_rivals):
    return bcx.compare(cdnow_rivals)


def test_leave_one_out_is_what_a_fit_without_the_customer_predicts():
    stats = simulated_stats(30, r=1.0, alpha=5.0, a=1.0, b=2.0, seed=3)
    posterior = bcx.fit(MBG_NBD, stats, method=LAPLACE, seed=1, progress=False)
    table = posterior.observed()
    loo = leave_one_out(posterior, table)
    # The rows that change the fit most and least.
    for row in [*np.argsort(-loo.p)[:2], int(np.argmin(loo.p))]:
        fewer = table["weight"].to_numpy() - (np.arange(table.sizes["row"]) == row)
        rest = table.assign(weight=("row", fewer)).isel(row=fewer > 0).assign_attrs(stats.attrs)
        again = bcx.fit(
            MBG_NBD, rest, method=LAPLACE, scale=posterior.provenance.scale, seed=2, progress=False
        )
        ((_, block),) = log_likelihoods(again, table.isel(row=[row]))
        likelihood = np.exp(block[:, 0])
        exact, mc = np.log(likelihood.mean()), likelihood.std() / likelihood.mean() / np.sqrt(1000)
        assert loo.elpd[row] == pytest.approx(exact, abs=4 * mc + 0.005)
        assert loo.khat[row] < 0.7


@pytest.mark.slow
def test_arviz_finds_the_same_for_customers_one_by_one(early_fits, at_point):
    """Of draws that hold nothing but the letters, so that both see the same effective number of draws."""
    plain = {name: at_point(fit, chains=4, **fit.parameters()) for name, fit in early_fits.items()}
    ours = bcx.compare(plain)
    each = {name: bcx.add_log_likelihood(fit).draws for name, fit in plain.items()}
    theirs = az.compare(each, round_to="none")
    for name in plain:
        one, other = ours.table.sel(model=name), theirs.loc[name]
        for mine, its in {"elpd": "elpd", "elpd_se": "se", "parameters": "p"}.items():
            assert float(one[mine]) == pytest.approx(other[its], rel=1e-9), mine
        assert float(one["behind"]) == pytest.approx(-other["elpd_diff"], abs=1e-9)
        # Theirs divides by n where that of a sum has n - 1.
        assert float(one["behind_se"]) == pytest.approx(other["dse"] * np.sqrt(400 / 399), rel=1e-9)
        assert float(one["weight"]) == pytest.approx(other["weight"], abs=1e-3)
        khat = az.loo(each[name], pointwise=True).pareto_k.to_numpy()
        np.testing.assert_allclose(np.repeat(ours.rows["khat"].sel(model=name), ours.rows["weight"]), khat)


def test_a_row_counts_as_often_as_it_occurs(rng):
    weight = rng.integers(1, 6, 40)
    rows = [Loo(*rng.normal(-3, 1, (2, 40)), rng.uniform(0, 1, 40)) for _ in range(3)]
    rows.sort(key=lambda loo: -weight @ loo.elpd)
    each = [Loo(*(np.repeat(values, weight) for values in loo)) for loo in rows]
    short, long = (
        _scores(loos, [4000] * 3, w) for loos, w in ((rows, weight), (each, np.ones(weight.sum(), int)))
    )
    xr.testing.assert_allclose(short.drop_vars("weight"), long.drop_vars("weight"))
    np.testing.assert_allclose(short["weight"], long["weight"], atol=1e-4)
    behind = each[0].elpd - each[2].elpd
    assert float(long["behind_se"][2]) == pytest.approx(np.sqrt(behind.size) * behind.std(ddof=1))
    assert float(long["khat_above"][0]) == (each[0].khat > 0.7).sum()


def test_the_model_that_made_the_data_is_found(early_fits):
    found = bcx.compare(early_fits)
    assert (found.best, found.clear, found.rivals) == ("MBG/NBD", True, ())
    assert found.weights["MBG/NBD"] > 0.8
    assert sum(found.weights.values()) == pytest.approx(1)
    lead, se = (float(found.table[name][1]) for name in ("behind", "behind_se"))
    assert lead > max(4, 2 * se)
    assert f"MBG/NBD predicts best; it is clearly ahead of BG/NBD ({lead:.1f} ± {se:.1f})" in found.sentence
    assert "400 customers" in found.sentence
    assert found.verdict == "passed"


@pytest.mark.slow
def test_regular_buyers_are_told_apart_from_irregular_ones():
    """Both densities are of the same moments: equal at k = 1, and apart where buyers are regular."""
    for k in (1, 3):
        stats = simulated_stats(400, r=2.0, alpha=4.0 / k, a=0.5, b=3.0, seed=7, k=k)
        rivals = {
            model.name: bcx.fit(model, stats, seed=1, method=LAPLACE, progress=False)
            for model in (MBG_NBD, MBG_CNBD.at(k=k))
        }
        found = bcx.compare(rivals)
        assert "regularity" in found.rows
        if k == 1:
            assert float(found.table["behind"][1]) < 0.2
        else:
            assert (found.best, found.clear) == ("MBG/CNBD-k", True)


def test_models_that_predict_alike_are_not_told_apart(found):
    """On CDNOW the two are within a unit of log-likelihood of each other."""
    assert not found.clear
    assert len(found.rivals) == 1
    assert float(found.table["behind"][1]) < 4
    assert "is small: either would do" in found.sentence
    assert found.table.attrs["customers"] == 2357


def test_two_fits_of_one_model_predict_alike(early, early_fits):
    again = bcx.fit(MBG_NBD, early, seed=2, method=LAPLACE, progress=False)
    found = bcx.compare({"one": early_fits["MBG/NBD"], "other": again})
    assert not found.clear
    assert float(found.table["behind"][1]) < 0.2


def test_the_statistics_give_what_the_fits_remember(cdnow, cdnow_rivals, found):
    same = bcx.compare(cdnow_rivals, stats=cdnow.calibration)
    xr.testing.assert_allclose(same.table, found.table)
    days = cdnow.calibration.assign({name: 7 * cdnow.calibration[name] for name in ("t_x", "T")})
    xr.testing.assert_allclose(
        bcx.compare(cdnow_rivals, stats=days.assign_attrs(unit="day")).table, found.table
    )


def test_a_fit_with_more_columns_lends_them_to_the_others():
    """Customers whose rate depends on their group, which only one of the models knows."""
    slow = simulated_stats(200, r=2.0, alpha=40.0, a=1.0, b=3.0, seed=5)
    fast = simulated_stats(200, r=2.0, alpha=2.0, a=1.0, b=3.0, seed=6)
    stats = xr.concat([slow, fast], "customer", combine_attrs="override")
    stats = stats.assign_coords(customer=np.arange(400))
    stats["group"] = ("customer", np.repeat(["slow", "fast"], 200).astype(object))
    known = bcx.Design(pooled={"purchase_rate": "group"})
    plain = bcx.fit(MBG_NBD, stats, seed=1, method=LAPLACE, progress=False)
    grouped = bcx.fit(MBG_NBD, stats, design=known, seed=1, method=LAPLACE, progress=False)
    found = bcx.compare({"all alike": plain, "by group": grouped})
    assert (found.best, found.clear) == ("by group", True)
    assert "group" in found.rows
    other = with_provenance(grouped, layout=replace(grouped.layout, design=bcx.Design(pooled={"b": "kind"})))
    with pytest.raises(bcx.InputError, match=r"lacks kind.*pass them as stats="):
        bcx.compare({"by group": grouped, "by kind": other})


def test_customers_who_came_just_now_tell_nothing(cdnow_fits):
    rows = {"x": ("row", [0, 2]), "t_x": ("row", [0.0, 3.0]), "T": ("row", [0.0, 9.0])}
    loo = leave_one_out(cdnow_fits[0], xr.Dataset(rows))
    assert loo.elpd[0] == pytest.approx(0, abs=1e-12)
    assert (loo.p[0], loo.khat[0]) == (0, 0)
    assert np.isfinite(loo.elpd).all()


def test_customers_that_cannot_be_left_out_are_counted(cdnow_rivals, at_point, rng):
    """Draws that lie far from the posterior cannot be weighed to it."""
    base = cdnow_rivals["BG/NBD"].parameters()
    far = {name: value[:400] * np.exp(rng.normal(0, 1, 400)) for name, value in base.items()}
    wide = at_point(cdnow_rivals["BG/NBD"], chains=4, **far)
    found = bcx.compare({**cdnow_rivals, "wide": wide})
    check = next(check for check in found.checks if "k-hat" in check.name and check.about == "wide")
    one = found.table.sel(model="wide")
    assert float(one["khat_limit"]) == pytest.approx(1 - 1 / np.log10(400))
    weight, khat = found.rows["weight"].to_numpy(), found.rows["khat"].sel(model="wide").to_numpy()
    assert check.value == one["khat_above"] == weight[khat > khat_limit(400)].sum() > 0
    assert (check.status, found.verdict) == ("failed", "failed")
    assert "Read it with care" in found.sentence


@pytest.mark.parametrize("n", [2, 3])
def test_stacking_is_the_best_of_a_fine_grid(n, rng):
    elpd = rng.normal(-3, 0.8, (n, 60)) - np.linspace(0, 0.3, n)[:, None]
    weight = rng.integers(1, 9, 60)
    steps = np.linspace(0, 1, 201)
    grid = [w for w in np.stack(np.meshgrid(*[steps] * (n - 1)), -1).reshape(-1, n - 1) if w.sum() <= 1]
    grid = np.array([[*w, 1 - w.sum()] for w in grid])
    value = np.log(np.clip(grid, 0, 1) @ np.exp(elpd)) @ weight
    w = stacking(elpd, weight)
    assert w.sum() == pytest.approx(1)
    assert np.log(w @ np.exp(elpd)) @ weight >= value.max()
    np.testing.assert_allclose(w, grid[value.argmax()], atol=0.02)
    np.testing.assert_allclose(stacking(np.repeat(elpd, weight, axis=1), np.ones(weight.sum())), w, atol=1e-4)


def test_stacking_leaves_nothing_to_gain(rng):
    """At the maximum no model would be worth more weight than it has (Karush, Kuhn and Tucker)."""
    elpd, weight = rng.normal(-800, 2, (8, 3000)), rng.integers(1, 20, 3000)
    w = stacking(elpd, weight)
    relative = np.exp(elpd - logsumexp(elpd, b=w[:, None], axis=0))
    worth = relative @ weight / weight.sum()
    assert worth.max() < 1 + 1e-4
    np.testing.assert_allclose(worth[w > 1e-3], 1, atol=1e-4)


@pytest.mark.parametrize(
    ("other", "match"),
    [
        (lambda fit, spend: spend, "a model of purchases, and other, a model of spend"),
        (
            lambda fit, spend: replace(fit, model=replace(fit.model, kind=OPPORTUNITIES)),
            "a model of opportunities",
        ),
        (lambda fit, spend: with_provenance(fit, unit="day"), "time by the week, and other, time by the day"),
        (lambda fit, spend: with_provenance(fit, method="prior"), "draws by prior of other"),
    ],
)
def test_what_does_not_compare_is_refused(cdnow_fits, other, match):
    fit, spend = cdnow_fits
    with pytest.raises(bcx.InputError, match=match):
        bcx.compare({"one": fit, "other": other(fit, spend)})


def test_one_fit_points_and_other_customers_are_refused(cdnow, cdnow_fits, early_fits):
    with pytest.raises(bcx.InputError, match="two or more"):
        bcx.compare({"one": cdnow_fits[0]})
    point = bcx.fit(MBG_NBD, cdnow.calibration, method=bcx.MLE())
    with pytest.raises(bcx.InputError, match=r"1 draws by MLE of point"):
        bcx.compare({"one": cdnow_fits[0], "point": point})
    with pytest.raises(bcx.InputError, match="the same statistics"):
        bcx.compare({"one": cdnow_fits[0], "other": early_fits["MBG/NBD"]})


def made_up(behind, se, **more):
    n = len(behind)
    names = [f"M{i}" for i in range(n)]
    columns = {"behind": behind, "behind_se": se, "weight": np.full(n, 1 / n), **more}
    table = xr.Dataset(
        {name: ("model", np.array(values, float)) for name, values in columns.items()},
        coords={"model": names},
        attrs={"customers": 1234, "total_observed": 100},
    )
    return Comparison(table, xr.Dataset(), (bcx.Check("something", 0, "0", "passed"),))


@pytest.mark.parametrize(
    ("behind", "se", "rivals", "says"),
    [
        ([0, 3.9], [0, 0.1], ("M1",), "the difference to M1 (3.9 ± 0.1) is small: either would do"),
        ([0, 9], [0, 5], ("M1",), "the lead over M1 (9.0 ± 5.0) may be chance"),
        ([0, 11], [0, 5], (), "it is clearly ahead of M1 (11.0 ± 5.0)"),
        ([0, 1, 2], [0, 1, 1], ("M1", "M2"), "M1 (1.0 ± 1.0) and M2 (2.0 ± 1.0) is small: any of them would"),
        ([0, 1, 6, 30], [0, 1, 4, 5], ("M1", "M2"), "ahead of M3 (30.0 ± 5.0); the difference to M1"),
    ],
)
def test_the_rule_and_its_words(behind, se, rivals, says):
    found = made_up(behind, se)
    assert (found.best, found.rivals, found.clear) == ("M0", rivals, not rivals)
    assert says in found.sentence
    assert "1,234 customers" in found.sentence


def test_the_holdout_may_disagree_and_the_words_say_so():
    forecast = {"total": [90, 95], "total_error": [-0.1, -0.05]}
    worse = made_up([0, 1], [0, 1], **forecast, log_score_behind=[0, 0.1], log_score_behind_se=[0, 0.01])
    assert "it forecast 90 purchases; 100 were made (−10.0%)." in worse.sentence
    assert "forecast better" not in worse.sentence
    better = made_up([0, 1], [0, 1], **forecast, log_score_behind=[0, -0.1], log_score_behind_se=[0, 0.01])
    assert "There M1 forecast better than M0." in better.sentence


@pytest.fixture(scope="module")
def judged(cdnow, cdnow_rivals, cdnow_fits):
    return bcx.compare(cdnow_rivals, split=cdnow, spend=cdnow_fits[1], draws=200, seed=3)


def test_the_holdout_is_judged_by_the_same_numbers_as_elsewhere(judged, cdnow, cdnow_rivals):
    observed, table = cdnow.holdout["x_holdout"].to_numpy(), judged.table
    for name, fit in cdnow_rivals.items():
        one = table.sel(model=name)
        counts = bcx.predict_purchases(fit, cdnow.calibration, "39 weeks", draws=200, seed=8).to_numpy()
        fair = crps(counts, observed)
        assert float(one["crps"]) == pytest.approx(fair.mean(), abs=0.01)
        assert float(one["crps_se"]) == pytest.approx(fair.std(ddof=1) / np.sqrt(2357), rel=0.05)
        low, high = np.quantile(counts.sum(axis=1), [0.025, 0.975])
        assert float(one["total"]) == pytest.approx(counts.sum() / 200, rel=0.02)
        assert float(one["total_low"]) == pytest.approx(low, rel=0.05)
        assert float(one["total_high"]) == pytest.approx(high, rel=0.05)
        assert float(one["total_error"]) == pytest.approx(float(one["total"]) / 1882 - 1)
        assert one["coverage"].sel(level=0.5).item() == pytest.approx(0.5, abs=0.1)
    assert table.attrs["total_observed"] == 1882
    assert (table["coverage_low"] < table["coverage"]).all()


@pytest.mark.slow
def test_the_log_score_of_frequent_counts_is_that_of_many_futures(cdnow, cdnow_rivals):
    often = np.flatnonzero(cdnow.holdout["x_holdout"].to_numpy() <= 1)[::4]
    some = bcx.Split(
        cdnow.calibration.isel(customer=often), cdnow.holdout.isel(customer=often), cdnow.tracking
    )
    found = forecasts(cdnow_rivals, some, None, 400, 1)
    observed = some.holdout["x_holdout"].to_numpy()
    for name, fit in cdnow_rivals.items():
        counts = bcx.predict_purchases(fit, some.calibration, "39 weeks", draws=2000, seed=8).to_numpy()
        simulated = log_score(counts, observed, pooled(counts, 1)).mean()
        assert float(found["log_score"].sel(model=name)) == pytest.approx(simulated, abs=0.004)


def test_differences_in_the_holdout_are_paired(judged):
    best, other = (judged.table.isel(model=i) for i in (0, 1))
    for name in ("log_score", "crps"):
        behind = float(other[f"{name}_behind"])
        assert behind == pytest.approx(float(other[name]) - float(best[name]))
        # The same customers are hard for both, so the difference is known far better than either.
        assert 0 < float(other[f"{name}_behind_se"]) < float(best[f"{name}_se"]) / 5
        assert float(best[f"{name}_behind"]) == float(best[f"{name}_behind_se"]) == 0


def test_the_best_tenth_is_that_of_the_expected_spend(judged, cdnow, cdnow_rivals, cdnow_fits):
    paid = cdnow.holdout["spend_holdout"].to_numpy()
    price = bcx.score(cdnow_fits[1], cdnow.calibration, "expected_spend", thin_to=200)["mean"].to_numpy()
    for name, fit in cdnow_rivals.items():
        ahead = bcx.score(fit, cdnow.calibration, "expected_purchases", t="39 weeks", thin_to=200)["mean"]
        top = np.argsort(-(ahead.to_numpy() * price))[:236]
        one = judged.table.sel(model=name)
        assert float(one["captured"]) == pytest.approx(paid[top].sum() / paid.sum(), abs=0.005)
        assert one["captured_low"] < one["captured"] < one["captured_high"]
    assert judged.table.attrs["counted"] == "revenue"
    assert float(judged.table["captured_behind"][0]) == 0


def test_the_same_seed_gives_the_same(cdnow, cdnow_rivals, cdnow_fits):
    one, same, other = (forecasts(cdnow_rivals, cdnow, cdnow_fits[1], 10, seed) for seed in (4, 4, 5))
    assert one.identical(same)
    assert not one.identical(other)


def test_without_amounts_purchases_are_counted_and_nobody_may_come(cdnow, cdnow_rivals, judged):
    bare = replace(cdnow, holdout=cdnow.holdout.drop_vars("spend_holdout"))
    assert forecasts(cdnow_rivals, bare, None, 10, 0).attrs["counted"] == "purchases"
    nothing = xr.zeros_like(cdnow.holdout).assign_attrs(cdnow.holdout.attrs)
    empty = forecasts(cdnow_rivals, replace(cdnow, holdout=nothing), None, 10, 0)
    assert np.isnan(empty["captured"]).all()
    found = replace(
        judged, table=judged.table.drop_attrs().assign(empty).assign_attrs(customers=2357, **empty.attrs)
    )
    assert "purchases; 0 were made." in found.sentence
    assert found._repr_html_()


def test_a_fit_of_another_period_is_refused_for_the_holdout(cdnow, cdnow_rivals, early_fits):
    later = bcx.split(bcx.load_cdnow(sample=True), "1997-12-31", "1998-06-30", "week")
    with pytest.raises(bcx.InputError, match=r"to split\.calibration"):
        bcx.compare(cdnow_rivals, split=later)
    with pytest.raises(bcx.InputError, match="two draws or more"):
        bcx.compare(cdnow_rivals, split=cdnow, draws=1)
    bare = replace(cdnow, calibration=cdnow.calibration.drop_vars("t_x"))
    with pytest.raises(bcx.InputError, match="without t_x for"):
        bcx.compare(cdnow_rivals, split=bare)


def test_the_frame_has_a_row_a_model_and_the_panel_the_words(judged, found):
    frame = judged.frame
    assert list(frame.index) == list(judged.table["model"].to_numpy())
    assert {"elpd", "behind_se", "coverage_50", "coverage_low_95", "captured_high"} <= set(frame.columns)
    assert frame.loc[judged.best, "behind"] == 0
    assert "coverage_50" not in found.frame
    assert repr(found) == f"<Comparison of 2 models: {found.best} best, not clearly>"
    html = judged._repr_html_()
    for word in ("predicts best, but not clearly", "2,357 customers", "total error", "would do"):
        assert word in html
    assert "total error" not in found._repr_html_()


def test_the_column_that_differs_is_named(early_fits):
    """The same customers, but for a column of one of the fits."""
    one, other = early_fits.values()
    rows = other.draws["observed_data"].to_dataset()
    moved = other.with_group("observed_data", rows.assign(T=rows["T"] + 1.0))
    with pytest.raises(bcx.InputError, match=r"who differ in T from those of the others"):
        bcx.compare({"one": one, "other": moved})
