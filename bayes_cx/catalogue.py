"""The lists of models and data sets. It imports nothing heavy, so that help and messages can show them.

A model has one entry here, and everything that lists, checks or finds models reads it: `bayes_cx.models`, the
options of the commands with their help, and the candidates of ``--model auto``.
"""

from dataclasses import dataclass, field
from typing import Any

from bayes_cx.errors import InputError

__all__ = [
    "DATASETS",
    "KINDS",
    "MODELS",
    "SPEND",
    "DatasetEntry",
    "ModelEntry",
    "candidates",
    "find_dataset",
    "find_model",
]


@dataclass(frozen=True)
class ModelEntry:
    """What is known of a model before it is loaded.

    Attributes
    ----------
    key, name : str
        As in its record.
    kind : str
        The key of the kind of statistics that it reads.
    module : str
        Its file in ``bayes_cx/models``; the record there is named by the key in capitals.
    when : str
        When to use it, as the end of a sentence.
    columns : tuple of str
        Columns it reads beside those that all statistics of the kind have.
    valued : bool
        Whether it has what a plan needs, the discounted quantities; without them a report cannot use it.
    """

    key: str
    name: str
    kind: str
    module: str
    when: str
    columns: tuple[str, ...] = ()
    valued: bool = True

    @property
    def attribute(self) -> str:
        """The name of the record in its module and in `bayes_cx.models`."""
        return self.key.upper()


@dataclass(frozen=True)
class DatasetEntry:
    """What is known of a data set before it is loaded.

    Attributes
    ----------
    key : str
    says : str
        What it holds.
    loader : str
        The public function of bayes_cx that loads it.
    arguments : mapping
        Arguments of the loader.
    summarised : bool
        Whether it comes as statistics, not as transactions.
    events : bool
        Whether it comes as events, for `read_events`.
    """

    key: str
    says: str
    loader: str
    arguments: dict[str, Any] = field(default_factory=dict)
    summarised: bool = False
    events: bool = False


SPEND = "spend"
"""The kind of models of spend, which are fitted beside a model of another kind."""

KINDS = {
    "purchases": "purchases in time",
    "opportunities": "opportunities taken or not",
    "contracts": "contracts renewed or not",
    "stays": "stays of journeys",
    "periods": "periods at risk",
    "treatments": "responses to treatments",
    "trials": "outcomes of trials",
    SPEND: "amounts",
}
"""The kinds of statistics, and what a sentence calls their data."""

# By kind, the simplest first: it is preferred where nothing else tells models apart.
MODELS: tuple[ModelEntry, ...] = (
    ModelEntry("bg_nbd", "BG/NBD", "purchases", "bg_nbd", "customers leave right after a repeat purchase"),
    ModelEntry("mbg_nbd", "MBG/NBD", "purchases", "mbg_nbd", "many try once and never come back"),
    ModelEntry("pareto_nbd", "Pareto/NBD", "purchases", "pareto_nbd", "customers drift away at any time"),
    ModelEntry("bg_cnbd", "BG/CNBD-k", "purchases", "cnbd", "customers come at a rhythm", ("regularity",)),
    ModelEntry(
        "mbg_cnbd",
        "MBG/CNBD-k",
        "purchases",
        "cnbd",
        "they come at a rhythm, and many only once",
        ("regularity",),
    ),
    ModelEntry(
        "pareto_ggg",
        "Pareto/GGG",
        "purchases",
        "pareto_ggg",
        "each customer has an own rhythm, or none",
        ("regularity",),
        valued=False,
    ),
    ModelEntry("bg_bb", "BG/BB", "opportunities", "bg_bb", "customers can act at given times only"),
    ModelEntry("sbg", "sBG", "contracts", "sbg", "each customer's risk of leaving stays the same"),
    ModelEntry("bdw", "BdW", "contracts", "bdw", "a customer's own risk of leaving rises or falls"),
    ModelEntry("gamma_gamma", "Gamma-Gamma", SPEND, "gamma_gamma", "what a purchase is worth is asked"),
    ModelEntry(
        "log_normal",
        "Log-normal",
        SPEND,
        "log_normal",
        "single amounts differ by factors",
        ("paid", "log_spend", "log_spend_sd"),
    ),
    ModelEntry(
        "log_normal_frequency",
        "Log-normal with frequency",
        SPEND,
        "log_normal",
        "frequent buyers spend more each time, or less",
        ("paid", "log_spend", "log_spend_sd"),
    ),
)

DATASETS: tuple[DatasetEntry, ...] = (
    DatasetEntry(
        "cdnow", "purchases of 23,570 customers of a music shop, 1997-01-01 to 1998-06-30", "load_cdnow"
    ),
    DatasetEntry("cdnow-sample", "a tenth of them, as the papers use it", "load_cdnow", {"sample": True}),
    DatasetEntry(
        "donations",
        "how often and how lately 11,104 donors gave in six years",
        "load_donations",
        summarised=True,
    ),
    DatasetEntry(
        "cohorts",
        "when 2,000 subscribers of two kinds left within twelve years",
        "load_cohorts",
        summarised=True,
    ),
    DatasetEntry(
        "operator",
        "events of 2,000 simulated customers of a telecom operator, 2023 and 2024, for `journeys`",
        "simulate_operator",
        {"n": 2000},
        events=True,
    ),
)


def find_model(name: str) -> ModelEntry:
    """Return the entry of a model by its key or its printed name; case, spaces and punctuation do not matter.

    Raises
    ------
    InputError
        If there is none.

    Examples
    --------
    >>> find_model("BG/NBD").key, find_model("pareto-nbd").key
    ('bg_nbd', 'pareto_nbd')
    """
    for entry in MODELS:
        if _plain(name) in (_plain(entry.key), _plain(entry.name)):
            return entry
    known = ", ".join(f"{entry.key} ({entry.name})" for entry in MODELS)
    raise InputError(f"model {name!r}", f"one of {known}", "choose one of these")


def _plain(name: str) -> str:
    """Return a name without what people write in different ways."""
    return "".join(letter for letter in str(name).casefold() if letter.isalnum())


def candidates(kind: str) -> tuple[ModelEntry, ...]:
    """Return the models that a report can use for a kind of statistics, the simplest first.

    Examples
    --------
    >>> [entry.key for entry in candidates("contracts")]
    ['sbg', 'bdw']
    """
    return tuple(entry for entry in MODELS if entry.kind == kind and entry.valued)


def find_dataset(key: str) -> DatasetEntry:
    """Return the entry of a data set.

    Raises
    ------
    InputError
        If there is none.
    """
    for entry in DATASETS:
        if key == entry.key:
            return entry
    known = ", ".join(entry.key for entry in DATASETS)
    raise InputError(f"no dataset {key!r}", f"one of {known}", "run `bayes-cx datasets`")
