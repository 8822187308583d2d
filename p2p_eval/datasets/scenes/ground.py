"""Sky and ground: clouds above the horizon; road, markings, pavements and grass below."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from p2p_eval.datasets.scenes.camera import CANVAS, Camera, Light
from p2p_eval.datasets.scenes.dice import Color, Dice
from p2p_eval.datasets.scenes.pen import Pen
from p2p_eval.datasets.scenes.planes import Canvas
from p2p_eval.datasets.scenes.street import FAR, Street
from p2p_eval.datasets.scenes.texture import TILE, clouds, grain, patches

__all__ = ["GROUND_IDS", "Shadow", "finish_ground", "ground", "sky"]

GROUND_IDS = {"road": 7, "sidewalk": 8, "parking": 9, "track": 10, "terrain": 22}
SKY = 23
VEGETATION = 21

Shadow = tuple[float, float, float, float]
"""X, Z, half width and half length of something that darkens the ground beneath it."""

ASPHALT: list[Color] = [(98, 98, 100), (82, 82, 86), (118, 116, 112), (106, 100, 96), (72, 74, 78)]
PAVING: list[Color] = [(158, 154, 148), (136, 134, 132), (170, 158, 146), (146, 128, 118)]
GRASS: list[Color] = [(96, 116, 58), (116, 124, 68), (130, 120, 78), (84, 104, 56), (142, 124, 92)]
COBBLE: list[Color] = [(112, 108, 106), (126, 116, 108), (96, 96, 100)]
BALLAST: list[Color] = [(122, 112, 104), (106, 98, 92), (110, 116, 84)]
PAINT: Color = (228, 226, 218)
_RIM = [(1.0, 0.5), (0.5, 1.0), (-0.5, 1.0), (-1.0, 0.5), (-1.0, -0.5), (-0.5, -1.0),
        (0.5, -1.0), (1.0, -0.5)]  # fmt: skip


def sky(canvas: Canvas, camera: Camera, light: Light, dice: Dice) -> None:
    """Fill the canvas with sky down to the horizon, and with the distance below."""
    # The sky has no detail finer than a pixel of the photo, which is two of the canvas.
    rows = np.arange(0, CANVAS, 2, dtype=np.float32)
    fall = np.clip(rows / np.float32(camera.horizon), 0, 1)[:, None, None]
    top = np.array(light.zenith, np.float32)
    bottom = np.array(light.haze, np.float32)
    colors = top * (1 - fall * fall) + bottom * (fall * fall)
    # Clouds lie on a ceiling, so they narrow towards the horizon.
    height = np.maximum(np.float32(camera.horizon) - rows, 12)
    across = (np.arange(0, CANVAS, 2, dtype=np.float32) - np.float32(camera.center))[None, :]
    offset = dice.whole(0, TILE - 1)
    x = (across * (np.float32(150) / (height[:, None] + 60))).astype(np.int32) + offset
    y = (np.float32(26000) / (height + 60)).astype(np.int32) + dice.whole(0, TILE - 1)
    billow = clouds()[(y & (TILE - 1))[:, None], x & (TILE - 1)]
    amount = np.clip((billow + np.float32(1.5 * light.cover - 0.75)) * np.float32(1.6), 0, 1)
    amount *= np.clip(height / 90, 0, 1)[:, None] * np.float32(0.85)
    puff = np.minimum(bottom + 22, 255) - np.clip(billow, 0, 1)[..., None] * np.float32(38)
    covered = (colors + (puff - colors) * amount[..., None]).astype(np.uint8)
    canvas[..., :3] = covered.repeat(2, axis=0).repeat(2, axis=1)
    canvas[..., 3] = SKY


def ground(pen: Pen, street: Street, dice: Dice) -> None:
    """Draw the ground: bands, the crossing, kerbs and markings."""
    colors = {
        "road": dice.color(ASPHALT if dice.chance(0.85) else COBBLE, 12),
        "sidewalk": dice.color(PAVING, 18),
        "terrain": dice.color(GRASS, 16),
        "parking": dice.color(COBBLE, 14),
        "track": dice.color(BALLAST, 12),
    }
    # Everything at the horizon is ground of some kind: start with a wide band of it.
    pen.ground((-400, 400), (1.0, FAR * 2), colors["terrain"], GROUND_IDS["terrain"])
    left, right = street.road
    pen.ground((left, right), (1.0, FAR * 2), colors["road"], GROUND_IDS["road"])
    for band in street.bands:
        color = colors[band.kind]
        pen.ground((band.left, band.right), (1.0, FAR * 2), color, GROUND_IDS[band.kind])
    if street.crossing:
        pen.ground((-80, 80), street.crossing, colors["road"], GROUND_IDS["road"])
    _kerbs(pen, street, dice)
    if dice.chance(0.88):
        _markings(pen, street, dice)
    if street.track is not None:
        for rail in (-0.72, 0.72):
            x = street.track + rail
            label = GROUND_IDS["track" if _on_bed(street) else "road"]
            pen.ground((x - 0.06, x + 0.06), (1.0, FAR), (70, 66, 66), label)
            pen.ground((x - 0.02, x + 0.03), (1.0, FAR), (176, 172, 170), label)
    for _ in range(dice.whole(0, 3)):
        x, z = dice.between(left, right - 0.8), dice.between(4, 20)
        pen.ground((x, x + 0.8), (z, z + 0.8), (64, 62, 62), GROUND_IDS["road"])


def _on_bed(street: Street) -> bool:
    return any(band.kind == "track" for band in street.bands)


def _stretches(street: Street) -> list[tuple[float, float]]:
    """Return the lengths of the street outside its crossing."""
    if street.crossing is None:
        return [(1.0, FAR)]
    return [(1.0, street.crossing[0]), (street.crossing[1], FAR)]


def _kerbs(pen: Pen, street: Street, dice: Dice) -> None:
    tone = dice.color([(178, 176, 170), (150, 148, 144)], 14)
    for side in (-1, 1):
        if side in street.walk:
            inner = street.walk[side][1] if side < 0 else street.walk[side][0]
            for stretch in _stretches(street):
                edges = (min(inner, inner + side * 0.22), max(inner, inner + side * 0.22))
                pen.ground(edges, stretch, tone, GROUND_IDS["sidewalk"])


def _markings(pen: Pen, street: Street, dice: Dice) -> None:
    left, right = street.road
    paint = dice.color([PAINT, PAINT, (222, 196, 120)], 12)
    road = GROUND_IDS["road"]
    lanes = round((right - left) / street.lane)
    dash, pause = dice.pick([(3.0, 5.0), (2.0, 3.0), (4.0, 4.0)])
    start = dice.between(0, dash + pause)
    for stretch in _stretches(street):
        for line in range(1, lanes):
            x = left + line * street.lane
            if street.track is not None and abs(x - street.track) < 1.2:
                continue
            z = stretch[0] + start
            while z < min(stretch[1] - 1, 70):
                pen.ground((x - 0.08, x + 0.08), (z, min(z + dash, stretch[1] - 0.5)), paint, road)
                z += dash + pause
        if dice.chance(0.6):
            for x in (left + 0.25, right - 0.25):
                pen.ground((x - 0.06, x + 0.06), stretch, paint, road)
    if street.crossing and dice.chance(0.8):
        z = street.crossing[0] - 3.6
        stripes = int((right - left) / 1.0)
        for stripe in range(stripes):
            x = left + 0.3 + stripe
            pen.ground((x, x + 0.5), (z, z + 2.8), PAINT, road)
        pen.ground((left + 0.3, right - 0.3), (z - 1.6, z - 1.1), PAINT, road)


def finish_ground(
    canvas: Canvas,
    view: tuple[Camera, Light],
    street: Street,
    dice: Dice,
    shadows: list[Shadow],
) -> None:
    """Give the ground its grain, its shadows and its haze."""
    camera, light = view
    first = int(camera.horizon) + 1
    depth = camera.row_depth()[first:]
    part = canvas[first:]
    x = (np.arange(CANVAS, dtype=np.float32) + np.float32(0.5 - camera.center))[None, :]
    x = x * (depth / np.float32(camera.focal_x))[:, None]
    fine, coarse = dice.between(0.05, 0.11), dice.between(0.05, 0.12)
    texture = _lookup(grain(), x, depth, 34) * np.float32(fine)
    texture += _lookup(patches(), x, depth, 7) * np.float32(coarse)
    rough = np.ones(256, np.float32)
    rough[GROUND_IDS["terrain"]] = 2.2
    rough[GROUND_IDS["track"]] = 2.0
    labels = part[..., 3]
    factor = 1 + texture * rough[labels]
    # Joints between paving stones, as far as they can be made out.
    stone = np.float32(dice.between(0.6, 1.3))
    near = depth < 22
    rows = (depth / stone - (depth / stone).astype(np.int32)) < 0.09
    columns = x / stone - np.floor(x / stone) < 0.07
    joints = (rows[:, None] | columns) & (labels == GROUND_IDS["sidewalk"]) & near[:, None]
    factor[joints] *= np.float32(0.84)
    factor *= _shade(camera, light, street, dice, shadows)[first:]
    haze = (depth / (depth + np.float32(light.reach)))[:, None, None]
    far = np.array(light.haze, np.float32)
    colors = part[..., :3] * (factor[..., None] * (1 - haze)) + far * haze
    part[..., :3] = np.clip(colors, 0, 255).astype(np.uint8)


def _lookup(
    tile: NDArray[np.float32], x: NDArray[np.float32], z: NDArray[np.float32], per_metre: float
) -> NDArray[np.float32]:
    columns = np.floor(x * np.float32(per_metre)).astype(np.int32) & (TILE - 1)
    rows = (z * np.float32(per_metre)).astype(np.int32) & (TILE - 1)
    values: NDArray[np.float32] = tile[rows[:, None], columns]
    return values


def _shade(
    camera: Camera,
    light: Light,
    street: Street,
    dice: Dice,
    shadows: list[Shadow],
) -> NDArray[np.float32]:
    """Return the light that reaches the ground, one factor a pixel of the canvas."""
    image = Image.new("L", (CANVAS // 2, CANVAS // 2), 255)
    draw = ImageDraw.Draw(image)
    dark = int(255 * (light.shade if light.sun else 0.72))

    def quad(x0: float, x1: float, z0: float, z1: float, tone: int) -> None:
        corners = [(x0, z0), (x1, z0), (x1, z1), (x0, z1)]
        pixels = [camera.point(px, 0, max(pz, 1.3)) for px, pz in corners]
        draw.polygon([(u // 2, v // 2) for u, v in pixels], fill=tone)

    if light.sun:
        reach = dice.between(0.2, 0.75)
        for block in street.blocks:
            # The sun stands low enough for houses to shade a part of the street.
            if block.side == light.sun and block.kind == "house":
                inner = block.x - block.side * block.height * reach
                quad(min(block.x, inner), max(block.x, inner), block.near, block.far, dark)
    for sx, sz, half_width, half_length in shadows:
        slide = -light.sun * 0.4
        rim = [
            camera.point(sx + slide + half_width * a, 0, max(sz + half_length * b, 1.3))
            for a, b in _RIM
        ]
        draw.polygon([(u // 2, v // 2) for u, v in rim], fill=int(dark * 0.8))
    soft = np.asarray(image.resize((CANVAS, CANVAS), Image.Resampling.BILINEAR), np.float32)
    return soft / np.float32(255)
