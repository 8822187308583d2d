"""The engine of the FCN-score and the seg-score: pairings in, score files out.

Both give each pixel of a generated image a class, count it against the label map, and derive the
same figures from the counts; how, is in :mod:`p2p_eval.metrics.confusion`. What differs is a
:class:`Method`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fcn.labels import LabelSet
from p2p_eval import __version__
from p2p_eval.errors import InputError
from p2p_eval.metrics.confusion import PROTOCOLS, Protocol
from p2p_eval.results.direction import Direction
from p2p_eval.results.doctor import check
from p2p_eval.results.findings import Finding
from p2p_eval.results.layouts import Experiment
from p2p_eval.results.pairing import Pairing, pair
from p2p_eval.results.provenance import made_by
from p2p_eval.scores.confusion_file import FrameCounts, confusion_bytes
from p2p_eval.scores.signature import Signature
from p2p_eval.scores.store import exclusive, remove, write_together
from p2p_eval.scoring.counting import (
    CONFUSION,
    JOURNAL,
    Counted,
    Counting,
    count_frames,
    remove_other_predictions,
)
from p2p_eval.scoring.frames import resizing
from p2p_eval.scoring.run import check_least, document_bytes, jpeg_setting, stepper
from p2p_eval.scoring.segmentation_report import (
    ExperimentScore,
    SegmentationReport,
    official_text,
    per_image_csv,
    score_experiment,
)

if TYPE_CHECKING:
    from p2p_eval.scoring.predictor import Predictor

__all__ = ["Figures", "Labels", "Method", "Progress", "Protocols", "score_segmentation"]

SUFFIXES = ("", "_strict")
NOT_PLAIN = re.compile(r"[^A-Za-z0-9._+-]")

Progress = Callable[[int, int], None]
Protocols = Literal["paper", "strict", "both"]


@dataclass(frozen=True, slots=True)
class Method:
    """One of the two scores.

    Attributes:
        name: ``fcn-score`` or ``seg-score``: first in signatures, in the schema, and of the folder.
        direction: What the generated images are.
        label_set: What label ids and colours mean.
        predictor: Gives each pixel of an image a class.
        settings: Of the signature; the predictor's own follow them.
        weights_sha256: Of the predictor's weights file, where it has one.
        remarks: What is known beforehand and a reader of the figures should know.
    """

    name: Literal["fcn-score", "seg-score"]
    direction: Direction
    label_set: LabelSet
    predictor: Predictor
    settings: Mapping[str, str]
    weights_sha256: str | None = None
    remarks: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Where an experiment's score files lie."""
        return self.name.replace("-", "_")


@dataclass(frozen=True, slots=True)
class Labels:
    """Where label maps are: arguments of :func:`p2p_eval.results.pairing.pair`."""

    cityscapes: str | Path | None = None
    labels: str | Path | None = None
    split: str | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """What is derived from the counts: one protocol's figures or both, and their intervals.

    Raises:
        InputError: An option is out of range.
    """

    protocol: Protocols
    draws: int
    seed: int

    def __post_init__(self) -> None:
        """Check the options."""
        if self.protocol not in (*PROTOCOLS, "both"):
            raise InputError(f"got protocol {self.protocol!r}, expected paper, strict or both")
        check_least(seed=self.seed, draws=self.draws)

    @property
    def protocols(self) -> tuple[Protocol, ...]:
        """The protocols, ``paper`` first."""
        return PROTOCOLS if self.protocol == "both" else (self.protocol,)


@dataclass(frozen=True, slots=True)
class _Work:
    """One experiment: its pairs, the signature of its counts, and what is known beforehand."""

    name: str
    pairing: Pairing
    signature: Signature
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def score_segmentation(
    experiments: Sequence[Experiment],
    labels: Labels,
    method: Method,
    figures: Figures,
    out: Path,
    how: Counting,
    progress: Progress | None = None,
) -> SegmentationReport:
    """Score experiments, and write the files of each once all are counted.

    Args:
        experiments: Generated images.
        labels: Where their label maps are.
        method: The FCN-score or the seg-score.
        figures: What is derived from the counts.
        out: Folder for score files.
        how: How frames are counted.
        progress: Called with frames done and frames in total.

    Raises:
        InputError: An image or a label cannot be used, or a score would be wrong.
        StoreError: A score file is damaged, locked by another run, or cannot be written.
    """
    pairings = [
        pair(
            experiment,
            cityscapes=_path(labels.cityscapes),
            labels=_path(labels.labels),
            label_set=method.label_set,
            split=labels.split,
            workers=how.workers,
            direction=method.direction,
        )
        for experiment in experiments
    ]
    works = [_plan(pairing, method, how) for pairing in pairings]
    with exclusive(out):
        counted = _count(works, method, out, how, progress)
        entries: list[ExperimentScore] = []
        files: dict[Path, bytes] = {}
        for work, rows in zip(works, counted, strict=True):
            scored = _score(work, rows, method, figures)
            report = SegmentationReport(scored, method.weights_sha256)
            for name, data in _files(work, rows, method.label_set, report).items():
                files[out / work.name / method.folder / name] = data
            entries += scored
        write_together(files)
        for work, rows in zip(works, counted, strict=True):
            _clean(out / work.name / method.folder, rows, figures.protocols)
    return SegmentationReport(tuple(entries), method.weights_sha256)


def _path(value: str | Path | None) -> Path | None:
    return None if value is None else Path(value)


def _plan(pairing: Pairing, method: Method, how: Counting) -> _Work:
    """Refuse what must not be scored, before any time is spent on counting."""
    table = method.label_set
    findings = check(pairing, table, keep_going=how.keep_going, workers=how.workers)
    if not pairing.frames:
        raise InputError(f"{pairing.experiment.folder}: no image has a label ({pairing.how})")
    signature = Signature(
        method.name,
        {
            "labels": pairing.label_kind,
            "label-set": f"{NOT_PLAIN.sub('_', table.name)}@{table.digest}",
            **method.settings,
            "resize": resizing(pairing),
            **method.predictor.settings,
        },
    )
    found = [_note(finding) for finding in findings if finding.level != "error"]
    return _Work(
        name=pairing.experiment.name,
        pairing=pairing,
        signature=signature,
        left_out=(
            *(f"{image}: it has no label map" for image in pairing.unmatched_images),
            *(f"{label}: it has no image" for label in pairing.unmatched_labels),
        ),
        notes=(*made_by(pairing.experiment.folder), *method.remarks, *found),
    )


def _note(finding: Finding) -> str:
    """Give a finding without its experiment, which the report names."""
    return str(replace(finding, experiment=""))


def _count(
    works: Sequence[_Work],
    method: Method,
    out: Path,
    how: Counting,
    progress: Progress | None,
) -> list[Counted]:
    """Count all experiments before any score is written: bad input leaves no half of a result."""
    step = stepper(sum(len(work.pairing.frames) for work in works), progress)
    counted = []
    for work in works:
        rows = count_frames(
            work.pairing,
            method.label_set,
            method.predictor,
            out / work.name / method.folder,
            settings=f"{work.signature}|{method.predictor.identity}|{__version__}",
            how=how,
            step=step,
        )
        if not rows.counts.any():
            raise InputError(
                f"{work.name}: no label map has a pixel of any class of the label set "
                f"{method.label_set.name}; give the --label-set of these labels"
            )
        counted.append(rows)
    return counted


def _score(
    work: _Work, rows: Counted, method: Method, figures: Figures
) -> tuple[ExperimentScore, ...]:
    settings = {
        "jpeg": jpeg_setting(rows.jpegs, len(rows.images)),
        "bootstrap": str(figures.draws),
        "seed": str(figures.seed),
        "version": __version__,
    }
    return tuple(
        score_experiment(
            work.name,
            rows.images,
            rows.counts,
            method.label_set.names,
            protocol,
            signature=str(work.signature.first(protocol=protocol).replace(**settings)),
            draws=figures.draws,
            seed=figures.seed,
            left_out=(*work.left_out, *rows.left_out),
            notes=work.notes,
            direction=method.direction,
        )
        for protocol in figures.protocols
    )


def _files(
    work: _Work, rows: Counted, table: LabelSet, report: SegmentationReport
) -> dict[str, bytes]:
    """Return an experiment's files by name, in the order of writing; score.json comes last."""
    signature = str(work.signature.replace(version=__version__))
    counts = FrameCounts(rows.images, rows.keys, rows.counts, table.names, signature)
    files = {CONFUSION: confusion_bytes(counts)}
    for suffix, entry in zip(SUFFIXES, report.experiments, strict=False):
        files[f"evaluation_results{suffix}.txt"] = official_text(entry).encode()
        csv = per_image_csv(rows.images, rows.counts, table.names, entry.protocol)
        files[f"per_image{suffix}.csv"] = csv.encode()
    files["score.json"] = document_bytes(report.to_json())
    return files


def _clean(folder: Path, rows: Counted, protocols: Sequence[Protocol]) -> None:
    """Remove what earlier runs left; the journal goes last, so that a kill costs nothing."""
    for suffix in SUFFIXES[len(protocols) :]:  # of an earlier run with both protocols
        remove(folder / f"evaluation_results{suffix}.txt")
        remove(folder / f"per_image{suffix}.csv")
    remove_other_predictions(folder, rows)
    remove(folder / JOURNAL)
