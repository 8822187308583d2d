"""A few frames tell what a whole run would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import Mock, call

import numpy as np
import pytest

from fcn.labels import label_set
from p2p_eval.errors import InputError
from p2p_eval.results.layouts import find_experiments
from p2p_eval.results.pairing import Pairing, pair
from p2p_eval.scoring.trial import FRAMES, try_frames

CITYSCAPES = label_set("cityscapes")


def paired(street: Any) -> list[Pairing]:
    experiments = find_experiments(street.results)
    return [pair(e, labels=street.labels, label_set=CITYSCAPES) for e in experiments]


def test_collapse_is_found_in_a_few_frames(street: Any, standin: Callable[..., Any]) -> None:
    predictor = standin(lambda image: np.full(image.shape[:2], 13, np.uint8))
    progress = Mock()
    (finding,) = try_frames(paired(street), CITYSCAPES, predictor, progress)
    assert progress.call_args_list == [call(done, FRAMES) for done in range(1, FRAMES + 1)]
    assert finding.code == "one-class-predictions"
    assert "car" in finding.message
    assert finding.experiment == "results"
    assert predictor.calls == FRAMES


def test_varied_predictions_are_no_finding(street: Any, standin: Callable[..., Any]) -> None:
    assert try_frames(paired(street), CITYSCAPES, standin()) == []


def test_unusable_frame_is_named(street: Any, standin: Callable[..., Any]) -> None:
    pairings = paired(street)
    image = pairings[0].frames[0].image.path
    image.write_bytes(b"not an image")
    with pytest.raises(InputError, match=image.name):
        try_frames(pairings, CITYSCAPES, standin())
