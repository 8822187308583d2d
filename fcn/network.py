"""FCN-8s as the official pix2pix evaluation runs it.

Source: Long, Shelhamer, Darrell, *Fully Convolutional Networks for Semantic Segmentation*,
CVPR 2015, in the form of ``scripts/eval_cityscapes/caffemodel/deploy.prototxt`` of
https://github.com/phillipi/pix2pix.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fcn.errors import WeightsError

__all__ = ["FULL_WIDTHS", "MEAN_BGR", "FCN8s", "crop", "layer_widths", "preprocess"]

MEAN_BGR = (72.78044, 83.21195, 73.45286)
"""Mean of the Cityscapes training photos, in blue, green, red order, 0-255."""

FULL_WIDTHS: Mapping[str, int] = {
    "conv1_1": 64, "conv1_2": 64,
    "conv2_1": 128, "conv2_2": 128,
    "conv3_1": 256, "conv3_2": 256, "conv3_3": 256,
    "conv4_1": 512, "conv4_2": 512, "conv4_3": 512,
    "conv5_1": 512, "conv5_2": 512, "conv5_3": 512,
    "fc6_cs": 4096, "fc7_cs": 4096,
}  # fmt: skip
"""Output channels of each layer of the official network (VGG-16)."""

BLOCKS = (
    ("conv1_1", "conv1_2"),
    ("conv2_1", "conv2_2"),
    ("conv3_1", "conv3_2", "conv3_3"),
    ("conv4_1", "conv4_2", "conv4_3"),
    ("conv5_1", "conv5_2", "conv5_3"),
)
PAD = 100
CROP_POOL4, CROP_POOL3, CROP_SCORE = 5, 9, 31


def layer_widths(seven: Sequence[int]) -> dict[str, int]:
    """Return the output channels of every layer, given those of five blocks, fc6 and fc7.

    Args:
        seven: Channels of each of :data:`BLOCKS`, of ``fc6_cs`` and of ``fc7_cs``.

    Raises:
        ValueError: There are not seven.

    Example:
        >>> layer_widths([64, 128, 256, 512, 512, 4096, 4096]) == FULL_WIDTHS
        True
    """
    layers = (*BLOCKS, ("fc6_cs",), ("fc7_cs",))
    return {name: width for block, width in zip(layers, seven, strict=True) for name in block}


def preprocess(images: Tensor) -> Tensor:
    """Turn RGB images into the network's input: BGR, mean subtracted, not scaled.

    Args:
        images: uint8 RGB, shape ``(N, 3, H, W)``, 0-255.

    Returns:
        float32, shape ``(N, 3, H, W)``.

    Example:
        >>> black = torch.zeros(1, 3, 1, 1, dtype=torch.uint8)
        >>> [round(value, 5) for value in preprocess(black).flatten().tolist()]
        [-72.78044, -83.21195, -73.45286]
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(
            f"got {images.dtype} images of shape {tuple(images.shape)}, "
            "expected uint8 of shape (N, 3, H, W)"
        )
    mean = torch.tensor(MEAN_BGR, device=images.device).view(1, 3, 1, 1)
    return images.flip(1).float() - mean


class FCN8s(nn.Module):
    """FCN-8s: VGG-16 with pad 100, Caffe's ceil pooling, and full (not grouped) deconvolutions.

    Args:
        outputs: Score maps; 20 in the official network (19 Cityscapes classes and one that no
            class ever uses, which the official scores depend on).
        widths: Output channels of ``conv1_1`` … ``fc7_cs``; the official ones by default.

    Source: https://github.com/phillipi/pix2pix, ``scripts/eval_cityscapes/caffemodel``.

    Example:
        >>> slim = FCN8s(outputs=20, widths={name: 4 for name in FULL_WIDTHS})
        >>> slim(torch.zeros(1, 3, 64, 96)).shape
        torch.Size([1, 20, 64, 96])
    """

    def __init__(self, outputs: int = 20, widths: Mapping[str, int] = FULL_WIDTHS) -> None:
        """Build the network with PyTorch's default initial weights."""
        super().__init__()
        self.outputs = outputs
        self.widths = dict(widths)
        channels = 3
        for block in BLOCKS:
            for name in block:
                padding = PAD if name == "conv1_1" else 1
                self.add_module(name, nn.Conv2d(channels, widths[name], 3, padding=padding))
                channels = widths[name]
        self.fc6_cs = nn.Conv2d(channels, widths["fc6_cs"], 7)
        self.fc7_cs = nn.Conv2d(widths["fc6_cs"], widths["fc7_cs"], 1)
        self.score_fr = nn.Conv2d(widths["fc7_cs"], outputs, 1)
        self.score_pool4 = nn.Conv2d(widths["conv4_3"], outputs, 1)
        self.score_pool3 = nn.Conv2d(widths["conv3_3"], outputs, 1)
        self.upscore2 = nn.ConvTranspose2d(outputs, outputs, 4, stride=2, bias=False)
        self.upscore_pool4 = nn.ConvTranspose2d(outputs, outputs, 4, stride=2, bias=False)
        self.upscore8 = nn.ConvTranspose2d(outputs, outputs, 16, stride=8, bias=False)
        self.dropout = nn.Dropout(0.5)

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> FCN8s:
        """Build the network that a state dict holds; widths and outputs are read off its shapes.

        Raises:
            WeightsError: A tensor is missing, superfluous, or of a shape that does not fit; the
                message names the layer, the expected and the found shape.
        """
        for name in [*FULL_WIDTHS, "score_fr"]:
            if f"{name}.weight" not in state:
                raise WeightsError(
                    f"layer {name} is missing: these are not FCN-8s weights "
                    f"(layers found: {', '.join(sorted({k.split('.')[0] for k in state})[:30])})"
                )
        widths = {name: int(state[f"{name}.weight"].shape[0]) for name in FULL_WIDTHS}
        with torch.device("meta"):
            model = cls(int(state["score_fr.weight"].shape[0]), widths)
        expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
        for name, shape in expected.items():
            if name not in state:
                raise WeightsError(f"{name} is missing, expected with shape {shape}")
            if tuple(state[name].shape) != shape:
                raise WeightsError(
                    f"layer {name}: expected shape {shape}, found {tuple(state[name].shape)}"
                )
        if foreign := sorted(set(state) - set(expected)):
            raise WeightsError(f"FCN-8s has no {', '.join(foreign[:10])}: another network's file?")
        model.load_state_dict(dict(state), assign=True)
        return model.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Score every pixel of every class.

        Args:
            x: What :func:`preprocess` returns, shape ``(N, 3, H, W)``.

        Returns:
            Scores before any softmax, shape ``(N, outputs, H, W)``.
        """
        height, width = x.shape[-2:]
        skips = []
        for block in BLOCKS:
            for name in block:
                x = F.relu(self.get_submodule(name)(x), inplace=True)
            x = F.max_pool2d(x, 2, 2, ceil_mode=True)
            skips.append(x)
        x = self.dropout(F.relu(self.fc6_cs(x), inplace=True))
        x = self.dropout(F.relu(self.fc7_cs(x), inplace=True))
        return self.decode(self.score_fr(x), skips[3], skips[2], (height, width))

    def decode(self, score: Tensor, pool4: Tensor, pool3: Tensor, size: tuple[int, int]) -> Tensor:
        """Upsample ``score_fr``'s output to ``size``, adding the skips' scores."""
        x = self.upscore2(score)
        x = x + crop(self.score_pool4(pool4), CROP_POOL4, x.shape[-2:])
        x = self.upscore_pool4(x)
        x = x + crop(self.score_pool3(pool3), CROP_POOL3, x.shape[-2:])
        return crop(self.upscore8(x), CROP_SCORE, size)


def crop(x: Tensor, offset: int, size: tuple[int, ...]) -> Tensor:
    """Cut ``size``, (height, width), out of maps, ``offset`` pixels from the top and the left."""
    return x[..., offset : offset + size[-2], offset : offset + size[-1]]
