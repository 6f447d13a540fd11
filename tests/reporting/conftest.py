"""Small real studies: fits of real and of simulated customers, with plan and hold-out."""

import sys
from datetime import UTC, datetime
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.models import SBG

WHEN = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture(scope="session")
def tables():
    """The module that makes tables for figures."""
    spec = spec_from_file_location("bayes_cx_tables", Path(__file__).with_name("tables.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def some_customers(cdnow_sample):
    """Three hundred real customers, every other one in the segment B2B."""
    some = cdnow_sample.isel(customer=np.arange(0, 2100, 7))
    segment = np.where(np.arange(300) % 2, "B2B", "Retail").astype(object)
    return some.assign(segment=("customer", segment)).assign_attrs(cdnow_sample.attrs)


@pytest.fixture(scope="session")
def purchases_holdout(purchases, spend):
    """The forecast of the rest of the CDNOW sample."""
    parts = bcx.split(bcx.load_cdnow(sample=True), "1997-09-30", "1998-06-30", "week")
    return bcx.validation.holdout(purchases, spend, parts, draws=60, seed=1)


@pytest.fixture(scope="session")
def value(purchases, spend, some_customers):
    return bcx.lifetime_value(
        purchases, spend, some_customers, horizon="52 weeks", discount_rate=0.10, draws=200
    )


@pytest.fixture(scope="session")
def study(purchases, spend, some_customers, purchases_holdout, value):
    """A study of purchases with amounts, two offers, groups, a hold-out and a predictive check."""
    offers = (bcx.Offer("voucher", cost=1.0), bcx.Offer("call", cost=9.0, win_back=bcx.Beta(6, 14)))
    like = bcx.validation.predictive_check(purchases, some_customers, draws=20, seed=1)
    return bcx.Study(
        some_customers,
        (purchases, spend),
        bcx.prioritise(value, offers, seed=4),
        bcx.Evidence(purchases_holdout, posterior_checks=(like,)),
        provenance=bcx.RunProvenance(
            organisation="Northgate & #1 Supplies",
            currency="€",
            command="bayes-cx report orders.csv --seed 1",
            timestamp=WHEN,
        ),
    )


@pytest.fixture(scope="session")
def counted(purchases, some_customers):
    """A study without amounts and without a hold-out: purchases are what counts."""
    worth = bcx.lifetime_value(purchases, None, some_customers, horizon="52 weeks", draws=200)
    plan = bcx.prioritise(worth, [bcx.Offer("voucher", cost=0.05)], seed=4)
    return bcx.Study(some_customers, (purchases,), plan, provenance=bcx.RunProvenance(timestamp=WHEN))


@pytest.fixture(scope="session")
def contracts():
    """A study of eight hundred contracts under two plans that began at any time of the last year."""
    rng = np.random.default_rng(7)
    periods = rng.integers(1, 13, 800)
    made = SBG.observe(SBG.simulate(rng, T=periods, alpha=0.8, beta=2.4), T=periods)
    columns = {
        name: ("customer", np.asarray(v, np.int64)) for name, v in {**made, "periods": periods}.items()
    }
    stats = xr.Dataset(
        {**columns, "plan": ("customer", np.where(np.arange(800) % 2, "gold", "basic").astype(object))},
        coords={"customer": [f"c{i}" for i in range(800)]},
        attrs={"kind": "contracts", "unit": "month"},
    )
    fit = bcx.fit(SBG, stats, seed=1, progress=False)
    worth = bcx.lifetime_value(fit, 20.0, stats, horizon="12 months", discount_rate=0.1, draws=100)
    plan = bcx.prioritise(worth, [bcx.Offer("month free", cost=5.0)], seed=1)
    run = bcx.RunProvenance(currency="€", timestamp=WHEN)
    return bcx.Study(stats, (fit,), plan, provenance=run)
