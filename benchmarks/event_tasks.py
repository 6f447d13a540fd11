"""What is timed of events: ``python benchmarks/event_tasks.py TOOL TASK FOLDER``, as in `tasks.py`.

Counts of transitions from ``events.parquet``, with the posterior where a tool has one; risk and the next best
action on data that are made here.
"""

import json

import numpy as np
import tasks

CLOSE, UNTIL = "1 day", "2025-03-01"  # of journeys; no event of them is later than the day before
PERIODS, FEATURES, EVENTS = 1_000_000, 50, 0.02
CUSTOMERS, ACTIONS = 1_000_000, 6


class DuckDB:
    """The scan and the sort that any count from a file needs, and nothing else."""

    def __init__(self, folder):
        import duckdb

        self.duckdb, self.path = duckdb, folder / "events.parquet"

    def transitions(self):
        def work():
            found = self.duckdb.sql(
                f"""SELECT event, next, count(*) FROM (
SELECT event, lead(event) OVER (PARTITION BY customer ORDER BY time) AS next FROM '{self.path}')
WHERE next IS NOT NULL GROUP BY ALL"""
            ).fetchall()
            return table({(state, following): n for state, following, n in found})

        return work


class BayesCx:
    """Every row checked, journeys cut and counted; the posterior of where they lead; risk and decisions."""

    def __init__(self, folder):
        import bayes_cx as bcx

        self.bcx, self.path = bcx, folder / "events.parquet"
        # Names are loaded when they are first asked for: imports are no part of what is timed.
        for name in ("read_events", "summarise_stays"):
            getattr(bcx, name)

    def stays(self):
        events = self.bcx.read_events(self.path, customer="customer", time="time", event="event")
        return self.bcx.summarise_stays(events, until=UNTIL, close=CLOSE)

    def transitions(self):
        return lambda: counted(self.stays())

    def posterior(self):
        fit = self.bcx.fit

        def work():
            stays = self.stays()
            fitted = fit(self.bcx.models.SEMI_MARKOV, stays, seed=1, progress=False)
            assert fitted.verdict == "passed"
            return counted(stays)

        return work

    def risk(self):
        periods, effects = lived()
        fit = self.bcx.fit

        def work():
            fitted = fit(self.bcx.models.HAZARD, periods, seed=1, progress=False)
            # Effects are of one standard deviation of a feature.
            drawn = fitted.draws["posterior"]["effect"].isel(chain=0, cause=0)
            found = drawn.sel(column=list(effects)).to_numpy()
            off = (found.mean(axis=0) - list(effects.values())) / found.std(axis=0)
            return {"checks": fitted.verdict, "off": float(np.sqrt(np.mean(off**2)))}

        return work

    def actions(self):
        import pandas as pd
        import xarray as xr

        rng = np.random.default_rng(0)
        gains = rng.gamma(1.0, 2.0, (CUSTOMERS, 1)) * rng.uniform(0.2, 1.5, (CUSTOMERS, ACTIONS))
        channels = ["mail", "phone", "app"] * 2
        costs = [0.1, 0.5, 1.0, 2.0, 4.0, 0.3]
        actions = [
            self.bcx.Action(f"action {k}", cost=cost, channel=channel)
            for k, (cost, channel) in enumerate(zip(costs, channels, strict=True))
        ]
        names = [action.name for action in actions]
        values = xr.DataArray(gains, dims=("customer", "action"), coords={"action": names})
        refused = pd.DataFrame({"customer": np.arange(0, CUSTOMERS, 50), "channel": "all"})
        capacity = {"mail": 200_000, "phone": 50_000, "app": 300_000}
        limits = self.bcx.Limits(budget=300_000, capacity=capacity, preferences=refused)
        decide = self.bcx.next_best_action

        def work():
            plan = decide(values, actions, limits=limits)
            return {"gap": float(plan.gap)}

        return work


class Pm4py:
    """Its graph of what follows what."""

    def __init__(self, folder):
        import pm4py

        self.pm4py, self.path = pm4py, folder / "events.parquet"

    def transitions(self):
        import pandas as pd

        def work():
            log = self.pm4py.format_dataframe(
                pd.read_parquet(self.path), case_id="customer", activity_key="event", timestamp_key="time"
            )
            return table(self.pm4py.discover_dfg(log)[0])

        return work


class Retentioneering:
    """Its matrix of transitions."""

    def __init__(self, folder):
        import retentioneering

        self.stream, self.path = retentioneering.Eventstream, folder / "events.parquet"

    def transitions(self):
        import pandas as pd

        schema = {"path_cols": ["customer"], "event_col": "event", "timestamp_col": "time"}

        def work():
            stream = self.stream(pd.read_parquet(self.path), schema)
            found = stream.transition_graph_data(edge_weight="count")
            return table(found.stack().astype(int).to_dict())

        return work


def counted(stays):
    """Return the transitions between events; where journeys begin and end is no such thing."""
    between = stays.isel(row=(stays["state"] != "start") & ~stays["next"].isin(["", "exit"]))
    found = {}
    for state, following, n in zip(
        *(between[name].to_numpy().tolist() for name in ("state", "next", "weight")), strict=True
    ):
        found[state, following] = found.get((state, following), 0) + n
    return table(found)


def table(counts):
    """Return the transitions that occur as (from, to, number), in order, with numbers for names."""
    return sorted(
        [number(state), number(following), int(n)] for (state, following), n in counts.items() if n
        if state.startswith("step") and following.startswith("step")
    )  # fmt: skip


def number(state):
    return int(state.removeprefix("step "))


def lived():
    """Return periods at risk with features of which every fifth has an effect, and the effects."""
    import xarray as xr

    rng = np.random.default_rng(1)
    x = np.round(rng.normal(size=(PERIODS, FEATURES)) * 8) / 8
    effects = np.where(np.arange(FEATURES) % 5 == 0, np.linspace(-0.3, 0.3, FEATURES), 0.0)
    rate = np.exp(np.log(EVENTS / 30) + x @ effects)
    happened = rng.exponential(1 / rate) < 30
    names = [f"feature {i}" for i in range(FEATURES)]
    known = [{"name": n, "family": "numbers", "form": "number", "of": n, "window": 0.0} for n in names]
    definition = {"causes": ["leave"], "period": 30.0, "times": 1, "unit": "day", "features": known}
    data = {
        "event": ("row", np.where(happened, "leave", "").astype(object)),
        "happened": ("row", happened.astype(int)),
        "age": ("row", rng.integers(0, 36, PERIODS) * 30.0),
        "length": ("row", np.full(PERIODS, 30.0)),
        **{name: ("row", x[:, i]) for i, name in enumerate(names)},
        "weight": ("row", np.ones(PERIODS, int)),
    }
    attrs = {"kind": "periods", "unit": "day", "until": "2025-01-01", "definition": json.dumps(definition)}
    return xr.Dataset(data, attrs=attrs), dict(zip(names, (effects * x.std(axis=0)).tolist(), strict=True))


TOOLS = {"duckdb": DuckDB, "bayes_cx": BayesCx, "pm4py": Pm4py, "retentioneering": Retentioneering}

if __name__ == "__main__":
    tasks.main(TOOLS, once=lambda tool, task: True)
