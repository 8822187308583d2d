"""The figures of image metrics of each experiment, and the texts they are written as."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from p2p_eval.metrics.metric import Better
from p2p_eval.scores.signature import Signature
from p2p_eval.scores.statistics import summaries
from p2p_eval.scores.values_file import MetricValues
from p2p_eval.scoring.comparison import Compared
from p2p_eval.scoring.metric_choice import Unavailable
from p2p_eval.scoring.remarks import Remarks
from p2p_eval.scoring.run import known

__all__ = [
    "SCHEMA",
    "ExperimentMetrics",
    "ImageMetricsReport",
    "MetricScore",
    "per_image_csv",
    "summarise",
]

SCHEMA = "p2p-eval/metrics/1"


@dataclass(frozen=True, slots=True)
class MetricScore:
    """One metric of an experiment.

    Attributes:
        name: Such as ``ssim[rgb]``.
        better: Which direction is better.
        unit: Of mean, std and interval; empty for a pure number.
        mean: Of the finite values.
        std: Of the finite values; NaN where it is not known.
        ci95: 95 % interval of the mean; NaN where it is not known.
        infinite: Images whose value is infinite; they are in none of the above.
        signature: Every setting that the figures depend on.
    """

    name: str
    better: Better
    unit: str
    mean: float
    std: float
    ci95: tuple[float, float]
    infinite: int
    signature: str

    def to_json(self) -> dict[str, Any]:
        """Return the metric's part of the document; what is not known is null."""
        return {
            "mean": known(self.mean),
            "std": known(self.std),
            "ci95": [known(end) for end in self.ci95],
            "better": self.better,
            "unit": self.unit,
            "infinite": self.infinite,
            "signature": self.signature,
        }


@dataclass(frozen=True, slots=True)
class ExperimentMetrics:
    """All metrics of one experiment.

    Attributes:
        name: Of the experiment.
        images: Pairs that were measured.
        metrics: In the order asked for.
        left_out: Names of images that could not be used, with the reason.
        notes: What a reader of the figures should know; what starts with ``warning:`` makes them
            wrong or not comparable.
    """

    name: str
    images: int
    metrics: tuple[MetricScore, ...]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the experiment's part of the document."""
        return {
            "name": self.name,
            "images": self.images,
            "metrics": {metric.name: metric.to_json() for metric in self.metrics},
            "left_out": list(self.left_out),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class ImageMetricsReport(Remarks):
    """Image metrics of one or more experiments.

    Attributes:
        experiments: In the order of the results folders, by name in each.
        unavailable: Metrics that could not run, and why.
        compared: The experiments compared image by image, where that was asked for.
    """

    experiments: tuple[ExperimentMetrics, ...]
    unavailable: tuple[Unavailable, ...] = ()
    compared: Compared | None = None

    @property
    def left_out(self) -> list[str]:
        """Every image that was left out, of the figures or of the comparison, with the reason."""
        compared = () if self.compared is None else self.compared.left_out
        # slots=True makes another class than the one that super() alone would know
        return [*super(ImageMetricsReport, self).left_out, *compared]

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``metrics --json``, schema ``p2p-eval/metrics/1``."""
        document = {
            "schema": SCHEMA,
            "experiments": [entry.to_json() for entry in self.experiments],
            "unavailable": [
                {"metric": entry.metric, "reason": entry.reason} for entry in self.unavailable
            ],
        }
        if self.compared is not None:
            document["comparisons"] = self.compared.to_json()["comparisons"]
        return document


def summarise(
    values: MetricValues, signatures: Mapping[str, Signature], *, draws: int, seed: int
) -> tuple[MetricScore, ...]:
    """Derive an experiment's figures from the values of its images.

    Args:
        values: Of all images.
        signatures: Of each metric's figures, to which draws and seed are added.
        draws: Of the bootstrap over images.
        seed: Of the bootstrap.
    """
    # In one go: rows are made anew each time that they are gone through.
    every = (row.values[name] for row in values.rows for name in values.metrics)
    table = np.fromiter(every, np.float64).reshape(len(values.rows), len(values.metrics))
    return tuple(
        MetricScore(
            name,
            facts.better,
            facts.unit,
            figures.mean,
            figures.std,
            figures.ci95,
            figures.infinite,
            str(signatures[name]),
        )
        for (name, facts), figures in zip(
            values.metrics.items(), summaries([*table.T], draws=draws, seed=seed), strict=True
        )
    )


def per_image_csv(values: MetricValues) -> Iterator[bytes]:
    """Give one line an image: its id, and its value of each metric in full precision.

    Ids start with a letter or a digit, so no spreadsheet takes one for a formula.
    """
    yield _csv_line(["image", *values.metrics])
    for row in values.rows:
        yield _csv_line([row.image, *(repr(row.values[name]) for name in values.metrics)])


def _csv_line(cells: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue().encode()
