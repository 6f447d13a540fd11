"""Which model to use, by a rule that is stated before the data are seen."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import xarray as xr

from bayes_cx.inference import Posterior
from bayes_cx.validation.compare import compare
from bayes_cx.validation.comparison import Comparison
from bayes_cx.validation.spend_coverage import spend_checks

__all__ = ["RULE", "SPEND_RULE", "Selection", "select", "select_spend"]

RULE = (
    "Of the models whose fit passed its checks, the one that best predicts each customer from all others; if "
    "its lead is not clear, the simplest of those that are not clearly behind: the one with the fewest "
    "parameters, then the first in the list."
)

SPEND_RULE = (
    "Of the models of spend whose intervals hold what buyers of the hold-out paid (of all, without a "
    "hold-out or where none hold), the one that best predicts the single amounts of each customer from all "
    "others. If its lead is not clear, the simplest of those that are not clearly behind: the one with the "
    "fewest parameters, then the first in the list."
)


@dataclass(frozen=True)
class Selection:
    """The model that the rule chose.

    Attributes
    ----------
    chosen : str
        Its name among those that were tried.
    runner_up : str or None
        The best of the others; None if there is none.
    reason : str
        Why, in a sentence.
    comparison : Comparison or None
        None where fewer than two could be compared.
    rule : str
    """

    chosen: str
    runner_up: str | None
    reason: str
    comparison: Comparison | None
    rule: str = RULE


def select(posteriors: Mapping[str, Posterior], stats: xr.Dataset | None = None) -> Selection:
    """Choose among fits to the same customers by `RULE`.

    Parameters
    ----------
    posteriors : mapping of str to Posterior
        By name; among equals the first is preferred.
    stats : xarray.Dataset, optional
        The statistics, needed where no single fit has the columns of all the others.

    Returns
    -------
    Selection

    Raises
    ------
    InputError
        If the fits cannot be compared; see `compare`.
    """
    sound = {name: fit for name, fit in posteriors.items() if fit.verdict == "passed"}
    without = [fit.model.name for name, fit in posteriors.items() if name not in sound]
    left_out = f" The fit of {', '.join(without)} did not pass its checks." if sound and without else ""
    if not sound:
        left_out = " No fit passed its checks, so all were compared."
    tried = sound or dict(posteriors)
    if len(tried) == 1:
        only = next(iter(tried))
        why = (
            "the only model whose fit passed its checks"
            if sound and without
            else "the only candidate for such data"
        )
        return Selection(only, None, f"{posteriors[only].model.name} is {why}.{left_out}", None)
    found = compare({fit.model.name: fit for fit in tried.values()}, stats=stats)
    place = {fit.model.name: name for name, fit in tried.items()}
    contenders = [place[name] for name in (found.best, *found.rivals)]
    order = list(tried)
    chosen = min(contenders, key=lambda name: (len(tried[name].model.params), order.index(name)))
    ranked = [place[str(name)] for name in found.table["model"].to_numpy()]
    runner_up = next(name for name in ranked if name != chosen)
    name = tried[chosen].model.name
    if len(contenders) == 1:
        why = f"{name} was chosen because it predicts best, and its lead is clear."
    elif name == found.best:
        why = f"{name} was chosen: it predicts best, and no model that predicts about as well is simpler."
    else:
        why = f"{name} was chosen as the simplest of those that are not clearly behind {found.best}."
    return Selection(chosen, runner_up, f"{why}{left_out}", found)


def select_spend(
    posteriors: Mapping[str, Posterior], *, stats: xr.Dataset, tested: Mapping[str, xr.Dataset]
) -> Selection:
    """Choose among models of spend fitted to the same customers by `SPEND_RULE`.

    Parameters
    ----------
    posteriors : mapping of str to Posterior
        By the name of their model; among equals the first is preferred.
    stats : xarray.Dataset
        The statistics of these customers.
    tested : mapping of str to xarray.Dataset
        From `spend_coverage`, by the same names; empty without a hold-out.

    Returns
    -------
    Selection

    Raises
    ------
    InputError
        If the fits cannot be compared; see `compare`.
    """
    off = [name for name, table in tested.items() if any(c.status == "failed" for c in spend_checks(table))]
    held = {name: fit for name, fit in posteriors.items() if name in tested and name not in off}
    chosen = select(held or posteriors, stats)
    said = ""
    if off:
        said = (
            f" The intervals of {' and '.join(off)} did not hold in the hold-out."
            if held
            else " The intervals of none held in the hold-out, so all were compared."
        )
    return replace(chosen, reason=chosen.reason + said, rule=SPEND_RULE)
