"""Effects in words and as factors: numbers by hand from draws that are set."""

import numpy as np
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.inference.layout import lay_out
from bayes_cx.models import BG_NBD, GAMMA_GAMMA
from tests.made import posterior, with_provenance

N = 200
ROWS = {
    "channel": np.array(["email", "search", "social"], dtype=object)[np.arange(N) % 3],
    "age": 30.0 + 12.0 * (np.arange(N) % 2 * 2 - 1),
    "vip": (np.arange(N) % 4 == 0).astype(float),
    "country": np.array(["CH", "DE"], dtype=object)[np.arange(N) // 100],
}
STATS = xr.Dataset({name: ("customer", values) for name, values in ROWS.items()})


def fitted(design, model=BG_NBD, **draws):
    """A posterior with these draws of the effects; arrays are (draw,) or (draw, column)."""
    made = posterior(model, draws=4)
    values = {"purchase_rate": np.ones(4), "dropout": np.full(4, 0.2), **draws}
    group = xr.Dataset(
        {
            name: (("chain", "draw", f"{name}_dim")[: 1 + value.ndim], value[None])
            for name, value in values.items()
        }
    )
    return with_provenance(made.with_group("posterior", group), layout=lay_out(design, STATS))


def four(*columns):
    """Four draws of an effect, around a value, or several."""
    return np.column_stack([column + np.array([-0.02, 0.01, 0.0, 0.02]) for column in columns])


def test_covariates_as_factors():
    """exp of a slope for a rate, per round step of a number; the ratio of two chances for a chance."""
    design = bcx.Design(purchase_rate="age + channel + vip", dropout="channel")
    slopes = four(0.36, np.log(1.4), 0.001, -0.3)
    found = bcx.effects(fitted(design, purchase_rate_slope=slopes, dropout_slope=four(0.5, -0.5)))
    table = found.table().set_index(["parameter", "term", "value"])
    by_age, search, vip = (
        table.loc[("purchase_rate", *key)] for key in (("age", ""), ("channel", "search"), ("vip", ""))
    )
    assert (by_age["kind"], by_age["step"]) == ("slope", 10.0)
    columns = list(lay_out(design, STATS).matrix["purchase_rate"])
    slope = dict(zip(columns, slopes.T, strict=True))
    assert by_age["factor"] == pytest.approx(np.median(np.exp(slope["age"] / 12.0 * 10.0)))
    assert search["factor"] == pytest.approx(np.median(np.exp(slope["channel[T.search]"])))
    assert search["against"] == "email"
    assert vip["step"] == 1.0
    chance = 1 / (1 + np.exp(-(np.log(0.25) + four(0.5)[:, 0])))
    leaving = table.loc[("dropout", "channel", "search")]
    assert leaving["factor"] == pytest.approx(np.median(chance / 0.2))
    assert leaving["low"] == pytest.approx(np.quantile(chance / 0.2, 0.05))
    assert leaving["p_higher"] == 1.0


def test_words_follow_the_coordinate():
    design = bcx.Design(purchase_rate="channel", dropout="channel")
    slopes = four(np.log(1.4), 0.0)
    found = bcx.effects(fitted(design, purchase_rate_slope=slopes, dropout_slope=four(0.5, -0.5)))
    first, second, third, _ = found.sentences
    assert (
        first == "Customers with channel search buy 1.41 times as often as those with email (1.38 to 1.43)."
    )
    assert second.endswith("as often as those with email (0.98 to 1.02, no clear difference).")
    assert third.startswith(
        "Customers with channel search are 1.46 times as likely to leave after a purchase"
    )
    design = bcx.Design(mean_spend="age")
    found = bcx.effects(fitted(design, GAMMA_GAMMA, mean_spend=np.ones(4), mean_spend_slope=four(0.24)))
    assert found.sentences[0].startswith(
        "With 10 more of age, customers spend 1.23 times as much on a purchase ("
    )


def test_groups_and_how_much_they_differ():
    design = bcx.Design(pooled={"purchase_rate": "country"})
    draws = {"purchase_rate_spread": np.full(4, 0.5), "purchase_rate_offset": four(0.8, -1.2)}
    found = bcx.effects(fitted(design, **draws))
    assert found.data["kind"].to_numpy().tolist() == ["spread", "group", "group"]
    np.testing.assert_allclose(
        found.data["factor"], [np.exp(0.5), *np.median(np.exp(0.5 * four(0.8, -1.2)), axis=0)]
    )
    first, second, _ = found.sentences
    assert (
        first == "By country, how often customers buy typically differs by a factor of 1.65 (1.65 to 1.65)."
    )
    assert second.startswith("Customers of country CH buy 1.5 times as often as those of an average country")
    assert found.in_short(1)[1:] == (found.sentences[2], "1 more effects of groups are clear, and smaller.")


def test_a_fit_without_a_design_has_no_effects(purchases):
    with pytest.raises(bcx.InputError, match="share the same parameters; expected a fit with covariates"):
        bcx.effects(purchases)
