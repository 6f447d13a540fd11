"""What a model is: a frozen record of pure functions, with the letters of its paper.

A model never fits, scores or plots. Inference, scoring, validation and reporting are written once, read the
names of a formula's arguments, and work for every record.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from inspect import signature
from math import prod
from numbers import Real
from typing import Any, Literal, NamedTuple

import numpy as np

from bayes_cx.errors import InputError
from bayes_cx.kinds import Kind

__all__ = [
    "Formula",
    "InPieces",
    "Independent",
    "Model",
    "Param",
    "Prior",
    "Quantity",
    "Total",
    "Trait",
    "arguments",
]

type Link = Literal["identity", "log", "logit"]
type Formula = Callable[..., Any]
type Simulator = Callable[..., Any]

# The distributions of quantities that are any number, positive, or a share.
_LINKS: dict[Link, tuple[str, ...]] = {
    "identity": ("Normal", "StudentT", "Laplace", "Logistic"),
    "log": ("LogNormal", "Gamma", "InverseGamma", "HalfNormal", "HalfStudentT", "HalfCauchy", "Exponential"),
    "logit": ("Beta",),
}


_VALUES: dict[str, str] = {"identity": "any number", "log": "a positive number", "logit": "a share"}


class Independent(NamedTuple):
    """A model of spend without frequency, and what it leaves out of one with it; arrays have shape (sample,).

    Attributes
    ----------
    model : Model
    params : dict of str to numpy.ndarray
        Its parameters where it comes closest to each draw of the other model, for the customers of the fit.
    correlation : numpy.ndarray
        Between the log number of repeat purchases and the log level of spend, among repeat buyers.
    per_doubling : numpy.ndarray
        By which share a purchase is worth more where a customer has bought twice as often.
    """

    model: "Model"
    params: dict[str, np.ndarray]
    correlation: np.ndarray
    per_doubling: np.ndarray


@dataclass(frozen=True)
class Prior:
    """A prior on a quantity without a unit; `Model.with_priors` puts it in place of a model's own.

    Attributes
    ----------
    distribution : str
        Name of a PyMC distribution.
    arguments : mapping
        Its arguments by name, finite numbers.
    meaning : str
        What the quantity is; where it is left out `Model.with_priors` takes it from the prior before.
    reason : str
        Why this prior.
    link : {"identity", "log", "logit"}
        The scale on which the quantity has no bounds and effects of covariates and groups add; by default
        that of the distribution.

    Raises
    ------
    InputError
        If the distribution has no usual link and none is given, or the arguments are not finite numbers.

    Examples
    --------
    >>> Prior("Beta", {"alpha": 2, "beta": 18}, reason="last year one in ten left after a purchase").link
    'logit'
    """

    distribution: str
    arguments: Mapping[str, float]
    meaning: str = ""
    reason: str = ""
    link: Link | Literal[""] = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "arguments", _numbers(self.distribution, self.arguments))
        link = self.link or next((link for link, known in _LINKS.items() if self.distribution in known), "")
        if not link:
            raise InputError(
                f"a prior {self.distribution} without a link",
                "identity, log or logit: where the quantity has no bounds",
                "state it, as in Prior(..., link='log')",
            )
        elif link not in _LINKS:
            raise InputError(f"a prior with the link {link!r}", "identity, log or logit", "take one of these")
        object.__setattr__(self, "link", link)

    @property
    def text(self) -> str:
        """The prior as one writes it.

        Examples
        --------
        >>> Prior("Beta", {"alpha": 1, "beta": 3}, "", "").text
        'Beta(alpha=1, beta=3)'
        """
        return f"{self.distribution}({', '.join(f'{k}={v:g}' for k, v in self.arguments.items())})"


@dataclass(frozen=True)
class Param:
    """A parameter by its letter in the paper.

    Attributes
    ----------
    unit : {"", "time", "money"}
        What it is measured in.
    meaning : str
    dims : tuple of str
        Dimensions of a parameter that has several values, such as one for each state.
    link : {"identity", "log", "logit"}
        The scale on which it has no bounds, where its posterior is closest to a normal distribution.
    """

    unit: str
    meaning: str
    dims: tuple[str, ...] = ()
    link: Link = "log"


@dataclass(frozen=True)
class Trait:
    """What differs between customers, as a distribution over them.

    Attributes
    ----------
    distribution : {"Gamma", "Beta", "InverseGamma", "LogNormal"}
    arguments : tuple
        Letters: shape and rate of a gamma, both weights of a beta, shape and scale of an inverse gamma
        distribution, median and standard deviation of the logarithm of a log-normal one. Several letters in a
        tuple are multiplied.
    meaning : str
    unit : {"", "per time", "money"}
    """

    distribution: Literal["Gamma", "Beta", "InverseGamma", "LogNormal"]
    arguments: tuple[str | tuple[str, ...], ...]
    meaning: str
    unit: str = ""

    def values(self, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the arguments for parameters by letter, numbers or arrays.

        Examples
        --------
        >>> Trait("InverseGamma", ("q", ("p", "v")), "").values({"p": 2.0, "q": 3.0, "v": 5.0})
        (3.0, 10.0)
        """
        letters = ((each,) if isinstance(each, str) else each for each in self.arguments)
        return tuple(prod(parameters[name] for name in product) for product in letters)


@dataclass(frozen=True)
class Quantity:
    """Something one wants to know of a customer, as a formula.

    The names of the formula's arguments say what it needs: statistics of the customer, parameters of the
    model, and options such as the horizon ``t``.

    Attributes
    ----------
    formula : callable
    meaning : str
    unit : str
        ``"probability"``, ``"purchases"``, ``"renewals"``, ``"time"`` or ``"money"``.
    never : bool
        Whether infinity is allowed as a value, for what never happens.
    if_active : bool
        Whether it is what is expected of the customer given that the customer is active.
    """

    formula: Formula
    meaning: str
    unit: str
    never: bool = False
    if_active: bool = False


@dataclass(frozen=True)
class Total:
    """A quantity of an active customer as ``start + factor x (the sum of piece over all pieces)``.

    Attributes
    ----------
    start : callable, optional
        Of options and the history, with ``ahead`` the operational time that t lasts; zero without.
    factor : callable, optional
        Of the history; one without.
    piece : callable, optional
        Of options, the history and a piece of the time to t: its ``begin``, its ``width``, the operational
        time ``passed`` until then, and its ``pace``, operational time per unit of time; zero without.
    """

    start: Formula | None = None
    factor: Formula | None = None
    piece: Formula | None = None


@dataclass(frozen=True)
class InPieces:
    """A model whose customers buy in operational time and leave in real time.

    The rate of purchases is constant in each of the pieces of time. Histories have the argument ``tau``, the
    operational time of the age T.

    Attributes
    ----------
    log_active : callable
        Log-likelihood of a customer who is active, of the history.
    log_gone : callable
        Log odds of having left in a piece of the time since the last purchase.
    totals : mapping of str to Total
        What an active customer does, by the names of quantities.
    simulate, simulate_future : callable
        As those of a model; ``passed`` gives the operational time until times of all customers, and the
        times of purchases are operational.
    """

    log_active: Formula
    log_gone: Formula
    totals: Mapping[str, Total]
    simulate: Simulator
    simulate_future: Simulator


@dataclass(frozen=True)
class Model:
    """One model of customer behaviour.

    Attributes
    ----------
    name, key : str
        The name people read, and the one that files and commands use.
    statistics : tuple of str
        The columns of the statistics that enter the likelihood.
    params : mapping of str to Param
        The parameters by the letters of the paper.
    priors : mapping of str to Prior
        Priors on unit-free coordinates; the sampler moves in these.
    scale : callable
        ``scale(weight, **statistics) -> float``, the size that makes the coordinates unit-free.
    letters : callable
        ``letters(scale, **coordinates) -> dict`` of the parameters by letter.
    log_lik : callable
        Log-likelihood of one customer, of statistics and parameters.
    simulate : callable
        ``simulate(rng, ..., **params)``, written from the story of the model, without `log_lik`.
    simulate_future : callable
        The same for the span after the observation, given a customer's history.
    quantities : mapping of str to Quantity
    story : str
        The model in plain words.
    formulas : tuple of str
        What the report's method section shows, in typst mathematics.
    limits : tuple of str
        What the model cannot see, in plain words.
    when : str
        The kind of business it is meant for.
    reference : str
        Key in ``references.bib``.
    observe : callable
        ``observe(made, **known) -> dict`` of the statistics that `made`, what `simulate` returned, would
        show.
    kind : Kind
        What a row of its statistics is.
    choices : mapping of str to tuple of int
        Parameters that take a few whole values. A fit weighs the values by their marginal likelihood.
    traits : mapping of str to Trait
        What differs between customers, by name.
    log_lik_of_all : callable or None
        Log density of all that statistics can say of a customer, where `log_lik` reads less of it. Models of
        one kind that read different columns are compared by it.
    without_frequency : callable or None
        Of a model of spend that knows frequency: ``without_frequency(weight, **statistics, **params)``
        returns the model that does not, where it comes closest; see `Independent`.
    operational_time : bool
        Whether time enters only through rates of purchase, so that the model is the same where all customers
        buy at a rate that changes with the calendar and time is counted in proportion to it.
    in_pieces : InPieces, optional
        Of a model whose customers leave in real time: its formulas where the rate changes in steps.
    """

    name: str
    key: str
    statistics: tuple[str, ...]
    params: Mapping[str, Param]
    priors: Mapping[str, Prior]
    scale: Callable[..., float]
    letters: Callable[..., dict[str, Any]]
    log_lik: Formula
    simulate: Simulator
    simulate_future: Simulator
    quantities: Mapping[str, Quantity]
    story: str
    formulas: tuple[str, ...]
    limits: tuple[str, ...]
    when: str
    reference: str
    observe: Callable[..., dict[str, np.ndarray]]
    kind: Kind
    choices: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    traits: Mapping[str, Trait] = field(default_factory=dict)
    log_lik_of_all: Formula | None = None
    without_frequency: "Callable[..., Independent] | None" = None
    operational_time: bool = False
    in_pieces: InPieces | None = None

    @property
    def has_clock(self) -> bool:
        """Whether there are formulas of purchases at a rate that changes with the calendar."""
        return self.operational_time or self.in_pieces is not None

    def at(self, **values: int) -> "Model":
        """Return the same model with parameters of `choices` fixed.

        Raises
        ------
        InputError
            If the model has no such choice, or the choice no such value.

        Examples
        --------
        >>> from bayes_cx.models import BG_CNBD
        >>> BG_CNBD.at(k=2).choices
        {'k': (2,)}
        """
        for name, value in values.items():
            known = self.choices.get(name, ())
            if value not in known:
                raise InputError(
                    f"{name} = {value} for {self.name}",
                    f"one of {', '.join(map(str, known))}" if known else "no choice of that name",
                    "choose one of these" if known else "leave it out",
                )
        return replace(self, choices={**self.choices, **{name: (value,) for name, value in values.items()}})

    def with_priors(self, **priors: Prior) -> "Model":
        """Return the same model with other priors.

        They are on the same quantities, which have no unit: rates are relative to those of the data. Each
        says its reason, which stands in the provenance of a fit, in the model card and in the report.
        `bcx.validation.prior_predictive_check` and `bcx.plot.predictive` show what they imply.

        Parameters
        ----------
        **priors : Prior
            By the name of a quantity in `priors`.

        Returns
        -------
        Model

        Raises
        ------
        InputError
            If the model has no such quantity, a prior has no reason, or its values are not those that the
            quantity may have: any number, positive numbers, or shares.

        Examples
        --------
        >>> from bayes_cx.models import BG_NBD
        >>> loyal = Prior("Beta", {"alpha": 2, "beta": 18}, reason="last year one in ten left")
        >>> BG_NBD.with_priors(dropout=loyal).priors["dropout"].text
        'Beta(alpha=2, beta=18)'
        """
        return replace(self, priors={**self.priors, **{n: self._instead(n, p) for n, p in priors.items()}})

    def _instead(self, name: str, prior: Prior) -> Prior:
        """Return a prior of one's own, with the meaning of the quantity that it is on."""
        if name not in self.priors:
            known = ", ".join(self.priors)
            raise InputError(f"a prior on {name!r} of {self.name}", f"one of {known}", "choose one of these")
        if not isinstance(prior, Prior):
            how = "write bcx.Prior('Beta', {...}, reason='...')"
            raise InputError(f"{prior!r} as the prior on {name}", "a bcx.Prior", how)
        before = self.priors[name]
        if prior.link != before.link:
            raise InputError(
                f"{prior.text} on {name}, which is {_VALUES[before.link]}",
                f"a prior of such values, for example {before.text}",
                f"choose such a distribution, or state link={before.link!r} if its values are of this kind",
            )
        if not prior.reason.strip():
            how = "write reason='...'"
            raise InputError(f"a prior on {name} without a reason", "why it is right here", how)
        return replace(prior, meaning=prior.meaning or before.meaning)

    def __repr__(self) -> str:
        return f"<Model {self.name}: {', '.join(self.params)}>"


def _numbers(distribution: str, given: Any) -> dict[str, float]:
    """Return the arguments of a prior as plain numbers; refuse what are not finite numbers by name."""
    numbers = isinstance(given, Mapping) and all(
        isinstance(value, Real) and not isinstance(value, bool) and np.isfinite(float(value))
        for value in given.values()
    )
    if not (isinstance(distribution, str) and numbers):
        raise InputError(
            f"a prior {distribution} with {given!r}",
            "the name of a distribution and its arguments, finite numbers by name",
            "write for example bcx.Prior('Beta', {'alpha': 1, 'beta': 3}, reason='...')",
        )
    return {str(name): float(value) for name, value in given.items()}


def arguments(formula: Formula) -> tuple[str, ...]:
    """Return the names of a formula's arguments: its attribute ``names`` if it has one, else its signature.

    Examples
    --------
    >>> arguments(lambda x, t_x, r: x)
    ('x', 't_x', 'r')
    """
    return getattr(formula, "names", None) or tuple(signature(formula).parameters)
