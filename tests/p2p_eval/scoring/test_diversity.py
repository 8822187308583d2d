"""Diversity of samples: by hand with a stand-in for LPIPS, and what is refused or left out."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from p2p_eval.errors import InputError
from p2p_eval.metrics.catalogue import METRICS
from p2p_eval.metrics.metric import Features, ImageFeatures, Metric
from p2p_eval.scores.statistics import summary
from p2p_eval.scoring.diversity import diversity
from p2p_eval.scoring.diversity_report import DiversityReport

Pixels = NDArray[np.uint8]
IMAGES = 4


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let ``red`` be the distance of the mean red; gather how often features are computed."""
    calls: list[int] = []

    def features(images: torch.Tensor) -> list[ImageFeatures]:
        calls.append(len(images))
        return [(image[0].double().mean(),) for image in images]

    def distance(x: ImageFeatures, y: ImageFeatures) -> torch.Tensor:
        return (x[0] - y[0]).abs()

    def distances(images: torch.Tensor, others: Sequence[ImageFeatures]) -> torch.Tensor:
        return torch.stack([*map(distance, features(images), others)])

    def measure(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return distances(x, features(y))

    steps = Features(features, distance, distances)

    for metric in (
        Metric("red", "lower", "", {"channel": "r"}, measure, 4, steps),
        Metric("plain", "lower", "", {}, measure),
    ):
        monkeypatch.setitem(METRICS, metric.name, metric)
    return calls


def save(path: Path, image: Pixels, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, **options)


def noise(seed: int, height: int = 8, width: int = 6) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def place(folder: Path, sample: str, number: int, role: str = "fake_B") -> Path:
    return folder / sample / "test_latest" / "images" / f"{number}_{role}.png"


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """Three samples of four inputs of several sizes."""
    for index, sample in enumerate(("s1", "s2", "s3")):
        for number in range(IMAGES):
            size = (8 + number, 6)
            save(place(tmp_path, sample, number), noise(100 * index + number, *size))
            save(place(tmp_path, sample, number, "real_A"), noise(1000 + number, *size))
    return tmp_path


def measured(folder: Path, *names: str, **options: Any) -> DiversityReport:
    settings = {"metric": "red", "device": "cpu", "workers": 2, "draws": 99, **options}
    roots = [folder / name for name in names or ("s1", "s2", "s3")]
    return diversity(roots, out=folder / "out", **settings)


def test_values_are_means_over_all_pairs(samples: Path, seen: list[int]) -> None:
    steps: list[tuple[int, int]] = []
    report = measured(samples, seed=4, progress=lambda done, total: steps.append((done, total)))
    for number in range(IMAGES):
        a, b, c = (
            np.array(Image.open(place(samples, sample, number)))[..., 0].mean()
            for sample in ("s1", "s2", "s3")
        )
        expected = (abs(a - b) + abs(a - c) + abs(b - c)) / 3
        assert report.values[str(number)] == pytest.approx(expected, rel=1e-12)
    assert report.figures == summary(np.array([*report.values.values()]), draws=99, seed=4)
    assert (report.samples, report.left_out, report.notes) == (("s1", "s2", "s3"), (), ())
    assert report.signature.startswith("diversity|metric:red|samples:3|channel:r|device:cpu|")
    assert report.signature.endswith("|jpeg:no|bootstrap:99|seed:4")
    assert steps == [(n, IMAGES) for n in range(1, IMAGES + 1)]
    assert seen == [3] * IMAGES


def test_files_hold_what_the_report_holds(samples: Path, seen: list[int]) -> None:
    report = measured(samples)
    out = samples / "out"
    assert {path.name for path in out.iterdir()} - {".p2p-eval.lock"} == {
        "metrics_diversity.json", "metrics_diversity.csv",
    }  # fmt: skip
    document = json.loads((out / "metrics_diversity.json").read_text())
    assert document == {"schema": "p2p-eval/metrics-diversity/1", **report.to_json()}
    assert (document["images"], document["better"]) == (IMAGES, "higher")
    with (out / "metrics_diversity.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows == [["image", "red"], *([k, repr(v)] for k, v in report.values.items())]


def test_the_order_of_samples_does_not_matter(samples: Path, seen: list[int]) -> None:
    assert measured(samples).values == pytest.approx(measured(samples, "s3", "s1", "s2").values)


def test_copies_have_no_diversity_and_are_noted(samples: Path, seen: list[int]) -> None:
    shutil.copytree(samples / "s1", samples / "copy")
    report = measured(samples, "s1", "copy")
    assert set(report.values.values()) == {0}
    assert f"{IMAGES} of {IMAGES} inputs all samples are the very same file" in report.notes[0]


def test_one_input_has_no_interval(samples: Path, seen: list[int]) -> None:
    for number in range(1, IMAGES):
        for path in samples.glob(f"s*/test_latest/images/{number}_*"):
            path.unlink()
    report = measured(samples)
    assert (report.to_json()["std"], report.to_json()["ci95"]) == (None, [None, None])
    assert "one input" in report.notes[0]


def test_an_interrupted_run_goes_on(samples: Path, seen: list[int]) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measured(samples, progress=interrupt, workers=1)
    seen.clear()
    assert len(measured(samples, workers=1).values) == IMAGES
    assert seen == [3] * (IMAGES - 2)
    seen.clear()
    measured(samples)
    assert len(seen) == IMAGES, "the journal of a run that is done does not stay"


def test_fresh_forgets_an_interrupted_run(samples: Path, seen: list[int]) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measured(samples, progress=interrupt)
    seen.clear()
    measured(samples, fresh=True)
    assert len(seen) == IMAGES


def test_inputs_may_be_saved_otherwise_but_not_be_others(samples: Path, seen: list[int]) -> None:
    path = place(samples, "s2", 1, "real_A")
    save(path, noise(1001, 9, 6), compress_level=0)
    assert len(measured(samples).values) == IMAGES
    save(path, noise(7, 9, 6))
    with pytest.raises(InputError, match=r"s2.*1_real_A\.png: got another input image than .*s1"):
        measured(samples)
    report = measured(samples, keep_going=True)
    assert set(report.values) == {"0", "2", "3"}
    assert report.left_out[0].startswith("1: ")


def test_a_missing_sample_is_named(samples: Path, seen: list[int]) -> None:
    place(samples, "s3", 2).unlink()
    with pytest.raises(InputError, match=r"1 input without a sample .*2: s3 has no sample of it"):
        measured(samples)
    report = measured(samples, keep_going=True)
    assert report.left_out == ("2: s3 has no sample of it",)
    assert set(report.values) == {"0", "1", "3"}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:50]), r"0_fake_B\.png: the image is"),
        (lambda path: save(path, noise(1, 9, 9)), r"got 9×9 pixels, .* has 6×8, expected samples"),
    ],
)
def test_a_spoilt_sample_is_named(samples: Path, seen: list[int], spoil: Any, message: str) -> None:
    spoil(place(samples, "s2", 0))
    with pytest.raises(InputError, match=message):
        measured(samples)
    assert set(measured(samples, keep_going=True).values) == {"1", "2", "3"}


def test_small_images_are_refused(samples: Path, seen: list[int]) -> None:
    for sample in ("s1", "s2", "s3"):
        save(place(samples, sample, 0), noise(0, 3, 9))
    with pytest.raises(
        InputError, match="got 9×3 pixels, expected at least 4 on each side for red"
    ):
        measured(samples)


def test_when_nothing_is_left_it_says_why(samples: Path, seen: list[int]) -> None:
    for path in samples.glob("s2/test_latest/images/*_fake_B.png"):
        path.write_bytes(b"")
    with pytest.raises(InputError, match="none of the 4 inputs can be used; the first: 0: "):
        measured(samples, keep_going=True)


def test_fewer_than_two_samples_are_refused(samples: Path, seen: list[int]) -> None:
    with pytest.raises(InputError, match=r"got 1 experiment \(s1\), expected two or more"):
        measured(samples, "s1")


def test_samples_of_other_inputs_are_refused(samples: Path, seen: list[int]) -> None:
    save(place(samples, "other", 77), noise(0))
    with pytest.raises(InputError, match="no image in common"):
        measured(samples, "s1", "other", keep_going=True)


@pytest.mark.parametrize("metric", ["plain", "fid", "psnr,ssim", "nothing"])
def test_other_metrics_are_refused(samples: Path, seen: list[int], metric: str) -> None:
    with pytest.raises(InputError, match=f"got metric '{metric}'"):
        measured(samples, metric=metric)


@pytest.mark.parametrize("option", ["workers", "seed", "draws"])
def test_options_out_of_range_are_refused(samples: Path, seen: list[int], option: str) -> None:
    with pytest.raises(InputError, match=f"got {option} -1"):
        measured(samples, **{option: -1})


def test_without_weights_it_says_so(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(InputError, match="no route to host"):
        measured(samples, metric="lpips")
