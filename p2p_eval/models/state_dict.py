"""What does a state dict's file hold? Reads what strangers wrote with ``torch.save``, safely.

The file is untrusted: before PyTorch reads it, with ``weights_only=True``, its pickle is held
against the few names and the few thousand steps that a state dict takes, and its zip directory
against its size, so that nothing is run, and nothing allocated that its bytes do not back.

Source of the file formats: ``torch/serialization.py`` of PyTorch.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch
from torch import Tensor

from fcn.caffemodel import map_file
from fcn.errors import WeightsError
from fcn.files import sha256_of

__all__ = ["AGAIN", "EXPECTED", "read_state_dict", "shown_name"]

MAX_PART_BYTES = 1 << 21  # of a pickle or a zip directory; a generator's have some 30,000
MAX_STEPS = 1 << 15  # of pickles; a generator's have some 6,000. Also bounds how deep they nest

ZIP = b"PK\x03\x04"
LEGACY = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
LEGACY_PICKLES = 5  # magic number, version, machine, the state dict, names of its storages

STORAGES = ("Float", "Half", "BFloat16", "Double", "Long")
NAMES = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor",
    "torch._utils _rebuild_tensor_v2",
    *(f"{module} {kind}Storage" for module in ("torch", "torch.cuda") for kind in STORAGES),
}
"""What the pickle of a state dict asks for."""

EXPECTED = (
    "expected a latest_net_G.pth of junyanz/pytorch-CycleGAN-and-pix2pix with netG unet_128, "
    "unet_256, resnet_6blocks or resnet_9blocks"
)
AGAIN = "get it again, or save it again as torch.save(net.state_dict(), path)"


def read_state_dict(path: Path) -> tuple[dict[str, Tensor], str]:
    """Read tensors by their names, without the ``module.`` that ``DataParallel`` puts before.

    Args:
        path: The file, in the zip format of PyTorch or the one before 1.6.

    Returns:
        The tensors, as they lie in the file, and the sha256 of the file.

    Raises:
        WeightsError: The file is unreadable, damaged, hostile, or no state dict.
    """
    size = len(map_file(path))
    try:
        content, sha256 = _load(path)
        return _tensors(content, size), sha256
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error


def _load(path: Path) -> tuple[Any, str]:
    """Return what the file holds, and its sha256."""
    try:
        with _Bounded(path) as file:
            head = file.read(MAX_PART_BYTES)
            if head.startswith(ZIP):
                _check_pickle(io.BytesIO(_zipped_pickle(file)))
            elif head.startswith(LEGACY):
                pickles = io.BytesIO(head)
                for _ in range(LEGACY_PICKLES):
                    _check_pickle(pickles)
            else:
                raise WeightsError(f"got no file that torch.save wrote, {EXPECTED}")
        # Mapped, a storage cannot reach past the file, whatever size the pickle gives it.
        mapped = head.startswith(ZIP)
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
        return content, sha256_of(path)
    except WeightsError:
        raise
    except Exception as error:  # a damaged file can raise anything
        # PyTorch's own words are left out: they advise weights_only=False.
        raise WeightsError(
            f"damaged or truncated ({type(error).__name__}), {EXPECTED}; {AGAIN}"
        ) from error


class _Bounded(io.FileIO):
    """A file that is read in small parts only, so that a zip directory cannot fill the memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        bounded = size is not None and 0 <= size <= MAX_PART_BYTES
        data = super().read(size if bounded else MAX_PART_BYTES + 1) or b""
        if len(data) > MAX_PART_BYTES:
            raise WeightsError(
                f"got a zip directory or a pickle of more than {MAX_PART_BYTES} bytes, {EXPECTED}"
            )
        return data


def _zipped_pickle(file: _Bounded) -> bytes:
    """Return the state dict's pickle; refuse a directory that claims more than the file has."""
    with zipfile.ZipFile(cast(BinaryIO, file)) as archive:
        entries = archive.infolist()
        size = file.seek(0, io.SEEK_END)
        claimed = sum(max(entry.file_size, entry.compress_size) for entry in entries)
        if claimed > size or any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise WeightsError(
                f"got a zip archive of {size} bytes whose entries are compressed or claim more "
                f"({claimed} bytes), expected them stored as torch.save does; {AGAIN}"
            )
        found = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
        if len(found) != 1 or len({entry.filename for entry in entries}) != len(entries):
            raise WeightsError(f"got a zip archive that torch.save did not write, {EXPECTED}")
        if found[0].file_size > MAX_PART_BYTES:
            raise WeightsError(
                f"got a pickle of {found[0].file_size} bytes, at most {MAX_PART_BYTES} are read, "
                f"{EXPECTED}"
            )
        if (damaged := archive.testzip()) is not None:  # PyTorch does not look at checksums
            raise WeightsError(f"{shown_name(damaged)} is damaged: another checksum; {AGAIN}")
        return archive.read(found[0])


def _check_pickle(file: BinaryIO) -> None:
    """Read a pickle's steps, without taking any, up to its end; refuse what no state dict has."""
    for step, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        if step >= MAX_STEPS or opcode.proto > 2:
            raise WeightsError(
                f"got a pickle of protocol {opcode.proto} or of more than {MAX_STEPS} steps, "
                f"{EXPECTED}"
            )
        if opcode.name == "GLOBAL" and argument not in NAMES:
            raise WeightsError(
                f"got a pickle that asks for {shown_name(str(argument).replace(' ', '.'))}, "
                "expected tensors only. A whole network is saved again as "
                "torch.save(net.state_dict(), path); do not load a file from elsewhere with "
                "anything less strict, it may run what it likes"
            )


def _tensors(content: Any, size: int) -> dict[str, Tensor]:
    """Return the file's tensors by name, without ``module.``; refuse all else."""
    if not isinstance(content, dict):
        raise WeightsError(f"got a {type(content).__name__}, expected a dict of tensors; {AGAIN}")
    # An OrderedDict of a file may bring an attribute "items" of its own.
    state: dict[str, Tensor] = dict(dict.items(content))
    for name, tensor in state.items():
        if type(name) is not str or type(tensor) is not Tensor:
            shown = shown_name(name) if type(name) is str else f"a {type(name).__name__}"
            raise WeightsError(
                f"got a {type(tensor).__name__} under {shown}, expected tensors by their names; "
                f"a checkpoint of a whole training run? {EXPECTED}"
            )
    # Strides of 0 let a tensor claim any size.
    if sum(tensor.numel() * tensor.element_size() for tensor in state.values()) > size:
        raise WeightsError(
            f"got tensors that claim more than the {size} bytes of the file, expected each to "
            f"have its own; {AGAIN}"
        )
    if state and all(name.startswith("module.") for name in state):
        state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    return state


def shown_name(name: str) -> str:
    """Return a tensor's name as a message shows it."""
    return ascii(name)[1:-1][:80]
