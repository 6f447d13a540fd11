"""Methods agree with each other and with an independent library, and tell what they did."""

import json
from dataclasses import replace
from importlib import import_module

import arviz as az
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import bayes_cx as bcx
from bayes_cx.checks import verdict
from bayes_cx.compiling import SIMPLIFIED
from bayes_cx.inference.posterior import Posterior
from bayes_cx.inference.provenance import Provenance
from bayes_cx.inference.tree import check_tree
from tests import made


@pytest.fixture(scope="session")
def few(cdnow_sample):
    return cdnow_sample.isel(customer=slice(0, 400))


CHAINS = bcx.NUTS(draws=700, tune=300, chains=2)


@pytest.fixture(scope="session")
def sampled(few):
    return bcx.fit(bcx.models.BG_NBD, few, method=CHAINS, seed=1, progress=False)


@pytest.fixture(scope="session")
def weighed(few):
    return bcx.fit(bcx.models.BG_NBD, few, method=bcx.Laplace(), seed=1, progress=False)


def test_nuts_and_weighed_laplace_give_the_same_posterior(sampled, weighed):
    """Two routes that share only the density: means agree within their Monte Carlo error."""
    assert sampled.verdict == "passed", sampled.checks
    assert weighed.verdict == "passed", weighed.checks
    for name in bcx.models.BG_NBD.priors:
        a, b = (np.log(p.draws["posterior"][name]) for p in (sampled, weighed))
        error = np.hypot(float(az.mcse(a)), float(b.std()) / np.sqrt(2000))
        assert abs(float(a.mean() - b.mean())) < 4 * error, name
        assert float(b.std() / a.std()) == pytest.approx(1.0, abs=0.15), name


def test_the_same_seed_gives_the_same_draws(few, weighed):
    again = bcx.fit(bcx.models.BG_NBD, few, method=bcx.Laplace(), seed=1, progress=False)
    other = bcx.fit(bcx.models.BG_NBD, few, method=bcx.Laplace(), seed=2, progress=False)
    xr.testing.assert_identical(again.draws["posterior"].dataset, weighed.draws["posterior"].dataset)
    assert not np.array_equal(other.parameters()["r"], weighed.parameters()["r"])


@pytest.mark.slow
def test_the_same_seed_gives_the_same_chains(few, sampled):
    again = bcx.fit(bcx.models.BG_NBD, few, method=CHAINS, seed=1, progress=False)
    xr.testing.assert_identical(again.draws["posterior"].dataset, sampled.draws["posterior"].dataset)


def test_auto_takes_laplace_where_it_passes(purchases):
    assert purchases.provenance.method == "Laplace"
    assert purchases.verdict == "passed"


def test_what_is_given_to_nuts_stays_and_what_is_open_depends_on_the_coordinates():
    standard, compiled = bcx.NUTS().settled(standard=True), bcx.NUTS().settled(standard=False)
    assert (standard.tune, standard.target_accept) == (400, 0.8)
    assert (compiled.tune, compiled.target_accept) == (1000, 0.9)
    given = bcx.NUTS(tune=70, target_accept=0.99)
    assert given.settled(standard=True) == given.settled(standard=False) == given


def test_auto_samples_where_laplace_fails(few, monkeypatch):
    """A limit that no weights can meet sends auto to NUTS, and the record says so."""
    monkeypatch.setattr("bayes_cx.inference.diagnostics.KHAT_LIMIT", -10.0)
    module = import_module("bayes_cx.inference.explore")
    monkeypatch.setattr(module, "_SECOND", bcx.NUTS(draws=50, tune=50, chains=1))
    monkeypatch.setattr(module, "_THIRD", bcx.NUTS(draws=50, tune=50, chains=1))
    posterior = bcx.fit(bcx.models.BG_NBD, few.isel(customer=slice(0, 50)), seed=1, progress=False)
    assert posterior.provenance.method == "NUTS"
    assert posterior.n_draws == 50
    assert posterior.verdict == "failed"


def test_a_mode_claims_no_uncertainty(few):
    mode = bcx.fit(bcx.models.BG_NBD, few, method=bcx.MAP())
    assert mode.n_draws == 1
    assert mode.verdict == "not_run"
    assert {check.name: check.status for check in mode.checks}["uncertainty"] == "not_run"


def test_provenance_says_where_the_draws_come_from(purchases, cdnow_sample):
    found = purchases.provenance
    for name in ("sha256", "unit", "until", "period_start", "rows_read", "returns"):
        assert getattr(found.data, name) == cdnow_sample.attrs[name]
    assert found.seed == 1
    assert found.n_customers == 2357
    assert {"python", "pymc", "nutpie", "arviz", "numpy", "bayes_cx"} <= found.versions.keys()
    assert found.priors["dropout"] == "Beta(alpha=1, beta=3)"


def test_save_and_load_return_the_same(purchases, tmp_path):
    purchases.save(tmp_path / "fit.nc")
    loaded = bcx.load(tmp_path / "fit.nc")
    assert loaded.model is purchases.model
    assert loaded.checks == purchases.checks
    assert loaded.provenance == purchases.provenance
    for name in purchases.draws.children:
        xr.testing.assert_equal(loaded.draws[name].dataset, purchases.draws[name].dataset)
    assert [path.name for path in tmp_path.iterdir()] == ["fit.nc"]


def test_load_says_what_is_wrong(tmp_path):
    with pytest.raises(bcx.InputError, match="no file"):
        bcx.load(tmp_path / "missing.nc")
    (tmp_path / "other.nc").write_text("not netCDF")
    with pytest.raises(bcx.InputError, match="cannot be read as a posterior"):
        bcx.load(tmp_path / "other.nc")


def _edited(tmp_path, edit):
    """Save a small posterior whose tree was edited by hand."""
    fit = made.posterior()
    tree = fit.draws.copy()
    edit(tree)
    replace(fit, draws=tree).save(tmp_path / "edited.nc")
    return tmp_path / "edited.nc"


WEIGHTS = xr.DataTree(xr.Dataset({"weight": ("row", [1, 1, 1])}))
LAYOUT = {"matrix": {}, "levels": {}, "groups": {}}


def _values(group, **values):
    return lambda tree: tree.__setitem__(group, xr.DataTree(tree[group].to_dataset().assign(values)))


def test_provenance_reads_what_it_wrote_remarks_and_all(purchases):
    found = purchases.provenance
    noted = replace(found, data=replace(found.data, remarks=("1 row is dated 1900-01-01",)))
    assert Provenance.from_json(noted.to_json()) == noted
    with pytest.raises(bcx.InputError, match="remarks"):
        Provenance.from_json(noted.to_json().replace('["1 row is dated 1900-01-01"]', "[7]"))


def _provenance(**changes):
    def edit(tree):
        values = {**made.provenance().as_dict(), **changes}
        kept = {name: value for name, value in values.items() if value is not None}
        tree.attrs = {**tree.attrs, "provenance": json.dumps(kept)}

    return edit


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (_provenance(scale=None), "provenance without scale"),
        (_provenance(mood="fine"), "provenance with mood"),
        (_provenance(data={"unit": "week", "colour": "red"}), "provenance of data with colour"),
        (_provenance(data={"unit": "fortnight"}), "unit 'fortnight'"),
        (_provenance(layout={"design": {}}), "provenance that cannot be read"),
        (_provenance(model="no_such"), "no_such"),
        (lambda tree: tree.attrs.update(provenance="[1]"), "provenance that cannot be read"),
        (lambda tree: tree.attrs.update(checks='[{"name": "a"}]'), "checks that cannot be read"),
        (lambda tree: tree.attrs.pop("checks"), "checks"),
        (lambda tree: tree.__delitem__("constant_data"), "a group constant_data without weight"),
        (lambda tree: tree["posterior"].__delitem__("alpha"), "a group posterior without alpha"),
        (lambda tree: tree["observed_data"].__delitem__("t_x"), "a group observed_data without t_x"),
        (_provenance(seed="7"), "provenance with seed = 7"),
        (_provenance(scale=[1]), "provenance with scale"),
        (_provenance(priors=["a"]), "provenance with priors"),
        (_provenance(versions={"python": 3}), "provenance with versions"),
        (_provenance(data={"unit": "week", "rows_read": "many"}), "provenance of data with rows_read"),
        (_provenance(data=[]), "provenance"),
        (_provenance(model="sbg"), "data of the kind 'purchases', for sBG"),
        (_provenance(model="pareto_nbd"), "provenance without a prior of"),
        (_provenance(layout={**LAYOUT, "design": {"pooled": {"r": "a"}}}), "cannot be read"),
        (_values("posterior", r=("draw", np.ones(400))), "r over draw"),
        (_values("posterior", r=((), 1.0)), "r over no dimension"),
        (_values("posterior", r=(("chain", "draw", "x"), np.ones((1, 400, 2)))), "r over chain"),
        (_values("posterior", r=(("chain", "draw"), np.full((1, 400), np.nan))), "r that are not finite"),
        (_values("posterior", r=(("chain", "draw"), np.full((1, 400), "a"))), "r that are not finite"),
        (_values("posterior", r=(("chain", "draw"), np.full((1, 400), -1.0))), "draws of r beyond 0"),
        (_values("observed_data", x=("row", ["a", "b"])), "x that is not a number"),
        (_values("observed_data", x=("other", [1.0])), "x over other"),
        (_values("constant_data", weight=("row", [1, 0])), "weights that do not fit"),
        (lambda tree: tree.__setitem__("constant_data", WEIGHTS), "weights that do not fit"),
    ],
)
def test_load_checks_the_structure(tmp_path, edit, says):
    with pytest.raises(bcx.InputError, match=f"{says}.*fit and save it again"):
        bcx.load(_edited(tmp_path, edit))


junk = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.data(), junk)
def test_junk_in_the_provenance_is_refused_or_read(data, value):
    """Whatever an editor puts in place of a part of the record, it is never a fault of the program."""
    whole = json.loads(made.provenance().to_json())
    part, name = whole, data.draw(st.sampled_from(sorted(whole)))
    while isinstance(part[name], dict) and part[name] and data.draw(st.booleans()):
        part = part[name]
        name = data.draw(st.sampled_from(sorted(part)))
    part[name] = value
    tree = made.posterior().draws
    try:
        found = Provenance.from_json(json.dumps(whole))
        check_tree(tree, bcx.models.find(found.model), found)
    except bcx.InputError:
        return
    assert len(Posterior(bcx.models.find(found.model), tree).parameters()) == len(bcx.models.BG_NBD.params)


def test_what_was_not_edited_loads(tmp_path):
    assert bcx.load(_edited(tmp_path, lambda tree: None)).provenance == made.provenance()


def test_arviz_reads_the_draws(purchases):
    summary = az.summary(purchases.draws, var_names=["r", "alpha", "a", "b"])
    assert list(summary.index) == ["r", "alpha", "a", "b"]
    loo = az.loo(bcx.add_log_likelihood(purchases, thin_to=500).draws)
    assert loo.n_data_points == 2357
    # With four well-determined parameters the out-of-sample score is that many below the fit.
    assert loo.elpd == pytest.approx(-9582.43 - 4, abs=2)


def test_compressed_statistics_give_the_same_posterior(few):
    method = bcx.Laplace(draws=400)
    whole = bcx.fit(bcx.models.BG_NBD, few, method=method, seed=1, progress=False)
    collapsed = bcx.fit(bcx.models.BG_NBD, bcx.compress(few), method=method, seed=1, progress=False)
    xr.testing.assert_allclose(
        whole.draws["posterior"].dataset, collapsed.draws["posterior"].dataset, rtol=1e-9
    )


def test_the_pymc_model_can_be_extended(few):
    import pymc as pm

    with bcx.pymc_model(bcx.models.BG_NBD, few) as built:
        pm.Potential("belief", pm.logp(pm.Normal.dist(0.25, 0.1), built["dropout"]))
    assert {rv.name for rv in built.free_RVs} == set(bcx.models.BG_NBD.priors)
    assert np.isfinite(built.compile_logp(mode=SIMPLIFIED)(built.initial_point()))


@pytest.mark.parametrize("design", [bcx.Design(), bcx.Design(pool=["half"])])
def test_a_single_draw_of_the_prior(cdnow_sample, design):
    halves = cdnow_sample.assign(
        half=("customer", (np.arange(cdnow_sample.sizes["customer"]) % 2).astype(str))
    )
    prior = bcx.sample_prior(bcx.models.BG_NBD, halves, design=design, draws=1)
    assert prior.n_draws == 1
    assert prior.draws["posterior"]["purchase_rate"].shape == (1, 1)


def test_prior_draws_look_like_a_posterior(cdnow_sample):
    prior = bcx.sample_prior(bcx.models.BG_NBD, cdnow_sample, draws=2000, seed=1)
    assert prior.n_draws == 2000
    assert prior.verdict == "not_run"
    # The prior of the dropout is Beta(1, 3): mean 1/4, standard deviation .194.
    dropout = prior.draws["posterior"]["dropout"]
    assert float(dropout.mean()) == pytest.approx(0.25, abs=4 * 0.194 / np.sqrt(2000))


def statistics(**columns):
    data = {name: ("customer", np.asarray(value)) for name, value in columns.items()}
    n = len(next(iter(columns.values())))
    return xr.Dataset(data, coords={"customer": np.arange(n)}, attrs={"kind": "purchases", "unit": "week"})


def test_statistics_that_do_not_fit_are_refused():
    with pytest.raises(bcx.InputError, match="statistics without T"):
        bcx.fit(bcx.models.BG_NBD, statistics(x=[1], t_x=[1.0]))
    with pytest.raises(bcx.InputError, match="1 customer with t_x outside"):
        bcx.fit(bcx.models.BG_NBD, statistics(x=[1], t_x=[3.0], T=[2.0]))
    with pytest.raises(bcx.InputError, match="a data frame with the columns of statistics"):
        bcx.fit(bcx.models.BG_NBD, statistics(x=[1], t_x=[1.0], T=[2.0]).to_dataframe())
    unitless = statistics(x=[1], t_x=[1.0], T=[2.0]).drop_attrs().assign_attrs(kind="purchases")
    with pytest.raises(bcx.InputError, match="attribute unit"):
        bcx.fit(bcx.models.BG_NBD, unitless)
    with pytest.raises(bcx.InputError, match="no length"):
        bcx.fit(bcx.models.BG_NBD, statistics(x=[0, 0], t_x=[0.0, 0.0], T=[0.0, 0.0]))
    with pytest.raises(bcx.InputError, match="amount column"):
        bcx.fit(bcx.models.GAMMA_GAMMA, statistics(x=[1], t_x=[1.0], T=[2.0]))
    with pytest.raises(bcx.InputError, match="repeat purchase"):
        bcx.fit(bcx.models.GAMMA_GAMMA, statistics(x=[0], spend=[np.nan]))
    with pytest.raises(bcx.InputError, match="method"):
        bcx.fit(bcx.models.BG_NBD, statistics(x=[1], t_x=[1.0], T=[2.0]), method="guess")


def test_customers_who_are_all_new_leave_the_prior_wide():
    stats = statistics(x=[0] * 20, t_x=[0.0] * 20, T=np.linspace(1, 20, 20))
    posterior = bcx.fit(bcx.models.BG_NBD, stats, seed=1, progress=False)
    assert posterior.parameters()["a"].std() > 0.1
    assert verdict(posterior.checks) in ("passed", "failed")
    with pytest.raises(bcx.FitError, match=r"likelihood without a maximum.* in .*let priors count"):
        bcx.fit(bcx.models.BG_NBD, stats, method=bcx.MLE())


def test_fits_of_different_data_do_not_share_their_dice(few, cdnow_sample):
    method = bcx.Laplace()
    one = bcx.fit(bcx.models.BG_NBD, few, method=method, seed=1, progress=False)
    rest = cdnow_sample.isel(customer=slice(400, 800))
    other = bcx.fit(bcx.models.BG_NBD, rest, method=method, seed=1, progress=False)
    for name in one.model.params:
        together = np.corrcoef(np.log(one.parameters()[name]), np.log(other.parameters()[name]))[0, 1]
        assert abs(together) < 5 / np.sqrt(4000), name


def test_auto_samples_where_there_is_no_mode(few, monkeypatch):
    def no_top(*_):
        raise bcx.FitError("a posterior without a maximum", "a maximum", "sample")

    module = import_module("bayes_cx.inference.explore")
    monkeypatch.setattr(module, "find_mode", no_top)
    monkeypatch.setattr(module, "_SECOND", bcx.NUTS(draws=20, tune=20, chains=1))
    monkeypatch.setattr(module, "_THIRD", bcx.NUTS(draws=20, tune=20, chains=1))
    posterior = bcx.fit("bg_nbd", few.isel(customer=slice(0, 50)), seed=1, progress=False)
    assert posterior.provenance.method == "NUTS"
