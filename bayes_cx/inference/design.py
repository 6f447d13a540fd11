"""How parameters differ between customers: not at all, by covariates, or by partially pooled groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import accumulate
from typing import Any, Literal

from bayes_cx.data import ByDate
from bayes_cx.errors import InputError, nearest

__all__ = ["CONSTANT", "Design", "Grouping", "groupings"]

type Grouping = tuple[str, ...]


@dataclass(frozen=True, init=False, repr=False)
class Design:
    """How the coordinates of a model differ between customers.

    On the scale of its link a coordinate is the sum of a common value, covariates times slopes, and an offset
    for each group of the customer. Covariates are centred, and numeric ones are divided by their standard
    deviation, so that their units do not matter. The offsets of groups have a common distribution (partial
    pooling), so small groups borrow strength from the others.

    Attributes
    ----------
    covariates : mapping of str to sequence of str
        For a coordinate, the numeric columns of the statistics that shift it.
    pooled : mapping of str to str
        For a coordinate, the column of groups that are partially pooled.
    pool : tuple of str
        Groupings that apply to every coordinate: ``"country"``, ``"country / store"`` for stores within
        countries, ``"country + product"`` for both at once, ``"country : product"`` for their combinations.
    formulas : mapping of str to str
        For a coordinate, a formula of columns such as ``"channel + age"``, in which a text becomes one
        covariate for each value but the first, as do numbers in ``"C(year)"``. May be given as keyword
        arguments.
    new_levels : {"error", "prior"}
        What to do with a value of text in a formula that the fit has not seen, such as a new channel, when
        customers are scored: refuse it; or draw how it differs from the first value from the prior, as if
        the fit had had no customer with it. Groups that are pooled need no such choice.
    drift : mapping of str to str, or str
        For a coordinate, the column of groups that are ordered, such as cohorts by the month of the first
        purchase: neighbours are alike, and how much so is learnt. A column alone is for every coordinate.
    calendar : bool
        Whether the rate of purchases changes from week to week by a factor that all customers share. What
        follows for the future is drawn, so that forecasts of totals are as uncertain as the past was uneven.
        From a year of data on there may be a yearly season, shrunk to none unless the data show it.
    season : bool
        Whether a yearly season is taken for granted; it needs two years of data, and means `calendar`.
    by_date : ByDate, pandas.DataFrame or xarray.Dataset, optional
        Columns indexed by date, such as promotions and prices, that move the rate of all customers; it means
        `calendar`. A day, or a week, of the data must not be missing. Rows after the data state the future
        that forecasts assume; `Posterior.with_future` states another.

    Raises
    ------
    InputError
        If an argument is not of this form.

    Examples
    --------
    >>> Design(pooled={"purchase_rate": "segment"}).columns
    ('segment',)
    >>> Design(purchase_rate="channel + age", dropout="channel", pool=["country / store"]).columns
    ('age', 'channel', 'country', 'store')
    >>> Design(drift={"purchase_rate": "cohort"}).columns
    ('cohort',)
    >>> Design().is_constant
    True
    >>> Design(season=True).calendar
    True
    """

    covariates: Mapping[str, Sequence[str]] = field(default_factory=dict)
    pooled: Mapping[str, str] = field(default_factory=dict)
    pool: tuple[str, ...] = ()
    formulas: Mapping[str, str] = field(default_factory=dict)
    new_levels: Literal["error", "prior"] = "error"
    drift: Mapping[str, str] | str = field(default_factory=dict)
    calendar: bool = False
    season: bool = False
    by_date: ByDate | None = None
    contacts: tuple[str, ...] = ()

    def __init__(
        self,
        covariates: Mapping[str, Sequence[str]] | None = None,
        pooled: Mapping[str, str] | None = None,
        pool: Sequence[str] = (),
        formulas: Mapping[str, str] | None = None,
        new_levels: Literal["error", "prior"] = "error",
        drift: Mapping[str, str] | str | None = None,
        calendar: bool = False,
        season: bool = False,
        by_date: Any = None,
        contacts: Sequence[str] = (),
        **by_coordinate: str,
    ) -> None:
        _check_coordinates(by_coordinate)
        given: dict[str, Any] = {
            "covariates": covariates or {},
            "pooled": pooled or {},
            "pool": pool,
            "formulas": {**(formulas or {}), **by_coordinate},
            "drift": drift or {},
        }
        _check_form(**given)
        if isinstance(contacts, str) or not all(isinstance(name, str) for name in contacts):
            raise InputError(
                f"contacts={contacts!r}", "a list of names", "write for example Design(contacts=['mail'])"
            )
        for text in pool:
            groupings(text)
        for name, value in {"calendar": calendar, "season": season}.items():
            if not isinstance(value, bool):
                raise InputError(f"{name}={value!r}", "True or False", f"write Design({name}=True)")
        if new_levels not in ("error", "prior"):
            raise InputError(f"new_levels={new_levels!r}", "'error' or 'prior'", "write one of these")
        if by_date is not None and not isinstance(by_date, ByDate):
            by_date = ByDate(by_date)
        weekly = {"calendar": calendar or season or by_date is not None, "season": season, "by_date": by_date}
        others = {"pool": tuple(pool), "new_levels": new_levels, "contacts": tuple(dict.fromkeys(contacts))}
        for name, value in (given | others | weekly).items():
            object.__setattr__(self, name, value)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the statistics that the design reads."""
        return tuple(sorted({*self.covariate_columns, *self.group_columns}))

    @property
    def covariate_columns(self) -> tuple[str, ...]:
        """The columns that are covariates, sorted."""
        named = [name for names in self.covariates.values() for name in names]
        named += [name for formula in self.formulas.values() for name in variables(formula)]
        return tuple(sorted(set(named)))

    @property
    def group_columns(self) -> tuple[str, ...]:
        """The columns that hold groups."""
        pooled = (name for text in self.pool for grouping in groupings(text) for name in grouping)
        return tuple(dict.fromkeys((*self.pooled.values(), *pooled, *self.ordered)))

    @property
    def ordered(self) -> tuple[str, ...]:
        """The columns that hold ordered groups."""
        named = (self.drift,) if isinstance(self.drift, str) else self.drift.values()
        return tuple(dict.fromkeys(named))

    @property
    def has_clock(self) -> bool:
        """Whether rates of purchases change over time: for all customers together, or for single ones."""
        return self.calendar or bool(self.contacts)

    @property
    def read(self) -> tuple[str, ...]:
        """The columns of the statistics that tell customers apart: `columns`, and contacts."""
        return (*self.columns, *self.contacts)

    @property
    def is_constant(self) -> bool:
        """Whether all customers share the same parameters."""
        return not self.columns

    def __repr__(self) -> str:
        parts = {"covariates": self.covariates, "pooled": self.pooled}
        more = ("pool", "formulas", "drift", "calendar", "season", "by_date", "contacts")
        parts |= {name: part for name in more if (part := getattr(self, name))}
        parts |= {} if self.new_levels == "error" else {"new_levels": self.new_levels}
        return f"Design({', '.join(f'{name}={part!r}' for name, part in parts.items())})"


def groupings(text: str) -> tuple[Grouping, ...]:
    """Return the columns of each grouping of an expression.

    Examples
    --------
    >>> groupings("country / store")
    (('country',), ('country', 'store'))
    >>> groupings("country + product:size")
    (('country',), ('product', 'size'))
    """
    found: list[Grouping] = []
    for term in text.split("+"):
        nested = [tuple(name.strip() for name in part.split(":")) for part in term.split("/")]
        found += accumulate(nested)
    if any(not name for grouping in found for name in grouping):
        raise InputError(
            f"a grouping {text!r}",
            "columns joined by / (within), + (and) or : (each combination)",
            "write for example pool=['country / store']",
        )
    return tuple(dict.fromkeys(found))


def variables(formula: str) -> tuple[str, ...]:
    """Return the columns that a formula reads.

    Raises
    ------
    InputError
        If it is not a formula of covariates, such as ``"channel + age"``.
    """
    import formulaic
    from formulaic.errors import FormulaicError

    parse: Any = formulaic.Formula  # its metaclass makes a subclass, which type checkers do not see

    try:
        parsed = parse(formula)
        columns = sorted(map(str, parsed.required_variables))
        common = hasattr(parsed, "__iter__") and "1" in map(str, parsed)
    except (FormulaicError, SyntaxError):
        columns, common = [], False
    if not (columns and common):
        raise InputError(
            f"a formula {formula!r}",
            "columns joined by +, such as 'channel + age'",
            "leave out ~ and -1: what is common to all customers is always part of a model",
        )
    return tuple(columns)


def _check_coordinates(given: Mapping[str, Any]) -> None:
    """Refuse further arguments that are no formulas, which a misspelt argument mostly is not."""
    for name, value in given.items():
        if not isinstance(value, str):
            known = [field.name for field in fields(Design)]
            close = nearest(name, known)
            raise InputError(
                f"an unknown argument {name}={value!r} of Design",
                f"{', '.join(known)}, or a coordinate with a formula",
                f"write {close}=... if that is meant"
                if close
                else "write for example Design(pool=['country']) or Design(dropout='channel + age')",
            )


def _check_form(covariates: Any, pooled: Any, pool: Any, formulas: Any, drift: Any) -> None:
    drift = {"": drift} if isinstance(drift, str) else drift
    mappings = all(isinstance(part, Mapping) for part in (covariates, pooled, formulas, drift))
    if (
        not mappings
        or isinstance(pool, str)
        or any(isinstance(columns, str) for columns in covariates.values())
        or any(
            not isinstance(text, str)
            for text in (*pooled.values(), *formulas.values(), *pool, *drift.values())
        )
    ):
        raise InputError(
            "a design that cannot be read",
            "covariates={coordinate: [columns]}, pooled={coordinate: column}, pool=[groupings], formulas, or "
            "drift={coordinate: column}",
            "write for example Design(pooled={'dropout': 'segment'}) or Design(dropout='channel + age')",
        )


CONSTANT = Design()
