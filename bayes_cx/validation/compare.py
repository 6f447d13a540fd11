"""Which model predicts these customers best, by how much, and whether the difference is more than noise."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from bayes_cx.checks import Check, Status
from bayes_cx.data import Split
from bayes_cx.inference import Posterior
from bayes_cx.validation.comparable import finest, refuse
from bayes_cx.validation.comparison import Comparison
from bayes_cx.validation.forecasts import forecasts, refuse_holdout
from bayes_cx.validation.loo import Loo, khat_limit, leave_one_out
from bayes_cx.validation.stacking import stacking

__all__ = ["compare"]

# Standard errors of differences over fewer customers are too small [sivula2020uncertainty]_.
_LEAST_CUSTOMERS = 100


def compare(
    posteriors: Mapping[str, Posterior],
    *,
    split: Split | None = None,
    spend: Posterior | None = None,
    stats: xr.Dataset | None = None,
    draws: int = 500,
    seed: int = 0,
) -> Comparison:
    r"""Compare how well models predict customers left out of the fit, and with a split the hold-out period.

    The measure is the expected log predictive density of one customer given all others,
    elpd = \sum_i log p(y_i | y_-i), by Pareto-smoothed importance sampling [vehtari2017practical]_. Equal
    customers are computed once and count as often as they occur, in sums and in standard errors.

    Models that read different statistics of the same data are compared by the density of all that the
    statistics say: Gamma-Gamma, which reads mean spends, by that of single amounts.

    The best model is *clear* if it leads every other by more than 4 and by more than two standard errors of
    the difference. Smaller leads decide nothing: models that predict alike have differences whose standard
    error is itself too small [sivula2020uncertainty]_. Then use either, or an average with `weights`.

    With calendar time a customer is predicted given the weeks, which the others tell: the measure says how
    well a model describes what happened, and not how well it forecasts weeks that nobody knows. For that
    compare by a hold-out, with `split`.

    Parameters
    ----------
    posteriors : mapping of str to Posterior
        Two or more by name, fitted to the same customers.
    split : Split, optional
        The split to whose ``calibration`` all were fitted; adds how well they forecast the hold-out.
    spend : Posterior, optional
        Posterior of a model of spend fitted to the same customers, to rank customers by expected spend.
    stats : xarray.Dataset, optional
        The statistics, needed where no single fit has the columns of all the others.
    draws : int
        Futures of each model in the hold-out, two or more.
    seed : int
        The same seed gives the same result.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If there are fewer than two posteriors, one is a point estimate or a prior, or their densities do not
        compare: other customers, another kind of model, another unit of time.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> models = (bcx.models.BG_NBD, bcx.models.MBG_NBD)
    >>> fits = {model.name: bcx.fit(model, stats, seed=1, progress=False) for model in models}
    >>> bcx.compare(fits).clear
    False
    """
    refuse(posteriors)
    if split is not None:
        refuse_holdout(posteriors, split, spend, draws)
    table = finest(posteriors, stats)
    # Densities of the mean of some amounts and of the amounts themselves do not compare.
    of_all = len({posterior.model.statistics for posterior in posteriors.values()}) > 1
    loos = {name: leave_one_out(posterior, table, of_all=of_all) for name, posterior in posteriors.items()}
    weight = table["weight"].to_numpy()
    order = sorted(posteriors, key=lambda name: -float(weight @ loos[name].elpd))
    ranked = {name: posteriors[name] for name in order}
    found = _scores([loos[name] for name in order], [ranked[name].n_draws for name in order], weight)
    shared = [name for name in order if ranked[name].layout.design.calendar]
    found = found.assign_coords(model=order)
    found = found.assign_attrs(customers=int(weight.sum()), with_calendar=shared)
    if split is not None:
        found = found.merge(forecasts(ranked, split, spend, draws, seed), combine_attrs="no_conflicts")
    rows = table.assign(
        elpd=(("model", "row"), np.array([loos[name].elpd for name in order])),
        khat=(("model", "row"), np.array([loos[name].khat for name in order])),
    ).assign_coords(model=order)
    return Comparison(found, rows, _checks(found, rows, ranked))


def _scores(loos: list[Loo], n_draws: list[int], weight: np.ndarray) -> xr.Dataset:
    """Return the scores of each model, summed over customers, the best model first."""
    elpd, p, khat = (np.array(values) for values in zip(*loos, strict=True))
    limit = np.array([khat_limit(n) for n in n_draws])
    behind = elpd[0] - elpd
    columns = {
        "elpd": elpd @ weight,
        "elpd_se": _se_of_sum(elpd, weight),
        "behind": behind @ weight,
        "behind_se": _se_of_sum(behind, weight),
        "parameters": p @ weight,
        "khat_max": np.fmax.reduce(khat, axis=1),
        "khat_above": (khat > limit[:, None]) @ weight,
        "khat_limit": limit,
        "weight": stacking(elpd, weight),
    }
    return xr.Dataset({name: ("model", values) for name, values in columns.items()})


def _se_of_sum(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the standard error of the sum over customers, sqrt(n var), of values (model, row)."""
    n = weight.sum()
    away = values - (values @ weight / n)[:, None]
    return np.sqrt(n * (away**2 @ weight) / max(n - 1, 1))


def _checks(table: xr.Dataset, rows: xr.Dataset, ranked: Mapping[str, Posterior]) -> tuple[Check, ...]:
    n = table.attrs["customers"]
    enough: Status = "passed" if n >= _LEAST_CUSTOMERS else "failed"
    found = [Check("customers compared", n, f">= {_LEAST_CUSTOMERS}", enough)]
    for name, posterior in ranked.items():
        one = table.sel(model=name)
        above, unknown = int(one["khat_above"]), int(rows["weight"] @ np.isnan(rows["khat"].sel(model=name)))
        status: Status = "failed" if above else "not_run" if unknown else "passed"
        note = f"largest {float(one['khat_max']):.2f}" + (f"; none found for {unknown}" if unknown else "")
        limit = f"customers with k-hat above {float(one['khat_limit']):.2g}"
        found.append(Check(limit, None if status == "not_run" else above, "0", status, note, about=name))
        failed = sum(check.status == "failed" for check in posterior.checks)
        value = None if posterior.verdict == "not_run" else failed
        found.append(Check("failed checks of the fit", value, "0", posterior.verdict, about=name))
    return tuple(found)
