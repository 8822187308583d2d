"""The whole kit on what it brings along: scenes, trained generators, scores, tables, a report."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from fcn.labels import label_set
from p2p_eval.datasets import scenes
from p2p_eval.datasets.paired import find_pairs
from p2p_eval.datasets.save import save_png
from p2p_eval.models.shipped import SHIPPED, shipped
from p2p_eval.results.images import ImageRef, read_label_ids, read_rgb
from p2p_eval.training.plan import GROUND_TRUTH

if TYPE_CHECKING:
    from p2p_eval.scoring.color_hist_report import ColorHistReport
    from p2p_eval.scoring.metrics_report import ImageMetricsReport
    from p2p_eval.scoring.segmentation_report import SegmentationReport
    from p2p_eval.tables.filled import Tables

__all__ = ["EXPERIMENTS", "DemoResult", "run"]

EXPERIMENTS = (*SHIPPED, GROUND_TRUTH)
"""The generators that ship, by their losses, and the real photos."""

METRICS = ("psnr", "ssim", "gmsd", "ciede2000", "spectrum")  # those that need no download
TABLES = ("1", "fig7")
SHEET_ROWS = 4
CAPTION_PX = 20


@dataclass(frozen=True)
class DemoResult:
    """What a demo leaves: scores, tables, a picture, a page, and the command that scores again."""

    report: SegmentationReport
    metrics: ImageMetricsReport
    colors: ColorHistReport
    tables: Tables
    sheet: Path
    page: Path
    command: str


def run(
    out: Path,
    *,
    count: int = 50,
    workers: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> DemoResult:
    """Render held-out scenes, translate their label maps, score, tabulate and report.

    Args:
        out: Folder that gets one for this many scenes: scenes, results, scores, picture and page.
        count: Number of scenes.
        workers: Threads; the number of cores by default.
        seed: Seed of the generators' dropout and of the bootstrap.
        progress: Called with steps done and steps in total: scenes that are rendered, label maps
            that each generator translates, and every image under each score.
    """
    from p2p_eval.models.generator_file import load_generator
    from p2p_eval.report.page import write_report
    from p2p_eval.scoring.color_hist import color_histogram
    from p2p_eval.scoring.fcn_score import fcn_score
    from p2p_eval.scoring.image_metrics import image_metrics
    from p2p_eval.tables.fill import fill_tables
    from p2p_eval.training.generate import generate, write_ground_truth

    base = out / f"{count}-scenes"
    data, results, scores = base / "scenes", base / "results", base / "scores"
    total = count * (1 + len(SHIPPED) + 3 * len(EXPERIMENTS))
    done = 0

    def steps(of_part: int) -> Callable[[int, int], None]:
        nonlocal done
        before, done = done, done + of_part
        return lambda now, _: None if progress is None else progress(before + now, total)

    scenes.make(data, count, first_seed=scenes.first_seed("test"), progress=steps(count))
    pairs = find_pairs(data, "labels2photo", label_set=label_set("scenes"))
    for name in SHIPPED:
        generate(
            load_generator(shipped(name)), pairs, results / name, size=scenes.SIZE, seed=seed,
            workers=workers, progress=steps(count),
        )  # fmt: skip
    write_ground_truth(pairs, results / GROUND_TRUTH, scenes.SIZE)

    images = count * len(EXPERIMENTS)
    report = fcn_score(
        results, labels=data / "labels", weights="scenes", out=scores, workers=workers, seed=seed,
        save_predictions=True, progress=steps(images),
    )  # fmt: skip
    metrics = image_metrics(
        results, metrics=METRICS, out=scores, workers=workers, seed=seed, progress=steps(images)
    )
    colors = color_histogram(
        results, out=scores, workers=workers, seed=seed, progress=steps(images)
    )
    tables = fill_tables(scores, TABLES, seed=seed)
    sheet = _sheet(data, results, scores, base / "demo.png")
    command = (
        "p2p-eval", "fcn-score", results, "--labels", data / "labels", "--weights", "scenes",
        "--seed", seed,
    )  # fmt: skip
    page = write_report(scores).path
    return DemoResult(report, metrics, colors, tables, sheet, page, shlex.join(map(str, command)))


def _sheet(data: Path, results: Path, scores: Path, path: Path) -> Path:
    """Draw what was scored: each experiment's picture above what the network saw in it."""
    stems = sorted(file.stem for file in (data / "labels").glob("*.png"))[:SHEET_ROWS]
    columns = [("labels", None), *((name, name) for name in EXPERIMENTS)]
    side, table = scenes.SIZE, label_set("scenes")
    sheet = Image.new("RGB", (side * len(columns), CAPTION_PX + 2 * side * len(stems)), "white")
    draw = ImageDraw.Draw(sheet)
    for column, (caption, name) in enumerate(columns):
        draw.text((side * column + 6, 4), caption, fill="black")
        for row, stem in enumerate(stems):
            left, top = side * column, CAPTION_PX + 2 * side * row
            if name is None:
                ids = read_label_ids(data / "labels" / f"{stem}.png")
                colors = table.colors[table.id_to_train[ids]]
                sheet.paste(Image.fromarray(colors), (left, top + side))
                continue
            image = read_rgb(ImageRef(results / name / "output" / f"{stem}.png"))
            seen = read_rgb(ImageRef(scores / name / "fcn_score" / "predictions" / f"{stem}.png"))
            sheet.paste(Image.fromarray(image), (left, top))
            sheet.paste(Image.fromarray(seen), (left, top + side))
    save_png(path, np.asarray(sheet))
    return path
