"""How good it is: forecasts against what happened, and data that the model makes against the data.

`holdout` judges a fit by a period it has not seen; `predictive_check` and `prior_predictive_check` ask
whether the model, with or without what it learnt, makes data like these; `sbc` asks whether a fit finds what
is known to be there, because it simulated the data; `compare` asks which of several models predicts best, and
whether the difference is more than noise. They show what they find, whatever it is.
"""

from bayes_cx.validation.compare import compare
from bayes_cx.validation.comparison import Comparison
from bayes_cx.validation.holdout import Holdout, holdout
from bayes_cx.validation.predictive import PredictiveCheck, predictive_check, prior_predictive_check
from bayes_cx.validation.sbc import Sbc, sbc
from bayes_cx.validation.sensitivity import prior_sensitivity

__all__ = [
    "Comparison",
    "Holdout",
    "PredictiveCheck",
    "Sbc",
    "compare",
    "holdout",
    "predictive_check",
    "prior_predictive_check",
    "prior_sensitivity",
    "sbc",
]
