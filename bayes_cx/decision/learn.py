"""Learn from a log of actions and what happened: effects that the next plan is made with."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_cx.argument_types import check_types
from bayes_cx.data import NOTHING, Actions, FollowUp, follow_up
from bayes_cx.decision.learned import Learned, group_names
from bayes_cx.decision.learned_effects import SUMS, sums_of
from bayes_cx.decision.responses import Beta, Stated
from bayes_cx.errors import InputError
from bayes_cx.files import atomic_path
from bayes_cx.seeds import checked_seed
from bayes_cx.spans import Span

__all__ = ["learn", "load_learned", "save_learned"]

_OUTCOMES = ("bought", "purchases", "spend", "gain")


def learn(
    log: Actions | FollowUp,
    outcomes: Any = None,
    *,
    window: Span | str | None = None,
    outcome: str = "bought",
    by: Sequence[str] | str | None = None,
    control: str = NOTHING,
    priors: Mapping[str, Beta | Stated] | None = None,
    half_life: Span | str | None = None,
    before: Learned | None = None,
    seed: int = 0,
    **more: Any,
) -> Learned:
    """Learn what actions change from a log and from what happened after each of them.

    Each decision counts by one over its propensity, and is compared with those of its round and group who
    were left alone; one that was certain, as of a customer who must not be contacted, does not count. So
    neither the choice of whom to contact nor a good month is taken for an effect. What
    was believed before is the prior: as long as the log says little, an effect is what was assumed, and in
    the end it is what was measured. Groups are alike unless the log says otherwise.

    Parameters
    ----------
    log : Actions or FollowUp
        From `read_actions`, or joined with outcomes already by `follow_up`.
    outcomes : Transactions, or a source of them
        Purchases, as for `follow_up`. They must be complete over the windows of all rounds that are new.
    window : Span or str
        How long after an action a purchase counts.
    outcome : {"bought", "purchases", "spend", "gain"}
        What to learn of.
    by : sequence of str, optional
        Columns that make groups of customers; if not given, the context of the log.
    control : str
        The action of those left alone.
    priors : mapping of str to Beta or Stated, optional
        What is believed of each action: by how much it raises the share who buy, or, of other outcomes, by
        which share it raises what those left alone bring. Beta(2, 18) if nothing is said.
    half_life : Span or str, optional
        The age at which a round counts half, such as ``"26 weeks"``.
    before : Learned, optional
        What was learned until now. Its rounds stay as they are and new ones are added, so the same outcomes
        twice change nothing.
    seed : int
    **more
        Further settings of `follow_up`: ``until``, ``margin``, ``costs``, ``worth``.

    Returns
    -------
    Learned
        With `Learned.response` an effect for an offer, and with `Learned.plan` the next decisions.

    Raises
    ------
    InputError
        If nobody was left alone, or what was learned before is of something else.

    Examples
    --------
    >>> from bayes_cx.data import read_actions
    >>> n = 2000
    >>> log = read_actions(
    ...     pd.DataFrame({"customer": range(n), "action": ["mail", "nothing"] * (n // 2)}).assign(
    ...         time="2025-01-01", propensity=0.5
    ...     )
    ... )
    >>> bought = pd.DataFrame({"customer": range(0, n, 10), "time": "2025-01-05"})
    >>> learned = learn(log, bought, window="30 days", until="2025-03-01", priors={"mail": Beta(2, 18)})
    >>> round(learned.response("mail").mean, 2)
    0.2
    """
    check_types(learn, locals())
    decided = _decided(log, outcomes, window, more)
    if outcome not in _OUTCOMES or outcome not in decided.rows:
        known = [name for name in _OUTCOMES if name in decided.rows]
        raise InputError(f"outcome={outcome!r}", f"one of {', '.join(known)}", "pass one of these")
    by = decided.context if by is None else (by,) if isinstance(by, str) else tuple(by)
    if missing := [name for name in by if name not in decided.rows]:
        raise InputError(
            f"no column {', '.join(map(repr, missing))} in the log",
            f"one of {', '.join(map(repr, decided.context)) or 'none: the log has no context'}",
            "check the spelling",
        )
    rows: Any = decided.rows[decided.rows["propensity"] < 1]
    if rows.empty:
        raise InputError(
            "a log in which every decision was certain",
            "actions that were chosen at random, and the probabilities with which they were",
            "leave a share of the customers alone at random next time, and write the propensities",
        )
    if control not in set(rows["action"]):
        raise InputError(
            f"no decision {control!r} in the log, which has {', '.join(map(repr, decided.actions))}",
            "customers who were left alone at random, without whom nobody knows what an action changed",
            "name the action with control='...', or leave a share of the customers alone next time",
        )
    sums = sums_of(rows, group_names(rows, by), outcome)
    given = {
        name: prior.prior if isinstance(prior, Stated) else prior for name, prior in (priors or {}).items()
    }
    for name, prior in given.items():
        if not isinstance(prior, Beta):
            raise InputError(f"the prior {prior!r} of {name!r}", "a Beta", "write for example Beta(2, 18)")
    span = str(decided.window)
    if before is not None:
        sums = _added(before, sums, (outcome, control, by, span))
        given = {**before.priors, **given}
    half = "" if half_life is None else str(Span.of(half_life))
    return Learned(
        sums=sums,
        outcome=outcome,  # pyright: ignore[reportArgumentType]
        control=control,
        by=by,
        priors=given,
        scale=1.0 if outcome == "bought" else _scale(sums, control),
        half_life=half,
        window=span,
        seed=checked_seed(seed),
    )


def _decided(
    log: Actions | FollowUp, outcomes: Any, window: Span | str | None, more: Mapping[str, Any]
) -> FollowUp:
    if isinstance(log, FollowUp):
        if outcomes is not None or window is not None or more:
            raise InputError(
                "outcomes or settings for a log that was joined with outcomes already",
                "the log alone",
                "leave them out",
            )
        return log
    if outcomes is None or window is None:
        raise InputError(
            "a log without outcomes, or without a window",
            "purchases, and how long after an action they count",
            "pass bcx.learn(log, purchases, window='30 days')",
        )
    return follow_up(log, outcomes, window=window, **more)


def _added(before: Learned, sums: pd.DataFrame, asked: tuple[Any, ...]) -> pd.DataFrame:
    """Return the sums of all rounds; those that were learned stay as they are."""
    of = (before.outcome, before.control, before.by, before.window)
    if of != asked:
        raise InputError(
            f"what was learned before, of {of}",
            f"the same outcome, control, groups and window: {asked}",
            "learn all rounds again, without before=",
        )
    new: Any = sums[~sums["round"].isin(before.sums["round"])]
    every = pd.concat([before.sums, new], ignore_index=True)
    return every.sort_values(["round", "group", "action"], kind="stable").reset_index(drop=True)


def _scale(sums: pd.DataFrame, control: str) -> float:
    """Return what those left alone bring, of which a prior is a share."""
    w, wy, wyy = (sums[name].to_numpy(float) for name in ("w", "wy", "wyy"))
    left = (sums["action"] == control).to_numpy()
    mean = float(wy[left].sum() / w[left].sum())
    # Without any, the spread of the outcomes says how large they are.
    spread = float(np.sqrt(wyy.sum() / w.sum()))
    return abs(mean) or spread or 1.0


def save_learned(learned: Learned, path: str | os.PathLike[str]) -> None:
    """Write what was learned to one Parquet file, whole or not at all; `load_learned` reads it.

    Parameters
    ----------
    learned : Learned
    path : path
        Ends in ``.parquet``.
    """
    frame = learned.sums.copy()
    frame.attrs = {
        "bayes_cx": "learned 1",
        "outcome": learned.outcome,
        "control": learned.control,
        "by": json.dumps(learned.by),
        "priors": json.dumps({name: [prior.alpha, prior.beta] for name, prior in learned.priors.items()}),
        "scale": learned.scale,
        "half_life": learned.half_life,
        "window": learned.window,
        "seed": learned.seed,
    }
    with atomic_path(path) as part:
        frame.to_parquet(part, index=False)


def load_learned(path: str | os.PathLike[str]) -> Learned:
    """Read what `save_learned` wrote.

    Raises
    ------
    InputError
        If the file is not there or holds something else.
    """
    try:
        frame = pd.read_parquet(Path(path))
        attrs = dict(frame.attrs)
        if attrs.get("bayes_cx") != "learned 1" or not {"round", "group", "action", *SUMS} <= {*frame}:
            raise ValueError("other columns")
        frame.attrs = {}
        return Learned(
            sums=frame,
            outcome=attrs["outcome"],
            control=attrs["control"],
            by=tuple(json.loads(attrs["by"])),
            priors={name: Beta(*ends) for name, ends in json.loads(attrs["priors"]).items()},
            scale=float(attrs["scale"]),
            half_life=attrs["half_life"],
            window=attrs["window"],
            seed=int(attrs["seed"]),
        )
    except FileNotFoundError:
        raise InputError(f"no file {path}", "what bcx.learn learned before", "check the path") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} holds nothing learned", "a file of `learn`", "write it again") from error
