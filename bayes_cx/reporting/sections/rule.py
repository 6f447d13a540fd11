"""The rule of the decision, as a formula."""

from bayes_cx.page import Formula, Section, Text
from bayes_cx.reporting.phrases import phrases
from bayes_cx.reporting.studied import events, kind_of_study
from bayes_cx.study import Study

__all__ = ["section"]

_GAIN = '"net gain" = (1 - p) rho V_"back" + p (V_kappa - V) - c'


def section(study: Study) -> Section | None:
    """Return how the net gain of a contact is computed; nothing without a plan."""
    if study.plan is None:
        return None
    words = phrases(kind_of_study(study))
    before = (
        f"For each draw from the posterior, take {words.condition}",
        *(Formula("p"), f"{words.then} and whose value is ", Formula("V")),
        *(f" if {events(study).active}. An offer costs ", Formula("c")),
        *(", wins back a customer who has left with chance ", Formula("rho")),
        " (halved for every half-life of silence)",
        *(" and lowers the chance to leave by the share ", Formula("kappa"), ". Its net gain is:"),
    )
    after = (
        *("where ", Formula('V_"back"'), " is the value of a customer who had left and comes back, and "),
        *(Formula("V_kappa"), " that of a customer whose chance to leave is lower. Customers are "),
        "ordered by the mean of the net gain over the draws. The interval of a single customer covers what "
        "is not known about parameters and response; the customer's own luck is averaged out. The interval "
        "of the campaign is the same wherever it is shown and also covers the luck of which customers come "
        "back. The intervals of the total value and of the hold-out cover all luck of "
        f"{events(study).events}.",
    )
    return Section("Whom to contact", (Text((before,)), Text((_GAIN,), "formula"), Text((after,))))
