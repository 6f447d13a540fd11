import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.app.commands import datasets
from bayes_cx.app.store import read_statistics, write_statistics
from bayes_cx.errors import InputError


@pytest.fixture(params=["customers", "opportunities", "contracts", "cohorts", "donations"])
def stats(request):
    days = pd.DataFrame({"who": [7, 7, 8], "day": ["2025-01-01", "2025-01-20", "2025-01-05"]})
    bought = bcx.read_transactions(days, customer="who", time="day")
    contracts = pd.DataFrame({"who": ["a", "b"], "from": "2025-01-01", "to": ["2025-03-01", None]})
    roles = {"customer": "who", "start": "from", "end": "to"}
    return {
        "customers": lambda: bcx.compress(
            bcx.summarise(bought, regularity=True), ("x", "t_x", "T", "regularity")
        ),
        "opportunities": lambda: bcx.summarise_opportunities(bought, until="2025-02-01"),
        "contracts": lambda: bcx.summarise_contracts(contracts, **roles, until="2025-06-01"),
        "cohorts": bcx.load_cohorts,
        "donations": bcx.load_donations,
    }[request.param]()


@pytest.mark.parametrize("ending", ["nc", "parquet"])
def test_statistics_of_every_kind_come_back(stats, ending, tmp_path):
    path = tmp_path / f"stats.{ending}"
    write_statistics(stats, path)
    found = read_statistics(path)
    assert found.sizes == stats.sizes
    assert set(found.variables) == set(stats.variables)
    for name, values in stats.variables.items():
        np.testing.assert_array_equal(found[name].to_numpy(), values.to_numpy())
    assert {name: str(value) for name, value in found.attrs.items()} == {
        name: str(value) for name, value in stats.attrs.items()
    }


@pytest.mark.parametrize("variables", [{"y": ("row", [1])}, {"x": ("basket", [1])}])
def test_what_holds_no_statistics_is_one_error(variables, tmp_path):
    path = tmp_path / "other.nc"
    xr.Dataset(variables).to_netcdf(path, engine="h5netcdf")
    with pytest.raises(InputError, match="holds no statistics"):
        read_statistics(path)


def test_a_data_set_of_statistics_can_be_fitted_as_it_is_written(tmp_path):
    datasets("cohorts", tmp_path / "cohorts.nc")
    assert read_statistics(tmp_path / "cohorts.nc").attrs["unit"] == "year"
    datasets("cohorts", tmp_path / "cohorts.csv")
    assert pd.read_csv(tmp_path / "cohorts.csv")["weight"].sum() == 2000
