"""The diversity of samples, and the texts that it is written as."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from p2p_eval.scores.statistics import Summary
from p2p_eval.scoring.remarks import warnings_of

__all__ = ["SCHEMA", "DiversityReport"]

SCHEMA = "p2p-eval/metrics-diversity/1"


@dataclass(frozen=True, slots=True)
class DiversityReport:
    """The diversity of several samples of the same inputs; higher is more diverse.

    Attributes:
        metric: What pairs of samples are measured by.
        samples: Names of the experiments that hold them.
        values: By image, the mean over all pairs of its samples.
        figures: Over images.
        signature: Every setting that the figures depend on.
        left_out: Images that could not be used, with the reason.
        notes: What a reader of the figures should know.
    """

    metric: str
    samples: tuple[str, ...]
    values: Mapping[str, float]
    figures: Summary
    signature: str
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def warnings(self) -> list[str]:
        """The notes that nobody should miss."""
        return warnings_of(self.notes)

    def to_json(self) -> dict[str, Any]:
        """Return the part ``diversity`` of the document of ``metrics --json``."""
        known = self.figures.count > 1
        return {
            "metric": self.metric,
            "samples": list(self.samples),
            "images": len(self.values),
            "mean": self.figures.mean,
            "std": self.figures.std if known else None,
            "ci95": list(self.figures.ci95) if known else [None, None],
            "better": "higher",
            "unit": "",
            "infinite": self.figures.infinite,
            "signature": self.signature,
            "left_out": list(self.left_out),
            "notes": list(self.notes),
        }

    def to_csv(self) -> str:
        """Give one row an image: its id, and its value in full precision."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["image", self.metric])
        table.writerows([image, repr(value)] for image, value in self.values.items())
        return text.getvalue()
