"""Someone who takes part through the server as the page does, but is a program."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from p2p_eval.errors import InputError
from p2p_eval.study.plan import Plan, Side
from p2p_eval.study.simulate import Crowd, simulate_plan

__all__ = ["Visited", "simulate_visits", "take_part"]

AT_ONCE = 20

FIRST_WAIT = 0.1
LONGEST_WAIT = 2.0
MOST_TRIES = 40

Choose = Callable[[str, int], tuple[Side, float]]
"""Says which side is called fake, and after how many milliseconds; of a session and a trial."""


@dataclass(slots=True)
class Visited:
    """What the server acknowledged.

    Attributes:
        session: That was given.
        answers: Side by trial.
        seconds: How long each post of an answer took, those that failed left out.
    """

    session: str = ""
    answers: dict[int, Side] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)


def simulate_visits(
    address: str, plan: Plan, crowds: Mapping[str, Crowd], *, seed: int
) -> list[Visited]:
    """Let one person take each session that a server has left, as in :mod:`.simulate`.

    Whoever gets a session answers as the person who takes it there, so the answers are the same.

    Args:
        address: Of the server.
        plan: What it serves.
        crowds: Whom the people of each algorithm are drawn from.
        seed: Of everything that is drawn.

    Raises:
        InputError: An algorithm has no crowd, or the server refuses, or is not there.
    """
    votes = {(vote.session, vote.trial): vote for vote in simulate_plan(plan, crowds, seed=seed)}

    def choose(session: str, trial: int) -> tuple[Side, float]:
        vote = votes.get((session, trial))
        if vote is None or vote.answer is None or vote.response_ms is None:
            raise InputError(f"{address}: got a session of another plan, expected {plan.hash}")
        return vote.answer, vote.response_ms

    async def everybody() -> list[Visited]:
        free = asyncio.Semaphore(AT_ONCE)
        context = ssl.create_default_context()  # shared, as making one takes long

        async def one(number: int) -> Visited:
            async with free, httpx.AsyncClient(base_url=address, verify=context) as client:
                return await take_part(client, f"simulated-{number + 1}", choose)

        return await asyncio.gather(*(one(number) for number in range(len(plan.sessions))))

    return asyncio.run(everybody())


async def take_part(
    client: httpx.AsyncClient, participant: str, choose: Choose, *, waits: bool = False
) -> Visited:
    """Take a session and answer all of its trials; what fails is tried again, as the page does.

    Args:
        client: With the server's address as its base, and cookies of its own.
        participant: Id as of a panel.
        choose: How they answer.
        waits: Take as long as a person would: the stimulus and the answer; else answer at once.

    Raises:
        InputError: The server refuses, or is not there.
    """
    visited = Visited()
    begin = {"participant": participant, "agreed": True}
    session = (await _insist(client, "/api/session", begin))[0]
    visited.session = session["id"]
    milliseconds = session["milliseconds"]
    for trial in range(session["start"], len(session["trials"]) + 1):
        side, late = choose(visited.session, trial)
        if waits:
            await asyncio.sleep((milliseconds + late) / 1000)
        record = {
            "plan": session["plan"],
            "session": visited.session,
            "trial": trial,
            "answer": side,
            "response_ms": late,
            "shown_ms": [float(milliseconds)] * 2,
            "dropped_frames": 0,
            "lost_focus": False,
            "seen_before": 0,
        }
        _, seconds = await _insist(client, "/api/answers", record)
        visited.answers[trial] = side
        visited.seconds.append(seconds)
    return visited


async def _insist(
    client: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> tuple[dict[str, Any], float]:
    """The reply to a post, and how long the post that succeeded took."""
    wait = FIRST_WAIT
    reason = ""
    for _ in range(MOST_TRIES):
        started = time.perf_counter()
        try:
            response = await client.post(path, json=body)
        except httpx.TransportError as error:
            reason = f"{type(error).__name__} {error}"
        else:
            if response.is_success:
                return response.json(), time.perf_counter() - started
            reason = f"{response.status_code} {response.text[:200]}"
            if response.status_code != 429 and response.status_code < 500:
                break
        await asyncio.sleep(wait)
        wait = min(2 * wait, LONGEST_WAIT)
    raise InputError(f"{client.base_url}: got {reason}, expected the server of a study")
