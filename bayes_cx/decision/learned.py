"""What a log of actions has taught: effects by group of customers, and what to do next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.decision.learned_effects import differences, draw_effects
from bayes_cx.decision.responses import Beta, Changed, Outcome, Response
from bayes_cx.errors import InputError
from bayes_cx.notebook import html
from bayes_cx.seeds import checked_seed
from bayes_cx.spans import Span

__all__ = ["ALL", "Learned", "LearnedResponse", "group_names"]

DRAWS = 2000
ALL = "all customers"
"""The group of everybody, where customers are not told apart."""

_OUTCOMES: dict[str, Outcome] = {"bought": "buying", "purchases": "purchases", "spend": "spend"}
_WORDS = {"bought": "share who buy", "purchases": "purchases", "spend": "spend", "gain": "gain"}


@dataclass(frozen=True)
class Learned:
    """What a log has taught of each action in each group of customers.

    Attributes
    ----------
    sums : pandas.DataFrame
        Sums of decisions and outcomes by ``round`` (the time of the decisions), ``group`` and ``action``.
        Those of different rounds add.
    outcome : {"bought", "purchases", "spend", "gain"}
        What is learned of.
    control : str
        The action of those left alone.
    by : tuple of str
        The columns that make the groups.
    priors : mapping of str to Beta
        What was believed of each action before; it is also the spread of the differences between groups.
    scale : float
        What the priors are shares of: 1 for a chance to buy, else the mean outcome of those left alone.
    half_life : str
        The age at which a round counts half; empty where none is forgotten.
    window : str
        How long after an action purchases counted.
    seed : int
    """

    sums: pd.DataFrame = field(repr=False)
    outcome: Literal["bought", "purchases", "spend", "gain"]
    control: str
    by: tuple[str, ...]
    priors: Mapping[str, Beta]
    scale: float
    half_life: str
    window: str
    seed: int

    def __repr__(self) -> str:
        n = int(self.sums["n"].to_numpy().sum())
        rounds = "1 round" if self.rounds == 1 else f"{self.rounds:,} rounds"
        return f"<Learned from {n:,} decisions in {rounds}: {' '.join(self.sentences)}>"

    def _repr_html_(self) -> str:
        return html("learned", self)

    @property
    def rounds(self) -> int:
        """Number of rounds."""
        return np.unique(self.sums["round"].to_numpy()).size

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions besides leaving customers alone, in alphabetical order; also those only believed in."""
        return tuple(sorted({*self.sums["action"], *self.priors} - {self.control}))

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of customers, in alphabetical order."""
        return tuple(np.unique(self.sums["group"].to_numpy(str)).tolist())

    def prior(self, action: str) -> Beta:
        """Return what was believed of an action before the log; Beta(2, 18) if nothing was said."""
        return self.priors.get(action, _VAGUE)

    def assumed(self, action: str) -> float:
        """Return the change that was expected of an action before the log, in the unit of ``effect``."""
        return self.scale * self.prior(action).mean

    @cached_property
    def effects(self) -> xr.Dataset:
        """What each action changes in each group.

        Over (``action``, ``group``): ``effect`` with ``sd``, ``low`` and ``high`` (90%), the posterior;
        ``measured``, the difference in the log alone, with ``measured_sd``; ``n``, the decisions. Over
        (action, sample, group): ``draws``.
        """
        found = differences(self.sums, self.actions, self.control, self.groups, self._forget)
        priors = [self.prior(name) for name in self.actions]
        mean = self.scale * np.array([prior.mean for prior in priors])
        total = np.array([prior.alpha + prior.beta for prior in priors])
        sd = np.sqrt(mean * (self.scale - mean) / (total + 1.0))
        draws = draw_effects(mean, sd, found, DRAWS, np.random.default_rng([self.seed, 1]))
        low, high = np.quantile(draws, [0.05, 0.95], axis=0)
        own = np.arange(len(self.actions))
        columns = {
            "effect": draws.mean(axis=0),
            "sd": draws.std(axis=0),
            "low": low,
            "high": high,
            "measured": np.where(found.known, found.effect, np.nan),
            "measured_sd": np.where(found.known, np.sqrt(found.covariance[:, own, own]), np.nan),
            "n": found.n,
        }
        return xr.Dataset(
            {name: (("action", "group"), one.T) for name, one in columns.items()}
            | {"draws": (("action", "sample", "group"), np.moveaxis(draws, 2, 0))},
            coords={"action": list(self.actions), "group": list(self.groups)},
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """For each action and group one sentence."""
        found = []
        for action in self.actions:
            for group in self.groups:
                one = self.effects.sel(action=action, group=group)
                low, high, mean = (float(one[name]) for name in ("low", "high", "effect"))
                what = f"{action!r} changes the {_WORDS[self.outcome]}"
                where = "" if group == ALL else f" of {group}"
                n = int(one["n"])
                basis = f"measured on {n:,} decisions" if n else "believed, not measured"
                found.append(f"{what}{where} by {mean:.3g} (90%: {low:.3g} to {high:.3g}; {basis}).")
        return tuple(found)

    def table(self) -> pd.DataFrame:
        """Return one row an action and group."""
        return self.effects.drop_vars("draws").to_dataframe().reset_index()

    def response(self, action: str) -> "LearnedResponse":
        """Return the effect of an action as the response of an offer.

        Raises
        ------
        InputError
            If there is no such action, or what was learned is a gain, which has costs taken off already.
        """
        self._check_action(action)
        if self.outcome not in _OUTCOMES:
            raise InputError(
                "a response of an offer from gains",
                "what was learned of bought, purchases or spend",
                "call bcx.learn with outcome='bought'",
            )
        return LearnedResponse(self, action)

    def policy(
        self,
        *,
        worth: float | None = None,
        costs: Mapping[str, float] | None = None,
        least: float = 0.05,
        left_alone: float = 0.05,
    ) -> xr.Dataset:
        """Return the probability of each action in each group for the next round.

        An action is as probable as it is the best one, given what was learned (Thompson sampling), but for
        two shares of the customers: one that is left alone, and one that is divided among the actions alike.
        So the next log can tell what actions change, and judge any rule.

        Parameters
        ----------
        worth : float, optional
            What one more buyer, purchase or unit of spend is worth; 1 if not given. Gains are what they are.
        costs : mapping of str to float, optional
            Cost of each action; gains have them taken off already.
        least, left_alone : float
            The share divided among the actions, and the share that is left alone.

        Returns
        -------
        xarray.Dataset
            Over (``action``, ``group``), leaving alone first: ``propensity``, ``p_best``, the expected
            ``gain`` with ``gain_sd``.
        """
        for name, share in (("least", least), ("left_alone", left_alone)):
            if isinstance(share, str) or not 0 < share < 1 or not least + left_alone <= 1:
                raise InputError(
                    f"{name}={share!r}", "shares above 0, together at most 1", "write 0.05 for 5%"
                )
        costs = costs or {}
        for name in costs:
            self._check_action(name)
        if self.outcome == "gain" and (costs or worth is not None):
            raise InputError("costs or a worth of gains", "neither", "gains have costs taken off already")
        factor = 1.0 if worth is None else float(worth)
        cost = np.array([float(costs.get(name, 0.0)) for name in self.actions])
        gain = factor * self.effects["draws"].to_numpy() - cost[:, None, None]
        every = np.concatenate([np.zeros((1, *gain.shape[1:])), gain])
        best = every.argmax(axis=0)
        p_best = np.array([(best == i).mean(axis=0) for i in range(every.shape[0])])
        # Given with a few digits, so that all machines draw and write the same.
        chance = (1 - least - left_alone) * p_best
        chance[0] += left_alone
        chance[1:] += least / len(self.actions)
        chance = np.round(chance, 6)
        chance[0] += 1.0 - chance.sum(axis=0)
        over = ("action", "group")
        return xr.Dataset(
            {
                "propensity": (over, chance),
                "p_best": (over, p_best),
                "gain": (over, every.mean(axis=1)),
                "gain_sd": (over, every.std(axis=1)),
            },
            coords={"action": [self.control, *self.actions], "group": list(self.groups)},
        )

    def plan(
        self,
        customers: pd.DataFrame,
        *,
        worth: float | None = None,
        costs: Mapping[str, float] | None = None,
        least: float = 0.05,
        left_alone: float = 0.05,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Return the next decisions, drawn by `policy`: a frame for `write_actions`.

        Parameters
        ----------
        customers : pandas.DataFrame
            ``customer``, and the columns that make the groups. Whoever is of a group that is not in the log
            is decided on like the group with the most decisions.
        worth, costs, least, left_alone
            As for `policy`.
        seed : int

        Returns
        -------
        pandas.DataFrame
            ``customer``, ``action``, ``propensity``, ``expected``, ``expected_sd`` and the columns of the
            groups.
        """
        policy = self.policy(worth=worth, costs=costs, least=least, left_alone=left_alone)
        if missing := [name for name in ("customer", *self.by) if name not in customers]:
            raise InputError(
                f"customers without {', '.join(missing)}",
                f"the columns {', '.join(('customer', *self.by))}",
                "add them",
            )
        place = self._place(group_names(customers, self.by))
        chance = policy["propensity"].to_numpy().T[place]
        rng = np.random.default_rng([checked_seed(seed), 7])
        below = np.cumsum(chance, axis=1)
        chosen = np.minimum((rng.random(len(place))[:, None] >= below).sum(axis=1), chance.shape[1] - 1)
        own = np.arange(len(place))
        found = customers[["customer", *self.by]].reset_index(drop=True)
        expected, spread = (policy[name].to_numpy().T[place][own, chosen] for name in ("gain", "gain_sd"))
        return found.assign(
            action=policy["action"].to_numpy()[chosen],
            propensity=chance[own, chosen],
            expected=expected,
            expected_sd=spread,
        )

    @cached_property
    def _forget(self) -> np.ndarray:
        if not self.half_life:
            return np.ones(len(self.sums))
        rounds = pd.to_datetime(self.sums["round"])
        age = (rounds.max() - rounds).dt.total_seconds().to_numpy()
        return np.exp2(-age / Span.of(self.half_life).in_unit("second"))

    @cached_property
    def _sizes(self) -> np.ndarray:
        """The decisions of each group."""
        groups, place = np.unique(self.sums["group"].to_numpy(str), return_inverse=True)
        return np.bincount(place, weights=self.sums["n"].to_numpy(float), minlength=groups.size)

    def _place(self, names: np.ndarray) -> np.ndarray:
        """Return the position of each group; that of the largest for one that is not known."""
        largest = int(np.argmax(self._sizes))
        position = {name: i for i, name in enumerate(self.groups)}
        return np.array([position.get(name, largest) for name in names], dtype=np.int64)

    def _check_action(self, name: str) -> None:
        if name not in self.actions:
            raise InputError(
                f"the action {name!r}", f"one of {', '.join(map(repr, self.actions))}", "check the spelling"
            )


# Of an action of which nothing was said, as for an offer.
_VAGUE = Beta(2.0, 18.0)


@dataclass(frozen=True)
class LearnedResponse(Response):
    """The effect of an action that a log has measured, by group of customers.

    Attributes
    ----------
    learned : Learned
    action : str
    """

    learned: Learned
    action: str

    @property
    def outcome(self) -> Outcome:
        """What was learned of."""
        return _OUTCOMES[self.learned.outcome]

    @property
    def mean(self) -> float:
        """The expected effect, over the customers of the log."""
        return float(self._overall().mean())

    def interval(self, level: float = 0.9) -> tuple[float, float]:
        """Return the central interval of the effect, over the customers of the log."""
        low, high = np.quantile(self._overall(), [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    @property
    def basis(self) -> Literal["stated", "measured", "uplift"]:
        """It is measured where the log holds the action, else stated."""
        return "measured" if self.customers else "stated"

    @property
    def customers(self) -> int:
        """Number of decisions for the action, or for nothing, that measured it."""
        sums = self.learned.sums
        mine = sums["action"].isin([self.action, self.learned.control])
        n = sums["n"].to_numpy(float)
        there = (sums["action"] == self.action).to_numpy().any()
        return int(n[mine.to_numpy()].sum()) if there else 0

    @property
    def source(self) -> str:
        """It is measured on so many decisions, or assumed."""
        if not self.customers:
            return "assumed"
        return f"measured on {self.customers:,} decisions, {self.action} against {self.learned.control}"

    def draw(self, rng: np.random.Generator, n: int, stats: xr.Dataset) -> Changed:
        """Return n draws for the customers of these statistics, by group where they have its columns."""
        one = self.learned.effects.sel(action=self.action)
        some = np.resize(np.arange(one.sizes["sample"]), n)
        by = self.learned.by
        if by and all(name in stats for name in by):
            frame = pd.DataFrame({name: np.asarray(stats[name]) for name in by})
            draws = one["draws"].to_numpy()[some][:, self.learned._place(group_names(frame, by))]
        else:
            draws = self._overall()[some]
        return Changed(draws)

    def as_dict(self) -> dict[str, Any]:
        """Return what was learned, on how many decisions."""
        return {
            "measured": self.source,
            "outcome": self.outcome,
            "action": self.action,
            "decisions": self.customers,
            "mean": self.mean,
            "interval": list(self.interval()),
        }

    def _overall(self) -> np.ndarray:
        """Return draws of the effect over the groups, each as large as in the log."""
        total = self.learned._sizes
        draws = self.learned.effects["draws"].sel(action=self.action).to_numpy()
        return cast("np.ndarray", draws @ (total / total.sum()))


def group_names(rows: Any, by: tuple[str, ...]) -> np.ndarray:
    """Return the name of the group of each row: the values of these columns.

    Examples
    --------
    >>> group_names(pd.DataFrame({"tier": [1, None], "city": ["Ulm", "Bonn"]}), ("tier", "city")).tolist()
    ['1, Ulm', 'missing, Bonn']
    """
    if not by:
        return np.full(len(rows), ALL, dtype=object)
    columns = [_as_text(rows[name]) for name in by]
    return np.array([", ".join(cells) for cells in zip(*columns, strict=True)], dtype=object)


def _as_text(values: Any) -> list[str]:
    return [
        "missing"
        if value is None or value != value
        else f"{value:g}"
        if isinstance(value, float | np.floating)
        else str(value)
        for value in values.tolist()
    ]
