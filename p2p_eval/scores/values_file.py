"""``metrics/values.json``: the values of every image, from which all figures of metrics follow.

Resuming and the report read it. It lies on the user's disk, so nothing in it is believed unchecked.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from p2p_eval.errors import StoreError
from p2p_eval.folders import NAME
from p2p_eval.metrics.metric import Better

__all__ = [
    "ROLES",
    "SCHEMA",
    "MetricFacts",
    "MetricValues",
    "SourceFile",
    "ValueRow",
    "ValueRows",
    "read_metric_values",
]

SCHEMA = "p2p-eval/metrics-values/1"

ROLES = ("output", "target", "input")
"""Of the files of an image; there is not always an input."""

MAX_BYTES = 1 << 30
MAX_TEXT = 4096
DIRECTIONS: tuple[Better, ...] = ("higher", "lower", "zero")
HALVES: tuple[Literal["left", "right"], ...] = ("left", "right")
SHA256 = re.compile("[0-9a-f]{64}")
METRIC_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*(\[[a-z0-9.-]+\])?")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """An image's file: its path, relative to the folder of score files, with ``/``; its content."""

    path: str
    half: Literal["left", "right"] | None
    sha256: str


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """What the values of one metric are; the signature holds all that a value depends on."""

    signature: str
    better: Better
    unit: str


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One image.

    Attributes:
        image: Its id.
        key: Digest of the contents of output and target; equal keys mean equal values.
        files: By role: ``output``, ``target``, and ``input`` where there is one.
        values: By metric; infinite ones are allowed.
    """

    image: str
    key: str
    files: Mapping[str, SourceFile]
    values: Mapping[str, float]


class ValueRows(Protocol):
    """Rows in the order of the images; they may be made as they are read."""

    def __len__(self) -> int:
        """The number of images."""

    def __iter__(self) -> Iterator[ValueRow]:
        """One row an image."""


@dataclass(frozen=True, slots=True)
class MetricValues:
    """All values of an experiment.

    Example:
        >>> facts = MetricFacts("psnr|version:0", "higher", "dB")
        >>> file = SourceFile("../a.png", None, "0" * 64)
        >>> row = ValueRow("a", "1" * 64, {"output": file, "target": file}, {"psnr": math.inf})
        >>> values = MetricValues("L1", {"psnr": facts}, (row,))
        >>> json.loads(b"".join(values.lines()))["rows"][0]["values"]
        {'psnr': 'inf'}
    """

    experiment: str
    metrics: Mapping[str, MetricFacts]
    rows: ValueRows

    def lines(self) -> Iterator[bytes]:
        """Give the file's content line by line: JSON, with one line an image."""
        head = {
            "schema": SCHEMA,
            "experiment": self.experiment,
            "metrics": {
                name: {"signature": facts.signature, "better": facts.better, "unit": facts.unit}
                for name, facts in self.metrics.items()
            },
        }
        yield f'{_text(head)[:-1]}, "rows": [\n'.encode()
        last = len(self.rows) - 1
        for number, row in enumerate(self.rows):
            yield f"{_text(_row_document(row))}{',' if number < last else ''}\n".encode()
        yield b"]}\n"


def read_metric_values(path: Path) -> MetricValues:
    """Read the file and check all that is in it.

    Raises:
        StoreError: It cannot be read, or is not what :meth:`MetricValues.lines` gives.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise ValueError(f"over {MAX_BYTES} bytes")
            document = json.loads(file.read(MAX_BYTES))
        return _parse(document)
    except (OSError, ValueError, OverflowError, RecursionError) as error:
        raise StoreError(
            f"{path}: damaged, or not written by p2p-eval ({error}); remove it or use --fresh"
        ) from error


def _text(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False)


def _row_document(row: ValueRow) -> dict[str, Any]:
    return {
        "image": row.image,
        "key": row.key,
        "files": {
            role: {"path": file.path, "half": file.half, "sha256": file.sha256}
            for role, file in row.files.items()
        },
        "values": {
            name: value if math.isfinite(value) else str(value)
            for name, value in row.values.items()
        },
    }


def _parse(document: Any) -> MetricValues:
    document = _typed(document, dict, "the document")
    if document.get("schema") != SCHEMA:
        raise ValueError(f"its schema is {str(document.get('schema'))[:80]!r}, expected {SCHEMA}")
    metrics = {
        _matching(METRIC_NAME, name, "a metric's name"): _facts(entry)
        for name, entry in _typed(document.get("metrics"), dict, "metrics").items()
    }
    rows = tuple(_row(entry, metrics) for entry in _typed(document.get("rows"), list, "rows"))
    return MetricValues(_matching(NAME, document.get("experiment"), "experiment"), metrics, rows)


def _facts(entry: Any) -> MetricFacts:
    entry = _typed(entry, dict, "a metric")
    return MetricFacts(
        _short(entry.get("signature"), "signature"),
        _one_of(DIRECTIONS, entry.get("better"), "better"),
        _short(entry.get("unit"), "unit"),
    )


def _row(entry: Any, metrics: Mapping[str, MetricFacts]) -> ValueRow:
    entry = _typed(entry, dict, "a row")
    files = _typed(entry.get("files"), dict, "files")
    values = _typed(entry.get("values"), dict, "values")
    if not {"output", "target"} <= files.keys() <= set(ROLES):
        raise _unexpected(f"files of {', '.join(ROLES)}", list(files))
    if values.keys() != metrics.keys():
        raise _unexpected("a value of each metric", list(values))
    return ValueRow(
        _matching(NAME, entry.get("image"), "image"),
        _matching(SHA256, entry.get("key"), "key"),
        {role: _file(file) for role, file in files.items()},
        {name: _value(values[name]) for name in metrics},
    )


def _file(entry: Any) -> SourceFile:
    entry = _typed(entry, dict, "a file")
    half = entry.get("half")
    return SourceFile(
        _short(entry.get("path"), "path"),
        None if half is None else _one_of(HALVES, half, "half"),
        _matching(SHA256, entry.get("sha256"), "sha256"),
    )


def _value(value: Any) -> float:
    if value in ("inf", "-inf"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < math.inf:
        raise _unexpected("values that are numbers or 'inf'", value)
    return float(value)


def _typed(value: Any, kind: type[T], what: str) -> T:
    if not isinstance(value, kind):
        raise _unexpected(f"{what} as {'an object' if kind is dict else 'a list'}", value)
    return value


def _short(value: Any, what: str) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise _unexpected(f"{what} as a text", value)
    return value


def _matching(pattern: re.Pattern[str], value: Any, what: str) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT or not pattern.fullmatch(value):
        raise _unexpected(f"{what} as {pattern.pattern}", value)
    return value


def _one_of(choices: tuple[T, ...], value: Any, what: str) -> T:
    for choice in choices:
        if value == choice:
            return choice
    raise _unexpected(f"{what} as one of {', '.join(map(str, choices))}", value)


def _unexpected(what: str, got: Any) -> ValueError:
    return ValueError(f"expected {what}, got {ascii(got)[:80]}")
