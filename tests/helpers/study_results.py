"""Results folders of a few small images, for studies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from p2p_eval.scoring.pairs import Pairs, find_pairs


def results(root: Path, *names: str, count: int = 12, size: int = 16) -> Path:
    """Write ``count`` images an experiment; the real ones are the same in all of them."""
    for place, name in enumerate(names):
        for number in range(count):
            for role, seed in (("target", (0, number)), ("output", (1, place, number))):
                pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)
                path = root / name / role / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
    return root


def pairs(root: Path, *names: str, count: int = 12, size: int = 16) -> list[Pairs]:
    """Give the pairs of such a folder."""
    return find_pairs(results(root, *names, count=count, size=size))
