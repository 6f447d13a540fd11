"""What a report says of the choice of a model: which, by how much, and whether the choice matters."""

from typing import Any

import numpy as np

from bayes_cx.page.words import Money, count, per_cent
from bayes_cx.reporting.summary import Notice

__all__ = ["differences", "matters", "table"]

# What a choice may change before page one speaks of it: totals, and the list of contacts.
_TOTAL, _LIST = 0.10, 0.20


def table(selection: Any) -> list[dict[str, str]]:
    """Return one row for each model that was compared, the best first."""
    if selection.comparison is None:
        return []
    found = selection.comparison.table
    rows = []
    for i, name in enumerate(found["model"].to_numpy()):
        one = {key: float(found[key][i]) for key in ("elpd", "behind", "behind_se", "parameters", "weight")}
        behind = f"{one['behind']:,.1f} ± {one['behind_se']:,.1f}" if i else "–"
        rows.append(
            {
                "name": str(name),
                "elpd": f"{one['elpd']:,.1f}".replace("-", "−"),
                "behind": behind.replace("-", "−"),
                "parameters": f"{one['parameters']:.1f}",
                "khat": f"{float(found['khat_max'][i]):.2f}".replace("-", "−"),
                "weight": per_cent(one["weight"]),
            }
        )
    return rows


def differences(plan: Any, other: Any, name: str, money: Money) -> str:
    """Say what the plan would be under the model that came next."""
    mine, theirs = _worth(plan), _worth(other)
    here, there, both = _contacts(plan, other)
    text = (
        f"With {name}, the next best, the customers would be taken to be worth {money(theirs)} over the next "
        f"{plan.data.attrs['horizon']} instead of {money(mine)} ({_signed(theirs / mine - 1.0)})"
    )
    if not here and not there:
        return f"{text}, and nobody would be contacted either."
    return (
        f"{text}, and {count(there)} instead of {count(here)} customers would be contacted; {count(both)} "
        "stand on both lists."
    )


def matters(plan: Any, other: Any, name: str, money: Money) -> list[Notice]:
    """Warn on page one if the model that came next would change totals or contacts by much."""
    here, there, both = _contacts(plan, other)
    total = abs(_worth(other) / _worth(plan) - 1.0)
    apart = 1.0 - both / max(here, there, 1) if here or there else 0.0
    if total <= _TOTAL and apart <= _LIST:
        return []
    return [Notice("look", "The choice of the model matters.", differences(plan, other, name, money))]


def _worth(plan: Any) -> float:
    return float(plan.data["total_value"].mean())


def _contacts(plan: Any, other: Any) -> tuple[int, int, int]:
    """Return how many customers each plan contacts, and how many both do."""
    mine, theirs = (one.data["customer"].to_numpy()[one.data["contact"].to_numpy()] for one in (plan, other))
    return mine.size, theirs.size, int(np.isin(mine, theirs).sum())


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}%".replace("-", "−")
