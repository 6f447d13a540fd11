"""Simulation-based calibration of uplift: scales and effects from the prior, customers from the story."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import bayes_cx as bcx
from bayes_cx.validation.uniformity import p_value

TRIALS, CUSTOMERS, DRAWS = 150, 400, 1000
# Draws of the truth are ranked among; fewer than were drawn, since weights make some of them equal.
AMONG = 99
# All quantities together fail with this chance where the fit is right (Bonferroni).
LEVEL = 0.01
SIZES = {"main": 1.0, "effect": 0.5, "interaction": 0.5}
TOWNS, VISITS = list("abc"), [1, 2, 3]


def columns(people, trial):
    """Return the columns of the terms, each with mean zero over the trial, as the model describes them.

    Three intervals of a number and its trend, with variance one, and three towns.
    """
    found = []
    for level in VISITS:
        found.append((people.visits == level) - (trial.visits == level).mean())
    place = trial.visits.map(VISITS.index)
    found.append((people.visits.map(VISITS.index) - place.mean()) / place.std(ddof=0))
    for level in TOWNS:
        found.append((people.town == level) - (trial.town == level).mean())
    return np.array(found, float).T


def simulated(rng, family, arms, doses=False):
    """Return a trial and the truth by the names of the posterior, drawn from the prior.

    Amounts differ by 1 within each arm, beyond what features and treatments explain.
    """
    table = pd.DataFrame(
        {
            "visits": rng.choice(VISITS, CUSTOMERS, p=[0.5, 0.3, 0.2]),
            "town": rng.choice(TOWNS, CUSTOMERS),
            "arm": rng.choice(arms, CUSTOMERS),
        }
    )
    x = columns(table, table)
    treated, m = sorted(arms[1:]), x.shape[1]
    main_sd, effect_sd = np.abs(rng.standard_normal(2)) * [SIZES["main"], SIZES["effect"]]
    interaction_sd = np.abs(rng.standard_normal(len(treated))) * SIZES["interaction"]
    main, effect = rng.standard_normal(m) * main_sd, rng.standard_normal(len(treated)) * effect_sd
    interaction = rng.standard_normal((len(treated), m)) * interaction_sd[:, None]
    shape, reach = 1.0, np.ones(CUSTOMERS)
    if doses:
        table["dose"] = np.where(table.arm == "none", 0.0, rng.choice([5.0, 10.0, 20.0], CUSTOMERS))
        shape = float(rng.choice([0.25, 0.5, 1.0, 2.0]))
        reach = (table.dose.to_numpy() / 20.0) ** shape
    # The prior of the constant is wide, and around the average of the trial: as good as flat here.
    constant = rng.uniform(-1.5, 0.5)
    eta = constant + x @ main
    for k, arm in enumerate(treated):
        eta = eta + (table.arm == arm) * reach * (effect[k] + x @ interaction[k])
    chance = (rng.random(CUSTOMERS) < expit(eta)).astype(int)
    table["y"] = chance if family == "bernoulli" else eta + rng.standard_normal(CUSTOMERS)
    truth = {"constant": constant, "main_sd": main_sd, "effect_sd": effect_sd}
    truth |= {} if family == "bernoulli" else {f"outcome_sd {k}": 1.0 for k in range(len(arms))}
    truth |= {f"interaction_sd {k}": interaction_sd[k] for k in range(len(treated))}
    truth |= {f"main {j}": main[j] for j in range(m)}
    truth |= {f"effect {k}": effect[k] for k in range(len(treated))}
    truth |= {f"interaction {k} {j}": interaction[k, j] for k in range(len(treated)) for j in range(m)}
    # What all coefficients together say of somebody: the contrast that is used.
    someone = columns(pd.DataFrame({"visits": [3], "town": ["b"]}), table)[0]
    truth["uplift"] = effect[0] + interaction[0] @ someone
    return table, truth, shape, someone


def drawn(posterior, name, someone):
    """Return the draws of a quantity of the truth."""
    b = posterior.coefficients()
    if name == "uplift":
        return b["effect"][:, 0] + b["interaction"][:, 0] @ someone
    variable, *places = name.split()
    return b[variable][(slice(None), *map(int, places))]


def ranked(family, arms, seed, doses=False):
    """Return ranks of the truth by quantity, chances of shapes with the true one, and failed fits."""
    ranks, of_shape, failed = {}, [], 0
    for trial in range(TRIALS):
        rng = np.random.default_rng([seed, trial])
        table, truth, shape, someone = simulated(rng, family, arms, doses)
        roles = {"outcome": "y", "treatment": "arm", "control": "none", "features": ["visits", "town"]}
        stats = bcx.summarise_uplift(table, **roles, dose="dose" if doses else None)
        posterior = bcx.fit(bcx.models.UPLIFT, stats, method=bcx.Laplace(draws=DRAWS), seed=trial)
        failed += posterior.verdict != "passed"
        some = rng.permutation(DRAWS)[:AMONG]
        for name, value in truth.items():
            draws = drawn(posterior, name, someone)[some]
            below, equal = int((draws < value).sum()), int((draws == value).sum())
            ranks.setdefault(name, []).append(below + int(rng.integers(equal + 1)))
        of_shape.append((posterior.provenance["shapes"], f"{shape:g}"))
    return {name: np.array(values) for name, values in ranks.items()}, of_shape, failed


def check(ranks, failed):
    found = {name: p_value(values, AMONG) for name, values in ranks.items()}
    assert min(found.values()) >= LEVEL / len(found), found
    assert failed <= 0.05 * TRIALS, failed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "arms", "seed"),
    [
        ("bernoulli", ["none", "mail", "call"], 1),
        ("normal", ["none", "mail", "call"], 2),
        ("normal", ["none", "mail"], 4),
    ],
)
def test_ranks_of_coefficients_and_scales_are_uniform(family, arms, seed):
    ranks, _, failed = ranked(family, arms, seed)
    check(ranks, failed)


@pytest.mark.slow
def test_with_doses_ranks_are_uniform_and_shapes_as_probable_as_they_are_true():
    ranks, of_shape, failed = ranked("bernoulli", ["none", "mail"], 3, doses=True)
    check(ranks, failed)
    # The truth is as often a shape as the fits said: a sum of independent yes and no with known chances.
    for shape in ("0.25", "0.5", "1", "2"):
        chance = np.array([shapes[shape] for shapes, _ in of_shape])
        true = np.array([own == shape for _, own in of_shape])
        assert abs(true.sum() - chance.sum()) < 3.5 * np.sqrt((chance * (1 - chance)).sum())
    # And the data say something of it.
    assert np.mean([shapes[own] for shapes, own in of_shape]) > 0.25
