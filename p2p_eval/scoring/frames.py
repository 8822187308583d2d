"""Frames on their way to a predictor: hashed, decoded and resized ahead of it, in threads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fcn.labels import LabelSet
from p2p_eval.errors import InputError
from p2p_eval.results.images import ImageRef, file_sha256, probe, read_rgb
from p2p_eval.results.label_sizes import Size, check_label_size
from p2p_eval.results.pairing import Frame, Pairing, read_label
from p2p_eval.results.sampling import nearest

__all__ = [
    "MAX_PIXELS",
    "Prepared",
    "Resize",
    "at_size",
    "frame_key",
    "prepare",
    "resizing",
]

Resize = Literal["pil-bilinear", "nearest", "none"]
"""How an image gets to its label map's size, which is never changed: the photo by Pillow's bilinear
filter before anything is predicted from it, the classes of painted labels by nearest neighbour, or
not at all."""

MAX_PIXELS = 1 << 24
"""Most pixels of a label map that is scored against: eight times a Cityscapes frame's."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A frame that can be scored, one whose counts are known already, or one that cannot be used.

    Attributes:
        frame: Which one.
        key: Digest of image, label and settings.
        jpeg: Whether the generated image is a JPEG.
        pixels: What is predicted from, uint8 ``(H, W, 3)``; None if not needed.
        target: Train ids, uint8 ``(H, W)``; None if not needed.
        error: Why it cannot be used.
    """

    frame: Frame
    key: str = ""
    jpeg: bool = False
    pixels: NDArray[np.uint8] | None = None
    target: NDArray[np.uint8] | None = None
    error: InputError | None = None


def prepare(
    frame: Frame,
    label_set: LabelSet,
    settings: str,
    is_stored: Callable[[Frame, str], bool],
    label_size: Size | None = None,
    resize: Resize = "pil-bilinear",
) -> Prepared:
    """Read a frame, and resize a photo to the label's size as the official script does.

    Args:
        frame: The image and its label map.
        label_set: What the label ids mean.
        settings: Everything besides image and label that the counts depend on.
        is_stored: Says by frame and key whether its counts are there already.
        label_size: Width and height that a label file must have; by default any.
        resize: How the image gets to the label's size; here only photos are resized.
    """
    try:
        check_label_size(frame, label_size)
        jpeg = probe(frame.image.path).format == "JPEG"
        key = frame_key(frame, settings)
        if is_stored(frame, key):
            return Prepared(frame, key, jpeg)
        target = label_set.id_to_train[read_label(frame, label_set)]
        height, width = target.shape
        if height * width > MAX_PIXELS:
            raise InputError(
                f"{frame.label}: got a label map of {width}×{height} pixels, expected at most "
                f"{MAX_PIXELS} in all: what scoring needs of memory grows with them"
            )
        pixels = read_rgb(frame.image)
        if resize == "pil-bilinear":
            resized = Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR)
            pixels = np.array(resized, np.uint8)
        elif resize == "none" and pixels.shape[:2] != target.shape:
            raise InputError(
                f"{frame.image}: got {pixels.shape[1]}×{pixels.shape[0]} pixels, expected "
                f"{width}×{height} as the real label image {frame.label}: painted labels cannot be "
                "resized without new colours; generate at that size, or give label maps by --labels"
            )
        return Prepared(frame, key, jpeg, pixels, target)
    except InputError as error:
        return Prepared(frame, error=error)


def resizing(pairing: Pairing) -> Resize:
    """How the images of a pairing get to their label maps' size."""
    if pairing.direction == "labels-to-photo":
        return "pil-bilinear"
    return "nearest" if pairing.label_kind == "files" else "none"


def at_size(prediction: NDArray[np.uint8], target: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring predicted classes to the label map's size by nearest neighbour, if they have another.

    Example:
        >>> at_size(np.array([[1, 2]], np.uint8), np.zeros((2, 4), np.uint8)).tolist()
        [[1, 1, 2, 2], [1, 1, 2, 2]]
    """
    return prediction if prediction.shape == target.shape else nearest(prediction, *target.shape)


def frame_key(frame: Frame, settings: str) -> str:
    """Return a digest of a frame's content: of both files' bytes, their halves, and the settings.

    Raises:
        InputError: A file cannot be read.
    """
    parts = [settings]
    label = frame.label if isinstance(frame.label, ImageRef) else ImageRef(frame.label)
    for reference in (frame.image, label):
        parts += [file_sha256(reference.path), reference.half or "whole"]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
