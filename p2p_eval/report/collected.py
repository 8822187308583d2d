"""What the score files of a folder hold, as the report shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from p2p_eval.scores.document import Source
from p2p_eval.scores.numbers import Figure
from p2p_eval.scores.values_file import ValueRow

__all__ = [
    "CHANNELS",
    "ClassFigures",
    "Collected",
    "ColorScore",
    "Comparison",
    "Confusion",
    "Diversity",
    "Experiment",
    "Histogram",
    "ImageMetrics",
    "MetricFigures",
    "Segmentation",
    "SegmentationEntry",
    "Study",
    "StudyAlgorithm",
    "StudyDifference",
]

CHANNELS = ("L", "a", "b")
"""Channels of the colour histograms, CIE Lab."""


@dataclass(frozen=True, slots=True)
class MetricFigures:
    """An image metric over the images of an experiment."""

    mean: Figure
    std: float | None
    better: str
    unit: str
    infinite: int
    signature: str


@dataclass(frozen=True, slots=True)
class ImageMetrics:
    """An experiment's image metrics by name, and the rows that they come from."""

    images: int
    metrics: Mapping[str, MetricFigures]
    rows: tuple[ValueRow, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    unavailable: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Accuracy and IOU of one class, 0-1; None where the protocol leaves it out."""

    name: str
    acc: float | None
    iou: float | None


@dataclass(frozen=True, slots=True)
class SegmentationEntry:
    """An experiment's FCN-score or seg-score under one protocol."""

    protocol: str
    frames: int
    dropped: int
    figures: Mapping[str, Figure]
    per_class: tuple[ClassFigures, ...]
    signature: str
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """Pixels by class, ``(classes, outputs)``, over all frames; the last output may be extra."""

    classes: tuple[str, ...]
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """The entries of a score, one a protocol, and the counts that they come from."""

    entries: tuple[SegmentationEntry, ...]
    confusion: Confusion


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """One channel: edges of the bins, ``(bins + 1,)``, and pixels a bin, ``(bins,)`` each."""

    edges: NDArray[np.float64]
    generated: NDArray[np.int64]
    real: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ColorScore:
    """Intersections by channel, their values at other numbers of bins, and the histograms."""

    images: int
    bins: int
    intersection: Mapping[str, Figure]
    sensitivity: Mapping[int, Mapping[str, float | None]]
    signature: str
    histograms: Mapping[str, Histogram]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two experiments on the same images under one metric; ``difference`` is the mean of a - b."""

    a: str
    b: str
    metric: str
    images: int
    difference: Figure
    p: float | None
    winner: str | None
    mean_a: float | None
    mean_b: float | None
    left_out_infinite: int
    signature: str


@dataclass(frozen=True, slots=True)
class Diversity:
    """How much several samples of the same inputs differ, over images."""

    metric: str
    samples: tuple[str, ...]
    images: int
    mean: Figure
    std: float | None
    infinite: int
    signature: str
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StudyAlgorithm:
    """How often people took an algorithm's images for real, in per cent; effects in points.

    ``images`` are the rates of single images; ``side`` is how much higher the rate is with the
    real image on the left, ``time`` in the second half of a session.
    """

    name: str
    rate: Figure
    std: float | None
    participants: int
    trials: int
    unset: int
    side: Figure
    time: Figure
    images: tuple[float, ...]
    signature: str


@dataclass(frozen=True, slots=True)
class StudyDifference:
    """Two algorithms that people judged; ``difference`` is the rate of a less that of b."""

    a: str
    b: str
    difference: Figure
    p: float | None


@dataclass(frozen=True, slots=True)
class Study:
    """A real-vs-fake study, and which sessions do not count."""

    algorithms: tuple[StudyAlgorithm, ...]
    differences: tuple[StudyDifference, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Experiment:
    """Everything that is known of one experiment; its name is its folder's."""

    name: str
    metrics: ImageMetrics | None = None
    fcn: Segmentation | None = None
    seg: Segmentation | None = None
    color: ColorScore | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Collected:
    """Everything that the score files of a folder hold."""

    experiments: tuple[Experiment, ...]
    comparisons: tuple[Comparison, ...] = ()
    not_compared: tuple[str, ...] = ()
    diversity: Diversity | None = None
    study: Study | None = None
    sources: tuple[Source, ...] = field(default=())
