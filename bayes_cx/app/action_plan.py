"""The plan of several actions that the settings ask for: opt-outs and earlier contacts from their files."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import bayes_cx as bcx
from bayes_cx.app.measured import response_of
from bayes_cx.app.settings import ActionSettings, Settings
from bayes_cx.errors import InputError
from bayes_cx.privacy import pseudonyms

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["check_actions", "next_actions", "notes"]

ALL = "all"


def next_actions(
    value: "bcx.LifetimeValue", settings: Settings, refusing: Sequence[object] = ()
) -> "bcx.ActionPlan":
    """Return who gets which of the actions of the settings, within their limits.

    Parameters
    ----------
    value : LifetimeValue
    settings : Settings
        With actions.
    refusing : sequence
        Customers who refuse all contacts, besides those of the file of the settings.

    Raises
    ------
    InputError
        If a file of the settings cannot be read, or names a channel that no action has.
    """
    several, until = settings.several, str(value.stats.attrs.get("until", ""))
    log = _log(settings)
    return bcx.next_best_action(
        value,
        [_action(one, settings) for one in several.actions],
        limits=_limits(settings, refusing),
        log=log,
        until=_end(log, until),
        explore=bcx.Exploration(share=several.held_out) if several.held_out else None,
        seed=settings.compute.seed,
    )


def check_actions(settings: Settings) -> None:
    """Read opt-outs and earlier contacts, before anything that takes its time.

    Raises
    ------
    InputError
        If one of them cannot be read, or names a channel that no action has.
    """
    if settings.several.actions:
        from bayes_cx.decision.permitted import permitted

        actions = [_action(one, settings) for one in settings.several.actions]
        permitted(_nobody(), actions, _limits(settings, ()), _log(settings), None)


def notes(plan: "bcx.Plan", settings: Settings) -> list[str]:
    """Return what a reader of the run should know of the opt-outs: whether they are of these customers."""
    table = _opt_outs(settings)
    if table is None:
        return []
    customers = set(map(str, plan.data["customer"].to_numpy().tolist()))
    named = set(table["customer"])
    known = len(named & customers)
    return [f"{known:,} of the {len(named):,} customers in opt_outs are among those of the report"]


def _limits(settings: Settings, refusing: Sequence[object]) -> "bcx.Limits":
    several = settings.several
    return bcx.Limits(
        budget=settings.offer.budget,
        capacity=dict(several.capacities),
        contacts=several.most_contacts,
        period=several.period,
        preferences=_preferences(settings, refusing),
        consistent=several.consistent,
    )


def _nobody() -> "np.ndarray":
    import numpy as np

    return np.empty(0, object)


def _action(one: ActionSettings, settings: Settings) -> "bcx.Action":
    assumed: dict[str, Any] = {}
    if one.response is None:
        assumed = {
            "win_back": bcx.Beta(*one.win_back),
            "keep": bcx.Beta(*one.keep),
            "half_life": one.half_life,
        }
    return bcx.Action(
        one.name,
        cost=one.cost,
        channel=one.channel,
        message=one.message,
        response=None if one.response is None else response_of(one.response, settings),
        charged=one.charged,
        **assumed,
    )


def _preferences(settings: Settings, refusing: Sequence[object]) -> "pd.DataFrame | None":
    """Return who refuses what, by file and by column together."""
    import pandas as pd

    table = _opt_outs(settings)
    parts = [] if table is None else [table]
    if refusing:
        parts.append(pd.DataFrame({"customer": [*refusing], "channel": ALL}, dtype=object))
    return pd.concat(parts, ignore_index=True) if parts else None


@lru_cache(maxsize=4)
def _opt_outs(settings: Settings) -> "pd.DataFrame | None":
    if settings.several.opt_outs is None:
        return None
    return _table(settings.several.opt_outs, ("customer", "channel"), ("allowed",), settings)


@lru_cache(maxsize=4)
def _log(settings: Settings) -> "pd.DataFrame | None":
    if settings.several.contact_log is None:
        return None
    needed = ("customer", "time", *(("message",) if settings.several.consistent else ()))
    return _table(settings.several.contact_log, needed, (), settings)


def _table(
    file: str, needed: tuple[str, ...], perhaps: tuple[str, ...], settings: Settings
) -> "pd.DataFrame":
    """Return a table with ids as text, under the pseudonyms of the run where it has some."""
    from bayes_cx.data.sources import open_source
    from bayes_cx.data.sql import ident

    opened = open_source(file, needed, perhaps=perhaps, encoding=settings.read.encoding)
    columns = [*needed, *(name for name in perhaps if name in opened.types)]
    cast = ", ".join(f"CAST({ident(name)} AS VARCHAR) AS {ident(name)}" for name in columns)
    frame: Any = opened.run(f"SELECT {cast} FROM {opened.sql}").to_pandas()
    key = settings.read.key()
    who = frame["customer"]
    if who.isna().any():
        raise InputError(
            f"a row without a customer in {opened.label}", "a customer in each row", "complete the file"
        )
    frame = frame.assign(customer=[str(one).strip() for one in who])
    return frame if key is None else frame.assign(customer=pseudonyms(frame["customer"], key))


def _end(log: "pd.DataFrame | None", until: str) -> Any:
    """Return the end of the period that counts: the last day observed, or the last contact if it is later."""
    if log is None or not until:
        return None
    import pandas as pd

    end = pd.Timestamp(until[:10]) + pd.Timedelta(days=1)
    try:
        times: Any = pd.to_datetime(log["time"], utc=True).dt.tz_localize(None)
    except (ValueError, TypeError):
        return end  # what cannot be read is refused where the log is used
    return end if log.empty else max(end, times.max())
