"""Kernels evaluate the graphs that PyTensor evaluates."""

import mpmath as mp
import numpy as np
import pytensor
import pytensor.scalar as ps
import pytensor.tensor as pt
import pytest
from scipy import special

from bayes_cx.kernels import NotArithmetic, make
from bayes_cx.model import arguments
from bayes_cx.models import MODELS
from bayes_cx.numerics.loops import elementwise, repeat
from tests.evaluated import by_pytensor, function
from tests.models.stories import STORIES

OPTIONS = {"t1": 3.0, "t2": 8.0, "t": 8.0, "count": 2.0, "discount": 0.02, "keep": 0.2}
QUICK = {("bg_nbd", "expected_purchases"), ("sbg", "derl")}


def formulas():
    for key, model in sorted(MODELS.items()):
        for name in ("log_lik", *model.quantities):
            plain = not model.choices and getattr(model.log_lik, "inner", 1) == 1
            quick = (key, name) in QUICK or (name == "log_lik" and plain and key != "pareto_nbd")
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
    kernel = make(formula, names, columns=tuple(rows), drawn=tuple(draws))
    found = kernel.bind(rows)({**draws, **OPTIONS}, 3)[0]
    flat = [
        np.broadcast_to(
            rows[n][:, None] if n in rows else draws[n] if n in draws else OPTIONS[n], found.shape
        )
        for n in names
    ]
    expected = by_pytensor(formula)(*(each.ravel() for each in flat)).reshape(found.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def with_no_silence(rows, story):
    """Return rows with those of a story again, as they are at the last purchase."""
    again = {name: np.append(column, column[: len(story.rows)]) for name, column in rows.items()}
    if {"t_x", "T"} <= rows.keys():
        again["T"][-len(story.rows) :] = again["t_x"][-len(story.rows) :]
    return again


# PyTensor takes most of a minute to compile some of them.
@pytest.mark.parametrize(
    "key",
    [
        key if key in ("bg_nbd", "sbg") else pytest.param(key, marks=pytest.mark.slow)
        for key in sorted(MODELS)
    ],
)
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


def of_one(function, *columns):
    """Return what a kernel makes of a function at some places."""
    names = ("a", "b", "c")[: len(columns)]
    given = {name: np.asarray(column, float) for name, column in zip(names, columns, strict=True)}
    kernel = make(lambda **inputs: function(*inputs.values()), names, columns=(), drawn=names)
    return kernel.bind({})(given, len(columns[0]))[0][0]


@pytest.mark.parametrize(
    ("function", "other"), [(pt.psi, special.psi), (pt.tri_gamma, lambda x: special.polygamma(1, x))]
)
def test_derivatives_of_log_gamma(function, other):
    x = 10.0 ** np.linspace(-6, 6, 200)
    np.testing.assert_allclose(of_one(function, x), other(x), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["exp", "expm1", "log", "log1p", "softplus"])
def test_functions_are_right_to_the_last_digits(name, rng):
    """Against many digits: two units of the last one, of two functions after each other four."""
    exact = {**{each: getattr(mp, each) for each in ("exp", "expm1", "log", "log1p")}}
    exact["softplus"] = lambda x: mp.log1p(mp.exp(x))
    wide = 10.0 ** rng.uniform(-320, 308, 300)
    x = {
        "exp": np.append(rng.uniform(-740, 709, 300), rng.uniform(-1, 1, 300)),
        "expm1": np.append(
            rng.uniform(-40, 709, 300), rng.normal(size=300) * 10 ** rng.uniform(-300, 0, 300)
        ),
        "log": np.append(wide, rng.uniform(0.5, 2, 300)),
        "log1p": np.append(wide, rng.uniform(-1, 1, 300)),
        "softplus": rng.normal(size=600) * 10 ** rng.uniform(-3, 2.5, 600),
    }[name]
    with mp.workdps(60):
        expected = np.array([float(exact[name](mp.mpf(float(each)))) for each in x])
    off = np.abs(of_one(getattr(pt, name), x) - expected) / np.spacing(np.abs(expected))
    assert off.max() <= (4 if name == "softplus" else 2)


@pytest.mark.parametrize("name", ["exp", "expm1", "log", "log1p", "softplus", "sigmoid", "sign"])
def test_functions_at_the_ends_of_the_scale(name):
    ends = np.array([np.nan, np.inf, -np.inf, 0.0, -1.0, 1e-310, 800.0, -800.0, 709.7, -745.2, -37.5, 34.0])
    other = {"softplus": lambda x: np.logaddexp(0, x), "sigmoid": special.expit}.get(name) or getattr(
        np, name
    )
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(of_one(getattr(pt, name), ends), other(ends), rtol=1e-14, atol=1e-320)


def test_what_is_no_number_stays_none():
    a, b = np.array([np.nan, 1.0, np.nan, 2.0, 1.0]), np.array([1.0, np.nan, np.nan, 1.0, 2.0])
    np.testing.assert_array_equal(of_one(pt.maximum, a, b), np.maximum(a, b))
    np.testing.assert_array_equal(of_one(pt.minimum, a, b), np.minimum(a, b))


def test_each_draw_ends_its_loop_by_itself():
    """Draws are computed together; a loop goes on for one while others have ended."""

    def step(i, total, a):
        return i + 1.0, total + a, ps.ge(total + a, 10.0)

    @elementwise
    def until_ten(n, a):
        steps, total, met = repeat(n, {"i": 0.0, "total": 0.0}, {"a": a}, step, settles=True)
        return steps + 100.0 * total + ps.switch(met, 0.0, 1e6)

    n = np.array([0.0, 3, 100, 100, 100, 7.9, np.nan, 1, 2, 50, -1])
    a = np.array([1.0, 1, 1, 20, 0.01, 1, 1, 12, 5, 3, 1])

    def one(n, a):
        i, total, met = 0, 0.0, True
        while i + 1 <= n:
            i, total = i + 1, total + a
            met = total >= 10
            if met:
                break
        return i + 100 * total + (0 if met else 1e6)

    np.testing.assert_allclose(of_one(until_ten, n, a), [*map(one, n, a)], rtol=1e-12)


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 50])
def test_rows_together_where_all_draws_are_alike(n, data, rng):
    """The rows that fill the last vector count for nothing."""
    rows, draws = (
        {name: column[:size] for name, column in each.items()}
        for each, size in zip(data, (n, 1), strict=True)
    )
    names, weight = ("x", "y", "a", "b"), rng.uniform(size=n)
    one = make(formula, names, columns=("x", "y"))
    np.testing.assert_allclose(one.bind(rows)(draws, 1)[0], expected(rows, draws), rtol=1e-13, atol=1e-14)
    alike = make(formula, names, columns=("x", "y"), slopes=("a", "b"), summed=True)
    drawn = make(formula, names, columns=("x", "y"), drawn=("a", "b"), slopes=("a", "b"), summed=True)
    found, other = (kernel.bind(rows, weight)(draws, 1) for kernel in (alike, drawn))
    np.testing.assert_allclose(np.ravel(found), np.ravel(other), rtol=1e-12, atol=1e-13)


def test_a_row_that_is_no_number_is_seen(data):
    rows, draws = data
    rows["y"][-1] = np.inf
    one = {name: each[:1] for name, each in draws.items()}
    kernel = make(formula, ("x", "y", "a", "b"), columns=("x", "y"), summed=True)
    assert kernel.bind(rows, np.ones(50))(one, 1)[0] == -np.inf


@pytest.mark.parametrize("draws", [1, 7, 8, 9, 17])
def test_any_number_of_draws(draws, rng):
    rows, some = {"x": np.arange(5.0), "y": rng.uniform(1, 2, 5)}, rng.uniform(1, 2, (2, draws))
    given = {"a": some[0], "b": some[1]}
    made = make(formula, ("x", "y", "a", "b"), columns=("x", "y"), drawn=("a", "b"))
    np.testing.assert_allclose(
        made.bind(rows)(given, draws)[0], expected(rows, given), rtol=1e-13, atol=1e-14
    )
