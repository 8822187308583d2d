"""What do score files hold that a gate can guard: figures, and the rows that they follow from?"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from p2p_eval.errors import InputError
from p2p_eval.folders import list_folder, natural_key
from p2p_eval.gate.scored import Figure, Kind, Scored
from p2p_eval.metrics.confusion import FIGURES, PROTOCOLS, Protocol
from p2p_eval.scores.document import Node, different_runs, only_experiment, read_document
from p2p_eval.scores.values_file import MetricValues, read_metric_values
from p2p_eval.tables.definitions import LABELLED_REAL
from p2p_eval.tables.read import (
    read_colors,
    read_histograms,
    read_segmentation,
    read_studies,
)

__all__ = ["Measured", "read_scores"]

ROUNDING = 1e-9
DIGITS = 12

Segmented = Literal["fcn-score", "seg-score"]
KINDS: tuple[Segmented, ...] = get_args(Segmented)


@dataclass(frozen=True, slots=True)
class Measured:
    """The scores of a folder, and what of them cannot be guarded, with the reason."""

    scored: tuple[Scored, ...]
    notes: tuple[str, ...]


def read_scores(out: Path) -> Measured:
    """Read every score file of a folder that ``--out`` named.

    Args:
        out: The folder.

    Raises:
        InputError: There is no such folder, it holds no score, or an image stands in it twice.
        StoreError: A score file is damaged, or some are of different runs.
    """
    notes: list[str] = []
    scored = []
    for name in sorted(list_folder(out).folders, key=natural_key):
        folder = out / name
        if _scored(folder, "metrics"):
            scored.append(_metrics(folder, notes))
        scored += [_segmentation(out, name, kind) for kind in KINDS if _scored(folder, kind)]
        if _scored(folder, "color-hist"):
            scored.append(_colors(out, name))
    scored += _studies(out)
    if not scored:
        raise InputError(
            f"{out}: got no score files, expected those of fcn-score, seg-score, metrics, "
            "color-hist or study analyze; score first, or give the folder that --out named"
        )
    for score in scored:
        _check_names(out, score)
    return Measured(tuple(scored), tuple(notes))


def _scored(folder: Path, kind: Kind) -> bool:
    return (folder / kind.replace("-", "_") / "score.json").exists()


def _metrics(folder: Path, notes: list[str]) -> Scored:
    document, _ = read_document(folder / "metrics" / "score.json", "p2p-eval/metrics/1")
    stated = dict(only_experiment(document)["metrics"].items())
    values = read_metric_values(folder / "metrics" / "values.json")
    notes += [
        f"{folder.name}: {name} has no value an image, and is not guarded"
        for name in stated
        if name not in values.metrics
    ]
    rows = list(values.rows)
    table = np.array(
        [[row.values[name] for name in values.metrics] for row in rows], np.float64
    ).reshape(len(rows), len(values.metrics))
    return Scored(
        folder.name,
        "metrics",
        tuple(_means(folder, values, table, stated)),
        tuple(row.image for row in rows),
        tuple(row.files["target"].sha256 for row in rows),
        table,
    )


def _means(
    folder: Path, values: MetricValues, table: NDArray[np.float64], stated: dict[str, Node]
) -> Iterator[Figure]:
    for (name, facts), column in zip(values.metrics.items(), table.T, strict=True):
        known = column[np.isfinite(column)]
        mean = math.fsum(known) / len(known) if len(known) else math.nan
        said = stated[name]["mean"].number_or_none() if name in stated else math.inf
        same = math.isnan(mean) if said is None else math.isclose(said, mean, rel_tol=ROUNDING)
        if not same:
            raise different_runs(folder / "metrics", f"values.json is not what {name} is of")
        yield Figure(name, mean, facts.better, facts.unit, facts.signature)


def _segmentation(out: Path, name: str, kind: Segmented) -> Scored:
    path = out / name / kind.replace("-", "_") / "score.json"
    document, _ = read_document(path, f"p2p-eval/{kind}/1")
    entries = {entry["protocol"].one_of(*PROTOCOLS): entry for entry in document["experiments"]}
    asked: list[Protocol] = [protocol for protocol in PROTOCOLS if protocol in entries]
    figures: list[Figure] = []
    for protocol in asked:
        found = read_segmentation(out, name, kind, protocol)
        prefix = "" if protocol == PROTOCOLS[0] else f"{protocol}."
        figures += (
            Figure(f"{prefix}{part}", value, "higher", "", found.signature)
            for part, value in _parts(entries[protocol])
        )
    counts = found.counts.counts
    # The labels of a frame, as far as they count, are what its counts sum to over predictions.
    keys = tuple(hashlib.sha256(frame.tobytes()).hexdigest() for frame in counts.sum(2))
    return Scored(name, kind, tuple(figures), found.counts.images, keys, counts)


def _parts(entry: Node) -> Iterator[tuple[str, float]]:
    """The figures of an entry: the three, then those of each class."""
    for figure in FIGURES:
        yield figure, _number(entry[figure])
    for part in ("acc", "iou"):
        for row in entry["per_class"]:
            yield f"{part}[{row['class'].text()}]", _number(row[part])


def _colors(out: Path, name: str) -> Scored:
    from p2p_eval.metrics.color_histogram import histogram_intersection, merge  # loads torch

    colors = read_colors(out, name)
    rows, _ = read_histograms(out, colors, merge, histogram_intersection)
    figures = tuple(
        Figure(
            f"intersection[{channel}]",
            math.nan if figure.value is None else figure.value,
            "higher",
            "",
            colors.signature,
        )
        for channel, figure in colors.figures.items()
    )
    keys = tuple(hashlib.sha256(row.tobytes()).hexdigest() for row in rows[:, 1].astype(np.int64))
    # The file names no images: a real one is known by its histogram.
    seen = Counter[str]()
    images = []
    for key in keys:
        seen[key] += 1
        images.append(f"{key[:DIGITS]}-{seen[key]}")
    return Scored(name, "color-hist", figures, tuple(images), keys, rows.astype(np.int64))


def _studies(out: Path) -> Iterator[Scored]:
    for algorithm in read_studies(out).values():
        figure = algorithm.figures[LABELLED_REAL]
        value = math.nan if figure.value is None else figure.value
        yield Scored(
            algorithm.name,
            "study",
            (Figure(LABELLED_REAL, value, "higher", "%", algorithm.signature, figure.std),),
            (),
            (),
            np.zeros(0),
        )


def _check_names(out: Path, score: Scored) -> None:
    if len(set(score.images)) == len(score.images):
        return
    twice = next(name for name in score.images if score.images.count(name) > 1)
    raise InputError(
        f"{out / score.experiment}: got image {twice!r} twice in {score.kind}, expected each once; "
        "score again"
    )


def _number(node: Node) -> float:
    value = node.number_or_none()
    return math.nan if value is None else value
