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
# # Subscriptions
#
# Under a contract nobody leaves in silence: at every renewal one sees who goes. What one does not see is how
# long the others will stay. Two cohorts of 1,000 subscribers each, from Fader & Hardie (2007): *Regular* and
# *High-End*. Twelve years are known, and the first seven are all that the models get.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import bayes_cx as bcx
from bayes_cx.models import BDW, SBG

known = bcx.load_cohorts()
stats = bcx.load_cohorts(periods=7)
stats.to_dataframe()

# %% [markdown]
# A row is a group of customers: how many renewals `T`, whether they left at the last of them, and how many
# customers there are. From a table of contracts `bcx.summarise_contracts` makes the same.
#
# ## One chance each
#
# sBG gives every customer an individual chance to leave, the same at each renewal. That the cohort
# grows more loyal with age needs no more: those with high chances leave first.

# %%
cohorts = ("Regular", "High-End")


def only(data, cohort):
    return data.isel(row=(data["cohort"] == cohort).to_numpy())


steady = {name: bcx.fit(SBG, only(stats, name), seed=1, progress=False) for name in cohorts}
ageing = {name: bcx.fit(BDW, only(stats, name), seed=1, progress=False) for name in cohorts}
steady["Regular"]

# %% [markdown]
# ## Five years ahead
#
# The share of the cohort that is still there, projected with a 95% band, against what came. Dots up to the
# dashed line were given to the models; those beyond were not.


# %%
def survivors(data, cohort):
    one = only(data, cohort)
    left = one["churned"].to_numpy() == 1
    weight, at = one["weight"].to_numpy(), one["T"].to_numpy()
    years = np.arange(at.max() + 1)
    return years, np.array([weight.sum() - weight[left & (at <= t)].sum() for t in years]) / weight.sum()


def projection(posterior, data, years):
    scores = [bcx.score(posterior, data, "p_alive_new", t=float(t), quantiles=(0.025, 0.975)) for t in years]
    return np.array([[s["mean"].item(), *s["quantile"].to_numpy()] for s in scores]).T


figure, both_axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained", sharey=True)
for axes, cohort in zip(both_axes, cohorts, strict=True):
    years, share = survivors(known, cohort)
    for model, fits in (("sBG", steady), ("BdW", ageing)):
        mean, low, high = projection(fits[cohort], stats, years)
        (line,) = axes.plot(years, mean, label=model)
        axes.fill_between(years, low, high, color=line.get_color(), alpha=0.2)
    axes.plot(years, share, "k.", label="what came")
    axes.axvline(7, color="grey", linestyle="--")
    axes.set_title(cohort)
    axes.set_xlabel("years")
    axes.set_ylim(bottom=0)
both_axes[0].set_ylabel("still subscribed")
both_axes[0].legend()
plt.show()

# %% [markdown]
# Does a customer's own chance change with age? In BdW the number c says so; c = 1 is sBG.

# %%
pd.DataFrame(
    {name: pd.Series(fit.parameters()["c"]).describe() for name, fit in ageing.items()}
).style.format("{:.2f}")

# %%
for cohort in cohorts:
    print(cohort, "-", bcx.compare({"sBG": steady[cohort], "BdW": ageing[cohort]}).sentence)

# %% [markdown]
# ## Several cohorts at once
#
# Pooled, the cohorts share what is common to them, and a cohort with few customers leans on the others. Here
# is a third cohort of forty, a year old: what can be said of it alone, and with the others behind it?
# Three cohorts say little of how far cohorts differ, and with the usual 1,000 draws a chain R-hat just misses
# its limit; so the sampler takes twice as many.

# %%
pilot = bcx.from_survivors(pd.DataFrame({"Pilot": [40, 31]}))
together = bcx.add(stats, pilot)
design = bcx.Design(pooled={"dropout": "cohort"})
pooled = bcx.fit(SBG, together, design=design, method=bcx.NUTS(draws=2000), seed=1, progress=False)
alone = bcx.fit(SBG, pilot, seed=1, progress=False)
pooled

# %%
still = pilot.isel(row=(pilot["churned"] == 0).to_numpy())
columns = {}
for name, posterior in (("alone", alone), ("pooled", pooled)):
    score = bcx.score(posterior, still, "survival", t="4 years")
    columns[name] = [
        score["mean"].item(),
        *score["quantile"].sel(probability=[0.05, 0.95]).to_numpy().ravel(),
    ]
pd.DataFrame(columns, index=["four years more", "5%", "95%"]).style.format("{:.0%}")

# %% [markdown]
# ## What a subscriber is worth
#
# The renewals to come, discounted by 10% a year and without end, times what one brings. Whoever has stayed
# for seven years is worth more than a new one, although nobody has changed: the others have left.

# %%
rate = 0.10  # per year
fee = 120.0
rows = {}
for cohort in cohorts:
    now = only(stats, cohort)
    loyal = now.isel(row=(now["churned"] == 0).to_numpy())
    old = bcx.score(steady[cohort], loyal, "derl", discount_rate=rate)
    new = bcx.score(steady[cohort], loyal, "derl_new", discount_rate=rate)
    rows[cohort] = {
        "new": fee * new["mean"].item(),
        "after seven renewals": fee * old["mean"].item(),
        "5%": fee * old["quantile"].sel(probability=0.05).item(),
        "95%": fee * old["quantile"].sel(probability=0.95).item(),
    }
pd.DataFrame(rows).T.style.format("{:,.0f}")

# %% [markdown]
# `bayes-cx report --dataset cohorts` makes a report of it.
