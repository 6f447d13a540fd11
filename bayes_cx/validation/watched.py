"""Tables that are watched: what is counted of which part in which period, and how surprising it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.errors import InputError
from bayes_cx.validation import bayes_factors, surprise

__all__ = ["ENOUGH_PERIODS", "Series", "Watched", "frame_of", "watched"]

ENOUGH_PERIODS = 30
"""From so many periods before the change on, periods are compared with periods."""

# A look needs so many events that are expected, or so many values.
_LEAST, _LEAST_VALUES = 5.0, 10.0
# So many periods say how much they vary.
_FEW_PERIODS = 5

type What = Literal["counts", "share", "rate", "values", "below"]


@dataclass(frozen=True)
class Watched:
    """What is watched in two tables.

    Attributes
    ----------
    what : {"counts", "share", "rate", "values", "below"}
    columns : tuple of str
        The columns that hold it.
    part, period : str or None
        Columns with the part of the data, and with the period.
    """

    what: What
    columns: tuple[str, ...]
    part: str | None
    period: str | None


@dataclass(frozen=True)
class Series:
    """One number that is watched.

    Attributes
    ----------
    part, quantity : str
    z : numpy.ndarray, shape (look,)
        How surprising each period after the change is; NaN where it has nothing new.
    before, after : float
        The share, rate or mean.
    n_before, n_after : float
        The cases, events or values behind it.
    log_bayes_factor : float
        Of a change against none.
    dispersion : float
        How much more periods before vary than chance makes them: 1 where they do not; NaN if there is one.
    periods : int
        How many periods before there are to compare.
    """

    part: str
    quantity: str
    z: np.ndarray
    before: float
    after: float
    n_before: float
    n_after: float
    log_bayes_factor: float
    dispersion: float
    periods: int


def frame_of(table: Any, of: Watched, name: str) -> Any:
    """Return a table as a frame with the columns that are watched.

    Raises
    ------
    InputError
        If one is missing or holds what cannot be counted.
    """
    if isinstance(table, xr.Dataset):
        table = table.to_dataframe().reset_index()
    if not isinstance(table, pd.DataFrame):
        raise InputError(f"a {type(table).__name__} as {name}", "a frame or a Dataset", "convert it")
    needed = [*of.columns, *([of.part] if of.part else [])]
    if missing := [column for column in needed if column not in table]:
        raise InputError(
            f"no column {', '.join(map(repr, missing))} in the table {name}",
            f"one of {', '.join(map(repr, list(table.columns)[:50]))}",
            "check the spelling",
        )
    frame: Any = table
    values: Any = frame[list(of.columns)].apply(pd.to_numeric, errors="coerce").astype(float)
    bad = ~np.isfinite(values.to_numpy()).all(axis=1)
    if of.what not in ("values", "below"):
        bad |= (values.to_numpy() < 0).any(axis=1)
    if of.what == "share":
        bad |= (values.iloc[:, 0] > values.iloc[:, 1]).to_numpy()
    if of.what == "below":
        bad |= ((values < 0) | (values > 1)).to_numpy().any(axis=1)
    if bad.any():
        raise InputError(
            f"{bad.sum():,} rows of the table {name} such as row {int(np.flatnonzero(bad)[0]) + 1}",
            _EXPECTED[of.what],
            "correct these rows, or leave them out",
        )
    found = values.reset_index(drop=True)
    found.columns = [f"value_{i}" for i in range(len(of.columns))]
    found["part"] = ""
    if of.part:
        part = frame[of.part].astype(object)
        found["part"] = part.where(part.notna(), "missing").astype(str).to_numpy(object)
    dated = of.period is not None and (of.period in table or name == "after")
    if dated and of.period not in table:
        raise InputError(f"no column {of.period!r} in the table {name}", "the period of each row", "add it")
    found["period"] = table[of.period].to_numpy() if dated else 0
    if found["period"].isna().any():
        raise InputError(
            f"rows of the table {name} without a period", "a period in each row", "leave them out"
        )
    return found


_EXPECTED = {
    "counts": "counts of zero or more",
    "share": "two counts, the first at most the second",
    "rate": "events and exposure of zero or more",
    "values": "finite numbers",
    "below": "shares between 0 and 1",
}


def watched(before: Any, after: Any, of: Watched, looks: Sequence[Any], seed: int) -> list[Series]:
    """Return every number that is watched, with how surprising it is at each look.

    Parameters
    ----------
    before, after : pandas.DataFrame
        From `frame_of`; no table before where forecasts say what is expected.
    of : Watched
    looks : sequence
        The periods after the change, in order.
    seed : int
        Of ties.
    """
    found = []
    parts = sorted(set(after["part"]) | (set() if before is None else set(before["part"])))
    for i, part in enumerate(parts):
        mine = after[after["part"] == part]
        if before is None:
            found += _forecasts(mine, part, looks)
            continue
        old = before[before["part"] == part]
        found += (_of_values if of.what == "values" else _of_sums)(old, mine, part, of, looks, (seed, i))
    return found


def _of_sums(
    old: Any,
    new: Any,
    part: str,
    of: Watched,
    looks: Sequence[Any],
    seed: tuple[int, ...],
) -> list[Series]:
    k_old, k_new = (
        _sums(frame, labels, len(of.columns))
        for frame, labels in ((old, sorted(set(old["period"]))), (new, looks))
    )
    if of.what == "counts":
        chosen = range(len(of.columns)) if len(of.columns) > 2 else range(1)
        size_old, size_new = k_old.sum(axis=1), k_new.sum(axis=1)
    else:
        chosen, size_old, size_new = range(1), k_old[:, 1], k_new[:, 1]
    found = []
    for j in chosen:
        rate = k_old[:, j].sum() / max(size_old.sum(), 1e-300)
        rarer = rate if of.what == "rate" else min(rate, 1.0 - rate)
        block_old = _blocks(size_old * rarer, _LEAST, keep_last=True)
        block_new = _blocks(size_new * rarer, _LEAST, keep_last=len(looks) == 1)
        k = np.concatenate([_added(k_old[:, j], block_old), _added(k_new[:, j], block_new)])
        n = np.concatenate([_added(size_old, block_old), _added(size_new, block_new)])
        if of.what == "rate":
            z = surprise.of_rates(k, n, _rng(*seed, j, 0))
        else:
            z = surprise.of_counts(
                np.rint(k).astype(np.int64), np.rint(n).astype(np.int64), _rng(*seed, j, 0)
            )
        z, spread, periods = _compared(z, int(block_old.max(initial=-1)) + 1, _rng(*seed, j, 1))
        totals = (k_old[:, j].sum(), size_old.sum(), k_new[:, j].sum(), size_new.sum())
        less = _fewer(spread, periods)
        if of.what == "counts":
            factor = bayes_factors.of_counts(k_old.sum(axis=0) * less, k_new.sum(axis=0) * less)
        elif of.what == "share":
            factor = bayes_factors.of_shares(*(total * less for total in totals))
        else:
            factor = bayes_factors.of_events(totals[0] * less, totals[1], totals[2] * less, totals[3])
        found.append(
            Series(
                part,
                of.columns[j],
                _at_looks(z, block_new),
                float(totals[0] / totals[1]) if totals[1] else np.nan,
                float(totals[2] / totals[3]) if totals[3] else np.nan,
                float(totals[0] if of.what == "rate" else totals[1]),
                float(totals[2] if of.what == "rate" else totals[3]),
                factor,
                spread,
                periods,
            )
        )
    return found


def _of_values(
    old: Any,
    new: Any,
    part: str,
    of: Watched,
    looks: Sequence[Any],
    seed: tuple[int, ...],
) -> list[Series]:
    periods = sorted(set(old["period"]))
    values_old, values_new = (
        [group for _, group in _split(frame, labels)] for frame, labels in ((old, periods), (new, looks))
    )
    sizes = [np.array([values.size for values in each], dtype=float) for each in (values_old, values_new)]
    block_old = _blocks(sizes[0], _LEAST_VALUES, keep_last=True)
    block_new = _blocks(sizes[1], _LEAST_VALUES, keep_last=len(looks) == 1)
    together = _joined(values_old, block_old) + _joined(values_new, block_new)
    z, spread, periods = _compared(
        surprise.of_values(together), int(block_old.max(initial=-1)) + 1, _rng(*seed)
    )
    all_old, all_new = old["value_0"].to_numpy(), new["value_0"].to_numpy()
    shift = surprise.of_values([all_old, all_new])[1] if all_old.size and all_new.size else 0.0
    less = _fewer(spread, periods)
    return [
        Series(
            part,
            of.columns[0],
            _at_looks(z, block_new),
            float(all_old.mean()) if all_old.size else np.nan,
            float(all_new.mean()) if all_new.size else np.nan,
            float(all_old.size),
            float(all_new.size),
            bayes_factors.of_shift(shift * np.sqrt(less), all_old.size * less, all_new.size * less),
            spread,
            periods,
        )
    ]


def _forecasts(new: Any, part: str, looks: Sequence[Any]) -> list[Series]:
    """Return whether forecasts are too high or low, and whether their intervals are too narrow or wide."""
    from scipy.special import ndtri

    edge = 1e-6
    below = np.clip(new["value_0"].to_numpy(), edge, 1 - edge)
    far = np.clip(np.abs(2.0 * below - 1.0), edge, 1 - edge)
    found = []
    for quantity, place in (("level of forecasts", below), ("width of forecasts", far)):
        frame = new.assign(value_0=ndtri(place))
        z = np.array(
            [one.sum() / np.sqrt(one.size) if one.size else np.nan for _, one in _split(frame, looks)]
        )
        n = float(place.size)
        shift = float(frame["value_0"].sum() / np.sqrt(n)) if n else 0.0
        # The forecasts themselves stand in for a table before that has no noise.
        factor = bayes_factors.of_shift(shift, 1e12, n)
        mean = float(place.mean()) if n else np.nan
        found.append(Series(part, quantity, z, 0.5, mean, np.inf, n, factor, np.nan, 0))
    return found


def _rng(*seed: int) -> np.random.Generator:
    """Return a stream of its own, so that more periods change nothing of those before."""
    return np.random.default_rng([*seed])


def _fewer(spread: float, periods: int) -> float:
    """Return the share of the cases that count, where periods vary more than independent cases would."""
    return 1.0 / max(spread, 1.0) if periods > _FEW_PERIODS else 1.0


def _compared(z: np.ndarray, n_old: int, rng: np.random.Generator) -> tuple[np.ndarray, float, int]:
    """Return the surprise after the change, how much periods before vary, and how many of them do."""
    before = z[:n_old][np.isfinite(z[:n_old])]
    spread = float(np.mean(before**2)) if before.size else np.nan
    if before.size + 1 >= ENOUGH_PERIODS:
        z = surprise.among_periods(z, rng)
    return z[n_old:], spread, before.size + 1


def _sums(frame: Any, labels: Sequence[Any], n: int) -> np.ndarray:
    columns = [f"value_{i}" for i in range(n)]
    return frame.groupby("period")[columns].sum().reindex(list(labels), fill_value=0.0).to_numpy(float)


def _split(frame: Any, labels: Sequence[Any]) -> list[tuple[Any, np.ndarray]]:
    groups = {label: group["value_0"].to_numpy() for label, group in frame.groupby("period")}
    return [(label, groups.get(label, np.array([]))) for label in labels]


def _blocks(size: np.ndarray, least: float, *, keep_last: bool) -> np.ndarray:
    """Return the number of the block of each period; -1 where the last block is not complete.

    Blocks end as soon as they hold enough, whatever happened in them.
    """
    block, held, number = np.empty(size.size, dtype=np.int64), 0.0, 0
    for t, one in enumerate(size):
        block[t], held = number, held + one
        if held >= least:
            number, held = number + 1, 0.0
    if size.size and held < least and block[-1] == number:
        # What is left over belongs to the block before, or waits for more.
        block[block == number] = (max(number - 1, 0)) if keep_last else -1
    return block


def _added(values: np.ndarray, block: np.ndarray) -> np.ndarray:
    used = block >= 0
    return np.bincount(block[used], weights=values[used], minlength=int(block.max(initial=-1)) + 1)


def _joined(values: list[np.ndarray], block: np.ndarray) -> list[np.ndarray]:
    return [
        np.concatenate([one for one, at in zip(values, block, strict=True) if at == number])
        for number in range(int(block.max(initial=-1)) + 1)
    ]


def _at_looks(z: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Return the surprise of each block at the last of its periods, NaN at the others."""
    found = np.full(block.size, np.nan)
    for number in range(int(block.max(initial=-1)) + 1):
        found[np.flatnonzero(block == number)[-1]] = z[number]
    return found
