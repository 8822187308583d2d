"""MS-SSIM equals its definition, written out with SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from p2p_eval.metrics import ms_ssim
from p2p_eval.metrics.gray import gray

Pairs = dict[str, tuple[Tensor, Tensor]]


def level(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """``ssim_index_new`` of msssim.m: the means of SSIM and of its contrast and structure."""
    grid = np.mgrid[-5:6, -5:6]
    window = np.exp(-(grid**2).sum(0) / (2 * 1.5**2))
    window /= window.sum()

    def filter2(image: np.ndarray) -> np.ndarray:
        return ndimage.correlate(image, window)[5:-5, 5:-5]

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mu1, mu2 = filter2(x), filter2(y)
    sigma1_sq, sigma2_sq = filter2(x * x) - mu1**2, filter2(y * y) - mu2**2
    sigma12 = filter2(x * y) - mu1 * mu2
    cs = (2 * sigma12 + c2) / (sigma1_sq + sigma2_sq + c2)
    return float(((2 * mu1 * mu2 + c1) / (mu1**2 + mu2**2 + c1) * cs).mean()), float(cs.mean())


def reference(x: np.ndarray, y: np.ndarray) -> float:
    weights = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    result = 1.0
    for scale, weight in enumerate(weights):
        mssim, mcs = level(x, y)
        result *= (mssim if scale == 4 else mcs) ** weight
        # imfilter(image, ones(2) / 4, 'symmetric')(1:2:end, 1:2:end)
        x, y = (
            ndimage.correlate(v, np.full((2, 2), 0.25), mode="reflect", origin=-1)[::2, ::2]
            for v in (x, y)
        )
    return result


LARGE = [
    "00_noise_256x256.png",
    "02_jpeg_255x301.png",
    "03_contrast_512x512.png",
    "04_shift_301x450.png",
    "05_noise_640x640.png",
]


@pytest.mark.parametrize("name", LARGE)
def test_the_definition(golden_pairs: Pairs, name: str) -> None:
    x, y = golden_pairs[name]
    expected = reference(*(gray(images)[0, 0].numpy() for images in (x, y)))
    assert 0.3 < expected < 0.9999
    assert ms_ssim(x, y).item() == pytest.approx(expected, rel=0, abs=1e-12)
    fast = ms_ssim(x, y, dtype=torch.float32).item()
    assert fast == pytest.approx(expected, rel=0, abs=1e-5)


@pytest.mark.parametrize(("height", "width"), [(176, 176), (176, 191), (223, 177), (352, 241)])
def test_odd_sizes(height: int, width: int) -> None:
    rng = np.random.default_rng(width)
    y = ndimage.gaussian_filter(rng.random((height, width)), 2)
    y = (y - y.min()) / (y.max() - y.min()) * 255
    x = np.clip(y + 30 * rng.standard_normal(y.shape), 0, 255)
    result = ms_ssim(*(torch.from_numpy(v)[None, None] for v in (x, y)), peak=255)
    assert result.item() == pytest.approx(reference(x, y), rel=0, abs=1e-12)


def test_a_negative_mean_counts_as_zero() -> None:
    x = torch.randint(0, 256, (1, 1, 176, 176), dtype=torch.uint8)
    _, mcs = level(x[0, 0].double().numpy(), 255 - x[0, 0].double().numpy())
    assert mcs < 0
    assert ms_ssim(x, 255 - x).item() == 0


def test_one_scale_too_few_is_refused() -> None:
    x = torch.zeros(1, 3, 300, 175, dtype=torch.uint8)
    with pytest.raises(ValueError, match="got images of 300×175 pixels, expected at least 176×176"):
        ms_ssim(x, x)
