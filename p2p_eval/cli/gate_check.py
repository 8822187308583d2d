"""What ``p2p-eval gate`` does with scores and a baseline that were read: check, print, write."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from p2p_eval.cli.exits import stderr
from p2p_eval.cli.remarks import remark
from p2p_eval.cli.table import print_table

if TYPE_CHECKING:
    from p2p_eval.gate.scored import Scored
    from p2p_eval.gate.settings import Settings

__all__ = ["GATE_FAILED", "run_check"]

GATE_FAILED = 1


def run_check(
    baseline: Sequence[Scored],
    current: Sequence[Scored],
    settings: Settings,
    *,
    out: Path,
    source: str,
    as_json: bool = False,
    junit: Path | None = None,
    markdown: Path | None = None,
    image_url: str | None = None,
    quiet: bool = False,
) -> int:
    """Compare scores with a baseline, say what was found, and return the exit code: 0 or 1.

    Run by GitHub Actions, it also annotates the run and adds to the job's summary.

    Args:
        baseline: Scores of the baseline.
        current: Scores of the candidate.
        settings: Of the gate.
        out: Folder of score files that pictures are named from.
        source: What the baseline is called.
        as_json: Print the document instead of a table.
        junit: File for JUnit's XML.
        markdown: File for Markdown.
        image_url: Address that stands for the working directory, where pictures can be had.
        quiet: Leave remarks away.

    Raises:
        GateError: Something that is guarded cannot be compared; JUnit's file, Markdown and
            annotations say so too.
        StoreError: A file could not be written.
    """
    from p2p_eval.errors import GateError
    from p2p_eval.gate.check import check
    from p2p_eval.gate.outputs import github, terminal
    from p2p_eval.gate.outputs.junit import junit as junit_bytes
    from p2p_eval.gate.outputs.junit import junit_problems
    from p2p_eval.gate.outputs.markdown import markdown as markdown_text
    from p2p_eval.gate.outputs.markdown import markdown_problems
    from p2p_eval.gate.pictures import address_of, check_prefix, pictures

    prefix = check_prefix(image_url) if image_url is not None else None
    there = github.runs_there(os.environ)
    try:
        checked = check(baseline, current, settings, source=source)
    except GateError as error:
        text = markdown_problems(error.problems)
        _write(junit, junit_problems(error.problems))
        _write(markdown, text.encode())
        if there:
            _tell_github(github.problem_annotations(error.problems), text)
        raise
    files = pictures(out, checked)
    base = markdown.parent if markdown is not None and prefix is None else Path()
    _write(junit, junit_bytes(checked))
    if markdown is not None or there:
        text = markdown_text(checked, files, lambda path: address_of(path, out, base, prefix))
        _write(markdown, text.encode())
        if there:
            if prefix is None:  # a summary has no files beside it
                text = markdown_text(checked, {})
            _tell_github(github.figure_annotations(checked), text)
    if as_json:
        typer.echo(json.dumps(checked.to_json(files), indent=2, allow_nan=False))
    else:
        print_table(*terminal.table(checked))
    if not quiet:
        remark(terminal.remarks(checked))
    return 0 if checked.passed else GATE_FAILED


def _write(path: Path | None, data: bytes) -> None:
    from p2p_eval.scores.store import write_atomic

    if path is not None:
        write_atomic(path, data)


def _tell_github(lines: Sequence[str], markdown: str) -> None:
    """Give commands on stderr, which GitHub reads as well, so that stdout holds the result only."""
    from p2p_eval.gate.outputs.github import add_summary

    for line in lines:
        stderr.print(line, markup=False, style=None)
    if (reason := add_summary(os.environ, markdown)) is not None:
        remark([reason])
