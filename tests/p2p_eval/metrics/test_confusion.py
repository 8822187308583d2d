"""Confusion counts: against the official fast_hist, and the laws of both protocols."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from fcn.labels import label_set
from p2p_eval.metrics.confusion import (
    histogram,
    joint_counts,
    paper_histogram,
    paper_scores,
    scores,
    strict_histogram,
    strict_scores,
)


def documented_fast_hist(
    label: NDArray[Any], prediction: NDArray[Any], n: int
) -> NDArray[np.int64] | int:
    """What protocol.md §2.7 says of the official script, word for word: 0 is a dropped frame."""
    kept = (label >= 0) & (label < n)
    counts = np.bincount(n * label[kept].astype(int) + prediction[kept], minlength=n**2)
    if len(counts) != n**2:
        return 0
    return counts.reshape(n, n)


@st.composite
def frames(draw: st.DrawFn) -> tuple[NDArray[np.uint8], NDArray[np.uint8], int, int]:
    classes = draw(st.integers(1, 6))
    outputs = classes + draw(st.integers(0, 1))
    shape = draw(arrays.array_shapes(min_dims=2, max_dims=2, max_side=6))
    labels = st.sampled_from([*range(classes), 255])
    target = draw(arrays.arrays(np.uint8, shape, elements=labels))
    prediction = draw(arrays.arrays(np.uint8, shape, elements=st.integers(0, outputs - 1)))
    return target, prediction, classes, outputs


@given(frames())
@settings(deadline=None)
def test_paper_histogram_is_fast_hist(
    frame: tuple[NDArray[np.uint8], NDArray[np.uint8], int, int],
) -> None:
    target, prediction, classes, outputs = frame
    joint = joint_counts(target, prediction, classes, outputs)
    hist, dropped = paper_histogram(joint)
    expected = documented_fast_hist(target.ravel(), prediction.ravel(), classes)
    assert bool(dropped) == isinstance(expected, int)
    np.testing.assert_array_equal(hist, np.broadcast_to(expected, (classes, classes)))
    assert joint.sum() == (target < classes).sum()
    wide = joint_counts(target.astype(np.int64), prediction.astype(np.int32), classes, outputs)
    np.testing.assert_array_equal(wide, joint)


@given(frames())
@settings(deadline=None)
def test_a_perfect_prediction_scores_one_under_both_protocols(
    frame: tuple[NDArray[np.uint8], NDArray[np.uint8], int, int],
) -> None:
    target, _, classes, outputs = frame
    joint = joint_counts(target, np.where(target < classes, target, 0), classes, outputs)
    present = np.unique(target[target < classes]).size
    strict = strict_scores(strict_histogram(joint)).figures
    paper = paper_scores(paper_histogram(joint)[0]).figures
    if present == 0:
        assert np.isnan(strict).all()
        np.testing.assert_array_equal(paper, 0)
    else:
        np.testing.assert_array_equal(strict, 1)
        np.testing.assert_allclose(paper, [1, present / classes, present / classes])


def test_leading_axes_are_independent_frames() -> None:
    rng = np.random.default_rng(0)
    joint = rng.integers(0, 9, (4, 5, 3, 4))
    for protocol in ("paper", "strict"):
        hist, dropped = histogram(joint, protocol)
        all_scores = scores(hist, protocol)
        for i, j in np.ndindex(4, 5):
            one, one_dropped = histogram(joint[i, j], protocol)
            np.testing.assert_array_equal(one, hist[i, j])
            assert one_dropped == dropped[i, j]
            np.testing.assert_array_equal(scores(one, protocol).figures, all_scores.figures[i, j])
            np.testing.assert_array_equal(scores(one, protocol).iou, all_scores.iou[i, j])


def test_protocols_differ_only_by_the_extra_output_and_absent_classes() -> None:
    joint = np.array([[6, 1], [2, 5]])
    np.testing.assert_allclose(
        scores(joint, "paper").figures, scores(joint, "strict").figures, rtol=1e-12
    )


def test_strict_leaves_absent_classes_out() -> None:
    joint = np.array([[6, 2, 0, 2], [0, 0, 0, 0], [0, 0, 0, 0]])
    result = strict_scores(joint)
    assert result.per_pixel_acc == 0.6
    np.testing.assert_array_equal(result.acc, [0.6, np.nan, np.nan])
    np.testing.assert_array_equal(result.iou, [0.6, 0.0, np.nan])  # class 1 was predicted
    assert (result.per_class_acc, result.class_iou) == (0.6, 0.3)


def test_moving_an_error_to_another_class_does_not_change_pixel_accuracy() -> None:
    joint = np.array([[6, 2, 2], [0, 5, 5]])
    moved = np.array([[6, 4, 0], [5, 5, 0]])
    assert strict_scores(joint).per_pixel_acc == strict_scores(moved).per_pixel_acc


@pytest.mark.parametrize(
    ("target", "prediction", "classes", "outputs", "message"),
    [
        (np.zeros((2, 2), int), np.zeros((2, 3), int), 2, 2, "same shape"),
        (np.zeros((2, 2), int), np.zeros((2, 2)), 2, 2, "expected integers"),
        (np.zeros((2, 2), int), np.full((2, 2), 3), 2, 3, "expected 0 to 2"),
        (np.zeros((2, 2), int), np.full((2, 2), -1), 2, 3, "expected 0 to 2"),
        (np.zeros((2, 2), np.uint8), np.full((2, 2), 3, np.uint8), 2, 3, "of 3, expected 0 to 2"),
        (np.zeros((2, 2), int), np.zeros((2, 2), int), 2, 4, "or one more"),
        (np.zeros((2, 2), int), np.zeros((2, 2), int), 0, 1, "or one more"),
    ],
)
def test_joint_counts_refuses(
    target: NDArray[Any], prediction: NDArray[Any], classes: int, outputs: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        joint_counts(target, prediction, classes, outputs)


def test_unknown_protocol_and_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="'both'"):
        histogram(np.zeros((2, 2), int), "both")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'both'"):
        scores(np.zeros((2, 2), int), "both")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected"):
        strict_histogram(np.zeros(4, int))


def test_golden_argmax_maps_give_the_official_figures(golden: Path) -> None:
    labels = label_set("cityscapes")
    for name, expected_dropped in (("slim_a", 0), ("slim_b", 3)):
        folder = golden / "fcn" / name
        joint = []
        for path in sorted((folder / "expected_argmax").glob("*.png")):
            city = path.stem.split("_")[0]
            ids = folder / "cityscapes/gtFine/val" / city / f"{path.stem}_gtFine_labelIds.png"
            target = labels.id_to_train[np.asarray(Image.open(ids))]
            joint.append(joint_counts(target, np.asarray(Image.open(path)), 19, 20))
        hist, dropped = paper_histogram(np.stack(joint))
        assert dropped.sum() == expected_dropped
        lines = (folder / "expected_evaluation_results.txt").read_text().splitlines()
        expected = [float(line.split(": ")[1]) for line in lines[:3]]
        np.testing.assert_allclose(paper_scores(hist.sum(0)).figures, expected, atol=5.1e-7)
