"""LPIPS v0.1: the distance of two images as a network sees them.

Each image goes through a network that was trained on ImageNet. At several layers l the activations
of each pixel are scaled to unit length, ŷ; then

    d(x, y) = Σ_l 1 / (H_l W_l) Σ_hw Σ_c w_lc (ŷ^l_hwc(x) − ŷ^l_hwc(y))²

with weights w learnt from human judgements. As none is negative, √(w / HW) can go to both images:
each has features of its own, and LPIPS is the squared Euclidean distance of the two.

A pure number, 0 for equal images, rarely above 1; lower is better. Computed in float32 as by its
authors, whose package it equals to 1e-6 for the same weights.

Source: Zhang, Isola, Efros, Shechtman, Wang, *The Unreasonable Effectiveness of Deep Features as a
Perceptual Metric*, CVPR 2018; https://github.com/richzhang/PerceptualSimilarity, of which the
published linear weights are used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from p2p_eval.metrics.backbones import BACKBONES, BackboneName, Network
from p2p_eval.metrics.inputs import check_images
from p2p_eval.metrics.lpips_weights import (
    LINEAR_SHA256,
    backbone_weights,
    digest,
    linear_weights,
)
from p2p_eval.metrics.metric import Features, ImageFeatures, Metric

__all__ = ["LPIPS", "load_lpips"]

EPSILON = 1e-10
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
SHOWN_DIGITS = 16  # of a sha256 in a signature

AT_ONCE = 1 << 19
"""Pixels of small images that go through the network together: its weights are then read once for
all of them, which takes a processor as long as to multiply by them."""


class LPIPS:
    """LPIPS v0.1 with the given weights: a function of two batches of images.

    Args:
        backbone: ``alex``, ``vgg`` or ``squeeze``.
        weights: The backbone's tensors, float32, by torchvision's names ``features.*``.
        linear: The weight of each channel of each layer compared, none negative.
        device: Where it is computed; images are taken from wherever they are.

    Attributes:
        smallest: Fewest pixels that each side of an image must have.

    Example:
        >>> shapes = BACKBONES["alex"].shapes().items()
        >>> weights = {name: torch.randn(shape) * 0.01 for name, shape in shapes}
        >>> lpips = LPIPS("alex", weights, [torch.ones(c) for c in BACKBONES["alex"].channels()])
        >>> images = torch.randint(0, 256, (2, 3, 48, 64), dtype=torch.uint8)
        >>> lpips(images, images)
        tensor([0., 0.], dtype=torch.float64)
    """

    def __init__(
        self,
        backbone: BackboneName,
        weights: Mapping[str, Tensor],
        linear: Sequence[Tensor],
        device: str | torch.device = "cpu",
    ) -> None:
        """Put the weights on the device."""
        self.smallest = BACKBONES[backbone].smallest
        self.device = torch.device(device)
        self._network = Network(
            BACKBONES[backbone], {name: tensor.to(self.device) for name, tensor in weights.items()}
        )
        self._roots = [weight.to(self.device).sqrt() for weight in linear]
        # 0 … 255 to [-1, 1], and that to what the networks were trained on, in one step.
        shift, scale = (torch.tensor(v, dtype=torch.float64) for v in (SHIFT, SCALE))
        self._factor = (1 / (127.5 * scale)).float().to(self.device).view(3, 1, 1)
        self._offset = ((-1 - shift) / scale).float().to(self.device).view(3, 1, 1)

    def __call__(self, x: Tensor, y: Tensor, *, peak: float | None = None) -> Tensor:
        """Return the distance of each pair: float64, ``(N,)``.

        Args:
            x: Generated images, ``(N, 3, H, W)``: uint8, or float32 or float64 in 0 … ``peak``.
            y: Real images, of the same shape and type.
            peak: The largest value that a pixel can have: required of floating images.

        Raises:
            ValueError: As :func:`~p2p_eval.metrics.inputs.check_images`; an image needs three
                channels, and :attr:`smallest` pixels on each side.
        """
        check_images(x, y, peak=peak, channels=(3,), smallest=self.smallest)
        # Together: of few images, these are as fast as half of them.
        features = self.features(torch.cat([x, y]), peak=peak)
        pairs = zip(features[: len(x)], features[len(x) :], strict=True)
        return torch.stack([self.distance(*pair) for pair in pairs])

    @torch.inference_mode()
    def features(self, images: Tensor, *, peak: float | None = None) -> list[ImageFeatures]:
        """Return the features of images; none depends on another image, bit for bit.

        Args:
            images: As ``x`` above.
            peak: As above.

        Returns:
            For each image a float32 tensor ``(h, w, C)`` for each layer compared.

        Raises:
            ValueError: As above.
        """
        return self._tapped(images, self._scaled, peak)

    @torch.inference_mode()
    def distance(self, x: ImageFeatures, y: ImageFeatures) -> Tensor:
        """Return the distance of two images from their features: float64, a scalar.

        Raises:
            ValueError: The features are not those of images of the same size.
        """
        parts = [self._squared(of_x, of_y) for of_x, of_y in zip(x, y, strict=True)]
        return torch.cat(parts).sum()

    @torch.inference_mode()
    def distances(
        self, images: Tensor, others: Sequence[ImageFeatures], *, peak: float | None = None
    ) -> Tensor:
        """Return the distance of each image from another one, of which there are features.

        These are the values of :meth:`distance`, bit for bit, but an image's own features are used
        as they are made, and not kept.

        Args:
            images: As ``x`` above.
            others: Features of as many images of that size.
            peak: As above.

        Returns:
            float64, ``(N,)``.

        Raises:
            ValueError: As above, or of :meth:`distance`, or these are the features of more or fewer
                images.
        """
        if len(images) != len(others):
            raise ValueError(f"got {len(images)} images and the features of {len(others)}")
        taps = [iter(of_all) for of_all in zip(*others, strict=True)]
        if len(taps) != len(self._roots):
            raise ValueError(f"got features of {len(taps)} layers, expected {len(self._roots)}")

        def squared(stage: int, activations: Tensor) -> Tensor:
            return self._squared(self._scaled(stage, activations), next(taps[stage]))

        return torch.stack([torch.cat(p).sum() for p in self._tapped(images, squared, peak)])

    def _tapped(
        self, images: Tensor, tap: Callable[[int, Tensor], Tensor], peak: float | None
    ) -> list[tuple[Tensor, ...]]:
        """Check images, and let the network make of them what ``tap`` wants of each layer."""
        peak = check_images(images, images, peak=peak, channels=(3,), smallest=self.smallest)
        factor = self._factor * (255 / peak)

        def normalized(image: Tensor) -> Tensor:
            image = (image.float() * factor).add_(self._offset)
            return image.contiguous(memory_format=torch.channels_last)

        count = max(1, AT_ONCE // (images.shape[2] * images.shape[3]))
        made: list[tuple[Tensor, ...]] = []
        with _exact(self.device):
            for some in torch.split(images, count):
                singly = torch.split(some.to(self.device), 1)
                made += self._network(map(normalized, singly), tap)
        return made

    def _scaled(self, stage: int, activations: Tensor) -> Tensor:
        """Scale a tap's activations, ``(1, C, h, w)``, to an image's features, ``(h, w, C)``."""
        pixels = activations[0].permute(1, 2, 0)
        length = torch.linalg.vector_norm(pixels, dim=-1, keepdim=True).add_(EPSILON)
        mean = (pixels.shape[0] * pixels.shape[1]) ** 0.5
        scaled: Tensor = pixels / length
        return scaled.mul_(self._roots[stage] / mean)

    def _squared(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the squared distance of each row of pixels, float64 ``(h,)``, in one layer.

        The squares of differences in one pass over both; then pixel by pixel, row by row: no sum's
        last bits depend on the number of threads.
        """
        if x.shape != y.shape:
            raise ValueError(
                f"got features of shapes {tuple(x.shape)} and {tuple(y.shape)}, expected equal"
            )
        squares = F.mse_loss(x.to(self.device), y.to(self.device), reduction="none")
        return squares.sum(-1).sum(-1, dtype=torch.float64)


def _exact(device: torch.device) -> AbstractContextManager[None]:
    """Keep a GPU from rounding factors to 10 bits, as it does in convolutions by default."""
    if device.type == "cpu":
        return nullcontext()
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return flags


def load_lpips(
    backbone: BackboneName = "alex",
    *,
    weights: str | os.PathLike[str] | None = None,
    device: str | torch.device = "cpu",
) -> Metric:
    """Make the metric ``lpips[<backbone>-v0.1]`` with its published weights.

    Args:
        backbone: ``alex``, ``vgg`` or ``squeeze``.
        weights: A ``.pth`` or ``.safetensors`` file of the backbone's weights; by default
            torchvision's in torch's cache, fetched if it is not there.
        device: Where it is computed.

    Raises:
        ValueError: There is no such backbone.
        InputError: The weights are not there and cannot be fetched, or are not the right ones.
    """
    if backbone not in BACKBONES:
        raise ValueError(f"got backbone {backbone!r}, expected one of {', '.join(BACKBONES)}")
    state = backbone_weights(backbone, None if weights is None else Path(weights))
    lpips = LPIPS(backbone, state, linear_weights(backbone), device)
    return Metric(
        name=f"lpips[{backbone}-v0.1]",
        better="lower",
        unit="",
        settings={
            "input": "uint8",
            "channels": "rgb",
            "backbone": backbone,
            "linear": "v0.1",
            "backbone-sha256": digest(state)[:SHOWN_DIGITS],
            "linear-sha256": LINEAR_SHA256[backbone][:SHOWN_DIGITS],
        },
        measure=lpips,
        smallest=lpips.smallest,
        features=Features(lpips.features, lpips.distance, lpips.distances),
    )
