"""Work in threads whose results come in order and do not depend on how many threads there are."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["LOOK_AHEAD", "ahead", "arithmetic"]

LOOK_AHEAD = 2
"""Results that wait to be taken beyond those that are being made, unless told otherwise."""

A = TypeVar("A")
B = TypeVar("B")


def ahead(
    function: Callable[[A], B], items: Iterable[A], workers: int, waiting: int = LOOK_AHEAD
) -> Iterator[B]:
    """Map in threads, in order, a bounded number of items ahead of who takes the results.

    Where making an item fails, the results of those before it come first.

    Args:
        function: Called in a thread.
        items: Its arguments.
        workers: Number of threads; ``workers + waiting`` results are held at most.
        waiting: Results that may wait to be taken beyond those that are being made.

    Example:
        >>> list(ahead(abs, [-3, 2, -1], workers=2))
        [3, 2, 1]
    """
    pending: deque[Future[B]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
    try:
        made = iter(items)
        failure: BaseException | None = None
        while failure is None:
            try:
                item = next(made)
            except StopIteration:
                break
            except BaseException as error:  # interruptions too
                failure = error
            else:
                pending.append(pool.submit(function, item))
                if len(pending) >= workers + waiting:
                    yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
        if failure is not None:
            raise failure
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def arithmetic() -> Iterator[None]:
    """Let no value depend on threads or trials, and put back what was set before.

    Every worker computes with one thread of PyTorch: sums are then always taken in one order, and
    a pair a thread is faster than a pair over several.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads that start later take the last number set
    try:
        with torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=False
        ):
            yield
    finally:
        torch.set_num_threads(threads)
