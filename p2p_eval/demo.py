"""The whole kit on data it brings along: scenes, controls of known order, scores, a report."""

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
from p2p_eval.datasets.controls import KINDS, make_controls
from p2p_eval.datasets.save import save_png
from p2p_eval.results.images import ImageRef, read_label_ids, read_rgb

if TYPE_CHECKING:
    from p2p_eval.scoring.color_hist_report import ColorHistReport
    from p2p_eval.scoring.metrics_report import ImageMetricsReport
    from p2p_eval.scoring.segmentation_report import SegmentationReport

__all__ = ["DemoResult", "run"]

METRICS = ("psnr", "ssim", "gmsd", "ciede2000", "spectrum")  # those that need no download
SHEET_ROWS = 4
CAPTION_PX = 20


@dataclass(frozen=True)
class DemoResult:
    """What a demo leaves: scores, a picture, a page, and the command that scores again."""

    report: SegmentationReport
    metrics: ImageMetricsReport
    colors: ColorHistReport
    sheet: Path
    page: Path
    command: str


def run(
    out: Path,
    *,
    count: int = 40,
    workers: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> DemoResult:
    """Render held-out scenes, make control experiments from their photos, score and report each.

    Args:
        out: Folder that gets one for this many scenes: scenes, results, scores, picture and page.
        count: Number of scenes.
        workers: Threads that decode images; the number of cores by default.
        seed: Seed of the controls and of the bootstrap.
        progress: Called with steps done and steps in total: scenes that are rendered, photos that
            controls are made from, and every image under each score.
    """
    from p2p_eval.report.page import write_report
    from p2p_eval.scoring.color_hist import color_histogram
    from p2p_eval.scoring.fcn_score import fcn_score
    from p2p_eval.scoring.image_metrics import image_metrics

    base = out / f"{count}-scenes"
    data, results, scores = base / "scenes", base / "results", base / "scores"
    images = count * len(KINDS)
    total = 2 * count + 3 * images

    def after(earlier: int) -> Callable[[int, int], None]:
        return lambda done, _: None if progress is None else progress(earlier + done, total)

    scenes.make(data, count, first_seed=scenes.first_seed("test"), progress=after(0))
    make_controls(data / "photos", results, KINDS, seed=seed, progress=after(count))
    report = fcn_score(
        results,
        labels=data / "labels",
        weights="scenes",
        out=scores,
        workers=workers,
        seed=seed,
        save_predictions=True,
        progress=after(2 * count),
    )
    metrics = image_metrics(
        results,
        metrics=METRICS,
        real=data / "photos",
        out=scores,
        workers=workers,
        seed=seed,
        progress=after(2 * count + images),
    )
    colors = color_histogram(
        results,
        real=data / "photos",
        out=scores,
        workers=workers,
        seed=seed,
        progress=after(2 * count + 2 * images),
    )
    sheet = _sheet(data, results, scores, base / "demo.png")
    command = (
        "p2p-eval", "fcn-score", results, "--labels", data / "labels", "--weights", "scenes",
        "--seed", seed,
    )  # fmt: skip
    page = write_report(scores).path
    return DemoResult(report, metrics, colors, sheet, page, shlex.join(map(str, command)))


def _sheet(data: Path, results: Path, scores: Path, path: Path) -> Path:
    """Draw what was scored: each kind's picture above what the network saw in it."""
    stems = sorted(file.stem for file in (data / "labels").glob("*.png"))[:SHEET_ROWS]
    columns = [("labels", None), *((kind, kind) for kind in KINDS)]
    side, table = scenes.SIZE, label_set("scenes")
    sheet = Image.new("RGB", (side * len(columns), CAPTION_PX + 2 * side * len(stems)), "white")
    draw = ImageDraw.Draw(sheet)
    for column, (caption, kind) in enumerate(columns):
        draw.text((side * column + 6, 4), caption, fill="black")
        for row, stem in enumerate(stems):
            left, top = side * column, CAPTION_PX + 2 * side * row
            if kind is None:
                ids = read_label_ids(data / "labels" / f"{stem}.png")
                colors = table.colors[table.id_to_train[ids]]
                sheet.paste(Image.fromarray(colors), (left, top + side))
                continue
            image = read_rgb(ImageRef(results / kind / "images" / f"{stem}.png"))
            seen = read_rgb(ImageRef(scores / kind / "fcn_score" / "predictions" / f"{stem}.png"))
            sheet.paste(Image.fromarray(image), (left, top))
            sheet.paste(Image.fromarray(seen), (left, top + side))
    save_png(path, np.asarray(sheet))
    return path
