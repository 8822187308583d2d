"""Markdown for a pull request: what failed first, and the pictures of the worst images."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence

from fcn.errors import shown
from p2p_eval.gate.checked import Checked, CheckedFigure
from p2p_eval.gate.outputs.texts import HEADINGS, cells, labels
from p2p_eval.tables.markdown import escaped

__all__ = ["Files", "markdown", "markdown_problems"]

MAX_ROWS = 100
MAX_IMAGES = 10
MAX_TEXT = 500
MAX_SIZE = 60_000  # a comment on GitHub holds 65,536 characters
WIDTH = 160
MARKS = {"worse": "❌", "cannot tell": "❔", "better": "⬆️", "same": "✅"}
SPACE = re.compile(r"\s+")

Files = Mapping[tuple[str, str], Mapping[str, str]]
"""Paths of pictures, by experiment and image, then by role."""


def markdown(
    checked: Checked, files: Files, address: Callable[[str], str | None] = lambda path: path
) -> str:
    """Write what was checked, every text escaped.

    Args:
        checked: By the gate.
        files: Pictures of the images that got worse.
        address: Of a picture's path; None where it has none that a reader could follow.
    """
    parts = [_head(checked.summary), _table(checked)]
    if worst := _worst(checked, files, address):
        parts.append(worst)
    parts.append(
        _details(
            "Not compared, and other notes",
            [
                *(f"{f.label}: {note}" for f in checked.by_verdict for note in f.notes),
                *checked.notes,
            ],
        )
    )
    experiments = ", ".join(dict.fromkeys(figure.experiment for figure in checked.figures))
    parts.append(
        f"{escaped(_line(experiments))} against {escaped(_line(checked.source))}. {_how(checked)}\n"
    )
    while len(text := "\n".join(filter(None, parts))) > MAX_SIZE and len(parts) > 2:
        del parts[-2]  # pictures and notes are worth less than verdicts
    return text[:MAX_SIZE]


def markdown_problems(problems: Sequence[str]) -> str:
    """Write why nothing could be compared."""
    lines = [f"- {escaped(_line(problem))}" for problem in problems[:MAX_ROWS]]
    if more := len(problems) - len(lines):
        lines.append(f"- and {more} more")
    return "\n".join([_head("error: nothing was compared"), *lines, ""])


def _how(checked: Checked) -> str:
    settings = checked.settings
    if settings.exact:
        return "Every difference beyond the tolerance counts (`exact`)."
    return (
        f"Paired bootstrap over images, {settings.draws:,} draws, seed {settings.seed}; Holm's "
        f"correction over {len(checked.figures)} figures, {100 * settings.confidence:g} %."
    )


def _head(summary: str) -> str:
    return f"### Quality gate {escaped(summary)}\n"


def _table(checked: Checked) -> str:
    confidence = f"{100 * checked.settings.confidence:g} % interval"
    headings = [confidence if text == "interval" else text for text in HEADINGS]
    lines = [
        _row(["", "figure", *headings, "tolerance"]),
        f"|:-|:-|{'-:|' * (len(headings) + 1)}",
    ]
    figures = checked.by_verdict
    named = zip(labels(figures), figures[:MAX_ROWS], strict=False)
    lines += [
        _row(
            [
                f"{MARKS[figure.verdict]} {figure.verdict}",
                label,
                *cells(figure),
                f"{figure.tolerance:.3g}",
            ]
        )
        for label, figure in named
    ]
    if (more := len(figures) - MAX_ROWS) > 0:
        lines.append(_row([f"and {more} more", *[""] * (len(headings) + 2)]))
    return "\n".join(lines) + "\n"


def _worst(checked: Checked, files: Files, address: Callable[[str], str | None]) -> str:
    """The images that lost most in what failed, with their pictures."""
    found: dict[tuple[str, str], list[str]] = {}
    failures = checked.failures
    longest = max((len(figure.worst) for figure in failures), default=0)
    for rank in range(longest):  # the worst of each figure, then the second of each, …
        for figure in failures:
            if rank < len(figure.worst) and len(found) < MAX_IMAGES:
                found.setdefault((figure.experiment, figure.worst[rank].image), [])
    if not found:
        return ""
    for figure in failures:
        for entry in figure.worst:
            if (figure.experiment, entry.image) in found:
                found[figure.experiment, entry.image].append(_loss(figure, entry.loss))
    lines = ["#### Images that got worse most", "", "| image | loss | output | target | input |"]
    lines.append("|:-|:-|:-|:-|:-|")
    for (experiment, image), texts in found.items():
        paths = files.get((experiment, image), {})
        pictures = [
            _picture(f"{role} of {image}", paths.get(role), address)
            for role in ("output", "target", "input")
        ]
        words = [escaped(_line(text)) for text in (f"{experiment}: {image}", ", ".join(texts))]
        lines.append(f"| {' | '.join([*words, *pictures])} |")
    return "\n".join(lines) + "\n"


def _loss(figure: CheckedFigure, loss: float) -> str:
    return f"{figure.name} {loss:.3g}{f' {figure.unit}' if figure.unit else ''}"


def _picture(name: str, path: str | None, address: Callable[[str], str | None]) -> str:
    url = address(path) if path is not None else None
    if url is None:
        return ""
    source, alt = html.escape(url), html.escape(_line(name)).replace("|", "&#124;")
    return f'<a href="{source}"><img src="{source}" alt="{alt}" width="{WIDTH}"></a>'


def _details(title: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    items = [f"- {escaped(_line(line))}" for line in lines[:MAX_ROWS]]
    if more := max(0, len(lines) - MAX_ROWS):
        items.append(f"- and {more} more")
    return "\n".join(
        [f"<details><summary>{html.escape(title)}</summary>", "", *items, "", "</details>", ""]
    )


def _row(texts: Sequence[str]) -> str:
    return f"| {' | '.join(escaped(_line(text)) for text in texts)} |"


def _line(text: str) -> str:
    """One line of bounded length."""
    text = SPACE.sub(" ", shown(text))
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
