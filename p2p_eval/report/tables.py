"""The report's tables: figures beside each other, and which of them may be compared.

Figures that have different signatures never share a column without a mark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from p2p_eval.metrics.confusion import FIGURES
from p2p_eval.report.collected import (
    CHANNELS,
    Comparison,
    Diversity,
    Experiment,
    ImageMetrics,
    MetricFigures,
    SegmentationEntry,
)
from p2p_eval.scores.numbers import UNKNOWN, Figure, decimals_for, shown_interval, shown_number
from p2p_eval.scores.signature import marks

__all__ = [
    "ARROWS",
    "SCORE_NAMES",
    "Cell",
    "Column",
    "ComparisonLine",
    "Line",
    "Note",
    "Table",
    "color_table",
    "comparison_groups",
    "diversity_table",
    "metrics_tables",
    "segmentation_table",
    "sensitivity_table",
]

ARROWS = {
    "higher": "↑ higher is better",
    "lower": "↓ lower is better",
    "zero": "→0 nearer to zero is better",
}
SCORE_NAMES = {
    "per_pixel_acc": "per-pixel acc.",
    "per_class_acc": "per-class acc.",
    "class_iou": "class IOU",
}
MAX_COLUMNS = 7


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure: its text, the lines below it, its signature's mark, and if it is the best."""

    text: str
    below: tuple[str, ...] = ()
    mark: str = ""
    best: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and what stands below it in small type."""

    name: str
    below: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """An experiment's name with its signature's mark, and its cells."""

    name: str
    cells: tuple[Cell, ...]
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A signature, and the column (or everything) and the mark that it is of."""

    subject: str
    mark: str
    signature: str


@dataclass(frozen=True, slots=True)
class Table:
    """Columns, lines, what a line is of, and the signatures of the figures."""

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    notes: tuple[Note, ...]
    lines_are: str = "experiment"

    @property
    def mixed(self) -> bool:
        """Whether some column holds figures that must not be compared."""
        return any(note.mark for note in self.notes)


@dataclass(frozen=True, slots=True)
class ComparisonLine:
    """A paired comparison as text, and where its interval lies from -1 to 1 around zero."""

    source: Comparison
    mean_a: str
    mean_b: str
    difference: str
    interval: str
    p: str
    low: float
    middle: float
    high: float


def metrics_tables(experiments: Sequence[Experiment]) -> list[Table]:
    """Image metrics: one line an experiment, one column a metric; as many tables as it takes."""
    scored = [(entry.name, entry.metrics) for entry in experiments if entry.metrics]
    names = list(dict.fromkeys(name for _, scores in scored for name in scores.metrics))
    count = math.ceil(len(names) / MAX_COLUMNS)
    ends = [len(names) * number // count for number in range(count + 1)] if count else [0]
    return [_metrics_table(scored, names[start:end]) for start, end in pairwise(ends)]


def _metrics_table(scored: Sequence[tuple[str, ImageMetrics]], names: Sequence[str]) -> Table:
    columns, cells, notes = [], [], []
    for name in names:
        column = [scores.metrics.get(name) for _, scores in scored]
        known = [figures for figures in column if figures]
        letters = marks(figures.signature for figures in known)
        columns.append(Column(name, _unit(known[0])))
        notes += [Note(name, mark, signature) for signature, mark in letters.items()]
        cells.append(_metric_column(column, letters))
    lines = [
        Line(name, (*row, Cell(str(scores.images))))
        for (name, scores), row in zip(scored, zip(*cells, strict=True), strict=True)
    ]
    return Table((*columns, Column("images")), tuple(lines), tuple(notes))


def segmentation_table(
    entries: Sequence[tuple[str, SegmentationEntry]],
) -> Table:
    """FCN-scores or seg-scores of experiments under one protocol."""
    letters = marks(entry.signature for _, entry in entries)
    best = {key: _best([e.figures[key].value for _, e in entries], "higher") for key in FIGURES}
    lines = []
    for index, (name, entry) in enumerate(entries):
        figures = [
            _cell(entry.figures[key], 3, best=index in best[key] and len(letters) == 1)
            for key in FIGURES
        ]
        counts = (Cell(str(entry.frames)), Cell(str(entry.dropped)))
        lines.append(Line(name, (*figures, *counts), letters[entry.signature]))
    columns = (
        *(Column(SCORE_NAMES[key], ARROWS["higher"]) for key in FIGURES),
        Column("frames"),
        Column("dropped"),
    )
    notes = [Note("", mark, signature) for signature, mark in letters.items()]
    return Table(columns, tuple(lines), tuple(notes))


def color_table(experiments: Sequence[Experiment]) -> Table | None:
    """Histogram intersections: one line an experiment; None where there are none."""
    scored = [(entry.name, entry.color) for entry in experiments if entry.color]
    if not scored:
        return None
    letters = marks(color.signature for _, color in scored)
    best = {
        c: _best([color.intersection[c].value for _, color in scored], "higher") for c in CHANNELS
    }
    lines = []
    for index, (name, color) in enumerate(scored):
        figures = [
            _cell(color.intersection[c], 3, best=index in best[c] and len(letters) == 1)
            for c in CHANNELS
        ]
        counts = Cell(str(color.images)), Cell(str(color.bins))
        lines.append(Line(name, (*figures, *counts), letters[color.signature]))
    columns = (
        *(Column(channel, ARROWS["higher"]) for channel in CHANNELS),
        Column("images"),
        Column("bins"),
    )
    notes = [Note("", mark, signature) for signature, mark in letters.items()]
    return Table(columns, tuple(lines), tuple(notes))


def sensitivity_table(experiments: Sequence[Experiment]) -> Table | None:
    """Intersections at other numbers of bins: how much the choice moves the figures."""
    scored = [(entry.name, entry.color) for entry in experiments if entry.color]
    bins = sorted({number for _, color in scored for number in color.sensitivity})
    if not bins:
        return None
    letters = marks(color.signature for _, color in scored)
    lines = [
        Line(
            name,
            tuple(
                _cell(Figure(color.sensitivity.get(number, {}).get(channel)), 3)
                for channel in CHANNELS
                for number in bins
            ),
            letters[color.signature],
        )
        for name, color in scored
    ]
    columns = [Column(channel, f"{number} bins") for channel in CHANNELS for number in bins]
    return Table(tuple(columns), tuple(lines), ())


def comparison_groups(
    comparisons: Sequence[Comparison],
) -> list[tuple[str, str, list[ComparisonLine]]]:
    """Paired comparisons as text, by the two experiments that they are of."""
    groups: dict[tuple[str, str], list[ComparisonLine]] = {}
    for entry in comparisons:
        groups.setdefault((entry.a, entry.b), []).append(_comparison(entry))
    return [(a, b, lines) for (a, b), lines in groups.items()]


def diversity_table(diversity: Diversity) -> Table:
    """How much samples of one input differ: one line."""
    decimals = decimals_for((diversity.mean.value,))
    spread = [] if diversity.std is None else [f"SD {shown_number(diversity.std, decimals)}"]
    figure = _cell(diversity.mean, decimals, more=spread)
    counts = (Cell(str(len(diversity.samples))), Cell(str(diversity.images)))
    columns = (Column("diversity", "↑ higher is more diverse"), Column("samples"), Column("images"))
    note = Note("", "", diversity.signature)
    return Table(columns, (Line(diversity.metric, (figure, *counts)),), (note,), "metric")


def _metric_column(column: Sequence[MetricFigures | None], letters: dict[str, str]) -> list[Cell]:
    known = [figures for figures in column if figures]
    decimals = decimals_for(figures.mean.value for figures in known)
    best: set[int] = set()
    if len(letters) == 1 and not any(figures.infinite for figures in known):
        values = [figures.mean.value if figures else None for figures in column]
        best = _best(values, known[0].better)
    cells = []
    for index, figures in enumerate(column):
        if figures is None:
            cells.append(Cell(UNKNOWN, ("not scored",)))
            continue
        more = []
        if figures.std is not None:
            more.append(f"SD {shown_number(figures.std, decimals)}")
        if figures.infinite:
            rest = " left out" if figures.mean.value is not None else ""
            more.append(f"{figures.infinite} × ∞{rest}")
        mark = letters[figures.signature]
        mean = figures.mean
        if mean.value is None and figures.infinite:
            mean = Figure(math.inf)
        cells.append(_cell(mean, decimals, mark=mark, best=index in best, more=more))
    return cells


def _cell(
    figure: Figure, decimals: int, *, mark: str = "", best: bool = False, more: Sequence[str] = ()
) -> Cell:
    below = [] if figure.low is None else [shown_interval(figure, decimals)]
    return Cell(shown_number(figure.value, decimals), (*below, *more), mark, best)


def _best(values: Sequence[float | None], better: str) -> set[int]:
    """Where the best of several values stand."""
    sign = {"higher": -1.0, "lower": 1.0}
    known = {
        index: sign[better] * value if better in sign else abs(value)
        for index, value in enumerate(values)
        if value is not None
    }
    best = {index for index, value in known.items() if value == min(known.values())}
    return best if len(best) < len(known) else set()


def _comparison(entry: Comparison) -> ComparisonLine:
    figure = entry.difference
    decimals = decimals_for((entry.mean_a, entry.mean_b))
    ends = [end for end in (figure.low, figure.value, figure.high) if end is not None]
    reach = 1.1 * max((abs(end) for end in ends), default=0.0) or 1.0
    low, middle, high = ((end or 0.0) / reach for end in (figure.low, figure.value, figure.high))
    return ComparisonLine(
        source=entry,
        mean_a=shown_number(entry.mean_a, decimals),
        mean_b=shown_number(entry.mean_b, decimals),
        difference=shown_number(figure.value, decimals),
        interval=UNKNOWN if figure.low is None else shown_interval(figure, decimals),
        p=UNKNOWN if entry.p is None else "< 0.001" if entry.p < 0.001 else f"{entry.p:.3f}",
        low=low,
        middle=middle,
        high=high,
    )


def _unit(figures: MetricFigures) -> str:
    unit = f"{figures.unit} · " if figures.unit else ""
    return f"{unit}{ARROWS[figures.better]}"
