"""Numbered photo→labels results: which frame a number means, verified by content."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from painted_run import SCENES, Run, figures

from p2p_eval.errors import InputError
from p2p_eval.results.layouts import find_experiments
from p2p_eval.results.pairing import pair
from p2p_eval.scoring.seg_score import seg_score


def numbered(run: Run, tree: Path, first: int) -> Path:
    """The run again, numbered, and the original tree that its frames stand in."""
    folder = run.folder.parent / "numbered"
    folder.mkdir(exist_ok=True)
    for number, label in enumerate(sorted(run.labels.iterdir())):
        name = f"ulm_000000_{number * 3:06d}"
        for path, source in (
            (tree / "gtFine/val/ulm" / f"{name}_gtFine_labelIds.png", label),
            (
                tree / "leftImg8bit/val/ulm" / f"{name}_leftImg8bit.png",
                run.folder / f"{label.stem}_real_A.png",
            ),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, path)
        for role in ("real_A", "fake_B", "real_B"):
            source = run.folder / f"{label.stem}_{role}.png"
            shutil.copy(source, folder / f"{number + first}_{role}.png")
    return folder


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("evidence", ["real label images", "real photos"])
def test_numbers_are_verified_by_content(run: Run, first: int, evidence: str) -> None:
    tree = run.folder.parent / "cityscapes"
    folder = numbered(run, tree, first)
    if evidence == "real photos":
        for path in folder.glob("*_real_B.png"):
            path.unlink()
    options: dict[str, Any] = {"cityscapes": tree, "label_set": "scenes", "out": run.out}
    report = seg_score(folder, protocol="strict", **options)
    assert figures(report) == [1, 1, 1]
    (experiment,) = find_experiments(folder)
    pairing = pair(experiment, cityscapes=tree, label_set=SCENES, direction="photo-to-labels")
    assert f"counted from {first}; verified by content: " in pairing.how
    assert evidence in pairing.how


def test_shifted_numbers_are_refused(run: Run) -> None:
    tree = run.folder.parent / "cityscapes"
    folder = numbered(run, tree, 2)
    with pytest.raises(InputError, match="the numbers are shifted"):
        seg_score(folder, cityscapes=tree, label_set="scenes", out=run.out)
