"""What the spectrum figures promise: blur is found by one, tiles by the other."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from p2p_eval.metrics.catalogue import METRICS
from p2p_eval.metrics.spectrum import spectrum_blur, spectrum_tiling

PHOTOS = ["00_noise_256x256", "02_jpeg_255x301", "04_shift_301x450", "06_hue_256x256"]
BOTH = pytest.mark.parametrize("measure", [spectrum_blur, spectrum_tiling])

Pixels = NDArray[np.uint8]
Measure = Callable[..., torch.Tensor]


@pytest.fixture(params=PHOTOS)
def photo(request: pytest.FixtureRequest, golden: Path) -> Pixels:
    with Image.open(golden / "iqa" / "ref" / f"{request.param}.png") as image:
        return np.array(image)


def tensor(pixels: Pixels | Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None]


def blurred(photo: Pixels, sigma: float) -> torch.Tensor:
    return tensor(Image.fromarray(photo).filter(ImageFilter.GaussianBlur(sigma)))


def noisy(photo: Pixels, sigma: float) -> torch.Tensor:
    noise = np.random.default_rng(0).normal(0, sigma, photo.shape)
    return tensor(np.clip(photo + noise, 0, 255).round().astype(np.uint8))


def compressed(photo: Pixels, quality: int) -> torch.Tensor:
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        return tensor(image)


def gridded(photo: Pixels, strength: int, period: int = 16, offset: int = 0) -> torch.Tensor:
    """Add lines of so many gray levels."""
    grid = np.zeros(photo.shape)
    grid[offset::period] = strength
    grid[:, offset::period] = strength
    return tensor(np.clip(photo + grid, 0, 255).astype(np.uint8))


def test_more_blur_is_less_high_frequency_power(photo: Pixels) -> None:
    real = tensor(photo)
    values = [spectrum_blur(blurred(photo, sigma), real).item() for sigma in (0.3, 0.5, 1, 1.5)]
    assert values == sorted(values, reverse=True)
    assert values[0] < -0.5
    assert values[-1] < -20
    assert spectrum_blur(noisy(photo, 10), real).item() > 1


def test_a_faint_grid_is_found_and_other_faults_are_not(photo: Pixels) -> None:
    real = tensor(photo)
    grids = [spectrum_tiling(gridded(photo, strength), real).item() for strength in (2, 4, 8)]
    assert grids == sorted(grids)
    assert grids[1] > 4
    assert spectrum_tiling(gridded(photo, 4, period=8, offset=3), real).item() > 4
    others = [
        *(blurred(photo, sigma) for sigma in (0.5, 1, 2)),
        *(noisy(photo, sigma) for sigma in (3, 10)),
        *(compressed(photo, quality) for quality in (95, 75)),
    ]
    for other in others:
        assert abs(spectrum_tiling(other, real).item()) < 1.5


def test_blur_hardly_sees_a_grid(photo: Pixels) -> None:
    assert abs(spectrum_blur(gridded(photo, 4), tensor(photo)).item()) < 0.5


def test_blur_of_a_known_filter() -> None:
    """Of white noise, the mean of two neighbours lets pass cos²(πf) of the power along one axis."""
    real = torch.rand(1, 1, 500, 400, dtype=torch.float64, generator=torch.manual_seed(0))
    generated = (real + real.roll(1, 3)) / 2
    radius, angle = np.meshgrid(np.linspace(0.25, 0.5, 513)[1::2], np.linspace(0, np.pi, 1000))
    passed = (np.cos(np.pi * radius * np.cos(angle)) ** 2).mean(0)
    expected = 10 * np.log10(passed.reshape(16, 16).mean(1)).mean()
    assert spectrum_blur(generated, real, peak=1.0).item() == pytest.approx(expected, abs=0.1)


def test_power_of_a_pattern_is_found_exactly() -> None:
    """On a flat image, the floor of rounding is all there is around a wave's peaks."""
    wave = 0.2 * torch.cos(torch.arange(256, dtype=torch.float64) * (2 * math.pi * 3 / 16))
    flat = torch.full((1, 1, 256, 256), 128, dtype=torch.float64)
    value = spectrum_tiling(flat + wave, flat, peak=255).item()
    window = torch.hann_window(256, periodic=False, dtype=torch.float64)
    peak = 0.1**2 * (window.sum() ** 2 / window.square().sum()).item() ** 2
    assert value == pytest.approx(10 * math.log10((2 * peak * 12 + 255) / 255), abs=0.05)


@BOTH
def test_equal_images_give_zero_and_swapped_ones_the_negative(
    measure: Measure, photo: Pixels
) -> None:
    x, y = gridded(photo, 4), blurred(photo, 0.5)
    assert measure(x, x).item() == 0
    assert measure(x, y).item() == -measure(y, x).item()


@BOTH
def test_flat_images_are_finite(measure: Measure, photo: Pixels) -> None:
    real = tensor(photo)
    flat = torch.full_like(real, 7)
    assert measure(flat, flat + 100).item() == pytest.approx(0, abs=1e-9)
    assert math.isfinite(measure(flat, real).item())
    assert spectrum_blur(flat, real).item() < -15


@BOTH
@given(size=st.tuples(st.integers(64, 90), st.integers(64, 90)), count=st.integers(1, 3))
def test_any_size_and_batch(measure: Measure, size: tuple[int, int], count: int) -> None:
    seeded = torch.Generator().manual_seed(0)
    x, y = (
        torch.randint(256, (count, 3, *size), generator=seeded).to(torch.uint8) for _ in range(2)
    )
    values = measure(x, y)
    assert values.shape == (count,)
    assert values.dtype == torch.float64
    alone = torch.cat([measure(a[None], b[None]) for a, b in zip(x, y, strict=True)])
    assert torch.equal(values, alone)
    assert values.isfinite().all()


@BOTH
@pytest.mark.parametrize("size", [(64, 64), (81, 89), (128, 128)])
def test_noise_has_neither_blur_nor_tiles(measure: Measure, size: tuple[int, int]) -> None:
    """The figure of one image has a standard deviation of about 1 dB, the mean of 16 a fourth."""
    seeded = torch.Generator().manual_seed(0)
    x, y = torch.randint(256, (2, 16, 3, *size), generator=seeded).to(torch.uint8)
    assert measure(x, y).mean().abs() < 1


@BOTH
def test_floating_point_and_peaks(measure: Measure, photo: Pixels) -> None:
    x, y = gridded(photo, 4)[:, :1], tensor(photo)[:, :1]
    value = measure(x, y).item()
    assert measure(x, y, dtype=torch.float32).item() == pytest.approx(value, abs=1e-3)
    for peak in (1.0, 1000.0):
        floating = measure(x.double() / 255 * peak, y.double() / 255 * peak, peak=peak)
        assert floating.item() == pytest.approx(value, abs=1e-9)


@pytest.mark.gpu
@BOTH
def test_gpu_equals_cpu(measure: Measure, photo: Pixels) -> None:
    x, y = gridded(photo, 4), tensor(photo)
    on_gpu = measure(x.cuda(), y.cuda())
    torch.testing.assert_close(on_gpu.cpu(), measure(x, y), rtol=0, atol=1e-9)


@pytest.mark.parametrize(("measure", "side"), [(spectrum_blur, 31), (spectrum_tiling, 63)])
def test_refuses_small_images(measure: Measure, side: int) -> None:
    small = torch.zeros(1, 3, side, 200, dtype=torch.uint8)
    with pytest.raises(ValueError, match=f"expected at least {side + 1}"):
        measure(small, small)


def test_catalogue_holds_both() -> None:
    for name, measure in (("spectrum[blur]", spectrum_blur), ("spectrum[tiling]", spectrum_tiling)):
        metric = METRICS[name]
        assert (metric.measure, metric.better, metric.unit) == (measure, "zero", "dB")
