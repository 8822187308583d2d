"""Which way a model translates: which images are photos, and which are painted label maps."""

from __future__ import annotations

from typing import Literal

from p2p_eval.results.images import ImageRef
from p2p_eval.results.layouts import Item

__all__ = ["Direction", "painted_labels", "real_photo"]

Direction = Literal["labels-to-photo", "photo-to-labels"]
"""``labels-to-photo`` results are what the FCN-score judges, ``photo-to-labels`` the seg-score."""


def painted_labels(item: Item, direction: Direction) -> ImageRef | None:
    """The image that shows an item's labels in colours: what went in, or what was to come out."""
    return item.input if direction == "labels-to-photo" else item.target


def real_photo(item: Item, direction: Direction) -> ImageRef | None:
    """The photo that belongs to those labels."""
    return item.target if direction == "labels-to-photo" else item.input
