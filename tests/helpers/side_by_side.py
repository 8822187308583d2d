"""Small data sets of side-by-side JPEGs, as archives and as entries of a catalogue."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping

import numpy as np
from PIL import Image

from p2p_eval.datasets.catalogue import Entry

SPLITS = (("train", 4), ("val", 2), ("test", None))


def jpeg(seed: int, size: tuple[int, int] = (32, 16), quality: int = 90) -> bytes:
    """An image of noise."""
    width, height = size
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return file.getvalue()


def images(name: str = "tiny") -> dict[str, bytes]:
    """What the archive of :func:`entry` holds: 4 + 2 + 1 images."""
    names = [f"train/{n}.jpg" for n in range(1, 5)] + ["val/1.jpg", "val/2_AB.jpg", "test/1.jpg"]
    return {f"{name}/{path}": jpeg(seed) for seed, path in enumerate(names)}


def member(name: str, size: int = 0, type: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    """A header of any kind."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, type, link
    return info.tobuf(tarfile.GNU_FORMAT)


def tar(files: Mapping[str, bytes] | Iterable[tuple[str, bytes]], *extra: bytes) -> bytes:
    """A tar file of folders and files; ``extra`` are members as they are, put after them."""
    pairs = list(files.items() if isinstance(files, Mapping) else files)
    parts = [
        member(name, type=tarfile.DIRTYPE) for name in sorted({n.split("/")[0] for n, _ in pairs})
    ]
    for name, data in pairs:
        parts += [member(name, len(data)), data, bytes(-len(data) % 512)]
    return b"".join([*parts, *extra, bytes(10_240)])


def entry(*addresses: str, name: str = "tiny", size: int = 100_000) -> Entry:
    """An entry of :func:`images`; the tests' only one of its name."""
    return Entry(
        name=name,
        what="noise beside noise",
        licence="none needed",
        command=f"p2p-eval data get {name}",
        label_set=None,
        note="Ask the tests.",
        address=addresses,
        offline=False,
        size=size,
        splits=SPLITS,
        sides=("noise", "other noise"),
        direction="AtoB",
    )
