"""Kinds of statistics: what a row is. One file a kind; ``stats.attrs["kind"]`` names it."""

import copyreg
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bayes_cx.errors import InputError
from bayes_cx.kinds.contracts import CONTRACTS
from bayes_cx.kinds.kind import Column, Forecast, Kind, Words, differences
from bayes_cx.kinds.opportunities import OPPORTUNITIES
from bayes_cx.kinds.periods import PERIODS
from bayes_cx.kinds.purchases import PURCHASES
from bayes_cx.kinds.spend import SPEND
from bayes_cx.kinds.stays import STAYS
from bayes_cx.kinds.treatments import TREATMENTS
from bayes_cx.kinds.trials import TRIALS

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "CONTRACTS",
    "KINDS",
    "OPPORTUNITIES",
    "PERIODS",
    "PURCHASES",
    "SPEND",
    "STAYS",
    "TREATMENTS",
    "TRIALS",
    "Column",
    "Forecast",
    "Kind",
    "Words",
    "check_dataset",
    "find_kind",
    "kind_of",
]

KINDS = {
    kind.key: kind
    for kind in (PURCHASES, OPPORTUNITIES, CONTRACTS, SPEND, STAYS, PERIODS, TREATMENTS, TRIALS)
}


def _again(key: str, changes: dict[str, Any]) -> Kind:
    """Return the kind of this key with some fields changed."""
    return replace(KINDS[key], **changes) if changes else KINDS[key]


def _reduce(kind: Kind) -> Any:
    """Pickle a kind by its key, since functions without a name cannot be pickled."""
    if kind.key not in KINDS:
        return object.__reduce_ex__(kind, 2)
    return _again, (kind.key, differences(kind, KINDS[kind.key]))


copyreg.pickle(Kind, _reduce)


def find_kind(key: str) -> Kind:
    """Return the kind of this key.

    Raises
    ------
    InputError
        If there is none.
    """
    if key not in KINDS:
        raise InputError(f"the kind {key!r}", f"one of {', '.join(KINDS)}", "choose one of these")
    return KINDS[key]


def check_dataset(stats: Any, kind: Kind | None = None) -> None:
    """Refuse statistics that are no `xarray.Dataset`, and say how to get one.

    Parameters
    ----------
    stats : Any
    kind : Kind, optional
        What a row of them should be; without it, any.

    Raises
    ------
    InputError
        If they are something else, such as the events themselves, or a data frame.
    """
    import xarray as xr

    if isinstance(stats, xr.Dataset):
        return
    columns = set(getattr(stats, "columns", ())) if hasattr(stats, "to_xarray") else set()
    for one in KINDS.values():
        needed = {name for name, column in one.columns.items() if column.required}
        if needed <= columns and (kind is None or kind.reads(one.key)):
            table = "table.set_index('customer')" if "customer" in columns else "table"
            raise InputError(
                "a data frame with the columns of statistics, but without their kind and unit of time",
                "the xarray.Dataset that it was made from",
                f"pass that, or {table}.to_xarray().assign_attrs(kind={one.key!r}, unit='week'), with the "
                "unit of its times",
            )
    source = PURCHASES.source if kind is None else kind.source
    frame = ", or bcx.from_lifetimes for a data frame" if source == PURCHASES.source else ""
    raise InputError(f"statistics of type {type(stats).__name__}", "an xarray.Dataset", f"{source}{frame}")


def kind_of(stats: "xr.Dataset") -> Kind:
    """Return what a row of these statistics is, from ``stats.attrs["kind"]``.

    Raises
    ------
    InputError
        If these are no statistics, or the attribute is missing or names no kind. It is never guessed from the
        columns.
    """
    check_dataset(stats)
    key = stats.attrs.get("kind")
    if key not in KINDS:
        came = "statistics without a kind" if key is None else f"statistics of the kind {key!r}"
        raise InputError(
            came,
            f"an attribute kind: {', '.join(KINDS)}",
            "use bcx.summarise, or stats.assign_attrs(kind='purchases') for your own statistics",
        )
    return KINDS[key]
