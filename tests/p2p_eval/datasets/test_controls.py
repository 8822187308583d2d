"""Controls: what each kind keeps of the photos and what it takes away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from p2p_eval.datasets import scenes
from p2p_eval.datasets.controls import (
    KINDS,
    blurred,
    colour_averaged,
    derangement,
    gray,
    make_controls,
)
from p2p_eval.errors import InputError
from p2p_eval.results.layouts import find_experiments

COUNT = 5


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    scenes.make(folder, COUNT, first_seed=1_000_000)
    return folder / "photos"


@pytest.fixture(scope="module")
def made(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("controls") / "results"
    assert make_controls(photos, out, KINDS, seed=3) == [out / kind for kind in KINDS]
    return out


@pytest.fixture
def noise() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (61, 83, 3), np.uint8)


def load(folder: Path) -> dict[str, NDArray[np.uint8]]:
    return {path.stem: np.asarray(Image.open(path)) for path in sorted(folder.iterdir())}


def test_the_layout_finder_sees_one_experiment_a_kind(made: Path) -> None:
    found = find_experiments(made)
    assert sorted(experiment.name for experiment in found) == sorted(KINDS)
    assert {len(experiment.items) for experiment in found} == {COUNT}


def test_every_kind_has_every_name_size_and_mode(photos: Path, made: Path) -> None:
    source = load(photos)
    for kind in KINDS:
        images = load(made / kind / "images")
        assert images.keys() == source.keys()
        assert all(images[stem].shape == source[stem].shape for stem in source)


def test_photos_are_as_they_were(photos: Path, made: Path) -> None:
    source = load(photos)
    for stem, image in load(made / "photos" / "images").items():
        assert (image == source[stem]).all()


def test_shuffled_is_the_same_photos_none_in_its_place(photos: Path, made: Path) -> None:
    source, images = load(photos), load(made / "shuffled" / "images")
    assert all((images[stem] != source[stem]).any() for stem in source)
    contents = sorted(image.tobytes() for image in images.values())
    assert contents == sorted(image.tobytes() for image in source.values())


@pytest.mark.parametrize("kind", ["blurred", "gray", "colour-averaged"])
def test_changed_kinds_change_every_photo(photos: Path, made: Path, kind: str) -> None:
    source, images = load(photos), load(made / kind / "images")
    assert all((images[stem] != source[stem]).any() for stem in source)


@pytest.mark.parametrize("count", [2, 3, 4, 50])
def test_a_derangement_leaves_nothing_in_place(count: int) -> None:
    for seed in range(20):
        order = derangement(count, seed)
        assert sorted(order) == list(range(count))
        assert all(place != index for index, place in enumerate(order))
        assert order == derangement(count, seed)
    if count > 3:
        assert derangement(count, 0) != derangement(count, 1)


def test_gray_is_the_luma_that_pillow_gives(noise: NDArray[np.uint8]) -> None:
    image = gray(noise)
    assert (image == image[..., :1]).all()
    pillow = np.asarray(Image.fromarray(noise).convert("L")).astype(int)
    assert np.abs(image[..., 0] - pillow).max() <= 1
    same = np.full((4, 4, 3), 77, np.uint8)
    assert (gray(same) == same).all()


def test_blurred_is_a_gaussian_of_three_pixels(noise: NDArray[np.uint8]) -> None:
    impulse = np.zeros((65, 65, 3), np.uint8)
    impulse[24:41, 24:41] = 255
    image = blurred(impulse).astype(np.float64)[..., 0]
    x = np.arange(65) - 32.0
    weight = image.sum(axis=0) / image.sum()
    # A box of 17 has variance (17² - 1) / 12 = 24; the blur adds 9.
    assert (weight * x**2).sum() == pytest.approx(24 + 9, abs=0.3)
    assert np.abs(image - image.T).max() <= 1
    assert blurred(noise).mean() == pytest.approx(noise.mean(), abs=1)
    flat = np.full((5, 3, 3), 255, np.uint8)
    assert (blurred(flat) == flat).all()
    pillow = np.asarray(Image.fromarray(noise).filter(ImageFilter.GaussianBlur(3))).astype(int)
    middle = slice(15, -15), slice(15, -15)
    assert np.abs(blurred(noise)[middle] - pillow[middle]).mean() < 2


def test_colour_averaged_keeps_the_mean_of_each_cell(noise: NDArray[np.uint8]) -> None:
    image = colour_averaged(noise)
    assert image.mean() == pytest.approx(noise.mean(), abs=0.6)
    assert (colour_averaged(image) == image).all()
    assert len(np.unique(image.reshape(-1, 3), axis=0)) <= 64
    assert (image[:7, :10] == np.floor(noise[:7, :10].mean(axis=(0, 1)) + 0.5)).all()
    tiny = noise[:3, :2]
    assert (colour_averaged(tiny) == tiny).all()


def test_jpeg_photos_of_other_sizes_are_taken(tmp_path: Path, noise: NDArray[np.uint8]) -> None:
    source = tmp_path / "photos"
    source.mkdir()
    Image.fromarray(noise).save(source / "a.jpg")
    Image.fromarray(noise[:20]).save(source / "b.png")
    make_controls(source, tmp_path / "out", ["photos", "gray"])
    images = load(tmp_path / "out" / "photos" / "images")
    assert (images["a"] == np.asarray(Image.open(source / "a.jpg"))).all()
    assert images["b"].shape == (20, 83, 3)
    with pytest.raises(InputError, match="2 sizes"):
        make_controls(source, tmp_path / "other", KINDS)
    assert not (tmp_path / "other").exists()


def test_the_same_arguments_give_the_same_bytes(photos: Path, made: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    make_controls(photos, tmp_path / "out", KINDS, seed=3, progress=lambda *both: seen.append(both))
    total = len(list(photos.iterdir()))
    assert seen == [(done, total) for done in range(1, total + 1)]
    for path in made.rglob("*.png"):
        assert (tmp_path / "out" / path.relative_to(made)).read_bytes() == path.read_bytes()
    make_controls(photos, tmp_path / "out", KINDS, seed=3)


@pytest.mark.parametrize("kinds", [[], ["sharpened"], ["gray", "gray"], ["photos", ".."]])
def test_kinds_are_known_and_named_once(photos: Path, tmp_path: Path, kinds: list[str]) -> None:
    with pytest.raises(InputError, match="got kinds"):
        make_controls(photos, tmp_path / "out", kinds)


def test_folders_that_cannot_be_used(photos: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="without images"):
        make_controls(empty, tmp_path / "out", KINDS)
    with pytest.raises(InputError, match="no such folder"):
        make_controls(tmp_path / "missing", tmp_path / "out", KINDS)
    with pytest.raises(InputError, match="seed"):
        make_controls(photos, tmp_path / "out", KINDS, seed=-1)
    assert not (tmp_path / "out").exists()
    stranger = tmp_path / "out" / "gray" / "images"
    stranger.mkdir(parents=True)
    (stranger / "other.png").write_bytes(b"")
    with pytest.raises(InputError, match="holds 1 other files"):
        make_controls(photos, tmp_path / "out", ["photos", "gray"])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["gray"]
    images = tmp_path / "gray" / "images"
    scenes.make(tmp_path / "two", 2)
    (tmp_path / "gray").mkdir()
    (tmp_path / "two" / "photos").rename(images)
    for out in (tmp_path, images, images / "below"):
        with pytest.raises(InputError, match="the photos lie here"):
            make_controls(images, out, ["gray"])
    assert all(path.suffix == ".png" for path in images.iterdir())


@pytest.mark.parametrize(
    "name", ["a b.png", "a'b.png", "ä.png", "a\nb.png", "-a.png"], ids=["space", "quote", "umlaut",
    "newline", "dash"]
)  # fmt: skip
def test_odd_names_are_refused(tmp_path: Path, noise: NDArray[np.uint8], name: str) -> None:
    source = tmp_path / "photos"
    source.mkdir()
    Image.fromarray(noise).save(source / name)
    with pytest.raises(InputError, match="rename it"):
        make_controls(source, tmp_path / "out", ["photos"])


def test_unreadable_images_are_named(tmp_path: Path, noise: NDArray[np.uint8]) -> None:
    source = tmp_path / "photos"
    source.mkdir()
    Image.fromarray(noise).save(source / "one.png")
    (source / "two.png").write_bytes((source / "one.png").read_bytes()[:2000])
    with pytest.raises(InputError, match=r"two\.png"):
        make_controls(source, tmp_path / "out", ["photos"])
    Image.fromarray(noise[..., 0]).save(source / "two.png")
    with pytest.raises(InputError, match=r"two\.png: got a gray image"):
        make_controls(source, tmp_path / "out", ["photos"])
    assert not (tmp_path / "out").exists()
    (source / "two.png").unlink()
    with pytest.raises(InputError, match="at least two"):
        make_controls(source, tmp_path / "other", ["shuffled"])
    Image.fromarray(noise).save(source / "one.jpg")
    with pytest.raises(InputError, match="both"):
        make_controls(source, tmp_path / "other", ["photos"])
