"""Painters of upright planes: what facades, walls, fences and hedges look like."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from p2p_eval.datasets.scenes.dice import Color, Dice
from p2p_eval.datasets.scenes.planes import Floats, Painter
from p2p_eval.datasets.scenes.texture import TILE, grain, patches

__all__ = ["PAINTERS", "blank", "facade", "fence", "hedge", "wall"]

PLASTER: list[Color] = [
    (205, 190, 160), (190, 180, 170), (222, 212, 190), (176, 150, 122), (168, 96, 76),
    (150, 148, 146), (200, 168, 128), (140, 110, 92), (216, 216, 210), (172, 180, 188),
]  # fmt: skip
GLASS: list[Color] = [(62, 74, 90), (48, 52, 58), (96, 116, 136), (80, 76, 72), (120, 140, 158)]
ROOF: list[Color] = [(140, 72, 56), (96, 88, 86), (120, 96, 80), (80, 78, 84)]
SHOP: list[Color] = [(170, 52, 46), (44, 84, 132), (60, 104, 74), (200, 160, 60), (90, 70, 66)]
STONE: list[Color] = [(150, 148, 142), (128, 124, 120), (176, 168, 152), (146, 98, 80)]
LEAF: list[Color] = [(62, 86, 40), (80, 100, 48), (52, 74, 44), (98, 106, 54)]


def _noise(
    tile: NDArray[np.float32], along: Floats, up: Floats, per_metre: float
) -> NDArray[np.float32]:
    """Return a tile's values at places of a plane."""
    columns = (along * np.float32(per_metre)).astype(np.int32) & (TILE - 1)
    rows = (up * np.float32(per_metre)).astype(np.int32) & (TILE - 1)
    values: NDArray[np.float32] = tile[rows, columns[None, :]]
    return values


def facade(dice: Dice, height: float) -> Painter:
    """Return a house front with rows of windows, perhaps shops below and a roof above."""
    storey = dice.between(2.7, 3.6)
    bay = dice.between(1.8, 3.6)
    width = dice.between(0.36, 0.62)
    if dice.chance(0.2):
        width = 0.9  # ribbons of glass
    sill, lintel = dice.between(0.2, 0.32), dice.between(0.72, 0.86)
    plaster = dice.color(PLASTER, 24)
    glass = dice.color(GLASS, 12)
    curtain = dice.color([(196, 190, 176), (224, 206, 150), (110, 112, 116)], 15)
    trim = dice.color([(226, 222, 214), plaster, (110, 96, 84)], 10)
    shop = dice.color(SHOP, 15)
    ground_floor = dice.between(3.2, 4.2) if dice.chance(0.55) else 0.0
    roof_from = height - dice.between(1.2, 2.6) if height < 14 and dice.chance(0.6) else height
    palette = np.array(
        [
            plaster,
            trim,
            glass,
            tuple(0.7 * c for c in glass),
            curtain,
            dice.color(ROOF, 14),
            shop,
            tuple(0.5 * c for c in glass),
            tuple(0.82 * c for c in plaster),
        ],
        np.float32,
    )
    shift = dice.whole(0, 63)

    def paint(along: Floats, up: Floats) -> tuple[Floats, NDArray[np.bool_] | None]:
        bays = along / np.float32(bay)
        number = bays.astype(np.int32)
        across_bay = bays - number
        floors = np.maximum(up - np.float32(ground_floor), 0) / np.float32(storey)
        floor = floors.astype(np.int32)
        within = floors - floor
        margin = np.float32((1 - width) / 2)
        column = (across_bay > margin) & (across_bay < 1 - margin)
        frame = (across_bay > margin - 0.05) & (across_bay < 1 - margin + 0.05)
        below_roof = (up < np.float32(roof_from - 0.5)) & (up > np.float32(ground_floor + 0.1))
        surround = (within > sill - 0.05) & (within < lintel + 0.04) & below_roof
        opening = (within > sill) & (within < lintel) & below_roof
        material = np.zeros(up.shape, np.uint8)
        material[within < 0.05] = 8
        material[surround & frame] = 1
        pane = (number[None, :] * 7 + floor * 13 + shift) & 7
        panes = np.array([2, 3, 2, 4, 3, 2, 2, 3], np.uint8)[pane]
        window = opening & column
        material[window] = panes[window]
        if ground_floor:
            lower = up < np.float32(ground_floor)
            sign = lower & (up > np.float32(ground_floor - 0.8))
            display = lower & ~sign & (up > 0.4) & (np.abs(across_bay - 0.5) < 0.42)
            material[lower] = 8
            material[sign] = 6
            material[display] = 7
        material[up > np.float32(roof_from)] = 5
        colors = palette[material]
        mottle = np.float32(1) + np.float32(0.07) * _noise(patches(), along, up, 12)
        return colors * mottle[..., None], None

    return paint


def blank(dice: Dice, height: float) -> Painter:
    """Return the plain end of a house: plaster, a window or two, stains."""
    if dice.chance(0.5):
        return facade(dice, height)
    plaster = np.array(dice.color(PLASTER, 24), np.float32)

    def paint(along: Floats, up: Floats) -> tuple[Floats, NDArray[np.bool_] | None]:
        mottle = np.float32(1) + np.float32(0.09) * _noise(patches(), along, up, 8)
        return plaster * mottle[..., None], None

    return paint


def wall(dice: Dice, height: float) -> Painter:
    """Return a wall of bricks, blocks or concrete slabs under a coping."""
    stone = np.array(dice.color(STONE, 22), np.float32)
    long, tall = dice.pick([(0.5, 0.22), (0.9, 0.4), (2.4, 5.0)])
    joint = np.float32(dice.between(0.72, 0.88))

    def paint(along: Floats, up: Floats) -> tuple[Floats, NDArray[np.bool_] | None]:
        course = up / np.float32(tall)
        row = course.astype(np.int32)
        block = along[None, :] / np.float32(long) + np.float32(0.5) * (row & 1)
        seam = (course - row < 0.14) | (block - block.astype(np.int32) < 0.07)
        shade = np.where(seam, joint, np.float32(1))
        shade[up > np.float32(height - 0.16)] = 1.2
        shade += np.float32(0.11) * _noise(patches(), along, up, 14)
        return stone * shade[..., None], None

    return paint


def fence(dice: Dice, height: float) -> Painter:
    """Return a fence of pickets, rails or wire, through whose gaps what lies behind is seen."""
    tone = np.array(
        dice.color([(90, 92, 94), (122, 92, 64), (196, 196, 190), (56, 72, 62), (150, 130, 108)]),
        np.float32,
    )
    pitch, solid = dice.pick([(0.34, 0.42), (0.24, 0.6), (0.5, 0.3), (0.3, 0.5)])

    def paint(along: Floats, up: Floats) -> tuple[Floats, NDArray[np.bool_] | None]:
        picket = along / np.float32(pitch)
        bars = (picket - picket.astype(np.int32)) < solid
        post = along / np.float32(2.4)
        posts = (post - post.astype(np.int32)) < 0.07
        rails = (np.abs(up - np.float32(height - 0.15)) < 0.09) | (np.abs(up - 0.25) < 0.08)
        shade = np.where(rails, np.float32(1.1), np.float32(1))
        shade = shade + np.float32(0.08) * _noise(grain(), along, up, 30)
        return tone * shade[..., None], rails | bars[None, :] | posts[None, :]

    return paint


def hedge(dice: Dice, height: float) -> Painter:
    """Return a hedge: leaves, darker towards the foot."""
    leaf = np.array(dice.color(LEAF, 18), np.float32)

    def paint(along: Floats, up: Floats) -> tuple[Floats, NDArray[np.bool_] | None]:
        shade = np.float32(0.7) + up * np.float32(0.4 / height)
        shade = shade + np.float32(0.3) * _noise(grain(), along, up, 40)
        shade += np.float32(0.15) * _noise(patches(), along, up, 16)
        return leaf * shade[..., None], None

    return paint


PAINTERS: dict[str, Callable[[Dice, float], Painter]] = {
    "wall": wall,
    "fence": fence,
    "hedge": hedge,
}
"""Painters of what stands along a pavement, by kind."""
