"""The plan against its own draws taken apart by hand, and against what is known in closed form."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.decision import LABELS
from bayes_cx.decision.effects import effect

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
STRENGTHS = (0.25, 0.5, 1.0, 1.5, 2.0)


def sure(p):
    """A distribution of which every draw is p, to four digits."""
    return bcx.Beta(1e9 * p, 1e9 * (1 - p))


@pytest.fixture(scope="module")
def parts(worth, plan):
    """What each offer changes, drawn with the seed of the plan, customers in the order of the plan."""
    rng = np.random.default_rng(plan.settings["seed"])
    effects = [effect(offer, worth, rng) for offer in plan.offers]
    ids = worth.stats["customer"].to_numpy().tolist()
    order = np.array([ids.index(customer) for customer in plan.data["customer"].to_numpy()])
    now = worth.worth(order)
    return now, [each.of(now, order) for each in effects]


@pytest.fixture(scope="module")
def gains(parts):
    """Shape (offer, sample, customer)."""
    return np.array([change.gain() for change in parts[1]])


@pytest.fixture(scope="module")
def best(gains):
    """The best offer of each customer and the draws of its gain."""
    offer = gains.mean(axis=1).argmax(axis=0)
    return offer, gains[offer, :, np.arange(offer.size)].T


def test_offers_compete_and_the_best_customers_come_first(plan, gains, best):
    offer, own = best
    data = plan.data
    np.testing.assert_allclose(data["gain"], own.mean(axis=0), atol=1e-9)
    assert (np.diff(data["gain"]) <= 1e-9).all()
    assert data["rank"].to_numpy().tolist() == list(range(1, 301))
    contact = data["contact"].to_numpy()
    assert contact.sum() == plan.n_contacted == 60
    assert contact[:60].all()
    names = np.array([each.name for each in plan.offers])[offer]
    assert data["offer"].to_numpy().tolist() == [n if c else "" for n, c in zip(names, contact, strict=True)]
    assert (data["gain"][:60] > 0).all()
    assert len(set(names)) > 1


def test_every_customers_uncertainty(plan, best, gains, parts):
    _, own = best
    now, changes = parts
    data = plan.data
    for name, values in {"gain": own, "value": now.value, "p_alive": now.p_alive}.items():
        np.testing.assert_allclose(data[name], values.mean(axis=0), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(data[f"{name}_sd"], values.std(axis=0), rtol=1e-7, atol=1e-12)
        wanted = np.quantile(values, QUANTILES, axis=0).T
        np.testing.assert_allclose(data[f"{name}_quantile"], wanted, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(data["value_at_risk"], now.at_risk.mean(axis=0))
    np.testing.assert_allclose(data["p_gain"], (own > 0).mean(axis=0))
    cost = np.array([change.cost().mean(axis=0) for change in changes])
    np.testing.assert_allclose(data["cost"], cost[best[0], np.arange(300)])


def test_what_knowing_more_is_worth(plan, gains):
    """For one customer: the mean of the best choice in each draw, less the best choice on average."""
    for i in range(0, 300, 13):
        knowing = np.mean([max(0.0, *draw) for draw in gains[:, :, i].T])
        not_knowing = max(0.0, *(gains[:, :, i].mean(axis=1)))
        assert plan.data["evpi"][i].item() == pytest.approx(knowing - not_knowing, abs=1e-9)
    assert (plan.data["evpi"] >= 0).all()


def test_chance_to_be_among_the_best(plan, best):
    _, own = best
    single = own.astype(np.float32)
    share = np.zeros(300)
    for draw in single:
        for i, gain in enumerate(draw):
            above, level = (draw > gain).sum(), (draw == gain).sum()
            share[i] += np.clip((60 - above) / level, 0, 1)
    np.testing.assert_allclose(plan.data["p_best"], share / 200)
    assert plan.data["p_best"].sum().item() == pytest.approx(60)


def test_equal_customers_are_equally_likely_to_be_among_the_best(plan):
    table = plan.table()
    groups = table[table["x"] == 0].groupby("T")["p_best"]
    assert (groups.size() > 3).any()
    assert (groups.max() - groups.min()).max() < 1e-12


def test_totals(plan, parts, best):
    now, changes = parts
    offer, own = best
    chosen = plan.data["contact"].to_numpy()
    data = plan.data
    np.testing.assert_allclose(data["total_value"], now.value.sum(axis=1))
    np.testing.assert_allclose(data["total_value_at_risk"], now.at_risk.sum(axis=1))
    np.testing.assert_allclose(data["total_gain"], own[:, chosen].sum(axis=1))
    back = np.array([change.winning_back() for change in changes])[offer, :, np.arange(300)].T
    kept = np.array([change.keeping() for change in changes])[offer, :, np.arange(300)].T
    np.testing.assert_allclose(data["total_winning_back"], back[:, chosen].sum(axis=1))
    np.testing.assert_allclose(data["total_keeping"], kept[:, chosen].sum(axis=1))
    assert data.attrs["total_cost"] == pytest.approx(data["cost"].to_numpy()[chosen].sum())


def test_active_customers_are_counted_one_by_one(plan, parts):
    p = parts[0].p_alive
    active = plan.data["total_active"].to_numpy()
    assert np.array_equal(active, active.round())
    z = (active - p.sum(axis=1)) / np.sqrt((p * (1 - p)).sum(axis=1))
    assert abs(z.mean()) < 4 / np.sqrt(200)
    assert 0.8 < z.std() < 1.2


def test_value_with_luck(plan):
    """The mean of simulated futures is the mean of the values; luck makes them wider."""
    value, futures = plan.data["total_value"].to_numpy(), plan.data["total_value_predictive"].to_numpy()
    assert abs(futures.mean() - value.mean()) < 4 * futures.std() / np.sqrt(futures.size)
    assert futures.std() > value.std()


def test_the_curve_adds_up_contacts(plan, best):
    contacts = plan.data["contacts"].to_numpy()
    assert contacts[0] == 0
    assert contacts[-1] == 300
    assert 60 in contacts
    added = np.vstack([np.zeros(200), np.cumsum(best[1], axis=1).T])
    np.testing.assert_allclose(plan.data["curve"], added[contacts], atol=1e-8)
    np.testing.assert_allclose(plan.data["curve"].sel(contacts=60), plan.data["total_gain"])


def test_sensitivity(plan, worth, parts, best, offers):
    offer, _ = best
    chosen = plan.data["contact"].to_numpy()
    for i, scale in enumerate(STRENGTHS):
        gains = np.array([change.gain(scale) for change in parts[1]])
        campaign = gains[offer, :, np.arange(300)].T[:, chosen].sum(axis=1)
        row = plan.sensitivity.isel(scale=i)
        assert row["gain"].item() == pytest.approx(campaign.mean())
        # The luck of who comes back widens the interval.
        assert row["gain_low"].item() <= np.quantile(campaign, 0.05)
        assert row["contacts"] == min(60, (gains.mean(axis=1).max(axis=0) > 0).sum())
    assert plan.sensitivity["scale"].to_numpy().tolist() == list(STRENGTHS)
    assert plan.sensitivity["gain"].sel(scale=1.0).item() == pytest.approx(
        plan.data["total_gain"].mean().item()
    )


def test_one_interval_of_the_campaign_everywhere(plan):
    """What page one, the gain curve and the sensitivity say of the same campaign is the same."""
    data, ends = plan.data, (0.05, 0.95)
    seen = np.quantile(data["total_gain_predictive"], ends)
    np.testing.assert_allclose(np.quantile(data["curve_predictive"].sel(contacts=60), ends), seen)
    as_assumed = plan.sensitivity.sel(scale=1.0)
    np.testing.assert_allclose([as_assumed["gain_low"], as_assumed["gain_high"]], seen)
    assert (data["curve_predictive"].sel(contacts=0) == 0).all()


def test_what_the_gain_rests_on(plan, parts, best):
    """Halved and doubled by hand, one assumption at a time."""
    offer, _ = best
    chosen = plan.data["contact"].to_numpy()

    def total(name, *given):
        each = np.array([getattr(change, name)(*given) for change in parts[1]])
        return each[offer, :, np.arange(300)].T[:, chosen].sum(axis=1).mean()

    back, kept, cost = (total(name) for name in ("winning_back", "keeping", "cost"))
    found = plan.drivers.sel
    assert plan.drivers.attrs["gain"] == pytest.approx(back + kept - cost)
    for column, times in (("half", 0.5), ("twice", 2.0)):
        weaker = total("winning_back", times) + kept - total("cost", times)
        assert found(assumption="win_back")[column].item() == pytest.approx(weaker)
        loyal = back + total("keeping", times) - cost
        assert found(assumption="keep")[column].item() == pytest.approx(loyal)
    assert found(assumption="margin")["half"].item() == pytest.approx((back + kept) / 2 - cost)
    # Of all that customers pay no more than all can be kept.
    assert found(assumption="margin")["twice"].item() == pytest.approx(back + kept - cost)
    assert found(assumption="half_life")["half"] < plan.drivers.attrs["gain"]
    assert found(assumption="half_life")["twice"] > plan.drivers.attrs["gain"]


def test_the_chance_to_win_back_halves_with_every_half_life_of_silence(point, few):
    """Known effects and one draw: two plans differ by the chance that is left, and by nothing else."""
    value = bcx.lifetime_value(point, 20.0, few, draws=7)
    silence = (few["T"] - few["t_x"]).to_numpy()
    effects = {"cost": 0.0, "win_back": sure(0.2), "keep": bcx.Beta(1e-6, 1e9)}
    always, fading = (
        bcx.prioritise(value, [bcx.Offer("mail", half_life=life, **effects)]).data.sel(
            customer=few["customer"]
        )
        for life in ("never", "70 days")
    )
    np.testing.assert_allclose(fading["gain"], always["gain"] * 0.5 ** (silence / 10), rtol=1e-6, atol=1e-9)
    assert (always["gain"].to_numpy()[silence > 9] > 0).sum() == 2


def test_contracts_that_ended_long_ago_are_not_called():
    ended = np.array([0, 1, 20])
    stats = xr.Dataset(
        {
            "T": ("customer", np.array([3, 3, 3, 3])),
            "churned": ("customer", np.array([1, 1, 1, 0])),
            "periods": ("customer", np.array([*(3 + ended), 3])),
        },
        coords={"customer": list("abcd")},
        attrs={"kind": "contracts", "unit": "year"},
    )
    renewals = bcx.fit(bcx.models.SBG, stats, method=bcx.MAP(), progress=False)
    value = bcx.lifetime_value(renewals, 100.0, stats, horizon="5 years", draws=3)
    assert value.silence.tolist() == [0, 1, 20, 0]
    offer = bcx.Offer("call", cost=1.0, half_life="1 year")
    label = bcx.prioritise(value, [offer]).data["label"].to_series()
    assert label["c"] == "let go"
    assert label["a"] == "contact"


def test_who_has_given_notice_has_a_status_and_brings_nothing_without_an_offer():
    columns = {"T": [3, 3, 3, 3], "churned": [1, 0, 0, 0], "periods": [3, 3, 3, 3], "notice": [0, 0, 1, 0]}
    stats = xr.Dataset(
        {name: ("customer", np.array(values)) for name, values in columns.items()},
        coords={"customer": list("abcd")},
        attrs={"kind": "contracts", "unit": "year"},
    )
    renewals = bcx.fit(bcx.models.SBG, stats, method=bcx.MAP(), progress=False)
    value = bcx.lifetime_value(renewals, 100.0, stats, horizon="5 years", draws=3)
    plan = bcx.prioritise(value, [bcx.Offer("call", cost=1e4)])
    data = plan.data.sel(customer=list("abcd"))
    assert data["label"].to_numpy().tolist() == ["let go", "needs no offer", "notice given", "needs no offer"]
    assert data["p_alive"].to_numpy().tolist() == [0, 1, 0, 1]
    assert data["value"].to_numpy()[[0, 2]].tolist() == [0, 0]
    assert float(data["total_value_predictive"].max()) <= 2 * 500
    # An offer may win such a customer back as it may one who has just left.
    cheap = bcx.prioritise(value, [bcx.Offer("call", cost=1.0)]).data.sel(customer=list("abcd"))
    assert cheap["label"].sel(customer="c") == "contact"


def test_a_plan_that_almost_surely_loses_is_no_advice(point, few):
    """One in a hundred lost customers comes back and brings much: the mean is positive, nearly all lose."""
    value = bcx.lifetime_value(point, 1e5, few.isel(customer=[3]), draws=1000)
    lottery = bcx.Offer("gift", cost=1.0, win_back=sure(0.01), keep=bcx.Beta(1e-6, 1e9), half_life="never")
    data = bcx.prioritise(value, [lottery], seed=1).data
    assert data["gain"].item() > 0
    assert data.attrs["n_contacted"] == 0
    assert data["label"].item() == "wait and see"
    assert (data["total_gain_predictive"] == 0).all()
    assert data.attrs["withheld_contacts"] == 1
    assert data.attrs["withheld_loss"] == pytest.approx(0.99, abs=0.015)
    assert data.attrs["withheld_high"] == pytest.approx(-1.0)
    assert data.attrs["withheld_gain"] == pytest.approx(data["gain"].item(), rel=1e-6)
    bold = bcx.prioritise(value, [lottery], seed=1, max_loss_chance=None)
    assert bold.n_contacted == 1
    assert "withheld_contacts" not in bold.data.attrs


@pytest.mark.parametrize("chance", [0, -0.1, 95])
def test_a_chance_to_lose_is_no_percentage(worth, chance):
    with pytest.raises(bcx.InputError, match="at most 1"):
        bcx.prioritise(worth, [bcx.Offer("voucher", 1.0)], max_loss_chance=chance)


def test_labels(plan):
    table = plan.table()

    def label(row):
        if row["contact"]:
            return "contact"
        if row["gain"] > 0 or row["p_gain"] >= 0.2:
            return "wait and see"
        return "let go" if row["p_alive"] < 0.5 else "needs no offer"

    assert table["label"].tolist() == [label(row) for _, row in table.iterrows()]
    assert set(table["label"]) <= set(LABELS)
    assert table["label"].nunique() >= 3


def test_known_effects_in_closed_form(point, few, sure_offers):
    """One draw and known effects: the plan is arithmetic."""
    value = bcx.lifetime_value(point, 20.0, few, discount_rate=0.10, draws=7)
    data = bcx.prioritise(value, sure_offers).data.sel(customer=few["customer"])
    p = bcx.score(point, few, "p_alive")["mean"].to_numpy()
    t = 52.0

    def discounted(quantity, left=1.0):
        rate = 1.1 ** (1 / left) - 1  # the same discount over a shorter time
        scored = bcx.score(point, few, quantity, t=left * t, discount_rate=rate)["mean"].to_numpy()
        return 20.0 * scored / left

    now = discounted("discounted_purchases_if_active")
    back = discounted("discounted_purchases_if_won_back")
    gain, cost = [], []
    fade = 0.5 ** ((few["T"] - few["t_x"]).to_numpy() / 26)
    for offer, first, kappa in zip(sure_offers, (0.1, 0.3), (0.05, 0.2), strict=True):
        rho = first * fade
        kept = discounted("discounted_purchases_if_active", 1 - kappa) - now
        cost.append(offer.cost * (np.ones(5) if offer.charged == "contacted" else p + (1 - p) * rho))
        gain.append((1 - p) * rho * back + p * kept - cost[-1])
    best = np.argmax(gain, axis=0)
    np.testing.assert_allclose(data["gain"], np.max(gain, axis=0), atol=2e-3)
    np.testing.assert_allclose(data["cost"], np.array(cost)[best, np.arange(5)], rtol=1e-4)
    np.testing.assert_allclose(data["value"], p * now)
    np.testing.assert_allclose(data["value_sd"], 0, atol=1e-9)
    assert data["contact"].to_numpy().tolist() == (np.max(gain, axis=0) > 0).tolist()
    assert np.isin(data["p_gain"], (0.0, 1.0)).all()
    assert data["total_value_predictive"].sizes["future"] > 100


def test_budget_and_capacity(purchases, spend, worth, offers):
    # A quarter of the draws: what is asked here holds whatever they are.
    worth = bcx.lifetime_value(purchases, spend, worth.stats, horizon="52 weeks", draws=50)
    for budget, capacity in ((40.0, None), (None, 7), (40.0, 12), (0.0, None), (1e9, None)):
        plan = bcx.prioritise(worth, offers, budget=budget, capacity=capacity)
        data = plan.data
        assert capacity is None or plan.n_contacted <= capacity
        assert budget is None or data.attrs["total_cost"] <= budget * (1 + 1e-8)
        assert data["contact"][: plan.n_contacted].all()
        assert (data["gain"].to_numpy()[: plan.n_contacted] > 0).all()
        assert data["p_best"].sum().item() == pytest.approx(plan.n_contacted)
        assert data["curve"].sel(contacts=plan.n_contacted).mean().item() == pytest.approx(
            data["total_gain"].mean().item()
        )
        assert data.attrs["n_contacted"] == plan.n_contacted
    free = bcx.prioritise(worth, offers)
    assert free.n_contacted == (free.data["gain"] > 0).sum()
    assert "budget" not in free.data.attrs


def test_nobody_worth_contacting(worth):
    plan = bcx.prioritise(worth, [bcx.Offer("Yacht", cost=1e6)])
    data = plan.data
    assert plan.n_contacted == 0
    assert (data["p_best"] == 0).all()
    assert (data["total_gain"] == 0).all()
    assert (data["curve"].sel(contacts=0) == 0).all()
    assert (data["offer"] == "").all()
    assert set(data["label"].to_numpy()) <= {"let go", "needs no offer"}
    assert (data["evpi"] == 0).all()
    assert (plan.sensitivity["gain"] == 0).all()
    assert (plan.sensitivity["contacts"] == 0).all()
    assert "contact 0 of 300" in repr(plan)


def test_everybody_worth_contacting(worth):
    plan = bcx.prioritise(worth, [bcx.Offer("Smile", cost=0.0)])
    assert plan.n_contacted == 300
    assert (plan.data["p_best"] == 1).all()
    assert set(plan.data["label"].to_numpy()) == {"contact"}


@pytest.mark.parametrize("n", [1, 5])
def test_few_customers(purchases, spend, few, offers, n):
    value = bcx.lifetime_value(purchases, spend, few.isel(customer=np.arange(n)), draws=50)
    plan = bcx.prioritise(value, offers, budget=5.0)
    assert len(plan.table()) == n
    assert plan.data["contacts"].to_numpy().tolist() == list(range(n + 1))
    assert np.isfinite(plan.table().select_dtypes("number").drop(columns="spend")).all(axis=None)


def test_point_estimates(point, spend_point, few, offers):
    plan = bcx.prioritise(bcx.lifetime_value(point, spend_point, few, draws=100), offers)
    assert plan.data.sizes["sample"] == 100
    assert (plan.data["p_alive_sd"] < 1e-12).all()
    # What is not known of the offers stays.
    assert (plan.data["gain_sd"] > 0).any()
    assert plan.data["total_value_predictive"].std() > 0


def test_mixed_numbers_of_draws(purchases, spend_point, few, offers, at_point, point):
    assert bcx.lifetime_value(purchases, spend_point, few, draws=70).draws == 70
    three = at_point(point, r=[0.2, 0.3, 0.4], alpha=[4, 5, 6], a=[0.8] * 3, b=[2.0, 2.5, 3.0])
    value = bcx.lifetime_value(three, spend_point, few, draws=70)
    assert value.draws == 3
    assert bcx.prioritise(value, offers).data.sizes["sample"] == 3


def test_same_seed_same_plan(worth, offers, plan):
    again, other = (bcx.prioritise(worth, offers, capacity=60, seed=seed) for seed in (4, 5))
    assert again.data.identical(plan.data)
    assert again.sensitivity.identical(plan.sensitivity)
    assert not np.allclose(other.data["total_gain"], plan.data["total_gain"])
    assert again.settings == plan.settings


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"offers": []}, "one offer or more"),
        ({"offers": [bcx.Offer("a", 1), bcx.Offer("a", 2)]}, "own name"),
        ({"budget": -1}, "budget=-1"),
        ({"budget": np.nan}, "budget=nan"),
        ({"capacity": -2}, "capacity=-2"),
    ],
)
def test_errors(worth, options, says):
    with pytest.raises(bcx.InputError, match=says):
        bcx.prioritise(worth, **{"offers": [bcx.Offer("a", 1)]} | options)


def test_broken_offers():
    for broken in ({"cost": -1}, {"cost": np.nan}, {"cost": 1, "charged": "never"}, {"cost": 1, "name": " "}):
        with pytest.raises(bcx.InputError):
            bcx.Offer(**{"name": "a"} | broken)
    for alpha, beta in ((0, 1), (1, -1), (np.inf, 1)):
        with pytest.raises(bcx.InputError, match="two positive numbers"):
            bcx.Beta(alpha, beta)


def test_table_and_files(point, few, offers, tmp_path):
    plan = bcx.prioritise(bcx.lifetime_value(point, 20.0, few, draws=50), offers)
    table = plan.table()
    assert list(table.columns[:5]) == ["customer", "rank", "contact", "offer", "gain"]
    for name in ("gain", "value", "p_alive"):
        at = list(table.columns).index(name)
        assert list(table.columns[at + 1 : at + 3]) == [f"{name}_low", f"{name}_high"]
        assert (table[f"{name}_low"] <= table[f"{name}_high"]).all()
    wanted = few["region"].to_series().to_dict()
    assert dict(zip(table["customer"], table["region"], strict=True)) == wanted
    for name in ("x", "t_x", "T", "spend"):
        known = few[name].to_series()
        np.testing.assert_array_equal(table.set_index("customer")[name].loc[known.index], known)

    plan.to_parquet(tmp_path / "deep" / "plan.parquet")
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "deep" / "plan.parquet"),
        plan.written(),
        check_dtype=False,
        check_exact=True,
    )
    plan.to_csv(tmp_path / "plan.csv")
    text = (tmp_path / "plan.csv").read_text(encoding="utf-8")
    assert "\n'=1+1," in text
    assert ",'@home" in text
    read = pd.read_csv(tmp_path / "plan.csv", keep_default_na=False, na_values={"spend": ""})
    assert read["customer"].str.removeprefix("'").tolist() == table["customer"].tolist()
    assert list(read.columns) == list(table.columns)
    # Negative numbers are numbers, not formulas.
    np.testing.assert_allclose(read["gain"], table["gain"], rtol=1e-5)


def test_groups_of_real_data_are_carried_through(purchases, spend, offers):
    rows = pd.DataFrame(
        {
            "id": ["a", "a", "b", "b", "b", "c"],
            "day": pd.to_datetime(
                ["2025-01-01", "2025-02-01", "2025-01-03", "2025-01-09", "2025-02-09", "2025-01-20"]
            ),
            "paid": [10.0, 20.0, 5.0, 6.0, 7.0, 50.0],
            "shop": ["north", "north", "south", "south", "south", "north"],
        }
    )
    transactions = bcx.read_transactions(rows, customer="id", time="day", amount="paid", by=("shop",))
    stats = bcx.summarise(transactions, until="2025-03-01", unit="day", by=("shop",))
    plan = bcx.prioritise(bcx.lifetime_value(purchases, spend, stats, draws=20), offers)
    assert plan.table().set_index("customer")["shop"].to_dict() == {"a": "north", "b": "south", "c": "north"}
    assert plan.data.attrs["until"] == "2025-03-01"
    assert plan.data.attrs["unit"] == "week"


def test_the_luck_of_who_comes_back_widens_the_gain_and_keeps_its_mean(worth):
    plan = bcx.prioritise(worth, [bcx.Offer("mail", cost=0.5)], seed=3)
    certain, lucky = (plan.data[f"total_{name}"] for name in ("gain", "gain_predictive"))
    luck = lucky - certain
    assert abs(float(luck.mean())) < 4 * float(luck.std()) / np.sqrt(luck.size)
    assert float(luck.std()) > 0


def test_a_plan_can_be_written_by_xarray(worth, tmp_path):
    plan = bcx.prioritise(worth, [bcx.Offer("mail", cost=0.5)], seed=3)
    plan.data.to_netcdf(tmp_path / "plan.nc", engine="h5netcdf")


def test_a_plan_is_a_log(tmp_path, plan):
    path = bcx.write_actions(plan, tmp_path, time=pd.Timestamp("1997-10-01"), model="BG/NBD")
    table = bcx.read_actions(path).table().set_index("customer")
    own = plan.table().set_index("customer")
    own.index = own.index.astype(table.index.dtype)
    assert (table["action"] != "nothing").sum() == plan.n_contacted > 0
    contacted, left = own.index[own["contact"]], own.index[~own["contact"]]
    expected = table.loc[contacted, "expected"].to_numpy()
    assert expected == pytest.approx(own.loc[contacted, "gain"].to_numpy(), rel=1e-5)
    assert (table.loc[left, "expected"] == 0).all()
    assert set(table["model"]) == {"BG/NBD"}
