"""The map of journeys: how many take which way, step by step, and how they end."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from bayes_cx.data.itineraries import EXIT, START
from bayes_cx.page.blocks import Picture
from bayes_cx.page.fonts import printable
from bayes_cx.page.style import COLOURS, PAPER, axes_at, canvas, tint, to_svg
from bayes_cx.page.words import count, listing, per_cent, shorten
from bayes_cx.scoring.journey_views import OPEN, OTHER, each_row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_journey_map", "ending_words", "journey_map"]

# Widths and heights in shares of the drawing.
_NODE, _GAP, _WIDEST = 0.014, 0.035, 0.15
# A label has two lines of this size in points, and needs this height in inches; so do the heads of columns.
_SIZE, _LABEL, _HEAD = 8.0, 0.29, 0.22
# In inches: a character of a label, what stands beside it, the room right of the last column, and the least
# that the number of journeys needs. In narrower columns letters become smaller, down to a share.
_LETTER, _BESIDE, _RIGHT, _COUNTED, _SMALLEST = 0.063, 0.16, 1.24, 0.85, 0.7
# Flows of a smaller share are not seen.
_THIN = 0.002
_PALE, _DARK = 0.22, 0.42
_NAME = 17


def journey_map(flows: Any, goals: Sequence[str], rivals: Sequence[str], headline: str = "") -> Picture:
    """Draw the flows of `scoring.journey_views.journey_map`."""
    rows = max(len(column) for column in _columns(flows, goals, rivals))
    height = max(3.6, 0.5 + (_LABEL + 0.06) * rows)
    with canvas(height) as figure:
        axes = axes_at(figure, left=0.02, right=0.02, top=0.01, bottom=0.02)
        draw_journey_map(axes, flows, goals, rivals)
        svg = to_svg(figure)
    ends = _ends(flows)
    said = "; ".join(f"{ending_words(name)} {per_cent(share)}" for name, share in ends.items())
    found = headline or f"How {count(flows.attrs['journeys'])} journeys end: {said}"
    merged = (
        f" {count(flows.attrs['merged'])} less frequent states, {per_cent(flows.attrs['merged_share'])} of "
        f"the visits in these steps, are “{OTHER}”."
        if flows.attrs["merged"]
        else ""
    )
    return Picture(
        svg,
        found,
        "Share of all journeys on each way (pale); dark core: lower end of the 90% interval. Numbers: share "
        f"and number of journeys.{merged}",
        f"Flows from left to right. In the end: {said}. The largest flows: {_largest(flows)}.",
    )


def ending_words(name: str) -> str:
    """Return how a sentence calls the end of a journey."""
    return {EXIT: "no further event", START: "start"}.get(name, name)


def _largest(flows: Any, number: int = 6) -> str:
    """Return the largest flows between states in words."""
    moved = flows[flows["state"] != flows["next"]].nlargest(number, "n", keep="first")
    return listing(
        [
            f"{ending_words(row.state)} to {ending_words(row.next)} {per_cent(row.share)}"
            for row in each_row(moved)
        ]
    )


def _ends(flows: Any) -> Mapping[str, float]:
    last = flows[flows["step"] == flows["step"].max()]
    shares = last.groupby("next")["share"].sum()
    return {name: float(shares[name]) for name in flows.attrs["ends"]}


def draw_journey_map(axes: "Axes", flows: Any, goals: Sequence[str] = (), rivals: Sequence[str] = ()) -> None:
    """Draw on given axes what `journey_map` shows, labels and heads of columns within them."""
    columns = _columns(flows, goals, rivals)
    last = len(columns) - 1
    ends = set(flows.attrs["ends"])
    axes.axis("off")
    width, height = _inches(axes)
    right = min(_RIGHT, 1.25 * width / (last + 1.25))
    pitch = (width - right) / last
    size_of_text = min(1.0, max(_SMALLEST, min(pitch, right) / _RIGHT))
    head = min(_HEAD * size_of_text / height, 0.3)
    axes.set(xlim=(0, 1), ylim=(1, -head / (1 - head)))
    room = _LABEL * size_of_text / (height * (1 - head))
    scale = 1 - _GAP * (max(map(len, columns)) - 1)
    places = [_stacked(column, scale) for column in columns]
    left = [pitch * step / width for step in range(last + 1)]
    # Wide flows first, so that narrow ones stay visible.
    leaving = [{name: top for name, (top, _) in one.items()} for one in places]
    entering = [dict(one) for one in leaving]
    ordered = flows.assign(
        a=[list(places[s]).index(n) for s, n in zip(flows["step"], flows["state"], strict=True)],
        b=[list(places[s + 1]).index(n) for s, n in zip(flows["step"], flows["next"], strict=True)],
    )
    bands = []
    for row in each_row(ordered.sort_values(["step", "a", "b"])):
        size = row.share * scale
        bands.append([row, size, leaving[row.step][row.state]])
        leaving[row.step][row.state] += size
    for band in sorted(bands, key=lambda one: (one[0].step, one[0].b, one[0].a)):
        row, size, _ = band
        band.append(entering[row.step + 1][row.next])
        entering[row.step + 1][row.next] += size
    for row, size, here, there in sorted(bands, key=lambda one: -one[1]):
        if row.share < _THIN:
            continue
        colour = _colour(row.next, goals, rivals, ends)
        x = left[row.step] + _NODE, left[row.step + 1]
        inset = min(0.5, 0.5 * (1 - row.low / row.share)) * size
        axes.add_patch(_band(x, here, there, size, tint(colour, _PALE)))
        axes.add_patch(_band(x, here + inset, there + inset, size - 2 * inset, tint(colour, _DARK)))
    for step, column in enumerate(places):
        labels = []
        for name, (top, size) in column.items():
            colour = _colour(name, goals, rivals, ends)
            if name in ends and step < last:  # it has ended and only flows on
                through = tint(colour, _DARK)
                axes.add_patch(Rectangle((left[step], top), _NODE, size, facecolor=through, linewidth=0))
                continue
            axes.add_patch(Rectangle((left[step], top), _NODE, size, facecolor=colour, linewidth=0))
            labels.append((top + size / 2, name, columns[step][name]))
        space = (right if step == last else pitch) - _BESIDE
        journeys = flows.attrs["journeys"] if space > _COUNTED * size_of_text else None
        letters = min(_NAME, max(4, int(space / (_LETTER * size_of_text))))
        _write(axes, left[step] + _NODE + 0.008, labels, room, journeys, letters, size_of_text)
        title = "Start" if step == 0 else "In the end" if step == last else f"Step {step}"
        axes.annotate(
            title, (left[step], 0), xytext=(0, 5 * size_of_text), textcoords="offset points",
            fontsize=_SIZE * size_of_text, color=COLOURS["muted"], annotation_clip=False, in_layout=False,
        )  # fmt: skip


def _columns(flows: Any, goals: Sequence[str], rivals: Sequence[str]) -> list[dict[str, float]]:
    """Return the share of each node, column by column: goals above, states by size, other ends below."""
    ends = set(flows.attrs["ends"])
    total = flows[~flows["next"].isin(ends)].groupby("next")["n"].sum()

    def order(name: str) -> tuple[int, float, str]:
        if name in goals:
            return 0, goals.index(name), name
        if name in rivals:
            return 3, rivals.index(name), name
        if name in ends:
            return (5 if name == OPEN else 4), 0.0, name
        return (2 if name == OTHER else 1), -float(total.get(name, 0)), name

    found = [{START: 1.0}]
    for step in range(int(flows["step"].max()) + 1):
        shares = flows[flows["step"] == step].groupby("next")["share"].sum()
        found.append({name: float(shares[name]) for name in sorted(shares.index, key=order)})
    return found


def _stacked(column: dict[str, float], scale: float) -> dict[str, tuple[float, float]]:
    """Return top and height of each node; columns with few nodes stand in the middle, with wider gaps."""
    gap = min((1 - scale) / max(1, len(column) - 1), _WIDEST)
    top = (1 - scale - gap * (len(column) - 1)) / 2
    found = {}
    for name, share in column.items():
        found[name] = (top, share * scale)
        top += share * scale + gap
    return found


def _band(x: tuple[float, float], here: float, there: float, size: float, colour: str) -> PathPatch:
    """Return a flow as a curved band that leaves and arrives level."""
    (a, b), middle = x, (x[0] + x[1]) / 2
    corners = [
        (a, here), (middle, here), (middle, there), (b, there),
        (b, there + size), (middle, there + size), (middle, here + size), (a, here + size), (a, here),
    ]  # fmt: skip
    curve = [Path.CURVE4] * 3
    codes = [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY]
    return PathPatch(Path(corners, codes), facecolor=colour, linewidth=0)


def _colour(name: str, goals: Sequence[str], rivals: Sequence[str], ends: set[str]) -> str:
    if name in goals:
        return COLOURS["green"]
    if name in rivals:
        return COLOURS["red"]
    return COLOURS["grey"] if name in ends else COLOURS["blue"]


def _inches(axes: "Axes") -> tuple[float, float]:
    """Return width and height of the axes, where the layout of their figure will have put them."""
    figure: Any = axes.get_figure(root=True)
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
    extent = axes.get_window_extent()
    return extent.width / figure.dpi, extent.height / figure.dpi


def _write(
    axes: "Axes",
    x: float,
    labels: list[tuple[float, str, float]],
    room: float,
    journeys: int | None,
    letters: int,
    scale: float,
) -> None:
    """Write names and shares beside their nodes, moved apart where they would overlap.

    Where there is no room for all, only the largest have a label.
    """
    fit = max(1, int(1 / room))
    largest = sorted(labels, key=lambda label: -label[2])[:fit]
    labels = [label for label in labels if label in largest]
    places = _apart([place for place, _, _ in labels], room)
    for at, (_, name, share) in zip(places, labels, strict=True):
        text = shorten(printable(ending_words(name)), letters)
        note = per_cent(share) if journeys is None else f"{per_cent(share)} · {count(share * journeys)}"
        for up, words, weight in ((4.5, text, "semibold"), (-4.5, note, "normal")):
            axes.annotate(
                words, (x, at), xytext=(0, up * scale), textcoords="offset points",
                fontsize=(_SIZE - (up < 0)) * scale, fontweight=weight, va="center_baseline",
                color=COLOURS["ink" if up > 0 else "muted"],
                bbox={"facecolor": PAPER["light"], "alpha": 0.6, "pad": 0.6, "linewidth": 0},
                annotation_clip=False, in_layout=False, zorder=5,
            )  # fmt: skip


def _apart(places: list[float], room: float) -> list[float]:
    """Move labels so that none overlaps the one above, as little as need be and inside the drawing."""
    found = np.clip(np.array(places), room / 2, 1 - room / 2)
    for _ in range(200):
        gaps = room - np.diff(found)
        tight = np.maximum(gaps, 0) / 2
        if not (tight > 1e-4).any():
            break
        found[:-1] -= tight
        found[1:] += tight
        found = np.clip(found, room / 2, 1 - room / 2)
    return found.tolist()
