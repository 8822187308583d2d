"""Laws that every image metric of the catalogue keeps, in float64."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from p2p_eval.metrics.catalogue import METRICS
from p2p_eval.metrics.gray import gray
from p2p_eval.metrics.metric import Metric
from p2p_eval.scores.signature import Signature

Pairs = dict[str, tuple[Tensor, Tensor]]

PERFECT = {"psnr": math.inf}
"""Of equal images, where it is not 1 for a metric that is better higher, or else 0."""
RATIOS = {"spectrum[blur]", "spectrum[tiling]"}
"""How the first image compares with the second: exchanged, they change sign."""

every_metric = pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))


@pytest.fixture(scope="module")
def batch(golden_pairs: Pairs) -> tuple[Tensor, Tensor]:
    """Three pairs of different kinds, of one odd size that no metric finds too small."""
    names = ["02_jpeg_255x301.png", "03_contrast_512x512.png", "04_shift_301x450.png"]
    cut = [[image[..., :177, :191] for image in golden_pairs[name]] for name in names]
    return torch.cat([x for x, _ in cut]), torch.cat([y for _, y in cut])


def equal(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@every_metric
def test_one_float64_value_a_pair(metric: Metric, batch: tuple[Tensor, Tensor]) -> None:
    values = metric.measure(*batch)
    assert values.shape == (3,)
    assert values.dtype == torch.float64
    assert values.isfinite().all()
    assert len(set(values.tolist())) == 3


@every_metric
def test_equal_images_are_perfect(metric: Metric, batch: tuple[Tensor, Tensor]) -> None:
    perfect = PERFECT.get(metric.name, 1.0 if metric.better == "higher" else 0.0)
    for images in batch:
        equal(
            metric.measure(images, images.clone()),
            torch.full((3,), perfect, dtype=torch.float64),
        )


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.of_gray])
def test_gray_may_be_made_before(name: str, batch: tuple[Tensor, Tensor]) -> None:
    measure = METRICS[name].measure
    grays = [gray(images, torch.uint8) for images in batch]
    assert torch.equal(measure(*grays), measure(*batch))


@pytest.mark.parametrize("name", sorted(METRICS.keys() - RATIOS))
def test_more_noise_is_worse(name: str, batch: tuple[Tensor, Tensor]) -> None:
    _, y = batch
    metric = METRICS[name]
    noise = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    some, more = (
        metric.measure((y + scale * noise).round().clamp(0, 255).to(torch.uint8), y)
        for scale in (8, 24)
    )
    assert (more < some if metric.better == "higher" else more > some).all()


@every_metric
def test_symmetry(metric: Metric, batch: tuple[Tensor, Tensor]) -> None:
    x, y = batch
    exchanged = metric.measure(y, x)
    equal(-exchanged if metric.name in RATIOS else exchanged, metric.measure(x, y))


@every_metric
def test_no_value_depends_on_the_batch(metric: Metric, batch: tuple[Tensor, Tensor]) -> None:
    """Bit for bit: pairs are measured some at a time, and which ones they are changes."""
    x, y = batch
    alone = torch.cat([metric.measure(x[i : i + 1], y[i : i + 1]) for i in range(3)])
    assert torch.equal(metric.measure(x, y), alone)
    order = torch.tensor([2, 0, 1, 0, 1, 1, 2])
    assert torch.equal(metric.measure(x[order], y[order]), alone[order])


@every_metric
@pytest.mark.parametrize(
    "layout",
    [
        lambda images: images.contiguous(memory_format=torch.channels_last),
        lambda images: images.transpose(2, 3).contiguous().transpose(2, 3),
        lambda images: torch.cat([images, 255 - images], 3)[..., : images.shape[3]],
        lambda images: images.repeat_interleave(2, 2)[:, :, ::2],
    ],
    ids=["channels-last", "transposed", "cut", "strided"],
)
def test_the_layout_in_memory_does_not_matter(
    metric: Metric, layout: Callable[[Tensor], Tensor], batch: tuple[Tensor, Tensor]
) -> None:
    x, y = batch
    assert not layout(x).is_contiguous()
    equal(metric.measure(layout(x), layout(y)), metric.measure(x, y))


@every_metric
def test_the_images_stay_as_they_are(metric: Metric, batch: tuple[Tensor, Tensor]) -> None:
    x, y = (images.clone() for images in batch)
    metric.measure(x, y)
    assert all(torch.equal(a, b) for a, b in zip((x, y), batch, strict=True))


@every_metric
def test_the_smallest_image_is_as_stated(metric: Metric, batch: tuple[Tensor, Tensor]) -> None:
    size = metric.smallest
    x, y = (images[..., :size, :size] for images in batch)
    assert not metric.measure(x, y).isnan().any()
    for height, width in ((size - 1, size), (size, size - 1)):
        with pytest.raises(ValueError, match=rf"{height}×{width} pixels.*{size}×{size}"):
            metric.measure(x[..., :height, :width], y[..., :height, :width])


@every_metric
def test_the_settings_make_a_signature(metric: Metric) -> None:
    name = metric.name.split("[")[0]
    assert str(Signature(name, metric.settings)).startswith(f"{name}|{next(iter(metric.settings))}")


def test_names_and_settings_are_of_one_metric() -> None:
    assert all(name == metric.name for name, metric in METRICS.items())
    lines = {(name.split("[")[0], str(m.settings)) for name, m in METRICS.items()}
    assert len(lines) == len(METRICS)


@every_metric
@pytest.mark.gpu
def test_cuda_equals_the_cpu(metric: Metric, golden_pairs: Pairs) -> None:
    for name in ("00_noise_256x256.png", "02_jpeg_255x301.png", "05_noise_640x640.png"):
        x, y = (torch.cat([image, image.flip(3)]) for image in golden_pairs[name])
        values = metric.measure(x.cuda(), y.cuda())
        assert values.device.type == "cuda"
        torch.testing.assert_close(values.cpu(), metric.measure(x, y), rtol=1e-9, atol=1e-9)


@every_metric
def test_no_gradient_is_kept(metric: Metric, batch: tuple[Tensor, Tensor]) -> None:
    x, y = batch
    assert not metric.measure(x, y).requires_grad
    function = getattr(metric.measure, "func", metric.measure)
    assert not function((x / 255).requires_grad_(), y / 255, peak=1).requires_grad
