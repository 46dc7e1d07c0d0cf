"""People and cyclists from capsules (limbs, tubes) and a lofted torso, posed by a walking or pedalling phase."""
from dataclasses import dataclass

import numpy as np

from .shapes import Capsules, MATTE, MeshBuilder

SKIN = [(150, 182, 224), (128, 166, 212), (98, 134, 184), (66, 96, 140), (46, 66, 98), (36, 50, 74)]
HAIR = [(28, 30, 36), (36, 48, 66), (46, 76, 110), (110, 160, 196), (140, 142, 146), (30, 46, 96)]
CLOTHES = [(40, 40, 44), (96, 64, 38), (140, 90, 46), (190, 186, 180), (228, 228, 226), (52, 48, 172), (60, 110, 60), (44, 150, 214),
           (110, 70, 120), (150, 130, 70), (80, 96, 120), (170, 120, 180), (70, 60, 50), (60, 170, 230), (120, 160, 60)]
TROUSERS = [(52, 44, 38), (96, 70, 46), (40, 40, 42), (78, 92, 108), (128, 100, 70), (110, 110, 112), (120, 150, 170)]
FRAMES = [(40, 40, 180), (170, 90, 30), (40, 40, 42), (210, 212, 210), (50, 140, 60), (40, 170, 230), (160, 150, 60)]


@dataclass
class Look:
    """What one person wears; the numbers are metres and BGR colours."""

    height: float
    build: float
    skin: tuple
    hair: tuple
    top: tuple
    legs: tuple
    shoes: tuple
    coat: bool
    skirt: bool
    pack: bool
    hat: bool
    long_hair: bool
    bag: bool

    @staticmethod
    def random(rng):
        def pick(options):
            return tuple(np.array(options[rng.integers(len(options))]) * rng.uniform(0.85, 1.12))

        height = rng.normal(1.72, 0.09) if rng.random() < 0.88 else rng.uniform(1.1, 1.5)
        return Look(height, rng.uniform(0.9, 1.2), pick(SKIN), pick(HAIR), pick(CLOTHES), pick(TROUSERS), pick([(30, 30, 34), (60, 70, 90), (225, 225, 225)]),
                    rng.random() < 0.25, rng.random() < 0.15, rng.random() < 0.25, rng.random() < 0.12, rng.random() < 0.35, rng.random() < 0.25)


def _torso(look, scale, hip, shoulder, lean):
    """Elliptical rings from hips to neck; `lean` moves the upper rings forward."""
    b = MeshBuilder()
    wide = look.build * scale
    low = -0.28 * scale if look.coat else -0.05 * scale
    rows = [(hip + low, 0.17 if look.coat else 0.15, 0.115), (hip + 0.12 * scale, 0.145, 0.1), (hip + 0.3 * scale, 0.165, 0.115),
            (shoulder - 0.06 * scale, 0.19, 0.11), (shoulder + 0.015 * scale, 0.13, 0.08), (shoulder + 0.05 * scale, 0.055, 0.055)]
    angles = np.arange(8) * np.pi / 4 + np.pi / 8
    rings = []
    for z, half_y, half_x in rows:
        forward = lean * max(0.0, z - hip)
        rings.append([(forward + half_x * wide * np.cos(a), half_y * wide * np.sin(a), z) for a in angles])
    b.loft(rings, look.top, MATTE, level=1)
    if look.pack:
        z0, z1 = hip + 0.12 * scale, shoulder
        x = lean * (z1 - hip) * 0.5 - 0.1 * wide
        b.box((x - 0.16 * scale, -0.13 * scale, z0), (x, 0.13 * scale, z1), np.array(look.legs) * 0.8 + 20, MATTE, level=1)
    return b.build()


def _head(limbs, look, scale, at):
    x, y, z = at
    r = 0.1 * (0.75 + 0.25 * scale)
    limbs.add((x, y, z - 0.16 * scale), (x, y, z - 0.08), 0.05, 0.05, look.skin)
    limbs.add((x + 0.012, y, z - 0.025), (x + 0.005, y, z + 0.03), r * 0.86, r * 0.95, look.skin)
    if look.hat:
        limbs.add((x - 0.01, y, z + 0.05), (x - 0.01, y, z + 0.09), r * 1.04, r * 0.8, look.top)
    else:
        limbs.add((x - 0.025, y, z + 0.03), (x - 0.01, y, z + 0.055), r * 0.97, r * 0.88, look.hair)
    if look.long_hair:
        limbs.add((x - 0.05, y, z + 0.02), (x - 0.07, y, z - 0.15 * scale), r * 0.85, r * 0.55, look.hair)


def walker(look, phase, stride=1.0):
    """Torso mesh, capsules and size of a person; `phase` in radians of a two-step cycle, `stride` 0 (stands) to 1."""
    scale = look.height / 1.72
    limbs = Capsules()
    bob = 0.02 * scale * stride * np.cos(2 * phase)
    hip, shoulder = 0.9 * scale + bob - 0.02 * stride, 1.42 * scale + bob
    thigh, shin = 0.44 * scale, 0.42 * scale
    for side, shift in ((1, 0.0), (-1, np.pi)):
        swing = 0.46 * stride * np.sin(phase + shift)
        bend = (0.12 + 0.75 * max(0.0, np.cos(phase + shift))) * stride + 0.03
        y = side * 0.085 * look.build * scale
        knee = (thigh * np.sin(swing), y, hip - thigh * np.cos(swing))
        ankle = (knee[0] + shin * np.sin(swing - bend), y, max(0.07, knee[2] - shin * np.cos(swing - bend)))
        leg = look.skin if look.skirt else look.legs
        limbs.add((0, y, hip), knee, 0.085 * look.build * scale, 0.058 * scale, leg)
        limbs.add(knee, ankle, 0.056 * scale, 0.04 * scale, leg)
        limbs.add((ankle[0] - 0.03, y, ankle[2] - 0.02), (ankle[0] + 0.14 * scale, y, ankle[2] - 0.035), 0.042, 0.035, look.shoes)
        arm = -0.5 * stride * np.sin(phase + shift) + 0.05
        ys = side * 0.225 * look.build * scale
        elbow = (0.29 * scale * np.sin(arm), ys * 1.05, shoulder - 0.05 - 0.29 * scale * np.cos(arm))
        hand = (elbow[0] + 0.25 * scale * np.sin(arm + 0.35 * stride + 0.1), ys * 1.04, elbow[2] - 0.25 * scale * np.cos(arm + 0.35))
        limbs.add((0, side * 0.19 * look.build * scale, shoulder - 0.04), elbow, 0.058 * look.build, 0.045, look.top)
        limbs.add(elbow, hand, 0.043, 0.034, look.top if look.coat else look.skin)
        limbs.add(hand, (hand[0] + 0.03, hand[1], hand[2] - 0.07), 0.034, 0.03, look.skin)
        if look.bag and side == 1:
            limbs.add((hand[0], hand[1], hand[2] - 0.2), (hand[0], hand[1], hand[2] - 0.36), 0.09, 0.13, np.array(look.legs) * 0.7 + 40)
    if look.skirt:
        limbs.add((0, 0, hip), (0, 0, hip - 0.36 * scale), 0.15 * look.build * scale, 0.2 * scale, look.top if look.coat else look.legs)
    _head(limbs, look, scale, (0.01, 0, look.height - 0.12 + bob))
    return _torso(look, scale, hip, shoulder, 0.02), limbs, (0.5, 0.55, look.height)


@dataclass
class Bike:
    """A bicycle's frame colour and tube thickness."""

    color: tuple
    basket: bool

    @staticmethod
    def random(rng):
        return Bike(FRAMES[rng.integers(len(FRAMES))], rng.random() < 0.3)


def cyclist(look, bike, phase):
    """Torso mesh, capsules, size and wheel rings of a bicycle with its rider; `phase` is the crank angle."""
    limbs, scale = Capsules(), 0.55 + 0.45 * look.height / 1.72
    crank, seat, head, rear, front = (-0.02, 0, 0.3), (-0.2, 0, 0.92), (0.42, 0, 0.9), (-0.52, 0, 0.34), (0.54, 0, 0.34)
    tube = np.array(bike.color, float)
    for a, b in ((crank, seat), (seat, head), (crank, head), (crank, rear), ((-0.17, 0, 0.78), rear), (head, front)):
        limbs.add(a, b, 0.026, 0.022, tube)
    limbs.add((-0.3, 0, 0.97), (-0.1, 0, 0.97), 0.06, 0.035, (28, 28, 30))
    limbs.add((0.4, -0.27, 1.05), (0.4, 0.27, 1.05), 0.018, 0.018, (40, 40, 42))
    limbs.add(head, (0.4, 0, 1.05), 0.02, 0.02, (60, 60, 62))
    if bike.basket:
        limbs.add((0.6, 0, 0.86), (0.6, 0, 1.0), 0.14, 0.17, (70, 96, 120))
    hip, shoulder = 1.02, 1.02 + 0.5 * scale
    lean = 0.42
    reach = lean * (shoulder - hip)
    for side, shift in ((1, 0.0), (-1, np.pi)):
        foot = np.array((crank[0] + 0.17 * np.cos(phase + shift), side * 0.11, crank[2] + 0.17 * np.sin(phase + shift)))
        hip_at = np.array((-0.18, side * 0.09, hip - 0.04))
        knee = _knee(hip_at, foot, 0.44 * scale, 0.45 * scale)
        limbs.add(tuple(hip_at), tuple(knee), 0.085, 0.06, look.legs)
        limbs.add(tuple(knee), tuple(foot), 0.057, 0.04, look.legs)
        limbs.add(tuple(foot + (-0.05, 0, 0)), tuple(foot + (0.13, 0, -0.01)), 0.04, 0.035, look.shoes)
        top = np.array((-0.18 + reach, side * 0.19 * look.build, shoulder - 0.05))
        grip = np.array((0.4, side * 0.25, 1.07))
        elbow = (top + grip) / 2 + (0.0, side * 0.05, -0.07)
        limbs.add(tuple(top), tuple(elbow), 0.055, 0.045, look.top)
        limbs.add(tuple(elbow), tuple(grip), 0.043, 0.035, look.skin if not look.coat else look.top)
    _head(limbs, look, scale, (-0.18 + reach + 0.09, 0, shoulder + 0.22 * scale))
    plain = Look(**{**look.__dict__, "coat": False})
    torso = _torso(plain, scale, hip, shoulder, lean)
    torso.corners[..., 0] -= 0.18
    return torso, limbs, (1.8, 0.6, shoulder + 0.34 * scale), [(rear, 0.33), (front, 0.33)]


def _knee(hip, foot, thigh, shin):
    """Knee joint in front of the line from hip to foot."""
    line = foot - hip
    reach = min(np.linalg.norm(line), (thigh + shin) * 0.999)
    along = (thigh**2 - shin**2 + reach**2) / (2 * reach)
    out = np.sqrt(max(thigh**2 - along**2, 0.0))
    unit = line / np.linalg.norm(line)
    ahead = np.cross(unit, (0, 1, 0))
    if ahead[0] < 0:
        ahead = -ahead
    return hip + unit * along + ahead * out
