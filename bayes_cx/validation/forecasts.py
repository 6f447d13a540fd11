"""How well several models forecast the same hold-out period."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from bayes_cx.data import Split, compress
from bayes_cx.errors import InputError
from bayes_cx.inference import Posterior
from bayes_cx.scoring import score
from bayes_cx.scoring.scorer import in_unit
from bayes_cx.validation.capture import capture
from bayes_cx.validation.comparable import columns_of, same_customers
from bayes_cx.validation.coverage import coverage
from bayes_cx.validation.judged import Judged, judged, means
from bayes_cx.validation.scores import crps
from bayes_cx.validation.tracking import predicted

__all__ = ["forecasts", "refuse_holdout"]


def refuse_holdout(
    posteriors: Mapping[str, Posterior], split: Split, spend: Posterior | None, draws: int
) -> None:
    """Refuse posteriors that cannot be tested on the hold-out of a split.

    Raises
    ------
    InputError
        If a posterior was not fitted to the calibration period or is of spend, or for fewer than two draws.
    """
    if draws < 2:
        raise InputError(f"{draws} draws", "two draws or more", "ask for some hundreds")
    for name, posterior in (*posteriors.items(), *([] if spend is None else [("spend", spend)])):
        kind = posterior.model.kind
        if (kind.forecast is None) != (posterior is spend):
            raise InputError(
                f"{name}, a model of {kind.key}", "models of what customers do, and one of spend as spend",
                "leave out split",
            )  # fmt: skip
        if missing := [column for column in columns_of(posterior) if column not in split.calibration]:
            raise InputError(
                f"a calibration period without {', '.join(missing)} for {name}",
                "a split with the columns of all models",
                "split with regularity=True, or by=... for groups",
            )
        calibration = compress(in_unit(split.calibration, posterior), columns_of(posterior))
        same_customers(name, posterior, calibration)


def forecasts(
    ranked: Mapping[str, Posterior], split: Split, spend: Posterior | None, draws: int, seed: int
) -> xr.Dataset:
    """Return scores of forecasts of the hold-out; see `refuse_holdout` for what is refused.

    Parameters
    ----------
    ranked : mapping of str to Posterior
        Fitted to ``split.calibration``; differences are to the first.
    split : Split
    spend : Posterior or None
        With which customers are ranked by expected spend.
    draws : int
        Futures of each model, two or more.
    seed : int
        The futures of all models use the same random stream.

    Returns
    -------
    xarray.Dataset
        Over ``model`` and ``level``; see `comparison.Comparison`.
    """
    later = judged(next(iter(ranked.values())), split)
    stats, observed = later.stats, later.observed
    came, each, counted = observed, 1.0, later.events
    if spend is not None and "spend_holdout" in split.holdout:
        came, counted = split.holdout["spend_holdout"].to_numpy()[later.who], "revenue"
        each = score(spend, stats, "expected_spend", thin_to=draws)["mean"].to_numpy()
    seeds = [int(state) for state in np.random.SeedSequence(seed).generate_state(2)]
    logs, distances, covered, ranks = [], [], [], {}
    for name, posterior in ranked.items():
        counts = predicted(posterior, later, draws=draws, seed=seeds[0])
        distances.append(crps(counts, observed))
        covered.append(coverage(counts, observed))
        logs.append(_log_scores(posterior, later, draws))
        ranks[name] = means(posterior, later, later.forecast.expected, thin_to=draws) * each
    at_95 = [table.sel(level=0.95) for table in covered]
    total = np.array([table.attrs["total_predicted"] for table in covered])
    columns = {
        **_means("log_score", np.array(logs)),
        **_means("crps", np.array(distances)),
        "total": total,
        "total_low": [float(row["total_low"]) for row in at_95],
        "total_high": [float(row["total_high"]) for row in at_95],
        "total_error": total / (observed.sum() or np.nan) - 1.0,
        **_captured(ranks, came, seeds[1]),
    }
    levels = xr.concat(covered, "model")
    data: dict[str, tuple] = {name: ("model", np.asarray(values)) for name, values in columns.items()}
    for end in ("", "_low", "_high"):
        data[f"coverage{end}"] = (("model", "level"), levels[f"customer_randomised{end}"].to_numpy())
    attrs = {"total_observed": int(observed.sum()), "counted": counted, "draws": draws}
    attrs |= {name: split.holdout.attrs[name] for name in ("start", "end") if name in split.holdout.attrs}
    return xr.Dataset(data, coords={"model": list(ranked), "level": levels["level"].to_numpy()}, attrs=attrs)


def _log_scores(posterior: Posterior, later: Judged, draws: int) -> np.ndarray:
    """Return minus the log predictive probability of what each customer did, from the model's formula.

    The formula has no simulation noise, which would hide differences between models for rare events.
    """
    found = means(posterior, later, f"p_{later.kind.events}", thin_to=draws, apart=later.observed)
    return -np.log(np.maximum(found, np.finfo(float).tiny))


def _means(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """Return the means of scores (model, customer), and of their differences to those of the first model."""
    behind = values - values[0]

    def se(each: np.ndarray) -> np.ndarray:
        return each.std(axis=1, ddof=1) / np.sqrt(each.shape[1]) if each.shape[1] > 1 else each[:, 0] * np.nan

    return {
        name: values.mean(axis=1),
        f"{name}_se": se(values),
        f"{name}_behind": behind.mean(axis=1),
        f"{name}_behind_se": se(behind),
    }


def _captured(ranks: Mapping[str, np.ndarray], came: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Return what the customers ranked first by each model brought; NaN where nobody brought anything."""
    names = {"captured": "share", "captured_low": "low", "captured_high": "high"}
    names |= {f"captured_behind{end}": f"difference{end}" for end in ("", "_low", "_high")}
    if came.sum() <= 0:
        return dict.fromkeys(names, np.full(len(ranks), np.nan))
    found = capture(ranks, came, seed=seed)
    return {ours: found[theirs].to_numpy() for ours, theirs in names.items()}
