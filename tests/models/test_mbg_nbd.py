"""MBG/NBD: what leaving after the first purchase changes."""

import numpy as np
import pytest

from bayes_cx.models import MBG_NBD
from bayes_cx.scoring.compiled import evaluate

PUBLISHED = {"r": 0.52484, "alpha": 6.1831, "a": 0.89136, "b": 1.6140}


def at(name, **given):
    rows = {k: np.array([float(v)]) for k, v in given.items() if k in MBG_NBD.statistics}
    fixed = {k: np.asarray(float(v)) for k, v in {**PUBLISHED, **given}.items() if k not in rows}
    return evaluate(MBG_NBD.quantities[name].formula, rows, fixed)[0, 0]


def test_who_bought_once_may_have_left():
    assert at("p_alive", x=0, t_x=0, T=1e-9) == pytest.approx(1.6140 / (0.89136 + 1.6140))
    assert at("p_alive", x=0, t_x=0, T=39) < at("p_alive", x=0, t_x=0, T=1)
