"""Who is who in the visits of a simulated operator: browsers, log-ins, and links between them."""

import numpy as np
import pandas as pd

from bayes_cx.data.operator_lives import Happened

__all__ = ["accounts_of", "told_apart"]

# So many refuse cookies; so many browse on a second machine as well, in so many of their visits.
_REFUSES, _SECOND, _THERE = 0.3, 0.4, 0.3


def accounts_of(did: Happened, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the browser of each event, None where nothing tells it, and whether its customer is known.

    On the web customers are known from the log-in, or the order, on; everywhere else always. On a second
    machine nobody logs in.

    Returns
    -------
    accounts : numpy.ndarray of str or None, shape (event,)
        ``K`` and the number of the person for the first machine, ``L`` for the second; they are drawn in an
        order of their own, so that a number tells nothing.
    identified : numpy.ndarray of bool, shape (event,)
    """
    refuses, second = rng.random(n) < _REFUSES, rng.random(n) < _SECOND
    first_names = np.array([f"K{number:06d}" for number in rng.permutation(n)], object)
    second_names = np.array([f"L{number:06d}" for number in rng.permutation(n)], object)
    web = did.channel == "web"
    # Sessions are numbered without gaps, or nearly so.
    visits = int(did.session.max(initial=-1)) + 1
    elsewhere = (rng.random(visits) < _THERE)[did.session] & second[did.person] & web
    logs_in = np.isin(did.event, ("login", "order_placed", "address_changed")) & web
    known = np.full(visits, np.inf)
    np.minimum.at(known, did.session[logs_in & ~elsewhere], did.day[logs_in & ~elsewhere])
    # An order names a customer on any machine.
    ordered = elsewhere & (did.event == "order_placed")
    np.minimum.at(known, did.session[ordered], did.day[ordered])
    identified = ~web | (did.day >= known[did.session])
    browser = np.where(elsewhere, second_names[did.person], first_names[did.person])
    browser[~web | (refuses[did.person] & ~elsewhere)] = None
    return browser, identified


def told_apart(
    accounts: np.ndarray, did: Happened, identified: np.ndarray, names: np.ndarray, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.Series]:
    """Return the links between accounts, and whose each account is.

    A browser in which somebody logged in is linked for sure. Others are linked to one customer with a
    probability: it is the right one as often as the probability says.
    """
    seen = np.flatnonzero(pd.notna(accounts))
    browsers, first = np.unique(accounts[seen].astype(str), return_index=True)
    person = did.person[seen][first]
    sure = np.isin(browsers, accounts[seen][identified[seen]].astype(str))
    probability = np.where(sure, 1.0, rng.beta(2.0, 1.5, browsers.size).round(2).clip(0.02, 0.98))
    right = rng.random(browsers.size) < probability
    other = (person + rng.integers(1, max(len(names), 2), browsers.size)) % len(names)
    links = pd.DataFrame(
        {
            "left": browsers.astype(object),
            "right": names[np.where(right, person, other)],
            "probability": probability,
        }
    )
    identities = pd.concat(
        [pd.Series(names, names), pd.Series(names[person], browsers.astype(object))]
    ).rename_axis("account")
    return links, identities.rename("customer")
