"""How good a network is on photos with label maps: what training reports as it goes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from fcn.data import Pair, read_pair
from fcn.errors import DataError
from fcn.labels import IGNORED, LabelSet
from fcn.network import FCN8s, preprocess

__all__ = ["validate"]


@torch.inference_mode()
def validate(
    model: FCN8s, pairs: Sequence[Pair], labels: LabelSet, photo_size: int = 0, device: str = "cpu"
) -> dict[str, float]:
    """Score a network on whole, unaugmented photos.

    A prediction that is no class is an error of its own, and classes that do not occur are left
    out of the means (the ``strict`` protocol).

    Returns:
        ``pixel_accuracy``, ``class_accuracy`` and ``iou``, each 0-1.

    Raises:
        DataError: A file is unreadable, or no pixel of any class is in the data.
    """
    model.eval()
    classes, outputs = labels.num_classes, labels.outputs
    counts = np.zeros(classes * outputs, np.int64)
    for pair in pairs:
        photo, truth = read_pair(pair, labels, photo_size)
        x = preprocess(torch.from_numpy(photo.transpose(2, 0, 1).copy())[None].to(device))
        predicted = model(x)[0].argmax(0).cpu().numpy()
        mask = truth != IGNORED
        index = truth[mask].astype(np.int64) * outputs + predicted[mask]
        counts += np.bincount(index, minlength=classes * outputs)
    matrix = counts.reshape(classes, outputs)
    hits, truths = np.diag(matrix), matrix.sum(1)
    union = truths + matrix.sum(0)[:classes] - hits
    if not truths.any():
        raise DataError(f"no pixel of a class of {labels.name} in {len(pairs)} validation photos")
    present, seen = truths > 0, union > 0
    return {
        "pixel_accuracy": float(hits.sum() / truths.sum()),
        "class_accuracy": float((hits[present] / truths[present]).mean()),
        "iou": float((hits[seen] / union[seen]).mean()),
    }
