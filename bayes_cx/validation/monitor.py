"""Did something change more than chance, which part, and since when: fit to be asked every day."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import ndtr

from bayes_cx import checks as _checks
from bayes_cx.argument_types import check_types
from bayes_cx.checks import Check
from bayes_cx.errors import InputError
from bayes_cx.notebook import html
from bayes_cx.seeds import checked_seed
from bayes_cx.validation.e_process import e_values, since
from bayes_cx.validation.watched import ENOUGH_PERIODS, Series, Watched, What, frame_of, watched

__all__ = ["Monitored", "monitor"]

# Of how sure one is of the beginning of a change.
_SINCE = 0.9
# Periods vary more than chance explains if they do so with this probability of a false alarm.
_UNEVEN = 0.001


@dataclass(frozen=True)
class Monitored:
    """What changed between two tables.

    Attributes
    ----------
    data : xarray.Dataset
        Over ``series`` (with the coordinates ``part`` and ``quantity``): ``before`` and ``after``, with
        ``n_before`` and ``n_after``; ``log_bayes_factor`` of a change against none; ``alarm``, whether it is
        named as changed; ``since``, ``since_low`` and ``since_high``, the look with which the change most
        probably began, and a 90% interval. Over (series, look): ``evidence`` for a change after each look,
        which is ever as large as 20 with probability 5% if nothing changes; over ``look``, the mean
        ``evidence_of_all``. Attributes: what is watched, and the ``level``.
    level : float
        The most probable that a change is ever announced although there is none.
    checks : tuple of Check
    """

    data: xr.Dataset
    level: float
    checks: tuple[Check, ...]

    def __repr__(self) -> str:
        return f"<Monitored: {' '.join(self.sentences)}>"

    def _repr_html_(self) -> str:
        return html("monitored", self)

    @property
    def changed(self) -> bool:
        """Whether anything changed more than chance explains."""
        return bool(self.data["alarm"].any())

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that changed, the one with the most evidence first."""
        found = self.data.isel(series=np.flatnonzero(self.data["alarm"].to_numpy()))
        order = np.argsort(-found["evidence"].max("look").to_numpy(), kind="stable")
        return tuple(dict.fromkeys(str(name) for name in found["part"].to_numpy()[order]))

    @property
    def verdict(self) -> _checks.Status:
        """The verdict over the checks: failed where something changed."""
        return _checks.verdict(self.checks)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What changed and since when, or that nothing did."""
        looks = self.data["look"].to_numpy()
        if not self.changed:
            if _checks.verdict(self.checks[:1]) == "not_run":
                return ("There is not enough yet to say whether anything changed.",)
            number = "one look" if looks.size == 1 else f"{looks.size:,} looks"
            found = f"Nothing changed more than chance explains in {number}"
            return (f"{found}; a false alarm, ever, has a chance of {self.level:.0%} at most.",)
        found = []
        alarms = np.flatnonzero(self.data["alarm"].to_numpy())
        evidence = self.data["evidence"].max("look").to_numpy()
        for i in alarms[np.argsort(-evidence[alarms], kind="stable")]:
            one = self.data.isel(series=i)
            before, after = float(one["before"]), float(one["after"])
            where = f" of {one['part'].item()}" if one["part"].item() else ""
            if self.data.attrs["what"] == "below":
                found.append(f"{_miscalibrated(one['quantity'].item(), after)}{where}")
            else:
                way = "rose" if after > before else "fell" if after < before else "moved"
                found.append(f"{one['quantity'].item()}{where} {way} from {before:.3g} to {after:.3g}")
            if looks.size > 1:
                first, low, high = (looks[int(one[key])] for key in ("since", "since_low", "since_high"))
                found[-1] += f", since {_day(first)} ({_SINCE:.0%}: {_day(low)} to {_day(high)})"
            found[-1] += "."
        return tuple(sentence[0].upper() + sentence[1:] for sentence in found)

    def table(self) -> pd.DataFrame:
        """Return one row a part and quantity, the one with the most evidence first."""
        some = self.data.drop_vars(["evidence", "evidence_of_all", "look"])
        frame = some.assign(evidence=self.data["evidence"].max("look")).to_dataframe()
        looks = self.data["look"].to_numpy()
        for name in ("since", "since_low", "since_high"):
            frame[name] = pd.Series(looks[frame[name].to_numpy()], index=frame.index).where(frame["alarm"])
        return frame.sort_values("evidence", ascending=False, kind="stable").reset_index(drop=True)


def monitor(
    before: Any,
    after: Any,
    *,
    counts: Sequence[str] | None = None,
    share: Sequence[str] | None = None,
    rate: Sequence[str] | None = None,
    values: str | None = None,
    below: str | None = None,
    part: str | None = None,
    period: str | None = None,
    level: float = 0.05,
    seed: int = 0,
) -> Monitored:
    """Say whether something changed more than chance explains, which part of it, and since when.

    It may be asked every day, with one more day in `after`: the chance that it ever announces a change
    although there is none stays below `level`, over all days and parts together. Given what all periods so
    far hold together, the place of the latest is known if nothing changed, whatever the rate is; bets on a
    shift of these places gain only where there is one [vovk2005algorithmic]_.

    With 30 periods or more in `before`, periods are compared with periods, so weekdays and other days that
    differ are no alarm as long as their order does not matter. With fewer it is taken for granted that
    customers and events are independent, and a check says whether the periods before contradict that.

    Parameters
    ----------
    before, after : pandas.DataFrame or xarray.Dataset
        Tables with the same columns; None before, where `below` is watched.
    counts : sequence of str
        Columns of counts, two or more: what happened how often, such as where journeys went next.
    share : (str, str)
        Columns with a count, and with that of which it is a part.
    rate : (str, str)
        Columns with the number of events, and with the exposure.
    values : str
        A column of single values, one row each, such as what was spent. They are compared by their ranks, so
        that a few very large ones decide nothing.
    below : str
        A column with the share of a forecast's draws that were below what happened: uniform if the forecasts
        are calibrated.
    part : str, optional
        Column with the part of the data, such as a segment or the state of a journey.
    period : str, optional
        Column with the day or week. If not given, `after` is one look, to be taken once: without periods
        nobody can tell how often one has looked, and evidence is one over a p-value.
    level : float
        The probability of a false alarm, ever.
    seed : int
        Of the order of ties.

    Returns
    -------
    Monitored

    Raises
    ------
    InputError
        If not exactly one thing is watched, a column is missing or holds what cannot be counted, or periods
        overlap.

    Examples
    --------
    >>> before = pd.DataFrame({"bought": [500], "n": [5000]})
    >>> after = pd.DataFrame({"day": range(10), "bought": [10] * 5 + [20] * 5, "n": [100] * 10})
    >>> found = monitor(before, after, share=("bought", "n"), period="day")
    >>> found.changed, found.parts, int(found.data["since"][0])
    (True, ('',), 5)
    """
    check_types(monitor, locals())
    given = {"counts": counts, "share": share, "rate": rate, "values": values, "below": below}
    of = _watched(given, part, period)
    if isinstance(level, str) or not 0 < level < 1:
        raise InputError(f"level={level!r}", "a number between 0 and 1", "write 0.05 for 5%")
    new = frame_of(after, of, "after")
    if (before is None) != (of.what == "below"):
        raise InputError(
            "a table before, of forecasts" if of.what == "below" else "no table before",
            "forecasts alone, with before=None" if of.what == "below" else "what it was like before",
            "pass None as the first table" if of.what == "below" else "pass a table",
        )
    old = None if before is None else frame_of(before, of, "before")
    if new.empty or (old is not None and old.empty):
        raise InputError("a table without rows", "one row or more in each table", "check the tables")
    looks = _looks(old, new, of)
    found = watched(old, new, of, looks, checked_seed(seed))
    evidence, together = _evidence(found, one_look=period is None)
    alarm = _alarms(evidence, together, level)
    began = np.array([_began(one.z, each) for one, each in zip(found, evidence, strict=True)])
    numbers = {
        name: ("series", np.array([getattr(one, name) for one in found]))
        for name in ("before", "after", "n_before", "n_after", "log_bayes_factor", "dispersion")
    }
    data = xr.Dataset(
        numbers
        | {name: ("series", began[:, i]) for i, name in enumerate(("since", "since_low", "since_high"))}
        | {
            "alarm": ("series", alarm),
            "evidence": (("series", "look"), evidence),
            "evidence_of_all": ("look", together),
        },
        coords={
            "part": ("series", np.array([one.part for one in found], dtype=object)),
            "quantity": ("series", np.array([one.quantity for one in found], dtype=object)),
            "look": np.asarray(looks),
        },
        attrs={"what": of.what, "columns": ", ".join(of.columns), "level": level},
    )
    return Monitored(data, float(level), _checks_of(found, together, level))


def _evidence(found: Sequence[Series], *, one_look: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the evidence for a change of each series after each look, and that of all together."""
    if not one_look:
        each = np.array([e_values(one.z) for one in found])
        return each, each.mean(axis=0)
    # One over the p-value: of a single look it is 20 with probability 5% as well, and there is no better bet.
    z = np.array([np.abs(one.z) for one in found])
    each = np.where(np.isfinite(z), 0.5 / np.maximum(ndtr(-np.nan_to_num(z)), 1e-300), 1.0)
    return each, np.maximum(each.max(axis=0) / len(found), 1.0)


def _watched(given: dict[str, Any], part: str | None, period: str | None) -> Watched:
    named = {what: columns for what, columns in given.items() if columns is not None}
    if len(named) != 1:
        raise InputError(
            f"{' and '.join(named) or 'nothing'} to be watched",
            f"one of {', '.join(get_args(What.__value__))}",
            "name the columns of one of them",
        )
    ((what, columns),) = named.items()
    columns = (columns,) if isinstance(columns, str) else tuple(columns)
    number = {"counts": "two or more", "share": "two", "rate": "two", "values": "one", "below": "one"}[what]
    right = len(columns) >= 2 if what == "counts" else len(columns) == (2 if number == "two" else 1)
    if not right or len(set(columns)) < len(columns):
        raise InputError(f"{what}={columns!r}", f"the names of {number} columns", "correct them")
    return Watched(what, columns, part, period)  # pyright: ignore[reportArgumentType]


def _looks(old: Any, new: Any, of: Watched) -> list[Any]:
    """Return the periods after the change, in order."""
    if of.period is None:
        return [0]
    try:
        labels = sorted(set(new["period"]))
        dated = old is not None and not (old["period"] == 0).all()
        if old is not None and dated and max(old["period"]) >= labels[0]:
            raise InputError(
                f"periods before until {max(old['period'])} and after from {labels[0]}",
                "every period before earlier than all after",
                "cut the tables at one day",
            )
    except TypeError as error:
        raise InputError(
            f"periods that have no order ({error})", "dates or numbers, alike in both tables", "convert them"
        ) from error
    return labels


def _began(z: np.ndarray, evidence: np.ndarray) -> tuple[int, int, int]:
    """Return when a change began, as seen when the evidence for one was largest."""
    until = int(evidence.argmax()) + 1
    return since(z[:until], _SINCE) if np.isfinite(z[:until]).any() else (0, 0, 0)


def _alarms(evidence: np.ndarray, together: np.ndarray, level: float) -> np.ndarray:
    """Return which series are named: those alone are enough, or else the one with the most evidence."""
    highest = evidence.max(axis=1)
    alone = highest >= evidence.shape[0] / level
    if together.max() >= 1.0 / level and not alone.any():
        alone[int(highest.argmax())] = True
    return alone


def _checks_of(found: Sequence[Series], together: np.ndarray, level: float) -> tuple[Check, ...]:
    ran = any(np.isfinite(one.z).any() for one in found)
    highest, target = float(together.max()), 1.0 / level
    checks: list[Check | None] = [
        Check(
            "evidence for a change",
            highest if ran else None,
            f"< {target:g}",
            "not_run" if not ran else "passed" if highest < target else "failed",
            "" if ran else "too little happened since",
            alarm=level,
        )
    ]
    if found[0].periods:
        checks.append(_even([one for one in found if one.periods < ENOUGH_PERIODS]))
    return tuple(check for check in checks if check is not None)


def _even(found: Sequence[Series]) -> Check | None:
    """Return whether periods before vary as independent cases would; None if it need not be so."""
    from scipy.special import chdtrc

    if not found:
        return None
    known = [one for one in found if one.periods > 1]
    few = "there are too few periods before to say whether cases are independent"
    if len(known) < len(found):
        return Check("spread of periods before", None, "that of independent cases", "not_run", few)
    chance = min(float(chdtrc(one.periods - 1, (one.periods - 1) * one.dispersion)) for one in known)
    uneven = chance < _UNEVEN / len(known)
    return Check(
        "spread of periods before",
        max(one.dispersion for one in known),
        "1, within what chance explains",
        "failed" if uneven else "passed",
        f"periods differ more than chance makes them: pass {ENOUGH_PERIODS} or more" if uneven else "",
        alarm=_UNEVEN,
    )


def _miscalibrated(quantity: str, mean: float) -> str:
    if quantity.startswith("level"):
        return f"forecasts were too {'low' if mean > 0.5 else 'high'}"
    return f"intervals of forecasts were too {'narrow' if mean > 0.5 else 'wide'}"


def _day(label: Any) -> str:
    return str(pd.Timestamp(label).date()) if isinstance(label, np.datetime64 | pd.Timestamp) else str(label)
