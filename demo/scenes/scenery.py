"""Things that stand still: trees, lamp posts, traffic lights, shelters, signs and houses."""
import numpy as np

from .shapes import GLASS, LAMP, MATTE, PAINT, Capsules, MeshBuilder
from .thing import Thing

WALLS = [(168, 190, 206), (150, 172, 196), (104, 122, 168), (188, 200, 208), (130, 150, 172), (176, 178, 176), (120, 132, 140), (96, 108, 150), (200, 214, 222)]


def tree(rng, x, y):
    """A trunk and a crown of leaf clumps, lighter towards the top."""
    limbs = Capsules()
    trunk, crown = rng.uniform(1.8, 2.8), rng.uniform(1.4, 2.3)
    bark = np.array((58, 74, 92)) * rng.uniform(0.7, 1.1)
    limbs.add((0, 0, 0), (rng.normal(0, 0.1), rng.normal(0, 0.1), trunk + crown * 0.7), 0.16, 0.09, bark)
    leaf = np.array([(46, 104, 72), (52, 120, 96), (40, 92, 58), (48, 132, 128), (60, 110, 66)][rng.integers(5)], float)
    for _ in range(70):
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        at = direction * crown * rng.uniform(0.35, 0.95) * (1, 1, 0.9)
        tone = leaf * (0.62 + 0.42 * (at[2] / crown + 1) / 2) * rng.uniform(0.86, 1.12)
        centre = (at[0], at[1], trunk + crown * 0.8 + at[2])
        limbs.add(centre, (centre[0] + rng.normal(0, 0.12), centre[1] + rng.normal(0, 0.12), centre[2] + 0.1), crown * rng.uniform(0.2, 0.33), crown * rng.uniform(0.16, 0.28), tone)
    return Thing(x, y, 0.0, (crown * 2, crown * 2, trunk + crown * 1.8), limbs=limbs, foot=(0.5, 0.5), still=True)


def lamp_post(x, y, yaw, height=7.0, reach=1.6):
    """A street lamp whose arm points along `yaw`."""
    b, limbs = MeshBuilder(), Capsules()
    metal = (92, 94, 92)
    limbs.add((0, 0, 0), (0, 0, 1.0), 0.11, 0.09, metal)
    limbs.add((0, 0, 1.0), (0, 0, height - 0.2), 0.075, 0.055, metal)
    limbs.add((0, 0, height - 0.2), (reach, 0, height), 0.045, 0.04, metal)
    b.box((reach - 0.1, -0.14, height - 0.05), (reach + 0.6, 0.14, height + 0.06), (120, 122, 120))
    b.face([(reach, -0.12, height - 0.06), (reach + 0.55, -0.12, height - 0.06), (reach + 0.55, 0.12, height - 0.06), (reach, 0.12, height - 0.06)], (190, 226, 250), (reach, 0, height), LAMP)
    return Thing(x, y, yaw, (0.3, 0.3, height), mesh=b.build(), limbs=limbs, foot=(0.3, 0.3), still=True)


def traffic_light(x, y, yaw, state="red"):
    """A signal that hangs from an arm over the road, facing `yaw`; the arm reaches to the right of that direction."""
    b, limbs = MeshBuilder(), Capsules()
    metal, height, reach = (84, 86, 84), 5.6, 3.4
    limbs.add((0, 0, 0), (0, 0, height), 0.09, 0.07, metal)
    limbs.add((0, 0, height - 0.2), (0, -reach - 0.2, height), 0.055, 0.045, metal)
    low = height - 1.0
    b.box((-0.1, -reach - 0.24, low), (0.1, -reach + 0.24, low + 1.1), (40, 42, 40))
    on = {"red": (50, 40, 240), "amber": (30, 170, 250), "green": (120, 220, 60)}
    for name, z in (("red", low + 0.88), ("amber", low + 0.55), ("green", low + 0.22)):
        shining = name == state
        color = on[name] if shining else tuple(c * 0.22 for c in on[name])
        ring = [(0.11, -reach + 0.14 * np.cos(a), z + 0.14 * np.sin(a)) for a in np.arange(10) * np.pi / 5]
        b.face(ring, color, (0, -reach, z), LAMP if shining else MATTE, 1.5)
    return Thing(x, y, yaw, (0.4, 0.4, height), mesh=b.build(), limbs=limbs, foot=(0.3, 0.3), lamps_on=True)


def shelter(x, y, yaw):
    """A bus shelter, open towards +y of its own axes."""
    b = MeshBuilder()
    b.box((-2.1, -0.7, 2.35), (2.1, 0.8, 2.5), (70, 74, 72), PAINT, level=3, skip_bottom=False)
    b.face([(-2.0, -0.65, 0.2), (2.0, -0.65, 0.2), (2.0, -0.65, 2.2), (-2.0, -0.65, 2.2)], (150, 140, 120), (0, 3, 1), GLASS, 0)
    b.face([(-2.0, -0.64, 0.2), (2.0, -0.64, 0.2), (2.0, -0.64, 2.2), (-2.0, -0.64, 2.2)], (160, 150, 130), (0, -3, 1), GLASS, 0)
    for px in (-2.0, 0, 2.0):
        b.box((px - 0.05, -0.68, 0), (px + 0.05, -0.6, 2.35), (64, 66, 66), level=1)
    b.box((-1.4, -0.5, 0.42), (1.0, -0.15, 0.5), (60, 90, 130), level=1.2)
    b.box((1.95, -0.6, 0.3), (2.05, 0.5, 2.1), (190, 120, 60), PAINT, level=1.4)
    return Thing(x, y, yaw, (4.2, 1.5, 2.5), mesh=b.build(), foot=(4.2, 1.4), still=True)


def bollard(x, y):
    limbs = Capsules()
    limbs.add((0, 0, 0), (0, 0, 0.85), 0.07, 0.06, (70, 72, 74))
    limbs.add((0, 0, 0.66), (0, 0, 0.76), 0.075, 0.075, (200, 210, 215))
    return Thing(x, y, 0.0, (0.15, 0.15, 0.9), limbs=limbs, still=True)


def sign(rng, x, y, yaw):
    """A round or triangular road sign, a litter bin or a cabinet: clutter that is no object of ours."""
    b, limbs = MeshBuilder(), Capsules()
    kind = rng.integers(3)
    if kind == 0:
        limbs.add((0, 0, 0), (0, 0, 2.5), 0.035, 0.03, (130, 132, 132))
        for radius, color, level in ((0.32, (50, 44, 200), 1), (0.23, (230, 232, 232), 1.1)):
            ring = [(0.03 + level * 0.01, radius * np.cos(a), 2.4 + radius * np.sin(a)) for a in np.arange(10) * np.pi / 5]
            b.face(ring, color, (-1, 0, 2.4), PAINT, level)
        b.face([(0.0, 0.3 * np.cos(a), 2.4 + 0.3 * np.sin(a)) for a in np.arange(10) * np.pi / 5], (120, 122, 122), (1, 0, 2.4), PAINT, 1)
        return Thing(x, y, yaw, (0.3, 0.6, 2.7), mesh=b.build(), limbs=limbs, foot=(0.2, 0.2), still=True)
    low, tall, color = ((0.25, 0.25), 0.95, (60, 84, 62)) if kind == 1 else ((0.45, 0.25), rng.uniform(1.1, 1.6), (120, 128, 118))
    b.box((-low[0], -low[1], 0), (low[0], low[1], tall), np.array(color) * rng.uniform(0.7, 1.2), PAINT)
    return Thing(x, y, yaw, (low[0] * 2, low[1] * 2, tall), mesh=b.build(), still=True)


def barrier(x0, y0, x1, y1):
    """A concrete wall or guard rail between two points."""
    length = float(np.hypot(x1 - x0, y1 - y0))
    b = MeshBuilder()
    b.box((-length / 2, -0.22, 0), (length / 2, 0.22, 0.5), (150, 154, 156))
    b.box((-length / 2, -0.1, 0.5), (length / 2, 0.1, 0.9), (168, 172, 174))
    return Thing((x0 + x1) / 2, (y0 + y1) / 2, np.arctan2(y1 - y0, x1 - x0), (length, 0.44, 0.9), mesh=b.build(), still=True)


def house(rng, x, y, yaw, wide, deep, night):
    """A house of `wide` metres along its yaw with windows, shops on the ground floor and a cornice."""
    floors = int(rng.integers(3, 8))
    ground, storey = rng.uniform(3.6, 4.4), rng.uniform(2.9, 3.4)
    height = ground + floors * storey
    wall = np.array(WALLS[rng.integers(len(WALLS))]) * rng.uniform(0.8, 1.08)
    b = MeshBuilder()
    b.box((-wide / 2, -deep / 2, 0), (wide / 2, deep / 2, height), wall, top=wall * 0.7)
    b.box((-wide / 2 - 0.15, -deep / 2 - 0.15, height - 0.35), (wide / 2 + 0.15, deep / 2 + 0.15, height + 0.15), wall * 1.12, level=3)
    for side in range(4):
        _facade(b, rng, side, wide, deep, ground, storey, floors, wall, night)
    return Thing(x, y, yaw, (wide, deep, height), mesh=b.build(), still=True, lamps_on=night > 0.3)


def _facade(b, rng, side, wide, deep, ground, storey, floors, wall, night):
    span, out = (wide, deep / 2) if side % 2 == 0 else (deep, wide / 2)
    turn = [np.pi / 2, 0, -np.pi / 2, np.pi][side]
    c, s = np.cos(turn), np.sin(turn)

    def panel(u0, u1, z0, z1, color, kind=MATTE, level=1.5, lift=0.02):
        points = [(out + lift, u0, z0), (out + lift, u1, z0), (out + lift, u1, z1), (out + lift, u0, z1)]
        b.face([(c * px - s * py, s * px + c * py, pz) for px, py, pz in points], color, (0, 0, (z0 + z1) / 2), kind, level)

    pitch = rng.uniform(2.3, 3.4)
    count = max(1, int((span - 1) / pitch))
    start = -count * pitch / 2
    size, tall = pitch * rng.uniform(0.42, 0.62), storey * rng.uniform(0.52, 0.66)
    trim = wall * 1.15
    for floor in range(floors):
        z = ground + floor * storey + 0.55
        for k in range(count):
            u = start + (k + 0.5) * pitch
            panel(u - size / 2 - 0.1, u + size / 2 + 0.1, z - 0.12, z + tall + 0.1, trim)
            lit = night > 0.3 and rng.random() < 0.35
            color = np.array((110, 190, 240)) * rng.uniform(0.5, 1.0) if lit else np.array((92, 80, 66)) * rng.uniform(0.6, 1.2)
            panel(u - size / 2, u + size / 2, z, z + tall, color, LAMP if lit else GLASS, 1.6, 0.03)
            panel(u - 0.03, u + 0.03, z, z + tall, trim, MATTE, 1.7, 0.035)
        panel(-span / 2, span / 2, ground + floor * storey - 0.06, ground + floor * storey + 0.06, wall * 0.9, level=1.4, lift=0.015)
    u = -span / 2 + 0.5
    while u < span / 2 - 2:
        w = min(rng.uniform(3, 5.5), span / 2 - 0.4 - u)
        color = np.array([(60, 60, 150), (90, 110, 40), (130, 80, 40), (40, 120, 170), (60, 60, 64), (70, 100, 70)][rng.integers(6)])
        panel(u, u + w - 0.4, 0.0, 2.9, color * 0.5, MATTE, 1.5)
        panel(u + 0.2, u + w - 0.6, 0.5, 2.5, (120, 190, 235) if night > 0.3 and rng.random() < 0.7 else (84, 76, 66), LAMP if night > 0.3 else GLASS, 1.6, 0.03)
        panel(u, u + w - 0.4, 2.7, 3.3, color, LAMP if night > 0.3 and rng.random() < 0.5 else PAINT, 1.7, 0.06)
        u += w
