"""PSNR equals the reference values, exactly on bytes of any size."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor

from p2p_eval.metrics import psnr
from p2p_eval.metrics.peak_signal_noise import _mean_squares_on_gpu

Pairs = dict[str, tuple[Tensor, Tensor]]
Values = dict[str, dict[str, float]]


def test_golden_values(golden_pairs: Pairs, golden_values: Values) -> None:
    for name, (x, y) in golden_pairs.items():
        assert psnr(x, y).item() == pytest.approx(golden_values[name]["psnr"], rel=0, abs=1e-8)


def test_scikit_image(golden_pairs: Pairs) -> None:
    for x, y in golden_pairs.values():
        expected = peak_signal_noise_ratio(y.numpy(), x.numpy(), data_range=255)
        assert psnr(x, y).item() == pytest.approx(expected, rel=1e-12)


@given(seed=st.integers(0, 1000), height=st.integers(1, 9), width=st.integers(1, 9))
@settings(deadline=None, max_examples=25)
def test_the_definition(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 256, (2, 1, 3, height, width))
    x.flat[0], y.flat[0] = 3, 9  # never equal
    mse = Fraction(int(((x - y) ** 2).sum()), x.size)
    result = psnr(*(torch.from_numpy(v.astype(np.uint8)) for v in (x, y)))
    assert result.item() == pytest.approx(10 * math.log10(255**2 / mse), rel=1e-14)


@pytest.mark.parametrize("width", [258, 259, 70_000])
def test_rows_too_long_for_float32(width: int) -> None:
    """The worst error everywhere: 255² a pixel, which 258 times fit in 24 bits."""
    black = torch.zeros(1, 1, 1, width, dtype=torch.uint8)
    assert psnr(black, black + 255).item() == 0
    assert _mean_squares_on_gpu(black, black + 255).item() == 255**2


@pytest.mark.parametrize("size", [(1, 1), (177, 191), (256, 256)])
def test_both_ways_of_bytes_agree(size: tuple[int, int]) -> None:
    seeded = torch.Generator().manual_seed(1)
    x, y = torch.randint(0, 256, (2, 3, 3, *size), dtype=torch.uint8, generator=seeded)
    assert torch.equal(10 * torch.log10(255**2 / _mean_squares_on_gpu(x, y)), psnr(x, y))


def test_equal_images_are_infinite() -> None:
    x = torch.randint(0, 256, (3, 3, 8, 8), dtype=torch.uint8)
    y = x.clone()
    y[1] = 255 - y[1]
    assert psnr(x, y).isinf().tolist() == [True, False, True]
    assert psnr(x / 255, x / 255, peak=1.0).isinf().all()


@pytest.mark.parametrize(("dtype", "rel"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("peak", [1.0, 255.0, 4095])
def test_floats_in_any_units(
    golden_pairs: Pairs, dtype: torch.dtype, rel: float, peak: float
) -> None:
    x, y = golden_pairs["02_jpeg_255x301.png"]
    scaled = ((images.double() * (peak / 255)).to(dtype).clamp(max=peak) for images in (x, y))
    result = psnr(*scaled, peak=peak)
    assert result.dtype == torch.float64
    assert result.item() == pytest.approx(psnr(x, y).item(), rel=rel)
