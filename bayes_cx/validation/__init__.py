"""Validation: forecasts against what happened, and simulated data against the data.

`holdout` tests a fit on a period that it has not seen. `predictive_check` and `prior_predictive_check`
compare the data with data simulated from the posterior and from the prior. `sbc` tests whether fits
recover the parameters of simulated data. `compare` finds which of several models predicts best, and
whether the difference is more than noise. `judge_uplift` says whether it pays to choose whom to
treat. `coarsening_shift` checks what a fit to coarsened statistics loses.
whether the difference is more than noise. `coarsening_shift` checks what a fit to coarsened statistics loses.
`risk_holdout` judges forecasts of risk, and how many of those with the event are found with so many contacts.
`spend_coverage` tests a model of spend on what hold-out buyers paid.
`policy_value` says what any rule would have gained, from a log of actions with their probabilities, and
`realised` what each action gained against what was expected. `monitor` says what changed, and since when.
`journey_holdout` tests forecasts of journeys on what came after a cut.
`survival` compares how many customers under contract stayed with what a model expects, and looks ahead.
"""

from bayes_cx.validation.coarsening import coarsening_shift
from bayes_cx.validation.compare import compare
from bayes_cx.validation.comparison import Comparison
from bayes_cx.validation.holdout import Holdout, holdout
from bayes_cx.validation.journey_holdout import JourneyHoldout, journey_holdout
from bayes_cx.validation.judge_doses import DoseJudgement, judge_doses
from bayes_cx.validation.judge_uplift import UpliftJudgement, judge_uplift
from bayes_cx.validation.monitor import Monitored, monitor
from bayes_cx.validation.policy_value import PolicyValue, policy_value
from bayes_cx.validation.predictive import PredictiveCheck, predictive_check, prior_predictive_check
from bayes_cx.validation.realised import Realised, realised
from bayes_cx.validation.risk_holdout import RiskHoldout, judge_risk, risk_holdout, risk_rules
from bayes_cx.validation.sbc import Sbc, sbc
from bayes_cx.validation.sensitivity import prior_sensitivity, total_sensitivity
from bayes_cx.validation.spend_coverage import spend_coverage
from bayes_cx.validation.survival import survival

__all__ = [
    "Comparison",
    "DoseJudgement",
    "Holdout",
    "JourneyHoldout",
    "Monitored",
    "PolicyValue",
    "PredictiveCheck",
    "Realised",
    "RiskHoldout",
    "Sbc",
    "UpliftJudgement",
    "coarsening_shift",
    "compare",
    "holdout",
    "journey_holdout",
    "judge_doses",
    "judge_risk",
    "judge_uplift",
    "monitor",
    "policy_value",
    "predictive_check",
    "prior_predictive_check",
    "prior_sensitivity",
    "realised",
    "risk_holdout",
    "risk_rules",
    "sbc",
    "spend_coverage",
    "survival",
    "total_sensitivity",
]
