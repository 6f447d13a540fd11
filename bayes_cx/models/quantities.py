"""The quantities of customers: one vocabulary for all models, most of it derived from a few formulas."""

from dataclasses import dataclass, fields

import pytensor.tensor as pt

from bayes_cx.kinds import Kind
from bayes_cx.model import Formula, Quantity
from bayes_cx.models.combine import at, call, combined, of, times

__all__ = ["Active", "named", "quantities"]

# Meaning and unit by name. {E} stands for the events of the kind, plural, and {e} for the singular.
_KNOWN = {
    "p_alive": ("chance that the customer is still active", "probability"),
    "p_alive_at": ("chance that the customer is still active t from now", "probability"),
    "p_alive_new": ("chance that a new customer is still active after t", "probability"),
    "p_any_{e}": ("chance of at least one {e} within t", "probability"),
    "p_{E}": ("chance of exactly count {E} within t", "probability"),
    "p_{E}_new": ("chance of exactly count repeat {E} within t of a new customer", "probability"),
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
# Quantities that may be infinite: a customer may never be gone, or stay for ever on average.
_NEVER = {"silence_limit", "silence_limit_new", "expected_lifetime", "median_lifetime"}
_IF_ACTIVE = ("_if_active", "_if_kept", "_if_less_dropout")


@dataclass(frozen=True)
class Active:
    """What an active customer does: formulas of options, then of the parameters believed of the customer.

    Attributes
    ----------
    stays : callable
        ``(t, *believed)``, the chance to be still active after t.
    any : callable
        ``(t, *believed)``, the chance of one event or more within t.
    mean : callable
        ``(t, *believed)``, the expected events within t.
    discounted, kept : callable
        ``(t, discount, *believed)``, the same discounted to now, and for a customer who cannot leave.
    less_dropout : callable
        ``(t, discount, keep, *believed)``, for a customer whose chance to leave is smaller by the share
        `keep`.
    exactly : callable, optional
        ``(count, t, *believed)``, the chance of exactly so many events within t.
    endless : callable, optional
        ``(discount, *believed)``, discounted events without end.
    between : callable, optional
        ``(t1, t2, *believed)``, the expected events between; by default a difference of `mean`.
    """

    stays: Formula
    any: Formula
    mean: Formula
    discounted: Formula
    kept: Formula
    less_dropout: Formula
    exactly: Formula | None = None
    endless: Formula | None = None
    between: Formula | None = None


def quantities(
    kind: Kind,
    *,
    p_alive: Formula,
    believed: Formula,
    active: Active,
    won_back: Formula,
    silence_limit: Formula | None = None,
    **more: Formula,
) -> dict[str, Quantity]:
    """Return the quantities of customers who make events while they are active, and leave.

    A new customer is one with an empty history: all statistics are zero.

    Parameters
    ----------
    kind : Kind
    p_alive : callable
        Chance to be active, of statistics and parameters.
    believed : callable
        Posterior parameters of an active customer given the history, of statistics and parameters, as a
        tuple.
    active : Active
        What such a customer does.
    won_back : callable
        Discounted events within t of a customer who had left and is active again, of statistics, parameters,
        ``t`` and ``discount``.
    silence_limit : callable, optional
        When a customer is more likely gone than not, of statistics and parameters.
    **more
        Other quantities by name.
    """
    E = kind.events
    e = E.removesuffix("s")
    alive_then = {
        f.name: times(p_alive, of(formula, believed))
        for f in fields(active)
        if (formula := getattr(active, f.name)) is not None
    }
    found = {
        "p_alive": p_alive,
        "p_alive_at": alive_then["stays"],
        f"p_any_{e}": alive_then["any"],
        f"expected_{E}": alive_then["mean"],
        f"expected_{E}_if_active": of(active.mean, believed),
        f"discounted_{E}": alive_then["discounted"],
        f"discounted_{E}_if_active": of(active.discounted, believed),
        f"discounted_{E}_if_won_back": won_back,
        f"discounted_{E}_if_kept": of(active.kept, believed),
        f"discounted_{E}_if_less_dropout": of(active.less_dropout, believed),
    }
    found[f"expected_{E}_between"] = alive_then.get("between") or _difference(
        p_alive, of(active.mean, believed)
    )
    if active.exactly is not None:
        found[f"p_{E}"] = _of_all(p_alive, of(active.exactly, believed))
    if active.endless is not None:
        found["derl" if kind.leaving == "observed" else "dert"] = alive_then["endless"]
    if silence_limit is not None:
        found["silence_limit"] = silence_limit
    empty = dict.fromkeys(kind.columns, 0.0)
    new = {"p_alive_at": "p_alive_new"} | {
        name: f"{name}_new" for name in (f"p_{E}", f"expected_{E}", "dert", "derl", "silence_limit")
    }
    found |= {new[name]: at(formula, **empty) for name, formula in found.items() if name in new}
    return named(kind, **{**found, **more})


def _difference(p_alive: Formula, mean: Formula) -> Formula:
    """Return the expected events from t1 to t2 of a customer who may be active, from the mean within t."""
    inner = at(mean, t=0.0)

    def between(given):
        later, sooner = (call(mean, {**given, "t": given[name]}) for name in ("t2", "t1"))
        return call(p_alive, given) * (later - sooner)

    return combined(between, lambda t1, t2: None, p_alive, inner)


def _of_all(p_alive: Formula, exactly: Formula) -> Formula:
    """Return the chance of a count for a customer who may be active; one who has left makes none."""

    def chance(given):
        alive = call(p_alive, given)
        return alive * call(exactly, given) + (1.0 - alive) * pt.eq(given["count"], 0)

    return combined(chance, p_alive, exactly)


def named(kind: Kind, **formulas: Formula) -> dict[str, Quantity]:
    """Return the quantities of a model with the meaning and unit that belong to their names.

    Parameters
    ----------
    kind : Kind
        What the model counts.
    **formulas
        Formulas by name.

    Raises
    ------
    KeyError
        If a name is not in the vocabulary.

    Examples
    --------
    >>> from bayes_cx.kinds import PURCHASES
    >>> named(PURCHASES, p_any_purchase=lambda t: t)["p_any_purchase"].meaning
    'chance of at least one purchase within t'
    """
    words = {"E": kind.events, "e": kind.events.removesuffix("s")}
    known = {
        name.format(**words): (meaning.format(**words), unit.format(**words), name in _NEVER)
        for name, (meaning, unit) in _KNOWN.items()
    }
    return {
        name: Quantity(formula, *known[name], name.endswith(_IF_ACTIVE)) for name, formula in formulas.items()
    }
