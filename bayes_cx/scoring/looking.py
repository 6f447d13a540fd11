r"""Looking at a trial before its end, as often as one likes: e-values and confidence sequences.

With d the difference of an arm and the control and V its variance, the mixture sequential probability ratio

.. math::
    E = \sqrt{\frac{V}{V + \rho^2}} \exp\left(\frac{\rho^2 d^2}{2 V (V + \rho^2)}\right)

is the likelihood of d averaged over effects :math:`\delta \sim \text{Normal}(0, \rho^2)`, divided by that
without an effect. If there is none, the chance that E ever reaches :math:`1 / \alpha` is at most
:math:`\alpha`, however often one looks, as far as d is normal :cite:`johari2022always`. The effects for
which it never did are

.. math:: d \pm \sqrt{\frac{V (V + \rho^2)}{\rho^2} \log \frac{V + \rho^2}{V \alpha^2}}.

:math:`\rho` is the size of effect that one hopes for; it has to be chosen before the data.
"""

from typing import Literal

import numpy as np
import xarray as xr

from bayes_cx.argument_types import check_types
from bayes_cx.errors import InputError
from bayes_cx.inference import TrialPosterior

__all__ = ["e_value", "look", "sequence_width"]

# The effect that is hoped for, as a share of the control, if nobody says.
HOPED = 0.2


def e_value(d: np.ndarray, V: np.ndarray, rho: float | np.ndarray) -> np.ndarray:
    """Return the e-value of differences d with variance V against no effect; 1 where nothing is known.

    Examples
    --------
    >>> e_value(np.array([0.0, 3.0]), np.array([1.0, 1.0]), 1.0).round(3)
    array([0.707, 6.709])
    """
    V, rho2 = np.asarray(V, float), np.asarray(rho, float) ** 2
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        log_e = 0.5 * np.log(V / (V + rho2)) + rho2 * np.asarray(d) ** 2 / (2 * V * (V + rho2))
        return np.where(np.isfinite(V) & (V > 0), np.exp(np.minimum(log_e, 700.0)), 1.0)


def sequence_width(V: np.ndarray, rho: float | np.ndarray, alpha: float) -> np.ndarray:
    """Return half the width of the confidence sequence."""
    V, rho2 = np.asarray(V, float), np.asarray(rho, float) ** 2
    return np.sqrt(V * (V + rho2) / rho2 * np.log((V + rho2) / (V * alpha**2)))


def look(
    posterior: TrialPosterior,
    *,
    alpha: float = 0.05,
    effect: float | None = None,
    worthwhile: float = 0.0,
) -> xr.Dataset:
    """Return whether a trial that goes on may be stopped now, with a rule that holds however often one looks.

    A posterior says what is believed now; who stops as soon as ``p_better`` is high stops many trials in
    which nothing differs. This rule does so with probability `alpha` at most.

    Parameters
    ----------
    posterior : TrialPosterior
    alpha : float
        The largest chance to stop for an arm without an effect, of all arms together.
    effect : float, optional
        The size of effect that was hoped for before the trial, in the unit of the outcome; by default a fifth
        of what the control brings.
    worthwhile : float
        The smallest effect that is worth having. Where all arms are surely below it, one may stop as well.

    Returns
    -------
    xarray.Dataset
        Over ``arm`` without the control: ``difference``, ``low`` and ``high`` (they hold at all looks
        together), ``e_value`` and ``decided`` ("better", "worse", "not worthwhile" or "open"). Attributes:
        ``decision``, "stop" or "go on"; ``threshold``, which an e-value has to reach.

    Raises
    ------
    InputError
        If an option is out of its range.

    Examples
    --------
    >>> import pandas as pd
    >>> import bayes_cx as bcx
    >>> rows = pd.DataFrame({"mail": ["no"] * 1000 + ["yes"] * 1000, "bought": 0})
    >>> rows.loc[[*range(50), *range(1000, 1120)], "bought"] = 1
    >>> stats = bcx.summarise_trial(rows, "bought", arm="mail", control="no")
    >>> found = bcx.look(bcx.fit(bcx.models.TRIAL, stats, seed=1), effect=0.02)
    >>> found.attrs["decision"], found["decided"].values.tolist()
    ('stop', ['better'])
    """
    check_types(look, locals())
    if not 0 < alpha < 1:
        raise InputError(f"alpha={alpha}", "a probability between 0 and 1", "write 0.05 for 5 %")
    if not worthwhile >= 0:
        raise InputError(f"worthwhile={worthwhile}", "an effect of zero or more", "leave out its sign")
    table = posterior.table
    n, total, squares, x = (table[name].to_numpy() for name in ("n", "total", "squares", "before"))
    mean = total / n
    rho = HOPED * (mean[0] or mean.max() or 1.0) if effect is None else abs(float(effect))
    if not 0 < rho < np.inf:
        raise InputError(f"effect={effect}", "the size of an effect above zero", "pass what was hoped for")
    made = posterior.provenance
    left = 1.0 - float(made["explained"])
    # As if all customers of both arms were alike, which they are where there is no effect.
    within = np.maximum(squares - total**2 / n, 0.0) * left
    pooled = (within[1:] + within[0]) / np.maximum(n[1:] + n[0] - 2, 1)
    V = pooled * (1 / n[1:] + 1 / n[0])
    if posterior.adjusted:
        slope = _slope(posterior)
        mean = mean - slope * (x / n - x.sum() / n.sum())
    d = mean[1:] - mean[0]
    own = alpha / d.size
    known = (V > 0) & np.isfinite(V)
    wide = np.where(known, sequence_width(np.where(known, V, 1.0), rho, own), np.inf)
    low, high = d - wide, d + wide
    decided = np.select(
        [low > 0, high < 0, high < worthwhile], ["better", "worse", "not worthwhile"], "open"
    ).astype(object)
    decision: Literal["stop", "go on"] = (
        "stop" if (decided == "better").any() or (decided != "open").all() else "go on"
    )
    return xr.Dataset(
        {
            "difference": ("arm", d),
            "low": ("arm", low),
            "high": ("arm", high),
            "e_value": ("arm", e_value(d, V, rho)),
            "decided": ("arm", decided),
        },
        coords={"arm": list(posterior.arms[1:])},
        attrs={
            "decision": decision,
            "threshold": d.size / alpha,
            "alpha": alpha,
            "effect": float(rho),
            "worthwhile": float(worthwhile),
        },
    )


def _slope(posterior: TrialPosterior) -> float:
    table = posterior.table
    n, total, x, xx, xy = (
        table[name].to_numpy() for name in ("n", "total", "before", "before_squares", "crossed")
    )
    within = (xx - x**2 / n).sum()
    return float((xy - x * total / n).sum() / within) if within > 1e-12 * xx.sum() else 0.0
