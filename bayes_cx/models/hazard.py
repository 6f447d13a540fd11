r"""Discrete-time hazards of competing events: who leaves, calls or buys in a period, given what was known.

While a customer is at risk, event c comes at a rate that is constant within a period of length
:math:`\Delta`,

.. math::
    \lambda_c = \exp(\alpha_c + f_c(\text{age}) + x' \beta_c), \quad
    P(\text{no event}) = e^{-\Delta \Lambda}, \quad
    P(\text{first is } c) = \frac{\lambda_c}{\Lambda} \left(1 - e^{-\Delta \Lambda}\right), \quad
    \Lambda = \sum_c \lambda_c,

where x is what was known at the start of the period. With one event this is a binomial regression with the
complementary log-log link [prentice1978regression]_. It is preferred to a logit because effects are ratios of
rates: they do not change with the length of the period, and a forecast over another horizon needs no other
fit.

The effects of a family of features, such as all counts, or all levels of a contract, are normal with a scale
of their own, which is learnt: families that say little shrink to nothing. f is a line in log age with bends,
and how much it bends is learnt alike. The scales are integrated over, not fixed at an estimate:

.. math::
    \beta_{cj} \sim \text{Normal}(0, \tau_{c, \text{family}(j)}^2), \quad
    \tau \sim \text{Half-Normal}(s^2), \quad
    \alpha_c \sim \text{Normal}(\log \bar\lambda_c, 3^2),

with :math:`\bar\lambda_c` the events per time at risk in the data. Numbers are standardised before.
"""

from dataclasses import dataclass

from bayes_cx.kinds import PERIODS, Kind

__all__ = ["HAZARD", "HazardModel"]


@dataclass(frozen=True)
class HazardModel:
    """A model of the events of customers at risk.

    Attributes
    ----------
    key, name : str
    kind : Kind
        What its statistics are.
    scale : float
        Of the half-normal prior of how strong the effects of a family are, in logarithms of rates.
    intercept : float
        Standard deviation of the prior of the logarithm of each rate around that of the data.
    citation : str
        Key in the list of references.
    limits : tuple of str
        What it cannot see, in plain words.
    """

    key: str
    name: str
    kind: Kind
    scale: float
    intercept: float
    citation: str
    limits: tuple[str, ...]


HAZARD = HazardModel(
    key="hazard",
    name="hazard",
    kind=PERIODS,
    scale=0.7,
    intercept=3.0,
    citation="prentice1978regression",
    limits=(
        "What goes together with an event is no proof of its cause.",
        "Forecasts hold what is known of a customer today; they do not foresee what the customer does next.",
        "An event that the company learns of late is missing from the most recent periods.",
    ),
)
