"""How figures moved from baseline to baseline: as a table, and as curves."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from p2p_eval.errors import InputError
from p2p_eval.gate.baseline import Baseline
from p2p_eval.gate.checked import number
from p2p_eval.gate.settings import Settings, names_of
from p2p_eval.scores.store import write_atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Course", "History", "entry_of", "history", "plot_history"]

FORMATS = ("svg", "png")
COLUMNS = 3
PANEL = (3.6, 2.2)
MOST_PANELS = 60
MARKS = "osD^vP*X"


@dataclass(frozen=True, slots=True)
class Course:
    """One figure over the baselines; None where a baseline has it not, or not as a number.

    Attributes:
        experiment: Its experiment.
        kind: Its score.
        name: Its own name.
        unit: Of the values.
        values: One a baseline.
        signatures: One a baseline; values of different ones cannot be compared.
    """

    experiment: str
    kind: str
    name: str
    unit: str
    values: tuple[float | None, ...]
    signatures: tuple[str | None, ...]

    @property
    def label(self) -> str:
        """What it is called where figures of several scores stand together."""
        return f"{self.experiment}: {self.kind} {self.name}"

    def comparable(self) -> list[tuple[int, ...]]:
        """Places of values that one signature belongs to, in stretches of neighbours.

        Example:
            >>> Course("L1", "metrics", "psnr", "dB", (1.0, 2.0, 3.0), ("a", "a", "b")).comparable()
            [(0, 1), (2,)]
        """
        places = [place for place, value in enumerate(self.values) if value is not None]
        stretches = [places[:1]] if places else []
        for before, after in pairwise(places):
            if self.signatures[before] == self.signatures[after]:
                stretches[-1].append(after)
            else:
                stretches.append([after])
        return [tuple(stretch) for stretch in stretches]


@dataclass(frozen=True, slots=True)
class History:
    """All figures over a series of baselines."""

    baselines: tuple[Baseline, ...]
    courses: tuple[Course, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``gate --history --json``, schema ``p2p-eval/gate-history/1``."""
        return {
            "schema": "p2p-eval/gate-history/1",
            "baselines": [entry_of(baseline) for baseline in self.baselines],
            "figures": [
                {
                    "experiment": course.experiment,
                    "score": course.kind,
                    "figure": course.name,
                    "unit": course.unit,
                    "values": [None if v is None else number(v) for v in course.values],
                    "signatures": list(course.signatures),
                }
                for course in self.courses
            ],
        }


def entry_of(baseline: Baseline) -> dict[str, Any]:
    """What a list of baselines says of one."""
    setting = baseline.setting
    return {
        "number": baseline.number,
        "file": baseline.name,
        "written": setting.written,
        "version": setting.version,
        "commit": None if setting.commit is None else setting.commit.id,
        "branch": None if setting.commit is None else setting.commit.branch,
        "changed": None if setting.commit is None else setting.commit.changed,
        "machine": setting.machine,
        "experiments": sorted({score.experiment for score in baseline.scored}),
        "figures": sum(len(score.figures) for score in baseline.scored),
    }


def history(baselines: Sequence[Baseline], settings: Settings | None = None) -> History:
    """Follow every guarded figure through baselines, in their order."""
    settings = settings or Settings()
    found: dict[tuple[str, str, str], dict[int, tuple[float, str, str]]] = {}
    for place, baseline in enumerate(baselines):
        for score in baseline.scored:
            for figure in score.figures:
                key = score.experiment, score.kind, figure.name
                if settings.guards(names_of(*key)):
                    found.setdefault(key, {})[place] = figure.value, figure.signature, figure.unit
    places = range(len(baselines))
    courses = [
        Course(
            *key,
            unit=next(reversed(values.values()))[2],
            values=tuple(_known(values[p][0]) if p in values else None for p in places),
            signatures=tuple(values[p][1] if p in values else None for p in places),
        )
        for key, values in found.items()
    ]
    return History(tuple(baselines), tuple(courses))


def plot_history(told: History, path: Path) -> None:
    """Draw a panel a figure, a curve an experiment; no line joins what cannot be compared.

    Args:
        told: What to draw.
        path: An ``.svg`` or ``.png`` file.

    Raises:
        InputError: It is neither, or there are more figures than a page can hold.
        StoreError: It cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    form = path.suffix.removeprefix(".").lower()
    if form not in FORMATS:
        raise InputError(f"got plot {path.name!r}, expected a name that ends in .svg or .png")
    panels: dict[tuple[str, str, str], list[Course]] = {}
    for course in told.courses:
        if course.comparable():
            panels.setdefault((course.kind, course.name, course.unit), []).append(course)
    if not 1 <= len(panels) <= MOST_PANELS:
        raise InputError(
            f"got {len(panels)} figures to plot, expected 1 to {MOST_PANELS}; choose them with "
            "`figures` and `ignore` in the settings"
        )
    rows = -(-len(panels) // COLUMNS)
    numbers = [baseline.number for baseline in told.baselines]
    experiments = list(dict.fromkeys(course.experiment for course in told.courses))
    with rc_context({"svg.hashsalt": "p2p-eval", "font.size": 8, "text.parse_math": False}):
        figure = Figure(figsize=(PANEL[0] * COLUMNS, PANEL[1] * rows + 0.6), layout="constrained")
        for place, ((kind, name, unit), courses) in enumerate(panels.items()):
            axes = figure.add_subplot(rows, COLUMNS, place + 1)
            for course in courses:
                _draw(axes, course, numbers, f"C{experiments.index(course.experiment) % 10}")
            axes.set_title(f"{kind} {name}" + (f", {unit}" if unit else ""), fontsize=8)
            axes.set_xticks(_some(numbers))
            axes.set_xlim(numbers[0] - 0.5, numbers[-1] + 0.5)
            axes.grid(alpha=0.3)
        lines = [Line2D([], [], color=f"C{place % 10}") for place in range(len(experiments))]
        figure.legend(lines, experiments, loc="outside upper left", ncols=4, frameon=False)
        figure.supxlabel("number of the baseline; a new mark: another signature", fontsize=8)
        data = io.BytesIO()
        metadata = {"Date": None} if form == "svg" else None
        figure.savefig(data, format=form, dpi=110, metadata=metadata)
    write_atomic(path, data.getvalue())


def _draw(axes: Axes, course: Course, numbers: Sequence[int], color: str) -> None:
    for which, stretch in enumerate(course.comparable()):
        values = [value for p in stretch if (value := course.values[p]) is not None]
        places = [numbers[p] for p in stretch]
        axes.plot(places, values, color=color, marker=MARKS[which % len(MARKS)], markersize=4)


def _some(numbers: Sequence[int]) -> list[int]:
    step = -(-len(numbers) // 10)
    return list(numbers[::step])


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
