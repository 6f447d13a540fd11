"""A million customers: what scoring and planning need of memory, each in a process of its own."""

import json
import subprocess
import sys
import textwrap

import pytest

MAKE = """
    import json, sys
    import numpy as np
    import xarray as xr
    import bayes_cx as bcx

    def customers(n, seed=1):
        '''Purchases over two years in whole weeks, from the story of BG/NBD; spend to the cent.'''
        rng = np.random.default_rng(seed)
        T = rng.integers(1, 105, n).astype(float)
        rate, p = rng.gamma(0.24, 1 / 4.4, n), rng.beta(0.79, 2.4, n)
        x = np.minimum(rng.poisson(rate * T), rng.geometric(np.maximum(p, 1e-9)))
        t_x = np.where(x > 0, np.minimum(np.ceil(T * rng.beta(np.maximum(x, 1), 1)), T), 0.0)
        spend = np.where(x > 0, np.round(rng.gamma(4.0, 9.0, n) + 0.01, 2), np.nan)
        columns = {"x": x, "t_x": t_x, "T": T, "spend": spend}
        data = {name: ("customer", column) for name, column in columns.items()}
        attrs = {"kind": "purchases", "unit": "week"}
        return xr.Dataset(data, coords={"customer": np.arange(n)}, attrs=attrs)

    def cloud(posterior, draws, **centre):
        '''Draws around a point: no fit is needed to measure scoring.'''
        rng = np.random.default_rng(2)
        values = {name: v * np.exp(0.03 * rng.standard_normal((1, draws))) for name, v in centre.items()}
        group = xr.Dataset({name: (("chain", "draw"), value) for name, value in values.items()})
        return posterior.with_group("posterior", group)

    stats = customers(1_000_000)
    small = stats.isel(customer=slice(500))
    purchases = cloud(bcx.fit(bcx.models.BG_NBD, small, method=bcx.MAP(), progress=False), 1000,
                      r=0.24, alpha=4.4, a=0.79, b=2.4)
"""

# Of this program alone: what `resource` says begins with the memory of the process that started it.
PEAK = """
    with open("/proc/self/status") as status:
        (peak,) = [line.split()[1] for line in status if line.startswith("VmHWM")]
    print(json.dumps(found | {"gb": int(peak) * 1024 / 1e9}))
"""


def run(code):
    """Run `code` after the preparation; return what it prints, with its peak memory in GB."""
    program = textwrap.dedent(MAKE) + textwrap.dedent(code) + textwrap.dedent(PEAK)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize(("quantity", "t"), [("p_alive", None), ("expected_purchases", "52 weeks")])
def test_a_million_customers_on_a_thousand_draws_fit_in_two_gigabytes(quantity, t):
    found = run(f"""
        rows = len(np.unique(np.stack([stats[name].to_numpy() for name in ("x", "t_x", "T")]), axis=1).T)
        score = bcx.score(purchases, stats, {quantity!r}, t={t!r})
        found = {{"rows": rows, "draws": score.attrs["draws"], "customers": score.sizes["customer"]}}
        assert np.isfinite(score["quantile"]).all()
    """)
    assert found["rows"] > 40_000
    assert (found["draws"], found["customers"]) == (1000, 1_000_000)
    assert found["gb"] < 2.0


@pytest.mark.slow
def test_a_plan_for_a_million_customers_fits_in_four_gigabytes():
    found = run("""
        spend = cloud(bcx.fit(bcx.models.GAMMA_GAMMA, small, method=bcx.MAP(), progress=False), 1000,
                      p=6.0, q=3.7, v=15.0)
        plan = bcx.prioritise(bcx.lifetime_value(purchases, spend, stats), [bcx.Offer("Letter", 1.0)],
                              budget=100_000.0)
        found = {"contacted": plan.n_contacted, "cost": plan.data.attrs["total_cost"]}
    """)
    assert found["contacted"] > 1_000
    assert found["cost"] <= 100_000 * (1 + 1e-8)
    assert found["gb"] < 4.0
