"""CIEDE2000 equals its authors' published values and scikit-image, and keeps its laws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab

from p2p_eval.metrics.catalogue import METRICS
from p2p_eval.metrics.color_difference import ciede2000, delta_e

# Table 1 of Sharma, Wu, Dalal 2005: two Lab colours and their difference, rounded.
# fmt: off
SHARMA = (
    (50.0, 2.6772, -79.7751, 50.0, 0.0, -82.7485, 2.0425),
    (50.0, 3.1571, -77.2803, 50.0, 0.0, -82.7485, 2.8615),
    (50.0, 2.8361, -74.02, 50.0, 0.0, -82.7485, 3.4412),
    (50.0, -1.3802, -84.2814, 50.0, 0.0, -82.7485, 1.0000),
    (50.0, -1.1848, -84.8006, 50.0, 0.0, -82.7485, 1.0000),
    (50.0, -0.9009, -85.5211, 50.0, 0.0, -82.7485, 1.0000),
    (50.0, 0.0, 0.0, 50.0, -1.0, 2.0, 2.3669),
    (50.0, -1.0, 2.0, 50.0, 0.0, 0.0, 2.3669),
    (50.0, 2.49, -0.001, 50.0, -2.49, 0.0009, 7.1792),
    (50.0, 2.49, -0.001, 50.0, -2.49, 0.001, 7.1792),
    (50.0, 2.49, -0.001, 50.0, -2.49, 0.0011, 7.2195),
    (50.0, 2.49, -0.001, 50.0, -2.49, 0.0012, 7.2195),
    (50.0, -0.001, 2.49, 50.0, 0.0009, -2.49, 4.8045),
    (50.0, -0.001, 2.49, 50.0, 0.001, -2.49, 4.8045),
    (50.0, -0.001, 2.49, 50.0, 0.0011, -2.49, 4.7461),
    (50.0, 2.5, 0.0, 50.0, 0.0, -2.5, 4.3065),
    (50.0, 2.5, 0.0, 73.0, 25.0, -18.0, 27.1492),
    (50.0, 2.5, 0.0, 61.0, -5.0, 29.0, 22.8977),
    (50.0, 2.5, 0.0, 56.0, -27.0, -3.0, 31.9030),
    (50.0, 2.5, 0.0, 58.0, 24.0, 15.0, 19.4535),
    (50.0, 2.5, 0.0, 50.0, 3.1736, 0.5854, 1.0000),
    (50.0, 2.5, 0.0, 50.0, 3.2972, 0.0, 1.0000),
    (50.0, 2.5, 0.0, 50.0, 1.8634, 0.5757, 1.0000),
    (50.0, 2.5, 0.0, 50.0, 3.2592, 0.335, 1.0000),
    (60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644),
    (63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630),
    (61.2901, 3.7196, -5.3901, 61.4292, 2.248, -4.962, 1.8731),
    (35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645),
    (22.7233, 20.0904, -46.694, 23.0331, 14.973, -42.5619, 2.0373),
    (36.4612, 47.858, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146),
    (90.8027, -2.0831, 1.441, 91.1528, -1.6435, 0.0447, 1.4441),
    (90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381),
    (6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377),
    (2.0776, 0.0795, -1.135, 0.9033, -0.0636, -0.5514, 0.9082),
)
# fmt: on
NAMES = ["00_noise_256x256", "02_jpeg_255x301", "04_shift_301x450", "06_hue_256x256"]


def images(golden: Path, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The golden set's distorted image, made here from the real one, and the real one."""
    with Image.open(golden / "iqa" / "ref" / f"{name}.png") as image:
        real = np.array(image)
    rng = np.random.default_rng(0)
    generated = np.clip(real[:, ::-1] + rng.normal(0, 8, real.shape), 0, 255).astype(np.uint8)
    x, y = (torch.from_numpy(a.copy()).permute(2, 0, 1)[None] for a in (generated, real))
    return x, y


def reference(x: torch.Tensor, y: torch.Tensor) -> float:
    a, b = (rgb2lab(image[0].permute(1, 2, 0).numpy()) for image in (x, y))
    return float(deltaE_ciede2000(a, b).mean())


def test_equals_the_published_pairs() -> None:
    table = torch.tensor(SHARMA, dtype=torch.float64).T
    assert table.shape == (7, 34)
    torch.testing.assert_close(delta_e(table[:3], table[3:6]), table[6], rtol=0, atol=5.1e-5)
    torch.testing.assert_close(delta_e(table[3:6], table[:3]), table[6], rtol=0, atol=5.1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_equals_scikit_image(name: str, golden: Path) -> None:
    x, y = images(golden, name)
    expected = reference(x, y)
    assert ciede2000(x, y).item() == pytest.approx(expected, abs=1e-10)
    assert ciede2000(x, y, dtype=torch.float32).item() == pytest.approx(expected, abs=1e-5)
    assert METRICS["ciede2000"].measure(x, y).item() == ciede2000(x, y).item()


def test_colours_far_and_near_equal_scikit_image() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform([0, -100, -100], [100, 100, 100], (20_000, 3))
    near = x + rng.normal(0, 1e-3, x.shape)
    grays, black = x * [1, 0, 0], np.zeros_like(x)
    for y in (x[::-1], near, grays, black):
        ours = delta_e(*(torch.from_numpy(colours.T.copy()) for colours in (x, y)))
        np.testing.assert_allclose(ours.numpy(), deltaE_ciede2000(x, y), rtol=0, atol=1e-9)


colours = st.lists(st.floats(-100, 100), min_size=3, max_size=3).map(
    lambda values: torch.tensor(values, dtype=torch.float64)
)


@given(colours, colours)
def test_differences_are_symmetric_and_finite_and_zero_for_equals(
    x: torch.Tensor, y: torch.Tensor
) -> None:
    x[0], y[0] = x[0].abs(), y[0].abs()
    difference = delta_e(x, y)
    assert difference.isfinite()
    assert difference == delta_e(y, x)
    assert delta_e(x, x) == 0


def test_value_of_an_image_does_not_depend_on_its_batch(golden: Path) -> None:
    x, y = images(golden, "00_noise_256x256")
    x, y = torch.cat((x, y, x)), torch.cat((y, y, y.flip(3)))
    alone = torch.cat([ciede2000(a[None], b[None]) for a, b in zip(x, y, strict=True)])
    together = ciede2000(x, y)
    assert together.dtype == torch.float64
    assert torch.equal(together, alone)
    assert together[1] == 0


def test_floating_images_give_the_same(golden: Path) -> None:
    x, y = images(golden, "07_jpeg_127x130")
    floating = ciede2000(x.double() / 255, y.double() / 255, peak=1.0)
    torch.testing.assert_close(floating, ciede2000(x, y), rtol=0, atol=1e-10)


def test_one_pixel_is_enough() -> None:
    black = torch.zeros(1, 3, 1, 1, dtype=torch.uint8)
    assert ciede2000(black + 255, black).item() == pytest.approx(100, abs=1e-3)


@pytest.mark.gpu
def test_gpu_equals_cpu(golden: Path) -> None:
    x, y = images(golden, "04_shift_301x450")
    on_gpu = ciede2000(x.cuda(), y.cuda()).cpu()
    torch.testing.assert_close(on_gpu, ciede2000(x, y), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("x", "y", "peak", "message"),
    [
        (torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 2), 1.0, "got 1 channels"),
        (torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 3), 1.0, "got shape"),
        (torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2), None, "peak: got none"),
        (torch.full((1, 3, 2, 2), torch.nan), torch.zeros(1, 3, 2, 2), 1.0, "finite"),
    ],
)
def test_refuses(x: torch.Tensor, y: torch.Tensor, peak: float | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ciede2000(x, y, peak=peak)
