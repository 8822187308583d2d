"""The segmentation scores of each experiment, and the texts they are written as."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from p2p_eval.metrics.confusion import FIGURES, Protocol, Scores, collapse, histogram, scores
from p2p_eval.results.direction import Direction
from p2p_eval.results.findings import collapse_findings
from p2p_eval.scores.bootstrap import bootstrap_interval
from p2p_eval.scores.cells import safe_cell
from p2p_eval.scores.signature import Signature
from p2p_eval.scoring.remarks import Remarks
from p2p_eval.scoring.run import known

__all__ = [
    "ClassScore",
    "ExperimentScore",
    "SegmentationReport",
    "official_text",
    "per_image_csv",
    "score_experiment",
]

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class: its accuracy and IOU, 0-1; NaN where the protocol leaves it out."""

    name: str
    acc: float
    iou: float


@dataclass(frozen=True, slots=True)
class ExperimentScore:
    """An experiment's scores under one protocol; fractions in 0-1, higher is better.

    Attributes:
        name: Of the experiment.
        frames: Frames that were scored, dropped ones included.
        protocol: ``paper`` or ``strict``.
        dropped: Names of the frames that the protocol silently drops.
        per_pixel_acc: Share of labelled pixels that are predicted right.
        per_class_acc: Mean over classes of that share.
        class_iou: Mean over classes of intersection over union.
        ci95: 95 % intervals of the three figures by bootstrap over frames; NaN where fewer than
            two frames count.
        per_class: One entry a class, in the label set's order.
        signature: Every setting that the figures depend on.
        left_out: Names of frames that could not be used, with the reason.
        notes: What a reader of the figures should know; what starts with ``warning:`` makes them
            wrong or not comparable.
    """

    name: str
    frames: int
    protocol: Protocol
    dropped: tuple[str, ...]
    per_pixel_acc: float
    per_class_acc: float
    class_iou: float
    ci95: dict[str, tuple[float, float]]
    per_class: tuple[ClassScore, ...]
    signature: str
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the experiment's part of the document; what is not known is null."""
        return {
            "name": self.name,
            "frames": self.frames,
            "protocol": self.protocol,
            "dropped_frames": len(self.dropped),
            **{figure: known(getattr(self, figure)) for figure in FIGURES},
            "ci95": {figure: [known(end) for end in self.ci95[figure]] for figure in FIGURES},
            "per_class": [
                {"class": entry.name, "acc": known(entry.acc), "iou": known(entry.iou)}
                for entry in self.per_class
            ],
            "signature": self.signature,
            "left_out": list(self.left_out),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class SegmentationReport(Remarks):
    """FCN-scores, or seg-scores, of one or more experiments.

    Attributes:
        experiments: One entry an experiment and protocol, ``paper`` before ``strict``.
        weights_sha256: Of the scoring network's weights file, where there is a network.
    """

    experiments: tuple[ExperimentScore, ...]
    weights_sha256: str | None = None

    @property
    def signature(self) -> str:
        """The experiments' signatures in one line; where they differ, with all values."""
        lines = [Signature.parse(entry.signature) for entry in self.experiments]
        return str(Signature.common(lines))

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``--json``, schema ``p2p-eval/fcn-score/1`` or ``…/seg-score/1``.

        Only the one of a network has ``weights_sha256``.
        """
        signature = self.signature
        weights = {} if self.weights_sha256 is None else {"weights_sha256": self.weights_sha256}
        return {
            "schema": f"p2p-eval/{Signature.parse(signature).metric}/1",
            "signature": signature,
            **weights,
            "experiments": [entry.to_json() for entry in self.experiments],
        }


def score_experiment(
    name: str,
    images: Sequence[str],
    counts: Counts,
    classes: Sequence[str],
    protocol: Protocol,
    *,
    signature: str,
    draws: int,
    seed: int,
    left_out: Sequence[str] = (),
    notes: Sequence[str] = (),
    direction: Direction = "labels-to-photo",
) -> ExperimentScore:
    """Derive an experiment's figures from the joint counts of its frames.

    Args:
        name: Of the experiment.
        images: Name of each frame.
        counts: Shape ``(frames, num_classes, outputs)``.
        classes: Name of each class.
        protocol: ``paper`` or ``strict``.
        signature: Every setting that the figures depend on.
        draws: Of the bootstrap over frames.
        seed: Of the bootstrap.
        left_out: Frames that could not be used.
        notes: Notes that are known already; those about the figures are added.
        direction: What the images are: photos, or painted labels.
    """
    hist, dropped = histogram(counts, protocol)
    result = scores(hist.sum(0), protocol)
    low, high = _intervals(hist, dropped, protocol, draws, seed)
    lost = tuple(image for image, is_lost in zip(images, dropped, strict=True) if is_lost)
    return ExperimentScore(
        name=name,
        frames=len(images),
        protocol=protocol,
        dropped=lost,
        per_pixel_acc=float(result.per_pixel_acc),
        per_class_acc=float(result.per_class_acc),
        class_iou=float(result.class_iou),
        ci95={figure: (float(low[i]), float(high[i])) for i, figure in enumerate(FIGURES)},
        per_class=tuple(
            ClassScore(*row)
            for row in zip(classes, result.acc.tolist(), result.iou.tolist(), strict=True)
        ),
        signature=signature,
        left_out=tuple(left_out),
        notes=(
            *notes,
            *_remarks(counts, classes, protocol, result, lost),
            *map(str, collapse_findings(counts.sum(0), classes, direction)),
        ),
    )


def official_text(entry: ExperimentScore) -> str:
    """Give ``evaluation_results.txt`` in the official script's own format, to the last byte.

    Source: ``scripts/eval_cityscapes/evaluate.py`` of https://github.com/phillipi/pix2pix.
    """
    lines = [
        f"Mean pixel accuracy: {entry.per_pixel_acc:f}",
        f"Mean class accuracy: {entry.per_class_acc:f}",
        f"Mean class IoU: {entry.class_iou:f}",
        "************ Per class numbers below ************",
        *(f"{row.name:<15}: acc = {row.acc:f}, iou = {row.iou:f}" for row in entry.per_class),
    ]
    return "\n".join(lines) + "\n"


def per_image_csv(
    images: Sequence[str], counts: Counts, classes: Sequence[str], protocol: Protocol
) -> str:
    """Give one row a frame: the protocol applied to this frame alone, and what stands out in it.

    Figures of a dropped frame are empty. ``collapsed_to`` names the class that over 90 % of the
    labelled pixels are predicted as, where the labels are not so one-sided.
    """
    hist, dropped = histogram(counts, protocol)
    figures = scores(hist, protocol).figures
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["image", *FIGURES, "dropped", "collapsed_to"])
    for row, image in enumerate(images):
        known = [] if dropped[row] else figures[row].tolist()
        cells = [repr(value) if math.isfinite(value) else "" for value in known] or [""] * 3
        found = collapse(counts[row])
        collapsed_to = safe_cell(found.name(classes)) if found else ""
        table.writerow([safe_cell(image), *cells, int(dropped[row]), collapsed_to])
    return text.getvalue()


def _intervals(
    hist: Counts, dropped: NDArray[np.bool_], protocol: Protocol, draws: int, seed: int
) -> NDArray[np.float64]:
    """Return the figures' intervals, shape ``(2, 3)``; fewer than two frames have no spread."""
    if len(hist) - dropped.sum() < 2:
        return np.full((2, len(FIGURES)), np.nan)
    return bootstrap_interval(
        hist, lambda sums: scores(sums, protocol).figures, draws=draws, seed=seed
    )


def _remarks(
    counts: Counts,
    classes: Sequence[str],
    protocol: Protocol,
    result: Scores,
    lost: Sequence[str],
) -> list[str]:
    remarks = []
    if lost:
        shown = ", ".join(lost[:3]) + (", …" if len(lost) > 3 else "")
        remarks.append(
            f"warning: {len(lost)} of {len(counts)} frames are dropped, as the official script "
            f"does without a word when a pixel of {classes[-1]} is predicted as the extra output "
            f"({shown}); --protocol strict keeps them"
        )
    if (kept := len(counts) - len(lost)) < 2:
        remarks.append(
            f"note: {kept} of {len(counts)} frames count: no 95 % intervals, as these come from "
            "the differences between frames"
        )
    if protocol == "paper":
        strict = scores(histogram(counts, "strict")[0].sum(0), "strict").figures
        if [f"{value:f}" for value in strict] != [f"{value:f}" for value in result.figures]:
            remarks.append(
                "note: the strict protocol gives "
                + " / ".join(f"{value:.4f}" for value in strict)
                + " (pixel / class / IOU): "
                + ", ".join(_differences(counts, lost))
            )
    return remarks


def _differences(counts: Counts, lost: Sequence[str]) -> list[str]:
    """What the strict protocol does otherwise with these counts."""
    labels, predictions = counts.sum((0, 2)), counts.sum((0, 1))
    cases = (
        (bool(lost), "no frame dropped"),
        (predictions[len(labels) :].any(), "the extra output counted as an error"),
        (not labels.all(), "absent classes left out of the means"),
    )
    return [text for applies, text in cases if applies]
