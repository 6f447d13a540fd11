"""What is needed to make the same report again."""

from bayes_cx.data import provenance_of
from bayes_cx.page import Section, Text
from bayes_cx.study import Study

__all__ = ["section"]


def section(study: Study) -> Section | None:
    """Return command, data, methods, seeds and versions."""
    data, versions = provenance_of(study.stats), study.fits[0].provenance.versions
    digest = "hmac-sha256" if data.pseudonyms else "sha256"
    lines = [
        study.provenance.command,
        f"data {data.source} {digest} {data.sha256}".replace("  ", " ") if data.sha256 else "",
        *(f"{fit.model.name}: {fit.provenance.method}, seed {fit.provenance.seed}" for fit in study.fits),
        ", ".join(f"{name} {number}" for name, number in versions.items()),
    ]
    return Section("How to make this report again", (Text(tuple(filter(None, lines)), "code"),))
