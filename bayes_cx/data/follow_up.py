"""What happened after each action of a log, within a window, and what it gained."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from bayes_cx.argument_types import check_types
from bayes_cx.data.action_log import Actions, check_actions
from bayes_cx.data.transactions import Transactions, read_transactions
from bayes_cx.errors import InputError
from bayes_cx.notebook import html
from bayes_cx.spans import Span

__all__ = ["FollowUp", "check_follow_up", "follow_up"]


@dataclass(frozen=True)
class FollowUp:
    """Decisions whose window has ended, with what the customer did in it.

    Attributes
    ----------
    rows : pandas.DataFrame
        One row a decision, in order of time and customer: the columns of the log, then ``purchases`` (count
        in the window), ``bought`` (0 or 1), ``spend`` where there are amounts, and ``gain``: the margin times
        the spend, or the worth of the purchases, less the cost of the action.
    window : Span
        How long after an action a purchase counts.
    until : datetime
        Until when purchases are known.
    still_open : int
        Decisions left out because their window had not ended by then.
    cut_short : int
        Decisions whose window ended early, with the next decision on the same customer.
    margin : float
        Share of the spend that counts as gain.
    costs : mapping of str to float
        Cost of each action.
    values : str
        What gains are: ``"spend"``, or ``"purchases"`` where there are no amounts.
    source : str
        Where decisions and outcomes come from.
    """

    rows: pd.DataFrame = field(repr=False)
    window: Span
    until: datetime
    still_open: int
    cut_short: int
    margin: float
    costs: Mapping[str, float]
    values: str
    source: str

    def __repr__(self) -> str:
        bought = int(self.rows["purchases"].to_numpy().sum())
        return (
            f"<FollowUp: {len(self.rows):,} decisions, {bought:,} purchases within {self.window}, "
            f"{self.still_open:,} still open on {self.until:%Y-%m-%d}>"
        )

    def _repr_html_(self) -> str:
        return html("follow_up", self)

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions, in alphabetical order."""
        return tuple(sorted(self.rows["action"].unique()))

    @property
    def context(self) -> tuple[str, ...]:
        """The columns with what was known of the customers."""
        return tuple(name for name in self.rows.columns if name not in _KNOWN)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should know of the decisions, in sentences."""
        found = []
        if self.still_open:
            found.append(
                f"{self.still_open:,} decisions are left out: purchases are known until "
                f"{self.until:%Y-%m-%d}, less than {self.window} after them"
            )
        if self.cut_short:
            found.append(
                f"{self.cut_short:,} windows end before {self.window}, with the next decision on the customer"
            )
        if certain := int((self.rows["propensity"].to_numpy() == 1).sum()):
            found.append(f"{certain:,} decisions were certain, and say nothing of what an action changes")
        return tuple(found)

    def by_action(self) -> pd.DataFrame:
        """Return the number of decisions, buyers, purchases, spend and gain by action."""
        sums = {name: (name, "sum") for name in ("bought", "purchases", "spend", "gain") if name in self.rows}
        found = self.rows.groupby("action").agg(n=("action", "size"), **sums)
        return found.rename(columns={"bought": "buyers"})


_KNOWN = {"customer", "time", "action", "propensity", "expected", "expected_sd", "model", "run"}
_KNOWN |= {"purchases", "bought", "spend", "gain"}


def follow_up(
    log: Actions,
    outcomes: Transactions | Any,
    *,
    window: Span | str,
    until: Any = None,
    margin: float = 1.0,
    costs: Mapping[str, float] | None = None,
    worth: float | None = None,
) -> FollowUp:
    """Join a log of actions with what happened within a window after each of them.

    A purchase belongs to the latest decision before it: a window ends early where the customer is decided on
    again. One at the very time of a decision counts as after it. Decisions whose window has not ended are
    left out, since their customers may still buy.

    Parameters
    ----------
    log : Actions
        From `read_actions`.
    outcomes : Transactions, or a source of them
        Purchases from `read_transactions`; of a source the columns are ``customer``, ``time`` and, where
        there is one, ``amount``.
    window : Span or str
        How long after an action a purchase counts, such as ``"30 days"``.
    until : date, optional
        The day until which purchases are known; if not given, that of the last purchase.
    margin : float
        Share of the spend that counts as gain.
    costs : mapping of str to float, optional
        Cost of each action; of one that is not named, nothing.
    worth : float, optional
        Worth of one purchase, in place of what was spent.

    Raises
    ------
    InputError
        If no window has ended, a cost is negative or of an action that is not in the log, or the log holds
        other customers than the outcomes.

    Examples
    --------
    >>> from bayes_cx.data import read_actions
    >>> rows = {"customer": ["a", "b"], "time": "2025-01-01", "action": ["mail", "nothing"]}
    >>> log = read_actions(pd.DataFrame(rows | {"propensity": [0.8, 0.2]}))
    >>> bought = pd.DataFrame({"customer": "a", "time": ["2025-01-05", "2025-03-01"], "amount": [20.0, 9.0]})
    >>> follow_up(log, bought, window="30 days", margin=0.5, costs={"mail": 1.0}).rows["gain"].tolist()
    [9.0, 0.0]
    """
    check_types(follow_up, locals())
    log, span = check_actions(log), Span.of(window)
    if not span.number > 0:
        raise InputError(f"window={window!r}", "a span above zero", "write for example '30 days'")
    purchases = _purchases(outcomes)
    costs = _costs(costs or {}, log)
    if isinstance(margin, str) or not 0 < margin <= 1:
        raise InputError(f"margin={margin!r}", "a share above 0, at most 1", "write 0.3 for 30%")
    if worth is not None and (isinstance(worth, str) or not 0 <= worth < np.inf):
        raise InputError(f"worth={worth!r}", "what a purchase is worth, zero or more", "correct it")
    rows = log.table()
    taken = {"purchases", "bought", "spend", "gain"} & set(log.context)
    rows = rows.drop(columns=sorted(taken))
    end, last = pd.to_timedelta(span.in_unit("second"), unit="s"), _last(purchases, until)
    closed = (rows["time"] + end <= last).to_numpy()
    if not closed.any():
        raise InputError(
            f"no decision whose window of {span} has ended: purchases are known until {last:%Y-%m-%d}",
            "decisions that were made earlier",
            "wait, shorten the window, or pass until= if purchases are known for longer",
        )
    found = _within(rows, purchases, end)
    found["bought"] = (found["purchases"] > 0).astype(np.int64)
    later = rows.groupby("customer")["time"].shift(-1)
    cut = (later < rows["time"] + end).to_numpy()
    amounts = worth is None and "amount" in purchases
    brought = margin * found["spend"] if amounts else found["purchases"] * (1.0 if worth is None else worth)
    found["gain"] = brought - rows["action"].map(lambda name: costs.get(name, 0.0)).to_numpy(float)
    if "amount" not in purchases:
        found = found.drop(columns="spend")
    joined: Any = pd.concat([rows, found], axis=1)
    return FollowUp(
        rows=joined[closed].reset_index(drop=True),
        window=span,
        until=last.to_pydatetime(),
        still_open=int((~closed).sum()),
        cut_short=int((cut & closed).sum()),
        margin=float(margin),
        costs=costs,
        values="spend" if amounts or worth is not None else "purchases",
        source=f"{log.source} and {getattr(outcomes, 'source', 'its outcomes')}",
    )


def _purchases(outcomes: Any) -> Any:
    if isinstance(outcomes, pd.DataFrame) and outcomes.empty:
        return pd.DataFrame({"customer": pd.Series(dtype=object), "time": pd.Series(dtype="datetime64[us]")})
    if not isinstance(outcomes, Transactions):
        try:
            outcomes = read_transactions(outcomes, customer="customer", time="time", amount="amount")
        except InputError as error:
            if "'amount'" not in str(error):
                raise
            outcomes = read_transactions(outcomes, customer="customer", time="time")
    frame = outcomes.accepted.df()
    if "amount" in frame:
        frame["amount"] = frame["amount"].astype(float)
    return frame


def _costs(costs: Mapping[str, float], log: Actions) -> dict[str, float]:
    for name, cost in costs.items():
        if isinstance(cost, str) or not 0 <= cost < np.inf:
            raise InputError(
                f"cost {cost!r} of action {name!r}", "a cost of zero or more", "correct the cost"
            )
        if name not in log.actions:
            raise InputError(
                f"the cost of {name!r}", f"one of {', '.join(map(repr, log.actions))}", "check the spelling"
            )
    return {str(name): float(cost) for name, cost in costs.items()}


def _last(purchases: Any, until: Any) -> Any:
    """Return the moment until which purchases are known."""
    last: Any = None
    if until is not None:
        try:
            last = pd.Timestamp(until)
            last = last.tz_localize(None) if last.tzinfo else last
        except (TypeError, ValueError) as error:
            raise InputError(f"until={until!r}", "a date", "write for example '2025-01-31'") from error
    elif len(purchases):
        last = purchases["time"].max()
    else:
        raise InputError("no purchase, and no day until which there was none", "such a day", "pass until=")
    # A day is known to its end.
    return last + pd.Timedelta(days=1) if last == last.normalize() else last


def _within(rows: Any, purchases: Any, window: pd.Timedelta) -> pd.DataFrame:
    """Return purchases and spend in the window of each decision, over the rows of the log."""
    decided = rows[["customer", "time"]].assign(row=np.arange(len(rows)), decided=rows["time"])
    bought = purchases.assign(spend=purchases.get("amount", 0.0))
    if decided["customer"].dtype != bought["customer"].dtype:
        # '12' in a text file is the customer 12 of a frame.
        decided["customer"], bought["customer"] = (each["customer"].astype(str) for each in (decided, bought))
    bought["time"] = bought["time"].astype(decided["time"].dtype)
    if len(bought) and not bought["customer"].isin(decided["customer"]).any():
        raise InputError(
            f"purchases of other customers than those of the log, such as {bought['customer'].iloc[0]!r}",
            f"customers such as {decided['customer'].iloc[0]!r}",
            "check which column holds the customer in each table",
        )
    found: Any = pd.merge_asof(
        bought.sort_values("time", kind="stable"),
        decided.sort_values("time", kind="stable"),
        on="time",
        by="customer",
    )
    found = found[found["time"] - found["decided"] <= window]
    place, n = found["row"].to_numpy(np.int64), len(rows)
    return pd.DataFrame(
        {
            "purchases": np.bincount(place, minlength=n).astype(np.int64),
            "spend": np.bincount(place, weights=found["spend"].to_numpy(float), minlength=n),
        }
    )


def check_follow_up(value: Any) -> FollowUp:
    """Return a log that was joined with what happened.

    Raises
    ------
    InputError
        If it is something else, or holds no decision.
    """
    if not isinstance(value, FollowUp):
        raise InputError(
            f"a {type(value).__name__}",
            "a log joined with what happened after each action",
            "pass bcx.follow_up(log, outcomes, window='30 days')",
        )
    return value
