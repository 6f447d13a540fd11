"""Rules of whom to do what to, as probabilities of actions, and errors of sums over customers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayes_cx.errors import InputError

__all__ = ["AS_LOGGED", "Policy", "cells", "named_policies", "probabilities", "standard_error"]

type Policy = str | Callable[[pd.DataFrame], Any] | pd.Series | pd.DataFrame | np.ndarray
"""A rule: an action for everybody, the action of each decision, or a function of the decisions."""

AS_LOGGED = "as logged"
"""The name of what was done."""

_ROUNDING = 1e-6


def named_policies(policies: Policy | Mapping[str, Policy]) -> dict[str, Policy]:
    """Return rules by name; an action alone is named by itself.

    Raises
    ------
    InputError
        If there is none, or one is named like what was done.
    """
    if isinstance(policies, Mapping):
        found = {str(name): policy for name, policy in policies.items()}
    else:
        found = {policies if isinstance(policies, str) else "rule": policies}
    if not found or AS_LOGGED in found:
        raise InputError(
            f"rules named {', '.join(map(repr, found)) or 'nothing'}",
            f"one rule or more, none of them named {AS_LOGGED!r}",
            "write {'my rule': rule}",
        )
    return found


def probabilities(policy: Any, rows: pd.DataFrame, actions: Sequence[str], name: str) -> np.ndarray:
    """Return the probability of each action under a rule, shape (decision, action).

    Raises
    ------
    InputError
        If the rule names an action that was never done, or its probabilities do not add up to one.
    """
    try:
        given = policy(rows.copy()) if callable(policy) else policy
    except KeyError as error:
        raise InputError(
            f"rule {name!r} that reads {error}, which no decision has",
            f"columns of the decisions: {', '.join(map(str, rows.columns))}",
            "correct the rule, or log what it needs",
        ) from error
    if isinstance(given, str):
        given = np.full(len(rows), given, dtype=object)
    if isinstance(given, pd.DataFrame):
        unknown = [name for name in given.columns if name not in actions and np.any(given[name].to_numpy())]
        _check_known(unknown, actions, name)
        given = given.reindex(columns=list(actions), fill_value=0.0)
    found = np.asarray(given)
    if found.shape[:1] != (len(rows),) or found.ndim > 2:
        raise InputError(
            f"rule {name!r} with {found.shape} answers to {len(rows):,} decisions",
            "an action for each decision, or a table of probabilities with a column for each action",
            "return one row for each row of the table that the rule is given",
        )
    if found.ndim == 1:
        chosen = pd.Series(found).astype(str)
        _check_known(sorted(set(chosen) - set(actions)), actions, name)
        return (chosen.to_numpy()[:, None] == np.array(actions, dtype=object)).astype(float)
    found = found.astype(float)
    wrong = found.shape[1] != len(actions) or (found < -_ROUNDING).any()
    if wrong or (np.abs(found.sum(axis=1) - 1.0) > _ROUNDING).any():
        raise InputError(
            f"rule {name!r} with probabilities that do not add up to 1",
            f"a column for each of {', '.join(map(repr, actions))}, and rows that add up to 1",
            "return a frame whose columns are named by the actions",
        )
    return found


def _check_known(unknown: Sequence[str], actions: Sequence[str], name: str) -> None:
    if unknown:
        raise InputError(
            f"action {unknown[0]!r} of rule {name!r}",
            f"one that was done: {', '.join(map(repr, actions))}",
            "a log cannot say what an action changes that it does not hold",
        )


def cells(rows: pd.DataFrame, by: Sequence[str]) -> np.ndarray:
    """Return a number for the group of each row: rows are alike that are equal in these columns.

    Raises
    ------
    InputError
        If there is no such column.
    """
    if missing := [name for name in by if name not in rows]:
        raise InputError(
            f"no column {', '.join(map(repr, missing))} in the decisions",
            f"one of {', '.join(map(repr, rows.columns))}",
            "check the spelling",
        )
    if not by:
        return np.zeros(len(rows), dtype=np.int64)
    return rows.groupby(list(by), dropna=False, sort=True).ngroup().to_numpy()


def standard_error(influence: np.ndarray, customers: np.ndarray) -> float:
    """Return the standard error of a sum of influences, where those of one customer belong together.

    Parameters
    ----------
    influence : numpy.ndarray, shape (decision,)
        What each decision adds to the error of an estimate.
    customers : numpy.ndarray of int, shape (decision,)
        The number of the customer.
    """
    own = np.bincount(customers, weights=influence)
    n = own.size
    return float(np.sqrt(np.sum(own**2) * n / (n - 1))) if n > 1 else float("nan")
