"""CIE Lab equals scikit-image's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab

from p2p_eval.metrics.lab import rgb_to_lab


def tensor(path: Path) -> torch.Tensor:
    with Image.open(path) as image:
        return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]


def reference(pixels: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(rgb2lab(pixels[0].permute(1, 2, 0).numpy())).permute(2, 0, 1)[None]


@pytest.mark.parametrize("name", ["00_noise_256x256", "04_shift_301x450", "07_jpeg_127x130"])
def test_equals_scikit_image(name: str, golden: Path) -> None:
    images = tensor(golden / "iqa" / "ref" / f"{name}.png")
    lab = rgb_to_lab(images)
    assert lab.dtype == torch.float64
    torch.testing.assert_close(lab, reference(images), rtol=0, atol=1e-10)
    fast = rgb_to_lab(images, dtype=torch.float32)
    assert fast.dtype == torch.float32
    torch.testing.assert_close(fast.double(), lab, rtol=0, atol=2e-3)


def test_every_value_of_a_channel_equals_scikit_image() -> None:
    """Both sides of both thresholds, and black and white."""
    ramp = torch.arange(256, dtype=torch.uint8)
    black = torch.zeros_like(ramp)
    images = torch.stack(
        [torch.stack(rgb) for rgb in ((ramp, ramp, ramp), (ramp, black, black),
                                      (black, ramp, black), (black, black, ramp))], dim=1
    )[None]  # fmt: skip
    torch.testing.assert_close(rgb_to_lab(images), reference(images), rtol=0, atol=1e-10)


def test_floating_images_give_the_same_for_any_peak() -> None:
    images = torch.randint(256, (2, 3, 7, 5), dtype=torch.uint8)
    lab = rgb_to_lab(images)
    for peak in (1.0, 255.0, 1000.0):
        floating = images.double() / 255 * peak
        torch.testing.assert_close(rgb_to_lab(floating, peak=peak), lab, rtol=0, atol=1e-10)


def test_gradients_flow_and_are_finite() -> None:
    images = torch.rand(1, 3, 4, 4, dtype=torch.float64)
    images[..., 0, 0] = 0
    images.requires_grad_()
    lab = rgb_to_lab(images, peak=1.0)
    torch.testing.assert_close(lab.detach(), rgb_to_lab(images.detach(), peak=1.0))
    lab.sum().backward()
    assert images.grad is not None
    assert images.grad.isfinite().all()


@pytest.mark.gpu
def test_gpu_equals_cpu() -> None:
    images = torch.randint(256, (2, 3, 40, 30), dtype=torch.uint8)
    lab = rgb_to_lab(images.cuda()).cpu()
    torch.testing.assert_close(lab, rgb_to_lab(images), rtol=0, atol=1e-10)


def test_refuses_what_has_not_three_channels() -> None:
    with pytest.raises(ValueError, match="got 1 channels, expected 3"):
        rgb_to_lab(torch.zeros(1, 1, 4, 4, dtype=torch.uint8))
