"""Rows come out of their numbers as they went in."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from p2p_eval.results.images import ImageRef
from p2p_eval.scores.values_file import SourceFile, ValueRow
from p2p_eval.scoring.measured_rows import MeasuredRows
from p2p_eval.scoring.pairs import ImagePair

KEY, OUTPUT, TARGET, INPUT = (digit * 64 for digit in "0a5f")


def test_rows_with_and_without_input(tmp_path: Path) -> None:
    both = (
        ImageRef(tmp_path / "sides" / "1.png", "left"),
        ImageRef(tmp_path / "sides" / "1.png", "right"),
    )
    rows = MeasuredRows(["psnr", "ssim"], tmp_path)
    rows.add(ImagePair("1", *both), KEY, [OUTPUT, TARGET], [math.inf, 0.1])
    own = ImageRef(tmp_path / "x.png")
    rows.add(ImagePair("2", own, own, own), KEY, [OUTPUT, TARGET, INPUT], [1e-300, -1.0])
    one = ValueRow(
        "1",
        KEY,
        {
            "output": SourceFile("sides/1.png", "left", OUTPUT),
            "target": SourceFile("sides/1.png", "right", TARGET),
        },
        {"psnr": math.inf, "ssim": 0.1},
    )
    sources = {
        role: SourceFile("x.png", None, digest)
        for role, digest in (("output", OUTPUT), ("target", TARGET), ("input", INPUT))
    }
    other = ValueRow("2", KEY, sources, {"psnr": 1e-300, "ssim": -1.0})
    assert list(rows) == [one, other] == list(rows)
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("sha256", "values"), [([KEY], [1.0]), ([KEY] * 4, [1.0]), ([KEY] * 2, []), ([KEY] * 3, [1, 2])]
)
def test_too_many_or_too_few(tmp_path: Path, sha256: list[str], values: list[float]) -> None:
    image = ImageRef(tmp_path / "x.png")
    rows = MeasuredRows(["psnr"], tmp_path)
    with pytest.raises(ValueError, match=r"expected 1 and 2 or 3"):
        rows.add(ImagePair("1", image, image), KEY, sha256, values)
    assert not list(rows)


def test_no_rows_and_no_metrics(tmp_path: Path) -> None:
    rows = MeasuredRows([], tmp_path / "out")
    assert not rows
    rows.add(ImagePair("1", ImageRef(Path("a.png")), ImageRef(Path("b.png"))), KEY, [KEY, KEY], [])
    assert [row.values for row in rows] == [{}]
