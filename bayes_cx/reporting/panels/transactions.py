"""Transactions: rows read, accepted and rejected by reason."""

from bayes_cx.data import Transactions
from bayes_cx.page import Block
from bayes_cx.page.words import count
from bayes_cx.reporting.panels.shared import folded, mapping, panel, read_and_rejected, reasons

__all__ = ["blocks"]


def blocks(transactions: Transactions) -> tuple[Block, ...]:
    """Return how many rows can be used, and why the others cannot."""
    rejected = dict(transactions.rejected_by_reason)
    accepted = transactions.rows_read - sum(rejected.values())
    source = {"source": transactions.source, "sha256": transactions.sha256}
    return panel(
        f"{count(accepted)} transactions",
        [
            "with amounts" if transactions.has_amount else "without amounts",
            f"returns: {transactions.returns}",
            *transactions.remarks,
        ],
        read_and_rejected(transactions.rows_read, rejected),
        reasons(rejected),
        folded("provenance", mapping(source)),
    )
