"""Votes from the batch results of Mechanical Turk, a CSV, for a study that we exported.

The web interface offers such a file for download, and ``study mturk collect`` writes one. A row is
an assignment: who had it, when it was submitted, and in ``Answer.…`` what our page put there.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from p2p_eval.errors import InputError
from p2p_eval.study.answers import AnswerReader, Collected, RefusedError
from p2p_eval.study.plan import Plan
from p2p_eval.study.votes import Vote

__all__ = ["ANSWER_COLUMNS", "mturk_time", "read_mturk_results"]

ANSWER_COLUMNS = ("Answer.plan", "Answer.session", "Answer.answers")
NEEDED = ("AssignmentId", "WorkerId", *ANSWER_COLUMNS)
MAX_BYTES = 1 << 26
MAX_ROWS = 100_000
DELIMITERS = ",;\t"

# "Fri Nov 27 14:54:06 PST 2026", whatever the language of the machine is
TIME = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d?) (\d\d):(\d\d):(\d\d) ([A-Z]{3}) (\d{4})")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
ZONES = {"PST": -8, "PDT": -7, "UTC": 0, "GMT": 0}


def read_mturk_results(path: Path, plan: Plan) -> Collected:
    """Read the votes of a study that ``study export --to mturk`` made.

    Args:
        path: The CSV: UTF-8, with or without a byte order mark, separated by comma, semicolon or
            tab.
        plan: That was exported.

    Raises:
        InputError: It cannot be read, is too large, lacks a column, or is of another study
            altogether. A single row that breaks a rule is refused and listed instead.
    """
    rows = _rows(path)
    columns = next(rows)
    if missing := [name for name in NEEDED if name not in columns]:
        raise InputError(
            f"{path}: got no column {', '.join(missing)}, expected the batch results of a study "
            "that p2p-eval study export --to mturk made; download them again, with all columns"
        )
    reader = AnswerReader(plan)
    votes: list[Vote] = []
    refused: list[str] = []
    seen: set[str] = set()
    plans: set[str] = set()
    for number, cells in enumerate(rows, 2):
        row = dict(zip(columns, cells, strict=False))
        plans.add(row.get("Answer.plan", ""))
        try:
            if len(cells) != len(columns):
                raise RefusedError(f"{len(cells)} cells, expected {len(columns)}")
            if row["AssignmentId"] in seen:
                raise RefusedError(f"assignment {row['AssignmentId'][:80]!r} for the second time")
            seen.add(row["AssignmentId"])
            votes += _votes(row, number, reader)
        except RefusedError as reason:
            refused.append(f"{path.name}, row {number}: {reason}")
    if plans and plan.hash not in plans:
        raise InputError(
            f"{path}: got answers to plan {min(plans)[:64]!r}, expected {plan.hash}; give --plan "
            "the folder of the study that was exported"
        )
    return Collected(tuple(votes), tuple(refused))


def mturk_time(moment: datetime) -> str:
    """Write a time as these files do.

    Example:
        >>> mturk_time(datetime(2026, 11, 27, 14, 54, 6, tzinfo=UTC))
        'Fri Nov 27 14:54:06 UTC 2026'
    """
    at = moment.astimezone(UTC)
    day = f"{WEEKDAYS[at.weekday()]} {MONTHS[at.month - 1]} {at.day:02}"
    return f"{day} {at:%H:%M:%S} UTC {at.year:04}"


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
    found = TIME.fullmatch(text.strip())
    if found is None or found[1] not in MONTHS or found[6] not in ZONES:
        raise RefusedError(f"SubmitTime {text[:40]!r}, expected as 'Fri Nov 27 14:54:06 PST 2026'")
    day, hour, minute, second, year = (int(found[i]) for i in (2, 3, 4, 5, 7))
    zone = timezone(timedelta(hours=ZONES[found[6]]))
    try:
        moment = datetime(year, MONTHS.index(found[1]) + 1, day, hour, minute, second, tzinfo=zone)
    except ValueError as error:
        raise RefusedError(f"SubmitTime {text[:40]!r}: {error}") from error
    return moment.timestamp()


def _rows(path: Path) -> Iterator[list[str]]:
    """The rows of the file, that of the names of columns first."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if len(data) > MAX_BYTES:
        raise InputError(f"{path}: got over {MAX_BYTES} bytes, expected the results of one batch")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: no UTF-8 text ({error.reason} at byte {error.start}); download it again, and "
            "save it as CSV UTF-8 if a spreadsheet changed it"
        ) from error
    head = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for cells in rows:
            if not cells:
                continue
            number += 1
            if number > MAX_ROWS:
                raise InputError(f"{path}: got over {MAX_ROWS} rows, expected one a session")
            yield cells
    except csv.Error as error:
        raise InputError(f"{path}, line {rows.line_num}: no CSV ({error})") from error
    if not number:
        raise InputError(f"{path}: got an empty file, expected the batch results of a study")
