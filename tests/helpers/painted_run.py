"""What a photo→labels test run leaves, made from the kit's own scenes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fcn.labels import label_set
from p2p_eval.datasets.save import save_png
from p2p_eval.datasets.scenes import first_seed, make
from p2p_eval.scoring.seg_score import seg_score
from p2p_eval.scoring.segmentation_report import SegmentationReport

COUNT = 4
SCENES = label_set("scenes")

Change = Callable[[Image.Image], Image.Image]

COLORS = np.zeros((256, 3), np.uint8)
for row in SCENES.rows:
    COLORS[row.id] = row.color


@dataclass(frozen=True)
class Run:
    """What a photo→labels run on scenes leaves: perfect paintings, until a test spoils them."""

    folder: Path
    labels: Path
    out: Path

    def score(self, **options: Any) -> SegmentationReport:
        keywords = {"label_set": "scenes", "out": self.out, "workers": 2, "draws": 20, **options}
        return seg_score(self.folder, **keywords)

    def against_files(self, **options: Any) -> SegmentationReport:
        return self.score(labels=self.labels, **options)

    def outputs(self) -> list[Path]:
        return sorted(self.folder.glob("*_fake_B.*"))

    def change(self, change: Change, most: int = COUNT) -> None:
        for path in self.outputs()[:most]:
            with Image.open(path) as image:
                changed = change(image)
            changed.save(path)

    def files(self) -> dict[str, bytes]:
        folder = self.out / "run" / "seg_score"
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }


def figures(report: SegmentationReport) -> list[float]:
    """The three figures of the only experiment."""
    (entry,) = report.experiments
    return [entry.per_pixel_acc, entry.per_class_acc, entry.class_iou]


def make_scenes(folder: Path) -> Path:
    """Photos and label maps to make runs of."""
    make(folder, COUNT, first_seed=first_seed("test"))
    return folder


def paint_run(scenes: Path, folder: Path) -> Run:
    """Write the run's triples, a copy of the label maps, and nothing yet in ``out``."""
    made = Run(folder / "run", folder / "labels", folder / "out")
    made.folder.mkdir()
    shutil.copytree(scenes / "labels", made.labels)
    for path in sorted(made.labels.iterdir()):
        painted = COLORS[np.array(Image.open(path))]
        # One pixel apart from the real image: no generator paints its very pixels.
        save_png(made.folder / f"{path.stem}_real_B.png", painted)
        painted[0, 0] ^= 1
        save_png(made.folder / f"{path.stem}_fake_B.png", painted)
        shutil.copy(scenes / "photos" / path.name, made.folder / f"{path.stem}_real_A.png")
    return made
