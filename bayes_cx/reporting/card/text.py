"""The sentences of a model card that depend on the kind, the design and the tests of a model."""

from collections.abc import Sequence

from bayes_cx.page.words import agree, listing
from bayes_cx.reporting.card.parts import Use

__all__ = ["NOT_GIVEN", "TOO_FEW", "USE", "ethics", "limits"]

_USERS = "Analysts and campaign managers who look at an interval before a rank."
_DECISION = (
    "Contact the customers for whom the expected net gain of the best offer is positive, within budget and "
    "capacity; nobody, where the whole campaign would almost surely lose. A person approves the list."
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

_ELSE = "prices, complaints and use are not in the model"


def limits(leaving: str, columns: Sequence[str], tested: bool, decided: bool = False) -> tuple[str, ...]:
    """Return what no model of such customers takes into account.

    Parameters
    ----------
    leaving : str
        Of the kind of the model.
    columns : sequence of str
        The columns of the statistics that the design of the fit reads.
    tested : bool
        Whether a hold-out tested the model.
    decided : bool
        Whether that hold-out was part of the choice of the model.
    """
    right = "The intervals are right only if the model is"
    test = "the hold-out tested that for one period" if tested else "no hold-out has tested that"
    if tested and decided:
        test += ", and was part of the choice of this model"
    also = f" and {listing([f'“{name}”' for name in columns])}" if columns else ""
    if leaving == "observed":
        apart = "number of renewals made"
        return (
            "Forecasts are for the customers in the data; those who will sign for the first time are not "
            "counted.",
            "Where contracts that had ended before the data begin are missing, customers look more loyal "
            "than they are.",
            f"Only the {apart}{also} {'tell' if columns else 'tells'} customers apart: {_ELSE}.",
            f"{right}; {test}{', and nothing tests it further ahead' if tested else ''}.",
        )
    return (
        "Forecasts are for the customers in the data; those who will buy for the first time are not counted.",
        "A customer who bought before the data begin looks newer than they are.",
        f"Only the purchase history{also} {'tell' if columns else 'tells'} customers apart: who is equal in "
        f"{'these gets' if columns else 'it gets'} the same answer.",
        f"{right}; {test}.",
    )


_PROFILING = (
    "This is profiling of people who did not ask for it: leave out those who object to it or to marketing."
)
_PROTECTED = "age, health, income or religion"


def ethics(leaving: str, columns: Sequence[str], contacted: str) -> tuple[str, ...]:
    """Return what to mind about ethics and privacy.

    Parameters
    ----------
    leaving : str
        Of the kind of the model.
    columns : sequence of str
        The columns of the statistics that the design of the fit reads.
    contacted : str
        What is known of the shares contacted by group; empty if nothing is.
    """
    history = "the time that customers stay" if leaving == "observed" else "the rhythm of purchases"
    attributes = (
        f"No attribute of customers enters the fit, yet {history} can stand in for {_PROTECTED}: look at the "
        "subgroups before a list is used."
    )
    if columns:
        named = [f"“{name}”" for name in columns]
        attributes = (
            f"{listing(named)} {agree(len(columns), 'enters', 'enter')} the fit and can stand in for "
            f"{_PROTECTED}: ask of each such column why it is there."
        )
    return (
        _PROFILING,
        attributes,
        f"Who gets no offer is decided too: {contacted or 'compare the share contacted between groups'}.",
        "This card names no customer. Posteriors, scores and lists belong to people: keep them no longer "
        "than their purpose needs; a pseudonym is still personal data for whoever holds the key.",
    )


NOT_GIVEN = {
    "computation": "The fit came without checks: whether the draws can be trusted is not known.",
    "prior_check": "No prior predictive check was given: what the priors alone would predict is not known.",
    "posterior_check": "No posterior predictive check was given: whether the model fits is not known.",
    "sensitivity": "No sensitivity analysis was given: how far the priors move the results is not known.",
    "holdout": "No hold-out was given: how well the model predicts is not known.",
    "together": "The hold-out tests all models together: see the card of {}.",
    "subgroups": "No hold-out by group was given: whether some groups are forecast worse is not known.",
}

TOO_FEW = "too few customers to judge"
