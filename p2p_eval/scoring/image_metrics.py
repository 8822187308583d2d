"""Image metrics of results folders: generated images against the real ones, score files out.

What each metric computes, and after whom, is in :mod:`p2p_eval.metrics`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from p2p_eval import __version__
from p2p_eval.errors import InputError
from p2p_eval.metrics.metric import Metric
from p2p_eval.results.several import find_in_all
from p2p_eval.scores.bootstrap import DRAWS
from p2p_eval.scores.feature_cache import FeatureCache
from p2p_eval.scores.signature import Signature
from p2p_eval.scores.store import exclusive, remove, write_together
from p2p_eval.scores.values_file import MetricFacts, MetricValues
from p2p_eval.scoring.measuring import JOURNAL, VALUES, Measured, Measuring, measure_pairs
from p2p_eval.scoring.metric_choice import DEFAULT_METRICS, choose
from p2p_eval.scoring.metrics_report import (
    ExperimentMetrics,
    ImageMetricsReport,
    per_image_csv,
    summarise,
)
from p2p_eval.scoring.pairs import Pairs, pair_up
from p2p_eval.scoring.predictor import pick_device

__all__ = ["ImageMetricsReport", "image_metrics"]

SCORE_FOLDER = "metrics"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Result:
    """One experiment: its pairs, what was measured of them, and all values."""

    pairs: Pairs
    measured: Measured
    values: MetricValues

    @property
    def name(self) -> str:
        return self.pairs.experiment.name


def image_metrics(
    results: str | Path | Sequence[str | Path],
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    real: str | Path | None = None,
    layout: str = "auto",
    out: str | Path = "p2p-eval-out",
    device: str = "auto",
    workers: int | None = None,
    seed: int = 0,
    draws: int = DRAWS,
    fresh: bool = False,
    keep_going: bool = False,
    lpips_weights: str | Path | None = None,
    progress: Progress | None = None,
) -> ImageMetricsReport:
    """Measure how near generated images are to the real ones.

    Every pair is measured alone, so no value depends on a batch or on the number of workers.
    Values are stored as they come: a run that was interrupted, at whatever moment, goes on from
    there and ends in the same bytes. Stored values are reused only for the same contents of both
    files and the same signature, so that a metric that is added later is the only one computed.

    Writes ``<out>/<experiment>/metrics/{values.json, per_image.csv, score.json}`` once all
    experiments are measured.

    Args:
        results: Folder of generated images, of one experiment or several; or several folders.
        metrics: Names, as :func:`p2p_eval.scoring.metric_choice.resolve` takes them.
        real: Folder of the real images, where ``results`` has none.
        layout: ``auto`` or one of :data:`p2p_eval.results.layouts.LAYOUTS`.
        out: Folder for score files.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        workers: Threads, each with one pair at a time; the number of cores by default.
        seed: Of the bootstrap.
        draws: Of the bootstrap.
        fresh: Measure anew; use nothing stored before.
        keep_going: Leave out images that cannot be used, and name them in the report.
        lpips_weights: File of the backbone's weights, where one LPIPS metric is asked for.
        progress: Called with pairs done and pairs in total.

    Returns:
        The report; ``to_json`` gives its document.

    Raises:
        InputError: An option, a folder or an image cannot be used.
        StoreError: A score file is damaged, locked by another run, or cannot be written.
    """
    for option, value, least in (("workers", workers, 1), ("seed", seed, 0), ("draws", draws, 1)):
        if value is not None and value < least:
            raise InputError(f"got {option} {value}, expected {least} or more")
    out = Path(out)
    place = pick_device(device)
    roots = [results] if isinstance(results, str | Path) else results
    experiments = find_in_all(
        [Path(root) for root in roots], layout, None if real is None else Path(real)
    )
    works = [pair_up(experiment, keep_going=keep_going) for experiment in experiments]
    chosen = choose(metrics, None if lpips_weights is None else Path(lpips_weights), str(place))
    signatures = {metric.name: _signature(metric, place.type) for metric in chosen.metrics}
    how = Measuring(
        metrics={
            str(signatures[metric.name].replace(version=__version__)): metric
            for metric in chosen.metrics
        },
        device=place,
        cache=FeatureCache.of_user(),
        out=out,
        workers=workers,
        fresh=fresh,
        keep_going=keep_going,
    )
    with exclusive(out):
        done = _measure_all(works, how, progress)
        report = ImageMetricsReport(
            tuple(_score(result, signatures, draws, seed) for result in done), chosen.unavailable
        )
        files: dict[Path, bytes] = {}
        for result, entry in zip(done, report.experiments, strict=True):
            part = ImageMetricsReport((entry,), chosen.unavailable).to_json()
            text = json.dumps(part, indent=2, ensure_ascii=False, allow_nan=False)
            folder = out / result.name / SCORE_FOLDER
            files[folder / VALUES] = result.values.to_bytes()
            files[folder / "per_image.csv"] = per_image_csv(result.values).encode()
            files[folder / "score.json"] = f"{text}\n".encode()
        write_together(files)
        for result in done:  # last, so that a kill costs nothing
            remove(out / result.name / SCORE_FOLDER / JOURNAL)
    return report


def _signature(metric: Metric, device: str) -> Signature:
    """Everything that a value depends on besides the package's version."""
    name, _, variant = metric.name.removesuffix("]").partition("[")
    named = {"variant": variant} if variant else {}
    return Signature(name, {**named, **metric.settings, "device": device})


def _measure_all(
    works: Sequence[Pairs], how: Measuring, progress: Progress | None
) -> list[_Result]:
    """Measure all experiments before any score is written: bad input leaves no half of a result."""
    total = sum(len(work.pairs) for work in works)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    facts = {
        metric.name: MetricFacts(line, metric.better, metric.unit)
        for line, metric in how.metrics.items()
    }
    results = []
    for work in works:
        name = work.experiment.name
        measured = measure_pairs(work.pairs, how.out / name / SCORE_FOLDER, how, step)
        results.append(_Result(work, measured, MetricValues(name, facts, measured.rows)))
    return results


def _score(
    result: _Result, signatures: Mapping[str, Signature], draws: int, seed: int
) -> ExperimentMetrics:
    measured, images = result.measured, len(result.measured.rows)
    jpeg = "no" if not measured.jpegs else "yes" if measured.jpegs == images else "some"
    settings = {
        "jpeg": jpeg, "bootstrap": str(draws), "seed": str(seed), "version": __version__,
    }  # fmt: skip
    complete = {name: line.replace(**settings) for name, line in signatures.items()}
    return ExperimentMetrics(
        name=result.name,
        images=images,
        metrics=summarise(result.values, complete, draws=draws, seed=seed),
        left_out=(*result.pairs.left_out, *measured.left_out),
        notes=(*result.pairs.notes, *_notes(measured)),
    )


def _notes(measured: Measured) -> list[str]:
    images, notes = len(measured.rows), []
    if measured.jpegs:
        notes.append(
            f"warning: {measured.jpegs} of {images} images are JPEGs: the figures are of the "
            "compression too, and not comparable with those of PNGs; save the generated images as "
            "PNGs"
        )
    same = sum(
        row.files["output"].sha256 == row.files["target"].sha256
        and row.files["output"].half == row.files["target"].half
        for row in measured.rows
    )
    if same:
        notes.append(
            f"note: {same} of {images} images are the very files of their real images: right for "
            "a ground-truth row; otherwise give the generated images"
        )
    if images < 2:
        notes.append("note: one image: no standard deviation and no 95 % intervals")
    return notes
