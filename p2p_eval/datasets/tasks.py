"""What is translated into what: images to a network's numbers, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from p2p_eval.metrics.lab import lab_to_rgb, rgb_to_lab

__all__ = ["TASKS", "Task"]

AB_LIMIT = 110.0
"""Largest a and b that a network gives; sRGB reaches -108 … 99."""


@dataclass(frozen=True, slots=True)
class Task:
    """One direction of translation.

    Attributes:
        name: As configurations and command lines have it.
        inputs: Channels that a generator gets.
        outputs: Channels that it gives.
        encode: Takes input and target, uint8 ``(H, W, 3)`` each; returns float32 ``(inputs, H, W)``
            and ``(outputs, H, W)`` in [-1, 1].
        decode: Takes what the generator got and gave, as above; returns uint8 ``(H, W, 3)``.
    """

    name: str
    inputs: int
    outputs: int
    encode: Callable[[NDArray[np.uint8], NDArray[np.uint8]], tuple[Tensor, Tensor]]
    decode: Callable[[Tensor, Tensor], NDArray[np.uint8]]


def _signed(image: NDArray[np.uint8]) -> Tensor:
    """Return ``(3, H, W)`` in [-1, 1]."""
    planes = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
    return planes.float().div_(127.5).sub_(1)


def _image(signed: Tensor) -> NDArray[np.uint8]:
    """Return the nearest 8-bit image, ``(H, W, 3)``."""
    pixels = signed.float().add(1).mul_(127.5).round_().clamp_(0, 255).byte()
    return np.ascontiguousarray(pixels.permute(1, 2, 0).cpu().numpy())


def _encode_colors(source: NDArray[np.uint8], target: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
    return _signed(source), _signed(target)


def _decode_colors(_: Tensor, generated: Tensor) -> NDArray[np.uint8]:
    return _image(generated)


def _encode_lab(source: NDArray[np.uint8], _: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
    planes = torch.from_numpy(np.ascontiguousarray(source.transpose(2, 0, 1)))[None]
    lab = rgb_to_lab(planes, dtype=torch.float32)[0]
    return lab[:1] / 50 - 1, lab[1:] / AB_LIMIT


def _decode_lab(source: Tensor, generated: Tensor) -> NDArray[np.uint8]:
    lab = torch.cat([(source.float() + 1) * 50, generated.float() * AB_LIMIT])
    return np.ascontiguousarray(lab_to_rgb(lab[None].cpu())[0].permute(1, 2, 0).numpy())


def _hole(height: int, width: int) -> tuple[slice, slice]:
    """Return the rows and columns of the central quarter."""
    return slice(height // 4, height - height // 4), slice(width // 4, width - width // 4)


def _encode_hole(source: NDArray[np.uint8], target: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
    x, y = _signed(source), _signed(target)
    x[(slice(None), *_hole(*x.shape[1:]))] = 0
    return x, y


def _decode_hole(source: Tensor, generated: Tensor) -> NDArray[np.uint8]:
    whole = source.float().clone()
    hole = (slice(None), *_hole(*whole.shape[1:]))
    whole[hole] = generated.float()[hole]
    return _image(whole)


TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (
        Task("labels2photo", 3, 3, _encode_colors, _decode_colors),
        Task("photo2labels", 3, 3, _encode_colors, _decode_colors),
        Task("AtoB",         3, 3, _encode_colors, _decode_colors),
        Task("BtoA",         3, 3, _encode_colors, _decode_colors),
        Task("colorization", 1, 2, _encode_lab,    _decode_lab),
        Task("inpainting",   3, 3, _encode_hole,   _decode_hole),
    )
}  # fmt: skip
"""By name.

Label maps in their colours to photos, and back; the left (A) or right (B) image of a pair to the
other; L of CIE Lab to a and b; a photo without its middle, half as high and wide, to the whole one,
of which only the middle is taken.
"""
