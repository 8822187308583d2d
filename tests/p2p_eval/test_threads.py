"""Work in threads: its results come in order, and a bounded number of them waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from p2p_eval.errors import InputError
from p2p_eval.threads import LOOK_AHEAD, ahead


def test_ahead_keeps_order_and_bound() -> None:
    lock, running, started, taken, most = threading.Lock(), 0, 0, 0, 0

    def work(number: int) -> int:
        nonlocal running, started, most
        with lock:
            running += 1
            started += 1
            most = max(most, started - taken)
        time.sleep(0.002 * (number % 3))
        with lock:
            running -= 1
        return number * number

    results = []
    for value in ahead(work, range(40), workers=3):
        results.append(value)
        taken += 1
    assert results == [number * number for number in range(40)]
    assert most <= 3 + LOOK_AHEAD + 1
    assert running == 0


def test_ahead_raises_where_the_item_stands_and_stops() -> None:
    done = []

    def work(number: int) -> int:
        if number == 3:
            raise InputError("3 is bad")
        done.append(number)
        return number

    results = []
    with pytest.raises(InputError, match="3 is bad"):
        results.extend(ahead(work, range(1000), workers=2))
    assert len(done) < 20


def test_ahead_gives_what_was_made_before_an_item_failed() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise KeyboardInterrupt

    results = ahead(abs, items(), 1)
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(KeyboardInterrupt):
        next(results)


def test_ahead_holds_as_few_as_asked() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for item in range(5):
            made.append(item)
            yield item

    results = ahead(abs, items(), 1, waiting=1)
    assert next(results) == 0
    assert made == [0, 1]
