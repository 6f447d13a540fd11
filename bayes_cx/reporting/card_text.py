"""The sentences of a model card that hold for every model of purchases; the rest stands on the model."""

from bayes_cx.reporting.card_schema import Use

__all__ = ["ETHICS", "LIMITS", "NOT_GIVEN", "TOO_FEW", "USE"]

USE = Use(
    intended=(
        "Rank the customers of one business by the purchases or the spend to expect from them, with the "
        "uncertainty, so that people can decide whom to contact."
    ),
    users="Analysts and campaign managers who read an interval before a rank.",
    decision=(
        "Contact a customer where the expected net gain of the best offer is positive and within the budget; "
        "a person approves the list."
    ),
    misuse=(
        "Decisions about credit, price, insurance, work or anything else that weighs on a person's rights.",
        "Customers under contract, whose leaving is seen and not inferred.",
        "The claim that one named customer has left: a probability is not an observation.",
        "Proof that an offer works: only an experiment shows what an offer changes.",
        "Another business, country or time than that of the data, without fitting and checking again.",
    ),
)

LIMITS = (
    "Forecasts are for the customers in the data; those who will buy for the first time are not counted.",
    "A customer who bought before the data begin looks newer than they are.",
    "Nothing but the purchase history tells customers apart: the same history gives the same answer.",
    "The intervals hold if the model does; the hold-out shows how far it did, in one period.",
)

ETHICS = (
    "This is profiling of people who did not ask for it: leave out those who object to it or to marketing.",
    "No protected attribute enters the fit, yet the rhythm of purchases can stand in for age, health, income "
    "or religion: read the subgroups before a list is used.",
    "Who gets no offer is decided too: compare the share contacted between groups.",
    "This card names no customer. Posteriors, scores and lists belong to people: keep them no longer than "
    "their purpose needs; a pseudonym is still personal data for whoever holds the key.",
)

NOT_GIVEN = {
    "computation": "The fit came without checks: whether the draws can be trusted is not known.",
    "prior_check": "No prior predictive check was given: what the priors alone would predict is not known.",
    "posterior_check": "No posterior predictive check was given: whether the model fits is not known.",
    "sensitivity": "No sensitivity analysis was given: how far the priors move the results is not known.",
    "holdout": "No hold-out was given: how well the model predicts is not known.",
    "subgroups": "No hold-out by group was given: whether some customers are served worse is not known.",
}

TOO_FEW = "too few customers to judge"
