"""Explore the posterior of one PyMC model: by its mode, by importance sampling around it, or by NUTS."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from bayes_cx.checks import Check, verdict
from bayes_cx.compiling import kept
from bayes_cx.errors import FitError, InputError
from bayes_cx.inference import diagnostics
from bayes_cx.inference.contact_density import checked_method, contact_density
from bayes_cx.inference.density import Density, Mode, find_mode
from bayes_cx.inference.direct import direct
from bayes_cx.inference.grouped import grouped
from bayes_cx.inference.laplace import weigh
from bayes_cx.inference.methods import MAP, MLE, NUTS, Laplace, Method
from bayes_cx.inference.nested import explore_calendar
from bayes_cx.inference.prepare import Prepared
from bayes_cx.inference.sampler import of_density

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["Explorer", "Found", "resampled", "variables"]

_MAX_DEPTH = 10
# What "auto" tries, and what it takes where the first fails its checks, and where longer chains may mend it.
_FIRST, _SECOND, _THIRD = Laplace(), NUTS(), NUTS(draws=4000, tune=2000)


@dataclass(frozen=True)
class Found:
    """What an exploration found.

    Attributes
    ----------
    groups : mapping of str to xarray.Dataset
        ``posterior`` and ``sample_stats`` over (chain, draw).
    checks : tuple of Check
    method : NUTS, Laplace, MAP or MLE
        The one that was used in the end.
    log_weight : float
        Logarithm of the weight of the model against others of the same data: its marginal likelihood, or for
        a point estimate the density at the mode. NaN after NUTS, which does not estimate it.
    weight_checks : tuple of Check
        Checks of `log_weight`, where it was estimated separately from the draws.
    """

    groups: Mapping[str, xr.Dataset]
    checks: tuple[Check, ...]
    method: Method
    log_weight: float
    weight_checks: tuple[Check, ...] = ()


class Explorer:
    """A model with its data, ready to be explored.

    Parameters
    ----------
    prepared : Prepared
    chosen : mapping of str to float, optional
        Values of the parameters with choices; by default the first of each.
    """

    def __init__(self, prepared: Prepared, chosen: Mapping[str, float] | None = None) -> None:
        choices = prepared.model.choices
        self.prepared = prepared
        self.chosen = {name: float(v[0]) for name, v in choices.items()} if chosen is None else dict(chosen)

    @cached_property
    def built(self) -> "pm.Model":
        """The PyMC model, of which only sampling, designs and unusual priors have need."""
        from bayes_cx.inference.build import build

        return build(self.prepared, self.chosen)

    @cached_property
    def _posterior(self) -> Density:
        return self._density(priors=True)

    @cached_property
    def _likelihood(self) -> Density:
        return self._density(priors=False)

    @cached_property
    def _direct(self) -> Density | None:
        """The log posterior by kernels, None where PyMC has to make it."""
        return None if self.prepared.layout.design.contacts else direct(self.prepared, self.chosen)

    @cached_property
    def _mode(self) -> Mode:
        return find_mode(self._posterior)

    def log_marginal_at_mode(self) -> float:
        """Return the log marginal likelihood as if the posterior were normal, from its mode alone.

        Raises
        ------
        FitError
            If no maximum is found.
        """
        size, (_, log_det) = self._mode.u.size, np.linalg.slogdet(self._mode.precision)
        return float(self._mode.height + 0.5 * (size * np.log(2 * np.pi) - log_det))

    def _density(self, *, priors: bool) -> Density:
        if self.prepared.layout.design.contacts:
            return contact_density(self.prepared, priors=priors)
        found = self._direct if priors else direct(self.prepared, self.chosen, priors=False)
        if found is None:
            from bayes_cx.inference.build import structure_of
            from bayes_cx.inference.designed import designed
            from bayes_cx.inference.pymc_density import density

            found = designed(self.prepared, self.chosen, priors=priors)
            found = found or density(self.built, structure_of(self.prepared), priors=priors)
        return found

    @property
    def _sampler(self) -> Any:
        """The sampler; one that PyTensor compiled gets the data of this model in place of those it had."""
        if self._direct is not None:
            return of_density(self._direct)
        import nutpie

        from bayes_cx.inference.build import structure_of
        from bayes_cx.inference.pymc_density import hyperparameters

        # The start of a chain depends on the priors, and is compiled too.
        key = ("sampler", structure_of(self.prepared), hyperparameters(self.built))
        sampler: Any = kept(key, lambda: nutpie.compile_pymc_model(self.built))
        used = {var.name for var in sampler.shared_var_keys}
        data = {str(var.name): var.get_value() for var in self.built.data_vars if var.name in used}
        return sampler.with_data(**data)

    def explore(
        self, method: Method | Literal["auto"], seed: int, rng_seed: Sequence[int], *, progress: bool = False
    ) -> Found:
        """Return draws by a method, with their checks.

        Parameters
        ----------
        method : NUTS, Laplace, MAP, MLE or "auto"
        seed : int
            Seed of the sampler, for NUTS.
        rng_seed : sequence of int
            Seed of the random stream of the importance sampling, for `Laplace`.
        progress : bool
            Show a progress bar.

        Raises
        ------
        FitError
            If no maximum is found where one is needed.
        InputError
            If `method` is none of these.
        """
        if self.prepared.layout.design.calendar:
            groups, checks, used, log_marginal = explore_calendar(self.prepared, method, rng_seed)
            return Found(resampled(groups), checks, used, log_marginal)
        if self.prepared.layout.design.contacts:
            method = checked_method(method)
        if isinstance(method, NUTS):
            return self._nuts(method, seed, progress)
        if isinstance(method, MAP | MLE):
            return self._point(method)
        if isinstance(method, Laplace):
            return self._laplace(method, rng_seed, progress)
        if method != "auto":
            raise InputError(
                f"method {method!r}", "NUTS(), Laplace(), MAP(), MLE() or 'auto'", "pass one of these"
            )
        try:
            found = self._laplace(_FIRST, rng_seed, progress)
        except FitError:  # no mode to propose around; sampling does not need one
            return self._long_enough(seed, progress)
        return found if verdict(found.checks) == "passed" else self._long_enough(seed, progress)

    def _long_enough(self, seed: int, progress: bool) -> Found:
        """Sample by NUTS, and once more in longer chains where only their length was short."""
        found = self._nuts(_SECOND, seed, progress)
        short = diagnostics.too_short(found.checks)
        return self._nuts(_THIRD, seed, progress) if short else found

    def _nuts(self, method: NUTS, seed: int, progress: bool) -> Found:
        import nutpie

        method = method.settled(standard=self._direct is not None)
        try:
            tree = nutpie.sample(
                self._sampler,
                draws=method.draws,
                tune=method.tune,
                chains=method.chains,
                # What calls Python for every step waits for the interpreter lock: threads only take turns.
                cores=None if self._direct is None else 1,
                seed=seed,
                target_accept=method.target_accept,
                maxdepth=_MAX_DEPTH,
                save_warmup=False,
                progress_bar=progress,
            )
        except RuntimeError as error:  # of the sampler, with a trace of its own
            raise FitError(
                f"the sampler cannot begin ({str(error).splitlines()[0]})",
                "a density that is finite where chains begin",
                "look for extreme values in the statistics, or choose narrower priors",
            ) from error
        names = variables(self.built) if self._direct is None else [*self._direct.names]
        groups = {
            "posterior": tree["posterior"].to_dataset()[names],
            "sample_stats": tree["sample_stats"].to_dataset(),
        }
        checks = diagnostics.check_nuts(tree, _MAX_DEPTH)
        return Found(groups, checks, method, np.nan)

    def _laplace(self, method: Laplace, rng_seed: Sequence[int], progress: bool) -> Found:
        if (of_groups := grouped(self.prepared, self.chosen)) is not None:
            try:
                weighed, mode, groups = of_groups.explore(method, rng_seed)
            except np.linalg.LinAlgError as error:
                raise FitError(
                    f"effects of groups without a normal approximation ({error})",
                    "a density that is bent downwards around its mode",
                    "give more data, or sample by method=NUTS()",
                ) from error
            checks = diagnostics.check_weights(weighed, mode)
            return Found(resampled(groups), checks, method, weighed.log_marginal)
        f, mode = self._posterior, self._mode
        weighed = weigh(
            f, mode, method.draws, method.degrees, np.random.default_rng(rng_seed), progress=progress
        )
        groups = resampled(_groups(f, weighed.u, weighed.height, (1, method.draws)))
        return Found(groups, diagnostics.check_weights(weighed, mode), method, weighed.log_marginal)

    def _point(self, method: MAP | MLE) -> Found:
        f = self._posterior if isinstance(method, MAP) else self._likelihood
        mode = find_mode(f)
        groups = _groups(f, mode.u[None], np.array([mode.height]), (1, 1))
        return Found(groups, diagnostics.check_point(mode), method, mode.height)


def resampled(groups: dict[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    """Return the groups, noting that draws were resampled, so that nobody reads convergence into them."""
    note = "independent, resampled by their weights; no chains were run, so R-hat says nothing of them"
    return {**groups, "posterior": groups["posterior"].assign_attrs(draws=note)}


def variables(built: "pm.Model") -> list[str]:
    """Return the names of the random variables and of what is computed from them."""
    return [*(rv.name for rv in built.free_RVs), *(var.name for var in built.deterministics)]


def _groups(f: Density, u: np.ndarray, height: np.ndarray, shape: Sequence[int]) -> dict[str, xr.Dataset]:
    """Return the groups of draws at unconstrained points `u`, shape (sample, coordinate)."""
    dims = ("chain", "draw")
    values = {
        name: ((*dims, *f.dims[name]), column.reshape(*shape, *column.shape[1:]))
        for name, column in zip(f.names, f.named(u), strict=True)
    }
    posterior = xr.Dataset(values, coords=f.coords)
    return {
        "posterior": posterior.assign_coords(chain=np.arange(shape[0]), draw=np.arange(shape[1])),
        "sample_stats": xr.Dataset({"lp": (dims, height.reshape(shape))}),
    }
