"""What a trial that asks for whom came to, for everybody who writes about it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bayes_cx.inference import UpliftPosterior
from bayes_cx.study import RunProvenance
from bayes_cx.validation import UpliftJudgement

__all__ = ["UpliftStudy"]


@dataclass(frozen=True)
class UpliftStudy:
    """A posterior of uplift and its judgements; `bcx.model_card` makes its card.

    Attributes
    ----------
    posterior : UpliftPosterior
        Of all customers.
    judgements : sequence of UpliftJudgement
        Each of a fit that has not seen the customers on which it is judged.
    provenance : RunProvenance
    """

    posterior: UpliftPosterior
    judgements: Sequence[UpliftJudgement] = ()
    provenance: RunProvenance = field(default_factory=RunProvenance)
