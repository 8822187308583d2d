"""Votes from the batch results of Mechanical Turk, a CSV, for a study that we exported.

The web interface offers such a file for download, and ``study mturk collect`` writes one. A row is
an assignment: who had it, when it was submitted, and in ``Answer.…`` what our page put there.
"""

from __future__ import annotations

from collections.abc import Mapping

from p2p_eval.errors import InputError
from p2p_eval.study.csv_rows import CsvRows
from p2p_eval.study.mturk_time import mturk_seconds
from p2p_eval.study.page_answers import AnswerReader, Collected, RefusedError
from p2p_eval.study.plan import Plan
from p2p_eval.study.votes import Vote

__all__ = [
    "ANSWER_COLUMNS",
    "is_mturk_results",
    "is_rejected",
    "parse_mturk_results",
]

ANSWER_COLUMNS = ("Answer.plan", "Answer.session", "Answer.answers")
NEEDED = ("AssignmentId", "WorkerId", *ANSWER_COLUMNS)


def is_mturk_results(rows: CsvRows) -> bool:
    """Whether a file holds answers to a study that we exported, by its columns."""
    return all(column in rows.columns for column in ANSWER_COLUMNS)


def is_rejected(cells: Mapping[str, str]) -> bool:
    """Whether who ordered the work did not accept it: the answers are then none of the study's."""
    return cells.get("AssignmentStatus", "").strip() == "Rejected"


def parse_mturk_results(rows: CsvRows, plan: Plan) -> Collected:
    """Give the votes of a study that ``study export --to mturk`` made.

    Args:
        rows: Of the file.
        plan: That was exported.

    Raises:
        InputError: A column is missing, or all answers are to another study. A single row that
            breaks a rule is refused and listed instead.
    """
    rows.require(*NEEDED)
    reader = AnswerReader(plan)
    votes: list[Vote] = []
    refused: list[str] = []
    seen: set[str] = set()
    plans: set[str] = set()
    for number, row in enumerate(rows):
        cells = row.cells
        plans.add(cells["Answer.plan"])
        try:
            if is_rejected(cells):
                raise RefusedError("the assignment was rejected, so its answers do not count")
            if cells["AssignmentId"] in seen:
                raise RefusedError(f"assignment {cells['AssignmentId'][:80]!r} for the second time")
            seen.add(cells["AssignmentId"])
            votes += _votes(cells, number, reader)
        except RefusedError as reason:
            refused.append(f"{row.where}: {reason}")
    if plan.hash not in plans:
        got = f"answers to plan {min(plans)[:64]!r}" if plans else "no answers"
        raise InputError(
            f"{rows.path}: got {got}, "
            f"expected some to {plan.hash}; give --plan the folder of the study that was exported"
        )
    return Collected(tuple(votes), tuple(refused))


def _votes(row: dict[str, str], number: int, reader: AnswerReader) -> list[Vote]:
    worker, assignment = row["WorkerId"], row["AssignmentId"]
    if not worker or not assignment:
        raise RefusedError("no WorkerId or AssignmentId")
    assigned = row.get("Input.session")
    if assigned is not None and assigned != row["Answer.session"]:
        raise RefusedError("the answers are of another session than the one that was assigned")
    return reader.read(
        row["Answer.answers"],
        plan_hash=row["Answer.plan"],
        session=row["Answer.session"],
        person=worker,
        source=assignment,
        # Rows are in no order of time; where the column was removed, theirs is the only one known.
        order=_seconds(row["SubmitTime"]) if "SubmitTime" in row else float(number),
    )


def _seconds(text: str) -> float:
    try:
        return mturk_seconds(text)
    except ValueError as error:
        raise RefusedError(f"SubmitTime {text[:40]!r}: {error}") from error
