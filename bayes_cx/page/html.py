"""Write a page as one HTML file that needs no network, or as a fragment for a notebook."""

import base64
import html
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from bayes_cx.page.blocks import Block, Page
from bayes_cx.page.fonts import FAMILY, font_subset
from bayes_cx.page.html_blocks import WORDS, Writer, anchor, escape
from bayes_cx.page.style import COLOURS, DARK, PAPER

__all__ = ["document", "fragment"]


def document(page: Page) -> str:
    """Return a page as one HTML file: fonts, pictures, style and script are in it."""
    writer = Writer(page.sections, page.language)
    words = WORDS[page.language]
    body = "".join(writer.block(section, 2) for section in page.sections)
    linked = [section for section in page.sections if section.title]
    contents = "".join(f'<li><a href="#{anchor(s)}">{escape(s.title)}</a></li>' for s in linked)
    facts = "".join(f"<div><dt>{escape(n)}</dt><dd>{escape(v)}</dd></div>" for n, v in page.facts)
    head = (
        f'<header class="opening"><h1>{escape(page.title)}</h1>'
        f'<p class="subtitle">{escape(page.subtitle)}</p>{f"<dl>{facts}</dl>" if facts else ""}</header>'
    )
    nav = f'<nav aria-label="{words["contents"]}"><ol>{contents}</ol></nav>' if len(linked) > 1 else ""
    foot = " · ".join(escape(part) for part in (page.organisation, page.foot) if part)
    content = f'{head}{nav}<main id="content">{body}</main><footer class="foot">{foot}</footer>'
    return (
        f'<!DOCTYPE html>\n<html lang="{page.language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<meta name="date" content="{page.timestamp.isoformat()}">\n'
        f"<title>{escape(page.title)}</title>\n<style>{_fonts(content)}{_style()}</style>\n</head>\n"
        '<body class="bcx-page bcx-document">\n'
        f'<a class="skip" href="#content">{words["skip"]}</a>\n{content}\n'
        f"<script>{_file('page.js') if writer.tables else ''}</script>\n</body>\n</html>\n"
    )


def fragment(blocks: Sequence[Block], level: int = 3, language: str = "en") -> str:
    """Return blocks as HTML for a notebook: without script or fonts, in the colours of the notebook's theme.

    Parameters
    ----------
    blocks : sequence of Block
    level : int
        Of the headings of sections.
    """
    writer = Writer(tuple(blocks), language, script=False)
    inner = "".join(writer.block(block, level) for block in blocks)
    return f'<div class="bcx-page bcx-fragment"><style>{_style()}</style>{inner}</div>'


@cache
def _file(name: str) -> str:
    return files("bayes_cx.page").joinpath(name).read_text("utf-8")


@cache
def _style() -> str:
    light = "".join(f"--{name}:{colour};" for name, colour in {**COLOURS, "paper": PAPER["light"]}.items())
    dark = "".join(f"--{name}:{colour};" for name, colour in {**DARK, "paper": PAPER["dark"]}.items())
    themed = ", ".join(
        f"{theme} .bcx-page"
        for theme in ('body[data-jp-theme-light="false"]', "body.vscode-dark", 'html[data-theme="dark"]')
    )
    bright = ", ".join(
        f"{theme} .bcx-page"
        for theme in ('body[data-jp-theme-light="true"]', "body.vscode-light", 'html[data-theme="light"]')
    )
    return (
        f".bcx-page{{color-scheme:light;{light}}}"
        f"@media screen and (prefers-color-scheme:dark){{.bcx-page{{color-scheme:dark;{dark}}}}}"
        f"{themed}{{color-scheme:dark;{dark}}}{bright}{{color-scheme:light;{light}}}\n{_file('page.css')}"
    )


def _fonts(content: str) -> str:
    characters = frozenset(html.unescape(content)) | frozenset(map(chr, range(32, 127))) | frozenset("▲▼–…")
    return "".join(
        f"@font-face{{font-family:'{FAMILY}';font-weight:{weight};font-display:swap;"
        f"src:url(data:font/woff;base64,{base64.b64encode(font).decode()}) format('woff')}}"
        for weight, font in font_subset(characters).items()
    )
