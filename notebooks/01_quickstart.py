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
# # From transactions to a plan
#
# CDNOW sold compact discs. We know who bought, when and for how much, from January 1997 to June 1998.
# Customers who left never told CDNOW. Whom should it write to, and what is that worth?
#
# The way there has five steps, each one function: **read**, **summarise**, **fit**, **value**,
# **prioritise**.

# %%
from textwrap import fill

import arviz as az
import matplotlib.pyplot as plt

import bayes_cx as bcx

# %% [markdown]
# ## What happened
#
# `load_cdnow` reads the purchases that come with the lifetimes package; `bcx.read_transactions` does the
# same with your own file, frame or database. Every row is judged, and those that break the schema are
# counted by reason. Here it is the sample of every tenth customer that most papers use, so that no step takes
# longer than a few seconds; without `sample=True` it is all 23,570.

# %%
transactions = bcx.load_cdnow(sample=True)
transactions

# %% [markdown]
# ## Enough of it
#
# Four numbers a customer are all that the models need: `x` repeat purchases, the time `t_x` of the last
# one, the time `T` observed, and the mean spend. All purchases of a day count as one. `stats` is an
# ordinary xarray dataset; `bcx.show` puts its content before its structure.

# %%
stats = bcx.summarise(transactions, until="1998-06-30", unit="week")
bcx.show(stats)

# %% [markdown]
# Customers with the same history are the same to the model. Keeping one row of each, with a weight, loses
# nothing.

# %%
rows = bcx.compress(stats)
f"{stats.sizes['customer']:,} customers, {rows.sizes['row']:,} different histories"

# %% [markdown]
# ## What we believe
#
# BG/NBD tells this story: while active, a customer buys at random at a steady rate; after each repeat
# purchase the customer may leave for good; rates and chances differ between customers. A log-normal model
# adds what they spend: the amounts of a customer vary by factors around a level of the customer.

# %%
purchases = bcx.fit(bcx.models.BG_NBD, stats, seed=1, progress=False)
purchases

# %%
spend = bcx.fit(bcx.models.LOG_NORMAL, stats, seed=1, progress=False)
spend

# %% [markdown]
# The draws are an xarray tree that ArviZ reads as it is, so its whole toolbox is at hand.

# %%
az.summary(purchases.draws, var_names=["r", "alpha", "a", "b"])

# %%
az.plot_pair(purchases.draws, var_names=["a", "b"])
plt.show()

# %% [markdown]
# `a` and `b` move together: what the data tell is their ratio, the chance to leave. That is why the priors
# stand on quantities that mean something on their own, and carry no unit.

# %%
az.plot_dist(purchases.draws, var_names=["dropout", "purchase_rate"])
plt.show()

# %% [markdown]
# ## Does it hold?
#
# Fit again on the first nine months, and ask for the other nine. This is the one judge who cannot be talked
# round.

# %%
parts = bcx.split(transactions, "1997-09-30", "1998-06-30", unit="week")
past = [
    bcx.fit(model, parts.calibration, seed=1, progress=False)
    for model in (bcx.models.BG_NBD, bcx.models.LOG_NORMAL)
]
found = bcx.validation.holdout(*past, parts, seed=1)
found

# %%
bcx.plot.tracking(found)
plt.show()

# %% [markdown]
# The line is what was expected, the dots are what happened, hollow where the model had not seen it; the bands
# hold 50, 80 and 95% of forecasts. Where what happened leaves the band, believe the order of the customers
# more than the totals below. How well that order does against simple rules:

# %%
found.capture[["share", "low", "high"]].to_dataframe().style.format("{:.1%}")

# %% [markdown]
# The share of the revenue of the next nine months that came from the tenth of customers whom each rule put
# first.

# %% [markdown]
# ## Who is still there?
#
# For every customer, the chance to be active and the purchases to come, each with its uncertainty.

# %%
bcx.show(bcx.score(purchases, stats, "p_alive"))

# %%
bcx.show(bcx.score(purchases, stats, "expected_purchases", t="52 weeks"))

# %% [markdown]
# One customer over time: a purchase is good news, and each week of silence tells more against somebody who
# used to come often. `docs/gallery.md` shows all pictures of `bcx.plot`.

# %%
often = stats["customer"].to_numpy()[stats["x"].to_numpy().argmax()]
bcx.plot.p_alive(purchases, stats, transactions, often)
plt.show()

# %% [markdown]
# ## What to do about it
#
# The value of the next year is discounted and carries both uncertainties, draw by draw. Whom to contact is
# another question: what counts is what the offer changes. It may win back who has left, and keep who has
# not. How well it does is an assumption until a campaign has measured it, so it is a distribution as well.

# %%
value = bcx.lifetime_value(purchases, spend, stats, horizon="52 weeks", discount_rate=0.10)
offer = bcx.Offer("voucher", cost=3.50, win_back=bcx.Beta(2, 18), keep=bcx.Beta(2, 18))
plan = bcx.prioritise(value, [offer], seed=1)
plan

# %% [markdown]
# The whole plan is a table as well: `plan.table()` is a data frame, `plan.to_csv` and `plan.to_parquet`
# write it.

# %%
columns = ["customer", "gain", "gain_low", "gain_high", "p_gain", "p_best", "p_alive", "value"]
plan.table().head(10)[columns].style.format(precision=2).hide()

# %% [markdown]
# How much depends on the assumption? If the offer did only half of what we assume, fewer contacts would
# be worth their cost:

# %%
plan.sensitivity.to_dataframe().style.format("{:,.0f}")

# %% [markdown]
# ## What people read
#
# A *study* holds what this came to: statistics, fits, plan, and what was done to find out how far all of it
# can be believed. From it come the report for the manager, and a card for whoever has to answer for the
# model.

# %%
evidence = bcx.Evidence(
    holdout=found,
    posterior_checks=(bcx.validation.predictive_check(purchases, stats, seed=1),),
    prior_checks=(bcx.validation.prior_predictive_check(bcx.models.BG_NBD, stats, seed=1),),
    sensitivity=bcx.validation.prior_sensitivity(purchases),
)
study = bcx.Study(stats, (purchases, spend), plan, evidence, provenance=bcx.RunProvenance(currency="$"))
report = bcx.report(study)
for sentence in report.sentences:
    print(fill(sentence, 110), end="\n\n")

# %%
bcx.model_card(study)

# %% [markdown]
# `report.to_pdf("retention.pdf")` sets it. `make report` does all of this in one command, and `bayes-cx
# report` does it with your own file.
