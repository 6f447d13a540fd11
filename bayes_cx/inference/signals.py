"""What comes before a target: events and sequences that were more, or less, frequent than with others."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from bayes_cx.argument_types import check_types
from bayes_cx.data.events import Events
from bayes_cx.data.itineraries import Journeys
from bayes_cx.data.moments import Exposures, Moments, exposures, moments_of
from bayes_cx.errors import InputError
from bayes_cx.inference.adaptive_shrinkage import Shrunk, log_likelihoods, shrink
from bayes_cx.notebook import html
from bayes_cx.seeds import checked_seed
from bayes_cx.spans import FINE_UNITS, Span

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Signals", "evidence_of", "signals"]

_LENGTHS = (1, 2, 3)
# So many events of cases give all the precision that a reader can use.
_MOST_CASES, _MOST_SEQUENCES = 4000, 1000
# A sequence says more than its parts where this is as likely.
_BEYOND = 0.9


@dataclass(frozen=True)
class Signals:
    """What comes before a target, with how sure that is.

    Attributes
    ----------
    data : xarray.Dataset
        Over ``sequence`` (text, events joined by arrows), the surest first: ``length``; ``log_rate_ratio``,
        ``sd`` and ``quantile`` (sequence, probability), of the log of how many times as likely the target is
        after the sequence, at the same age and season; ``false_sign``, the local false-sign rate: the chance
        that the direction is wrong or that there is no effect; ``false_discovery``, the mean of these rates
        over this sequence and all surer ones; ``beyond``, for sequences of two and three the chance that
        their effect is larger than that of every shorter part; ``cases`` and ``controls``, the number of
        moments that had the sequence before them, and ``share_cases`` and ``share_controls``; ``lead``
        (sequence, probability), how long before the target the sequence was complete, in `unit`.
    events : dict of str to tuple of str
        The events of each sequence.
    target : tuple of str
    window : Span
    cases, controls : int
        Number of moments at which the target was reached, and of those compared with.
    reached : int
        Number of journeys that reached the target, with those that were not drawn or had nobody to compare.
    share_none : tuple of float
        Mean and 90% interval of the share of sequences that have nothing to do with the target.
    source : str
    """

    data: xr.Dataset
    events: dict[str, tuple[str, ...]] = field(repr=False)
    target: tuple[str, ...]
    window: Span
    cases: int
    controls: int
    reached: int
    share_none: tuple[float, float, float]
    source: str

    def found(self, rate: float = 0.05, *, parts: bool = False) -> "pd.DataFrame":
        """Return the signals of which at most a stated share is false, the strongest first.

        Parameters
        ----------
        rate : float
            Expected share of signals whose direction is wrong or that have no effect.
        parts : bool
            Whether to keep sequences that say no more than one of their parts.

        Returns
        -------
        pandas.DataFrame
            Rows of `table`, in order of the end of the interval that is nearer to no effect.
        """
        table = self.table()
        kept = table["false_discovery"] <= rate
        if not parts:
            kept &= (table["length"] == 1) | (table["beyond"] >= _BEYOND)
        table = table[kept]
        nearest = np.where(table["factor"] > 1, table["low"], 1 / table["high"])
        return table.iloc[np.argsort(-nearest, kind="stable")]

    def table(self) -> "pd.DataFrame":
        """Return one row a sequence, the surest first, with factors, their 90% intervals and lead times."""
        import pandas as pd

        data = self.data
        quantile, lead = np.exp(data["quantile"].to_numpy()), data["lead"].to_numpy()
        names = ("length", "false_sign", "false_discovery", "beyond")
        counts = ("cases", "controls", "share_cases", "share_controls")
        columns = {name: data[name].to_numpy() for name in names[:1]}
        columns |= {"factor": quantile[:, 1], "low": quantile[:, 0], "high": quantile[:, 2]}
        columns |= {name: data[name].to_numpy() for name in (*names[1:], *counts)}
        columns |= {"lead": lead[:, 1], "lead_low": lead[:, 0], "lead_high": lead[:, 2]}
        return pd.DataFrame(columns, index=pd.Index(data["sequence"].to_numpy(), name="sequence"))

    def sentences(self, most: int = 10, rate: float = 0.05) -> tuple[str, ...]:
        """Return the strongest signals in words.

        Parameters
        ----------
        most : int
            How many are put into words; the others are counted.
        rate : float
            As in `found`.
        """
        target = " or ".join(self.target)
        found = self.found(rate)
        if not len(found):
            nothing = "no event and no sequence was clearly more or less frequent before it than with others"
            return (f"Nothing that came before {target} is a sure signal: {nothing}.",)
        lines = []
        for sequence, row in found.head(most).to_dict("index").items():
            what = ", then ".join(self.events[str(sequence)])
            how = (
                f"{_times(row['factor'])} times as likely as for comparable others "
                f"({_times(row['low'])} to {_times(row['high'])})"
            )
            seen = (
                f"It came before {_share(row['share_cases'])} of {self.cases:,} cases, and before "
                f"{_share(row['share_controls'])} of the moments they are compared with"
            )
            lead = ""
            if row["factor"] > 1 and np.isfinite(row["lead"]):
                low, middle, high, unit = _in_fitting_unit(
                    row["lead_low"], row["lead"], row["lead_high"], self.window.unit
                )
                lead = f", typically {middle} {unit}s before ({low} to {high})"
            lines.append(f"Within {self.window} after {what}, {target} is {how}. {seen}{lead}.")
        if (more := len(found) - most) > 0:
            lines.append("1 more signal is weaker." if more == 1 else f"{more:,} more signals are weaker.")
        return tuple(lines)

    def __repr__(self) -> str:
        n = len(self.found())
        return (
            f"<Signals of {' or '.join(self.target)} within {self.window}: {n} of "
            f"{self.data.sizes['sequence']:,} sequences, {self.cases:,} cases>"
        )

    def _repr_html_(self) -> str:
        return html("signals", self)


def signals(
    events: Events,
    target: str | Sequence[str],
    window: Any,
    *,
    rivals: str | Sequence[str] = (),
    until: Any = None,
    journey: str = "customer",
    by: Sequence[str] | str = (),
    length: int = 3,
    controls: int = 5,
    support: int = 20,
    seed: int = 0,
) -> Signals:
    """Return which events and sequences come before a target more, or less, often than otherwise.

    Every moment at which a journey reaches the target for the first time (a case) is compared with others
    (controls) that had not reached it: of customers with other customers at the same moment and of about the
    same age, of visits with others that had lasted as long, of about the same days. So neither age nor season
    nor day of the week can be taken for a signal. The rate ratio of a sequence has the conditional likelihood
    of matched sets [langholz1996risk]_; the effects of all sequences are shrunk together, where most may be
    none and the size of the others is learnt [stephens2017false]_.

    A sequence is one event, or two or three in this order with anything between them, that happened and were
    known in the window before the moment. What is found is an association: who opens a ticket may have a
    reason to leave that the ticket did not make.

    Parameters
    ----------
    events : Events
        From `read_events`. With a taxonomy only events with a state count, under the name of the state.
    target : str or sequence of str
        What is to be seen coming, such as ``"termination"``.
    window : str, Span or timedelta
        How far to look back, such as ``"60 days"``.
    rivals : str or sequence of str
        What rules the target out, such as leaving where the target is a purchase: who has reached it is no
        longer compared.
    until : str, date or datetime, optional
        End of observation, as for `summarise_stays`.
    journey : str
        ``"customer"``; or ``"session"`` or a span such as ``"30 minutes"``, which make visits.
    by : str or sequence of str
        Columns in which controls are like their case, such as the segment.
    length : {1, 2, 3}
        Of how many events a sequence consists at most.
    controls : int
        How many controls a case has at most.
    support : int
        Sequences that came before fewer moments, of cases and controls together, are not looked at.
    seed : int
        Of the choice of controls, and of cases where there are more than 4,000.

    Returns
    -------
    Signals

    Raises
    ------
    InputError
        If nobody reaches the target, nobody can be compared, nothing came before, or an argument cannot be
        read.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> operator = bcx.simulate_operator(300, seed=1)
    >>> bcx.signals(operator.events, "contract_cancelled", "60 days", length=1).cases
    62
    """
    check_types(signals, locals())
    span = Span.of(window, "day")
    if not span.number > 0:
        raise InputError(f"window={window!r}", "a span above zero", "write for example '60 days'")
    for name, value, least in (("controls", controls, 1), ("support", support, 1), ("length", length, 1)):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
            raise InputError(f"{name}={value!r}", f"a whole number from {least} on", "pass one")
    if length not in _LENGTHS:
        raise InputError(f"length={length}", "1, 2 or 3 events", "look for shorter sequences")
    wanted, others = ((names,) if isinstance(names, str) else tuple(names) for names in (target, rivals))
    if not wanted or (both := [name for name in wanted if name in others]):
        raise InputError(
            f"the target {both[0]!r} among its rivals" if wanted else "no target",
            "what is to be seen coming, and what rules it out",
            "pass for example target='purchase', rivals='termination'",
        )
    journeys = Journeys.of(events, (*wanted, *others), journey, None, until, span.unit, None, by)
    rng = np.random.default_rng([checked_seed(seed), 11])
    seconds = span.in_unit("second")
    moments = moments_of(journeys, wanted, seconds, controls, _MOST_CASES, rng)
    seen = exposures(journeys, moments, seconds, length, support, _MOST_SEQUENCES)
    if not seen.sequences:
        raise InputError(
            f"no event that came before {support} moments or more within {span}",
            "events before the target",
            "pass a longer window, or a smaller support",
        )
    shrunk = shrink(evidence_of(seen, moments, moments.case), rng)
    return _signals(events, wanted, span, moments, seen, shrunk, rng)


def evidence_of(seen: Exposures, moments: Moments, case: np.ndarray) -> np.ndarray:
    """Return the log-likelihoods of all sequences; see `log_likelihoods`.

    Parameters
    ----------
    case : numpy.ndarray of bool, shape (moment,)
        Which moment of each matched set is taken for the case: ``moments.case``, or a permutation.
    """
    n_sets, matched = moments.n_sets, moments.matched
    size = np.bincount(matched, minlength=n_sets)
    key = seen.sequence * n_sets + matched[seen.moment]
    different, where = np.unique(key, return_inverse=True)
    exposed = np.bincount(where, minlength=different.size)
    of_case = np.bincount(where, case[seen.moment], different.size) > 0
    which, number = np.divmod(different, n_sets)
    return log_likelihoods(exposed, size[number], of_case, which, len(seen.sequences))


def _signals(
    events: Events,
    target: tuple[str, ...],
    window: Span,
    moments: Moments,
    seen: Exposures,
    shrunk: Shrunk,
    rng: np.random.Generator,
) -> Signals:
    n, levels = len(seen.sequences), np.array([0.05, 0.5, 0.95])
    case = moments.case[seen.moment]
    # Of sets with fewer controls each of these stands for more.
    weight = 1 / (np.bincount(moments.matched) - 1)[moments.matched] / moments.n_sets
    share = np.bincount(seen.sequence, np.where(case, 0.0, weight[seen.moment]), n)
    cases = np.bincount(seen.sequence[case], minlength=n)
    lead = np.full((n, 3), np.nan)
    order = np.flatnonzero(case)[np.argsort(seen.sequence[case], kind="stable")]
    parts = np.split(seen.seconds[order], np.cumsum(cases)[:-1])
    for place, part in enumerate(parts):
        if part.size:
            lead[place] = np.quantile(part, [0.1, 0.5, 0.9])
    false_sign = shrunk.false_sign
    surest = np.lexsort((-np.abs(shrunk.mean), false_sign))
    discovery = np.empty(n)
    discovery[surest] = np.cumsum(false_sign[surest]) / np.arange(1, n + 1)
    lengths = np.array([len(one) for one in seen.sequences])
    data = {
        "length": ("sequence", lengths),
        "log_rate_ratio": ("sequence", shrunk.mean),
        "sd": ("sequence", shrunk.sd),
        "quantile": (("sequence", "probability"), shrunk.quantiles(levels).T),
        "false_sign": ("sequence", false_sign),
        "false_discovery": ("sequence", discovery),
        "beyond": ("sequence", _beyond(seen.sequences, shrunk, rng)),
        "cases": ("sequence", cases),
        "controls": ("sequence", np.bincount(seen.sequence[~case], minlength=n)),
        "share_cases": ("sequence", cases / moments.n_sets),
        "share_controls": ("sequence", share),
        "lead": (("sequence", "lead_probability"), lead / Span(1, window.unit).in_unit("second")),
    }
    names = np.array([" → ".join(one) for one in seen.sequences], object)
    coords = {"sequence": names, "probability": levels, "lead_probability": [0.1, 0.5, 0.9]}
    low, high = np.quantile(shrunk.share_none, [0.05, 0.95])
    return Signals(
        xr.Dataset(data, coords=coords).isel(sequence=surest),
        dict(zip(names.tolist(), seen.sequences, strict=True)),
        target,
        window,
        moments.n_sets,
        int((~moments.case).sum()),
        moments.cases,
        (float(shrunk.share_none.mean()), float(low), float(high)),
        events.source,
    )


def _beyond(sequences: Sequence[tuple[str, ...]], shrunk: Shrunk, rng: np.random.Generator) -> np.ndarray:
    """Return the chance that a sequence says more than every part of it, NaN of single events.

    Effects of different sequences are taken for independent; those of a sequence and its parts go together,
    so the chance is nearer to one half than it could be.
    """
    draws, place = shrunk.draws(400, rng), {one: number for number, one in enumerate(sequences)}
    found = np.full(len(sequences), np.nan)
    for number, one in enumerate(sequences):
        shorter = {one[:i] + one[i + 1 :] for i in range(len(one))} | {(event,) for event in one}
        parts = [place[part] for part in shorter if part in place] if len(one) > 1 else []
        if parts:
            sign = 1.0 if shrunk.mean[number] >= 0 else -1.0
            found[number] = np.mean(sign * draws[:, number] > (sign * draws[:, parts]).max(axis=1))
    return found


def _times(factor: float) -> str:
    return f"{factor:.0f}" if factor >= 10 else f"{factor:.1f}" if factor >= 1 else f"{factor:.2f}"


def _in_fitting_unit(low: float, middle: float, high: float, unit: str) -> tuple[str, str, str, str]:
    """Return spans as text in their unit, or in a smaller one if the middle is less than one of it."""
    days = FINE_UNITS[unit]
    for name in ("day", "hour", "minute", "second"):
        if middle >= 1 or FINE_UNITS[name] >= days:
            continue
        scale = days / FINE_UNITS[name]
        low, middle, high, unit, days = low * scale, middle * scale, high * scale, name, FINE_UNITS[name]
    return _number(low), _number(middle), _number(high), unit


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _share(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 or share == 0 else f"{share:.1%}"
