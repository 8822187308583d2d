"""Time functions on pairs of images fairly: everybody's best way of being called, in turns."""

from __future__ import annotations

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
class Candidate:
    """A function that is timed, and what was found.

    Attributes:
        measure: uint8 images ``(N, 3, H, W)``, generated and real, to ``(N,)``.
        way: The fastest, once :meth:`choose_way` was called.
        count: Pairs of one run.
        seconds: The least time a pair.
    """

    measure: Measure
    way: Way = WAYS[0]
    count: int = 1
    seconds: float = float("inf")

    def choose_way(self, x: Tensor, y: Tensor) -> None:
        """Find the fastest way, after a first call that does not count."""
        values(self.measure, WAYS[0], x[:1], y[:1])
        trials: dict[Way, Candidate] = {}
        for way in WAYS:
            known = min((trial.seconds for trial in trials.values()), default=0.0)
            if way.batch > len(x) or known * way.batch > LONGEST:
                continue
            trials[way] = Candidate(self.measure, way, _pairs(way, known, len(x)))
            interleave([trials[way]], 3, x, y)
        best = min(trials.values(), key=lambda trial: trial.seconds)
        self.way, self.count = best.way, _pairs(best.way, best.seconds, len(x))

    def take_turn(self, x: Tensor, y: Tensor) -> None:
        """Run for :data:`SLICE` seconds, at least once; the least time a pair counts."""
        start = time.perf_counter()
        while True:
            begin = time.perf_counter()
            values(self.measure, self.way, x[: self.count], y[: self.count])
            end = time.perf_counter()
            self.seconds = min(self.seconds, (end - begin) / self.count)
            if end - start > SLICE:
                return


def _pairs(way: Way, seconds: float, most: int) -> int:
    """Return how many pairs fill a turn, in whole rounds of calls; few if that is not known."""
    step = way.batch * (processors() if way.pool else 1)
    wanted = SLICE / seconds if seconds else step
    return min(max(round(wanted / step), 1) * step, most)


def interleave(candidates: Sequence[Candidate], rounds: int, x: Tensor, y: Tensor) -> None:
    """Let everybody run in each round: others on the machine only ever add time."""
    for _ in range(rounds):
        for candidate in candidates:
            candidate.take_turn(x, y)
