"""What one would write from other packages: two folders of PNGs in, a CSV of four metrics out.

Images are decoded by torchvision, which is faster than Pillow, in one of two ways.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from metrics_peers import peer
from metrics_timing import Measure, processors, torch_threads
from torch import Tensor
from torchvision.io import ImageReadMode, decode_png, read_file

BATCH = 16
Row = list[float]
Way = Callable[[list[Measure], list[Path], Path], list[Row]]


def decode(path: Path) -> Tensor:
    """Return uint8 ``(1, 3, H, W)``."""
    return decode_png(read_file(str(path)), ImageReadMode.RGB)[None]


def decoded(generated: Path, real: Path) -> tuple[Tensor, Tensor]:
    return decode(generated), decode(real / generated.name)


def in_batches(measures: list[Measure], generated: list[Path], real: Path) -> list[Row]:
    """Decode in threads, ahead of batches that PyTorch spreads over all cores."""
    rows: list[Row] = []
    with ThreadPoolExecutor(processors()) as pool:
        waiting = [pool.submit(decoded, path, real) for path in generated]
        for start in range(0, len(waiting), BATCH):
            pairs = [future.result() for future in waiting[start : start + BATCH]]
            x, y = (torch.cat(images) for images in zip(*pairs, strict=True))
            with torch.inference_mode():
                columns = [measure(x, y).tolist() for measure in measures]
            rows += [list(row) for row in zip(*columns, strict=True)]
    return rows


def pair_a_thread(measures: list[Measure], generated: list[Path], real: Path) -> list[Row]:
    """Do all of a pair in one thread, with one thread of PyTorch, in as many as there are cores."""

    def row(path: Path) -> Row:
        x, y = decoded(path, real)
        with torch.inference_mode():
            return [measure(x, y).item() for measure in measures]

    with torch_threads(1), ThreadPoolExecutor(processors()) as pool:
        return list(pool.map(row, generated))


def load(packages: dict[str, str]) -> dict[str, Measure]:
    """Return each metric's function of the package that is named for it."""
    return {metric: peer(metric, package).make() for metric, package in packages.items()}


def write_csv(
    way: Way, measures: dict[str, Measure], generated: Path, real: Path, out: Path
) -> None:
    """Measure all images of a folder against the real ones of the same names."""
    files = sorted(generated.glob("*.png"))
    rows = way(list(measures.values()), files, real)
    out.parent.mkdir(parents=True)
    with out.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", *measures])
        writer.writerows([path.stem, *row] for path, row in zip(files, rows, strict=True))
