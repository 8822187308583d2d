"""The Cityscapes tree: frames, photos, and the order that data preparation numbers."""

from __future__ import annotations

import glob
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from p2p_eval.errors import InputError
from p2p_eval.results.cityscapes import frames, splits


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    label = Image.fromarray(np.zeros((2, 4), np.uint8))
    names = ("zurich_000001_000019", "aachen_000010_000019", "aachen_000009_000019", "ulm-x_0_1")
    for name in names:
        city = name.split("_")[0]
        for kind, ending in (("gtFine", "gtFine_labelIds"), ("gtFine", "gtFine_color"),
                             ("leftImg8bit", "leftImg8bit")):  # fmt: skip
            folder = tmp_path / kind / "train" / city
            folder.mkdir(parents=True, exist_ok=True)
            label.save(folder / f"{name}_{ending}.png")
    (tmp_path / "gtFine" / "test" / "berlin").mkdir(parents=True)
    return tmp_path


def test_frames_have_labels_and_photos(tree: Path) -> None:
    found = frames(tree, "train")
    assert [frame.id for frame in found][:2] == ["aachen_000009_000019", "aachen_000010_000019"]
    for frame in found:
        assert frame.label.is_file()
        assert frame.photo is not None
        assert frame.photo.name == f"{frame.id}_leftImg8bit.png"
    assert splits(tree) == ["train"]


def test_the_order_is_that_of_the_preparation_script(tree: Path) -> None:
    """prepare_cityscapes_dataset.py sorts what it globs; the same is done here."""
    numbered = [frame.id for frame in frames(tree, "train")]
    for folder, ending in (("gtFine", "_gtFine_color.png"), ("leftImg8bit", "_leftImg8bit.png")):
        paths = sorted(glob.glob(f"{tree}/{folder}/train/*/*{ending}"))
        assert numbered == [os.path.basename(path).removesuffix(ending) for path in paths]


def test_photos_may_be_absent(golden: Path) -> None:
    found = frames(golden / "fcn" / "slim_a" / "cityscapes")
    assert len(found) == 6
    assert all(frame.photo is None for frame in found)


def test_what_is_no_tree_is_refused(tree: Path) -> None:
    with pytest.raises(InputError, match="no folder gtFine"):
        frames(tree / "gtFine")
    with pytest.raises(InputError, match=r"no split 'val'.*test, train"):
        frames(tree, "val")
    with pytest.raises(InputError, match="got no label map"):
        frames(tree, "test")
    twin = tree / "gtFine" / "train" / "berlin"
    twin.mkdir()
    (twin / "zurich_000001_000019_gtFine_labelIds.png").touch()
    with pytest.raises(InputError, match="too"):
        frames(tree, "train")
