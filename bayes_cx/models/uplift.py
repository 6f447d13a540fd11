r"""Uplift: what a treatment changes in how customers respond, and for whom it changes more.

For a customer with features :math:`x` (levels, each column with mean zero over the customers of the trial)
who got treatment :math:`k` in the dose :math:`d`,

.. math::
    \eta = \alpha + x^\top\beta + \Bigl(\frac{d}{D_k}\Bigr)^{\rho} (\tau_k + x^\top\gamma_k), \qquad
    y \sim \text{Bernoulli}(\text{logit}^{-1}\eta) \text{ or } \text{Normal}(\eta, \sigma_k^2),

with no last term for the control, :math:`D_k` the largest dose of the treatment, and the share 1 where there
are no doses. All effects are shrunk to nothing by scales that are learnt and integrated over:

.. math::
    \beta_j \sim \text{N}(0, \sigma_\beta^2), \quad \tau_k \sim \text{N}(0, \sigma_\tau^2), \quad
    \gamma_{kj} \sim \text{N}(0, \sigma_{\gamma k}^2), \quad \sigma \sim \text{HalfNormal}(s).

:math:`\sigma_{\gamma k}` says how much customers differ in what treatment k does to them, beyond what the
link implies; it has its largest prior density at zero, so that no difference is the default
[dixon1991bayesian]_. The effect rises or falls with the dose for every customer, but never does both.
"""

from dataclasses import dataclass

from bayes_cx.kinds import TREATMENTS, Kind

__all__ = ["UPLIFT", "UpliftModel"]


@dataclass(frozen=True)
class UpliftModel:
    """A model of what treatments change.

    Attributes
    ----------
    key, name : str
    kind : Kind
        What its statistics are.
    scales : tuple of (str, float)
        For each family of effects the scale of the half-normal prior of its standard deviation: in log odds,
        or, where the outcome is an amount, in standard deviations of what features do not explain of it.
    shapes : tuple of float
        Values of rho, equally likely in the prior: below 1 the first part of a dose does most, above 1 the
        last.
    citation : str
        Key in the list of references.
    limits : tuple of str
        What it cannot see, in plain words.
    """

    key: str
    name: str
    kind: Kind
    scales: tuple[tuple[str, float], ...]
    shapes: tuple[float, ...]
    citation: str
    limits: tuple[str, ...]


UPLIFT = UpliftModel(
    key="uplift",
    name="uplift",
    kind=TREATMENTS,
    scales=(("main", 1.0), ("effect", 0.5), ("interaction", 0.5)),
    shapes=(0.25, 0.5, 1.0, 2.0),
    citation="dixon1991bayesian",
    limits=(
        "The treatment must have been assigned at random; else differences from before count as effects.",
        "Effects of features add in log odds: what only a combination of features does is missed.",
        "What a treatment does to others than the customer who got it is not seen.",
        "Effects are those of the time of the trial.",
    ),
)
