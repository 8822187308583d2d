"""The plan of a street: what lies beside what, and what stands where, in metres."""

from __future__ import annotations

from dataclasses import dataclass, field

from p2p_eval.datasets.scenes.dice import Dice

__all__ = ["FAR", "Band", "Block", "Street", "Strip", "plan"]

FAR = 160.0
"""Distance at which a street is lost in the haze."""

KINDS = ("city", "suburb", "avenue", "park")


@dataclass(frozen=True)
class Band:
    """Ground from one X to another; kind is road, sidewalk, terrain, parking or track."""

    left: float
    right: float
    kind: str


@dataclass(frozen=True)
class Block:
    """A house, or a grove of trees, beside the street."""

    side: int
    x: float
    near: float
    far: float
    height: float
    kind: str


@dataclass(frozen=True)
class Strip:
    """A wall, fence or hedge along the street."""

    side: int
    x: float
    near: float
    far: float
    height: float
    kind: str


@dataclass
class Street:
    """A whole street; the camera stands at X = 0, Z = 0 over the road."""

    kind: str
    road: tuple[float, float]
    lane: float
    bands: list[Band] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    strips: list[Strip] = field(default_factory=list)
    crossing: tuple[float, float] | None = None
    end: float = FAR
    track: float | None = None
    walk: dict[int, tuple[float, float]] = field(default_factory=dict)
    verge: dict[int, tuple[float, float]] = field(default_factory=dict)
    parking: dict[int, tuple[float, float]] = field(default_factory=dict)


def plan(dice: Dice) -> Street:
    """Return the plan of one street."""
    kind = KINDS[(0, 0, 0, 1, 1, 1, 2, 2, 3, 3)[dice.whole(0, 9)]]
    lanes = dice.whole(3, 4) if kind == "avenue" else dice.whole(2, 3)
    lane = dice.between(2.9, 3.5)
    own = dice.whole((lanes - 1) // 2, lanes - 1)
    left = -(own + 0.5) * lane + dice.between(-0.4, 0.4)
    street = Street(kind, (left, left + lanes * lane), lane)
    if dice.chance(0.45):
        start = dice.between(9, 34)
        street.crossing = (start, start + dice.between(6, 10))
    if dice.chance(0.35):
        street.end = dice.between(45, 95)
    for side in (-1, 1):
        _plan_side(dice, street, side)
    if dice.chance(0.26 if kind in ("city", "avenue") else 0.12):
        _plan_track(dice, street)
    return street


def _plan_track(dice: Dice, street: Street) -> None:
    left, right = street.road
    if street.crossing is None and dice.chance(0.4):
        # A bed of its own, on the far side of the road.
        inner = left + (right - left) * dice.between(0.0, 0.2)
        street.bands.append(Band(inner, inner + 3.0, "track"))
        street.track = inner + 1.5
    else:
        street.track = left + street.lane * 0.5


def _plan_side(dice: Dice, street: Street, side: int) -> None:
    edge = street.road[0] if side < 0 else street.road[1]

    def band(width: float, kind: str) -> tuple[float, float]:
        nonlocal edge
        inner, outer = sorted((edge, edge + side * width))
        street.bands.append(Band(inner, outer, kind))
        edge += side * width
        return inner, outer

    park = street.kind == "park"
    if dice.chance(0.25) and not park:
        street.parking[side] = band(dice.between(2.0, 2.5), dice.pick(["parking", "road", "road"]))
    if dice.chance({"city": 0.1, "suburb": 0.4, "avenue": 0.5, "park": 0.6}[street.kind]):
        street.verge[side] = band(dice.between(1.0, 2.6), "terrain")
    if not park or dice.chance(0.6):
        street.walk[side] = band(dice.between(2.0, 4.5), "sidewalk")
    boundary = edge
    garden = {
        "city": 0.0,
        "suburb": dice.between(2, 8),
        "avenue": dice.between(0, 3),
        "park": dice.between(6, 16),
    }[street.kind]
    if garden > 0.8:
        street.verge.setdefault(side, band(garden, "terrain"))
    # The ground behind the houses, seen only through gaps.
    band(60, "terrain" if street.kind != "city" or dice.chance(0.5) else "sidewalk")
    front = boundary + side * garden
    _plan_blocks(dice, street, side, front)
    if dice.chance({"city": 0.42, "suburb": 0.85, "avenue": 0.5, "park": 0.7}[street.kind]):
        _plan_strips(dice, street, side, boundary)


def _plan_blocks(dice: Dice, street: Street, side: int, front: float) -> None:
    tall = {"city": (9, 24), "suburb": (4.5, 9), "avenue": (8, 20), "park": (5, 12)}[street.kind]
    gap = {"city": 0.15, "suburb": 0.5, "avenue": 0.3, "park": 0.8}[street.kind]
    near = dice.between(-6, 1)
    while near < street.end:
        far = near + dice.between(8, 22)
        setback = dice.between(0, 1.2) if street.kind != "city" or dice.chance(0.3) else 0.0
        if street.crossing and far > street.crossing[0] and near < street.crossing[1]:
            if street.crossing[0] - near > 4:
                far = street.crossing[0] - dice.between(0.5, 2.5)
            else:
                near = street.crossing[1] + dice.between(0.5, 2.5)
                continue
        house = "house" if not dice.chance(gap) else "grove"
        height = dice.between(*tall)
        street.blocks.append(Block(side, front + side * setback, near, far, height, house))
        near = far + (dice.between(1, 6) if dice.chance(gap) else 0.0)


def _plan_strips(dice: Dice, street: Street, side: int, x: float) -> None:
    near = dice.between(0, 8)
    while near < min(street.end, 90):
        far = near + dice.between(8, 30)
        kind = dice.pick(["wall", "fence", "hedge", "wall", "fence"])
        height = {
            "wall": dice.between(1.2, 3.4),
            "fence": dice.between(1.2, 2.4),
            "hedge": dice.between(0.8, 2.2),
        }[kind]
        if street.crossing and far > street.crossing[0] and near < street.crossing[1]:
            if street.crossing[0] - near > 3:
                far = street.crossing[0] - 0.5
            else:
                near = street.crossing[1] + 0.5
                continue
        street.strips.append(Strip(side, x, near, far, height, kind))
        near = far + (dice.between(1, 12) if dice.chance(0.6) else 0.0)
