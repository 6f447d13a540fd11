"""Small HTML panels for notebooks: one look, light and dark, readable even where the style is stripped."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import TypeGuard

import numpy as np

from bayes_cx.checks import Check, verdict

__all__ = [
    "Html",
    "Numeral",
    "badge",
    "check_badges",
    "density_svg",
    "histogram_svg",
    "interval",
    "measured",
    "number",
    "panel",
    "percent",
    "table",
    "verdict_words",
]

MARKS = {"passed": "✓", "failed": "▲", "not_run": "–"}
LONGEST_TEXT = 240
SMALLEST = 1e-4


class Html(str):
    """Text that is HTML already; everything else is escaped where it enters a panel."""

    __slots__ = ()

    @classmethod
    def of(cls, value: object) -> "Html":
        """Return ``value`` as HTML: unchanged if it is that already, else escaped and not too long."""
        if isinstance(value, cls):
            return value
        text = str(value)
        if len(text) <= LONGEST_TEXT:
            return cls(escape(text))
        return cls(escape(text[: LONGEST_TEXT - 1]) + "…")


class Numeral(str):
    """A number as text; a column of them is set right."""

    __slots__ = ()


def panel(
    title: str,
    subtitle: str = "",
    badges: Iterable[str] = (),
    table: str = "",
    details: Iterable[tuple[str, str]] = (),
    warning: str = "",
) -> str:
    """Return one panel as HTML.

    Parameters
    ----------
    title, subtitle, warning : str
        Plain text. The warning stands above the table, marked.
    badges : iterable of str
        From `badge` or `check_badges`.
    table : str
        From `table`.
    details : iterable of (summary, content)
        Parts that start folded.

    Examples
    --------
    >>> "&lt;b&gt;" in panel("<b>") and "<b>" not in panel("<b>")
    True
    """
    marks = " ".join(Html.of(mark) for mark in badges)
    parts = [
        f'<div class="bcx-head"><strong>{Html.of(title)}</strong></div>',
        f'<div class="bcx-sub">{Html.of(subtitle)}</div>' if subtitle else "",
        f'<div class="bcx-badges">{marks}</div>' if marks else "",
        f'<div class="bcx-warn" role="note">{Html.of(warning)}</div>' if warning else "",
        Html.of(table),
        *(
            f"<details><summary>{Html.of(summary)}</summary>{Html.of(content)}</details>"
            for summary, content in details
            if content
        ),
    ]
    return Html(f'<style>{_style()}</style><div class="bcx">{"".join(parts)}</div>')


@cache
def _style() -> str:
    return files("bayes_cx").joinpath("panel.css").read_text("utf-8")


def badge(text: str, status: str = "plain") -> Html:
    """Return a badge; the status of a check, if it is one, is a mark and not only a colour."""
    mark = f"{MARKS[status]} " if status in MARKS else ""
    return Html(f'<span class="bcx-badge bcx-{status}">{mark}{Html.of(text)}</span>')


def check_badges(checks: Iterable[Check], within: str = "") -> list[Html]:
    """Return one badge a check of what is `within`, failures first: its name with its value, or "not run"."""
    order = list(MARKS)
    ranked = sorted(checks, key=lambda check: (-(check.status == "failed"), order.index(check.status)))
    return [badge(f"{check.named(within)} {_found(check)}", check.status) for check in ranked]


def _found(check: Check) -> str:
    return "not run" if check.value is None else measured(check.value)


def verdict_words(checks: Sequence[Check]) -> str:
    """Return the verdict over checks in words.

    Examples
    --------
    >>> verdict_words([Check("R-hat", 1.2, "<= 1.01", "failed"), Check("divergences", 0, "0", "passed")])
    '1 of 2 checks failed'
    >>> verdict_words([])
    'no check was run'
    """
    n = {status: sum(check.status == status for check in checks) for status in MARKS}
    match verdict(checks):
        case "passed":
            return f"{len(checks)} of {len(checks)} checks passed"
        case "failed":
            return f"{n['failed']} of {len(checks)} checks failed"
        case _:
            return f"{n['not_run']} of {len(checks)} checks not run" if checks else "no check was run"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """Return a table; a column of `number`, `percent` or `interval` stands right, an empty one is dropped."""
    columns = list(zip(head, zip(*rows, strict=True), strict=False))
    # empty columns say nothing; a column of numbers stands right, its head with it
    columns = [(name, cells) for name, cells in columns if any(str(cell) for cell in cells)]
    if not columns:
        return Html("")
    marks = [_side(cells) for _, cells in columns]
    lines = [_line("th", marks, [name for name, _ in columns])]
    lines += [_line("td", marks, row) for row in zip(*(cells for _, cells in columns), strict=True)]
    return Html(
        f'<table class="bcx-table"><thead>{lines[0]}</thead><tbody>{"".join(lines[1:])}</tbody></table>'
    )


def _side(cells: Sequence[object]) -> str:
    return ' class="bcx-number"' if all(isinstance(cell, Numeral) for cell in cells) else ""


def _line(tag: str, marks: Sequence[str], cells: Sequence[object]) -> str:
    parts = (f"<{tag}{mark}>{Html.of(cell)}</{tag}>" for mark, cell in zip(marks, cells, strict=True))
    return f"<tr>{''.join(parts)}</tr>"


def number(value: object) -> Numeral:
    """Return a number as people read it: three figures, thousands separated, whole numbers whole.

    Examples
    --------
    >>> number(23570), number(1234.5), number(0.24), number(-0.5), number(3.0), number(1e-9), number(None)
    ('23,570', '1,234', '0.240', '−0.500', '3', '<0.0001', '–')
    """
    if not _is_number(value):
        return Numeral("–")
    if 0 < abs(value) < SMALLEST:
        return Numeral("<0.0001" if value > 0 else ">−0.0001")
    rounded = float(f"{value:.3g}")
    if float(value) == int(value) or abs(rounded) >= 1000:
        return _typeset(f"{value:,.0f}")
    return _typeset(f"{rounded:#.3g}".rstrip("."))


def measured(value: object) -> Numeral:
    """Return a number next to the limit it is held against: up to four figures, no padding.

    Examples
    --------
    >>> measured(1.002), measured(0.94), measured(3623.4)
    ('1.002', '0.94', '3,623')
    """
    if _is_number(value) and SMALLEST <= abs(value) < 1000:
        return _typeset(f"{value:.4g}")
    return number(value)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float | np.integer | np.floating) and bool(np.isfinite(value))


def _typeset(text: str) -> Numeral:
    return Numeral(text.replace("-", "−"))


def percent(value: float) -> Numeral:
    """Return a share as a percentage without decimals; never 0% or 100% unless it is exactly that.

    Examples
    --------
    >>> percent(0.621), percent(0.001), percent(0.999), percent(1.0)
    ('62%', '<1%', '>99%', '100%')
    """
    if np.isnan(value):
        return Numeral("–")
    if 0 < value < 0.01:
        return Numeral("<1%")
    return Numeral(">99%" if 0.99 < value < 1 else f"{100 * value:.0f}%")


def interval(low: float, high: float, form: Callable[[float], str] = number) -> Numeral:
    """Return ``"0.23 – 0.26"``."""
    return Numeral(f"{form(low)} – {form(high)}")


def density_svg(samples: np.ndarray, width: int = 84, height: int = 22) -> Html:
    """Return the smoothed density of a sample as an inline SVG; a constant sample is one upright line.

    Parameters
    ----------
    samples : array_like
        Any shape; non-finite values are left out.
    width, height : int
        Size in pixels.
    """
    values = np.asarray(samples, dtype=float).ravel()
    values = values[np.isfinite(values)]
    if values.size == 0:
        return Html("")
    low, high = np.quantile(values, 0.001, method="lower"), np.quantile(values, 0.999, method="higher")
    label = f"density from {number(low)} to {number(high)}"
    if not high > low:
        line = f'<path d="M{width / 2} 1V{height - 1}" stroke="currentColor" fill="none"/>'
        return _svg(line, width, height, label)
    grid = 64
    bins = (values - low) / (high - low) * grid
    counts, _ = np.histogram(bins, bins=grid, range=(0, grid))
    # Silverman's bandwidth; mirrored ends keep a density that stops at a boundary from sagging there
    spread = min(bins.std(), np.subtract(*np.quantile(bins, [0.75, 0.25])) / 1.34) or bins.std()
    bandwidth = max(0.9 * spread * values.size**-0.2, 0.5)
    offsets = np.arange(-grid + 1, grid)
    kernel = np.exp(-0.5 * (offsets / bandwidth) ** 2)
    mirrored = np.pad(counts, grid - 1, mode="symmetric")
    curve = np.convolve(mirrored, kernel, mode="valid")
    y = height - 1 - (height - 3) * curve / curve.max()
    x = np.linspace(1, width - 1, grid)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    shape = (
        f'<polygon points="1,{height - 1} {points} {width - 1},{height - 1}" fill="currentColor" '
        'fill-opacity=".2"/>'
        f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.2"/>'
    )
    return _svg(shape, width, height, label)


def histogram_svg(values: np.ndarray, width: int = 84, height: int = 22, bars: int = 28) -> Html:
    """Return a histogram as an inline SVG from smallest to largest value; one value alone still shows."""
    data = np.asarray(values, dtype=float).ravel()
    data = data[np.isfinite(data)]
    if data.size == 0:
        return Html("")
    low, high = data.min(), data.max()
    counts, _ = np.histogram((data - low) / ((high - low) or 1.0), bins=bars, range=(0, 1))
    step = width / bars
    tall = np.where(counts > 0, np.maximum((height - 2) * counts / counts.max(), 1.0), 0.0)
    shape = "".join(
        f'<rect x="{i * step:.1f}" y="{height - 1 - h:.1f}" width="{step - 0.6:.1f}" height="{h:.1f}"/>'
        for i, h in enumerate(tall)
        if h > 0
    )
    label = f"histogram from {number(low)} to {number(high)}"
    return _svg(f'<g fill="currentColor" fill-opacity=".75">{shape}</g>', width, height, label)


def _svg(content: str, width: int, height: int, label: str) -> Html:
    return Html(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">{content}</svg>'
    )
