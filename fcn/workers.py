"""Threads that share the work of one call, each with scratch memory of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

__all__ = ["Workers", "Workspace"]


class Workspace:
    """Named scratch memory that is reused, because fresh pages cost more than the arithmetic."""

    def __init__(self) -> None:
        """Start empty."""
        self._memory: dict[str, Tensor] = {}

    def get(self, name: str, like: Tensor, *shape: int) -> Tensor:
        """Return uninitialised memory of ``shape`` and of the type of ``like``."""
        size = 1
        for length in shape:
            size *= length
        memory = self._memory.get(name)
        if memory is None or memory.numel() < size or memory.dtype != like.dtype:
            memory = self._memory[name] = torch.empty(size, dtype=like.dtype)
        return memory[:size].view(shape)


class Workers:
    """Runs the parts of a job, one thread each.

    PyTorch's own threads meet after every operation. Where operations are short, or where
    another program wants a processor too, they wait more than they work; these meet once a job.

    Example:
        >>> Workers().run(lambda start, stop, workspace: None, 10)
    """

    def __init__(self) -> None:
        """Start without scratch memory."""
        self._workspaces: list[Workspace] = []

    @staticmethod
    def split(length: int) -> list[tuple[int, int]]:
        """Divide ``length`` items among as many parts as PyTorch has threads."""
        parts = max(1, min(torch.get_num_threads(), length))
        cuts = [length * i // parts for i in range(parts + 1)]
        return list(pairwise(cuts))

    def run(self, job: Callable[[int, int, Workspace], None], length: int) -> None:
        """Call ``job(start, stop, workspace)`` for every part of ``length`` items."""
        parts = self.split(length)
        while len(self._workspaces) < len(parts):
            self._workspaces.append(Workspace())
        tasks = [
            partial(job, start, stop, workspace)
            for (start, stop), workspace in zip(parts, self._workspaces, strict=False)
        ]
        if len(tasks) == 1:
            tasks[0]()
            return
        threads = torch.get_num_threads()
        try:
            with ThreadPoolExecutor(
                len(tasks), initializer=torch.set_num_threads, initargs=(1,)
            ) as pool:
                for future in [pool.submit(_infer, task) for task in tasks]:
                    future.result()
        finally:
            torch.set_num_threads(threads)  # threads that start later take the last number set


def _infer(task: Callable[[], None]) -> None:
    with torch.inference_mode():  # a setting of the thread
        task()
