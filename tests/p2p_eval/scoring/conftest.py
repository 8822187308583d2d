"""Puts tests/helpers on the path; small results folders, stand-ins for the network."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from p2p_eval.scoring.fcn_score import fcn_score
from p2p_eval.scoring.segmentation_report import SegmentationReport

sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))

from painted_run import Run, make_scenes, paint_run

Pixels = NDArray[np.uint8]


@dataclass
class Standin:
    """Predicts from the pixels alone, by any function; counts its calls."""

    function: Callable[[Pixels], Pixels]
    outputs: int = 20
    identity: str = "stand-in"
    calls: int = 0
    settings: dict[str, str] = field(
        default_factory=lambda: {"weights": "standin", "device": "cpu"}
    )

    def __call__(self, image: Pixels) -> Pixels:
        self.calls += 1
        return self.function(image)


def blocks(image: Pixels) -> Pixels:
    """Any deterministic function of an image: all 20 outputs, the last one rarely."""
    total = image.astype(np.uint16).sum(2)
    return np.where(total % 150 == 7, 19, total // 9 % 19).astype(np.uint8)


@pytest.fixture
def standin() -> Callable[..., Standin]:
    """Make a predictor; a plain one by default."""
    return lambda function=blocks, **changes: Standin(function, **changes)


@pytest.fixture
def by_content() -> Callable[[Iterable[tuple[Path, Pixels]]], Standin]:
    """Make a predictor that gives each image file the map that stands beside it."""

    def make(pairs: Iterable[tuple[Path, Pixels]]) -> Standin:
        maps = {}
        for path, prediction in pairs:
            height, width = prediction.shape
            with Image.open(path) as image:
                resized = image.resize((width, height), Image.Resampling.BILINEAR)
            maps[_digest(np.array(resized))] = prediction
        return Standin(lambda pixels: maps[_digest(pixels)])

    return make


def _digest(pixels: Pixels) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()


@dataclass(frozen=True)
class Street:
    """A results folder of one experiment or more, its labels, and where scores go."""

    results: Path
    labels: Path
    out: Path

    def score(self, predictor: Standin, **options: object) -> SegmentationReport:
        keywords = {"labels": self.labels, "out": self.out, "workers": 2, "draws": 50, **options}
        return fcn_score(self.results, predictor=predictor, **keywords)  # type: ignore[arg-type]

    def files(self, experiment: str = "results") -> dict[str, bytes]:
        """Everything that a run has left for an experiment, by name."""
        folder = self.out / experiment / "fcn_score"
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }


def paint(street: Street, names: list[str], seed: int = 0) -> None:
    """Write noisy images of 20×16 and label maps of 48×24 with every Cityscapes class."""
    rng = np.random.default_rng(seed)
    street.results.mkdir(parents=True, exist_ok=True)
    street.labels.mkdir(parents=True, exist_ok=True)
    ids = np.array([4, 7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33])
    for name in names:
        image = rng.integers(0, 256, (16, 20, 3), dtype=np.uint8)
        Image.fromarray(image).save(street.results / f"{name}.png")
        label = rng.choice(ids, (24, 48)).astype(np.uint8)
        Image.fromarray(label).save(street.labels / f"{name}.png")


@pytest.fixture
def street(tmp_path: Path) -> Street:
    """Five frames of one experiment named ``results``."""
    made = Street(tmp_path / "results", tmp_path / "labels", tmp_path / "out")
    paint(made, [f"frame{i}" for i in range(5)])
    return made


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_scenes(tmp_path_factory.mktemp("scenes"))


@pytest.fixture
def run(scenes: Path, tmp_path: Path) -> Run:
    """A photo→labels run whose every pixel is painted right."""
    return paint_run(scenes, tmp_path)
