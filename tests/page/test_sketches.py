"""Small drawings: any sample can be drawn, and a density peaks where the sample does."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_cx.page.sketches import density, histogram


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=50))
def test_any_sample_can_be_drawn(values):
    for draw in (density, histogram):
        sketch = draw(np.array(values))
        assert b"nan" not in sketch.svg
        ElementTree.fromstring(sketch.svg)
        assert "nan" not in sketch.alt


def test_a_density_peaks_where_the_sample_does():
    sample = np.random.default_rng(0).normal(3, 1, 20_000)
    points = re.search(r'<polyline points="([^"]+)"', density(sample, width=200).svg.decode())[1]
    x, y = np.array([[float(v) for v in pair.split(",")] for pair in points.split()]).T
    low, high = np.quantile(sample, [0.001, 0.999])
    assert low + (x[y.argmin()] - 1) / 198 * (high - low) == pytest.approx(3, abs=0.3)
