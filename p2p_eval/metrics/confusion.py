"""Per-pixel accuracy, per-class accuracy and class IOU from counts of labels against predictions.

What is kept of a frame is its joint count matrix: rows are label classes, columns are the network's
outputs, of which there may be one more than classes. Both protocols follow from it exactly:

``paper``
    What the official script computes, its two faults included. It counts with
    ``bincount(K * label + prediction, minlength=K * K)`` and does not mask predictions, so the
    extra output K on label ``a < K - 1`` is counted as label ``a + 1`` predicted as class 0, and
    one pixel with the last label and prediction K makes the array too long, whereupon the whole
    frame is silently dropped. Classes that never occur count as 0 in the means.
``strict``
    A prediction of the extra output is an error, of no class and of one pixel. Classes that never
    occur are NaN and left out of the means, as in cityscapesScripts.

Source: Isola, Zhu, Zhou, Efros, *Image-to-Image Translation with Conditional Adversarial Networks*,
CVPR 2017; ``scripts/eval_cityscapes/util.py`` of https://github.com/phillipi/pix2pix; and
``evaluation/evalPixelLevelSemanticLabeling.py`` of https://github.com/mcordts/cityscapesScripts.

Every figure is a fraction in 0-1; higher is better. All functions but :func:`joint_counts` take
any number of leading axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "FIGURES",
    "PROTOCOLS",
    "Collapse",
    "Protocol",
    "Scores",
    "check_protocol",
    "check_sizes",
    "collapse",
    "histogram",
    "joint_counts",
    "paper_histogram",
    "paper_scores",
    "scores",
    "strict_histogram",
    "strict_scores",
]

Protocol = Literal["paper", "strict"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)

FIGURES = ("per_pixel_acc", "per_class_acc", "class_iou")
"""Names of the three figures, in the order of :attr:`Scores.figures`."""

Floats = NDArray[np.float64]
EPSILON = 1e-12
"""What the official script adds to every denominator."""

COLLAPSED = 0.9
"""Share of one output in the predictions above which they say nothing about the image."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """The three figures and their per-class parts, fractions in 0-1; higher is better.

    ``per_pixel_acc``, ``per_class_acc`` and ``class_iou`` have the shape of the leading axes,
    ``acc`` and ``iou`` one axis more, of length ``num_classes``.
    """

    per_pixel_acc: Floats
    per_class_acc: Floats
    class_iou: Floats
    acc: Floats
    iou: Floats

    @property
    def figures(self) -> Floats:
        """The figures of :data:`FIGURES` along one last axis of length 3."""
        return np.stack([getattr(self, figure) for figure in FIGURES], axis=-1)


def joint_counts(
    target: NDArray[np.integer], prediction: NDArray[np.integer], num_classes: int, outputs: int
) -> NDArray[np.int64]:
    """Count pixels by label and prediction, over the pixels whose label is a class.

    Args:
        target: Train ids, any shape; values outside 0 … ``num_classes - 1`` are ignored.
        prediction: Indices of outputs, 0 … ``outputs - 1``, the shape of ``target``.
        num_classes: Number of classes, K.
        outputs: Number of the network's outputs, K or K + 1.

    Returns:
        Counts, shape ``(num_classes, outputs)``.

    Raises:
        ValueError: Shapes differ, a value is no integer, or a prediction is not an output.

    Example:
        >>> joint_counts(np.array([0, 1, 1, 255]), np.array([0, 1, 2, 0]), 2, 3)
        array([[1, 0, 0],
               [0, 1, 1]])
    """
    check_sizes(num_classes, outputs)
    if target.shape != prediction.shape:
        raise ValueError(
            f"got labels of shape {target.shape} and predictions of shape {prediction.shape}, "
            "expected the same shape"
        )
    if target.dtype.kind not in "iu" or prediction.dtype.kind not in "iu":
        raise ValueError(f"got {target.dtype} and {prediction.dtype}, expected integers")
    if target.dtype == prediction.dtype == np.uint8:
        # One pass over the pixels: every pair of bytes has a cell of its own.
        pairs = target.ravel().astype(np.uint16) << 8 | prediction.ravel()
        table = np.bincount(pairs, minlength=1 << 16).reshape(256, 256)[:num_classes]
        wrong = np.flatnonzero(table[:, outputs:].any(0)) + outputs
        counts = table[:, :outputs]
    else:
        counted = (target >= 0) & (target < num_classes)
        predicted = prediction[counted].astype(np.int64)
        wrong = predicted[(predicted < 0) | (predicted >= outputs)]
        if not wrong.size:
            cells = target[counted].astype(np.int64) * outputs + predicted
            counts = np.bincount(cells, minlength=num_classes * outputs)
    if wrong.size:
        raise ValueError(
            f"got a prediction of {wrong[0]}, "
            f"expected 0 to {outputs - 1} from a network of {outputs} outputs"
        )
    return counts.reshape(num_classes, outputs).astype(np.int64)


def paper_histogram(joint: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Turn joint counts of frames into what the official ``fast_hist`` gives for each of them.

    Args:
        joint: Counts of one frame each, shape ``(..., K, K)`` or ``(..., K, K + 1)``.

    Returns:
        The histograms, shape ``(..., K, K)``, all 0 for a dropped frame, and whether each frame is
        dropped, shape ``(...)``.

    Example:
        >>> paper_histogram(np.array([[5, 0, 2], [0, 7, 0]]))[0]  # the 2 are wrongly label 1
        array([[5, 0],
               [2, 7]])
        >>> bool(paper_histogram(np.array([[5, 0, 2], [0, 7, 1]]))[1])
        True
    """
    classes, outputs = _sizes(joint)
    hist = joint[..., :classes].astype(np.int64)
    if outputs == classes:
        return hist, np.zeros(joint.shape[:-2], np.bool_)
    extra = joint[..., classes]
    hist[..., 1:, 0] += extra[..., :-1]
    dropped = extra[..., -1] > 0
    return np.where(dropped[..., None, None], 0, hist), dropped


def strict_histogram(joint: NDArray[np.int64]) -> NDArray[np.int64]:
    """Keep the counts of the extra output as errors of their own: shape ``(..., K, outputs)``."""
    _sizes(joint)
    return joint.astype(np.int64)


def histogram(
    joint: NDArray[np.int64], protocol: Protocol
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Turn joint counts into a protocol's histograms, and say which frames it drops.

    Raises:
        ValueError: The protocol is neither ``paper`` nor ``strict``.
    """
    if protocol == "paper":
        return paper_histogram(joint)
    check_protocol(protocol)
    return strict_histogram(joint), np.zeros(joint.shape[:-2], np.bool_)


def paper_scores(hist: NDArray[np.number]) -> Scores:
    """Score summed histograms as the official script does: absent classes are 0 in the means.

    Args:
        hist: Sum of what :func:`paper_histogram` gives, shape ``(..., K, K)``.

    Example:
        >>> paper_scores(np.array([[3, 1], [0, 0]])).figures.round(3)
        array([0.75 , 0.375, 0.375])
    """
    hits, labelled, predicted, total = _margins(hist)
    acc = hits / (labelled + EPSILON)
    iou = hits / (labelled + predicted - hits + EPSILON)
    return Scores(hits.sum(-1) / (total + EPSILON), acc.mean(-1), iou.mean(-1), acc, iou)


def strict_scores(hist: NDArray[np.number]) -> Scores:
    """Score summed histograms as cityscapesScripts does: absent classes are NaN and left out.

    A class without labels has no accuracy; it has an IOU (of 0) only where it was predicted.

    Args:
        hist: Sum of what :func:`strict_histogram` gives, shape ``(..., K, outputs)``.

    Example:
        >>> strict_scores(np.array([[3, 1], [0, 0]])).figures.round(3)
        array([0.75 , 0.75 , 0.375])
    """
    hits, labelled, predicted, total = _margins(hist)
    acc = _ratio(hits, labelled)
    iou = _ratio(hits, labelled + predicted - hits)
    return Scores(_ratio(hits.sum(-1), total), _mean(acc), _mean(iou), acc, iou)


def scores(hist: NDArray[np.number], protocol: Protocol) -> Scores:
    """Score summed histograms under a protocol.

    Raises:
        ValueError: The protocol is neither ``paper`` nor ``strict``.
    """
    if protocol == "paper":
        return paper_scores(hist)
    check_protocol(protocol)
    return strict_scores(hist)


def _margins(hist: NDArray[np.number]) -> tuple[Floats, Floats, Floats, Floats]:
    """Return hits, labels and predictions of each class, and the number of pixels."""
    classes, _ = _sizes(hist)
    counts = hist.astype(np.float64)
    square = counts[..., :classes]
    # A contiguous copy, so that sums over classes add in the order of the official script.
    hits = np.ascontiguousarray(np.diagonal(square, axis1=-2, axis2=-1))
    return hits, counts.sum(-1), square.sum(-2), counts.sum((-2, -1))


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Divide, NaN where the whole is 0."""
    result: Floats = np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), np.nan)
    return result


def _mean(values: Floats) -> Floats:
    """Mean over the last axis without NaN; NaN where nothing is left."""
    return _ratio(np.nansum(values, axis=-1), np.isfinite(values).sum(-1).astype(np.float64))


def _sizes(counts: NDArray[np.number]) -> tuple[int, int]:
    if counts.ndim < 2:
        raise ValueError(f"got shape {counts.shape}, expected (..., classes, outputs)")
    classes, outputs = counts.shape[-2:]
    check_sizes(classes, outputs)
    return classes, outputs


def check_sizes(classes: int, outputs: int) -> None:
    """Refuse numbers of classes and outputs that do not fit.

    Raises:
        ValueError: There is no class, or neither as many outputs nor one more.
    """
    if classes < 1 or outputs not in (classes, classes + 1):
        raise ValueError(
            f"got {classes} classes and {outputs} outputs, expected as many outputs, or one more"
        )


def check_protocol(protocol: str) -> None:
    """Refuse what is no protocol.

    Raises:
        ValueError: It is neither ``paper`` nor ``strict``.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"got protocol {protocol!r}, expected one of {', '.join(PROTOCOLS)}")


class Collapse(NamedTuple):
    """The output that nearly all pixels are predicted as, its share there and in the labels."""

    output: int
    predicted: float
    labelled: float

    def name(self, classes: Sequence[str]) -> str:
        """Name of the output: its class's, or the extra output's."""
        return classes[self.output] if self.output < len(classes) else "the extra output"


def collapse(joint: NDArray[np.int64]) -> Collapse | None:
    """Say whether over 90 % of the predictions are one output that far fewer labels are.

    Args:
        joint: Joint counts, shape ``(num_classes, outputs)``.

    Example:
        >>> collapse(np.array([[50, 0], [50, 0]]))
        Collapse(output=0, predicted=1.0, labelled=0.5)
        >>> collapse(np.array([[97, 0], [3, 0]])) is None
        True
    """
    total = joint.sum()
    if not total:
        return None
    output = int(joint.sum(0).argmax())
    predicted = float(joint[:, output].sum() / total)
    labelled = float(joint[output].sum() / total) if output < len(joint) else 0.0
    if predicted <= COLLAPSED or labelled > predicted - (1 - COLLAPSED):
        return None
    return Collapse(output, predicted, labelled)
