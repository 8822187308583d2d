"""The FCN-score: a results folder in, score files out.

Source: Isola, Zhu, Zhou, Efros, *Image-to-Image Translation with Conditional Adversarial Networks*,
CVPR 2017, and ``scripts/eval_cityscapes`` of https://github.com/phillipi/pix2pix. How counts become
figures is in :mod:`p2p_eval.metrics.confusion`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fcn.labels import LabelSet
from fcn.labels import label_set as find_label_set
from p2p_eval import __version__
from p2p_eval.errors import InputError
from p2p_eval.metrics.confusion import PROTOCOLS, Protocol
from p2p_eval.results.doctor import check
from p2p_eval.results.findings import Finding
from p2p_eval.results.layouts import find_experiments
from p2p_eval.results.pairing import Pairing, pair
from p2p_eval.scores.bootstrap import DRAWS
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
from p2p_eval.scoring.fcn_report import (
    ExperimentScore,
    FCNScoreReport,
    official_text,
    per_image_csv,
    score_experiment,
)
from p2p_eval.scoring.scorer import (
    DEFAULT_LABEL_SET,
    check_outputs,
    foreign_weights,
    load_scorer,
)

if TYPE_CHECKING:
    from p2p_eval.scoring.predictor import Precision, Predictor

__all__ = ["FCNScoreReport", "fcn_score"]

SCORE_FOLDER = "fcn_score"
SUFFIXES = ("", "_strict")
NOT_PLAIN = re.compile(r"[^A-Za-z0-9._+-]")

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Work:
    """One experiment: its pairs, the signature of its counts, and what is known beforehand."""

    name: str
    pairing: Pairing
    signature: Signature
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def fcn_score(
    results: str | Path,
    *,
    cityscapes: str | Path | None = None,
    labels: str | Path | None = None,
    real: str | Path | None = None,
    weights: str | Path | None = None,
    protocol: Literal["paper", "strict", "both"] = "paper",
    label_set: str | Path | None = None,
    layout: str = "auto",
    split: str | None = None,
    precision: Precision = "fp32",
    out: str | Path = "p2p-eval-out",
    device: str = "auto",
    workers: int | None = None,
    seed: int = 0,
    draws: int = DRAWS,
    fresh: bool = False,
    keep_going: bool = False,
    save_predictions: bool = False,
    predictor: Predictor | None = None,
    progress: Progress | None = None,
) -> FCNScoreReport:
    """Score generated photos by how well an FCN-8s recognises in them what their labels say.

    Every frame's image is resized to its label map's size, goes through the network alone (so no
    figure depends on batching), and is counted. Counts are stored as they come: a run that was
    interrupted, at whatever moment, goes on from there and ends in the same bytes. Stored counts
    are reused only for the same image, label, weights and settings, by content.

    Writes ``<out>/<experiment>/fcn_score/{evaluation_results.txt, per_image.csv, confusion.npz,
    score.json}`` once all experiments are counted; with ``protocol="both"`` also
    ``evaluation_results_strict.txt`` and ``per_image_strict.csv``.

    Args:
        results: Folder of generated images, of one experiment or several.
        cityscapes: The original Cityscapes tree, which holds ``gtFine``.
        labels: Else a folder of label maps, named as the images.
        real: Folder of the real images, where ``results`` has none.
        weights: Name in :data:`fcn.catalogue.CATALOGUE` or a file; by default the label set's.
        protocol: ``paper``, ``strict`` or ``both``.
        label_set: Name or CSV file; by default what the weights say, else ``cityscapes``.
        layout: ``auto`` or one of :data:`p2p_eval.results.layouts.LAYOUTS`.
        split: Of the Cityscapes tree; by default the one that the images' names match.
        precision: ``fp32``, ``tf32`` (on a GPU) or ``bf16``.
        out: Folder for score files.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        workers: Threads that decode images; the number of cores by default.
        seed: Of the bootstrap.
        draws: Of the bootstrap.
        fresh: Score anew; use nothing stored before.
        keep_going: Leave out images that cannot be used, and name them in the report.
        save_predictions: Also write ``predictions/<frame>.png`` in the label set's colours.
        predictor: In place of the network; ``weights``, ``precision`` and ``device`` are not used.
        progress: Called with frames done and frames in total.

    Returns:
        The report; :meth:`~p2p_eval.scoring.fcn_report.FCNScoreReport.to_json` gives its document.

    Raises:
        InputError: An option, a folder, an image or a label cannot be used.
        StoreError: A score file is damaged, locked by another run, or cannot be written.
        fcn.errors.FCNError: The weights or the label set cannot be used.
    """
    _check_options(protocol, workers, seed, draws)
    protocols: tuple[Protocol, ...] = PROTOCOLS if protocol == "both" else (protocol,)
    out = Path(out)
    experiments = find_experiments(Path(results), layout, _path(real))
    remarks: tuple[str, ...] = ()
    if predictor is None:
        predictor, table, remarks = _network(weights, label_set, precision, device)
    else:
        table = find_label_set(label_set or DEFAULT_LABEL_SET)
    check_outputs(predictor.outputs, table)
    pairings = [
        pair(
            experiment,
            cityscapes=_path(cityscapes),
            labels=_path(labels),
            label_set=table,
            split=split,
            workers=workers,
        )
        for experiment in experiments
    ]
    how = Counting(workers, fresh, keep_going, save_predictions)
    works = [_plan(pairing, table, predictor, how, remarks) for pairing in pairings]
    with exclusive(out):
        counted = _count(works, table, predictor, out, how, progress)
        entries: list[ExperimentScore] = []
        files: dict[Path, bytes] = {}
        for work, rows in zip(works, counted, strict=True):
            scored = _score(work, rows, table, protocols, draws, seed)
            report = FCNScoreReport(predictor.identity, scored)
            for name, data in _files(work, rows, table, report).items():
                files[out / work.name / SCORE_FOLDER / name] = data
            entries += scored
        write_together(files)
        for work, rows in zip(works, counted, strict=True):
            _clean(out / work.name / SCORE_FOLDER, rows, protocols)
    return FCNScoreReport(predictor.identity, tuple(entries))


def _network(
    weights: str | Path | None, label_set: str | Path | None, precision: Precision, device: str
) -> tuple[Predictor, LabelSet, tuple[str, ...]]:
    """Load the network that scores; its weights are held by nobody else."""
    from p2p_eval.scoring.predictor import NetworkPredictor

    loaded, table = load_scorer(weights, label_set)
    predictor = NetworkPredictor(loaded, precision=precision, device=device)
    return predictor, table, foreign_weights(loaded, table)


def _check_options(protocol: str, workers: int | None, seed: int, draws: int) -> None:
    if protocol not in (*PROTOCOLS, "both"):
        raise InputError(f"got protocol {protocol!r}, expected paper, strict or both")
    for name, value, least in (("workers", workers, 1), ("seed", seed, 0), ("draws", draws, 1)):
        if value is not None and value < least:
            raise InputError(f"got {name} {value}, expected {least} or more")


def _path(value: str | Path | None) -> Path | None:
    return None if value is None else Path(value)


def _plan(
    pairing: Pairing,
    table: LabelSet,
    predictor: Predictor,
    how: Counting,
    remarks: Sequence[str],
) -> _Work:
    """Refuse what must not be scored, before any time is spent on the network."""
    findings = check(pairing, table, keep_going=how.keep_going, workers=how.workers)
    if not pairing.frames:
        raise InputError(f"{pairing.experiment.folder}: no image has a label ({pairing.how})")
    signature = Signature(
        "fcn-score",
        {
            "labels": pairing.label_kind,
            "label-set": f"{NOT_PLAIN.sub('_', table.name)}@{table.digest}",
            "outputs": str(predictor.outputs),
            "resize": "pil-bilinear",
            **predictor.settings,
        },
    )
    notes = [*remarks, *(_note(finding) for finding in findings if finding.level != "error")]
    return _Work(
        name=pairing.experiment.name,
        pairing=pairing,
        signature=signature,
        left_out=(
            *(f"{image}: it has no label map" for image in pairing.unmatched_images),
            *(f"{label}: it has no image" for label in pairing.unmatched_labels),
        ),
        notes=tuple(notes),
    )


def _note(finding: Finding) -> str:
    """Give a finding without its experiment, which the report names."""
    return str(replace(finding, experiment=""))


def _count(
    works: Sequence[_Work],
    table: LabelSet,
    predictor: Predictor,
    out: Path,
    how: Counting,
    progress: Progress | None,
) -> list[Counted]:
    """Count all experiments before any score is written: bad input leaves no half of a result."""
    total = sum(len(work.pairing.frames) for work in works)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    counted = []
    for work in works:
        rows = count_frames(
            work.pairing.frames,
            table,
            predictor,
            out / work.name / SCORE_FOLDER,
            settings=f"{work.signature}|{predictor.identity}|{__version__}",
            how=how,
            step=step,
        )
        if not rows.counts.any():
            raise InputError(
                f"{work.name}: no label map has a pixel of any class of the label set "
                f"{table.name}; give the --label-set of these labels"
            )
        counted.append(rows)
    return counted


def _score(
    work: _Work,
    rows: Counted,
    table: LabelSet,
    protocols: Sequence[Protocol],
    draws: int,
    seed: int,
) -> tuple[ExperimentScore, ...]:
    frames = len(rows.images)
    jpeg = "no" if not rows.jpegs else "yes" if rows.jpegs == frames else "some"
    settings = {
        "jpeg": jpeg, "bootstrap": str(draws), "seed": str(seed), "version": __version__,
    }  # fmt: skip
    return tuple(
        score_experiment(
            work.name,
            rows.images,
            rows.counts,
            table.names,
            protocol,
            signature=str(work.signature.first(protocol=protocol).replace(**settings)),
            draws=draws,
            seed=seed,
            left_out=(*work.left_out, *rows.left_out),
            notes=work.notes,
        )
        for protocol in protocols
    )


def _files(work: _Work, rows: Counted, table: LabelSet, report: FCNScoreReport) -> dict[str, bytes]:
    """Return an experiment's files by name, in the order of writing; score.json comes last."""
    signature = str(work.signature.replace(version=__version__))
    counts = FrameCounts(rows.images, rows.keys, rows.counts, table.names, signature)
    files = {CONFUSION: confusion_bytes(counts)}
    for suffix, entry in zip(SUFFIXES, report.experiments, strict=False):
        files[f"evaluation_results{suffix}.txt"] = official_text(entry).encode()
        csv = per_image_csv(rows.images, rows.counts, table.names, entry.protocol)
        files[f"per_image{suffix}.csv"] = csv.encode()
    document = json.dumps(report.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
    files["score.json"] = f"{document}\n".encode()
    return files


def _clean(folder: Path, rows: Counted, protocols: Sequence[Protocol]) -> None:
    """Remove what earlier runs left; the journal goes last, so that a kill costs nothing."""
    for suffix in SUFFIXES[len(protocols) :]:  # of an earlier run with both protocols
        remove(folder / f"evaluation_results{suffix}.txt")
        remove(folder / f"per_image{suffix}.csv")
    remove_other_predictions(folder, rows)
    remove(folder / JOURNAL)
