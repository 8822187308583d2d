"""Score files with counts that a test chooses, as the commands write them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from score_files import write_color, write_json

from p2p_eval.scores.confusion_file import FrameCounts, confusion_bytes
from p2p_eval.scoring.segmentation_report import SegmentationReport, score_experiment

FCN_NAMES = (
    "L1", "GAN", "cGAN", "L1+GAN", "L1+cGAN", "ground-truth",
    "encoder-decoder-L1-batch10", "encoder-decoder-L1+cGAN-batch10",
    "unet-L1-batch10", "unet-L1+cGAN-batch10",
    "L1+cGAN-1x1", "L1+cGAN-16x16", "L1+cGAN-286x286",
)  # fmt: skip
SEG_NAMES = ("photo2labels-L1", "photo2labels-cGAN", "photo2labels-L1+cGAN")
COLOR_NAMES = ("L1", "cGAN", "L1+cGAN", "L1+cGAN-1x1")
STUDY = {
    "photo2map-L1": 2.0, "photo2map-L1+cGAN": 7.0, "map2photo-L1": 1.0, "map2photo-L1+cGAN": 20.0,
    "L2-regression": 16.0, "Zhang-2016": 25.0, "pix2pix": 24.0,
}  # fmt: skip

CLASSES = 3
SIZES = (400, 100, 50)
"""Pixels of each class in a frame, about."""


def counts_of(
    accuracy: float, *, seed: int = 0, frames: int = 8, extra: int = 0
) -> NDArray[np.int64]:
    """Counts of frames of which about this share is right; labels depend on nothing else."""
    labels = np.random.default_rng(99).poisson(SIZES, (frames, CLASSES))
    rng = np.random.default_rng(seed)
    counts = np.zeros((frames, CLASSES, CLASSES + extra), np.int64)
    share = rng.beta(20 * accuracy, 20 * (1 - accuracy), (frames, CLASSES))
    right = rng.binomial(labels, share)
    for k in range(CLASSES):
        counts[:, k, k] = right[:, k]
        counts[:, k, (k + 1) % CLASSES] = labels[:, k] - right[:, k]
    if extra:
        moved = counts[:, 0, 1] // 2
        counts[:, 0, 1] -= moved
        counts[:, 0, CLASSES] += moved
    return counts


def write_counts(
    out: Path,
    name: str,
    counts: NDArray[np.int64],
    *,
    kind: str = "fcn",
    protocols: Sequence[str] = ("paper",),
    settings: str = "labels:files|jpeg:no|bootstrap:50|seed:0|version:1",
    images: Sequence[str] | None = None,
    draws: int = 50,
    seed: int = 0,
) -> SegmentationReport:
    """Write ``score.json`` and ``confusion.npz`` by the kit's own functions."""
    classes = tuple(f"class{k}" for k in range(counts.shape[1]))
    images = tuple(images or (f"frame{n}" for n in range(len(counts))))
    report = SegmentationReport(
        tuple(
            score_experiment(
                name, images, counts, classes, protocol,  # type: ignore[arg-type]
                signature=f"{kind}-score|protocol:{protocol}|{settings}", draws=draws, seed=seed,
            )
            for protocol in protocols
        )
    )  # fmt: skip
    folder = out / name / f"{kind}_score"
    write_json(folder / "score.json", report.to_json())
    rows = FrameCounts(images, ("0",) * len(images), counts, classes, f"{kind}-score")
    (folder / "confusion.npz").write_bytes(confusion_bytes(rows))
    return report


def algorithm(name: str, pct: float | None = 10.0, **more: Any) -> dict[str, Any]:
    """One algorithm of a study's document."""
    return {
        "name": name, "labelled_real_pct": pct, "bootstrap_std": 1.25, "ci95": [8.5, 12.5],
        "participants": 50, "trials": 2000, **more,
    }  # fmt: skip


def write_study(path: Path, algorithms: Sequence[dict[str, Any]], **more: Any) -> None:
    """Write a study file."""
    write_json(path, {"schema": "p2p-eval/study/1", "algorithms": list(algorithms), **more})


def write_all_tables(out: Path) -> None:
    """Write every row of every table: the FCN-score of L1+cGAN has two seeds, others one."""
    for number, name in enumerate(FCN_NAMES):
        counts = counts_of(0.3 + 0.05 * number, seed=number, extra=1)
        if name == "L1+cGAN":
            write_counts(out, f"{name}-seed1", counts)
            write_counts(out, f"{name}-seed2", counts_of(0.5, seed=50, extra=1))
        else:
            write_counts(out, name, counts)
    for number, name in enumerate(SEG_NAMES):
        write_counts(out, name, counts_of(0.5 + 0.1 * number, seed=number), kind="seg")
    for number, name in enumerate(COLOR_NAMES):
        write_color(out, name, seed=number)
    write_study(out / "study.json", [algorithm(name, pct) for name, pct in STUDY.items()])
