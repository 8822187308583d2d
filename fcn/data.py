"""Training data: photos and their label maps, read, checked, resized and augmented.

Two kinds of folder are understood: ``photos/`` and ``labels/`` with the same stems, and the
original Cityscapes tree (``leftImg8bit`` and ``gtFine``).
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from fcn.errors import DataError
from fcn.files import sha256_of
from fcn.labels import IGNORED, LabelSet
from fcn.network import MEAN_BGR
from fcn.recipe import Recipe

__all__ = ["Draws", "Pair", "collate", "find_pairs", "fingerprint", "read_pair"]

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")
MAX_PIXELS = 1 << 25
MEAN_COLOUR = tuple(round(value) for value in reversed(MEAN_BGR))


@dataclass(frozen=True, slots=True)
class Pair:
    """A photo and its label map."""

    photo: Path
    label: Path


def find_pairs(folder: Path, split: str = "train") -> list[Pair]:
    """List the photos of a folder with their label maps, in sorted order.

    Args:
        folder: Holds ``photos`` and ``labels``, or ``leftImg8bit`` and ``gtFine``.
        split: Which part of the Cityscapes tree; the other kind of folder is one part.

    Raises:
        DataError: Neither kind of folder, nothing in it, or a photo or label map has no partner.
    """
    folder = Path(folder)
    if (folder / "photos").is_dir() and (folder / "labels").is_dir():
        photos = _by_key((folder / "photos").iterdir(), PHOTO_SUFFIXES)
        labels = _by_key((folder / "labels").iterdir(), (".png",))
    elif (folder / "leftImg8bit" / split).is_dir() and (folder / "gtFine" / split).is_dir():
        photos = _by_key((folder / "leftImg8bit" / split).glob("*/*"), ("_leftImg8bit.png",))
        labels = _by_key((folder / "gtFine" / split).glob("*/*"), ("_gtFine_labelIds.png",))
    else:
        raise DataError(
            f"{folder}: expected photos/ and labels/ in it, or leftImg8bit/{split}/ and "
            f"gtFine/{split}/ (the original Cityscapes tree)"
        )
    for one, other, what in ((photos, labels, "label map"), (labels, photos, "photo")):
        if alone := sorted(set(one) - set(other)):
            raise DataError(
                f"{one[alone[0]]}: no {what} of the same name "
                f"({len(alone)} such files in {folder}); add it or remove the file"
            )
    if not photos:
        raise DataError(f"{folder}: no photos in it (looked for {', '.join(PHOTO_SUFFIXES)})")
    return [Pair(photos[key], labels[key]) for key in sorted(photos)]


def _by_key(paths: Iterable[Path], suffixes: tuple[str, ...]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(paths):
        suffix = next((s for s in suffixes if path.name.lower().endswith(s.lower())), None)
        if suffix is None or path.name.startswith("."):
            continue
        key = path.name[: -len(suffix)]
        if key in found:
            raise DataError(f"{path}: {found[key].name} has the same stem; keep one of them")
        found[key] = path
    return found


def fingerprint(pairs: Sequence[Pair]) -> str:
    """Return sixteen hexadecimal digits that change when any file's name or content does."""
    total = hashlib.sha256()
    for pair in pairs:
        for path in (pair.photo, pair.label):
            try:
                content = bytes.fromhex(sha256_of(path))
            except OSError as error:
                raise DataError(f"{path}: cannot be read: {error}") from error
            total.update(path.name.encode("utf-8", "surrogateescape") + b"\0" + content)
    return total.hexdigest()[:16]


def read_pair(
    pair: Pair, labels: LabelSet, photo_size: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read a photo, resized to its label map, and the label map as train ids.

    Args:
        pair: The two files.
        labels: Gives the train ids.
        photo_size: Reduce the photo to this square first (bicubic, Pillow's default, as the data
            preparation of pix2pix does); 0 leaves it as it is. It is then upsampled to the label
            map's size with PIL bilinear, as the FCN-score does.

    Returns:
        RGB ``(H, W, 3)`` uint8, and train ids ``(H, W)`` uint8, 255 where ignored.

    Raises:
        DataError: A file is unreadable, too large, or of another mode; names it.
    """
    ids = _open(pair.label)
    if ids.mode not in ("L", "P"):
        raise DataError(
            f"{pair.label}: got an image of mode {ids.mode}, expected 8-bit label ids in one "
            "channel (not colours)"
        )
    photo = _open(pair.photo)
    if photo.mode != "RGB":
        raise DataError(f"{pair.photo}: got an image of mode {photo.mode}, expected 8-bit RGB")
    if photo_size and photo.size != (photo_size, photo_size):
        photo = photo.resize((photo_size, photo_size), Image.Resampling.BICUBIC)
    if photo.size != ids.size:
        photo = photo.resize(ids.size, Image.Resampling.BILINEAR)
    return np.asarray(photo), labels.id_to_train[np.asarray(ids)]


def _open(path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=("PNG", "JPEG")) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise DataError(
                        f"{path}: {image.width}×{image.height} pixels, over {MAX_PIXELS} in all"
                    )
                image.load()
                return image
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{path}: cannot be read as PNG or JPEG: {error}") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: too many pixels, over {MAX_PIXELS} in all") from error


class Draws(Dataset[tuple[Tensor, Tensor]]):
    """The endless series of augmented training samples; draw number k is always the same.

    Every epoch is one permutation of the photos. To go on, a run needs the draw's number only.

    Args:
        pairs: The photos and label maps.
        labels: Their label set.
        recipe: Gives augmentation and seed.
    """

    def __init__(self, pairs: Sequence[Pair], labels: LabelSet, recipe: Recipe) -> None:
        """Keep what to draw from."""
        self.pairs, self.labels, self.recipe = list(pairs), labels, recipe

    def __getitem__(self, draw: int) -> tuple[Tensor, Tensor]:
        """Return RGB ``(3, H, W)`` uint8 and train ids ``(H, W)`` int64 of one draw."""
        epoch, position = divmod(draw, len(self.pairs))
        order = np.random.default_rng((self.recipe.seed, 0, epoch)).permutation(len(self.pairs))
        random = np.random.default_rng((self.recipe.seed, 1, draw))
        photo, train_ids = read_pair(
            self.pairs[order[position]], self.labels, self.recipe.photo_size
        )
        photo, train_ids = self._geometry(photo, train_ids, random)
        photo = self._photometry(photo, random)
        return (
            torch.from_numpy(np.ascontiguousarray(photo.transpose(2, 0, 1))),
            torch.from_numpy(train_ids.astype(np.int64)),
        )

    def _geometry(
        self, photo: NDArray[np.uint8], ids: NDArray[np.uint8], random: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        low, high = self.recipe.scale
        if (low, high) != (1, 1):
            factor = np.exp(random.uniform(np.log(low), np.log(high)))
            height, width = (max(1, round(side * factor)) for side in ids.shape)
            resized = Image.fromarray(photo).resize((width, height), Image.Resampling.BILINEAR)
            photo = np.asarray(resized)
            resized = Image.fromarray(ids).resize((width, height), Image.Resampling.NEAREST)
            ids = np.asarray(resized)
        if self.recipe.crop:
            height, width = self.recipe.crop
            pad = [(0, max(0, height - ids.shape[0])), (0, max(0, width - ids.shape[1]))]
            if pad != [(0, 0), (0, 0)]:
                # The mean colour, which the network sees as the zeros of its own padding.
                field = np.full((*np.add(ids.shape, np.sum(pad, 1)), 3), MEAN_COLOUR, np.uint8)
                field[: ids.shape[0], : ids.shape[1]] = photo
                photo, ids = field, np.pad(ids, pad, constant_values=IGNORED)
            top = random.integers(ids.shape[0] - height + 1)
            left = random.integers(ids.shape[1] - width + 1)
            photo = photo[top : top + height, left : left + width]
            ids = ids[top : top + height, left : left + width]
        if self.recipe.mirror and random.random() < 0.5:
            photo, ids = photo[:, ::-1], ids[:, ::-1]
        return photo, ids

    def _photometry(
        self, photo: NDArray[np.uint8], random: np.random.Generator
    ) -> NDArray[np.uint8]:
        recipe = self.recipe
        if not (recipe.brightness or recipe.contrast or recipe.color):
            return photo
        shift = random.uniform(-recipe.brightness, recipe.brightness)
        contrast = 1 + random.uniform(-recipe.contrast, recipe.contrast)
        gain = 1 + random.uniform(-recipe.color, recipe.color, 3)
        mean = photo.mean()
        # One line a value of each channel: 3×256 entries instead of a float image.
        values = np.arange(256)[:, None] * gain
        table = np.clip((values - mean) * contrast + mean + shift, 0, 255).round().astype(np.uint8)
        return np.stack([table[:, c][photo[..., c]] for c in range(3)], axis=-1)


def collate(samples: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Stack samples to a batch.

    Raises:
        DataError: They are of different sizes.
    """
    sizes = sorted({tuple(ids.shape) for _, ids in samples})
    if len(sizes) > 1:
        raise DataError(
            f"label maps of sizes {sizes} in one batch (height, width): give the recipe a crop, "
            "or batch = 1"
        )
    photos, ids = zip(*samples, strict=True)
    return torch.stack(photos), torch.stack(ids)
