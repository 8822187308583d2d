"""People who do not exist: each is fooled at a rate of their own, around one that is known."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from p2p_eval.errors import InputError
from p2p_eval.study.plan import Plan, Session, Side, Trial
from p2p_eval.study.votes import Vote

__all__ = ["Crowd", "Person", "made_up_sessions", "simulate", "simulate_plan"]

MEDIAN_MS = 900.0
MEDIAN_SIGMA = 0.3
ANSWER_SIGMA = 0.4
MOST_ANSWERS = 10_000_000


@dataclass(slots=True)
class Person:
    """Someone who answers.

    Attributes:
        rate: How often they take the generated image for the real one, in 0-1.
        lapse: How often they press a key without having looked, in 0-1.
        median_ms: Half of their answers take longer.
        rng: What their answers are drawn from.
    """

    rate: float
    lapse: float
    median_ms: float
    rng: np.random.Generator

    def answer(self, real: Side) -> tuple[Side, float]:
        """Say which side they call fake, and after how many milliseconds."""
        chance, lapsed, coin, time = self.rng.random(4)
        other: Side = "right" if real == "left" else "left"
        fooled = coin < 0.5 if lapsed < self.lapse else chance < self.rate
        # The logistic is close to the normal, and takes one number as the others do.
        late = ANSWER_SIGMA * math.log(time / (1 - time)) / 1.702 if time else 0.0
        return (real if fooled else other), self.median_ms * math.exp(late)


@dataclass(frozen=True, slots=True)
class Crowd:
    """Whom people are drawn from.

    Attributes:
        rate: Their mean rate of being fooled, in 0-1.
        spread: Its standard deviation between people; they follow a beta distribution.
        lapse: How often each presses a key without having looked.

    Raises:
        InputError: A value is out of range.
    """

    rate: float
    spread: float = 0.1
    lapse: float = 0.0

    def __post_init__(self) -> None:
        """Check that there are such people."""
        if not 0 <= self.rate <= 1:
            raise InputError(f"got rate {self.rate}, expected 0 to 1")
        if not 0 <= self.lapse <= 1:
            raise InputError(f"got lapse {self.lapse}, expected 0 to 1")
        most = math.sqrt(self.rate * (1 - self.rate))
        if not 0 <= self.spread < most and self.spread != 0:
            raise InputError(
                f"got spread {self.spread}, expected 0 or more and, for rate {self.rate}, less "
                f"than {most:.3g}"
            )

    @property
    def fooled(self) -> float:
        """How often they call a generated image real, lapses included: what a study measures."""
        return (1 - self.lapse) * self.rate + self.lapse / 2

    def person(self, seed: Sequence[int]) -> Person:
        """Draw a person."""
        rng = np.random.default_rng(seed)
        rate = self.rate
        if self.spread:
            total = rate * (1 - rate) / self.spread**2 - 1
            rate = float(rng.beta(rate * total, (1 - rate) * total))
        median = MEDIAN_MS * math.exp(MEDIAN_SIGMA * rng.standard_normal())
        return Person(rate, self.lapse, median, rng)


def simulate(
    sessions: Sequence[Session],
    crowds: Mapping[str, Crowd],
    *,
    practice: int,
    seed: int,
    images: Mapping[str, str] | None = None,
    milliseconds: float = 1000.0,
) -> Iterator[Vote]:
    """Let one person take each session.

    Args:
        sessions: Of a plan, or made up.
        crowds: Whom the people of each algorithm are drawn from.
        practice: Trials of each session that come first and do not count.
        seed: Of everything that is drawn.
        images: What the images of the sessions are; by default their names.
        milliseconds: How long each image is shown.

    Raises:
        InputError: An algorithm has no crowd.
    """
    for number, session in enumerate(sessions):
        crowd = crowds.get(session.algorithm)
        if crowd is None:
            raise InputError(
                f"got no rate for {session.algorithm!r}, expected one for each algorithm; give it "
                f"by --rate {session.algorithm}=PERCENT"
            )
        person = crowd.person((seed, number))
        for place, trial in enumerate(session.trials, 1):
            real, fake = trial.real_and_fake
            answer, after = person.answer(trial.real)
            yield Vote(
                participant=f"simulated-{number + 1}",
                session=session.id,
                algorithm=session.algorithm,
                trial=place,
                practice=place <= practice,
                real=trial.real,
                answer=answer,
                real_image=images[real] if images else real,
                fake_image=images[fake] if images else fake,
                order=float(number),
                response_ms=after,
                shown_ms=(milliseconds, milliseconds),
                dropped_frames=0,
                lost_focus=False,
                seen_before=0,
                trials=len(session.trials),
            )


def made_up_sessions(
    algorithms: Sequence[str], people: int, *, trials: int = 40, practice: int = 10, seed: int
) -> list[Session]:
    """Make sessions without images, half of the real ones on the left.

    Args:
        algorithms: Names; each has ``people`` sessions.
        people: Of each algorithm.
        trials: Of each session, that count.
        practice: Of each session, before those.
        seed: Of the sides.

    Raises:
        InputError: A number is out of range.
    """
    for name, value, least in (("people", people, 1), ("trials", trials, 1), ("seed", seed, 0)):
        if value < least:
            raise InputError(f"got {name} {value}, expected {least} or more")
    length = trials + practice
    if practice < 0 or len(algorithms) * people * length > MOST_ANSWERS:
        raise InputError(f"got {length} trials of {people} people, expected up to {MOST_ANSWERS}")
    rng = np.random.default_rng(seed)
    sessions = []
    for number in range(people):
        for algorithm in algorithms:
            left = rng.permutation(length) < (length + number % 2) // 2
            made = tuple(
                Trial(f"target/{i}", f"output/{i}", "left")
                if on_left
                else Trial(f"output/{i}", f"target/{i}", "right")
                for i, on_left in enumerate(left, 1)
            )
            sessions.append(Session(rng.bytes(16).hex(), algorithm, made))
    return sessions


def simulate_plan(plan: Plan, crowds: Mapping[str, Crowd], *, seed: int) -> Iterator[Vote]:
    """Let one person take each session of a plan.

    Raises:
        InputError: An algorithm has no crowd.
    """
    return simulate(
        plan.sessions,
        crowds,
        practice=plan.practice,
        seed=seed,
        images=plan.images,
        milliseconds=float(plan.milliseconds),
    )
