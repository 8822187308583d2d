"""Rows come out of their numbers as they went in."""

from __future__ import annotations

import math
from pathlib import Path

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
    assert other in rows
    assert ValueRow("3", KEY, sources, {}) not in rows


def test_no_rows_and_no_metrics(tmp_path: Path) -> None:
    rows = MeasuredRows([], tmp_path / "out")
    assert not rows
    rows.add(ImagePair("1", ImageRef(Path("a.png")), ImageRef(Path("b.png"))), KEY, [KEY, KEY], [])
    assert [row.values for row in rows] == [{}]
