"""Evidence, and the mixture over parameters of a few whole values, against integrals in closed form."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy.special import betaln

import bayes_cx as bcx
from bayes_cx.inference.density import Density, Mode
from bayes_cx.inference.laplace import weigh
from bayes_cx.model import Model, Param, Prior

HITS, TRIALS = 3, 4


def _toy() -> Model:
    """Return a model in which k of six events must happen: the marginal likelihood is a Beta function."""

    def log_lik(x, t_x, T, p, k):
        import pytensor.tensor as pt

        return x * k * pt.log(p) + (T - x) * k * pt.log1p(-p)

    return replace(
        bcx.models.BG_NBD,
        statistics=("x", "t_x", "T"),
        params={"p": Param("", "chance"), "k": Param("", "power")},
        priors={"p_": Prior("Beta", {"alpha": 2.0, "beta": 2.0}, "chance", "any")},
        scale=lambda weight, x, t_x, T: 1.0,
        letters=lambda scale, p_: {"p": p_},
        log_lik=log_lik,
        choices={"k": (1, 2)},
    )


@pytest.fixture(scope="module")
def stats():
    x = np.array([1] * HITS + [0] * (TRIALS - HITS))
    data = {"x": ("customer", x), "t_x": ("customer", 0.5 * x), "T": ("customer", np.ones(TRIALS))}
    return xr.Dataset(
        data, coords={"customer": np.arange(TRIALS)}, attrs={"kind": "purchases", "unit": "week"}
    )


def log_marginal(k):
    return betaln(2 + k * HITS, 2 + k * (TRIALS - HITS)) - betaln(2, 2)


def test_the_marginal_likelihood_is_the_integral_of_the_density(rng):
    precision = np.array([[2.0, 0.5], [0.5, 1.0]])

    def value_and_gradient(u):
        return np.asarray(3.0 - 0.5 * u @ precision @ u), -precision @ u

    def heights(points):
        return np.array([value_and_gradient(u)[0] for u in points])

    f = Density(value_and_gradient, heights, lambda u: [u], ("u",), {"u": ()}, {}, np.zeros(2))
    mode = Mode(np.zeros(2), 3.0, precision, 0.0)
    expected = 3.0 + np.log(2 * np.pi) - 0.5 * np.log(np.linalg.det(precision))
    assert weigh(f, mode, 4000, 8.0, rng).log_marginal == pytest.approx(expected, abs=0.02)


def test_every_choice_gets_draws_by_its_evidence(stats):
    posterior = bcx.fit(_toy(), stats, seed=1, progress=False)
    found = posterior.provenance.choices
    odds = np.exp(log_marginal(2) - log_marginal(1))
    assert found["k=2"] / found["k=1"] == pytest.approx(odds, rel=0.03)
    k = posterior.parameters()["k"]
    assert (k == 2).mean() == pytest.approx(found["k=2"], abs=1e-3)
    p = posterior.parameters()["p"]
    for power in (1, 2):
        a, b = 2 + power * HITS, 2 + power * (TRIALS - HITS)
        mean, sd = a / (a + b), np.sqrt(a * b / (a + b) ** 2 / (a + b + 1))
        mine = p[k == power]
        assert abs(mine.mean() - mean) / (sd / np.sqrt(mine.size)) < 4
    assert posterior.draws["posterior"].sizes == {"chain": 1, "draw": 4000}


def test_a_choice_that_is_made_stays(stats):
    posterior = bcx.fit(_toy().at(k=2), stats, seed=1, progress=False)
    assert set(posterior.parameters()["k"]) == {2.0}
    assert not posterior.provenance.choices


def test_the_most_likely_choice_is_taken_of_point_estimates(stats):
    posterior = bcx.fit(_toy(), stats, method=bcx.MLE())
    share = HITS / TRIALS
    height = {k: k * (HITS * np.log(share) + (TRIALS - HITS) * np.log1p(-share)) for k in (1, 2)}
    assert posterior.parameters()["k"][0] == max(height, key=lambda k: height[k])


def test_an_open_choice_makes_no_pymc_model(stats):
    with pytest.raises(bcx.InputError, match="values of k"):
        bcx.pymc_model(_toy(), stats)


def test_only_known_values_can_be_chosen():
    with pytest.raises(bcx.InputError, match="k = 7"):
        _toy().at(k=7)


def test_a_fixed_scale_keeps_the_priors(stats):
    one = bcx.fit(bcx.models.BG_NBD, stats, scale=0.25, seed=1, progress=False)
    assert one.provenance.scale == 0.25
    coordinate = one.draws["posterior"]["purchase_rate"].to_numpy().ravel()
    letters = one.parameters()
    np.testing.assert_allclose(letters["r"] / letters["alpha"], coordinate * 0.25)
