"""What workers submitted, by the API, in the form in which the web interface offers it."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from p2p_eval.scores.cells import safe_cell
from p2p_eval.scores.store import exclusive, write_atomic
from p2p_eval.study.mturk_hits import Progress, assignments, made
from p2p_eval.study.mturk_results import ANSWER_COLUMNS
from p2p_eval.study.mturk_service import Environment, explained
from p2p_eval.study.mturk_time import mturk_time
from p2p_eval.study.page_answers import AnswerReader
from p2p_eval.study.plan import Plan

__all__ = ["collect"]

COLUMNS = (
    "HITId",
    "AssignmentId",
    "WorkerId",
    "AssignmentStatus",
    "AcceptTime",
    "SubmitTime",
    "Input.session",
    *ANSWER_COLUMNS,
)
MAX_ANSWER = 1 << 20


def collect(
    folder: Path,
    client: Any,
    environment: Environment,
    plan: Plan,
    progress: Progress | None = None,
) -> tuple[Path, int]:
    """Write all that was submitted so far to ``<environment>-results.csv``.

    Pseudonyms stand for workers, the same that :mod:`p2p_eval.study.mturk_results` would make.

    Args:
        folder: That the study was exported to.
        client: As :func:`p2p_eval.study.mturk_service.connect` returns it.
        environment: That the client is connected to.
        plan: Of the study.
        progress: Called with HITs asked for and HITs in total.

    Returns:
        The file, and how many sessions were submitted.

    Raises:
        InputError: No HITs were made, or the service refused.
        StoreError: The file could not be written, or another run is at it.
    """
    reader = AnswerReader(plan)
    with exclusive(folder), explained("collecting the results"):
        state = made(folder, environment)
        rows = []
        for done, (session, hit) in enumerate(state.hits.items(), 1):
            rows += [_row(assignment, session, reader) for assignment in assignments(client, hit)]
            if progress is not None:
                progress(done, len(state.hits))
        path = folder / f"{environment}-results.csv"
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)
        write_atomic(path, text.getvalue().encode())
        return path, len(rows)


def _row(assignment: dict[str, Any], session: str, reader: AnswerReader) -> dict[str, str]:
    row = {
        "HITId": str(assignment["HITId"]),
        "AssignmentId": str(assignment["AssignmentId"]),
        "WorkerId": reader.pseudonym(str(assignment["WorkerId"])),
        "AssignmentStatus": str(assignment["AssignmentStatus"]),
        "AcceptTime": mturk_time(assignment["AcceptTime"]),
        "SubmitTime": mturk_time(assignment["SubmitTime"]),
        "Input.session": session,
        **_answers(assignment.get("Answer", "")),
    }
    return {column: safe_cell(value) for column, value in row.items()}


def _answers(xml: str) -> dict[str, str]:
    """What the page's form held; nothing where it cannot be read, which the analysis then says."""
    # A worker's text is in it, escaped. Without a document type, XML can define nothing that grows.
    if len(xml) > MAX_ANSWER or "<!DOCTYPE" in xml:
        return {}
    try:
        root = ElementTree.fromstring(xml)  # noqa: S314
    except ElementTree.ParseError:
        return {}
    fields = {}
    for answer in root.iterfind("{*}Answer"):
        name = f"Answer.{answer.findtext('{*}QuestionIdentifier', '')}"
        if name in ANSWER_COLUMNS:
            fields[name] = answer.findtext("{*}FreeText", "")
    return fields
