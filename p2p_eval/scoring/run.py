"""What every score's run has in common: options in range, steps counted, JPEGs told, documents."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from p2p_eval.errors import InputError

__all__ = ["check_least", "document_bytes", "jpeg_setting", "known", "stepper"]


def check_least(*, seed: int, draws: int, workers: int | None = None) -> None:
    """Refuse options that are out of range.

    Raises:
        InputError: One is.
    """
    for name, value, least in (("workers", workers, 1), ("seed", seed, 0), ("draws", draws, 1)):
        if value is not None and value < least:
            raise InputError(f"got {name} {value}, expected {least} or more")


def stepper(total: int, progress: Callable[[int, int], None] | None) -> Callable[[], None]:
    """Give a function to call after each step; it calls ``progress`` with steps done and in total.

    Example:
        >>> step = stepper(3, lambda done, total: print(done, total))
        >>> step(), step()
        1 3
        2 3
        (None, None)
    """
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    return step


def jpeg_setting(jpegs: int, images: int) -> str:
    """Return what signatures say of JPEGs among generated images.

    Example:
        >>> jpeg_setting(0, 5), jpeg_setting(2, 5), jpeg_setting(5, 5)
        ('no', 'some', 'yes')
    """
    return "no" if not jpegs else "yes" if jpegs == images else "some"


def known(value: float) -> float | None:
    """Return a figure as documents hold it: one that is not known, NaN or infinite, is null."""
    return value if math.isfinite(value) else None


def document_bytes(document: Mapping[str, Any]) -> bytes:
    """Return a JSON document as it is written into a file; NaN is refused, unknown is null."""
    return f"{json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)}\n".encode()
