"""The results of a run, in one record from which the report and the model cards are made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bayes_cx.checks import Check
from bayes_cx.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from bayes_cx.decision import NextCohort, Plan, SpendAndFrequency
    from bayes_cx.inference import Posterior
    from bayes_cx.validation import Holdout, PredictiveCheck
    from bayes_cx.validation.selection import Selection

__all__ = ["Evidence", "RunProvenance", "Study"]


@dataclass(frozen=True)
class Evidence:
    """What was done to check the fits against data; what is missing was not done.

    Attributes
    ----------
    holdout : Holdout or None
        How the model of the first fit forecast a period that it had not seen, from `validation.holdout`.
    holdout_note : str
        Why there is no hold-out.
    posterior_checks, prior_checks : tuple of PredictiveCheck
        From `validation.predictive_check` and `validation.prior_predictive_check`, at most one a model.
    sensitivity : tuple of Check
        From `validation.prior_sensitivity`, of one or more models.
    frequency : SpendAndFrequency or None
        How spend goes with how often customers buy, from `spend_and_frequency`.
    """

    holdout: "Holdout | None" = None
    holdout_note: str = ""
    posterior_checks: "tuple[PredictiveCheck, ...]" = ()
    prior_checks: "tuple[PredictiveCheck, ...]" = ()
    sensitivity: tuple[Check, ...] = ()
    frequency: "SpendAndFrequency | None" = None


@dataclass(frozen=True)
class RunProvenance:
    """Where a run comes from: what the user said about it, its command and its time.

    Attributes
    ----------
    title : str
        Title of the report; a default if empty.
    organisation : str
        Whom the report is for, and who is responsible for the models.
    currency : str
        Put before amounts.
    command : str
        Command that repeats the run.
    timestamp : datetime
        Printed on everything that is written; by default now. One without a time zone is taken as UTC.
    settings : mapping of str to Any
        The settings of the run that differ from their defaults.
    """

    title: str = ""
    organisation: str = ""
    currency: str = ""
    command: str = ""
    timestamp: datetime = field(default_factory=lambda: datetime.now(UTC))
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        zoned = self.timestamp if self.timestamp.tzinfo else self.timestamp.replace(tzinfo=UTC)
        object.__setattr__(self, "timestamp", zoned.replace(microsecond=0))


@dataclass(frozen=True)
class Study:
    """The results of a run.

    Attributes
    ----------
    stats : xarray.Dataset
        Statistics of all customers.
    fits : tuple of Posterior
        First the fit of purchases, opportunities or renewals; then that of spend, where amounts were fitted.
    plan : Plan or None
        Whom to contact.
    evidence : Evidence
    selection : Selection or None
        How the first model was chosen, where more than one was tried.
    other : Plan or None
        The plan under the runner-up of the selection.
    provenance : RunProvenance
    spend_selection : Selection or None
        How the model of spend was chosen, where more than one was tried.
    next_cohort : NextCohort or None
        What customers won next are expected to do, from `next_cohort`, where cohorts drift or are pooled.

    Raises
    ------
    InputError
        If there is no fit.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> posterior = bcx.fit(bcx.models.BG_NBD, stats, method=bcx.MLE())
    >>> study = bcx.Study(stats, (posterior,), provenance=bcx.RunProvenance(organisation="Northgate"))
    >>> bcx.model_card(study).owner
    'Northgate'
    """

    stats: "xr.Dataset"
    fits: "tuple[Posterior, ...]"
    plan: "Plan | None" = None
    evidence: Evidence = field(default_factory=Evidence)
    selection: "Selection | None" = None
    other: "Plan | None" = None
    provenance: RunProvenance = field(default_factory=RunProvenance)
    spend_selection: "Selection | None" = None
    next_cohort: "NextCohort | None" = None

    def __post_init__(self) -> None:
        if not self.fits:
            raise InputError("a study without a fit", "one posterior or more", "pass fits=(posterior, ...)")

    def __repr__(self) -> str:
        n, fits = next(iter(self.stats.sizes.values())), ", ".join(fit.model.name for fit in self.fits)
        plan = "no plan" if self.plan is None else "a plan"
        return f"<Study of {n:,} customers: {fits}, {plan}>"
