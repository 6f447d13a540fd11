"""The log-likelihood of every customer, draw by draw."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from bayes_cx.inference.posterior import Posterior, thinned
from bayes_cx.model import Formula, Model, arguments
from bayes_cx.progress import counted
from bayes_cx.scoring.compiled import evaluate
from bayes_cx.scoring.in_pieces import log_likelihood_in_pieces
from bayes_cx.scoring.operational import CalendarClock, calendar_clock, in_operational_time_of
from bayes_cx.scoring.own_time import with_paths
from bayes_cx.weeks import number_of, week_of

__all__ = ["add_log_likelihood", "log_likelihoods", "total_log_likelihood"]

# Draws x rows held at once: 80 MB.
_CELLS = 10_000_000


def add_log_likelihood(posterior: Posterior, *, thin_to: int | None = None) -> Posterior:
    """Return the posterior with the log-likelihood of every customer, for `arviz.loo` and similar functions.

    Rows that stand for several customers are repeated, so every customer counts once.

    Parameters
    ----------
    posterior : Posterior
    thin_to : int, optional
        Use at most this many draws; the memory needed is draws x customers x 8 bytes.

    Returns
    -------
    Posterior
        With the group ``log_likelihood``, variable ``customers`` (chain, draw, customer). With `thin_to` the
        draws of all groups are thinned alike and form one chain.
    """
    weight = posterior.observed()["weight"].to_numpy()
    blocks = [block for _, block in log_likelihoods(posterior, thin_to=thin_to)]
    values = np.repeat(np.concatenate(blocks, axis=1), weight, axis=1)
    if values.shape[0] < posterior.n_draws:
        posterior = _thinned(posterior, thin_to)
    chains = posterior.draws["posterior"].sizes["chain"]
    by_chain = values.reshape(chains, -1, values.shape[1])
    group = xr.Dataset({"customers": (("chain", "draw", "customer"), by_chain)})
    return posterior.with_group("log_likelihood", group)


def total_log_likelihood(posterior: Posterior) -> np.ndarray:
    """Return the log-likelihood of all customers together at each draw, shape (sample,)."""
    weight = posterior.observed()["weight"].to_numpy()
    if posterior.layout.design.has_clock:
        return _with_calendar(posterior, weight)
    total = np.zeros(posterior.n_draws)
    for some, block in log_likelihoods(posterior):
        total += block @ weight[some]
    return total


def log_likelihoods(
    posterior: Posterior,
    table: xr.Dataset | None = None,
    *,
    thin_to: int | None = None,
    formula: Formula | None = None,
) -> Iterator[tuple[slice, np.ndarray]]:
    r"""Yield slices of the rows of a table and the log-likelihood of one customer of each.

    With calendar time it is the log density of the number of purchases x and of the time of the last one,
    :math:`t_x`, given the weeks. The times between, of which statistics know nothing, are integrated out: in
    operational time they are uniform. So it is

    .. math:: \log L(x, t_x', T') + g(t_x) + (x - 1) \log (t_x' / t_x),

    which for constant rates is the log-likelihood without calendar time: they compare customer by customer.

    Parameters
    ----------
    posterior : Posterior
    table : xarray.Dataset, optional
        Statistics in the unit of the fit, with the columns of its design; by default what it was fitted to.
    thin_to : int, optional
        Use at most this many draws.
    formula : callable, optional
        Of columns of the table and the parameters; by default ``posterior.model.log_lik``.

    Yields
    ------
    slice
    numpy.ndarray, shape (sample, row)
        Small enough for memory, whatever the length of the table.
    """
    table = posterior.observed() if table is None else table
    parameters, pattern = posterior.parameters(thin_to), None
    if not posterior.layout.design.is_constant:
        parameters, pattern = posterior.parameters_of(table, thin_to)
    formula = formula or posterior.model.log_lik
    needed = [name for name in arguments(formula) if name not in posterior.model.params]
    columns = {name: table[name].to_numpy().astype(float) for name in needed}
    if pattern is not None:
        columns["pattern"] = pattern
    with_path, more = with_paths(posterior.layout, table)
    columns |= {name: with_path[name].to_numpy() for name in more}
    n = next(iter(parameters.values())).shape[0]
    size = next(iter(columns.values())).size
    clock = _clock(posterior, table, thin_to)
    # With a clock the times and the parameters of every row and draw are held as well.
    step = max(1, _CELLS // n // (1 if clock is None else 3 + len(parameters)))
    slices = (slice(start, min(start + step, size)) for start in range(0, size, step))
    for some in counted(slices, "histories", size):
        rows = {name: column[some] for name, column in columns.items()}
        if clock is None:
            yield some, evaluate(formula, rows, parameters)
        else:
            found = _in_weeks(posterior.model, clock, rows, parameters)
            yield some, found + _of_purchases(clock, rows)


def _clock(posterior: Posterior, table: xr.Dataset, thin_to: int | None = None) -> CalendarClock | None:
    """Return the clock of a fit with calendar time for a table in its unit and with its end."""
    data = posterior.provenance.data
    return calendar_clock(posterior, table.assign_attrs(until=data.until, unit=data.unit), thin_to=thin_to)


def _in_weeks(
    model: Model, clock: CalendarClock, rows: dict[str, np.ndarray], letters: dict[str, np.ndarray]
) -> np.ndarray:
    """Return the log-likelihood in operational time, shape (sample, row)."""
    if model.operational_time:
        return in_operational_time_of(model.log_lik, clock, rows, letters)
    return log_likelihood_in_pieces(model, clock, rows, letters)


def _of_purchases(clock: CalendarClock, rows: dict[str, np.ndarray]) -> np.ndarray:
    """Return what the weeks say of the times of purchases, shape (sample, row): zero without purchases."""
    made = rows["x"] > 0
    x, t_x, T = (rows[name][made] for name in ("x", "t_x", "T"))
    # A purchase counts at the end of its day.
    day = np.ceil(np.round(clock.until - (T - t_x) * clock.days, 6))
    at_last = np.log(clock.factor[:, week_of(day) - clock.first])
    path = rows["path"][made] if clock.own is not None else None
    if clock.own is not None and path is not None:
        at_last = at_last + clock.own.log_factor(path, day)
    found = np.zeros((len(clock.factor), made.size))
    found[:, made] = at_last + (x - 1) * np.log(clock.history(t_x, T, path)["t_x"] / t_x)
    return found


def _with_calendar(posterior: Posterior, weight: np.ndarray) -> np.ndarray:
    """Return the total of a fit with calendar time: in operational time, and the factor at each purchase."""
    data = posterior.provenance.data
    table = posterior.observed()
    clock = _clock(posterior, table)
    assert clock is not None
    rows = {name: table[name].to_numpy().astype(float) for name in posterior.model.statistics}
    letters, step = posterior.parameters(), max(1, _CELLS // posterior.n_draws)
    if not posterior.layout.design.is_constant:
        letters, rows["pattern"] = posterior.parameters_of(table)
    with_path, more = with_paths(posterior.layout, table)
    rows |= {name: with_path[name].to_numpy() for name in more}
    found = np.zeros(posterior.n_draws)
    for start in range(0, weight.size, step):
        some = slice(start, start + step)
        block = {name: column[some] for name, column in rows.items()}
        values = _in_weeks(posterior.model, clock, block, letters)
        found += values @ weight[some]
    if clock.own is not None:
        found += clock.own.effects @ np.array([n for _, n in posterior.layout.contacts.values()], float)
    if not posterior.layout.design.calendar:
        return found
    number = number_of([*data.repeats_by_week]) - clock.first if data.repeats_by_week else np.zeros(0, int)
    purchases = np.array([*data.repeats_by_week.values()], float)
    return found + np.log(clock.factor[:, number]) @ purchases


def _thinned(posterior: Posterior, thin_to: int | None) -> Posterior:
    keep = thinned(posterior.n_draws, thin_to)
    for name in ("posterior", "sample_stats"):
        group = posterior.draws[name].to_dataset().stack(sample=("chain", "draw"))
        group = group.isel(sample=keep).drop_vars(["sample", "chain", "draw"])
        group = group.rename(sample="draw").expand_dims("chain").transpose("chain", "draw", ...)
        posterior = posterior.with_group(name, group)
    return posterior
