"""Collect the score files of a folder; nothing is scored here."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from p2p_eval.errors import InputError
from p2p_eval.folders import list_folder, natural_key
from p2p_eval.metrics.confusion import FIGURES
from p2p_eval.report.collected import (
    CHANNELS,
    ClassFigures,
    Collected,
    ColorScore,
    Comparison,
    Confusion,
    Diversity,
    Experiment,
    Histogram,
    ImageMetrics,
    MetricFigures,
    Segmentation,
    SegmentationEntry,
    Study,
)
from p2p_eval.report.study import read_study
from p2p_eval.scores.confusion_file import read_confusion
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
from p2p_eval.scores.numbers import Figure
from p2p_eval.scores.values_file import read_metric_values

__all__ = ["collect"]

MAX_EXPERIMENTS = 100
MAX_BINS = 4096
HISTOGRAM_COLUMNS = ["channel", "low", "high", "generated", "real"]


def collect(out: Path) -> Collected:
    """Read every score file of a folder.

    Args:
        out: The ``--out`` of the commands that score.

    Raises:
        InputError: There is no such folder, no score file in it, or too many experiments.
        StoreError: A score file is damaged or of another version; the message names it.
    """
    reader = _Reader(out)
    experiments = []
    for name in sorted(list_folder(out).folders, key=natural_key):
        experiment = reader.experiment(name)
        if experiment is not None:
            experiments.append(experiment)
        if len(experiments) > MAX_EXPERIMENTS:
            raise InputError(
                f"{out}: got more than {MAX_EXPERIMENTS} experiments, which no page could show; "
                "move some of their folders elsewhere"
            )
    diversity, study = reader.diversity(), reader.study()
    if not experiments and diversity is None and study is None:
        raise InputError(
            f"{out}: got no score file, expected <experiment>/metrics/score.json, or one in "
            "fcn_score, seg_score or color_hist; score results first, as with `p2p-eval metrics "
            f"RESULTS --out {out}`"
        )
    comparisons, not_compared = reader.comparisons()
    return Collected(
        tuple(experiments), comparisons, not_compared, diversity, study, tuple(reader.sources)
    )


@dataclass
class _Reader:
    """Reads score files below a folder, and remembers which."""

    out: Path
    sources: list[Source] = field(default_factory=list)

    def experiment(self, name: str) -> Experiment | None:
        """Everything known of one experiment; None if that is nothing."""
        folder = self.out / name
        kinds = ("metrics", "fcn_score", "seg_score", "color_hist")
        has = {kind: (folder / kind / "score.json").exists() for kind in kinds}
        if not any(has.values()):
            return None
        return Experiment(
            name,
            metrics=self.image_metrics(folder / "metrics") if has["metrics"] else None,
            fcn=self.segmentation(folder / "fcn_score", "fcn") if has["fcn_score"] else None,
            seg=self.segmentation(folder / "seg_score", "seg") if has["seg_score"] else None,
            color=self.color(folder / "color_hist") if has["color_hist"] else None,
        )

    def image_metrics(self, folder: Path) -> ImageMetrics:
        """``metrics/score.json`` and ``values.json``."""
        document = self._document(folder / "score.json", "p2p-eval/metrics/1")
        node = only_experiment(document)
        metrics = {name: _metric(entry) for name, entry in node["metrics"].items()}
        path = folder / "values.json"
        self._remember(path, hashlib.sha256(read_bytes(path)).hexdigest())
        values = read_metric_values(path)
        images = node["images"].count()
        if len(values.rows) != images or not values.metrics.keys() <= metrics.keys():
            raise different_runs(folder, "score.json and values.json hold other images or metrics")
        return ImageMetrics(
            images=images,
            metrics=metrics,
            rows=tuple(values.rows),
            left_out=_texts(node, "left_out"),
            notes=_texts(node, "notes"),
            unavailable=tuple(
                (entry["metric"].text(), entry["reason"].text())
                for entry in document.find("unavailable") or ()
            ),
        )

    def segmentation(self, folder: Path, kind: str) -> Segmentation:
        """``score.json`` and ``confusion.npz`` of an FCN-score or a seg-score."""
        document = self._document(folder / "score.json", f"p2p-eval/{kind}-score/1")
        entries = tuple(map(_segmentation_entry, document["experiments"]))
        path = folder / "confusion.npz"
        self._remember(path, hashlib.sha256(read_bytes(path)).hexdigest())
        counts = read_confusion(path)
        if any(entry.frames != len(counts.images) for entry in entries):
            raise different_runs(
                folder, f"confusion.npz holds {len(counts.images)} frames, others not"
            )
        return Segmentation(entries, Confusion(counts.classes, counts.counts.sum(0)))

    def color(self, folder: Path) -> ColorScore:
        """``color_hist/score.json`` and ``histogram.csv``."""
        node = only_experiment(self._document(folder / "score.json", "p2p-eval/color-hist/1"))
        ends = node["ci95"]
        return ColorScore(
            images=node["images"].count(),
            bins=node["bins"].count(),
            intersection={
                channel: _interval(value, ends.find(channel))
                for channel, value in _channels(node["intersection"]).items()
            },
            sensitivity={
                int(bins): _channels(entry)
                for bins, entry in node["sensitivity"].items()
                if bins.isdecimal()
            },
            signature=node["signature"].text(),
            histograms=self._histograms(folder / "histogram.csv"),
            left_out=_texts(node, "left_out"),
            notes=_texts(node, "notes"),
        )

    def comparisons(self) -> tuple[tuple[Comparison, ...], tuple[str, ...]]:
        """``metrics_comparison.json``, if it is there; and what was not compared, and why."""
        path = self.out / "metrics_comparison.json"
        if not path.exists():
            return (), ()
        document = self._document(path, "p2p-eval/metrics-comparison/1")
        alone = (f"{image}: only one of the two has it" for image in _texts(document, "left_out"))
        return (
            tuple(map(_comparison, document["comparisons"])),
            (*_texts(document, "refused"), *alone),
        )

    def diversity(self) -> Diversity | None:
        """``metrics_diversity.json``, if it is there."""
        path = self.out / "metrics_diversity.json"
        if not path.exists():
            return None
        node = self._document(path, "p2p-eval/metrics-diversity/1")
        return Diversity(
            metric=node["metric"].text(),
            samples=node["samples"].texts(),
            images=node["images"].count(),
            mean=_interval(node["mean"].number_or_none(), node.find("ci95")),
            std=node["std"].number_or_none(),
            infinite=node["infinite"].count(),
            signature=node["signature"].text(),
            left_out=_texts(node, "left_out"),
            notes=_texts(node, "notes"),
        )

    def study(self) -> Study | None:
        """``study.json``, if it is there."""
        path = self.out / "study.json"
        if not path.exists():
            return None
        return read_study(self._document(path, "p2p-eval/study/1"))

    def _histograms(self, path: Path) -> dict[str, Histogram]:
        data = read_bytes(path)
        self._remember(path, hashlib.sha256(data).hexdigest())
        try:
            table = list(csv.reader(io.StringIO(data.decode("utf-8"))))
            if not table or table[0] != HISTOGRAM_COLUMNS:
                raise ValueError(f"its first line is not {','.join(HISTOGRAM_COLUMNS)}")
            return {channel: _histogram(channel, table[1:]) for channel in CHANNELS}
        except (ValueError, csv.Error, OverflowError) as error:
            raise damaged(path, error) from error

    def _document(self, path: Path, schema: str) -> Node:
        node, sha256 = read_document(path, schema)
        self._remember(path, sha256)
        return node

    def _remember(self, path: Path, sha256: str) -> None:
        self.sources.append(Source(path.relative_to(self.out).as_posix(), sha256))


def _texts(node: Node, key: str) -> tuple[str, ...]:
    found = node.find(key)
    return () if found is None else found.texts()


def _interval(value: float | None, ends: Node | None) -> Figure:
    return Figure(value, *interval_ends(ends))


def _metric(node: Node) -> MetricFigures:
    return MetricFigures(
        mean=_interval(node["mean"].number_or_none(), node.find("ci95")),
        std=node["std"].number_or_none(),
        better=node["better"].one_of("higher", "lower", "zero"),
        unit=node["unit"].text(),
        infinite=node["infinite"].count(),
        signature=node["signature"].text(),
    )


def _segmentation_entry(node: Node) -> SegmentationEntry:
    return SegmentationEntry(
        protocol=node["protocol"].one_of("paper", "strict"),
        frames=node["frames"].count(),
        dropped=node["dropped_frames"].count(),
        figures={
            key: _interval(node[key].number_or_none(), node["ci95"].find(key)) for key in FIGURES
        },
        per_class=tuple(
            ClassFigures(
                entry["class"].text(),
                entry["acc"].number_or_none(),
                entry["iou"].number_or_none(),
            )
            for entry in node["per_class"]
        ),
        signature=node["signature"].text(),
        left_out=_texts(node, "left_out"),
        notes=_texts(node, "notes"),
    )


def _channels(node: Node) -> dict[str, float | None]:
    return {channel: node[channel].number_or_none() for channel in CHANNELS}


def _comparison(node: Node) -> Comparison:
    return Comparison(
        a=node["a"].text(),
        b=node["b"].text(),
        metric=node["metric"].text(),
        images=node["images"].count(),
        difference=_interval(node["difference"].number_or_none(), node.find("ci95")),
        p=node["p"].number_or_none(),
        winner=None if (winner := node.find("winner")) is None else winner.text(),
        mean_a=node["mean_a"].number_or_none(),
        mean_b=node["mean_b"].number_or_none(),
        left_out_infinite=node["left_out_infinite"].count(),
        signature=node["signature"].text(),
    )


def _histogram(channel: str, table: list[list[str]]) -> Histogram:
    rows = [row for row in table if row and row[0] == channel]
    if not 0 < len(rows) <= MAX_BINS:
        raise ValueError(f"channel {channel} has {len(rows)} bins, expected 1 to {MAX_BINS}")
    if any(len(row) != len(HISTOGRAM_COLUMNS) for row in rows):
        raise ValueError(f"a row of channel {channel} has not {len(HISTOGRAM_COLUMNS)} cells")
    lows, highs = ([float(row[column]) for row in rows] for column in (1, 2))
    edges = np.array([*lows, highs[-1]])
    counts = np.array([[int(row[3]), int(row[4])] for row in rows], np.int64)
    rising = np.isfinite(edges).all() and (np.diff(edges) > 0).all() and highs[:-1] == lows[1:]
    if not rising or (counts < 0).any():
        raise ValueError(f"channel {channel} has bins with gaps, or negative counts")
    return Histogram(edges, counts[:, 0], counts[:, 1])
