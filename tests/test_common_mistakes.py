"""What a first user tries gets one clear message, never an error of Python's own."""

import numpy as np
import pandas as pd
import pytest

import bayes_cx as bcx
from bayes_cx.app.cli import main


@pytest.fixture(scope="module")
def purchases():
    return bcx.load_cdnow(sample=True)


@pytest.fixture(scope="module")
def stats(purchases):
    return bcx.summarise(purchases, until="1997-09-30", unit="week").isel(customer=slice(300))


@pytest.fixture(scope="module")
def fitted(stats):
    return bcx.fit(bcx.models.BG_NBD, stats, method=bcx.MAP(), seed=1, progress=False)


@pytest.fixture(scope="module")
def value(fitted, stats):
    return bcx.lifetime_value(fitted, None, stats, horizon="26 weeks", discount_rate=0.1)


@pytest.fixture(scope="module")
def events():
    data = pd.DataFrame(
        {"customer": list("aabb"), "time": ["2024-01-01", "2024-01-03"] * 2, "event": ["ad", "order"] * 2}
    )
    return bcx.read_events(data, customer="customer", time="time", event="event")


@pytest.fixture(scope="module")
def journeys(events):
    stays = bcx.summarise_stays(events, targets="order", until="2024-03-01")
    return bcx.fit(bcx.models.SEMI_MARKOV, stays, seed=1)


@pytest.mark.parametrize("quantity", [["p_alive", "expected_purchases"], None])
def test_a_quantity_is_one_name(fitted, stats, quantity):
    for ask in (bcx.score, bcx.draws):
        with pytest.raises(bcx.InputError, match=r"quantity=.*expected the name of one quantity"):
            ask(fitted, stats, quantity, t=26)


def test_a_model_comes_before_its_statistics(stats):
    with pytest.raises(bcx.InputError, match=r"model of type Dataset in fit; .*write the model first"):
        bcx.fit(stats, bcx.models.BG_NBD)


@pytest.mark.parametrize(
    ("offers", "limits", "says"),
    [
        (
            [{"name": "Voucher", "cost": 3}],
            {},
            r"offers=.*an Offer .*\[bcx.Offer\('Voucher', cost=3\)\]",
        ),
        (bcx.Offer("Voucher", cost=3), {}, "offers of type Offer .*a list"),
        (
            [bcx.Offer("Voucher", cost=3)],
            {"budget": "500"},
            "budget='500'; expected a number of zero",
        ),
        ([bcx.Offer("Voucher", cost=3)], {"budget": np.nan}, "budget=nan"),
        ([bcx.Offer("Voucher", cost=3)], {"capacity": "5"}, "capacity='5'; expected a number"),
    ],
)
def test_offers_and_limits_of_a_plan(value, offers, limits, says):
    with pytest.raises(bcx.InputError, match=says):
        bcx.prioritise(value, offers, **limits)


def test_fits_are_compared_by_name(fitted):
    with pytest.raises(bcx.InputError, match=r"posteriors of type list; .*by name; write .*bcx.compare\(\{"):
        bcx.compare([fitted, fitted])


@pytest.mark.parametrize(
    ("model", "source"),
    [
        ("SEMI_MARKOV", "use bcx.summarise_stays"),
        ("HAZARD", "use bcx.summarise_periods"),
        ("BG_NBD", "use bcx.summarise, or bcx.from_lifetimes"),
        ("SBG", "use bcx.summarise_contracts"),
        ("TRIAL", "use bcx.summarise_trial"),
    ],
)
def test_events_are_summarised_before_a_fit(events, model, source):
    with pytest.raises(bcx.InputError, match=f"statistics of type Events; .*{source}"):
        bcx.fit(getattr(bcx.models, model), events)


def test_journeys_are_open_before_they_are_scored(journeys, events):
    with pytest.raises(bcx.InputError, match=r"journeys of type Events; .*use bcx.open_journeys"):
        bcx.score(journeys, events, "p_reach", target="order")
    with pytest.raises(bcx.InputError, match=r"quantity=.*one quantity"):
        bcx.score(journeys, bcx.at_states(journeys), ["p_reach"], target="order")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: bcx.Design(pol=["segment"]), r"argument pol=\['segment'\] of Design; .*write pool="),
        (lambda: bcx.Design(weather=3), "argument weather=3 of Design; .*write for example"),
        (lambda: bcx.Offer("Voucher", cost="3 EUR"), "cost '3 EUR' of offer 'Voucher'; expected a number"),
        (lambda: bcx.Offer("Voucher", cost=None), "cost None"),
    ],
)
def test_arguments_of_records(make, says):
    with pytest.raises(bcx.InputError, match=says):
        make()


@pytest.mark.parametrize(
    ("module", "name", "close"),
    [
        (bcx, "summarize", "summarise"),
        (bcx, "prioritize", "prioritise"),
        (bcx.models, "BGNBD", "BG_NBD"),
        (bcx.models, "ParetoNBD", "PARETO_NBD"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest(module, name, close):
    with pytest.raises(AttributeError, match=f"no attribute '{name}'; perhaps '{close}' is meant"):
        getattr(module, name)
    assert not hasattr(module, "__wrapped__")


def test_the_way_back_from_a_data_frame_is_the_one_that_the_message_says(stats, fitted):
    for table, way in (
        (stats.to_dataframe(), "table.to_xarray()"),
        (stats.to_dataframe().reset_index(), "table.set_index('customer').to_xarray()"),
    ):
        with pytest.raises(bcx.InputError) as caught:
            bcx.fit(bcx.models.BG_NBD, table)
        made = f"{way}.assign_attrs(kind='purchases', unit='week')"
        assert made in str(caught.value)
        again = bcx.fit(bcx.models.BG_NBD, eval(made), method=bcx.MAP(), seed=1, progress=False)
        assert again.draws["posterior"].equals(fitted.draws["posterior"])


@pytest.mark.parametrize(
    ("words", "help_of"),
    [
        (["risk", "events.csv", "--currency", "EUR"], "bayes-cx risk --help"),
        (["report", "--unheard-of"], "bayes-cx report --help"),
        (["plan-trial"], "bayes-cx plan-trial --help"),
        (["unheard-of"], "bayes-cx --help"),
    ],
)
def test_a_wrong_word_points_to_the_help_of_its_command(capsys, words, help_of):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert f"See {help_of}." in capsys.readouterr().err
