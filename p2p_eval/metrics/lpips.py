"""LPIPS v0.1: the distance of two images as a network sees them.

Each image goes through a network that was trained on ImageNet. At several layers the activations
of each pixel are scaled to unit length, :math:`\\hat y^l_{hw}`; then

    d(x, x0) = Σ_l 1 / (H_l W_l) Σ_hw ‖w_l ⊙ (ŷ^l_hw − ŷ0^l_hw)‖²

with weights learnt from human judgements. As those are not negative, each image has a vector whose
squared Euclidean distance is LPIPS, and that vector is what :class:`Features` hold.

Source: Zhang, Isola, Efros, Shechtman, Wang, *The Unreasonable Effectiveness of Deep Features as a
Perceptual Metric*, CVPR 2018; https://github.com/richzhang/PerceptualSimilarity, of which the
published linear weights are used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor

from p2p_eval.metrics.backbones import BACKBONES, BackboneName, Network
from p2p_eval.metrics.lpips_weights import (
    LINEAR_SHA256,
    backbone_weights,
    digest,
    linear_weights,
)
from p2p_eval.metrics.metric import Features, Metric

__all__ = ["LPIPS", "load_lpips"]

EPSILON = 1e-10
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
SHOWN_DIGITS = 16


class LPIPS:
    """LPIPS v0.1 with given weights.

    Args:
        backbone: ``alex``, ``vgg`` or ``squeeze``.
        weights: The backbone's tensors by torchvision's names.
        linear: The weight of each channel of each tap.
        device: Where it is computed.
    """

    def __init__(
        self,
        backbone: BackboneName,
        weights: Mapping[str, Tensor],
        linear: Sequence[Tensor],
        device: str | torch.device = "cpu",
    ) -> None:
        """Put the weights on the device."""
        self.backbone = BACKBONES[backbone]
        self.device = torch.device(device)
        self._network = Network(
            self.backbone, {name: tensor.to(self.device) for name, tensor in weights.items()}
        )
        self._roots = [weight.to(self.device).sqrt() for weight in linear]
        # uint8 to [-1, 1], and that to what the networks were trained on, in one step.
        shift, scale = (torch.tensor(v, dtype=torch.float64) for v in (SHIFT, SCALE))
        self._factor = (1 / (127.5 * scale)).float().to(self.device).view(3, 1, 1)
        self._offset = ((-1 - shift) / scale).float().to(self.device).view(3, 1, 1)

    @torch.inference_mode()
    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the features of images, one image at a time, so that none depends on another.

        Args:
            images: uint8, ``(N, 3, H, W)``.

        Returns:
            One float32 tensor ``(N, h, w, C)`` a tap; the sum of squared differences over all of
            them is LPIPS.

        Raises:
            ValueError: Another type or shape, or an image is too small.
        """
        self._check(images)
        rows = [self._features(image[None]) for image in images.to(self.device)]
        return tuple(torch.cat(tap) for tap in zip(*rows, strict=True))

    def _features(self, image: Tensor) -> list[Tensor]:
        taps = self._network(image * self._factor + self._offset)
        scaled = []
        for tap, root in zip(taps, self._roots, strict=True):
            pixels = tap.permute(0, 2, 3, 1)
            length = pixels.square().sum(-1, keepdim=True).sqrt_() + EPSILON
            count = (pixels.shape[1] * pixels.shape[2]) ** 0.5
            scaled.append(pixels / length.mul_(count) * root)
        return scaled

    @torch.inference_mode()
    def distance(self, x: tuple[Tensor, ...], y: tuple[Tensor, ...]) -> Tensor:
        """Return LPIPS of pairs from their features: float64, ``(N,)``.

        Raises:
            ValueError: The features are not of images of the same number and size.
        """
        shapes = [[tuple(tap.shape) for tap in taps] for taps in (x, y)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"got features of shapes {shapes[0]} and {shapes[1]}, expected equal")
        total = torch.zeros(len(x[0]), dtype=torch.float64, device=self.device)
        for a, b in zip(x, y, strict=True):
            for n in range(len(a)):
                difference = a[n].to(self.device) - b[n].to(self.device)
                total[n] += difference.square_().sum(dtype=torch.float64)
        return total

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Return LPIPS of pairs of images, uint8 ``(N, 3, H, W)``: float64, ``(N,)``."""
        if x.shape != y.shape:
            raise ValueError(
                f"got images of shapes {tuple(x.shape)} and {tuple(y.shape)}, expected equal"
            )
        return self.distance(self.features(x), self.features(y))

    def _check(self, images: Tensor) -> None:
        if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(
                f"got {images.dtype} of shape {tuple(images.shape)}, expected torch.uint8 of "
                "shape (N, 3, H, W)"
            )
        if min(images.shape[2:]) < self.backbone.smallest:
            raise ValueError(
                f"got images of {images.shape[3]}×{images.shape[2]} pixels, expected at least "
                f"{self.backbone.smallest} on each side"
            )


def load_lpips(
    backbone: BackboneName = "alex",
    *,
    weights: str | os.PathLike[str] | None = None,
    device: str | torch.device = "cpu",
) -> Metric:
    """Make the metric ``lpips[<backbone>-v0.1]``.

    Raises:
        ValueError: There is no such backbone.
        InputError: The weights are not there and cannot be fetched, or are not the right ones.
    """
    if backbone not in get_args(BackboneName):
        raise ValueError(f"got backbone {backbone!r}, expected one of {', '.join(BACKBONES)}")
    state = backbone_weights(backbone, None if weights is None else Path(weights))
    model = LPIPS(backbone, state, linear_weights(backbone), device)
    return Metric(
        name=f"lpips[{backbone}-v0.1]",
        better="lower",
        unit="",
        settings={
            "input": "uint8",
            "channels": "rgb",
            "backbone": backbone,
            "weights": "v0.1",
            "backbone-sha256": digest(state)[:SHOWN_DIGITS],
            "linear-sha256": LINEAR_SHA256[backbone][:SHOWN_DIGITS],
        },
        measure=model,
        smallest=model.backbone.smallest,
        features=Features(model.features, model.distance),
    )
