# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Experiments: what an offer changes, and for whom
#
# A plan that ranks customers by what an offer is *assumed* to change is a guess with a ranking. A trial
# replaces the guess: customers are assigned at random, and what they do afterwards is compared. Here the
# customers are simulated, so that the truth is known: a voucher makes 3 in 100 customers order who would
# not have, a letter 1 in 100, and the voucher works for new customers alone.

# %%
import numpy as np
import pandas as pd

import bayes_cx as bcx

# %% [markdown]
# ## How many customers does it take?
#
# Before a trial one says what effect would be worth having. An order is worth 20, a voucher costs 0.40.

# %%
bcx.plan_trial(0.06, 0.03, per_day=500, customers=200_000, worth=20.0, cost=0.40)

# %% [markdown]
# ## The trial
#
# Each customer is assigned by chance, and everything else follows.

# %%
rng = np.random.default_rng(1)
n = 30_000
people = pd.DataFrame(
    {
        "arm": rng.choice(["none", "letter", "voucher"], n),
        "tenure": rng.choice(["new", "old"], n),
        "orders_before": rng.poisson(2.0, n),
    }
)
chance = 0.04 + 0.01 * people["orders_before"]
chance += 0.01 * (people["arm"] == "letter")
chance += 0.06 * ((people["arm"] == "voucher") & (people["tenure"] == "new"))
people["ordered"] = (rng.random(n) < chance).astype(int)

stats = bcx.summarise_trial(people, "ordered", arm="arm", control="none", by="tenure", before="orders_before")
trial = bcx.fit(bcx.models.TRIAL, stats, seed=1)
trial

# %% [markdown]
# Nothing is drawn by chains: the posterior is exact. The checks come first, the sample ratio above all;
# what was known of a customer before makes the comparison sharper.

# %%
bcx.compare_arms(trial).to_dataframe().round(4).T

# %%
bcx.plot.arms(trial)
# %% [markdown]
# ## May we stop?
#
# Who looks every day and stops as soon as an arm is ahead stops many trials in which nothing differs.
# `look` is a rule that holds however often one looks. Here the trial as it was after each sixth of its
# customers:

# %%
looks = []
for rows in range(n // 6, n + 1, n // 6):
    part = bcx.summarise_trial(people.iloc[:rows], "ordered", arm="arm", control="none")
    found = bcx.look(bcx.fit(bcx.models.TRIAL, part, seed=1))
    looks.append(found["e_value"].to_series().rename(rows))
pd.DataFrame(looks).rename_axis("customers").map("{:.2g}".format)

# %% [markdown]
# An e-value of 40 decides (5%, shared by two arms), and may be trusted at whatever look it is reached.
#
# ## For whom?
#
# Segments that were named before the trial are compared with each other; small ones are drawn towards all.

# %%
bcx.effect_by_segment(trial)["effect"].to_pandas().round(3)

# %%
bcx.plot.arms(trial, "voucher")
# %% [markdown]
# Where nobody knows the segments before, uplift asks all features at once. It is judged on half of the
# customers, which the fit has not seen, and a gain from choosing customers is claimed only where it shows
# there. The cost is in orders: 0.40 for a voucher are two orders of a hundred.

# %%
features = ["tenure", "orders_before"]
table = bcx.summarise_uplift(people, outcome="ordered", treatment="arm", control="none", features=features)
fitted, rest = bcx.split_customers(table, seed=1)
uplift = bcx.fit(bcx.models.UPLIFT, fitted, seed=1)
uplift

# %%
judged = {to: bcx.judge_uplift(uplift, rest, to=to, cost=0.02, seed=1) for to in ("voucher", "letter")}
for to, one in judged.items():
    print(f"{to.upper()}: {' '.join(one.sentences)}\n")

# %%
bcx.plot.uplift_curve(judged["voucher"])
# %% [markdown]
# The curve of the voucher lies above the straight line of choosing at random: whom one treats matters. That
# choosing pays more than treating all, at this cost, is the better estimate and not proven by these
# customers; the trial by segments above names new customers. The letter does the same for everybody, and
# costs more than it brings.
#
# ## From the trial to the plan
#
# The measurement takes the place of the assumption in a plan. CDNOW's customers stand for ours.

# %%
cdnow = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
purchases = bcx.fit(bcx.models.BG_NBD, cdnow, seed=1, progress=False)
spend = bcx.fit(bcx.models.GAMMA_GAMMA, cdnow, seed=1, progress=False)
value = bcx.lifetime_value(purchases, spend, cdnow, horizon="52 weeks", discount_rate=0.10)
assumed = bcx.Offer("voucher", cost=0.40)
measured = bcx.Offer("voucher", cost=0.40, response=bcx.Measured(trial, "voucher"))
plans = {
    "assumed": bcx.prioritise(value, [assumed], seed=1),
    "measured": bcx.prioritise(value, [measured], seed=1),
}
pd.DataFrame(
    {
        name: {
            "customers to contact": plan.n_contacted,
            "expected gain": float(plan.data["total_gain"].mean()),
        }
        for name, plan in plans.items()
    }
).round(0)

# %% [markdown]
# `measured.response` says where it comes from, and the report of the plan prints it on page one.

# %%
measured.response.source

# %% [markdown]
# On the command line: `bayes-cx trial` and `bayes-cx uplift` ([trials](../trials.md),
# [uplift](../uplift.md)). What comes after the campaign is [the next notebook](07_closed_loop.md).
