"""The model card: every claim with its evidence, and a verdict that is computed, never set.

The sections follow the model cards of Mitchell et al. (2019) and the reporting guidelines of Kruschke (2021):
use, data, model and priors, computation, prior and posterior predictive checks, sensitivity, hold-out,
subgroups, limits, ethics and privacy, reproduction.
"""

import json
import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, ValidationError

from bayes_cx.checks import Check
from bayes_cx.errors import InputError
from bayes_cx.files import atomic_folder, atomic_path, few_digits
from bayes_cx.page import Page
from bayes_cx.reporting.card import pages
from bayes_cx.reporting.card.parts import (
    SECTIONS,
    Checked,
    DataPart,
    Judged,
    ModelPart,
    Reproduction,
    SegmentPart,
    Use,
)

__all__ = ["SCHEMA_VERSION", "ModelCard", "card_schema"]

SCHEMA_VERSION = "2.0"


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
    computation: Checked
    prior_check: Checked
    posterior_check: Checked
    sensitivity: Checked
    holdout: Checked
    subgroups: Checked
    segments: tuple[SegmentPart, ...] = ()
    limits: Annotated[tuple[str, ...], Field(min_length=1)]
    ethics: Annotated[tuple[str, ...], Field(min_length=1)]
    reproduction: Reproduction
    references: tuple[str, ...] = ()

    def sections(self) -> dict[str, Checked]:
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
        """The verdict in one sentence, with counts, and the sections that were not checked at all."""
        checks = [check for section in self.sections().values() for check in section.checks]
        n = {
            status: sum(check.status == status for check in checks)
            for status in ("passed", "failed", "not_run")
        }
        word = {"passed": "Passed", "failed": "Failed", "not_run": "Not fully checked"}[self.verdict]
        counts = f"{n['passed']} of {len(checks)} checks passed, {n['failed']} failed, {n['not_run']} not run"
        failed = [
            heading.lower() for heading, section in self.sections().items() if section.verdict == "failed"
        ]
        missing = [heading.lower() for heading, section in self.sections().items() if not section.checks]
        parts = (("failed", failed), ("not checked", missing))
        return f"{word}: {counts}{''.join(f'; {what}: {", ".join(some)}' for what, some in parts if some)}."

    def with_few_digits(self) -> Self:
        """Return the card with the digits that count, in which machines do not differ."""
        return type(self).model_validate(few_digits(self.model_dump()))

    def to_json(self) -> str:
        """Return the card as JSON text that its JSON Schema describes."""
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a card.

        Raises
        ------
        InputError
            If the text is not a card, or a verdict in it disagrees with its checks.
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

    def page(self, *, whole: bool = True) -> Page:
        """Return the card as a page of blocks.

        Parameters
        ----------
        whole : bool
            Whether everything is on it. Otherwise long texts are cut and failed checks come first, so that it
            fits on one sheet of paper.
        """
        room = pages.WHOLE if whole else pages.SHEET
        evidence = [
            pages.evidence(heading, part, self.model.name, room) for heading, part in self.sections().items()
        ]
        if self.segments:
            evidence[-1] = pages.by_segment(evidence[-1], self.segments, room)
        sections = (
            pages.verdict(self.verdict, self.summary),
            pages.side_by_side(
                (*pages.use(self.use, room),),
                (pages.data(self.data, room), pages.recipe(self.reproduction, room)),
            ),
            pages.model(self.model, room),
            pages.balanced(evidence[:4]),
            *evidence[4:],
            pages.side_by_side(
                (pages.bullets("Limits", self.limits, room),),
                (pages.bullets("Ethics and privacy", self.ethics, room),),
            ),
            pages.references(self.references, room),
        )
        owner = pages.clip(self.owner or pages.NOT_STATED, room.cell)
        return Page(
            title=pages.clip(self.title, room.cell),
            sections=sections,
            subtitle=f"Model card · {self.model.name} · owner: {owner} · {self.written:%Y-%m-%d}",
            foot=f"bayes_cx model card, schema {self.schema_version} · complete in model_card.json",
            timestamp=self.written,
            one_page=not whole,
        )

    def to_markdown(self) -> str:
        """Return the card as Markdown."""
        from bayes_cx.page.markdown import markdown

        return markdown(self.page())

    def pdf(self) -> bytes:
        """Return the card as one accessible A4 page; the same card gives the same bytes."""
        from bayes_cx.page.typst import pdf

        return pdf(self.page(whole=False))

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

    def __repr__(self) -> str:
        return f"<ModelCard {self.title}: {self.verdict.replace('_', ' ')}>"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        from bayes_cx.page.html import fragment

        subtitle = f"Model card · {self.model.name} · {self.written:%Y-%m-%d}"
        return fragment(
            pages.panel(
                self.title,
                subtitle,
                self.verdict,
                self.summary,
                self.sections(),
                self.limits,
                self.model.name,
            )
        )


def card_schema() -> str:
    """Return the JSON Schema of a written card, as ``model_card.schema.json`` holds it."""
    schema = ModelCard.model_json_schema(mode="serialization")
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    with atomic_path(Path(__file__).with_name("model_card.schema.json")) as unfinished:
        unfinished.write_text(card_schema(), "utf-8")
