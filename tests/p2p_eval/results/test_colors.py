"""The nearest colour, against all distances computed one by one in float64."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fcn.labels import LABEL_SETS, label_set
from p2p_eval.results import colors as module
from p2p_eval.results.colors import (
    MAX_FAR_SHARE,
    MAX_FAR_SHARE_OF_ONE,
    decode_colors,
    nearest_colors,
)
from p2p_eval.results.images import ImageRef, read_rgb

CITYSCAPES = label_set("cityscapes")


def reference(
    rgb: NDArray[np.uint8], colors: NDArray[np.uint8]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    squares = ((rgb[..., None, :].astype(np.float64) - colors.astype(np.float64)) ** 2).sum(-1)
    return squares.argmin(-1), squares.min(-1)  # of equal values argmin takes the first


def check(rgb: NDArray[np.uint8], colors: NDArray[np.uint8]) -> None:
    index, squares = nearest_colors(rgb, colors)
    assert (index.dtype, squares.dtype) == (np.uint8, np.int32)
    expected, distances = reference(rgb, colors)
    np.testing.assert_array_equal(index, expected)
    np.testing.assert_array_equal(squares, distances)


@pytest.mark.parametrize("name", LABEL_SETS)
def test_random_pixels_have_the_reference_colour(name: str) -> None:
    rng = np.random.default_rng(0)
    check(rng.integers(0, 256, (200, 251, 3), np.uint8), label_set(name).palette)


def test_every_class_has_its_own_colour() -> None:
    index, squares = nearest_colors(CITYSCAPES.palette[None], CITYSCAPES.palette)
    np.testing.assert_array_equal(index[0], np.arange(19))
    assert not squares.any()


def test_the_corners_of_the_cube_have_the_reference_colour() -> None:
    """The largest values that the arithmetic meets."""
    corners = np.array(np.meshgrid(*[[0, 1, 127, 128, 254, 255]] * 3), np.uint8).reshape(3, -1).T
    check(corners[None], CITYSCAPES.palette)
    check(corners[None], corners[: module.MOST_IN_FLOAT32])
    check(corners[None], corners[-module.MOST_IN_FLOAT32 :])
    check(corners[None], corners)


def test_ties_go_to_the_first() -> None:
    first, second = (10, 20, 30), (14, 20, 30)
    pixel = np.array([[[12, 20, 30], [12, 99, 7]]], np.uint8)
    for colors in ([first, second], [second, first], [first, first, second], [second] * 200):
        check(pixel, np.array(colors, np.uint8))
        assert not nearest_colors(pixel, np.array(colors, np.uint8))[0].any()


def test_ties_between_classes_of_cityscapes() -> None:
    """All pixels that are as far from one class as from another, of a grid over the cube."""
    steps = np.arange(0, 256, 5)
    grid = np.array(np.meshgrid(steps, steps, steps), np.uint8).reshape(3, -1).T[None]
    squares = ((grid[..., None, :].astype(float) - CITYSCAPES.palette) ** 2).sum(-1)
    ties = (squares == squares.min(-1, keepdims=True)).sum(-1) > 1
    assert ties.sum() > 100
    check(np.ascontiguousarray(grid[ties][None]), CITYSCAPES.palette)


@given(
    st.integers(1, 256), st.integers(0, 40), st.integers(1, 300), st.integers(0, 2**32 - 1)
)  # fmt: skip
def test_any_palette_and_size(count: int, height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    check(
        rng.integers(0, 256, (height, width, 3), np.uint8),
        rng.integers(0, 256, (count, 3), np.uint8),
    )


def test_ignored_classes_take_part_in_reading_label_maps() -> None:
    black = np.zeros((1, 1, 3), np.uint8)
    assert CITYSCAPES.id_to_train[decode_colors(black, CITYSCAPES).ids].item() == 255
    assert nearest_colors(black, CITYSCAPES.palette)[0].item() == 14  # truck, (0, 0, 70)


@pytest.mark.parametrize("name", LABEL_SETS)
def test_label_maps_decode_to_the_lowest_id_of_the_nearest_colour(name: str) -> None:
    table = label_set(name)
    rows = sorted(table.rows, key=lambda row: row.id)
    rgb = np.random.default_rng(1).integers(0, 256, (64, 65, 3), np.uint8)
    index, squares = reference(rgb, np.array([row.color for row in rows], np.uint8))
    decoded = decode_colors(rgb, table)
    np.testing.assert_array_equal(decoded.ids, np.array([row.id for row in rows])[index])
    assert decoded.far_share == (squares > 900).mean()


@pytest.mark.data
def test_label_maps_saved_as_jpeg_pass_and_photos_do_not(test_data: Path) -> None:
    """Any four in a row, the fewest that are looked at; facades are photo | labels."""
    files = [test_data / "facades" / "test" / f"{number}.jpg" for number in range(1, 107)]

    def shares(half: Literal["left", "right"], name: str) -> NDArray[np.float64]:
        pixels = (read_rgb(ImageRef(path, half)) for path in files)
        return np.array([decode_colors(rgb, label_set(name)).far_share for rgb in pixels])

    painted = shares("right", "facades")
    assert painted.max() < MAX_FAR_SHARE_OF_ONE
    assert np.convolve(painted, np.full(4, 0.25), "valid").max() < MAX_FAR_SHARE
    for name in LABEL_SETS:
        photos = shares("left", name)
        assert np.convolve(photos, np.full(4, 0.25), "valid").min() > MAX_FAR_SHARE
