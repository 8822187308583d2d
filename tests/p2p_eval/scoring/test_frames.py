"""Frames on their way to the network: known by content, well resized."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fcn.labels import label_set
from p2p_eval.results.images import ImageRef
from p2p_eval.results.pairing import Frame
from p2p_eval.scoring import frames
from p2p_eval.scoring.frames import frame_key, prepare

CITYSCAPES = label_set("cityscapes")


def frame(street: Any, name: str = "frame0") -> Frame:
    return Frame(name, ImageRef(street.results / f"{name}.png"), street.labels / f"{name}.png")


def never(frame: Frame, key: str) -> bool:
    return False


def test_prepared_pixels_are_pillows_bilinear(street: Any) -> None:
    prepared = prepare(frame(street), CITYSCAPES, "", never)
    with Image.open(street.results / "frame0.png") as image:
        expected = np.array(image.resize((48, 24), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(prepared.pixels, expected)
    with Image.open(street.labels / "frame0.png") as image:
        np.testing.assert_array_equal(prepared.target, CITYSCAPES.id_to_train[np.array(image)])
    assert not prepared.jpeg


def test_what_is_stored_is_not_decoded(street: Any) -> None:
    prepared = prepare(frame(street), CITYSCAPES, "", lambda frame, key: True)
    assert prepared.pixels is prepared.target is None
    assert prepared.key == frame_key(frame(street), "")


def test_key_is_of_content_halves_and_settings(street: Any, tmp_path: Path) -> None:
    one = frame(street)
    copy = tmp_path / "elsewhere.png"
    shutil.copy(one.image.path, copy)
    assert frame_key(Frame("other", ImageRef(copy), one.label), "a") == frame_key(one, "a")
    keys = {
        frame_key(one, "a"),
        frame_key(one, "b"),
        frame_key(frame(street, "frame1"), "a"),
        frame_key(Frame("frame0", one.image, street.labels / "frame1.png"), "a"),
        frame_key(Frame("frame0", ImageRef(one.image.path, "left"), one.label), "a"),
        frame_key(Frame("frame0", ImageRef(one.image.path, "right"), one.label), "a"),
    }
    assert len(keys) == 6


def test_labels_in_colours_are_decoded(street: Any, tmp_path: Path) -> None:
    ids = np.array(Image.open(street.labels / "frame0.png"))
    palette = np.zeros((256, 3), np.uint8)
    for row in CITYSCAPES.rows:
        palette[row.id] = row.color
    path = tmp_path / "colors.png"
    Image.fromarray(palette[ids]).save(path)
    one = Frame("frame0", ImageRef(street.results / "frame0.png"), ImageRef(path))
    np.testing.assert_array_equal(
        prepare(one, CITYSCAPES, "", never).target, CITYSCAPES.id_to_train[ids]
    )


def test_label_files_of_another_size_are_refused(street: Any) -> None:
    one = frame(street)
    assert prepare(one, CITYSCAPES, "", never, label_size=(48, 24)).error is None
    for stored in (never, lambda frame, key: True):
        error = prepare(one, CITYSCAPES, "", stored, label_size=(48, 25)).error
        assert "got a label map of 48×24, expected 48×25" in str(error)


def test_errors_are_carried_to_their_place(street: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one = frame(street)
    monkeypatch.setattr(frames, "MAX_PIXELS", 100)
    assert "48×24" in str(prepare(one, CITYSCAPES, "", never).error)
    one.image.path.unlink()
    assert "frame0.png" in str(prepare(one, CITYSCAPES, "", never).error)
