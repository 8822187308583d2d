"""Random choices that give the same values on every machine.

Only ``Generator.random`` of PCG64 and raw bytes are used: both are plain integer arithmetic, so no
platform's mathematics library has a say in what a seed means.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Color", "Dice"]

Color = tuple[float, float, float]
"""Red, green and blue, 0-255."""

T = TypeVar("T")


class Dice:
    """A stream of random choices, started from a seed."""

    def __init__(self, seed: int) -> None:
        """Start the stream of one non-negative seed."""
        self.generator = np.random.Generator(np.random.PCG64(seed))

    def between(self, low: float, high: float) -> float:
        """Return a float in ``[low, high)``."""
        return low + (high - low) * self.generator.random()

    def whole(self, low: int, high: int) -> int:
        """Return an integer from low to high, both included."""
        return low + int(self.generator.random() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """Return true with that probability."""
        return self.generator.random() < probability

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options, each as likely."""
        return options[self.whole(0, len(options) - 1)]

    def color(self, options: Sequence[Color], spread: float = 18.0) -> Color:
        """Return one of the colours, lighter or darker and each channel moved a little."""
        red, green, blue = self.pick(options)
        common = self.between(-spread, spread)
        third = spread / 3
        return (
            _channel(red + common + self.between(-third, third)),
            _channel(green + common + self.between(-third, third)),
            _channel(blue + common + self.between(-third, third)),
        )

    def noise(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return triangular noise in [-1, 1], independent from element to element."""
        count = int(np.prod(shape))
        raw = np.frombuffer(self.generator.bytes(2 * count), np.uint8).reshape(2, *shape)
        total: NDArray[np.float32] = raw.sum(axis=0, dtype=np.uint16).astype(np.float32)
        return total / np.float32(255) - np.float32(1)


def _channel(value: float) -> float:
    return min(255.0, max(0.0, value))
