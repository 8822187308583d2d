"""One answer of one person, however it was collected, and files of them: one row an answer."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from p2p_eval.errors import InputError
from p2p_eval.scores.cells import safe_cell
from p2p_eval.scores.store import write_atomic
from p2p_eval.study.csv_rows import CsvRows, Row
from p2p_eval.study.plan import Side

__all__ = ["COLUMNS", "REQUIRED", "Vote", "one_side", "parse_votes", "votes_csv", "write_votes"]

REQUIRED = (
    "plan", "participant", "session", "algorithm", "trial", "practice", "real", "answer",
    "real_image", "fake_image",
)  # fmt: skip
"""Columns that every file of answers has."""

COLUMNS = (
    *REQUIRED, "trials", "order", "response_ms", "shown_left_ms", "shown_right_ms",
    "dropped_frames", "lost_focus", "seen_before",
)  # fmt: skip
"""All columns, in order; what is not known is empty."""

QUOTE = "'"


@dataclass(frozen=True, slots=True)
class Vote:
    """An answer to one trial.

    Attributes:
        participant: Who; an opaque id.
        session: Which session of the plan, or the assignment of a web service.
        algorithm: Whose image was the fake one.
        trial: From 1, practice included.
        practice: Whether it does not count.
        real: Where the real image was.
        answer: The side that was called fake, or None where none was given ("unset").
        real_image: What the real image was.
        fake_image: What the fake one was.
        order: Of sessions of one participant, the lowest was first: a time in seconds, or a number.
        response_ms: From the end of the images to the answer, or None.
        shown_ms: How long the images were seen on the screen, left and right, or None.
        dropped_frames: While they were shown, or None.
        lost_focus: Whether the window lost it while they were shown, or None.
        seen_before: How often the pair was shown before, as before a reload, or None.
        trials: Of the whole session, practice included, or None where that is not known.
    """

    participant: str
    session: str
    algorithm: str
    trial: int
    practice: bool
    real: Side
    answer: Side | None
    real_image: str
    fake_image: str
    order: float = 0.0
    response_ms: float | None = None
    shown_ms: tuple[float, float] | None = None
    dropped_frames: int | None = None
    lost_focus: bool | None = None
    seen_before: int | None = None
    trials: int | None = None

    @property
    def fooled(self) -> bool:
        """Whether the generated image was taken for the real one."""
        return self.answer == self.real


def votes_csv(votes: Iterable[Vote], plan: str) -> Iterator[str]:
    """Give the lines of a file of answers, the header first.

    Args:
        votes: The answers.
        plan: Hash of the plan that they refer to.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    yield text.getvalue()
    for vote in votes:
        text.seek(0)
        text.truncate()
        left, right = vote.shown_ms or (None, None)
        table.writerow(
            [
                *map(_cell, (plan, vote.participant, vote.session, vote.algorithm)),
                vote.trial,
                int(vote.practice),
                vote.real,
                vote.answer or "",
                *map(_cell, (vote.real_image, vote.fake_image)),
                vote.trials,
                *(_number(value) for value in (vote.order, vote.response_ms, left, right)),
                vote.dropped_frames,
                None if vote.lost_focus is None else int(vote.lost_focus),
                vote.seen_before,
            ]
        )
        yield text.getvalue()


def write_votes(path: Path, votes: Iterable[Vote], plan: str) -> None:
    """Write a file of answers.

    Raises:
        StoreError: It could not be written.
    """
    write_atomic(path, "".join(votes_csv(votes, plan)).encode())


def parse_votes(rows: CsvRows) -> tuple[list[Vote], set[str]]:
    """Give the answers of a file, and the hashes of the plans that they refer to.

    Raises:
        InputError: A column is missing, or a cell cannot be used.

    Example:
        >>> import tempfile
        >>> from p2p_eval.study.csv_rows import read_rows
        >>> path = Path(tempfile.mkdtemp()) / "votes.csv"
        >>> vote = Vote("p", "s", "L1", 1, False, "left", "right", "a", "=b", response_ms=512.5)
        >>> write_votes(path, [vote], "0" * 64)
        >>> parse_votes(read_rows(path)) == ([vote], {"0" * 64})
        True
    """
    rows.require(*REQUIRED)
    optional = [column for column in COLUMNS if column not in rows.columns]
    votes, plans = [], set()
    for row in rows:
        row.cells.update(dict.fromkeys(optional, ""))
        votes.append(_vote(row))
        plans.add(_text(row, "plan"))
    if not votes:
        raise InputError(f"{rows.path}: got no answer, expected a row for each")
    return votes, plans


def one_side(row: Row, column: str) -> Side:
    """A cell that must hold a side.

    Raises:
        InputError: It holds something else.
    """
    return "left" if row.one_of(column, "left", "right") == "left" else "right"


def _vote(row: Row) -> Vote:
    known = {column for column, cell in row.cells.items() if cell}
    trial = row.whole("trial", 1)
    trials = row.whole("trials", 1) if "trials" in known else None
    if trials is not None and trial > trials:
        raise row.error("trial", f"at most the session's {trials}")
    shown = ("shown_left_ms", "shown_right_ms")
    return Vote(
        participant=_text(row, "participant"),
        session=_text(row, "session"),
        algorithm=_text(row, "algorithm"),
        trial=trial,
        practice=row.one_of("practice", "0", "1") == "1",
        real=one_side(row, "real"),
        answer=one_side(row, "answer") if "answer" in known else None,
        real_image=_text(row, "real_image"),
        fake_image=_text(row, "fake_image"),
        order=row.number("order") if "order" in known else 0.0,
        response_ms=row.number("response_ms") if "response_ms" in known else None,
        shown_ms=(row.number(shown[0]), row.number(shown[1])) if known.issuperset(shown) else None,
        dropped_frames=row.whole("dropped_frames") if "dropped_frames" in known else None,
        lost_focus=row.one_of("lost_focus", "0", "1") == "1" if "lost_focus" in known else None,
        seen_before=row.whole("seen_before") if "seen_before" in known else None,
        trials=trials,
    )


def _cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula, and that :func:`_text` gives back."""
    return f"{QUOTE}{text}" if text.startswith(QUOTE) else safe_cell(text)


def _text(row: Row, column: str) -> str:
    return row.text(column).removeprefix(QUOTE)


def _number(value: float | None) -> str | None:
    return None if value is None else repr(float(value))
