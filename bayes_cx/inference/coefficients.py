"""What a design found: effects of covariates and groups as factors, and in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xarray as xr

from bayes_cx.errors import InputError
from bayes_cx.inference.layout import Pool
from bayes_cx.inference.posterior import Posterior, check_posterior
from bayes_cx.model import Prior
from bayes_cx.notebook import html

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Effects", "effects", "what_differs"]

# By coordinate: how customers differ for whom it is so many times as large, and what it is.
_WORDS = {
    "purchase_rate": ("buy {} times as often", "how often customers buy"),
    "purchase": ("are {} times as likely to buy at an opportunity", "the chance to buy at an opportunity"),
    "half_life": ("stay {} times as long", "how long customers stay"),
    "mean_spend": ("spend {} times as much on a purchase", "what a purchase brings"),
    "rate_cv": ("differ {} times as much in how often they buy", "how unequally often customers buy"),
    "dropout_cv": ("differ {} times as much in how soon they leave", "how unequally soon customers leave"),
    "purchase_cv": ("vary {} times as much in what they spend", "how much the spend of a customer varies"),
    "purchase_size": ("are {} times as alike in their chance to buy", "how alike customers are in buying"),
    "dropout_size": ("are {} times as alike in their chance to leave", "how alike customers are in leaving"),
    "tail": ("are {} times as alike in what they spend", "how alike customers are in what they spend"),
    "regularity": ("buy {} times as regularly", "how regularly customers buy"),
}
# What a meaning begins with that reads on as a verb.
_CHANCE_TO = "mean chance to "
# A direction is clear where it has this chance: then the 90% interval lies on one side of no effect.
_CLEAR = 0.95


@dataclass(frozen=True)
class Effects:
    """Effects of a design, as factors by which a parameter is multiplied.

    Attributes
    ----------
    data : xarray.Dataset
        Over ``effect``: ``parameter``, the coordinate; ``kind``, which is ``level`` (customers with a value
        of text, compared with the first value), ``slope`` (so much more of a number), ``group`` (compared
        with an average group) or ``spread`` (what groups differ by, typically); ``term``, the column, or
        columns, or part of a formula; ``value``, the level or group; ``against``, what it is compared with;
        ``step``, how much more of a number; ``factor``, ``low`` and ``high``, the median and the interval of
        what the parameter of an average customer is multiplied by; ``p_higher``, the chance that the factor
        is above 1; ``clear``, whether its direction has a chance of 95% or more; and ``sentence``.
    model : str
    level : float
        Probability of the intervals.
    """

    data: xr.Dataset
    model: str
    level: float

    @property
    def sentences(self) -> tuple[str, ...]:
        """Every effect in words."""
        return tuple(map(str, self.data["sentence"].to_numpy()))

    def in_short(self, groups: int = 8) -> tuple[str, ...]:
        """Return the effects in words: all but those of groups, of which only the largest clear ones.

        Parameters
        ----------
        groups : int
            How many effects of groups are named at most; the others are counted.
        """
        of_groups = self.data["kind"].to_numpy() == "group"
        clear = np.flatnonzero(of_groups & self.data["clear"].to_numpy())
        size = np.abs(np.log(self.data["factor"].to_numpy()[clear]))
        named = np.sort(clear[np.argsort(-size, kind="stable")[:groups]])
        lines = [self.sentences[i] for i in (*np.flatnonzero(~of_groups), *named)]
        if smaller := clear.size - named.size:
            lines.append(f"{smaller} more effects of groups are clear, and smaller.")
        if unclear := int(of_groups.sum()) - clear.size:
            total = of_groups.sum()
            some = "none is" if unclear == total else f"{unclear} {'is' if unclear == 1 else 'are'} not"
            lines.append(f"Of {total} effects of groups {some} surely different from zero.")
        return tuple(lines)

    def table(self) -> "pd.DataFrame":
        """Return one row an effect."""
        return self.data.to_dataframe().reset_index(drop=True)

    def __repr__(self) -> str:
        return "\n".join([f"<Effects of {self.model}: {self.data.sizes['effect']}>", *self.sentences])

    def _repr_html_(self) -> str:
        return html("coefficients", self)


class _Effect(NamedTuple):
    """One effect: draws on the scale of the link, and what it is about."""

    parameter: str
    kind: str
    term: str
    draws: np.ndarray
    value: str = ""
    against: str = ""
    step: float = np.nan


def effects(posterior: Posterior, *, level: float = 0.9) -> Effects:
    """Return the effects of covariates and groups as factors, with intervals and in words.

    An effect is what the parameter of an average customer is multiplied by: the exponential of a slope where
    the parameter is positive, and the ratio of two chances where it is one. Slopes of numbers are for a round
    step of about one standard deviation.

    Parameters
    ----------
    posterior : Posterior
        Of a fit with covariates or groups.
    level : float
        Probability of the intervals.

    Returns
    -------
    Effects

    Raises
    ------
    InputError
        If the design of the fit has neither covariates nor groups.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> month = stats["first"].dt.strftime("%B").astype(str)
    >>> stats = stats.assign(joined=month)
    >>> design = bcx.Design(purchase_rate="joined")
    >>> quick = bcx.Laplace()
    >>> posterior = bcx.fit("bg_nbd", stats, design=design, method=quick, seed=1, progress=False)
    >>> bcx.effects(posterior).sentences[0].split(" (")[0]
    'Customers with joined January buy 0.93 times as often as those with February'
    """
    check_posterior(posterior)
    layout = posterior.layout
    if layout.design.is_constant:
        raise InputError(
            f"a fit of {posterior.model.name} in which all customers share the same parameters",
            "a fit with covariates or groups",
            "fit with design=bcx.Design(purchase_rate='channel'), or with pool=['country']",
        )
    if not 0 < level < 1:
        raise InputError(f"level={level}", "a probability", "write for example level=0.9")
    rows = [_row(posterior, found, level) for found in (*_covariates(posterior), *_groups(posterior))]
    columns = {name: ("effect", np.array([row[name] for row in rows])) for name in rows[0]}
    data = xr.Dataset(columns, attrs={"model": posterior.model.name, "level": level})
    return Effects(data, posterior.model.name, level)


def _covariates(posterior: Posterior) -> Iterator[_Effect]:
    """Yield the effects of covariates."""
    layout = posterior.layout
    for name, columns in layout.matrix.items():
        slopes = _draws(posterior, f"{name}_slope")
        for i, (key, (centre, spread)) in enumerate(columns.items()):
            column, value = _level_of(key, layout.levels)
            if column:
                against = layout.levels[column][0]
                yield _Effect(name, "level", column, slopes[:, i] / spread, value, against)
            else:
                step = _round_step(centre, spread, of_formula=name in layout.design.formulas)
                yield _Effect(name, "slope", key, slopes[:, i] / spread * step, step=step)


def _groups(posterior: Posterior) -> Iterator[_Effect]:
    """Yield the effects of groups, and what groups differ by."""
    for name in posterior.model.priors:
        for pool in posterior.layout.pools(name):
            spread, offset = _draws(posterior, pool.spread), _draws(posterior, pool.offset)
            term = _term(pool)
            yield _Effect(name, "spread", term, spread)
            for i, group in enumerate(pool.groups):
                against = f"an average {pool.columns[-1]}"
                yield _Effect(name, "group", term, spread * offset[:, i], group, against)


def _term(pool: Pool) -> str:
    return " / ".join(pool.columns)


def _draws(posterior: Posterior, name: str) -> np.ndarray:
    """Return draws of a random variable, shape (sample, ...)."""
    found = posterior.draws["posterior"][name].transpose("chain", "draw", ...).to_numpy()
    return found.reshape(-1, *found.shape[2:])


def _level_of(key: str, levels: Mapping[str, tuple[str, ...]]) -> tuple[str, str]:
    """Return the column and the value of an indicator, empty for other covariates."""
    for column, values in levels.items():
        for value in values:
            if key in (f"{column}[T.{value}]", f"C({column})[T.{value}]", f"`{column}`[T.{value}]"):
                return column, value
    return "", ""


def _round_step(centre: float, spread: float, *, of_formula: bool) -> float:
    """Return a round number near the standard deviation of a covariate, 1 for a column of zeros and ones."""
    if (of_formula and spread == 1.0) or abs(spread**2 - centre * (1 - centre)) < 1e-9:
        return 1.0
    power = 10.0 ** np.floor(np.log10(spread))
    return float(f"{min((1, 2, 5, 10), key=lambda step: abs(np.log(step * power / spread))) * power:.6g}")


def _row(posterior: Posterior, found: _Effect, level: float) -> dict[str, object]:
    prior = posterior.model.priors[found.parameter]
    factor = _factor(posterior, prior, found)
    low, middle, high = np.quantile(factor, [(1 - level) / 2, 0.5, (1 + level) / 2])
    p_higher = float((factor > 1).mean())
    clear = found.kind == "spread" or (factor.size > 1 and max(p_higher, 1 - p_higher) >= _CLEAR)
    row = {
        "parameter": found.parameter,
        "kind": found.kind,
        "term": found.term,
        "value": found.value,
        "against": found.against,
        "step": found.step,
        "factor": float(middle),
        "low": float(low),
        "high": float(high),
        "p_higher": p_higher,
        "clear": bool(clear),
    }
    return {**row, "sentence": _sentence(found, prior, tuple(map(_times, (middle, low, high))), clear)}


def _factor(posterior: Posterior, prior: Prior, found: _Effect) -> np.ndarray:
    """Return draws of what the parameter of an average customer is multiplied by."""
    if prior.link == "log":
        return np.exp(found.draws)
    before = _draws(posterior, found.parameter)
    if prior.link == "identity":
        return 1 + found.draws / before
    odds = before / (1 - before) * np.exp(found.draws)
    return odds / (1 + odds) / before


def _sentence(found: _Effect, prior: Prior, numbers: tuple[str, ...], clear: bool) -> str:
    times, low, high = numbers
    do, what = _words(found.parameter, prior)
    if found.kind == "spread":
        return f"By {found.term}, {what} typically differs by a factor of {times} ({low} to {high})."
    do, end = do.format(times), f"({low} to {high}{'' if clear else ', no clear difference'})"
    if found.kind == "slope":
        more = "one" if found.step == 1 else f"{found.step:g}"
        return f"With {more} more of {found.term}, customers {do} {end}."
    if found.kind == "level":
        return f"Customers with {found.term} {found.value} {do} as those with {found.against} {end}."
    return f"Customers of {found.term} {found.value} {do} as those of {found.against} {end}."


def _words(parameter: str, prior: Prior) -> tuple[str, str]:
    """Return how customers differ in a parameter, and what it is."""
    name = parameter.replace("_", " ")
    if parameter not in _WORDS and prior.meaning.startswith(_CHANCE_TO):
        act = prior.meaning.removeprefix(_CHANCE_TO)
        return f"are {{}} times as likely to {act}", f"the chance to {act}"
    return _WORDS.get(parameter, (f"have a {name} {{}} times as large", f"the {name}"))


def what_differs(posterior: Posterior, parameter: str) -> str:
    """Return in words what a parameter of a fit is, such as "how often customers buy"."""
    return _words(parameter, posterior.model.priors[parameter])[1]


def _times(factor: float) -> str:
    """Return a factor with the digits that count.

    Examples
    --------
    >>> [_times(factor) for factor in (1.4, 1.038, 0.7203, 12.3, 0.0123)]
    ['1.4', '1.04', '0.72', '12', '0.012']
    """
    if factor >= 10 or factor < 0.1:
        return f"{factor:.0f}" if factor >= 10 else f"{factor:.2g}"
    text = f"{factor:.2f}"
    return text.removesuffix("0")
