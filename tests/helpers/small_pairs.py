"""Small paired data to train on in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from p2p_eval.training.config import Config

SMALL = Config(
    task="AtoB", size=64, load_size=70, width=2, discriminator_width=2, patch=16, steps=6,
    checkpoint_every=2, sample_every=0,
)  # fmt: skip
"""A run of seconds."""


def side_by_side(folder: Path, count: int = 3, size: int = 64) -> Path:
    """Write images of two halves, the right one the left one's negative."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        left = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        left = np.asarray(Image.fromarray(left).resize((size, size)))
        Image.fromarray(np.concatenate([left, 255 - left], 1)).save(folder / f"{number}.png")
    return folder
