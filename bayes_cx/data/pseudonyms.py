"""Pseudonyms: ids are replaced while data are read, so nothing downstream ever sees one."""

from dataclasses import replace

import numpy as np
import xarray as xr

from bayes_cx.data.schema import Schema
from bayes_cx.data.sources import Source
from bayes_cx.privacy import DIGITS, hmac_pads, pseudonyms

__all__ = ["give_pseudonyms", "pseudonymise"]

# HMAC is sha256(outer pad + sha256(inner pad + message)). The pads are variables of the connection, so that
# neither the text of a view nor a message of DuckDB can show the key.
_MACRO = f"""CREATE TEMP MACRO pseudonym(id) AS substr(sha256(getvariable('outer_pad') ||
unhex(sha256(getvariable('inner_pad') || encode(CAST(id AS VARCHAR))))), 1, {DIGITS})"""


def give_pseudonyms(source: Source, schema: Schema, key: str | bytes) -> Source:
    """Return the source with a pseudonym for each customer; read through the schema it shows no ids.

    Parameters
    ----------
    source : Source
    schema : Schema
        Which column holds the customers.
    key : str or bytes
        The secret; see `privacy.pseudonym`, which gives the same pseudonyms.

    Raises
    ------
    InputError
        If the key is too short or the customers cannot be read.
    """
    for name, pad in zip(("inner_pad", "outer_pad"), hmac_pads(key), strict=True):
        source.connection.execute(f"SET VARIABLE {name} = ?", [pad])
    source.connection.execute(_MACRO)
    # Two hashes a customer, not a row: they would take several times as long as everything else.
    source.execute(
        f"""CREATE TEMP TABLE identities AS SELECT id, pseudonym(id) AS pseudonym
FROM (SELECT DISTINCT customer AS id FROM {schema.typed(source)} WHERE customer IS NOT NULL)"""
    )
    return replace(source, pseudonymous=True)


def pseudonymise(stats: xr.Dataset, key: str | bytes) -> xr.Dataset:
    """Return statistics with pseudonyms in place of customer ids.

    The customers are in the order of their pseudonyms, so that they cannot be matched to a list of ids.

    Parameters
    ----------
    stats : xarray.Dataset
        Statistics over ``customer``; those over weighted rows name nobody and stay as they are.
    key : str or bytes
        The secret; see `privacy.pseudonym`.

    Raises
    ------
    InputError
        If the key is too short.

    Examples
    --------
    >>> stats = xr.Dataset({"x": ("customer", [2, 0])}, coords={"customer": [4711, 12]})
    >>> pseudonymise(stats, "an example key only").customer.values
    array(['4db8ed2a553fe18c', 'd70a7d2b249ef44d'], dtype=object)
    """
    hmac_pads(key)
    if "customer" not in stats.dims:
        return stats
    hidden = np.array(pseudonyms(stats["customer"].to_numpy().tolist(), key), object)
    return stats.assign_coords(customer=("customer", hidden)).sortby("customer")
