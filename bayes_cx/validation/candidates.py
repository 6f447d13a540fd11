"""Which models of a kind are worth fitting to given statistics."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy.special import gammaln

from bayes_cx.model import Model

__all__ = ["come_regularly", "worth_trying"]


def come_regularly(stats: xr.Dataset) -> bool:
    r"""Return whether customers come more regularly than by chance.

    Given the number of repeat purchases x and the time of the last, the gaps between purchases are shares of
    that time with the distribution Dirichlet(k, ..., k), whatever the rates are and whoever leaves, where a
    gap has k stages (1 by chance). So their likelihood needs only the sum of the logs of the shares, the
    column ``regularity``. It is concave in k, and if it is not larger at k = 2 than at k = 1, no larger k
    can be better.

    Parameters
    ----------
    stats : xarray.Dataset
        With the columns ``x`` and ``regularity``; rows count as often as ``weight`` says.

    Examples
    --------
    >>> apart = {"x": ("customer", [2, 3]), "regularity": ("customer", [-1.4, -3.4])}
    >>> come_regularly(xr.Dataset(apart))
    True
    """
    x, shares = (stats[name].to_numpy().astype(float) for name in ("x", "regularity"))
    weight = stats["weight"].to_numpy() if "weight" in stats else np.ones(x.size)
    some = x > 1
    gain = gammaln(2 * x[some]) - gammaln(x[some]) + shares[some]
    return bool(weight[some] @ gain > 0)


def worth_trying(models: Sequence[Model], stats: xr.Dataset) -> tuple[tuple[Model, ...], str]:
    """Return the models that may fit, and a sentence on those that are left out, or "".

    A model that counts regularity is a model without it where customers come by chance: it costs the most
    time of all, and then says the same.

    Parameters
    ----------
    models : sequence of Model
    stats : xarray.Dataset
    """
    regular = [model for model in models if "regularity" in model.statistics]
    if not regular or len(regular) == len(models) or come_regularly(stats):
        return tuple(models), ""
    rest = tuple(model for model in models if model not in regular)
    names = " and ".join(model.name for model in regular)
    return rest, f"Purchases come no more regularly than by chance, so {names} would say the same as others."
