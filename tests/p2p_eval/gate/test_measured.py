"""Score files as the kit writes them become figures that follow from their rows."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from score_files import METRICS, write_json, write_metrics, write_segmentation
from study_results import results

import p2p_eval
from p2p_eval.errors import InputError, StoreError
from p2p_eval.gate.check import check
from p2p_eval.gate.measured import read_scores
from p2p_eval.gate.scored import Scored
from p2p_eval.gate.settings import Settings

IMAGES = [f"image{number}" for number in range(12)]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "scores"
    write_metrics(folder, "L1", IMAGES)
    write_segmentation(folder, "L1", "fcn", frames=12, extra=1)
    write_segmentation(folder, "L1", "seg", seed=1, frames=12)
    photos = results(tmp_path / "photos", "L1", count=12)
    p2p_eval.color_histogram(photos, out=folder, workers=1)
    write_json(
        folder / "study.json",
        {
            "schema": "p2p-eval/study/1",
            "algorithms": [
                {
                    "name": "L1", "labelled_real_pct": 18.9, "bootstrap_std": 2.5,
                    "ci95": [14.0, 24.0], "participants": 50, "trials": 2000, "signature": "study",
                }
            ],
        },
    )  # fmt: skip
    return folder


def of(out: Path, kind: str) -> Scored:
    (found,) = [score for score in read_scores(out).scored if score.kind == kind]
    return found


def test_every_kind_is_read_and_follows_from_its_rows(out: Path) -> None:
    measured = read_scores(out)
    kinds = [score.kind for score in measured.scored]
    assert kinds == ["metrics", "fcn-score", "seg-score", "color-hist", "study"]
    assert measured.notes == ("L1: fid has no value an image, and is not guarded",)
    # The check derives every figure from the rows, and refuses one that does not follow.
    checked = check(measured.scored, measured.scored, Settings(draws=1000))
    assert {figure.verdict for figure in checked.figures} == {"same"}
    names = {figure.name for figure in checked.figures}
    assert {"psnr", "class_iou", "strict.class_iou", "iou[road]", "strict.iou[road]",
            "intersection[L]", "labelled_real_pct"} <= names  # fmt: skip


def test_metrics(out: Path) -> None:
    score = of(out, "metrics")
    assert score.images == tuple(IMAGES)
    assert score.rows.shape == (12, len(METRICS))
    assert math.isinf(score.rows[3, 0])
    stated = json.loads((out / "L1" / "metrics" / "score.json").read_text())
    for figure in score.figures:
        expected = stated["experiments"][0]["metrics"][figure.name]
        assert figure.value == pytest.approx(expected["mean"], rel=1e-12)
        assert (figure.better, figure.unit) == (expected["better"], expected["unit"])
    targets = json.loads((out / "L1" / "metrics" / "values.json").read_text())["rows"]
    assert score.keys == tuple(row["files"]["target"]["sha256"] for row in targets)


def test_segmentation_is_known_by_its_labels(out: Path) -> None:
    score = of(out, "fcn-score")
    entry = json.loads((out / "L1" / "fcn_score" / "score.json").read_text())["experiments"][0]
    values = {figure.name: figure.value for figure in score.figures}
    assert values["class_iou"] == entry["class_iou"]
    assert values[f"acc[{entry['per_class'][3]['class']}]"] == entry["per_class"][3]["acc"]
    assert len(set(score.keys)) == 12
    # Other predictions of the same labels have the same keys.
    turned = score.rows[:, :, ::-1]
    assert np.array_equal(turned.sum(2), score.rows.sum(2))


def test_colours_follow_the_real_images_whatever_their_order(out: Path, tmp_path: Path) -> None:
    score = of(out, "color-hist")
    photos = tmp_path / "photos" / "L1"
    first = photos / "output" / "0.png"
    other = photos / "output" / "1.png"
    changed = other.read_bytes()
    first.write_bytes(changed)  # scored again, so that its row comes last
    p2p_eval.color_histogram(tmp_path / "photos", out=out, workers=1)
    again = of(out, "color-hist")
    assert sorted(again.images) == sorted(score.images)
    checked = check([score], [again], Settings(draws=1000))
    assert all(figure.images == 12 for figure in checked.figures)


def test_a_folder_without_scores(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got no score files"):
        read_scores(tmp_path)
    with pytest.raises(InputError, match="nowhere"):
        read_scores(tmp_path / "nowhere")


def test_an_image_twice(out: Path) -> None:
    write_metrics(out, "L1", [*IMAGES[:-1], IMAGES[0]])
    with pytest.raises(InputError, match="got image 'image0' twice in metrics"):
        read_scores(out)


def test_files_of_two_runs(out: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_metrics(other, "L1", IMAGES, seed=5)
    shutil.copy(other / "L1" / "metrics" / "values.json", out / "L1" / "metrics" / "values.json")
    with pytest.raises(StoreError, match="different runs"):
        read_scores(out)
    write_metrics(out, "L1", IMAGES)
    write_segmentation(other, "L1", "fcn", seed=5, frames=12, extra=1)
    shutil.copy(other / "L1" / "fcn_score" / "confusion.npz", out / "L1" / "fcn_score")
    with pytest.raises(StoreError, match="different runs"):
        read_scores(out)


def test_a_damaged_file(out: Path) -> None:
    path = out / "L1" / "metrics" / "values.json"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(StoreError, match="damaged"):
        read_scores(out)
