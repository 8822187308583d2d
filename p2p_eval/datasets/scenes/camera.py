"""Where a point of the street falls in the picture, and how light and haze colour it.

The street runs along Z, metres ahead of the camera; X is metres to the right of it, Y metres above
the ground.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from p2p_eval.datasets.scenes.dice import Color, Dice

__all__ = ["CANVAS", "NEAR", "SIZE", "Camera", "Light", "make_camera", "make_light"]

SIZE = 256
"""Side of photos and label maps in pixels."""

CANVAS = 2 * SIZE
"""Side of the canvas that photos are drawn on before they are reduced."""

NEAR = 1.2
"""Nothing nearer than this is drawn, in metres."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks down the street; lengths in canvas pixels, height in metres."""

    center: float
    horizon: float
    focal_x: float
    focal_y: float
    height: float

    def u(self, x: float, z: float) -> float:
        """Return the column of a point."""
        return self.center + self.focal_x * x / z

    def v(self, y: float, z: float) -> float:
        """Return the row of a point."""
        return self.horizon - self.focal_y * (y - self.height) / z

    def point(self, x: float, y: float, z: float) -> tuple[int, int]:
        """Return the nearest pixel of a point; far outside the canvas it is brought closer."""
        z = max(z, NEAR)
        return _pixel(self.u(x, z)), _pixel(self.v(y, z))

    def row_depth(self) -> NDArray[np.float32]:
        """Return the distance of the ground in each row, metres; rows of the sky are far away."""
        below = np.arange(CANVAS, dtype=np.float32) + np.float32(0.5 - self.horizon)
        depth: NDArray[np.float32] = np.float32(self.focal_y * self.height) / np.maximum(
            below, np.float32(0.5)
        )
        return depth


def _pixel(value: float) -> int:
    return math.floor(min(max(value, -8.0 * CANVAS), 8.0 * CANVAS) + 0.5)


@dataclass(frozen=True)
class Light:
    """Time of day and weather.

    Attributes:
        sun: -1 when it stands on the left, 1 on the right, 0 when clouds hide it.
        tint: What white becomes, one factor a channel.
        shade: What remains of the light in the shade.
        haze: Colour of the distance.
        reach: Distance in metres at which half of a colour has turned to haze.
        zenith: Colour of the sky overhead.
        cover: How much of the sky is cloud, 0-1.
    """

    sun: int
    tint: Color
    shade: float
    haze: Color
    reach: float
    zenith: Color
    cover: float

    def weight(self, z: float) -> float:
        """Return how much of a colour the haze has taken at a distance, 0-1."""
        return z / (z + self.reach)

    def on(self, color: Color, z: float, shade: float = 1.0) -> tuple[int, int, int]:
        """Return a colour under this light, at a distance."""
        haze = self.weight(z)
        red, green, blue = (
            int(min(255.0, channel * tint * shade) * (1 - haze) + far * haze)
            for channel, tint, far in zip(color, self.tint, self.haze, strict=True)
        )
        return red, green, blue

    def facing(self, side: float) -> float:
        """Return the light on a surface that faces left (-1), right (1) or the camera (0)."""
        if self.sun == 0:
            return 0.88 if side else 0.94
        if side == 0:
            return 0.85
        return 1.04 if side * self.sun > 0 else self.shade


def make_camera(dice: Dice) -> Camera:
    """Return a camera somewhere over a road."""
    focal = dice.between(165, 205) * CANVAS / SIZE
    return Camera(
        center=dice.between(0.40, 0.60) * CANVAS,
        horizon=dice.between(0.40, 0.52) * CANVAS,
        focal_x=focal,
        focal_y=focal * dice.between(1.15, 1.35),
        height=dice.between(1.4, 2.3),
    )


def make_light(dice: Dice) -> Light:
    """Return a time of day and a weather."""
    weather = dice.whole(0, 9)
    if weather <= 3:  # a clear day
        tint = dice.color([(255, 250, 240)], 12)
        sun, shade, zenith = dice.pick([-1, 1]), dice.between(0.5, 0.66), (70.0, 125.0, 205.0)
        haze, reach, cover = (190.0, 208.0, 228.0), dice.between(250, 700), dice.between(0.1, 0.6)
    elif weather <= 6:  # overcast
        tint = dice.color([(222, 226, 234), (205, 208, 212)], 12)
        sun, shade, zenith = 0, 0.8, dice.color([(170, 178, 190), (200, 205, 210)], 12)
        haze, reach, cover = (205.0, 209.0, 214.0), dice.between(110, 350), dice.between(0.6, 1.0)
    elif weather == 7:  # fog
        tint = dice.color([(215, 218, 222)], 12)
        sun, shade, zenith = 0, 0.85, (205.0, 208.0, 212.0)
        haze, reach, cover = (208.0, 211.0, 214.0), dice.between(45, 90), 0.3
    else:  # a low sun, evening or morning
        tint = dice.color([(255, 214, 170), (235, 190, 165), (200, 175, 180)], 15)
        sun, shade = dice.pick([-1, 1]), dice.between(0.42, 0.6)
        zenith = dice.color([(95, 120, 175), (120, 115, 160)], 15)
        haze, reach, cover = dice.color([(238, 196, 158), (222, 180, 170)], 12), 260.0, 0.5
    factor = dice.between(0.82, 1.06) / 255
    return Light(
        sun=sun,
        tint=(tint[0] * factor, tint[1] * factor, tint[2] * factor),
        shade=shade,
        haze=haze,
        reach=reach,
        zenith=dice.color([zenith], 18),
        cover=cover,
    )
