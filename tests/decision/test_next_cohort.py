"""The next cohort: against formulas at known parameters, and whether its intervals hold cohorts that come."""

import numpy as np
import pytest
import xarray as xr
from scipy.special import betaln, hyp2f1

import bayes_cx as bcx
from bayes_cx.inference.layout import Layout, lay_out
from bayes_cx.models import BG_NBD, LOG_NORMAL_FREQUENCY, SBG
from bayes_cx.scoring import predict_newcomers
from tests.made import with_provenance

SPREAD, MEMORY, LAST = 0.5, 0.8, 1.2
RATE = {"purchase_rate": 2.0, "rate_cv": 2.0, "dropout": 0.2, "dropout_size": 3.0}


def expected(r, alpha, a, b, t):
    """Expected purchases of a new customer: Fader, Hardie & Lee (2005), equation (9)."""
    more = hyp2f1(r, b, a + b - 1, t / (alpha + t))
    return (a + b - 1) / (a - 1) * (1 - (alpha / (alpha + t)) ** r * more)


@pytest.fixture(scope="module")
def drifting(purchases, at_point, cdnow_sample):
    """Cohorts of which the scale and the memory of the drift, and the offset of the last, are known."""
    some = cdnow_sample.isel(customer=slice(0, 900))
    months = np.resize(np.array(["1997-01", "1997-02", "1997-03"], object), 900)
    stats = some.assign(cohort=("customer", months)).assign_attrs(cdnow_sample.attrs)
    n = 2_000
    values = RATE | {"purchase_rate_drift_spread": SPREAD, "purchase_rate_drift_memory": MEMORY}
    made = at_point(purchases, **{name: np.full(n, value) for name, value in values.items()})
    group = made.draws["posterior"].to_dataset()
    offsets = np.broadcast_to([-1.0, 0.0, LAST], (1, n, 3))
    group["purchase_rate_drift_offset"] = (("chain", "draw", "purchase_rate_drift_group"), offsets)
    layout = lay_out(bcx.Design(drift={"purchase_rate": "cohort"}), stats)
    return with_provenance(made.with_group("posterior", group), layout=layout), stats


def test_the_next_cohort_is_one_step_on(drifting):
    """Mean and spread over the step: by quadrature over the normal distribution that the last one leaves."""
    fit, stats = drifting
    value = bcx.lifetime_value(fit, 10.0, stats, "52 weeks", 0.0, margin=0.5)
    found = bcx.next_cohort(value, recent=2, draws=400, seed=1)
    assert found.names == ("1997-02", "1997-03", "1997-04")
    assert found.data["customers"].to_numpy().tolist() == [300] * 3
    node, weight = np.polynomial.hermite_e.hermegauss(60)
    weight = weight / weight.sum()
    step = MEMORY * LAST + np.sqrt(1 - MEMORY**2) * node
    scale = fit.provenance.scale
    means = np.array(
        [
            expected(**BG_NBD.letters(scale, **(RATE | {"purchase_rate": 2.0 * np.exp(SPREAD * z)})), t=52.0)
            for z in step
        ]
    )
    made = found.data["events"].to_numpy()
    mean = weight @ means
    error = made[:, -1].std() / np.sqrt(400)
    assert abs(made[:, -1].mean() - mean) < 4 * error
    # The step is what makes the interval of the next wider than that of the last. Variances of 400 futures
    # have a standard error of 7%, so that of the difference is a tenth of it.
    of_step = weight @ (means - mean) ** 2
    np.testing.assert_allclose(made[:, -1].var() - made[:, -2].var(), of_step, rtol=0.25)
    np.testing.assert_allclose(found.data["value"], 5.0 * found.data["events"], rtol=1e-12)
    assert 0 < found.p_better("events") < 0.5
    summary = found.summary("events").loc["1997-04"]
    assert summary["low"] < summary["mean"] < summary["high"]


def test_what_new_customers_pay_goes_with_how_often_they_come(drifting, log_normal_fits, at_point):
    fit, stats = drifting
    truth = {"m": 20.0, "s": 0.4, "w": 0.3, "b": 0.5}
    spend = at_point(log_normal_fits[1], **truth)
    assert spend.model is LOG_NORMAL_FREQUENCY
    futures = predict_newcomers(fit, spend, stats, "52 weeks", draws=40, seed=3)
    count, paid = (np.concatenate(each) for each in zip(*futures, strict=True))
    often = np.maximum(count, 1.0)
    mean = count * 20.0 * often**0.5 * np.exp((0.4**2 + 0.3**2) / 2)
    assert (paid[count == 0] == 0).all()
    error = (paid - mean).std() / np.sqrt(count.size)
    assert abs((paid - mean).mean()) < 4 * error


@pytest.mark.slow
def test_new_contracts_are_renewed_as_the_model_says():
    rng = np.random.default_rng(4)
    periods = rng.integers(1, 9, 300)
    made = SBG.observe(SBG.simulate(rng, T=periods, alpha=1.0, beta=3.0), T=periods)
    columns = {name: ("customer", np.asarray(v, np.int64)) for name, v in made.items()}
    stats = xr.Dataset(
        {**columns, "cohort": ("customer", np.where(np.arange(300) % 3, "2024", "2023").astype(object))},
        coords={"customer": np.arange(300)},
        attrs={"kind": "contracts", "unit": "year"},
    )
    design, method = bcx.Design(pool=["cohort"]), bcx.Laplace(draws=500)
    fit = bcx.fit(SBG, stats, design=design, method=method, seed=1, progress=False)
    amounts = np.where(stats["cohort"] == "2024", 30.0, 10.0)
    value = bcx.lifetime_value(fit, amounts, stats, "5 years", 0.0)
    found = bcx.next_cohort(value, draws=400, seed=1)
    assert found.names == ("2023", "2024", "2025")
    # As large, and as dear, as the largest of the cohorts before.
    assert found.data["customers"].to_numpy().tolist() == [100, 200, 200]
    np.testing.assert_allclose(found.data["value"][:, -1], 30 * found.data["events"][:, -1])
    letters, pattern = fit.parameters_of(stats)
    alpha, beta = (letters[name][:, pattern[1]] for name in ("alpha", "beta"))
    renewals = sum(np.exp(betaln(alpha, beta + t) - betaln(alpha, beta)) for t in range(1, 6))
    made = found.data["events"].sel(cohort="2024").to_numpy()
    assert abs(made.mean() - renewals.mean()) < 5 * made.std() / np.sqrt(400)


def test_what_has_no_next_cohort_is_refused(drifting, purchases, cdnow_sample):
    fit, stats = drifting
    with pytest.raises(bcx.InputError, match=r"without cohorts.*Design\(drift='cohort'\)"):
        bcx.next_cohort(bcx.lifetime_value(purchases, 1.0, cdnow_sample))
    with pytest.raises(bcx.InputError, match="the next cohort by first; expected a column over which"):
        bcx.next_cohort(bcx.lifetime_value(fit, 1.0, stats), "first")
    dated = with_provenance(purchases, layout=Layout(bcx.Design(calendar=True), {}, {}, {}))
    with pytest.raises(bcx.InputError, match="new customers of a fit with calendar time"):
        next(predict_newcomers(dated, 1.0, cdnow_sample, "4 weeks"))


@pytest.mark.slow
def test_intervals_hold_cohorts_that_come():
    """Worlds whose rates drift from cohort to cohort: nine are seen, and the tenth is what was forecast."""
    cohorts, each, worlds = 9, 150, 40
    inside = 0
    for world in range(worlds):
        rng = np.random.default_rng([7, world])
        spread, memory = 0.5 * abs(rng.normal()), rng.beta(2, 1)
        offset = [rng.normal()]
        for _ in range(cohorts):
            offset.append(memory * offset[-1] + np.sqrt(1 - memory**2) * rng.normal())
        cohort = np.repeat(np.arange(cohorts + 1), each)
        T = 60.0 - 4.0 * cohort
        T[cohort == cohorts] = 52.0
        alpha = 5.0 * np.exp(-spread * np.array(offset))[cohort]
        with np.errstate(divide="ignore", over="ignore"):
            made = BG_NBD.simulate(rng, T, r=0.5, alpha=alpha, a=0.8, b=2.4)
        n = cohort.size
        names = np.array([f"2025-{month + 1:02d}" for month in range(cohorts + 1)], object)[cohort]
        columns = {"x": made.counts(n), "t_x": made.last(n), "T": T, "cohort": names}
        stats = xr.Dataset(
            {name: ("customer", column) for name, column in columns.items()},
            coords={"customer": np.arange(n)},
            attrs={"kind": "purchases", "unit": "week"},
        )
        known = stats.isel(customer=cohort < cohorts)
        design = bcx.Design(drift={"purchase_rate": "cohort"})
        fit = bcx.fit(
            BG_NBD, known, design=design, method=bcx.Laplace(draws=1000), seed=world, progress=False
        )
        found = bcx.next_cohort(bcx.lifetime_value(fit, 1.0, known), recent=1, draws=200, seed=world)
        row = found.summary("events").loc["2025-10"]
        came = float(stats["x"].to_numpy()[cohort == cohorts].mean())
        inside += row["low"] <= came <= row["high"]
    # 36 are expected; fewer than 31 would be one case in two hundred.
    assert inside >= 31, inside
