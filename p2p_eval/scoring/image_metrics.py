"""Image metrics of results folders: generated images against the real ones, score files out.

What each metric computes, and after whom, is in :mod:`p2p_eval.metrics`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fcn.files import sha256_of
from p2p_eval import __version__
from p2p_eval.device import pick_device
from p2p_eval.errors import InputError
from p2p_eval.metrics.metric import Metric
from p2p_eval.scores.bootstrap import DRAWS
from p2p_eval.scores.feature_cache import FeatureCache
from p2p_eval.scores.signature import Signature
from p2p_eval.scores.store import exclusive, remove, write_together
from p2p_eval.scores.values_file import MetricFacts, MetricValues
from p2p_eval.scoring.comparison import Side, check_same_ids, compare_sides, remove_stale
from p2p_eval.scoring.measuring import JOURNAL, VALUES, Measured, Measuring, measure_pairs
from p2p_eval.scoring.metric_choice import DEFAULT_METRICS, Unavailable, choose
from p2p_eval.scoring.metrics_report import (
    ExperimentMetrics,
    ImageMetricsReport,
    MetricScore,
    per_image_csv,
    summarise,
)
from p2p_eval.scoring.pairs import Pairs, find_pairs
from p2p_eval.scoring.remarks import pair_notes
from p2p_eval.scoring.run import check_least, document_bytes, jpeg_setting, stepper
from p2p_eval.scoring.set_metrics import SetMetrics, set_note
from p2p_eval.scoring.set_scores import SETS, SetFigures, SetWork, score_sets, sets_bytes

__all__ = ["ImageMetricsReport", "image_metrics"]

SCORE_FOLDER = "metrics"
COMPARISON = "metrics_comparison.json"

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
    metrics: str | Sequence[str] = DEFAULT_METRICS,
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
    compare: bool = False,
    progress: Progress | None = None,
) -> ImageMetricsReport:
    """Measure how near generated images are to the real ones.

    No value depends on what else is measured or on the number of workers.
    Values are stored as they come: a run that was interrupted, at whatever moment, goes on from
    there and ends in the same bytes. Stored values are reused only for the same contents of both
    files and the same signature, so that a metric that is added later is the only one computed.

    Writes ``<out>/<experiment>/metrics/{values.json, per_image.csv, score.json}`` once all
    experiments are measured; with FID or KID also ``sets.json`` there, and with ``compare``
    ``<out>/metrics_comparison.json``; without it, a comparison of values that have changed since
    is removed. The files hold the metrics of the last run, and no others.

    Args:
        results: Folder of generated images, of one experiment or several; or several folders.
        metrics: Names, as :func:`p2p_eval.scoring.metric_choice.resolve` takes them.
        real: Folder of the real images, where ``results`` has none.
        layout: ``auto`` or one of :data:`p2p_eval.results.layouts.LAYOUTS`.
        out: Folder for score files.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        workers: Threads, each with some small pairs or one large one at a time; the number of cores
            by default.
        seed: Of the bootstrap.
        draws: Of the bootstrap.
        fresh: Measure anew; use nothing stored before.
        keep_going: Leave out images that cannot be used, and name them in the report.
        lpips_weights: File of the backbone's weights, where one LPIPS metric is asked for.
        compare: Also compare each further experiment with the first, on the same images.
        progress: Called with pairs done and pairs in total; for FID and KID then with images.

    Returns:
        The report; ``to_json`` gives its document.

    Raises:
        InputError: An option, a folder or an image cannot be used.
        StoreError: A score file is damaged, locked by another run, or cannot be written.
    """
    check_least(workers=workers, seed=seed, draws=draws)
    out = Path(out)
    place = pick_device(device)
    works = find_pairs(results, real=real, layout=layout, keep_going=keep_going)
    if compare:
        check_same_ids(
            {work.experiment.name: [pair.id for pair in work.pairs] for work in works},
            keep_going=keep_going,
        )
    chosen = choose(metrics, None if lpips_weights is None else Path(lpips_weights), str(place))
    if not (chosen.metrics or chosen.sets):
        raise _none_can_run(chosen.unavailable)
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
        sets, lacking = _score_sets(chosen.sets, done, how, seed, progress)
        unavailable = (*chosen.unavailable, *lacking)
        if lacking and not chosen.metrics:
            raise _none_can_run(unavailable)
        entries = tuple(
            _score(result, signatures, figures, draws, seed)
            for result, figures in zip(done, sets, strict=True)
        )
        files: dict[Path, bytes | Iterable[bytes]] = {}
        for result, figures, entry in zip(done, sets, entries, strict=True):
            part = ImageMetricsReport((entry,), unavailable).to_json()
            folder = out / result.name / SCORE_FOLDER
            files[folder / VALUES] = result.values.lines()
            files[folder / "per_image.csv"] = per_image_csv(result.values)
            if figures:
                files[folder / SETS] = sets_bytes(_set_work(result, out), figures)
            files[folder / "score.json"] = document_bytes(part)
        compared = None
        if compare:
            compared = compare_sides(
                [
                    Side(result.values, {metric.name: metric.signature for metric in entry.metrics})
                    for result, entry in zip(done, entries, strict=True)
                ],
                out=out,
                keep_going=keep_going,
                draws=draws,
                seed=seed,
            )
            files[out / COMPARISON] = document_bytes(compared.to_json())
        else:
            changed = [result.name for result in done if fresh or _changed(result, out)]
            remove_stale(out / COMPARISON, changed)
        write_together(files)
        for result in done:  # last, so that a kill costs nothing
            remove(out / result.name / SCORE_FOLDER / JOURNAL)
    return ImageMetricsReport(entries, unavailable, compared)


def _none_can_run(unavailable: Sequence[Unavailable]) -> InputError:
    reasons = "\n".join(f"{lacking.metric}: {lacking.reason}" for lacking in unavailable)
    return InputError(f"none of the metrics asked for can run\n{reasons}")


def _changed(result: _Result, out: Path) -> bool:
    """Whether the experiment's file of values will be another one than there is."""
    path = out / result.name / SCORE_FOLDER / VALUES
    if not path.is_file():
        return True
    new = hashlib.sha256()
    for line in result.values.lines():
        new.update(line)
    return sha256_of(path) != new.hexdigest()


def _signature(metric: Metric, device: str) -> Signature:
    """Everything that a value depends on besides the package's version."""
    name, _, variant = metric.name.removesuffix("]").partition("[")
    named = {"variant": variant} if variant else {}
    return Signature(name, {**named, **metric.settings, "device": device})


def _measure_all(
    works: Sequence[Pairs], how: Measuring, progress: Progress | None
) -> list[_Result]:
    """Measure all experiments before any score is written: bad input leaves no half of a result."""
    step = stepper(sum(len(work.pairs) for work in works), progress)
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


def _score_sets(
    names: Sequence[str],
    done: Sequence[_Result],
    how: Measuring,
    seed: int,
    progress: Progress | None,
) -> tuple[Sequence[SetFigures], tuple[Unavailable, ...]]:
    """Compute what is of whole sets, or say why it cannot be."""
    none: list[SetFigures] = [{} for _ in done]
    if not names:
        return none, ()
    try:
        metrics = SetMetrics(device=str(how.device), seed=seed)
    except InputError as error:
        return none, tuple(Unavailable(name, str(error)) for name in names)
    with metrics:
        works = [_set_work(result, how.out) for result in done]
        return score_sets(names, works, metrics, fresh=how.fresh, progress=progress), ()


def _set_work(result: _Result, out: Path) -> SetWork:
    folder = out / result.name / SCORE_FOLDER
    return SetWork.of(folder, result.pairs.pairs, result.values.rows)


def _score(
    result: _Result,
    signatures: Mapping[str, Signature],
    sets: SetFigures,
    draws: int,
    seed: int,
) -> ExperimentMetrics:
    measured, images = result.measured, len(result.measured.rows)
    jpeg = jpeg_setting(measured.jpegs, images)
    settings = {
        "jpeg": jpeg, "bootstrap": str(draws), "seed": str(seed), "version": __version__,
    }  # fmt: skip
    complete = {name: line.replace(**settings) for name, line in signatures.items()}
    of_sets = tuple(
        MetricScore(
            name,
            better="lower",
            unit="",
            mean=figure.value,
            std=math.nan if figure.std is None else figure.std,
            ci95=(math.nan, math.nan),
            infinite=0,
            signature=str(line.replace(jpeg=jpeg, version=__version__)),
        )
        for name, (line, figure) in sets.items()
    )
    set_notes = [note for name in sets if (note := set_note(name, images)) is not None]
    return ExperimentMetrics(
        name=result.name,
        images=images,
        metrics=(*summarise(result.values, complete, draws=draws, seed=seed), *of_sets),
        left_out=(*result.pairs.left_out, *measured.left_out),
        notes=(*result.pairs.notes, *_notes(measured), *set_notes),
    )


def _notes(measured: Measured) -> list[str]:
    images = len(measured.rows)
    same = sum(
        row.files["output"].sha256 == row.files["target"].sha256
        and row.files["output"].half == row.files["target"].half
        for row in measured.rows
    )
    notes = pair_notes(images, jpegs=measured.jpegs, same=same)
    if images < 2:
        notes.append("note: one image: no standard deviation and no 95 % intervals")
    return notes
