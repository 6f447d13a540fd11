"""The result of a comparison of models: a table, weights, and a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import xarray as xr

from bayes_cx import checks as _checks
from bayes_cx.checks import Check
from bayes_cx.notebook import html

__all__ = ["LEAST_LEAD", "STANDARD_ERRORS", "Comparison"]

LEAST_LEAD = 4.0
"""The standard error of a smaller lead is itself too small [sivula2020uncertainty]_."""

STANDARD_ERRORS = 2.0
"""A lead of fewer standard errors may be chance."""


@dataclass(frozen=True)
class Comparison:
    """How well several models predict the same customers.

    Attributes
    ----------
    table : xarray.Dataset
        Over ``model``, the best first.

        ``elpd`` is the log predictive density of every customer given all others, added up over customers
        (the larger, the better), with ``elpd_se``; ``behind`` is how much the best leads, with ``behind_se``
        of the difference customer by customer; ``parameters`` their effective number; ``khat_max`` and
        ``khat_above``, the number of customers above ``khat_limit``; ``weight`` in the average.

        With a split, of the hold-out: ``log_score`` (minus the log probability of what a customer did) and
        ``crps``, means over customers of which smaller is better, each with ``_se``, ``_behind`` and
        ``_behind_se`` to the same best model; ``coverage`` over ``level`` with ``coverage_low`` and
        ``coverage_high``; the ``total`` of purchases with ``total_low``, ``total_high`` (95%) and the share
        ``total_error``; ``captured``, what the tenth of customers that the model ranks first brought, with
        ``_low`` and ``_high``, and ``captured_behind`` with its own (95%, the same resamples for all).
        Attributes say how many ``customers`` were compared, and of the hold-out ``total_observed``,
        ``counted`` (revenue or purchases), ``start``, ``end`` and ``draws``.
    rows : xarray.Dataset
        Over (model, row): ``elpd`` and ``khat`` of a customer of each row; over ``row`` the statistics and
        ``weight``, the number of such customers.
    checks : tuple of Check
        Whether the numbers can be believed.
    """

    table: xr.Dataset
    rows: xr.Dataset
    checks: tuple[Check, ...]

    @property
    def best(self) -> str:
        """The model that predicts best, clearly or not."""
        return str(self.table["model"].to_numpy()[0])

    @property
    def clear(self) -> bool:
        """Whether the best leads every other by more than 4 and by more than two standard errors."""
        return not self.rivals

    @property
    def rivals(self) -> tuple[str, ...]:
        """The models that the best does not lead clearly."""
        return tuple(name for name, lead, se in self._leads() if not _is_clear(lead, se))

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each model in the average that predicts best [yao2018stacking]_."""
        return {str(w["model"].item()): w.item() for w in self.table["weight"]}

    @property
    def verdict(self) -> _checks.Status:
        """The verdict over the checks."""
        return _checks.verdict(self.checks)

    @property
    def frame(self) -> pd.DataFrame:
        """The table as a data frame, one row a model; coverage has a column a level."""
        flat = self.table.drop_dims("level", errors="ignore")
        for name in (name for name in self.table.data_vars if "level" in self.table[name].dims):
            for level in self.table["level"].to_numpy():
                flat[f"{name}_{100 * level:g}"] = self.table[name].sel(level=level, drop=True)
        return flat.to_dataframe()

    @property
    def sentence(self) -> str:
        """The result in plain words."""
        ahead = [(name, lead, se) for name, lead, se in self._leads() if _is_clear(lead, se)]
        small = [(n, lead, se) for n, lead, se in self._leads() if lead <= LEAST_LEAD]
        unsure = [(n, lead, se) for n, lead, se in self._leads() if n in self.rivals and lead > LEAST_LEAD]
        customers = f"{self.table.attrs['customers']:,} customers"
        parts = [f"{self.best} predicts best"]
        if ahead:
            parts.append(f"it is clearly ahead of {_listed(ahead)}")
        if small:
            either = "either" if len(small) == 1 else "any of them"
            parts.append(f"the difference to {_listed(small)} is small: {either} would do")
        if unsure:
            parts.append(f"the lead over {_listed(unsure)} may be chance")
        said = f"{'; '.join(parts)} (log score over {customers}, ± standard error)."
        shared = self.table.attrs.get("with_calendar", [])
        if 0 < len(shared) < self.table.sizes["model"]:
            know = f"{' and '.join(shared)} predict{'s' * (len(shared) == 1)}"
            said += f" Here {know} customers given the weeks that all of them shared; "
            said += "forecasts do not know the weeks to come, so judge them by a hold-out."
        if "total" in self.table:
            one, came = self.table.isel(model=0), self.table.attrs["total_observed"]
            said += f" In the hold-out it forecast {float(one['total']):,.0f} purchases; {came:,} were made"
            said += f" ({_signed(float(one['total_error']))})." if came else "."
            if better := self._better_in_holdout():
                said += f" There {' and '.join(better)} forecast better than {self.best}."
        if self.verdict != "passed":
            said += f" Read it with care: {_checks.in_words(self.checks)}."
        return said

    def _better_in_holdout(self) -> list[str]:
        """Return the models whose log score of the hold-out is better by more than two standard errors."""
        behind, se = (self.table[f"log_score_behind{end}"].to_numpy() for end in ("", "_se"))
        return [str(name) for name in self.table["model"].to_numpy()[behind < -STANDARD_ERRORS * se]]

    def _leads(self) -> list[tuple[str, float, float]]:
        """Return what is behind the best: the model, by how much, and the standard error."""
        columns = (self.table[name].to_numpy()[1:].tolist() for name in ("model", "behind", "behind_se"))
        return list(zip(*columns, strict=True))

    def __repr__(self) -> str:
        how = "clearly" if self.clear else "not clearly"
        return f"<Comparison of {self.table.sizes['model']} models: {self.best} best, {how}>"

    def _repr_html_(self) -> str:
        return html("comparison", self)


def _is_clear(lead: float, se: float) -> bool:
    return lead > LEAST_LEAD and lead > STANDARD_ERRORS * se


def _listed(models: Sequence[tuple[str, float, float]]) -> str:
    """Return "A (1.2 ± 3.4) and B (5.6 ± 7.8)"."""
    items = [f"{name} ({lead:.1f} ± {se:.1f})" for name, lead, se in models]
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else items[0]


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}%".replace("-", "−")
