"""The model card: what a model is for, how it was checked, and where it fails."""

from bayes_cx.reporting.card.fill import model_card
from bayes_cx.reporting.card.parts import Use
from bayes_cx.reporting.card.record import ModelCard

__all__ = ["ModelCard", "Use", "model_card"]
