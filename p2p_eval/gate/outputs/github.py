"""Annotations and the job summary of GitHub Actions.

Source: https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from p2p_eval.gate.checked import Checked
from p2p_eval.gate.outputs.texts import sentence

__all__ = ["add_summary", "figure_annotations", "problem_annotations", "runs_there"]

MAX_ANNOTATIONS = 10
"""GitHub shows no more of one kind and step."""


def runs_there(environment: Mapping[str, str]) -> bool:
    """Whether this is a step of a workflow."""
    return environment.get("GITHUB_ACTIONS") == "true"


def figure_annotations(checked: Checked) -> list[str]:
    """One command a figure that failed or cannot be told; the last says how many are not shown."""
    lines = []
    for level, figures in (
        ("error", checked.failures),
        ("warning", [f for f in checked.of("cannot tell") if not checked.fails(f)]),
    ):
        texts = [(f.label, sentence(f, checked)) for f in figures]
        lines += _commands(level, texts)
    return lines


def problem_annotations(problems: Sequence[str]) -> list[str]:
    """One command for each reason why nothing could be compared."""
    return _commands("error", [("quality gate", problem) for problem in problems])


def add_summary(environment: Mapping[str, str], markdown: str) -> str | None:
    """Append to the job's summary; return why that could not be done, as it changes no verdict."""
    name = environment.get("GITHUB_STEP_SUMMARY")
    if not name:
        return None
    try:
        with Path(name).open("a", encoding="utf-8", errors="replace") as file:
            file.write(f"{markdown}\n")
    except (OSError, ValueError) as error:
        return f"{name}: the job summary could not be written ({error})"
    return None


def _commands(level: str, texts: Sequence[tuple[str, str]]) -> list[str]:
    shown = list(texts)
    if len(texts) > MAX_ANNOTATIONS:
        more = len(texts) - (MAX_ANNOTATIONS - 1)
        shown = [*texts[: MAX_ANNOTATIONS - 1], ("quality gate", f"and {more} more")]
    return [f"::{level} title={_property(title)}::{_data(text)}" for title, text in shown]


def _data(text: str) -> str:
    r"""Escape a command's message.

    Example:
        >>> _data("5 % of\nall")
        '5 %25 of%0Aall'
    """
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
