"""The sentences of a model card that are the same for all models of one kind."""

from bayes_cx.reporting.card.parts import Use

__all__ = ["ETHICS", "LIMITS", "NOT_GIVEN", "TOO_FEW", "USE"]

_USERS = "Analysts and campaign managers who look at an interval before a rank."
_DECISION = (
    "Contact a customer where the expected net gain of the best offer is positive and within the budget; a "
    "person approves the list."
)
_RIGHTS = "Decisions about credit, price, insurance, work or anything else that affects a person's rights."
_PROOF = "Proof that an offer works: only an experiment shows what an offer changes."
_ELSEWHERE = "Another business, country or time than that of the data, without fitting and checking again."

_PURCHASES = Use(
    intended=(
        "Rank the customers of one business by the purchases or the spend to expect from them, with the "
        "uncertainty, so that people can decide whom to contact."
    ),
    users=_USERS,
    decision=_DECISION,
    misuse=(
        _RIGHTS,
        "Customers under contract: it is observed when they leave, and need not be inferred.",
        "The claim that one named customer has left: a probability is not an observation.",
        _PROOF,
        _ELSEWHERE,
    ),
)
_CONTRACTS = Use(
    intended=(
        "Forecast how many customers under contract renew, and value customers by the renewals to expect "
        "from them, with the uncertainty, so that people can decide whom to make an offer."
    ),
    users=_USERS,
    decision=_DECISION,
    misuse=(
        _RIGHTS,
        "Customers without a contract: nobody sees them leave, so it takes a model that infers it.",
        "The claim that one named customer will leave at the next renewal: the model knows only how long "
        "they have stayed, and their group.",
        "Making it harder to cancel: the chance to leave is computed to serve customers better.",
        _PROOF,
        _ELSEWHERE,
    ),
)
USE = {"latent": _PURCHASES, "none": _PURCHASES, "observed": _CONTRACTS}
"""What a model is for and not for, by whether leaving is observed (`Kind.leaving`)."""

_LIMITS = (
    "Forecasts are for the customers in the data; those who will buy for the first time are not counted.",
    "A customer who bought before the data begin looks newer than they are.",
    "Only the purchase history tells customers apart: equal histories get equal answers.",
    "The intervals are right only if the model is; the hold-out tested that for one period.",
)
_LIMITS_OF_CONTRACTS = (
    "Forecasts are for the customers in the data; those who will sign for the first time are not counted.",
    "Contracts that had ended before the data begin are missing, so customers look more loyal than they are.",
    "Only the renewals made, and the groups of the fit, tell customers apart: prices, complaints and use are "
    "not in the model.",
    "The intervals are right only if the model is, and far ahead nothing has tested it.",
)
LIMITS = {"latent": _LIMITS, "none": _LIMITS, "observed": _LIMITS_OF_CONTRACTS}
"""What no model of such customers takes into account."""

_PROFILING = (
    "This is profiling of people who did not ask for it: leave out those who object to it or to marketing."
)
_ETHICS = (
    _PROFILING,
    "No protected attribute enters the fit, yet the rhythm of purchases can stand in for age, health, income "
    "or religion: look at the subgroups before a list is used.",
    "Who gets no offer is decided too: compare the share contacted between groups.",
    "This card names no customer. Posteriors, scores and lists belong to people: keep them no longer than "
    "their purpose needs; a pseudonym is still personal data for whoever holds the key.",
)
ETHICS = {
    "latent": _ETHICS,
    "none": _ETHICS,
    "observed": (
        _PROFILING,
        "Groups of the fit can stand in for age, health, income or religion: ask of each why it is there.",
        *_ETHICS[2:],
    ),
}
"""Ethics and privacy, by whether leaving is observed."""

NOT_GIVEN = {
    "computation": "The fit came without checks: whether the draws can be trusted is not known.",
    "prior_check": "No prior predictive check was given: what the priors alone would predict is not known.",
    "posterior_check": "No posterior predictive check was given: whether the model fits is not known.",
    "sensitivity": "No sensitivity analysis was given: how far the priors move the results is not known.",
    "holdout": "No hold-out was given: how well the model predicts is not known.",
    "subgroups": "No hold-out by group was given: whether some groups are forecast worse is not known.",
}

TOO_FEW = "too few customers to judge"
