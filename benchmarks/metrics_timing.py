"""Time functions on pairs of images fairly: everybody's best way of being called, in turns."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

Measure = Callable[[Tensor, Tensor], Tensor]
LONGEST = 1.0
"""Seconds a call above which no larger batch is tried."""

SLICE = 0.05
"""Seconds of one turn. Many short turns find a quiet moment sooner than few long ones."""

TRIALS = 2
"""Turns in which a way is tried."""

MARGIN = 1.2
"""Ways that took no more than this many times the least are tried on."""

ENOUGH = 2.0
"""Seconds after which a slow function has had its turns, once there were three."""


@dataclass(frozen=True)
class Way:
    """How a function is called.

    Attributes:
        batch: Pairs a call.
        pool: Calls come from as many threads as there are cores, each with one thread of PyTorch;
            otherwise one call follows the other, and PyTorch may use all cores.
    """

    batch: int
    pool: bool

    def __str__(self) -> str:
        batch = "one pair a call" if self.batch == 1 else f"{self.batch} pairs a call"
        return f"{batch}, {processors()} threads" if self.pool else batch


WAYS = (Way(1, False), Way(8, False), Way(32, False), Way(1, True), Way(8, True))


def processors() -> int:
    return len(os.sched_getaffinity(0))


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@cache
def one_thread_each() -> ThreadPoolExecutor:
    """As many threads as there are cores; what each one calls runs in that thread alone."""
    return ThreadPoolExecutor(processors(), initializer=torch.set_num_threads, initargs=(1,))


def values(measure: Measure, way: Way, x: Tensor, y: Tensor) -> Tensor:
    """Return one value a pair, float64 ``(N,)``."""

    def call(start: int) -> Tensor:
        stop = start + way.batch
        with torch.inference_mode():
            return measure(x[start:stop], y[start:stop]).double().reshape(-1)

    starts = range(0, len(x), way.batch)
    if not way.pool:
        return torch.cat([call(start) for start in starts])
    with torch_threads(1):  # what MKL uses is not a thread's own
        return torch.cat(list(one_thread_each().map(call, starts)))


@dataclass
class Timed:
    """A function that is called in one way, and the least time a pair, in seconds."""

    measure: Measure
    way: Way
    count: int
    seconds: float = math.inf

    def take_turn(self, x: Tensor, y: Tensor) -> None:
        """Run on the first ``count`` pairs for :data:`SLICE` seconds, at least once."""
        start = time.perf_counter()
        while True:
            begin = time.perf_counter()
            values(self.measure, self.way, x[: self.count], y[: self.count])
            end = time.perf_counter()
            self.seconds = min(self.seconds, (end - begin) / self.count)
            if end - start > SLICE:
                return


class Candidate:
    """A function that is timed in the ways that suit it best.

    Args:
        measure: uint8 images, generated and real, to one value a pair.
        x: The generated images, ``(N, C, H, W)``.
        y: The real ones.
    """

    def __init__(self, measure: Measure, x: Tensor, y: Tensor) -> None:
        """Try all ways, and keep the fastest and what may be as fast."""
        self.measure, self.x, self.y, self.spent = measure, x, y, 0.0
        self.kept: list[Timed] = []
        values(measure, WAYS[0], x[:1], y[:1])  # the first call does not count
        for way in WAYS:
            known = min((timed.seconds for timed in self.kept), default=0.0)
            if way.batch > len(x) or known * way.batch > LONGEST:
                continue
            timed = Timed(measure, way, _pairs(way, known, len(x)))
            for _ in range(TRIALS):
                timed.take_turn(x, y)
            self.kept.append(timed)
        self.kept = [timed for timed in self.kept if timed.seconds < MARGIN * self.seconds]

    @property
    def best(self) -> Timed:
        return min(self.kept, key=lambda timed: timed.seconds)

    @property
    def way(self) -> Way:
        return self.best.way

    @property
    def seconds(self) -> float:
        """The least time a pair."""
        return self.best.seconds

    def take_turn(self) -> None:
        """Run in each way that was kept."""
        start = time.perf_counter()
        for timed in self.kept:
            timed.take_turn(self.x, self.y)
        self.spent += time.perf_counter() - start


def _pairs(way: Way, seconds: float, most: int) -> int:
    """Return how many pairs fill a turn, in whole rounds of calls; few if that is not known."""
    step = way.batch * (processors() if way.pool else 1)
    wanted = SLICE / seconds if seconds else step
    return min(max(round(wanted / step), 1) * step, most)


def interleave(candidates: Sequence[Candidate], rounds: int) -> None:
    """Let everybody run in each round: others on the machine only ever add time."""
    for done in range(rounds):
        for candidate in candidates:
            if done < 3 or candidate.spent < ENOUGH:
                candidate.take_turn()
