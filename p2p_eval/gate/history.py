"""How figures moved from baseline to baseline: as a table, and as curves."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from p2p_eval.errors import InputError
from p2p_eval.gate.baseline import Baseline
from p2p_eval.gate.checked import number
from p2p_eval.gate.settings import Settings, names_of
from p2p_eval.scores.store import write_atomic

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
    """Draw a panel a figure; no line joins values that cannot be compared.

    Args:
        told: What to draw.
        path: An ``.svg`` or ``.png`` file.

    Raises:
        InputError: It is neither, or there are more figures than a page can hold.
        StoreError: It cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    form = path.suffix.removeprefix(".").lower()
    if form not in FORMATS:
        raise InputError(f"got plot {path.name!r}, expected a name that ends in .svg or .png")
    courses = [course for course in told.courses if course.comparable()]
    if not courses or len(courses) > MOST_PANELS:
        raise InputError(
            f"got {len(courses)} figures to plot, expected 1 to {MOST_PANELS}; choose them with "
            "`figures` and `ignore` in the settings"
        )
    rows = -(-len(courses) // COLUMNS)
    numbers = [baseline.number for baseline in told.baselines]
    with rc_context({"svg.hashsalt": "p2p-eval", "font.size": 8, "text.parse_math": False}):
        figure = Figure(figsize=(PANEL[0] * COLUMNS, PANEL[1] * rows), layout="constrained")
        for place, course in enumerate(courses):
            axes = figure.add_subplot(rows, COLUMNS, place + 1)
            for which, stretch in enumerate(course.comparable()):
                values = [course.values[p] for p in stretch]
                mark = MARKS[which % len(MARKS)]
                axes.plot([numbers[p] for p in stretch], values, marker=mark, markersize=4)  # type: ignore[arg-type]
            unit = f", {course.unit}" if course.unit else ""
            axes.set_title(f"{course.experiment}: {course.name}{unit}", fontsize=8)
            axes.set_xticks(_some(numbers))
            axes.set_xlim(numbers[0] - 0.5, numbers[-1] + 0.5)
            axes.grid(alpha=0.3)
        figure.supxlabel("number of the baseline; a new mark: another signature", fontsize=8)
        data = io.BytesIO()
        metadata = {"Date": None} if form == "svg" else None
        figure.savefig(data, format=form, dpi=110, metadata=metadata)
    write_atomic(path, data.getvalue())


def _some(numbers: Sequence[int]) -> list[int]:
    step = -(-len(numbers) // 10)
    return list(numbers[::step])


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
