"""The methods of inference: frozen records that are passed to `bayes_cx.fit`."""

from dataclasses import dataclass

__all__ = ["MAP", "MLE", "NUTS", "Laplace", "Method"]


@dataclass(frozen=True)
class NUTS:
    """Sample by the no-U-turn sampler of nutpie.

    Attributes
    ----------
    draws, tune : int
        Draws kept and draws for adaptation, per chain.
    chains : int
    target_accept : float
        The larger, the smaller the steps.
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    target_accept: float = 0.9


@dataclass(frozen=True)
class Laplace:
    """Importance sampling around the mode, resampled to draws of equal weight.

    The proposal is a multivariate t with the curvature of the posterior at its mode. Pareto-smoothed
    importance weights [vehtari2024pareto]_ say how exact that is. Where Pareto k is .2 or more a second
    proposal is fitted to the weighed draws [cornuet2012adaptive]_, with their mean and covariance but 1.5
    times as wide, and all that is reported is of the second.

    No chains are run, so all draws are in one: R-hat is not defined for them, and effective sample sizes that
    ArviZ computes do not see that resampling repeats draws. The checks of the fit do.

    Attributes
    ----------
    draws : int
        Draws kept.
    degrees : float
        Degrees of freedom of the t distribution.
    """

    draws: int = 4000
    degrees: float = 8.0


@dataclass(frozen=True)
class MAP:
    """Find the mode of the posterior: one draw, no uncertainty."""


@dataclass(frozen=True)
class MLE:
    """Find the maximum of the likelihood, without priors: one draw, no uncertainty."""


type Method = NUTS | Laplace | MAP | MLE
