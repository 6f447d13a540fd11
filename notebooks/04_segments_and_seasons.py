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
# # Segments and seasons
#
# Customers differ by where they came from, and what all of them do rises and falls together. Both belong into
# the model: the first as a **design**, the second as **calendar time**. A shop that was made up shows both,
# because there one knows the truth.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import bayes_cx as bcx
from bayes_cx.models import BG_NBD

# %% [markdown]
# ## A shop with three channels
#
# Customers come by e-mail, by search or through social media, in a year and a half. Those of search buy 1.5
# times as often as those of e-mail, those of social media 0.7 times; and with every ten years of age
# customers buy 1.2 times as often. Nothing else differs.

# %%
rng = np.random.default_rng(4)
n = 1000
channel = rng.choice(["email", "search", "social"], n, p=[0.5, 0.35, 0.15])
age = np.round(rng.normal(42, 11, n)).clip(18, 90)
times = {"email": 1.0, "search": 1.5, "social": 0.7}
rate = np.array([times[one] for one in channel]) * 1.2 ** ((age - 42) / 10)
known = rng.uniform(20, 78, n)  # weeks since the first purchase
bought = BG_NBD.simulate(rng, known, r=0.6, alpha=8.0 / rate, a=0.8, b=2.6)
customer = np.concatenate([np.arange(n), bought.customer])
week = np.concatenate([78 - known, 78 - known[bought.customer] + bought.time])
orders = pd.DataFrame(
    {
        "customer": customer,
        "day": pd.Timestamp("2024-01-01") + pd.to_timedelta((week * 7).astype(int), "D"),
        "channel": channel[customer],
        "age": age[customer].astype(int),
    }
)
orders.head(3)

# %% [markdown]
# Columns named in `by=` are kept by customer. They are text; a formula reads those that hold numbers as
# numbers.

# %%
log = bcx.read_transactions(orders, customer="customer", time="day", by=("channel", "age"))
stats = bcx.summarise(log, until="2025-06-29", unit="week")
stats

# %% [markdown]
# ## Covariates, and what they change
#
# A formula for each parameter that may differ. Numbers are standardised inside, so years or months of age
# give the same fit.

# %%
design = bcx.Design(purchase_rate="channel + age", dropout="channel")
quick = bcx.Laplace(draws=1000)
by_channel = bcx.fit(BG_NBD, stats, design=design, method=quick, seed=1, progress=False)
for sentence in bcx.effects(by_channel).sentences:
    print(sentence)

# %% [markdown]
# The truth was 1.5, 0.7 and 1.2, and no difference in leaving. The same as numbers:

# %%
columns = ["parameter", "term", "value", "against", "step", "factor", "low", "high", "p_higher"]
bcx.effects(by_channel).table()[columns].style.format(precision=2, na_rep="")

# %% [markdown]
# Is the design worth it? Models are compared by how well each predicts a customer from all the others.

# %%
plain = bcx.fit(BG_NBD, stats, method=quick, seed=1, progress=False)
print(bcx.compare({"all alike": plain, "by channel and age": by_channel}).sentence)

# %% [markdown]
# ## Which segment is better, and what is noise
#
# `by_segment` simulates what the customers of each segment will do, with all luck. The probability that one
# brings more than another says which differences to act on. Customers dealt into regions at random show what
# noise looks like: there is always one with the largest mean.

# %%
dealt = rng.choice(["north", "south", "west"], stats.sizes["customer"]).astype(object)
value = bcx.lifetime_value(
    by_channel, 35.0, stats.assign(region=("customer", dealt)), horizon="52 weeks", draws=200
)
found = {column: bcx.by_segment(value, column, draws=200, seed=1) for column in ("channel", "region")}
for column, one in found.items():
    print(f"{column}: clear differences {one.clear() or 'none'}")
found["region"]

# %% [markdown]
# ## A channel that nobody has seen
#
# A fit with covariates refuses it, since nothing is known of it. `new_levels="prior"` scores it all the same,
# as uncertainly as the prior says.

# %%
new = stats.isel(customer=[0]).assign(channel=("customer", np.array(["radio"], dtype=object)))
try:
    bcx.score(by_channel, new, "expected_purchases", t="52 weeks")
except bcx.InputError as error:
    print(error)

# %% [markdown]
# ## Seasons and shocks
#
# Four hundred customers of the same shop, if all of them buy more before Christmas. Without calendar time the
# model takes the rush for what customers are like; with it, it learns a factor of each week, and forecasts
# carry what the weeks to come may bring.

# %%
days = orders["day"] - pd.Timestamp("2024-01-01")
rush = (days.dt.days % 364) // 7 >= 47  # the last weeks of the year
again = orders[rush & orders.duplicated("customer")]
uneven = pd.concat([orders, again.assign(day=again["day"] + pd.Timedelta("2D"))])
some = uneven[uneven["customer"] < 400]
log = bcx.read_transactions(some, customer="customer", time="day")
busy = bcx.summarise(log, until="2025-06-29", unit="week")
shared = bcx.fit(BG_NBD, busy, design=bcx.Design(calendar=True), seed=1, progress=False)
steady = bcx.fit(BG_NBD, busy, seed=1, progress=False)

# %%
rows = {}
for name, fit in {"a constant rate": steady, "calendar time": shared}.items():
    total = bcx.predict_purchases(fit, busy, "26 weeks", draws=200, seed=1).sum("customer")
    rows[name] = {
        "mean": float(total.mean()),
        **{f"{q:.1%}": float(total.quantile(q)) for q in (0.025, 0.975)},
    }
pd.DataFrame(rows).T.style.format("{:,.0f}")

# %% [markdown]
# The interval of a constant rate is narrow because it leaves out what is the largest part of the uncertainty.
# Where it comes from:

# %%
sources = bcx.scoring.sources_of_total(shared, busy, "26 weeks", draws=100)
figure, axes = plt.subplots(figsize=(6, 1.8), layout="constrained")
axes.barh(sources["source"].to_numpy(), 100 * sources["share"].to_numpy())
axes.set_xlabel("% of the variance of the total")
plt.show()

# %% [markdown]
# From the command line:
#
# ```
# bayes-cx report orders.csv --customer customer --time day --covariates "purchase_rate=channel + age"
# bayes-cx report orders.csv --customer customer --time day --pool channel
# bayes-cx report orders.csv --customer customer --time day --model bg_nbd --calendar
# ```
#
# [Designing a model](../designing_a_model.md) says when to use which.
