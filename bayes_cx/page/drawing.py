"""Drawings inside an HTML page: each has ids of its own and follows the colours of the theme."""

import html
import re
from collections.abc import Sequence
from functools import cache

from bayes_cx.page.style import COLOURS, PAPER, tint

__all__ = ["band", "inline_svg", "own_ids"]

# Drawings are larger on a screen, which is read from farther away than paper.
_LARGER = 1.2


def band(quantiles: Sequence[float], label: str) -> str:
    """Return the bar of a `Band`, in the colours of page.css."""
    q5, q25, q50, q75, q95 = (round(100 * q, 1) for q in quantiles)
    tone = "good" if q5 > 50 else "bad" if q95 < 50 else "open"
    return (
        f'<svg class="band {tone}" viewBox="0 0 100 12" preserveAspectRatio="none" role="img" '
        f'aria-label="{html.escape(label)}"><path class="track" d="M0 6H100"/>'
        '<path class="half" d="M50 0V12"/>'
        f'<rect class="pale" x="{q5:g}" y="2" width="{q95 - q5:.4g}" height="8"/>'
        f'<rect class="dark" x="{q25:g}" y="2" width="{q75 - q25:.4g}" height="8"/>'
        f'<path class="tick" d="M{q50:g} 0V12"/></svg>'
    )


def own_ids(svg: str, prefix: str) -> str:
    """Give the ids of a drawing a prefix, since many drawings share one page."""
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    return re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}", svg)


def inline_svg(svg: bytes, prefix: str) -> str:
    """Return an SVG of matplotlib as a part of a page."""
    text = re.sub(r"^.*?(?=<svg)", "", svg.decode(), flags=re.DOTALL)
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.DOTALL)
    size = re.search(r'\swidth="([\d.]+)pt" height="[\d.]+pt"', text)
    if size is not None:
        text = text.replace(size[0], f' style="max-width:{_LARGER * float(size[1]):.0f}pt"', 1)
    return own_ids(_recoloured(re.sub(r"\s*\n\s*", " ", text)), prefix)


def _recoloured(svg: str) -> str:
    """Let a drawing in the colours of paper follow the theme of the screen."""
    return re.sub(r"#[0-9a-fA-F]{6}\b", lambda found: _themed().get(found[0].lower(), found[0]), svg)


@cache
def _themed() -> dict[str, str]:
    """Return the CSS for each colour and its tints, where a theme sets the colours."""
    tints = {
        tint(colour, strength / 100): f"color-mix(in srgb,var(--{name}) {strength}%,var(--paper))"
        for name, colour in COLOURS.items()
        for strength in range(5, 100)
    }
    return tints | {c: f"var(--{name})" for name, c in COLOURS.items()} | {PAPER["light"]: "var(--paper)"}
