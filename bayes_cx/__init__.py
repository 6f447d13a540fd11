"""bayes_cx: from what customers did to whom to contact, and how sure that is.

The public names load their modules when they are first used, so importing the package costs next to nothing.
"""

from importlib import import_module

# What type checkers take for true; `typing` takes longer to import than everything else here.
TYPE_CHECKING = False

__version__ = "0.1.0"

_WHERE = {
    "errors": ("BayesCxError", "FitError", "InputError"),
    "checks": ("Check", "verdict"),
    "clock": ("DiscountRate", "Span"),
    "data": (
        "Split",
        "Transactions",
        "add",
        "compress",
        "expand",
        "from_lifetimes",
        "from_survivors",
        "load_cdnow",
        "load_cohorts",
        "load_donations",
        "read_transactions",
        "split",
        "split_contracts",
        "summarise",
        "summarise_contracts",
        "summarise_opportunities",
        "to_lifetimes",
    ),
    "inference": (
        "Design",
        "MAP",
        "MLE",
        "NUTS",
        "Laplace",
        "Posterior",
        "fit",
        "load",
        "pymc_model",
        "sample_prior",
        "save",
    ),
    "scoring": ("add_log_likelihood", "average", "average_purchases", "draws", "predict_purchases", "score"),
    "decision": ("Beta", "LifetimeValue", "Offer", "Plan", "lifetime_value", "prioritise"),
    "validation": ("Comparison", "compare"),
    "reprs": ("show",),
    "study": ("Evidence", "RunProvenance", "Study"),
    "reporting": ("ModelCard", "Report", "model_card", "report"),
}
_OWNER = {name: module for module, names in _WHERE.items() for name in names}
_MODULES = ("models", "validation")

__all__ = ["__version__", *_MODULES, *_OWNER]  # pyright: ignore[reportUnsupportedDunderAll]

if TYPE_CHECKING:
    from typing import Any

    from bayes_cx import models, validation
    from bayes_cx.checks import Check, verdict
    from bayes_cx.clock import DiscountRate, Span
    from bayes_cx.data import (
        Split,
        Transactions,
        add,
        compress,
        expand,
        from_lifetimes,
        from_survivors,
        load_cdnow,
        load_cohorts,
        load_donations,
        read_transactions,
        split,
        split_contracts,
        summarise,
        summarise_contracts,
        summarise_opportunities,
        to_lifetimes,
    )
    from bayes_cx.decision import Beta, LifetimeValue, Offer, Plan, lifetime_value, prioritise
    from bayes_cx.errors import BayesCxError, FitError, InputError
    from bayes_cx.inference import (
        MAP,
        MLE,
        NUTS,
        Design,
        Laplace,
        Posterior,
        fit,
        load,
        pymc_model,
        sample_prior,
        save,
    )
    from bayes_cx.reporting import ModelCard, Report, model_card, report
    from bayes_cx.reprs import show
    from bayes_cx.scoring import (
        add_log_likelihood,
        average,
        average_purchases,
        draws,
        predict_purchases,
        score,
    )
    from bayes_cx.study import Evidence, RunProvenance, Study
    from bayes_cx.validation import Comparison, compare


def __getattr__(name: str) -> "Any":
    if name in _OWNER:
        return getattr(import_module(f"bayes_cx.{_OWNER[name]}"), name)
    if name in _MODULES:
        return import_module(f"bayes_cx.{name}")
    raise AttributeError(f"module 'bayes_cx' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
