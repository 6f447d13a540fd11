"""Which model to use, by a rule that is stated before the data are seen."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import xarray as xr

from bayes_cx.data import expand
from bayes_cx.inference import Posterior
from bayes_cx.scoring.score import score
from bayes_cx.validation.compare import compare
from bayes_cx.validation.comparison import Comparison
from bayes_cx.validation.prospects import Prospect
from bayes_cx.validation.short_test import ShortTest
from bayes_cx.validation.spend_coverage import spend_checks

__all__ = ["RULE", "SPEND_RULE", "Selection", "assumes_active", "select", "select_spend"]

RULE = (
    "Of the models whose fit passed its checks, the one that best predicts each customer from all others. If "
    "its lead is not clear, then of those not clearly behind the first of these that tells them apart: its "
    "95% interval held, in the hold-out period, the number of one-time buyers who bought again; it held the "
    "total; it does not assume that every one-time buyer is active; it has the fewest parameters; it comes "
    "first in the list. Where a model with constant rates missed the total, and its customers "
    "leave after purchases, it is tried with calendar time, which is kept if its interval holds the total."
)
# Models that are tested on the hold-out, of those that predict about as well.
_MOST = 3
# From this mean chance on, all one-time buyers count as active.
_SURELY = 0.999

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
        Why, in a few sentences.
    comparison : Comparison or None
        None where fewer than two could be compared.
    rule : str
    note : str
        Which models were not compared, and why; "" if all were.
    calendar : bool
        Whether calendar time is part of what was chosen.
    tests : mapping of str to sequence of ShortTest
        By name, how those that predict about as well forecast the hold-out: with constant rates and, where
        that was tried, with calendar time.
    assuming : tuple of str
        The names of the models that count every one-time buyer as active.
    prospects : mapping of str to Prospect
        By name, what each model says of all customers together, where that was asked.
    """

    chosen: str
    runner_up: str | None
    reason: str
    comparison: Comparison | None
    rule: str = RULE
    note: str = ""
    calendar: bool = False
    tests: Mapping[str, Sequence[ShortTest]] = field(default_factory=dict)
    assuming: tuple[str, ...] = ()
    prospects: Mapping[str, Prospect] = field(default_factory=dict)

    @property
    def test(self) -> ShortTest | None:
        """How what was chosen forecast the hold-out; None where that was not asked."""
        found = self.tests.get(self.chosen, ())
        return next((one for one in found if is_calendar(one) == self.calendar), None)


def is_calendar(test: ShortTest) -> bool:
    """Return whether a test is of a fit with calendar time."""
    return test.fit.layout.design.calendar


def assumes_active(fit: Posterior) -> bool:
    """Return whether a fit counts every customer who bought only once as active, and there are some."""
    kind = fit.model.kind
    if kind.leaving != "latent" or kind.forecast is None or "p_alive" not in fit.model.quantities:
        return False
    known = {"kind": kind.key, "unit": fit.provenance.data.unit}
    rows = fit.observed().rename(row="customer").assign_attrs(known)
    once = np.flatnonzero(kind.forecast.before(kind.numbers(rows)) == 0)
    if not once.size:
        return False
    return float(score(fit, rows.isel(customer=once), "p_alive", thin_to=100)["mean"].min()) > _SURELY


def select(
    posteriors: Mapping[str, Posterior],
    *,
    stats: xr.Dataset | None = None,
    test: Callable[[str, bool], ShortTest | None] | None = None,
) -> Selection:
    """Choose among fits to the same customers by `RULE`.

    Parameters
    ----------
    posteriors : mapping of str to Posterior
        With constant rates, by name; among equals the first is preferred.
    stats : xarray.Dataset, optional
        The statistics, needed where no single fit has the columns of all the others.
    test : callable, optional
        ``test(name, calendar)`` fits the model again to the calibration period of a hold-out, with calendar
        time or without, and returns its `ShortTest`; None where that cannot be done. Without it nothing is
        known of a hold-out, and calendar time is not tried.

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
    left_out = f"The fit of {', '.join(without)} did not pass its checks." if sound and without else ""
    if not sound:
        left_out = "No fit passed its checks, so all were compared."
    tried = sound or dict(posteriors)
    found, contenders, ranked = None, list(tried), list(tried)
    if len(tried) > 1:
        found = compare({fit.model.name: fit for fit in tried.values()}, stats=stats)
        place = {fit.model.name: name for name, fit in tried.items()}
        ranked = [place[str(name)] for name in found.table["model"].to_numpy()]
        close = {found.best, *found.rivals}
        contenders = [name for name in ranked if tried[name].model.name in close]
    tests = {} if test is None else {name: tuple(_tests(name, test)) for name in contenders[:_MOST]}
    tests = {name: made for name, made in tests.items() if made}
    assuming = tuple(name for name, fit in tried.items() if assumes_active(fit))
    order = list(tried)

    def key(name: str) -> tuple[bool | int, ...]:
        stands = _standing(tests.get(name, ()))
        once = stands is not None and (stands.once is None or stands.once.held)
        total = stands is not None and stands.total.held
        return (not once, not total, name in assuming, len(tried[name].model.params), order.index(name))

    compared = contenders[:_MOST] if tests else contenders
    chosen = min(compared, key=key)
    stands = _standing(tests.get(chosen, ()))
    calendar = stands is not None and is_calendar(stands)
    others = [name for name in (*compared, *ranked) if name != chosen]
    why = _why(
        chosen,
        compared,
        {name: fit.model.name for name, fit in tried.items()},
        {name: key(name) for name in compared},
        "" if found is None else found.best,
        bool(sound and without),
    )
    return Selection(
        chosen,
        others[0] if others else None,
        f"{why}{_about_calendar(tests.get(chosen, ()))}",
        found,
        note=left_out,
        calendar=calendar,
        tests=tests,
        assuming=assuming,
    )


def _tests(name: str, test: Callable[[str, bool], ShortTest | None]) -> Iterator[ShortTest]:
    """Yield the test with constant rates, and with calendar time where that missed the total."""
    constant = test(name, False)
    if constant is None:
        return
    yield constant
    if not constant.total.held and (other := test(name, True)) is not None:
        yield other


def _standing(tests: Sequence[ShortTest]) -> ShortTest | None:
    """Return the test that counts: with calendar time only if that held the total."""
    held = [one for one in tests if is_calendar(one) and one.fit.verdict == "passed" and one.total.held]
    return held[0] if held else tests[0] if tests else None


def _why(
    chosen: str,
    compared: Sequence[str],
    names: Mapping[str, str],
    keys: Mapping[str, tuple[bool | int, ...]],
    best: str,
    others_failed: bool,
) -> str:
    """Say in what the chosen model differs from the others that predict about as well."""
    name = names[chosen]
    if not best:
        only = "model whose fit passed its checks" if others_failed else "candidate for such data"
        return f"{name} is the only {only}."
    if len(compared) == 1:
        return f"{name} was chosen because it predicts best, and its lead is clear."
    rest = [one for one in compared if one != chosen]
    reasons = (
        "its forecast of how many one-time buyers would buy again came true, unlike that of {}",
        "its forecast of the total came true, unlike that of {}",
        "it does not assume that every one-time buyer is active, as {} does",
        "it has fewer parameters than {}",
        "it comes before {} in the list of models",
    )
    # The first respect in which the chosen one is better than each of the others.
    decided = {
        one: next(i for i, (mine, its) in enumerate(zip(keys[chosen], keys[one], strict=True)) if mine < its)
        for one in rest
    }
    said = [
        reasons[i].format(_listed([names[one] for one in rest if decided[one] == i]))
        for i in sorted(set(decided.values()))
    ]
    alike = f"{_listed([names[one] for one in compared])}, which predict single customers about equally well"
    return f"{name} was chosen from {alike}: {'; '.join(said)}."


def _about_calendar(tests: Sequence[ShortTest]) -> str:
    """Say whether calendar time was tried, and what came of it."""
    if len(tests) < 2:
        return ""
    stands = _standing(tests)
    if stands is not None and is_calendar(stands):
        return (
            " With constant rates its forecast missed the total of the hold-out period; with calendar time "
            "it came true, so calendar time is part of the model. As that period decided this, it is no "
            "independent test of it."
        )
    return " Its forecast missed the total of the hold-out period, and calendar time did not mend that."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


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
    chosen = select(held or posteriors, stats=stats)
    said = ""
    if off:
        quick = (
            f"in the quick test by which models are chosen, on {expand(stats).sizes['customer']:,} customers"
        )
        said = (
            f" The intervals of {' and '.join(off)} did not hold {quick}."
            if held
            else f" The intervals of none held {quick}, so all were compared; the model that is used is "
            "fitted and tested again on all."
        )
    return replace(chosen, reason=chosen.reason + said, rule=SPEND_RULE)
