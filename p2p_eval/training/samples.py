"""The series of training samples: draw number k is always the same, whatever came before.

A training set that is small enough is decoded once and kept in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from p2p_eval.datasets.paired import Pairs
from p2p_eval.datasets.tasks import TASKS
from p2p_eval.threads import ahead
from p2p_eval.training.config import Config

__all__ = ["batches", "draw"]

KEPT_BYTES = 1 << 30
"""Memory for decoded pairs: some 2,000 of the paper's size."""

Both = tuple[NDArray[np.uint8], NDArray[np.uint8]]
Read = Callable[[int, int], Both]


def draw(
    pairs: Pairs, config: Config, number: int, read: Read | None = None
) -> tuple[Tensor, Tensor]:
    """Return one sample: input and target, ``(C, size, size)`` each, in [-1, 1].

    Every epoch is one permutation of the pairs. Input and target are cut and mirrored alike.

    Args:
        pairs: What there is.
        config: Gives sizes, mirroring and seed.
        number: Which draw, from 0.
        read: In place of ``pairs.read``.

    Raises:
        InputError: A file cannot be read.

    Source: Isola et al. 2017, section 6.2 ("random jitter").
    """
    epoch, position = divmod(number, len(pairs))
    order = _order(config.seed, epoch, len(pairs))
    random = np.random.default_rng((config.seed, 1, number))
    both = (read or pairs.read)(int(order[position]), config.load_size)
    top, left = random.integers(config.load_size - config.size + 1, size=2)
    mirrored = config.mirror and random.random() < 0.5

    def cut(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        part = image[top : top + config.size, left : left + config.size]
        return part[:, ::-1] if mirrored else part

    return TASKS[config.task].encode(*map(cut, both))


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    """Return an epoch's permutation, which takes a while for a million pairs."""
    return np.random.default_rng((seed, 0, epoch)).permutation(count)


def batches(
    pairs: Pairs, config: Config, first: int, last: int, workers: int = 1
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of steps ``first`` to ``last - 1``, made in threads ahead of their use.

    Each is ``(batch, C, size, size)``.
    """
    kept = _Kept(pairs)

    def make(step: int) -> tuple[Tensor, Tensor]:
        numbers = range(step * config.batch, (step + 1) * config.batch)
        samples = [draw(pairs, config, number, kept.read) for number in numbers]
        x, y = (torch.stack(side) for side in zip(*samples, strict=True))
        return x, y

    yield from ahead(make, range(first, last), workers)


class _Kept:
    """Decoded pairs; the first that come stay, as every epoch takes each of them once."""

    def __init__(self, pairs: Pairs) -> None:
        self._pairs, self._free = pairs, KEPT_BYTES
        self._known: dict[int, Both] = {}

    def read(self, number: int, size: int) -> Both:
        """Return what ``pairs.read`` does; the size is always the same."""
        if (both := self._known.get(number)) is None:
            both = self._pairs.read(number, size)
            # Two threads may count the same pair: then a little less is kept.
            self._free -= sum(image.nbytes for image in both)
            if self._free >= 0:
                self._known[number] = both
        return both
