"""What many tests share: real data, fits of it, and a generator with a fixed seed."""

import re

import numpy as np
import pytest
import xarray as xr
from hypothesis import settings

import bayes_cx as bcx

# Files that take half a minute or more by themselves, longest first. They are begun first, so that no process
# is left alone with one of them at the end; `make test` asks pytest-xdist to keep this order.
LONG = (
    "test_notebooks",
    "test_battery",
    "test_pipeline",
    "test_design",
    "test_compare",
    "test_later_renewals",
    "test_contracts",
    "test_fit",
    "test_report",
    "test_holdout",
)


def pytest_configure(config):
    """Make up some examples, a dozen where each takes queries of a database, and many if slow tests run."""
    thorough = config.getoption("markexpr") != "not slow"
    settings.register_profile("queries", max_examples=100 if thorough else 12, deadline=None)
    settings.register_profile("usual", max_examples=100 if thorough else 40)
    settings.load_profile("usual")


def pytest_collection_modifyitems(items):
    """Begin with the long files."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Run the tests of one file in one process, where they share fits, but the battery model by model."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file, _, test = nodeid.partition("::")
            if file.endswith("test_battery.py") and "[" in test:
                return f"{file} {re.split(r'[-\]]', test.partition('[')[2])[0]}"
            return file

    return ByFile(config, log)


@pytest.fixture
def rng():
    return np.random.default_rng(20261122)


@pytest.fixture(scope="session")
def cdnow_sample():
    """The 1/10 sample of CDNOW, calibration period, in weeks; every purchase counts, free ones too."""
    return bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")


@pytest.fixture(scope="session")
def purchases(cdnow_sample):
    """The posterior of BG/NBD on the sample."""
    return bcx.fit(bcx.models.BG_NBD, cdnow_sample, seed=1, progress=False)


@pytest.fixture(scope="session")
def uneven_shop():
    """Purchases of a simulated shop in whose weeks customers buy more or less, all alike, and the truth."""
    from tests.worlds import daily, shop

    rng = np.random.default_rng(11)
    factor = daily(rng, 7 * 70, sd=0.4, memory=6.0, noise=0.1)
    return shop(rng, factor, customers=1500, joining=7 * 30), factor


@pytest.fixture(scope="session")
def uneven_stats(uneven_shop):
    """The statistics of its first 52 weeks."""
    log, _ = uneven_shop
    return bcx.summarise(bcx.read_transactions(log, customer="customer", time="time"), until="2021-01-03")


@pytest.fixture(scope="session")
def with_calendar(uneven_stats):
    """The posterior of BG/NBD with calendar time on them."""
    design = bcx.Design(calendar=True)
    return bcx.fit(bcx.models.BG_NBD, uneven_stats, design=design, seed=1, progress=False)


@pytest.fixture(scope="session")
def spend(cdnow_sample):
    """The posterior of Gamma-Gamma on the sample."""
    return bcx.fit(bcx.models.GAMMA_GAMMA, cdnow_sample, seed=1, progress=False)


@pytest.fixture(scope="session")
def log_normal_fits(cdnow_sample):
    """Posteriors of the log-normal models on the sample, without frequency and with it."""
    models = (bcx.models.LOG_NORMAL, bcx.models.LOG_NORMAL_FREQUENCY)
    return tuple(
        bcx.fit(m, cdnow_sample, method=bcx.Laplace(draws=1000), seed=1, progress=False) for m in models
    )


@pytest.fixture(scope="session")
def at_point():
    """A function that gives a posterior the draws one names, and another unit if asked."""
    from tests.made import with_provenance

    def make(posterior, *, chains=1, unit=None, **letters):
        values = {name: np.reshape(np.asarray(v, float), (chains, -1)) for name, v in letters.items()}
        group = xr.Dataset({name: (("chain", "draw"), value) for name, value in values.items()})
        made = posterior.with_group("posterior", group)
        return made if unit is None else with_provenance(made, unit=unit)

    return make


@pytest.fixture(scope="session")
def operator():
    """A telecom operator with 1,500 simulated customers."""
    return bcx.simulate_operator(1500, seed=2)
