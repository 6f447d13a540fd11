"""What to do: value, offers, priority and budget."""

from bayes_cx.decision.learn import learn, load_learned, save_learned
from bayes_cx.decision.learned import Learned
from bayes_cx.decision.offers import Offer
from bayes_cx.decision.plan import LABELS, Plan
from bayes_cx.decision.prioritise import prioritise
from bayes_cx.decision.responses import Beta, Measured, Response, Stated, response_of
from bayes_cx.decision.segment_futures import BySegment, by_segment
from bayes_cx.decision.segments import Segments, segments
from bayes_cx.decision.spend_frequency import SpendAndFrequency, spend_and_frequency
from bayes_cx.decision.trial_plan import TrialPlan, plan_trial
from bayes_cx.decision.value import LifetimeValue, lifetime_value

__all__ = [
    "LABELS",
    "Beta",
    "BySegment",
    "Learned",
    "LifetimeValue",
    "Measured",
    "Offer",
    "Plan",
    "Response",
    "Segments",
    "SpendAndFrequency",
    "Stated",
    "TrialPlan",
    "by_segment",
    "learn",
    "lifetime_value",
    "load_learned",
    "plan_trial",
    "prioritise",
    "response_of",
    "save_learned",
    "segments",
    "spend_and_frequency",
]
