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
# A label has two lines of this size in points, and needs this height in inches.
_SIZE, _LABEL = 8.0, 0.29
# Flows of a smaller share are not seen.
_THIN = 0.002
_PALE, _DARK = 0.22, 0.42
_NAME = 17


def journey_map(flows: Any, goals: Sequence[str], rivals: Sequence[str], headline: str = "") -> Picture:
    """Draw the flows of `scoring.journey_views.journey_map`."""
    rows = max(len(column) for column in _columns(flows, goals, rivals))
    height = max(3.6, 0.5 + (_LABEL + 0.06) * rows)
    with canvas(height) as figure:
        axes = axes_at(figure, left=0.02, right=0.02, top=0.22, bottom=0.02)
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
    """Draw on given axes what `journey_map` shows."""
    columns = _columns(flows, goals, rivals)
    last = len(columns) - 1
    ends = set(flows.attrs["ends"])
    axes.set(xlim=(0, 1), ylim=(1, 0))
    axes.axis("off")
    room = _room(axes)
    scale = 1 - _GAP * (max(map(len, columns)) - 1)
    places = [_stacked(column, scale) for column in columns]
    left = [0.82 * step / last for step in range(last + 1)]
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
        _write(axes, left[step] + _NODE + 0.008, labels, room, flows.attrs["journeys"])
        head = "Start" if step == 0 else "In the end" if step == last else f"Step {step}"
        axes.annotate(
            head, (left[step], 0), xytext=(0, 5), textcoords="offset points", fontsize=8,
            color=COLOURS["muted"], annotation_clip=False,
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


def _room(axes: "Axes") -> float:
    """Return the height of a label as a share of the axes."""
    return _LABEL / (axes.get_window_extent().height / axes.figure.dpi)


def _write(axes: "Axes", x: float, labels: list[tuple[float, str, float]], room: float, size: int) -> None:
    """Write names and shares beside their nodes, moved apart where they would overlap."""
    places = _apart([place for place, _, _ in labels], room)
    for at, (_, name, share) in zip(places, labels, strict=True):
        text = shorten(printable(ending_words(name)), _NAME)
        note = f"{per_cent(share)} · {count(share * size)}"
        for up, words, weight in ((4.5, text, "semibold"), (-4.5, note, "normal")):
            axes.annotate(
                words, (x, at), xytext=(0, up), textcoords="offset points", fontsize=_SIZE - (up < 0),
                fontweight=weight, color=COLOURS["ink" if up > 0 else "muted"], va="center_baseline",
                bbox={"facecolor": PAPER["light"], "alpha": 0.6, "pad": 0.6, "linewidth": 0},
                annotation_clip=False, zorder=5,
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
