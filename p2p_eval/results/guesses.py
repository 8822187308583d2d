"""Label set and direction of results, guessed from the colours of their first images."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from fcn.labels import LABEL_SETS, LabelSet, label_set
from p2p_eval.results.colors import MAX_FAR_SHARE, decode_colors
from p2p_eval.results.direction import Direction
from p2p_eval.results.images import ImageRef
from p2p_eval.results.layouts import Experiment
from p2p_eval.results.survey import read_or_none

__all__ = ["guess_direction", "guess_label_set"]

LOOKED_AT = 4


def guess_label_set(experiments: Iterable[Experiment]) -> LabelSet:
    """The shipped label set whose colours the inputs have, else the real images, else the outputs.

    Outputs in label colours are what halves the wrong way round look like. Cityscapes' where
    nothing is painted.
    """
    sets = [label_set(name) for name in LABEL_SETS]
    items = [item for experiment in experiments for item in experiment.items[:LOOKED_AT]]
    for role in ("input", "target", "output"):
        images = [getattr(item, role) for item in items[: 2 * LOOKED_AT]]
        shares = [_far_share(images, table) for table in sets]
        best = int(np.argmin(shares))
        if shares[best] <= MAX_FAR_SHARE:
            return sets[best]
    return sets[0]


def guess_direction(experiment: Experiment, label_set: LabelSet) -> Direction:
    """Photo→labels if the real images are painted in label colours and the inputs are not."""
    items = experiment.items[:LOOKED_AT]
    inputs = _far_share([item.input for item in items], label_set)
    targets = _far_share([item.target for item in items], label_set)
    painted = targets <= MAX_FAR_SHARE < inputs
    return "photo-to-labels" if painted else "labels-to-photo"


def _far_share(images: Iterable[ImageRef | None], label_set: LabelSet) -> float:
    """Mean share of pixels far from every label colour; infinite if no image can be read."""
    pixels = [image for image in map(read_or_none, images) if image is not None]
    shares = [decode_colors(image, label_set).far_share for image in pixels]
    return float(np.mean(shares)) if shares else np.inf
