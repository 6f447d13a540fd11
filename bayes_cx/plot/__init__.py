"""Pictures: functions that take a record and draw on matplotlib Axes, as the report does.

Every function takes ``ax=``, the Axes to draw on, makes a figure of its own without it, and returns the Axes,
so that titles, labels and limits can be changed. `docs/gallery.md` shows all of them.
"""

from bayes_cx.plot.before_target import signals
from bayes_cx.plot.by_week import calendar
from bayes_cx.plot.campaign import forest, futures, gain_curve, sensitivity
from bayes_cx.plot.channels import channels
from bayes_cx.plot.differences import population, shrinkage
from bayes_cx.plot.evidence import (
    by_frequency,
    calibration,
    capture,
    comparison,
    coverage,
    predictive,
    ranks,
    tracking,
)
from bayes_cx.plot.evidence_of_change import monitored
from bayes_cx.plot.histories import frequency_recency, p_alive
from bayes_cx.plot.journey_figures import journey_calibration, journey_chances, journey_map
from bayes_cx.plot.risk_figures import risk_calibration, risk_effects, risk_found
from bayes_cx.plot.staying import retention, still, survival
from bayes_cx.plot.trial_changes import arms
from bayes_cx.plot.uplift_pictures import uplift_by_feature, uplift_curve, uplift_tenths
from bayes_cx.plot.what_was_learned import learned

__all__ = [
    "arms",
    "by_frequency",
    "calendar",
    "calibration",
    "capture",
    "channels",
    "comparison",
    "coverage",
    "forest",
    "frequency_recency",
    "futures",
    "gain_curve",
    "journey_calibration",
    "journey_chances",
    "journey_map",
    "learned",
    "monitored",
    "p_alive",
    "population",
    "predictive",
    "ranks",
    "retention",
    "risk_calibration",
    "risk_effects",
    "risk_found",
    "sensitivity",
    "shrinkage",
    "signals",
    "still",
    "survival",
    "tracking",
    "uplift_by_feature",
    "uplift_curve",
    "uplift_tenths",
]
