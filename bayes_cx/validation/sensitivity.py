"""How far the priors move the posterior: power-scaling, without fitting again."""

from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.checks import Check
from bayes_cx.inference import Posterior
from bayes_cx.inference.own_priors import is_plain
from bayes_cx.inference.posterior import thinned
from bayes_cx.inference.prior import log_prior
from bayes_cx.inference.process import priors_of
from bayes_cx.scoring import total_log_likelihood
from bayes_cx.scoring.scorer import scorer
from bayes_cx.scoring.totals import total

__all__ = ["prior_sensitivity", "total_sensitivity"]

# The threshold of kallioinen2024detecting, above which the prior moves the posterior noticeably.
LIMIT = 0.05


def prior_sensitivity(posterior: Posterior) -> tuple[Check, ...]:
    """Check how strongly each parameter would move if the priors were a little stronger or weaker.

    The prior, and then the likelihood, is raised to powers near one by reweighing the draws, and the distance
    that each parameter's distribution moves is measured (``kallioinen2024detecting``). The status depends on
    the prior only. A sensitive prior is no error, but it needs a justification; the note says whether the
    likelihood moves the parameter too: then prior and data may be in conflict, else the data are weak.

    Parameters
    ----------
    posterior : Posterior
        With draws; of a constant design.

    Returns
    -------
    tuple of Check
        One for each parameter; `not_run` for a point estimate or a design with groups or covariates.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> posterior = bcx.fit(bcx.models.BG_NBD, stats, seed=1, progress=False)
    >>> [check.status for check in bcx.validation.prior_sensitivity(posterior)]
    ['passed', 'passed', 'failed', 'failed']
    """
    from arviz_stats.psense import psense

    letters = tuple(posterior.model.params)
    names = [f"sensitivity of {letter} to the priors" for letter in letters]
    target = f"< {LIMIT}"
    if posterior.n_draws == 1 or not posterior.layout.design.is_constant:
        why = "a point estimate" if posterior.n_draws == 1 else "a design with groups or covariates"
        note, about = f"not measured for {why}", posterior.model.name
        return tuple(Check(name, None, target, "not_run", note, about) for name in names)
    draws = posterior.draws["posterior"].dataset
    shape = (draws.sizes["chain"], draws.sizes["draw"])

    def group(values: np.ndarray) -> xr.Dataset:
        return xr.Dataset({"total": (("chain", "draw"), values.reshape(shape))})

    prior = log_prior(posterior)
    tree = xr.DataTree.from_dict(
        {
            "posterior": draws[list(letters)],
            "log_prior": group(prior),
            "log_likelihood": group(_log_likelihood(posterior, prior)),
        }
    )
    by_prior, by_data = (psense(tree, group=one) for one in ("prior", "likelihood"))
    return tuple(
        _judged(name, float(by_prior[letter]), float(by_data[letter]), target, posterior.model.name)
        for name, letter in zip(names, letters, strict=True)
    )


def total_sensitivity(
    posterior: Posterior, stats: xr.Dataset, t: Any, *, draws: int = 1000
) -> tuple[Check, ...]:
    """Check how strongly the forecast of a total would move if the priors of what all customers share did.

    The priors of the scales of the weeks are raised to powers near one, as in `prior_sensitivity`, and the
    distance that the expected purchases of all customers move is measured.

    Parameters
    ----------
    posterior : Posterior
    stats : xarray.Dataset
        Statistics by customer.
    t : str, Span, number or time difference
        Horizon.
    draws : int
        At most so many draws.

    Returns
    -------
    tuple of Check
        One for a fit with calendar time, none for any other.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> posterior = bcx.fit(bcx.models.BG_NBD, stats, seed=1, progress=False)
    >>> total_sensitivity(posterior, stats, "39 weeks")
    ()
    """
    from arviz_stats.psense import psense

    design = posterior.layout.design
    if not design.calendar:
        return ()
    events, name = posterior.model.kind.events, posterior.model.name
    keep = thinned(posterior.n_draws, draws)
    expected = total(scorer(posterior, stats, f"expected_{events}", t=t, thin_to=draws))
    prior = log_prior(
        posterior, priors_of(season=design.season, weeks=posterior.draws["posterior"].sizes["week"])
    )[keep]
    parts = {
        "posterior": expected,
        "log_prior": prior,
        "log_likelihood": total_log_likelihood(posterior)[keep],
    }
    tree = xr.DataTree.from_dict(
        {group: xr.Dataset({"total": (("chain", "draw"), value[None])}) for group, value in parts.items()}
    )
    # Last digits of fits with calendar time differ between machines; three decimals are all that counts.
    by_prior, by_data = (round(float(psense(tree, group=one)["total"]), 3) for one in ("prior", "likelihood"))
    what = f"sensitivity of the {events} of all customers within {t} to the priors of what they share"
    return (_judged(what, by_prior, by_data, f"< {LIMIT}", name),)


def _log_likelihood(posterior: Posterior, prior: np.ndarray) -> np.ndarray:
    """Return the log-likelihood of all customers at each draw, shape (sample,).

    A fit that weighed its draws has kept their log density, from which only the priors are taken off. There
    they are densities of logarithms and logits, which have no bounds. That of a fit with calendar time holds
    the priors of its weeks too, so it is evaluated anew.
    """
    priors, calendar = posterior.model.priors, posterior.layout.design.has_clock
    if calendar or posterior.provenance.method != "Laplace" or not all(map(is_plain, priors.values())):
        return total_log_likelihood(posterior)
    draws = posterior.draws
    on_line = prior.copy()
    for name, one in priors.items():
        at = draws["posterior"][name].to_numpy().reshape(-1)
        on_line += np.log(at) if one.link == "log" else np.log(at) + np.log1p(-at)
    return draws["sample_stats"]["lp"].to_numpy().reshape(-1) - on_line


def _judged(name: str, prior: float, likelihood: float, target: str, about: str = "") -> Check:
    if prior < LIMIT:
        return Check(name, prior, target, "passed", about=about)
    why = "so prior and data may be in conflict" if likelihood >= LIMIT else "so the data say little about it"
    return Check(name, prior, target, "failed", f"the likelihood moves it by {likelihood:.2g}, {why}", about)
