"""The filters equal SciPy's, and MATLAB's where the border counts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, signal

from p2p_eval.metrics import filters
from p2p_eval.metrics.filters import block_sum, gaussian, image_mean, reduce, smooth_

SIZES = st.integers(5, 40)


def random_images(seed: int, *shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random(shape))


def test_the_gaussian_is_fspecial() -> None:
    # fspecial('gaussian', 11, 1.5): exp(-(x^2 + y^2) / (2 s^2)), divided by its sum
    y, x = np.mgrid[-5:6, -5:6]
    expected = np.exp(-(x**2 + y**2) / (2 * 1.5**2))
    window = np.array(gaussian(11, 1.5))
    np.testing.assert_allclose(np.outer(window, window), expected / expected.sum(), atol=1e-16)


@pytest.mark.parametrize("smooth", [smooth_, filters._smooth_by_shifts])
@given(height=SIZES, width=SIZES, seed=st.integers(0, 99))
@settings(deadline=None, max_examples=25)
def test_smoothing_is_a_valid_convolution(
    smooth: Callable[[torch.Tensor, tuple[float, ...]], torch.Tensor],
    height: int,
    width: int,
    seed: int,
) -> None:
    images = random_images(seed, 2, 3, height, width)
    window = gaussian(5, 1.0)
    kernel = np.outer(window, window)[None, None]
    expected = signal.convolve(images.numpy(), kernel, "valid", method="direct")
    np.testing.assert_allclose(smooth(images, window).numpy(), expected, rtol=1e-12)


def test_a_window_of_one_weight_and_of_two() -> None:
    images = random_images(1, 2, 4, 5)
    assert torch.equal(smooth_(images.clone(), (2.0,)), 4 * images)  # along both axes
    with pytest.raises(ValueError, match="got a window of 2 weights, expected an odd number"):
        smooth_(images, (0.5, 0.5))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_smoothing_has_the_same_bits_in_any_batch(dtype: torch.dtype) -> None:
    images = random_images(3, 4, 37, 41).to(dtype)
    together = smooth_(images.clone(), gaussian(11, 1.5))
    for n, image in enumerate(images):
        assert torch.equal(smooth_(image.clone(), gaussian(11, 1.5)), together[n])


def imfilter_and_stride(images: np.ndarray, factor: int) -> np.ndarray:
    """``imfilter(image, ones(f) / f^2, 'symmetric')(1:f:end, 1:f:end)``.

    SciPy calls MATLAB's symmetric border ``reflect``, and places the centre of an even filter one
    pixel later.
    """
    kernel = np.full((1, 1, factor, factor), 1 / factor**2)
    origin = (0, 0) + (-1 if factor % 2 == 0 else 0,) * 2
    return ndimage.correlate(images, kernel, mode="reflect", origin=origin)[..., ::factor, ::factor]


@given(height=SIZES, width=SIZES, factor=st.integers(1, 6), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=60)
def test_reducing_is_imfilter_and_a_stride(height: int, width: int, factor: int, seed: int) -> None:
    images = random_images(seed, 1, 2, height, width)
    expected = imfilter_and_stride(images.numpy(), factor)
    np.testing.assert_allclose(reduce(images, factor).numpy(), expected, rtol=1e-12)


def test_the_border_by_hand() -> None:
    row = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]).expand(5, 5)
    assert torch.equal(reduce(row, 2)[0], torch.tensor([1.5, 3.5, 5.0]))
    thirds = torch.tensor([(1 + 1 + 2) / 3, (3 + 4 + 5) / 3])
    torch.testing.assert_close(reduce(row, 3)[0], thirds)
    assert torch.equal(reduce(row, 4)[0], torch.tensor([(1 + 1 + 2 + 3) / 4, (4 + 5 + 5 + 4) / 4]))


def test_blocks_are_summed() -> None:
    images = random_images(1, 2, 1, 6, 9)
    expected = images.view(2, 1, 2, 3, 3, 3).sum((3, 5))
    torch.testing.assert_close(block_sum(images, 3), expected)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_mean_does_not_depend_on_threads(threads: int) -> None:
    images = random_images(2, 1, 3, 301, 450)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        expected = image_mean(images)
        torch.set_num_threads(threads)
        assert torch.equal(image_mean(images), expected)
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(expected, images.mean((1, 2, 3)))
