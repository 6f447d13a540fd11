"""Scores against the papers' formulas written out in scipy and mpmath for a few customers and draws."""

import sys

import arviz as az
import mpmath as mp
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import special

import bayes_cx as bcx
from bayes_cx.data import compress
from bayes_cx.scoring import compiled, scorer

# The package gives the name of this module to the function in it.
module = sys.modules["bayes_cx.scoring.scorer"]

LETTERS = {
    "r": np.array([0.2, 0.3, 1.7, 0.24]),
    "alpha": np.array([4.0, 5.0, 11.0, 4.4]),
    "a": np.array([0.7, 1.0, 1.4, 0.79]),
    "b": np.array([2.5, 0.9, 3.0, 2.4]),
}
SPEND = {"p": np.array([6.0, 1.2, 3.0]), "q": np.array([3.7, 1.5, 6.0]), "v": np.array([15.0, 30.0, 80.0])}


@pytest.fixture(scope="module")
def posterior(purchases, at_point):
    return at_point(purchases, chains=2, **LETTERS)


def p_alive(x, t_x, T, r, alpha, a, b):
    return 1.0 / (1.0 + (x > 0) * a / (b + max(x, 1) - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x))


def if_active(t, x, t_x, T, r, alpha, a, b):
    """Eq. (10) of Fader, Hardie & Lee (2005) as printed, given active; its limit at a = 1."""
    if a == 1.0:
        return (
            if_active(t, x, t_x, T, r, alpha, 1 + 1e-7, b) + if_active(t, x, t_x, T, r, alpha, 1 - 1e-7, b)
        ) / 2
    with mp.workdps(40):
        F = mp.hyp2f1(r + x, b + x, a + b + x - 1, t / (alpha + T + t))
        return float((a + b + x - 1) / (a - 1) * (1 - ((alpha + T) / (alpha + T + t)) ** (r + x) * F))


def expected_purchases(t, *row):
    return p_alive(*row) * if_active(t, *row)


def expected_new(t, r, alpha, a, b):
    return if_active(t, 0, 0.0, 0.0, r, alpha, a, b)


def p_any(t, x, t_x, T, r, alpha, a, b):
    return p_alive(x, t_x, T, r, alpha, a, b) * (1.0 - ((alpha + T) / (alpha + T + t)) ** (r + x))


def rows(stats):
    return list(zip(*(stats[name].to_numpy().tolist() for name in ("x", "t_x", "T")), strict=True))


def points(letters):
    return list(zip(*(value.tolist() for value in letters.values()), strict=True))


@pytest.mark.parametrize(
    ("quantity", "formula", "options", "given"),
    [
        ("p_alive", p_alive, (), {}),
        ("expected_purchases_if_active", if_active, (39.0,), {"t": "39 weeks"}),
        ("expected_purchases", expected_purchases, (39.0,), {"t": 39.0}),
        ("expected_purchases", expected_purchases, (521.0,), {"t": "3647 days"}),
        ("p_any_purchase", p_any, (2.0,), {"t": "2 weeks"}),
    ],
)
def test_every_customer_and_draw_has_the_papers_value(posterior, few, quantity, formula, options, given):
    found = bcx.draws(posterior, few, quantity, **given)
    wanted = [[formula(*options, *row, *one) for row in rows(few)] for one in points(LETTERS)]
    assert found.dims == ("chain", "draw", "customer")
    assert found.sizes == {"chain": 2, "draw": 2, "customer": 6}
    np.testing.assert_allclose(found.to_numpy().reshape(4, 6), wanted, rtol=1e-7)


def test_expected_spend(spend, at_point, few):
    posterior = at_point(spend, **SPEND)
    found = bcx.draws(posterior, few, "expected_spend").to_numpy()[0]
    z = np.nan_to_num(few["spend"].to_numpy())
    x = few["x"].to_numpy()
    wanted = [
        [p * (v + n * m) / (p * n + q - 1) for n, m in zip(x, z, strict=True)] for p, q, v in points(SPEND)
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_a_score_summarises_the_draws(purchases, few):
    draws = bcx.draws(purchases, few, "expected_purchases", t=10).stack(sample=("chain", "draw"))
    score = bcx.score(purchases, few, "expected_purchases", t=10, quantiles=(0.1, 0.5, 0.99))
    values = draws.transpose("sample", "customer").to_numpy()
    assert values.shape == (4000, 6)
    np.testing.assert_allclose(score["mean"], [np.mean(column) for column in values.T], rtol=1e-12)
    np.testing.assert_allclose(score["sd"], values.std(axis=0), rtol=1e-10)
    np.testing.assert_allclose(score["quantile"], np.quantile(values, (0.1, 0.5, 0.99), axis=0).T, rtol=1e-12)
    assert score["customer"].to_numpy().tolist() == few["customer"].to_numpy().tolist()
    assert score["probability"].to_numpy().tolist() == [0.1, 0.5, 0.99]
    assert score.attrs["draws"] == 4000
    assert score.attrs["unit"] == "purchases"


def test_chunks_do_not_change_results(purchases, cdnow_sample, monkeypatch):
    whole = bcx.score(purchases, cdnow_sample, "expected_purchases", t=10, thin_to=50)
    each = bcx.draws(purchases, cdnow_sample, "p_alive", thin_to=50)
    monkeypatch.setattr(compiled, "_CELLS", 1_234)
    monkeypatch.setattr(module, "_CHUNK_CELLS", 7_777)
    np.testing.assert_array_equal(
        bcx.score(purchases, cdnow_sample, "expected_purchases", t=10, thin_to=50)["quantile"],
        whole["quantile"],
    )
    np.testing.assert_array_equal(bcx.draws(purchases, cdnow_sample, "p_alive", thin_to=50), each)


def test_some_customers_have_the_values_they_have_among_all(purchases, cdnow_sample, monkeypatch):
    some = np.array([7, 2000, 7, 3])
    ready = scorer(purchases, cdnow_sample, "p_alive", thin_to=20)
    kept = ready.customers(some)
    monkeypatch.setattr(module, "_CHUNK_CELLS", 1)
    monkeypatch.setattr(module, "_FEW_CELLS", 3_000)  # a part of the draws at once
    anew = scorer(purchases, cdnow_sample, "p_alive", thin_to=20)
    np.testing.assert_array_equal(anew.customers(some), kept)
    for place, values in zip((5, 0, 19), anew.each([5, 0, 19]), strict=True):
        np.testing.assert_array_equal(values[some], kept[place])


@pytest.mark.parametrize("unit", ["hour", "day", "month", "year"])
def test_statistics_in_another_unit_than_the_fit(posterior, few, unit):
    factor = {"hour": 168.0, "day": 7.0, "month": 7 / 30.4375, "year": 7 / 365.25}[unit]
    other = few.assign(t_x=few["t_x"] * factor, T=few["T"] * factor).assign_attrs(unit=unit)
    for quantity, options in (("p_alive", {}), ("expected_purchases", {"t": "39 weeks"})):
        np.testing.assert_allclose(
            bcx.draws(posterior, other, quantity, **options),
            bcx.draws(posterior, few, quantity, **options),
            rtol=1e-10,
        )


def test_draws_are_what_arviz_reads(purchases, few):
    draws = bcx.draws(purchases, few, "p_alive")
    assert draws.sizes["chain"] == purchases.draws["posterior"].sizes["chain"]
    table = az.summary(draws.to_dataset(name="p_alive"), kind="stats", round_to=6)
    np.testing.assert_allclose(table["mean"].astype(float), draws.mean(("chain", "draw")), atol=2e-6)


def test_thinned_draws_are_evenly_spaced(purchases, few):
    every = bcx.draws(purchases, few, "p_alive").to_numpy().reshape(4000, 6)
    thin = bcx.draws(purchases, few, "p_alive", thin_to=8)
    assert thin.sizes == {"chain": 1, "draw": 8, "customer": 6}
    np.testing.assert_array_equal(thin[0], every[::500])
    assert bcx.draws(purchases, few, "p_alive", thin_to=9_999).shape == (1, 4000, 6)


def test_customers_never_seen_have_no_dimension(posterior, few, spend, at_point):
    new = bcx.draws(posterior, few, "expected_purchases_new", t="39 weeks")
    assert new.dims == ("chain", "draw")
    wanted = [expected_new(39.0, *one) for one in points(LETTERS)]
    np.testing.assert_allclose(new.to_numpy().ravel(), wanted, rtol=1e-7)
    score = bcx.score(posterior, few, "expected_purchases_new", t="39 weeks")
    assert score["mean"].dims == ()
    assert score["mean"].item() == pytest.approx(np.mean(wanted))
    assert score["quantile"].dims == ("probability",)
    first = bcx.score(at_point(spend, **SPEND), few, "expected_spend_new")
    assert first["mean"].item() == pytest.approx(np.mean([p * v / (q - 1) for p, q, v in points(SPEND)]))


@pytest.mark.parametrize(
    ("quantity", "options", "says"),
    [
        ("p_dead", {}, "p_alive"),
        ("expected_purchases", {}, "t='52 weeks'"),
        ("p_alive", {"t": 4}, "leave the others out"),
        ("expected_purchases", {"t": 4, "discount_rate": 0.1}, "options t;"),
        ("discounted_purchases", {"t": 4}, "needs discount_rate;"),
        ("discounted_purchases", {"t": 4, "discount": 0.002}, "needs discount_rate (it got discount);"),
        ("discounted_purchases", {"t": 4, "discount_rate": 10}, "0.1 for 10 %"),
        ("discounted_purchases", {"t": 4, "discount_rate": [0.1, 10]}, "0.1 for 10 %"),
        ("expected_purchases_between", {"t1": 8, "t2": 4}, "t1=8 after t2=4"),
        ("expected_purchases_between", {"t1": [8, 1], "t2": [4, 9]}, "t1=8 after t2=4"),
        ("expected_purchases", {"t": np.arange(6.0)}, "xr.DataArray(values, dims='customer')"),
        ("expected_purchases", {"t": []}, "one value or more"),
        ("expected_purchases", {"t": [[4, 8]]}, "a list of values"),
        ("expected_purchases", {"t": xr.DataArray([4, 8], dims="customer")}, "each of the 6 customers"),
        ("expected_purchases", {"t": pd.Series([4, 8], index=["ann", "bob"])}, "each of the 6 customers"),
        ("p_purchases", {"t": 4, "count": 0.5}, "a whole number of zero or more"),
        ("p_purchases", {"t": 4, "count": np.inf}, "a whole number of zero or more"),
        ("p_purchases", {"t": 4, "count": "two"}, "a number"),
        (
            "discounted_purchases_if_less_dropout",
            {"t": 4, "discount_rate": 0.1, "keep": 20},
            "0.2 for 20 %",
        ),
        ("expected_purchases", {"t": "4 fortnights"}, "52 weeks"),
        ("expected_purchases", {"t": -1}, "zero or more"),
        ("p_alive", {"thin_to": 0}, "positive number of draws"),
        ("p_alive", {"thin_to": 2.5}, "positive number of draws"),
    ],
)
@pytest.mark.parametrize("verb", [bcx.score, bcx.draws])
def test_errors_say_what_to_do(purchases, few, verb, quantity, options, says):
    with pytest.raises(bcx.InputError) as caught:
        verb(purchases, few, quantity, **options)
    assert says in str(caught.value)


def test_a_missing_statistic_is_named(spend, purchases, few):
    with pytest.raises(bcx.InputError, match=r"without spend.*an amount column"):
        bcx.score(spend, few.drop_vars("spend"), "expected_spend")
    with pytest.raises(bcx.InputError, match="without t_x"):
        bcx.score(purchases, few.drop_vars("t_x"), "p_alive")
    with pytest.raises(bcx.InputError, match="fortnight"):
        bcx.score(purchases, few.assign_attrs(unit="fortnight"), "p_alive")


def log_likelihood(x, t_x, T, r, alpha, a, b):
    """Eq. (6) of Fader, Hardie & Lee (2005) as printed."""
    common = special.gamma(r + x) * alpha**r / special.gamma(r)
    stayed = special.beta(a, b + x) / special.beta(a, b) * common / (alpha + T) ** (r + x)
    left = 0.0
    if x > 0:
        left = special.beta(a + 1, b + x - 1) / special.beta(a, b) * common / (alpha + t_x) ** (r + x)
    return np.log(stayed + left)


def test_log_likelihood_of_every_customer(posterior, few, purchases, at_point):
    fitted = purchases.with_group("observed_data", compress(few)[["x", "t_x", "T"]])
    fitted = fitted.with_group("constant_data", compress(few)[["weight"]])
    found = bcx.add_log_likelihood(at_point(fitted, **LETTERS)).draws["log_likelihood"]["customers"]
    wanted = [[log_likelihood(*row, *one) for row in sorted(rows(few))] for one in points(LETTERS)]
    assert found.dims == ("chain", "draw", "customer")
    np.testing.assert_allclose(found[0], wanted, rtol=1e-10)


def test_every_customer_counts_once_in_loo(purchases, cdnow_sample):
    scored = bcx.add_log_likelihood(purchases, thin_to=400)
    found = scored.draws["log_likelihood"]["customers"]
    assert found.sizes == {"chain": 1, "draw": 400, "customer": cdnow_sample.sizes["customer"]}
    assert scored.parameters()["r"].size == 400
    np.testing.assert_array_equal(scored.parameters()["r"], purchases.parameters(400)["r"])
    result = az.loo(scored.draws, var_name="customers")
    assert result.n_data_points == cdnow_sample.sizes["customer"]
    assert not result.warning
    best = found.sum("customer").max().item()
    # Four parameters cost about four units of log density.
    assert best - 10 < result.elpd < best


def test_compressed_rows_give_the_same_log_likelihood(purchases, cdnow_sample):
    total = bcx.add_log_likelihood(purchases, thin_to=3).draws["log_likelihood"]["customers"].sum("customer")
    columns = {name: cdnow_sample[name].to_numpy().astype(float) for name in ("x", "t_x", "T")}
    each = compiled.evaluate(purchases.model.log_lik, columns, purchases.parameters(3))
    np.testing.assert_allclose(total[0], each.sum(axis=1), rtol=0, atol=1e-10 * np.abs(each.sum()))


@pytest.mark.parametrize(
    ("quantity", "options", "many"),
    [
        ("p_any_purchase", {}, {"t": [8, "4 weeks", 26.5]}),
        ("p_purchases", {"t": 8}, {"count": range(3)}),
        ("p_purchases", {}, {"t": (4, 8), "count": [2, 0]}),
        ("discounted_purchases", {"t": 8}, {"discount_rate": ["10 %", bcx.DiscountRate(0.3)]}),
        ("expected_purchases_new", {}, {"t": xr.DataArray([4, 8], dims="when")}),
    ],
)
def test_several_values_of_an_option_make_a_dimension(posterior, few, quantity, options, many):
    """Each slice is what the value alone gives, in the order given; nothing is averaged over them."""
    score = bcx.score(posterior, few, quantity, **options, **many)
    draws = bcx.draws(posterior, few, quantity, **options, **many)
    values = {
        name: value.to_numpy() if isinstance(value, xr.DataArray) else list(value)
        for name, value in many.items()
    }
    assert score["mean"].dims == (*(("customer",) if "new" not in quantity else ()), *many)
    assert draws.dims[:2] == ("chain", "draw")
    for places in np.ndindex(*(len(v) for v in values.values())):
        one = {name: values[name][i] for name, i in zip(many, places, strict=True)}
        at = dict(zip(many, places, strict=True))
        alone = bcx.score(posterior, few, quantity, **options, **one)
        np.testing.assert_array_equal(score["mean"].isel(at), alone["mean"])
        np.testing.assert_array_equal(score["quantile"].isel(at), alone["quantile"])
        np.testing.assert_array_equal(draws.isel(at), bcx.draws(posterior, few, quantity, **options, **one))


def test_the_chances_of_all_counts_add_up_to_one(posterior, few):
    chances = bcx.score(posterior, few, "p_purchases", t="8 weeks", count=range(60))["mean"]
    np.testing.assert_allclose(chances.sum("count"), 1.0, atol=1e-6)
    np.testing.assert_allclose(
        1 - chances.sel(count=0), bcx.score(posterior, few, "p_any_purchase", t=8)["mean"], rtol=1e-9
    )


def test_horizons_are_named_in_the_unit_of_the_statistics(posterior, few):
    score = bcx.score(posterior, few, "p_any_purchase", t=["26 weeks", "7 days", 3])
    assert score["t"].to_numpy().tolist() == [26.0, 1.0, 3.0]
    assert score["t"].attrs["unit"] == "week"


@pytest.mark.parametrize("form", ["array", "named", "series", "text"])
def test_one_value_for_each_customer(posterior, few, form):
    own = np.array([4.0, 8.0, 4.0, 52.0, 1.0, 0.0])
    back = few["customer"].to_numpy()[::-1]
    t = {
        "array": xr.DataArray(own, dims="customer"),
        "named": xr.DataArray(own[::-1], dims="customer", coords={"customer": back}),
        "series": pd.Series(own[::-1], index=back),
        "text": xr.DataArray(np.array([f"{v:g} weeks" for v in own], object), dims="customer"),
    }[form]
    found = bcx.draws(posterior, few, "p_any_purchase", t=t).to_numpy().reshape(4, 6)
    wanted = [
        [p_any(h, *row, *one) for h, row in zip(own, rows(few), strict=True)] for one in points(LETTERS)
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-7)
    with pytest.raises(bcx.InputError, match="t1 after t2"):
        bcx.score(posterior, few, "expected_purchases_between", t1=2, t2=t)


def test_a_rate_for_each_customer(posterior, few):
    rates = pd.Series([0.0, 0.1, 0.2, 0.3, 0.4, 0.5], index=few["customer"].to_numpy())
    found = bcx.score(posterior, few, "discounted_purchases", t=52, discount_rate=rates)["mean"]
    for i, rate in enumerate(rates):
        alone = bcx.score(posterior, few.isel(customer=[i]), "discounted_purchases", t=52, discount_rate=rate)
        assert found[i].item() == pytest.approx(alone["mean"].item(), rel=1e-12)


def test_scores_are_a_table_with_one_row_a_customer(posterior, few):
    score = bcx.score(posterior, few, "p_alive")
    table = score.table()
    assert table.index.tolist() == few["customer"].to_numpy().tolist()
    assert list(table) == ["mean", "sd", *(f"quantile_{p}" for p in (5, 25, 50, 75, 95))]
    np.testing.assert_array_equal(table["quantile_25"], score["quantile"].sel(probability=0.25))
    several = bcx.score(posterior, few, "p_purchases", t=[4, 8.5], count=[0, 1], quantiles=[0.025])
    wide = several.table()
    assert wide.shape == (6, 12)
    np.testing.assert_array_equal(wide["mean, t=8.5, count=1"], several["mean"].sel(t=8.5, count=1))
    assert bcx.score(posterior, few, "expected_purchases_new", t=4).table().shape == (1, 7)
    assert score.isel(customer=[2]).table().index.tolist() == ["cyd"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"t_x": 99.0}, "t_x outside 0 to T"),
        ({"x": -1.0}, "x that is not a whole number"),
        ({"x": 0.5}, "x that is not a whole number"),
        ({"x": np.inf}, "x that is not a whole number"),
        ({"T": np.inf}, "T that is negative or missing"),
        ({"x": 0.0}, r"a last purchase after time 0 \(t_x > 0\) but no repeat purchase"),
        ({"customer": "ann"}, "2 rows of customers who are there more than once"),
    ],
)
def test_scores_and_fits_pass_one_gate(purchases, few, change, says):
    (name, value), place = next(iter(change.items())), 1
    values = few[name].to_numpy().astype(object if name == "customer" else float)
    values[place] = value
    wrong = (
        few.assign_coords(customer=values) if name == "customer" else few.assign({name: ("customer", values)})
    )
    for verb in (
        lambda: bcx.fit("bg_nbd", wrong, method=bcx.MLE()),
        lambda: bcx.score(purchases, wrong, "p_alive"),
        lambda: bcx.score(purchases, wrong, "expected_purchases_if_active", t=4),
        lambda: bcx.draws(purchases, wrong, "expected_purchases", t=4),
        lambda: bcx.predict_purchases(purchases, wrong, 4, draws=1),
        lambda: bcx.lifetime_value(purchases, 10.0, wrong).summary(),
    ):
        with pytest.raises(bcx.InputError, match=says):
            verb()


def test_what_is_no_posterior_or_no_seed_is_refused_in_words(purchases, few):
    for call, says in (
        (lambda: bcx.score(None, few, "p_alive"), "a NoneType for a posterior"),
        (lambda: bcx.draws("fit.nc", few, "p_alive"), "a str for a posterior"),
        (lambda: bcx.lifetime_value(few, purchases, few), "a Dataset for a posterior"),
        (lambda: bcx.load(None), "a NoneType for a file"),
        (lambda: bcx.fit("bg_nbd", few, seed=-1), "seed=-1"),
        (lambda: bcx.fit("bg_nbd", few, seed="one"), "seed='one'"),
        (lambda: bcx.simulate("bg_nbd", LETTERS, 9, until="2025-12-31", seed=1.5), "seed=1.5"),
        (lambda: bcx.fit("bg_nbd", few.assign(weight=few.x * 0)), "weight 0"),
    ):
        with pytest.raises(bcx.InputError, match=says):
            call()


@pytest.mark.parametrize("quantiles", [0.5, "0.5", [0.5, 0.5], [5, 95], [[0.5]], None])
def test_quantiles_are_a_list_of_different_probabilities(purchases, few, quantiles):
    with pytest.raises(bcx.InputError, match="different probabilities"):
        bcx.score(purchases, few, "p_alive", quantiles=quantiles)


@pytest.mark.parametrize("values", [[None, *["2 weeks"] * 5], [1.0, *[np.nan] * 5], ["2 weeks", *[3] * 5]])
def test_a_gap_among_the_options_of_customers_is_named(purchases, few, values):
    t = pd.Series(values, index=few["customer"].to_numpy(), dtype=object)
    with pytest.raises(bcx.InputError, match=r"some of it missing|of several types"):
        bcx.score(purchases, few, "p_alive_at", t=t)


def test_what_is_no_table_of_customers_is_refused_in_words(purchases, few):
    for stats, says in (
        (few.isel(customer=1), r"isel\(customer=\[7\]\)"),
        (few.to_dataframe(), "a data frame with the columns of statistics"),
        (few.drop_attrs(), "without a kind"),
        (few.expand_dims("region"), r"a column \w+ with the dimensions region, customer"),
        (few.assign(x=("customer", list("abcdef"))), "a column x of <U1"),
        (bcx.load_cohorts(), "statistics of contracts"),
    ):
        with pytest.raises(bcx.InputError, match=says):
            bcx.score(purchases, stats, "p_alive")
    with pytest.raises(bcx.InputError, match="probabilities from 0 to 1"):
        bcx.score(purchases, few, "p_alive", quantiles=(5, 95))
