"""Label sets: which ids a label map holds, what they mean, and which of them count.

A label set is a CSV file, one row a class, with the columns ``id, train_id, name, red, green,
blue``; a train id of 255 marks an ignored class. Lines that start with ``#`` are comments, one of
which may say ``# outputs: N``: the score maps that the set's official network has. The sets that
ship lie in ``fcn/label_sets``; a user's own file has the same form.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fcn.errors import LabelSetError, shown
from fcn.files import read_text

__all__ = [
    "IGNORED",
    "LABEL_SETS",
    "PLAIN_NAME",
    "LabelClass",
    "LabelSet",
    "check_plain_name",
    "label_set",
]

IGNORED = 255
"""The train id of pixels that do not count."""

LABEL_SETS = ("cityscapes", "camvid", "facades", "scenes")
"""Names of the label sets that ship."""

PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
"""Names that weights can carry."""

COLUMNS = ["id", "train_id", "name", "red", "green", "blue"]
MAX_FILE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class LabelClass:
    """One row: the id in label maps, the id in training, its name and its colour (RGB, 0-255)."""

    id: int
    train_id: int
    name: str
    color: tuple[int, int, int]

    @property
    def ignored(self) -> bool:
        """Whether pixels of this class are left out of training and scores."""
        return self.train_id == IGNORED


@dataclass(frozen=True)
class LabelSet:
    """A table of classes and the lookups derived from it.

    Raises:
        LabelSetError: Ids repeat, are out of 0-255, or the train ids have gaps; a name is empty
            or not printable, or two classes that count have one name.

    Example:
        >>> cityscapes = label_set("cityscapes")
        >>> cityscapes.num_classes, cityscapes.outputs, cityscapes.names[0]
        (19, 20, 'road')
        >>> int(cityscapes.id_to_train[26]), int(cityscapes.id_to_train[29])
        (13, 255)
    """

    name: str
    rows: tuple[LabelClass, ...]
    outputs: int

    def __post_init__(self) -> None:
        """Check that the rows make one consistent table."""
        if not self.rows:
            raise LabelSetError(f"label set {self.name}: got no rows, expected one row a class")
        ids = [row.id for row in self.rows]
        train_ids = sorted(row.train_id for row in self.rows if not row.ignored)
        for value in [*ids, *train_ids, *(c for row in self.rows for c in row.color)]:
            if not 0 <= value <= 255:
                raise LabelSetError(f"label set {self.name}: {value} is not in 0-255")
        if len(set(ids)) != len(ids):
            raise LabelSetError(f"label set {self.name}: an id stands in two rows")
        if not train_ids or train_ids != list(range(len(train_ids))):
            raise LabelSetError(
                f"label set {self.name}: got train ids {train_ids}, "
                f"expected each of 0 … number of classes - 1 once, and {IGNORED} for ignored ones"
            )
        for row in self.rows:
            if not row.name or not row.name.isprintable():
                raise LabelSetError(
                    f"label set {self.name}: got the name {row.name!a} for id {row.id}, expected "
                    "printable characters"
                )
        for name, count in Counter(self.names).items():
            if count > 1:
                raise LabelSetError(
                    f"label set {self.name}: {count} classes have the name {name!r}, expected a "
                    "name of its own for each class that counts"
                )
        if self.outputs not in (len(train_ids), len(train_ids) + 1):
            raise LabelSetError(
                f"label set {self.name}: got {self.outputs} outputs for {len(train_ids)} classes, "
                "expected as many, or one more as in the official Cityscapes network"
            )

    @cached_property
    def classes(self) -> tuple[LabelClass, ...]:
        """The rows that count, by train id."""
        return tuple(sorted((r for r in self.rows if not r.ignored), key=lambda r: r.train_id))

    @property
    def num_classes(self) -> int:
        """Number of classes that count."""
        return len(self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes that count, by train id."""
        return tuple(row.name for row in self.classes)

    @cached_property
    def id_to_train(self) -> NDArray[np.uint8]:
        """Lookup table, shape ``(256,)``: label id to train id, 255 for ignored and unknown ids."""
        table = np.full(256, IGNORED, np.uint8)
        for row in self.rows:
            table[row.id] = row.train_id
        return table

    @cached_property
    def train_to_id(self) -> NDArray[np.uint8]:
        """Lookup table, shape ``(num_classes,)``: train id to label id."""
        return np.array([row.id for row in self.classes], np.uint8)

    @cached_property
    def palette(self) -> NDArray[np.uint8]:
        """Colours of the classes that count, by train id: shape ``(num_classes, 3)``, RGB."""
        return np.array([row.color for row in self.classes], np.uint8)

    @cached_property
    def colors(self) -> NDArray[np.uint8]:
        """Lookup table, shape ``(256, 3)``: train id to colour, black where there is no class."""
        table = np.zeros((256, 3), np.uint8)
        table[: self.num_classes] = self.palette
        return table

    @cached_property
    def digest(self) -> str:
        """Twelve hexadecimal digits that change when any id, class or colour does."""
        return hashlib.sha256(repr(self.rows).encode()).hexdigest()[:12]


def label_set(name: str | Path) -> LabelSet:
    """Return a label set by name, or read one from a file.

    Args:
        name: One of :data:`LABEL_SETS`, or the path of a CSV file of the same form.

    Raises:
        LabelSetError: There is neither such a set nor such a file, or the file is inconsistent.
    """
    if str(name) in LABEL_SETS:
        return _shipped(str(name))
    path = Path(name)
    try:
        text = read_text(path, MAX_FILE_BYTES)
    except (OSError, ValueError) as error:
        raise LabelSetError(
            f"got label set {str(name)!r} ({error}), expected one of {', '.join(LABEL_SETS)} "
            f"or a CSV file in UTF-8 with the columns {', '.join(COLUMNS)}"
        ) from error
    return _parse(shown(path.stem), text)


def check_plain_name(name: str) -> None:
    """Refuse the name of a label set that weights could not carry.

    Raises:
        LabelSetError: It is not 1 to 100 letters, digits and ``._+-``, the first a letter or digit.
    """
    if not PLAIN_NAME.fullmatch(name):
        raise LabelSetError(
            f"got the label set's name {name[:100]!a}, which weights cannot carry, expected 1 to "
            "100 letters, digits and ._+-, the first a letter or digit; rename its CSV file"
        )


@cache
def _shipped(name: str) -> LabelSet:
    text = resources.files("fcn").joinpath("label_sets", f"{name}.csv").read_text(encoding="utf-8")
    return _parse(name, text)


def _parse(name: str, text: str) -> LabelSet:
    lines = [line for line in text.splitlines() if line.strip()]
    comments = [line for line in lines if line.startswith("#")]
    table = csv.reader((line for line in lines if not line.startswith("#")), skipinitialspace=True)
    rows = []
    outputs = None
    try:
        header = [cell.strip() for cell in next(table, [])]
        if not header:
            raise LabelSetError(
                f"label set {name}: got no line that is not empty and no comment (#), expected "
                f"one with the columns {', '.join(COLUMNS)}, and one row a class"
            )
        if header != COLUMNS:
            raise LabelSetError(
                f"label set {name}: got columns {header}, expected {', '.join(COLUMNS)}"
            )
        for cells in table:
            label_id, train_id, label, red, green, blue = (cell.strip() for cell in cells)
            color = int(red), int(green), int(blue)
            rows.append(LabelClass(int(label_id), int(train_id), label, color))
        for comment in comments:
            key, _, value = comment.lstrip("# ").partition(":")
            if key == "outputs":
                outputs = int(value)
    except (ValueError, csv.Error) as error:
        raise LabelSetError(
            f"label set {name}: a row is not {', '.join(COLUMNS)}: {error}"
        ) from error
    if outputs is None:
        outputs = sum(not row.ignored for row in rows)
    return LabelSet(name, tuple(rows), outputs)
