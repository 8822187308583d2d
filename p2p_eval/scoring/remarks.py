"""What a reader should know of the figures of several experiments, the same for every score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

__all__ = ["Remarks", "pair_notes", "warnings_of"]

WARNING = "warning: "


class Entry(Protocol):
    """The figures of one experiment."""

    @property
    def name(self) -> str:
        """Of the experiment."""

    @property
    def left_out(self) -> Sequence[str]:
        """Names of images that could not be used, with the reason."""

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of the figures should know."""


class Remarks:
    """Base of reports of experiments, each of which may have several entries."""

    __slots__ = ()

    experiments: tuple[Entry, ...]

    @property
    def notes(self) -> list[str]:
        """Every note once, with its experiment's name before it."""
        notes = (f"{entry.name}: {note}" for entry in self.experiments for note in entry.notes)
        return list(dict.fromkeys(notes))

    @property
    def warnings(self) -> list[str]:
        """The notes that nobody should miss."""
        notes = (
            f"{entry.name}: {note}"
            for entry in self.experiments
            for note in warnings_of(entry.notes)
        )
        return list(dict.fromkeys(notes))

    @property
    def left_out(self) -> list[str]:
        """Every image that was left out, once, as ``experiment/image: reason``."""
        rows = (f"{entry.name}/{row}" for entry in self.experiments for row in entry.left_out)
        return list(dict.fromkeys(rows))


def warnings_of(notes: Sequence[str]) -> list[str]:
    """Return the notes that say that figures are wrong or not comparable.

    Example:
        >>> warnings_of(["note: one image", "warning: JPEGs"])
        ['warning: JPEGs']
    """
    return [note for note in notes if note.startswith(WARNING)]


def pair_notes(images: int, *, jpegs: int, same: int) -> list[str]:
    """Say what a reader should know of generated images that were compared with the real ones.

    Args:
        images: How many there are.
        jpegs: Of them, JPEGs.
        same: Of them, the very files of their real images.
    """
    notes = []
    if jpegs:
        notes.append(
            f"warning: {jpegs} of {images} images are JPEGs: the figures are of the compression "
            "too, and not comparable with those of PNGs; save the generated images as PNGs"
        )
    if same:
        notes.append(
            f"note: {same} of {images} images are the very files of their real images: right for "
            "a ground-truth row; otherwise give the generated images"
        )
    return notes
