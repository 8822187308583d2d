"""Images read once: their bytes, what they are recognised by, and their pixels for a metric."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from p2p_eval.results.images import ImageRef, decode_rgb, is_jpeg, read_bytes

__all__ = ["Loaded", "load"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """An image, its file's bytes and their digest."""

    image: ImageRef
    data: bytes
    sha256: str

    @property
    def content(self) -> str:
        """Equal for two images only if their pixels are."""
        return f"{self.sha256} {self.image.half or 'whole'}"

    @property
    def is_jpeg(self) -> bool:
        """Whether the file is a JPEG."""
        return is_jpeg(self.data)

    def pixels(self) -> Tensor:
        """Decode to uint8 ``(1, 3, H, W)``.

        Raises:
            InputError: The file is damaged, or not an image that can be measured.
        """
        pixels = torch.from_numpy(decode_rgb(self.image, self.data))
        return pixels.permute(2, 0, 1)[None].contiguous()


def load(images: Iterable[ImageRef]) -> list[Loaded]:
    """Read the images' files, each once however many halves of it are there.

    Raises:
        InputError: A file cannot be read.
    """
    read: dict[Path, tuple[bytes, str]] = {}
    loaded = []
    for image in images:
        if image.path not in read:
            data = read_bytes(image.path)
            read[image.path] = data, hashlib.sha256(data).hexdigest()
        loaded.append(Loaded(image, *read[image.path]))
    return loaded
