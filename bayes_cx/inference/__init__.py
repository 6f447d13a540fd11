"""From statistics to draws of the posterior."""

from bayes_cx.inference.build import pymc_model
from bayes_cx.inference.design import Design
from bayes_cx.inference.fit import fit, sample_prior
from bayes_cx.inference.hazards import RiskPosterior
from bayes_cx.inference.journeys import JourneyPosterior
from bayes_cx.inference.methods import MAP, MLE, NUTS, Conjugate, Laplace
from bayes_cx.inference.posterior import Posterior
from bayes_cx.inference.saved import load, save
from bayes_cx.inference.trial_fit import TrialPosterior
from bayes_cx.inference.uplift_fit import UpliftPosterior

__all__ = [
    "MAP",
    "MLE",
    "NUTS",
    "Conjugate",
    "Design",
    "JourneyPosterior",
    "Laplace",
    "Posterior",
    "RiskPosterior",
    "TrialPosterior",
    "UpliftPosterior",
    "fit",
    "load",
    "pymc_model",
    "sample_prior",
    "save",
]
