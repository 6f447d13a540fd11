"""Data: read purchases and events, check every row, and reduce them to the statistics that models need."""

from bayes_cx.data.action_log import NOTHING, Actions, read_actions
from bayes_cx.data.add import add
from bayes_cx.data.attributes import DataProvenance, provenance_of
from bayes_cx.data.by_date import ByDate
from bayes_cx.data.coarsen import coarsen
from bayes_cx.data.cohorts import cohorts
from bayes_cx.data.compress import compress, unique_rows
from bayes_cx.data.contacts import at_purchases, contacts_of, groups_of, plan_contacts, with_contacts
from bayes_cx.data.datasets import cdnow_path, load_cdnow, load_cohorts, load_donations
from bayes_cx.data.events import Events
from bayes_cx.data.expand import expand
from bayes_cx.data.features import Features
from bayes_cx.data.follow_up import FollowUp, follow_up
from bayes_cx.data.journey_paths import journey_paths
from bayes_cx.data.lifetimes_frame import from_lifetimes, to_lifetimes
from bayes_cx.data.linked import Linked, link
from bayes_cx.data.pseudonyms import pseudonymise
from bayes_cx.data.read_events import read_events
from bayes_cx.data.sessions_at_risk import live_sessions, summarise_sessions
from bayes_cx.data.simulate_operator import Operator, OperatorTruth, simulate_operator
from bayes_cx.data.split import Split, split
from bayes_cx.data.split_contracts import split_contracts
from bayes_cx.data.summarise import summarise
from bayes_cx.data.summarise_contracts import summarise_contracts
from bayes_cx.data.summarise_opportunities import summarise_opportunities
from bayes_cx.data.summarise_periods import at_risk, first_events, summarise_periods
from bayes_cx.data.summarise_stays import open_journeys, summarise_stays
from bayes_cx.data.summarise_trial import summarise_trial
from bayes_cx.data.summarise_uplift import customers_of, split_customers, summarise_uplift
from bayes_cx.data.survivors import from_survivors
from bayes_cx.data.taxonomy import Taxonomy
from bayes_cx.data.transactions import Transactions, read_transactions
from bayes_cx.data.views import ChannelView, CustomerView, channel_view, customer_view
from bayes_cx.data.write_actions import write_actions

__all__ = [
    "NOTHING",
    "Actions",
    "ByDate",
    "ChannelView",
    "CustomerView",
    "DataProvenance",
    "Events",
    "Features",
    "FollowUp",
    "Linked",
    "Operator",
    "OperatorTruth",
    "Split",
    "Taxonomy",
    "Transactions",
    "add",
    "at_purchases",
    "at_risk",
    "cdnow_path",
    "channel_view",
    "coarsen",
    "cohorts",
    "compress",
    "contacts_of",
    "customer_view",
    "customers_of",
    "expand",
    "first_events",
    "follow_up",
    "from_lifetimes",
    "from_survivors",
    "groups_of",
    "journey_paths",
    "link",
    "live_sessions",
    "load_cdnow",
    "load_cohorts",
    "load_donations",
    "open_journeys",
    "plan_contacts",
    "provenance_of",
    "pseudonymise",
    "read_actions",
    "read_events",
    "read_transactions",
    "simulate_operator",
    "split",
    "split_contracts",
    "split_customers",
    "summarise",
    "summarise_contracts",
    "summarise_opportunities",
    "summarise_periods",
    "summarise_sessions",
    "summarise_stays",
    "summarise_trial",
    "summarise_uplift",
    "to_lifetimes",
    "unique_rows",
    "with_contacts",
    "write_actions",
]
