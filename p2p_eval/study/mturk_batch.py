"""Answers from a Mechanical Turk batch of phillipi/AMT_Real_vs_Fake: one row an assignment.

Of trial *i*, from 1, ``Input.images_left<i>`` and ``Input.images_right<i>`` are the images,
``Input.gt_side<i>`` says which of them is the real one, and ``Answer.selection<i>`` which was
called fake. The folder that an image lies in names its algorithm. Which image is real is what the
input says, never which folder comes first: one algorithm alone cannot be taken for the real one.
"""

from __future__ import annotations

from collections.abc import Iterator

from p2p_eval.errors import InputError
from p2p_eval.study.csv_rows import CsvRows, Row
from p2p_eval.study.mturk_results import is_rejected
from p2p_eval.study.mturk_time import EXAMPLE, mturk_seconds
from p2p_eval.study.page_answers import Collected
from p2p_eval.study.votes import Vote, one_side

__all__ = ["PRACTICE", "is_batch", "parse_batch"]

PRACTICE = 10
"""Trials of practice unless something else is said, as the paper's."""

GIVEN, REAL, LEFT, RIGHT = (
    "Answer.selection",
    "Input.gt_side",
    "Input.images_left",
    "Input.images_right",
)
NOT_GIVEN = ("", "unset", "{}")
ACCEPTED = "AcceptTime"


def is_batch(rows: CsvRows) -> bool:
    """Whether a file is such a batch, by its columns."""
    return f"{REAL}1" in rows.columns


def parse_batch(rows: CsvRows, practice: int = PRACTICE) -> Collected:
    """Give the answers of a batch; one that was not given ("unset") is None, not a side.

    Assignments that were rejected are refused and listed.

    Args:
        rows: Of the file.
        practice: Trials of each assignment that come first and do not count; the file does not
            say.

    Raises:
        InputError: A column is missing, a cell cannot be used, an assignment stands there twice,
            no trial counts, or an algorithm's images are both real and fake.
    """
    rows.require("AssignmentId", "WorkerId")
    count = sum(column.startswith(REAL) for column in rows.columns)
    for number in range(1, count + 1):
        rows.require(*(f"{name}{number}" for name in (REAL, LEFT, RIGHT, GIVEN)))
    if practice >= count:
        raise InputError(
            f"{rows.path}: got {practice} trials of practice and {count} trials in all, expected "
            "some that count; give the right --practice"
        )
    votes: list[Vote] = []
    refused: list[str] = []
    for place, row in enumerate(rows):
        if is_rejected(row.cells):
            refused.append(f"{row.where}: the assignment was rejected, so its answers do not count")
            continue
        order = _accepted(row) if ACCEPTED in rows.columns else float(place)
        votes.extend(_assignment(row, count, practice, order))
    if not votes:
        raise InputError(
            f"{rows.path}: got no assignment that was not rejected, expected a row for each"
        )
    _check_folders(rows, votes)
    return Collected(tuple(votes), tuple(refused))


def _assignment(row: Row, count: int, practice: int, order: float) -> Iterator[Vote]:
    for number in range(1, count + 1):
        real = one_side(row, f"{REAL}{number}")
        images = [row.text(f"{name}{number}") for name in (LEFT, RIGHT)]
        if real == "right":
            images.reverse()
        given = f"{GIVEN}{number}"
        yield Vote(
            participant=row.text("WorkerId"),
            session=row.text("AssignmentId"),
            algorithm=_folder(row, images[1]),
            trial=number,
            practice=number <= practice,
            real=real,
            answer=None if row.cells[given] in NOT_GIVEN else one_side(row, given),
            real_image=images[0],
            fake_image=images[1],
            order=order,
            trials=count,
        )


def _folder(row: Row, image: str) -> str:
    """The name of the folder that an image lies in, be it a path or an address."""
    parts = image.split("?")[0].split("/")
    if len(parts) < 2 or not parts[-2]:
        raise InputError(
            f"{row.where}: got image {image[:80]!r}, expected <algorithm>/<name>: the folder says "
            "whose image it is"
        )
    return parts[-2]


def _check_folders(rows: CsvRows, votes: list[Vote]) -> None:
    """Refuse a batch in which some algorithm's image is once the real one, once the fake one."""
    fake = {vote.algorithm for vote in votes}
    for vote in votes:
        folder = vote.real_image.split("?")[0].split("/")[-2:-1]
        if folder and folder[0] in fake:
            raise InputError(
                f"{rows.path}, assignment {vote.session}, trial {vote.trial}: got {folder[0]!r} as "
                "the real image, which is the fake one in other trials; expected gt_side to name "
                "one folder of real images throughout"
            )


def _accepted(row: Row) -> float:
    """When an assignment was accepted, in seconds."""
    try:
        return mturk_seconds(row.cells[ACCEPTED])
    except ValueError as error:
        raise row.error(ACCEPTED, f"a time as {EXAMPLE}") from error
