"""Value without amounts: purchases are counted, or have one price."""

import numpy as np
import pytest

import bayes_cx as bcx


def test_a_purchase_counts_one(point, few):
    known = {"horizon": "52 weeks", "discount_rate": 0.10}
    counted = bcx.lifetime_value(point, None, few, **known)
    priced = bcx.lifetime_value(point, 25.0, few, margin=0.5, **known)
    everybody = np.arange(5)
    np.testing.assert_allclose(priced.worth(everybody).value, 12.5 * counted.worth(everybody).value)
    expected = bcx.score(point, few, "discounted_purchases", t="52 weeks", discount_rate=0.1)
    np.testing.assert_allclose(counted.worth(everybody).value[0], expected["mean"], rtol=1e-6)


def test_the_plan_says_what_it_counts_in(point, few, offers):
    for spend, counts_in in ((None, ("purchases", None)), (25.0, ("spend", 25.0))):
        plan = bcx.prioritise(bcx.lifetime_value(point, spend, few), offers)
        assert (plan.data.attrs["values"], plan.data.attrs.get("worth")) == counts_in
        assert plan.data.attrs["kind"] == "purchases"


def test_a_margin_of_what_is_counted_is_refused(point, few):
    with pytest.raises(bcx.InputError, match="counted in events, not paid"):
        bcx.lifetime_value(point, None, few, margin=0.5)
    with pytest.raises(bcx.InputError, match="positive worth of a purchase"):
        bcx.lifetime_value(point, -1.0, few)
