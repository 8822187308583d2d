"""The figures of colour histograms of each experiment, and the texts they are written as."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from p2p_eval.metrics.color_histogram import CHANNELS, edges, histogram_intersection, merge
from p2p_eval.scores.bootstrap import bootstrap_blocks
from p2p_eval.scoring.remarks import Remarks

__all__ = [
    "BIN_CHOICES",
    "SCHEMA",
    "ColorHistReport",
    "ExperimentColors",
    "Lab",
    "histogram_csv",
    "intersection",
    "intervals",
]

SCHEMA = "p2p-eval/color-hist/1"

BIN_CHOICES = (32, 64, 128, 256)
"""Numbers of bins whose intersections are all reported."""

Counts = NDArray[np.integer]
Floats = NDArray[np.float64]


class Lab(NamedTuple):
    """One figure a channel: an intersection, or the lower and upper end of its interval."""

    L: float
    a: float
    b: float

    def to_json(self) -> dict[str, float]:
        """Return the figures by channel."""
        return self._asdict()


@dataclass(frozen=True, slots=True, eq=False)
class ExperimentColors:
    """The colours of one experiment beside those of its real images.

    Attributes:
        name: Of the experiment.
        images: Pairs that were counted.
        bins: Of each channel, in ``intersection`` and its interval.
        intersection: Of generated and real, 0-1, higher is better.
        ci95: Lower and upper ends of 95 % intervals over images; NaN where not known.
        sensitivity: The intersections by number of bins.
        counts: Pixels, generated and real, ``(2, 3, 256)``.
        signature: Every setting that the figures depend on.
        left_out: Names of images that could not be used, with the reason.
        notes: What a reader of the figures should know; what starts with ``warning:`` makes them
            wrong or not comparable.
    """

    name: str
    images: int
    bins: int
    intersection: Lab
    ci95: tuple[Lab, Lab]
    sensitivity: dict[int, Lab]
    counts: Counts
    signature: str
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the experiment's part of the document; what is not known is null."""
        low, high = self.ci95
        return {
            "name": self.name,
            "images": self.images,
            "bins": self.bins,
            "intersection": self.intersection.to_json(),
            "ci95": {
                channel: [None if math.isnan(end) else end for end in ends]
                for channel, ends in zip(CHANNELS, zip(low, high, strict=True), strict=True)
            },
            "better": "higher",
            "sensitivity": {
                str(bins): figures.to_json() for bins, figures in self.sensitivity.items()
            },
            "signature": self.signature,
            "left_out": list(self.left_out),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class ColorHistReport(Remarks):
    """Colour histograms of one or more experiments.

    Attributes:
        experiments: In the order of the results folders, by name in each.
    """

    experiments: tuple[ExperimentColors, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``color-hist --json``, schema ``p2p-eval/color-hist/1``."""
        return {
            "schema": SCHEMA,
            "experiments": [entry.to_json() for entry in self.experiments],
        }


def intersection(counts: Counts, bins: int) -> Lab:
    """Give the intersections of generated and real counts ``(2, 3, 256)`` at a number of bins."""
    generated, real = merge(counts, bins)
    return Lab(*histogram_intersection(generated, real).tolist())


def intervals(
    blocks: Callable[[], Iterable[Counts]], images: int, bins: int, *, draws: int, seed: int
) -> tuple[Lab, Lab]:
    """Estimate 95 % intervals of the intersections, by drawing images with their real ones.

    Args:
        blocks: Gives the counts of each image, ``(n, 2, 3, 256)``, in order.
        images: How many there are; of one there is no interval, and the ends are NaN.
        bins: Of each channel.
        draws: Of the bootstrap.
        seed: Of the bootstrap.
    """
    if images < 2:
        unknown = Lab(math.nan, math.nan, math.nan)
        return unknown, unknown

    def overlap(sums: Floats) -> Floats:
        return histogram_intersection(sums[:, 0], sums[:, 1])

    ends = bootstrap_blocks(
        lambda: (merge(block, bins) for block in blocks()), images, overlap, draws=draws, seed=seed
    )
    low, high = ends.tolist()
    return Lab(*low), Lab(*high)


def histogram_csv(counts: Counts, bins: int) -> str:
    """Give one row a bin: its channel, its edges, and the pixels of generated and real images."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["channel", "low", "high", "generated", "real"])
    generated, real = merge(counts, bins).tolist()
    for channel, borders, ours, theirs in zip(
        CHANNELS, edges(bins).tolist(), generated, real, strict=True
    ):
        for low, high, *pixels in zip(borders[:-1], borders[1:], ours, theirs, strict=True):
            table.writerow([channel, repr(low), repr(high), *pixels])
    return text.getvalue()
