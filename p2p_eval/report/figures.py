"""The report's plots as geometry, which the page's templates draw as SVG.

A panel is 360 units wide and is shown at about as many pixels, one beside another where there is
room: so text in it is as large on a phone as on a desk.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from p2p_eval.report.collected import (
    CHANNELS,
    ColorScore,
    Confusion,
    Experiment,
    MetricFigures,
)
from p2p_eval.report.tables import ARROWS
from p2p_eval.scores.numbers import decimals_for, shown_number
from p2p_eval.scores.signature import marks

__all__ = [
    "COLORS",
    "Box",
    "ColorGroup",
    "Curve",
    "Heat",
    "Panel",
    "Plot",
    "Strip",
    "Tick",
    "color_groups",
    "distributions",
    "heat",
    "panel",
    "style_of",
]

COLORS = 6
"""Colours of experiments; beyond them dashes tell curves apart."""

WIDTH = 360.0
MARGIN = 10.0
ROW = 58.0
AXIS = 22.0
MAX_DOTS = 400
LARGEST = 1e100  # what no metric gives, and no axis could hold
GOLDEN = (math.sqrt(5) - 1) / 2

PLOT_HEIGHT = 210.0
PLOT_LEFT = 34.0
PLOT_BOTTOM = 24.0
MAX_DECADES = 7

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Box:
    """Quartiles on the axis."""

    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True)
class Strip:
    """One experiment in a panel: a dot an image, quartiles, mean and its interval."""

    name: str
    mark: str
    style: str
    top: float
    dots: str
    box: Box | None
    mean: float | None
    low: float | None
    high: float | None
    remark: str


@dataclass(frozen=True, slots=True)
class Panel:
    """The distribution of one metric."""

    metric: str
    below: str
    height: float
    strips: tuple[Strip, ...]
    ticks: tuple[Tick, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A histogram as a path."""

    style: str
    path: str


@dataclass(frozen=True, slots=True)
class Plot:
    """The histograms of one channel, of generated images and of the real ones."""

    channel: str
    curves: tuple[Curve, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class ColorGroup:
    """Experiments whose real images and settings are the same: names, styles and plots."""

    names: tuple[tuple[str, str], ...]
    plots: tuple[Plot, ...]


@dataclass(frozen=True, slots=True)
class Heat:
    """A confusion matrix: class, and per output the share in percent (empty if 0), and a shade."""

    outputs: tuple[str, ...]
    lines: tuple[tuple[str, tuple[tuple[str, int, bool], ...]], ...]


def style_of(index: int) -> str:
    """CSS classes of an experiment's colour and dashes."""
    return f"c{index % COLORS} d{index // COLORS % 4}"


def distributions(experiments: Sequence[Experiment]) -> list[Panel]:
    """One panel for each image metric that has values."""
    names = dict.fromkeys(
        name for entry in experiments if entry.metrics for name in entry.metrics.metrics
    )
    return [drawn for name in names if (drawn := _panel(name, experiments)) is not None]


def _panel(metric: str, experiments: Sequence[Experiment]) -> Panel | None:
    found = []
    for index, entry in enumerate(experiments):
        if entry.metrics and metric in entry.metrics.metrics:
            values = np.array([row.values.get(metric, np.nan) for row in entry.metrics.rows])
            values[np.abs(values) > LARGEST] = np.inf
            if not np.isnan(values).all():
                found.append((index, entry.name, entry.metrics.metrics[metric], values))
    return panel(metric, found)


def panel(metric: str, found: Sequence[tuple[int, str, MetricFigures, Floats]]) -> Panel | None:
    """Draw values an image, with their mean and its interval; None where none is finite.

    Args:
        metric: What the values are of.
        found: Place, name, figures and values of each experiment.
    """
    if not any(np.isfinite(values).any() for *_, values in found):
        return None
    everything = np.concatenate([values[np.isfinite(values)] for *_, values in found])
    low, high = float(everything.min()), float(everything.max())
    margin = 0.04 * (high - low) or abs(low) * 0.01 or 1.0
    low, high = low - margin, high + margin

    def place(value: float) -> float:
        return round(MARGIN + (value - low) / (high - low) * (WIDTH - 2 * MARGIN), 1)

    letters = marks(figures.signature for _, _, figures, _ in found)
    strips = []
    for number, (index, name, figures, values) in enumerate(found):
        known = np.sort(values[np.isfinite(values)])
        shown = known[_evenly(len(known))]
        ends = (figures.mean.value, figures.mean.low, figures.mean.high)
        mean, below, above = (None if end is None else place(end) for end in ends)
        infinite = int(np.isinf(values).sum())
        remarks = []
        if infinite:
            remarks.append(f"{infinite} infinite not drawn")
        if len(shown) < len(known):
            remarks.append(f"{len(shown)} of {len(known)} drawn")
        strips.append(
            Strip(
                name=name,
                mark=letters[figures.signature],
                style=style_of(index),
                top=number * ROW,
                dots=_dots([place(value) for value in shown.tolist()], number * ROW + 31),
                box=_box(known, place),
                mean=mean,
                low=below,
                high=above,
                remark=", ".join(remarks),
            )
        )
    first = found[0][2]
    unit = f"{first.unit} · " if first.unit else ""
    ticks = [Tick(place(value), label) for value, label in _ticks(low, high, 5)]
    decimals = decimals_for(everything.tolist())
    quartiles = [
        f"{name}: median {shown_number(float(np.nanmedian(values)), decimals)}"
        for _, name, _, values in found
    ]
    return Panel(
        metric=metric,
        below=f"{unit}{ARROWS[first.better]}",
        height=len(found) * ROW + AXIS,
        strips=tuple(strips),
        ticks=tuple(ticks),
        summary=f"Distribution of {metric} over images. {'; '.join(quartiles)}.",
    )


def _box(values: Floats, place: Callable[[float], float]) -> Box | None:
    if not values.size:
        return None
    return Box(*(place(value) for value in np.quantile(values, [0.25, 0.5, 0.75]).tolist()))


def _evenly(count: int) -> NDArray[np.int64]:
    """Indices of at most :data:`MAX_DOTS` of sorted values, the first and the last among them."""
    return np.linspace(0, count - 1, min(count, MAX_DOTS)).round().astype(np.int64)


def _dots(places: Sequence[float], middle: float) -> str:
    """A path of dots: zero-length strokes with round caps, scattered without chance."""
    jitter = [(index * GOLDEN % 1 - 0.5) * 14 for index in range(len(places))]
    return "".join(f"M{x:g} {middle + y:.1f}h0" for x, y in zip(places, jitter, strict=True))


def color_groups(experiments: Sequence[Experiment]) -> list[ColorGroup]:
    """Plots of the colour histograms; one group for all that have the same real images."""
    groups: dict[object, list[tuple[int, str, ColorScore]]] = {}
    for index, entry in enumerate(experiments):
        if entry.color:
            real = [
                (part.edges.tobytes(), part.real.tobytes())
                for part in (entry.color.histograms[channel] for channel in CHANNELS)
            ]
            key = (entry.color.signature, tuple(real))
            groups.setdefault(key, []).append((index, entry.name, entry.color))
    return [
        ColorGroup(
            tuple((name, style_of(index)) for index, name, _ in members),
            tuple(_plot(channel, members) for channel in CHANNELS),
        )
        for members in groups.values()
    ]


def _plot(channel: str, members: Sequence[tuple[int, str, ColorScore]]) -> Plot:
    histograms = [color.histograms[channel] for _, _, color in members]
    edges = histograms[0].edges
    generated = [_shares(part.generated) for part in histograms]
    real = _shares(histograms[0].real)
    positive = np.concatenate([*generated, real])
    positive = positive[positive > 0]
    floor = math.floor(math.log10(positive.min())) if positive.size else -1
    top = math.ceil(math.log10(positive.max())) if positive.size else 0
    floor = max(min(floor, top - 1), top - MAX_DECADES)

    def x_of(value: float) -> float:
        share = (value - edges[0]) / (edges[-1] - edges[0])
        return float(round(PLOT_LEFT + share * (WIDTH - PLOT_LEFT - MARGIN), 1))

    def y_of(exponent: float) -> float:
        share = (exponent - floor) / (top - floor)
        return float(
            round((PLOT_HEIGHT - PLOT_BOTTOM) - share * (PLOT_HEIGHT - PLOT_BOTTOM - 8), 1)
        )

    middles = [x_of(value) for value in ((edges[:-1] + edges[1:]) / 2).tolist()]

    def path(shares: Floats) -> str:
        parts, drawing = [], False
        for x, share in zip(middles, shares.tolist(), strict=True):
            if share <= 0:
                drawing = False
                continue
            parts.append(f"{'L' if drawing else 'M'}{x:g} {y_of(max(math.log10(share), floor)):g}")
            drawing = True
        return "".join(parts)

    curves = [
        Curve(style_of(index), path(shares))
        for (index, _, _), shares in zip(members, generated, strict=True)
    ]
    scores = [
        f"{name} {shown_number(color.intersection[channel].value, 3)}" for _, name, color in members
    ]
    return Plot(
        channel=channel,
        curves=(Curve("real", path(real)), *curves),
        x_ticks=tuple(Tick(x_of(value), label) for value, label in _ticks(edges[0], edges[-1], 6)),
        y_ticks=tuple(
            Tick(y_of(exponent), str(exponent).replace("-", "−"))
            for exponent in range(floor, top + 1)
        ),
        summary=f"Log probability of {channel} in generated and real images. Intersection with "
        f"the real images: {'; '.join(scores)}.",
    )


def _shares(counts: NDArray[np.int64]) -> Floats:
    total = counts.sum()
    return counts / total if total else counts.astype(np.float64)


def heat(confusion: Confusion) -> Heat:
    """A confusion matrix in percent of each class's pixels."""
    names = list(confusion.classes)
    outputs = names + ["extra output"] * (confusion.counts.shape[1] - len(names))
    lines = []
    for index, (name, row) in enumerate(zip(names, confusion.counts.tolist(), strict=True)):
        total = sum(row)
        cells = [
            (f"{100 * count / total:.0f}" if count else "", _shade(count, total), column == index)
            for column, count in enumerate(row)
        ]
        lines.append((name, tuple(cells)))
    return Heat(tuple(outputs), tuple(lines))


def _shade(count: int, total: int) -> int:
    """0 for nothing to 10 for all; the smallest share still shows."""
    return min(10, math.ceil(10 * count / total)) if count else 0


def _ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Round numbers between two ends, and their labels."""
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [(k * step, shown_number(k * step, decimals)) for k in range(first, last + 1)]
