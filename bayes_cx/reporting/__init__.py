"""What people read: figures, tables, the report, the model card, and reprs for notebooks."""

from bayes_cx.reporting.card import ModelCard, model_card
from bayes_cx.reporting.report import Report, report

__all__ = ["ModelCard", "Report", "model_card", "report"]
