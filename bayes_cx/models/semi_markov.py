r"""Semi-Markov journeys: where customers go from each state, and after how long.

From state s a journey goes on to state k with probability :math:`p_{gsk}`, in segment g of customers, after a
waiting time whose distribution depends on s,

.. math::
    p_{gs} \sim \text{Dirichlet}(\kappa_s m_s), \quad
    m_s \sim \text{Dirichlet}(a, \ldots, a), \quad
    \log \kappa_s \sim \text{Normal}(\log K, 1.5^2),

with K states that can follow: m is what the segments have in common, and the larger :math:`\kappa` the more
alike they are. A segment with few stays borrows from the others. Without segments :math:`p_s = m_s`.

Waiting times are exponential, Weibull, gamma or log-normal, or of two kinds, a short and a long one,
whichever has the largest marginal likelihood in a state; of a stay that goes on only its length so far is
known. Waiting time and next state are independent given the state, so each has a posterior of its own.
"""

from dataclasses import dataclass

from bayes_cx.kinds import STAYS, Kind

__all__ = ["SEMI_MARKOV", "JourneyModel"]


@dataclass(frozen=True)
class JourneyModel:
    """A model of journeys between states.

    Attributes
    ----------
    key, name : str
    kind : Kind
        What its statistics are.
    a : float
        Pseudo-counts of each following state in the prior.
    citation : str
        Key in the list of references.
    limits : tuple of str
        What it cannot see, in plain words.
    """

    key: str
    name: str
    kind: Kind
    a: float
    citation: str
    limits: tuple[str, ...]


SEMI_MARKOV = JourneyModel(
    key="semi_markov",
    name="semi-Markov",
    kind=STAYS,
    a=0.5,
    citation="limnios2001semi",
    limits=(
        "Where a journey goes next depends on the state it is in, and not on how it came there.",
        "How long a stay lasts says nothing of what comes next.",
        "What follows a state is what was seen to follow it; that is no proof that the state is the cause.",
    ),
)
