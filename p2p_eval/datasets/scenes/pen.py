"""Drawing of figures: polygons and ellipses that carry a colour and a label id at once.

The canvas has four channels: red, green, blue and the label id. One stroke writes all four, so
photo and labels cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from p2p_eval.datasets.scenes.camera import NEAR, Camera, Light
from p2p_eval.datasets.scenes.dice import Color

__all__ = ["Figure", "Pen", "Point"]

Point = tuple[float, float, float]
"""X, Y, Z in metres."""


@dataclass(frozen=True)
class Pen:
    """Draws on a canvas, with the camera and the light of a scene."""

    image: Image.Image
    draw: ImageDraw.ImageDraw
    camera: Camera
    light: Light

    def polygon(self, points: Sequence[Point], color: Color, label: int, light: float = 1) -> None:
        """Fill a polygon in space; it is hazed by the mean of its corners' distances."""
        corners = [self.camera.point(*point) for point in points]
        distance = max(NEAR, sum(point[2] for point in points) / len(points))
        self.draw.polygon(corners, fill=(*self.light.on(color, distance, light), label))

    def ground(
        self, x: tuple[float, float], z: tuple[float, float], color: Color, label: int
    ) -> None:
        """Fill a rectangle on the ground without haze, which the ground gets row by row."""
        (x0, x1), (z0, z1) = x, z
        corners = [self.camera.point(*p) for p in ((x0, 0, z0), (x1, 0, z0), (x1, 0, z1))]
        corners.append(self.camera.point(x0, 0, z1))
        red, green, blue = (
            int(min(255.0, c * t)) for c, t in zip(color, self.light.tint, strict=True)
        )
        self.draw.polygon(corners, fill=(red, green, blue, label))

    def figure(self, x: float, z: float, label: int, *, mirror: bool = False) -> Figure:
        """Return a flat upright sheet at a place on the ground to draw on."""
        return Figure(self, x, z, label, -1.0 if mirror else 1.0)


@dataclass
class Figure:
    """A flat upright sheet: coordinates are metres to the right of and above its foot."""

    pen: Pen
    x: float
    z: float
    label: int
    direction: float

    def pixel(self, right: float, up: float) -> tuple[int, int]:
        """Return the pixel of a point of the sheet."""
        return self.pen.camera.point(self.x + right * self.direction, up, self.z)

    def ink(self, color: Color, light: float) -> tuple[int, int, int, int]:
        """Return the canvas value of a colour on this sheet."""
        return (*self.pen.light.on(color, self.z, light), self.label)

    def polygon(
        self, points: Sequence[tuple[float, float]], color: Color, light: float = 1
    ) -> None:
        """Fill a polygon."""
        self.pen.draw.polygon([self.pixel(*p) for p in points], fill=self.ink(color, light))

    def box(
        self,
        right: tuple[float, float],
        up: tuple[float, float],
        color: Color,
        light: float = 1,
    ) -> None:
        """Fill an upright rectangle, at least one pixel large."""
        u0, v1 = self.pixel(right[0], up[0])
        u1, v0 = self.pixel(right[1], up[1])
        self.pen.draw.rectangle(
            (min(u0, u1), min(v0, v1), max(u0, u1), max(v0, v1)), fill=self.ink(color, light)
        )

    def ellipse(
        self,
        middle: tuple[float, float],
        radius: tuple[float, float],
        color: Color,
        light: float = 1,
    ) -> None:
        """Fill an ellipse."""
        u0, v0 = self.pixel(middle[0] - radius[0], middle[1] + radius[1])
        u1, v1 = self.pixel(middle[0] + radius[0], middle[1] - radius[1])
        self.pen.draw.ellipse(
            (min(u0, u1), min(v0, v1), max(u0, u1), max(v0, v1)), fill=self.ink(color, light)
        )

    def limb(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        width: float,
        color: Color,
        light: float = 1,
    ) -> None:
        """Draw a straight bar between two points, its width in metres."""
        thick = max(1, round(width * self.pen.camera.focal_x / self.z))
        self.pen.draw.line(
            [self.pixel(*start), self.pixel(*end)], fill=self.ink(color, light), width=thick
        )
