"""Designs: parameters that differ between customers, by simulation from known groups and slopes."""

import numpy as np
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.inference.layout import lay_out
from bayes_cx.models import BG_NBD
from tests.made import with_provenance

ALPHA = {"a few": 2.0, "some": 5.0, "many": 15.0}
SIZES = {"a few": 60, "some": 300, "many": 900}


def customers(alpha, n, rng):
    T = rng.uniform(20, 60, n)
    bought = BG_NBD.simulate(rng, T, r=0.6, alpha=alpha, a=0.8, b=2.5)
    return {"x": bought.counts(n), "t_x": bought.last(n), "T": T}


def dataset(columns):
    data = {name: ("customer", value) for name, value in columns.items()}
    return xr.Dataset(
        data, coords={"customer": np.arange(columns["x"].size)}, attrs={"kind": "purchases", "unit": "week"}
    )


@pytest.fixture(scope="module")
def grouped():
    rng = np.random.default_rng(0)
    parts = [customers(alpha, SIZES[name], rng) | {"segment": name} for name, alpha in ALPHA.items()]
    columns = {key: np.concatenate([part[key] for part in parts]) for key in ("x", "t_x", "T")}
    segment = np.repeat(np.array(list(SIZES), dtype=object), list(SIZES.values()))
    return dataset(columns | {"segment": segment})


@pytest.fixture(scope="module")
def sloped():
    rng = np.random.default_rng(1)
    n = 600
    age = rng.normal(40.0, 10.0, n)
    columns = customers(6.0 * np.exp(-0.05 * (age - 40.0)), n, rng)
    return dataset(columns | {"age": age})


@pytest.fixture(scope="module")
def by_age(sloped):
    design = bcx.Design(covariates={"purchase_rate": ["age"]})
    return bcx.fit(BG_NBD, sloped, design=design, seed=1, progress=False)


def test_a_slope_is_recovered_whatever_its_unit(sloped, by_age):
    slope = by_age.draws["posterior"]["purchase_rate_slope"].to_numpy().ravel() / sloped["age"].std().item()
    assert abs(slope.mean() - 0.05) < 4 * slope.std()
    assert slope.std() < 0.02
    months = sloped.assign(age=sloped["age"] * 12)
    design = bcx.Design(covariates={"purchase_rate": ["age"]})
    again = bcx.fit(BG_NBD, months, design=design, seed=1, progress=False)
    np.testing.assert_allclose(
        again.draws["posterior"]["purchase_rate_slope"],
        by_age.draws["posterior"]["purchase_rate_slope"],
        rtol=1e-5,
    )


def test_scores_follow_the_covariate(sloped, by_age):
    """Two customers with the same history and other ages: the formula by hand at each one's own alpha."""
    two = sloped.isel(customer=[0, 0]).assign(age=("customer", [25.0, 55.0]))
    two = two.assign_coords(customer=["young", "old"])
    own, pattern = by_age.parameters_of(two)
    found = bcx.draws(by_age, two, "p_any_purchase", t="10 weeks")
    for i in range(2):
        r, alpha, a, b = (own[name][:, pattern[i]] for name in ("r", "alpha", "a", "b"))
        x, t_x, T = (float(two[name][i]) for name in ("x", "t_x", "T"))
        odds = a / (b + x - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x) if x else 0.0
        by_hand = (1 - ((alpha + T) / (alpha + T + 10)) ** (r + x)) / (1 + odds)
        np.testing.assert_allclose(found.isel(customer=i).to_numpy().ravel(), by_hand, rtol=1e-9)


@pytest.mark.parametrize("design", ["zeal + age", {"purchase_rate": ["zeal", "age"]}])
def test_each_slope_belongs_to_its_own_column(design, sloped, rng):
    """Whatever the names of columns, and the order in which they are written: only one of them matters."""
    both = sloped.assign(zeal=("customer", rng.normal(size=sloped.sizes["customer"])))
    made = bcx.Design(purchase_rate=design) if isinstance(design, str) else bcx.Design(covariates=design)
    posterior = bcx.fit(BG_NBD, both, design=made, method=bcx.MAP(), seed=1, progress=False)
    rows = both.isel(customer=[0, 0, 0]).assign(
        age=("customer", [30.0, 50.0, 30.0]), zeal=("customer", [0.0, 0.0, 2.0])
    )
    letters, pattern = posterior.parameters_of(rows)
    rate = -np.log(letters["alpha"][0, pattern])
    assert rate[1] - rate[0] == pytest.approx(20 * 0.05, abs=0.3)
    assert rate[2] - rate[0] == pytest.approx(0.0, abs=0.3)


def test_futures_agree_with_expectations(sloped, by_age):
    futures = bcx.predict_purchases(by_age, sloped, "10 weeks", draws=400, seed=2)
    expected = bcx.score(by_age, sloped, "expected_purchases", t="10 weeks")["mean"]
    old = sloped["age"] > 45
    for some in (old, ~old):
        total = futures.isel(customer=some.to_numpy()).sum("customer")
        error = float(total.std()) / np.sqrt(400)
        assert abs(float(total.mean()) - float(expected[some.to_numpy()].sum())) < 4.5 * error


def test_a_design_survives_saving(by_age, sloped, tmp_path):
    by_age.save(tmp_path / "fit.nc")
    loaded = bcx.load(tmp_path / "fit.nc")
    before, after = (p.parameters_of(sloped)[0]["alpha"] for p in (by_age, loaded))
    np.testing.assert_array_equal(before, after)


@pytest.mark.slow
def test_groups_are_recovered_and_share_strength(grouped):
    design = bcx.Design(pooled={"purchase_rate": "segment"})
    posterior = bcx.fit(BG_NBD, grouped, design=design, seed=1, progress=False)
    assert posterior.verdict == "passed"
    own, pattern = posterior.parameters_of(grouped)
    for name, alpha in ALPHA.items():
        first = int(np.flatnonzero(grouped["segment"].to_numpy() == name)[0])
        mean_rate = own["r"][:, pattern[first]] / own["alpha"][:, pattern[first]]
        z = (np.log(mean_rate).mean() - np.log(0.6 / alpha)) / np.log(mean_rate).std()
        assert abs(z) < 4, name
    unseen = grouped.isel(customer=[0]).assign(segment=("customer", np.array(["new"], dtype=object)))
    known = own["alpha"][:, pattern[0]]
    assert np.log(posterior.parameters_of(unseen)[0]["alpha"][:, 0]).std() > np.log(known).std()


def test_groups_that_the_fit_has_not_seen_are_named(purchases, at_point, cdnow_sample):
    """They are scored by the distribution of the groups, and this is said."""
    few = cdnow_sample.isel(customer=slice(0, 6)).assign(segment=("customer", list("aabbcd")))
    known = few.isel(customer=slice(0, 4))
    offsets = {"purchase_rate_offset": (("chain", "draw", "group"), np.array([[[-1.0, 1.0]] * 3]))}
    values = {"purchase_rate": 2.0, "rate_cv": 2.0, "dropout": 0.2, "dropout_size": 3.0}
    values |= {"purchase_rate_spread": 0.5}
    draws = xr.Dataset({name: (("chain", "draw"), np.full((1, 3), value)) for name, value in values.items()})
    layout = lay_out(bcx.Design(pooled={"purchase_rate": "segment"}), known)
    fit = with_provenance(purchases.with_group("posterior", draws.assign(offsets)), layout=layout)
    assert fit.new_groups(known) == {}
    assert "groups_not_in_fit" not in bcx.score(fit, known, "p_alive").attrs
    assert fit.new_groups(few) == {"segment: c": 1, "segment: d": 1}
    with pytest.warns(UserWarning, match=r"2 groups not in the fit: segment: c \(1 customer\), segment: d"):
        score = bcx.score(fit, few, "p_alive")
    assert score.attrs["groups_not_in_fit"] == ["segment: c", "segment: d"]
    same = np.isin(few["segment"], ["a", "b"])
    assert np.all(score["sd"][same] == 0)
    assert np.any(score["sd"][~same] > 0)


def test_designs_that_do_not_fit_are_refused(sloped, grouped):
    def refused(match, stats, **design):
        with pytest.raises(bcx.InputError, match=match):
            bcx.fit(BG_NBD, stats, design=bcx.Design(**design), progress=False)

    refused("a coordinate of BG/NBD", sloped, covariates={"alpha": ["age"]})
    refused("columns of the statistics", sloped, pooled={"dropout": "region"})
    refused("not numeric", grouped, covariates={"dropout": ["segment"]})
    refused("missing values", sloped.assign(age=sloped["age"] * np.nan), covariates={"dropout": ["age"]})
    refused("one value only", sloped.assign(age=sloped["age"] * 0), covariates={"dropout": ["age"]})
