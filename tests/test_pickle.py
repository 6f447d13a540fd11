"""Models, kinds and posteriors travel to other processes, and are the same there."""

import copy
import pickle
import subprocess
import sys
from dataclasses import replace

import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.kinds import KINDS
from bayes_cx.models import MODELS


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_model_is_found_again(model):
    assert pickle.loads(pickle.dumps(model)) is model
    assert copy.deepcopy(model) is model


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_kind_is_found_again(kind):
    assert pickle.loads(pickle.dumps(kind)) is kind


def test_what_was_changed_stays_changed():
    fixed = MODELS["bg_cnbd"].at(k=2)
    assert pickle.loads(pickle.dumps(fixed)) == fixed
    priors = MODELS["bg_nbd"].priors
    own = {**priors, "dropout": replace(priors["dropout"], reason="measured last year")}
    again = pickle.loads(pickle.dumps(replace(MODELS["bg_nbd"], priors=own)))
    assert again.priors == own
    assert again.log_lik is MODELS["bg_nbd"].log_lik


@pytest.mark.slow
def test_a_posterior_and_its_value_in_another_process(purchases, cdnow_sample, tmp_path):
    value = bcx.lifetime_value(purchases, 10.0, cdnow_sample.isel(customer=slice(0, 20)), draws=20)
    again = pickle.loads(pickle.dumps(purchases))
    assert again.model is purchases.model
    xr.testing.assert_identical(again.draws, purchases.draws)
    (tmp_path / "value.pickle").write_bytes(pickle.dumps(value))
    code = (
        "import pickle, sys; value = pickle.load(open(sys.argv[1], 'rb')); "
        "print(float(value.purchases.parameters()['r'].sum()), value)"
    )
    given = [sys.executable, "-c", code, str(tmp_path / "value.pickle")]
    total, shown = subprocess.run(given, capture_output=True, text=True, check=True).stdout.split(maxsplit=1)
    assert float(total) == pytest.approx(purchases.parameters()["r"].sum(), rel=1e-12)
    assert shown.strip() == repr(value)
    assert shown.startswith(
        "<LifetimeValue of 20 customers: BG/NBD at 10.0, 100% of it, 52 weeks, 0.1 a year"
    )
