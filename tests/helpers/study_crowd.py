"""Many people at once who take part in a study through its server."""

from __future__ import annotations

import asyncio
import csv
import random
import ssl

import httpx
from study_server import TOKEN

from p2p_eval.study.plan import Side
from p2p_eval.study.visit import Visited, take_part


async def crowd(address: str, people: int, *, waits: bool = False) -> list[Visited]:
    """Let so many people take part at once; give what the server acknowledged."""
    context = ssl.create_default_context()  # shared, as making one takes longer than a request

    async def one(number: int) -> Visited:
        rng = random.Random(number)

        def choose(_session: str, _trial: int) -> tuple[Side, float]:
            return ("left" if rng.random() < 0.5 else "right"), rng.uniform(200.0, 1500.0)

        async with httpx.AsyncClient(base_url=address, timeout=30, verify=context) as client:
            return await take_part(client, f"person {number}", choose, waits=waits)

    return await asyncio.gather(*(one(number) for number in range(people)))


def check_kept(address: str, visited: list[Visited], trials: int) -> None:
    """Every acknowledged answer is there, once, and no other is."""
    reply = httpx.get(
        f"{address}/admin/votes.csv",
        headers={"authorization": f"Bearer {TOKEN}"},
        timeout=60,
    )
    rows = [(row["session"], int(row["trial"]), row["answer"])
            for row in csv.DictReader(reply.text.splitlines())]  # fmt: skip
    assert len(rows) == len(set(rows)) == len(visited) * trials
    assert set(rows) == {
        (v.session, trial, side) for v in visited for trial, side in v.answers.items()
    }
    assert len({v.session for v in visited}) == len(visited)
