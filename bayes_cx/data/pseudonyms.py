"""Pseudonyms: ids are replaced while data are read, so nothing downstream ever sees one."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from bayes_cx.data.attributes import provenance_of
from bayes_cx.data.schema import Schema
from bayes_cx.data.sources import Source
from bayes_cx.data.sql import ident
from bayes_cx.errors import InputError
from bayes_cx.privacy import DIGITS, check_groups, hmac_pads, key_mark, keyed, pseudonyms

__all__ = ["give_pseudonyms", "pseudonymise"]

# HMAC is sha256(outer pad + sha256(inner pad + message)). The pads are variables of the connection, so that
# neither the text of a view nor a message of DuckDB can show the key.
_MACROS = (
    """CREATE TEMP MACRO keyed(message) AS sha256(getvariable('outer_pad') ||
unhex(sha256(getvariable('inner_pad') || encode(CAST(message AS VARCHAR)))))""",
    f"CREATE TEMP MACRO pseudonym(id) AS substr(keyed(id), 1, {DIGITS})",
)


def give_pseudonyms(source: Source, schema: Schema, key: str | bytes, groups: Sequence[str] = ()) -> Source:
    """Return the source with a pseudonym for each customer; read through the schema it shows no ids.

    Parameters
    ----------
    source : Source
    schema : Schema
        Which column holds the customers.
    key : str or bytes
        The secret; see `privacy.pseudonym`, which gives the same pseudonyms.
    groups : sequence of str
        Columns that will stand beside the pseudonyms.

    Raises
    ------
    InputError
        If the key is too short or too regular, the customers cannot be read, or a column of groups names
        them.
    """
    for name, pad in zip(("inner_pad", "outer_pad"), hmac_pads(key), strict=True):
        source.connection.execute(f"SET VARIABLE {name} = ?", [pad])
    for macro in _MACROS:
        source.connection.execute(macro)
    _check_columns(source, schema, groups)
    # Two hashes a customer, not a row: they would take several times as long as everything else.
    source.execute(
        f"""CREATE TEMP TABLE identities AS SELECT id, pseudonym(id) AS pseudonym
FROM (SELECT DISTINCT customer AS id FROM {schema.typed(source)} WHERE customer IS NOT NULL)"""
    )
    return replace(source, pseudonyms=key_mark(key))


def _check_columns(source: Source, schema: Schema, groups: Sequence[str]) -> None:
    """Refuse columns of groups that name the customers."""
    columns = {f"group_{number}": ident(name) for number, name in enumerate(groups)}
    for place, name in zip(columns, groups, strict=True):
        customers, values, equal = (
            source.run(
                f"""SELECT count(DISTINCT customer), count(DISTINCT {place}),
coalesce(bool_and(trim(CAST({place} AS VARCHAR)) = trim(CAST(customer AS VARCHAR))), false)
FROM {schema.typed(source, columns)} WHERE customer IS NOT NULL AND {place} IS NOT NULL"""
            )
            .to_pylist()[0]
            .values()
        )
        check_groups(name, customers, values, equal)


def pseudonymise(stats: xr.Dataset, key: str | bytes) -> xr.Dataset:
    """Return statistics with pseudonyms in place of customer ids.

    The customers are in the order of their pseudonyms, so that they cannot be matched to a list of ids.

    The attribute ``pseudonyms`` says by which key, so that nobody replaces them again: they would no longer
    join with other tables. The fingerprint of the data is keyed as well.

    Parameters
    ----------
    stats : xarray.Dataset
        Statistics over ``customer``; those over weighted rows name nobody and keep their rows. What has
        pseudonyms by this key already stays as it is.
    key : str or bytes
        The secret; see `privacy.pseudonym`.

    Raises
    ------
    InputError
        If the key is too short or too regular, the statistics have pseudonyms by another key, or a column of
        groups names the customers.

    Examples
    --------
    >>> stats = xr.Dataset({"x": ("customer", [2, 0])}, coords={"customer": [4711, 12]})
    >>> pseudonymise(stats, "an example key only").customer.values
    array(['4db8ed2a553fe18c', 'd70a7d2b249ef44d'], dtype=object)
    """
    hmac_pads(key)
    mark, before = key_mark(key), provenance_of(stats)
    if before.pseudonyms == mark:
        return stats
    if before.pseudonyms:
        raise InputError(
            "statistics with pseudonyms by another key",
            "ids, or pseudonyms by this key",
            "pass the key that they were made with, or leave the pseudonyms as they are",
        )
    if before.sha256:
        stats = stats.assign_attrs(sha256=keyed(before.sha256, key))
    if "customer" not in stats.dims:
        return stats
    customers = stats["customer"].to_numpy().astype(str)
    for name, column in stats.data_vars.items():
        if column.dtype.kind in "OUT":
            values = column.to_numpy().astype(str)
            check_groups(str(name), values.size, len(set(values)), bool(np.all(values == customers)))
    stats = stats.assign_attrs(pseudonyms=mark)
    hidden = np.array(pseudonyms(stats["customer"].to_numpy().tolist(), key), object)
    return stats.assign_coords(customer=("customer", hidden)).sortby("customer")
