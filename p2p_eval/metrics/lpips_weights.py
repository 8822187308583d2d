"""Where the weights of LPIPS come from, and whether they are what they should be.

The linear weights are those that its authors publish in the package ``lpips``. The backbones' are
torchvision's, from the cache that all users of torch share, or from a file that the user names.
"""

from __future__ import annotations

import hashlib
import importlib.util
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from p2p_eval.errors import InputError
from p2p_eval.metrics.backbones import BACKBONES, BackboneName
from p2p_eval.metrics.hub import check_sha256, hub_file

__all__ = ["LINEAR_SHA256", "backbone_weights", "digest", "linear_weights"]

LINEAR_SHA256: dict[BackboneName, str] = {
    "alex": "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    "vgg": "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
    "squeeze": "4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76",
}
"""Of ``lpips/weights/v0.1/<backbone>.pth``, as published with lpips 0.1.4."""

MAX_BYTES = 1 << 30  # VGG-16 with its classifier has 553 MB


def linear_weights(name: BackboneName) -> list[Tensor]:
    """Return the published weight of each channel of each tap, not negative, shape ``(C,)``.

    Raises:
        InputError: The package ``lpips`` is not there, or its file is not the published one.
    """
    spec = importlib.util.find_spec("lpips")  # finds, and does not import, the package
    if spec is None or spec.origin is None:
        raise InputError("LPIPS needs the package lpips, which is not installed: pip install lpips")
    path = Path(spec.origin).parent / "weights" / "v0.1" / f"{name}.pth"
    check_sha256(path, LINEAR_SHA256[name], "install lpips 0.1.4 again")
    state = _read(path)
    return [
        state[f"lin{tap}.model.1.weight"].flatten()
        for tap in range(len(BACKBONES[name].channels()))
    ]


def backbone_weights(name: BackboneName, path: Path | None = None) -> dict[str, Tensor]:
    """Return the tensors of a backbone's convolutions by torchvision's names, float32.

    Args:
        name: The backbone.
        path: A ``.pth`` or ``.safetensors`` file with the keys ``features.*``, with or without
            the classifier's; by default torchvision's file in torch's cache, fetched if need be.

    Raises:
        InputError: There is no such file, it cannot be fetched, or it does not hold the backbone.
    """
    if path is None:
        path = _cached(name)
    state = _read(path)
    shapes = BACKBONES[name].shapes()
    extra = [key for key in state if key not in shapes and not str(key).startswith("classifier.")]
    missing = [key for key in shapes if key not in state]
    if extra or missing:
        wrong = f"{missing[0]} is missing" if missing else f"got an unknown {str(extra[0])[:80]!r}"
        raise InputError(
            f"{path}: {wrong}: not the weights of torchvision's {BACKBONES[name].weights}, "
            "which have the keys features.*"
        )
    for key, shape in shapes.items():
        tensor = state[key]
        found = (
            (tuple(tensor.shape), tensor.dtype, tensor.layout, tensor.device.type)
            if isinstance(tensor, Tensor)
            else type(tensor).__name__
        )
        if found != (shape, torch.float32, torch.strided, "cpu"):
            raise InputError(
                f"{path}: {key}: got {found}, expected a dense tensor of float32, shape {shape}"
            )
        if not torch.isfinite(tensor).all():
            raise InputError(f"{path}: {key}: NaN or infinite values: the file is damaged")
    return {key: state[key].detach() for key in shapes}


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Return the sha256 of names and values, the same whatever else their file holds.

    Example:
        >>> digest({"a": torch.ones(2)})[:8] == digest({"a": torch.ones(1)})[:8]
        False
    """
    sha256 = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        sha256.update(f"{name} {tuple(tensor.shape)}\n".encode())
        sha256.update(tensor.contiguous().cpu().numpy().tobytes())
    return sha256.hexdigest()


def _cached(name: BackboneName) -> Path:
    """Return torchvision's file in torch's cache, with the hash that its own name ends with."""
    import torchvision.models  # type: ignore[import-untyped]

    url = getattr(torchvision.models, BACKBONES[name].weights).IMAGENET1K_V1.url
    return hub_file(
        url,
        Path(url).stem.rsplit("-", 1)[-1],
        needed_by=f"LPIPS ({name})",
        otherwise=", or name a file with its weights",
    )


def _read(path: Path) -> dict[Any, Any]:
    """Read a file of tensors without running anything that it holds."""
    try:
        size = path.stat().st_size
        if size <= MAX_BYTES and zipfile.is_zipfile(path):  # torch's own format: may be packed
            with zipfile.ZipFile(path) as archive:
                size = max(size, sum(info.file_size for info in archive.infolist()))
        if size > MAX_BYTES:
            raise InputError(f"{path}: got {size} bytes, expected at most {MAX_BYTES}")
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        with warnings.catch_warnings(action="ignore"):  # of pickles, before they are refused
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
    except InputError:
        raise
    except pickle.UnpicklingError as error:  # its own text advises to run what the file holds
        raise InputError(
            f"{path}: not a file of weights, or a damaged one: it holds more than "
            "tensors, or none; it was not run"
        ) from error
    except Exception as error:  # the readers let through whatever goes wrong
        text = str(error).partition("\n")[0][:200]
        raise InputError(f"{path}: not a file of weights, or a damaged one: {text}") from error
    if not isinstance(state, dict):
        raise InputError(f"{path}: got a {type(state).__name__}, expected tensors by name")
    return state
