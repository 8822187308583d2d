"""Which generator does a ``latest_net_G.pth`` hold? Reads the files that people have.

They are state dicts that junyanz/pytorch-CycleGAN-and-pix2pix wrote with ``torch.save``. Everything
about the network follows from the names and shapes of their tensors; each tensor is used exactly
once. That the file is untrusted is the business of :mod:`p2p_eval.models.state_dict`.

Source of the layout: https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix
(``models/networks.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from fcn.errors import WeightsError
from p2p_eval.models.generators import Generator
from p2p_eval.models.layers import Norm
from p2p_eval.models.resnet import ResnetGenerator
from p2p_eval.models.state_dict import AGAIN, EXPECTED, read_state_dict, shown_name

__all__ = ["Foreign", "read_pytorch_code"]

MAX_CHANNELS = 1 << 16
MIN_LEVELS = 6
CHECK_ELEMENTS = 1 << 22

FLOATS = (torch.float32, torch.float16, torch.bfloat16)
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True)
class Foreign:
    """A generator that the PyTorch code trained.

    Attributes:
        network: A :class:`~p2p_eval.models.generators.Generator` or
            :class:`~p2p_eval.models.resnet.ResnetGenerator` with the file's weights, float32, in
            evaluation mode.
        kind: ``unet`` or ``resnet``.
        settings: The arguments that its class was called with.
        sha256: Of the file's content.
        notes: What was done about peculiarities of the file, a sentence each.
    """

    network: nn.Module
    kind: Literal["unet", "resnet"]
    settings: dict[str, Any]
    sha256: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the names and shapes say: settings, and our name of each layer to the file's."""

    kind: Literal["unet", "resnet"]
    settings: dict[str, Any]
    layers: dict[str, str]
    last: str


def read_pytorch_code(path: Path, *, dropout: bool = True) -> Foreign:
    """Read a generator's ``.pth`` file, in the zip format of PyTorch or the one before 1.6.

    Args:
        path: The file. Its names may all begin with ``module.``, as ``DataParallel`` writes them.
        dropout: Whether the U-Net was trained with dropout (without ``--no_dropout``), which its
            file does not show. A residual generator's file does, and this is not looked at.

    Raises:
        WeightsError: The file is unreadable, damaged, hostile, not of one of these networks, or
            holds NaN or infinite values; the message says what was got and what was expected.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "latest_net_D.pth")
        ...     torch.save({"model.0.weight": torch.zeros(64, 6, 4, 4)}, path)
        ...     try:
        ...         read_pytorch_code(path)
        ...     except WeightsError as error:
        ...         print(str(error).partition("latest_net_D.pth: ")[2][:51])
        got 1 tensors (model.0.weight), expected a latest_n
    """
    path = Path(path)
    state, sha256 = read_state_dict(path)
    try:
        return _build(state, dropout, sha256)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error


def _build(state: dict[str, Tensor], dropout: bool, sha256: str) -> Foreign:
    """Put every tensor into its place in a network of ours."""
    if "model.model.0.weight" in state:
        layout = _unet(state, dropout)
    elif "model.10.conv_block.1.weight" in state:
        layout = _resnet(state)
    else:
        raise WeightsError(f"got {_listed(state)}, {EXPECTED}")
    network = _network(layout)
    instance, none = (layout.settings["norm"] == norm for norm in ("instance", "none"))
    loaded, rest, zeros = {}, dict(state), set()
    for name, wanted in network.state_dict().items():
        layer, _, part = name.rpartition(".")
        key = f"{layout.layers[layer]}.{part}"
        if key in rest:
            loaded[name] = _checked(key, rest.pop(key), wanted)
        elif part == "num_batches_tracked" or (none and part == "bias" and layer != layout.last):
            loaded[name] = torch.zeros(wanted.shape, dtype=wanted.dtype)
            zeros.add(part)
        else:
            raise WeightsError(
                f"{key} is missing, expected a tensor of shape {tuple(wanted.shape)}; {AGAIN}"
            )
    dropped = 0
    if instance:
        norms = [theirs for ours, theirs in layout.layers.items() if ours.endswith(".norm")]
        for key in [f"{norm}.{part}" for norm in norms for part in STATISTICS]:
            dropped += rest.pop(key, None) is not None
    if rest:
        raise WeightsError(
            f"got {_listed(rest)}, which a {layout.kind} with norm {layout.settings['norm']} does "
            f"not have; {EXPECTED}"
        )
    network.load_state_dict(loaded, assign=True)
    notes = {
        "Convolutions without bias, where ours have one: those are 0.": "bias" in zeros,
        "No counts of batches, as before PyTorch 0.4.1: they are 0.": (
            "num_batches_tracked" in zeros
        ),
        f"{dropped} statistics of instance norms, which go unused, were left out.": dropped > 0,
        "Weights of half precision, held as float32.": any(
            tensor.dtype in (torch.float16, torch.bfloat16) for tensor in state.values()
        ),
    }
    told = tuple(note for note, true in notes.items() if true)
    return Foreign(network.eval(), layout.kind, layout.settings, sha256, told)


def _network(layout: _Layout) -> nn.Module:
    """Return the network without memory for its weights: a file can claim any width."""
    with torch.device("meta"):
        if layout.kind == "unet":
            return Generator(**layout.settings)
        return ResnetGenerator(**layout.settings)


def _unet(state: Mapping[str, Tensor], dropout: bool) -> _Layout:
    """Read a U-Net's layout: a level is a ``Sequential`` that has the next one inside."""
    levels, below = ["model."], "model.model.1."
    while f"{below}model.1.weight" in state:
        levels.append(below)
        below += "model.3."
    depth = len(levels)
    if depth < MIN_LEVELS:
        raise WeightsError(
            f"got a U-Net of {depth} levels, expected {MIN_LEVELS} (for images of 64) or more"
        )
    layers = {}
    for level, prefix in enumerate(levels):
        down, up = f"down.{level}", f"up.{depth - 1 - level}"
        names = {f"{down}.conv": 1, f"{down}.norm": 2, f"{up}.conv": 5, f"{up}.norm": 6}
        if level == 0:
            names = {f"{down}.conv": 0, f"{up}.conv": 3}
        elif level == depth - 1:
            names = {f"{down}.conv": 1, f"{up}.conv": 3, f"{up}.norm": 4}
        layers.update({ours: f"{prefix}model.{index}" for ours, index in names.items()})
    width, inputs = _channels(state, layers["down.0.conv"])
    last = f"up.{depth - 1}.conv"
    _, outputs = _channels(state, layers[last])
    settings = {
        "inputs": inputs,
        "outputs": outputs,
        "size": 1 << depth,
        "width": width,
        "skips": True,
        "norm": _norm(state, layers["down.0.conv"], layers["down.1.norm"]),
        "dropout": "pytorch" if dropout else "none",
        "bottleneck_norm": False,
    }
    return _Layout("unet", settings, layers, last)


def _resnet(state: Mapping[str, Tensor]) -> _Layout:
    """Read a residual generator's layout: one ``Sequential``, blocks from 10 on."""
    blocks = 0
    while f"model.{10 + blocks}.conv_block.1.weight" in state:
        blocks += 1
    end = 10 + blocks
    dropout = "model.10.conv_block.5.weight" not in state  # it comes before the second padding
    convs = {"down.0": 1, "down.1": 4, "down.2": 7, "up.0": end, "up.1": end + 3}
    layers = {}
    for ours, index in convs.items():
        layers[f"{ours}.conv"], layers[f"{ours}.norm"] = f"model.{index}", f"model.{index + 1}"
    for block in range(blocks):
        for ours, index in (("first", 1), ("second", 6 if dropout else 5)):
            layers[f"blocks.{block}.{ours}.conv"] = f"model.{10 + block}.conv_block.{index}"
            layers[f"blocks.{block}.{ours}.norm"] = f"model.{10 + block}.conv_block.{index + 1}"
    layers["last"] = f"model.{end + 7}"
    width, inputs = _channels(state, layers["down.0.conv"])
    outputs, _ = _channels(state, layers["last"])
    settings = {
        "inputs": inputs,
        "outputs": outputs,
        "width": width,
        "blocks": blocks,
        "norm": _norm(state, layers["down.0.conv"], layers["down.0.norm"]),
        "dropout": dropout,
    }
    return _Layout("resnet", settings, layers, "last")


def _norm(state: Mapping[str, Tensor], conv: str, norm: str) -> Norm:
    """Tell the norm from which weights there are: instance norm has none, but biases before it."""
    weight, bias = f"{norm}.weight" in state, f"{conv}.bias" in state
    if weight and bias:
        raise WeightsError(
            f"got {norm}.weight after {conv}.bias: an instance norm with weights (affine=True), or "
            "a batch norm after a bias, expected norms as the code has made them since 2017: "
            "--norm batch, instance or none"
        )
    if weight:
        return "batch"
    return "instance" if bias else "none"


def _channels(state: Mapping[str, Tensor], conv: str) -> tuple[int, int]:
    """Return the first two sizes of a convolution's weight."""
    key = f"{conv}.weight"
    if key not in state:
        raise WeightsError(f"{key} is missing, expected a convolution's weight; {AGAIN}")
    shape = tuple(state[key].shape)
    if len(shape) != 4 or not all(0 < size <= MAX_CHANNELS for size in shape):
        raise WeightsError(
            f"{key}: got shape {shape}, expected 4 dimensions of 1 … {MAX_CHANNELS}; {AGAIN}"
        )
    return shape[0], shape[1]


def _checked(key: str, tensor: Tensor, wanted: Tensor) -> Tensor:
    """Return a copy of a tensor of the file that has the wanted shape, type and sane values."""
    if tensor.shape != wanted.shape:
        raise WeightsError(
            f"{key}: got shape {tuple(tensor.shape)}, expected {tuple(wanted.shape)} as follows "
            "from the first and last layer; another network, or a damaged file"
        )
    types = FLOATS if wanted.is_floating_point() else (wanted.dtype,)
    if tensor.dtype not in types:
        raise WeightsError(
            f"{key}: got numbers of {tensor.dtype}, expected {types[0]}; save it again as that"
        )
    copy = torch.empty(wanted.shape, dtype=wanted.dtype).copy_(tensor.detach())
    for part in torch.split(copy.reshape(-1), CHECK_ELEMENTS):
        if not torch.isfinite(part).all() or (key.endswith(".running_var") and (part < 0).any()):
            raise WeightsError(
                f"{key}: got NaN, infinite values or negative variances, expected finite weights; "
                "the file is damaged or its training diverged"
            )
    return copy


def _listed(state: Mapping[str, Tensor]) -> str:
    names = ", ".join(shown_name(name) for name in list(state)[:5])
    return f"{len(state)} tensors ({names}{', …' if len(state) > 5 else ''})"
