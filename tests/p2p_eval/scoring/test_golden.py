"""The official script's own output: byte for byte, and through our network.

Source: scripts/eval_cityscapes/evaluate.py of https://github.com/phillipi/pix2pix, unmodified; see
tests/golden/README.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fcn.labels import label_set
from p2p_eval.scoring.fcn_score import fcn_score
from p2p_eval.scoring.segmentation_report import SegmentationReport

SETS = {"slim_a": 0, "slim_b": 3}
ORDER_OF_ROUNDING = 2e-5


def text(out: Path, suffix: str = "") -> str:
    (path,) = out.glob(f"*/fcn_score/evaluation_results{suffix}.txt")
    return path.read_text()


def figures(content: str) -> np.ndarray:
    return np.array([float(figure) for figure in re.findall(r"[01]\.\d{6}", content)])


@pytest.mark.parametrize(("name", "dropped"), SETS.items())
def test_golden_argmax_maps_give_the_official_bytes(
    golden: Path, tmp_path: Path, name: str, dropped: int, by_content: Callable[..., Any]
) -> None:
    folder = golden / "fcn" / name
    maps = [
        (folder / "results" / f"{path.stem}_leftImg8bit.png", np.array(Image.open(path)))
        for path in sorted((folder / "expected_argmax").glob("*.png"))
    ]
    report = fcn_score(
        folder / "results",
        cityscapes=folder / "cityscapes",
        out=tmp_path,
        predictor=by_content(maps),
        protocol="both",
    )
    assert text(tmp_path) == (folder / "expected_evaluation_results.txt").read_text()
    paper, strict = report.experiments
    assert (paper.protocol, strict.protocol) == ("paper", "strict")
    assert (len(paper.dropped), len(strict.dropped)) == (dropped, 0)
    assert figures(text(tmp_path, "_strict")).shape == (41,)


@pytest.fixture(scope="module", params=SETS)
def through_the_network(
    golden: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> tuple[Path, Path, SegmentationReport]:
    folder, out = golden / "fcn" / request.param, tmp_path_factory.mktemp(request.param)
    report = fcn_score(
        folder / "results",
        cityscapes=folder / "cityscapes",
        weights=folder / "fcn-8s-cityscapes.caffemodel",
        out=out,
        device="cpu",
        save_predictions=True,
    )
    return folder, out, report


def test_network_gives_the_official_figures(
    through_the_network: tuple[Path, Path, SegmentationReport],
) -> None:
    """Within 2e-5; a class's own figures, besides, within what its pixels at a tie amount to."""
    folder, out, report = through_the_network
    expected = figures((folder / "expected_evaluation_results.txt").read_text())
    errors = np.abs(figures(text(out)) - expected)
    assert (errors[:3] <= ORDER_OF_ROUNDING).all()
    flipped = np.zeros(20)
    labelled = np.zeros(19)
    for path in sorted((folder / "expected_argmax").glob("*.png")):
        official = np.array(Image.open(path))
        ours = np.array(Image.open(next(out.glob(f"*/fcn_score/predictions/{path.name}"))))
        (ids,) = folder.glob(f"cityscapes/gtFine/*/*/{path.stem}_gtFine_labelIds.png")
        target = label_set("cityscapes").id_to_train[np.array(Image.open(ids))]
        labelled += np.bincount(target[target < 19], minlength=19)
        for changed in (official, ours, target):
            at_tie = (official != ours) & (target < 19)
            flipped += np.bincount(changed[at_tie], minlength=20)
    one_pixel = np.repeat(flipped[:19] / labelled, 2)
    assert (errors[3:] <= ORDER_OF_ROUNDING + one_pixel).all()
    assert len(report.experiments[0].dropped) == SETS[folder.name]


def test_network_gives_the_official_argmax_maps(
    through_the_network: tuple[Path, Path, SegmentationReport],
) -> None:
    folder, out, _ = through_the_network
    same = total = 0
    for path in sorted((folder / "expected_argmax").glob("*.png")):
        (prediction,) = out.glob(f"*/fcn_score/predictions/{path.name}")
        with Image.open(prediction) as image:
            assert image.mode == "P"
            agree = np.array(image) == np.array(Image.open(path))
        same, total = same + int(agree.sum()), total + agree.size
    assert same / total >= 0.9999
