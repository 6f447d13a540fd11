"""From the customers of a trial to statistics of treatments: how many, alike in what, responded how."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.argument_types import check_types
from bayes_cx.data.compress import unique_rows
from bayes_cx.data.feature_levels import (
    Feature,
    as_numbers,
    as_text,
    features_from_json,
    features_to_json,
)
from bayes_cx.data.numbers import Numbers
from bayes_cx.data.sources import Source, open_source
from bayes_cx.data.sql import ident
from bayes_cx.data.statistics import undated
from bayes_cx.errors import InputError
from bayes_cx.kinds import TREATMENTS, kind_of
from bayes_cx.seeds import checked_seed

__all__ = ["customers_of", "read_customers", "split_customers", "summarise_uplift"]

RESERVED = ("arm", "dose", "outcome", "weight", "customer", "row")


def summarise_uplift(
    source: Any,
    *,
    outcome: str,
    treatment: str,
    control: Any,
    features: Sequence[str] | str,
    dose: str | None = None,
    customer: str | None = None,
    categories: Sequence[str] | str = (),
    bins: int = 5,
    like: xr.Dataset | None = None,
    query: str | None = None,
    encoding: str | None = None,
    decimal: str = ".",
    thousands: str | None = None,
) -> xr.Dataset:
    """Reduce a trial to counts: customers with equal features, treatment and outcome become one row.

    Parameters
    ----------
    source : path, frame, Arrow table or reader, DuckDB relation, or database
        One row for each customer; what `read_transactions` accepts.
    outcome : str
        Column with the response: 0 or 1 (no or yes), or an amount.
    treatment : str
        Column with what was done to the customer. It must have been assigned at random.
    control : str or number
        The value of that column for customers to whom nothing was done.
    features : str or sequence of str
        Columns known before the treatment, by which its effect may differ. Numbers are cut into `bins`
        intervals with equally many customers; a number with no more different values keeps them.
    dose : str, optional
        Column with how much of the treatment a customer got, such as the amount of a voucher; 0 for control.
    customer : str, optional
        Column with the customer. With it the first row of a customer counts, and further rows of the
        customer are rejected; customers in several treatments are rejected altogether.
    categories : str or sequence of str
        Features that are categories although they look like numbers, such as postcodes.
    bins : int
        Most intervals of a number.
    like : xarray.Dataset, optional
        Other statistics whose intervals and categories to use, so that both can be compared or added. With
        them a part may lack the control or a treatment.
    query, encoding, decimal, thousands : str, optional
        How to read the source, as in `read_transactions`.

    Returns
    -------
    xarray.Dataset
        Over ``row``, sorted: ``arm`` (text), ``dose`` if asked for, ``outcome`` (float64), the features
        (text, the name of the level), and ``weight`` (int64, number of customers). Attributes hold the
        control, the levels of the features and the rejected rows by reason. Tables of different customers add
        (`add`).

    Raises
    ------
    InputError
        If a column is missing, nobody is in the control or in a treatment, or no row is left.

    Examples
    --------
    >>> bought = [0, 1, 0, 0, 1, 1, 0, 1]
    >>> frame = pd.DataFrame({"mail": ["no", "yes"] * 4, "bought": bought, "age": [20, 60] * 4})
    >>> stats = summarise_uplift(frame, outcome="bought", treatment="mail", control="no", features="age")
    >>> stats[["arm", "outcome", "age", "weight"]].to_dataframe().values.tolist()
    [['no', 0.0, '20', 3], ['no', 1.0, '20', 1], ['yes', 0.0, '60', 1], ['yes', 1.0, '60', 3]]
    """
    check_types(summarise_uplift, locals())
    features, categories = _names(features), _names(categories)
    roles = {"outcome": outcome, "treatment": treatment, "dose": dose, "customer": customer}
    _check_names(features, categories, roles, bins)
    columns = list(dict.fromkeys([*filter(None, roles.values()), *features]))
    numbers = [name for name in (outcome, dose, *features) if name is not None and name not in categories]
    opened, frame = _opened(source, columns, numbers, query, encoding, decimal, thousands)
    lines = opened.lines_without_row(len(frame))
    parts = {name: None if column is None else frame[column] for name, column in roles.items()}
    control_name = as_text([control])[0]
    arm, value, amount, reason = _judged(parts, control_name)
    used = np.array([why is None for why in reason], bool)
    if not used.any():
        why = ", ".join(f"{n} {name}" for name, n in sorted(Counter(reason.tolist()).items()))
        raise InputError(
            f"no row of {opened.label} that can be used{f' ({why})' if why else ''}",
            "customers with a treatment and an outcome",
            "check the columns",
        )
    if like is None:
        _check_arms(arm[used], control_name)
        found = [Feature.of(name, frame[name][used], bins, category=name in categories) for name in features]
    else:
        found = _features_like(like, features)
    data: dict[str, Any] = {"arm": arm[used]}
    data |= {"dose": amount[used]} if dose is not None else {}
    data["outcome"] = value[used]
    data |= {each.name: each.labels(frame[each.name][used]) for each in found}
    rows, weight = _counted(data)
    rejected = dict(sorted(Counter(reason[~used].tolist()).items())) | lines
    content = "\n".join(
        map(repr, [*zip(*(rows[name].tolist() for name in rows), weight.tolist(), strict=True)])
    )
    attrs = undated(TREATMENTS, "", opened.label, len(frame) + sum(lines.values()), content)
    stats = xr.Dataset(
        {name: ("row", values) for name, values in rows.items()} | {"weight": ("row", weight)},
        attrs=attrs
        | {
            "rows_rejected": sum(rejected.values()),
            "rejected": json.dumps(rejected),
            "control": control_name,
            "treatment": treatment,
            "response": outcome,
            "features": features_to_json(found),
        },
    )
    for demand in TREATMENTS.demands(TREATMENTS.numbers(stats)):
        raise InputError(*demand)
    return stats


def read_customers(
    source: Any,
    features: Sequence[str],
    customer: str | None = None,
    *,
    categories: Sequence[str] = (),
    query: str | None = None,
    encoding: str | None = None,
    decimal: str = ".",
    thousands: str | None = None,
) -> pd.DataFrame:
    """Return the features of customers, and who they are, as `summarise_uplift` reads them."""
    columns = list(dict.fromkeys((*features, *((customer,) if customer else ()))))
    numbers = [name for name in features if name not in categories]
    return _opened(source, columns, numbers, query, encoding, decimal, thousands)[1]


def _opened(
    source: Any,
    columns: Sequence[str],
    numbers: Sequence[str],
    query: str | None,
    encoding: str | None,
    decimal: str,
    thousands: str | None,
) -> tuple[Source, Any]:
    """Return a source and its columns as a frame, in which text that is a number is written plainly."""
    written = Numbers(decimal, thousands)
    opened = open_source(source, columns, query, encoding=encoding, decimal=decimal)
    shown = []
    for name in columns:
        own = ident(name)
        if written != Numbers() and name in numbers and opened.types[name] == "VARCHAR":
            shown.append(f"coalesce({written.plain(own)}, {own}) AS {own}")
        else:
            shown.append(own)
    return opened, opened.run(f"SELECT {', '.join(shown) or '1'} FROM {opened.sql}").to_pandas()


def customers_of(
    rows: Any, features: Sequence[Feature], customer: str | None = None
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the customers of a table and the level of each feature, customer by customer.

    Parameters
    ----------
    rows : xarray.Dataset, or any source of `summarise_uplift`
        Statistics with levels as they are, or a table with the columns of the features.
    features : sequence of Feature
    customer : str, optional
        Column with the customers of a table.

    Returns
    -------
    customers : numpy.ndarray, shape (customer,)
        The index of a frame, the coordinate ``customer``, or numbers from 0.
    levels : dict of str to numpy.ndarray, shape (customer,)
    """
    names = [each.name for each in features]
    if isinstance(rows, xr.Dataset):
        if missing := [name for name in names if name not in rows.variables]:
            raise _lacking(missing)
        dim = "row" if "row" in rows.sizes else "customer"
        n = rows.sizes.get(dim, 0)
        customers = rows[dim].to_numpy() if dim in rows.coords else np.arange(n)
        if rows.attrs.get("kind") == TREATMENTS.key:
            return customers, {name: rows[name].to_numpy().astype(object) for name in names}
        frame = pd.DataFrame({name: rows[name].to_numpy() for name in names})
    elif isinstance(rows, pd.DataFrame):
        if missing := [
            name for name in (*names, *([customer] if customer else [])) if name not in rows.columns
        ]:
            raise _lacking(missing)
        customers = rows.index.to_numpy() if customer is None else rows[customer].to_numpy()
        frame = rows[names].reset_index(drop=True)
    else:
        wanted = names if customer is None or customer in names else [*names, customer]
        opened = open_source(rows, wanted)
        columns = ", ".join(map(ident, wanted)) or "1"
        frame = opened.run(f"SELECT {columns} FROM {opened.sql}").to_pandas()
        customers = np.arange(len(frame)) if customer is None else frame[customer].to_numpy(object)
    return customers, {each.name: each.labels(frame[each.name]) for each in features}


def split_customers(stats: xr.Dataset, share: float = 0.5, *, seed: int = 0) -> tuple[xr.Dataset, xr.Dataset]:
    """Split weighted statistics at random into the customers to fit to and those to judge on.

    Each customer is as likely as any other to be in the first part, as if they were drawn before they were
    counted.

    Parameters
    ----------
    stats : xarray.Dataset
        Rows with a ``weight``, from `summarise_uplift`.
    share : float
        Share of the customers in the first part.
    seed : int

    Returns
    -------
    first, second : xarray.Dataset

    Raises
    ------
    InputError
        If the statistics have no weight, the share is not between 0 and 1, or a part would be empty.

    Examples
    --------
    >>> stats = xr.Dataset({"outcome": ("row", [0, 1]), "weight": ("row", [80, 20])})
    >>> one, two = split_customers(stats, seed=1)
    >>> int(one.weight.sum()), int(two.weight.sum())
    (50, 50)
    """
    if not isinstance(stats, xr.Dataset) or "weight" not in stats:
        raise InputError("statistics without a weight", "rows with a weight", "use bcx.summarise_uplift")
    if isinstance(share, str) or not 0 < share < 1:
        raise InputError(f"share={share!r}", "a share between 0 and 1", "write for example 0.5")
    weight = stats["weight"].to_numpy().astype(np.int64)
    n = round(float(share) * int(weight.sum()))
    if not 0 < n < weight.sum():
        raise InputError(f"{weight.sum()} customers", "two or more, some for each part", "use more customers")
    rng = np.random.default_rng(checked_seed(seed))
    first = rng.multivariate_hypergeometric(weight, n, method="marginals")
    parts = (stats.assign(weight=("row", own)) for own in (first, weight - first))
    one, two = (part.isel(row=np.flatnonzero(part["weight"].to_numpy())) for part in parts)
    return one, two


def _lacking(missing: Sequence[str]) -> InputError:
    return InputError(
        f"customers without {', '.join(missing)}",
        "the features of the fit",
        "pass a table with these columns",
    )


def _names(names: Sequence[str] | str) -> list[str]:
    return [names] if isinstance(names, str) else [str(name) for name in names]


def _check_names(features: list[str], categories: list[str], roles: dict[str, str | None], bins: int) -> None:
    if taken := [name for name in features if name in RESERVED]:
        raise InputError(
            f"a feature named {taken[0]!r}", f"another name than {', '.join(RESERVED)}", "rename the column"
        )
    if len(set(features)) < len(features):
        raise InputError("a feature that is named twice", "each feature once", "correct `features`")
    if both := [name for name in features if name in roles.values()]:
        raise InputError(
            f"{both[0]!r} as a feature and as something else",
            "one role a column",
            "take it out of `features`",
        )
    if wrong := [name for name in categories if name not in features]:
        raise InputError(f"the category {wrong[0]!r}", "one of the features", "name it in `features` too")
    if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or bins < 2:
        raise InputError(f"bins={bins!r}", "two intervals or more", "write for example bins=5")


def _judged(parts: Mapping[str, Any], control: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return arm, outcome and dose of each row, and why it is rejected, None where it is not."""
    arm, (value, unreadable) = as_text(parts["treatment"]), as_numbers(parts["outcome"])
    treated = arm != control
    reason = np.full(arm.size, None, object)
    reason[np.isnan(value)] = "missing outcome"
    reason[unreadable] = "unreadable outcome"
    amount = np.zeros(arm.size)
    if parts["dose"] is not None:
        amount, wrong = as_numbers(parts["dose"])
        amount[np.isnan(amount) & ~wrong & ~treated] = 0.0
        reason[~(amount >= 0)] = "missing, unreadable or negative dose"
        reason[~treated & (amount > 0)] = "control with a dose"
    reason[np.array([name is None for name in arm], bool)] = "missing treatment"
    if parts["customer"] is not None:
        who: Any = pd.Series(as_text(parts["customer"]))
        reason[(who.duplicated() & who.notna()).to_numpy()] = "further row of a customer"
        arms = pd.Series(arm).groupby(who).nunique()
        reason[(who.map(arms).fillna(0) > 1).to_numpy()] = "customer in several treatments"
        reason[who.isna().to_numpy()] = "missing customer"
    return arm, value, amount, reason


def _check_arms(arm: np.ndarray, control: str) -> None:
    known = sorted(set(arm.tolist()))
    shown = ", ".join(map(repr, known[:10])) or "none"
    if control not in known:
        raise InputError(f"nobody in the control {control!r}", f"one of {shown}", "correct `control`")
    if len(known) < 2:
        raise InputError("nobody who was treated", "a control and a treatment or more", "check the column")


def _features_like(like: xr.Dataset, features: list[str]) -> list[Feature]:
    if kind_of(like).key != TREATMENTS.key:
        raise InputError(f"statistics of {kind_of(like).key}", "those of a trial", "use bcx.summarise_uplift")
    known = {each.name: each for each in features_from_json(like.attrs["features"])}
    if set(known) != set(features):
        raise InputError(
            f"features {', '.join(features)}", f"those of `like`: {', '.join(known)}", "use the same ones"
        )
    return [known[name] for name in features]


def _counted(data: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the different rows, sorted, and how often each occurs."""
    dataset = xr.Dataset({name: ("row", values) for name, values in data.items()})
    rows, place = unique_rows(dataset, list(data))
    return rows, np.bincount(place, minlength=len(rows["arm"])).astype(np.int64)
