"""Fits of groups by normal approximations and importance sampling."""

import arviz as az
import numpy as np
import pytest
import xarray as xr
from scipy import stats

import bayes_cx as bcx
from bayes_cx.compiling import AS_WRITTEN
from bayes_cx.inference.build import build
from bayes_cx.inference.drift import log_det
from bayes_cx.inference.group_mode import expanded
from bayes_cx.inference.grouped import grouped
from bayes_cx.inference.prepare import prepare
from bayes_cx.models import BG_NBD, PARETO_NBD
from tests.inference.test_design import customers, dataset

SIZES = (1, 1, 3, 12, 40, 90)
EVERYTHING = bcx.Design(purchase_rate="age", pool=["country / store"], drift={"dropout": "cohort"})


@pytest.fixture(scope="module")
def stores():
    """Customers of stores in two countries, with an age and a cohort."""
    rng = np.random.default_rng(5)
    alphas = 5.0 * np.exp(rng.normal(0, 0.5, len(SIZES)))
    parts = [
        customers(alpha, n, rng) | {"store": f"s{i}"}
        for i, (alpha, n) in enumerate(zip(alphas, SIZES, strict=True))
    ]
    columns = {key: np.concatenate([part[key] for part in parts]) for key in ("x", "t_x", "T")}
    n = columns["x"].size
    columns["store"] = np.repeat(np.array([part["store"] for part in parts], object), SIZES)
    columns["country"] = np.where(np.isin(columns["store"], ["s0", "s3", "s5"]), "A", "B").astype(object)
    columns["cohort"] = rng.choice(np.array(["1997-01", "1997-02", "1997-04"], object), n)
    columns["age"] = rng.integers(20, 23, n).astype(float)
    return dataset(columns)


@pytest.fixture(scope="module")
def of_stores(stores):
    return bcx.fit(BG_NBD, stores, design=bcx.Design(pool=["store"]), method=bcx.Laplace(draws=800), seed=1)


def test_the_density_of_draws_is_that_of_the_pymc_model(stores):
    """Of every term: covariates, nested groups, and groups in an order with a gap."""
    prepared = prepare(BG_NBD, stores, EVERYTHING)
    engine = grouped(prepared, {})
    assert engine is not None
    rng = np.random.default_rng(0)
    effects, n = engine.effects, 2
    scales = np.concatenate(
        [rng.normal(-1, 0.3, (n, len(effects.pools))), rng.normal(0, 1, (n, len(effects.ordered)))], axis=1
    )
    outer = rng.normal(0, 0.2, (n, effects.size))
    quadratic = expanded(
        engine.likelihood, effects, np.zeros((len(effects.inner), 1, effects.groups)), outer[:1]
    )
    inner, _, height = engine._effects(quadratic, scales, outer, rng)
    named = engine._named(inner, outer, scales, height)["posterior"].isel(chain=0)
    with build(prepared) as built:
        log_p = built.compile_logp(mode=AS_WRITTEN)
        start = built.initial_point()
    pools = [pool for name in BG_NBD.priors for pool in prepared.layout.pools(name)]
    for d in range(n):
        draw = named.isel(draw=d)
        values, more = {}, 0.0
        for pool in pools:
            spread = float(draw[pool.spread])
            more += len(pool.groups) * np.log(spread)
            offset = draw[pool.offset].to_numpy()
            if pool.ordered:
                at, memory = pool.steps(), float(draw[pool.memory])
                root = np.linalg.cholesky(memory ** np.abs(np.subtract.outer(at, at)))
                more += 0.5 * log_det(np.array([memory]), at)[0]
                values[f"{pool.name}_step"] = np.linalg.solve(root, offset)
                values[f"{pool.memory}_logodds__"] = np.log(memory / (1 - memory))
            else:
                values[pool.offset] = offset
            values[f"{pool.spread}_log__"] = np.log(spread)
        for name, prior in BG_NBD.priors.items():
            value = float(draw[name])
            values |= (
                {f"{name}_log__": np.log(value)}
                if prior.link == "log"
                else {f"{name}_logodds__": np.log(value / (1 - value))}
            )
        values["purchase_rate_slope"] = draw["purchase_rate_slope"].to_numpy()
        assert set(values) == set(start)
        np.testing.assert_allclose(height[d] + more, log_p(values), rtol=1e-10)


def test_rows_may_be_compressed_and_in_any_order(stores, of_stores):
    from bayes_cx.data import compress

    table = compress(stores, on=("x", "t_x", "T", "store")).isel(row=slice(None, None, -1))
    again = bcx.fit(BG_NBD, table, design=bcx.Design(pool=["store"]), method=bcx.Laplace(draws=800), seed=1)
    for name in ("purchase_rate", "dropout_store_spread", "rate_cv_store_offset"):
        ours, others = (fit.draws["posterior"][name].to_numpy() for fit in (of_stores, again))
        np.testing.assert_allclose(ours, others, rtol=1e-6, atol=1e-9)


def test_the_unit_of_time_changes_nothing(stores, of_stores):
    days = stores.assign(t_x=stores["t_x"] * 7, T=stores["T"] * 7).assign_attrs(unit="day")
    again = bcx.fit(BG_NBD, days, design=bcx.Design(pool=["store"]), method=bcx.Laplace(draws=800), seed=1)
    for name in ("purchase_rate", "purchase_rate_store_offset"):
        ours, others = (fit.draws["posterior"][name] for fit in (of_stores, again))
        np.testing.assert_allclose(ours.mean(("chain", "draw")), others.mean(("chain", "draw")), atol=0.02)


def test_small_groups_borrow_more(of_stores):
    """Offsets of a store with one customer are nearly those of the prior, others are told by data."""
    sd = of_stores.draws["posterior"]["purchase_rate_store_offset"].std(("chain", "draw")).to_numpy()
    assert of_stores.provenance.method == "Laplace"
    assert sd[:2].min() > sd[-2:].max()


def test_effects_of_zero_are_the_model_without_a_design(stores, purchases, at_point):
    """Whatever the scores are, they are those of the same parameters for everybody."""
    from bayes_cx.inference.layout import lay_out
    from tests.made import with_provenance

    values = {"purchase_rate": 1.4, "rate_cv": 1.2, "dropout": 0.2, "dropout_size": 3.0}
    layout = lay_out(EVERYTHING, stores)
    scale = purchases.provenance.scale
    letters = {name: np.array([value]) for name, value in BG_NBD.letters(scale, **values).items()}
    plain = at_point(purchases, **letters)
    group = (
        at_point(purchases, **{name: np.array([v]) for name, v in values.items()})
        .draws["posterior"]
        .to_dataset()
    )
    sample = ("chain", "draw")
    group["purchase_rate_slope"] = ((*sample, "covariate"), np.zeros((1, 1, 1)))
    for pool in (pool for name in BG_NBD.priors for pool in layout.pools(name)):
        group[pool.spread] = (sample, np.zeros((1, 1)))
        group[pool.offset] = ((*sample, pool.dim), np.ones((1, 1, len(pool.groups))))
        if pool.ordered:
            group[pool.memory] = (sample, np.full((1, 1), 0.5))
    design = with_provenance(
        plain.with_group("posterior", group.assign(**plain.draws["posterior"].data_vars)), layout=layout
    )
    for quantity, options in (("p_alive", {}), ("expected_purchases", {"t": "10 weeks"})):
        ours, others = (bcx.score(fit, stores, quantity, **options)["mean"] for fit in (design, plain))
        np.testing.assert_allclose(ours, others, rtol=1e-10)


def test_what_kernels_do_not_cover_is_left_to_pymc(stores):
    own = BG_NBD.with_priors(purchase_rate=bcx.Prior("Gamma", {"alpha": 2.0, "beta": 1.0}, reason="a test"))
    assert grouped(prepare(own, stores, EVERYTHING), {}) is None
    assert grouped(prepare(BG_NBD, stores, bcx.Design(purchase_rate="age")), {}) is None


@pytest.mark.slow
@pytest.mark.parametrize("model", [BG_NBD, PARETO_NBD], ids=lambda model: model.key)
def test_draws_agree_with_nuts(stores, model):
    """Means and standard deviations, as closely as so many draws can agree, of all there is."""
    design = bcx.Design(pool=["store"], drift={"purchase_rate": "cohort"})
    ours, others = (
        bcx.fit(model, stores, design=design, method=method, seed=1, progress=False)
        for method in (bcx.Laplace(), bcx.NUTS())
    )
    assert ours.verdict == "passed"
    effective = min(check.value or 0 for check in ours.checks if check.name.startswith("effective draws"))
    for name in ours.draws["posterior"].data_vars:
        if name in model.params:
            continue
        a, b = (np.asarray(fit.draws["posterior"][name]) for fit in (ours, others))
        a, b = (np.log(each) if str(name).endswith("_spread") else each for each in (a, b))
        known = az.ess(
            xr.DataArray(b, dims=("chain", "draw", *map(str, range(b.ndim - 2)))).rename("b").to_dataset()
        )
        sizes = (effective, known["b"].to_numpy())
        a, b = (each.reshape(-1, *each.shape[2:]) for each in (a, b))
        # The error of a standard deviation goes with the fourth moment: spreads near zero have long tails.
        errors = [
            np.sqrt((stats.kurtosis(x, fisher=False) - 1) / 4 / n) for x, n in zip((a, b), sizes, strict=True)
        ]
        assert np.all(np.abs(a.mean(0) - b.mean(0)) < 4 * b.std(0) * np.hypot(*(n**-0.5 for n in sizes))), (
            name
        )
        assert np.all(np.abs(np.log(a.std(0) / b.std(0))) < 4 * np.hypot(*errors)), name


def test_scores_of_draws_take_the_groups(stores, of_stores):
    """Customers alike but for the store are expected to buy as often as their store's parameters say."""
    two = stores.isel(customer=[0, 0]).assign(store=("customer", ["s0", "s5"])).assign_coords(customer=[0, 1])
    own, pattern = of_stores.parameters_of(two)
    r, alpha = (own[name][:, pattern] for name in ("r", "alpha"))
    draws = of_stores.draws["posterior"]
    offset = (draws["purchase_rate_store_spread"] * draws["purchase_rate_store_offset"]).to_numpy()[0]
    rate = draws["purchase_rate"].to_numpy()[0][:, None] * np.exp(offset[:, [0, 5]])
    np.testing.assert_allclose(r / alpha, rate * of_stores.provenance.scale, rtol=1e-9)
    assert isinstance(two, xr.Dataset)
