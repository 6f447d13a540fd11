"""The report of a trial: what won, by how much, how sure that is, and for whom it differs."""

from bayes_cx.reporting.trial.pages import trial_report
from bayes_cx.reporting.trial.trial_study import TrialStudy

__all__ = ["TrialStudy", "trial_report"]
