"""What treating those of high expected uplift first gains: doubly robust scores, curves, resamples."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Judged", "area", "gain_curve", "qini_coefficient", "robust_scores"]

# Resamples x rows held at once.
_CELLS = 4_000_000


@dataclass(frozen=True)
class Judged:
    """Customers of a hold-out with two treatments, in rows with a weight, ordered by nothing.

    Attributes
    ----------
    pattern : numpy.ndarray of int, shape (row,)
        Which combination of features the row has.
    treated : numpy.ndarray of bool, shape (row,)
    outcome, weight : numpy.ndarray, shape (row,)
    score : numpy.ndarray, shape (pattern,)
        Those with the highest are treated first.
    robust : numpy.ndarray, shape (row,)
        The doubly robust score of each row, see `robust_scores`.
    """

    pattern: np.ndarray
    treated: np.ndarray
    outcome: np.ndarray
    weight: np.ndarray
    score: np.ndarray
    robust: np.ndarray

    @property
    def order(self) -> np.ndarray:
        """The patterns, the highest score first."""
        return np.argsort(-self.score, kind="stable")

    def of_patterns(self, values: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
        """Add up weighted values of rows by pattern, in the order of the scores."""
        own = self.weight if weight is None else weight
        return np.bincount(self.pattern, own * values, minlength=self.score.size)[self.order]

    def resampled(self, resamples: int, rng: np.random.Generator) -> np.ndarray:
        """Return customers and sums of robust scores by pattern, shape (2, resample, pattern).

        Customers are drawn with replacement, in the order of the scores.
        """
        n, size = int(self.weight.sum()), self.score.size
        found = np.empty((2, resamples, size))
        # Rows of one pattern stand together, so that they are added up in one go.
        rows = np.argsort(self.pattern, kind="stable")
        first = np.searchsorted(self.pattern[rows], np.arange(size))
        chance, robust = self.weight[rows] / n, self.robust[rows]
        step = max(1, _CELLS // rows.size)
        for start in range(0, resamples, step):
            some = slice(start, min(start + step, resamples))
            counts = rng.multinomial(n, chance, size=some.stop - some.start)
            found[0, some] = np.add.reduceat(counts, first, axis=1)[:, self.order]
            found[1, some] = np.add.reduceat(counts * robust, first, axis=1)[:, self.order]
        return found


def robust_scores(
    outcome: np.ndarray,
    treated: np.ndarray,
    propensity: np.ndarray | float,
    with_it: np.ndarray,
    without: np.ndarray,
) -> np.ndarray:
    r"""Return for each customer an unbiased estimate of what the treatment changes [dudik2014doubly]_.

    .. math::
        \hat\mu_1 - \hat\mu_0 + \frac{a}{\pi}(y - \hat\mu_1) - \frac{1 - a}{1 - \pi}(y - \hat\mu_0)

    It is unbiased whatever the expectations are, as the probability to be treated is known, and the less it
    varies the better they are.

    Parameters
    ----------
    outcome : numpy.ndarray, shape (row,)
    treated : numpy.ndarray of bool, shape (row,)
    propensity : float or numpy.ndarray, shape (row,)
        Probability to be treated.
    with_it, without : numpy.ndarray, shape (row,)
        Expected outcome with and without treatment, from other customers.
    """
    up = treated / propensity * (outcome - with_it)
    down = ~treated / (1 - propensity) * (outcome - without)
    return with_it - without + up - down


def gain_curve(customers: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the shares treated and the gain per customer of all at each, both from 0 on, over the last axis.

    Parameters
    ----------
    customers, scores : numpy.ndarray, shape (..., pattern)
        Number of customers and their scores added up, those treated first at the front.
    """
    n = customers.sum(axis=-1, keepdims=True)
    zero = np.zeros((*customers.shape[:-1], 1))
    found = (np.concatenate([zero, np.cumsum(each, axis=-1) / n], axis=-1) for each in (customers, scores))
    share, gain = found
    return share, gain


def area(share: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Return the area between a curve of gains and the straight line of treating at random.

    With doubly robust scores it is the rank-weighted average treatment effect with the weights of Qini
    [yadlowsky2025evaluating]_.
    """
    under = (np.diff(share, axis=-1) * (gain[..., 1:] + gain[..., :-1]) / 2).sum(axis=-1)
    return under - gain[..., -1] / 2


def qini_coefficient(judged: Judged) -> float:
    r"""Return the Qini coefficient from the outcomes alone [radcliffe2011real]_.

    With Y and N the responses and the number of treated (1) and of controls (0) among those with the highest
    scores, it is the area between :math:`Q = Y_1 - Y_0 N_1 / N_0` and the straight line to its end, where the
    end is 1 in size and all customers are 1.
    """
    one, zero = judged.treated.astype(float), (~judged.treated).astype(float)
    n1, n0 = (np.cumsum(judged.of_patterns(each)) for each in (one, zero))
    y1, y0 = (np.cumsum(judged.of_patterns(each * judged.outcome)) for each in (one, zero))
    ratio = np.divide(n1, n0, out=np.zeros_like(n1), where=n0 > 0)
    q = np.append(0.0, y1 - y0 * ratio)
    share = np.append(0.0, (n1 + n0) / (n1[-1] + n0[-1]))
    if q[-1] == 0:
        return float("nan")
    return float(area(share, q / abs(q[-1])))
