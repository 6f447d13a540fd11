"""Draw every picture of `bcx.plot` into docs/gallery, and the page that shows them: ``make gallery``."""

import inspect
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import bayes_cx as bcx

HERE = Path(__file__).parent
PICTURES = HERE / "gallery"
PAGE = HERE / "gallery.md"

OPENING = """# Gallery

What `bcx.plot` draws, here from the tenth of CDNOW's customers that the papers use, and from two cohorts
under contract. Every function takes
`ax=`, matplotlib Axes of your own, and returns the Axes. `make gallery` draws this page again. Spend is
Gamma-Gamma here, whose intervals are too narrow on CDNOW ([coverage_spend.md](coverage_spend.md)); for
decisions take a log-normal model.

```python
{setup}```
"""

SETUP = """\
import numpy as np
import pandas as pd

import bayes_cx as bcx

transactions = bcx.load_cdnow(sample=True)
parts = bcx.split(transactions, "1997-09-30", "1998-06-30", unit="week")
stats = parts.calibration
models = (bcx.models.BG_NBD, bcx.models.MBG_NBD, bcx.models.PARETO_NBD)
fits = {model.name: bcx.fit(model, stats, seed=1, progress=False) for model in models}
purchases, spend = fits["BG/NBD"], bcx.fit(bcx.models.GAMMA_GAMMA, stats, seed=1, progress=False)
found = bcx.validation.holdout(purchases, spend, parts, seed=1)
value = bcx.lifetime_value(purchases, spend, stats, horizon="52 weeks", discount_rate=0.10)
offer = bcx.Offer("voucher", cost=1.00, win_back=bcx.Beta(2, 18), keep=bcx.Beta(2, 18))
plan = bcx.prioritise(value, [offer], seed=1)
contracts = bcx.load_cohorts()
design = bcx.Design(pool=["cohort"])
renewals = bcx.fit(bcx.models.BDW, contracts, design=design, seed=1, progress=False)
stays = bcx.validation.survival(renewals, contracts, "5 years")
with_calendar = bcx.fit("bg_nbd", stats, design=bcx.Design(calendar=True), seed=1, progress=False)
operator = bcx.simulate_operator(2000, seed=1)
watched = bcx.Features(windows=["30 days"], channels=())
leaving = {"event": "contract_cancelled", "features": watched}
risk = bcx.fit(bcx.models.HAZARD, bcx.summarise_periods(operator.events, period="30 days", **leaving), seed=1)
risk_test = bcx.validation.risk_holdout(
    operator.events, cut="2024-06-30", until="2024-12-27", **leaving
)
before = bcx.signals(operator.events, "contract_cancelled", "30 days", by="segment")
rng = np.random.default_rng(1)
mail, shop = rng.choice(["none", "letter", "call"], 30_000), rng.choice(["town", "village"], 30_000)
bought = rng.random(30_000) < 0.05 + 0.01 * (mail == "letter") + 0.03 * (mail == "call") * (shop == "town")
rows = pd.DataFrame({"mail": mail, "shop": shop, "bought": bought})
outcomes = bcx.summarise_trial(rows, "bought", arm="mail", control="none", by="shop")
trial = bcx.fit(bcx.models.TRIAL, outcomes, seed=1)
days = pd.DataFrame({"day": pd.date_range("2025-01-01", periods=120), "visits": 200})
days["orders"] = np.random.default_rng(2).binomial(200, np.where(days["day"] < "2025-03-15", 0.10, 0.15))
changed = bcx.monitor(days[:40], days[40:], share=("orders", "visits"), period="day")
prior = bcx.Prior("Beta", {"alpha": 2, "beta": 18}, reason="half of what is usual")
mailed = pd.DataFrame({"age": rng.integers(18, 80, 20_000), "mail": rng.choice(["no", "yes"], 20_000)})
chance = 0.1 + 0.002 * (mailed["age"] - 40).clip(0) * (mailed["mail"] == "yes")
mailed["bought"] = (rng.random(20_000) < chance).astype(int)
by_age = bcx.summarise_uplift(mailed, outcome="bought", treatment="mail", control="no", features="age")
fitted, rest = bcx.split_customers(by_age, seed=1)
uplift = bcx.fit(bcx.models.UPLIFT, fitted, seed=1)
judged = bcx.judge_uplift(uplift, rest, to="yes", cost=0.02, seed=1)
few = bcx.simulate_operator(300, seed=1).events
ends = {"target": "order_placed", "rival": "contract_cancelled"}
journeys = bcx.study_journeys(few, **ends, journey="30 days")
log = bcx.read_actions(
    pd.DataFrame({"customer": range(6000), "tier": rng.choice(["gold", "basic"], 6000)}).assign(
        action=rng.choice(["mail", "call", "nothing"], 6000), propensity=1 / 3, time="2025-01-01"
    )
)
who = log.table()
works = 0.1 + 0.12 * ((who["action"] == "mail") & (who["tier"] == "gold")) + 0.03 * (who["action"] == "call")
orders = who.loc[rng.random(6000) < works, ["customer"]].assign(time="2025-01-09")
loop = bcx.learn(log, orders, window="30 days", until="2025-03-01", priors={"gift": bcx.Beta(2, 18)}, seed=1)
"""

CALLS = (
    "bcx.plot.tracking(found)",
    "bcx.plot.tracking(found, cumulative=False)",
    "bcx.plot.by_frequency(found)",
    "bcx.plot.calibration(found)",
    "bcx.plot.coverage(found)",
    "bcx.plot.capture(found)",
    "bcx.plot.comparison(bcx.compare(fits, split=parts, seed=1))",
    "bcx.plot.predictive(bcx.validation.predictive_check(purchases, stats, seed=1))",
    "bcx.plot.predictive(\n"
    "    bcx.validation.prior_predictive_check(bcx.models.BG_NBD.with_priors(dropout=prior), stats, seed=1)\n"
    ")",
    'bcx.plot.p_alive(purchases, stats, transactions, "1136")',
    'bcx.plot.frequency_recency(purchases, "p_alive")',
    'bcx.plot.frequency_recency(purchases, "expected_purchases", t="26 weeks")',
    'bcx.plot.population(purchases, "purchase_rate")',
    'bcx.plot.population(purchases, "dropout")',
    'bcx.plot.population(spend, "mean_spend")',
    "bcx.plot.shrinkage(spend, stats)",
    "bcx.plot.shrinkage(purchases, stats)",
    'bcx.plot.gain_curve(plan, currency="$")',
    'bcx.plot.sensitivity(plan, currency="$")',
    'bcx.plot.forest(plan, currency="$")',
    'bcx.plot.futures(plan, currency="$")',
    "bcx.plot.survival(stays)",
    "bcx.plot.retention(stays)",
    "bcx.plot.still(stays)",
    "bcx.plot.ranks(bcx.validation.sbc(bcx.models.BG_NBD, simulations=100, progress=False))",
    'bcx.plot.calendar(with_calendar, "26 weeks")',
    "bcx.plot.signals(before)",
    "bcx.plot.channels(operator.events)",
    "bcx.plot.arms(trial)",
    'bcx.plot.arms(trial, "call")',
    "bcx.plot.uplift_curve(judged)",
    "bcx.plot.uplift_tenths(judged)",
    'bcx.plot.uplift_by_feature(uplift, "yes", "age")',
    "bcx.plot.monitored(changed)",
    "bcx.plot.journey_map(journeys)",
    'bcx.plot.journey_chances(journeys, of="rival")',
    "bcx.plot.journey_calibration(journeys)",
    "bcx.plot.learned(loop)",
    "bcx.plot.risk_effects(risk)",
    "bcx.plot.risk_found(risk_test)",
    "bcx.plot.risk_calibration(risk_test)",
)


def main() -> None:
    """Run the set-up and every call, and write the page."""
    known = {"bcx": bcx, "np": np, "pd": pd}
    exec(SETUP, known)
    PICTURES.mkdir(exist_ok=True)
    for old in PICTURES.glob("*.png"):
        old.unlink()
    parts = [OPENING.format(setup=SETUP)]
    for number, call in enumerate(CALLS, 1):
        axes = eval(call, known)
        name = call.partition("(")[0].rpartition(".")[2]
        file = f"{number:02d}_{name}.png"
        axes.figure.savefig(PICTURES / file, dpi=110, metadata={"Software": None})
        plt.close(axes.figure)
        says = (inspect.getdoc(getattr(bcx.plot, name)) or "").split("\n\n")[0].replace("\n", " ")
        head = f"## {name}\n\n{says}\n\n" if f"## {name}\n" not in "".join(parts) else ""
        parts.append(f"{head}```python\n{call}\n```\n\n![{name}](gallery/{file})\n")
        print(PICTURES / file)
    PAGE.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
