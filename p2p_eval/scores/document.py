"""A JSON document that nobody has checked: bounded, and every value asked for by its type."""

from __future__ import annotations

import hashlib
import json
import math
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from p2p_eval.errors import StoreError

__all__ = [
    "MAX_BYTES",
    "Node",
    "Source",
    "damaged",
    "different_runs",
    "interval_ends",
    "only_experiment",
    "read_bytes",
    "read_document",
]

MAX_BYTES = 1 << 28
"""Largest score file that is read: the values of some 300,000 images."""

MAX_ITEMS = 1 << 20
MAX_TEXT = 1 << 14
ADVICE = "remove it, or score again with --fresh"


@dataclass(frozen=True, slots=True)
class Source:
    """A score file that was read: its path below the folder, and its content."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a document, with the file and the place that it stands in, and what to do.

    Every method raises :class:`StoreError`, naming both, where the value is not what is asked for.

    Example:
        >>> node = Node({"mean": 0.5, "ci95": [0.4, 0.6]}, Path("score.json"))
        >>> node["mean"].number(), [end.number() for end in node["ci95"]]
        (0.5, [0.4, 0.6])
        >>> node["mean"].text()
        Traceback (most recent call last):
        ...
        p2p_eval.errors.StoreError: score.json: damaged, or not written by p2p-eval \
(mean: got 0.5, expected a text); remove it, or score again with --fresh
    """

    value: Any
    path: Path
    place: str = ""
    advice: str = ADVICE

    def __getitem__(self, key: str) -> Node:
        """The value under a key."""
        fields = self._of(dict, "an object")
        if key not in fields:
            self._fail(f"an entry {key!r}")
        return self._child(fields[key], key)

    def find(self, key: str) -> Node | None:
        """The value under a key, or None where it is missing or null."""
        value = self._of(dict, "an object").get(key)
        return None if value is None else self._child(value, key)

    def __iter__(self) -> Iterator[Node]:
        """The values of a list."""
        values = self._of(list, "a list")
        return (self._child(value, str(i)) for i, value in enumerate(values[:MAX_ITEMS]))

    def items(self) -> Iterator[tuple[str, Node]]:
        """The keys and values of an object."""
        fields = self._of(dict, "an object")
        return ((self._text(key), self._child(value, key)) for key, value in fields.items())

    def text(self) -> str:
        """A text."""
        return self._text(self._of(str, "a text"))

    def texts(self) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(node.text() for node in self)

    def count(self) -> int:
        """A whole number from 0."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < 0:
            self._fail("a whole number from 0")
        return self.value

    def number(self) -> float:
        """A finite number."""
        known = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        if not known or abs(self.value) > 1e300 or math.isnan(self.value):
            self._fail("a finite number")
        return float(self.value)

    def number_or_none(self) -> float | None:
        """A finite number, or None where the value is null: not known."""
        return None if self.value is None else self.number()

    def flag(self) -> bool:
        """True or false."""
        return bool(self._of(bool, "true or false"))

    def one_of(self, *words: str) -> str:
        """One of some words."""
        if self.value not in words:
            self._fail(" or ".join(words))
        return str(self.value)

    def _of(self, kind: type, name: str) -> Any:
        if not isinstance(self.value, kind):
            self._fail(name)
        return self.value

    def _text(self, text: str) -> str:
        if len(text) > MAX_TEXT:
            self._fail(f"at most {MAX_TEXT} characters")
        return text

    def _child(self, value: Any, key: str) -> Node:
        place = f"{self.place}.{key[:80]}" if self.place else key[:80]
        return Node(value, self.path, place, self.advice)

    def _fail(self, expected: str) -> NoReturn:
        whole = isinstance(self.value, dict | list)
        got = type(self.value).__name__ if whole else repr(self.value)
        got = got if len(got) <= 40 else f"{got[:40]}…"
        place = self.place or "document"
        raise damaged(self.path, f"{place}: got {got}, expected {expected}", self.advice)


def read_document(path: Path, schema: str, *, advice: str = ADVICE) -> tuple[Node, str]:
    """Read a score file in JSON, and the sha256 of its bytes in hexadecimal.

    Args:
        path: The file.
        schema: What its entry ``schema`` must be.
        advice: What to do where it is damaged.

    Raises:
        StoreError: It cannot be read, is no JSON, too large, or has another schema.
    """
    data = read_bytes(path, advice)
    try:
        value = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"no JSON: {error}", advice) from error
    node = Node(value, path, advice=advice)
    found = node["schema"].text()
    if found != schema:
        raise StoreError(
            f"{path}: got schema {found[:80]!r}, expected {schema!r}: another version of p2p-eval "
            f"wrote it; {'score again with --fresh' if advice == ADVICE else advice}"
        )
    return node, hashlib.sha256(data).hexdigest()


def read_bytes(path: Path, advice: str = ADVICE) -> bytes:
    """Read a score file whole.

    Args:
        path: The file.
        advice: What to do where it is damaged.

    Raises:
        StoreError: It is no regular file, cannot be read, or has over :data:`MAX_BYTES`.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise damaged(path, "no regular file", advice)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be read ({error.strerror}); check its permissions, or remove it"
        ) from error
    if len(data) > MAX_BYTES:
        raise damaged(path, f"over {MAX_BYTES} bytes", advice)
    return data


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}")


def damaged(path: Path, reason: object, advice: str = ADVICE) -> StoreError:
    """What to say of a score file that cannot be used."""
    return StoreError(f"{path}: damaged, or not written by p2p-eval ({reason}); {advice}")


def different_runs(folder: Path, reason: str) -> StoreError:
    """What to say of score files that do not belong together."""
    return StoreError(
        f"{folder}: its files are of different runs ({reason}); wait until a run that is writing "
        "has ended, or score again with --fresh"
    )


def only_experiment(document: Node) -> Node:
    """Return the experiment that a score file is of.

    Raises:
        StoreError: There is none, or there are several.
    """
    entries = list(document["experiments"])
    if len(entries) != 1:
        raise damaged(document.path, f"{len(entries)} experiments, expected one")
    return entries[0]


def interval_ends(ends: Node | None) -> tuple[float | None, float | None]:
    """Return the ends of an interval; None where they are not known, or there is no interval.

    Raises:
        StoreError: There are not two.
    """
    if ends is None:
        return None, None
    known = [end.number_or_none() for end in ends]
    if len(known) != 2:
        raise damaged(ends.path, f"{ends.place}: {len(known)} ends of an interval, expected two")
    return known[0], known[1]
