"""The report's texts: what is unknown is null, what collapses is named, no cell is a formula."""

from __future__ import annotations

import json

import numpy as np

from p2p_eval.scoring.segmentation_report import (
    SegmentationReport,
    official_text,
    per_image_csv,
    score_experiment,
)

CLASSES = ("road", "=HYPERLINK()", "sky")
COUNTS = np.array([[[8, 0, 2], [0, 0, 0], [1, 0, 3]], [[9, 0, 1], [0, 0, 0], [3, 0, 1]]])


def score(counts: np.ndarray, protocol: str = "strict", **more: object) -> SegmentationReport:
    names = [f"frame{i}" for i in range(len(counts))]
    entry = score_experiment(
        "run", names, counts, CLASSES, protocol,  # type: ignore[arg-type]
        signature="fcn-score|protocol:x", draws=20, seed=0, **more,  # type: ignore[arg-type]
    )  # fmt: skip
    return SegmentationReport((entry,), "0" * 64)


def test_absent_class_is_null_in_json_and_nan_in_the_text() -> None:
    report = score(COUNTS)
    document = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert document["experiments"][0]["per_class"][1] == {
        "class": "=HYPERLINK()", "acc": None, "iou": None,
    }  # fmt: skip
    assert "=HYPERLINK()   : acc = nan, iou = nan\n" in official_text(report.experiments[0])
    assert "=HYPERLINK()   : acc = 0.000000, iou = 0.000000\n" in official_text(
        score(COUNTS, "paper").experiments[0]
    )


def test_no_cell_is_a_formula() -> None:
    counts = np.zeros((1, 3, 3), int)
    counts[0, :, 1] = 5
    text = per_image_csv(["-frame"], counts, CLASSES, "strict")
    assert text.splitlines()[1].startswith("'-frame,")
    assert text.splitlines()[1].endswith(",'=HYPERLINK()")


def test_collapse_needs_labels_of_more_than_one_class() -> None:
    honest = np.zeros((2, 3, 3), int)
    honest[:, 0, 0] = 100
    assert score(honest).notes == []
    collapsed = np.zeros((2, 3, 4), int)
    collapsed[:, :, 3] = 5
    (note,) = score(collapsed).notes
    assert "100.0% of the pixels are predicted as the extra output" in note


def test_the_strict_protocol_is_explained_by_what_differs() -> None:
    extra = np.zeros((2, 3, 4), int)
    extra[:, :, :3] = np.eye(3, dtype=int) * 9
    extra[0, 0, 3] = 1
    dropped = extra.copy()
    dropped[1, 2, 3] = 1
    for counts, reasons in (
        (COUNTS, "absent classes left out of the means"),
        (extra, "the extra output counted as an error"),
        (dropped, "no frame dropped, the extra output counted as an error"),
    ):
        (note,) = (n for n in score(counts, "paper").notes if "strict protocol gives" in n)
        assert note.endswith(f" (pixel / class / IOU): {reasons}")


def test_fewer_than_two_frames_have_no_interval() -> None:
    """Not one without width: nothing is known about the differences between frames."""
    extra = np.concatenate([COUNTS, np.zeros((2, 3, 1), int)], axis=2)
    dropped = extra.copy()
    dropped[1, 2, 3] = 1  # the official script drops this frame
    unknown = [[None, None]] * 3
    for counts, protocol, count in (
        (COUNTS[:1], "strict", "1 of 1"),
        (dropped, "paper", "1 of 2"),
        (dropped[1:], "paper", "0 of 1"),
    ):
        report = score(counts, protocol)
        (entry,) = report.to_json()["experiments"]
        assert list(entry["ci95"].values()) == unknown
        assert any(f"{count} frames count: no 95 % intervals" in note for note in report.notes)
    for counts, protocol in ((COUNTS, "strict"), (extra, "paper"), (dropped, "strict")):
        report = score(counts, protocol)
        (entry,) = report.to_json()["experiments"]
        assert all(None not in ends for ends in entry["ci95"].values())
        assert not any("intervals" in note for note in report.notes)


def test_long_class_names_are_not_cut() -> None:
    entry = score_experiment(
        "run", ["a"], COUNTS[:1], ("a name of over fifteen", "b", "c"), "paper",
        signature="fcn-score", draws=2, seed=0,
    )  # fmt: skip
    assert "\na name of over fifteen: acc = 0.800000" in official_text(entry)


def test_notes_and_left_out_frames_come_once() -> None:
    one = score(COUNTS, notes=["look"], left_out=["frame9: it is gray"])
    twice = SegmentationReport(one.experiments * 2, "0" * 64)
    assert twice.notes == ["run: look"]
    assert twice.left_out == ["run/frame9: it is gray"]


def test_what_makes_a_figure_wrong_is_a_warning() -> None:
    extra = np.concatenate([COUNTS, np.zeros((2, 3, 1), int)], axis=2)
    extra[1, 2, 3] = 1
    report = score(extra, "paper", notes=["note: look", "warning: JPEG"])
    jpeg, dropped = report.warnings
    assert jpeg == "run: warning: JPEG"
    assert "1 of 2 frames are dropped" in dropped
    assert [note for note in report.notes if note not in report.warnings] != []
