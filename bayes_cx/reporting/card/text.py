"""The sentences of a model card that hold for every model of one kind; the rest stands on the model."""

from bayes_cx.reporting.card.parts import Use

__all__ = ["ETHICS", "LIMITS", "NOT_GIVEN", "TOO_FEW", "USE"]

_USERS = "Analysts and campaign managers who read an interval before a rank."
_DECISION = (
    "Contact a customer where the expected net gain of the best offer is positive and within the budget; a "
    "person approves the list."
)
_RIGHTS = "Decisions about credit, price, insurance, work or anything else that weighs on a person's rights."
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
        "Customers under contract, whose leaving is seen and not inferred.",
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
        "Customers without a contract, whose leaving nobody sees: it needs a model that infers it.",
        "The claim that one named customer will leave at the next renewal: it knows how long they have "
        "stayed, and their group, and nothing else of them.",
        "Making it harder to cancel: the chance to leave is there to serve customers better.",
        _PROOF,
        _ELSEWHERE,
    ),
)
USE = {"latent": _PURCHASES, "none": _PURCHASES, "observed": _CONTRACTS}
"""What a model is for and not for, by whether it is seen who leaves (`Kind.leaving`)."""

_LIMITS = (
    "Forecasts are for the customers in the data; those who will buy for the first time are not counted.",
    "A customer who bought before the data begin looks newer than they are.",
    "Nothing but the purchase history tells customers apart: the same history gives the same answer.",
    "The intervals hold if the model does; the hold-out shows how far it did, in one period.",
)
_LIMITS_OF_CONTRACTS = (
    "Forecasts are for the customers in the data; those who will sign for the first time are not counted.",
    "A contract that began before the data do, and had ended, is not in them: the rest looks more loyal.",
    "Nothing but the renewals made, and the groups of the fit, tells customers apart: prices, complaints and "
    "use are not seen.",
    "The intervals hold if the model does, and far ahead nothing has checked it.",
)
LIMITS = {"latent": _LIMITS, "none": _LIMITS, "observed": _LIMITS_OF_CONTRACTS}
"""What no model of such customers can see."""

_PROFILING = (
    "This is profiling of people who did not ask for it: leave out those who object to it or to marketing."
)
_ETHICS = (
    _PROFILING,
    "No protected attribute enters the fit, yet the rhythm of purchases can stand in for age, health, income "
    "or religion: read the subgroups before a list is used.",
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
"""What to mind with them."""

NOT_GIVEN = {
    "computation": "The fit came without checks: whether the draws can be trusted is not known.",
    "prior_check": "No prior predictive check was given: what the priors alone would predict is not known.",
    "posterior_check": "No posterior predictive check was given: whether the model fits is not known.",
    "sensitivity": "No sensitivity analysis was given: how far the priors move the results is not known.",
    "holdout": "No hold-out was given: how well the model predicts is not known.",
    "subgroups": "No hold-out by group was given: whether some customers are served worse is not known.",
}

TOO_FEW = "too few customers to judge"
