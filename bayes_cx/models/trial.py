r"""Arms of a trial: how often customers respond, how many events there are, or how much they bring.

Every customer of arm a was assigned at random, and has an outcome y. What it is says what is asked of it:

- *conversion*: y is 1 with probability :math:`p_a \sim \text{Beta}(1, 1)`, so
  :math:`p_a \mid y \sim \text{Beta}(1 + s_a, 1 + n_a - s_a)` with s customers of n;
- *count*: y is Poisson with mean :math:`\lambda_a \sim \text{Gamma}(1, 1/\bar y)`. Where the counts of
  customers vary more than Poisson counts, by :math:`\phi = \operatorname{var} y / \bar y > 1`, both the
  customers and the events of an arm count as :math:`1/\phi` of them;
- *value*: y is zero, or an amount: :math:`\text{E}[y_a] = p_a m_a`, with :math:`p_a` as above the share who
  pay and :math:`m_a` the mean amount of those. Amounts are log-normal or gamma with a shape that the arms
  have in common, whichever has the larger marginal likelihood (`bayes_cx.inference.amounts`).

What an arm changes is :math:`\text{E}[y_a] - \text{E}[y_c]` with c the control. In segment g it is

.. math:: d_{ag} \sim \text{Normal}(\delta_a, \tau_a^2),

where :math:`\tau_a = 0` with probability 1/2 before the data: no difference between segments is the default.
The same holds for what a combination of factors changes beyond the sum of the factors.
"""

from dataclasses import dataclass

from bayes_cx.kinds import TRIALS, Kind

__all__ = ["TRIAL", "TrialModel"]


@dataclass(frozen=True)
class TrialModel:
    """A model of the outcomes of a trial.

    Attributes
    ----------
    key, name : str
    kind : Kind
        What its statistics are.
    a, b : float
        The two numbers of the prior of a share.
    citation : str
        Key in the list of references.
    limits : tuple of str
        What it cannot see, in plain words.
    """

    key: str
    name: str
    kind: Kind
    a: float
    b: float
    citation: str
    limits: tuple[str, ...]


TRIAL = TrialModel(
    key="trial",
    name="trial",
    kind=TRIALS,
    a=1.0,
    b=1.0,
    citation="gelman2013bayesian",
    limits=(
        "The effect is that on the customers of the trial, in its time; whether it lasts, or wears off when "
        "the action is repeated, the trial does not say.",
        "Customers are taken not to influence each other: who passes an offer on makes the arms alike.",
        "The effect in a segment is shrunk towards that in all; a segment of few customers says little.",
    ),
)
