"""The model card as data: every claim with its evidence, and a verdict that is computed, never set.

The sections follow the model cards of Mitchell et al. (2019) and the reporting guidelines of Kruschke (2021):
use, data, model and priors, computation, prior and posterior predictive checks, sensitivity, hold-out,
subgroups, limits, ethics and privacy, reproduction.
"""

import json
import os
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ModelWrapValidatorHandler,
    ValidationError,
    computed_field,
    model_validator,
)

from bayes_cx.checks import Check, Interval, Status, verdict
from bayes_cx.errors import InputError
from bayes_cx.files import atomic_folder, atomic_path

__all__ = [
    "SCHEMA_VERSION",
    "SECTIONS",
    "DataPart",
    "ModelCard",
    "ModelPart",
    "Parameter",
    "PriorPart",
    "Reproduction",
    "Section",
    "Use",
    "card_schema",
]

SCHEMA_VERSION = "2.0"

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
    """A record whose verdict follows from checks; one that was read must agree with them."""

    def judged(self) -> tuple[Check, ...]:
        """Return the checks that the verdict is taken over."""
        raise NotImplementedError

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


class Section(Judged):
    """Evidence of one kind; without checks it says in a sentence what was not looked at."""

    checks: tuple[Check, ...] = ()
    note: str = ""

    def judged(self) -> tuple[Check, ...]:
        """Return the checks of this section; none stands for one that was not run."""
        return self.checks

    @model_validator(mode="after")
    def _not_silent(self) -> Self:
        if not (self.checks or self.note):
            raise ValueError("a section without checks must say in a note what was not looked at")
        return self


class Use(Record):
    """What the model is for, who uses it, how a decision is made with it, and what it is not for."""

    intended: str
    users: str
    decision: str
    misuse: Annotated[tuple[str, ...], Field(min_length=1)]


class DataPart(Record):
    """What the model was fitted to; `current` customers are under contract. Empty or null: not stated."""

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
    returns: str = ""
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


class ModelPart(Record):
    """The model in words, its parameters and its priors."""

    name: str
    story: str
    when: str = ""
    parameters: tuple[Parameter, ...] = ()
    priors: tuple[PriorPart, ...] = ()
    reference: str = ""


class Reproduction(Record):
    """What it takes to compute the same again."""

    method: str = ""
    seed: int | None = None
    command: str = ""
    versions: dict[str, str] = {}


class ModelCard(Judged):
    """What a model is for, on what data, how it was checked, and where it fails.

    Notes
    -----
    ``verdict`` is computed over the checks of all sections: one failure fails; a check that was not run, or a
    section without checks, is not a pass. A card that is read and says otherwise is refused.
    """

    schema_version: Literal["2.0"] = SCHEMA_VERSION
    title: str
    owner: str = ""
    written: AwareDatetime
    use: Use
    data: DataPart
    model: ModelPart
    computation: Section
    prior_check: Section
    posterior_check: Section
    sensitivity: Section
    holdout: Section
    subgroups: Section
    limits: Annotated[tuple[str, ...], Field(min_length=1)]
    ethics: Annotated[tuple[str, ...], Field(min_length=1)]
    reproduction: Reproduction
    references: tuple[str, ...] = ()

    def sections(self) -> dict[str, Section]:
        """Return the sections that hold evidence, by heading."""
        return {heading: getattr(self, name) for name, heading in SECTIONS.items()}

    def judged(self) -> tuple[Check, ...]:
        """Return all checks; a section without any stands as one that was not run."""
        return tuple(
            check
            for heading, section in self.sections().items()
            for check in section.checks or (Check(heading, None, "", "not_run", section.note),)
        )

    @property
    def summary(self) -> str:
        """The verdict in one sentence, with its counts and what was not looked at at all."""
        checks = [check for section in self.sections().values() for check in section.checks]
        n = {
            status: sum(check.status == status for check in checks)
            for status in ("passed", "failed", "not_run")
        }
        word = {"passed": "Passed", "failed": "Failed", "not_run": "Not fully checked"}[self.verdict]
        counts = f"{n['passed']} of {len(checks)} checks passed, {n['failed']} failed, {n['not_run']} not run"
        missing = [heading.lower() for heading, section in self.sections().items() if not section.checks]
        return f"{word}: {counts}{f'; not looked at: {", ".join(missing)}' if missing else ''}."

    def to_json(self) -> str:
        """Return the card as JSON text that its JSON Schema describes."""
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a card.

        Raises
        ------
        InputError
            If the text is no card, or a verdict in it disagrees with its checks.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the card"
            reason = first.get("ctx", {}).get("error")
            said = reason.came if isinstance(reason, InputError) else first["msg"]
            raise InputError(
                f"{where}: {said.removeprefix('Value error, ')}",
                f"a model card of schema {SCHEMA_VERSION}",
                "write it again with model_card(...).write(folder)",
            ) from error

    def to_markdown(self) -> str:
        """Return the card as Markdown."""
        from bayes_cx.reporting.card_pages import markdown

        return markdown(self)

    def pdf(self) -> bytes:
        """Return the card as one accessible A4 page; the same card gives the same bytes."""
        from bayes_cx.reporting.card_pages import page
        from bayes_cx.reporting.render import pdf

        return pdf("card.typ", page(self), timestamp=self.written)

    def to_pdf(self, path: str | os.PathLike[str]) -> None:
        """Write the card as one A4 page, whole or not at all."""
        content = self.pdf()
        with atomic_path(path) as unfinished:
            unfinished.write_bytes(content)

    def write(self, folder: str | os.PathLike[str]) -> None:
        """Write ``model_card.json``, ``model_card.md`` and ``model_card.pdf`` into `folder`, all or none."""
        with atomic_folder(folder) as unfinished:
            (unfinished / "model_card.json").write_text(self.to_json(), "utf-8")
            (unfinished / "model_card.md").write_text(self.to_markdown(), "utf-8")
            (unfinished / "model_card.pdf").write_bytes(self.pdf())

    def _repr_html_(self) -> str:
        from bayes_cx.reporting.card_pages import html

        return html(self)


def card_schema() -> str:
    """Return the JSON Schema of a written card, as ``model_card.schema.json`` holds it."""
    schema = ModelCard.model_json_schema(mode="serialization")
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    with atomic_path(Path(__file__).with_name("model_card.schema.json")) as unfinished:
        unfinished.write_text(card_schema(), "utf-8")
