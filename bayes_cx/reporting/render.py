"""Compile a template and its data to PDF: the one place that calls typst.

A template in `templates/` is ordinary typst. What it prints arrives as JSON and never as markup, so a name
such as `#1 *Best* $hop` is text and nothing else.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bayes_cx.errors import BayesCxError
from bayes_cx.files import temporary_folder
from bayes_cx.page.fonts import font_files, printable
from bayes_cx.page.style import COLOURS

__all__ = ["pdf"]

_TEMPLATES = Path(__file__).parent / "templates"


def pdf(
    template: str, data: Mapping[str, Any], *, figures: Mapping[str, bytes] | None = None, timestamp: datetime
) -> bytes:
    """Compile a template to an accessible PDF (PDF/UA-1, tagged, fonts embedded).

    Parameters
    ----------
    template : str
        File name in `templates/`.
    data : mapping
        What JSON can hold, without NaN; the template reads it as `data`. Every text goes through `printable`.
    figures : mapping of str to bytes, optional
        SVG images by name; the template draws one with `svg(name, alt: ...)`.
    timestamp : datetime
        Time of creation, with a time zone. The same data and timestamp give the same bytes.

    Raises
    ------
    BayesCxError
        If typst refuses the template or cannot show a text.
    """
    import typst

    inputs = {
        "data": json.dumps(_clean(data), allow_nan=False),
        "colours": json.dumps(COLOURS),
        **{f"figure:{name}": svg.decode() for name, svg in (figures or {}).items()},
    }
    with temporary_folder() as fonts:
        # Typst takes folders, and the package's own holds each font twice.
        for path in font_files():
            (fonts / path.name).write_bytes(path.read_bytes())
        try:
            compiled = typst.compile(
                str(_TEMPLATES / template),
                root=str(_TEMPLATES),
                font_paths=[str(fonts)],
                ignore_system_fonts=True,
                format="pdf",
                sys_inputs=inputs,
                pdf_standards=["ua-1"],
                timestamp=timestamp,
            )
        except typst.TypstError as error:
            raise BayesCxError(
                f"typst could not set {template}: {error.diagnostic or error.message}".strip(),
                "a template that compiles with its data",
                "report this together with the data that caused it",
            ) from error
    if not isinstance(compiled, bytes):
        raise TypeError(
            f"typst returned {type(compiled).__name__} for {template}; expected the bytes of one PDF"
        )
    return compiled


def _clean(value: Any) -> Any:
    """Return `value` with plain containers and printable texts, all the way down."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {str(key): _clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    return value
