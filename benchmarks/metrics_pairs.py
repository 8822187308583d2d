"""Pairs of images to measure with: rendered street scenes, and pictures as a generator makes them.

Both follow from seeds alone, the same bytes on every machine, and their PNG files are as large as
those of photos (about 115 KB for 256×256 pixels).
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from p2p_eval.datasets.controls import blurred
from p2p_eval.datasets.save import save_png
from p2p_eval.datasets.scenes import TEST_SEEDS, render

Image = NDArray[np.uint8]
REAL, GENERATED = "real", "generated_{}"


def real_image(number: int) -> Image:
    return render(TEST_SEEDS.start + number).photo


def generated_image(real: Image, number: int, generator: int) -> Image:
    """Return the photo with some detail lost, its colours shifted, and noise."""
    random = np.random.default_rng((generator, number))
    share = random.uniform(0.2, 0.8)
    picture = share * real + (1 - share) * blurred(real) + random.normal(0, 8, 3)
    picture += random.normal(0, 6, real.shape)
    return picture.round().clip(0, 255).astype(np.uint8)


def write_pair(number: int, folder: Path, generators: int) -> None:
    real = real_image(number)
    save_png(folder / REAL / f"{number:05d}.png", real)
    for generator in range(generators):
        picture = generated_image(real, number, generator)
        save_png(folder / GENERATED.format(generator) / f"{number:05d}.png", picture)


def write_pairs(folder: Path, count: int, generators: int = 1) -> None:
    """Write ``real/<n>.png`` and, for each generator g, ``generated_<g>/<n>.png``."""
    for name in (REAL, *map(GENERATED.format, range(generators))):
        (folder / name).mkdir(parents=True)
    # In a program of its own: its workers start without the libraries that are loaded here.
    subprocess.run([sys.executable, __file__, str(folder), str(count), str(generators)], check=True)


def pairs(count: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return generated and real images, each uint8 ``(N, 3, H, W)``."""
    real = [real_image(number) for number in range(count)]
    generated = [generated_image(picture, number, 0) for number, picture in enumerate(real)]
    first, second = (
        np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2)) for images in (generated, real)
    )
    return first, second


if __name__ == "__main__":
    _, place, number, makers = sys.argv
    task = partial(write_pair, folder=Path(place), generators=int(makers))
    with ProcessPoolExecutor() as workers:
        list(workers.map(task, range(int(number)), chunksize=8))
