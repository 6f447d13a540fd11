"""What to do: value, offers, priority and budget."""

from bayes_cx.decision.actions import Action, Exploration, Limits
from bayes_cx.decision.learn import learn, load_learned, save_learned
from bayes_cx.decision.learned import Learned
from bayes_cx.decision.next_best_action import ActionPlan, next_best_action
from bayes_cx.decision.next_cohort import NextCohort, next_cohort
from bayes_cx.decision.offers import Offer
from bayes_cx.decision.plan import LABELS, Plan
from bayes_cx.decision.prioritise import prioritise
from bayes_cx.decision.responses import Beta, Measured, Response, Stated, response_of
from bayes_cx.decision.segment_futures import BySegment, by_segment
from bayes_cx.decision.segments import Segments, segments
from bayes_cx.decision.spend_frequency import SpendAndFrequency, spend_and_frequency
from bayes_cx.decision.trial_plan import TrialPlan, plan_trial
from bayes_cx.decision.uplift_response import Uplift
from bayes_cx.decision.value import LifetimeValue, lifetime_value
from bayes_cx.decision.value_at_risk import gains_at_risk, value_at_risk

__all__ = [
    "LABELS",
    "Action",
    "ActionPlan",
    "Beta",
    "BySegment",
    "Exploration",
    "Learned",
    "LifetimeValue",
    "Limits",
    "Measured",
    "NextCohort",
    "Offer",
    "Plan",
    "Response",
    "Segments",
    "SpendAndFrequency",
    "Stated",
    "TrialPlan",
    "Uplift",
    "by_segment",
    "gains_at_risk",
    "learn",
    "lifetime_value",
    "load_learned",
    "next_best_action",
    "next_cohort",
    "plan_trial",
    "prioritise",
    "response_of",
    "save_learned",
    "segments",
    "spend_and_frequency",
    "value_at_risk",
]
