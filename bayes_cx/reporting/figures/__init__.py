"""The figures of the report: each draws its data and says in one sentence what they show."""

from bayes_cx.reporting.figures.decision import forest, futures, gain_curve, sensitivity
from bayes_cx.reporting.figures.evidence import by_frequency, calibration, capture, tracking

__all__ = [
    "by_frequency",
    "calibration",
    "capture",
    "forest",
    "futures",
    "gain_curve",
    "sensitivity",
    "tracking",
]
