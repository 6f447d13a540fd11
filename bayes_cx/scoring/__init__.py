"""Quantities of customers from draws: compile a formula over draws x customers, stream, reduce."""

from bayes_cx.scoring.arms import arm_worth, compare_arms, effect_by_segment
from bayes_cx.scoring.average import average, average_purchases
from bayes_cx.scoring.calendar import effects_by_date, factors_by_week
from bayes_cx.scoring.contact_effects import effects_of_contacts
from bayes_cx.scoring.contrast import (
    Treated,
    average_effects,
    contrast,
    contrast_draws,
    responses_of,
    treatment_of,
)
from bayes_cx.scoring.journey_views import around, beginnings, funnel, journey_map, journey_steps, variants
from bayes_cx.scoring.log_lik import add_log_likelihood, log_likelihoods, total_log_likelihood
from bayes_cx.scoring.looking import look
from bayes_cx.scoring.newcomers import predict_newcomers
from bayes_cx.scoring.options import horizon_in_fit
from bayes_cx.scoring.outlook import outlook
from bayes_cx.scoring.pooled_links import OverLinks, over_links
from bayes_cx.scoring.predict import (
    columns_of_kind,
    payments,
    predict_events,
    predict_purchases,
    predict_spend,
    predict_value,
    replicate,
    replicate_statistics,
)
from bayes_cx.scoring.reach import at_states, removal_effects
from bayes_cx.scoring.risk import reasons
from bayes_cx.scoring.risk_effects import effects_on_risk
from bayes_cx.scoring.score import draws, score
from bayes_cx.scoring.scorer import Scorer, scorer
from bayes_cx.scoring.simulate import simulate
from bayes_cx.scoring.total_variance import sources_of_total

__all__ = [
    "OverLinks",
    "Scorer",
    "Treated",
    "add_log_likelihood",
    "arm_worth",
    "around",
    "at_states",
    "average",
    "average_effects",
    "average_purchases",
    "beginnings",
    "columns_of_kind",
    "compare_arms",
    "contrast",
    "contrast_draws",
    "draws",
    "effect_by_segment",
    "effects_by_date",
    "effects_of_contacts",
    "effects_on_risk",
    "factors_by_week",
    "funnel",
    "horizon_in_fit",
    "journey_map",
    "journey_steps",
    "log_likelihoods",
    "look",
    "outlook",
    "over_links",
    "payments",
    "predict_events",
    "predict_newcomers",
    "predict_purchases",
    "predict_spend",
    "predict_value",
    "reasons",
    "removal_effects",
    "replicate",
    "replicate_statistics",
    "responses_of",
    "score",
    "scorer",
    "simulate",
    "sources_of_total",
    "total_log_likelihood",
    "treatment_of",
    "variants",
]
