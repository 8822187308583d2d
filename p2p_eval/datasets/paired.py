"""Pairs to train on and to translate: which files belong together, and what is in them.

A folder is understood by looking at it:

===================================  ==============================================================
``photos/``, ``labels/``             photos and maps of label ids with the same stems
``leftImg8bit/``, ``gtFine/``        the original Cityscapes tree
``A/``, ``B/``                       images with the same stems
images alone                         two images side by side, A left and B right; for colorization
                                     and inpainting, photos, also in folders of folders
===================================  ==============================================================

For labels2photo and photo2labels, A is the photo and B the label map in colours, as in the data of
the pix2pix authors. Where a split is asked for and there is a folder of its name, the pairs are
those in it: as ``train/photos``, ``A/train`` or ``trainA``, or ``train/1.jpg``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fcn.labels import LabelSet
from p2p_eval.errors import InputError
from p2p_eval.folders import Listing, list_folder, natural_key, walk
from p2p_eval.results import cityscapes
from p2p_eval.results.images import (
    ImageRef,
    check_rgb,
    file_sha256,
    half_of,
    probe,
    read_label_ids,
    read_rgb,
)
from p2p_eval.results.layouts import index_images

__all__ = ["Pair", "Pairs", "find_pairs", "held_out"]

LABEL_TASKS = ("labels2photo", "photo2labels")
PHOTO_TASKS = ("colorization", "inpainting")
SPLITS = {"train", "val", "test"}
PHOTO_MODES = ("gray", "CMYK")  # large collections, ImageNet's for one, have some of these


@dataclass(frozen=True, slots=True)
class Pair:
    """An input and a target; one of them may be a map of label ids."""

    name: str
    input: ImageRef
    target: ImageRef


@dataclass(frozen=True)
class Pairs:
    """Pairs in order of name.

    Attributes:
        task: Which of :data:`p2p_eval.datasets.tasks.TASKS` they are for.
        pairs: The files.
        labels: The label set, where one side holds label ids.
        ids_of: Which side that is.
    """

    task: str
    pairs: tuple[Pair, ...]
    labels: LabelSet | None = None
    ids_of: str = field(default="")

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.pairs)

    def read(self, number: int, size: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Read one pair's input and target, each as ``(size, size, 3)`` uint8.

        Photos are resized with Pillow's bicubic filter, label ids by taking the nearest; label ids
        come in the colours of their label set.

        Raises:
            InputError: A file cannot be read, or holds ids that the label set has not.
        """
        pair = self.pairs[number]
        if pair.target == pair.input:
            source = _photo(read_rgb(pair.input, PHOTO_MODES), size)
            return source, source
        if pair.target.path == pair.input.path:
            both = read_rgb(pair.input.path)  # decoded once for its two halves
            return _photo(half_of(pair.input, both), size), _photo(half_of(pair.target, both), size)
        return (
            self._side(pair.input, self.ids_of == "input", size),
            self._side(pair.target, self.ids_of == "target", size),
        )

    def _side(self, image: ImageRef, is_ids: bool, size: int) -> NDArray[np.uint8]:
        if self.labels is None or not is_ids:
            return _photo(read_rgb(image), size)
        ids = _resized(read_label_ids(image.path), size, Image.Resampling.NEAREST)
        if not (known := self._known[ids]).all():
            unknown = sorted(set(ids[~known].tolist()))
            raise InputError(
                f"{image.path}: got label ids {', '.join(map(str, unknown[:10]))}, which the label "
                f"set {self.labels.name} does not have; give the right label set"
            )
        return self._colors[ids]

    @cached_property
    def _known(self) -> NDArray[np.bool_]:
        known = np.zeros(256, bool)
        known[[row.id for row in self.labels.rows] if self.labels else []] = True
        known[255] = True  # nothing, in every label set
        return known

    @cached_property
    def _colors(self) -> NDArray[np.uint8]:
        colors = np.zeros((256, 3), np.uint8)
        for row in self.labels.rows if self.labels else ():
            colors[row.id] = row.color
        return colors

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change when any file's name or content does."""
        total = hashlib.sha256(f"{self.task}|{self.labels and self.labels.digest}".encode())
        for pair in self.pairs:
            total.update(f"\n{pair.name}".encode())
            for path in dict.fromkeys((pair.input.path, pair.target.path)):
                total.update(bytes.fromhex(file_sha256(path)))
        return total.hexdigest()[:16]


def find_pairs(
    folder: Path, task: str, split: str | None = None, label_set: LabelSet | None = None
) -> Pairs:
    """List a folder's pairs.

    Args:
        folder: One of the kinds above.
        task: Which of :data:`p2p_eval.datasets.tasks.TASKS`.
        split: ``train``, ``val`` or ``test``; None is the folder itself.
        label_set: Of the label ids, where there are any.

    Raises:
        InputError: There is no such folder, it holds no pairs, an image has no partner or one of
            another shape, a side-by-side image has an odd width, or label ids come without a label
            set.
    """
    here = _split_folder(folder, split)
    listing = list_folder(here)
    if task in LABEL_TASKS and any(
        place.is_dir() for place in (here / "photos", folder / "gtFine", here / "labels")
    ):
        return _with_ids(folder, here, task, split, label_set)
    if task in PHOTO_TASKS:
        pairs = _photos(here)
    elif sides := _two_folders(folder, here, split):
        pairs = _joined(*sides)
        _check_shapes(pairs)
    else:
        pairs = _side_by_side(listing)
    if not pairs:
        raise InputError(f"{here}: got no images, expected {_kinds(task)}{_told(listing)}")
    if task in ("BtoA", "labels2photo"):  # side by side, photos stand left and labels right
        pairs = _swapped(pairs)
    return Pairs(task, _sorted(pairs))


def held_out(folder: Path) -> str:
    """Return the split that models are tested on: ``test`` where it is, or else ``val``.

    Of the Cityscapes tree that is ``val``, as in the paper: the labels of its ``test`` are secret.
    """
    if (folder / "gtFine").is_dir():
        return "val"
    here = (folder / "test", folder / "A" / "test", folder / "testA")
    return "test" if any(place.is_dir() for place in here) else "val"


def _split_folder(folder: Path, split: str | None) -> Path:
    return folder / split if split and (folder / split).is_dir() else folder


def _with_ids(
    folder: Path, here: Path, task: str, split: str | None, label_set: LabelSet | None
) -> Pairs:
    if label_set is None:
        raise InputError(
            f"{folder}: got maps of label ids, expected a label set to read them by; give "
            "label_set, as in --label-set camvid"
        )
    if (folder / "gtFine").is_dir():
        frames = cityscapes.frames(folder, split or "train")
        if alone := [frame for frame in frames if frame.photo is None]:
            raise InputError(
                f"{alone[0].label}: got no photo for it in leftImg8bit ({len(alone)} such label "
                "maps); unpack leftImg8bit_trainvaltest.zip beside gtFine"
            )
        pairs = [
            Pair(frame.id, ImageRef(frame.photo), ImageRef(frame.label))
            for frame in frames
            if frame.photo is not None
        ]
    else:
        pairs = _joined(here / "photos", here / "labels")
    if not pairs:
        raise InputError(f"{here}: got no photos in photos/, expected PNG or JPEG files")
    if task == "labels2photo":
        return Pairs(task, _sorted(_swapped(pairs)), label_set, "input")
    return Pairs(task, _sorted(pairs), label_set, "target")


def _photos(here: Path) -> list[Pair]:
    top = here / "photos" if (here / "photos").is_dir() else here
    files: dict[str, Path] = {}
    several = not SPLITS.isdisjoint(list_folder(top).folders)  # they are not one split's photos
    for listing in [list_folder(top)] if several else walk(top):
        for stem, path in index_images(listing).items():
            name = "_".join([*listing.path.relative_to(top).parts, stem])
            if name in files:
                raise InputError(
                    f"{path}: got a second photo that would be called {name} (the other is "
                    f"{files[name]}), expected different names; rename one"
                )
            check_rgb(path, probe(path), PHOTO_MODES)
            files[name] = path
    return [Pair(name, ImageRef(path), ImageRef(path)) for name, path in files.items()]


def _side_by_side(listing: Listing) -> list[Pair]:
    files = index_images(listing)
    for path in files.values():
        info = probe(path)
        check_rgb(path, info)
        width, height = info.size
        if width <= height:
            raise InputError(
                f"{path}: got {width}×{height} pixels, expected two images side by side, which "
                "are wider than high; photos alone are for colorization and inpainting"
            )
        if width % 2:
            raise InputError(
                f"{path}: got {width}×{height} pixels, expected an even width, as two images "
                "stand side by side; remove the file or make it right"
            )
    return [
        Pair(name, ImageRef(path, "left"), ImageRef(path, "right")) for name, path in files.items()
    ]


def _kinds(task: str) -> str:
    """Say what a folder may hold for a task."""
    if task in PHOTO_TASKS:
        return "photos"
    sides = "A/ and B/, or images side by side"
    return f"photos/ and labels/, {sides}" if task in LABEL_TASKS else sides


def _told(listing: Listing) -> str:
    """Say which folders there are, where one of them may be meant."""
    if not listing.folders:
        return ""
    return (
        f"; there are {', '.join(listing.folders[:10])}: name one with --split, or the task that "
        "they are for"
    )


def _swapped(pairs: Sequence[Pair]) -> list[Pair]:
    return [Pair(pair.name, pair.target, pair.input) for pair in pairs]


def _two_folders(folder: Path, here: Path, split: str | None) -> tuple[Path, Path] | None:
    """Return the folders of A and of B, if there are such."""
    candidates = [(here / "A", here / "B")]
    if split:
        candidates = [
            (folder / "A" / split, folder / "B" / split),
            (folder / f"{split}A", folder / f"{split}B"),
            *candidates,
        ]
    return next((sides for sides in candidates if all(side.is_dir() for side in sides)), None)


def _joined(folder: Path, other: Path) -> list[Pair]:
    """Pair the images of two folders by name."""
    first, second = (index_images(list_folder(side)) for side in (folder, other))
    for one, two, where in ((first, second, other), (second, first, folder)):
        if alone := sorted(set(one) - set(two), key=natural_key):
            raise InputError(
                f"{one[alone[0]]}: got no image of that name in {where} ({len(alone)} such files), "
                "expected a pair for each; add it or remove the file"
            )
    return [Pair(name, ImageRef(path), ImageRef(second[name])) for name, path in first.items()]


def _check_shapes(pairs: Sequence[Pair]) -> None:
    """Refuse images of two shapes: resized to one square, nothing in them would lie together."""
    for pair in pairs:
        (width, height), (other_width, other_height) = (
            probe(image.path).size for image in (pair.input, pair.target)
        )
        # Of one shape at two sizes, up to a pixel that was rounded.
        if abs(width * other_height - height * other_width) > max(width, other_width):
            raise InputError(
                f"{pair.target}: got {other_width}×{other_height} pixels where {pair.input} has "
                f"{width}×{height}, expected a pair of one shape; cut or remove both"
            )


def _sorted(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    return tuple(sorted(pairs, key=lambda pair: natural_key(pair.name)))


def _photo(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    return _resized(pixels, size, Image.Resampling.BICUBIC)


def _resized(
    image: NDArray[np.uint8], size: int, resampling: Image.Resampling
) -> NDArray[np.uint8]:
    if image.shape[:2] == (size, size):
        return image
    return np.asarray(Image.fromarray(image).resize((size, size), resampling))
