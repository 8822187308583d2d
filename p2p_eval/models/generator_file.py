"""Generators as files: weights with all that it takes to build and run the network again.

Our own files are safetensors, whose metadata hold the network's settings and where it came from;
the ``latest_net_G.pth`` of other people are read by :mod:`p2p_eval.models.foreign`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from fcn.errors import WeightsError
from fcn.files import refuse_device, replacing, sha256_of
from p2p_eval import __version__
from p2p_eval.models.foreign import read_pytorch_code
from p2p_eval.models.generators import Generator
from p2p_eval.models.resnet import ResnetGenerator

__all__ = ["GeneratorFile", "digest_of", "load_generator", "save_generator"]

FORMAT = "p2p-eval-generator/1"
KEY = "p2p-eval"
"""Under which a file's metadata lie, as JSON."""
KINDS: Mapping[str, type[nn.Module]] = {"unet": Generator, "resnet": ResnetGenerator}
MAX_HEADER_BYTES = 1 << 22
MAX_WEIGHTS = 1 << 31
LIMITS = {"inputs": 64, "outputs": 64, "size": 1 << 12, "width": 1 << 10, "blocks": 64}
DTYPES = (torch.float32, torch.float16, torch.bfloat16)


@dataclass(frozen=True, slots=True)
class GeneratorFile:
    """A generator that was read from a file, checked.

    Attributes:
        network: In evaluation mode, float32, on the CPU.
        kind: ``unet`` (also without skips) or ``resnet``.
        settings: The network's arguments.
        metadata: What the file says of its origin: of our own files ``run`` (config and
            fingerprint of the data), ``step``, ``steps``, ``test_mode``, ``version``; empty of
            others.
        sha256: Of the file.
        notes: What a user should know of how it was read.
    """

    network: nn.Module
    kind: str
    settings: Mapping[str, Any]
    metadata: Mapping[str, Any]
    sha256: str
    notes: tuple[str, ...] = ()


def save_generator(
    path: Path,
    network: nn.Module,
    settings: Mapping[str, Any],
    metadata: Mapping[str, Any],
    *,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write a generator; the file appears whole or not at all.

    Args:
        path: Where, ending in ``.safetensors``.
        network: A :class:`Generator` or :class:`ResnetGenerator`.
        settings: The arguments that build it.
        metadata: What should be known of its origin, none of it named as what the file itself says.
        dtype: How weights are stored; float16 halves the file.

    Raises:
        WeightsError: The file cannot be written.
    """
    kind = next(name for name, cls in KINDS.items() if isinstance(network, cls))
    state = {
        name: (tensor.to(dtype) if tensor.is_floating_point() else tensor).cpu().contiguous()
        for name, tensor in network.state_dict().items()
    }
    header = {
        **metadata,
        "format": FORMAT,
        "kind": kind,
        "settings": dict(settings),
        "version": __version__,
        "weights_sha256": digest_of(state),
    }
    try:
        with replacing(path) as file:
            # One text: several would stand in another order in every file.
            file.write(save(state, {KEY: json.dumps(header, sort_keys=True)}))
    except OSError as error:
        raise WeightsError(
            f"{path}: cannot be written ({error}); check space and permissions"
        ) from error


def load_generator(path: Path, *, dropout: bool = True) -> GeneratorFile:
    """Read a generator: one of ours, or a ``latest_net_G.pth`` of the PyTorch code.

    Args:
        path: The file.
        dropout: Whether a U-Net of the PyTorch code was trained with dropout, which its file does
            not say; that code's pix2pix is, unless ``--no_dropout`` was given.

    Raises:
        WeightsError: There is no such file, or it is damaged, foreign or hostile.
    """
    try:
        refuse_device(path)
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error}") from error
    if len(start) < 9 or start[8:] != b"{":
        foreign = read_pytorch_code(path, dropout=dropout)
        return GeneratorFile(
            foreign.network, foreign.kind, foreign.settings, {}, foreign.sha256, foreign.notes
        )
    if (length := int.from_bytes(start[:8], "little")) > MAX_HEADER_BYTES:
        raise WeightsError(
            f"{path}: got a header of {length} bytes, expected at most "
            f"{MAX_HEADER_BYTES}; the file is damaged"
        )
    try:
        with safe_open(path, framework="pt") as file:
            header = _header(path, file.metadata() or {})
            network, kind, settings = _built(path, header)
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, TypeError, RuntimeError) as error:
        raise WeightsError(
            f"{path}: damaged or no safetensors file: {error}; copy or train it again"
        ) from error
    if header.pop("weights_sha256", None) != digest_of(state):
        raise WeightsError(
            f"{path}: got other weights than were written; the file is damaged, copy or train it "
            "again"
        )
    _fill(path, network, state)
    sha256 = sha256_of(path)
    return GeneratorFile(network.eval(), kind, settings, header, sha256)


def digest_of(tensors: Mapping[str, Tensor]) -> str:
    """Return the sha256 over names, types, shapes and bytes of tensors, in order of name."""
    total = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return total.hexdigest()


def _header(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        header = json.loads(metadata.get(KEY, "{}"))
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: metadata are not JSON; the file is damaged") from error
    if not isinstance(header, dict) or header.pop("format", None) != FORMAT:
        raise WeightsError(
            f"{path}: got safetensors that are no generator of this program (no format {FORMAT}), "
            "expected what `p2p-eval train` writes as generator.safetensors"
        )
    return header


def _built(path: Path, header: dict[str, Any]) -> tuple[nn.Module, str, dict[str, Any]]:
    """Build the network of a file's settings, which nobody has checked."""
    kind, settings = header.pop("kind", None), header.pop("settings", None)
    if not isinstance(kind, str) or kind not in KINDS or not isinstance(settings, dict):
        raise WeightsError(
            f"{path}: got a generator of kind {kind!r}, expected {' or '.join(KINDS)}; it was "
            "written by a newer version, or is damaged"
        )
    for name, limit in LIMITS.items():
        value = settings.get(name, 1)
        if not isinstance(value, int) or not 1 <= value <= limit:
            raise WeightsError(f"{path}: got {name} = {value!r}, expected 1 to {limit}")
    try:
        with torch.device("meta"):
            network = KINDS[kind](**settings)
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{path}: got settings {settings}: {error}") from error
    weights = sum(math.prod(tensor.shape) for tensor in network.state_dict().values())
    if weights > MAX_WEIGHTS:
        raise WeightsError(f"{path}: got {weights} weights, expected at most {MAX_WEIGHTS}")
    return network, kind, settings


def _fill(path: Path, network: nn.Module, state: dict[str, Tensor]) -> None:
    """Give a network on the meta device the tensors of a file, each of the right shape."""
    wanted = network.state_dict()
    if differing := sorted(wanted.keys() ^ state.keys()):
        raise WeightsError(
            f"{path}: got other tensors than its settings ask for ({differing[0]!r} and "
            f"{len(differing) - 1} more); the file is damaged"
        )
    for name, tensor in state.items():
        whole = not wanted[name].is_floating_point()
        if tensor.shape != wanted[name].shape or (
            tensor.dtype != wanted[name].dtype if whole else tensor.dtype not in DTYPES
        ):
            raise WeightsError(
                f"{path}: {name}: got {tensor.dtype} of shape {tuple(tensor.shape)}, expected "
                f"{wanted[name].dtype} of shape {tuple(wanted[name].shape)}"
            )
        if not whole:
            state[name] = tensor.float()
            if not torch.isfinite(state[name]).all():
                raise WeightsError(f"{path}: {name}: got NaN or infinite values, expected finite")
    network.load_state_dict(state, assign=True)
