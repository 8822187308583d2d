"""Which sessions do not count, by stated rules, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from p2p_eval.study.votes import Vote

__all__ = ["FAST_MS", "RULES", "Excluded", "Participants", "SessionVotes", "exclude", "sessions_of"]

Participants = Literal["first", "all"]

FAST_MS = 200
"""Answers faster than this were given without looking, in milliseconds."""

LEAST_ANSWERS = 10
"""With fewer answers, all on one side happen by chance."""

RULES = {
    "took part before": "only the first session of a person counts (--participants all: all do)",
    "incomplete": "a session counts if all of its trials were shown and some were answered",
    "too fast": f"a session counts unless over half of its answers came within {FAST_MS} ms",
    "one side": f"a session of {LEAST_ANSWERS} answers or more counts unless all are on one side",
}
"""Each rule by its name; they look at trials that count, practice left out."""


@dataclass(slots=True)
class SessionVotes:
    """One session of one person."""

    participant: str
    session: str
    votes: list[Vote] = field(default_factory=list)

    @property
    def counted(self) -> list[Vote]:
        """The answers that count, in the order of trials; those that were not given left out."""
        return [vote for vote in self.votes if not vote.practice and vote.answer is not None]

    @property
    def order(self) -> float:
        """Sessions of one person come in this order."""
        return min(vote.order for vote in self.votes)


@dataclass(frozen=True, slots=True)
class Excluded:
    """A session that does not count, and why."""

    participant: str
    session: str
    algorithms: tuple[str, ...]
    answers: int
    rules: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the document."""
        return {
            "participant": self.participant,
            "session": self.session,
            "algorithms": list(self.algorithms),
            "answers": self.answers,
            "rules": list(self.rules),
        }


def sessions_of(votes: Sequence[Vote]) -> list[SessionVotes]:
    """Gather answers by session, trials in order; sessions as they were taken."""
    found: dict[tuple[str, str], SessionVotes] = {}
    for vote in votes:
        key = (vote.participant, vote.session)
        found.setdefault(key, SessionVotes(*key)).votes.append(vote)
    for session in found.values():
        session.votes.sort(key=lambda vote: vote.trial)
    return sorted(found.values(), key=lambda session: session.order)


def exclude(
    sessions: Sequence[SessionVotes], participants: Participants = "first"
) -> tuple[list[SessionVotes], list[Excluded]]:
    """Tell the sessions that count from those that break one of :data:`RULES`.

    Args:
        sessions: As :func:`sessions_of` gives them.
        participants: Whether only the ``first`` session of a person counts, or ``all``.

    Returns:
        Those that count, and the others with every rule that they break.
    """
    longest = max((len(session.votes) for session in sessions), default=0)
    taken: Counter[str] = Counter()
    kept, excluded = [], []
    for session in sessions:
        rules = []
        if participants == "first" and taken[session.participant]:
            rules.append("took part before")
        taken[session.participant] += 1
        rules += _broken(session, longest)
        if rules:
            algorithms = tuple(dict.fromkeys(vote.algorithm for vote in session.votes))
            answers = len(session.counted)
            excluded.append(
                Excluded(session.participant, session.session, algorithms, answers, tuple(rules))
            )
        else:
            kept.append(session)
    return kept, excluded


def _broken(session: SessionVotes, longest: int) -> list[str]:
    counted = session.counted
    rules = []
    # A file that does not say how long sessions are has at least one that was finished.
    if len(session.votes) < (session.votes[0].trials or longest) or not counted:
        rules.append("incomplete")
    times = [vote.response_ms for vote in counted if vote.response_ms is not None]
    if 2 * sum(time < FAST_MS for time in times) > len(counted):
        rules.append("too fast")
    if len(counted) >= LEAST_ANSWERS and len({vote.answer for vote in counted}) == 1:
        rules.append("one side")
    return rules
