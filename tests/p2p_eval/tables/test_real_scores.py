"""Tables of score files that the commands themselves have written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from painted_run import make_scenes, paint_run
from PIL import Image

from p2p_eval.errors import InputError, StoreError
from p2p_eval.metrics.color_histogram import histogram_intersection
from p2p_eval.scores.row_file import RowFile
from p2p_eval.scoring.color_hist import color_histogram
from p2p_eval.scoring.fcn_score import fcn_score
from p2p_eval.tables.choice import parse_chosen
from p2p_eval.tables.fill import fill_tables
from p2p_eval.tables.filled import Interval, Measured
from p2p_eval.tables.resample import seed_interval

ENDS = ("per_pixel_acc", "per_class_acc", "class_iou")


def cells(out: Path, key: str, **options: Any) -> list[Measured | None]:
    (table,) = fill_tables(out, [key], **{"draws": 20, **options}).tables
    return [row.measured[0] for row in table.rows]


def test_fcn_score_of_the_golden_network(slim: Path, tmp_path: Path) -> None:
    """Three frames of six are dropped under the paper's protocol; strict keeps them."""
    for name in ("L1", "GAN"):
        shutil.copytree(slim / "results", slim / "runs" / name)
    report = fcn_score(
        slim / "runs", cityscapes=slim / "cityscapes",
        weights=str(slim / "fcn-8s-cityscapes.caffemodel"), protocol="both", out=tmp_path / "out",
        draws=20, seed=5,
    )  # fmt: skip
    for protocol, place in (("paper", 0), ("strict", 1)):
        ours = cells(tmp_path / "out", "1", protocol=protocol, seed=5)
        entry = report.experiments[place]
        assert ours[0]
        assert ours[1]
        for figure in ENDS:
            assert ours[0].figures[figure].value == getattr(entry, figure)
            assert (ours[0].figures[figure].low, ours[0].figures[figure].high) == entry.ci95[figure]
        assert ours[0].signature == ours[1].signature
        assert ours[0].dropped == (3 if protocol == "paper" else 0)
        assert entry.signature.startswith(ours[0].signature.partition("|jpeg")[0])


def test_seg_score_of_painted_scenes(tmp_path: Path) -> None:
    run = paint_run(make_scenes(tmp_path / "scenes"), tmp_path)
    report = run.against_files()
    (entry,) = report.experiments
    ours = cells(run.out, "6", rows=[parse_chosen("6:photo2labels-L1=run")])[0]
    assert ours
    assert [ours.figures[figure].value for figure in ENDS] == [
        getattr(entry, figure) for figure in ENDS
    ]
    assert "|label-set:scenes@" in ours.signature


@pytest.fixture
def colors(tmp_path: Path) -> Path:
    """Colour histograms of two seeds of L1 and of one cGAN, on the same six images."""
    rng = np.random.default_rng(0)
    for name, level in (("real", 120), ("L1-seed0", 130), ("L1-seed1", 150), ("cGAN", 180)):
        folder = tmp_path / ("real" if name == "real" else f"runs/{name}")
        folder.mkdir(parents=True)
        for number in range(6):
            image = rng.normal(level + 3 * number, 30, (10, 12, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(image).save(folder / f"{number}.png")
    out = tmp_path / "out"
    color_histogram(tmp_path / "runs", real=tmp_path / "real", out=out, draws=20)
    return out


def test_color_histograms(colors: Path) -> None:
    first, second = cells(colors, "fig7")[:2]
    assert first
    assert second
    stored = json.loads((colors / "cGAN/color_hist/score.json").read_text())["experiments"][0]
    assert second.interval is Interval.file
    assert second.figures["a"].value == stored["intersection"]["a"]
    assert [second.figures["a"].low, second.figures["a"].high] == stored["ci95"]["a"]
    assert first.interval is Interval.seeds_items
    assert first.signature == second.signature
    rows = []
    for name in first.experiments:
        with RowFile(colors / name / "color_hist/histograms.bin", (2, 3, 256)) as file:
            (block,) = file.blocks(range(6))
        rows.append(block.reshape(6, 2, 3, 128, 2).sum(-1))
    items = np.stack(rows, axis=1)
    sums = items.sum(0)
    expected = histogram_intersection(sums[:, 0], sums[:, 1]).mean(0)
    low, high = seed_interval(
        items, lambda s: histogram_intersection(s[:, :, 0], s[:, :, 1]), draws=20
    )
    for place, channel in enumerate("Lab"):
        figure = first.figures[channel]
        assert figure.value == pytest.approx(expected[place], rel=1e-14)
        assert (figure.low, figure.high) == (low[place], high[place])
    assert [source.path for source in first.sources][-1] == "L1-seed1/color_hist/histograms.bin"


def test_reading_changes_no_file(colors: Path) -> None:
    path = colors / "L1-seed0" / "color_hist" / "histograms.bin"
    path.write_bytes(path.read_bytes() + b"torn")
    before = path.read_bytes()
    assert cells(colors, "fig7")[0]
    assert path.read_bytes() == before


def test_histograms_of_another_run_are_refused(colors: Path) -> None:
    path = colors / "L1-seed0" / "color_hist" / "histograms.bin"
    shutil.copy(colors / "cGAN" / "color_hist" / "histograms.bin", path)
    with pytest.raises(StoreError, match="different runs"):
        cells(colors, "fig7")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError, match="different runs"):
        cells(colors, "fig7")


def test_seeds_against_other_real_images_are_refused(colors: Path, tmp_path: Path) -> None:
    real = shutil.copytree(tmp_path / "real", tmp_path / "other")
    shutil.copy(real / "1.png", real / "0.png")
    color_histogram(tmp_path / "runs" / "L1-seed1", real=real, out=colors, draws=20)
    with pytest.raises(InputError, match="different real images: L1-seed0 and L1-seed1"):
        cells(colors, "fig7")
