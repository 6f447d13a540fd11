import numpy as np
import pytest

from bayes_cx.validation.calibration import calibration


def pool_adjacent_violators(y, w):
    """Isotonic regression as in the textbooks: neighbours in the wrong order become one."""
    blocks = []
    for value, weight in zip(y, w, strict=True):
        blocks.append([value, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            v, u, k = blocks.pop()
            blocks[-1] = [(blocks[-1][0] * blocks[-1][1] + v * u) / (blocks[-1][1] + u), blocks[-1][1] + u,
                          blocks[-1][2] + k]  # fmt: skip
    return np.concatenate([[v] * k for v, _, k in blocks])


def test_curve_is_that_of_pool_adjacent_violators():
    rng = np.random.default_rng(0)
    predicted = rng.integers(0, 60, 500) / 60
    happened = rng.random(500) < predicted**1.3
    found = calibration(predicted, happened, resamples=20)
    values = np.unique(predicted)
    share = np.array([happened[predicted == p].mean() for p in values])
    size = np.array([(predicted == p).sum() for p in values])
    curve = dict(zip(values, pool_adjacent_violators(share, size), strict=True))
    np.testing.assert_allclose(found.isotonic, [curve[p] for p in np.sort(predicted)], atol=1e-12)
    assert found.observed.sum() == happened.sum()
    assert found.bin_count.sum() == 500


def test_the_order_of_customers_does_not_matter():
    rng = np.random.default_rng(1)
    predicted = rng.integers(0, 10, 200) / 10
    happened = rng.random(200) < predicted
    shuffle = rng.permutation(200)
    one, other = calibration(predicted, happened), calibration(predicted[shuffle], happened[shuffle])
    for name in ("predicted", "isotonic", "low95", "high95"):
        np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize(("true", "inside"), [(lambda p: p, True), (lambda p: 0.5 * p, False)])
def test_band_holds_right_forecasts_and_not_wrong_ones(true, inside):
    rng = np.random.default_rng(2)
    shares = []
    for _ in range(40):
        predicted = rng.beta(1, 2, 400)
        found = calibration(predicted, rng.random(400) < true(predicted), resamples=200)
        shares.append(found.attrs["inside"])
    # Point by point the band holds the curve 95 % of the time.
    assert (np.mean(shares) > 0.92) == inside


def test_right_forecasts_seldom_fall_short_and_wrong_ones_nearly_always():
    rng = np.random.default_rng(3)
    short = {1.0: 0, 0.6: 0}
    for factor in short:
        for _ in range(60):
            predicted = rng.beta(1, 2, 400)
            found = calibration(predicted, rng.random(400) < factor * predicted, resamples=300)
            short[factor] += found.attrs["inside"] < found.attrs["least_inside"]
    # One in a hundred is the aim; five or more of sixty would come about once in two thousand such tests.
    assert short[1.0] < 5
    assert short[0.6] > 54


def test_certain_forecasts():
    found = calibration(np.array([0.0, 1.0, 1.0]), np.array([False, True, True]))
    np.testing.assert_array_equal(found.isotonic, [0, 1, 1])
    assert found.attrs["inside"] == 1
