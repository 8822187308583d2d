"""People on foot, and riders with their bicycles and motorcycles."""

from __future__ import annotations

from p2p_eval.datasets.scenes.dice import Color, Dice
from p2p_eval.datasets.scenes.pen import Figure, Pen

__all__ = ["cyclist", "parked_bicycle", "parked_motorcycle", "person"]

PERSON, RIDER, MOTORCYCLE, BICYCLE = 24, 25, 32, 33
CLOTH: list[Color] = [
    (40, 44, 60), (150, 40, 44), (70, 90, 130), (200, 196, 188), (60, 62, 60), (90, 104, 70),
    (176, 140, 84), (30, 30, 34), (120, 70, 110), (208, 170, 60), (96, 130, 150),
]  # fmt: skip
TROUSERS: list[Color] = [(40, 46, 66), (34, 34, 38), (92, 82, 70), (70, 84, 110), (120, 110, 96)]
SKIN: list[Color] = [(214, 170, 140), (180, 130, 100), (120, 82, 60), (226, 186, 160)]
HAIR: list[Color] = [(40, 30, 26), (90, 64, 40), (170, 140, 90), (120, 118, 116), (24, 22, 24)]
DARK: Color = (34, 34, 36)


def person(pen: Pen, dice: Dice, x: float, z: float) -> None:
    """Draw somebody who stands or walks, now and then with a bag, a skirt or a child's size."""
    figure = pen.figure(x, z, PERSON, mirror=dice.chance(0.5))
    tall = dice.between(1.58, 1.9) if dice.chance(0.88) else dice.between(1.05, 1.3)
    scale = tall / 1.75
    coat, legs, skin = dice.color(CLOTH), dice.color(TROUSERS), dice.color(SKIN, 10)
    stride = dice.between(0.0, 0.34) * scale
    hip, neck = 0.86 * scale, 1.46 * scale
    half = dice.between(0.2, 0.27) * scale
    light = pen.light.facing(0) * 1.05
    for foot, tone in ((-stride, 0.8), (stride, 1.0)):
        figure.limb((foot * 0.25, hip), (foot, 0.06), 0.19 * scale, legs, light * tone)
        figure.box((foot - 0.08 * scale, foot + 0.16 * scale), (0.0, 0.09), DARK)
    swing = stride * 0.9
    figure.limb((-half, neck - 0.1), (-half - swing * 0.5, hip), 0.13 * scale, coat, light * 0.75)
    hem = hip - (0.35 * scale if dice.chance(0.3) else 0.1)
    torso = [(-half, hem), (-half * 1.05, neck - 0.08), (-half * 0.5, neck), (half * 0.5, neck)]
    figure.polygon([*torso, (half * 1.05, neck - 0.08), (half, hem)], coat, light)
    figure.limb((half, neck - 0.1), (half + swing * 0.6, hip), 0.13 * scale, coat, light * 0.88)
    if dice.chance(0.35):
        bag = dice.color(CLOTH)
        figure.box((half * 0.6, half * 1.9), (hip - 0.1, hip + 0.3 * scale), bag, light)
    head = 0.125 * scale
    figure.ellipse((0.0, tall - head), (head, head * 1.2), skin, light)
    hair = [(-head, tall - head), (-head, tall), (head, tall), (head * 0.9, tall - head * 0.8)]
    figure.polygon(hair, dice.color(HAIR, 8), light)


def _wheel(figure: Figure, middle: tuple[float, float], radius: float, tyre: float) -> None:
    squash = radius
    figure.ellipse(middle, (squash, radius), DARK)
    inner = radius - tyre
    figure.ellipse(middle, (inner, inner), (104, 104, 104))
    for right, up in ((1.0, 0.0), (0.5, 0.87), (-0.5, 0.87)):
        start = middle[0] - inner * right, middle[1] - inner * up
        end = middle[0] + inner * right, middle[1] + inner * up
        figure.limb(start, end, 0.012, (150, 150, 150))


def _bicycle(figure: Figure, paint: Color) -> None:
    radius = 0.35
    rear, front = (-0.54, radius), (0.54, radius)
    for middle in (rear, front):
        _wheel(figure, middle, radius, 0.07)
    crank, seat, head = (-0.08, 0.34), (-0.24, 0.86), (0.36, 0.86)
    for start, end in (
        (rear, crank), (rear, seat), (crank, seat), (crank, head), (seat, head), (head, front),
    ):  # fmt: skip
        figure.limb(start, end, 0.07, paint)
    figure.limb(head, (0.34, 1.04), 0.06, DARK)
    figure.limb((0.22, 1.05), (0.46, 1.05), 0.06, DARK)
    figure.box((-0.36, -0.1), (0.88, 0.97), DARK)


def _motorcycle(figure: Figure, paint: Color) -> None:
    radius = 0.34
    for place in (-0.68, 0.7):
        _wheel(figure, (place, radius), radius, 0.14)
    figure.limb((0.7, radius), (0.42, 1.0), 0.1, (150, 150, 154))
    figure.polygon([(-0.35, 0.28), (-0.3, 0.7), (0.4, 0.72), (0.34, 0.26)], (62, 62, 66))
    figure.polygon([(-0.95, 0.78), (-0.9, 0.62), (0.4, 0.6), (0.45, 0.92), (0.1, 0.95)], paint)
    figure.polygon([(-0.92, 0.8), (-0.8, 0.92), (0.0, 0.84), (0.05, 0.76)], DARK)
    figure.limb((0.42, 1.0), (0.2, 1.12), 0.08, DARK)
    figure.polygon([(0.38, 0.8), (0.62, 0.78), (0.6, 1.15), (0.44, 1.1)], paint, 1.1)


def _seen_along(figure: Figure, paint: Color, *, motor: bool) -> None:
    """Draw a two-wheeler from the front or from behind."""
    wide = 0.11 if motor else 0.06
    figure.ellipse((0.0, 0.34), (wide, 0.34), DARK)
    figure.box((-wide * 1.3, wide * 1.3), (0.4, 0.95), paint)
    figure.limb((-0.34, 1.02), (0.34, 1.02), 0.07, DARK)
    if motor:
        figure.polygon([(-0.2, 0.45), (-0.26, 0.9), (0.26, 0.9), (0.2, 0.45)], paint)
        figure.ellipse((0.0, 0.84), (0.11, 0.1), (230, 226, 200))


def cyclist(pen: Pen, dice: Dice, x: float, z: float, *, motor: bool) -> None:
    """Draw somebody riding: from the side, or along the street from the front or behind."""
    label = MOTORCYCLE if motor else BICYCLE
    mirror = dice.chance(0.5)
    paint, coat = dice.color(CLOTH, 22), dice.color(CLOTH)
    legs, helmet = dice.color(TROUSERS), dice.color([*CLOTH, (230, 230, 226)])
    machine = pen.figure(x, z, label, mirror=mirror)
    rider = pen.figure(x, z, RIDER, mirror=mirror)
    light = pen.light.facing(0) * 1.05
    if dice.chance(0.5):
        (_motorcycle if motor else _bicycle)(machine, paint)
        seat, hand = (-0.24, 0.98), (0.34, 1.08)
        shoulder = (0.04, 1.5)
        rider.limb(seat, (0.16, 0.72), 0.2, legs, light * 0.9)
        rider.limb((0.16, 0.72), (0.0, 0.28), 0.16, legs, light)
        rider.limb(seat, shoulder, 0.34, coat, light)
        rider.limb(shoulder, hand, 0.13, coat, light * 0.85)
        rider.ellipse((0.12, 1.72), (0.14, 0.16), dice.color(SKIN, 10), light)
        rider.polygon([(-0.04, 1.72), (-0.02, 1.88), (0.2, 1.9), (0.27, 1.75)], helmet, light)
        return
    _seen_along(machine, paint, motor=motor)
    for side in (-1, 1):
        rider.limb((side * 0.1, 0.92), (side * 0.2, 0.36), 0.17, legs, light * 0.95)
        rider.limb((side * 0.22, 1.45), (side * 0.32, 1.05), 0.13, coat, light * 0.9)
    rider.polygon([(-0.2, 0.86), (-0.26, 1.46), (0.26, 1.46), (0.2, 0.86)], coat, light)
    rider.ellipse((0.0, 1.64), (0.14, 0.17), dice.color(SKIN, 10), light)
    rider.polygon([(-0.15, 1.64), (-0.13, 1.8), (0.13, 1.8), (0.15, 1.64)], helmet, light)


def parked_bicycle(pen: Pen, dice: Dice, x: float, z: float) -> None:
    """Draw a bicycle that leans beside the street."""
    _bicycle(pen.figure(x, z, BICYCLE, mirror=dice.chance(0.5)), dice.color(CLOTH, 22))


def parked_motorcycle(pen: Pen, dice: Dice, x: float, z: float) -> None:
    """Draw a motorcycle on its stand."""
    _motorcycle(pen.figure(x, z, MOTORCYCLE, mirror=dice.chance(0.5)), dice.color(CLOTH, 22))
