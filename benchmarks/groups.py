"""Times fits of groups on CDNOW: made-up segments of unequal sizes, every coordinate pooled.

``python benchmarks/groups.py 20 200`` prints, for each number of segments, the CPU seconds of `bayes_cx.fit`,
Pareto k-hat and the effective number of draws. Set ``OPENBLAS_NUM_THREADS=1`` where other work uses the
processor.
"""

import sys
import time

import numpy as np

import bayes_cx as bcx
from bayes_cx.models import BG_NBD

UNTIL, SEED = "1997-09-30", 1


def main(numbers: list[int]) -> None:
    """Fit with each number of segments."""
    stats = bcx.summarise(bcx.load_cdnow(), until=UNTIL, unit="week")
    bcx.fit(BG_NBD, stats, seed=SEED, progress=False)  # imports and compiles what fits share
    for number in numbers:
        rng = np.random.default_rng(SEED)
        share = rng.dirichlet(np.full(number, 0.7))
        segment = rng.choice(number, stats.sizes["customer"], p=share).astype(str).astype(object)
        begin = time.process_time()
        fit = bcx.fit(
            BG_NBD,
            stats.assign(segment=("customer", segment)),
            design=bcx.Design(pool=["segment"]),
            method=bcx.Laplace(),
            seed=SEED,
            progress=False,
        )
        seconds = time.process_time() - begin
        khat, ess = (check.value for check in fit.checks[:2])
        sizes = np.unique(segment, return_counts=True)[1]
        print(
            f"{number} segments of {sizes.min()} to {sizes.max()} customers: {seconds:.1f} CPU seconds, "
            f"k-hat {khat:.2f}, {ess:.0f} effective draws, checks {fit.verdict}"
        )


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or [20, 200])
