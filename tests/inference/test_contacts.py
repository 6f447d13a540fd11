"""Contacts with single customers: the truth of a simulated shop, sums over days, and the parts alone."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.special import betaln, gammaln, logsumexp

import bayes_cx as bcx
from bayes_cx.errors import InputError
from bayes_cx.inference.clocked import Clocked
from bayes_cx.inference.prepare import prepare
from bayes_cx.models import BG_NBD, MBG_NBD, PARETO_NBD
from bayes_cx.scoring import effects_of_contacts
from bayes_cx.scoring.log_lik import log_likelihoods, total_log_likelihood
from tests.worlds import START, daily, shop

WEEKS, AHEAD, CUSTOMERS, LASTS = 30, 6, 400, 10
DAYS = 7 * WEEKS
UNTIL = str(START + np.timedelta64(DAYS - 1, "D"))
MAIL, VISIT = 0.7, -0.3


def count(made):
    """Return how many contacts count on each day, shape (day, customer), of a table of those made."""
    z = np.zeros(made.shape)
    for day in range(len(made)):
        z[day] = made[max(0, day - LASTS + 1) : day + 1].sum(axis=0)
    return z


@pytest.fixture(scope="module")
def story():
    """Contacts at random by day and customer, of the weeks to come as well, and the shared factor by day."""
    rng = np.random.default_rng(21)
    mail = rng.random((7 * (WEEKS + AHEAD), CUSTOMERS)) < 0.02
    visit = np.zeros_like(mail)
    visit[rng.integers(30, DAYS, CUSTOMERS), np.arange(CUSTOMERS)] = rng.random(CUSTOMERS) < 0.4
    return mail, visit, 0.4 + daily(rng, len(mail), sd=0.2, noise=0.05)


def read(frame):
    return bcx.read_transactions(frame, customer="customer", time="time")


def logged(made):
    day, customer = np.nonzero(made)
    return read(pd.DataFrame({"customer": customer, "time": START + day.astype("timedelta64[D]")}))


def counted(mail, visit):
    """Return the effect on the log of the rate, by day and customer: visits count for good."""
    return MAIL * count(mail) + VISIT * np.cumsum(visit, axis=0)


@pytest.fixture(scope="module")
def log(story):
    mail, visit, shared = story
    factor = shared[:, None] + counted(mail, visit)
    rng = np.random.default_rng(8)
    return read(shop(rng, factor[:DAYS], customers=CUSTOMERS, joining=100, r=1.0))


@pytest.fixture(scope="module")
def contacts_stats(story, log):
    mail, visit, _ = story
    stats = bcx.summarise(log, until=UNTIL)
    sorts = {"mail": logged(mail), "visit": logged(visit)}
    return bcx.with_contacts(stats, log, sorts, lasts={"mail": LASTS, "visit": "always"})


def fit(stats, model=BG_NBD, draws=500, **design):
    return bcx.fit(
        model,
        stats,
        design=bcx.Design(**{"contacts": ["mail", "visit"], **design}),
        method=bcx.Laplace(draws=draws),
        seed=1,
        progress=False,
    )


@pytest.fixture(scope="module")
def fitted(contacts_stats):
    """By whether there is calendar time."""
    return {calendar: fit(contacts_stats, calendar=calendar, draws=1000) for calendar in (False, True)}


@pytest.mark.parametrize("calendar", [False, True])
def test_effects_are_recovered(fitted, calendar):
    posterior = fitted[calendar]
    assert posterior.verdict == "passed"
    effects = posterior.draws["posterior"]["contact_effect"]
    assert effects["contact"].to_numpy().tolist() == ["mail", "visit"]
    draws = effects.to_numpy()[0]
    z = (draws.mean(axis=0) - [MAIL, VISIT]) / draws.std(axis=0)
    assert np.all(np.abs(z) < 3)
    assert np.all(draws.std(axis=0) < [0.08, 0.25])
    assert "contact_effect" in posterior.priors


def days_of_customers(log, stats):
    """Return the days of purchases of each customer, as numbers since the start."""
    frame = log.accepted.df()
    day = (frame["time"].to_numpy().astype("datetime64[D]") - START).astype(int)
    return [np.unique(day[frame["customer"].to_numpy() == one]) for one in stats["customer"].to_numpy()]


def bg_nbd(x, t_x, T, r, alpha, a, b):
    """The log-likelihood of one customer, as in the paper of Fader, Hardie and Lee."""
    stays = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + T)
    leaves = betaln(a + 1, b + x - 1) - betaln(a, b) - (r + x) * np.log(alpha + t_x) if x else -np.inf
    return gammaln(r + x) - gammaln(r) + r * np.log(alpha) + logsumexp([stays, leaves])


def by_days(days, log_factor, **letters):
    """The same where a day multiplies the rate: each day adds its factor to time, each purchase its log."""
    first, last, x = days[0], days[-1], len(days) - 1
    factor = np.exp(log_factor) / 7
    t_x, T = factor[first + 1 : last + 1].sum(), factor[first + 1 :].sum()
    return bg_nbd(x, t_x, T, **letters) + log_factor[days[1:]].sum()


@pytest.mark.parametrize("calendar", [False, True])
def test_the_likelihood_is_a_sum_over_days(story, log, contacts_stats, calendar, rng):
    mail, visit, _ = story
    design = bcx.Design(contacts=["visit", "mail"], calendar=calendar)
    f = Clocked.of(prepare(BG_NBD, contacts_stats, design))
    assert f is not None
    effects, g = np.array([-0.4, 0.9]), rng.normal(0, 0.4, f.weeks) * calendar
    vector = np.concatenate([f.point.start, effects, g])[None]
    k, free = len(f.point.names), len(f.point.free)
    at = f.point.at(vector[:, :k])
    letters = {name: float(value[0]) for name, value in zip(f.point.free, at[k : k + free], strict=True)}
    own = effects[1] * count(mail)[:DAYS] + effects[0] * np.cumsum(visit[:DAYS], axis=0)
    log_factor = own + np.repeat(g, 7)[:DAYS, None]
    expected = sum(
        by_days(days, log_factor[:, int(one)], **letters)
        for one, days in zip(
            contacts_stats["customer"].to_numpy(), days_of_customers(log, contacts_stats), strict=True
        )
    )
    got = f.values(vector)[0] - f.log_prior(vector)[0][0]
    np.testing.assert_allclose(got, expected, rtol=1e-10)


@pytest.mark.parametrize("covariate", [False, True])
def test_slopes_are_those_of_the_height(contacts_stats, covariate, rng):
    age = ("customer", np.resize([20.0, 30.0, 50.0], CUSTOMERS))
    design = bcx.Design(
        contacts=["mail", "visit"],
        calendar=True,
        covariates={"purchase_rate": ["age"]} if covariate else {},
    )
    f = Clocked.of(prepare(BG_NBD, contacts_stats.assign(age=age), design))
    assert f is not None
    vector = np.concatenate([f.point.start, rng.normal(0, 0.3, f.size - 4 + f.weeks)])
    step = 1e-5 * np.eye(vector.size)
    value, slopes = f.values_and_slopes(vector[None])
    np.testing.assert_allclose(value, f.values(vector[None]), rtol=1e-12)
    up, down = f.values(vector + step), f.values(vector - step)
    np.testing.assert_allclose(slopes[0], (up - down) / 2e-5, rtol=2e-4, atol=2e-3)


@pytest.mark.parametrize("model", [BG_NBD, MBG_NBD])
def test_effects_of_zero_are_no_contacts(contacts_stats, model, rng):
    with_contacts, without = (
        Clocked.of(prepare(model, contacts_stats, bcx.Design(calendar=True, contacts=contacts)))
        for contacts in (["mail", "visit"], [])
    )
    assert with_contacts is not None
    assert without is not None
    g = rng.normal(0, 0.3, (1, without.weeks))
    start = without.point.start[None]
    one = with_contacts.values(np.concatenate([start, np.zeros((1, 2)), g], axis=1))
    two = without.values(np.concatenate([start, g], axis=1))
    # Two standard normal densities at zero.
    np.testing.assert_allclose(one + np.log(2 * np.pi), two, rtol=1e-12)


def at_zero(posterior):
    draws = posterior.draws["posterior"].to_dataset()
    return posterior.with_group("posterior", draws.assign(contact_effect=0 * draws["contact_effect"]))


def test_at_constant_rates_effects_of_zero_score_as_a_fit_without(fitted, contacts_stats):
    zero = at_zero(fitted[False])
    letters = {name: zero.draws["posterior"][name] for name in ("r", "alpha", "a", "b")}
    plain = bcx.posterior(BG_NBD, xr.Dataset(letters), contacts_stats)
    few = contacts_stats.isel(customer=slice(0, 20))
    for quantity, options in {
        "p_alive": {},
        "expected_purchases": {"t": "5 weeks"},
        "expected_purchases_new": {"t": "5 weeks"},
    }.items():
        got, expected = (bcx.draws(one, few, quantity, thin_to=5, **options) for one in (zero, plain))
        np.testing.assert_allclose(got, expected, rtol=1e-8)
    np.testing.assert_allclose(total_log_likelihood(zero), total_log_likelihood(plain), rtol=1e-10)


def one_draw(posterior):
    return posterior.with_group("posterior", posterior.draws["posterior"].to_dataset().isel(draw=[7]))


@pytest.fixture(scope="module")
def in_days(story, log, fitted, contacts_stats):
    """One draw of constant rates; what it says of each day and customer; and the days of purchases."""
    mail, visit, _ = story
    posterior = one_draw(fitted[False])
    by_mail, by_visit = posterior.draws["posterior"]["contact_effect"].to_numpy()[0, 0]
    own = by_mail * count(mail) + by_visit * np.cumsum(visit, axis=0)
    return posterior, own, days_of_customers(log, contacts_stats)


def test_scores_are_those_of_an_own_time(in_days, contacts_stats):
    """The customer whose contacts stretch time is one of a fit without them who lived for other spans."""
    posterior, own, days = in_days
    few, ahead = contacts_stats.isel(customer=slice(0, 60)), 7 * 5
    factor = [np.exp(own[:, int(one)]) / 7 for one in few["customer"].to_numpy()]
    t_x, T, t = (np.zeros(60) for _ in range(3))
    for i, (each, bought) in enumerate(zip(factor, days, strict=False)):
        t_x[i] = each[bought[0] + 1 : bought[-1] + 1].sum()
        T[i] = each[bought[0] + 1 : DAYS].sum()
        t[i] = each[DAYS : DAYS + ahead].sum()
    letters = {name: posterior.draws["posterior"][name] for name in ("r", "alpha", "a", "b")}
    plain = bcx.posterior(BG_NBD, xr.Dataset(letters), contacts_stats)
    other = few.assign(t_x=("customer", t_x), T=("customer", T))
    np.testing.assert_allclose(
        bcx.draws(posterior, few, "p_alive"), bcx.draws(plain, other, "p_alive"), rtol=1e-9
    )
    expected = [
        bcx.draws(plain, other.isel(customer=[i]), "expected_purchases", t=float(t[i])).item()
        for i in range(8)
    ]
    got = bcx.draws(posterior, few, "expected_purchases", t="5 weeks").to_numpy().ravel()
    np.testing.assert_allclose(got[:8], expected, rtol=1e-8)
    # Day by day what is bought is worth less.
    i, force = 3, np.log1p(0.2) / 365.25
    each = factor[i][DAYS : DAYS + ahead]
    after = [0.0, *np.cumsum(each)]

    def mean(t):
        return bcx.draws(plain, other.isel(customer=[i]), "expected_purchases", t=float(t)).item()

    total = np.exp(-force * ahead) * mean(after[-1]) + sum(
        force * np.exp(-force * (day + 0.5)) * mean(after[day] + 0.5 * each[day]) for day in range(ahead)
    )
    paid = bcx.draws(posterior, few, "discounted_purchases", t="5 weeks", discount_rate=0.2)
    np.testing.assert_allclose(paid.to_numpy().ravel()[i], total, rtol=1e-6)


@pytest.mark.parametrize("calendar", [False, True])
def test_simulated_futures_have_the_expected_purchases(fitted, contacts_stats, calendar):
    posterior = one_draw(fitted[calendar])
    plan = bcx.plan_contacts(contacts_stats, {"mail": ["2020-08-10", "2020-08-12"], "visit": []})
    many, span = 200, "4 weeks"
    expected = bcx.draws(posterior, plan, "expected_purchases", t=span).sum().item()
    made = bcx.predict_purchases(posterior, plan, span, draws=many, seed=2).sum("customer").to_numpy()
    assert abs(made.mean() - expected) < 4 * made.std() / np.sqrt(many)
    # While two contacts count the rate is several times as high, so purchases crowd there.
    times = np.concatenate(
        [one.time for one in bcx.scoring.predict_events(posterior, plan, span, draws=30, seed=2)]
    )
    first, second = (bcx.draws(posterior, plan, "expected_purchases", t=t).sum() for t in (2.0, 3.0))
    share = float(second - first) / expected
    crowd = np.mean((times > 2) & (times <= 3))
    assert abs(crowd - share) < 4 * np.sqrt(share * (1 - share) / times.size)


def test_replicated_customers_buy_as_often_as_those_seen(fitted, contacts_stats):
    made = [
        one["x"].mean() for one in bcx.scoring.replicate_statistics(fitted[False], contacts_stats, draws=40)
    ]
    assert abs(np.mean(made) - float(contacts_stats["x"].mean())) < 3 * np.std(made)


def test_log_likelihoods_of_customers_are_those_of_days(in_days, contacts_stats):
    """Of the number and the last of the purchases; those between are anywhere in operational time."""
    posterior, own, days = in_days
    letters = {name: posterior.draws["posterior"][name].item() for name in ("r", "alpha", "a", "b")}
    found = np.concatenate([block for _, block in log_likelihoods(posterior, contacts_stats)], axis=1)[0]
    expected = []
    for i, bought in enumerate(days):
        log_factor = own[:DAYS, int(contacts_stats["customer"][i])]
        first, last, x = bought[0], bought[-1], len(bought) - 1
        t_x = np.exp(log_factor[first + 1 : last + 1]).sum()
        between = (x - 1) * np.log(t_x / (last - first)) + log_factor[last] if x else 0.0
        expected.append(by_days(bought, log_factor, **letters) - log_factor[bought[1:]].sum() + between)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


def test_unit_and_rows_do_not_matter(story, log, contacts_stats):
    mail, _, _ = story
    in_days = bcx.with_contacts(
        bcx.summarise(log, until=UNTIL, unit="day"), log, {"mail": logged(mail)}, lasts={"mail": "10 days"}
    )
    collapsed = bcx.compress(contacts_stats, on=("x", "t_x", "T", "mail", "mail_at_purchases"))
    one, two, three = (
        fit(each, contacts=["mail"], draws=200).draws["posterior"]["contact_effect"].to_numpy()
        for each in (contacts_stats, in_days, collapsed)
    )
    np.testing.assert_allclose(two, one, rtol=1e-6)
    np.testing.assert_array_equal(three, one)


def test_a_covariate_stands_beside_contacts(contacts_stats):
    side = np.resize(["left", "right"], CUSTOMERS).astype(object)
    stats = contacts_stats.assign(side=("customer", side))
    posterior = fit(stats, purchase_rate="side", contacts=["mail"])
    draws = posterior.draws["posterior"]
    assert draws["purchase_rate_slope"].shape == (1, 500, 1)
    # Sides were given at random.
    assert abs(float(draws["purchase_rate_slope"].mean())) < 3 * float(draws["purchase_rate_slope"].std())
    assert abs(float(draws["contact_effect"].mean()) - MAIL) < 4 * float(draws["contact_effect"].std())
    scores = bcx.score(posterior, stats, "expected_purchases", t="4 weeks")
    assert np.all(scores["mean"] > 0)
    assert "side right" in bcx.effects(posterior).sentences[0]


def test_more_mail_brings_more_and_the_plan_says_so(fitted, contacts_stats):
    posterior = fitted[False]
    none = bcx.plan_contacts(contacts_stats, {"mail": [], "visit": []})
    some = none["customer"].to_numpy()[:50]
    mailed = bcx.plan_contacts(none, {"mail": "2020-08-10"}, customers=some)
    gain = bcx.draws(posterior, mailed, "expected_purchases", t="5 weeks") - bcx.draws(
        posterior, none, "expected_purchases", t="5 weeks"
    )
    assert np.all(gain.to_numpy()[..., :50] > 0)
    assert np.all(gain.to_numpy()[..., 50:] == 0)


def test_effects_in_words(fitted):
    found = effects_of_contacts(fitted[True])
    mail, visit = found["sentence"].to_numpy()
    assert mail.startswith("In the 10 days after mail customers buy 2.")
    assert visit.startswith("After visit customers buy 0.")
    assert mail in fitted[True]._repr_html_()
    # A point estimate has no interval.
    assert effects_of_contacts(one_draw(fitted[True]))["sentence"][0].item().endswith("as without.")
    np.testing.assert_array_equal(found["days"], [10.0, np.nan])


def test_it_is_saved_and_read(fitted, contacts_stats, tmp_path):
    for calendar, posterior in fitted.items():
        path = tmp_path / f"{calendar}.nc"
        bcx.save(posterior, path)
        read_again = bcx.load(path)
        assert read_again.layout == posterior.layout
        few = contacts_stats.isel(customer=slice(0, 5))
        one, two = (bcx.score(each, few, "p_alive")["mean"] for each in (posterior, read_again))
        np.testing.assert_array_equal(one, two)
    names = posterior.draws["posterior"].to_dataset().assign_coords(contact=["a", "b"])
    bcx.save(posterior.with_group("posterior", names), tmp_path / "other.nc")
    with pytest.raises(InputError, match="effects of other contacts"):
        bcx.load(tmp_path / "other.nc")


def test_what_cannot_be_had_is_refused(fitted, log, story, contacts_stats):
    def refused(match, stats=contacts_stats, model=BG_NBD, method="auto", **design):
        with pytest.raises(InputError, match=match):
            bcx.fit(model, stats, design=bcx.Design(**{"contacts": ["mail"], **design}), method=method)

    refused("contacts for Pareto/NBD, whose customers leave in real time", model=PARETO_NBD)
    refused("contacts for MBG/CNBD-k", model="mbg_cnbd", stats=bcx.summarise(log, UNTIL, regularity=True))
    refused("statistics without contacts letter", contacts=["letter"])
    refused("statistics without contacts mail", stats=bcx.summarise(log, UNTIL))
    refused(
        "together with groups of visit_group",
        pool=["visit_group"],
        stats=contacts_stats.assign(
            visit_group=("customer", np.resize(["a", "b"], CUSTOMERS).astype(object))
        ),
    )
    refused("method NUTS", method=bcx.NUTS())
    none = contacts_stats.assign(mail=("customer", np.full(CUSTOMERS, "", object)))
    refused("contacts mail of which none was made by 2020-08-02", stats=none)
    missing = contacts_stats.assign(mail=("customer", np.full(CUSTOMERS, np.nan)))
    refused("contacts mail that are missing", stats=missing)
    with pytest.raises(InputError, match="a list of names"):
        bcx.Design(contacts="mail")
    posterior = fitted[False]
    with pytest.raises(InputError, match="statistics without contacts mail"):
        bcx.score(posterior, bcx.summarise(log, UNTIL), "p_alive")
    with pytest.raises(InputError, match="dert of a fit with contacts"):
        bcx.score(posterior, contacts_stats, "dert", discount_rate=0.1)
    mail, visit, _ = story
    other = bcx.with_contacts(bcx.summarise(log, UNTIL), log, {"mail": logged(mail), "visit": logged(visit)})
    with pytest.raises(InputError, match="count for 7 days, for a fit in which they count for 10 days"):
        bcx.score(posterior, other, "p_alive")
    with pytest.raises(InputError, match="without contacts"):
        effects_of_contacts(bcx.fit(BG_NBD, contacts_stats, method=bcx.MAP()))
    with pytest.raises(InputError, match="with contacts to simulate"):
        bcx.simulate(BG_NBD, posterior, 10, until=UNTIL)
