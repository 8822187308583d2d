"""What does the gate say of each figure, and does the candidate pass?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from p2p_eval.gate.scored import Better, Kind
from p2p_eval.gate.settings import Settings

__all__ = [
    "SCHEMA",
    "VERDICTS",
    "Checked",
    "CheckedFigure",
    "ImageLoss",
    "Interval",
    "Verdict",
    "number",
]

SCHEMA = "p2p-eval/gate/1"

Verdict = Literal["worse", "cannot tell", "better", "same"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""In the order that a reader wants to see them."""

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ImageLoss:
    """An image that got worse: its values, and by how much in the figure's unit."""

    image: str
    baseline: float
    current: float
    loss: float

    def to_json(self, files: Mapping[str, str]) -> dict[str, Any]:
        """Return the image's part of the document; with its files, where they are known."""
        document: dict[str, Any] = {
            "image": self.image,
            "baseline": number(self.baseline),
            "current": number(self.current),
            "loss": number(self.loss),
        }
        return {**document, "files": dict(files)} if files else document


@dataclass(frozen=True, slots=True)
class CheckedFigure:
    """One figure of a candidate beside the baseline's.

    Attributes:
        experiment: Its name.
        kind: Of the score.
        name: Of the figure.
        unit: Of all numbers but p; empty for a pure number.
        better: Which direction is better.
        signature: Everything that the value depends on, but the images.
        baseline: The figure of the baseline.
        current: The figure of the candidate.
        difference: Current less baseline, on the same images; of a figure that is better near
            zero, the mean difference of the images' distances from zero.
        interval: The difference's, two-sided, at the confidence of the settings; NaN is not known.
        corrected: Its ends as they decide, each one-sided at the level of its step in Holm's
            correction: worse or better is what lies beyond the tolerance as a whole.
        p: One-sided, that the figure is worse by no more than the tolerance; NaN where nothing is
            put down to chance.
        p_corrected: The same, corrected by Holm's method over all guarded figures.
        tolerance: The loss that is accepted.
        detect: The further loss that must not be missed.
        verdict: What follows.
        images: Images that say something of the figure; 0 where there are none, as of a study.
        worst: Images that got worse by more than the tolerance, by how much.
        notes: What a reader of the verdict should know.
    """

    experiment: str
    kind: Kind
    name: str
    unit: str
    better: Better
    signature: str
    baseline: float
    current: float
    difference: float
    interval: Interval
    corrected: Interval
    p: float
    p_corrected: float
    tolerance: float
    detect: float
    verdict: Verdict
    images: int
    worst: tuple[ImageLoss, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What it is called where figures of several scores stand together."""
        return f"{self.experiment}: {self.kind} {self.name}"

    def to_json(self, files: Mapping[tuple[str, str], Mapping[str, str]]) -> dict[str, Any]:
        """Return the figure's part of the document; what is not known is null."""
        return {
            "experiment": self.experiment,
            "score": self.kind,
            "figure": self.name,
            "verdict": self.verdict,
            "unit": self.unit,
            "better": self.better,
            "baseline": number(self.baseline),
            "current": number(self.current),
            "difference": number(self.difference),
            "ci": [number(end) for end in self.interval],
            "corrected_ci": [number(end) for end in self.corrected],
            "p": number(self.p),
            "corrected_p": number(self.p_corrected),
            "tolerance": number(self.tolerance),
            "detect": number(self.detect),
            "images": self.images,
            "worst_images": [
                entry.to_json(files.get((self.experiment, entry.image), {})) for entry in self.worst
            ],
            "notes": list(self.notes),
            "signature": self.signature,
        }


@dataclass(frozen=True, slots=True)
class Checked:
    """All guarded figures.

    Attributes:
        figures: In the order of the baseline.
        settings: What the gate was told.
        notes: What is not compared, and what else a reader should know.
        source: What the baseline is called, for messages.
    """

    figures: tuple[CheckedFigure, ...]
    settings: Settings
    notes: tuple[str, ...] = ()
    source: str = field(default="the baseline")

    def of(self, verdict: Verdict) -> tuple[CheckedFigure, ...]:
        """The figures of one verdict."""
        return tuple(figure for figure in self.figures if figure.verdict == verdict)

    @property
    def by_verdict(self) -> tuple[CheckedFigure, ...]:
        """What failed first."""
        return tuple(figure for verdict in VERDICTS for figure in self.of(verdict))

    @property
    def failures(self) -> tuple[CheckedFigure, ...]:
        """The figures for which the candidate does not pass."""
        return tuple(figure for figure in self.by_verdict if self.fails(figure))

    def fails(self, figure: CheckedFigure) -> bool:
        """Whether a figure's verdict fails the gate; all but *worse* and *same* by policy."""
        policy = {
            "worse": "fail",
            "cannot tell": self.settings.cannot_tell,
            "better": self.settings.better,
        }
        return policy.get(figure.verdict) == "fail"

    @property
    def passed(self) -> bool:
        """Whether the candidate passes."""
        return not self.failures

    @property
    def summary(self) -> str:
        """One line: how many figures have which verdict.

        Example:
            >>> Checked((), Settings()).summary
            'passed: no figures'
        """
        counts = [f"{len(found)} {verdict}" for verdict in VERDICTS if (found := self.of(verdict))]
        return f"{'passed' if self.passed else 'failed'}: {', '.join(counts) or 'no figures'}"

    def to_json(
        self, files: Mapping[tuple[str, str], Mapping[str, str]] | None = None
    ) -> dict[str, Any]:
        """Return the document of ``gate --json``, schema ``p2p-eval/gate/1``.

        Args:
            files: The files of images, by experiment and image, then by role.
        """
        settings = self.settings
        return {
            "schema": SCHEMA,
            "passed": self.passed,
            "baseline": self.source,
            "confidence": settings.confidence,
            "draws": settings.draws,
            "seed": settings.seed,
            "exact": settings.exact,
            "cannot_tell": settings.cannot_tell,
            "better": settings.better,
            "counts": {verdict: len(self.of(verdict)) for verdict in VERDICTS},
            "figures": [figure.to_json(files or {}) for figure in self.figures],
            "notes": list(self.notes),
        }


def number(value: float) -> float | str | None:
    """A number as JSON can hold it: infinity as text, as in the files of values; NaN as null.

    Example:
        >>> number(1.5), number(-math.inf), number(math.nan)
        (1.5, '-inf', None)
    """
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)
