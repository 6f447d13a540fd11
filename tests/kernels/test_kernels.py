"""Kernels evaluate the graphs that PyTensor evaluates."""

import os
import subprocess
import sys

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import special

from bayes_cx.kernels import NotArithmetic, arithmetic, make
from bayes_cx.model import arguments
from bayes_cx.models import MODELS
from bayes_cx.numerics.loops import elementwise, repeat
from tests.models.quick import function, quickly
from tests.models.stories import STORIES

OPTIONS = {"t1": 3.0, "t2": 8.0, "t": 8.0, "count": 2.0, "discount": 0.02, "keep": 0.2}
LIMITS, SEARCHED = ("silence_limit", "silence_limit_new"), ("bg_cnbd", "mbg_cnbd", "pareto_nbd")
QUICK = {("bg_nbd", "expected_purchases"), ("bg_nbd", "discounted_purchases"), ("sbg", "derl")}


def formulas():
    for key, model in sorted(MODELS.items()):
        for name in ("log_lik", *model.quantities):
            quick = (key, name) in QUICK or (name == "log_lik" and not model.choices)
            yield pytest.param(key, name, marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize(("key", "name"), [*formulas()])
def test_every_formula_is_what_pytensor_makes_of_it(key, name):
    model, story, rng = MODELS[key], STORIES[key], np.random.default_rng(1)
    formula = model.log_lik if name == "log_lik" else model.quantities[name].formula
    names = arguments(formula)
    rows = {c: np.array([float(row[c]) for row in story.rows]) for c in model.statistics if c in names}
    draws = {
        p: np.full(3, value) * (1.0 if p in model.choices else np.exp(0.2 * rng.normal(size=3)))
        for p, value in story.truth.items()
        if p in names
    }
    try:
        kernel = make(formula, names, columns=tuple(rows), drawn=tuple(draws))
    except NotArithmetic:
        # An integral over each customer, and limits that are searched for.
        assert key == "pareto_ggg" or (name in LIMITS and key in SEARCHED)
        return
    found = kernel.bind(rows)({**draws, **OPTIONS}, 3)[0]
    flat = [
        np.broadcast_to(
            rows[n][:, None] if n in rows else draws[n] if n in draws else OPTIONS[n], found.shape
        )
        for n in names
    ]
    expected = quickly(formula)(*(each.ravel() for each in flat)).reshape(found.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def with_no_silence(rows, story):
    """Return rows with those of a story again, as they are at the last purchase."""
    again = {name: np.append(column, column[: len(story.rows)]) for name, column in rows.items()}
    if {"t_x", "T"} <= rows.keys():
        again["T"][-len(story.rows) :] = again["t_x"][-len(story.rows) :]
    return again


@pytest.mark.parametrize("key", sorted(MODELS))
def test_derivatives_of_the_log_likelihood_row_by_row(key):
    model, story = MODELS[key], STORIES[key]
    names, free = arguments(model.log_lik), [name for name in model.params if name not in model.choices]
    seen = story.observe(model, np.random.default_rng(3), 20)
    rows = {
        name: np.append([float(row[name]) for row in story.rows], np.asarray(seen[name], float))
        for name in model.statistics
    }
    rows = with_no_silence(rows, story)
    n = len(rows[model.statistics[0]])
    drawn = tuple(name for name in model.params if name in names)
    try:
        kernel = make(model.log_lik, names, columns=model.statistics, drawn=drawn, slopes=free, summed=True)
    except NotArithmetic:
        assert key == "pareto_ggg"
        return
    inputs = [pt.vector(name) for name in names]
    by = [inputs[names.index(name)] for name in free]
    slopes = function(inputs, pytensor.grad(model.log_lik(*inputs).sum(), by))
    expected = slopes(*(rows.get(name, np.full(n, float(story.truth.get(name, 0)))) for name in names))
    truth = {name: np.array([float(value)]) for name, value in story.truth.items()}
    for i in range(n):
        one = {name: column[i : i + 1] for name, column in rows.items()}
        found = [value[0] for value in kernel.bind(one, np.ones(1))(truth, 1)[1:]]
        np.testing.assert_allclose(
            found, [each[i] for each in expected], rtol=1e-9, atol=1e-12, err_msg=str(one)
        )


@pytest.fixture
def data(rng):
    n = 50
    rows = {"x": rng.integers(0, 4, n).astype(float), "y": rng.uniform(1, 2, n)}
    return rows, {"a": rng.uniform(1, 2, 7), "b": rng.uniform(1, 2, 7)}


def formula(x, y, a, b):
    return pt.switch(pt.gt(x, 1), pt.gammaln(a + x) * pt.log(b), 0.0) - pt.softplus(b * y - a)


def expected(rows, draws):
    x, y, a, b = rows["x"][:, None], rows["y"][:, None], draws["a"], draws["b"]
    return np.where(x > 1, special.gammaln(a + x) * np.log(b), 0.0) - np.log1p(np.exp(b * y - a))


def test_values_are_those_of_rows_and_draws(data):
    rows, draws = data
    found = make(formula, ("x", "y", "a", "b"), columns=("x", "y"), drawn=("a", "b")).bind(rows)(draws, 7)[0]
    np.testing.assert_allclose(found, expected(rows, draws), rtol=1e-13, atol=1e-14)


def test_what_depends_on_one_column_is_kept_for_its_values():
    kernel = make(formula, ("x", "y", "a", "b"), columns=("x", "y"), drawn=("a", "b"))
    assert [sorted(stage.columns) for stage in kernel.plan.stages] == [[], ["x"], ["y"], ["x", "y"]]


def test_weighted_sums_and_their_derivatives(data, rng):
    rows, draws = data
    weight = rng.uniform(size=50)
    names = ("x", "y", "a", "b")
    kernel = make(formula, names, columns=("x", "y"), drawn=("a", "b"), slopes=("a", "b"), summed=True)
    value, by_a, by_b = kernel.bind(rows, weight)(draws, 7)
    np.testing.assert_allclose(value, weight @ expected(rows, draws), rtol=1e-12)
    for name, slope in (("a", by_a), ("b", by_b)):
        more, less = ({**draws, name: draws[name] + h} for h in (1e-6, -1e-6))
        difference = weight @ (expected(rows, more) - expected(rows, less)) / 2e-6
        np.testing.assert_allclose(slope, difference, rtol=1e-6)


def test_parameters_by_pattern(data, rng):
    rows, draws = data
    rows = {**rows, "pattern": rng.integers(0, 3, 50)}
    cells = {"a": rng.uniform(1, 2, (3, 7)), "b": draws["b"]}
    kernel = make(formula, ("x", "y", "a", "b"), columns=("x", "y"), drawn=("b",), cells=("a",))
    own = {"a": cells["a"][rows["pattern"]], "b": draws["b"]}
    np.testing.assert_allclose(kernel.bind(rows)(cells, 7)[0], expected(rows, own), rtol=1e-13, atol=1e-14)
    with pytest.raises(ValueError, match="a of 2 patterns, where rows have 3"):
        kernel.bind(rows)({**cells, "a": cells["a"][:2]}, 7)


def test_one_value_stands_for_all_draws(data):
    rows, draws = data
    kernel = make(formula, ("x", "y", "a", "b"), columns=("x", "y"), drawn=("a", "b"))
    one = {"a": draws["a"][:1], "b": draws["b"]}
    np.testing.assert_allclose(kernel.bind(rows)(one, 7)[0], expected(rows, one), rtol=1e-13, atol=1e-14)


def test_loops_and_sums_over_nodes():
    def step(i, total, a):
        return i + 1.0, total + a / (i + 1.0)

    @elementwise
    def harmonic(n, a):
        return repeat(n, {"i": 0.0, "total": 0.0}, {"a": a}, step)[1]

    node = np.linspace(0, 1, 5)

    def both(n, a):
        nodes = pt.exp(-pt.expand_dims(a, -1) * node)
        return harmonic(n, a) + nodes.sum(axis=-1) + nodes.max(axis=-1)

    a, n = np.array([0.5, 2.0]), np.array([0.0, 1.0, 6.0])
    found = make(both, ("n", "a"), columns=("n",), drawn=("a",)).bind({"n": n})({"a": a}, 2)[0]
    nodes = np.exp(-a[:, None] * node)
    sums = np.array([[a_ * sum(1 / i for i in range(1, int(n_) + 1)) for a_ in a] for n_ in n])
    np.testing.assert_allclose(found, sums + nodes.sum(axis=1) + nodes.max(axis=1), rtol=1e-13, atol=1e-14)


def test_what_is_no_arithmetic_is_refused():
    with pytest.raises(NotArithmetic):
        make(lambda a: pt.cumsum(a * np.arange(3.0))[-1], ("a",), columns=(), drawn=("a",))


@pytest.mark.parametrize(
    ("name", "other"), [("psi", special.psi), ("trigamma", lambda x: special.polygamma(1, x))]
)
def test_derivatives_of_log_gamma(name, other):
    x = 10.0 ** np.linspace(-6, 6, 200)
    found = [getattr(arithmetic, name)(each) for each in x]
    np.testing.assert_allclose(found, other(x), rtol=1e-12, atol=1e-13)


def test_softplus_and_extremes():
    x = np.array([-800.0, -37.5, -30, -1, 0, 1, 17, 20, 34, 800, np.inf, -np.inf])
    np.testing.assert_allclose([arithmetic.softplus(each) for each in x], np.logaddexp(0, x), rtol=1e-14)
    assert np.isnan(arithmetic.maximum(np.nan, 1.0))
    assert np.isnan(arithmetic.minimum(1.0, np.nan))


@pytest.mark.parametrize("folder", ["writable", "not writable"])
def test_another_process_finds_the_same(folder, tmp_path, data):
    """Where nothing can be kept, the same is compiled again, without a warning."""
    cache = tmp_path / "cache"
    if folder == "not writable":
        cache.write_text("a file, and no folder")
    code = (
        "import numpy as np, pytensor.tensor as pt\n"
        "from bayes_cx.kernels import make\n"
        "k = make(lambda x, a: pt.log(x) * a, ('x', 'a'), columns=('x',), drawn=('a',))\n"
        "print(k.bind({'x': np.array([2.0])})({'a': np.array([3.0])}, 1)[0][0, 0])"
    )
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "BAYES_CX_CACHE": str(cache)},
        )
        assert float(done.stdout) == pytest.approx(3 * np.log(2))
        assert not done.stderr
    assert (folder == "writable") == bool(list(tmp_path.glob("cache/kernels/*.py")))
