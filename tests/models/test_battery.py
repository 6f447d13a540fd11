"""One battery for every model: what a record must be, and that its formulas tell its story."""

import numpy as np
import pytest
import xarray as xr
from scipy.special import logit

import bayes_cx as bcx
from bayes_cx.inference.prepare import prepare
from bayes_cx.model import arguments
from bayes_cx.models import MODELS
from bayes_cx.references import reference
from tests.models import calibration, proofs, stress
from tests.models.limits import limits
from tests.models.published import PUBLISHED
from tests.models.stories import STORIES

OPTIONS = {"t", "t1", "t2", "count", "discount", "keep"}
PROOFS = (
    proofs.likelihood,
    proofs.moments,
    proofs.conditioning,
    proofs.pmf,
    proofs.additivity,
    proofs.dert,
    proofs.alive,
    limits,
)


@pytest.fixture(params=sorted(MODELS))
def model(request):
    return MODELS[request.param]


def takes_its_time(model):
    """Say whether a model is fitted for every value of a choice, or has an integral over each customer."""
    return bool(model.choices) or getattr(model.log_lik, "inner", 1) > 1


def fitted(keys):
    """Name models to fit, those that take their time as slow."""
    slow = pytest.mark.slow
    return [pytest.param(key, marks=slow) if takes_its_time(MODELS[key]) else key for key in sorted(keys)]


@pytest.fixture
def story(model):
    return STORIES[model.key]


def log_lik(model, columns, params):
    return proofs.value(model, "log_lik", columns, **params)


def dataset(model, columns, unit="week"):
    n = len(next(iter(columns.values())))
    return xr.Dataset(
        {name: ("customer", np.asarray(value)) for name, value in columns.items()},
        coords={"customer": np.arange(n)},
        attrs={"kind": model.kind.key, "unit": unit},
    )


def test_the_arguments_of_formulas_are_known_names(model):
    assert set(arguments(model.log_lik)) == {*model.statistics, *model.params}
    for name, quantity in model.quantities.items():
        assert set(arguments(quantity.formula)) <= {*model.statistics, *model.params} | OPTIONS, name
        assert quantity.meaning
        assert quantity.unit
    assert set(arguments(model.letters)) == {"scale", *model.priors}
    assert set(arguments(model.simulate)) > {"rng", *model.params}


def test_the_record_is_complete(model):
    assert all((model.story, model.formulas, model.limits, model.when))
    assert all(prior.meaning and prior.reason for prior in model.priors.values())
    assert all(param.meaning and param.unit in ("", "time", "money") for param in model.params.values())
    assert reference(model.reference)


# BG/CNBD-k and MBG/CNBD-k are one page, told apart by whether one may leave at the first purchase; log-normal
# spend is that with frequency at b = 0.
_ONE_PAGE = {
    ("mbg_cnbd", "limits"),
    ("mbg_cnbd", "moments"),
    ("mbg_cnbd", "conditioning"),
    ("log_normal", "moments"),
    ("log_normal", "conditioning"),
}
# Of these a few take a tenth of the time of all.
_DEAR = {("pareto_ggg", "moments"), ("bdw", "limits"), ("mbg_cnbd", "additivity")}


@pytest.mark.parametrize(
    ("model", "proof"),
    [
        pytest.param(
            key,
            proof,
            id=f"{key}-{proof.__name__}",
            marks=pytest.mark.slow if (key, proof.__name__) in _ONE_PAGE | _DEAR else (),
        )
        for key in sorted(MODELS)
        for proof in PROOFS
    ],
    indirect=["model"],
)
def test_formulas_tell_the_story(model, story, proof):
    found = proof(model, story)
    assert found.passed, found


def test_maximum_likelihood_is_where_it_was_published(model):
    found = proofs.published(model, PUBLISHED.get(model.key, []))
    assert found.passed, found


def test_log_lik_in_extreme_places_is_that_of_the_textbook(model):
    found = stress.accuracy(model)
    assert found.passed, found


def test_nothing_is_missing_in_extreme_places(model):
    found = stress.finite(model, 60)
    assert found.passed, found


@pytest.mark.slow
def test_nothing_is_missing_in_many_extreme_places(model):
    found = stress.finite(model)
    assert found.passed, found


@pytest.mark.slow
@pytest.mark.parametrize("method", calibration.METHODS)
def test_fits_are_calibrated(model, method):
    if getattr(model.log_lik, "inner", 1) > 1:
        pytest.skip("a fit with an integral over each customer takes minutes, and this makes hundreds")
    assert calibration.calibrate(model, method).verdict == "passed"


def test_compressed_and_uncompressed_log_likelihoods_agree(model, story):
    rng = np.random.default_rng(1)
    columns = story.observe(model, rng, 3000)
    columns = {
        name: np.ceil(value) if name in ("t_x", "T", "spend") else value for name, value in columns.items()
    }
    prepared = prepare(model, dataset(model, columns))
    assert prepared.table.sizes["row"] < 3000
    whole = log_lik(model, columns, story.truth).sum()
    collapsed = log_lik(model, prepared.columns, story.truth) @ prepared.weight
    assert collapsed == pytest.approx(whole, rel=1e-10)


@pytest.mark.parametrize("model", fitted(MODELS), indirect=True)
def test_simulated_parameters_are_recovered(model, story):
    n = 400 if getattr(model.log_lik, "inner", 1) > 1 else 4000
    stats = dataset(model, story.observe(model, np.random.default_rng(2), n))
    posterior = bcx.fit(model, stats, seed=3, progress=False)
    assert posterior.verdict == "passed"
    # Without bounds the marginals are close to normal, so a z-score beyond 4 is a bug and not bad luck.
    for name, draws in posterior.parameters().items():
        if name in model.choices:
            assert np.mean(draws == story.truth[name]) > 0.5
            continue
        unbounded = {"identity": np.asarray, "log": np.log, "logit": logit}[model.params[name].link]
        z = (unbounded(draws).mean() - unbounded(story.truth[name])) / unbounded(draws).std()
        assert abs(z) < 4, (name, z)


# Opportunities are as many by any clock.
@pytest.mark.parametrize("model", fitted(k for k, m in MODELS.items() if not m.kind.discrete), indirect=True)
def test_units_of_time_and_money_do_not_change_the_fit(model, story):
    columns = story.observe(model, np.random.default_rng(4), 200 if takes_its_time(model) else 800)
    factors = {"t_x": 7.0, "T": 7.0, "spend": 100.0}
    other = {name: value * factors.get(name, 1.0) for name, value in columns.items()}
    if "log_spend" in other:
        other["log_spend"] = other["log_spend"] + np.log(factors["spend"])
    few = {"method": bcx.Laplace(draws=1000), "seed": 5, "progress": False}
    kept = bcx.fit(model, dataset(model, columns), **few)
    changed = bcx.fit(model, dataset(model, other, unit="day"), **few)
    for name in model.priors:
        before, after = (p.draws["posterior"][name].to_numpy() for p in (kept, changed))
        np.testing.assert_allclose(after, before, rtol=1e-4)
    size = {"time": 7.0, "money": 100.0, "": 1.0}
    for name, param in model.params.items():
        before, after = (p.parameters()[name] for p in (kept, changed))
        np.testing.assert_allclose(after, before * size[param.unit], rtol=1e-4)
