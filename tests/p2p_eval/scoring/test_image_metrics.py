"""Folders in, score files out: what is measured, when, from which files, and what is refused."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from p2p_eval.errors import InputError, StoreError
from p2p_eval.metrics.catalogue import METRICS
from p2p_eval.metrics.metric import Features, ImageFeatures, Metric
from p2p_eval.scores.values_file import read_metric_values
from p2p_eval.scoring.image_metrics import ImageMetricsReport, image_metrics

Pixels = NDArray[np.uint8]


@dataclasses.dataclass
class Counted:
    """Stand-ins for metrics, and of how many images each was computed."""

    calls: dict[str, int]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """``near`` has features, ``far`` has none; both count their images."""
    calls = {"near": 0, "features": 0, "far": 0}

    def features(images: torch.Tensor) -> list[ImageFeatures]:
        calls["features"] += len(images)
        return [(image.mean((1, 2)), image.std((1, 2))) for image in images.float()]

    def near(x: ImageFeatures, y: ImageFeatures) -> torch.Tensor:
        calls["near"] += 1
        return sum(((a - b).abs().sum() for a, b in zip(x, y, strict=True)), start=torch.zeros(()))

    def far(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        calls["far"] += len(x)
        return (x.double() - y.double()).square().mean((1, 2, 3))

    def distances(images: torch.Tensor, others: Sequence[ImageFeatures]) -> torch.Tensor:
        return torch.stack([*map(near, features(images), others)])

    two_steps = Features(features, near, distances)
    for metric in (
        Metric("near", "lower", "", {"input": "uint8"},
               lambda x, y: distances(x, features(y)),
               features=two_steps),
        Metric("far", "higher", "dB", {"peak": "255"}, far, smallest=8),
    ):  # fmt: skip
        monkeypatch.setitem(METRICS, metric.name, metric)
    return Counted(calls)


def pixels(seed: int, height: int = 24, width: int = 20) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path: Path, image: Pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


@pytest.fixture
def street(tmp_path: Path) -> Path:
    """Five pairs of two experiments, of several sizes, in the PyTorch layout."""
    for number in range(5):
        for index, name in enumerate(("L1", "cGAN")):
            size = (24 + number, 20)
            folder = tmp_path / "results" / name / "test_latest" / "images"
            save(folder / f"{number}_real_A.png", pixels(200 + number, *size))
            save(folder / f"{number}_real_B.png", pixels(number, *size))
            save(folder / f"{number}_fake_B.png", pixels(100 + 10 * index + number, *size))
    return tmp_path


def score(street: Path, *names: str, **options: Any) -> ImageMetricsReport:
    settings = {"out": street / "out", "device": "cpu", "draws": 50, "workers": 2, **options}
    return image_metrics(street / "results", metrics=names or ("near", "far"), **settings)


def files(street: Path, experiment: str = "L1") -> dict[str, bytes]:
    folder = street / "out" / experiment / "metrics"
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def image_of(street: Path, name: str, experiment: str = "L1") -> Path:
    return street / "results" / experiment / "test_latest" / "images" / name


def test_report_and_files(street: Path, counted: Counted) -> None:
    steps: list[tuple[int, int]] = []
    report = score(street, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(n, 10) for n in range(1, 11)]
    document = report.to_json()
    assert document["schema"] == "p2p-eval/metrics/1"
    assert [entry["name"] for entry in document["experiments"]] == ["L1", "cGAN"]
    entry = document["experiments"][0]
    assert entry["images"] == 5
    assert list(entry["metrics"]) == ["near", "far"]
    far = entry["metrics"]["far"]
    assert (far["better"], far["unit"], far["infinite"]) == ("higher", "dB", 0)
    assert far["signature"] == (
        "far|peak:255|device:cpu|jpeg:no|bootstrap:50|seed:0|version:"
        + far["signature"].rpartition(":")[2]
    )
    written = files(street)
    assert set(written) == {"values.json", "per_image.csv", "score.json"}
    alone = json.loads(written["score.json"])
    assert alone == {**document, "experiments": [entry]}
    rows = list(csv.DictReader(io.StringIO(written["per_image.csv"].decode())))
    assert list(rows[0]) == ["image", "near", "far"]
    expected = [
        float(((pixels(100 + n, 24 + n) / 1.0 - pixels(n, 24 + n)) ** 2).mean()) for n in range(5)
    ]
    np.testing.assert_allclose([float(row["far"]) for row in rows], expected, rtol=1e-12)
    assert far["mean"] == pytest.approx(np.mean(expected), rel=1e-12)
    assert far["std"] == pytest.approx(np.std(expected, ddof=1), rel=1e-12)
    assert far["ci95"][0] <= far["mean"] <= far["ci95"][1]


def test_values_file_leads_to_the_images(street: Path, counted: Counted) -> None:
    score(street)
    values = read_metric_values(street / "out/L1/metrics/values.json")
    assert values.experiment == "L1"
    assert [row.image for row in values.rows] == list("01234")
    row = values.rows[3]
    for role, name in (("output", "fake_B"), ("target", "real_B"), ("input", "real_A")):
        path = (street / "out" / row.files[role].path).resolve()
        assert path == image_of(street, f"3_{name}.png").resolve()
        assert row.files[role].half is None
    rows = csv.DictReader(io.StringIO(files(street)["per_image.csv"].decode()))
    assert [float(cells["near"]) for cells in rows] == [r.values["near"] for r in values.rows]


def test_several_roots_and_a_string(street: Path, counted: Counted) -> None:
    other = street / "again" / "L1"
    shutil.copytree(street / "results" / "cGAN", other)
    report = image_metrics(
        [str(street / "results"), other], metrics=["far"], out=street / "out", draws=10
    )
    assert [entry.name for entry in report.experiments] == ["results-L1", "cGAN", "again-L1"]
    assert report.experiments[1].metrics[0].mean == report.experiments[2].metrics[0].mean
    report = image_metrics(str(other), metrics=["far"], out=str(street / "out"), draws=10)
    assert [entry.name for entry in report.experiments] == ["L1"]


def test_all_layouts_give_the_same_values(tmp_path: Path, counted: Counted) -> None:
    made: dict[str, tuple[Path, Path | None]] = {
        "pytorch": (tmp_path / "pytorch", None),
        "torch": (tmp_path / "torch", None),
        "tensorflow": (tmp_path / "tensorflow", None),
        "folder": (tmp_path / "folder", tmp_path / "real"),
        "side-by-side": (tmp_path / "sides", tmp_path / "real"),
    }
    for n in range(3):
        real, fake, sketch = pixels(n), pixels(10 + n), pixels(20 + n)
        for role, image in (("fake_B", fake), ("real_A", sketch), ("real_B", real)):
            save(tmp_path / f"pytorch/{n}_{role}.png", image)
        for role, image in (("output", fake), ("input", sketch), ("target", real)):
            save(tmp_path / f"torch/{role}/{n}.png", image)
        for role, image in (("outputs", fake), ("inputs", sketch), ("targets", real)):
            save(tmp_path / f"tensorflow/{n}-{role}.png", image)
        save(tmp_path / f"folder/{n}.png", fake)
        save(tmp_path / f"sides/{n}.png", np.concatenate([sketch, fake], 1))
        save(tmp_path / f"real/{n}.png", real)
    found = {}
    for layout, (root, reals) in made.items():
        chosen = layout if layout == "side-by-side" else "auto"
        out = tmp_path / "out" / layout
        report = image_metrics(
            root, metrics=["near", "far"], real=reals, layout=chosen, out=out, draws=10
        )
        (entry,) = report.experiments
        found[layout] = (out / entry.name / "metrics" / "per_image.csv").read_bytes()
    assert len(set(found.values())) == 1
    rows = read_metric_values(tmp_path / "out/side-by-side/sides/metrics/values.json").rows
    assert [rows[0].files[role].half for role in ("output", "target", "input")] == [
        "right", None, "left",
    ]  # fmt: skip


def test_values_depend_on_no_other_image_and_no_number_of_workers(
    street: Path, counted: Counted
) -> None:
    score(street, workers=1)
    first = files(street)
    threads = torch.get_num_threads()
    for workers in (2, 5):
        score(street, workers=workers, fresh=True)
        assert files(street) == first
    assert torch.get_num_threads() == threads


@pytest.mark.gpu
def test_a_gpu_gives_the_same_values(street: Path) -> None:
    names = "psnr,ssim[rgb],gmsd"
    values = {}
    for device in ("cpu", "cuda"):
        report = image_metrics(
            street / "results", metrics=names, device=device, out=street / device, draws=10
        )
        assert f"|device:{device}|" in report.experiments[0].metrics[0].signature
        rows = read_metric_values(street / device / "L1/metrics/values.json").rows
        values[device] = [list(row.values.values()) for row in rows]
    np.testing.assert_allclose(values["cuda"], values["cpu"], rtol=0, atol=1e-8)


# ---- what is measured again and what is not


def test_only_what_is_new_is_measured(street: Path, counted: Counted) -> None:
    score(street, "far")
    assert counted.calls == {"far": 10, "near": 0, "features": 0}
    score(street, "far", "near", seed=3)
    assert counted.calls == {"far": 10, "near": 10, "features": 20}
    both = files(street)
    score(street, "far", "near", seed=3)
    assert counted.calls == {"far": 10, "near": 10, "features": 20}
    assert files(street) == both
    save(image_of(street, "2_real_B.png"), pixels(77, 26))
    score(street, "far", "near")
    assert counted.calls == {"far": 11, "near": 11, "features": 22}
    score(street, "far", "near", fresh=True)
    assert counted.calls["far"] == 21


def test_other_settings_of_a_metric_reuse_nothing(
    street: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    score(street, "far")
    monkeypatch.setitem(METRICS, "far", dataclasses.replace(METRICS["far"], settings={"peak": "1"}))
    score(street, "far")
    assert counted.calls["far"] == 20


def test_names_and_places_of_files_do_not_matter(street: Path, counted: Counted) -> None:
    score(street, "far")
    for role in ("fake_B", "real_A", "real_B"):
        image_of(street, f"4_{role}.png").rename(image_of(street, f"seven_{role}.png"))
    score(street, "far")
    assert counted.calls["far"] == 10
    assert b"\nseven," in files(street)["per_image.csv"]


def test_a_half_is_a_content_of_its_own(tmp_path: Path, counted: Counted) -> None:
    both = np.concatenate([pixels(1), pixels(2)], 1)
    save(tmp_path / "results" / "0.png", both)
    save(tmp_path / "real" / "0.png", pixels(2))
    means = []
    for layout in ("side-by-side", "side-by-side:BA"):
        report = score(tmp_path, "far", layout=layout, real=tmp_path / "real")
        means.append(report.experiments[0].metrics[0].mean)
    assert means[0] == 0
    assert means[1] > 0


@pytest.fixture
def cached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("P2P_EVAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("P2P_EVAL_FEATURES_GIB", "1")
    return tmp_path / "cache" / "features"


def test_features_of_real_images_are_kept(street: Path, counted: Counted, cached: Path) -> None:
    score(street)
    first = files(street)
    assert counted.calls["features"] == 15  # 5 real ones, 10 generated ones
    assert len(list(cached.iterdir())) == 5  # pixels and features together
    score(street, fresh=True)
    assert counted.calls["features"] == 25
    assert files(street) == first
    for path in cached.iterdir():
        path.write_bytes(path.read_bytes()[:-3])
    score(street, fresh=True)
    assert files(street) == first
    shutil.rmtree(cached)
    score(street, fresh=True)
    assert files(street) == first


def test_one_file_is_read_once(
    street: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    original = Path.open

    def spy(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.suffix == ".png":
            opened.append(path.name)
        return original(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", spy)
    image_metrics(street / "results" / "L1", metrics="near,far", out=street / "out", draws=10)
    assert opened.pop(0) == "0_fake_B.png"  # its header says how many are taken at a time
    assert sorted(opened) == sorted(
        f"{n}_{role}.png" for n in range(5) for role in ("fake_B", "real_A", "real_B")
    )
    opened.clear()
    save(street / "sides" / "0.png", np.concatenate([pixels(1), pixels(2)], 1))
    save(street / "real" / "0.png", pixels(3))
    image_metrics(
        street / "sides", metrics="far", layout="side-by-side", real=street / "real",
        out=street / "out", draws=10,
    )  # fmt: skip
    assert opened == ["0.png"] * 3


# ---- what is said of odd input


def test_identical_images_are_infinite_and_noted(street: Path) -> None:
    shutil.copy(image_of(street, "1_real_B.png"), image_of(street, "1_fake_B.png"))
    report = score(street, "psnr")
    (psnr,) = report.experiments[0].metrics
    assert psnr.infinite == 1
    assert math.isfinite(psnr.mean)
    assert b"\n1,inf\n" in files(street)["per_image.csv"]
    assert b'"psnr": "inf"' in files(street)["values.json"]
    first = files(street)
    score(street, "psnr")
    assert files(street) == first
    (note,) = [note for note in report.notes if "very files" in note]
    assert note.startswith("L1: note: 1 of 5")
    assert report.warnings == []


def test_jpegs_are_warned_about(street: Path, counted: Counted) -> None:
    path = image_of(street, "1_fake_B.png")
    with Image.open(path) as image:
        image.save(path, "JPEG")
    report = score(street)
    assert [warning.partition(": the figures")[0] for warning in report.warnings] == [
        "L1: warning: 1 of 5 images are JPEGs"
    ]
    assert "|jpeg:some|" in report.experiments[0].metrics[0].signature
    assert score(street).warnings == report.warnings  # of stored values, too


def test_one_image_has_no_interval(tmp_path: Path, counted: Counted) -> None:
    save(tmp_path / "results" / "0.png", pixels(1))
    save(tmp_path / "real" / "0.png", pixels(2))
    report = score(tmp_path, "far", real=tmp_path / "real")
    far = report.to_json()["experiments"][0]["metrics"]["far"]
    assert far["mean"] > 0
    assert (far["std"], far["ci95"]) == (None, [None, None])
    assert any("one image" in note for note in report.notes)


def corrupt(street: Path) -> None:
    path = image_of(street, "3_fake_B.png", "cGAN")
    path.write_bytes(path.read_bytes()[:200])


def resize(street: Path) -> None:
    save(image_of(street, "3_fake_B.png", "cGAN"), pixels(1, 27, 21))


def shrink(street: Path) -> None:
    for name in ("3_fake_B.png", "3_real_B.png"):
        save(image_of(street, name, "cGAN"), pixels(1, 1, 1))


def to_gray(street: Path) -> None:
    with Image.open(path := image_of(street, "3_fake_B.png", "cGAN")) as image:
        image.convert("L").save(path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (corrupt, r"3_fake_B\.png: the image is damaged"),
        (resize, r"3_fake_B\.png: got 21×27 pixels, .*3_real_B\.png has 20×27, .*generate at"),
        (shrink, r"3_fake_B\.png: got 1×1 pixels, expected at least 8 on each side for far"),
        (to_gray, r"3_fake_B\.png: got a gray image"),
    ],
)
def test_an_image_that_cannot_be_used(
    street: Path, counted: Counted, damage: Callable[[Path], None], message: str
) -> None:
    damage(street)
    with pytest.raises(InputError, match=message) as caught:
        score(street)
    assert "--keep-going" in str(caught.value)
    assert set(files(street)) == {"journal.jsonl"}  # what was measured is kept
    calls = counted.calls["far"]
    assert calls >= 8
    report = score(street, keep_going=True)
    assert counted.calls["far"] <= calls + 1
    (left_out,) = report.left_out
    assert left_out.startswith("cGAN/3: ")
    assert "3_fake_B.png" not in left_out
    assert [entry.images for entry in report.experiments] == [5, 4]
    entry = report.to_json()["experiments"][1]
    assert entry["left_out"] == [left_out.removeprefix("cGAN/")]
    assert b"\n3," not in files(street, "cGAN")["per_image.csv"]


def test_nothing_can_be_used(street: Path, counted: Counted) -> None:
    for n in range(5):
        image_of(street, f"{n}_fake_B.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="none of the 5 pairs can be used; the first: 0: "):
        score(street, keep_going=True)


def test_a_metric_without_a_value(
    street: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    for n in range(5):  # of one size, so that they are measured together
        save(image_of(street, f"{n}_fake_B.png"), pixels(n))
        save(image_of(street, f"{n}_real_B.png"), pixels(50 + n))
    first = int(pixels(0).sum())

    def undefined(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        batches.append(len(x))
        return torch.where(x.sum((1, 2, 3)) == first, math.nan, 1.0)

    monkeypatch.setitem(METRICS, "far", dataclasses.replace(METRICS["far"], measure=undefined))
    with pytest.raises(InputError, match=r"0_fake_B\.png: far has no value for this image"):
        score(street)
    report = score(street, "far", keep_going=True)
    assert [entry.split(":")[0] for entry in report.experiments[0].left_out] == ["0"]
    assert report.experiments[0].images == 4
    assert max(batches) == 3  # of two workers


def test_a_fault_is_not_taken_for_bad_input(
    street: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("a fault")

    monkeypatch.setitem(METRICS, "far", dataclasses.replace(METRICS["far"], measure=broken))
    threads = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="a fault"):
        score(street, keep_going=True)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers"),
        ({"seed": -1}, "seed"),
        ({"draws": 0}, "draws"),
        ({"device": "tpu"}, "device"),
        ({"layout": "mine"}, "layout"),
        ({"lpips_weights": "x.pth"}, "exactly one"),
    ],
)
def test_options_that_cannot_be(
    street: Path, counted: Counted, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        score(street, **options)
    assert not (street / "out").exists()


def test_a_damaged_values_file(street: Path, counted: Counted) -> None:
    score(street)
    first = files(street)
    path = street / "out/L1/metrics/values.json"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(StoreError, match=r"values\.json: damaged.*--fresh"):
        score(street)
    score(street, fresh=True)
    assert files(street) == first


def test_unavailable_metrics_are_named_and_the_others_run(
    street: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def offline(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    report = score(street, "far", "lpips")
    assert [metric.name for metric in report.experiments[0].metrics] == ["far"]
    (unavailable,) = report.to_json()["unavailable"]
    assert unavailable["metric"] == "lpips[alex-v0.1]"
    with pytest.raises(InputError, match=r"lpips\[alex-v0.1\]"):
        score(street, "lpips")


def test_a_comparison_lives_as_long_as_the_values_it_speaks_of(
    street: Path, counted: Counted
) -> None:
    path = street / "out/metrics_comparison.json"
    score(street, compare=True)
    score(street)
    assert path.exists()  # nothing has changed
    results = street / "results"
    image_metrics(results / "L1", metrics=["far"], out=street / "out/other", draws=10)
    assert path.exists()  # of another folder
    save(results / "L1/test_latest/images/0_fake_B.png", pixels(300))
    score(street)
    assert not path.exists()
    score(street, compare=True)
    score(street, "far")
    assert not path.exists()  # of a metric that the files no longer hold
    path.write_text("[" * 100_000)
    score(street)
    assert not path.exists()


def test_relative_paths(street: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(street)
    image_metrics("results", metrics=["far"], out="out", draws=10)
    row = read_metric_values(Path("out/L1/metrics/values.json")).rows[0]
    assert row.files["output"].path == "../results/L1/test_latest/images/0_fake_B.png"
    assert os.path.exists(os.path.join("out", row.files["output"].path))
