"""Small drawings in a cell of a table: the distribution of a sample or a column."""

import numpy as np

from bayes_cx.page.blocks import Sketch
from bayes_cx.page.words import measured

__all__ = ["density", "histogram"]

_GRID = 64
_NOTHING = Sketch(b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>', "")


def density(samples: np.ndarray, width: int = 84, height: int = 22) -> Sketch:
    """Return the smoothed density of a sample; a constant sample is one upright line.

    Parameters
    ----------
    samples : array_like
        Any shape; non-finite values are left out.
    width, height : int
        Size in pixels.
    """
    values = _finite(samples)
    if values.size == 0:
        return _NOTHING
    low, high = np.quantile(values, 0.001, method="lower"), np.quantile(values, 0.999, method="higher")
    alt = f"density from {measured(low)} to {measured(high)}"
    if not high > low:
        line = f'<path d="M{width / 2} 1V{height - 1}" stroke="currentColor" fill="none"/>'
        return _sketch(line, width, height, alt)
    bins = (values - low) / (high - low) * _GRID
    counts, _ = np.histogram(bins, bins=_GRID, range=(0, _GRID))
    # Silverman's bandwidth; mirrored ends keep a density that stops at a boundary from sagging there
    spread = min(bins.std(), np.subtract(*np.quantile(bins, [0.75, 0.25])) / 1.34) or bins.std()
    bandwidth = max(0.9 * spread * values.size**-0.2, 0.5)
    offsets = np.arange(-_GRID + 1, _GRID)
    kernel = np.exp(-0.5 * (offsets / bandwidth) ** 2)
    curve = np.convolve(np.pad(counts, _GRID - 1, mode="symmetric"), kernel, mode="valid")
    y = height - 1 - (height - 3) * curve / curve.max()
    x = np.linspace(1, width - 1, _GRID)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    shape = (
        f'<polygon points="1,{height - 1} {points} {width - 1},{height - 1}" fill="currentColor" '
        'fill-opacity=".2"/>'
        f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.2"/>'
    )
    return _sketch(shape, width, height, alt)


def histogram(values: np.ndarray, width: int = 84, height: int = 22, bars: int = 28) -> Sketch:
    """Return a histogram from the smallest to the largest value; one value alone still shows."""
    data = _finite(values)
    if data.size == 0:
        return _NOTHING
    low, high = data.min(), data.max()
    counts, _ = np.histogram((data - low) / ((high - low) or 1.0), bins=bars, range=(0, 1))
    step = width / bars
    tall = np.where(counts > 0, np.maximum((height - 2) * counts / counts.max(), 1.0), 0.0)
    shape = "".join(
        f'<rect x="{i * step:.1f}" y="{height - 1 - h:.1f}" width="{step - 0.6:.1f}" height="{h:.1f}"/>'
        for i, h in enumerate(tall)
        if h > 0
    )
    alt = f"histogram from {measured(low)} to {measured(high)}"
    return _sketch(f'<g fill="currentColor" fill-opacity=".75">{shape}</g>', width, height, alt)


def _finite(values: np.ndarray) -> np.ndarray:
    data = np.asarray(values, dtype=float).ravel()
    return data[np.isfinite(data)]


def _sketch(content: str, width: int, height: int, alt: str) -> Sketch:
    box = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return Sketch(f'<svg xmlns="http://www.w3.org/2000/svg" {box}>{content}</svg>'.encode(), alt)
