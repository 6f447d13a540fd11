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
        *(
            f"For each draw from the posterior, {words.condition}",
            Formula("p"),
            f"{words.then} and then worth ",
        ),
        *(Formula("V"), " gains from an offer that costs ", Formula("c"), ", wins back with chance "),
        *(Formula("rho"), " and prevents the share ", Formula("kappa"), " of leaving:"),
    )
    after = (
        *("where ", Formula('V_"back"'), " is the value of a customer who had left and comes back, and "),
        *(Formula("V_kappa"), " the value of an active one with less leaving. Customers are ordered by the "),
        "mean of the net gain over the draws. Intervals of a single customer, of the gain curve and of the "
        "sensitivity are over these draws: what is not known about parameters and response, with the "
        "customer's own luck averaged out. The campaign's interval, its chance of losing money and its dots "
        "add the luck of which customers come back; that of the total value and those of the hold-out add "
        "all luck of "
        f"{events(study).events}.",
    )
    return Section("Whom to contact", (Text((before,)), Text((_GAIN,), "formula"), Text((after,))))
