"""What can be asked of a customer: one vocabulary for every model."""

from bayes_cx.model import Formula, Quantity

__all__ = ["named"]

# Meaning and unit by name. An E in a name or a text stands for the events of the model, an e for one of them.
_KNOWN = {
    "p_alive": ("chance that the customer is still active", "probability"),
    "p_alive_at": ("chance that the customer is still active t from now", "probability"),
    "p_alive_new": ("chance that a new customer is still active after t", "probability"),
    "p_any_{e}": ("chance of at least one {e} within t", "probability"),
    "p_{E}": ("chance of exactly so many {E} within t", "probability"),
    "p_{E}_new": ("chance of exactly so many repeat {E} within t of a new customer", "probability"),
    "expected_{E}": ("expected {E} within t", "{E}"),
    "expected_{E}_between": ("expected {E} from t1 to t2 from now", "{E}"),
    "expected_{E}_if_active": ("expected {E} within t, given that the customer is active", "{E}"),
    "expected_{E}_new": ("expected repeat {E} within t of a new customer", "{E}"),
    "discounted_{E}": ("expected {E} within t, discounted to now", "{E}"),
    "discounted_{E}_if_active": ("discounted {E} within t, given that the customer is active", "{E}"),
    "discounted_{E}_if_won_back": ("discounted {E} within t of a lost customer brought back", "{E}"),
    "discounted_{E}_if_kept": ("discounted {E} within t of an active customer who cannot leave", "{E}"),
    "discounted_{E}_if_less_dropout": (
        "discounted {E} within t of an active customer whose chance to leave falls by the share keep",
        "{E}",
    ),
    "dert": ("discounted expected residual transactions, without end", "{E}"),
    "dert_new": ("discounted expected repeat transactions of a new customer, without end", "{E}"),
    "derl": ("discounted expected residual lifetime: {E} to come, without end", "{E}"),
    "derl_new": ("discounted expected lifetime of a new customer: {E} to come, without end", "{E}"),
    "silence_limit": (
        "time since the last {e} after which the customer is more likely gone than not",
        "time",
    ),
    "silence_limit_new": (
        "time since the first {e} after which a customer without another is more likely gone than not",
        "time",
    ),
    "survival": ("chance to be still a customer after t more {E}", "probability"),
    "retention": ("chance to make the t-th {e} from now, given all before", "probability"),
    "median_lifetime": ("{E} to come that the customer makes with a chance of one half", "{E}"),
    "expected_lifetime": ("expected {E} to come, without end", "{E}"),
    "expected_spend": ("expected spend of the next purchase", "money"),
    "expected_spend_new": ("expected spend of a new customer's purchase", "money"),
}
# Where a customer may never be gone, or stay for ever on average.
_NEVER = {"silence_limit", "silence_limit_new", "expected_lifetime", "median_lifetime"}


def named(events: str, **formulas: Formula) -> dict[str, Quantity]:
    """Return the quantities of a model with the meaning and unit that belong to their names.

    Parameters
    ----------
    events : str
        What the model counts, in the plural: ``"purchases"`` or ``"renewals"``.
    **formulas
        Formulas by name.

    Raises
    ------
    KeyError
        If a name is not in the vocabulary.

    Examples
    --------
    >>> named("purchases", p_any_purchase=lambda t: t)["p_any_purchase"].meaning
    'chance of at least one purchase within t'
    """
    words = {"E": events, "e": events.removesuffix("s")}
    known = {
        name.format(**words): (meaning.format(**words), unit.format(**words), name in _NEVER)
        for name, (meaning, unit) in _KNOWN.items()
    }
    return {
        name: Quantity(formula, known[name][0], known[name][1], known[name][2])
        for name, formula in formulas.items()
    }
