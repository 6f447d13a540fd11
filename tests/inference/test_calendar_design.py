"""Calendar time together with a design: against the parts alone, the truth of a simulated shop, and NUTS."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayes_cx as bcx
from bayes_cx.compiling import AS_WRITTEN
from bayes_cx.inference.build import build
from bayes_cx.inference.clocked import Clocked
from bayes_cx.inference.layout import lay_out
from bayes_cx.inference.nested import _search
from bayes_cx.inference.prepare import prepare
from bayes_cx.inference.process import process_of
from bayes_cx.inference.quadratic import Quadratic
from bayes_cx.inference.scales import Scales
from bayes_cx.models import BG_NBD, MBG_NBD
from bayes_cx.scoring import sources_of_total, total_log_likelihood
from bayes_cx.weeks import number_of
from tests.made import with_provenance
from tests.worlds import START, daily, shop

ALPHA = {"rare": 12.0, "usual": 5.0, "often": 2.5}


@pytest.fixture(scope="module")
def shop_of_groups():
    """Three groups of customers that share the weeks, by their alpha, and the truth by day."""
    rng = np.random.default_rng(12)
    factor = daily(rng, 7 * 40, sd=0.4, memory=5.0)
    logs = [
        shop(rng, factor, customers=250, joining=7 * 20, alpha=alpha).assign(
            customer=lambda log, name=name: name + log["customer"].astype(str), group=name
        )
        for name, alpha in ALPHA.items()
    ]
    return pd.concat(logs), factor


@pytest.fixture(scope="module")
def grouped(shop_of_groups):
    log, _ = shop_of_groups
    transactions = bcx.read_transactions(log, customer="customer", time="time")
    made = bcx.summarise(transactions, until=str(START + np.timedelta64(7 * 40 - 1, "D")), by=("group",))
    age = np.random.default_rng(3).normal(40, 10, made.sizes["customer"]).round()
    return made.assign(age=("customer", age), side=("customer", np.resize(["left", "right"], age.size)))


AGE = {"purchase_rate": ["age"], "dropout": ["age"]}
RICH = bcx.Design(calendar=True, covariates=AGE, pool=["group", "side"])


def clocked(model, table, design, **more):
    f = Clocked.of(prepare(model, table, design, **more))
    assert f is not None
    return f


def with_effects(model, table, design, **more):
    """Return the likelihood, its effects, and how many slopes and offsets there are."""
    f = clocked(model, table, design, **more)
    assert f.shifts is not None
    slopes = f.size - len(f.point.names)
    return f, f.shifts, slopes, f.shifts.blocks[-1].stop


@pytest.mark.parametrize("model", [BG_NBD, pytest.param(MBG_NBD, marks=pytest.mark.slow)])
def test_it_is_the_likelihood_of_the_design_in_operational_time(model, grouped, rng):
    """PyMC's density of the design, of times that are sums over days, plus g at the purchases."""
    f, effects, slopes, offsets = with_effects(model, grouped, RICH, scale=0.1)
    g = rng.normal(0, 0.5, f.weeks)
    passed = np.append(0.0, np.cumsum(np.exp(g[np.arange(7 * f.weeks) // 7]))) / 7
    last = 7 * 40
    first = np.round(last - 7 * grouped["T"].to_numpy()).astype(int)
    bought = np.round(first + 7 * grouped["t_x"].to_numpy()).astype(int)
    running = grouped.assign(
        t_x=("customer", passed[bought] - passed[first]), T=("customer", passed[last] - passed[first])
    )
    plain = prepare(model, running, bcx.Design(covariates=AGE, pool=RICH.pool), scale=0.1)
    built = build(plain)
    k = len(f.point.names)
    u, slope = f.point.start + rng.normal(0, 0.2, k), rng.normal(0, 0.3, slopes)
    z = rng.normal(0, 1, offsets)
    at: dict[str, Any] = dict(zip([f"{v.name}" for v in built.value_vars[:k]], u, strict=True))
    for i, name in enumerate(("purchase_rate", "dropout")):
        at[f"{name}_slope"] = slope[i : i + 1]
    for pool, place in zip(effects.pools, effects.blocks, strict=True):
        at[pool.offset] = z[place]
        at[f"{pool.spread}_log__"] = np.log(0.4)
    own = [built[name] for name in (*f.point.names, "purchase_rate_slope", "dropout_slope")]
    likelihood, prior = (built.compile_logp(some, mode=AS_WRITTEN)(at) for some in (built.potentials, own))
    expected = likelihood + prior + g @ f.purchases
    got = f.values(np.concatenate([u, slope, g, 0.4 * z])[None])[0]
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_slopes_are_differences(grouped, rng):
    f, _, slopes, offsets = with_effects(BG_NBD, grouped, RICH)
    vector = np.concatenate([f.point.start, rng.normal(0, 0.3, slopes + f.weeks + offsets)])
    _, found = f.values_and_slopes(vector[None])
    for i in (0, 3, 4, 5, 20, f.size + f.weeks, f.size + f.weeks + 4, vector.size - 1):
        step = 1e-4 * np.eye(vector.size)[i]
        up, down = f.values(np.stack([vector + step, vector - step]))
        np.testing.assert_allclose(found[0, i], (up - down) / 2e-4, rtol=1e-4, atol=1e-3)


def test_without_effects_it_is_calendar_time_alone(grouped, rng):
    f, effects, slopes, offsets = with_effects(BG_NBD, grouped, RICH)
    alone = clocked(BG_NBD, grouped, bcx.Design(calendar=True))
    u, g = f.point.start + rng.normal(0, 0.5, (5, 4)), rng.normal(0, 0.5, (5, f.weeks))
    slope, offset = np.zeros((5, slopes)), np.zeros((5, offsets))
    got = f.values(np.concatenate([u, slope, g, offset], axis=1)) - effects.log_prior(slope)[0]
    np.testing.assert_allclose(got, alone.values(np.concatenate([u, g], axis=1)), rtol=1e-12)
    compressed = clocked(BG_NBD, bcx.compress(grouped, ("x", "t_x", "T", *RICH.columns)), RICH)
    vector = np.concatenate([u, slope + 0.1, g, offset - 0.2], axis=1)
    np.testing.assert_allclose(compressed.values(vector), f.values(vector), rtol=1e-12)


@pytest.fixture(scope="module")
def pooled(grouped):
    """A fit in which the purchase rate differs between groups."""
    design = bcx.Design(calendar=True, pooled={"purchase_rate": "group"})
    return bcx.fit(BG_NBD, grouped, design=design, seed=1, progress=False)


def test_the_truth_is_recovered(pooled, shop_of_groups, grouped):
    assert pooled.verdict == "passed"
    own, pattern = pooled.parameters_of(grouped)
    for name, alpha in ALPHA.items():
        letters = own["alpha"][:, pattern[int(np.argmax(grouped["group"].to_numpy() == name))]]
        z = (np.log(letters).mean() - np.log(alpha)) / np.log(letters).std()
        assert abs(z) < 3.5
    # Ratios of groups are known better than the level, which trades off against the weeks.
    a, b = (
        own["alpha"][:, pattern[int(np.argmax(grouped["group"].to_numpy() == n))]] for n in ("rare", "often")
    )
    assert 0.05 < np.log(a / b).std() < 0.3
    draws = pooled.draws["posterior"].dataset.isel(chain=0)
    week = number_of(draws["week"].to_numpy()) - number_of(START)
    middle = draws["calendar"].mean("draw").to_numpy()
    assert np.corrcoef(middle[4:], shop_of_groups[1][7 * week][4:])[0, 1] > 0.8


def vectors_of(draws):
    """Return vectors of these draws, and of them g, the offsets and their spread."""
    odds = draws["dropout"] / (1 - draws["dropout"])
    positive = (draws["purchase_rate"], draws["rate_cv"], odds, draws["dropout_size"])
    fixed = np.log(np.stack(positive, axis=1))
    g, spread = draws["calendar"].to_numpy(), draws["purchase_rate_spread"].to_numpy()
    offset = draws["purchase_rate_offset"].to_numpy() * spread[:, None]
    return np.concatenate([fixed, g, offset], axis=1), g, offset, spread


def test_its_density_is_that_of_all_it_draws(pooled, grouped):
    """The density that was kept, from its parts: likelihood, priors, weeks and offsets."""
    f = clocked(BG_NBD, grouped, pooled.layout.design)
    draws = pooled.draws["posterior"].dataset.isel(chain=0, draw=slice(0, 5))
    vectors, g, offset, spread = vectors_of(draws)
    expected = f.values(vectors)
    expected += stats.norm.logpdf(offset, scale=spread[:, None]).sum(axis=1)
    expected += stats.halfnorm.logpdf(spread, scale=0.5) + np.log(spread)
    for name, (centre, width) in {"sd": (0.1, 1.0), "memory": (30.0, 1.0), "noise": (0.05, 1.0)}.items():
        expected += stats.norm.logpdf(np.log(draws[f"calendar_{name}"]), np.log(centre), width)
    week = np.arange(g.shape[1])
    # That all customers are new fades within ten weeks, from an effect with a standard deviation of .3.
    opening = 0.3 * np.exp(-week / 10)
    for i in range(5):
        sd, memory, noise = (float(draws[f"calendar_{name}"][i]) for name in ("sd", "memory", "noise"))
        K = sd**2 * np.exp(-np.abs(week[:, None] - week) / memory) + noise**2 * np.eye(week.size)
        K += np.outer(opening, opening)
        expected[i] += stats.multivariate_normal.logpdf(g[i], cov=K)
    got = pooled.draws["sample_stats"]["lp"].isel(chain=0).to_numpy()[:5]
    np.testing.assert_allclose(got, expected, rtol=1e-9)


@pytest.mark.parametrize("quantity", ["p_alive", "expected_purchases", "discounted_purchases"])
def test_scores_are_those_of_each_group_alone(quantity, pooled, grouped):
    """With the parameters of one group for everybody, the customers of the group have the same scores."""
    options = {
        "p_alive": {},
        "expected_purchases": {"t": "20 weeks"},
        "discounted_purchases": {"t": "20 weeks", "discount_rate": 0.1},
    }[quantity]
    few = pooled.with_group("posterior", pooled.draws["posterior"].to_dataset().isel(draw=slice(0, 30)))
    some = grouped.isel(customer=slice(None, None, 25))
    found = bcx.draws(few, some, quantity, **options)
    own, pattern = few.parameters_of(some)
    alone = with_provenance(few, layout=lay_out(bcx.Design(calendar=True), grouped))
    for i in np.unique(pattern):
        letters = {name: (("chain", "draw"), value[None, :, i]) for name, value in own.items()}
        same = alone.with_group("posterior", few.draws["posterior"].to_dataset().assign(letters))
        mine = np.flatnonzero(pattern == i)
        expected = bcx.draws(same, some.isel(customer=mine), quantity, **options)
        np.testing.assert_allclose(found.isel(customer=mine), expected, rtol=1e-10)


def test_totals_and_simulations_take_both(pooled, grouped):
    few = pooled.with_group("posterior", pooled.draws["posterior"].to_dataset().isel(draw=slice(0, 40)))
    counts = bcx.predict_purchases(few, grouped, "13 weeks", draws=40, seed=2).sum("customer").to_numpy()
    expected = bcx.draws(few, grouped, "expected_purchases", t="13 weeks").sum("customer").to_numpy()[0]
    z = (counts - expected) / np.sqrt(2 * expected)
    assert abs(z.mean()) < 4 / np.sqrt(40)
    assert z.std() < 1.6
    f = clocked(BG_NBD, grouped, pooled.layout.design)
    vectors = vectors_of(few.draws["posterior"].dataset.isel(chain=0))[0]
    log_prior = f.point.at(vectors[:, :4])[8]
    np.testing.assert_allclose(total_log_likelihood(few), f.values(vectors) - log_prior, rtol=1e-9)
    sources = sources_of_total(few, grouped, "13 weeks", draws=40)
    assert float(sources["share"].sel(source="shared")) > 0.1


def test_scales_beyond_all_that_is_possible_have_no_weight(pooled, grouped):
    """Proposals with long tails come there, where covariances have no root in floating point."""
    f = clocked(BG_NBD, grouped, pooled.layout.design)
    process = process_of(f.span[0], f.weeks, season=False)
    scales = Scales(process, tuple(pool.spread for pool in f.shifts.pools), f.shifts.blocks)
    marginal, mode = _search(f, scales, f.point.start)
    far = np.stack([mode.u, mode.u])
    far[1, 0] = 25.0
    found = marginal.evidence(far)
    assert np.isfinite(found[0])
    assert found[1] == -np.inf


def test_a_likelihood_that_rises_without_bending_has_its_top_within_reach(grouped):
    """Else the parabola through it would prefer spreads between groups that nobody could believe."""
    f = clocked(BG_NBD, grouped, RICH)
    process = process_of(f.span[0], f.weeks, season=False)
    scales = Scales(process, tuple(pool.spread for pool in f.shifts.pools), f.shifts.blocks)
    size = f.size + f.weeks + scales.offsets
    slope = np.zeros(size)
    slope[-1] = 3.0
    quadratic = Quadratic(np.zeros(size), slope, np.diag([1.0] * (size - 1) + [-0.5]), f.size)
    marginal = quadratic.marginal(scales)
    top = np.linalg.solve(marginal.root.T, marginal.y)
    assert top[-1] == pytest.approx(5.0)
    np.testing.assert_allclose(top[:-1], 0.0, atol=1e-12)


@pytest.mark.slow
def test_few_groups_may_differ_in_everything(grouped):
    design = bcx.Design(calendar=True, pool=["group"])
    assert bcx.fit(BG_NBD, grouped, design=design, seed=1, progress=False).verdict == "passed"
