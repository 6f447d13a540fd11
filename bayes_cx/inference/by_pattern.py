"""The log-likelihood of each pattern of customers, with slopes by coordinates on the scale of their link.

A pattern is a combination of the columns of a design; its customers have the same parameters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytensor.tensor as pt

from bayes_cx.compiling import kept
from bayes_cx.inference.direct import Coordinates, coordinates, likelihood
from bayes_cx.inference.prepare import Prepared
from bayes_cx.kernels import Kernel, NotArithmetic, make
from bayes_cx.model import Model

__all__ = ["ByPattern"]

# Values of letters that lie side by side, at most: so many points are computed together.
_TOGETHER, _FEWEST, _MOST = 200_000, 8, 128
# Coordinates that are farther from the mean of their prior, a factor of 20,000 on the scale of logarithms,
# are nowhere near a posterior, and differences of gamma functions lose their digits there.
_FARTHEST = 10.0


@dataclass(frozen=True)
class ByPattern:
    """The log-likelihood as a function of eta, shape (point, pattern, coordinate).

    Attributes
    ----------
    point : Coordinates
    patterns : int
    """

    point: Coordinates
    patterns: int
    _letters: Any
    _values: Any
    _slopes: Any
    _fixed: dict[str, np.ndarray]

    @classmethod
    def of(
        cls, prepared: Prepared, chosen: Mapping[str, float], row: np.ndarray, only: np.ndarray | None = None
    ) -> "ByPattern | None":
        """Return the likelihood of the rows of prepared statistics.

        It is None where kernels cannot compute it: with other priors than log-normal, beta and normal, or a
        formula that is none of plain numbers.

        Parameters
        ----------
        prepared : Prepared
        chosen : mapping of str to float
            The values of the choices.
        row : numpy.ndarray of int, shape (row,)
            The pattern of each row.
        only : numpy.ndarray of int, shape (some pattern,), optional
            The patterns that count, in the order in which they will be asked for.
        """
        model = prepared.model
        point = coordinates(prepared)
        if point is None or any(param.dims for param in model.params.values()):
            return None
        try:
            letters = kept(("letters of", model.letters, point.free), lambda: _letters(model, point.free))
            values, slopes = (
                likelihood(model, point.free, with_slopes=each, by_pattern=True, apart=True)
                for each in (False, True)
            )
        except NotArithmetic:
            return None
        columns, weight, at = prepared.columns, prepared.weight, row
        if only is not None:
            place = np.full(int(row.max()) + 1, -1)
            place[only] = np.arange(only.size)
            some = place[row] >= 0
            columns, weight, at = {n: c[some] for n, c in columns.items()}, weight[some], place[row[some]]
        columns = {**columns, "pattern": at}
        fixed = {name: np.asarray(value, float) for name, value in chosen.items()}
        bound = (letters.bind({}), values.bind(columns, weight), slopes.bind(columns, weight))
        return cls(point, int(at.max()) + 1, *bound, fixed | {"scale": np.asarray(prepared.scale, float)})

    def __call__(self, eta: np.ndarray) -> np.ndarray:
        """Return the log-likelihoods, shape (point, pattern); -inf where nothing can be computed exactly."""
        found = np.empty(eta.shape[:2])
        for some in self._blocks(len(eta)):
            n = len(eta[some])
            letters = self._letters(self._fixed | self._coordinates(eta[some]), n * self.patterns)
            given = {
                name: value.reshape(n, -1).T for name, value in zip(self.point.free, letters, strict=True)
            }
            found[some] = self._values(self._fixed | given, n)[0].T
        return np.where(np.abs(eta - self.point.start).max(axis=2) <= _FARTHEST, found, -np.inf)

    def with_slopes(self, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the same, and the slopes by eta, shape (point, pattern, coordinate)."""
        free, k = self.point.free, eta.shape[2]
        found, slopes = np.empty(eta.shape[:2]), np.empty(eta.shape)
        for some in self._blocks(len(eta)):
            n = len(eta[some])
            of_point = self.point.at(eta[some].reshape(-1, k))
            letters = (letter.reshape(n, -1).T for letter in of_point[k : k + len(free)])
            value, *by_letter = self._slopes(self._fixed | dict(zip(free, letters, strict=True)), n)
            by_eta = np.array(of_point[k + len(free) + 1 :][: len(free) * k]).reshape(len(free), k, n, -1)
            found[some] = value.T
            slopes[some] = np.einsum("fpn,fknp->npk", np.array(by_letter[: len(free)]), by_eta)
        return found, slopes

    def _coordinates(self, eta: np.ndarray) -> dict[str, np.ndarray]:
        return {f"u_{name}": eta[..., c].ravel() for c, name in enumerate(self.point.names)}

    def _blocks(self, n: int) -> list[slice]:
        size = int(np.clip(_TOGETHER // self.patterns, _FEWEST, _MOST))
        return [slice(start, start + size) for start in range(0, n, size)]


def _letters(model: Model, free: tuple[str, ...]) -> Kernel:
    """Compile the parameters by letter as functions of coordinates without bounds."""

    def formula(scale: Any, **u: Any) -> list[Any]:
        links = {"log": pt.exp, "logit": pt.sigmoid, "identity": lambda value: value}
        values = {name: links[prior.link](u[f"u_{name}"]) for name, prior in model.priors.items()}
        letters = model.letters(scale, **values)
        return [letters[name] for name in free]

    drawn = [f"u_{name}" for name in model.priors]
    return make(formula, ["scale", *drawn], columns=(), drawn=drawn)
