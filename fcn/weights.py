"""Which FCN-8s does a weights file hold? Loads, checks, converts and saves it.

Two formats are read, told apart by content: ``.caffemodel`` (:mod:`fcn.caffemodel`) and
safetensors (https://github.com/huggingface/safetensors), which is also what is written.
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from fcn.caffemodel import Blob, map_file, parse
from fcn.entries import CATALOGUE
from fcn.errors import WeightsError
from fcn.files import read_record, replacing
from fcn.labels import PLAIN_NAME, check_plain_name
from fcn.labels import label_set as find_label_set
from fcn.network import FULL_WIDTHS, FCN8s

__all__ = ["Weights", "convert", "load_weights", "save_weights", "verify"]

FORMAT = "fcn-8s/1"
MAX_HEADER_BYTES = 1 << 20
MAX_WIDTH = 1 << 16  # the official network's widest layer has 4096
HASH_BYTES = 1 << 24
CHECK_ELEMENTS = 1 << 22

SCORES = ("score_fr", "score_pool4", "score_pool3")
UPSCORES = ("upscore2", "upscore_pool4", "upscore8")
PARTS = {
    **dict.fromkeys((*FULL_WIDTHS, *SCORES), ("weight", "bias")),
    **dict.fromkeys(UPSCORES, ("weight",)),
}
LAYERS_IN = {"fc6_cs": ("conv5_3", 7), "fc7_cs": ("fc6_cs", 1), "score_fr": ("fc7_cs", 1)}

DTYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}


@dataclass(frozen=True)
class Weights:
    """The weights of one FCN-8s, checked.

    Attributes:
        state: State dict of :class:`fcn.network.FCN8s`, float32.
        metadata: What the file says about itself: ``format``, and where known ``source``,
            ``source_sha256``, ``label_set``.
        sha256: Of the file's content.
        path: Where it was read.
    """

    state: dict[str, Tensor]
    metadata: dict[str, str]
    sha256: str
    path: Path

    def build(self) -> FCN8s:
        """Return the network in evaluation mode; it shares the tensors of ``state``."""
        return FCN8s.from_state(self.state)

    @property
    def label_set(self) -> str | None:
        """Name of the label set that it was trained for, where the file gives a plain one."""
        name = self.metadata.get("label_set", "")
        return name if PLAIN_NAME.fullmatch(name) else None

    @property
    def outputs(self) -> int:
        """Number of score maps."""
        return int(self.state["score_fr.weight"].shape[0])

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(tensor.numel() for tensor in self.state.values())


def load_weights(path: str | os.PathLike[str]) -> Weights:
    """Read the weights of an FCN-8s of any widths.

    Args:
        path: A ``.safetensors`` file, or one of any other suffix that holds a caffemodel or
            safetensors.

    Raises:
        WeightsError: The file is unreadable, truncated, foreign, of another network, or holds
            NaN or infinite values; the message names the file, the layer, and the expected and
            found shape.

    Example:
        >>> import tempfile
        >>> slim = FCN8s(widths=dict.fromkeys(FULL_WIDTHS, 4))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "slim.safetensors")
        ...     save_weights(slim.state_dict(), path, {"label_set": "cityscapes"})
        ...     weights = load_weights(path)
        >>> weights.outputs, weights.label_set, weights.build().widths["fc6_cs"]
        (20, 'cityscapes', 4)
    """
    path = Path(path)
    mapping = map_file(path)
    try:
        sha256 = _sha256(mapping)
        if path.suffix.lower() == ".safetensors" or _looks_like_safetensors(mapping):
            state, metadata = _read_safetensors(path, mapping)
        else:
            metadata = {"format": "caffemodel", "source": path.name}
            state = _from_caffe(parse(mapping, path), mapping)
        _check(state)
    except WeightsError as error:
        prefix = "" if str(error).startswith(f"{path}: ") else f"{path}: "
        raise WeightsError(f"{prefix}{error}") from error
    return Weights(state, metadata, sha256, path)


def verify(path: str | os.PathLike[str]) -> Weights:
    """Read a weights file whole, and hold it against what is known of it.

    Checked are its architecture, that every value is finite, its sha256 against the catalogue's
    when the file has a catalogue entry's name and its sha256 is known, and against the record
    beside it (``<name>.sha256``) when there is one.

    Raises:
        WeightsError: As :func:`load_weights`, or the content is not the recorded one.
    """
    weights = load_weights(path)
    file = weights.path
    known = [(e.sha256, "the catalogue") for e in CATALOGUE.values() if e.file == file.name]
    for sha256, where in [*known, (read_record(file), f"{file.name}.sha256")]:
        if sha256 is not None and sha256 != weights.sha256:
            raise WeightsError(
                f"{file}: got sha256 {weights.sha256}, expected {sha256} as in {where}: the file "
                "was changed or damaged; fetch it again, or delete the record if you changed it"
            )
    return weights


def convert(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    label_set: str | None = None,
) -> Path:
    """Write the weights of ``source`` as safetensors; the same source gives the same bytes.

    Args:
        source: What :func:`load_weights` reads.
        destination: A new ``.safetensors`` file; one that is there is replaced, atomically.
        label_set: Name of the label set that the network was trained for; by default what the
            source says.

    Returns:
        ``destination``.

    Raises:
        WeightsError: The source cannot be used, or the destination could not be written, in which
            case nothing of it is left behind.
        LabelSetError: There is no such label set, or its name is not plain.
    """
    destination = Path(destination)
    if destination.suffix != ".safetensors":
        raise WeightsError(f"{destination}: expected a destination that ends in .safetensors")
    weights = load_weights(source)
    if _same_file(weights.path, destination):
        raise WeightsError(f"{destination}: source and destination are the same file")
    metadata = {
        "format": FORMAT,
        "source": weights.path.name.encode("utf-8", "backslashreplace").decode(),
        "source_sha256": weights.sha256,
    }
    if label_set is not None:
        found = find_label_set(label_set)
        if found.outputs != weights.outputs:
            raise WeightsError(
                f"{weights.path}: got {weights.outputs} outputs, expected {found.outputs} "
                f"for label set {found.name}"
            )
        metadata["label_set"] = found.name
    elif "label_set" in weights.metadata:
        metadata["label_set"] = weights.metadata["label_set"]
    save_weights(weights.state, destination, metadata)
    return destination


def save_weights(
    state: Mapping[str, Tensor],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str],
) -> None:
    """Write a state dict of FCN-8s as safetensors, atomically and with deterministic bytes.

    Args:
        state: Tensors of float32, float16 or bfloat16.
        path: The file; one that is there is replaced.
        metadata: Text that the file carries, such as ``label_set``.

    Raises:
        WeightsError: The state is not that of an FCN-8s, or the file could not be written.
        LabelSetError: The label set's name is not plain.
    """
    path = Path(path)
    if "label_set" in metadata:
        check_plain_name(metadata["label_set"])
    try:
        _check(state)
    except WeightsError as error:
        raise WeightsError(f"{path}: not written: {error}") from error
    header: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
    end = 0
    for name in sorted(state):
        start, end = end, end + state[name].numel() * state[name].element_size()
        header[name] = {
            "dtype": DTYPES[state[name].dtype],
            "shape": list(state[name].shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors start aligned
    try:
        with replacing(path) as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for name in sorted(state):
                flat = state[name].detach().cpu().contiguous().reshape(-1).view(torch.uint8)
                file.write(flat.numpy().data)
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{path}: could not be written: {error}; nothing was left behind"
        ) from error


def _same_file(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):
        return False


def _sha256(mapping: mmap.mmap) -> str:
    digest = hashlib.sha256()
    for start in range(0, len(mapping), HASH_BYTES):
        with memoryview(mapping) as view, view[start : start + HASH_BYTES] as part:
            digest.update(part)
        _release(mapping)
    return digest.hexdigest()


def _release(mapping: mmap.mmap) -> None:
    """Let go of the pages read so far, so that file and copy are never in memory at once."""
    mapping.madvise(mmap.MADV_DONTNEED)


def _from_caffe(layers: dict[str, list[Blob]], mapping: mmap.mmap) -> dict[str, Tensor]:
    for name in PARTS:
        if name not in layers:
            raise WeightsError(
                f"layer {name} is missing: these are not FCN-8s weights (layers found: "
                f"{', '.join(_shown(name) for name in list(layers)[:30])})"
            )
    for name, blobs in layers.items():
        if name not in PARTS:
            raise WeightsError(
                f"FCN-8s has no weights in a layer {_shown(name)}: another network's file?"
            )
        if len(blobs) != len(PARTS[name]):
            raise WeightsError(
                f"layer {name}: got {len(blobs)} blobs, expected {' and '.join(PARTS[name])}"
            )
    state = {}
    for name, blobs in layers.items():
        for part, blob in zip(PARTS[name], blobs, strict=True):
            blob.shape = _modern_shape(name, part, layers)
            state[f"{name}.{part}"] = torch.from_numpy(blob.copy(lambda: _release(mapping)))
    return state


def _shown(name: str) -> str:
    return ascii(name)[1:-1][:80]


def _modern_shape(name: str, part: str, layers: dict[str, list[Blob]]) -> tuple[int, ...]:
    """Give a legacy 4-D blob the shape it has today, where its element count is exactly right."""
    shape = layers[name][part == "bias"].shape
    if part == "bias" and len(shape) == 4 and shape[:3] == (1, 1, 1):
        return shape[3:]
    if name in LAYERS_IN and len(shape) == 4 and shape[:2] == (1, 1):
        # Written by a fully connected layer: (1, 1, outputs, inputs * 7 * 7).
        below, kernel = LAYERS_IN[name]
        inputs = math.prod(layers[below][1].shape)
        if shape[2:] != (kernel, kernel) and shape[3] == inputs * kernel * kernel:
            return shape[2], inputs, kernel, kernel
    return shape


def _looks_like_safetensors(mapping: mmap.mmap) -> bool:
    header = int.from_bytes(mapping[:8], "little")
    return len(mapping) > 8 and mapping[8:9] == b"{" and header <= len(mapping) - 8


def _read_safetensors(path: Path, mapping: mmap.mmap) -> tuple[dict[str, Tensor], dict[str, str]]:
    header = int.from_bytes(mapping[:8], "little")
    if not _looks_like_safetensors(mapping) or header > MAX_HEADER_BYTES:
        raise WeightsError(
            f"got a header of {header} bytes in a file of {len(mapping)}, expected safetensors "
            f"with a header of at most {MAX_HEADER_BYTES}; fetch it again"
        )
    state = {}
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            for key in file.keys():  # noqa: SIM118 - not a mapping
                tensor = file.get_tensor(key)
                if tensor.dtype not in DTYPES:
                    raise WeightsError(
                        f"{_shown(key)}: got numbers of type {tensor.dtype}, expected float32, "
                        "float16 or bfloat16"
                    )
                state[_shown(key)] = tensor.float()
    except (SafetensorError, OSError, ValueError, TypeError, RuntimeError) as error:
        raise WeightsError(f"damaged or not safetensors: {error}; fetch it again") from error
    return state, metadata


def _check(state: Mapping[str, Tensor]) -> None:
    """Raise unless the state is that of an FCN-8s, and finite."""
    for name, tensor in state.items():
        dimensions = 1 if name.endswith(".bias") else 4
        if tensor.ndim != dimensions or not all(0 < size <= MAX_WIDTH for size in tensor.shape):
            raise WeightsError(
                f"layer {name}: expected {dimensions} dimensions of 1 … {MAX_WIDTH}, "
                f"found shape {tuple(tensor.shape)}"
            )
        if tensor.dtype not in DTYPES:
            raise WeightsError(f"layer {name}: got {tensor.dtype}, expected float32")
    FCN8s.from_state({name: tensor.detach() for name, tensor in state.items()})
    for name, tensor in state.items():
        for part in torch.split(tensor.detach().reshape(-1), CHECK_ELEMENTS):
            if not torch.isfinite(part).all():
                raise WeightsError(
                    f"layer {name}: NaN or infinite values, expected finite weights; the file is "
                    "damaged or its training diverged"
                )
