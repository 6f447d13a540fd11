"""What many tests share: real data, fits of it, and a generator with a fixed seed."""

import numpy as np
import pytest

import bayes_cx as bcx


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
def spend(cdnow_sample):
    """The posterior of Gamma-Gamma on the sample."""
    return bcx.fit(bcx.models.GAMMA_GAMMA, cdnow_sample, seed=1, progress=False)
