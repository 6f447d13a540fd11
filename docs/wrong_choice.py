"""What a wrong model costs, on simulated customers: writes docs/wrong_choice.md.

Each world makes customers by its own story, shows a part of the time to every model, and keeps the rest to
compare. Nothing here is fitted to the result: parameters are round numbers near those of published data, and
the seed is 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

import bayes_cx as bcx
from bayes_cx.model import Model
from bayes_cx.models import BDW, BG_BB, BG_NBD, MBG_CNBD, MBG_NBD, PARETO_NBD, SBG
from bayes_cx.simulated import Purchases
from bayes_cx.validation.coverage import inside_randomised

HERE = Path(__file__).parent
SEED, CUSTOMERS, WEEKS, DRAWS = 1, 3000, 52.0, 400
OPPORTUNITIES, RENEWALS, SEEN = 12, 12, 4
SHOPS = (BG_NBD, MBG_NBD, PARETO_NBD, MBG_CNBD)


@dataclass(frozen=True)
class World:
    """What happens in it: a story, the model that tells it, and its parameters."""

    story: str
    model: Model
    params: Mapping[str, float]


WORLDS = (
    World("who leaves, leaves after a repeat purchase", BG_NBD, {"r": 0.6, "alpha": 4.0, "a": 0.8, "b": 2.5}),
    World("many leave after the first purchase", MBG_NBD, {"r": 0.8, "alpha": 4.0, "a": 1.0, "b": 1.5}),
    World("customers drift away at any time", PARETO_NBD, {"r": 0.8, "alpha": 4.0, "s": 0.6, "beta": 12.0}),
    World(
        "customers come at a rhythm",
        MBG_CNBD,
        {"r": 1.5, "alpha": 6.0, "a": 0.6, "b": 3.0, "k": 4.0},
    ),
)


@dataclass(frozen=True)
class Judged:
    """How a forecast did: error of the total in %, share inside 80% intervals, mean CRPS."""

    error: float
    covered: float
    crps: float


def judge(counts: np.ndarray, happened: np.ndarray) -> Judged:
    """Compare predictive counts, shape (sample, customer), with what happened, shape (customer,)."""
    from bayes_cx.validation.scores import crps

    error = 100.0 * (counts.sum(axis=1).mean() / happened.sum() - 1.0)
    covered = 100.0 * inside_randomised(counts, happened, 0.8).mean()
    return Judged(float(error), float(covered), float(crps(counts, happened).mean()))


def forecast(model: Model, stats: xr.Dataset, t: float, happened: np.ndarray) -> Judged:
    """Fit a model to what was seen, fitting or not, and judge its forecast."""
    stats = stats.assign_attrs(kind=model.kind.key)
    posterior = bcx.fit(model, stats, seed=SEED, progress=False)
    future = bcx.predict_purchases(posterior, stats, t, draws=DRAWS, seed=SEED)
    return judge(future.to_numpy(), happened)


def dataset(columns: Mapping[str, np.ndarray], unit: str) -> xr.Dataset:
    """Return statistics over customers."""
    data = {name: ("customer", values) for name, values in columns.items()}
    return xr.Dataset(data, coords={"customer": np.arange(CUSTOMERS)}, attrs={"unit": unit})


def halves(made: Purchases, cut: float) -> tuple[Purchases, np.ndarray]:
    """Return what happened until `cut`, and how many purchases each customer made later."""
    early = made.time <= cut
    later = np.bincount(made.customer[~early], minlength=CUSTOMERS)
    return Purchases(made.customer[early], made.time[early]), later


def shop(world: World) -> dict[str, Judged]:
    """Let every model of shops forecast a world."""
    rng = np.random.default_rng(SEED)
    made = world.model.simulate(rng, T=np.full(CUSTOMERS, 2 * WEEKS), **world.params)
    seen, later = halves(made, WEEKS)
    stats = dataset(MBG_CNBD.observe(seen, T=np.full(CUSTOMERS, WEEKS)), "week")
    return {model.name: forecast(model, stats, WEEKS, later) for model in SHOPS}


def campaigns() -> dict[str, Judged]:
    """Let BG/BB and, wrongly, a model of shops forecast who takes part in campaigns."""
    rng = np.random.default_rng(SEED)
    params = {"alpha": 1.2, "beta": 0.75, "gamma": 0.65, "delta": 2.8}
    made = BG_BB.simulate(rng, n=np.full(CUSTOMERS, 2 * OPPORTUNITIES), **params)
    seen, later = halves(made, OPPORTUNITIES)
    columns = BG_BB.observe(seen, n=np.full(CUSTOMERS, OPPORTUNITIES))
    stats = dataset({**columns, "T": columns["n"].astype(float)}, "month")
    return {model.name: forecast(model, stats, OPPORTUNITIES, later) for model in (BG_BB, BG_NBD, PARETO_NBD)}


def contracts() -> dict[str, Judged]:
    """Let both models of contracts forecast customers whose own chance to leave changes with age."""
    rng = np.random.default_rng(SEED)
    made = BDW.simulate(rng, T=np.full(CUSTOMERS, RENEWALS), gamma=0.5, delta=1.5, c=1.5)
    stats = dataset(BDW.observe(made, T=np.full(CUSTOMERS, SEEN)), "year")
    later = np.clip(np.minimum(made.left - 1, RENEWALS) - SEEN, 0, None).astype(np.int64)
    return {model.name: forecast(model, stats, RENEWALS - SEEN, later) for model in (BDW, SBG)}


def row(story: str, truth: str, found: Mapping[str, Judged], names: tuple[str, ...]) -> str:
    """Return one line of the table; the model that tells the story is in bold."""
    cells = []
    for name in names:
        one = found[name]
        text = f"{one.error:+.0f} %, {one.covered:.0f} %, {one.crps:.3f}"
        cells.append(f"**{text}**" if name == truth else text)
    return f"| {story} | " + " | ".join(cells) + " |"


def table(head: str, names: tuple[str, ...], rows: list[str]) -> str:
    """Return a table in Markdown."""
    return "\n".join([f"| {head} | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|", *rows])


def page() -> str:
    """Return the page."""
    names = tuple(model.name for model in SHOPS)
    shops = [row(world.story, world.model.name, shop(world), names) for world in WORLDS]
    discrete = ("BG/BB", "BG/NBD", "Pareto/NBD")
    taken = [row("12 monthly campaigns, then 12 more", "BG/BB", campaigns(), discrete)]
    kept = [row(f"{SEEN} renewals, then {RENEWALS - SEEN} more", "BdW", contracts(), ("BdW", "sBG"))]
    return "\n\n".join(
        [
            "# What a wrong choice costs",
            f"{CUSTOMERS:,} simulated customers a row. Every model sees the first part of the time and "
            "forecasts the rest. A cell tells the **error of the forecast total**, the share of customers "
            "**inside their 80 % interval** (it should be 80 %), and the **mean CRPS** (the smaller, the "
            "better). In bold the model that tells the story of the row. `make wrong-choice` writes it.",
            "## Shops",
            table("world", names, shops),
            "## Campaigns",
            table("world", discrete, taken),
            "## Contracts",
            table("world", ("BdW", "sBG"), kept),
        ]
    )


if __name__ == "__main__":
    (HERE / "wrong_choice.md").write_text(page() + "\n", encoding="utf-8")
