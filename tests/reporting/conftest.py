import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def mock():
    """The module that makes synthetic plans, posteriors and hold-outs."""
    spec = spec_from_file_location("bayes_cx_mock", Path(__file__).with_name("mock.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
