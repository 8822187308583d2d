"""Label set and direction, guessed from images alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcn.labels import label_set
from p2p_eval.results.guesses import guess_direction, guess_label_set
from p2p_eval.results.layouts import find_experiments
from p2p_eval.results.survey import roughness

Write = Callable[..., Path]
FACADES = label_set("facades")


def painted(path: Path) -> None:
    ids = np.random.default_rng(len(path.name)).integers(0, 12, (8, 8))
    Image.fromarray(FACADES.palette[ids]).save(path)


@pytest.mark.parametrize(
    ("roles", "direction"),
    [
        ({"real_A"}, "labels-to-photo"),
        ({"real_A", "fake_B"}, "labels-to-photo"),
        ({"real_A", "real_B"}, "labels-to-photo"),
        ({"real_B"}, "photo-to-labels"),
        ({"real_B", "fake_B"}, "photo-to-labels"),
        ({"fake_B"}, "labels-to-photo"),
    ],
    ids=str,
)
def test_what_is_painted_says_the_direction(
    tmp_path: Path, photo: Write, roles: set[str], direction: str
) -> None:
    for role in ("real_A", "fake_B", "real_B"):
        path = photo(tmp_path / f"1_{role}.png")
        if role in roles:
            painted(path)
    (experiment,) = find_experiments(tmp_path)
    assert guess_label_set([experiment]) == FACADES
    assert guess_direction(experiment, FACADES) == direction
    assert guess_direction(experiment, label_set("cityscapes")) == "labels-to-photo"


def test_without_inputs_the_real_images_say_it(tmp_path: Path, photo: Write) -> None:
    painted(photo(tmp_path / "fake" / "1.png"))
    (experiment,) = find_experiments(tmp_path / "fake", real=tmp_path / "fake")
    assert guess_direction(experiment, FACADES) == "photo-to-labels"


def test_nothing_painted(tmp_path: Path, photo: Write) -> None:
    photo(tmp_path / "1.png")
    (experiment,) = find_experiments(tmp_path)
    assert guess_label_set([experiment]).name == "cityscapes"
    assert guess_direction(experiment, FACADES) == "labels-to-photo"


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("steps", [1, 2, 4, 16])
def test_an_edge_of_n_pixels_has_roughness_two_over_n(axis: int, steps: int) -> None:
    ramp = np.clip(np.arange(64) - 20, 0, steps) * (240 // steps)
    image = np.repeat(np.repeat(ramp[:, None, None], 7, 1), 3, 2).astype(np.uint8)
    assert roughness(image.swapaxes(0, axis)) == pytest.approx(2 / steps, rel=1e-15)


def test_roughness_of_noise_and_of_nothing() -> None:
    noise = np.random.default_rng(0).normal(128, 5, (200, 200, 3)).round().astype(np.uint8)
    assert roughness(noise) == pytest.approx(3**0.5, rel=0.01)
    assert roughness(np.full((5, 5, 3), 7, np.uint8)) is None
    assert roughness(np.full((1, 1, 3), 7, np.uint8)) is None
