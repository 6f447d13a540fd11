"""Mixtures: sums and integrals over rates that are gamma and chances to leave that are beta among customers.

Everything is written for scalars and works on tensors of PyTensor, which broadcast. No derivatives are
needed: likelihoods have closed forms, or use `bayes_cx.special`.
"""

from bayes_cx.mixtures.chances import beta_gamma_decay, beta_gamma_dert, count_at_leaving
from bayes_cx.mixtures.counts import log_negative_binomial, negative_binomial_tail
from bayes_cx.mixtures.purchases import beta_gamma_mean
from bayes_cx.mixtures.solve import silence
from bayes_cx.mixtures.stages import MOST_STAGES, StageSums, phases, stage_sums

__all__ = [
    "MOST_STAGES",
    "StageSums",
    "beta_gamma_decay",
    "beta_gamma_dert",
    "beta_gamma_mean",
    "count_at_leaving",
    "log_negative_binomial",
    "negative_binomial_tail",
    "phases",
    "silence",
    "stage_sums",
]
