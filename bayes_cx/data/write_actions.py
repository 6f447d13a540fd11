"""Write what was decided into an action log: a folder with one Parquet file for each run."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bayes_cx.data.action_log import NOTHING, OPTIONAL
from bayes_cx.errors import InputError
from bayes_cx.files import atomic_path, meaningful

__all__ = ["SCHEMA", "decisions_of", "write_actions"]

SCHEMA = {
    "time": pa.timestamp("us"),
    "action": pa.string(),
    "propensity": pa.float64(),
    "expected": pa.float64(),
    "expected_sd": pa.float64(),
    "model": pa.string(),
    "run": pa.string(),
}
"""The columns of a log and their types; the customer is text or a whole number, the context text."""

# What plans call the columns of a log.
_ALSO = {"action": "offer", "propensity": "taken", "expected": "gain", "expected_sd": "gain_sd"}


def write_actions(
    plan: Any,
    log: str | os.PathLike[str],
    *,
    time: Any,
    model: str = "",
    run: str | None = None,
    context: Sequence[str] | str = (),
) -> Path:
    """Write the decisions of a plan into an action log, and return the file.

    The log is a folder with one file for each run, so that nothing that was written is ever changed. The same
    decisions have the same file name: to write them twice changes nothing.

    Parameters
    ----------
    plan : Plan or pandas.DataFrame
        A plan of `prioritise` or `next_best_action`, or a frame with the columns ``customer`` and ``action``
        (``"nothing"`` for those left alone), and where there are such ``propensity``, ``expected`` and
        ``expected_sd``, the expected gain of the action and its standard deviation. Without propensities each
        decision was certain.
    log : path
        The folder.
    time : date, datetime or str
        When the decisions are carried out.
    model : str
        Which model decided.
    run : str, optional
        Which run decided; if not given, the fingerprint of the decisions.
    context : sequence of str
        Columns of the plan with what was known of the customers, such as their segment.

    Raises
    ------
    InputError
        If a column is missing, a propensity is not above 0 and at most 1, or a customer is named twice.

    Examples
    --------
    >>> import tempfile
    >>> from bayes_cx.data import read_actions
    >>> plan = pd.DataFrame({"customer": ["a", "b"], "action": ["mail", "nothing"], "propensity": [0.9, 0.1]})
    >>> with tempfile.TemporaryDirectory() as log:
    ...     once = write_actions(plan, log, time="2025-01-01")
    ...     again = write_actions(plan, log, time="2025-01-01")
    ...     read_actions(log).rows_read, once == again
    (2, True)
    """
    context = (context,) if isinstance(context, str) else tuple(context)
    frame = decisions_of(plan, context)
    frame = frame.sort_values("customer", kind="stable").reset_index(drop=True)
    frame["time"] = _moment(time)
    frame["model"] = str(model)
    # What differs between machines in the last digits would be another file.
    frame = meaningful(frame, exact=["propensity"])
    columns = ["customer", *SCHEMA, *context]
    content = [name for name in columns if name in frame]
    digest = hashlib.sha256(frame[content].to_csv(index=False).encode()).hexdigest()
    frame["run"] = digest[:16] if run is None else str(run)
    # A run that is named differently is another file of the same decisions, and reading keeps one of each.
    name = hashlib.sha256(f"{digest} {frame['run'].iloc[0]}".encode()).hexdigest()[:16]
    path = Path(log) / f"{frame['time'].iloc[0]:%Y-%m-%d}-{name}.parquet"
    if path.exists():
        return path
    whole = pd.api.types.is_integer_dtype(frame["customer"].dtype)
    types = {
        "customer": pa.int64() if whole else pa.string(),
        **SCHEMA,
        **dict.fromkeys(context, pa.string()),
    }
    fields = [pa.field(name, kind) for name, kind in types.items() if name in frame]
    table = pa.Table.from_pandas(frame, pa.schema(fields), preserve_index=False)
    with atomic_path(path) as part:
        pq.write_table(table.replace_schema_metadata({"bayes_cx": "actions 1"}), part)
    return path


def decisions_of(plan: Any, context: Sequence[str] = ()) -> Any:
    """Return one row a customer: ``customer``, ``action``, ``propensity``, what was expected, the context.

    Raises
    ------
    InputError
        As `write_actions`.
    """
    table = plan.table() if hasattr(plan, "table") else plan
    if not isinstance(table, pd.DataFrame):
        raise InputError(
            f"a {type(plan).__name__}",
            "a plan, or a frame with the columns customer and action",
            "pass what bcx.prioritise returned",
        )
    found: dict[str, Any] = {}
    for name in ("customer", "action", "propensity", *OPTIONAL[:2]):
        for column in filter(None, (name, _ALSO.get(name))):
            if column in table and name not in found:
                found[name] = table[column].to_numpy()
    missing = [name for name in ("customer", "action") if name not in found]
    missing += [name for name in context if name not in table]
    if missing:
        raise InputError(
            f"decisions without {', '.join(missing)}",
            f"these columns among {', '.join(map(repr, table.columns[:50]))}",
            "add them",
        )
    frame: Any = pd.DataFrame(found)
    left_alone = frame["action"].isna().to_numpy()
    if "contact" in table and "action" not in table:
        left_alone = left_alone | ~table["contact"].to_numpy(bool)
        # The gain of a plan is that of the offer that was not made.
        for name in OPTIONAL[:2]:
            if name in frame:
                frame.loc[left_alone, name] = 0.0
    frame["action"] = frame["action"].astype(object).where(~left_alone, NOTHING).astype(str).str.strip()
    if "propensity" not in frame:
        frame["propensity"] = 1.0
    _check(frame)
    if not pd.api.types.is_integer_dtype(frame["customer"].dtype):
        frame["customer"] = frame["customer"].astype(str)
    for name in context:
        frame[name] = pd.Series(table[name].to_numpy()).map(str, na_action="ignore").to_numpy(object)
    return frame


def _check(frame: Any) -> None:
    if frame.empty:
        raise InputError("no decision", "one customer or more", "leave out an empty plan")
    given: Any = pd.to_numeric(frame["propensity"], errors="coerce")
    chance = given.to_numpy(float)
    wrong = ~((chance > 0) & (chance <= 1))
    frame["propensity"] = chance
    if wrong.any():
        raise InputError(
            f"{wrong.sum():,} propensities such as {chance[wrong][0]}",
            "the probability of the action that was chosen, above 0 and at most 1",
            "correct them; an action that was certain has 1",
        )
    if frame["customer"].isna().any():
        raise InputError("a decision without a customer", "a customer in each row", "leave out that row")
    twice = frame["customer"].duplicated()
    if twice.any():
        raise InputError(
            f"customer {frame.loc[twice, 'customer'].iloc[0]!r} twice",
            "one decision for each customer",
            "write the decisions of each time apart",
        )
    if (frame["action"] == "").any():
        raise InputError("an action without a name", "a name", f"call it {NOTHING!r} if nothing was done")


def _moment(time: Any) -> np.datetime64:
    """Return when the decisions are carried out: a day is its beginning."""
    try:
        found: Any = pd.Timestamp(time)
        # The clock of the place, as all times of a log.
        plain = np.datetime64(found.tz_localize(None), "us")
    except (TypeError, ValueError) as error:
        raise InputError(f"time={time!r}", "a date or a time", "write for example '2025-01-31'") from error
    if np.isnat(plain):
        raise InputError(f"time={time!r}", "a date or a time", "write for example '2025-01-31'")
    return plain
