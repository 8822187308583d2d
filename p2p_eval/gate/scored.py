"""What the gate compares: the figures of a score, and the rows that they follow from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

__all__ = ["KINDS", "Better", "Figure", "Kind", "Scored"]

Better = Literal["higher", "lower", "zero"]
Kind = Literal["metrics", "fcn-score", "seg-score", "color-hist", "study"]

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that a team guards.

    Attributes:
        name: What settings call it: ``psnr``, ``class_iou``, ``iou[road]``, ``labelled_real_pct``.
        value: Over all images, in ``unit``; NaN where it is not defined, as for a class that never
            occurs.
        better: Which direction is better; ``zero`` means nearer to 0; None where nobody has said,
            which the settings of the gate must do then.
        unit: As ``dB``; empty for a plain ratio.
        signature: Everything that the value depends on, but the images.
        std: Standard deviation of the value, of a figure without rows; None where it has rows.
    """

    name: str
    value: float
    better: Better | None
    unit: str
    signature: str
    std: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One score of one experiment.

    Attributes:
        experiment: Its name.
        kind: Which score it is.
        figures: What follows from the rows, in the order of the score.
        images: Name of each image, without repetition; empty where there are no rows (a study).
        keys: Digest of what each image is compared with, its target or label, as hexadecimal text:
            equal keys mean that two scores are of the same task.
        rows: One row an image, from the sum or mean of which the figures follow: ``metrics``
            float64 ``(images, figures)``, a value may be infinite; ``fcn-score`` and ``seg-score``
            int64 ``(images, classes, outputs)`` joint counts; ``color-hist`` int64
            ``(images, 2, 3, bins)``, generated and real; ``study`` empty ``(0,)``.
    """

    experiment: str
    kind: Kind
    figures: tuple[Figure, ...]
    images: tuple[str, ...]
    keys: tuple[str, ...]
    rows: NDArray[np.float64] | NDArray[np.int64]
