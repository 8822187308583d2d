"""GMSD equals the authors' program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import signal
from torch import Tensor

from p2p_eval.metrics import gmsd

Pairs = dict[str, tuple[Tensor, Tensor]]
Values = dict[str, dict[str, float]]


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-9), (torch.float32, 1e-6)])
def test_golden_values(
    golden_pairs: Pairs, golden_values: Values, dtype: torch.dtype, atol: float
) -> None:
    for name, (x, y) in golden_pairs.items():
        result = gmsd(x, y, dtype=dtype)
        assert result.dtype == torch.float64
        assert result.item() == pytest.approx(golden_values[name]["gmsd"], rel=0, abs=atol), name


@pytest.mark.data
def test_published_values(test_data: Path, read_image: Any) -> None:
    """Of the authors' program on goldhill, gray as stored, and on I01 of TID2013.

    The gray of the second is not MATLAB's: 0.299 R + 0.587 G + 0.114 B, not rounded, gives the
    published digits, which rgb2gray misses by 3e-6, rounded or not.
    """
    folder = test_data / "iqa"
    x, y = (read_image(folder / f"{name}.gif") for name in ("goldhill_jpeg", "goldhill"))
    assert gmsd(x, y).item() == pytest.approx(0.138012587, rel=0, abs=1e-9)
    weights = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64).view(3, 1, 1)
    x, y = (
        (read_image(folder / name) * weights).sum(1, keepdim=True)
        for name in ("i01_01_5.bmp", "I01.BMP")
    )
    assert gmsd(x, y, peak=255).item() == pytest.approx(0.094124656, rel=0, abs=1e-9)


def conv2_same(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """``conv2(image, kernel, 'same')``: MATLAB's centre of an even kernel is one pixel later."""
    full = signal.convolve2d(image, kernel)
    top, left = kernel.shape[0] // 2, kernel.shape[1] // 2
    return full[top : top + image.shape[0], left : left + image.shape[1]]


def reference(x: np.ndarray, y: np.ndarray) -> float:
    """The program's lines one by one, with SciPy's convolution."""
    magnitudes = []
    for image in (x, y):
        reduced = conv2_same(image, np.full((2, 2), 0.25))[::2, ::2]
        across = np.array([[1, 0, -1]] * 3) / 3
        magnitudes.append(np.hypot(conv2_same(reduced, across), conv2_same(reduced, across.T)))
    a, b = magnitudes
    return float(((2 * a * b + 170) / (a**2 + b**2 + 170)).std(ddof=1))


@pytest.mark.parametrize(
    ("height", "width"), [(3, 3), (4, 3), (3, 8), (16, 17), (63, 64), (45, 31)]
)
def test_odd_and_small_sizes(height: int, width: int) -> None:
    x, y = np.random.default_rng(height).uniform(0, 255, (2, height, width))
    result = gmsd(*(torch.from_numpy(v)[None, None] for v in (x, y)), peak=255)
    assert result.item() == pytest.approx(reference(x, y), rel=0, abs=1e-13)


@pytest.mark.parametrize("peak", [1, 65535.0])
def test_the_units_do_not_matter(peak: float) -> None:
    x, y = torch.rand(2, 2, 3, 20, 31, dtype=torch.float64)
    expected = gmsd(x * 255, y * 255, peak=255)
    torch.testing.assert_close(gmsd(x * peak, y * peak, peak=peak), expected)
