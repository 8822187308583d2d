"""Who and what is on a street: vehicles in the lanes, people on the pavements, things beside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from p2p_eval.datasets.scenes import furniture, people, vehicles
from p2p_eval.datasets.scenes.dice import Dice
from p2p_eval.datasets.scenes.ground import Shadow
from p2p_eval.datasets.scenes.pen import Pen
from p2p_eval.datasets.scenes.street import Street

__all__ = ["Thing", "populate"]

Draw = Callable[[Pen, Dice, float, float], None]


@dataclass(frozen=True)
class Thing:
    """Something to draw, where it stands, and half its width and length on the ground."""

    draw: Draw
    x: float
    z: float
    half_width: float
    half_length: float

    @property
    def shadow(self) -> Shadow:
        """What it darkens."""
        return self.x, self.z, self.half_width * 1.15, self.half_length * 1.1


def populate(dice: Dice, street: Street) -> list[Thing]:
    """Return everything that stands or moves on a street, the farthest first."""
    things: list[Thing] = []
    _lanes(dice, street, things)
    _crossing(dice, street, things)
    for side in (-1, 1):
        _parking(dice, street, side, things)
        _furniture(dice, street, side, things)
        _pavement(dice, street, side, things)
        _verge(dice, street, side, things)
    return sorted((t for t in things if t.z < street.end), key=lambda thing: -thing.z)


def _vehicle(dice: Dice, x: float, z: float, heading: str) -> Thing:
    kind = dice.whole(0, 19)
    if kind <= 10:
        return Thing(partial(vehicles.car, heading=heading), x, z, 0.95, 2.1)
    if kind <= 13:
        return Thing(partial(vehicles.truck, heading=heading), x, z + 2, 1.2, 3.8)
    if kind <= 16:
        return Thing(partial(vehicles.bus, heading=heading), x, z + 3.5, 1.25, 5.4)
    motor = kind >= 18
    return Thing(partial(people.cyclist, motor=motor), x, z, 0.4, 0.8)


def _lanes(dice: Dice, street: Street, things: list[Thing]) -> None:
    left, right = street.road
    lanes = round((right - left) / street.lane)
    own = min(lanes - 1, int(-left / street.lane))
    for lane in range(lanes):
        x = left + (lane + 0.5) * street.lane
        if street.track is not None and abs(x - street.track) < 2.2:
            continue
        heading = "away" if lane >= own or dice.chance(0.2) else "towards"
        z = dice.between(9, 26) if lane == own else dice.between(6, 16)
        while z < 75:
            if dice.chance(0.5):
                thing = _vehicle(dice, x + dice.between(-0.3, 0.3), z, heading)
                things.append(thing)
                z = thing.z + thing.half_length
            z += dice.between(5, 22)
    if street.track is not None and dice.chance(0.85):
        heading = dice.pick(["away", "towards"])
        z = dice.between(12, 30)
        things.append(Thing(partial(vehicles.train, heading=heading), street.track, z, 1.2, 6))


def _crossing(dice: Dice, street: Street, things: list[Thing]) -> None:
    if street.crossing is None:
        return
    start, end = street.crossing
    lanes = [(start + 1.7, "right"), (end - 1.7, "left")]
    for z, heading in lanes:
        x = dice.between(-18, -4)
        while x < 18 and dice.chance(0.6):
            draw = dice.pick([vehicles.car, vehicles.car, vehicles.truck, vehicles.bus])
            half = 2.1 if draw is vehicles.car else 4.5
            things.append(Thing(partial(draw, heading=heading), x + half, z, half, 0.95))
            x += 2 * half + dice.between(2, 12)
    for _ in range(dice.whole(0, 3)):
        x = dice.between(street.road[0], street.road[1])
        things.append(Thing(people.person, x, start - dice.between(1.0, 3.4), 0.25, 0.2))
    if dice.chance(0.3):
        cyclist = partial(people.cyclist, motor=dice.chance(0.5))
        x = dice.between(street.road[0], street.road[1])
        things.append(Thing(cyclist, x, start - dice.between(0.5, 1.5), 0.8, 0.3))


def _parking(dice: Dice, street: Street, side: int, things: list[Thing]) -> None:
    if side not in street.parking:
        return
    x = sum(street.parking[side]) / 2
    z = dice.between(3, 9)
    while z < 60:
        if not _on_crossing(street, z, 5) and dice.chance(0.7):
            heading = dice.pick(["away", "towards"])
            draw: Draw = partial(vehicles.car, heading=heading)
            things.append(Thing(draw, x, z, 0.95, 2.1))
        z += dice.between(5.2, 7.5)


def _on_crossing(street: Street, z: float, margin: float = 0.5) -> bool:
    if street.crossing is None:
        return False
    return street.crossing[0] - margin < z < street.crossing[1] + margin


def _free(things: list[Thing], new: Thing) -> bool:
    """Return whether nothing stands where the new thing would."""
    return not any(
        abs(thing.x - new.x) < thing.half_width + new.half_width
        and abs(thing.z - new.z) < thing.half_length + new.half_length
        for thing in things
    )


def _kerb(street: Street, side: int) -> float:
    """Return the X of the edge of what vehicles stand on."""
    if side in street.parking:
        return street.parking[side][0 if side < 0 else 1]
    return street.road[0 if side < 0 else 1]


def _furniture(dice: Dice, street: Street, side: int, things: list[Thing]) -> None:
    x = _kerb(street, side) + side * 0.5
    z, spacing = dice.between(4, 14), dice.between(12, 24)
    lamps = dice.chance(0.75)
    if dice.chance(0.3):
        # Somebody rides along the edge of the road.
        rider = partial(people.cyclist, motor=dice.chance(0.5))
        place = _kerb(street, side) - side * dice.between(0.4, 1.1)
        riding = Thing(rider, place, dice.between(5, 13), 0.4, 0.6)
        if _free(things, riding):
            things.append(riding)
    while lamps and z < 80:
        if not _on_crossing(street, z):
            things.append(Thing(furniture.lamp, x, z, 0.1, 0.1))
        z += spacing
    if street.crossing is not None and dice.chance(0.8):
        z = street.crossing[0] - 0.6
        things.append(Thing(furniture.traffic_light, x, z, 0.2, 0.2))
    elif dice.chance(0.18):
        things.append(Thing(furniture.traffic_light, x, dice.between(7, 16), 0.2, 0.2))
    for _ in range(dice.whole(0, 3)):
        z = dice.between(5, 22)
        if not _on_crossing(street, z):
            things.append(Thing(furniture.sign, x + side * dice.between(0, 0.6), z, 0.1, 0.1))
    for _ in range(dice.whole(0, 3)):
        z = dice.between(4, 20)
        if not _on_crossing(street, z):
            things.append(Thing(furniture.post, x, z, 0.1, 0.1))


def _pavement(dice: Dice, street: Street, side: int, things: list[Thing]) -> None:
    if side not in street.walk:
        return
    inner, outer = street.walk[side]
    crowd = dice.whole(0, 5) if street.kind in ("city", "avenue") else dice.whole(0, 3)
    z = dice.between(4, 10)
    for _ in range(crowd):
        for member in range(dice.whole(1, 3)):
            x = dice.between(inner + 0.5, outer - 0.3) + 0.15 * member
            if not _on_crossing(street, z):
                things.append(Thing(people.person, x, z + 0.3 * member, 0.25, 0.2))
        z += dice.between(1.5, 9)
    near = _kerb(street, side) + side * 0.9
    if dice.chance(0.38):
        z = dice.between(4, 14)
        for number in range(dice.whole(1, 4)):
            place = z + 0.8 * number
            things.append(Thing(people.parked_bicycle, near + 0.1 * number, place, 0.8, 0.2))
    if dice.chance(0.24):
        z = dice.between(4, 14)
        things.append(Thing(people.parked_motorcycle, near, z, 0.9, 0.3))
    if dice.chance(0.2):
        x = (inner + outer) / 2
        motor = dice.chance(0.3)
        things.append(Thing(partial(people.cyclist, motor=motor), x, dice.between(5, 14), 0.6, 0.4))
    if dice.chance(0.4):
        x = (outer if side > 0 else inner) - side * 0.6
        things.append(Thing(furniture.bin_, x, dice.between(4, 20), 0.4, 0.3))


def _verge(dice: Dice, street: Street, side: int, things: list[Thing]) -> None:
    rows = dice.chance({"city": 0.25, "suburb": 0.7, "avenue": 0.85, "park": 0.9}[street.kind])
    if not rows:
        return
    if side in street.verge:
        inner, outer = street.verge[side]
    else:
        x = _kerb(street, side) + side * 1.0
        inner, outer = x - 0.1, x + 0.1
    z, spacing = dice.between(6, 14), dice.between(6, 14)
    while z < 90:
        if not _on_crossing(street, z, 2):
            x = dice.between(inner, outer)
            things.append(
                Thing(partial(furniture.tree, size=dice.between(0.7, 1.0)), x, z, 1.6, 1.2)
            )
        if dice.chance(0.3) and outer - inner > 0.8:
            things.append(
                Thing(furniture.bush, dice.between(inner, outer), z + spacing / 2, 0.7, 0.5)
            )
        z += spacing * dice.between(0.7, 1.3)
