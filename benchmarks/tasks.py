"""What is timed: ``python benchmarks/tasks.py TOOL TASK FOLDER`` runs one task of one tool in this process.

It prints what two calls took as JSON; peers are called once where a call takes minutes and leaves nothing
behind that a second one would use. A process of its own makes peak memory and imports measurable, and
lets each tool live in an environment of its own, so only NumPy is imported here before the tool is.
"""

import json
import resource
import sys
import time
import warnings
from pathlib import Path

import numpy as np

QUANTILES = (0.05, 0.5, 0.95)
LETTERS = ("r", "alpha", "a", "b")
WEEKS = 39.0
# Of the value: a year by months, discounted by one percent a month.
MONTH, MONTHS, RATE = 365.25 / 12 / 7, 12, 0.01
FIVE = ("bg_nbd", "mbg_nbd", "pareto_nbd", "bg_cnbd", "mbg_cnbd")
ESS = ("smallest bulk ESS", "effective draws before resampling")


class BayesCx:
    """The whole posterior by importance sampling or NUTS."""

    def __init__(self, folder):
        import bayes_cx as bcx

        self.bcx, self.folder = bcx, folder

    def stats(self):
        import xarray as xr

        return xr.load_dataset(self.folder / "stats.nc", engine="h5netcdf")

    def fit(self, key="bg_nbd", method="auto"):
        stats = self.stats()

        def work():
            fitted = self.bcx.fit(key, stats, method=method, seed=1, progress=False)
            ess = next(check.value for check in fitted.checks if check.name in ESS)
            return {"ess": ess, **means(fitted.parameters())}

        return work

    def fit_pareto(self):
        return self.fit("pareto_nbd")

    def nuts(self):
        return self.fit(method=self.bcx.NUTS())

    def score(self, task="score"):
        posterior, stats = self.bcx.load(self.folder / "posterior.nc"), self.stats()
        draws = np.load(self.folder / "draws.npz")["r"].size

        def one(quantity, **options):
            found = self.bcx.score(posterior, stats, quantity, quantiles=QUANTILES, thin_to=draws, **options)
            return [found["mean"].to_numpy(), found["sd"].to_numpy(), *found["quantile"].to_numpy().T]

        rate = (1.0 + RATE) ** 12 - 1.0
        return {
            "score": lambda: [one("p_alive"), one("expected_purchases", t=WEEKS)],
            "value": lambda: [one("discounted_purchases", t=MONTH * MONTHS, discount_rate=rate)],
        }[task]

    def value(self):
        return self.score("value")

    def summarise(self):
        def work():
            path = self.folder / "purchases.parquet"
            found = self.bcx.read_transactions(path, customer="customer", time="time", amount="amount")
            stats = self.bcx.summarise(found, unit="day")
            return {name: float(stats[name].sum()) for name in ("x", "t_x", "T")}

        return work

    def compare(self):
        import xarray as xr

        stats = xr.load_dataset(self.folder / "regular.nc", engine="h5netcdf")

        def work():
            fits = {key: self.bcx.fit(key, stats, seed=1, progress=False) for key in FIVE}
            return {"best": self.bcx.compare(fits, stats=stats, seed=1).best}

        return work


class Lifetimes:
    """Maximum likelihood."""

    def __init__(self, folder):
        from lifetimes import BetaGeoFitter, ParetoNBDFitter

        self.folder, self.models = folder, (BetaGeoFitter, ParetoNBDFitter)

    def history(self):
        data = np.load(self.folder / "history.npz")
        return [data[name] for name in ("x", "t_x", "T")]

    def fit(self, model=0):
        history = self.history()
        return lambda: {name: float(v) for name, v in self.models[model]().fit(*history).params_.items()}

    def fit_pareto(self):
        return self.fit(1)

    def score(self, task="score"):
        import pandas as pd

        history, draws = self.history(), np.load(self.folder / "draws.npz")
        model = self.models[0]()

        def one(formula, *options):
            made = []
            for values in zip(*(draws[name] for name in LETTERS), strict=True):
                model.params_ = pd.Series(dict(zip(LETTERS, values, strict=True)))
                made.append(formula(*options, *history))
            return spread(np.array(made))

        later = model.conditional_expected_number_of_purchases_up_to_time

        def value(*history):
            """Return what its own function of the value does, each month computed once and not twice."""
            so_far = [np.zeros(history[0].size), *(later(MONTH * i, *history) for i in range(1, MONTHS + 1))]
            return sum(np.diff(so_far, axis=0)[i - 1] / (1.0 + RATE) ** i for i in range(1, MONTHS + 1))

        return {
            "score": lambda: [one(model.conditional_probability_alive), one(later, WEEKS)],
            "value": lambda: [one(value)],
        }[task]

    def value(self):
        return self.score("value")

    def summarise(self):
        import pandas as pd
        from lifetimes.utils import summary_data_from_transaction_data

        def work():
            purchases = pd.read_parquet(self.folder / "purchases.parquet")
            frame = summary_data_from_transaction_data(purchases, "customer", "time", "amount")
            named = {"x": "frequency", "t_x": "recency", "T": "T"}
            return {name: float(frame[theirs].sum()) for name, theirs in named.items()}

        return work


class PymcMarketing:
    """The whole posterior by NUTS, with nutpie."""

    def __init__(self, folder):
        from pymc_marketing.clv import BetaGeoModel

        self.folder, self.model = folder, BetaGeoModel

    def frame(self):
        import pandas as pd

        data = np.load(self.folder / "history.npz")
        columns = {"frequency": data["x"], "recency": data["t_x"], "T": data["T"]}
        return pd.DataFrame({"customer_id": np.arange(data["x"].size), **columns})

    def nuts(self):
        import arviz as az

        frame = self.frame()

        def work():
            options = {"draws": 1000, "tune": 1000, "chains": 4, "random_seed": 1, "progressbar": False}
            tree = self.model().fit(frame, method="mcmc", nuts_sampler="nutpie", **options)
            posterior = tree["posterior"]
            draws = {name: posterior[name] for name in LETTERS}
            ess = min(float(az.ess(each.to_numpy())) for each in draws.values())
            return {"ess": ess, **means(draws)}

        return work

    def score(self, task="score"):
        import arviz as az
        from pymc_marketing.clv.utils import customer_lifetime_value

        draws, frame = np.load(self.folder / "draws.npz"), self.frame()
        model = self.model()
        model.build_model(frame)
        model.idata = az.from_dict({"posterior": {name: draws[name][None] for name in LETTERS}})

        def one(values):
            return spread(values.stack(sample=("chain", "draw")).transpose("sample", ...).to_numpy())

        options = {"future_t": MONTHS, "discount_rate": RATE, "time_unit": "W"}
        worth_one = frame.assign(future_spend=1.0)
        return {
            "score": lambda: [
                one(model.expected_probability_alive(frame)),
                one(model.expected_purchases(frame, future_t=WEEKS)),
            ],
            "value": lambda: [one(customer_lifetime_value(model, worth_one, **options))],
        }[task]

    def value(self):
        return self.score("value")

    def summarise(self):
        import pandas as pd
        from pymc_marketing.clv.utils import rfm_summary

        def work():
            purchases = pd.read_parquet(self.folder / "purchases.parquet")
            frame = rfm_summary(purchases, "customer", "time", "amount")
            named = {"x": "frequency", "t_x": "recency", "T": "T"}
            return {name: float(frame[theirs].sum()) for name, theirs in named.items()}

        return work


ONCE = {(tool, task) for tool in ("lifetimes", "pymc_marketing") for task in ("score", "value")} | {
    ("pymc_marketing", "nuts")
}
TOOLS = {"bayes_cx": BayesCx, "lifetimes": Lifetimes, "pymc_marketing": PymcMarketing}


def means(draws):
    return {name: float(np.mean(values)) for name, values in draws.items()}


def spread(values):
    """Return mean, sd and quantiles over the first axis."""
    return [values.mean(axis=0), values.std(axis=0), *np.quantile(values, QUANTILES, axis=0)]


def peak():
    """Return the peak MiB of this process; what `getrusage` says includes the process that started it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main(tools=TOOLS, once=lambda tool, task: (tool, task) in ONCE):
    warnings.simplefilter("ignore")
    tool, task, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    work = getattr(tools[tool](folder), task)()
    # Of the whole process so far: the interpreter, imports and the loading of data.
    took = {"import": time.process_time()}
    result = None
    for call in ("first",) if once(tool, task) else ("first", "second"):
        cpu, wall = time.process_time(), time.perf_counter()
        result = work()
        took[call], took[f"{call} wall"] = time.process_time() - cpu, time.perf_counter() - wall
    took["peak"] = peak()
    if isinstance(result, list):
        np.save(folder / f"{task} {tool}.npy", np.array(result))
        result = {}
    print(json.dumps({**took, "result": result}))


if __name__ == "__main__":
    main()
