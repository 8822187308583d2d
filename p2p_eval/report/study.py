"""What the page says of a real-vs-fake study: its file read, as tables and as a panel."""

from __future__ import annotations

import numpy as np

from p2p_eval.errors import InputError
from p2p_eval.report.collected import MetricFigures, Study, StudyAlgorithm, StudyDifference
from p2p_eval.report.figures import Panel, panel
from p2p_eval.report.tables import ARROWS, Cell, Column, Line, Note, Table
from p2p_eval.scores.document import Node, interval_ends
from p2p_eval.scores.numbers import UNKNOWN, Figure, shown_interval, shown_number
from p2p_eval.scores.signature import marks

__all__ = ["difference_table", "read_study", "study_panel", "study_table"]

DECIMALS = 1
MAX_ALGORITHMS = 100
RATE = "% labelled real"


def read_study(document: Node) -> Study:
    """Read the score file of a study; another tool's may hold the rates of algorithms alone.

    Raises:
        StoreError: It is damaged.
        InputError: It has more algorithms than a page could show.
    """
    algorithms = tuple(map(_algorithm, document["algorithms"]))
    if len(algorithms) > MAX_ALGORITHMS:
        raise InputError(
            f"{document.path}: got more than {MAX_ALGORITHMS} algorithms, which no page could "
            "show; analyze some of them"
        )
    return Study(
        algorithms,
        tuple(map(_difference, document.find("differences") or ())),
        tuple(map(_excluded, document.find("excluded") or ())),
        () if (notes := document.find("notes")) is None else notes.texts(),
    )


def study_table(study: Study) -> Table:
    """One line an algorithm: its rate, and whether side and time made a difference."""
    letters = marks(entry.signature for entry in study.algorithms)
    lines = [
        Line(
            entry.name,
            (
                _cell(entry.rate, f"± {_shown(entry.std)}" if entry.std is not None else ""),
                Cell(str(entry.participants)),
                Cell(str(entry.trials), (f"{entry.unset} unset",) if entry.unset else ()),
                _cell(entry.side),
                _cell(entry.time),
            ),
            letters[entry.signature],
        )
        for entry in study.algorithms
    ]
    columns = (
        Column(RATE, ARROWS["higher"]),
        Column("participants"),
        Column("trials"),
        Column("side", "real left − right, points"),
        Column("time", "second half − first, points"),
    )
    notes = [Note("", mark, signature) for signature, mark in letters.items()]
    return Table(columns, tuple(lines), tuple(notes), "algorithm")


def difference_table(study: Study) -> Table | None:
    """One line two algorithms; None where there are not two."""
    if not study.differences:
        return None
    lines = [
        Line(
            f"{entry.a} − {entry.b}",
            (_cell(entry.difference), Cell(UNKNOWN if entry.p is None else _p(entry.p))),
        )
        for entry in study.differences
    ]
    return Table((Column("difference", "points"), Column("p")), tuple(lines), (), "algorithms")


def study_panel(study: Study) -> Panel | None:
    """The rates of single images, with that of each algorithm and its interval."""
    found = [
        (
            place,
            entry.name,
            MetricFigures(entry.rate, entry.std, "higher", "", 0, entry.signature),
            np.array(entry.images),
        )
        for place, entry in enumerate(study.algorithms)
        if entry.images
    ]
    return panel(RATE, found)


def _algorithm(node: Node) -> StudyAlgorithm:
    unset, side, time, signature = map(node.find, ("unset", "side", "time", "signature"))
    return StudyAlgorithm(
        name=node["name"].text(),
        rate=_figure(node, "labelled_real_pct"),
        std=node["bootstrap_std"].number_or_none(),
        participants=node["participants"].count(),
        trials=node["trials"].count(),
        unset=0 if unset is None else unset.count(),
        side=Figure(None) if side is None else _figure(side, "difference"),
        time=Figure(None) if time is None else _figure(time, "difference"),
        images=tuple(
            100 * entry["fooled"].count() / max(1, entry["trials"].count())
            for entry in node.find("images") or ()
        ),
        signature="not stated" if signature is None else signature.text(),
    )


def _difference(node: Node) -> StudyDifference:
    return StudyDifference(
        node["a"].text(), node["b"].text(), _figure(node, "difference"), node["p"].number_or_none()
    )


def _excluded(node: Node) -> str:
    return (
        f"session {node['session'].text()} of {node['participant'].text()} "
        f"({', '.join(node['algorithms'].texts())}, {node['answers'].count()} answers): "
        f"{', '.join(node['rules'].texts())}"
    )


def _figure(node: Node, key: str) -> Figure:
    return Figure(node[key].number_or_none(), *interval_ends(node.find("ci95")))


def _cell(figure: Figure, more: str = "") -> Cell:
    interval = "" if figure.low is None else shown_interval(figure, DECIMALS)
    return Cell(_shown(figure.value), tuple(text for text in (more, interval) if text))


def _shown(value: float | None) -> str:
    return shown_number(value, DECIMALS)


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
