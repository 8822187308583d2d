"""From a seed to a photo and its label map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from p2p_eval.datasets.scenes import facades, furniture, planes
from p2p_eval.datasets.scenes.camera import (
    CANVAS,
    SIZE,
    Camera,
    Light,
    make_camera,
    make_light,
)
from p2p_eval.datasets.scenes.dice import Dice
from p2p_eval.datasets.scenes.ground import finish_ground, ground, sky
from p2p_eval.datasets.scenes.pen import Pen
from p2p_eval.datasets.scenes.planes import Canvas
from p2p_eval.datasets.scenes.street import Block, Street, plan
from p2p_eval.datasets.scenes.texture import TILE, grain
from p2p_eval.datasets.scenes.traffic import Thing, populate
from p2p_eval.errors import InputError

__all__ = ["SIZE", "Scene", "render"]

BUILDING, WALL, FENCE, VEGETATION, EGO = 11, 12, 13, 21, 1
STRIPS = {"wall": WALL, "fence": FENCE, "hedge": VEGETATION}
MAX_SEED = (1 << 63) - 1


@dataclass(frozen=True)
class Scene:
    """One street.

    Attributes:
        photo: RGB, uint8, shape ``(256, 256, 3)``.
        label_ids: Label ids of the label set ``scenes``, uint8, shape ``(256, 256)``.
    """

    photo: NDArray[np.uint8]
    label_ids: NDArray[np.uint8]


def render(seed: int) -> Scene:
    """Render the street of a seed.

    Args:
        seed: 0 or more. Splits are ranges of seeds, see :mod:`p2p_eval.datasets.scenes`.

    Raises:
        InputError: The seed is negative or not an integer.

    Example:
        >>> scene = render(0)
        >>> scene.photo.shape, scene.label_ids.shape
        ((256, 256, 3), (256, 256))
    """
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= MAX_SEED:
        raise InputError(f"got seed {seed!r}, expected an integer from 0 to {MAX_SEED}")
    dice = Dice(seed)
    camera, light = make_camera(dice), make_light(dice)
    view = camera, light
    street = plan(dice)
    things = populate(dice, street)

    canvas: Canvas = np.empty((CANVAS, CANVAS, 4), np.uint8)
    sky(canvas, camera, light, dice)
    pen = _pen(canvas, view)
    ground(pen, street, dice)
    canvas = np.array(pen.image)
    finish_ground(canvas, view, street, dice, [thing.shadow for thing in things])
    canvas = _distance(canvas, view, street, dice)
    for block in sorted(street.blocks, key=lambda b: (-b.near, b.side)):
        canvas = _block(canvas, view, block, dice)
    for strip in sorted(street.strips, key=lambda s: (-s.near, s.side)):
        paint = facades.PAINTERS[strip.kind](dice, strip.height)
        label = STRIPS[strip.kind]
        planes.along(canvas, view, strip.x, (strip.near, strip.far), strip.height, label, paint)
    canvas = _things(canvas, view, things, dice)
    return _develop(canvas, light, dice)


def _pen(canvas: Canvas, view: tuple[Camera, Light]) -> Pen:
    image = Image.fromarray(canvas)
    return Pen(image, ImageDraw.Draw(image), *view)


def _distance(canvas: Canvas, view: tuple[Camera, Light], street: Street, dice: Dice) -> Canvas:
    """Draw what closes the view: far roofs and trees, or houses across the street's end."""
    pen = _pen(canvas, view)
    x = -170.0
    while x < 170:
        wide = dice.between(12, 30)
        if dice.chance(0.55):
            tall = dice.between(6, 16)
            corners = [(x, 0.0, 150.0), (x + wide, 0.0, 150.0), (x + wide, tall, 150.0)]
            color = dice.color([(150, 140, 130), (120, 118, 118)], 20)
            pen.polygon([*corners, (x, tall, 150.0)], color, BUILDING)
        else:
            furniture.tree(pen, dice, x + wide / 2, 140.0, size=1.6)
        x += wide * dice.between(0.5, 0.9)
    canvas = np.array(pen.image)
    if street.end < 100:
        x = -60.0
        while x < 60:
            wide, height = dice.between(10, 18), dice.between(7, 18)
            paint = facades.facade(dice, height)
            planes.across(canvas, view, (x, x + wide), street.end + 8, height, BUILDING, paint)
            x += wide
    return canvas


def _block(canvas: Canvas, view: tuple[Camera, Light], block: Block, dice: Dice) -> Canvas:
    outer = block.x + block.side * dice.between(9, 14)
    if block.kind == "grove":
        pen = _pen(canvas, view)
        trees = sorted((dice.between(max(3.0, block.near), block.far + 3.1) for _ in range(5)),
                       reverse=True)  # fmt: skip
        for z in trees:
            # Crowns must stay beside the street.
            x = block.x + block.side * dice.between(1.8, 6.0)
            furniture.tree(pen, dice, x, z, size=dice.between(0.8, 1.2))
        return np.array(pen.image)
    end = facades.blank(dice, block.height)
    span = min(block.x, outer), max(block.x, outer)
    planes.across(canvas, view, span, block.near, block.height, BUILDING, end)
    front = facades.facade(dice, block.height)
    reach = block.near, block.far
    planes.along(canvas, view, block.x, reach, block.height, BUILDING, front)
    return canvas


def _things(canvas: Canvas, view: tuple[Camera, Light], things: list[Thing], dice: Dice) -> Canvas:
    pen = _pen(canvas, view)
    for thing in things:
        thing.draw(pen, dice, thing.x, thing.z)
    if dice.chance(0.35):
        # The bonnet of the car that carries the camera.
        rise = dice.between(0.03, 0.07) * CANVAS
        box = (-0.15 * CANVAS, CANVAS - rise, 1.15 * CANVAS, CANVAS + 3 * rise)
        tone = view[1].on(dice.color([(40, 42, 46), (120, 122, 126), (70, 74, 84)], 12), 1.0)
        pen.draw.ellipse(tuple(int(edge) for edge in box), fill=(*tone, EGO))
    canvas = np.array(pen.image)
    leaves = canvas[..., 3] == VEGETATION
    row, column = dice.whole(0, TILE - 1), dice.whole(0, TILE - 1)
    mottle = np.roll(grain(), (row, column), (0, 1))[:CANVAS, :CANVAS][leaves]
    factor = 1 + mottle * np.float32(0.28)
    canvas[leaves, :3] = np.clip(canvas[leaves, :3] * factor[:, None], 0, 255).astype(np.uint8)
    return canvas


def _develop(canvas: Canvas, light: Light, dice: Dice) -> Scene:
    """Reduce the canvas to the photo, with the noise of a sensor; labels are picked, not mixed."""
    reduced = np.asarray(Image.fromarray(canvas[..., :3]).reduce(CANVAS // SIZE), np.float32)
    soft = reduced.copy()
    blur = np.float32(dice.between(0.0, 0.22))
    soft[:, 1:-1] += blur * (reduced[:, :-2] + reduced[:, 2:] - 2 * reduced[:, 1:-1]) / 2
    soft[1:-1] += blur * (reduced[:-2] + reduced[2:] - 2 * reduced[1:-1]) / 2
    level = np.float32(dice.between(3, 11))
    soft += level * dice.noise((SIZE, SIZE, 3))
    photo = np.clip(soft + np.float32(0.5), 0, 255).astype(np.uint8)
    labels = np.ascontiguousarray(canvas[::2, ::2, 3])
    return Scene(photo, labels)
