"""Tiles of noise that repeat without a seam: the grain of asphalt, leaves, plaster and clouds."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from p2p_eval.datasets.scenes.dice import Dice

__all__ = ["TILE", "clouds", "grain", "patches"]

TILE = 512
"""Side of a tile in pixels, a power of two."""


def _octave(dice: Dice, cells: int) -> NDArray[np.float32]:
    """Return noise with ``cells`` values a side, stretched bilinearly over a tile."""
    values = dice.noise((cells, cells))
    position = np.arange(TILE, dtype=np.float32) * np.float32(cells / TILE)
    low = position.astype(np.intp)
    part = position - low.astype(np.float32)
    high = (low + 1) % cells
    rows = values[low] * (1 - part)[:, None] + values[high] * part[:, None]
    smooth: NDArray[np.float32] = rows[:, low] * (1 - part) + rows[:, high] * part
    return smooth


@cache
def grain() -> NDArray[np.float32]:
    """Return fine noise, about [-1, 1]: single pixels and small clumps."""
    dice = Dice(101)
    return _frozen(
        np.float32(0.5) * dice.noise((TILE, TILE))
        + np.float32(0.6) * _octave(dice, 128)
        + np.float32(0.3) * _octave(dice, 32)
    )


@cache
def patches() -> NDArray[np.float32]:
    """Return coarse noise, about [-1, 1]: stains, repairs, worn grass."""
    dice = Dice(102)
    return _frozen(
        np.float32(0.6) * _octave(dice, 16)
        + np.float32(0.45) * _octave(dice, 48)
        + np.float32(0.2) * _octave(dice, 128)
    )


@cache
def clouds() -> NDArray[np.float32]:
    """Return billowing noise, about [-1, 1]."""
    dice = Dice(103)
    return _frozen(
        np.float32(0.7) * _octave(dice, 4)
        + np.float32(0.45) * _octave(dice, 9)
        + np.float32(0.25) * _octave(dice, 24)
        + np.float32(0.12) * _octave(dice, 64)
    )


def _frozen(tile: NDArray[np.float32]) -> NDArray[np.float32]:
    tile.setflags(write=False)
    return tile
