"""A plan becomes a log of actions, and a log that was planned can be read."""

import pandas as pd
import pytest

import bayes_cx as bcx


def test_a_plan_is_a_log(tmp_path, plan):
    path = bcx.write_actions(plan, tmp_path, time=pd.Timestamp("1997-10-01"), model="BG/NBD")
    table = bcx.read_actions(path).table().set_index("customer")
    own = plan.table().set_index("customer")
    own.index = own.index.astype(table.index.dtype)
    assert (table["action"] != "nothing").sum() == plan.n_contacted > 0
    contacted, left = own.index[own["contact"]], own.index[~own["contact"]]
    expected = table.loc[contacted, "expected"].to_numpy()
    assert expected == pytest.approx(own.loc[contacted, "gain"].to_numpy(), rel=1e-5)
    assert (table.loc[left, "expected"] == 0).all()
    assert set(table["model"]) == {"BG/NBD"}
