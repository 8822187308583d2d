"""Best, median and worst images of an experiment under each metric, as small pictures."""

from __future__ import annotations

import base64
import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from p2p_eval.errors import InputError
from p2p_eval.report.collected import Experiment, MetricFigures
from p2p_eval.report.tables import ARROWS
from p2p_eval.results.images import ImageRef, decode_rgb, probe, read_bytes
from p2p_eval.scores.numbers import decimals_for, shown_number
from p2p_eval.scores.values_file import SourceFile, ValueRow

__all__ = ["Gallery", "Picked", "Picture", "Thumbnails", "gallery", "pick"]

SIDE = 168
QUALITY = 82
MAX_PICTURES = 600
ROLES = ("input", "output", "target")


@dataclass(frozen=True, slots=True)
class Picture:
    """A thumbnail under an id that is its own on the page, or the reason why there is none."""

    id: str = ""
    uri: str = ""
    width: int = SIDE
    height: int = SIDE
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Picked:
    """One image: why it is shown, its name, its value, its pictures by role, all its values."""

    why: str
    image: str
    value: str
    pictures: tuple[tuple[str, Picture], ...]
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Gallery:
    """The images of one experiment that stand out under one metric."""

    metric: str
    below: str
    picked: tuple[Picked, ...]


@dataclass
class Thumbnails:
    """Small pictures of the files below a folder; each content is there once."""

    out: Path
    pictures: dict[tuple[str, str | None, str], Picture] = field(default_factory=dict)

    def of(self, file: SourceFile) -> Picture:
        """Return a file's picture, or why it cannot be shown; its content must be unchanged."""
        key = (file.sha256, file.half, file.path)
        if key not in self.pictures:
            self.pictures[key] = self._make(file)
        return self.pictures[key]

    @property
    def shown(self) -> list[Picture]:
        """Every picture that could be made, once."""
        return list({p.id: p for p in self.pictures.values() if not p.missing}.values())

    @property
    def missing(self) -> list[tuple[str, str]]:
        """Path and reason of those that could not."""
        return [(key[2], p.missing) for key, p in self.pictures.items() if p.missing]

    def _make(self, file: SourceFile) -> Picture:
        if len(self.pictures) >= MAX_PICTURES:
            return Picture(missing=f"not shown: the page holds {MAX_PICTURES} images already")
        path = self.out / file.path
        try:
            probe(path)  # refuses devices and huge images before anything is read
            data = read_bytes(path)
            if hashlib.sha256(data).hexdigest() != file.sha256:
                return Picture(missing="changed since it was scored")
            pixels = decode_rgb(ImageRef(path, file.half), data)
        except InputError:
            reason = "cannot be read any more" if path.exists() else "no longer there"
            return Picture(missing=reason)
        image = Image.fromarray(pixels)
        image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=QUALITY, subsampling=0, optimize=True)
        uri = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
        name = hashlib.sha256(f"{file.sha256} {file.half}".encode()).hexdigest()[:12]
        return Picture(f"p{name}", uri, image.width, image.height)


def gallery(experiment: Experiment, thumbnails: Thumbnails) -> list[Gallery]:
    """Return an experiment's images that stand out, under each metric that has values."""
    if experiment.metrics is None:
        return []
    metrics, rows = experiment.metrics.metrics, experiment.metrics.rows
    decimals = {name: decimals_for(row.values.get(name) for row in rows) for name in metrics}
    galleries = []
    for name, figures in metrics.items():
        picked = [
            _picked(why, row, name, metrics, decimals, thumbnails)
            for why, row in pick(rows, name, figures.better)
        ]
        if picked:
            unit = f"{figures.unit} · " if figures.unit else ""
            galleries.append(Gallery(name, f"{unit}{ARROWS[figures.better]}", tuple(picked)))
    return galleries


def pick(rows: Sequence[ValueRow], metric: str, better: str) -> list[tuple[str, ValueRow]]:
    """Choose the best, the median and the worst image; of equal ones the first.

    Example:
        >>> values = {"a": 9.0, "b": 30.0, "c": 20.0, "d": 12.0}
        >>> rows = [ValueRow(name, "", {}, {"psnr": v}) for name, v in values.items()]
        >>> [(why, row.image) for why, row in pick(rows, "psnr", "higher")]
        [('best', 'b'), ('median', 'c'), ('worst', 'a')]
    """
    known = [row for row in rows if not math.isnan(row.values.get(metric, math.nan))]

    def badness(row: ValueRow) -> float:
        value = row.values[metric]
        return -value if better == "higher" else value if better == "lower" else abs(value)

    order = sorted(known, key=badness)
    if not order:
        return []
    if badness(order[0]) == badness(order[-1]):
        return [("all equal" if len(order) > 1 else "only image", order[0])]
    median = [("median", order[(len(order) - 1) // 2])] if len(order) > 2 else []
    return [("best", order[0]), *median, ("worst", order[-1])]


def _picked(
    why: str,
    row: ValueRow,
    metric: str,
    metrics: Mapping[str, MetricFigures],
    decimals: Mapping[str, int],
    thumbnails: Thumbnails,
) -> Picked:
    values = {
        name: shown_number(row.values[name], decimals[name])
        for name in metrics
        if name in row.values
    }
    return Picked(
        why=why,
        image=row.image,
        value=values[metric],
        pictures=tuple(
            (role, thumbnails.of(row.files[role])) for role in ROLES if role in row.files
        ),
        values=tuple(values.items()),
    )
