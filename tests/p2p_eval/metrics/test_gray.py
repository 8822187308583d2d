"""Gray is MATLAB's rgb2gray to the last pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from p2p_eval.metrics.gray import LUMA, gray


def test_the_weights_are_those_of_the_ntsc_matrix() -> None:
    # rgb2gray.m: T = inv([1.0 0.956 0.621; 1.0 -0.272 -0.647; 1.0 -1.106 1.703]); coef = T(1,:)
    matrix = np.array([[1, 0.956, 0.621], [1, -0.272, -0.647], [1, -1.106, 1.703]])
    np.testing.assert_allclose(LUMA, np.linalg.inv(matrix)[0], rtol=0, atol=1e-15)


@pytest.mark.parametrize("dtype", [torch.int16, torch.float32, torch.float64])
def test_bytes_are_rounded_exactly(dtype: torch.dtype) -> None:
    """All colours there are, against integers of sixteen digits."""
    weights = [round(weight * 10**15) for weight in LUMA]
    values = np.arange(256, dtype=np.int64)
    for red in range(256):
        sums = red * weights[0] + values[:, None] * weights[1] + values * weights[2]
        expected = (sums + 5 * 10**14) // 10**15
        rgb = np.stack(np.broadcast_arrays(np.int64(red), values[:, None], values))
        images = torch.from_numpy(rgb.astype(np.uint8)).unsqueeze(0)
        result = gray(images, dtype)
        assert result.dtype == dtype
        np.testing.assert_array_equal(result[0, 0].numpy(), expected)


def test_the_six_digits_often_given_differ() -> None:
    """So the full weights are no luxury: this pixel is rounded the other way by them."""
    six = np.array([0.298936, 0.587043, 0.114021])
    values = np.arange(256)
    rgb = np.stack(np.meshgrid(values[::17], values, values, indexing="ij")).reshape(3, -1)
    images = torch.from_numpy(rgb.astype(np.uint8)).view(1, 3, 1, -1)
    assert (np.floor(six @ rgb + 0.5) != gray(images).numpy().ravel()).any()


def test_gray_pixels_stay_what_they_are() -> None:
    values = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(gray(values.expand(1, 3, 16, 16)), values.double())
    assert torch.equal(gray(values), values.double())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_floats_are_not_rounded(dtype: torch.dtype) -> None:
    images = torch.rand(2, 3, 5, 7, dtype=dtype)
    result = gray(images)
    assert result.dtype == dtype
    expected = torch.einsum("c,nchw->nhw", torch.tensor(LUMA, dtype=dtype), images).unsqueeze(1)
    torch.testing.assert_close(result, expected)
    assert torch.equal(gray(images[:, :1]), images[:, :1])
