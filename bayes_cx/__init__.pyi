"""The public names, each said once: `__init__.py` reads this file, and so do type checkers.

One name a line, as ``from module import name as name``; `make format` keeps them in order.
"""

from bayes_cx import models as models
from bayes_cx import plot as plot
from bayes_cx import validation as validation
from bayes_cx.checks import Check as Check
from bayes_cx.checks import verdict as verdict
from bayes_cx.compiling import engine as engine
from bayes_cx.data import ByDate as ByDate
from bayes_cx.data import Split as Split
from bayes_cx.data import Transactions as Transactions
from bayes_cx.data import add as add
from bayes_cx.data import coarsen as coarsen
from bayes_cx.data import compress as compress
from bayes_cx.data import expand as expand
from bayes_cx.data import from_lifetimes as from_lifetimes
from bayes_cx.data import from_survivors as from_survivors
from bayes_cx.data import load_cdnow as load_cdnow
from bayes_cx.data import load_cohorts as load_cohorts
from bayes_cx.data import load_donations as load_donations
from bayes_cx.data import pseudonymise as pseudonymise
from bayes_cx.data import read_transactions as read_transactions
from bayes_cx.data import split as split
from bayes_cx.data import split_contracts as split_contracts
from bayes_cx.data import summarise as summarise
from bayes_cx.data import summarise_contracts as summarise_contracts
from bayes_cx.data import summarise_opportunities as summarise_opportunities
from bayes_cx.data import to_lifetimes as to_lifetimes
from bayes_cx.decision import Beta as Beta
from bayes_cx.decision import LifetimeValue as LifetimeValue
from bayes_cx.decision import Offer as Offer
from bayes_cx.decision import Plan as Plan
from bayes_cx.decision import Segments as Segments
from bayes_cx.decision import lifetime_value as lifetime_value
from bayes_cx.decision import prioritise as prioritise
from bayes_cx.decision import segments as segments
from bayes_cx.errors import BayesCxError as BayesCxError
from bayes_cx.errors import BayesCxWarning as BayesCxWarning
from bayes_cx.errors import FitError as FitError
from bayes_cx.errors import InputError as InputError
from bayes_cx.inference import MAP as MAP
from bayes_cx.inference import MLE as MLE
from bayes_cx.inference import NUTS as NUTS
from bayes_cx.inference import Design as Design
from bayes_cx.inference import Laplace as Laplace
from bayes_cx.inference import Posterior as Posterior
from bayes_cx.inference import fit as fit
from bayes_cx.inference import load as load
from bayes_cx.inference import pymc_model as pymc_model
from bayes_cx.inference import sample_prior as sample_prior
from bayes_cx.inference import save as save
from bayes_cx.inference.own_draws import posterior as posterior
from bayes_cx.model import Prior as Prior
from bayes_cx.progress import show_progress as show_progress
from bayes_cx.reporting import ModelCard as ModelCard
from bayes_cx.reporting import Report as Report
from bayes_cx.reporting import model_card as model_card
from bayes_cx.reporting import report as report
from bayes_cx.reporting.panels.show import show as show
from bayes_cx.scoring import add_log_likelihood as add_log_likelihood
from bayes_cx.scoring import average as average
from bayes_cx.scoring import average_purchases as average_purchases
from bayes_cx.scoring import draws as draws
from bayes_cx.scoring import predict_purchases as predict_purchases
from bayes_cx.scoring import score as score
from bayes_cx.scoring import simulate as simulate
from bayes_cx.spans import DiscountRate as DiscountRate
from bayes_cx.spans import Span as Span
from bayes_cx.study import Evidence as Evidence
from bayes_cx.study import RunProvenance as RunProvenance
from bayes_cx.study import Study as Study
from bayes_cx.validation import Comparison as Comparison
from bayes_cx.validation import compare as compare

__version__: str
