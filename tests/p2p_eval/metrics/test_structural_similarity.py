"""SSIM equals the authors' program, and its RGB variant scikit-image."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.metrics import structural_similarity
from torch import Tensor

from p2p_eval.metrics import ssim
from p2p_eval.metrics.catalogue import METRICS

Pairs = dict[str, tuple[Tensor, Tensor]]
Values = dict[str, dict[str, float]]

SCIKIT = {
    "gaussian_weights": True,
    "sigma": 1.5,
    "use_sample_covariance": False,
    "data_range": 255,
    "channel_axis": 0,
}


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-9), (torch.float32, 1e-5)])
@pytest.mark.parametrize("downsample", [True, False])
def test_golden_values(
    golden_pairs: Pairs,
    golden_values: Values,
    downsample: bool,
    dtype: torch.dtype,
    atol: float,
) -> None:
    column = "ssim_wang2004" if downsample else "ssim_wang2004_no_downsample"
    for name, (x, y) in golden_pairs.items():
        result = ssim(x, y, downsample=downsample, dtype=dtype)
        assert result.dtype == torch.float64
        assert result.item() == pytest.approx(golden_values[name][column], rel=0, abs=atol), name


def test_the_catalogue_names_these(golden_pairs: Pairs, golden_values: Values) -> None:
    name = "05_noise_640x640.png"  # where all three differ
    x, y = golden_pairs[name]
    expected = {
        "ssim": golden_values[name]["ssim_wang2004"],
        "ssim[no-downsample]": golden_values[name]["ssim_wang2004_no_downsample"],
        "ssim[rgb]": structural_similarity(x[0].numpy(), y[0].numpy(), **SCIKIT),
    }
    assert len({round(value, 3) for value in expected.values()}) == 3
    for variant, value in expected.items():
        assert METRICS[variant].measure(x, y).item() == pytest.approx(value, rel=0, abs=1e-9)


def test_rgb_is_scikit_image(golden_pairs: Pairs) -> None:
    for name, (x, y) in golden_pairs.items():
        expected = structural_similarity(x[0].numpy(), y[0].numpy(), **SCIKIT)
        result = ssim(x, y, downsample=False, rgb=True).item()
        assert result == pytest.approx(expected, rel=0, abs=1e-9), name
        fast = ssim(x, y, downsample=False, rgb=True, dtype=torch.float32).item()
        assert fast == pytest.approx(expected, rel=0, abs=1e-5), name


def reference(x: np.ndarray, y: np.ndarray, factor: int) -> float:
    """The program's lines one by one on gray in float64, with SciPy's filters."""
    kernel = np.full((factor, factor), 1 / factor**2)
    origin = -1 if factor % 2 == 0 else 0  # MATLAB's centre of an even filter
    x, y = (
        ndimage.correlate(image, kernel, mode="reflect", origin=origin)[::factor, ::factor]
        for image in (x, y)
    )
    grid = np.mgrid[-5:6, -5:6]
    window = np.exp(-(grid**2).sum(0) / (2 * 1.5**2))
    window /= window.sum()

    def filter2(image: np.ndarray) -> np.ndarray:
        return ndimage.correlate(image, window)[5:-5, 5:-5]

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mu1, mu2 = filter2(x), filter2(y)
    sigma1_sq, sigma2_sq = filter2(x * x) - mu1**2, filter2(y * y) - mu2**2
    sigma12 = filter2(x * y) - mu1 * mu2
    numerator = (2 * mu1 * mu2 + c1) * (2 * sigma12 + c2)
    return float((numerator / ((mu1**2 + mu2**2 + c1) * (sigma1_sq + sigma2_sq + c2))).mean())


@pytest.mark.parametrize(
    ("height", "width", "factor"),
    [
        (383, 400, 1),
        (384, 400, 2),  # 1.5 is rounded up
        (386, 639, 2),
        (385, 387, 2),
        (639, 641, 2),
        (640, 700, 3),  # 2.5 is rounded up, where Python rounds to even
        (701, 640, 3),
        (897, 903, 4),  # 3.504
    ],
)
def test_large_images_are_reduced_as_matlab_does(height: int, width: int, factor: int) -> None:
    rng = np.random.default_rng(height)
    y = ndimage.gaussian_filter(rng.random((height, width)), 3)
    y = (y - y.min()) / (y.max() - y.min()) * 255
    x = np.clip(y + 20 * rng.standard_normal(y.shape), 0, 255)
    result = ssim(*(torch.from_numpy(v)[None, None] for v in (x, y)), peak=255)
    assert result.item() == pytest.approx(reference(x, y, factor), rel=0, abs=1e-12)


@pytest.mark.data
def test_published_value(test_data: Path, read_image: Any) -> None:
    """The first example of the authors' page: goldhill and its JPEG, gray as they are stored."""
    x, y = (read_image(test_data / "iqa" / f"{name}.gif") for name in ("goldhill_jpeg", "goldhill"))
    assert x.shape == (1, 1, 512, 512)
    assert ssim(x, y).item() == pytest.approx(0.8202, rel=0, abs=5e-5)


def test_the_smallest_image_has_one_window() -> None:
    x, y = torch.rand(2, 1, 1, 11, 11, dtype=torch.float64)
    assert ssim(x, y, peak=1).item() == pytest.approx(
        reference(x[0, 0].numpy() * 255, y[0, 0].numpy() * 255, 1), rel=1e-12
    )


def test_constant_images_by_hand() -> None:
    x, y = (torch.full((1, 1, 16, 16), v, dtype=torch.uint8) for v in (100, 200))
    c1 = 2.55**2
    expected = (2 * 100 * 200 + c1) / (100**2 + 200**2 + c1)
    assert ssim(x, y).item() == pytest.approx(expected, rel=1e-12)


def test_opposite_images_are_negative() -> None:
    x = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8)
    value = ssim(x, 255 - x).item()
    assert -1 <= value < -0.5


@pytest.mark.parametrize("peak", [1, 255, 65535.0])
@pytest.mark.parametrize("rgb", [True, False])
def test_the_units_do_not_matter(peak: float, rgb: bool) -> None:
    x, y = torch.rand(2, 2, 3, 20, 30, dtype=torch.float64)
    torch.testing.assert_close(
        ssim(x * peak, y * peak, peak=peak, rgb=rgb), ssim(x, y, peak=1.0, rgb=rgb)
    )
    assert not math.isclose(ssim(x, y, peak=2)[0].item(), ssim(x, y, peak=1)[0].item())


@pytest.mark.parametrize("level", [0, 20, 128, 250])
def test_float32_on_flat_images(level: int) -> None:
    """Where means are large beside the variances, and digits are lost."""
    noise = torch.randint(0, 3, (2, 1, 3, 64, 64), dtype=torch.uint8)
    flat = torch.full((1, 3, 64, 64), level, dtype=torch.uint8)
    for x, y in ((flat, flat + 1), (flat, flat // 2), (flat + noise[0], flat + noise[1])):
        fast = ssim(x, y, dtype=torch.float32).item()
        assert fast == pytest.approx(ssim(x, y).item(), rel=0, abs=1e-4)


@pytest.mark.parametrize("value", [0, 105, 150, 255])
@pytest.mark.parametrize("rgb", [False, True])
def test_equal_flat_images_are_not_above_one(value: int, rgb: bool) -> None:
    flat = torch.full((1, 3, 64, 64), value, dtype=torch.uint8)
    assert 1 - 1e-14 < ssim(flat, flat, rgb=rgb).item() <= 1
