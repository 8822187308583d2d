"""Score files that nobody has checked: what is whole is read, what is not is named."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from score_files import write_json

from p2p_eval.errors import InputError, StoreError
from p2p_eval.report.read import collect


def change(path: Path, function: Callable[[Any], object]) -> None:
    """Change a document in place."""
    document = json.loads(path.read_text("utf-8"))
    function(document)
    write_json(path, document)


def test_everything_is_read(scored: Path) -> None:
    collected = collect(scored)
    first, second = collected.experiments
    assert (first.name, second.name) == ("L1", "L1+cGAN")
    assert first.metrics
    assert first.metrics.images == len(first.metrics.rows) == 12
    assert first.metrics.rows[3].values["psnr"] == math.inf
    assert first.metrics.metrics["psnr"].infinite == 1
    assert first.metrics.metrics["fid"].std is None
    assert first.metrics.unavailable[0][0] == "lpips[vgg-v0.1]"
    assert first.fcn
    assert first.seg
    assert [entry.protocol for entry in first.fcn.entries] == ["paper", "strict"]
    assert first.fcn.confusion.counts.shape == (19, 20)
    assert first.seg.confusion.counts.shape == (19, 19)
    assert first.color
    assert first.color.histograms["a"].real.sum() > 90_000
    assert set(first.color.sensitivity) == {32, 64, 128, 256}
    assert collected.comparisons[0].winner == "L1"
    assert len(collected.sources) == 2 * 8 + 2
    assert "L1/fcn_score/confusion.npz" in {source.path for source in collected.sources}


def test_a_folder_without_score_files_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "something").mkdir()
    with pytest.raises(InputError, match=r"p2p-eval metrics RESULTS"):
        collect(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        collect(tmp_path / "missing")


@pytest.mark.parametrize(
    "name",
    [
        "metrics/score.json",
        "metrics/values.json",
        "fcn_score/score.json",
        "fcn_score/confusion.npz",
        "seg_score/score.json",
        "color_hist/score.json",
        "color_hist/histogram.csv",
    ],
)
@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[1, 2", b"\xff\xfe\0", b"[" * 100_000, b'{"schema": 3}', None]
)
def test_a_damaged_file_is_named(scored: Path, name: str, data: bytes | None) -> None:
    path = scored / "L1" / name
    path.write_bytes(path.read_bytes()[:-200] if data is None else data)
    with pytest.raises(StoreError, match=name):
        collect(scored)


@pytest.mark.parametrize("name", ["metrics_comparison.json", "metrics_diversity.json"])
def test_damaged_files_of_all_experiments_are_named(scored: Path, name: str) -> None:
    (scored / name).write_text("{}")
    with pytest.raises(StoreError, match=name):
        collect(scored)


@pytest.mark.parametrize("name", ["metrics/values.json", "fcn_score/confusion.npz"])
def test_a_missing_file_is_named(scored: Path, name: str) -> None:
    (scored / "L1" / name).unlink()
    with pytest.raises(StoreError, match=name):
        collect(scored)


def test_a_folder_in_place_of_a_file_is_refused(scored: Path) -> None:
    path = scored / "L1" / "metrics" / "score.json"
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError, match="no regular file"):
        collect(scored)


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        ("mean", "12", "a finite number"),
        ("mean", [1], "a finite number"),
        ("mean", True, "a finite number"),
        ("mean", 10**400, "a finite number"),
        ("better", "more", "higher or lower or zero"),
        ("infinite", -1, "a whole number from 0"),
        ("signature", None, "a text"),
        ("ci95", [1.0], "expected two"),
        ("unit", "x" * 20_000, "at most 16384 characters"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(
    scored: Path, place: str, value: object, expected: str
) -> None:
    path = scored / "L1" / "metrics" / "score.json"
    change(path, lambda document: _psnr(document).update({place: value}))
    with pytest.raises(StoreError, match=expected) as caught:
        collect(scored)
    assert f"psnr.{place}" in str(caught.value)
    assert "score.json" in str(caught.value)


def _psnr(document: Any) -> dict[str, object]:
    metrics: dict[str, dict[str, object]] = document["experiments"][0]["metrics"]
    return metrics["psnr"]


def test_another_schema_is_refused(scored: Path) -> None:
    path = scored / "L1" / "fcn_score" / "score.json"
    change(path, lambda document: document.update(schema="p2p-eval/fcn-score/2"))
    with pytest.raises(StoreError, match="another version"):
        collect(scored)


def test_files_of_different_runs_are_refused(scored: Path) -> None:
    path = scored / "L1" / "metrics" / "score.json"
    change(path, lambda document: document["experiments"][0].update(images=11))
    with pytest.raises(StoreError, match="different runs"):
        collect(scored)


def test_confusion_of_another_run_is_refused(scored: Path) -> None:
    path = scored / "L1" / "seg_score" / "score.json"
    change(path, lambda document: document["experiments"][1].update(frames=5))
    with pytest.raises(StoreError, match="different runs"):
        collect(scored)


@pytest.mark.parametrize(
    "line", ["L,0,1", "L,0,1,x,2", "L,5,1,2,3", "L,0,1,-2,3", "L,0,inf,2,3", "L,0,1,2,9" + "9" * 30]
)
def test_a_wrong_histogram_is_refused(scored: Path, line: str) -> None:
    path = scored / "L1" / "color_hist" / "histogram.csv"
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, line, *rows[1:]]))
    with pytest.raises(StoreError, match=r"histogram\.csv"):
        collect(scored)
