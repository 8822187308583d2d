"""The answers in files, whoever wrote them: our server, the pages we export, or other tools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from p2p_eval.errors import InputError
from p2p_eval.study.bundle_answers import read_bundle_answers
from p2p_eval.study.csv_rows import read_rows
from p2p_eval.study.mturk_batch import ACCEPTED, PRACTICE, is_batch, parse_batch
from p2p_eval.study.mturk_results import is_mturk_results, parse_mturk_results
from p2p_eval.study.plan import Plan
from p2p_eval.study.votes import Vote, parse_votes

__all__ = ["Answers", "read_answers"]


@dataclass(frozen=True, slots=True)
class Answers:
    """What files of answers hold.

    Attributes:
        votes: All answers, practice included.
        plans: Hashes of the plans that they refer to; of a Mechanical Turk batch there is none.
        notes: What a reader of figures from them should know.
    """

    votes: tuple[Vote, ...]
    plans: tuple[str, ...]
    notes: tuple[str, ...]


def read_answers(
    files: Sequence[Path], practice: int | None = None, plan: Plan | None = None
) -> Answers:
    """Read the answers of one study.

    Args:
        files: Each is told by its columns: our own export, a Mechanical Turk batch of another
            tool, or one of a study that we exported; or it is a folder of answers, or one file of
            JSON, that the pages of a static bundle gave.
        practice: Trials of each session that come first and do not count; by default what our
            files say, and :data:`p2p_eval.study.mturk_batch.PRACTICE` of a batch, which does not.
        plan: That pages which we exported showed; they do not say which images are real.

    Raises:
        InputError: There is no file, one cannot be used or needs a plan, or an answer is given
            twice.
    """
    if not files:
        raise InputError("got no file of answers, expected one or more")
    if practice is not None and practice < 0:
        raise InputError(f"got practice {practice}, expected 0 or more")
    votes: list[Vote] = []
    plans: set[str] = set()
    notes: list[str] = []
    for path in files:
        rows = None if _is_of_pages(path) else read_rows(path)
        if rows is None or is_mturk_results(rows):
            known = _needed(plan, path)
            collected = (
                read_bundle_answers(path, known)
                if rows is None
                else parse_mturk_results(rows, known)
            )
            plans.add(known.hash)
            votes += collected.votes if practice is None else _practised(collected.votes, practice)
            notes += [f"warning: answers left out: {line}" for line in collected.refused]
        elif is_batch(rows):
            batch = parse_batch(rows, PRACTICE if practice is None else practice)
            votes += batch.votes
            notes += [f"warning: answers left out: {line}" for line in batch.refused]
            if practice is None:
                notes.append(
                    f"note: {path.name} does not say how many trials were practice; {PRACTICE} "
                    "are taken, as in the paper; --practice says another number"
                )
            if ACCEPTED not in rows.columns:
                notes.append(
                    f"note: {path.name} has no {ACCEPTED}: which session of a person was the first "
                    "is taken from the order of its rows"
                )
        else:
            found, hashes = parse_votes(rows)
            plans |= hashes
            votes += found if practice is None else _practised(found, practice)
    _check_once(votes)
    if len(plans) > 1:
        notes.append(f"note: the answers are to {len(plans)} plans")
    return Answers(tuple(votes), tuple(sorted(plans)), tuple(notes))


def _is_of_pages(path: Path) -> bool:
    """Whether it is what pages of a static bundle gave: a folder, or a file that is no CSV."""
    return path.is_dir() or path.suffix.lower() == ".json"


def _needed(plan: Plan | None, path: Path) -> Plan:
    if plan is None:
        raise InputError(
            f"{path}: got no plan, which alone says which images were real; give --plan the folder "
            "of the study that was exported"
        )
    return plan


def _practised(votes: Sequence[Vote], practice: int) -> list[Vote]:
    return [replace(vote, practice=vote.trial <= practice) for vote in votes]


def _check_once(votes: Sequence[Vote]) -> None:
    seen: set[tuple[str, str, int]] = set()
    for vote in votes:
        key = (vote.participant, vote.session, vote.trial)
        if key in seen:
            raise InputError(
                f"got the answer to trial {vote.trial} of session {vote.session!r} by "
                f"{vote.participant!r} twice, expected it once; give each file once"
            )
        seen.add(key)
