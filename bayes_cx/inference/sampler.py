"""Samplers of a density, for nutpie."""

from typing import Any

import numpy as np

from bayes_cx.errors import FitError
from bayes_cx.inference.density import Density, find_mode

__all__ = ["of_density"]

# Where the density is nearly level at its mode, its curvature says nothing of its width; coordinates are
# logarithms or log odds, of which priors seldom allow more.
_WIDEST = 2.0
# Chains start up to so many standard deviations from the mode, on all sides.
_APART = 2.0


def of_density(f: Density) -> Any:
    """Return a nutpie model that calls the functions of a density; nothing is compiled.

    The sampler moves in coordinates in which the density is nearly a standard normal: those of its mode and
    its curvature there. So it takes few steps a draw, and has little to adapt to.

    Parameters
    ----------
    f : Density
        All its values are numbers.
    """
    from nutpie.compiled_pyfunc import from_pyfunc

    centre, root = _standard(f)

    def values(z: np.ndarray, **_: Any) -> dict[str, np.ndarray]:
        # Arrays without dimensions, as nutpie wants them, and no scalars.
        found = f.named((centre + root @ z)[None])
        return {name: column.reshape(()) for name, column in zip(f.names, found, strict=True)}

    def start(seed: int) -> np.ndarray:
        return np.random.default_rng(seed).uniform(-_APART, _APART, centre.size)

    def height(z: np.ndarray, **_: Any) -> tuple[float, np.ndarray]:
        # A step may end so far out that nothing there is a number; nutpie takes that for a divergence.
        with np.errstate(all="ignore"):
            value, gradient = f.value_and_gradient(centre + root @ z)
            return float(value), root.T @ gradient

    return from_pyfunc(
        centre.size,
        lambda: height,
        lambda *_: values,
        [np.dtype("float64")] * len(f.names),
        [()] * len(f.names),
        list(f.names),
        make_initial_point_fn=start,
    )


def _standard(f: Density) -> tuple[np.ndarray, np.ndarray]:
    """Return what makes a density nearly a standard normal of z: u = centre + scale z."""
    try:
        mode = find_mode(f)
    except FitError:  # without a mode, from where the search began
        return f.start, np.eye(f.start.size) * _WIDEST / 4
    precision, directions = np.linalg.eigh(mode.precision)
    return mode.u, directions * np.minimum(precision**-0.5, _WIDEST)
