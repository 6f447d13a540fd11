"""Offers whose effect on the outcome itself is known, against sums by hand."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.decision.effects import effect
from bayes_cx.decision.responses import Changed, Outcome, Response
from bayes_cx.errors import InputError


@dataclass(frozen=True)
class Known(Response):
    """A response whose draws are given; `effect` is one number, or one a customer."""

    effect: Any
    outcome: Outcome = "buying"  # pyright: ignore[reportIncompatibleMethodOverride]
    taking: float | None = None
    basis: Literal["measured"] = "measured"  # pyright: ignore[reportIncompatibleMethodOverride]
    customers: int = 8000  # pyright: ignore[reportIncompatibleMethodOverride]
    source: str = "measured on 8,000 customers"  # pyright: ignore[reportIncompatibleMethodOverride]

    @property
    def mean(self) -> float:
        return float(np.mean(self.effect))

    def interval(self, level: float = 0.9) -> tuple[float, float]:
        return self.mean - 0.01, self.mean + 0.01

    def draw(self, rng: np.random.Generator, n: int, stats: xr.Dataset) -> Changed:
        drawn = np.broadcast_to(self.effect, (n, *np.shape(self.effect)))
        return Changed(drawn, None if self.taking is None else np.full(drawn.shape, self.taking))

    def as_dict(self) -> dict[str, Any]:
        return {"mean": self.mean}


@pytest.fixture(scope="module")
def value(point, few):
    return bcx.lifetime_value(point, 20.0, few, draws=400, margin=0.5)


@pytest.mark.parametrize("effect_", [0.2, -0.1])
def test_who_buys_because_of_an_offer_brings_a_purchase_and_may_come_back(value, few, rng, effect_):
    worth = value.worth(np.arange(5))
    offer = bcx.Offer("mail", 1.5, response=Known(effect_))
    plan = bcx.prioritise(value, [offer], seed=1, futures=False, max_loss_chance=None)
    gain = plan.data["gain"].sel(customer=few["customer"]).to_numpy()
    by_hand = effect_ * (20.0 * 0.5 + (1 - worth.p_alive[0]) * worth.won_back[0]) - 1.5
    np.testing.assert_allclose(gain, by_hand, rtol=1e-9)
    assert plan.data["total_response"].mean() == pytest.approx(
        float((gain + 1.5)[gain > 0].sum()), rel=1e-9, abs=1e-12
    )
    # The luck of who responds moves no mean, and is that of one in so many.
    change = effect(offer, value, rng).of(worth, np.arange(5))
    luck = np.array([change.luck(rng.random((400, 5))) for _ in range(50)]).reshape(-1, 5)
    each = by_hand + 1.5
    sd = np.abs(each) * np.sqrt(1 / abs(effect_) - 1)
    np.testing.assert_allclose(luck.std(axis=0), sd, rtol=0.05)
    assert np.all(np.abs(luck.mean(axis=0)) < 4 * sd / np.sqrt(20_000))


def test_amounts_count_by_the_margin_and_are_the_same_for_all(value, few):
    offer = bcx.Offer("mail", 0.1, response=Known(0.8, "spend", taking=0.01))
    plan = bcx.prioritise(value, [offer], seed=1, futures=False)
    np.testing.assert_allclose(plan.data["gain"], 0.8 * 0.5 - 0.1)
    found = plan.drivers
    assert [*found["assumption"].values] == ["response", "margin"]
    assert found["half"].sel(assumption="response").item() == pytest.approx(5 * (0.2 - 0.1))
    assert found["twice"].sel(assumption="response").item() == pytest.approx(5 * (0.8 - 0.1))
    assert found["half"].sel(assumption="margin").item() == pytest.approx(5 * (0.2 - 0.1))
    # Paid by those who take it up, a hundredth.
    paid = bcx.Offer("mail", 0.1, charged="accepted", response=Known(0.8, "spend", taking=0.01))
    np.testing.assert_allclose(
        bcx.prioritise(value, [paid], seed=1, futures=False).data["gain"], 0.8 * 0.5 - 0.001
    )


def test_each_customer_may_have_an_own_effect_even_if_all_histories_are_equal(point, few):
    """Equal customers are evaluated once, but not where they respond differently."""
    same = few.isel(customer=[2, 2, 2, 2, 2]).assign_coords(customer=list("abcde"))
    own = np.array([0.1, 0.0, 0.3, -0.1, 0.2])
    value = bcx.lifetime_value(point, 20.0, same, draws=7)
    offer = bcx.Offer("mail", 0.5, response=Known(own, "purchases"))
    data = bcx.prioritise(value, [offer], seed=1, futures=False, max_loss_chance=None).data
    np.testing.assert_allclose(data["gain"].sel(customer=list("abcde")), own * 20.0 - 0.5)
    assert data["customer"].values[:2].tolist() == ["c", "e"]


def test_a_stated_response_is_a_distribution_that_says_it_is_assumed(value):
    response = bcx.Stated(bcx.Beta(2, 18))
    assert (response.basis, response.customers, response.mean) == ("stated", 0, 0.1)
    offer = bcx.Offer("mail", 1.0, response=response)
    assert [*offer.effects] == ["response"]
    assert offer.as_dict()["response"] == {"alpha": 2, "beta": 18}
    assert bcx.prioritise(value, [offer], seed=1, futures=False).settings["offers"] == [offer.as_dict()]


def test_effects_that_exclude_each_other_are_refused(point, few):
    with pytest.raises(InputError, match="leave out win_back and keep"):
        bcx.Offer("mail", 1.0, win_back=bcx.Beta(6, 14), response=bcx.Stated(bcx.Beta(2, 18)))
    with pytest.raises(InputError, match="pass it as response"):
        bcx.Offer("mail", 1.0, win_back=Known(0.4, "spend"))
    with pytest.raises(InputError, match=r"Stated\(Beta\(2, 18\)\)"):
        bcx.Offer("mail", 1.0, response=0.1)  # pyright: ignore[reportArgumentType]
    counted = bcx.lifetime_value(point, None, few, draws=7)
    with pytest.raises(InputError, match="what a purchase is worth"):
        bcx.prioritise(counted, [bcx.Offer("mail", 0.0, response=Known(0.4, "spend"))])
