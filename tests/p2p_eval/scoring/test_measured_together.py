"""Pairs that a worker measures together have the bytes, and the errors, of each alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from p2p_eval.errors import InputError
from p2p_eval.metrics.catalogue import METRICS
from p2p_eval.metrics.metric import Features, ImageFeatures, Metric
from p2p_eval.scoring import measuring
from p2p_eval.scoring.image_metrics import image_metrics

PAIRS = 20
ODD = 7
"""A pair of another size than the rest."""


def save(path: Path, seed: int, size: tuple[int, int] = (33, 35)) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(image).save(path)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("P2P_EVAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("P2P_EVAL_FEATURES_GIB", "1")
    for place, name in enumerate(("generated", "real")):
        (tmp_path / name).mkdir()
        for n in range(PAIRS):
            size = (40, 36) if n == ODD else (33, 35)
            save(tmp_path / name / f"{n:02d}.png", 100 * place + n, size)
    return tmp_path


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """``near`` is a metric with features; gather how many images they are computed of at a time."""
    counts: list[int] = []

    def features(images: torch.Tensor) -> list[ImageFeatures]:
        counts.append(len(images))
        return [(image.mean((1, 2)), image.std((1, 2))) for image in images.float()]

    def distance(x: ImageFeatures, y: ImageFeatures) -> torch.Tensor:
        return sum(((a - b).abs().sum() for a, b in zip(x, y, strict=True)), start=torch.zeros(()))

    def distances(images: torch.Tensor, others: Sequence[ImageFeatures]) -> torch.Tensor:
        return torch.stack([*map(distance, features(images), others)])

    def measure(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return distances(x, features(y))

    steps = Features(features, distance, distances)
    near = Metric("near", "lower", "", {}, measure, features=steps)
    monkeypatch.setitem(METRICS, "near", near)
    return counts


def measured(folder: Path, metrics: str, out: str = "out", **options: Any) -> dict[str, bytes]:
    settings = {"real": folder / "real", "device": "cpu", "draws": 20, "workers": 2, **options}
    image_metrics(folder / "generated", metrics=metrics, out=folder / out, **settings)
    place = folder / out / "generated" / "metrics"
    return {path.name: path.read_bytes() for path in place.iterdir()}


def alone(folder: Path, metrics: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Measure every pair by itself, with nothing kept."""
    with monkeypatch.context() as patch:
        patch.setattr(measuring, "MOST_PAIRS", 1)
        patch.setenv("P2P_EVAL_FEATURES_GIB", "0")
        return measured(folder, metrics, "alone", workers=1, fresh=True)


def test_the_same_bytes_as_alone(
    folder: Path, batches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = "psnr,ssim,gmsd,ciede2000,near"
    together = measured(folder, names)
    assert max(batches) > 1, "several pairs"
    assert together == alone(folder, names, monkeypatch)


def test_what_is_known_of_some_and_kept_of_others(
    folder: Path, batches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(folder, "gmsd,psnr")
    for n in (1, 2, ODD, 12):
        save(folder / "generated" / f"{n:02d}.png", 500 + n, (40, 36) if n == ODD else (33, 35))
    measured(folder, "near")
    for entry in sorted((folder / "cache" / "features").iterdir())[::2]:
        entry.unlink()
    save(folder / "real" / "04.png", 900)
    mixed = measured(folder, "gmsd,near,psnr,ssim")
    assert mixed == alone(folder, "gmsd,near,psnr,ssim", monkeypatch)


def test_features_lie_straight_behind_any_number_of_bytes(
    folder: Path, batches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pixels of 33 × 35 are no whole number of words."""
    measured(folder, "near")
    entries: list[tuple[torch.Tensor, ...]] = []
    original = measuring.FeatureCache.get

    def get(self: measuring.FeatureCache, key: str) -> tuple[torch.Tensor, ...] | None:
        entry = original(self, key)
        entries.extend([] if entry is None else [entry])
        return entry

    monkeypatch.setattr(measuring.FeatureCache, "get", get)
    measured(folder, "near", fresh=True)
    assert len(entries) == PAIRS
    assert all(t.data_ptr() % t.element_size() == 0 for entry in entries for t in entry)


def test_the_first_error_is_told_and_what_came_before_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "generated" / "03.png").write_bytes(b"no image")
    total = int(np.asarray(Image.open(folder / "generated" / "01.png"), np.int64).sum())

    def undefined(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.where(x.sum((1, 2, 3)) == total, torch.nan, 1.0)

    monkeypatch.setitem(METRICS, "far", Metric("far", "lower", "", {}, undefined))
    with pytest.raises(InputError, match=r"01\.png: far has no value"):
        measured(folder, "far", workers=1)
    place = folder / "out" / "generated" / "metrics"
    assert [path.name for path in place.iterdir()] == ["journal.jsonl"]
    assert len((place / "journal.jsonl").read_text().splitlines()) == 1
    files = measured(folder, "far", workers=1, keep_going=True)
    left_out = json.loads(files["score.json"])["experiments"][0]["left_out"]
    assert [entry[:3] for entry in left_out] == ["01:", "03:"]


@pytest.mark.parametrize("most", [1, 0])
def test_a_gpu_with_little_memory(folder: Path, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit together is measured one by one; what does not fit alone is told."""

    def narrow(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        if len(x) > most:
            raise torch.cuda.OutOfMemoryError("out of memory")
        return x.double().mean((1, 2, 3))

    monkeypatch.setitem(METRICS, "far", Metric("far", "lower", "", {}, narrow))
    if most:
        assert measured(folder, "far") == alone(folder, "far", monkeypatch)
    else:
        with pytest.raises(InputError, match=r"00\.png: the GPU has too little memory for images"):
            measured(folder, "far")
