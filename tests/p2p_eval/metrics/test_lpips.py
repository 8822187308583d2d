"""LPIPS against the authors' package, its laws, and what it refuses."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from p2p_eval.metrics import LPIPS, load_lpips
from p2p_eval.metrics.backbones import BACKBONES, BackboneName
from p2p_eval.metrics.lpips_weights import backbone_weights, linear_weights
from p2p_eval.scores.signature import Signature

NAMES = get_args(BackboneName)
FILES: dict[BackboneName, str] = {
    "alex": "lpips/alexnet_features.pth",
    "squeeze": "lpips/squeezenet1_1_features.pth",
}
SIZES = [(64, 64), (65, 97), (113, 80)]


def random_weights(name: BackboneName) -> dict[str, Tensor]:
    """Weights that keep the size of what goes through, so that each layer counts."""
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for key, shape in BACKBONES[name].shapes().items():
        std = 0.1 if len(shape) == 1 else (2 / np.prod(shape[1:])) ** 0.5
        weights[key] = torch.randn(shape, generator=generator) * std
    return weights


def pair(height: int, width: int, count: int = 1) -> tuple[Tensor, Tensor]:
    """Noise, and the same noise blurred."""
    generator = torch.Generator().manual_seed(height * width)
    x = torch.randint(0, 256, (count, 3, height, width), generator=generator, dtype=torch.uint8)
    return x, torch.nn.functional.avg_pool2d(x.float(), 3, 1, 1).round().to(torch.uint8)


def package(name: BackboneName, weights: dict[str, Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """The package's own LPIPS with the given backbone's and its own linear weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torchvision, on how the package makes its networks
        import lpips

        model = lpips.LPIPS(net=name, pnet_rand=True, verbose=False)
    keys = model.net.state_dict()
    model.net.load_state_dict({key: weights["features." + key.split(".", 1)[1]] for key in keys})

    def measure(x: Tensor, y: Tensor) -> Tensor:
        with torch.no_grad():
            return model(x / 127.5 - 1, y / 127.5 - 1).flatten().double()

    return measure


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> BackboneName:
    return request.param


@pytest.fixture(scope="module")
def weights(name: BackboneName) -> dict[str, Tensor]:
    return random_weights(name)


@pytest.fixture(scope="module")
def lpips(name: BackboneName, weights: dict[str, Tensor]) -> LPIPS:
    return LPIPS(name, weights, linear_weights(name))


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_equals_the_package(name: BackboneName, weights: dict[str, Tensor], lpips: LPIPS) -> None:
    reference = package(name, weights)
    smallest = BACKBONES[name].smallest
    for height, width in [*SIZES, (smallest, smallest), (smallest, smallest + 9)]:
        x, y = pair(height, width)
        assert float(lpips(x, y) - reference(x, y)) == pytest.approx(0, abs=1e-6)
    with pytest.raises(RuntimeError):  # the package's own error, where ours has a message
        reference(*pair(smallest - 1, 64))


@pytest.mark.data
@pytest.mark.parametrize("name", FILES, indirect=True)
def test_equals_the_package_with_imagenet_weights(name: BackboneName, test_data: Path) -> None:
    path = test_data / FILES[name]
    reference, metric = package(name, backbone_weights(name, path)), load_lpips(name, weights=path)
    folder = test_data / "results" / "facades_pix2pix" / "test_latest" / "images"
    for number in (1, 2, 3):
        x, y = (image(folder / f"{number}_{kind}.png") for kind in ("fake_B", "real_B"))
        assert float(metric.measure(x, y)) == pytest.approx(float(reference(x, y)), abs=1e-6)
        x, y = x[..., 1:200, :], y[..., 1:200, :]
        assert float(metric.measure(x, y)) == pytest.approx(float(reference(x, y)), abs=1e-6)


def image(path: Path) -> Tensor:
    with Image.open(path) as opened:
        return torch.from_numpy(np.array(opened.convert("RGB"))).permute(2, 0, 1)[None]


@pytest.mark.data
def test_published_values(test_data: Path) -> None:
    """The examples of the authors' README, https://github.com/richzhang/PerceptualSimilarity."""
    metric = load_lpips(weights=test_data / FILES["alex"])
    ref, p0, p1 = (image(test_data / "lpips" / f"ex_{part}.png") for part in ("ref", "p0", "p1"))
    assert float(metric.measure(p0, ref)) == pytest.approx(0.7219, abs=2e-4)
    assert float(metric.measure(p1, ref)) == pytest.approx(0.1376, abs=2e-4)


@pytest.mark.data
@pytest.mark.parametrize(
    ("run", "expected"), [("facades_pix2pix", 0.540), ("facades_label2photo_pretrained", 0.425)]
)
def test_two_runs_on_facades(test_data: Path, run: str, expected: float) -> None:
    """The means of the test data's own record (shared/README.md)."""
    metric = load_lpips("alex", weights=test_data / FILES["alex"])
    folder = test_data / "results" / run / "test_latest" / "images"
    reals = sorted(folder.glob("*_real_B.png"))
    assert len(reals) == 50
    values = [
        float(metric.measure(image(real.with_name(f"{real.name[:-11]}_fake_B.png")), image(real)))
        for real in reals
    ]
    assert np.mean(values) == pytest.approx(expected, abs=5e-4)


def test_equal_images_have_distance_zero(lpips: LPIPS) -> None:
    x, _ = pair(48, 56, count=2)
    flat = torch.full_like(x, 255)
    assert lpips(x, x).tolist() == [0, 0]
    assert lpips(flat, flat.clone()).tolist() == [0, 0]


def test_symmetry(lpips: LPIPS) -> None:
    x, y = pair(48, 56)
    assert float(lpips(x, y)) > 1e-3
    assert torch.equal(lpips(x, y), lpips(y, x))


def test_an_image_does_not_depend_on_its_batch(lpips: LPIPS) -> None:
    x, y = pair(50, 41, count=9)
    for n, whole in enumerate(lpips.features(x)):
        assert all(map(torch.equal, whole, lpips.features(x[n : n + 1])[0]))
    assert torch.equal(lpips(x, y)[1:2], lpips(x[1:2], y[1:2]))


def test_features_do_not_depend_on_threads(lpips: LPIPS, threads: Callable[[int], None]) -> None:
    for size in ((256, 256), (128, 96), (33, 31)):
        x, y = pair(*size)
        threads(1)
        (alone,), value = lpips.features(x), lpips(x, y)
        threads(2)
        assert all(map(torch.equal, lpips.features(x)[0], alone))
        assert torch.equal(lpips(x, y), value)


def test_features_do_not_depend_on_what_was_seen_before(
    name: BackboneName, weights: dict[str, Tensor], lpips: LPIPS
) -> None:
    # Weights are put in order for the first image, and other sizes use them as they are.
    x, _ = pair(128, 96)
    lpips.features(pair(31, 40)[0])
    fresh = LPIPS(name, weights, linear_weights(name))
    assert all(map(torch.equal, lpips.features(x)[0], fresh.features(x)[0]))


def test_plain_convolutions_give_the_same(
    name: BackboneName,
    weights: dict[str, Tensor],
    lpips: LPIPS,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What runs on a GPU, and on a CPU without oneDNN."""
    monkeypatch.setattr("p2p_eval.metrics.backbones.WIDE", 10_000)
    monkeypatch.setattr("torch.backends.mkldnn.is_available", lambda: False)
    plain = LPIPS(name, weights, linear_weights(name))
    x, y = pair(81, 64)
    assert float(plain(x, y) - lpips(x, y)) == pytest.approx(0, abs=1e-6)


def test_two_threads_at_once(
    name: BackboneName, weights: dict[str, Tensor], lpips: LPIPS, threads: Callable[[int], None]
) -> None:
    threads(1)
    images = [pair(height, 70)[0] for height in (40, 90, 41, 91, 42, 92)]
    fresh = LPIPS(name, weights, linear_weights(name))  # whose weights are not in order yet
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(fresh.features, images))
    for (features,), image in zip(found, images, strict=True):
        assert all(map(torch.equal, features, lpips.features(image)[0]))


def test_features_and_distance_make_the_measure(
    name: BackboneName, tmp_path: Path, weights: dict[str, Tensor], lpips: LPIPS
) -> None:
    torch.save(weights, tmp_path / "weights.pth")
    metric = load_lpips(name, weights=tmp_path / "weights.pth")
    assert metric.features is not None
    x, y = pair(64, 51, count=2)
    pairs = zip(metric.features.of(x), metric.features.of(y), strict=True)
    values = torch.stack([metric.features.distance(*pair) for pair in pairs])
    assert values.dtype == torch.float64
    assert values.shape == (2,)
    assert torch.equal(values, metric.features.distances(x, metric.features.of(y)))
    assert torch.equal(metric.measure(x, y), values)
    assert torch.equal(lpips(x, y), values)
    assert metric.name == f"lpips[{name}-v0.1]"
    assert (metric.better, metric.unit, metric.smallest) == ("lower", "", lpips.smallest)


def test_floating_images_of_any_peak(lpips: LPIPS) -> None:
    x, y = pair(64, 64)
    expected = float(lpips(x, y))
    for dtype, peak in ((torch.float32, 1.0), (torch.float64, 1.0), (torch.float64, 255)):
        floating = (images.to(dtype) * (peak / 255) for images in (x, y))
        assert float(lpips(*floating, peak=peak)) == pytest.approx(expected, abs=2e-6)


def test_values_are_finite_where_nothing_is_active(name: BackboneName) -> None:
    dead = {key: torch.zeros(shape) for key, shape in BACKBONES[name].shapes().items()}
    lpips = LPIPS(name, dead, linear_weights(name))
    assert float(lpips(*pair(40, 40))) == 0


def test_the_signature_tells_weights_apart(tmp_path: Path) -> None:
    weights = random_weights("squeeze")
    torch.save(weights, tmp_path / "one.pth")
    torch.save({**weights, "classifier.1.bias": torch.ones(9)}, tmp_path / "full.pth")
    torch.save({**weights, "features.0.bias": torch.ones(64)}, tmp_path / "other.pth")
    one, full, other = (
        str(Signature("lpips", load_lpips("squeeze", weights=tmp_path / f"{file}.pth").settings))
        for file in ("one", "full", "other")
    )
    assert one == full
    assert one != other
    assert one.startswith(
        "lpips|input:uint8|channels:rgb|backbone:squeeze|linear:v0.1|backbone-sha256:"
    )
    assert one.endswith("|linear-sha256:4a5350f23600cb79")


IMAGES = torch.zeros(2, 3, 48, 48, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("x", "y", "peak", "message"),
    [
        (IMAGES, IMAGES[:1], None, "y: got shape"),
        (IMAGES, IMAGES.float(), None, "y: got dtype float32"),
        (IMAGES[0], IMAGES[0], None, r"expected \(N, C, H, W\)"),
        (IMAGES[:, :1], IMAGES[:, :1], None, "got 1 channels, expected 3"),
        (IMAGES[:0], IMAGES[:0], None, "at least one image"),
        (IMAGES.short(), IMAGES.short(), None, "got int16"),
        (IMAGES[..., :30], IMAGES[..., :30], None, "48×30 pixels, expected at least 31×31"),
        (IMAGES, IMAGES, 1.0, "expected 255"),
        (IMAGES.float(), IMAGES.float(), None, "got none"),
        (IMAGES.float() + 2, IMAGES.float(), 1.0, "values from 2.0 to 2.0"),
        (IMAGES.float() - 1, IMAGES.float(), 1.0, "values from -1.0"),
        (IMAGES.float() * float("nan"), IMAGES.float(), 1.0, "finite values"),
    ],
)
def test_wrong_images(x: Tensor, y: Tensor, peak: float | None, message: str) -> None:
    lpips = LPIPS("alex", random_weights("alex"), linear_weights("alex"))
    with pytest.raises(ValueError, match=message):
        lpips(x, y, peak=peak)


def test_wrong_features() -> None:
    lpips = LPIPS("alex", random_weights("alex"), linear_weights("alex"))
    wide, tall = (lpips.features(pair(*size)[0])[0] for size in ((40, 64), (64, 40)))
    with pytest.raises(ValueError, match="expected equal"):
        lpips.distance(wide, tall)  # as many numbers, but other places
    with pytest.raises(ValueError, match="expected equal"):
        lpips.distances(pair(40, 64)[0], [tall])
    with pytest.raises(ValueError, match="got 1 images and the features of 2"):
        lpips.distances(pair(40, 64)[0], [wide, wide])
    with pytest.raises(ValueError, match="got features of 2 layers, expected 5"):
        lpips.distances(pair(40, 64)[0], [wide[:2]])
    with pytest.raises(ValueError, match="got 4 channels"):
        lpips.features(torch.zeros(1, 4, 48, 48, dtype=torch.uint8))


def test_wrong_backbone() -> None:
    with pytest.raises(ValueError, match="got backbone 'resnet', expected one of alex, vgg"):
        load_lpips("resnet")  # type: ignore[arg-type]


@pytest.mark.gpu
def test_a_gpu_gives_the_same(name: BackboneName, weights: dict[str, Tensor], lpips: LPIPS) -> None:
    on_gpu = LPIPS(name, weights, linear_weights(name), "cuda")
    x, y = pair(113, 80, count=2)
    values = on_gpu(x, y)
    assert values.device.type == "cuda"
    assert torch.allclose(values.cpu(), lpips(x, y), rtol=0, atol=1e-6)
    assert torch.equal(on_gpu(x.cuda(), y.cuda()), values)
