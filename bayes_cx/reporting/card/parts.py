"""The parts of a model card as data; pydantic checks what is read."""

from abc import abstractmethod
from datetime import date
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ModelWrapValidatorHandler,
    computed_field,
    model_validator,
)

from bayes_cx.checks import Check, Interval, Status, verdict

__all__ = [
    "SECTIONS",
    "Checked",
    "DataPart",
    "Judged",
    "ModelPart",
    "Parameter",
    "PriorPart",
    "Record",
    "Reproduction",
    "SegmentPart",
    "Use",
]

SECTIONS = {
    "computation": "Computation",
    "prior_check": "Prior predictive check",
    "posterior_check": "Posterior predictive check",
    "sensitivity": "Sensitivity to the priors",
    "holdout": "Calibration and hold-out",
    "subgroups": "Subgroups",
}
"""The sections that hold evidence, with their headings; the verdict is taken over all of them."""

Count = Annotated[int, Field(ge=0)]


class Record(BaseModel):
    """A frozen record that refuses fields it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Judged(Record):
    """A record whose verdict is computed from checks; a verdict that is read must agree with them."""

    @abstractmethod
    def judged(self) -> tuple[Check, ...]:
        """Return the checks that the verdict is taken over."""

    @computed_field
    @property
    def verdict(self) -> Status:
        """The verdict over the checks."""
        return verdict(self.judged())

    @model_validator(mode="wrap")
    @classmethod
    def _agrees(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not (isinstance(data, dict) and "verdict" in data):
            return handler(data)
        record = handler({name: value for name, value in data.items() if name != "verdict"})
        if record.verdict != data["verdict"]:
            raise ValueError(
                f"verdict {data['verdict']!r} disagrees with the checks, which say {record.verdict!r}"
            )
        return record


class Checked(Judged):
    """Checks of one kind; without any, a note says what was not checked."""

    checks: tuple[Check, ...] = ()
    note: str = ""

    def judged(self) -> tuple[Check, ...]:
        """Return the checks; none stands for one that was not run."""
        return self.checks

    @model_validator(mode="after")
    def _not_silent(self) -> Self:
        if not (self.checks or self.note):
            raise ValueError("a section without checks must have a note that says what was not checked")
        return self


class Use(Record):
    """What the model is for, who uses it, how a decision is made with it, and what it is not for."""

    intended: str
    users: str
    decision: str
    misuse: Annotated[tuple[str, ...], Field(min_length=1)]


class DataPart(Record):
    """What the model was fitted to; `current` customers are under contract. Empty or null: not stated.

    `rejected_amounts` are what rejected rows add up to where their amount can be read, by reason; `remarks`
    are what a reader should know of the rows that count; `pseudonyms` says whether ids were replaced.
    """

    source: str = ""
    sha256: str = ""
    period_start: date | None = None
    until: date | None = None
    unit: str = ""
    customers: Count | None = None
    repeaters: Count | None = None
    current: Count | None = None
    rows_read: Count | None = None
    rows_rejected: Count | None = None
    rejected: dict[str, Count] = {}
    rejected_amounts: dict[str, FiniteFloat] = {}
    remarks: tuple[str, ...] = ()
    currency: str = ""
    returns: str = ""
    pseudonyms: bool | None = None
    groups: tuple[str, ...] | None = None


class Parameter(Record):
    """A parameter by its letter, and its posterior."""

    letter: str
    meaning: str
    unit: str = ""
    mean: FiniteFloat | None = None
    interval: Interval | None = None


class PriorPart(Record):
    """A prior and the reason for it."""

    name: str
    meaning: str
    prior: str
    reason: str


class SegmentPart(Record):
    """How well the hold-out of one segment was forecast.

    `inside` is the share of customers inside their predictive interval, by its level, such as "80%".
    """

    segment: str
    customers: Count
    predicted: FiniteFloat
    interval: Interval
    observed: FiniteFloat
    inside: dict[str, FiniteFloat]


class ModelPart(Record):
    """The model in words, its parameters and priors, and how customers differ by its design."""

    name: str
    story: str
    when: str = ""
    parameters: tuple[Parameter, ...] = ()
    priors: tuple[PriorPart, ...] = ()
    effects: tuple[str, ...] = ()
    reference: str = ""


class Reproduction(Record):
    """What is needed to compute the same again."""

    method: str = ""
    seed: int | None = None
    command: str = ""
    versions: dict[str, str] = {}
