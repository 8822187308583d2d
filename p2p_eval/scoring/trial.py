"""A few frames predicted, to see early what would otherwise be seen after an hour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fcn.labels import LabelSet
from p2p_eval.metrics.confusion import joint_counts
from p2p_eval.results.findings import Finding, collapse_findings
from p2p_eval.results.pairing import Pairing
from p2p_eval.results.sampling import spread
from p2p_eval.scoring.frames import at_size, prepare, resizing

if TYPE_CHECKING:
    from p2p_eval.scoring.predictor import Predictor

__all__ = ["FRAMES", "try_frames"]

FRAMES = 3
"""Frames that are tried of each experiment."""


def try_frames(
    pairings: Sequence[Pairing],
    label_set: LabelSet,
    predictor: Predictor,
    progress: Callable[[int, int], None] | None = None,
) -> list[Finding]:
    """Predict a few frames of each experiment, and say where they show one class only.

    Args:
        pairings: The experiments and their labels.
        label_set: What label ids mean.
        predictor: The network, or what decodes painted labels.
        progress: Called with frames done and frames in total.

    Raises:
        InputError: A frame cannot be used.
    """
    findings: list[Finding] = []
    tried = [spread(len(pairing.frames), FRAMES) for pairing in pairings]
    done, total = 0, sum(map(len, tried))
    for pairing, places in zip(pairings, tried, strict=True):
        counts = np.zeros((label_set.num_classes, predictor.outputs), np.int64)
        for place in places:
            frame = prepare(
                pairing.frames[place],
                label_set,
                "",
                lambda frame, key: False,
                resize=resizing(pairing),
            )
            if frame.error is not None:
                raise frame.error
            if frame.pixels is not None and frame.target is not None:
                prediction = at_size(predictor(frame.pixels), frame.target)
                counts += joint_counts(frame.target, prediction, *counts.shape)
            done += 1
            if progress is not None:
                progress(done, total)
        findings += [
            replace(finding, experiment=pairing.experiment.name)
            for finding in collapse_findings(counts, label_set.names, pairing.direction)
        ]
    return findings
