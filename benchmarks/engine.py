"""Fit and score by kernels, by PyTensor's compiler and by lifetimes: CPU seconds in one run, and ratios.

Run ``python benchmarks/engine.py``. All take the customers of CDNOW. The first call of each compiles
(PyTensor may load what an earlier process compiled); the second does not. lifetimes finds a maximum, the
others 4,000 draws of the posterior, from which they also score. That the draws agree is asserted.
"""

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import bayes_cx as bcx

WEEKS = 39.0


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return the result of some work, and the CPU seconds of its first and its second call."""
    seconds = []
    for _ in range(2):
        begin = time.process_time()
        result = work()
        seconds.append(time.process_time() - begin)
    return result, *seconds


def main() -> None:
    """Print the table."""
    stats = bcx.summarise(bcx.load_cdnow(), until="1997-09-30", unit="week")
    found, rows = {}, []
    for engine in ("kernels", "pytensor"):
        with bcx.engine(engine):
            posterior, *seconds = timed(lambda: bcx.fit("bg_nbd", stats, seed=1, progress=False))
            rows.append((f"fit, {engine}", *seconds))
            found[engine] = posterior.parameters()
            _, *seconds = timed(lambda p=posterior: bcx.score(p, stats, "expected_purchases", t=WEEKS))
            rows.append((f"score expected purchases, {engine}", *seconds))
    for name, draws in found["kernels"].items():
        np.testing.assert_allclose(draws, found["pytensor"][name], rtol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes import BetaGeoFitter

        columns = [stats[name].to_numpy() for name in ("x", "t_x", "T")]
        _, *seconds = timed(lambda: BetaGeoFitter().fit(*columns))
    rows.append(("fit of a maximum, lifetimes", *seconds))
    print(f"{'CPU seconds':40}{'first':>8}{'second':>8}")
    for name, first, second in rows:
        print(f"{name:40}{first:8.2f}{second:8.2f}")
    second = {name: last for name, _, last in rows}
    for what in ("fit", "score expected purchases"):
        ratio = second[f"{what}, pytensor"] / second[f"{what}, kernels"]
        print(f"{what}: kernels take {ratio:.1f} times less than PyTensor's compiler in the second call")
    ratio = second["fit, kernels"] / second["fit of a maximum, lifetimes"]
    print(
        f"a posterior by kernels takes {ratio:.1f} times as long as a maximum by lifetimes in the second call"
    )


if __name__ == "__main__":
    main()
