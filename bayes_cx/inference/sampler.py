"""Samplers of a density, for nutpie."""

from typing import Any

import numpy as np

from bayes_cx.inference.density import Density

__all__ = ["of_density"]


def of_density(f: Density) -> Any:
    """Return a nutpie model that calls the functions of a density; nothing is compiled.

    Chains start within one of where a search for the mode does, in each coordinate.

    Parameters
    ----------
    f : Density
        All its values are numbers.
    """
    from nutpie.compiled_pyfunc import from_pyfunc

    def values(u: np.ndarray, **_: Any) -> dict[str, np.ndarray]:
        # Arrays without dimensions, as nutpie wants them, and no scalars.
        return {name: column.reshape(()) for name, column in zip(f.names, f.named(u[None]), strict=True)}

    def start(seed: int) -> np.ndarray:
        return f.start + np.random.default_rng(seed).uniform(-1.0, 1.0, f.start.size)

    def height(u: np.ndarray, **_: Any) -> tuple[float, np.ndarray]:
        value, gradient = f.value_and_gradient(u)
        return float(value), gradient

    return from_pyfunc(
        f.start.size,
        lambda: height,
        lambda *_: values,
        [np.dtype("float64")] * len(f.names),
        [()] * len(f.names),
        list(f.names),
        make_initial_point_fn=start,
    )
