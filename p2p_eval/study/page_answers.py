"""What a page kept of one session, and the votes that follow from it with the plan.

It comes from strangers' browsers: every value is checked, and what breaks a rule is refused as a
whole session, with the reason.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from p2p_eval.study.plan import Plan, Session, Side
from p2p_eval.study.votes import Vote

__all__ = ["AnswerReader", "Collected", "RefusedError"]

MAX_MILLISECONDS = 1e9
MAX_COUNT = 1_000_000
PSEUDONYM = re.compile(r"[0-9a-f]{32}")


class RefusedError(Exception):
    """Why a session's answers are not taken; which session it was, the caller says."""


@dataclass(frozen=True, slots=True)
class Collected:
    """The answers that were collected.

    Attributes:
        votes: In the order in which they were found.
        refused: Whose answers were not taken, and why: one line each.
    """

    votes: tuple[Vote, ...]
    refused: tuple[str, ...]


class AnswerReader:
    """Turns what pages kept into the votes of a plan."""

    def __init__(self, plan: Plan) -> None:
        """Take the plan that answers must be of."""
        self._plan = plan
        self._sessions = {session.id: session for session in plan.sessions}

    def pseudonym(self, person: str) -> str:
        """Give the id under which a person's votes stand: 32 hexadecimal digits.

        It is the same for the same person and plan, and itself for a pseudonym.
        """
        if PSEUDONYM.fullmatch(person):
            return person
        return hashlib.sha256(f"{self._plan.hash}\n{person}".encode()).hexdigest()[:32]

    def read(
        self,
        answers: str | bytes | list[Any],
        *,
        plan_hash: object,
        session: object,
        person: str,
        source: str,
        order: float,
    ) -> list[Vote]:
        """Turn the answers of one session into votes.

        Args:
            answers: A list, or the JSON of one: ``{"trial", "answer", "response_ms", "shown_ms",
                "dropped_frames", "lost_focus", "seen_before"}`` each, from trial 1 on.
            plan_hash: Of the plan that they claim to be of.
            session: That they claim to be of.
            person: Who gave them; a pseudonym takes its place.
            source: Stands as the votes' session: which time it was that someone took it.
            order: Of sessions of one participant, the lowest was first.

        Raises:
            RefusedError: They are of another plan or session, no such list, a trial is missing in
                between, a value is out of range, or the person has half a character in the name.
        """
        if plan_hash != self._plan.hash:
            raise RefusedError(f"plan {_short(plan_hash)}, expected {self._plan.hash}")
        known = self._sessions.get(session) if isinstance(session, str) else None
        if known is None:
            raise RefusedError(f"session {_short(session)} is none of the plan's")
        records = _parse(answers) if isinstance(answers, str | bytes) else answers
        if not isinstance(records, list) or not 1 <= len(records) <= len(known.trials):
            raise RefusedError(f"answers: expected a list of 1 to {len(known.trials)}")
        try:
            participant = self.pseudonym(person)
        except UnicodeEncodeError as error:
            raise RefusedError(f"participant {_short(person)} is no Unicode text") from error
        return [
            Vote(
                participant=participant,
                session=source,
                order=order,
                trials=len(known.trials),
                **self._shown(known, number),
                **_given(record, number),
            )
            for number, record in enumerate(records, 1)
        ]

    def _shown(self, session: Session, number: int) -> dict[str, Any]:
        """What the plan says of a trial."""
        trial = session.trials[number - 1]
        real, fake = trial.real_and_fake
        return {
            "algorithm": session.algorithm,
            "trial": number,
            "practice": number <= self._plan.practice,
            "real": trial.real,
            "real_image": self._plan.images[real],
            "fake_image": self._plan.images[fake],
        }


def _given(record: Any, number: int) -> dict[str, Any]:
    """What the page says of it, checked."""
    if not isinstance(record, dict) or record.get("trial") != number:
        raise RefusedError(f"answer {number}: expected that of trial {number}")
    return {
        "answer": _side(record.get("answer"), number),
        "response_ms": _milliseconds(record.get("response_ms"), number),
        "shown_ms": _pair(record.get("shown_ms"), number),
        "dropped_frames": _count(record, "dropped_frames", number),
        "lost_focus": _flag(record.get("lost_focus"), number),
        "seen_before": _count(record, "seen_before", number),
    }


def _parse(text: str | bytes) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"answers are no JSON ({error})") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}")


def _side(value: Any, number: int) -> Side:
    if value not in ("left", "right"):
        _refuse(number, "answer", value, "left or right")
    return "left" if value == "left" else "right"


def _milliseconds(value: Any, number: int) -> float | None:
    return None if value is None else _number(value, "response_ms", number)


def _pair(value: Any, number: int) -> tuple[float, float] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        _refuse(number, "shown_ms", value, "two numbers")
    return _number(value[0], "shown_ms", number), _number(value[1], "shown_ms", number)


def _number(value: Any, key: str, number: int) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not 0 <= value <= MAX_MILLISECONDS or not math.isfinite(value):
        _refuse(number, key, value, f"0 to {MAX_MILLISECONDS:.0f}")
    return float(value)


def _count(record: dict[str, Any], key: str, number: int) -> int | None:
    value = record.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
        _refuse(number, key, value, f"a whole number to {MAX_COUNT}")
    return value


def _flag(value: Any, number: int) -> bool | None:
    if value is not None and not isinstance(value, bool):
        _refuse(number, "lost_focus", value, "true or false")
    return value


def _refuse(number: int, key: str, value: Any, expected: str) -> NoReturn:
    raise RefusedError(f"answer {number}: {key}: got {_short(value)}, expected {expected}")


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, str | int | float | None) else type(value).__name__
    return text if len(text) <= 48 else f"{text[:48]}…"
