"""Training data: both kinds of folder, bad files, repeatable draws."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fcn.data import Draws, Pair, collate, find_pairs, fingerprint, read_pair
from fcn.errors import DataError
from fcn.labels import label_set
from fcn.recipe import load_recipe

LABELS = label_set("camvid")
PLAIN = replace(
    load_recipe("camvid"),
    photo_size=0, mirror=False, scale=(1.0, 1.0), crop=(), brightness=0.0, contrast=0.0, color=0.0,
)  # fmt: skip


def make(folder: Path, count: int = 3, size: tuple[int, int] = (48, 32)) -> Path:
    """Write photos whose red channel is the label id."""
    random = np.random.default_rng(0)
    for part in ("photos", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for index in range(count):
        ids = random.integers(0, 12, (size[1], size[0]), np.uint8)
        photo = random.integers(0, 256, (size[1], size[0], 3), np.uint8)
        photo[..., 0] = ids
        Image.fromarray(ids).save(folder / "labels" / f"{index}.png")
        Image.fromarray(photo).save(folder / "photos" / f"{index}.png")
    return folder


def test_pairs_of_photos_and_labels(tmp_path: Path) -> None:
    pairs = find_pairs(make(tmp_path))
    assert [(p.photo.stem, p.label.stem) for p in pairs] == [("0", "0"), ("1", "1"), ("2", "2")]


def test_pairs_of_a_cityscapes_tree(tmp_path: Path) -> None:
    for split, city in (("train", "ulm"), ("train", "aachen"), ("val", "munster")):
        photo = tmp_path / "leftImg8bit" / split / city / f"{city}_000000_000019_leftImg8bit.png"
        ids = tmp_path / "gtFine" / split / city / f"{city}_000000_000019_gtFine_labelIds.png"
        for path, image in ((photo, Image.new("RGB", (8, 4))), (ids, Image.new("L", (8, 4)))):
            path.parent.mkdir(parents=True)
            image.save(path)
        image.save(ids.with_name(ids.name.replace("labelIds", "instanceIds")))
    assert [p.photo.parent.name for p in find_pairs(tmp_path)] == ["aachen", "ulm"]
    assert [p.label.parent.name for p in find_pairs(tmp_path, "val")] == ["munster"]


def test_missing_and_unpaired(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected photos/ and labels/"):
        find_pairs(tmp_path)
    make(tmp_path, 0)
    with pytest.raises(DataError, match="no photos in it"):
        find_pairs(tmp_path)
    make(tmp_path)
    (tmp_path / "labels" / "1.png").unlink()
    with pytest.raises(DataError, match=r"1\.png: no label map"):
        find_pairs(tmp_path)
    (tmp_path / "photos" / "1.png").unlink()
    (tmp_path / "photos" / "2.png").unlink()
    with pytest.raises(DataError, match=r"2\.png: no photo"):
        find_pairs(tmp_path)
    make(tmp_path)
    (tmp_path / "photos" / "2.jpg").touch()
    with pytest.raises(DataError, match="same stem"):
        find_pairs(tmp_path)


def test_bad_files(tmp_path: Path) -> None:
    pair = find_pairs(make(tmp_path))[0]
    whole = pair.photo.read_bytes()
    pair.photo.write_bytes(whole[:200])
    with pytest.raises(DataError, match=r"0\.png: cannot be read"):
        read_pair(pair, LABELS)
    pair.photo.write_bytes(b"GIF89a")
    with pytest.raises(DataError, match="cannot be read"):
        read_pair(pair, LABELS)
    Image.new("L", (48, 32)).save(pair.photo)
    with pytest.raises(DataError, match="mode L, expected 8-bit RGB"):
        read_pair(pair, LABELS)
    Image.new("RGB", (48, 32)).save(pair.label)
    with pytest.raises(DataError, match="mode RGB, expected 8-bit label ids"):
        read_pair(pair, LABELS)
    Image.new("L", (8000, 8000)).save(pair.label)
    with pytest.raises(DataError, match="8000×8000"):
        read_pair(pair, LABELS)
    with pytest.raises(DataError, match="cannot be read"):
        fingerprint([Pair(tmp_path / "none.png", tmp_path / "none.png")])


def test_photo_is_reduced_then_upsampled_to_the_label(tmp_path: Path) -> None:
    pair = find_pairs(make(tmp_path))[0]
    photo, _ = read_pair(pair, LABELS, photo_size=16)
    small = Image.open(pair.photo).resize((16, 16), Image.Resampling.BICUBIC)
    expected = small.resize((48, 32), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(photo, np.asarray(expected))


def test_ids_become_train_ids(tmp_path: Path) -> None:
    pair = find_pairs(make(tmp_path))[0]
    photo, train_ids = read_pair(pair, LABELS)
    np.testing.assert_array_equal(train_ids, np.where(photo[..., 0] == 11, 255, photo[..., 0]))


def test_fingerprint_is_of_content(tmp_path: Path) -> None:
    pairs = find_pairs(make(tmp_path / "a"))
    same = find_pairs(make(tmp_path / "b"))
    assert fingerprint(pairs) == fingerprint(same)
    Image.new("L", (48, 32)).save(same[1].label)
    assert fingerprint(pairs) != fingerprint(same)


def test_draws_are_repeatable_and_an_epoch_is_a_permutation(tmp_path: Path) -> None:
    pairs = find_pairs(make(tmp_path, 5))
    recipe = replace(load_recipe("camvid"), photo_size=0, crop=(32, 48))
    draws, again = Draws(pairs, LABELS, recipe), Draws(pairs, LABELS, recipe)
    for draw in (7, 0, 123):
        for one, other in zip(draws[draw], again[draw], strict=True):
            assert torch.equal(one, other)
    plain = Draws(pairs, LABELS, PLAIN)
    for epoch in (0, 3):
        seen = {plain[5 * epoch + k][0].numpy().tobytes() for k in range(5)}
        assert len(seen) == 5


@pytest.mark.parametrize("scale", [(1.0, 1.0), (0.5, 0.5), (1.0, 3.0)])
def test_photo_and_labels_stay_aligned(tmp_path: Path, scale: tuple[float, float]) -> None:
    folder = tmp_path
    for part in ("photos", "labels"):
        (folder / part).mkdir()
    ids = np.repeat(np.repeat(np.arange(12, dtype=np.uint8).reshape(3, 4), 16, 0), 16, 1)
    Image.fromarray(ids).save(folder / "labels" / "0.png")
    Image.fromarray(np.stack([ids * 20] * 3, -1)).save(folder / "photos" / "0.png")
    recipe = replace(PLAIN, mirror=True, scale=scale, crop=(32, 32))
    draws = Draws(find_pairs(folder), LABELS, recipe)
    mirrored = set()
    for draw in range(20):
        photo, train_ids = draws[draw]
        assert photo.shape == (3, 32, 32)
        counts = train_ids != 255
        agree = (photo[0] / 20).round() == train_ids
        assert agree[counts].float().mean() > 0.75
        mirrored.add(bool((photo[0].float().diff(dim=1)).sum() < 0))
    assert mirrored == {True, False}


def test_photometry_changes_the_photo_only(tmp_path: Path) -> None:
    pairs = find_pairs(make(tmp_path, 1))
    plain = Draws(pairs, LABELS, PLAIN)[0]
    jittered = Draws(pairs, LABELS, replace(PLAIN, brightness=20.0, contrast=0.2, color=0.1))[0]
    assert torch.equal(plain[1], jittered[1])
    difference = (plain[0].int() - jittered[0].int()).abs()
    assert 0 < difference.max() <= 20 + 0.32 * 255


def test_a_batch_of_two_sizes_is_refused() -> None:
    samples = [(torch.zeros(3, n, 4, dtype=torch.uint8), torch.zeros(n, 4)) for n in (4, 5)]
    with pytest.raises(DataError, match="give the recipe a crop"):
        collate(samples)
