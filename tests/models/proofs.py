"""What is proven of every model, as numbers: the battery asserts on them and ``make proof`` prints them.

A proof takes a model and its story and returns a `Finding`. It names no model: it looks at which quantities
the record has, so a new model is proven as it is added.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from bayes_cx.inference import MLE, fit
from bayes_cx.model import Formula, Model, arguments
from bayes_cx.simulated import Purchases
from tests.evaluated import quickly

__all__ = [
    "Finding",
    "additivity",
    "alive",
    "conditioning",
    "dert",
    "likelihood",
    "moments",
    "pmf",
    "published",
    "value",
]

Z = 4.0
"""Simulations are seeded: a z-score beyond this is an error, not bad luck, however many there are."""

_SIMULATED = "counts are simulated"


@dataclass
class Finding:
    """The worst of many comparisons, or why there is none.

    Attributes
    ----------
    kind : {"z", "error"}
        Whether values are z-scores or relative errors.
    limit : float
        What the worst may be.
    values : dict of str to float
        By what was compared.
    why : str
        Why nothing was compared.
    number : int
        How many comparisons were made.
    """

    kind: str
    limit: float
    values: dict[str, float] = field(default_factory=dict)
    why: str = ""
    number: int = 0

    def add(self, name: str, value: float) -> None:
        """Keep the larger of several values of one name; what is no number is infinitely wrong."""
        self.number += 1
        value = abs(float(value))
        value = value if np.isfinite(value) else np.inf
        self.values[name] = max(value, self.values.get(name, 0.0))

    @property
    def worst(self) -> float:
        """The largest value."""
        return max(self.values.values(), default=0.0)

    @property
    def where(self) -> str:
        """What the worst value belongs to."""
        return max(self.values, key=lambda name: self.values[name], default="")

    @property
    def passed(self) -> bool:
        """Whether nothing is beyond the limit; what was not compared must say why."""
        return self.worst <= self.limit and bool(self.values or self.why)

    def __repr__(self) -> str:
        beyond = {name: value for name, value in self.values.items() if value > self.limit}
        return f"<{self.kind} {self.worst:.2g} of {self.number}, limit {self.limit:g}: {beyond or self.why}>"


def columns(rows: list[dict[str, float]]) -> dict[str, np.ndarray]:
    """Return histories as columns."""
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def value(model: Model, name: str, rows: dict[str, np.ndarray], **given) -> np.ndarray:
    """Return a quantity or ``log_lik`` of histories, shape (row,), or (1,) of a customer never seen."""
    formula = model.log_lik if name == "log_lik" else model.quantities[name].formula
    never = name != "log_lik" and model.quantities[name].never
    needed = arguments(formula)
    some = {key: rows[key] for key in model.statistics if key in needed}
    return values(formula, some, given, never=never)[0]


def values(formula: Formula, rows: dict[str, np.ndarray], given, *, never: bool = False) -> np.ndarray:
    """Return the values of a formula, shape (draw, row)."""
    given = {name: np.asarray(each, float)[..., None] for name, each in given.items()}
    every = {**given, **rows}
    needed = arguments(formula)
    shape = np.broadcast_shapes((1, 1), *(np.shape(every[name]) for name in needed))
    flat = [np.broadcast_to(every[name], shape).ravel() for name in needed]
    found = quickly(formula)(*flat).reshape(shape)
    assert not np.any(np.isnan(found) if never else ~np.isfinite(found))
    return found


def one_value(model: Model, name: str, row: dict[str, float], **given) -> float:
    """Return a quantity of one history."""
    return float(value(model, name, columns([row]), **given)[0])


def horizon(model: Model) -> float:
    """Return a time ahead in which the stories' customers do something."""
    return 8.0 if model.kind.discrete else 30.0


def relative(found, expected) -> float:
    """Return the largest error relative to what is expected, or to one where that is small."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    return float(np.max(np.abs(found - expected) / np.maximum(np.abs(expected), 1.0)))


def z_score(sample, expected) -> float:
    """Return by how many standard errors a sample's mean differs from what is expected of it."""
    off = np.asarray(sample, float) - expected
    error = off.std() / np.sqrt(off.size)
    if error == 0:
        return 0.0 if abs(off.mean()) < 1e-9 else np.inf
    return float(off.mean() / error)


def z_chance(share: float, chance: float, n: int) -> float:
    """Return by how many standard errors a share differs from its chance."""
    error = np.sqrt(max(chance * (1 - chance), 1e-300) / n)
    return 0.0 if abs(share - chance) < 1e-12 else (share - chance) / error


def likelihood(model: Model, story) -> Finding:
    """Compare the likelihood with the integral of the individual story over the population."""
    found = Finding("error", 1e-9)
    for point in story.points:
        for row in story.rows:
            expected = float(np.log(story.likelihood(row, point)))
            found.add(f"{row} at {point}", relative(one_value(model, "log_lik", row, **point), expected))
    return found


def published(model: Model, table) -> Finding:
    """Compare maximum-likelihood estimates and the height of the likelihood with published numbers."""
    found = Finding("error", 1.0, why="" if table else "none published that we know of")
    for known in table:
        posterior = fit(model, known.load(), method=MLE(), seed=0, progress=False)
        for name, expected in known.estimates.items():
            got = float(posterior.parameters()[name][0])
            # Half a unit of the last digit that was printed, or the stated tolerance of the optimum.
            found.add(f"{known.data}: {name}", (got - expected) / (known.rtol * abs(expected)))
        height = float(posterior.draws["sample_stats"]["lp"].max())
        found.add(f"{known.data}: log-likelihood", (height - known.log_lik) / known.atol)
    return found


def _made(model: Model, rng, n: int, t: float, params) -> np.ndarray:
    """Return how many events new customers make within t, and when, as the story has it."""
    span = np.full(n, float(t))
    made = model.simulate(rng, **{"n" if "n" in arguments(model.simulate) else "T": span}, **params)
    if model.kind.key == "contracts":
        return np.minimum(made.left - 1, t).astype(int)
    return made.counts(n)


def _future(model: Model, rng, rows: dict[str, np.ndarray], t: float, params) -> Purchases:
    """Let customers of one history go on."""
    one = {name: column[:1] for name, column in rows.items()}
    alive = np.broadcast_to(value(model, "p_alive", one, **params), next(iter(rows.values())).shape)
    known = {**rows, **params, "t": t, "p_alive": alive}
    return model.simulate_future(rng, **{name: known[name] for name in arguments(model.simulate_future)[1:]})


def moments(model: Model, story, n: int = 100_000) -> Finding:
    """Compare means, chances and discounted sums of simulated customers with the formulas."""
    found, rng, E, params = Finding("z", Z), np.random.default_rng(11), model.kind.events, story.truth
    if model.kind.key == "spend":
        spend = model.observe(model.simulate(rng, np.ones(n), **params), np.ones(n))["spend"]
        found.add("expected_spend_new", z_score(spend, value(model, "expected_spend_new", {}, **params)[0]))
        for row in story.rows:
            rows = {name: np.full(n, float(row[name])) for name in model.statistics}
            later = model.simulate_future(rng, np.ones(n), **rows, **params)
            found.add("expected_spend", z_score(later, one_value(model, "expected_spend", row, **params)))
        return found
    t, known = horizon(model), model.quantities
    e = E.removesuffix("s")
    for span in (t / 4, t):
        counts = _made(model, rng, n, span, params)
        if f"expected_{E}_new" in known:
            expected = value(model, f"expected_{E}_new", {}, t=span, **params)[0]
            found.add(f"expected_{E}_new", z_score(counts, expected))
        if f"p_{E}_new" in known:
            for count in range(6):
                chance = float(value(model, f"p_{E}_new", {}, t=span, count=count, **params)[0])
                found.add(f"p_{E}_new", z_chance(float(np.mean(counts == count)), chance, n))
    for row in story.rows:
        rows = {name: np.full(n, float(row[name])) for name in model.statistics}
        future = _future(model, rng, rows, t, params)
        counts = future.counts(n)
        half = t / 2
        late = np.bincount(future.customer[future.time > half], minlength=n)
        present = np.bincount(future.customer, np.exp(-0.02 * future.time), minlength=n)
        samples = {
            f"expected_{E}": (counts, {"t": t}),
            f"expected_{E}_between": (late, {"t1": half, "t2": t}),
            f"discounted_{E}": (present, {"t": t, "discount": 0.02}),
        }
        for name, (sample, options) in samples.items():
            if name in known:
                found.add(name, z_score(sample, one_value(model, name, row, **options, **params)))
        if f"p_any_{e}" in known:
            chance = one_value(model, f"p_any_{e}", row, t=t, **params)
            found.add(f"p_any_{e}", z_chance(float(np.mean(counts > 0)), chance, n))
        if f"p_{E}" in known:
            for count in range(6):
                chance = one_value(model, f"p_{E}", row, t=t, count=count, **params)
                found.add(f"p_{E}", z_chance(float(np.mean(counts == count)), chance, n))
    return found


def conditioning(model: Model, story, n: int = 300_000) -> Finding:
    """Select simulated customers by their history; what they do next is what the formulas expect of them."""
    found, rng, E = Finding("z", Z), np.random.default_rng(12), model.kind.events
    e, known, params, t = E.removesuffix("s"), model.quantities, story.truth, horizon(model)
    if model.kind.key == "spend":
        rows, later = story.live(rng, n)
        for low, high in ((0, 0.2), (0.2, 0.8), (0.8, 1)):
            some = np.quantile(rows["spend"], (low, high))
            chosen = (rows["spend"] >= some[0]) & (rows["spend"] <= some[1])
            picked = {name: column[chosen] for name, column in rows.items()}
            expected = value(model, "expected_spend", picked, **params)
            found.add("expected_spend", z_score(later[chosen] - expected, 0.0))
        return found
    rows, later = _lives(model, rng, n, t, params)
    # A formula with an integral over each customer takes as long as thousands without.
    most = 400 if getattr(model.log_lik, "inner", 1) > 1 else 20_000
    for name, chosen in _groups(model, rows):
        some = rng.permutation(np.flatnonzero(chosen))[:most]
        picked = {key: column[some] for key, column in rows.items()}
        counts = later[some]
        samples = {
            f"expected_{E}": (counts, {"t": t}),
            f"p_any_{e}": (counts > 0, {"t": t}),
            f"p_{E}": (counts == 1, {"t": t, "count": 1}),
        }
        for quantity, (happened, options) in samples.items():
            if quantity in known:
                expected = value(model, quantity, picked, **options, **params)
                found.add(f"{quantity}, {name}", z_score(happened - expected, 0.0))
    return found


def _lives(model: Model, rng, n: int, t: float, params) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Let customers live, look at their statistics in the middle, and count what comes within t."""
    now = 6.0 if model.kind.discrete else 25.0
    over = "n" if "n" in arguments(model.simulate) else "T"
    made = model.simulate(rng, **{over: np.full(n, now + t)}, **params)
    at = np.full(n, now)
    if model.kind.key == "contracts":
        rows = model.observe(made, **{over: at})
        later = np.clip(np.minimum(made.left - 1, now + t) - now, 0, None)
    else:
        early = made.time <= now
        seen = Purchases(made.customer[early], made.time[early])
        rows = model.observe(seen, **{over: at})
        later = np.bincount(made.customer[~early], minlength=n)
    return {name: np.asarray(rows[name], float) for name in model.statistics}, later


def _groups(model: Model, rows: dict[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    if model.kind.key == "contracts":
        yield "left", rows["churned"] == 1
        yield "stayed", rows["churned"] == 0
        return
    x, since = rows["x"], rows["t_x"] / rows["n" if "n" in rows else "T"]
    yield "x = 0", x == 0
    for low, high in ((1, 1), (2, 3), (4, np.inf)):
        for word, half in (("early", since < 0.6), ("late", since >= 0.6)):
            chosen = (x >= low) & (x <= high) & half
            if chosen.sum() >= 300:
                yield f"x from {low}, last {word}", chosen


def pmf(model: Model, story) -> Finding:
    """Chances of all numbers of events sum to one, their mean is the expectation, and none is any's rest."""
    E = model.kind.events
    e = E.removesuffix("s")
    if f"p_{E}" not in model.quantities:
        why = "spend is no count" if model.kind.key == "spend" else ""
        why = why or ("" if f"expected_{E}" in model.quantities else _SIMULATED)
        return Finding("error", 1e-6, why=why)
    found, t, params = Finding("error", 1e-6), 8.0, story.truth
    count = np.arange(9.0 if model.kind.discrete else 150.0)
    for row in [*story.rows, None]:
        name = f"p_{E}" if row is not None else f"p_{E}_new"
        formula = model.quantities[name].formula
        some = {} if row is None else columns([row])
        some = {key: some[key] for key in model.statistics if key in arguments(formula)}
        given = {**params, "t": t, "count": count}
        chances = values(formula, some, given)[:, 0]
        found.add(f"sum of {name}", chances.sum() - 1)
        found.add("smallest chance", min(chances.min(), 0.0))
        mean = f"expected_{E}" if row is not None else f"expected_{E}_new"
        if mean in model.quantities:
            expected = float(value(model, mean, columns([row or story.rows[0]]), t=t, **params)[0])
            found.add(f"mean of {name}", relative(chances @ count, expected))
        if row is not None and f"p_any_{e}" in model.quantities:
            any_ = one_value(model, f"p_any_{e}", row, t=t, **params)
            found.add(f"p_any_{e} + {name}(0)", any_ + chances[0] - 1)
    return found


def additivity(model: Model, story) -> Finding:
    """Expectations add over spans; without discount, nothing is discounted."""
    if model.kind.key == "spend":
        return Finding("error", 1e-9, why="spend has no horizon")
    found, E, t, params = Finding("error", 1e-9), model.kind.events, horizon(model), story.truth
    rows, known = columns(story.rows), model.quantities
    if f"expected_{E}" not in known:
        return Finding("error", 1e-9, why=_SIMULATED)
    whole = value(model, f"expected_{E}", rows, t=t, **params)
    if f"expected_{E}_between" in known:
        cuts = (0.0, t / 4, t / 2, t)
        between = f"expected_{E}_between"
        parts = [value(model, between, rows, t1=a, t2=b, **params) for a, b in pairwise(cuts)]
        found.add(between, relative(sum(parts), whole))
        found.add(
            f"expected_{E} until t1",
            relative(parts[0], value(model, f"expected_{E}", rows, t=t / 4, **params)),
        )
    for plain, name in (("", ""), ("_if_active", "_if_active")):
        if f"expected_{E}{plain}" in known and f"discounted_{E}{name}" in known:
            flat = value(model, f"discounted_{E}{name}", rows, t=t, discount=0.0, **params)
            expected = value(model, f"expected_{E}{plain}", rows, t=t, **params)
            found.add(f"discounted_{E}{name} at 0", relative(flat, expected))
    if f"discounted_{E}_if_less_dropout" in known:
        none = value(model, f"discounted_{E}_if_less_dropout", rows, t=t, discount=0.01, keep=0.0, **params)
        same = value(model, f"discounted_{E}_if_active", rows, t=t, discount=0.01, **params)
        found.add("less dropout by nothing", relative(none, same))
    return found


def dert(model: Model, story) -> Finding:
    """Discounted sums are those of the increments of the expectation, to the horizon and without end."""
    if model.kind.key == "spend":
        return Finding("error", 1e-6, why="spend has no horizon")
    found, E, params, known = Finding("error", 1e-6), model.kind.events, story.truth, model.quantities
    rows, t = columns(story.rows), horizon(model)
    if f"expected_{E}" not in known:
        return Finding("error", 1e-6, why=_SIMULATED)
    endless = next((name for name in ("dert", "derl") if name in known), None)
    for discount in (0.02, 0.2):
        if f"discounted_{E}" in known:
            expected = _by_increments(model, f"expected_{E}", rows, t, discount, params)
            got = value(model, f"discounted_{E}", rows, t=t, discount=discount, **params)
            found.add(f"discounted_{E}", relative(got, expected))
        for name, mean in ((endless, f"expected_{E}"), (f"{endless}_new", f"expected_{E}_new")):
            if name in known and mean in known:
                expected = _by_increments(model, mean, rows, 36 / discount, discount, params)
                found.add(
                    str(name), relative(value(model, str(name), rows, discount=discount, **params), expected)
                )
    return found


def _by_increments(model: Model, mean: str, rows, t: float, discount: float, params) -> np.ndarray:
    """Discount the increments of the expected number of events, with NumPy alone."""

    def expected(at: np.ndarray) -> np.ndarray:
        formula = model.quantities[mean].formula
        some = {key: rows[key] for key in model.statistics if key in arguments(formula)}
        return values(formula, some, {**params, "t": at})

    if model.kind.discrete:
        at = np.arange(1.0, np.floor(t) + 1)
        increments = np.diff(expected(at), axis=0, prepend=0.0)
        return np.exp(-discount * at) @ increments
    node, weight = np.polynomial.legendre.leggauss(24)
    edges = np.concatenate([[0.0], np.geomspace(1e-3, t, 24)])
    width = np.diff(edges)[:, None] / 2
    at, weights = (edges[:-1, None] + width * (node + 1)).ravel(), (width * weight).ravel()
    inner = (weights * np.exp(-discount * at)) @ expected(at)
    return np.exp(-discount * t) * expected(np.array([t]))[0] + discount * inner


def alive(model: Model, story) -> Finding:
    """The chance to be active starts where it is, falls, and is one half at the limit of silence."""
    known, params = model.quantities, story.truth
    if model.kind.key == "spend":
        return Finding("error", 1e-7, why="spend knows nobody who leaves")
    found, rows, t = Finding("error", 1e-7), columns(story.rows), horizon(model)
    now = value(model, "p_alive", rows, **params)
    if "p_alive_at" in known:
        found.add("p_alive_at(0)", relative(value(model, "p_alive_at", rows, t=0.0, **params), now))
        found.add("p_alive_at falls", max(0.0, np.max(value(model, "p_alive_at", rows, t=t, **params) - now)))
    if "survival" in known:
        found.add("survival(0)", relative(value(model, "survival", rows, t=0.0, **params), now))
        made = [value(model, "survival", rows, t=float(i), **params) for i in (2, 3)]
        again = value(model, "retention", rows, t=3.0, **params)
        found.add("retention", relative(made[0] * again, made[1]))
    if "p_alive_new" in known:
        found.add("p_alive_new(0)", max(0.0, value(model, "p_alive_new", {}, t=0.0, **params)[0] - 1.0))
    if "silence_limit" in known:
        _silence(model, found, rows, params)
    return found


def _silence(model: Model, found: Finding, rows, params) -> None:
    limit = value(model, "silence_limit", rows, **params)
    over = "n" if "n" in rows else "T"

    def after(silence):
        return value(model, "p_alive", {**rows, over: rows["t_x"] + silence}, **params)

    finite = np.isfinite(limit)
    if model.kind.discrete:
        wrong = (after(np.where(finite, limit, 1)) > 0.5)[finite]
        early = (after(np.maximum(np.where(finite, limit, 1) - 1, 0)) < 0.5)[finite]
        found.add("silence_limit", float(np.any(wrong) or np.any(early)))
    elif finite.any():
        found.add("silence_limit", np.max(np.abs(after(np.where(finite, limit, 1.0)) - 0.5)[finite]))
    if (~finite).any():
        never = after(np.full(limit.size, 1e4))[~finite]
        found.add("silence_limit, never", float(np.any(never < 0.5)))
