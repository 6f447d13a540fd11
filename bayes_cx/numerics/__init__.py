"""Numerics: sums and integrals in log space, over rates that are gamma and chances that are beta.

Formulas are written for scalars and work on tensors of PyTensor, which broadcast. Those of a likelihood have
first derivatives.
"""

from bayes_cx.numerics.beta import log_beta_power
from bayes_cx.numerics.counts import (
    count_if_leaving_after,
    count_of_opportunities,
    log_negative_binomial,
    negative_binomial_tail,
)
from bayes_cx.numerics.decay import log_mean_decay
from bayes_cx.numerics.flows import discounted_flow, with_less_dropout
from bayes_cx.numerics.mean_purchases import beta_gamma_mean
from bayes_cx.numerics.means import beta_gamma_decay, beta_gamma_dert, count_at_leaving
from bayes_cx.numerics.powers import one_minus_power_over
from bayes_cx.numerics.ratios import ratio_sum
from bayes_cx.numerics.retention import log_leave, log_stay, log_stay_on, most_periods, wear
from bayes_cx.numerics.silence import silence, silence_of_opportunities
from bayes_cx.numerics.stage_flow import stage_flow
from bayes_cx.numerics.stages import MOST_STAGES, StageSums, phases, stage_sums
from bayes_cx.numerics.sums import discounted_sum, geometric_sum
from bayes_cx.numerics.waiting import log_wait_integral

__all__ = [
    "MOST_STAGES",
    "StageSums",
    "beta_gamma_decay",
    "beta_gamma_dert",
    "beta_gamma_mean",
    "count_at_leaving",
    "count_if_leaving_after",
    "count_of_opportunities",
    "discounted_flow",
    "discounted_sum",
    "geometric_sum",
    "log_beta_power",
    "log_leave",
    "log_mean_decay",
    "log_negative_binomial",
    "log_stay",
    "log_stay_on",
    "log_wait_integral",
    "most_periods",
    "negative_binomial_tail",
    "one_minus_power_over",
    "phases",
    "ratio_sum",
    "silence",
    "silence_of_opportunities",
    "stage_flow",
    "stage_sums",
    "wear",
    "with_less_dropout",
]
