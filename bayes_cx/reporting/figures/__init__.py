"""The figures of the report: each draws its data, with a headline that says what they show."""

from bayes_cx.reporting.figures.accuracy import by_frequency, calibration, capture
from bayes_cx.reporting.figures.calendar import factors
from bayes_cx.reporting.figures.campaign import gain_curve, net, sensitivity
from bayes_cx.reporting.figures.comparison import comparison
from bayes_cx.reporting.figures.contacts import forest
from bayes_cx.reporting.figures.futures import futures
from bayes_cx.reporting.figures.likeness import predictive
from bayes_cx.reporting.figures.ranks import ranks
from bayes_cx.reporting.figures.staying import retention, still, survival
from bayes_cx.reporting.figures.tracking import tracking

__all__ = [
    "by_frequency",
    "calibration",
    "capture",
    "comparison",
    "factors",
    "forest",
    "futures",
    "gain_curve",
    "net",
    "predictive",
    "ranks",
    "retention",
    "sensitivity",
    "still",
    "survival",
    "tracking",
]
