"""Three kinds of places: street, highway and junction. Each gives ground paint, paths for traffic and scenery."""
from dataclasses import dataclass, field

import numpy as np

from . import scenery
from .paths import Path

LANE = 3.3
ASPHALT, PAVING, KERB, GRASS, WHITE, EARTH = (96, 94, 92), (158, 164, 168), (178, 182, 184), (74, 124, 96), (226, 228, 228), (98, 120, 132)
BIKE_LANE = (84, 92, 150)


@dataclass
class Layout:
    kind: str
    base: tuple                                    # colour of the ground where nothing is painted
    reach: float = 140.0                           # metres that roads extend from the middle
    ground: list = field(default_factory=list)     # (polygon (n, 2), colour), painted in this order
    paths: list = field(default_factory=list)
    things: list = field(default_factory=list)
    lamps: list = field(default_factory=list)      # (x, y, height)
    half: float = 0.0                              # half width of the main carriageway
    walk: float = 3.5                              # width of a pavement

    def rect(self, x0, y0, x1, y1, color, turn=0.0):
        points = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], float)
        self.ground.append((_turned(points, turn), color))

    def dashes(self, x0, x1, y, turn=0.0, on=3.0, off=6.0, wide=0.14):
        for x in np.arange(x0, x1, on + off):
            self.rect(x, y - wide / 2, min(x + on, x1), y + wide / 2, WHITE, turn)

    def zebra(self, x, half, turn=0.0, wide=3.2):
        for y in np.arange(-half + 0.35, half - 0.4, 1.0):
            self.rect(x - wide / 2, y, x + wide / 2, y + 0.5, WHITE, turn)

    def add_lamp(self, x, y, yaw, height=7.0):
        self.things.append(scenery.lamp_post(x, y, yaw, height))
        self.lamps.append((x + 1.8 * np.cos(yaw), y + 1.8 * np.sin(yaw), height))


def _turned(points, turn):
    c, s = round(np.cos(turn), 9), round(np.sin(turn), 9)
    return np.stack([c * points[:, 0] - s * points[:, 1], s * points[:, 0] + c * points[:, 1]], -1)


def _tones(rng):
    return tuple(np.array(ASPHALT) * rng.uniform(0.66, 1.04)), tuple(np.array(PAVING) * rng.uniform(0.86, 1.15))


def _wear(layout, rng, y, turn, x0, x1, asphalt):
    """Two darker wheel tracks along a lane and some patches."""
    for track in (-0.85, 0.85):
        layout.rect(x0, y + track - 0.3, x1, y + track + 0.3, tuple(np.array(asphalt) * 0.955), turn)
    for _ in range(2):
        x, size = rng.uniform(x0, x1), rng.uniform(1.0, 5.0)
        layout.rect(x, y - rng.uniform(0.4, 1.4), x + size, y + rng.uniform(0.4, 1.4), tuple(np.array(asphalt) * rng.uniform(0.8, 1.08)), turn)


def street(rng, night=0.0, lanes=None, bike=None, parking=None, median=None, crossing=None, bus_stop=None, trees=None, houses=True):
    """A street along x with `lanes` a side, pavements and houses."""
    def choose(value, p):
        return rng.random() < p if value is None else value

    lanes = lanes or int(rng.integers(1, 3))
    bike, parking = choose(bike, 0.45), choose(parking, 0.5)
    median, crossing = choose(median, 0.2), choose(crossing, 0.6)
    bus_stop, trees = choose(bus_stop, 0.35), choose(trees, 0.75)
    asphalt, paving = _tones(rng)
    lay = Layout("street", paving)
    middle = 1.6 if median else 0.0
    drive = middle + lanes * LANE
    lane_bike = 1.7 if bike else 0.0
    park = 2.2 if parking else 0.0
    half = drive + lane_bike + park + 0.25
    lay.half, lay.walk = half, rng.uniform(3.0, 5.0)
    r = lay.reach
    lay.rect(-r, -half - 0.22, r, half + 0.22, KERB)
    lay.rect(-r, -half, r, half, asphalt)
    for s in (1, -1):
        for k in range(lanes):
            _wear(lay, rng, s * (middle + (k + 0.5) * LANE), 0.0, -r, r, asphalt)
            if k:
                lay.dashes(-r, r, s * (middle + k * LANE))
        if bike:
            y = s * (drive + lane_bike / 2 + 0.1)
            if rng.random() < 0.6:
                lay.rect(-r, y - 0.75, r, y + 0.75, tuple(np.array(BIKE_LANE) * 0.9))
            lay.rect(-r, s * drive - 0.07, r, s * drive + 0.07, WHITE)
            lay.paths.append(Path([(-s * -r, y), (s * -r, y)], "bike"))
        if parking:
            for x in np.arange(-r, r, 5.6):
                lay.rect(x, s * (half - 2.2), x + 0.1, s * (half - 0.1), WHITE)
        for k in range(lanes):
            y = s * (middle + (k + 0.5) * LANE)
            lay.paths.append(Path([(s * r, y), (-s * r, y)], "motor"))
        for y in (half + 0.9, half + lay.walk - 0.9):
            lay.paths.append(Path([(-r, s * y), (r, s * y)] if rng.random() < 0.5 else [(r, s * y), (-r, s * y)], "walk"))
        for x in np.arange(-r, r, 1.6):
            lay.rect(x, s * (half + 0.25), x + 0.03, s * (half + lay.walk), tuple(np.array(paving) * 0.9))
    if median:
        lay.rect(-r, -1.3, r, 1.3, KERB)
        lay.rect(-r, -1.1, r, 1.1, GRASS if trees else paving)
    else:
        lay.dashes(-r, r, 0.0)
    cross_x = rng.uniform(-6, 6)
    if crossing:
        lay.rect(cross_x - 2.2, -half, cross_x + 2.2, half, asphalt)
        lay.zebra(cross_x, half)
        lay.paths.append(Path([(cross_x - 0.8, -half - 3), (cross_x - 0.8, half + 3)], "walk"))
        lay.paths.append(Path([(cross_x + 0.8, half + 3), (cross_x + 0.8, -half - 3)], "walk"))
        for s in (1, -1):
            lay.rect(cross_x + s * 3.2, 0, cross_x + s * 3.6, s * drive, WHITE)
    _street_furniture(lay, rng, half, cross_x if crossing else None, bus_stop, trees, median)
    if houses:
        _house_rows(lay, rng, half + lay.walk + 0.3, night)
    return lay


def _street_furniture(lay, rng, half, cross_x, bus_stop, trees, median):
    spacing = rng.uniform(9, 16)
    stop_x = rng.uniform(8, 18)
    for s in (1, -1):
        for k, x in enumerate(np.arange(-70, 80, spacing)):
            if cross_x is not None and abs(x - cross_x) < 4 or bus_stop and s < 0 and abs(x - stop_x) < 6:
                continue
            if k % 2 and rng.random() < 0.95:
                lay.add_lamp(x, s * (half + 0.6), -s * np.pi / 2, 6.5)
            elif trees:
                lay.rect(x - 0.7, s * (half + 0.5) - 0.1, x + 0.7, s * (half + 1.7), EARTH)
                lay.things.append(scenery.tree(rng, x, s * (half + 1.0)))
            elif rng.random() < 0.5:
                lay.things.append(scenery.sign(rng, x, s * (half + 0.7), rng.choice([0, np.pi])))
    if median and trees:
        for x in np.arange(-72, 80, spacing * 1.3):
            lay.things.append(scenery.tree(rng, x, 0.0))
    if bus_stop:
        lay.things.append(scenery.shelter(stop_x, -(half + 2.2), 0.0))
        lay.rect(stop_x - 9, -half, stop_x + 9, -half + 0.16, (40, 190, 220))
    for _ in range(int(rng.integers(0, 6))):
        lay.things.append(scenery.sign(rng, rng.uniform(-40, 40), rng.choice([1, -1]) * (half + lay.walk - 0.4), rng.uniform(0, 6)))


def _house_rows(lay, rng, y0, night, x_low=None, x_high=None):
    for s in (1, -1):
        x = -100.0 if x_low is None else x_low
        while x < (100.0 if x_high is None else x_high):
            wide, deep = rng.uniform(11, 24), rng.uniform(9, 13)
            if rng.random() < 0.92:
                lay.things.append(scenery.house(rng, x + wide / 2, s * (y0 + deep / 2 + rng.choice([0, 0, 0.5])), 0 if s < 0 else np.pi, wide - rng.choice([0, 0, 2.5]), deep, night))
            x += wide


def highway(rng, night=0.0, lanes=None):
    """A motorway along x with `lanes` a side, hard shoulders, a barrier in the middle and trees beyond."""
    lanes = lanes or int(rng.integers(2, 4))
    asphalt, _ = _tones(rng)
    lay = Layout("highway", tuple(np.array(GRASS) * rng.uniform(0.8, 1.2)), reach=260.0)
    wide, middle, shoulder = 3.6, 1.6, 2.8
    drive = middle + lanes * wide
    half = drive + shoulder
    lay.half, lay.walk = half, 0.0
    r = lay.reach
    lay.rect(-r, -half - 1.0, r, half + 1.0, tuple(np.array(EARTH) * 0.95))
    lay.rect(-r, -half, r, half, asphalt)
    for s in (1, -1):
        for k in range(lanes):
            y = s * (middle + (k + 0.5) * wide)
            _wear(lay, rng, y, 0.0, -r, r, asphalt)
            lay.paths.append(Path([(s * r, y), (-s * r, y)], "motor"))
            if k:
                lay.dashes(-r, r, s * (middle + k * wide), on=4.0, off=8.0, wide=0.16)
        for y in (middle, drive):
            lay.rect(-r, s * y - 0.1, r, s * y + 0.1, WHITE)
        for x in np.arange(-100, 240, 20.0):
            lay.things.append(scenery.barrier(x, s * (half + 0.6), x + 19.5, s * (half + 0.6)))
        for x in np.arange(-60, 200, rng.uniform(6, 14)):
            if rng.random() < 0.75:
                lay.things.append(scenery.tree(rng, x + rng.uniform(-2, 2), s * (half + rng.uniform(4, 22))))
    for x in np.arange(-100, 240, 20.0):
        lay.things.append(scenery.barrier(x, 0, x + 19.5, 0))
    for x in np.arange(-75, 220, 30.0):
        lay.add_lamp(x, half + 1.6, -np.pi / 2, 10.0)
        lay.add_lamp(x + 15, -half - 1.6, np.pi / 2, 10.0)
    return lay


def junction(rng, night=0.0, lanes=None):
    """Two streets that cross, with zebra crossings, stop lines and turning lanes; houses at the four corners."""
    lanes = lanes or (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    asphalt, paving = _tones(rng)
    lay = Layout("junction", paving, reach=120.0)
    half_a, half_b = lanes[0] * LANE + 0.3, lanes[1] * LANE + 0.3
    lay.half, lay.walk = half_a, rng.uniform(4.0, 5.5)
    r, corner = lay.reach, 5.0
    for grow, color in ((0.22, KERB), (0.0, asphalt)):
        lay.rect(-r, -half_a - grow, r, half_a + grow, color)
        lay.rect(-half_b - grow, -r, half_b + grow, r, color)
        for sx, sy in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
            lay.ground.append((_fillet(half_b, half_a, corner, grow, sx, sy), color))
    for k in range(4):
        _arm(lay, rng, k, lanes, half_a if k % 2 == 0 else half_b, half_b if k % 2 == 0 else half_a, corner, asphalt)
    _corners(lay, rng, half_a, half_b, corner, night)
    return lay


def _fillet(half_x, half_y, radius, grow, sx, sy):
    angles = np.linspace(np.pi, 1.5 * np.pi, 9)
    inner = radius - grow
    arc = np.stack([half_x + radius + inner * np.cos(angles), half_y + radius + inner * np.sin(angles)], -1)
    points = np.concatenate([[(half_x - 0.5, half_y - 0.5), (half_x - 0.5, half_y + radius)], arc, [(half_x + radius, half_y - 0.5)]])
    return points * (sx, sy)


def _arm(lay, rng, k, lanes, half, half_other, corner, asphalt):
    """The arm whose traffic arrives along +x after a turn of k quarters: paint, crossing and the three ways on."""
    turn = k * np.pi / 2
    own, other = lanes[k % 2], lanes[(k + 1) % 2]
    edge = half_other + corner
    r = lay.reach
    for i in range(own):
        for side in (1, -1):
            _wear(lay, rng, side * (i + 0.5) * LANE, turn, -r, -edge - 5, asphalt)
        if i:
            lay.dashes(-r, -edge - 6, -i * LANE, turn)
            lay.dashes(-r, -edge - 6, i * LANE, turn)
    lay.rect(-r, -0.2, -edge - 5.2, -0.08, WHITE, turn)
    lay.rect(-r, 0.08, -edge - 5.2, 0.2, WHITE, turn)
    lay.zebra(-edge - 1.8, half, turn)
    lay.rect(-edge - 5.0, -half, -edge - 4.6, -0.1, WHITE, turn)
    stop = r - edge - 5.6
    group = k % 2
    for i in range(own):
        y = -(i + 0.5) * LANE
        lay.paths.append(_way([(-r, y), (r, y)], turn, stop, group))
    lay.paths.append(_way([(-r, -(own - 0.5) * LANE), (-(other - 0.5) * LANE, -(own - 0.5) * LANE), (-(other - 0.5) * LANE, -r)], turn, stop, group, 9.0))
    lay.paths.append(_way([(-r, -0.5 * LANE), (0.5 * LANE, -0.5 * LANE), (0.5 * LANE, r)], turn, stop, group, 11.0))
    for x, way in ((-edge - 1.2, 1), (-edge - 2.4, -1)):
        ends = [(x, -way * (half + 14)), (x, way * (half + 14))]
        lay.paths.append(Path(_turned(np.array(ends), turn), "walk", stop=14 - 0.9, phase=2))


def _way(points, turn, stop, group, radius=6.0):
    return Path(_turned(np.array(points, float), turn), "motor", radius, stop=stop, phase=group)


def _corners(lay, rng, half_a, half_b, corner, night):
    setback = lay.walk
    for sx, sy in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        x0, y0 = half_b + setback + 2.0, half_a + setback + 2.0
        open_corner = rng.random() < 0.2
        if open_corner:
            lay.ground.append((np.array([(x0, y0), (x0 + 25, y0), (x0 + 25, y0 + 25), (x0, y0 + 25)]) * (sx, sy), GRASS))
            for _ in range(7):
                lay.things.append(scenery.tree(rng, sx * (x0 + rng.uniform(1, 22)), sy * (y0 + rng.uniform(1, 22))))
        else:
            first = rng.uniform(14, 20)
            lay.things.append(scenery.house(rng, sx * (x0 + first / 2), sy * (y0 + first / 2), 0, first, first, night))
            x = y = first
            while x < 80:
                wide = rng.uniform(11, 20)
                lay.things.append(scenery.house(rng, sx * (x0 + x + wide / 2), sy * (y0 + 6), 0, wide, 12, night))
                x += wide
            while y < 80:
                wide = rng.uniform(11, 20)
                lay.things.append(scenery.house(rng, sx * (x0 + 6), sy * (y0 + y + wide / 2), np.pi / 2, wide, 12, night))
                y += wide
        lay.add_lamp(sx * (half_b + 1.2), sy * (half_a + corner + 8), np.pi if sx > 0 else 0, 6.5)
        lay.add_lamp(sx * (half_b + corner + 22), sy * (half_a + 1.0), -np.pi / 2 if sy > 0 else np.pi / 2, 6.5)
        for d in (16, 34, 52):
            lay.things.append(scenery.tree(rng, sx * (half_b + corner + d), sy * (half_a + 1.6)))
            if rng.random() < 0.7:
                lay.things.append(scenery.tree(rng, sx * (half_b + 1.6), sy * (half_a + corner + d + 3)))
        for _ in range(2):
            lay.things.append(scenery.sign(rng, sx * (half_b + corner + rng.uniform(0, 14)), sy * (half_a + setback - 0.3), rng.uniform(0, 6)))
        for d in (0.0, 1.4, 2.8):
            angle = np.pi + np.pi / 2 * (0.15 + d / 4)
            lay.things.append(scenery.bollard(sx * (half_b + corner + (corner - 0.7) * np.cos(angle)), sy * (half_a + corner + (corner - 0.7) * np.sin(angle))))


MAKERS = {"street": street, "highway": highway, "junction": junction}
