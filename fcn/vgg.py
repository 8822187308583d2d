"""The ImageNet start: torchvision's VGG-16 in the terms of the official network.

torchvision's network takes RGB in 0-1, minus ImageNet's mean, over ImageNet's deviation; ours takes
BGR in 0-255, minus Cityscapes' mean. Both are affine in the pixel, so the first convolution can be
rewritten to do the one from the other, exactly. Only the border differs in meaning: the official
network pads with zeros after the mean is taken off, so it sees the photo on a field of Cityscapes'
mean colour, where torchvision's sees ImageNet's.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.error import URLError

import torch
from torch import Tensor

from fcn.errors import DownloadError, WeightsError
from fcn.network import MEAN_BGR

__all__ = ["convert_vgg16", "imagenet_vgg16"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

CONVOLUTIONS = {
    "conv1_1": 0, "conv1_2": 2,
    "conv2_1": 5, "conv2_2": 7,
    "conv3_1": 10, "conv3_2": 12, "conv3_3": 14,
    "conv4_1": 17, "conv4_2": 19, "conv4_3": 21,
    "conv5_1": 24, "conv5_2": 26, "conv5_3": 28,
}  # fmt: skip
"""Our layer to the index in torchvision's ``features``."""


def convert_vgg16(vgg: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Turn a torchvision VGG-16 state into the layers ``conv1_1`` … ``fc7_cs`` of FCN-8s.

    Args:
        vgg: ``state_dict()`` of ``torchvision.models.vgg16``, or one of fewer channels. The first
            linear layer takes 7×7 maps and becomes ``fc6_cs``, the second ``fc7_cs``; the third,
            ImageNet's classes, is left out.

    Returns:
        Weights and biases by our names, for inputs as :func:`fcn.network.preprocess` makes them.

    Raises:
        WeightsError: A layer is missing or the first linear layer does not take 7×7 maps.
    """
    try:
        state = {}
        for name, index in CONVOLUTIONS.items():
            state[f"{name}.weight"] = vgg[f"features.{index}.weight"].clone()
            state[f"{name}.bias"] = vgg[f"features.{index}.bias"].clone()
        fc6, fc7 = vgg["classifier.0.weight"], vgg["classifier.3.weight"]
        state["fc6_cs.bias"] = vgg["classifier.0.bias"].clone()
        state["fc7_cs.bias"] = vgg["classifier.3.bias"].clone()
    except KeyError as error:
        raise WeightsError(f"{error.args[0]} is missing: not torchvision's VGG-16") from error
    channels = state["conv5_3.weight"].shape[0]
    if fc6.shape[1] != channels * 49:
        raise WeightsError(
            f"classifier.0.weight: expected {channels * 49} inputs (7×7 maps of {channels} "
            f"channels), found {fc6.shape[1]}"
        )
    state["fc6_cs.weight"] = fc6.reshape(-1, channels, 7, 7).clone()
    state["fc7_cs.weight"] = fc7.reshape(*fc7.shape, 1, 1).clone()

    weight = state["conv1_1.weight"].double()
    mean, std = (torch.tensor(v).double().view(3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    ours = torch.tensor(MEAN_BGR).double().flip(0).view(3, 1, 1) / 255
    # normalised = (x/255 + ours − mean) / std, with x our input in RGB order.
    bias = state["conv1_1.bias"] + (weight * ((ours - mean) / std)).sum((1, 2, 3))
    state["conv1_1.weight"] = (weight / (255 * std)).flip(1).to(fc6.dtype)
    state["conv1_1.bias"] = bias.to(fc6.dtype)
    return state


def imagenet_vgg16() -> dict[str, Tensor]:
    """Fetch torchvision's ImageNet VGG-16 (528 MB, once, to torch's cache) and convert it.

    Raises:
        DownloadError: It is not in the cache and cannot be fetched; says what to do instead.
    """
    from torchvision.models import VGG16_Weights  # type: ignore[import-untyped]

    source = VGG16_Weights.IMAGENET1K_V1
    try:
        vgg = source.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except (URLError, OSError, RuntimeError) as error:
        raise DownloadError(
            f"ImageNet's VGG-16 cannot be fetched from {source.url} ({error}). Put that file into "
            f"{torch.hub.get_dir()}/checkpoints by hand, or start from random weights with "
            "--from-scratch."
        ) from error
    return convert_vgg16(vgg)
