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
# # Journeys, signals and identities
#
# Customers visit, call, complain, pay and are written to, and all of that comes before they buy or leave. A
# telecom operator that was made up shows how to read it, because there one knows the truth.

# %%
import numpy as np

import bayes_cx as bcx

operator = bcx.simulate_operator(1200, seed=1)
operator

# %% [markdown]
# ## What do we see?
#
# `read_events` checks every row. Visits on the web are anonymous until somebody logs in; what happens in some
# channels is known only days later, and nothing below uses it before.

# %%
events = bcx.read_events(
    operator.frame,
    customer="customer",
    time="time",
    event="event",
    channel="channel",
    value="value",
    session="session",
    known_at="known_at",
    context={"relational": ["segment"]},
)
seen = bcx.channel_view(events)
seen

# %%
bcx.plot.channels(seen)
# %% [markdown]
# All that is known of one customer is a panel as well.

# %%
bcx.customer_view(events, "C000003")

# %% [markdown]
# ## Where do visits lead?
#
# Every visit is a journey from `start` to an order or to its end. The chance that it ends with an order has a
# posterior, from the start and after each event.

# %%
visits = bcx.summarise_stays(
    events, targets="order_placed", journey="session", unit="minute", by="channel", until="2024-12-31"
)
web = visits.isel(row=np.flatnonzero(visits["channel"] == "web"))
journeys = bcx.fit(bcx.models.SEMI_MARKOV, web, seed=1)
journeys

# %% [markdown]
# The story says what is true. Nine in ten of the 90% intervals should hold it.

# %%
states = bcx.at_states(journeys)
chances = bcx.score(journeys, states, "p_reach", target="order_placed", quantiles=(0.05, 0.95)).table()
truth = operator.truth.p_order["web"]
chances["true"] = [truth.get(state, np.nan) for state in states["state"].to_numpy()]
chances.dropna().round(3)

# %% [markdown]
# Which events do orders depend on? If all visits ended where an offer would have been viewed, so many fewer
# would end with an order. That is an association: who views an offer may have come to buy.

# %%
removed = bcx.removal_effects(journeys, "order_placed")
removed.mean("draw").to_series().sort_values(ascending=False).head(4).round(2)

# %% [markdown]
# ## What comes before leaving?
#
# `signals` compares those who leave with others of the same segment who had been customers for as long, at
# the same moment. Three things were built into the story: a payment that failed, followed by a call and a
# complaint; a fault that comes back; and any complaint. With so few customers most of what is sure are single
# events; with 5,000 the sequences are found as well ([docs/signals.md](../signals.md)).

# %%
found = bcx.signals(events, "contract_cancelled", "30 days", by="segment")
print(*found.sentences(5), sep="\n")

# %%
bcx.plot.signals(found)
# %% [markdown]
# What has nothing to do with leaving is not among them.

# %%
sorted(set(operator.truth.nulls) & set(found.found(parts=True).index))

# %% [markdown]
# ## Who is who?
#
# Browsers without a log-in belong to a customer with some probability. `link` draws who is who several times,
# and `over_links` pools what is computed, so that the interval knows what nobody knows for sure. Here: what
# share of customers came to the website in December?

# %%
linked = bcx.link(operator.by_account, operator.links, imputations=10, seed=1)
linked


# %%
def share_on_the_web(events):
    month = events.coverage().xs("web", level="channel").loc["2024-12-01"]
    n, x = len(operator.customers), int(month["customers"])
    return np.random.default_rng(x).beta(0.5 + x, 0.5 + n - x, 400)


pooled = bcx.over_links(linked, share_on_the_web)
pooled.summary()[["mean", "sd", "share_of_links"]].to_pandas().round(3)

# %% [markdown]
# `share_of_links` is the share of the variance that comes from not knowing who is who: the rest is that of
# counting so many customers.
