"""Simulation-based calibration: fits of data that were simulated with parameters drawn from the prior."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from rich.progress import track

from bayes_cx import checks as _checks
from bayes_cx.checks import Check
from bayes_cx.errors import FitError, InputError
from bayes_cx.inference import MAP, MLE, NUTS, Laplace, sample_prior
from bayes_cx.inference.choices import explore_choices
from bayes_cx.inference.methods import Method
from bayes_cx.inference.prepare import Prepared, prepare
from bayes_cx.model import Model, arguments
from bayes_cx.scoring.compiled import evaluate
from bayes_cx.validation.uniformity import p_value

__all__ = ["LEVEL", "Sbc", "sbc", "study"]

LEVEL = 0.01
"""Chance that a calibrated fit fails, all coordinates together."""


@dataclass(frozen=True)
class Sbc:
    """The result of simulation-based calibration.

    Attributes
    ----------
    model, method : str
    ranks : xarray.Dataset
        ``rank`` (coordinate, simulation) of the truth, from 0 to the number of draws that it is ranked among,
        and ``passed`` (simulation), whether the fit passed its own checks. The coordinates are those of the
        prior, the choices of the model, and ``log_lik``: the log-likelihood of the data at the truth among
        that at the draws, which tells of fits that ignore part of the data. Attributes ``draws``,
        ``customers``, ``scale`` and ``simulations``, the number that was asked for.
    unfitted : mapping of str to int
        Simulations without a fit, by reason.
    flagged : mapping of str to int
        Fits that failed a check of their own, by the name of the check. They are ranked like all others.
    """

    model: str
    method: str
    ranks: xr.Dataset
    unfitted: Mapping[str, int]
    flagged: Mapping[str, int]

    @property
    def p_values(self) -> dict[str, float]:
        """By coordinate, the chance that ranks of a calibrated fit deviate as much; NaN without a fit."""
        draws, some = int(self.ranks.attrs["draws"]), self.ranks.sizes["simulation"] > 0
        return {
            str(name): p_value(ranks, draws) if some else np.nan
            for name, ranks in zip(
                self.ranks["coordinate"].to_numpy(),
                self.ranks["rank"].transpose("coordinate", "simulation").to_numpy(),
                strict=True,
            )
        }

    @property
    def checks(self) -> tuple[Check, ...]:
        """Uniformity of the ranks by coordinate, at `LEVEL` over all together (Bonferroni)."""
        least = LEVEL / self.ranks.sizes["coordinate"]
        target = f"p >= {least:.2g}"
        return tuple(
            Check(f"ranks of {name} are uniform", None, target, "not_run", "no simulation was fitted")
            if np.isnan(p)
            else Check(f"ranks of {name} are uniform", p, target, "passed" if p >= least else "failed")
            for name, p in self.p_values.items()
        )

    @property
    def verdict(self) -> _checks.Status:
        """The verdict over the checks."""
        return _checks.verdict(self.checks)

    def __repr__(self) -> str:
        fitted, asked = self.ranks.sizes["simulation"], self.ranks.attrs["simulations"]
        return f"<Sbc {self.model} by {self.method}: {fitted} of {asked} simulations fitted, {self.verdict}>"


def sbc(
    model: Model,
    *,
    method: Method | Literal["auto"] = Laplace(draws=1000),
    simulations: int = 200,
    customers: int = 150,
    scale: float | None = None,
    known: Mapping[str, np.ndarray] | None = None,
    draws: int = 99,
    seed: int = 0,
    progress: bool = True,
) -> Sbc:
    """Draw parameters from the prior, simulate data, fit these, and rank the truth among the draws.

    If a fit is exact, the truth has the same distribution as its draws, so its rank among them is uniform
    [talts2018validating]_ [modrak2025simulation]_. The scale that makes coordinates unit-free is fixed: taken
    from the data it would change the prior with every simulation.

    This holds for independent draws. Those of `NUTS` are correlated and those of `Laplace` repeat, so only a
    few of them are used, evenly spaced. The remaining dependence matters little: the noise of the rank
    becomes that of the effective number of draws, and the noise of 99 independent draws is already small
    beside the spread of the rank itself. Equal values, of repeated draws and of whole-numbered choices, are
    ranked at random.

    A simulation is left out only where the data cannot be fitted or the density has no maximum. That depends
    on the data alone, so the ranks of the others are still uniform. Fits that fail their own checks are
    included, and the prior is not truncated.

    Parameters
    ----------
    model : Model
    method : NUTS, Laplace or "auto"
    simulations : int
    customers : int
        Customers in each simulation.
    scale : float, optional
        By default that of `study`.
    known : mapping of str to numpy.ndarray, shape (customer,), optional
        What is known before customers act, such as the time ``T`` for which they are observed; by default
        that of `study`.
    draws : int
        Number of draws among which the truth is ranked.
    seed : int
        The same seed gives the same ranks.
    progress : bool

    Returns
    -------
    Sbc

    Raises
    ------
    InputError
        If the method makes fewer draws than are to be ranked.

    Examples
    --------
    >>> from bayes_cx.models import GAMMA_GAMMA
    >>> sbc(GAMMA_GAMMA, simulations=20, customers=50, progress=False)
    <Sbc Gamma-Gamma by Laplace: 20 of 20 simulations fitted, passed>
    """
    _check_method(method, draws)
    usual_scale, usual = study(model, customers, seed)
    scale, known = scale or usual_scale, usual if known is None else known
    names, letters = [*model.priors, *model.choices], list(model.params)
    # A model needs data even where only its prior is used: one possible customer.
    row = _dataset(model, {name: np.array([model.kind.example[name]]) for name in model.statistics})
    prior = sample_prior(model, row, draws=simulations, seed=seed, scale=scale).draws["posterior"].dataset
    ranks, passed = [], []
    unfitted, flagged = Counter[str](), Counter[str]()
    for i in track(range(simulations), "calibrating", disable=not progress, transient=True):
        rng = np.random.default_rng([seed, i])
        truth = _picked(prior, [*names, *letters], [i])
        try:
            data = _simulated(model, rng, known, {name: float(truth[name][0]) for name in letters})
            prepared = prepare(model, data, scale=scale)
            found, _ = explore_choices(prepared, method, seed + i, (seed, i))
        except (FitError, InputError) as error:
            unfitted[error.came] += 1
            continue
        posterior = found.groups["posterior"]
        size = posterior.sizes["chain"] * posterior.sizes["draw"]
        own = _picked(posterior, [*names, *letters], np.arange(draws) * size // draws)
        pairs = [(truth[name], own[name]) for name in names]
        pairs.append((_log_lik(prepared, truth), _log_lik(prepared, own)))
        ranks.append([_rank(rng, one[0], many) for one, many in pairs])
        # Of a model with choices the name begins with the choice, for which the check is the same.
        failed = {check.name for check in found.checks if check.status == "failed"}
        flagged.update(failed)
        passed.append(not failed)
    return Sbc(
        model=model.name,
        method=method if isinstance(method, str) else type(method).__name__,
        ranks=xr.Dataset(
            {
                "rank": (("simulation", "coordinate"), np.array(ranks, int).reshape(-1, len(names) + 1)),
                "passed": ("simulation", np.array(passed, bool)),
            },
            coords={"coordinate": [*names, "log_lik"]},
            attrs={"draws": draws, "customers": customers, "scale": scale, "simulations": simulations},
        ),
        unfitted=dict(unfitted),
        flagged=dict(flagged),
    )


def study(model: Model, customers: int, seed: int = 0) -> tuple[float, dict[str, np.ndarray]]:
    """Return a scale and an observation design that suit the priors of a model.

    Customers are observed for half a unit of time to one and a half, in which one of them makes two purchases
    on average; they meet 4 to 12 opportunities or renewals, or make two purchases on average that tell of
    their spend.

    Returns
    -------
    scale : float
    known : dict of str to numpy.ndarray, shape (customer,)
        What `model.observe` asks for.

    Examples
    --------
    >>> from bayes_cx.models import BG_NBD
    >>> scale, known = study(BG_NBD, 100)
    >>> scale, list(known), bool(known["T"].max() < 1.5)
    (2.0, ['T'], True)
    """
    rng = np.random.default_rng([seed, customers])
    kind = model.kind
    whole = rng.integers(4, 12, customers, endpoint=True).astype(float)
    of_unit = {"time": rng.uniform(0.5, 1.5, customers)} if kind.times else {}
    of_unit["count"] = rng.poisson(2.0, customers).astype(float)
    known = {
        name: whole if name == kind.exposure and kind.discrete else of_unit[kind.columns[name].unit]
        for name in arguments(model.observe)[1:]
    }
    return (2.0 if kind.times else 1.0), known


def _check_method(method: Method | str, draws: int) -> None:
    made = np.inf  # of "auto", which makes as many as its methods do
    if isinstance(method, NUTS):
        made = method.draws * method.chains
    elif isinstance(method, Laplace):
        made = method.draws
    elif isinstance(method, MAP | MLE):
        made = 1
    if made < draws:
        raise InputError(
            f"a method that makes {made} draws",
            f"at least the {draws} among which the truth is ranked",
            "use NUTS or Laplace with more draws",
        )


def _picked(
    group: xr.Dataset, names: Sequence[str], which: Sequence[int] | np.ndarray
) -> dict[str, np.ndarray]:
    """Return some draws of variables by name, shape (sample,)."""
    return {name: group[name].to_numpy().reshape(-1)[which] for name in dict.fromkeys(names)}


def _simulated(
    model: Model, rng: np.random.Generator, known: Mapping[str, np.ndarray], letters: Mapping[str, float]
) -> xr.Dataset:
    """Return the statistics of customers simulated from the model."""
    given = {**known, **letters}
    # Where customers differ very much some rates are beyond floating point: they never act, or never leave.
    with np.errstate(divide="ignore", over="ignore"):
        made = model.simulate(rng, **{name: given[name] for name in arguments(model.simulate)[1:]})
        seen = model.observe(made, **{name: known[name] for name in arguments(model.observe)[1:]})
    return _dataset(model, seen)


def _dataset(model: Model, columns: Mapping[str, np.ndarray]) -> xr.Dataset:
    data = {name: ("customer", column) for name, column in columns.items()}
    return xr.Dataset(data, attrs={"kind": model.kind.key, "unit": "week"})


def _log_lik(prepared: Prepared, letters: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the log-likelihood of the data at parameters, shape (sample,)."""
    return evaluate(prepared.model.log_lik, prepared.columns, letters) @ prepared.weight


def _rank(rng: np.random.Generator, truth: float, draws: np.ndarray) -> int:
    """Return the rank of the truth among draws; of equal values every order is as likely."""
    return int(np.sum(draws < truth) + rng.integers(np.sum(draws == truth), endpoint=True))
