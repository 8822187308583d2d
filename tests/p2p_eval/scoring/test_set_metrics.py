"""FID and KID: against closed forms on features computed apart; weights and sets that are wrong.

The published weights cannot be fetched in a test: random ones of the same architecture lie where
torch-fidelity looks for them.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from p2p_eval.errors import InputError
from p2p_eval.results.images import ImageRef, file_sha256
from p2p_eval.scoring import set_metrics
from p2p_eval.scoring.image_metrics import image_metrics
from p2p_eval.scoring.set_metrics import ImageSet, SetMetrics, set_note

pytestmark = pytest.mark.slow

Floats = NDArray[np.float64]
SIZES = ((32, 32), (40, 24), (1, 1), (33, 31))


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder for TORCH_HOME, with random weights in it."""
    from torch_fidelity import FeatureExtractorInceptionV3, feature_extractor_inceptionv3

    home = tmp_path_factory.mktemp("torch")
    path = home / "hub/checkpoints/weights-inception-2015-12-05-6726825d.pth"
    path.parent.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng():
        torch.manual_seed(0)
        patch.setattr(feature_extractor_inceptionv3, "load_state_dict_from_url", lambda *_, **__: 0)
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"])
        for layer in network.modules():
            if isinstance(layer, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    torch.save(network.state_dict(), path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(home))
        patch.setattr(set_metrics, "WEIGHTS_SHA256", file_sha256(path))
        yield path


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[ImageSet, ImageSet]:
    """Four images and four others, in several sizes."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)

    def make(name: str, brightest: int) -> ImageSet:
        pairs = []
        for number, (width, height) in enumerate(SIZES):
            path = folder / f"{name}{number}.png"
            pixels = rng.integers(0, brightest, (height, width, 3), np.uint8)
            Image.fromarray(pixels).save(path)
            pairs.append((ImageRef(path), file_sha256(path)))
        return ImageSet.of(pairs)

    return make("generated", 256), make("real", 128)


def features(weights: Path, images: ImageSet) -> Floats:
    from torch_fidelity import FeatureExtractorInceptionV3

    network = FeatureExtractorInceptionV3(
        "inception-v3-compat", ["2048"], feature_extractor_weights_path=str(weights)
    )
    rows = []
    for image in images.images:
        pixels = torch.from_numpy(np.array(Image.open(image.path))).permute(2, 0, 1)[None]
        with torch.inference_mode():
            rows.append(network(pixels)[0].numpy())
    return np.concatenate(rows).astype(np.float64)


def frechet_distance(x: Floats, y: Floats) -> float:
    """For few images: the trace of the root of the product is a sum of singular values."""
    a, b = ((z - z.mean(0)) / np.sqrt(len(z) - 1) for z in (x, y))
    root = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + (a**2).sum() + (b**2).sum() - 2 * root)


def kernel_distance(x: Floats, y: Floats) -> float:
    """The unbiased estimate, with the polynomial kernel of degree three."""
    n, m = len(x), len(y)
    kernel = [(a @ b.T / a.shape[1] + 1) ** 3 for a, b in ((x, x), (y, y), (x, y))]
    xx, yy = (k.sum() - np.trace(k) for k in kernel[:2])
    return float(xx / (n * (n - 1)) + yy / (m * (m - 1)) - 2 * kernel[2].mean())


def test_values_are_those_of_the_closed_forms(
    stand_in: Path, sets: tuple[ImageSet, ImageSet], capfd: pytest.CaptureFixture[str]
) -> None:
    steps: list[int] = []
    with SetMetrics(seed=3) as metrics:
        found = metrics.measure(["fid", "kid"], *sets, step=lambda: steps.append(1))
        again = metrics.measure(["kid"], *sets, step=lambda: steps.append(1))
    x, y = (features(stand_in, images) for images in sets)
    assert found["fid"].value == pytest.approx(frechet_distance(x, y), rel=1e-3)
    # torch-fidelity's kernel is float32, with values near 1.
    assert found["kid"].value == pytest.approx(kernel_distance(x, y), abs=1e-6)
    assert again["kid"] == found["kid"]
    assert len(steps) == 8, "features that are known are not computed again"
    assert capfd.readouterr().out == ""
    assert found["fid"].std is found["kid"].std is None


def test_metrics_reports_them(stand_in: Path, tmp_path: Path) -> None:
    for number in range(2):
        for seed, role in ((number, "fake_B"), (10 + number, "real_B")):
            pixels = np.random.default_rng(seed).integers(0, 256, (20, 20, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / f"{number}_{role}.png")
    report = image_metrics(tmp_path, metrics=["kid"], out=tmp_path / "out", device="cpu").to_json()
    assert report["unavailable"] == []
    kid = report["experiments"][0]["metrics"]["kid"]
    generated, real = (
        features(stand_in, ImageSet.of((ImageRef(path), "0") for path in paths))
        for paths in (sorted(tmp_path.glob("*_fake_B.png")), sorted(tmp_path.glob("*_real_B.png")))
    )
    assert kid["mean"] == pytest.approx(kernel_distance(generated, real), abs=1e-6)
    assert "|torch-fidelity:" in kid["signature"]


def test_fewer_than_two_images_are_refused(stand_in: Path, sets: tuple[ImageSet, ImageSet]) -> None:
    one = ImageSet(sets[0].images[:1], "0")
    with SetMetrics() as metrics, pytest.raises(InputError, match="got 1 image"):
        metrics.measure(["fid"], one, one)


def test_a_damaged_image_is_named(
    stand_in: Path, sets: tuple[ImageSet, ImageSet], tmp_path: Path
) -> None:
    path = tmp_path / "torn.png"
    path.write_bytes(sets[0].images[0].path.read_bytes()[:60])
    torn = ImageSet((sets[0].images[0], ImageRef(path)), "0")
    with SetMetrics() as metrics, pytest.raises(InputError, match=r"torn\.png: the image is"):
        metrics.measure(["fid"], torn, torn)


def test_settings_say_what_a_figure_depends_on(stand_in: Path) -> None:
    with SetMetrics(seed=5) as metrics:
        common = {
            "input": "uint8",
            "extractor": "inception-v3-compat",
            "layer": "2048",
            "weights-sha256": file_sha256(stand_in)[:16],
            "torch-fidelity": version("torch-fidelity"),
            "images": "4",
            "device": "cpu",
        }
        assert metrics.settings("fid", 4) == common
        assert metrics.settings("kid", 4) == common | {
            "kernel": "poly3", "subsets": "1", "subset-size": "4", "seed": "5",
        }  # fmt: skip
        many = metrics.settings("kid", 1001)
    assert (many["subsets"], many["subset-size"]) == ("100", "1000")


def test_notes_say_when_images_are_few() -> None:
    assert "too high" in (set_note("fid", 2047) or "")
    assert "no standard deviation" in (set_note("kid", 1000) or "")
    assert set_note("fid", 2048) is set_note("kid", 1001) is None


def test_other_weights_are_refused(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_metrics, "WEIGHTS_SHA256", hashlib.sha256().hexdigest())
    with pytest.raises(InputError, match=r"6726825d\.pth: got sha256 .* delete it"):
        SetMetrics()


def test_without_weights_and_network_the_place_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(InputError) as caught:
        SetMetrics()
    assert "no route to host" in str(caught.value)
    place = tmp_path / "hub/checkpoints/weights-inception-2015-12-05-6726825d.pth"
    assert f"put it at {place}" in str(caught.value)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'p2p-eval\[fid\]'"):
        SetMetrics()
