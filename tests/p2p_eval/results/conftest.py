"""Small images and folders that tests of results folders share."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcn.labels import label_set

Write = Callable[..., Path]


def png_block(kind: bytes, data: bytes) -> bytes:
    """One block of a PNG file, with its checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.fixture
def block() -> Callable[[bytes, bytes], bytes]:
    return png_block


@pytest.fixture
def photo() -> Write:
    """Write an RGB image of noise that depends on its path and seed only."""

    def write(path: Path, seed: int = 0, size: tuple[int, int] = (8, 8), **options: object) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        generator = np.random.default_rng([seed, zlib.crc32(path.name.encode())])
        pixels = generator.integers(0, 256, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pixels).save(path, **options)
        return path

    return write


def scene_ids(seed: int, height: int = 128, width: int = 256) -> np.ndarray:
    """A blocky map of Cityscapes label ids, the same for the same seed."""
    generator = np.random.default_rng(seed)
    ids = np.array([0, *label_set("cityscapes").train_to_id], np.uint8)
    blocks = generator.choice(ids, (height // 16, width // 32))
    return np.kron(blocks, np.ones((16, 32), np.uint8))


def paint(ids: np.ndarray) -> np.ndarray:
    """Cityscapes label colours of label ids."""
    table = np.zeros((256, 3), np.uint8)
    for row in label_set("cityscapes").rows:
        table[row.id] = row.color
    return table[ids]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A Cityscapes tree of twelve frames in two cities, labels and photos 256×128."""
    root = tmp_path / "cityscapes"
    for number in range(12):
        city = "lindau" if number >= 8 else "frankfurt"
        name = f"{city}_000000_{number * 7:06d}"
        ids = scene_ids(number)
        label = root / "gtFine" / "val" / city / f"{name}_gtFine_labelIds.png"
        color = label.with_name(f"{name}_gtFine_color.png")
        real = root / "leftImg8bit" / "val" / city / f"{name}_leftImg8bit.png"
        for path, pixels in (
            (label, ids),
            (color, paint(ids)),
            (real, paint(scene_ids(99 + number))),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return root


@pytest.fixture
def numbered_run(tmp_path: Path, tree: Path, photo: Write) -> Callable[..., Path]:
    """Write what a PyTorch test run on the prepared tree leaves behind."""

    def write(base: int = 0, shift: int = 0, inputs: bool = True, targets: bool = False) -> Path:
        folder = tmp_path / "results" / "labels2photo" / "test_latest" / "images"
        for number in range(12):
            photo(folder / f"{number + base}_fake_B.png", size=(64, 64))
            shown = (number + shift) % 12
            if inputs:
                colors = Image.fromarray(paint(scene_ids(shown))).resize((64, 64))
                colors.save(folder / f"{number + base}_real_A.png")
            if targets:
                real = Image.fromarray(paint(scene_ids(99 + shown))).resize((64, 64))
                real.save(folder / f"{number + base}_real_B.png")
        return tmp_path / "results"

    return write
