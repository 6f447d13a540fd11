"""What goes with an event: by which factor its rate differs with what is known of customers."""

import numpy as np
import pandas as pd

from bayes_cx.errors import InputError
from bayes_cx.inference.hazards import RiskPosterior
from bayes_cx.inference.risk_design import AGE
from bayes_cx.scoring.risk_words import larger, size, step

__all__ = ["effects_on_risk"]


def effects_on_risk(
    posterior: RiskPosterior, target: str | None = None, *, level: float = 0.9
) -> pd.DataFrame:
    """Return by which factor the rate of an event differs with each feature, all else equal.

    The factors of age are not among them: age has a curve, of which a single factor says little.

    Parameters
    ----------
    posterior : RiskPosterior
    target : str, optional
        The event, by default the first of the fit.
    level : float
        Probability of the intervals.

    Returns
    -------
    pandas.DataFrame
        One row a feature, those of which the direction is surest first: ``feature``; ``what`` and ``step``
        say in words which way, and from where to where: by one standard deviation of a number, from none to
        one of what is rare, or to being of a level; ``factor`` (posterior median), ``low`` and ``high``
        (interval); ``sure``, the probability of the direction; ``strength``, the size of the effect of one
        standard deviation on the logarithm of the rate. Of times since an event it is the way in which the
        rate rises.

    Raises
    ------
    InputError
        If the fit knows no such event, or `level` is no probability.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> rows = [(who, day, "visit") for who in range(40) for day in (1, 40 + who)]
    >>> rows += [(who, 80 + who, "leave") for who in range(0, 40, 2)]
    >>> frame = pd.DataFrame(rows, columns=["customer", "day", "event"])
    >>> frame["time"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(frame["day"], unit="D")
    >>> events = bcx.read_events(frame, customer="customer", time="time", event="event")
    >>> periods = bcx.summarise_periods(events, event="leave", period="30 days")
    >>> risk = bcx.fit(bcx.models.HAZARD, periods, seed=1)
    >>> list(bcx.scoring.effects_on_risk(risk).columns)
    ['feature', 'what', 'step', 'factor', 'low', 'high', 'sure', 'strength']
    """
    target = posterior.causes[0] if target is None else target
    if target not in posterior.causes:
        raise InputError(
            f"the event {target!r}", f"one of {', '.join(posterior.causes)}", "name an event of the fit"
        )
    if not 0 < level < 1:
        raise InputError(f"level={level}", "a probability", "write for example level=0.9")
    columns, period = posterior.design.columns, posterior.design.period
    some = [i for i, column in enumerate(columns) if column.feature != AGE]
    drawn = posterior.beta[:, posterior.causes.index(target), 1:][:, some]
    positive = (drawn > 0).mean(axis=0)
    recent = np.array([columns[i].form == "recency" for i in some], bool)
    upward = ~recent | (np.median(drawn, axis=0) > 0)
    ends = ((1 - level) / 2, 0.5, (1 + level) / 2)
    steps = np.array([size(columns[i]) for i in some]) * np.where(upward, 1, -1)
    low, middle, high = np.exp(np.quantile(drawn * steps, ends, axis=0))
    table = pd.DataFrame(
        {
            "feature": [columns[i].name for i in some],
            "what": [larger(columns[i], up) for i, up in zip(some, upward, strict=True)],
            "step": [step(columns[i], period, up) for i, up in zip(some, upward, strict=True)],
            "factor": middle,
            "low": low,
            "high": high,
            "sure": np.maximum(positive, 1 - positive),
            "strength": np.abs(np.median(drawn, axis=0)),
        }
    )
    order = np.lexsort((table["feature"], -table["strength"], -table["sure"]))
    return table.iloc[order].reset_index(drop=True)
