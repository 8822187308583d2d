"""Comparisons of experiments from their values: who wins, and what cannot be compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from p2p_eval.errors import InputError
from p2p_eval.metrics.metric import Better
from p2p_eval.scores.statistics import compare
from p2p_eval.scores.values_file import MetricFacts, MetricValues, SourceFile, ValueRow
from p2p_eval.scoring.comparison import Compared, Side, check_same_ids, compare_sides

FILE = SourceFile("real.png", None, "0" * 64)
SIGNATURE = "psnr|peak:255|jpeg:no"


def side(
    name: str,
    values: Sequence[float],
    *,
    better: Better = "higher",
    signature: str = SIGNATURE,
    start: int = 0,
) -> Side:
    facts = MetricFacts("psnr|peak:255", better, "dB")
    rows = tuple(
        ValueRow(f"{start + i}", "1" * 64, {"output": FILE, "target": FILE}, {"psnr": value})
        for i, value in enumerate(values)
    )
    return Side(MetricValues(name, {"psnr": facts}, rows), {"psnr": signature})


def with_target(which: Side, *files: SourceFile) -> Side:
    rows = tuple(
        replace(row, files={**row.files, "target": file})
        for row, file in zip(which.values.rows, files, strict=True)
    )
    return replace(which, values=replace(which.values, rows=rows))


def compared(*sides: Side, out: Path = Path(), keep_going: bool = False) -> Compared:
    return compare_sides(sides, out=out, keep_going=keep_going, draws=500, seed=1)


def test_figures_are_those_of_the_values() -> None:
    a, b = np.random.default_rng(0).normal(20, 2, (2, 30))
    (entry,) = compared(side("a", a), side("b", b)).comparisons
    assert entry.figures == compare(a, b, draws=500, seed=1)
    document = entry.to_json()
    assert (document["a"], document["b"], document["images"]) == ("a", "b", 30)
    assert document["difference"] == pytest.approx(document["mean_a"] - document["mean_b"])
    assert document["signature"] == SIGNATURE


@pytest.mark.parametrize(
    ("better", "a", "b", "winner"),
    [
        ("higher", 3, 2, "a"),
        ("higher", 2, 3, "b"),
        ("lower", 3, 2, "b"),
        ("lower", 2, 3, "a"),
        ("zero", -1, 2, "a"),
        ("zero", 2, -1, "b"),
        ("zero", -3, 2, "b"),
        ("higher", 2, 2, None),
        ("lower", 2, 2, None),
        ("zero", 2, -2, None),
    ],
)
def test_the_winner_follows_the_direction(
    better: Better, a: float, b: float, winner: str | None
) -> None:
    noise = np.array([0.1, -0.2, 0.3, 0.0, -0.1])
    (entry,) = compared(
        side("a", a + np.sign(a) * noise, better=better),
        side("b", b + np.sign(b) * noise, better=better),
    ).comparisons
    assert entry.winner == winner


def test_one_pair_shows_no_difference_and_is_written_with_null() -> None:
    result = compared(side("a", [3.0, np.inf]), side("b", [1.0, 1.0]))
    entry = json.loads(json.dumps(result.to_json(), allow_nan=False))["comparisons"][0]
    assert (entry["ci95"], entry["p"], entry["winner"]) == ([None, None], None, None)
    assert (entry["difference"], entry["images"], entry["left_out_infinite"]) == (2, 1, 1)


def test_each_is_compared_with_the_first() -> None:
    sides = [side(name, [1.0, 2.0, 4.0]) for name in "abc"]
    assert [(e.a, e.b) for e in compared(*sides).comparisons] == [("a", "b"), ("a", "c")]


def test_images_of_one_only_are_named_or_left_out() -> None:
    a, b = side("a", [1.0, 2, 3, 4]), side("b", [1.0, 2, 3, 4, 5], start=1)
    with pytest.raises(InputError, match=r"3 images that only one .* \(a/0, b/4, b/5\)"):
        compared(a, b)
    result = compared(a, b, keep_going=True)
    assert result.left_out == (
        "a/0: b has no image of this name",
        "b/4: a has no image of this name",
        "b/5: a has no image of this name",
    )
    (entry,) = result.comparisons
    assert entry.figures == compare(np.array([2.0, 3, 4]), np.array([1.0, 2, 3]), draws=500, seed=1)


@pytest.mark.parametrize("keep_going", [False, True])
def test_what_cannot_be_compared_is_refused_beforehand(keep_going: bool) -> None:
    with pytest.raises(InputError, match=r"got 1 experiment \(a\), expected two"):
        check_same_ids({"a": ["1"]}, keep_going=keep_going)
    with pytest.raises(InputError, match="a and b have no image in common: got 1 and 2"):
        check_same_ids({"a": ["1"], "b": ["2"]}, keep_going=keep_going)


def test_other_signatures_are_refused() -> None:
    result = compared(
        side("a", [1.0, 2]), side("b", [1.0, 2], signature="psnr|peak:255|jpeg:yes|seed:0")
    )
    assert result.comparisons == ()
    assert result.refused == (
        "psnr of a and b is not compared: their signatures differ "
        "(jpeg: no and yes, seed: none and 0)",
    )


def test_real_images_are_compared_by_their_pixels(tmp_path: Path) -> None:
    """Other bytes, one picture: a whole file and the right half of a side-by-side one."""
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "whole.png")
    Image.fromarray(np.hstack([255 - pixels, pixels])).save(tmp_path / "pair.png")
    whole = SourceFile("whole.png", None, "a" * 64)
    right = SourceFile("pair.png", "right", "b" * 64)
    left = SourceFile("pair.png", "left", "b" * 64)
    a = with_target(side("a", [1.0, 2.0]), whole, whole)
    assert compared(a, with_target(side("b", [1.0, 2.0]), whole, right), out=tmp_path).comparisons
    other = with_target(side("b", [1.0, 2.0]), whole, left)
    for keep_going in (False, True):
        with pytest.raises(
            InputError, match=r"not of the same test set: 1 real image of 2 .*\(1\)"
        ):
            compared(a, other, out=tmp_path, keep_going=keep_going)
