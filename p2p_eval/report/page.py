"""The page: everything that the score files of a folder say, in one file that loads nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment

from p2p_eval import __version__
from p2p_eval.report.collected import Collected, Experiment, Segmentation, SegmentationEntry
from p2p_eval.report.figures import color_groups, distributions, heat
from p2p_eval.report.read import collect
from p2p_eval.report.study import difference_table, study_panel, study_table
from p2p_eval.report.tables import (
    Table,
    color_table,
    comparison_groups,
    diversity_table,
    metrics_tables,
    segmentation_table,
    sensitivity_table,
)
from p2p_eval.report.triplets import Gallery, Thumbnails, gallery
from p2p_eval.results.findings import counted
from p2p_eval.scores.store import write_atomic
from p2p_eval.tables.paper import FIGURE_7, TABLE_1, TABLE_6
from p2p_eval.templates import environment

__all__ = ["ReportPage", "write_report"]

WARNING = "warning: "
PROTOCOLS = {
    "paper": "as the official script counts, its quirks included",
    "strict": "absent classes left out of the means, no frame dropped",
}
REFERENCES = {
    "fcn": {
        "title": "the paper's Table 1: Cityscapes labels→photos",
        "caveat": "Other images, and unless the signature names the authors' weights, another "
        "scorer: compare the order, not the figures.",
        "rows": TABLE_1,
    },
    "seg": {
        "title": "the paper's Table 6: Cityscapes photo→labels",
        "caveat": "Other images, and a decoder that was never published: compare the order, not "
        "the figures.",
        "rows": TABLE_6,
    },
}


@dataclass(frozen=True, slots=True)
class ReportPage:
    """Where the page lies, what it shows, and which images it could not show."""

    path: Path
    experiments: tuple[str, ...]
    missing: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Remark:
    """What a reader should know of a score, and the experiments of which it is said."""

    score: str
    text: str
    experiments: tuple[str, ...]


def write_report(
    out: str | Path,
    to: str | Path | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> ReportPage:
    """Write one HTML page of every score file in a folder. The same files give the same bytes.

    Args:
        out: The ``--out`` of the commands that score.
        to: The file to write; ``<out>/report.html`` by default.
        progress: Called with experiments whose images are drawn, and experiments in total.

    Raises:
        InputError: There is no score file in ``out``.
        StoreError: A score file is damaged, or the page could not be written.
    """
    out = Path(out)
    to = out / "report.html" if to is None else Path(to)
    collected = collect(out)
    thumbnails = Thumbnails(out)
    galleries = []
    for number, experiment in enumerate(collected.experiments):
        galleries.append((experiment.name, gallery(experiment, thumbnails)))
        if progress is not None:
            progress(number + 1, len(collected.experiments))
    write_atomic(to, _render(collected, galleries, thumbnails).encode())
    names = tuple(experiment.name for experiment in collected.experiments)
    return ReportPage(to, names, tuple(thumbnails.missing))


def _render(
    collected: Collected, galleries: Sequence[tuple[str, list[Gallery]]], thumbnails: Thumbnails
) -> str:
    experiments, diversity = collected.experiments, collected.diversity
    metrics = metrics_tables(experiments)
    color = color_table(experiments)
    scores = [
        _segmentation(experiments, "fcn", "FCN-score"),
        _segmentation(experiments, "seg", "seg-score"),
    ]
    study = collected.study
    rates = study_table(study) if study else None
    tables = [
        *metrics,
        color,
        rates,
        *(table for score in scores for _, _, table in score["tables"]),
    ]
    remarks = _remarks(collected)
    return _environment().get_template("page.html.j2").render(
        version=__version__,
        experiments=experiments,
        metrics=metrics,
        panels=distributions(experiments),
        comparisons=comparison_groups(collected.comparisons),
        not_compared=collected.not_compared,
        diversity=diversity,
        diversity_table=diversity_table(diversity) if diversity else None,
        study=study,
        study_table=rates,
        study_differences=difference_table(study) if study else None,
        study_panel=study_panel(study) if study else None,
        scores=scores,
        color=color,
        sensitivity=sensitivity_table(experiments),
        color_groups=color_groups(experiments),
        galleries=[(name, found) for name, found in galleries if found],
        pictures=thumbnails.shown,
        missing=thumbnails.missing,
        warnings=[r for r in remarks if r.text.startswith(WARNING)],
        notes=[r for r in remarks if not r.text.startswith(WARNING)],
        unavailable=_unavailable(experiments),
        left_out=_left_out(collected),
        mixed=any(table.mixed for table in tables if table),
        sources=collected.sources,
        color_reference=FIGURE_7,
    )  # fmt: skip


def _segmentation(experiments: Sequence[Experiment], kind: str, title: str) -> dict[str, Any]:
    """One score of both: its tables, one a protocol, its bars and its confusion matrices."""
    scored: list[tuple[str, Segmentation]] = [
        (entry.name, score) for entry in experiments if (score := getattr(entry, kind))
    ]
    tables: list[tuple[str, str, Table]] = []
    bars: list[tuple[str, list[tuple[str, SegmentationEntry]]]] = []
    for protocol, meaning in PROTOCOLS.items():
        rows = [
            (name, entry)
            for name, score in scored
            for entry in score.entries
            if entry.protocol == protocol
        ]
        if rows:
            tables.append((protocol, meaning, segmentation_table(rows)))
            bars.append((protocol, rows))
    return {
        "id": kind,
        "reference": REFERENCES.get(kind) if scored else None,
        "title": title,
        "tables": tables,
        "bars": bars,
        "heats": [(name, heat(score.confusion)) for name, score in scored],
    }


def _remarks(collected: Collected) -> list[Remark]:
    """Every note once, with all experiments that have it."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for name, score, notes, _ in _texts(collected):
        for note in notes:
            found.setdefault((score, note), {})[name] = None
    return [Remark(score, text, tuple(names)) for (score, text), names in found.items()]


def _left_out(collected: Collected) -> list[tuple[str, str, list[str]]]:
    """Experiment, score and what it left out, where it did."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for name, score, _, rows in _texts(collected):
        if rows:
            found.setdefault((name, score), {}).update(dict.fromkeys(rows))
    return [(name, score, list(rows)) for (name, score), rows in found.items()]


def _texts(
    collected: Collected,
) -> Iterable[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
    """Experiment, score, its notes and what it left out."""
    for entry in collected.experiments:
        if entry.metrics:
            yield entry.name, "image metrics", entry.metrics.notes, entry.metrics.left_out
        for title, score in (("FCN-score", entry.fcn), ("seg-score", entry.seg)):
            for part in score.entries if score else ():
                yield entry.name, title, part.notes, part.left_out
        if entry.color:
            yield entry.name, "colour histograms", entry.color.notes, entry.color.left_out
    if collected.diversity:
        yield "samples", "diversity", collected.diversity.notes, collected.diversity.left_out
    if collected.study:
        yield "sessions", "real vs fake", collected.study.notes, collected.study.left_out


def _unavailable(experiments: Iterable[Experiment]) -> list[tuple[str, str]]:
    """Metrics that could not run, with the reason, once."""
    return list(
        dict.fromkeys(
            row for entry in experiments if entry.metrics for row in entry.metrics.unavailable
        )
    )


def _environment() -> Environment:
    made = environment("p2p_eval.report")
    made.filters["short"] = _short
    made.globals["counted"] = counted
    return made


def _short(text: str, most: int) -> str:
    """Cut a text that would not fit."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
