"""What the gate prints: a table, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from fcn.errors import shown
from p2p_eval.gate.checked import Checked, CheckedFigure
from p2p_eval.gate.outputs.texts import HEADINGS, cells, labels

__all__ = ["remarks", "table"]


def table(
    checked: Checked, figures: Sequence[CheckedFigure] | None = None
) -> tuple[str, list[str], list[list[str]]]:
    """Give title, headings and rows, of some figures or all; what failed comes first."""
    figures = checked.by_verdict if figures is None else figures
    experiments = {figure.experiment for figure in figures}
    start = f"{experiments.pop()}: " if len(experiments) == 1 else ""
    title = f"{start}{checked.summary} (against {checked.source})"
    confidence = f"{100 * checked.settings.confidence:g} % interval"
    headings = [confidence if text == "interval" else text for text in HEADINGS]
    rows = [
        [label, figure.verdict, *cells(figure), f"{figure.tolerance:.3g}"]
        for label, figure in zip(labels(figures), figures, strict=True)
    ]
    return title, ["figure", "verdict", *headings, "tolerance"], rows


def remarks(checked: Checked) -> list[str]:
    """What a reader of the table should know: of what failed, why, then what was not compared."""
    lines = [
        f"{figure.label}: {note}"
        for figure in checked.by_verdict
        if figure.verdict != "same"
        for note in figure.notes
    ]
    for figure in checked.failures:
        if figure.worst:
            images = ", ".join(
                f"{entry.image} ({entry.loss:.3g}{f' {figure.unit}' if figure.unit else ''})"
                for entry in figure.worst[:5]
            )
            lines.append(f"{figure.label}: images that got worse most: {images}")
    return [shown(line) for line in (*lines, *(f"note: {note}" for note in checked.notes))]
