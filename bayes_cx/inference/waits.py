r"""The posterior of waiting times in a state, and which distribution the data prefer.

The distributions are those of `bayes_cx.inference.wait_families`. A stay that goes on counts by its survival
function, all others by the density. The logarithm of the scale is normal around that of the mean waiting time
of all states, so that no unit matters, with standard deviation 2; that of the shape is normal around 0 with
standard deviation .75. Of two kinds the scale is that of the long one; the logarithm of the ratio of scales
is log-normal around 3 with standard deviation .75, so that the short kind is the short one in every draw, and
the log odds of its share are normal around 0 with standard deviation 1.5. No kind is narrower than 5%, nor
than half the smallest difference between two waiting times: otherwise what always comes after three days, or
is rounded to days, would be a kind of no width at all.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_expit

from bayes_cx.errors import FitError
from bayes_cx.inference.density import Density, Mode, find_mode
from bayes_cx.inference.diagnostics import ESS_LIMIT, KHAT_LIMIT
from bayes_cx.inference.laplace import Weighed, weigh
from bayes_cx.inference.wait_families import (
    FAMILIES,
    TWO_KINDS,
    Family,
    Part,
    log_density,
    log_survival,
)
from bayes_cx.inference.wait_rows import Rows, collapsed

__all__ = ["Short", "Waits", "waits_of"]

_SCALE_SD, _SHAPE_SD = 2.0, 0.75
# Of two kinds: median of the logarithm of the ratio of scales, and the spreads of its logarithm and of the
# log odds of the short kind.
_APART, _APART_SD, _ODDS_SD = 3.0, 0.75, 1.5
_DEGREES, _STEP = 8.0, 1e-5
# Two kinds are looked for in so many stays or more.
_FEWEST = 50
# What is so far below the best at its mode, in units of log marginal likelihood, is not weighed.
_HOPELESS = 15.0
_BISECTIONS = 80
# The least spread of the logarithm that a kind has, and by how much the logarithms of scales differ at most,
# as a logarithm.
_NARROWEST, _FARTHEST = 0.05, 6.0
# Where weights are no good, draws are proposed again so often, around the moments of the last ones.
_ROUNDS, _WIDER = 3, 1.3


@dataclass(frozen=True)
class Short:
    """Draws of the short kind of waiting times, where there are two.

    Attributes
    ----------
    share : numpy.ndarray
        Of the stays that are of this kind.
    scale, shape : numpy.ndarray
    """

    share: np.ndarray
    scale: np.ndarray
    shape: np.ndarray


@dataclass(frozen=True)
class Waits:
    """Draws of the distribution of waiting times in one state.

    Attributes
    ----------
    family : str
        One of `FAMILIES` or, where waiting times are of two kinds, of `TWO_KINDS`.
    scale, shape : numpy.ndarray, shape (draw,)
        Of two kinds those of the long one.
    probability : dict of str to float
        Posterior probability of each family, all being equally likely before.
    khat, ess : float
        Of the importance weights.
    short : Short or None
        The short kind, where there are two.
    """

    family: str
    scale: np.ndarray
    shape: np.ndarray
    probability: dict[str, float]
    khat: float
    ess: float
    short: Short | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """The kinds of waiting times: one, or the short one and the long one."""
        if self.short is None:
            return (Part(FAMILIES[self.family], np.zeros(1), self.scale, self.shape),)
        one, other = TWO_KINDS[self.family]
        share = self.short.share
        return (
            Part(one, np.log(share), self.short.scale, self.short.shape),
            Part(other, np.log1p(-share), self.scale, self.shape),
        )

    def survival(self, wait: np.ndarray) -> np.ndarray:
        """Return P(longer than `wait`), which broadcasts with the draws."""
        return np.exp(log_survival(self.parts, _log(wait)))

    def density(self, wait: np.ndarray) -> np.ndarray:
        """Return the density of waiting times above zero, which broadcast with the draws."""
        return np.exp(log_density(self.parts, _log(wait))) / wait

    def thinned(self, keep: np.ndarray) -> "Waits":
        """Return some of the draws, of shape (draw, 1), so that waiting times broadcast with them."""
        short = self.short
        if short is not None:
            short = Short(short.share[keep, None], short.scale[keep, None], short.shape[keep, None])
        return replace(self, scale=self.scale[keep, None], shape=self.shape[keep, None], short=short)

    @property
    def mean(self) -> np.ndarray:
        """The mean waiting time, of the shape of the draws."""
        means = [np.exp(part.log_share) * part.scale * part.family.mean(part.shape) for part in self.parts]
        return sum(means, np.zeros(()))

    def rest(self, wait: np.ndarray) -> np.ndarray:
        """Return the mean time that a stay of some length still lasts; the draws have shape (draw, 1).

        It is the mean of all that is longer, divided by the chance to be longer, less the wait; zero where
        that chance is none in double precision.
        """
        log_wait = _log(wait)
        still = self.survival(wait)
        beyond = sum((np.exp(part.log_beyond(log_wait)) for part in self.parts), np.zeros(()))
        whole = np.divide(beyond, still, out=np.zeros(still.shape), where=still > 1e-290)
        return np.maximum(whole - wait, 0.0)

    def quantile(self, level: float, longer_than: np.ndarray | float = 0.0) -> np.ndarray:
        """Return the time that a stay longer than a span does not exceed with some probability.

        Parameters
        ----------
        level : float
            Probability, between 0 and 1.
        longer_than : numpy.ndarray or float
            Broadcasts with the draws.
        """
        wanted = (1 - level) * self.survival(np.asarray(longer_than, float))
        each = np.stack(np.broadcast_arrays(*[part.inverse(wanted) for part in self.parts]))
        if len(each) == 1:
            return np.maximum(each[0], longer_than)
        # Of two kinds together it is between those of each.
        with np.errstate(divide="ignore"):
            low, high = np.log(each.min(axis=0)), np.log(each.max(axis=0))
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            above = np.exp(log_survival(self.parts, middle)) > wanted
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        return np.maximum(np.exp(0.5 * (low + high)), longer_than)

    def draw(self, rng: np.random.Generator, longer_than: np.ndarray | float = 0.0) -> np.ndarray:
        """Draw a waiting time for each draw, given that it is longer than some span, by inversion."""
        log_wait = _log(np.asarray(longer_than, float))
        chances = [np.exp(part.log_survival(log_wait)) for part in self.parts]
        level = sum(chances, np.zeros(())) * rng.random(self.scale.shape)
        drawn, below = np.zeros(level.shape), np.zeros(())
        # The number that chooses the kind is uniform within it, so it says when the stay ends as well.
        for part, chance in zip(self.parts, chances, strict=True):
            own = np.clip((level - below) / np.exp(part.log_share), 0, 1)
            drawn, below = np.where(level >= below, part.inverse(own), drawn), below + chance
        # Where nearly nobody waits that long, rounding must not bring a time before it.
        return np.maximum(drawn, longer_than)


def waits_of(
    wait: np.ndarray, ended: np.ndarray, weight: np.ndarray, centre: float, n: int, rng: np.random.Generator
) -> Waits:
    """Return `n` draws of the waiting times in a state, of the family with the largest marginal likelihood.

    Parameters
    ----------
    wait, ended, weight : numpy.ndarray, shape (row,)
        How long each stay was, or has been; whether it has ended; how many there are of it.
    centre : float
        Mean waiting time of all states.
    n : int
    rng : numpy.random.Generator
    """
    rows = collapsed(wait / centre, ended, weight)
    modes: dict[str, tuple[_Law, Density, Mode]] = {}
    for law in _laws(rows):
        density = _density(law, rows)
        try:
            mode = find_mode(density)
        except FitError:  # one family may have no maximum where another has
            continue
        modes[law.name] = law, density, mode
    log_marginal = {name: _laplace(mode) for name, (_, _, mode) in modes.items()}
    best = max(log_marginal.values())
    found: dict[str, Weighed] = {}
    for name, (_, density, mode) in modes.items():
        if log_marginal[name] > best - _HOPELESS:
            found[name] = _weighed(density, mode, n, rng)
            log_marginal[name] = found[name].log_marginal
    # A marginal likelihood is as good as its weights.
    good = [name for name, one in found.items() if _is_good(one, n)] or list(found)
    log_marginal = {name: log_marginal[name] for name in modes if name in good or name not in found}
    chosen = max(good, key=lambda name: log_marginal[name])
    values = np.array(list(log_marginal.values()))
    probability = np.exp(values - values.max())
    probability /= probability.sum()
    weighed, law = found[chosen], modes[chosen][0]
    *short, long = law.parts(weighed.u, rows.finest)
    return Waits(
        chosen,
        centre * long.scale[:, 0],
        long.shape[:, 0],
        dict(zip(log_marginal, probability.tolist(), strict=True)),
        weighed.khat,
        weighed.ess,
        Short(np.exp(short[0].log_share[:, 0]), centre * short[0].scale[:, 0], short[0].shape[:, 0])
        if short
        else None,
    )


def _weighed(density: Density, mode: Mode, n: int, rng: np.random.Generator) -> Weighed:
    """Return `n` weighed draws; where weights are no good they are proposed again around their moments."""
    best = weigh(density, mode, n, _DEGREES, rng)
    for _ in range(_ROUNDS):
        if _is_good(best, n):
            break
        spread = np.cov(best.u.T, ddof=0).reshape(mode.u.size, -1)
        if np.linalg.eigvalsh(spread).min() <= 0:
            break
        around = replace(mode, u=best.u.mean(axis=0), precision=np.linalg.inv(_WIDER**2 * spread))
        best = min(best, weigh(density, around, 2 * n, _DEGREES, rng), key=lambda one: one.khat)
    return replace(best, u=best.u[:n], height=best.height[:n])


def _is_good(weighed: Weighed, n: int) -> bool:
    return weighed.khat < KHAT_LIMIT and weighed.ess >= min(ESS_LIMIT, 0.4 * n)


def _laplace(mode: Mode) -> float:
    """Return the log integral of a density that is normal around its mode."""
    return mode.height + 0.5 * (mode.u.size * np.log(2 * np.pi) - np.linalg.slogdet(mode.precision)[1])


@dataclass(frozen=True)
class _Law:
    """A distribution of waiting times as a function of a vector.

    The vector has the logarithms of scale and shape. Of two kinds these are the long one's; then come the
    logarithm of the short one's shape, the logarithm of that of the ratio of scales, and the log odds of the
    short kind.
    """

    name: str
    families: tuple[Family, ...]
    start: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """The elements of a vector."""
        if len(self.families) == 2:
            return ("scale", "shape", "shape of the short kind", "ratio of scales", "share of the short kind")
        return ("scale", "shape") if self.families[0].has_shape else ("scale",)

    def prior(self, points: np.ndarray) -> np.ndarray:
        """Return the log prior density at points of shape (point, element)."""
        size = points.shape[1]
        middle = np.array([0.0, 0.0, 0.0, np.log(_APART), 0.0])[:size]
        sd = np.array([_SCALE_SD, _SHAPE_SD, _SHAPE_SD, _APART_SD, _ODDS_SD])[:size]
        return -0.5 * (((points - middle) / sd) ** 2).sum(axis=1) - np.log(sd * np.sqrt(2 * np.pi)).sum()

    def parts(self, points: np.ndarray, finest: float) -> tuple[Part, ...]:
        """Return the kinds of waiting times at points of shape (point, element), each of shape (point, 1)."""
        scale = np.exp(points[:, :1])
        shape = np.exp(points[:, 1:2]) if points.shape[1] > 1 else np.ones_like(scale)
        if len(self.families) == 1:
            return (Part(self.families[0], np.zeros(1), scale, shape),)
        apart = np.exp(np.minimum(points[:, 3:4], _FARTHEST))
        nearer = np.exp(points[:, :1] - apart)
        odds = points[:, 4:5]
        return (
            Part(
                self.families[0],
                log_expit(odds),
                nearer,
                _no_narrower(np.exp(points[:, 2:3]), finest / nearer),
            ),
            Part(self.families[1], log_expit(-odds), scale, _no_narrower(shape, finest / scale)),
        )


def _no_narrower(shape: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Return shapes as if the logarithm had a further spread: the least one, or half a step if larger."""
    return shape / np.hypot(1, shape * np.maximum(_NARROWEST, 0.5 * step))


def _laws(rows: Rows) -> list[_Law]:
    """Return the distributions that waiting times may have."""
    found = [_Law(name, (one,), np.zeros(1 + one.has_shape)) for name, one in FAMILIES.items()]
    if rows.weight[rows.ended].sum() >= _FEWEST and (split := _split(rows)) is not None:
        found += [_Law(name, families, split) for name, families in TWO_KINDS.items()]
    return found


def _split(rows: Rows) -> np.ndarray | None:
    """Return where a search for two kinds begins: ended stays split into the most likely log-normals."""
    order = np.argsort(rows.log_wait[rows.ended])
    x, n = rows.log_wait[rows.ended][order], rows.weight[rows.ended][order]
    if x.size < 4:
        return None
    sums = [np.cumsum(n * x**power) for power in range(3)]
    with np.errstate(divide="ignore", invalid="ignore"):
        sides = []
        for size, first, second in ([s[:-1] for s in sums], [s[-1] - s[:-1] for s in sums]):
            middle = first / size
            sides.append((size, middle, np.sqrt(np.maximum(second / size - middle**2, _NARROWEST**2))))
    (size, low, sd), (rest, high, other) = sides
    fit = size * np.log(size / sd) + rest * np.log(rest / other)
    at = int(np.argmax(fit))
    apart = np.log(max(high[at] - low[at], 0.5))
    return np.array([high[at], -np.log(other[at]), -np.log(sd[at]), apart, np.log(size[at] / rest[at])])


def _density(law: _Law, rows: Rows) -> Density:
    """Return the log posterior density of a distribution's vector."""
    size, ended, going_on = len(law.names), rows.ended, ~rows.ended

    def heights(points: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            parts = law.parts(points, rows.finest)
            log_lik = log_density(parts, rows.log_wait[ended]) @ rows.weight[ended]
            if going_on.any():
                log_lik = log_lik + log_survival(parts, rows.log_wait[going_on]) @ rows.weight[going_on]
        return np.where(np.isfinite(log_lik), log_lik, -np.inf) + law.prior(points)

    steps = _STEP * np.concatenate([np.zeros((1, size)), np.eye(size), -np.eye(size)])

    def value_and_gradient(u: np.ndarray) -> tuple[float, np.ndarray]:
        found = heights(u + steps)
        if not np.all(np.isfinite(found)):
            raise FitError(
                "waiting times that are all but equal",
                "some that differ",
                "measure times more finely, if that is possible",
            )
        return float(found[0]), (found[1 : size + 1] - found[size + 1 :]) / (2 * _STEP)

    names = law.names
    return Density(
        value_and_gradient=value_and_gradient,
        heights=heights,
        named=lambda points: list(np.exp(points).T),
        names=names,
        dims=dict.fromkeys(names, ()),
        coords={},
        start=law.start,
        elements=names,
    )


def _log(wait: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(wait)
