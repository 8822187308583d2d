"""A corrupt image in the middle of 10,000."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from p2p_eval.errors import InputError
from p2p_eval.scoring.image_metrics import ImageMetricsReport, image_metrics

pytestmark = pytest.mark.slow

COUNT = 10_000
TORN = 5_123


def png(pixels: np.ndarray) -> bytes:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG", compress_level=0)
    return data.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs of 8×8 images; one generated image lost its end."""
    folder = tmp_path_factory.mktemp("many") / "L1"
    folder.mkdir()
    real = folder / "0_real_B.png"
    real.write_bytes(png(np.full((8, 8, 3), 100, np.uint8)))
    for number in range(COUNT):
        if number:
            os.link(real, folder / f"{number}_real_B.png")
        pixels = np.full((8, 8, 3), 100, np.uint8)
        pixels.ravel()[:2] = 90 + number % 100, 100 + number // 100
        data = png(pixels)
        (folder / f"{number}_fake_B.png").write_bytes(data[:-20] if number == TORN else data)
    return folder


def score(folder: Path, *, keep_going: bool = False) -> ImageMetricsReport:
    out = folder.parent / "out"
    return image_metrics(folder, metrics=["psnr"], out=out, device="cpu", keep_going=keep_going)


def test_it_is_named_and_nothing_is_written(folder: Path) -> None:
    with pytest.raises(InputError, match=rf"L1/{TORN}_fake_B\.png: the image is damaged"):
        score(folder)
    assert not list((folder.parent / "out").glob("*/metrics/score.json"))


def test_the_others_are_measured_and_it_is_listed(folder: Path) -> None:
    report = score(folder, keep_going=True)
    assert report.experiments[0].images == COUNT - 1
    assert [row.partition(":")[0] for row in report.left_out] == [f"L1/{TORN}"]
    lines = (folder.parent / "out/L1/metrics/per_image.csv").read_text().splitlines()
    assert len(lines) == COUNT
    assert not any(line.startswith(f"{TORN},") for line in lines)
    assert lines[1].startswith("0,")
    error = (10**2 + 0**2) / (8 * 8 * 3)
    assert float(lines[1][2:]) == pytest.approx(10 * np.log10(255**2 / error), rel=1e-12)
