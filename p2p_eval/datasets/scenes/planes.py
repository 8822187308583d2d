"""Upright planes along the street and across it: facades, walls, fences and hedges.

Every pixel of a plane is followed back to its place on the plane, where a painter says its colour.
A painter gets ``along`` (metres along the plane, one value a column) and ``up`` (metres above the
ground, one value a pixel or a row) and returns colours ``(rows, columns, 3)`` and a mask of what
is solid, or None when all is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from p2p_eval.datasets.scenes.camera import CANVAS, NEAR, Camera, Light

__all__ = ["Canvas", "Painter", "across", "along"]

Floats = NDArray[np.float32]
Canvas = NDArray[np.uint8]
Painter = Callable[[Floats, Floats], tuple[Floats, NDArray[np.bool_] | None]]


def along(
    canvas: Canvas,
    view: tuple[Camera, Light],
    x: float,
    z: tuple[float, float],
    height: float,
    label: int,
    paint: Painter,
    *,
    base: float = 0.0,
) -> None:
    """Draw a plane that runs with the street at X, from one distance to another."""
    camera, light = view
    near, far = max(z[0], NEAR), z[1]
    if far <= near or abs(x) < 0.3:
        return
    edges = sorted((camera.u(x, near), camera.u(x, far)))
    left, right = max(0, int(edges[0] + 0.5)), min(CANVAS, int(edges[1] + 0.5))
    if right <= left:
        return
    columns = np.arange(left, right, dtype=np.float32) + np.float32(0.5 - camera.center)
    depth = np.clip(np.float32(camera.focal_x * x) / columns, np.float32(near), np.float32(far))
    scale = np.float32(camera.focal_y) / depth
    tops = np.float32(camera.horizon) - np.float32(height - camera.height) * scale
    feet = np.float32(camera.horizon) - np.float32(base - camera.height) * scale
    top, bottom = max(0, int(tops.min())), min(CANVAS, int(feet.max()) + 1)
    if bottom <= top:
        return
    rows = np.arange(top, bottom, dtype=np.float32)[:, None] + np.float32(0.5)
    up = np.float32(camera.height) + (np.float32(camera.horizon) - rows) / scale
    inside = (up >= np.float32(base)) & (up <= np.float32(height))
    region = canvas[top:bottom, left:right]
    _write(region, inside, paint(depth, up), light, -1.0 if x > 0 else 1.0, depth[None, :], label)


def across(
    canvas: Canvas,
    view: tuple[Camera, Light],
    x: tuple[float, float],
    z: float,
    height: float,
    label: int,
    paint: Painter,
) -> None:
    """Draw a plane that stands across the street at Z, from one X to another."""
    camera, light = view
    if z < NEAR:
        return
    left = max(0, int(camera.u(x[0], z) + 0.5))
    right = min(CANVAS, int(camera.u(x[1], z) + 0.5))
    top = max(0, int(camera.v(height, z) + 0.5))
    bottom = min(CANVAS, int(camera.v(0, z) + 0.5))
    if right <= left or bottom <= top:
        return
    columns = np.arange(left, right, dtype=np.float32) + np.float32(0.5 - camera.center)
    rows = np.arange(top, bottom, dtype=np.float32)[:, None] + np.float32(0.5)
    place = columns * np.float32(z / camera.focal_x) - np.float32(x[0])
    up = np.float32(camera.height) + (np.float32(camera.horizon) - rows) * np.float32(
        z / camera.focal_y
    )
    up = np.broadcast_to(up, (len(rows), len(columns)))
    inside = np.ones(up.shape, np.bool_)
    depth = np.full((1, 1), z, np.float32)
    region = canvas[top:bottom, left:right]
    _write(region, inside, paint(place, up), light, 0.0, depth, label)


def _write(
    region: Canvas,
    inside: NDArray[np.bool_],
    painted: tuple[Floats, NDArray[np.bool_] | None],
    light: Light,
    side: float,
    depth: Floats,
    label: int,
) -> None:
    colors, solid = painted
    # Haze takes the same share of a whole column, so it is one factor and one term a column.
    haze = (depth / (depth + np.float32(light.reach)))[..., None]
    tint = np.array(light.tint, np.float32) * np.float32(light.facing(side))
    far = np.array(light.haze, np.float32)
    lit = colors * (tint * (1 - haze)) + far * haze
    np.clip(lit, 0, 255, out=lit)
    shown = inside if solid is None else inside & solid
    region[..., :3][shown] = lit[shown].astype(np.uint8)
    region[..., 3][inside] = label
