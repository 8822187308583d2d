"""Scores as the gate compares them, made from rows that a test chooses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from p2p_eval.gate.scored import Better, Figure, Scored
from p2p_eval.metrics.color_histogram import histogram_intersection
from p2p_eval.metrics.confusion import FIGURES, Protocol, histogram, scores

METRICS: dict[str, tuple[Better, str]] = {
    "psnr": ("higher", "dB"), "ssim": ("higher", ""), "ms-ssim": ("higher", ""),
    "gmsd": ("lower", ""), "lpips": ("lower", ""), "ciede2000": ("lower", ""),
    "spectrum": ("zero", ""),
}  # fmt: skip


def names(count: int) -> tuple[str, ...]:
    return tuple(f"image{number:04}" for number in range(count))


def keys(count: int) -> tuple[str, ...]:
    return tuple(f"{number:064x}" for number in range(count))


def metrics(
    rows: NDArray[Any], which: Sequence[str] = ("psnr", "lpips"), experiment: str = "L1"
) -> Scored:
    """One value an image and metric."""
    rows = np.asarray(rows, np.float64)
    figures = []
    for name, column in zip(which, rows.T, strict=True):
        finite = column[np.isfinite(column)]
        value = math.fsum(finite) / len(finite) if len(finite) else math.nan
        better, unit = METRICS[name]
        figures.append(Figure(name, value, better, unit, f"{name}|device:cpu|version:1"))
    count = len(rows)
    return Scored(experiment, "metrics", tuple(figures), names(count), keys(count), rows)


def segmentation(
    counts: NDArray[np.int64], protocol: Protocol = "paper", experiment: str = "L1"
) -> Scored:
    """Joint counts of each frame."""
    result = scores(histogram(counts, protocol)[0].sum(0), protocol)
    signature = f"fcn-score|protocol:{protocol}|version:1"
    values = {figure: float(getattr(result, figure)) for figure in FIGURES}
    for part in ("acc", "iou"):
        for index, value in enumerate(getattr(result, part).tolist()):
            values[f"{part}[class{index}]"] = value
    figures = [Figure(name, value, "higher", "", signature) for name, value in values.items()]
    count = len(counts)
    return Scored(experiment, "fcn-score", tuple(figures), names(count), keys(count), counts)


def colors(counts: NDArray[np.int64], experiment: str = "L1") -> Scored:
    """Lab histograms of each image."""
    bins = counts.shape[-1]
    shared = histogram_intersection(*counts.sum(0))
    figures = [
        Figure(f"intersection[{name}]", value, "higher", "", f"color-hist|bins:{bins}|version:1")
        for name, value in zip("Lab", shared.tolist(), strict=True)
    ]
    count = len(counts)
    return Scored(experiment, "color-hist", tuple(figures), names(count), keys(count), counts)


def study(rate: float, std: float | None, experiment: str = "L1") -> Scored:
    """A rate of a study, without rows."""
    figure = Figure("labelled_real_pct", rate, "higher", "%", "study|version:1", std)
    return Scored(experiment, "study", (figure,), (), (), np.zeros(0))
