"""Experiments of several folders get names that tell them apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2p_eval.errors import InputError
from p2p_eval.results.several import find_in_all

PNG = (Path(__file__).parents[2] / "golden/iqa/ref/07_jpeg_127x130.png").read_bytes()


def experiment(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for role in ("fake_B", "real_B"):
        (folder / f"0_{role}.png").write_bytes(PNG)
    return folder


def names(*roots: Path) -> list[str]:
    return [found.name for found in find_in_all(roots)]


def test_different_names_stay(tmp_path: Path) -> None:
    roots = experiment(tmp_path / "a/L1"), experiment(tmp_path / "b/cGAN")
    assert names(*roots) == ["L1", "cGAN"]
    assert names(*reversed(roots)) == ["cGAN", "L1"]
    assert names(tmp_path / "a") == ["L1"]


def test_the_folders_above_tell_them_apart(tmp_path: Path) -> None:
    roots = [experiment(tmp_path / f"run{n}/results") for n in (1, 2)]
    assert names(*roots) == ["run1-results", "run2-results"]


def test_those_of_the_layouts_own_are_passed_over(tmp_path: Path) -> None:
    roots = [experiment(tmp_path / f"run{n}/L1/test_latest/images") for n in (1, 2)]
    assert names(*roots) == ["run1-L1", "run2-L1"]


def test_as_many_as_it_takes(tmp_path: Path) -> None:
    roots = [experiment(tmp_path / f"{n}/x/results") for n in ("a", "b")]
    assert names(*roots) == ["a-x-results", "b-x-results"]


def test_experiments_below_the_folders(tmp_path: Path) -> None:
    for run in ("run1", "run2"):
        for kind in ("L1", "cGAN"):
            experiment(tmp_path / run / kind)
    experiment(tmp_path / "run2" / "GAN")
    assert names(tmp_path / "run1", tmp_path / "run2") == [
        "run1-L1", "run1-cGAN", "GAN", "run2-L1", "run2-cGAN",
    ]  # fmt: skip


def test_names_that_differ_in_case_only_share_a_folder_somewhere(tmp_path: Path) -> None:
    roots = experiment(tmp_path / "a/L1"), experiment(tmp_path / "b/l1")
    assert names(*roots) == ["a-L1", "b-l1"]


def test_one_folder_twice(tmp_path: Path) -> None:
    root = experiment(tmp_path / "L1")
    (tmp_path / "link").symlink_to(root)
    for other in (root, tmp_path / "link", tmp_path):
        with pytest.raises(InputError, match="expected it once"):
            find_in_all([root, other])


def test_no_folder() -> None:
    with pytest.raises(InputError, match="expected one or more"):
        find_in_all([])


def test_a_folder_above_with_an_odd_name(tmp_path: Path) -> None:
    roots = [experiment(tmp_path / f"my run {n}/results") for n in (1, 2)]
    with pytest.raises(InputError, match="rename"):
        find_in_all(roots)
