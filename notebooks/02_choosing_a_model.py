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
# # Choosing a model
#
# Every model here tells a story of how customers buy and leave, and each makes the same data look a little
# different. Which story to believe is a question for the data where they can tell, and for the business where
# they cannot. Two businesses, two answers: a shop where one can buy at any time, and donors who are asked
# once a year.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import bayes_cx as bcx

# %% [markdown]
# ## A shop: the candidates
#
# A tenth of CDNOW's customers, the first nine months to learn from and the next nine to judge by. For the
# models of regular buyers the statistics say how even the times between purchases are.

# %%
transactions = bcx.load_cdnow(sample=True)
parts = bcx.split(transactions, "1997-09-30", "1998-06-30", unit="week", regularity=True)
stats = parts.calibration
candidates = (bcx.models.BG_NBD, bcx.models.MBG_NBD, bcx.models.MBG_CNBD)
fits = {model.name: bcx.fit(model, stats, seed=1, progress=False) for model in candidates}
for fit in fits.values():
    print(fit)

# %% [markdown]
# Are these customers regular? The fit of MBG/CNBD-k weighs k = 1, who buys at random, to 6, who comes at a
# rhythm, by their marginal likelihoods. Music is not bought by the calendar:

# %%
pd.Series(fits["MBG/CNBD-k"].provenance.choices, name="posterior probability").to_frame().style.format(
    "{:.3f}"
)

# %% [markdown]
# ## Predicting each customer from all others
#
# `compare` asks every model for the probability of each customer given all the others, without refitting,
# and for the nine months that none has seen. A lead counts only if it is large beside its standard error.

# %%
found = bcx.compare(fits, split=parts, seed=1)
found

# %%
print(found.sentence)
bcx.plot.comparison(found)
plt.show()

# %% [markdown]
# What the candidates forecast, and how much was bought. All of them forecast too little: no choice among
# them mends what none of them can see, such as buyers of the last months who come back.

# %%
table = found.table
figure, axes = plt.subplots(figsize=(8, 2.6), layout="constrained")
height = np.arange(table.sizes["model"])
axes.hlines(height, table["total_low"], table["total_high"], linewidth=5, alpha=0.4)
axes.plot(table["total"], height, "o")
axes.axvline(table.attrs["total_observed"], color="black")
axes.set_yticks(height, table["model"].to_numpy())
axes.set_xlabel("purchases in the hold-out: forecast with 95% interval, and what came (black)")
plt.show()

# %% [markdown]
# ## What the choice changes
#
# Models that predict alike may still say different things of one customer. Who bought once and never came
# back is certainly active by BG/NBD, because there one can leave only after a repeat purchase.

# %%
once = stats.isel(customer=[int(np.flatnonzero(stats["x"] == 0)[0])])
often = stats.isel(customer=[int(np.argmax(stats["x"].to_numpy()))])
pd.DataFrame(
    {
        name: {
            "bought once": bcx.score(fit, once, "p_alive")["mean"].item(),
            "bought most often": bcx.score(fit, often, "p_alive")["mean"].item(),
            "weeks of silence until more likely gone, bought most often": bcx.score(
                fit, often, "silence_limit"
            )["mean"].item(),
        }
        for name, fit in fits.items()
    }
).style.format("{:.2f}")

# %% [markdown]
# ## When nothing decides
#
# Then there is no need to choose: an average of the forecasts, with the weights that predict best, is a
# forecast as well.

# %%
found.weights

# %%
both = bcx.average(fits, found.weights, stats, "expected_purchases", t="39 weeks", seed=1)
both.mean("sample").sum().round(0).item()

# %% [markdown]
# ## Donors: when there are opportunities
#
# 11,104 people gave for the first time, and were asked again in each of six years. Nobody can give three
# times a year, so time is counted in opportunities: BG/BB. The data are 22 histories with weights.

# %%
donations = bcx.load_donations()
donors = bcx.fit(bcx.models.BG_BB, donations, seed=1, progress=False)
donors

# %% [markdown]
# What if somebody took a model of shops instead, with years for time? It would make donors who give several
# times a year, and none of them is in the data.

# %%
as_if = donations.assign(T=donations["n"].astype(float), t_x=donations["t_x"].astype(float))
as_if = as_if.assign_attrs(kind="purchases")
wrong = bcx.fit(bcx.models.BG_NBD, as_if, seed=1, progress=False)
figure, both_axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained", sharey=True)
for axes, fit, data in zip(both_axes, (donors, wrong), (donations, as_if), strict=True):
    bcx.plot.predictive(bcx.validation.predictive_check(fit, data, seed=1), ax=axes)
    axes.set_title(f"Donors (bars) and {fit.model.name}")
    axes.set_xlabel("gifts in six years")
plt.show()

# %% [markdown]
# What a history is worth: the gifts to expect from a donor, discounted by 10% a year, without end.

# %%
worth = bcx.score(donors, donations, "dert", discount_rate=0.10)
pd.DataFrame(
    {
        "gifts": donations["x"],
        "last": donations["t_x"],
        "donors": donations["weight"],
        "still active": bcx.score(donors, donations, "p_alive")["mean"],
        "gifts to come": worth["mean"],
    }
).sort_values("gifts to come", ascending=False).head(10).style.format(precision=2).hide()

# %% [markdown]
# The same way, `bayes-cx report` fits the candidates that the data allow, compares them and
# says on the page which one it took, and whether the difference matters. What a wrong choice costs where
# the truth is known is in `docs/wrong_choice.md`.
