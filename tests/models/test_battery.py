"""One battery for every model: what a record must be, and that its formulas tell its story."""

import mpmath as mp
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.inference.build import statistics_of, weight_of
from bayes_cx.model import arguments
from bayes_cx.models import MODELS
from bayes_cx.references import reference
from bayes_cx.scoring.compiled import evaluate
from tests.models.stories import STORIES

OPTIONS = {"t", "t1", "t2", "count", "n", "discount", "keep"}


@pytest.fixture(params=sorted(MODELS))
def model(request):
    return MODELS[request.param]


@pytest.fixture
def story(model):
    return STORIES[model.key]


def log_lik(model, columns, params):
    rows = {name: np.asarray(columns[name], float) for name in model.statistics}
    return evaluate(model.log_lik, rows, {name: np.asarray(params[name], float) for name in model.params})


def dataset(columns, **attrs):
    n = len(next(iter(columns.values())))
    return xr.Dataset(
        {name: ("customer", np.asarray(value)) for name, value in columns.items()},
        coords={"customer": np.arange(n)},
        attrs={"unit": "week", **attrs},
    )


def test_the_arguments_of_formulas_are_known_names(model):
    assert set(arguments(model.log_lik)) == {*model.statistics, *model.params}
    for name, quantity in model.quantities.items():
        assert set(arguments(quantity.formula)) <= {*model.statistics, *model.params} | OPTIONS, name
        assert quantity.meaning
        assert quantity.unit
    assert set(arguments(model.natural)) == {"scale", *model.priors}
    assert set(arguments(model.simulate)) > {"rng", *model.params}


def test_the_record_is_complete(model):
    assert all((model.story, model.formulas, model.limits, model.when))
    assert all(prior.meaning and prior.reason for prior in model.priors.values())
    assert all(param.meaning and param.unit in ("", "time", "money") for param in model.params.values())
    assert reference(model.reference)


def test_log_lik_is_the_integral_of_the_individual_story(model, story):
    for point in story.points:
        for row in story.rows:
            with mp.workdps(28):  # the quadrature judges its error against 1, and likelihoods are small
                expected = mp.log(story.likelihood(row, point))
            got = log_lik(model, {name: [value] for name, value in row.items()}, point)[0, 0]
            assert got == pytest.approx(float(expected), rel=1e-9, abs=1e-9), (point, row)


def test_log_lik_and_its_gradient_are_finite_in_extreme_places(model):
    rng = np.random.default_rng(0)
    names = [*model.statistics, *model.params]
    inputs = {name: pt.vector(name) for name in names}
    value = model.log_lik(**inputs)
    gradient = pytensor.grad(value.sum(), [inputs[name] for name in model.params])
    f = pytensor.function(list(inputs.values()), [value, *gradient])
    n = 4000
    x = rng.choice([0, 1, 2, 50, 3000], n).astype(float)
    T = rng.choice([0.01, 1.0, 39.0, 3650.0], n)
    given = {"x": x, "T": T, "t_x": np.where(x > 0, T * rng.uniform(0.01, 1, n), 0.0)}
    given["spend"] = np.where(x > 0, 10 ** rng.uniform(-3, 6, n), np.nan)
    given |= {name: 10 ** rng.uniform(-2, 3, n) for name in model.params}
    given |= {"a": rng.choice([1.0, 0.01, 3.0, 300.0], n), "q": 1 + 10 ** rng.uniform(-3, 2, n)}
    for values in f(*(given[name] for name in names)):
        assert np.all(np.isfinite(values))


def test_compressed_and_uncompressed_log_likelihoods_agree(model, story):
    rng = np.random.default_rng(1)
    columns = story.observe(model, rng, 3000)
    columns = {name: np.ceil(value) if name != "x" else value for name, value in columns.items()}
    table = statistics_of(model, dataset(columns))
    assert table.sizes["row"] < 3000
    whole = log_lik(model, columns, story.truth).sum()
    collapsed = log_lik(model, {name: table[name] for name in model.statistics}, story.truth) @ weight_of(
        table
    )
    assert collapsed[0] == pytest.approx(whole, rel=1e-10)


def test_simulated_parameters_are_recovered(model, story):
    stats = dataset(story.observe(model, np.random.default_rng(2), 4000))
    posterior = bcx.fit(model, stats, seed=3, progress=False)
    assert posterior.verdict == "passed"
    # On the log scale the marginals are close to normal, so a z-score beyond 4 is a bug and not bad luck.
    for name, draws in posterior.parameters().items():
        z = (np.log(draws).mean() - np.log(story.truth[name])) / np.log(draws).std()
        assert abs(z) < 4, (name, z)


def test_units_of_time_and_money_do_not_change_the_fit(model, story):
    columns = story.observe(model, np.random.default_rng(4), 800)
    factors = {"t_x": 7.0, "T": 7.0, "spend": 100.0}
    other = {name: value * factors.get(name, 1.0) for name, value in columns.items()}
    kept = bcx.fit(model, dataset(columns), seed=5, progress=False)
    changed = bcx.fit(model, dataset(other, unit="day"), seed=5, progress=False)
    for name in model.priors:
        before, after = (p.draws["posterior"][name].to_numpy() for p in (kept, changed))
        np.testing.assert_allclose(after, before, rtol=1e-4)
    size = {"time": 7.0, "money": 100.0, "": 1.0}
    for name, param in model.params.items():
        before, after = (p.parameters()[name] for p in (kept, changed))
        np.testing.assert_allclose(after, before * size[param.unit], rtol=1e-4)
