"""Pairing images with label maps, and the numbering that content has to confirm."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcn.labels import label_set
from p2p_eval.errors import InputError
from p2p_eval.results.images import ImageRef, read_label_ids
from p2p_eval.results.layouts import find_experiments
from p2p_eval.results.pairing import Frame, Pairing, pair, read_label

Write = Callable[..., Path]
CITYSCAPES = label_set("cityscapes")


def pair_one(results: Path, **options: object) -> Pairing:
    (experiment,) = find_experiments(results)
    return pair(experiment, **{"label_set": CITYSCAPES, **options})


def test_cityscapes_names(golden: Path) -> None:
    case = golden / "fcn" / "slim_b"
    pairing = pair_one(case / "results", cityscapes=case / "cityscapes")
    assert len(pairing.frames) == 6
    assert pairing.label_kind == "files"
    assert "Cityscapes name" in pairing.how
    for frame in pairing.frames:
        assert frame.image.path.name == f"{frame.id}_leftImg8bit.png"
        assert isinstance(frame.label, Path)
        assert frame.label.name == f"{frame.id}_gtFine_labelIds.png"
    assert read_label(pairing.frames[0], CITYSCAPES).shape == (256, 512)


def test_both_sides_of_what_is_unmatched(tmp_path: Path, tree: Path, photo: Write) -> None:
    for name in ("frankfurt_000000_000000", "lindau_000000_000077", "ulm_000000_000001"):
        photo(tmp_path / "run" / f"{name}_leftImg8bit.png")
    pairing = pair_one(tmp_path / "run", cityscapes=tree)
    assert [frame.id for frame in pairing.frames] == [
        "frankfurt_000000_000000",
        "lindau_000000_000077",
    ]
    assert pairing.unmatched_images == ("ulm_000000_000001",)
    assert len(pairing.unmatched_labels) == 10


def test_the_split_that_names_match_is_taken(tmp_path: Path, tree: Path, photo: Write) -> None:
    shutil.copytree(tree / "gtFine" / "val" / "lindau", tree / "gtFine" / "train" / "ulm")
    for path in (tree / "gtFine" / "train" / "ulm").iterdir():
        path.rename(path.with_name(path.name.replace("lindau", "ulm")))
    photo(tmp_path / "run" / "ulm_000000_000077_leftImg8bit.png")
    assert "gtFine/train" in pair_one(tmp_path / "run", cityscapes=tree).how
    with pytest.raises(InputError, match="none of the 1 images"):
        pair_one(tmp_path / "run", cityscapes=tree, split="val")
    with pytest.raises(InputError, match="no split 'test'"):
        pair_one(tmp_path / "run", cityscapes=tree, split="test")


def test_names_that_match_nothing_are_shown(tmp_path: Path, tree: Path, photo: Write) -> None:
    photo(tmp_path / "run" / "frankfurt_000000_000000_synthesized.png")
    with pytest.raises(
        InputError, match=r"got frankfurt_000000_000000_synthesized.*expected names"
    ):
        pair_one(tmp_path / "run", cityscapes=tree)
    photo(tmp_path / "labels" / "street.png")
    with pytest.raises(InputError, match="such as street"):
        pair_one(tmp_path / "run", labels=tmp_path / "labels")


@pytest.mark.parametrize("base", [0, 1])
@pytest.mark.parametrize("evidence", ["inputs", "targets"])
def test_numbers_are_verified_by_content(
    tree: Path, numbered_run: Callable[..., Path], base: int, evidence: str
) -> None:
    results = numbered_run(base, inputs=evidence == "inputs", targets=evidence == "targets")
    pairing = pair_one(results, cityscapes=tree)
    assert len(pairing.frames) == 12
    assert not pairing.unmatched_images + pairing.unmatched_labels
    assert f"counted from {base}" in pairing.how
    assert "verified by content" in pairing.how
    first, last = pairing.frames[0], pairing.frames[-1]
    assert (first.image.path.name, first.id) == (f"{base}_fake_B.png", "frankfurt_000000_000000")
    assert (last.image.path.name, last.id) == (f"{base + 11}_fake_B.png", "lindau_000000_000077")


@pytest.mark.parametrize("targets", [False, True])
@pytest.mark.parametrize("shift", [-2, -1, 1, 2, 5])
def test_shifted_numbers_never_pass(
    tree: Path, numbered_run: Callable[..., Path], shift: int, targets: bool
) -> None:
    results = numbered_run(0, shift, targets=targets)
    with pytest.raises(InputError, match="cannot be verified"):
        pair_one(results, cityscapes=tree)


def test_numbers_that_miss_a_frame_in_the_middle_never_pass(
    tree: Path, numbered_run: Callable[..., Path]
) -> None:
    images = next(numbered_run(0).rglob("images"))
    for number in range(6, 12):
        for ending in ("fake_B", "real_A"):
            moved = images / f"{number}_{ending}.png"
            if number == 6:
                moved.unlink()
            else:
                moved.rename(images / f"{number - 1}_{ending}.png")
    with pytest.raises(InputError, match="cannot be verified"):
        pair_one(images, cityscapes=tree)


def test_numbers_beyond_the_frames_are_refused_with_one_reason(
    tree: Path, numbered_run: Callable[..., Path]
) -> None:
    with pytest.raises(InputError, match="cannot be verified") as caught:
        pair_one(numbered_run(100, targets=True), cityscapes=tree)
    assert str(caught.value).count("the numbers start at 100") == 1


def test_numbers_without_evidence_are_refused(
    tree: Path, numbered_run: Callable[..., Path]
) -> None:
    with pytest.raises(InputError, match=r"nothing shows which frame.*_leftImg8bit\.png"):
        pair_one(numbered_run(inputs=False), cityscapes=tree)


def test_a_part_of_the_numbers(tree: Path, numbered_run: Callable[..., Path]) -> None:
    images = next(numbered_run(1).rglob("images"))
    for path in images.glob("[1-4]_*.png"):
        path.unlink()
    pairing = pair_one(images, cityscapes=tree)
    assert len(pairing.frames) == 8
    assert len(pairing.unmatched_labels) == 4
    assert pairing.frames[0].id == "frankfurt_000000_000028"


def test_one_number_twice_is_refused(
    tree: Path, numbered_run: Callable[..., Path], photo: Write
) -> None:
    images = next(numbered_run().rglob("images"))
    photo(images / "01_fake_B.png")
    with pytest.raises(InputError, match="two images of number 1"):
        pair_one(images, cityscapes=tree)


@pytest.mark.parametrize("ending", ["", "_gtFine_labelIds", "_labelIds", "_L"])
def test_stems(tmp_path: Path, photo: Write, ending: str) -> None:
    for name in ("0001TP_006690", "2"):
        photo(tmp_path / "run" / f"{name}.png")
        photo(tmp_path / "labels" / "city" / f"{name}{ending}.png")
        photo(tmp_path / "labels" / "city" / f"{name}_gtFine_color.png")
    photo(tmp_path / "labels" / f"3{ending}.png")
    pairing = pair_one(tmp_path / "run", labels=tmp_path / "labels")
    assert [frame.id for frame in pairing.frames] == ["0001TP_006690", "2"]
    assert pairing.unmatched_labels == ("3",)
    photo(tmp_path / "labels" / "3_labelIds.png")
    photo(tmp_path / "labels" / "3_L.png")
    with pytest.raises(InputError, match="second label map"):
        pair_one(tmp_path / "run", labels=tmp_path / "labels")


def test_predictions_below_the_label_maps_are_none(tmp_path: Path, photo: Write) -> None:
    """As --save-predictions leaves them where the labels' folder is the current one."""
    photo(tmp_path / "run" / "1.png")
    labels = tmp_path / "labels"
    photo(labels / "1.png")
    photo(labels / "p2p-eval-out" / "run" / "fcn_score" / "predictions" / "1.png")
    photo(labels / "scores" / "run" / "seg_score" / "predictions" / "1.png")
    (frame,) = pair_one(tmp_path / "run", labels=labels).frames
    assert frame.label == labels / "1.png"


def test_what_is_given_must_be_there(tmp_path: Path, photo: Write) -> None:
    run = photo(tmp_path / "run" / "1.png").parent
    (tmp_path / "empty").mkdir()
    cases = {
        "no folder gtFine": {"cityscapes": tmp_path / "empty"},
        "got no label map": {"labels": tmp_path / "empty"},
        "no such folder": {"labels": tmp_path / "absent"},
        "both": {"labels": run, "cityscapes": run},
        "generated images only": {},
    }
    for message, options in cases.items():
        with pytest.raises(InputError, match=message):
            pair_one(run, **options)


def test_decoding_from_colours(numbered_run: Callable[..., Path], tree: Path) -> None:
    pairing = pair_one(numbered_run())
    assert pairing.label_kind == "decoded"
    assert len(pairing.frames) == 12
    assert "not comparable" in pairing.how
    frame = pairing.frames[3]
    assert isinstance(frame.label, ImageRef)
    ids = read_label(frame, CITYSCAPES)
    assert ids.shape == (64, 64)
    expected = read_label_ids(
        tree / "gtFine/val/frankfurt/frankfurt_000000_000021_gtFine_labelIds.png"
    )
    agreement = (ids == expected[1::2, 2::4]).mean()
    assert agreement > 0.8


def test_colours_of_no_label_set_are_refused(tmp_path: Path, photo: Write) -> None:
    for ending in ("fake_B", "real_A"):
        photo(tmp_path / f"1_{ending}.png", size=(64, 64))
    with pytest.raises(InputError, match="have no colour of the label set facades"):
        pair_one(tmp_path, label_set=label_set("facades"))
    frame = Frame("1", ImageRef(tmp_path / "x.png"), ImageRef(tmp_path / "1_real_A.png"))
    with pytest.raises(InputError, match="have no colour of the label set facades"):
        read_label(frame, label_set("facades"))


def test_halves_the_wrong_way_round_are_named(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    blue = np.full((32, 32, 3), (0, 0, 222), np.uint8)
    Image.fromarray(np.hstack([noise, blue])).save(tmp_path / "1.png")
    with pytest.raises(InputError, match="try --layout side-by-side:BA"):
        pair_one(tmp_path, label_set=label_set("facades"))


def test_names_that_differ_in_case_only(tmp_path: Path, tree: Path, photo: Write) -> None:
    photo(tmp_path / "run" / "Frankfurt_000000_000007_leftImg8bit.png")
    with pytest.raises(
        InputError,
        match=r"Frankfurt_000000_000007 and frankfurt_000000_000007 .* upper and lower case only",
    ):
        pair_one(tmp_path / "run", cityscapes=tree)


@pytest.mark.data
def test_two_real_runs_are_decoded(test_data: Path) -> None:
    for experiment in find_experiments(test_data / "results"):
        pairing = pair(experiment, label_set=label_set("facades"))
        assert len(pairing.frames) == 50
        ids = read_label(pairing.frames[0], label_set("facades"))
        assert ids.shape == (256, 256)
        assert len(np.unique(ids)) > 3
        with pytest.raises(InputError, match="label set cityscapes"):
            pair(experiment, label_set=CITYSCAPES)


@pytest.mark.data
def test_real_runs_are_not_taken_for_cityscapes(test_data: Path, golden: Path) -> None:
    (experiment, _) = find_experiments(test_data / "results")
    with pytest.raises(InputError, match="cannot be verified"):
        pair(
            experiment,
            cityscapes=golden / "fcn" / "slim_a" / "cityscapes",
            label_set=CITYSCAPES,
        )


@pytest.mark.data
def test_camvid_by_stem(test_data: Path) -> None:
    root = test_data / "camvid" / "test"
    pairing = pair_one(root / "photos", labels=root / "labels", label_set=label_set("camvid"))
    assert len(pairing.frames) == 233
    assert not pairing.unmatched_images + pairing.unmatched_labels
