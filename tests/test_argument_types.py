"""Arguments of the wrong type get one clear message, whatever the public function."""

import numpy as np
import pandas as pd
import pytest

import bayes_cx as bcx
from bayes_cx.argument_types import check_types
from bayes_cx.errors import InputError

TABLE = pd.DataFrame({"mail": ["none", "letter"] * 40, "shop": list("ab") * 40, "bought": [0, 1, 1, 0] * 20})


def trial(**other):
    return bcx.summarise_trial(TABLE, "bought", **{"arm": "mail", "control": "none", **other})


def uplift(**other):
    given = {"outcome": "bought", "treatment": "mail", "control": "none", "features": "shop", **other}
    return bcx.summarise_uplift(TABLE, **given)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: trial(by=None), "by=None in summarise_trial; expected a list, each a text or a text"),
        (lambda: trial(by=["shop", 3]), r"by=\['shop', 3\]"),
        (lambda: trial(arm=None), "arm=None"),
        (lambda: trial(shares={"none": "a"}), "shares=.*a dictionary with a number for each name"),
        (lambda: trial(rejected=3), "rejected=3"),
        (lambda: uplift(features=None), "features=None in summarise_uplift"),
        (lambda: uplift(outcome=None), "outcome=None.*a text"),
        (lambda: uplift(like=3), "like=3.*Dataset"),
        (lambda: bcx.look(TABLE), "posterior of type DataFrame in look; expected a TrialPosterior"),
        (lambda: bcx.plan_trial("a", 0.01), "control='a' in plan_trial; expected a number"),
        (lambda: bcx.plan_trial(0.05, None), "effect=None"),
        (lambda: bcx.plan_trial(0.05, 0.01, arms="2"), "arms='2'.*a whole number"),
        (lambda: bcx.plan_trial(0.05, 0.01, looks=1.5), "looks=1.5"),
        (lambda: bcx.plan_trial(0.05, 0.01, prior=(1,)), "prior=.*2 values, each a number"),
        (lambda: bcx.plan_trial(0.05, 0.01, customers=-3), "customers=-3.*one customer or more"),
        (lambda: bcx.plan_trial(0.05, 0.01, trial_cost=np.nan), "trial_cost=nan.*zero or more"),
        (lambda: bcx.policy_value(None, "mail"), "decided=None in policy_value; expected a FollowUp"),
        (lambda: bcx.realised(TABLE), "decided of type DataFrame in realised"),
        (lambda: bcx.learn(None), "log=None in learn; expected an Actions or a FollowUp"),
        (lambda: bcx.monitor(TABLE, TABLE, share=3), "share=3 in monitor"),
        (lambda: bcx.signals(None, "b", "30 days"), "events=None in signals"),
        (lambda: bcx.link(TABLE, TABLE), "events of type DataFrame in link"),
        (lambda: bcx.next_best_action(TABLE, 3), "no sequence of actions"),
        (lambda: bcx.Limits(capacity=3), "capacity=3.*by channel"),
        (lambda: bcx.Exploration(share=None), "share=None.*between 0 and 1"),
        (lambda: bcx.Action("a", channel=3), "channel=3 of 'a'"),
    ],
)
def test_a_wrong_type_is_named_with_what_was_expected(call, says):
    with pytest.raises(InputError, match=says):
        call()


def test_numbers_of_numpy_and_whole_numbers_for_others_are_fine():
    def some(n: int, share: float, names: tuple[str, ...] | None = None) -> None:
        check_types(some, locals())

    some(np.int64(3), np.float32(0.5))
    some(3, 1, ("a", "b"))
    with pytest.raises(InputError, match="n=True"):
        some(True, 0.5)
