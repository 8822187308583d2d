"""A baseline as a file: readable JSON that a team commits, one after the other in ``.p2p-eval/``.

What a reader wants stands in plain sight: commit, date, machine, version, every figure with its
signature. The values of the images, from which the figures follow and which make a paired test
possible, are packed: little-endian numbers of the narrowest type, xz, base64.
"""

from __future__ import annotations

import base64
import hashlib
import json
import lzma
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from p2p_eval.errors import StoreError
from p2p_eval.gate.scored import KINDS, Better, Figure, Kind, Scored
from p2p_eval.gate.setting import Setting
from p2p_eval.scores.document import Node, damaged, read_bytes

__all__ = ["SCHEMA", "Baseline", "baseline_bytes", "read_baseline"]

VERSION = 1
SCHEMA = f"p2p-eval/baseline/{VERSION}"
SCHEMAS = re.compile(r"p2p-eval/baseline/([1-9][0-9]{0,5})")

ADVICE = "take it back from version control, or write a new one with --update"
MAX_BYTES = 1 << 30
"""Most bytes that packed rows may come to."""

UNPACKING = 1 << 28
"""Memory that unpacking may take beside that."""

TYPES = ("<u1", "<u2", "<u4", "<i8", "<f8")
DIRECTIONS: tuple[Better, ...] = ("higher", "lower", "zero")
DIGEST = re.compile(r"[0-9a-f]{64}")

Migration = Callable[[dict[str, Any]], dict[str, Any]]

MIGRATIONS: Mapping[int, Migration] = {}
"""How a document of a version becomes one of the next; every version but the newest has one."""


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """A baseline.

    Attributes:
        number: Its place in the series, from 1.
        setting: When, where and of which commit it was written.
        scored: Its figures with their rows.
        path: The file.
    """

    number: int
    setting: Setting
    scored: tuple[Scored, ...]
    path: Path

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return self.path.name


def baseline_bytes(setting: Setting, scored: Sequence[Scored]) -> bytes:
    """Return the content of a file; equal settings and scores give equal bytes."""
    document = {
        "schema": SCHEMA,
        **setting.to_json(),
        "scores": [_score(score) for score in scored],
    }
    document["sha256"] = _digest(document)
    return (json.dumps(document, indent=1, allow_nan=False) + "\n").encode()


def read_baseline(path: Path, number: int) -> Baseline:
    """Read a baseline and check all that is in it; older schemas become the newest.

    Args:
        path: The file.
        number: Its place in the series.

    Raises:
        StoreError: It cannot be read, is damaged, was edited by hand, or is of a newer schema.
    """
    try:
        document = json.loads(read_bytes(path, ADVICE), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"no JSON: {error}", ADVICE) from error
    schema = Node(document, path, advice=ADVICE)["schema"].text()
    known = SCHEMAS.fullmatch(schema)
    if known is None:
        raise damaged(path, f"got schema {schema[:80]!r}, expected {SCHEMA!r}", ADVICE)
    if int(known[1]) > VERSION:
        version = str(document.get("version"))[:40]
        raise StoreError(
            f"{path}: got schema {schema!r}, expected {SCHEMA!r} or an older one: p2p-eval "
            f"{version} wrote it; install that version or a newer one"
        )
    stated = document.pop("sha256", None)
    if stated != _digest(document):
        raise damaged(path, "its content is not what was written: it was edited or merged", ADVICE)
    for older in range(int(known[1]), VERSION):
        document = MIGRATIONS[older](document)
    node = Node(document, path, advice=ADVICE)
    scored = tuple(_read_score(entry) for entry in node["scores"])
    return Baseline(number, Setting.of(node), scored, path)


def _refuse(name: str) -> None:
    raise ValueError(f"it holds {name}")


def _digest(document: Mapping[str, Any]) -> str:
    plain = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(plain.encode()).hexdigest()


def _score(score: Scored) -> dict[str, Any]:
    return {
        "experiment": score.experiment,
        "score": score.kind,
        "figures": [_figure(figure) for figure in score.figures],
        "images": list(score.images),
        "keys": list(score.keys),
        "rows": _pack(score.rows),
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "name": figure.name,
        "value": None if math.isnan(figure.value) else figure.value,
        "better": figure.better,
        "unit": figure.unit,
        "std": figure.std,
        "signature": figure.signature,
    }


def _pack(rows: NDArray[Any]) -> dict[str, Any]:
    kind = "<f8" if rows.dtype.kind == "f" else _narrowest(rows)
    packed = lzma.compress(np.ascontiguousarray(rows, kind).tobytes(), preset=9)
    return {
        "type": kind,
        "shape": list(rows.shape),
        "xz": base64.b64encode(packed).decode(),
    }


def _narrowest(rows: NDArray[Any]) -> str:
    most = int(rows.max(initial=0))
    return next(kind for kind in TYPES if np.iinfo(kind).max >= most)


def _read_score(entry: Node) -> Scored:
    kind: Kind = entry["score"].one_of(*KINDS)  # type: ignore[assignment]
    images, keys = entry["images"].texts(), entry["keys"].texts()
    score = Scored(
        entry["experiment"].text(),
        kind,
        tuple(_read_figure(figure) for figure in entry["figures"]),
        images,
        keys,
        _unpack(entry["rows"]),
    )
    _check(entry, score)
    return score


def _read_figure(entry: Node) -> Figure:
    value, better, std = entry["value"].number_or_none(), entry.find("better"), entry.find("std")
    return Figure(
        entry["name"].text(),
        math.nan if value is None else value,
        None if better is None else better.one_of(*DIRECTIONS),  # type: ignore[arg-type]
        entry["unit"].text(),
        entry["signature"].text(),
        None if std is None else std.number(),
    )


def _unpack(entry: Node) -> NDArray[Any]:
    kind = np.dtype(entry["type"].one_of(*TYPES))
    shape = [side.count() for side in entry["shape"]]
    size = math.prod(shape) * kind.itemsize
    if size > MAX_BYTES or len(shape) > 4:
        raise damaged(entry.path, f"{entry.place}: {size} bytes of rows", ADVICE)
    try:
        packed = base64.b64decode(_long_text(entry["xz"]), validate=True)
        unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=UNPACKING)
        data = unpacker.decompress(packed, size + 1)
    except (ValueError, lzma.LZMAError, EOFError) as error:
        raise damaged(entry.path, f"{entry.place}.xz: {error}", ADVICE) from error
    if len(data) != size:
        raise damaged(entry.path, f"{entry.place}: its rows have another size", ADVICE)
    rows = np.frombuffer(data, kind).reshape(shape)
    return rows.astype(np.float64 if kind.kind == "f" else np.int64)


def _long_text(node: Node) -> str:
    if not isinstance(node.value, str):
        raise damaged(node.path, f"{node.place}: expected a text", ADVICE)
    return node.value


def _check(entry: Node, score: Scored) -> None:
    """Refuse parts that do not fit together."""
    dimensions = {"metrics": 2, "fcn-score": 3, "seg-score": 3, "color-hist": 4, "study": 1}
    kind = "f" if score.kind in ("metrics", "study") else "i"
    problems = {
        "its parts are of different numbers of images": not (
            len(score.images) == len(score.keys) == len(score.rows)
        ),
        "a name of an image stands in it twice": len(set(score.images)) < len(score.images),
        "a key is no digest": not all(DIGEST.fullmatch(key) for key in score.keys),
        "its rows are of another kind": (
            score.rows.ndim != dimensions[score.kind] or score.rows.dtype.kind != kind
        ),
        "it has no figures": not score.figures,
        "a figure stands in it twice": (
            len({figure.name for figure in score.figures}) < len(score.figures)
        ),
        "its rows hold NaN": kind == "f" and bool(np.isnan(score.rows).any()),
    }
    if score.kind == "metrics":
        fits = score.rows.ndim == 2 and score.rows.shape[1] == len(score.figures)
        problems["its rows are not one value a figure"] = not fits
    for problem, found in problems.items():
        if found:
            raise damaged(entry.path, f"{entry.place}: {problem}", ADVICE)
