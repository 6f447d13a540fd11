"""The typeface of all pages, and text that it can print.

Source Sans comes from the `font-source-sans-pro` package (SIL Open Font License); system fonts are never
used, so the same input gives the same page on every machine.
"""

import io
import unicodedata
from functools import cache
from importlib.util import find_spec
from pathlib import Path

__all__ = ["FAMILY", "font_files", "font_subset", "printable", "visible"]

FAMILY = "Source Sans Pro"
_WEIGHTS = ("Regular", "Semibold", "Bold")


@cache
def font_files() -> tuple[Path, ...]:
    """Return the font files that pages and figures embed.

    The package ships each font twice (OpenType and TrueType); only the OpenType files are used, because which
    of two equal fonts wins would depend on the order of a directory.
    """
    spec = find_spec("font_source_sans_pro")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("font_source_sans_pro is missing; pip install font-source-sans-pro")
    folder = Path(spec.origin).parent / "files"
    return tuple(folder / f"SourceSansPro-{weight}.otf" for weight in _WEIGHTS)


def font_subset(characters: frozenset[str]) -> dict[int, bytes]:
    """Return the typeface by weight (400, 600, 700) as WOFF, with these characters and no others."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    made = {}
    for weight, path in zip((400, 600, 700), font_files(), strict=True):
        options = subset.Options(flavor="woff", hinting=False, desubroutinize=True, notdef_outline=True)
        options.layout_features = ["kern", "liga", "tnum", "mark", "mkmk", "ccmp", "locl"]
        cutter = subset.Subsetter(options)
        cutter.populate(text="".join(sorted(characters)))
        buffer = io.BytesIO()
        # Of the tables for layout, which are large, only what is kept is read.
        with TTFont(path, recalcTimestamp=False, lazy=True) as font:
            cutter.subset(font)
            font.flavor = "woff"
            font.save(buffer)
        made[weight] = buffer.getvalue()
    return made


@cache
def _glyphs() -> frozenset[int]:
    """Return the code points that every font file has."""
    from matplotlib.ft2font import FT2Font

    return frozenset.intersection(*(frozenset(FT2Font(str(path)).get_charmap()) for path in font_files()))


def printable(text: str) -> str:
    """Return `text` with every character that the typeface lacks replaced by its code point.

    A name must stay recognisable and two names must stay different, so nothing is dropped and nothing becomes
    an empty box: runs of missing or invisible characters read `[U+682A U+5F0F]`. Idempotent.

    Examples
    --------
    >>> printable("Zoë & Søn")
    'Zoë & Søn'
    >>> printable("株式 Ltd")
    '[U+682A U+5F0F] Ltd'
    """
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    missing: list[str] = []
    for character in unicodedata.normalize("NFC", text):
        visible = unicodedata.category(character)[0] != "C"
        if visible and ord(character) in _glyphs():
            if missing:
                shown.append(f"[{' '.join(missing)}]")
                missing = []
            shown.append(character)
        else:
            missing.append(f"U+{ord(character):04X}")
    if missing:
        shown.append(f"[{' '.join(missing)}]")
    return "".join(shown)


def visible(text: str) -> str:
    """Return `text` with every control or invisible character replaced by its code point.

    Examples
    --------
    >>> visible("株式\u202e Ltd")
    '株式[U+202E] Ltd'
    """
    if text.isprintable():
        return text
    hidden = {c for c in text if unicodedata.category(c)[0] == "C"}
    return "".join(f"[U+{ord(c):04X}]" if c in hidden else c for c in text)
