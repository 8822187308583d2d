"""What do the score files say that the paper's tables are filled from?"""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from p2p_eval.errors import InputError
from p2p_eval.folders import list_folder, natural_key
from p2p_eval.metrics.confusion import FIGURES, PROTOCOLS, Protocol, histogram, scores
from p2p_eval.scores.confusion_file import FrameCounts, read_confusion
from p2p_eval.scores.document import (
    Node,
    Source,
    damaged,
    different_runs,
    interval_ends,
    only_experiment,
    read_bytes,
    read_document,
)
from p2p_eval.scores.row_file import RowFile
from p2p_eval.scores.signature import Signature
from p2p_eval.tables.definitions import CHANNELS, LABELLED_REAL, Score
from p2p_eval.tables.filled import OurFigure

__all__ = [
    "Algorithm",
    "Colors",
    "Segmentation",
    "has_histograms",
    "read_colors",
    "read_histograms",
    "read_segmentation",
    "read_studies",
    "scored_experiments",
]

TOLERANCE = 1e-9
BINS = 256
RESAMPLING = ("bootstrap", "seed")
"""Settings of a signature that change its interval only, which is drawn anew here."""

Counts = NDArray[np.integer]


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """The counts of an experiment's frames, and how they were made."""

    name: str
    counts: FrameCounts
    signature: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Colors:
    """An experiment's intersections by channel, as its score file has them."""

    name: str
    images: int
    bins: int
    figures: dict[str, OurFigure]
    signature: str
    source: Source


@dataclass(frozen=True, slots=True)
class Algorithm:
    """How often people took an algorithm's images for real, as its study file has it."""

    name: str
    trials: int
    figures: dict[str, OurFigure]
    signature: str
    source: Source


def scored_experiments(out: Path, score: Score) -> tuple[str, ...]:
    """Name the experiments of a folder that have a score.

    Raises:
        InputError: There is no such folder.
    """
    kind = score.replace("-", "_")
    names = sorted(list_folder(out).folders, key=natural_key)
    return tuple(name for name in names if (out / name / kind / "score.json").exists())


def read_segmentation(out: Path, name: str, score: Score, protocol: Protocol) -> Segmentation:
    """Read ``score.json`` and ``confusion.npz`` of an FCN-score or a seg-score.

    Args:
        out: The folder of score files.
        name: Of the experiment.
        score: Which of the two.
        protocol: What the signature is to name. Counts serve both, whichever was asked for then.

    Raises:
        StoreError: A file is damaged, or they are of different runs.
    """
    folder = out / name / score.replace("-", "_")
    document, source = _document(out, folder / "score.json", f"p2p-eval/{score}/1")
    path = folder / "confusion.npz"
    counted = Source(_relative(out, path), hashlib.sha256(read_bytes(path)).hexdigest())
    counts = read_confusion(path)
    entries = {entry["protocol"].one_of(*PROTOCOLS): entry for entry in document["experiments"]}
    if not entries or not counts.images:
        raise damaged(document.path, "no experiment, or none of its frames")
    for kind in PROTOCOLS:
        if kind in entries:
            _check_counts(folder, entries[kind], counts, kind)
    entry = entries.get(protocol) or next(iter(entries.values()))
    signature = _comparable(entry).replace(protocol=protocol)
    return Segmentation(name, counts, str(signature), (counted, source))


def read_colors(out: Path, name: str) -> Colors:
    """Read ``score.json`` of colour histograms.

    Raises:
        StoreError: It is damaged.
    """
    path = out / name / "color_hist" / "score.json"
    document, source = _document(out, path, "p2p-eval/color-hist/1")
    entry = only_experiment(document)
    values, ends = entry["intersection"], entry["ci95"]
    return Colors(
        name=name,
        images=entry["images"].count(),
        bins=entry["bins"].count(),
        figures={
            channel: OurFigure(values[channel].number_or_none(), *interval_ends(ends.find(channel)))
            for channel in CHANNELS
        },
        signature=str(_comparable(entry)),
        source=source,
    )


def has_histograms(out: Path, name: str) -> bool:
    """Whether the histograms of an experiment's images are stored."""
    return _histograms(out, name).exists()


def read_histograms(
    out: Path,
    colors: Colors,
    merge: Callable[[Counts, int], Counts],
    intersection: Callable[[Counts, Counts], NDArray[np.float64]],
) -> tuple[Counts, Source]:
    """Read the histograms of an experiment's images.

    Args:
        out: The folder of score files.
        colors: What its score file says.
        merge: Gives the counts of fewer bins.
        intersection: Of two histograms.

    Returns:
        Counts ``(images, 2, 3, bins)``, generated and real, and the file that they come from.

    Raises:
        StoreError: The file is damaged, or of another run than the score file.
    """
    path = _histograms(out, colors.name)
    if not colors.bins or BINS % colors.bins:
        raise damaged(out / colors.source.path, f"{colors.bins} bins, expected a divisor of {BINS}")
    data = read_bytes(path)
    # A row file mends a torn end when it is opened; tables only read, so they open a copy.
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(data)
        with RowFile(copy, (2, len(CHANNELS), BINS)) as file:
            found = [merge(block, colors.bins) for block in file.blocks(range(file.count))]
    rows = np.concatenate(found) if found else np.zeros((0, 2, len(CHANNELS), colors.bins), int)
    generated, real = rows.sum(0)
    values = dict(zip(CHANNELS, intersection(generated, real).tolist(), strict=True))
    if len(rows) != colors.images or not all(
        _equal(figure.value, values[channel]) for channel, figure in colors.figures.items()
    ):
        raise different_runs(path.parent, "histograms.bin is not what score.json is of")
    return rows, Source(_relative(out, path), hashlib.sha256(data).hexdigest())


def read_studies(out: Path) -> dict[str, Algorithm]:
    """Read every study of a folder: the algorithms that people judged, by name.

    Raises:
        InputError: There is no such folder, or two studies have an algorithm of one name.
        StoreError: A file is damaged.
    """
    paths = [out / name / "study" / "score.json" for name in list_folder(out).folders]
    found: dict[str, Algorithm] = {}
    for path in (out / "study.json", *paths):
        if not path.exists():
            continue
        document, source = _document(out, path, "p2p-eval/study/1")
        stated = document.find("signature")
        for entry in document["algorithms"]:
            algorithm = _algorithm(entry, stated, source)
            if (other := found.get(algorithm.name)) is not None:
                raise InputError(
                    f"{out}: got algorithm {algorithm.name!r} in {other.source.path} and in "
                    f"{source.path}, expected it once; move one of them elsewhere, or rename it"
                )
            found[algorithm.name] = algorithm
    return found


def _algorithm(entry: Node, stated: Node | None, source: Source) -> Algorithm:
    signature = entry.find("signature") or stated
    figure = OurFigure(
        entry[LABELLED_REAL].number_or_none(),
        *interval_ends(entry.find("ci95")),
        std=entry["bootstrap_std"].number_or_none(),
    )
    return Algorithm(
        name=entry["name"].text(),
        trials=entry["trials"].count(),
        figures={LABELLED_REAL: figure},
        # Studies that do not state how they were made are comparable within one file only.
        signature=f"not stated in {source.path}" if signature is None else signature.text(),
        source=source,
    )


def _histograms(out: Path, name: str) -> Path:
    return out / name / "color_hist" / "histograms.bin"


def _check_counts(folder: Path, entry: Node, counts: FrameCounts, protocol: Protocol) -> None:
    """Refuse counts from which the figures of the score file do not follow."""
    total = histogram(counts.counts, protocol)[0].sum(0)
    values = scores(total, protocol).figures.tolist()
    stated = [entry[figure].number_or_none() for figure in FIGURES]
    if entry["frames"].count() != len(counts.images) or not all(
        _equal(*pair) for pair in zip(stated, values, strict=True)
    ):
        raise different_runs(folder, "confusion.npz is not what score.json is of")


def _equal(stated: float | None, derived: float) -> bool:
    if stated is None:
        return math.isnan(derived)
    return abs(stated - derived) < TOLERANCE


def _comparable(entry: Node) -> Signature:
    """The signature without what changes an interval alone."""
    text = entry["signature"].text()
    try:
        signature = Signature.parse(text)
    except ValueError as error:
        raise damaged(entry.path, f"signature: {error}") from error
    kept = {key: value for key, value in signature.settings.items() if key not in RESAMPLING}
    return Signature(signature.metric, kept)


def _document(out: Path, path: Path, schema: str) -> tuple[Node, Source]:
    node, sha256 = read_document(path, schema)
    return node, Source(_relative(out, path), sha256)


def _relative(out: Path, path: Path) -> str:
    return path.relative_to(out).as_posix()
