"""The posterior: draws that ArviZ reads as they are, with their checks and provenance."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx import checks as _checks
from bayes_cx.checks import Check
from bayes_cx.data import unique_rows
from bayes_cx.errors import InputError
from bayes_cx.files import atomic_path
from bayes_cx.inference import contacted, dated
from bayes_cx.inference.covariates import check_no_missing
from bayes_cx.inference.design import Design
from bayes_cx.inference.layout import Layout, members
from bayes_cx.inference.predictor import letters_of, variables
from bayes_cx.inference.process import OPENING_PRIOR, priors_of
from bayes_cx.inference.provenance import Provenance
from bayes_cx.model import Model, Prior
from bayes_cx.models.beta_geometric import CONSTANT_RATES
from bayes_cx.notebook import html

__all__ = ["Posterior", "check_posterior"]

_SHARED = (
    "The rates of all customers rise and fall together from week to week: campaigns for some of them and "
    "changing habits of single customers are not in the model."
)

# What stories say of a rate, and what they say of it with a calendar.
_STEADY, _WITH_THE_WEEKS = (
    "at a steady rate",
    "at a rate that rises and falls with the weeks, by the same factor for all customers",
)


@dataclass(frozen=True)
class Posterior:
    """Draws from the posterior of a model, with checks and provenance.

    Attributes
    ----------
    model : Model
    draws : xarray.DataTree
        Groups ``posterior`` (chain, draw), ``sample_stats``, ``observed_data`` and ``constant_data`` (row),
        and ``log_likelihood`` once asked for by `add_log_likelihood`, as `arviz.loo` needs it; ArviZ reads it
        as it is. Draws resampled by weights are one chain, with an attribute ``draws`` that says so.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> posterior = bcx.fit(bcx.models.BG_NBD, stats, method=bcx.MLE())
    >>> {name: round(float(value[0]), 2) for name, value in posterior.parameters().items()}
    {'r': 0.24, 'alpha': 4.41, 'a': 0.79, 'b': 2.43}
    """

    model: Model
    draws: xr.DataTree

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """What was checked of the fit."""
        return _checks.from_json(self.draws.attrs["checks"])

    def with_checks(self, *more: Check) -> "Posterior":
        """Return the same posterior with more checks, which its verdict counts.

        Parameters
        ----------
        *more : Check
        """
        draws = self.draws.copy()
        draws.attrs = {**draws.attrs, "checks": _checks.to_json((*self.checks, *more))}
        return Posterior(self.model, draws)

    @property
    def verdict(self) -> _checks.Status:
        """The verdict over the checks."""
        return _checks.verdict(self.checks)

    @cached_property
    def provenance(self) -> Provenance:
        """Where the draws come from: data, priors, method, seed, versions."""
        return Provenance.from_json(self.draws.attrs["provenance"])

    @property
    def priors(self) -> dict[str, Prior]:
        """The priors by quantity: those of the model, and of what all customers share, if that is fitted."""
        weeks = self.draws["posterior"].sizes.get("week", 0)
        return {**self.model.priors, **shared_priors(self.layout.design, weeks)}

    @property
    def limits(self) -> tuple[str, ...]:
        """What the fit cannot see, in plain words: the limits of the model, with what its design mends."""
        if not self.layout.design.calendar:
            return self.model.limits
        return tuple(_SHARED if limit == CONSTANT_RATES else limit for limit in self.model.limits)

    @property
    def story(self) -> str:
        """The story of the model; with a calendar rates of all rise and fall together, and none is steady."""
        if not self.layout.design.calendar:
            return self.model.story
        return self.model.story.replace(_STEADY, _WITH_THE_WEEKS)

    @property
    def n_draws(self) -> int:
        """Number of draws over all chains."""
        sizes = self.draws["posterior"].sizes
        return sizes["chain"] * sizes["draw"]

    def parameters(self, draws: int | None = None) -> dict[str, np.ndarray]:
        """Return the parameters by letter.

        Parameters
        ----------
        draws : int, optional
            At most this many draws, evenly spaced; all of them if omitted.

        Returns
        -------
        dict of str to numpy.ndarray, shape (sample, ...)
            ``(sample,)``, and of a parameter with dimensions ``(sample, *dims)``.
        """
        return self._sampled(self.model.params, draws)

    def _sampled(self, names: Iterable[str], draws: int | None) -> dict[str, np.ndarray]:
        keep = thinned(self.n_draws, draws)
        group = self.draws["posterior"].dataset.transpose("chain", "draw", ...)
        return {name: group[name].to_numpy().reshape(-1, *group[name].shape[2:])[keep] for name in names}

    @property
    def layout(self) -> Layout:
        """How the parameters differ between customers."""
        return self.provenance.layout

    def parameters_of(
        self, stats: xr.Dataset, draws: int | None = None
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Return the parameters of each customer; customers who are equal in the design share a pattern.

        Parameters
        ----------
        stats : xarray.Dataset
            Statistics with the columns of the design. Offsets of groups that are not in the fit are drawn
            from the distribution of groups.
        draws : int, optional
            At most this many draws.

        Returns
        -------
        parameters : dict of str to numpy.ndarray, shape (sample, pattern)
        pattern : numpy.ndarray of int, shape (customer,)
        """
        design = self.layout.design
        if design.is_constant:
            size = next(iter(stats.sizes.values()))
            return {name: value[:, None] for name, value in self.parameters(draws).items()}, np.zeros(
                size, int
            )
        missing = [name for name in design.columns if name not in stats]
        if missing:
            raise InputError(
                f"statistics without {', '.join(missing)}",
                f"the columns of the fit's design: {', '.join(design.columns)}",
                "summarise with by=..., or assign the column",
            )
        check_no_missing(design.columns, design.covariate_columns, stats)
        patterns, pattern = unique_rows(stats, design.columns)
        keep = thinned(self.n_draws, draws)
        sampled = self._sampled((*variables(self.layout, self.model), *self.model.choices), draws)

        def unseen(name: str) -> np.ndarray:
            own = np.random.default_rng([self.provenance.seed, zlib.crc32(name.encode())])
            return own.standard_normal(self.n_draws)[keep]

        letters = letters_of(self.layout, self.model, self.provenance.scale, sampled, patterns, unseen)
        letters |= {name: sampled[name][:, None] for name in self.model.choices}
        shape = (keep.size, int(pattern.max()) + 1)
        return {name: np.broadcast_to(value, shape) for name, value in letters.items()}, pattern

    def new_groups(self, stats: xr.Dataset) -> dict[str, int]:
        """Return the groups, and values of text in formulas, that are not in the fit, with their customers.

        Parameters
        ----------
        stats : xarray.Dataset
            Statistics with the columns of the design.

        Returns
        -------
        dict of str to int
            The number of customers by a text such as ``"segment: north"``.
        """
        pools = (pool for name in self.model.priors for pool in self.layout.pools(name))
        found: dict[str, int] = {}
        known_of = {pool.columns: pool.groups for pool in pools}
        known_of |= {(column,): levels for column, levels in self.layout.levels.items()}
        for columns, known in known_of.items():
            different, inverse = unique_rows(stats, columns)
            sizes = zip(members(columns, different), np.bincount(inverse), strict=True)
            new = {group: int(n) for group, n in sizes if group not in known}
            found |= {f"{' / '.join(columns)}: {group}": n for group, n in new.items()}
        return found

    def observed(self) -> xr.Dataset:
        """Return the compressed statistics the model was fitted to, with their weight, over ``row``."""
        observed, constant = (
            self.draws["observed_data"].to_dataset(),
            self.draws["constant_data"].to_dataset(),
        )
        return observed.assign(weight=constant["weight"])

    def with_group(self, name: str, group: xr.Dataset) -> "Posterior":
        """Return the same posterior with one more group of data beside the draws."""
        tree = self.draws.copy()
        tree[name] = xr.DataTree(group)
        return replace(self, draws=tree)

    def with_future(self, by_date: Any) -> "Posterior":
        """Return the same posterior with another future of its columns by date, to ask what that changes.

        The draws stay the same, and so do the shocks that they meet; so two futures can be compared draw by
        draw.

        Parameters
        ----------
        by_date : ByDate, pandas.DataFrame or xarray.Dataset
            With the columns of `Design.by_date`. It counts from the Monday on that follows the last week of
            the data; what it says of the past has to be the same.

        Raises
        ------
        InputError
            If the fit has no columns by date, or they are others, or have another past.

        Examples
        --------
        >>> import pandas as pd
        >>> import bayes_cx as bcx
        >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-06-29", unit="week")
        >>> promotion = pd.DataFrame({"promotion": 1}, index=pd.date_range("1997-03-03", "1997-03-30"))
        >>> design = bcx.Design(by_date=bcx.ByDate(promotion, otherwise=0))
        >>> method = bcx.Laplace(draws=500)
        >>> posterior = bcx.fit("bg_nbd", stats, design=design, method=method, seed=1, progress=False)
        >>> again = pd.DataFrame({"promotion": 1}, index=pd.date_range("1997-06-30", "1997-07-27"))
        >>> repeated = posterior.with_future(bcx.ByDate(again, otherwise=0))
        >>> with_it, without = (
        ...     bcx.draws(plan, stats, "expected_purchases_new", t="4 weeks").to_numpy().ravel()
        ...     for plan in (repeated, posterior)
        ... )
        >>> effect = posterior.draws["posterior"]["by_date_effect"].to_numpy().ravel()
        >>> bool(((with_it > without) == (effect > 0)).all())
        True
        """
        layout = self.layout
        last = self.draws["posterior"]["week"].to_numpy()[-1] if layout.design.calendar else None
        stated = dated.with_future(layout.design.by_date, by_date, last)
        design = replace(layout.design, by_date=stated)
        made = replace(self.provenance, layout=replace(layout, design=design))
        draws = self.draws.copy()
        draws.attrs = {**draws.attrs, "provenance": made.to_json()}
        return replace(self, draws=draws)

    def save(self, path: str | Path) -> None:
        """Write everything to one netCDF file, whole or not at all."""
        with atomic_path(Path(path)) as unfinished:
            self.draws.to_netcdf(unfinished, engine="h5netcdf")

    def __repr__(self) -> str:
        made = self.provenance
        return (
            f"<Posterior {self.model.name}: {self.n_draws:,} draws by {made.method}, "
            f"{made.n_customers:,} customers, checks {self.verdict}>"
        )

    def _repr_html_(self) -> str:
        return html("posterior", self)


def shared_priors(design: Design, weeks: int) -> dict[str, Prior]:
    """Return the priors of what all customers share beside the model's, of data that span so many weeks."""
    contacts = contacted.PRIORS if design.contacts else {}
    if not design.calendar:
        return {**contacts}
    scales = priors_of(season=design.season, weeks=weeks)
    return scales | OPENING_PRIOR | ({} if design.by_date is None else dated.PRIORS) | contacts


def thinned(n: int, at_most: int | None) -> np.ndarray:
    """Return evenly spaced positions of n, `at_most` at the most.

    Examples
    --------
    >>> thinned(10, 3).tolist()
    [0, 3, 6]
    """
    if at_most is not None and not (isinstance(at_most, Integral) and at_most >= 1):
        raise InputError(f"{at_most!r} draws", "one draw or more", "ask for a positive number of draws")
    if at_most is None or at_most >= n:
        return np.arange(n)
    return np.arange(at_most) * n // int(at_most)


def attributes(provenance: Provenance, checks: tuple[Check, ...]) -> dict[str, str]:
    """Return what `Posterior` keeps on the tree, as text that netCDF can hold."""
    return {"provenance": provenance.to_json(), "checks": _checks.to_json(checks)}


def check_posterior(value: Any) -> None:
    """Refuse what is no posterior.

    Raises
    ------
    InputError
        With what it is.
    """
    if not isinstance(value, Posterior):
        if type(value).__name__.endswith("Posterior"):
            raise InputError(
                f"a fit of {value.model.name}", "a fit of purchases, contracts or spend", "use bcx.score"
            )
        raise InputError(
            f"a {type(value).__name__} for a posterior", "a fit", "pass what bcx.fit or bcx.load returned"
        )
