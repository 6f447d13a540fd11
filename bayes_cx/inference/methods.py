"""The methods of inference: frozen records that are passed to `bayes_cx.fit`."""

from dataclasses import dataclass, replace

__all__ = ["MAP", "MLE", "NUTS", "Conjugate", "Laplace", "Method"]


@dataclass(frozen=True)
class NUTS:
    """Sample by the no-U-turn sampler of nutpie.

    Attributes
    ----------
    draws : int
        Draws kept, per chain.
    tune : int, optional
        Draws for adaptation, per chain. By default 400 where the sampler moves in coordinates of the mode
        and its curvature, which leave little to adapt to, and 1,000 with a design or priors that PyMC makes.
    chains : int
    target_accept : float, optional
        The larger, the smaller the steps. By default .8 in coordinates of the mode, else .9.
    """

    draws: int = 1000
    tune: int | None = None
    chains: int = 4
    target_accept: float | None = None

    def settled(self, *, standard: bool) -> "NUTS":
        """Return the same with numbers where defaults were left open.

        Parameters
        ----------
        standard : bool
            Whether the density is nearly a standard normal in the coordinates of the sampler.
        """
        tune, target_accept = (400, 0.8) if standard else (1000, 0.9)
        return replace(
            self,
            tune=tune if self.tune is None else self.tune,
            target_accept=target_accept if self.target_accept is None else self.target_accept,
        )


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


@dataclass(frozen=True)
class Conjugate:
    """Draw exactly what is conjugate given the few other parameters, and these by importance sampling.

    For models of journeys: transition probabilities are Dirichlet given what the segments have in common.

    Attributes
    ----------
    draws : int
        Draws kept.
    """

    draws: int = 1000


type Method = NUTS | Laplace | MAP | MLE
