"""The golden pairs of images, as the metrics take them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

ReadImage = Callable[[Path], Tensor]


@pytest.fixture(scope="session")
def read_image() -> ReadImage:
    """Reads a picture as uint8 ``(1, C, H, W)``, gray or RGB as its file has it."""

    def read(path: Path) -> Tensor:
        with Image.open(path) as image:
            pixels = np.atleast_3d(np.array(image))
        return torch.from_numpy(pixels).permute(2, 0, 1).unsqueeze(0)

    return read


@pytest.fixture(scope="session")
def golden_pairs(golden: Path, read_image: ReadImage) -> dict[str, tuple[Tensor, Tensor]]:
    """Generated and real image by name."""
    folders = golden / "iqa" / "dist", golden / "iqa" / "ref"
    names = sorted(path.name for path in folders[0].iterdir())
    return {name: (read_image(folders[0] / name), read_image(folders[1] / name)) for name in names}


@pytest.fixture(scope="session")
def golden_values(golden: Path) -> dict[str, dict[str, float]]:
    """What the authors' programs give, by name of the image and column."""
    with (golden / "iqa" / "expected.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {row.pop("name"): {column: float(v) for column, v in row.items()} for row in rows}
