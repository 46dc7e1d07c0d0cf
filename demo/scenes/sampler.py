"""Random still scenes with labels for training: a place, a camera, a light, then several placements of traffic."""
import numpy as np

from . import layouts, vehicles
from .camera import Camera
from .light import make_light
from .people import Bike, Look, cyclist, walker
from .thing import LABELS, Thing
from .view import View
from .weather import finish

SMALLEST = 11.0  # pixels; nobody is placed so far away that they would be lower than this
LIGHTS = ["sunny", "cloudy", "rain", "dusk", "night"]


def make_vehicle(rng, kind, x, y, yaw, lamps_on=False, braking=False):
    mesh, size = vehicles.MAKERS[kind](rng)
    return Thing(x, y, yaw, size, mesh=mesh, label=LABELS.index(kind), lamps_on=lamps_on, braking=braking)


def make_person(rng, x, y, yaw, phase, stride=1.0, look=None):
    mesh, limbs, size = walker(look or Look.random(rng), phase, stride)
    return Thing(x, y, yaw, size, mesh=mesh, limbs=limbs, label=LABELS.index("person"))


def make_cyclist(rng, x, y, yaw, phase, look=None, bike=None):
    mesh, limbs, size, rings = cyclist(look or Look.random(rng), bike or Bike.random(rng), phase)
    return Thing(x, y, yaw, size, mesh=mesh, limbs=limbs, rings=rings, label=LABELS.index("bicycle"))


def _camera(rng, layout, width, height):
    """Somewhere on or over the street, looking at a spot of it."""
    kind = layout.kind
    h = float(np.clip(rng.lognormal(np.log(5.2), 0.42), 2.6, 13)) if kind != "highway" else rng.uniform(5, 11)
    if kind == "junction":
        reach = layout.half + layout.walk
        position = (rng.choice([1, -1]) * rng.uniform(layout.half, reach + 8), rng.choice([1, -1]) * rng.uniform(layout.half + 1, reach))
        target = rng.normal(0, 4, 2)
    else:
        position = (0.0 if kind == "street" else -40.0, rng.uniform(-1, 1) * (layout.half + layout.walk * 0.9))
        away = rng.choice([1, -1]) * rng.uniform(8, 34) if rng.random() < 0.85 else rng.uniform(-6, 6)
        if kind == "highway":
            away = rng.uniform(14, 40)
        target = (position[0] + away, rng.uniform(-0.7, 0.7) * layout.half)
        if abs(away) < 6:
            target = (target[0], -np.sign(position[1]) * rng.uniform(0, 1) * layout.half)
    dx, dy = target[0] - position[0], target[1] - position[1]
    distance = max(np.hypot(dx, dy), 5.0)
    pitch = np.arctan2(h - rng.uniform(0, 1.5), distance) + rng.normal(0, 0.03)
    focal = float(np.clip(rng.lognormal(np.log(0.95), 0.3), 0.55, 2.0))
    return Camera((*position, h), np.arctan2(dy, dx), float(np.clip(pitch, 0.04, 1.1)), focal, width, height, roll=rng.normal(0, 0.015))


def _free(spots, x, y, length, width, yaw=0.0):
    """Whether a disc-covered footprint keeps clear of those before; adds it when it does."""
    c, s = np.cos(yaw), np.sin(yaw)
    count = max(1, int(round(length / max(width, 0.6))))
    offsets = (np.arange(count) - (count - 1) / 2) * (length / count)
    discs = [(x + c * o, y + s * o, width / 2) for o in offsets]
    for ax, ay, ar in discs:
        for bx, by, br in spots:
            if (ax - bx) ** 2 + (ay - by) ** 2 < (ar + br + 0.15) ** 2:
                return False
    spots.extend(discs)
    return True


def _vehicle_kind(rng):
    return rng.choice(["car", "truck", "bus"], p=[0.56, 0.26, 0.18])


def place_traffic(rng, layout, camera, light):
    """Vehicles on lanes and at the kerb, cyclists and people on their paths and sometimes elsewhere."""
    spots, things = [(camera.position[0], camera.position[1], 4.0)], []
    for t in layout.things:
        if t.size[2] < 9 or t.limbs is not None:
            spots.append((t.x, t.y, 0.5))
    lamps = light.night > 0.1 or rng.random() < 0.1
    density = rng.uniform(0.35, 1.0)
    near = np.array(camera.position[:2]) + np.array([np.cos(camera.yaw), np.sin(camera.yaw)]) * 22

    def around(path, spread):
        i = rng.integers(len(path.points))
        for _ in range(6):
            i = rng.integers(len(path.points))
            if np.linalg.norm(path.points[i] - near) < spread:
                break
        return path.at(i * path.length / len(path.points), 0.0)

    motor = [p for p in layout.paths if p.kind == "motor"]
    slow = [p for p in layout.paths if p.kind != "motor"] or motor
    for _ in range(int(rng.integers(5, 30) * density)):
        x, y, yaw = around(motor[rng.integers(len(motor))], rng.choice([20, 45, 90]))
        kind = _vehicle_kind(rng)
        yaw += rng.normal(0, 0.03) if rng.random() < 0.9 else rng.uniform(-np.pi, np.pi)
        t = make_vehicle(rng, kind, x, y + rng.normal(0, 0.2), yaw, lamps, rng.random() < 0.3)
        if _free(spots, t.x, t.y, t.size[0] + 0.6, t.size[1], yaw):
            things.append(t)
    if layout.kind == "street":
        for x in np.arange(-40, 45, 6.2):
            if rng.random() < 0.35 * density:
                s = rng.choice([1, -1])
                t = make_vehicle(rng, "car" if rng.random() < 0.85 else "truck", x + rng.normal(0, 0.3), s * (layout.half - 1.15), (0 if s < 0 else np.pi))
                if _free(spots, t.x, t.y, t.size[0] + 0.3, t.size[1], t.yaw):
                    things.append(t)
    many = rng.integers(2, 26) if layout.kind != "highway" else rng.integers(0, 7)
    for _ in range(int(many)):
        path = slow[rng.integers(len(slow))] if rng.random() < 0.8 else motor[rng.integers(len(motor))]
        x, y, yaw = around(path, rng.choice([14, 30, 60]))
        yaw += rng.normal(0, 0.25) + rng.choice([0, np.pi]) if rng.random() < 0.85 else rng.uniform(-np.pi, np.pi)
        x, y = x + rng.normal(0, 0.7), y + rng.normal(0, 0.7)
        if rng.random() < 0.42:
            t = make_cyclist(rng, x, y, yaw, rng.uniform(0, 6.3))
        else:
            stride = rng.uniform(0.5, 1.1) if rng.random() < 0.8 else 0.0
            t = make_person(rng, x, y, yaw, rng.uniform(0, 6.3), stride)
        if _free(spots, x, y, t.size[0] * 0.8, 0.5, yaw):
            things.append(t)
    return [t for t in things if camera.focal * t.size[2] / np.hypot(t.x - camera.position[0], t.y - camera.position[1]) >= SMALLEST]


def scenes(seed, placements, width=640, height=360):
    """Yields `placements` pairs (picture, rows) of one random place; rows are (class, x0, y0, x1, y1) in pixels."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(["street", "junction", "highway"], p=[0.55, 0.27, 0.18])
    light = make_light(rng.choice(LIGHTS, p=[0.36, 0.22, 0.12, 0.13, 0.17]), rng)
    layout = layouts.MAKERS[kind](rng, night=light.night)
    camera = _camera(rng, layout, width, height)
    view = View(layout, camera, light, rng, supersample=int(rng.choice([1, 2, 2])))
    for _ in range(placements):
        picture, rows = view.frame(place_traffic(rng, layout, camera, light), labels=True)
        picture = finish(picture, light, rng, noise=rng.choice([0, 1.5, 3, 6]) * rng.uniform(0.5, 1.5), blur=max(0, rng.normal(0, 0.6)), quality=rng.uniform(35, 95) if rng.random() < 0.6 else None,
                         contrast=rng.uniform(0.8, 1.2), brightness=rng.normal(0, 8), saturation=rng.uniform(0.6, 1.3))
        yield picture, rows
