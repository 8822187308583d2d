"""FID and KID in the report: stored, reused by content, recomputed when something changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from p2p_eval.errors import InputError, StoreError
from p2p_eval.scoring import image_metrics as module
from p2p_eval.scoring.image_metrics import ImageMetricsReport, image_metrics
from p2p_eval.scoring.set_metrics import ImageSet, SetFigure


class Standin:
    """Computes from nothing but the number of calls, as SetMetrics does from images."""

    calls = 0

    def __init__(self, *, device: str, seed: int) -> None:
        self._seed = seed

    def __enter__(self) -> Standin:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def settings(self, name: str, images: int) -> dict[str, str]:
        return {"images": str(images)} | ({"seed": str(self._seed)} if name == "kid" else {})

    def measure(
        self,
        names: Collection[str],
        generated: ImageSet,
        real: ImageSet,
        *,
        step: Callable[[], None],
    ) -> dict[str, SetFigure]:
        for _ in (*generated.images, *real.images):
            step()
        type(self).calls += 1
        return {
            name: SetFigure(12.5 + self.calls, 0.5 if name == "kid" else None) for name in names
        }


@pytest.fixture(autouse=True)
def standin(monkeypatch: pytest.MonkeyPatch) -> type[Standin]:
    monkeypatch.setattr(Standin, "calls", 0)
    monkeypatch.setattr(module, "SetMetrics", Standin)
    return Standin


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(3):
        for index, name in enumerate(("a", "b")):
            for role in ("fake_B", "real_B"):
                path = tmp_path / "results" / name / f"{number}_{role}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                seed = number if role == "real_B" else 10 + 10 * index + number
                pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)
                Image.fromarray(pixels).save(path)
    return tmp_path


def score(folder: Path, *names: str, **options: Any) -> ImageMetricsReport:
    return image_metrics(
        folder / "results", metrics=names, out=folder / "out", device="cpu", draws=20, **options
    )


def test_they_stand_beside_the_others(folder: Path) -> None:
    document = score(folder, "fid", "psnr", "kid").to_json()
    metrics = document["experiments"][0]["metrics"]
    assert list(metrics) == ["psnr", "fid", "kid"]
    fid = metrics["fid"]
    assert fid.pop("signature").startswith("fid|images:3|jpeg:no|version:")
    assert fid == {
        "mean": 13.5, "std": None, "ci95": [None, None], "better": "lower", "unit": "",
        "infinite": 0,
    }  # fmt: skip
    assert metrics["kid"]["std"] == 0.5
    assert "seed:0" in metrics["kid"]["signature"]
    assert any("fid of 3 images" in note for note in document["experiments"][0]["notes"])
    header = (folder / "out/a/metrics/per_image.csv").read_text().splitlines()[0]
    assert header == "image,psnr"


def test_they_do_without_other_metrics(folder: Path) -> None:
    assert score(folder, "fid").to_json()["experiments"][1]["metrics"]["fid"]["mean"] == 14.5


def test_alone_they_leave_out_what_is_damaged(folder: Path) -> None:
    (folder / "results/a/1_fake_B.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"1_fake_B\.png: the image is damaged"):
        score(folder, "fid")
    report = score(folder, "fid", keep_going=True)
    assert report.experiments[0].images == 2
    assert "images:2|" in report.experiments[0].metrics[0].signature
    assert report.left_out[0].startswith("a/1: ")


def test_equal_content_is_not_computed_again(folder: Path, standin: type[Standin]) -> None:
    first = score(folder, "fid", "kid").to_json()
    again = score(folder, "fid", "kid").to_json()
    assert standin.calls == 2
    assert first == again


def test_what_changed_is_computed_again(folder: Path, standin: type[Standin]) -> None:
    score(folder, "fid", "kid")
    score(folder, "fid", "kid", seed=1)
    assert standin.calls == 4, "another seed draws other subsets"
    score(folder, "fid", "kid", seed=1, fresh=True)
    assert standin.calls == 6
    path = folder / "results/b/1_fake_B.png"
    path.write_bytes((folder / "results/b/2_fake_B.png").read_bytes())
    score(folder, "fid", "kid", seed=1)
    assert standin.calls == 7


def test_progress_counts_images_of_sets(folder: Path) -> None:
    steps: list[tuple[int, int]] = []
    score(folder, "fid", progress=lambda done, total: steps.append((done, total)))
    assert steps[:6] == [(n, 6) for n in range(1, 7)]
    assert steps[6] == (1, 9), "two sets of generated images, and the real ones once"


@pytest.mark.parametrize(
    "damage",
    [
        "", "[]", "{}", '{"schema": "other/1", "figures": []}',
        '{"schema": "p2p-eval/metrics-sets/1", "figures": [{"key": "0"}]}',
        '{"schema": "p2p-eval/metrics-sets/1", "figures": [{"key": "0", "value": NaN, "std": 1}]}',
        "[" * 100_000,
    ],
)  # fmt: skip
def test_a_damaged_file_is_named(folder: Path, damage: str) -> None:
    score(folder, "fid")
    (folder / "out/b/metrics/sets.json").write_text(damage)
    with pytest.raises(StoreError, match=r"b/metrics/sets\.json: damaged.*--fresh"):
        score(folder, "fid")
    score(folder, "fid", fresh=True)


def test_when_they_cannot_run_the_others_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(**_: object) -> None:
        raise InputError("no weights")

    monkeypatch.setattr(module, "SetMetrics", lacking)
    document = score(folder, "psnr", "fid", "kid").to_json()
    assert document["unavailable"] == [
        {"metric": "fid", "reason": "no weights"}, {"metric": "kid", "reason": "no weights"},
    ]  # fmt: skip
    assert list(document["experiments"][0]["metrics"]) == ["psnr"]
    assert json.loads((folder / "out/a/metrics/score.json").read_text())["unavailable"]
    assert not (folder / "out/a/metrics/sets.json").exists()


def test_when_nothing_else_was_asked_for_nothing_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(**_: object) -> None:
        raise InputError("no weights")

    monkeypatch.setattr(module, "SetMetrics", lacking)
    with pytest.raises(InputError, match="none of the metrics asked for can run\nfid: no weights"):
        score(folder, "fid")
    assert not list((folder / "out").rglob("*.json"))


def test_they_are_not_compared_image_by_image(folder: Path) -> None:
    document = score(folder, "psnr", "fid", compare=True).to_json()
    assert [entry["metric"] for entry in document["comparisons"]] == ["psnr"]
