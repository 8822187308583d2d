"""Cars, trucks, buses and trams: solids with a side profile, drawn from their far faces to near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from p2p_eval.datasets.scenes.dice import Color, Dice
from p2p_eval.datasets.scenes.pen import Pen, Point

__all__ = ["bus", "car", "train", "truck"]

CAR, TRUCK, BUS, TRAIN = 26, 27, 28, 31
PAINTS: list[Color] = [
    (196, 198, 200), (60, 62, 66), (34, 36, 40), (226, 226, 224), (150, 30, 32), (44, 70, 130),
    (110, 112, 114), (120, 132, 104), (196, 160, 60), (70, 96, 116), (128, 104, 84),
]  # fmt: skip
LORRY: list[Color] = [
    (224, 222, 214), (190, 60, 48), (60, 92, 150), (206, 176, 70), (120, 124, 126), (90, 120, 90),
]  # fmt: skip
COACH: list[Color] = [(214, 178, 56), (190, 48, 46), (230, 228, 222), (54, 96, 156), (70, 130, 96)]
TRAM: list[Color] = [(206, 60, 50), (228, 222, 200), (60, 110, 80), (216, 180, 60), (70, 110, 170)]
WINDOW: Color = (44, 52, 60)
RUBBER: Color = (26, 26, 28)


@dataclass(frozen=True)
class _Frame:
    """A vehicle's own axes: along its length, up, and across; where its middle stands."""

    pen: Pen
    x: float
    z: float
    heading: str
    label: int

    def at(self, along: float, up: float, across: float) -> Point:
        if self.heading == "away":
            return self.x + across, up, self.z + along
        if self.heading == "towards":
            return self.x - across, up, self.z - along
        if self.heading == "right":
            return self.x + along, up, self.z - across
        return self.x - along, up, self.z + across

    def face(
        self, corners: Sequence[tuple[float, float, float]], color: Color, light: float = 1
    ) -> None:
        self.pen.polygon([self.at(*c) for c in corners], color, self.label, light)

    def near_side(self, half: float) -> float | None:
        """Return which side (± half) shows, or None when the camera looks straight at an end."""
        sides = [(self.at(0, 0, s), s) for s in (-half, half)]
        if self.heading in ("left", "right"):
            return min(sides, key=lambda side: side[0][2])[1]
        if all(point[0] > 0 for point, _ in sides) or all(point[0] < 0 for point, _ in sides):
            return min(sides, key=lambda side: abs(side[0][0]))[1]
        return None

    def side_light(self, across: float) -> float:
        if self.heading in ("left", "right"):
            return self.pen.light.facing(0)
        return self.pen.light.facing(-1 if self.at(0, 0, across)[0] > 0 else 1)

    def near_end(self) -> int:
        """Return 1 when the front end is nearer to the camera than the rear, else -1."""
        front, rear = self.at(1, 0, 0), self.at(-1, 0, 0)
        nearer = front[0] ** 2 + front[2] ** 2 < rear[0] ** 2 + rear[2] ** 2
        return 1 if nearer else -1

    def solid(self, profile: Sequence[tuple[float, float]], half: float, color: Color) -> None:
        """Draw a solid with this side profile (along, up); faces far from the camera first."""
        strips = []
        for (a0, u0), (a1, u1) in zip(profile, [*profile[1:], profile[0]], strict=True):
            middle = self.at((a0 + a1) / 2, (u0 + u1) / 2, 0)
            distance = middle[0] ** 2 + (middle[1] - self.pen.camera.height) ** 2 + middle[2] ** 2
            upright = abs(u1 - u0) > abs(a1 - a0)
            strips.append((distance, a0, u0, a1, u1, 0.92 if upright else 1.1))
        for _, a0, u0, a1, u1, light in sorted(strips, reverse=True):
            low = u0 < 0.45 and u1 < 0.45
            corners = [(a0, u0, -half), (a1, u1, -half), (a1, u1, half), (a0, u0, half)]
            self.face(corners, color, 0.25 if low else light * self.pen.light.facing(0))
        side = self.near_side(half)
        if side is not None:
            self.face([(a, u, side) for a, u in profile], color, self.side_light(side))

    def side_box(
        self, along: tuple[float, float], up: tuple[float, float], half: float, color: Color
    ) -> None:
        """Paint a rectangle on the side that shows."""
        side = self.near_side(half)
        if side is not None:
            corners = [(along[0], up[0]), (along[1], up[0]), (along[1], up[1]), (along[0], up[1])]
            self.face([(a, u, side) for a, u in corners], color, self.side_light(side))

    def end_box(
        self, end: float, across: tuple[float, float], up: tuple[float, float], color: Color
    ) -> None:
        """Paint a rectangle on the end at ``end`` along, if that end shows."""
        if (end > 0) != (self.near_end() > 0):
            return
        corners = [(across[0], up[0]), (across[1], up[0]), (across[1], up[1]), (across[0], up[1])]
        self.face([(end, u, a) for a, u in corners], color, self.pen.light.facing(0))

    def wheels(self, places: Sequence[float], radius: float, half: float) -> None:
        """Draw the wheels of the side that shows, and tyres under the end that does."""
        end = self.near_end()
        axle = max(places) if end > 0 else min(places)
        for side in (-half, half):
            inner = side * 0.75
            corners = [(axle, 0.0, side), (axle, 0.0, inner), (axle, radius, inner)]
            self.face([*corners, (axle, radius, side)], RUBBER)
        shown = self.near_side(half)
        if shown is None:
            return
        for place in places:
            for size, color in ((1.0, RUBBER), (0.55, (120.0, 120.0, 122.0))):
                rim = [
                    (place + radius * size * a, radius + radius * size * u, shown)
                    for a, u in _CIRCLE
                ]
                self.face(rim, color, 0.9)


_CIRCLE = [
    (1.0, 0.0), (0.87, 0.5), (0.5, 0.87), (0.0, 1.0), (-0.5, 0.87), (-0.87, 0.5),
    (-1.0, 0.0), (-0.87, -0.5), (-0.5, -0.87), (0.0, -1.0), (0.5, -0.87), (0.87, -0.5),
]  # fmt: skip


def car(pen: Pen, dice: Dice, x: float, z: float, heading: str) -> None:
    """Draw a car: a hatchback, a saloon, an estate or a small van."""
    frame = _Frame(pen, x, z, heading, CAR)
    paint = dice.color(PAINTS, 20)
    half, length = dice.between(0.86, 0.98), dice.between(1.95, 2.3)
    kind = dice.pick(["hatch", "saloon", "estate", "van"])
    top = {"hatch": 1.5, "saloon": 1.42, "estate": 1.52, "van": 1.9}[kind]
    belt = 0.92 if kind != "van" else 1.1
    rear = {"hatch": -0.85, "saloon": -0.55, "estate": -0.97, "van": -0.98}[kind] * length
    tail = {"hatch": -0.97, "saloon": -0.72, "estate": -1.0, "van": -1.0}[kind] * length
    body = [
        (-length, 0.3), (-length, belt - 0.06), (tail, belt), (length * 0.48, belt),
        (length * 0.94, belt - 0.2), (length, 0.55), (length, 0.3),
    ]  # fmt: skip
    cabin = [(tail, belt), (rear, top), (length * 0.12, top), (length * 0.5, belt)]
    frame.wheels([-0.62 * length, 0.62 * length], 0.33, half)
    frame.solid(body, half, paint)
    frame.solid(cabin, half * 0.86, paint)
    side = frame.near_side(half * 0.86)
    if side is not None:
        glass = [
            (tail * 0.93, belt + 0.04), (rear * 0.93, top - 0.09),
            (length * 0.1, top - 0.09), (length * 0.42, belt + 0.04),
        ]  # fmt: skip
        frame.face([(a, u, side) for a, u in glass], WINDOW)
        pillar = [(-0.25, belt), (-0.25, top - 0.06), (-0.12, top - 0.06), (-0.12, belt)]
        frame.face([(a, u, side) for a, u in pillar], paint, frame.side_light(side))
    end = frame.near_end()
    low, high = ((length * 0.5, length * 0.12), (tail, rear))[end < 0]
    low, high = low + (high - low) * 0.15, low + (high - low) * 0.88
    foot, head = belt + (top - belt) * 0.15, belt + (top - belt) * 0.88
    if heading in ("away", "towards"):
        wide = half * 0.74
        frame.face(
            [(low, foot, -wide), (low, foot, wide), (high, head, wide), (high, head, -wide)],
            dice.color([WINDOW, (70, 84, 96)], 10),
        )
    lamp: Color = (236, 232, 210) if end > 0 else (176, 30, 30)
    for across in (-half, half * 0.6):
        frame.end_box(end * length, (across, across + half * 0.4), (0.58, 0.78), lamp)
    frame.end_box(end * length, (-0.26, 0.26), (0.44, 0.56), (230, 228, 210))
    frame.end_box(end * length, (-half, half), (0.26, 0.36), (40, 40, 42))
    frame.wheels([-0.62 * length, 0.62 * length], 0.33, half)


def _box(
    frame: _Frame, along: tuple[float, float], up: tuple[float, float], half: float, color: Color
) -> None:
    """Draw a plain box."""
    profile = [(along[0], up[0]), (along[0], up[1]), (along[1], up[1]), (along[1], up[0])]
    frame.solid(profile, half, color)


def truck(pen: Pen, dice: Dice, x: float, z: float, heading: str) -> None:
    """Draw a lorry: a cab and a box, a tarpaulin or an open bed with a load."""
    frame = _Frame(pen, x, z, heading, TRUCK)
    half, length = dice.between(1.1, 1.25), dice.between(3.2, 4.2)
    cab_top, box_top = dice.between(2.3, 2.9), dice.between(2.7, 3.7)
    cab_color, box_color = dice.color(LORRY, 18), dice.color(LORRY, 18)
    split = length - 1.9
    open_bed = dice.chance(0.2)

    def load() -> None:
        if open_bed:
            _box(frame, (-length, split - 0.2), (0.95, 1.6), half, box_color)
            _box(frame, (-length + 0.4, split - 0.7), (1.6, 2.2), half * 0.8, (128, 108, 84))
            return
        _box(frame, (-length, split - 0.2), (0.95, box_top), half, box_color)
        frame.end_box(-length, (-0.03, 0.03), (1.0, box_top - 0.1), (60, 60, 62))
        frame.end_box(-length, (-half, half), (box_top - 0.14, box_top), (90, 90, 92))
        stripe = dice.color(LORRY, 18)
        frame.side_box((-length * 0.8, split - 0.9), (1.7, 2.3), half, stripe)

    def cab() -> None:
        _box(frame, (split, length), (0.5, cab_top), half * 0.96, cab_color)
        frame.end_box(length, (-half * 0.86, half * 0.86), (1.4, cab_top - 0.3), WINDOW)
        frame.end_box(length, (-half * 0.7, half * 0.7), (0.75, 1.2), (50, 50, 54))
        frame.side_box((split + 0.5, length - 0.25), (1.4, cab_top - 0.35), half * 0.96, WINDOW)
        for across in (-half * 0.92, half * 0.62):
            frame.end_box(length, (across, across + 0.34), (0.6, 0.78), (236, 232, 210))

    frame.wheels([-0.72 * length, 0.68 * length], 0.5, half)
    _box(frame, (-length, length), (0.5, 0.95), half * 0.9, (50, 50, 52))
    for part in (load, cab) if frame.near_end() > 0 else (cab, load):
        part()
    frame.end_box(-length, (-half, half), (0.5, 0.95), (58, 58, 60))
    for across in (-half, half * 0.75):
        frame.end_box(-length, (across, across + half * 0.25), (0.62, 0.85), (176, 30, 30))
    frame.wheels([-0.72 * length, -0.5 * length, 0.68 * length], 0.48, half)


def _carriage(
    frame: _Frame, dice: Dice, half: float, length: float, top: float, colors: tuple[Color, Color]
) -> None:
    """Draw a long box with a row of windows, a stripe and doors."""
    paint, band = colors
    _box(frame, (-length, length), (0.35, top), half, paint)
    frame.side_box((-length, length), (0.35, 0.8), half, band)
    windows = max(3, round(length * 2 / dice.between(1.5, 2.4)))
    pitch = 2 * length / windows
    for number in range(windows):
        start = -length + number * pitch + 0.12
        door = number % 4 == 1
        low = 0.5 if door else 1.35
        frame.side_box((start, start + pitch - 0.24), (low, top - 0.65), half, WINDOW)
    for end in (-length, length):
        frame.end_box(end, (-half * 0.88, half * 0.88), (1.3, top - 0.6), WINDOW)
        frame.end_box(end, (-half * 0.7, half * 0.7), (top - 0.5, top - 0.18), (36, 34, 34))
        frame.end_box(end, (-half * 0.4, half * 0.4), (top - 0.44, top - 0.24), (236, 176, 60))
        lamp: Color = (236, 232, 210) if end > 0 else (176, 30, 30)
        for across in (-half * 0.92, half * 0.62):
            frame.end_box(end, (across, across + half * 0.3), (0.62, 0.88), lamp)


def bus(pen: Pen, dice: Dice, x: float, z: float, heading: str) -> None:
    """Draw a city bus."""
    frame = _Frame(pen, x, z, heading, BUS)
    half, length, top = 1.25, dice.between(4.6, 6.0), dice.between(2.9, 3.2)
    frame.wheels([-0.6 * length, 0.6 * length], 0.48, half)
    colors = dice.color(COACH, 16), dice.color(COACH, 16)
    _carriage(frame, dice, half, length, top, colors)
    frame.wheels([-0.55 * length, 0.6 * length], 0.48, half)


def train(pen: Pen, dice: Dice, x: float, z: float, heading: str) -> None:
    """Draw a tram of one to three carriages on its rails, with a pantograph."""
    colors = dice.color(TRAM, 16), dice.color([(60, 60, 64), (230, 226, 214), (150, 40, 40)], 12)
    half, length, top = 1.22, dice.between(5.0, 6.5), dice.between(3.2, 3.5)
    step = 2 * length + 0.5
    for number in reversed(range(dice.whole(1, 3))):
        far = number * step
        place = (x, z + far) if heading in ("away", "towards") else (x - far, z)
        frame = _Frame(pen, *place, heading, TRAIN)
        _carriage(frame, dice, half, length, top, colors)
        frame.side_box((-length, length), (0.12, 0.4), half, (40, 40, 42))
        if number == 0:
            arm = pen.figure(place[0], max(2.0, place[1] - length * 0.3), TRAIN)
            arm.limb((-0.5, top), (0.0, top + 0.9), 0.1, (60, 60, 62))
            arm.limb((-0.6, top + 0.9), (0.6, top + 0.9), 0.08, (60, 60, 62))
