"""Tables of a trial: its arms, and what they change in each segment."""

import numpy as np

from bayes_cx.inference import TrialPosterior
from bayes_cx.page.blocks import Cell, Column, Name, Number, Table
from bayes_cx.page.words import between, chance, count, shorten
from bayes_cx.scoring import compare_arms, effect_by_segment

__all__ = ["amount", "arms_table", "change", "change_range", "segments_table"]

# From this chance on an arm counts as better than the control in words.
_LEVEL = 0.9


def amount(posterior: TrialPosterior, mean: float, currency: str = "") -> str:
    """Return an outcome as it is printed: a share in percent, a count, or money.

    Examples
    --------
    See `change`, which prints differences.
    """
    if posterior.measure == "conversion":
        return _digits(100 * mean) + "%"
    return f"{currency}{_digits(mean)}"


def change(posterior: TrialPosterior, difference: float, currency: str = "") -> str:
    """Return a difference of outcomes with its sign: in points of a share, as a count, or in money."""
    sign = "−" if difference < 0 else "+"
    if posterior.measure == "conversion":
        return f"{sign}{_digits(100 * abs(difference))} points"
    return f"{sign}{currency}{_digits(abs(difference))}"


def change_range(posterior: TrialPosterior, low: float, high: float, currency: str = "") -> str:
    """Return an interval of differences, the unit once."""
    text = between(low, high, lambda one: change(posterior, one, currency).removesuffix(" points"))
    return f"{text} points" if posterior.measure == "conversion" else text


def arms_table(posterior: TrialPosterior, currency: str = "") -> Table:
    """Return one row an arm: customers, outcome, difference to the control, and how sure it is the best."""
    found = compare_arms(posterior, level=_LEVEL)
    rows: list[tuple[Cell, ...]] = []
    best = int(found["p_best"].to_numpy().argmax())
    for i, name in enumerate(posterior.arms):
        one = {str(key): float(values[i]) for key, values in found.data_vars.items()}
        control = i == 0
        rows.append(
            (
                Name(shorten(name, 40), "control" if control else ""),
                Number(count(one["n"]), one["n"]),
                Number(amount(posterior, one["mean"], currency), one["mean"]),
                "" if control else Number(change(posterior, one["lift"], currency), one["lift"], "strong"),
                ""
                if control
                else Number(
                    change_range(posterior, one["lift_low"], one["lift_high"], currency),
                    one["lift_low"],
                    "soft",
                ),
                ""
                if control or not np.isfinite(one["relative"])
                else Number(_relative(one["relative"]), one["relative"]),
                "" if control else Number(chance(round(one["p_better"], 6)), one["p_better"]),
                Number(chance(round(one["p_best"], 6)), one["p_best"], "strong" if i == best else "plain"),
            )
        )
    heads = ("Arm", "Customers", "Outcome", "Change", "90% interval", "Relative", "Better", "Best")
    columns = tuple(Column(head, wide=i == 0) for i, head in enumerate(heads))
    return Table(
        columns,
        tuple(rows),
        label="Arms",
        note=f"{_OUTCOME[posterior.measure]} “Better” is the probability to bring more than the control, "
        "“best” that of all arms.",
    )


_OUTCOME = {
    "conversion": "Outcome: the share of customers who respond.",
    "count": "Outcome: events per customer.",
    "value": "Outcome: amount per customer, those included who pay nothing.",
}


def segments_table(posterior: TrialPosterior, currency: str = "") -> Table:
    """Return one row an arm and segment: the change there, shrunk, and as it was observed."""
    found = effect_by_segment(posterior, level=_LEVEL)
    rows: list[tuple[Cell, ...]] = []
    for i, arm in enumerate(posterior.arms[1:]):
        for j, segment in enumerate(found["segment"].to_numpy()):
            one = {
                name: float(found[name].to_numpy()[i, j])
                for name in ("effect", "effect_low", "effect_high", "p_better", "raw")
            }
            n = float(found["n"].to_numpy()[j])
            rows.append(
                (
                    shorten(arm, 30),
                    shorten(str(segment), 40),
                    Number(count(n), n),
                    Number(change(posterior, one["effect"], currency), one["effect"], "strong"),
                    Number(
                        change_range(posterior, one["effect_low"], one["effect_high"], currency),
                        one["effect_low"],
                        "soft",
                    ),
                    Number(
                        change(posterior, one["raw"], currency) if np.isfinite(one["raw"]) else "–",
                        one["raw"],
                        "soft",
                    ),
                    Number(chance(one["p_better"]), one["p_better"]),
                )
            )
    heads = ("Arm", "Segment", "Customers", "Change", "90% interval", "As observed", "Better")
    columns = tuple(Column(head, wide=i == 1) for i, head in enumerate(heads))
    return Table(
        columns,
        tuple(rows),
        label="Change by segment",
        note="Small segments are drawn towards what was found in all; “as observed” is without that.",
    )


def _relative(share: float) -> str:
    text = f"{100 * share:+.0f}%" if abs(share) >= 0.1 else f"{100 * share:+.1f}%"
    return text.replace("-", "−")


def _digits(number: float) -> str:
    """Return a number with three significant digits, without powers of ten."""
    if number == 0 or not np.isfinite(number):
        return "0" if number == 0 else "–"
    decimals = max(0, 2 - int(np.floor(np.log10(abs(number)))))
    return f"{number:,.{min(decimals, 6)}f}".replace("-", "−")
