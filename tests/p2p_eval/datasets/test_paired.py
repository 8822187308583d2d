"""Pairs: every kind of folder, and what is wrong with some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fcn.labels import label_set
from p2p_eval.datasets.paired import find_pairs, held_out
from p2p_eval.errors import InputError
from p2p_eval.results.images import ImageRef

CAMVID = label_set("camvid")


def picture(seed: int, width: int = 48, height: int = 32) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def save(pixels: NDArray[np.uint8], path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    for number in range(3):
        save(picture(number), tmp_path / "train" / "photos" / f"{number}.png")
        ids = np.random.default_rng(number).integers(0, 12, (40, 60), np.uint8)
        save(ids, tmp_path / "train" / "labels" / f"{number}.png")
    return tmp_path


def test_photos_and_label_ids_both_ways(labelled: Path) -> None:
    there = find_pairs(labelled, "labels2photo", "train", CAMVID)
    back = find_pairs(labelled, "photo2labels", "train", CAMVID)
    assert len(there) == len(back) == 3
    painted, photo = there.read(1, 32)
    assert painted.shape == photo.shape == (32, 32, 3)
    again, labels = back.read(1, 32)
    np.testing.assert_array_equal(again, photo)
    np.testing.assert_array_equal(labels, painted)
    colors = {row.color for row in CAMVID.rows} | {(0, 0, 0)}
    assert {tuple(color) for color in painted.reshape(-1, 3).tolist()} <= colors


def test_label_maps_are_painted_in_their_colours_unresized(labelled: Path) -> None:
    path = labelled / "train" / "labels" / "0.png"
    ids = save(np.full((40, 60), CAMVID.rows[3].id, np.uint8), path)
    painted, _ = find_pairs(labelled, "labels2photo", "train", CAMVID).read(0, 64)
    assert ids.exists()
    assert (painted == CAMVID.rows[3].color).all()


def test_unknown_ids_are_named(labelled: Path) -> None:
    save(np.full((4, 4), 99, np.uint8), labelled / "train" / "labels" / "2.png")
    pairs = find_pairs(labelled, "labels2photo", "train", CAMVID)
    pairs.read(0, 8)
    with pytest.raises(InputError, match=r"2\.png: got label ids 99, which the label set camvid"):
        pairs.read(2, 8)


def test_label_ids_need_a_label_set(labelled: Path) -> None:
    with pytest.raises(InputError, match="expected a label set"):
        find_pairs(labelled, "labels2photo", "train")


def test_a_missing_partner_is_named(labelled: Path) -> None:
    (labelled / "train" / "labels" / "1.png").unlink()
    with pytest.raises(InputError, match=r"1\.png: got no image of that name in .*labels"):
        find_pairs(labelled, "labels2photo", "train", CAMVID)


def test_side_by_side_both_ways(tmp_path: Path) -> None:
    left, right = picture(0, 32, 32), picture(1, 32, 32)
    save(np.concatenate([left, right], 1), tmp_path / "val" / "1.png")
    for task, source, target in (
        ("AtoB", left, right),
        ("BtoA", right, left),
        ("labels2photo", right, left),  # as in the facades and the Cityscapes of pix2pix
        ("photo2labels", left, right),
    ):
        read = find_pairs(tmp_path, task, "val").read(0, 32)
        np.testing.assert_array_equal(read[0], source)
        np.testing.assert_array_equal(read[1], target)


def test_a_photo_alone_is_no_pair(tmp_path: Path) -> None:
    save(picture(0, 64, 64), tmp_path / "1.png")
    with pytest.raises(InputError, match="expected two images side by side"):
        find_pairs(tmp_path, "AtoB")


def test_an_odd_width_is_named(tmp_path: Path) -> None:
    save(picture(0, 33, 32), tmp_path / "1.png")
    with pytest.raises(InputError, match=r"1\.png: got 33×32 pixels, expected an even width"):
        find_pairs(tmp_path, "AtoB")


@pytest.mark.parametrize("names", [("A", "B"), ("A/train", "B/train"), ("trainA", "trainB")])
def test_two_folders(tmp_path: Path, names: tuple[str, str]) -> None:
    for number, name in enumerate(names):
        save(picture(number), tmp_path / name / "x.png")
    source, target = find_pairs(tmp_path, "BtoA", "train").read(0, 32)
    first, second = find_pairs(tmp_path, "AtoB", "train").read(0, 32)
    np.testing.assert_array_equal(source, second)
    np.testing.assert_array_equal(target, first)


def test_the_original_cityscapes_tree(tmp_path: Path) -> None:
    names = ("aachen_000000_000019", "aachen_000001_000019")
    for number, name in enumerate(names):
        photo = f"{name}_leftImg8bit.png"
        save(picture(number), tmp_path / "leftImg8bit" / "train" / "aachen" / photo)
        ids = np.full((32, 48), 7, np.uint8)  # road
        save(ids, tmp_path / "gtFine" / "train" / "aachen" / f"{name}_gtFine_labelIds.png")
    cityscapes = label_set("cityscapes")
    pairs = find_pairs(tmp_path, "labels2photo", "train", cityscapes)
    assert [pair.name for pair in pairs.pairs] == list(names)
    painted, _ = pairs.read(0, 32)
    assert (painted == (128, 64, 128)).all()
    (tmp_path / "leftImg8bit" / "train" / "aachen" / f"{names[1]}_leftImg8bit.png").unlink()
    with pytest.raises(InputError, match="got no photo for it in leftImg8bit"):
        find_pairs(tmp_path, "labels2photo", "train", cityscapes)


@pytest.mark.parametrize("task", ["colorization", "inpainting"])
def test_photos_alone(tmp_path: Path, task: str) -> None:
    save(picture(0), tmp_path / "a.png")
    pairs = find_pairs(tmp_path, task, "train")
    source, target = pairs.read(0, 32)
    assert source is target
    assert pairs.pairs[0].input == ImageRef(tmp_path / "a.png")


@pytest.mark.parametrize("task", ["AtoB", "labels2photo", "colorization"])
def test_nothing_there(tmp_path: Path, task: str) -> None:
    with pytest.raises(InputError, match=r"got no images, expected [a-zA-Z]"):
        find_pairs(tmp_path, task)
    with pytest.raises(InputError, match="none"):
        find_pairs(tmp_path / "none", task)


def test_a_split_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    for split in ("train", "val"):
        save(picture(0, 64, 32), tmp_path / split / "1.png")
    with pytest.raises(InputError, match="there are train, val: name one with --split"):
        find_pairs(tmp_path, "AtoB", "test")
    assert held_out(tmp_path) == "val"
    (tmp_path / "test").mkdir()
    assert held_out(tmp_path) == "test"
    (tmp_path / "gtFine").mkdir()
    assert held_out(tmp_path) == "val"


def test_an_image_that_is_not_rgb_is_named_before_training(tmp_path: Path) -> None:
    Image.new("L", (64, 64)).save(tmp_path / "gray.png")
    with pytest.raises(InputError, match=r"gray\.png: got a gray image"):
        find_pairs(tmp_path, "AtoB")
    Image.new("I;16", (64, 64)).save(tmp_path / "deep.png")
    with pytest.raises(InputError, match=r"deep\.png: got a 16-bit image"):
        find_pairs(tmp_path, "colorization")


@pytest.mark.parametrize(("mode", "color"), [("L", 7), ("CMYK", (0, 255, 255, 0))])
def test_photos_of_large_collections_need_not_be_rgb(
    tmp_path: Path, mode: str, color: int | tuple[int, ...]
) -> None:
    Image.new(mode, (64, 64), color).save(tmp_path / "a.jpg", quality=100)
    source, _ = find_pairs(tmp_path, "colorization").read(0, 32)
    expected = (7, 7, 7) if mode == "L" else (255, 0, 0)
    assert np.abs(source.astype(int) - expected).max() <= 2


def test_photos_in_folders_of_folders(tmp_path: Path) -> None:
    for name in ("n01/1", "n02/1", "n02/x/2"):
        save(picture(0), tmp_path / "train" / f"{name}.png")
    pairs = find_pairs(tmp_path, "colorization", "train")
    assert [pair.name for pair in pairs.pairs] == ["n01_1", "n02_1", "n02_x_2"]
    with pytest.raises(InputError, match="there are train: name one with --split"):
        find_pairs(tmp_path, "colorization", "val")
    save(picture(0), tmp_path / "train" / "n02_1.png")
    with pytest.raises(InputError, match="got a second photo that would be called n02_1"):
        find_pairs(tmp_path, "colorization", "train")


def test_a_pair_of_two_shapes_is_named(tmp_path: Path) -> None:
    save(picture(0, 64, 32), tmp_path / "A" / "x.png")
    save(picture(1, 33, 17), tmp_path / "B" / "x.png")
    assert len(find_pairs(tmp_path, "AtoB")) == 1
    save(picture(1, 64, 48), tmp_path / "B" / "x.png")
    with pytest.raises(InputError, match=r"B.x\.png: got 64×48 pixels where .*x\.png has 64×32"):
        find_pairs(tmp_path, "AtoB")


def test_the_order_is_that_of_numbers(tmp_path: Path) -> None:
    for name in ("10", "9", "100"):
        save(picture(0, 64, 32), tmp_path / f"{name}.png")
    assert [pair.name for pair in find_pairs(tmp_path, "AtoB").pairs] == ["9", "10", "100"]


def test_the_fingerprint_follows_names_contents_and_task(labelled: Path) -> None:
    first = find_pairs(labelled, "labels2photo", "train", CAMVID).fingerprint
    assert find_pairs(labelled, "labels2photo", "train", CAMVID).fingerprint == first
    assert find_pairs(labelled, "photo2labels", "train", CAMVID).fingerprint != first
    save(picture(9), labelled / "train" / "photos" / "1.png")
    assert find_pairs(labelled, "labels2photo", "train", CAMVID).fingerprint != first


@pytest.mark.data
def test_public_facades_and_camvid(test_data: Path) -> None:
    facades = find_pairs(test_data / "facades", "labels2photo", "test")
    assert len(facades) == 106
    camvid = find_pairs(test_data / "camvid", "labels2photo", "val", CAMVID)
    assert len(camvid) == 101
    assert [image.shape for image in camvid.read(0, 256)] == [(256, 256, 3)] * 2
