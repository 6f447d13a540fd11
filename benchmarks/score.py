"""Score customers on draws: time and peak memory against lifetimes and, if it is installed, pymc-marketing.

Run ``python benchmarks/score.py``; ``--draws 50`` makes it short. All score the customers of CDNOW on the
same draws and return mean, standard deviation and three quantiles of each. Each runs in a process of its own,
because the peak memory of a process never falls again. Times count from the loaded data; the first call
compiles, the second does not.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np

STEPS = ("bayes_cx", "lifetimes", "pymc_marketing")
QUANTILES = (0.05, 0.5, 0.95)
LETTERS = ("r", "alpha", "a", "b")
WEEKS = 39.0


def prepare(folder, draws):
    """Fit once, and leave posterior, statistics and draws for everybody."""
    import bayes_cx as bcx

    stats = bcx.summarise(bcx.load_cdnow(), until="1997-09-30", unit="week")
    posterior = bcx.fit(bcx.models.BG_NBD, stats, seed=1, progress=False)
    posterior.save(folder / "posterior.nc")
    stats[["x", "t_x", "T"]].to_netcdf(folder / "stats.nc", engine="h5netcdf")
    columns = {name: stats[name].to_numpy() for name in ("x", "t_x", "T")}
    np.savez(folder / "draws.npz", **columns, **posterior.parameters(draws))


def summary(values):
    """Return mean, sd and quantiles over the first axis."""
    return [values.mean(axis=0), values.std(axis=0), *np.quantile(values, QUANTILES, axis=0)]


def run_bayes_cx(folder, draws):
    import xarray as xr

    import bayes_cx as bcx

    posterior = bcx.load(folder / "posterior.nc")
    stats = xr.load_dataset(folder / "stats.nc", engine="h5netcdf")

    def one(quantity, **options):
        found = bcx.score(posterior, stats, quantity, quantiles=QUANTILES, thin_to=draws, **options)
        return [found["mean"].to_numpy(), found["sd"].to_numpy(), *found["quantile"].to_numpy().T]

    return lambda: [one("p_alive"), one("expected_purchases", t=WEEKS)]


def run_lifetimes(folder, _):
    warnings.simplefilter("ignore")
    import pandas as pd
    from lifetimes import BetaGeoFitter

    data = np.load(folder / "draws.npz")
    history = [data[name] for name in ("x", "t_x", "T")]
    model = BetaGeoFitter()

    def forecasts(formula, *options):
        made = []
        for values in zip(*(data[name] for name in LETTERS), strict=True):
            model.params_ = pd.Series(dict(zip(LETTERS, values, strict=True)))
            made.append(formula(*options, *history))
        return summary(np.array(made))

    return lambda: [
        forecasts(model.conditional_probability_alive),
        forecasts(model.conditional_expected_number_of_purchases_up_to_time, WEEKS),
    ]


def run_pymc_marketing(folder, _):
    warnings.simplefilter("ignore")
    import arviz as az
    import pandas as pd
    from pymc_marketing.clv import BetaGeoModel

    data = np.load(folder / "draws.npz")
    frame = pd.DataFrame(
        {"customer_id": np.arange(data["x"].size), "frequency": data["x"], "recency": data["t_x"]}
    )
    frame["T"] = data["T"]
    model = BetaGeoModel()
    model.build_model(frame)
    model.idata = az.from_dict({"posterior": {name: data[name][None] for name in LETTERS}})

    def flat(values):
        return summary(values.stack(sample=("chain", "draw")).transpose("sample", ...).to_numpy())

    return lambda: [
        flat(model.expected_probability_alive(frame)),
        flat(model.expected_purchases(frame, future_t=WEEKS)),
    ]


def run(step, folder, draws):
    """Run one step here and print what it took as JSON."""
    work = {"bayes_cx": run_bayes_cx, "lifetimes": run_lifetimes, "pymc_marketing": run_pymc_marketing}
    ready = work[step](folder, draws)
    took, results = {}, None
    for call in ("first", "second"):
        wall, cpu = time.perf_counter(), time.process_time()
        results = ready()
        took[f"{call} call, s"] = time.perf_counter() - wall
        took[f"{call} call, cpu-s"] = time.process_time() - cpu
    took["peak, MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    np.save(folder / f"{step}.npy", np.array(results))
    print(json.dumps(took))


def child(*arguments):
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--step", choices=("prepare", *STEPS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step == "prepare":
        prepare(options.folder, options.draws)
        return
    if options.step:
        run(options.step, options.folder, options.draws)
        return
    with tempfile.TemporaryDirectory() as name:
        folder, draws = Path(name), str(options.draws)
        child("--step", "prepare", "--folder", name, "--draws", draws)
        there = [step for step in STEPS if find_spec(step)]
        results = {step: child("--step", step, "--folder", name, "--draws", draws) for step in there}
        scores = {step: np.load(folder / f"{step}.npy") for step in there}
    customers = scores["bayes_cx"].shape[-1]
    print(f"p_alive and expected purchases of {customers:,} customers on {options.draws:,} draws")
    print(f"{'':18}" + "".join(f"{step:>24}" for step in there))
    for name, ours in results["bayes_cx"].items():
        cells = (f"{took[name]:12.1f} ({took[name] / ours:7.2f} x)" for took in results.values())
        print(f"{name:18}" + "".join(f"{cell:>24}" for cell in cells))
    for step in there[1:]:
        print(f"largest difference of {step}: {np.abs(scores[step] - scores['bayes_cx']).max():.0e}")


if __name__ == "__main__":
    main()
