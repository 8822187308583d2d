"""What stands beside a street: trees, lamps, posts, traffic lights, signs and bins."""

from __future__ import annotations

from p2p_eval.datasets.scenes.dice import Color, Dice
from p2p_eval.datasets.scenes.pen import Pen

__all__ = ["bin_", "bush", "lamp", "post", "sign", "traffic_light", "tree"]

STATIC, POLE, TRAFFIC_LIGHT, SIGN, VEGETATION = 4, 17, 19, 20, 21
METAL: list[Color] = [(112, 114, 116), (78, 80, 84), (150, 150, 148), (64, 76, 70), (96, 86, 76)]
LEAF: list[Color] = [
    (66, 92, 42), (86, 108, 50), (56, 78, 44), (104, 112, 56), (126, 104, 48), (74, 100, 66),
]  # fmt: skip
BARK: list[Color] = [(84, 68, 54), (104, 92, 80), (66, 56, 48)]


def tree(pen: Pen, dice: Dice, x: float, z: float, *, size: float = 1.0) -> None:
    """Draw a broad tree, or now and then a conifer."""
    figure = pen.figure(x, z, VEGETATION)
    leaf, bark = dice.color(LEAF, 16), dice.color(BARK, 12)
    tall = dice.between(5.0, 9.0) * size
    crown = tall * dice.between(0.3, 0.42)
    fork = tall - 1.7 * crown
    figure.limb((0.0, 0.0), (0.0, tall - crown), dice.between(0.24, 0.42) * size, bark, 0.9)
    if dice.chance(0.2):
        for layer in range(5):
            foot = tall * (0.14 + 0.16 * layer)
            wide = crown * 0.8 * (1 - layer * 0.17)
            corners = [(-wide, foot), (wide, foot), (0.0, min(tall, foot + tall * 0.36))]
            figure.polygon(corners, leaf, 0.72 + 0.08 * layer)
        return
    sunlit = pen.light.sun * 0.3 * crown
    clumps = []
    for _ in range(13 if z < 25 else 6):
        right = dice.between(-0.85, 0.85) * crown
        up = fork + crown * (0.85 + dice.between(-0.6, 0.62))
        radius = crown * dice.between(0.32, 0.55)
        clumps.append((up, right, radius))
    figure.ellipse((0.0, fork + crown * 0.85), (crown * 0.85, crown * 0.7), leaf, 0.62)
    for up, right, radius in clumps:
        figure.ellipse((right, up), (radius, radius * 0.85), leaf, 0.68)
    for up, right, radius in clumps:
        light = 0.78 + 0.3 * (up - fork) / (1.7 * crown) + 0.05 * right * pen.light.sun / crown
        inner = right + 0.25 * sunlit, up + 0.12 * radius
        figure.ellipse(inner, (radius * 0.72, radius * 0.58), leaf, light)


def bush(pen: Pen, dice: Dice, x: float, z: float) -> None:
    """Draw a shrub."""
    figure = pen.figure(x, z, VEGETATION)
    leaf = dice.color(LEAF, 16)
    wide = dice.between(0.5, 1.1)
    for _ in range(6):
        radius = wide * dice.between(0.35, 0.6)
        middle = dice.between(-0.6, 0.6) * wide, radius * dice.between(0.7, 1.5)
        figure.ellipse(middle, (radius, radius), leaf, dice.between(0.65, 1.0))


def post(pen: Pen, dice: Dice, x: float, z: float) -> None:
    """Draw a bollard, or a tall plain post."""
    tall = dice.between(0.9, 1.2) if dice.chance(0.5) else dice.between(3, 7)
    figure = pen.figure(x, z, POLE)
    half = dice.between(0.07, 0.12)
    figure.box((-half, half), (0.0, tall), dice.color(METAL, 12), pen.light.facing(0))


def lamp(pen: Pen, dice: Dice, x: float, z: float) -> None:
    """Draw a street lamp whose arm reaches over the road."""
    figure = pen.figure(x, z, POLE, mirror=x > 0)
    metal = dice.color(METAL, 12)
    tall, reach = dice.between(5.0, 8.0), dice.between(0.8, 2.2)
    half = dice.between(0.08, 0.13)
    light = pen.light.facing(0)
    figure.box((-half, half), (0.0, tall), metal, light)
    figure.box((-half * 1.7, half * 1.7), (0.0, 0.9), metal, light * 0.9)
    figure.limb((0.0, tall), (reach, tall + 0.4), 0.12, metal, light)
    figure.box((reach - 0.1, reach + 0.7), (tall + 0.3, tall + 0.52), metal, light * 0.9)


def traffic_light(pen: Pen, dice: Dice, x: float, z: float) -> None:
    """Draw a traffic light on a pole, perhaps with a second one on an arm over the road."""
    pole = pen.figure(x, z, POLE, mirror=x > 0)
    metal = dice.color(METAL, 12)
    lit = dice.whole(0, 2)
    arm = dice.between(2.2, 4.0) if dice.chance(0.45) else 0.0
    tall = 5.2 if arm else 3.2
    pole.box((-0.09, 0.09), (0.0, tall), metal, pen.light.facing(0))
    places = [(0.0, 2.4)]
    if arm:
        pole.limb((0.0, tall), (arm, tall), 0.14, metal)
        places.append((arm, tall - 0.5))
    head = pen.figure(x, z, TRAFFIC_LIGHT, mirror=x > 0)
    case = dice.color([(30, 32, 34), (44, 48, 44), (60, 58, 40)], 8)
    for right, foot in places:
        head.box((right - 0.27, right + 0.27), (foot, foot + 1.3), case)
        for number, color in enumerate([(40.0, 190.0, 110.0), (235.0, 170.0, 40.0),
                                        (225.0, 40.0, 36.0)]):  # fmt: skip
            middle = right, foot + 0.24 + 0.41 * number
            # Lamps shine by themselves, whatever the daylight.
            head.ellipse(middle, (0.16, 0.17), color, 1.25 if number == lit else 0.3)


def sign(pen: Pen, dice: Dice, x: float, z: float) -> None:
    """Draw a traffic sign on its pole: round, triangular, a rhomb, or a board with directions."""
    pole = pen.figure(x, z, POLE)
    tall = dice.between(2.3, 3.0)
    pole.box((-0.06, 0.06), (0.0, tall), dice.color(METAL, 12), pen.light.facing(0))
    face = pen.figure(x, z, SIGN)
    size = dice.between(0.38, 0.52)
    light = 1.05 * pen.light.facing(0)
    red: Color = (196, 36, 38)
    white: Color = (234, 232, 226)
    blue: Color = (36, 84, 160)
    shape = dice.whole(0, 5)
    if shape == 0:  # a limit
        face.ellipse((0.0, tall), (size, size), red, light)
        face.ellipse((0.0, tall), (size * 0.74, size * 0.74), white, light)
        face.box((-size * 0.3, -size * 0.05), (tall - 0.15, tall + 0.15), (30, 30, 32))
        face.box((size * 0.08, size * 0.33), (tall - 0.15, tall + 0.15), (30, 30, 32))
    elif shape == 1:  # a warning
        for part, color in ((1.0, red), (0.62, white)):
            wide, low = size * 1.1 * part, size * 0.75 * part
            top = size * 1.15 * part
            corners = [(-wide, tall - low), (wide, tall - low), (0.0, tall + top)]
            face.polygon(corners, color, light)
    elif shape == 2:  # right of way
        for part, color in ((1.0, white), (0.72, (232.0, 186.0, 40.0))):
            d = size * 1.15 * part
            face.polygon([(-d, tall), (0.0, tall - d), (d, tall), (0.0, tall + d)], color, light)
    elif shape == 3:  # an instruction
        face.ellipse((0.0, tall), (size, size), white, light)
        face.ellipse((0.0, tall), (size * 0.92, size * 0.92), blue, light)
        face.limb((0.0, tall - size * 0.6), (0.0, tall + size * 0.6), 0.12, white, light)
    elif shape == 4:  # no entry
        face.ellipse((0.0, tall), (size, size), red, light)
        face.box((-size * 0.7, size * 0.7), (tall - 0.09, tall + 0.09), white, light)
    else:  # a board
        board = dice.pick([blue, (222.0, 178.0, 40.0), (40.0, 110.0, 70.0), white])
        wide = dice.between(0.7, 1.3)
        face.box((-wide, wide), (tall - 0.4, tall + 0.6), white, light)
        face.box((-wide + 0.06, wide - 0.06), (tall - 0.34, tall + 0.54), board, light)
        ink: Color = (30, 30, 34) if board in (white, (222.0, 178.0, 40.0)) else white
        for line in (-0.12, 0.22):
            face.box((-wide * 0.7, wide * dice.between(0.1, 0.7)), (tall + line, tall + line + 0.1),
                     ink, light)  # fmt: skip


def bin_(pen: Pen, dice: Dice, x: float, z: float) -> None:
    """Draw a litter bin or a cabinet, which counts as static."""
    figure = pen.figure(x, z, STATIC)
    half, tall = dice.between(0.25, 0.5), dice.between(0.8, 1.4)
    color = dice.color([(70, 90, 70), (90, 92, 94), (190, 120, 40), (60, 66, 76)], 14)
    figure.box((-half, half), (0.0, tall), color, pen.light.facing(0))
    figure.box((-half * 1.05, half * 1.05), (tall, tall + 0.1), color, 0.6)
