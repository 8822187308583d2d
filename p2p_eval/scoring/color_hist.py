"""Colour histograms of results folders: how far generated colours overlap with the real ones.

What is counted, and after whom, is in :mod:`p2p_eval.metrics.color_histogram`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from p2p_eval import __version__
from p2p_eval.errors import InputError
from p2p_eval.metrics.color_histogram import CHANNELS, RANGES
from p2p_eval.metrics.lab import SETTINGS
from p2p_eval.scores.bootstrap import DRAWS
from p2p_eval.scores.row_file import RowFile
from p2p_eval.scores.signature import Signature
from p2p_eval.scores.store import exclusive, write_together
from p2p_eval.scoring.color_hist_plot import figure
from p2p_eval.scoring.color_hist_report import (
    BIN_CHOICES,
    ColorHistReport,
    ExperimentColors,
    histogram_csv,
    intersection,
    intervals,
)
from p2p_eval.scoring.histograms import Counting, Histograms, count_pairs, open_rows
from p2p_eval.scoring.pairs import Pairs, find_pairs
from p2p_eval.scoring.remarks import pair_notes
from p2p_eval.scoring.run import check_least, document_bytes, jpeg_setting, stepper

__all__ = ["DEFAULT_BINS", "ColorHistReport", "color_histogram"]

DEFAULT_BINS = 128
"""The most of the choices at which each bin is wider than the step from one 8-bit value to the
next, at most 0.51 in L and 0.9 in a and b: with 256, rounding alone leaves gaps in L."""

SCORE_FOLDER = "color_hist"

Progress = Callable[[int, int], None]


def color_histogram(
    results: str | Path | Sequence[str | Path],
    *,
    real: str | Path | None = None,
    layout: str = "auto",
    bins: int = DEFAULT_BINS,
    out: str | Path = "p2p-eval-out",
    workers: int | None = None,
    seed: int = 0,
    draws: int = DRAWS,
    fresh: bool = False,
    keep_going: bool = False,
    progress: Progress | None = None,
) -> ColorHistReport:
    """Measure how far the colours of generated images overlap with those of the real ones.

    One histogram of L, of a and of b (CIE Lab, D65) over all pixels of all generated images, one
    over all pixels of their real images, each divided by its number of pixels; the figure of each
    channel is ``Σ min(p, q)``, as in the paper's Figure 7(d). Sizes of images may differ.

    The counts of each image are stored as they come, by content: a run that was interrupted, at
    whatever moment, goes on from there and ends in the same bytes. Memory does not grow with the
    number of images but for their names.

    Writes ``<out>/<experiment>/color_hist/{histograms.bin, histogram.csv, score.json}`` and the
    plot ``<out>/color_hist.{svg, png}`` once all experiments are counted.

    Args:
        results: Folder of generated images, of one experiment or several; or several folders.
        real: Folder of the real images, where ``results`` has none; pairs are made by name.
        layout: ``auto`` or one of :data:`p2p_eval.results.layouts.LAYOUTS`.
        bins: Of each channel: 32, 64, 128 or 256.
        out: Folder for score files.
        workers: Threads, each with one pair at a time; the number of cores by default.
        seed: Of the bootstrap.
        draws: Of the bootstrap.
        fresh: Count anew; use nothing stored before.
        keep_going: Leave out images that cannot be used, and name them in the report.
        progress: Called with pairs done and pairs in total.

    Returns:
        The report; ``to_json`` gives its document.

    Raises:
        InputError: An option, a folder or an image cannot be used.
        StoreError: A score file is damaged, locked by another run, or cannot be written.
    """
    if bins not in BIN_CHOICES:
        raise InputError(f"got bins {bins}, expected one of {', '.join(map(str, BIN_CHOICES))}")
    check_least(workers=workers, seed=seed, draws=draws)
    out = Path(out)
    works = find_pairs(results, real=real, layout=layout, keep_going=keep_going)
    settings = f"color-hist|{__version__}"
    how = Counting(settings, workers=workers, fresh=fresh, keep_going=keep_going)
    step = stepper(sum(len(work.pairs) for work in works), progress)
    entries = []
    with exclusive(out):
        for work in works:
            with open_rows(_folder(out, work), fresh=how.fresh) as rows:
                counted = count_pairs(work.pairs, rows, how, step)
                entries.append(_score(work, counted, rows, bins, draws, seed))
        report = ColorHistReport(tuple(entries))
        write_together(_files(out, works, report))
    return report


def _folder(out: Path, work: Pairs) -> Path:
    return out / work.experiment.name / SCORE_FOLDER


def _score(
    work: Pairs, counted: Histograms, rows: RowFile, bins: int, draws: int, seed: int
) -> ExperimentColors:
    ranges = (
        f"{name}={low:g}..{high:g}" for name, (low, high) in zip(CHANNELS, RANGES, strict=True)
    )
    signature = Signature(
        "color-hist",
        {
            **SETTINGS,
            "bins": str(bins),
            "ranges": ",".join(ranges),
            "pixels": "all",
            "jpeg": jpeg_setting(counted.jpegs, counted.images),
            "bootstrap": str(draws),
            "seed": str(seed),
            "version": __version__,
        },
    )
    return ExperimentColors(
        name=work.experiment.name,
        images=counted.images,
        bins=bins,
        intersection=intersection(counted.totals, bins),
        ci95=intervals(
            lambda: rows.blocks(range(counted.images)),
            counted.images,
            bins,
            draws=draws,
            seed=seed,
        ),
        sensitivity={choice: intersection(counted.totals, choice) for choice in BIN_CHOICES},
        counts=counted.totals,
        signature=str(signature),
        left_out=(*work.left_out, *counted.left_out),
        notes=(*work.notes, *_notes(counted)),
    )


def _notes(counted: Histograms) -> list[str]:
    images = counted.images
    notes = [
        f"note: {images} pairs by name; other images are in neither histogram",
        *pair_notes(images, jpegs=counted.jpegs, same=counted.same),
    ]
    generated, real = counted.totals[:, 0].sum(-1).tolist()
    if generated != real:
        notes.append(
            f"note: {generated} generated and {real} real pixels: sizes differ, and each histogram "
            "is divided by its own number"
        )
    if images < 2:
        notes.append("note: one image: no 95 % intervals")
    return notes


def _files(out: Path, works: Sequence[Pairs], report: ColorHistReport) -> dict[Path, bytes]:
    files: dict[Path, bytes] = {}
    for work, entry in zip(works, report.experiments, strict=True):
        folder = _folder(out, work)
        files[folder / "histogram.csv"] = histogram_csv(entry.counts, entry.bins).encode()
        files[folder / "score.json"] = document_bytes(ColorHistReport((entry,)).to_json())
    for suffix, data in figure(report.experiments).items():
        files[out / f"color_hist.{suffix}"] = data
    return files
