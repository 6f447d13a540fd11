"""Linked identities: how many people there may be, and which links could not be used."""

import numpy as np

from bayes_cx.data import Linked
from bayes_cx.page import Block
from bayes_cx.page.words import count, plural
from bayes_cx.reporting.panels.shared import folded, mapping, panel, read_and_rejected, reasons

__all__ = ["blocks"]

_LOOKED_AT = 20


def blocks(linked: Linked) -> tuple[Block, ...]:
    """Return how many customers there were, and how many people there are, in the imputations."""
    people = [linked.people(number).nunique() for number in range(min(linked.imputations, _LOOKED_AT))]
    low, high = int(np.min(people)), int(np.max(people))
    number = plural(low, "person", "people") if low == high else f"{count(low)} to {count(high)} people"
    unsure = linked.links.probability.size
    return panel(
        number,
        [
            f"{plural(len(linked.known), 'customer')} before linking",
            f"{plural(unsure, 'uncertain link')} in {plural(linked.imputations, 'imputation')}",
        ],
        read_and_rejected(linked.links_read, linked.rejected_by_reason),
        reasons(linked.rejected_by_reason),
        folded("provenance", mapping({"source": linked.unlinked.source, "seed": linked.seed})),
    )
