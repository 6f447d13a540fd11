"""Groups in an order: their correlations, where they are, and what is believed of the next one."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, multivariate_t, norm, skew
from scipy.stats import t as student

import bayes_cx as bcx
from bayes_cx.inference import drift
from bayes_cx.inference.layout import lay_out
from bayes_cx.inference.outer_draws import OuterDraws
from bayes_cx.models import BG_NBD, LOG_NORMAL, LOG_NORMAL_FREQUENCY
from tests.made import with_provenance

PLACES = st.lists(st.integers(0, 12), min_size=2, max_size=6, unique=True).map(sorted)
MEMORY = st.floats(0.05, 0.95)


@given(PLACES, MEMORY)
def test_correlations_fall_with_the_distance(places, memory):
    at = np.array(places, float)
    full = memory ** np.abs(np.subtract.outer(at, at))
    one = np.array([memory])
    root = drift.root(memory, at)
    np.testing.assert_allclose(root @ root.T, full, atol=1e-12)
    np.testing.assert_allclose(drift.precision(one, at)[0] @ full, np.eye(at.size), atol=1e-8)
    np.testing.assert_allclose(drift.log_det(one, at)[0], np.linalg.slogdet(full)[1], atol=1e-8)


@given(PLACES, MEMORY, st.integers(-3, 15))
def test_one_more_group_is_that_of_the_joint_normal(places, memory, new):
    """Against the conditional normal distribution given all other groups, by linear algebra."""
    if new in places:
        return
    at = np.array(places, float)
    every = np.append(at, new)
    full = memory ** np.abs(np.subtract.outer(every, every))
    known = np.linspace(-1, 2, at.size)
    weight = np.linalg.solve(full[:-1, :-1], full[:-1, -1])
    sd = np.sqrt(1 - weight @ full[:-1, -1])
    found = drift.within(np.full(2, memory), at, np.tile(known, (2, 1)), new, np.array([0.0, 1.0]))
    np.testing.assert_allclose(found, [weight @ known, weight @ known + sd], atol=1e-9)


@pytest.mark.parametrize(
    "groups",
    [
        ["1997-01", "1997-02", "1997-04"],
        ["1997-Q1", "1997-Q2", "1997-Q4"],
        ["1996-W52", "1997-W01", "1997-W03"],
        ["1997-01-06", "1997-01-13", "1997-01-27"],
        ["1997-01-06 00:00:00", "1997-01-13 00:00:00", "1997-01-27 00:00:00"],
        ["9", "10", "12"],
    ],
)
def test_periods_follow_each_other(groups):
    at = drift.positions(groups, "cohort")
    np.testing.assert_allclose((at - at[0]) / (at[1] - at[0]), [0, 1, 3])


@pytest.mark.parametrize("groups", [["north", "south"], ["1997-01", "1997-Q2"], ["1997-13"], ["1997-02-31"]])
def test_groups_without_an_order_are_refused(groups):
    with pytest.raises(bcx.InputError, match=r"ordered groups of cohort such as .*1997-03"):
        drift.positions(groups, "cohort")


def test_draws_of_effects_have_the_density_that_is_said(rng):
    """Against SciPy: normal with long tails in the last coordinates, then moved to weighed points."""
    draws = OuterDraws(3, 2, 8.0)
    z, log_density = draws.draw(400, rng)
    wanted = norm.logpdf(z[:, 0]) + multivariate_t.logpdf(z[:, 1:], shape=np.eye(2), df=8)  # pyright: ignore[reportArgumentType]
    np.testing.assert_allclose(log_density, wanted)
    weight = rng.dirichlet(np.full(400, 3.0))
    centre = np.array([1.0, -2.0, 0.5])
    moved = draws.moved(z + centre, weight)
    assert moved.mean is not None
    assert moved.root is not None
    scale = moved.root @ moved.root.T
    points, log_density = moved.draw(400, rng)
    # The proposal is rounded to small parts of its spread.
    covariance = np.cov(z.T, aweights=weight, ddof=0)
    np.testing.assert_allclose(moved.mean, weight @ z + centre, atol=0.05)
    np.testing.assert_allclose(scale, covariance, atol=0.1)
    wanted = multivariate_t.logpdf(points, loc=moved.mean, shape=scale, df=8)  # pyright: ignore[reportArgumentType]
    np.testing.assert_allclose(log_density, wanted)


def test_three_cohorts_of_which_everything_drifts_need_no_chains(cdnow_sample):
    """The posterior is not normal where three cohorts say little of how much they differ."""
    weeks = cdnow_sample["T"].to_numpy()
    months = np.where(weeks > 34.7, "1997-01", np.where(weeks > 30.5, "1997-02", "1997-03")).astype(object)
    post = bcx.fit(
        BG_NBD,
        cdnow_sample.assign(cohort=("customer", months)),
        design=bcx.Design(drift="cohort"),
        seed=1,
        progress=False,
    )
    assert post.provenance.method == "Laplace"
    assert post.verdict == "passed"


def test_the_next_cohort_is_one_step_from_the_last(purchases, at_point, cdnow_sample):
    """Its offset is the last one's times the correlation, and as uncertain as that leaves it."""
    six = cdnow_sample.isel(customer=slice(0, 6))
    cohorts = six.assign(cohort=("customer", ["1997-01", "1997-02", "1997-03"] * 2))
    n = 20_000
    spread, memory, last = 0.4, 0.9, 1.5
    values = {"purchase_rate": 2.0, "rate_cv": 2.0, "dropout": 0.2, "dropout_size": 3.0}
    values |= {"purchase_rate_drift_spread": spread, "purchase_rate_drift_memory": memory}
    made = at_point(purchases, **{name: np.full(n, value) for name, value in values.items()})
    group = made.draws["posterior"].to_dataset()
    offsets = np.broadcast_to([-1.0, 0.0, last], (1, n, 3))
    group["purchase_rate_drift_offset"] = (("chain", "draw", "purchase_rate_drift_group"), offsets)
    layout = lay_out(bcx.Design(drift={"purchase_rate": "cohort"}), cohorts)
    fit = with_provenance(made.with_group("posterior", group), layout=layout)

    def log_rate(*cohort):
        own, pattern = fit.parameters_of(
            six.isel(customer=[0] * len(cohort)).assign(cohort=("customer", [*cohort]))
        )
        return np.log(own["r"] / own["alpha"])[:, pattern]

    base = log_rate("1997-02")[0, 0]
    soon, later = (log_rate("1997-04", "1997-06") - base).T
    assert fit.new_groups(six.assign(cohort=("customer", ["1997-04"] * 6))) == {"cohort: 1997-04": 6}
    error = 5 * spread / np.sqrt(n)
    np.testing.assert_allclose(soon.mean(), spread * memory * last, atol=error)
    np.testing.assert_allclose(later.mean(), spread * memory**3 * last, atol=error)
    np.testing.assert_allclose(soon.std(), spread * np.sqrt(1 - memory**2), rtol=0.03)
    together = memory**2 * np.sqrt((1 - memory**2) / (1 - memory**6))
    np.testing.assert_allclose(np.corrcoef(soon, later)[0, 1], together, atol=0.03)
    np.testing.assert_allclose(log_rate("1997-03")[:, 0] - base, spread * last)


def test_drift_on_what_is_no_column_of_groups_is_refused(cdnow_sample):
    cohorts = cdnow_sample.assign(cohort=("customer", np.resize(["a", "b"], cdnow_sample.sizes["customer"])))
    with pytest.raises(bcx.InputError, match="ordered groups of cohort such as 'a'"):
        bcx.fit(BG_NBD, cohorts, design=bcx.Design(drift="cohort"), progress=False)
    months = bcx.cohorts(cdnow_sample, "month")
    with pytest.raises(bcx.InputError, match="calendar time together with drift over cohort"):
        bcx.fit(BG_NBD, months, design=bcx.Design(drift="cohort", calendar=True), progress=False)
    with pytest.raises(bcx.InputError, match="a coordinate of BG/NBD"):
        bcx.fit(BG_NBD, cohorts, design=bcx.Design(drift={"alpha": "cohort"}), progress=False)
    with pytest.raises(bcx.InputError, match="a design that cannot be read"):
        bcx.Design(drift=["cohort"])  # pyright: ignore[reportArgumentType]


def test_skew_draws_have_the_density_and_the_skewness_that_is_said(rng):
    """Against SciPy: each half is one of a t distribution; and with few tails moments are those asked for."""
    left, right = np.array([[0.6], [1.5]])
    draws = OuterDraws(1, 1, 8.0, np.zeros(1), np.eye(1), np.array([left, right]))
    z, log_density = draws.draw(500, rng)
    off = z[:, 0] + np.sqrt(2 / np.pi) * (right - left)
    scale = np.where(off > 0, right, left)
    np.testing.assert_allclose(log_density, student.logpdf(off / scale, 8) + np.log(2 / (left + right)))
    skewed = rng.gamma(20.0, 1.0, (60_000, 2)) @ np.array([[1.0, 0.4], [0.0, 1.0]])
    weight = np.full(60_000, 1 / 60_000)
    found = OuterDraws(2, 2, 1e6).moved(skewed, weight, skew=True).draw(60_000, rng)[0]
    # Four standard errors of 60,000 points on either side.
    np.testing.assert_allclose(found.mean(axis=0), skewed.mean(axis=0), atol=0.1)
    np.testing.assert_allclose(np.cov(found.T), np.cov(skewed.T), rtol=0.035)
    np.testing.assert_allclose(skew(found), skew(skewed), atol=0.06)
    # Whatever is integrated by them comes out right.
    wide = OuterDraws(2, 2, 8.0, np.zeros(2), np.eye(2), np.array([[0.8, 1.3], [1.4, 1.1]]))
    z, log_q = wide.draw(60_000, rng)
    ratio = np.exp(norm.logpdf(z).sum(axis=1) - log_q)
    assert ratio.mean() == pytest.approx(1.0, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("model", [LOG_NORMAL, LOG_NORMAL_FREQUENCY], ids=lambda model: model.key)
def test_spend_that_drifts_over_cohorts_is_recovered(model, rng):
    """Cohorts spend more and more; the fit finds each level, and expects the next cohort near the last."""
    cohorts, each = 12, 120
    level = np.cumsum(rng.normal(0.05, 0.03, cohorts + 1))
    cohort = np.repeat(np.arange(cohorts), each)
    x = rng.poisson(3.0, cohort.size)
    elasticity = {"b": 0.2} if model is LOG_NORMAL_FREQUENCY else {}
    made = model.simulate(rng, x, m=30.0 * np.exp(level[cohort]), s=0.5, w=0.4, **elasticity)
    names = np.array([f"2024-{month + 1:02d}" for month in range(cohorts)], object)
    stats = xr.Dataset(
        {name: ("customer", column) for name, column in model.observe(made, x).items()}
        | {"cohort": ("customer", names[cohort])},
        coords={"customer": np.arange(cohort.size)},
        attrs={"kind": "spend", "unit": "week"},
    )
    design = bcx.Design(drift={"typical_spend": "cohort"})
    post = bcx.fit(model, stats, design=design, seed=1, progress=False)
    assert post.provenance.method == "Laplace"
    assert post.verdict == "passed"
    asked = stats.isel(customer=[0] * (cohorts + 1)).assign(cohort=("customer", [*names, "2025-01"]))
    letters, pattern = post.parameters_of(asked.assign_coords(customer=np.arange(cohorts + 1)))
    found = np.log(letters["m"] / 30.0)[:, pattern]
    low, high = np.quantile(found, [0.025, 0.975], axis=0)
    # Levels are known together: of errors that all of them share, not each is one more miss.
    away = level - found.mean(axis=0)
    assert away @ np.linalg.solve(np.cov(found.T), away) < chi2.ppf(0.999, cohorts + 1)
    # An interval that would hold anything says nothing.
    assert (high - low)[:cohorts].max() < 0.25
    assert np.corrcoef(found.mean(axis=0), level)[0, 1] > 0.95
    # What is not known of the next is at least a step.
    assert found[:, -1].std() > 1.2 * found[:, -2].std()
