"""Reporting: the report, its figures and tables, the model card, and panels for notebooks."""

from bayes_cx.reporting.card import ModelCard, model_card
from bayes_cx.reporting.report import Report, report

__all__ = ["ModelCard", "Report", "model_card", "report"]
