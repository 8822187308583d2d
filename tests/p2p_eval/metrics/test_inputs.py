"""Bad input is refused with the argument's name, what was got and what was expected."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor

from p2p_eval.metrics import gmsd, ms_ssim, psnr, ssim
from p2p_eval.metrics.inputs import check_images, each_image

OK = torch.zeros(2, 3, 16, 16, dtype=torch.uint8)
FLOAT = torch.full((2, 3, 16, 16), 0.5)


def with_value(value: float) -> Tensor:
    images = FLOAT.clone()
    images[1, 2, 3, 4] = value
    return images


BAD: list[tuple[Any, Any, dict[str, Any], str]] = [
    (OK.int(), OK, {}, "x: got int32, expected uint8, float32 or float64"),
    (OK, OK.half(), {}, "y: got float16, expected uint8, float32 or float64"),
    (OK.bool(), OK.bool(), {}, "x: got bool, expected uint8, float32 or float64"),
    (OK.numpy(), OK, {}, "x: got ndarray, expected a torch.Tensor"),
    (OK, None, {}, "y: got NoneType, expected a torch.Tensor"),
    (OK[0], OK[0], {}, "x: got shape (3, 16, 16), expected (N, C, H, W)"),
    (OK[:0], OK[:0], {}, "x: got shape (0, 3, 16, 16), expected at least one image"),
    (OK[:, :2], OK[:, :2], {}, "x: got 2 channels, expected 1 or 3 of (N, C, H, W)"),
    (OK, OK, {"channels": (1,)}, "x: got 3 channels, expected 1 of (N, C, H, W)"),
    (
        OK.permute(0, 2, 3, 1),
        OK.permute(0, 2, 3, 1),
        {},
        "x: got 16 channels, expected 1 or 3 of (N, C, H, W)",
    ),
    (OK[..., :0], OK[..., :0], {}, "x: got images of 16×0 pixels, expected at least 1×1"),
    (OK, OK, {"smallest": 17}, "x: got images of 16×16 pixels, expected at least 17×17"),
    (OK, OK[..., 1:], {}, "y: got shape (2, 3, 16, 15), expected that of x, (2, 3, 16, 16)"),
    (OK, OK[:1], {}, "y: got shape (1, 3, 16, 16), expected that of x, (2, 3, 16, 16)"),
    (OK, FLOAT, {}, "y: got dtype float32, expected that of x, uint8"),
    (FLOAT, FLOAT.double(), {"peak": 1}, "y: got dtype float64, expected that of x, float32"),
    (OK, OK.to("meta"), {}, "y: got device meta, expected that of x, cpu"),
    (OK, OK, {"dtype": torch.float16}, "dtype: got float16, expected float32 or float64"),
    (OK, OK, {"peak": 1.0}, "peak: got 1.0, expected 255, or none, for uint8 images"),
    (
        FLOAT,
        FLOAT,
        {},
        "peak: got none, expected it for float32 images, such as peak=1.0",
    ),
    (FLOAT, FLOAT, {"peak": 0}, "peak: got 0, expected a finite number above 0"),
    (FLOAT, FLOAT, {"peak": -1}, "peak: got -1, expected a finite number above 0"),
    (FLOAT, FLOAT, {"peak": math.nan}, "peak: got nan, expected a finite number above 0"),
    (FLOAT, FLOAT, {"peak": math.inf}, "peak: got inf, expected a finite number above 0"),
    (FLOAT, FLOAT, {"peak": "1"}, "peak: got str, expected a number"),
    (FLOAT, FLOAT, {"peak": True}, "peak: got bool, expected a number"),
    (
        with_value(1.5),
        FLOAT,
        {"peak": 1},
        "x: got values from 0.5 to 1.5, expected finite values in 0 to 1, the peak",
    ),
    (
        FLOAT,
        with_value(-0.25),
        {"peak": 1},
        "y: got values from -0.25 to 0.5, expected finite values in 0 to 1, the peak",
    ),
    (
        with_value(math.nan),
        FLOAT,
        {"peak": 1},
        "x: got values from nan to nan, expected finite values in 0 to 1, the peak",
    ),
    (
        FLOAT,
        with_value(math.inf),
        {"peak": 255},
        "y: got values from 0.5 to inf, expected finite values in 0 to 255, the peak",
    ),
]


@pytest.mark.parametrize(("x", "y", "options", "message"), BAD, ids=[m for *_, m in BAD])
def test_bad_input_is_refused(x: Any, y: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_images(x, y, **({"peak": None} | options))


@pytest.mark.parametrize(("metric", "smallest"), [(psnr, 1), (ssim, 11), (ms_ssim, 176), (gmsd, 3)])
def test_every_metric_checks_its_input(metric: Callable[..., Tensor], smallest: int) -> None:
    fits = torch.rand(1, 3, smallest, smallest)
    assert metric(fits, fits.flip(3), peak=1).shape == (1,)
    with pytest.raises(ValueError, match=r"^peak: got none"):
        metric(fits, fits)
    with pytest.raises(ValueError, match=r"^y: got values"):
        metric(fits, 2 - fits, peak=1)
    with pytest.raises(ValueError, match=r"^x: got 2 channels"):
        metric(fits[:, :2], fits[:, :2], peak=1)
    if smallest > 1:
        expected = f"got images of {smallest}×1 pixels, expected at least {smallest}×{smallest}$"
        with pytest.raises(ValueError, match=expected):
            metric(fits[..., :1], fits[..., :1], peak=1)


@pytest.mark.parametrize("metric", [ssim, ms_ssim, gmsd])
def test_a_type_to_compute_in_is_checked(metric: Callable[..., Tensor]) -> None:
    images = torch.zeros(1, 3, 176, 176, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"^dtype: got int32, expected float32 or float64$"):
        metric(images, images, dtype=torch.int32)


@pytest.mark.parametrize("metric", [psnr, ssim, ms_ssim, gmsd])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_floats_stay_as_they_are(metric: Callable[..., Tensor], dtype: torch.dtype) -> None:
    """Gray in floating point is used as it comes: nothing may be computed in its place."""
    x, y = torch.rand(2, 2, 1, 176, 177, dtype=dtype)
    before = x.clone(), y.clone()
    values = metric(x, y, peak=1)
    assert values.dtype == torch.float64
    assert torch.equal(x, before[0])
    assert torch.equal(y, before[1])


@pytest.mark.parametrize(
    ("dtype", "peak"), [(torch.uint8, None), (torch.uint8, 255), (torch.float32, 7)]
)
def test_the_peak_is_returned(dtype: torch.dtype, peak: float | None) -> None:
    images = torch.ones(1, 3, 2, 2, dtype=dtype)
    assert check_images(images, images, peak=peak) == (peak or 255)


def test_values_of_a_batch_keep_their_order() -> None:
    x = torch.arange(5.0).view(5, 1, 1, 1)
    assert torch.equal(each_image(lambda x, y: (x - y).flatten(), x, -x), 2 * torch.arange(5.0))


@pytest.mark.parametrize(("pixels", "expected"), [(0, [1] * 5), (3, [1] * 5), (8, [2, 2, 1])])
def test_few_small_images_at_a_time(pixels: int, expected: list[int]) -> None:
    batches: list[int] = []

    def count(x: Tensor, y: Tensor) -> Tensor:
        batches.append(len(x))
        return (x - y).sum((1, 2, 3))

    x = torch.arange(5.0).view(5, 1, 1, 1).expand(5, 1, 2, 2)
    assert torch.equal(each_image(count, x, -x, pixels=pixels), 8 * torch.arange(5.0))
    assert batches == expected


@pytest.mark.parametrize(
    "module",
    [
        "gradient_similarity",
        "multiscale_similarity",
        "structural_similarity",
    ],
)
def test_a_batch_at_once_gives_the_same(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a GPU computes, tried where there is none."""
    x, y = torch.randint(0, 256, (2, 3, 3, 177, 191), dtype=torch.uint8)
    variants = import_module(f"p2p_eval.metrics.{module}").VARIANTS
    expected = [metric.measure(x, y) for metric in variants]
    monkeypatch.setattr(
        f"p2p_eval.metrics.{module}.each_image", lambda function, x, y, **_: function(x, y)
    )
    for metric, values in zip(variants, expected, strict=True):
        torch.testing.assert_close(metric.measure(x, y), values, rtol=1e-12, atol=1e-12)
