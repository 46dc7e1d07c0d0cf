"""Cars, trucks and buses as lofted bodies with glass, wheels and lamps. Sizes in metres, colours BGR."""
import numpy as np

from .shapes import GLASS, LAMP, PAINT, MeshBuilder

PAINTS = [(236, 236, 234), (205, 208, 210), (150, 154, 158), (88, 90, 94), (38, 38, 42), (52, 40, 178), (40, 62, 204),
          (140, 72, 34), (176, 108, 50), (92, 60, 28), (64, 104, 52), (60, 88, 118), (36, 160, 226), (58, 186, 224),
          (150, 160, 96), (70, 40, 104), (196, 190, 170), (30, 84, 190)]
DARK_GLASS = (46, 40, 34)
WHITE_LAMP, RED_LAMP, AMBER = (225, 240, 250), (40, 36, 190), (40, 150, 240)


def _section(x, half, low, high, crown=0.03, tuck=0.94):
    """One ring of a car body: eight corners, rounded shoulders, tucked sills."""
    shoulder = high - 0.11
    right = [(x, -0.72 * half, high + crown), (x, -half * 0.97, shoulder), (x, -half, (low + shoulder) / 2), (x, -tuck * half, low)]
    left = [(px, -py, pz) for px, py, pz in reversed(right)]
    return right + left


def _cabin(builder, paint, stations, half_low, half_high, z_low, z_high, pillar=None):
    """Greenhouse: windscreen base, roof front, roof rear and rear-window base along x; glass inset in painted pillars."""
    base_front, roof_front, roof_rear, base_rear = stations
    low = {s: {"f": (base_front, s * half_low * 0.94, z_low), "r": (base_rear, s * half_low * 0.92, z_low)} for s in (1, -1)}
    high = {s: {"f": (roof_front, s * half_high, z_high - 0.03), "r": (roof_rear, s * half_high, z_high - 0.03)} for s in (1, -1)}
    centre = ((base_front + base_rear) / 2, 0, (z_low + z_high) / 2)
    frame = pillar or paint
    screens = [("f", 0.06), ("r", 0.10)]
    for end, margin in screens:
        quad = [low[1][end], low[-1][end], high[-1][end], high[1][end]]
        builder.face(quad, frame, centre, PAINT, level=2.5)
        builder.face(_inset(quad, margin, margin, 0.02, centre), DARK_GLASS, centre, GLASS, level=2.6)
    for s in (1, -1):
        quad = [low[s]["r"], low[s]["f"], high[s]["f"], high[s]["r"]]
        builder.face(quad, frame, centre, PAINT, level=2.5)
        middle = 0.50 if base_front - base_rear > 2.2 else 0.6
        for a, b in ((0.05, middle - 0.018), (middle + 0.018, 0.93)):
            builder.face(_slice(quad, a, b, 0.08, 0.9, 0.012, centre), DARK_GLASS, centre, GLASS, level=2.6)
    x_mid, y = (roof_front + roof_rear) / 2, half_high
    roof = [(roof_front, y, z_high - 0.03), (x_mid, y * 0.98, z_high), (roof_rear, y, z_high - 0.03)]
    for (ax, ay, az), (bx, by, bz) in zip(roof, roof[1:]):
        builder.face([(ax, ay, az), (bx, by, bz), (bx, -by, bz), (ax, -ay, az)], paint, centre, PAINT, level=2.6)


def _inset(quad, across, up, out, centre):
    return _slice(quad, across, 1 - across, up, 1 - up, out, centre)


def _slice(quad, a, b, low, high, out, centre):
    """The part of a quad between a..b along its lower edge and low..high up, moved outwards by `out`."""
    p = np.asarray(quad, float)

    def at(u, v):
        return (p[0] * (1 - u) + p[1] * u) * (1 - v) + (p[3] * (1 - u) + p[2] * u) * v

    normal = np.cross(p[1] - p[0], p[3] - p[0])
    normal /= np.linalg.norm(normal)
    if normal @ (p.mean(0) - centre) < 0:
        normal = -normal
    return [at(u, v) + normal * out for u, v in ((a, low), (b, low), (b, high), (a, high))]


def car(rng):
    """A saloon, hatchback, estate, off-roader or people carrier. Returns the mesh and (length, width, height)."""
    kind = rng.choice(["saloon", "hatch", "estate", "suv", "mpv"], p=[0.27, 0.27, 0.14, 0.22, 0.1])
    length = {"saloon": 4.6, "hatch": 3.95, "estate": 4.65, "suv": 4.55, "mpv": 4.5}[kind] * rng.uniform(0.95, 1.05)
    height = {"saloon": 1.43, "hatch": 1.48, "estate": 1.47, "suv": 1.7, "mpv": 1.74}[kind] * rng.uniform(0.97, 1.03)
    half = rng.uniform(0.87, 0.94)
    paint = np.array(PAINTS[rng.integers(len(PAINTS))]) * rng.uniform(0.85, 1.08)
    belt = height * (0.64 if kind != "suv" else 0.62)
    low = 0.2 if kind != "suv" else 0.3
    front, rear = length / 2, -length / 2
    bonnet = belt * rng.uniform(0.84, 0.93)
    boot = {"saloon": belt * 0.97, "hatch": belt, "estate": belt, "suv": belt, "mpv": belt}[kind]
    b = MeshBuilder()
    rings = [_section(front, half * 0.74, low + 0.12, bonnet * 0.72), _section(front - 0.12, half * 0.9, low + 0.02, bonnet * 0.84),
             _section(front - 0.5, half, low, bonnet * 0.95), _section(front - 1.15, half, low, bonnet + 0.04),
             _section(rear + 0.9, half, low, belt), _section(rear + 0.3, half * 0.98, low, boot),
             _section(rear + 0.06, half * 0.92, low + 0.05, boot * 0.93), _section(rear, half * 0.8, low + 0.14, boot * 0.8)]
    sill = paint * 0.45

    def skin(ring, side):
        return sill if side == 3 else paint

    b.loft(rings, skin, PAINT)
    roof = {"saloon": (front - 1.25, front - 1.95, rear + 1.25, rear + 0.45), "hatch": (front - 1.0, front - 1.7, rear + 0.75, rear + 0.16),
            "estate": (front - 1.25, front - 1.95, rear + 0.6, rear + 0.14), "suv": (front - 1.2, front - 1.8, rear + 0.55, rear + 0.14),
            "mpv": (front - 0.75, front - 1.6, rear + 0.45, rear + 0.1)}[kind]
    dark_roof = rng.random() < 0.12
    _cabin(b, np.array((30, 30, 32)) if dark_roof else paint, roof, half, half * 0.72, belt - 0.03, height)
    _car_trim(b, rng, paint, front, rear, half, low, bonnet, boot)
    radius = 0.32 if kind != "suv" else 0.37
    rim = (rng.uniform(90, 190),) * 3
    for x in (front - 0.82, rear + 0.82):
        for y in (half + 0.01, -half - 0.01):
            b.wheel(x, y, radius, 0.22, rim)
    if rng.random() < 0.06:
        b.box((-0.15, -0.3, height), (0.15, 0.3, height + 0.14), (60, 220, 240), LAMP, level=2.7)
    if kind in ("suv", "estate") and rng.random() < 0.5:
        for y in (half * 0.62, -half * 0.62):
            b.box((roof[2], y - 0.03, height), (roof[1], y + 0.03, height + 0.05), (60, 60, 62), level=2.7, detail=30)
    return b.build(), (length, half * 2, height)


def _car_trim(b, rng, paint, front, rear, half, low, bonnet, boot):
    inside = (0, 0, 0.6)
    z0, z1 = bonnet * 0.55, bonnet * 0.72
    for s in (1, -1):
        lamp = [(front + 0.012, s * half * 0.42, z0), (front - 0.06, s * half * 0.9, z0 + 0.01), (front - 0.14, s * half * 0.92, z1 + 0.04), (front + 0.005, s * half * 0.46, z1)]
        b.face(lamp, WHITE_LAMP, inside, LAMP, level=1.5)
        t0, t1 = boot * 0.62, boot * 0.84
        tail = [(rear - 0.012, s * half * 0.48, t0), (rear + 0.02, s * half * 0.93, t0), (rear + 0.06, s * half * 0.95, t1), (rear, s * half * 0.5, t1 * 0.97)]
        b.face(tail, RED_LAMP, inside, LAMP, level=1.5)
        x = front - 1.45
        b.box((x - 0.1, s * (half + 0.14) - 0.09, bonnet + 0.05), (x + 0.08, s * (half + 0.14) + 0.09, bonnet + 0.2), paint * 0.8, PAINT, level=2.55, detail=26)
        for x in (front - 1.55, (front + rear) / 2 - 0.15, rear + 1.15):
            b.face([(x, s * (half + 0.008), low + 0.15), (x + 0.035, s * (half + 0.008), low + 0.15), (x + 0.035, s * (half + 0.004), bonnet * 0.86), (x, s * (half + 0.004), bonnet * 0.86)],
                   paint * 0.5, inside, level=1.5, detail=60)
        for x in (front - 2.35, rear + 1.35):
            b.face([(x, s * (half + 0.01), bonnet * 0.74), (x + 0.2, s * (half + 0.01), bonnet * 0.74), (x + 0.2, s * (half + 0.01), bonnet * 0.78), (x, s * (half + 0.01), bonnet * 0.78)],
                   paint * 0.6, inside, level=1.5, detail=60)
    grille = [(front + 0.01, -half * 0.4, bonnet * 0.46), (front + 0.01, half * 0.4, bonnet * 0.46), (front + 0.01, half * 0.38, bonnet * 0.66), (front + 0.01, -half * 0.38, bonnet * 0.66)]
    b.face(grille, (28, 28, 30), inside, level=1.5)
    b.face([(front + 0.01, -half * 0.6, low + 0.14), (front + 0.01, half * 0.6, low + 0.14), (front + 0.01, half * 0.55, low + 0.24), (front + 0.01, -half * 0.55, low + 0.24)], (32, 32, 34), inside, level=1.5)
    for x in (front + 0.02, rear - 0.02):
        z = low + 0.26 if x > 0 else boot * 0.55
        b.face([(x, -0.26, z), (x, 0.26, z), (x, 0.26, z + 0.12), (x, -0.26, z + 0.12)], (215, 225, 225), inside, level=1.6, detail=22)
    b.face([(rear - 0.012, -half * 0.7, low + 0.1), (rear - 0.012, half * 0.7, low + 0.1), (rear - 0.012, half * 0.72, low + 0.24), (rear - 0.012, -half * 0.72, low + 0.24)], (36, 36, 38), inside, level=1.5)


def _box_ring(x, half, low, high, bevel):
    right = [(x, -half + bevel, high), (x, -half, high - bevel), (x, -half, low + bevel * 0.4), (x, -half + bevel * 0.3, low)]
    return right + [(px, -py, pz) for px, py, pz in reversed(right)]


def _panel(b, x0, x1, y, z0, z1, color, kind=GLASS, level=1.5, detail=0):
    """An upright panel on a side wall at `y`."""
    b.face([(x0, y, z0), (x1, y, z0), (x1, y, z1), (x0, y, z1)], color, (0, 0, (z0 + z1) / 2), kind, level, detail)


def _front_panel(b, x, y0, y1, z0, z1, color, kind=GLASS, level=1.5, detail=0):
    """An upright panel across the front (or the rear when x < 0)."""
    b.face([(x, y0, z0), (x, y1, z0), (x, y1, z1), (x, y0, z1)], color, (0, 0, (z0 + z1) / 2), kind, level, detail)


def truck(rng):
    """A box van, flatbed, tipper, tanker-like rigid or articulated lorry. Returns the mesh and (length, width, height)."""
    kind = rng.choice(["box", "van", "tipper", "artic", "flatbed"], p=[0.38, 0.2, 0.14, 0.18, 0.1])
    if kind == "van":
        return _panel_van(rng)
    length = {"box": rng.uniform(6.4, 8.6), "tipper": rng.uniform(6.5, 7.8), "artic": rng.uniform(12.0, 14.5), "flatbed": rng.uniform(6.5, 8.5)}[kind]
    half = rng.uniform(1.12, 1.25)
    cab_height, cab_length = rng.uniform(2.5, 3.1), rng.uniform(1.7, 2.2)
    paint = np.array(PAINTS[rng.integers(len(PAINTS))]) * rng.uniform(0.85, 1.08)
    front, rear = length / 2, -length / 2
    cab_rear = front - cab_length
    b = MeshBuilder()
    _cab(b, rng, paint, front, cab_rear, half, cab_height)
    b.box((rear + 0.1, -half * 0.6, 0.55), (cab_rear + 0.4, half * 0.6, 1.0), (44, 44, 48), level=0.5)
    start = cab_rear - 0.15
    height = _load(b, rng, kind, start, rear, half, cab_height)
    radius = 0.48
    axles = [front - 1.0, rear + 1.3] + ([rear + 2.5] if kind in ("artic", "tipper") or length > 8 else []) + ([cab_rear - 0.6] if kind == "artic" else [])
    for x in axles:
        for y in (half, -half):
            b.wheel(x, y, radius, 0.4, (125, 125, 128), cover=False)
    return b.build(split_x=cab_rear - 0.08), (length, half * 2, max(height, cab_height))


def _cab(b, rng, paint, front, cab_rear, half, height):
    rings = [_box_ring(front, half * 0.93, 0.62, height * 0.62, 0.08), _box_ring(front - 0.1, half * 0.98, 0.5, height * 0.64, 0.1),
             _box_ring(front - 0.38, half, 0.5, height - 0.06, 0.12), _box_ring(front - 0.8, half, 0.5, height, 0.12), _box_ring(cab_rear, half, 0.5, height, 0.1)]
    b.loft(rings, paint, PAINT)
    zb, zt = height * 0.655, height - 0.25
    b.face([(front - 0.09, -half * 0.9, zb), (front - 0.09, half * 0.9, zb), (front - 0.33, half * 0.86, zt), (front - 0.33, -half * 0.86, zt)], DARK_GLASS, (cab_rear, 0, 1), GLASS, 1.5)
    for s in (1, -1):
        y = s * (half + 0.012)
        _panel(b, front - 1.25, front - 0.42, y, zb - 0.1, zt, DARK_GLASS)
        _panel(b, front - 1.36, front - 1.32, y, 0.7, zt, paint * 0.55, level=1.5, detail=60, kind=PAINT)
        b.box((front - 0.22, s * (half + 0.2) - 0.1, zb), (front - 0.06, s * (half + 0.2) + 0.1, zb + 0.5), (36, 36, 38), level=1.6, detail=26)
        _front_panel(b, front + 0.012, s * half * 0.55, s * half * 0.86, 0.72, 0.95, WHITE_LAMP, LAMP)
    _front_panel(b, front + 0.01, -half * 0.5, half * 0.5, 0.8, height * 0.56, (40, 40, 44))
    _front_panel(b, front + 0.02, -half * 0.85, half * 0.85, 0.52, 0.68, (52, 52, 56))
    _front_panel(b, front + 0.03, -0.26, 0.26, 0.54, 0.66, (215, 225, 225), level=1.6, detail=30)


def _load(b, rng, kind, start, rear, half, cab_height):
    tone = np.array([(236, 238, 238), (214, 216, 214), (190, 196, 200), (70, 120, 170), (150, 90, 40), (50, 60, 170), (88, 130, 70), (40, 150, 210)][rng.integers(8)]) * rng.uniform(0.9, 1.05)
    if kind in ("box", "artic"):
        top = cab_height + rng.uniform(0.2, 0.9)
        b.box((rear, -half, 0.95), (start, half, top), tone, PAINT, level=1, top=tone * 0.97)
        accent = np.array(PAINTS[rng.integers(len(PAINTS))], float)
        style = rng.integers(3)
        for s in (1, -1):
            y = s * (half + 0.01)
            if style == 0:
                _panel(b, rear + 0.1, start - 0.1, y, 1.35, 1.35 + 0.3 * (top - 1), accent, PAINT)
            elif style == 1:
                _panel(b, rear + 1.0, start - 1.0, y, (top + 1) / 2 - 0.3, (top + 1) / 2 + 0.45, accent, PAINT)
            _panel(b, rear + 0.05, start - 0.05, y, 0.96, 1.06, (60, 60, 64), PAINT)
        _front_panel(b, rear - 0.01, -0.03, 0.03, 1.0, top - 0.1, tone * 0.5, PAINT)
        for y in (-half * 0.45, half * 0.45):
            _front_panel(b, rear - 0.012, y - 0.025, y + 0.025, 1.05, top - 0.15, (90, 90, 94), PAINT, detail=40)
    elif kind == "tipper":
        top = rng.uniform(2.0, 2.5)
        low_ring = [(rear, -half, 1.0), (start, -half, 1.0), (start, half, 1.0), (rear, half, 1.0)]
        high_ring = [(rear - 0.2, -half, top), (start, -half, top), (start, half, top), (rear - 0.2, half, top)]
        b.loft([low_ring, high_ring], tone * 0.85, PAINT, caps=False)
        heap = [(rear - 0.1, -half * 0.9, top), (start - 0.1, -half * 0.9, top), (start - 0.1, half * 0.9, top), (rear - 0.1, half * 0.9, top)]
        peak = [(rear * 0.6 + start * 0.4, -0.25, top + 0.45), (rear * 0.4 + start * 0.6, -0.25, top + 0.45), (rear * 0.4 + start * 0.6, 0.25, top + 0.45), (rear * 0.6 + start * 0.4, 0.25, top + 0.45)]
        b.loft([heap, peak], np.array((70, 98, 120)) * rng.uniform(0.6, 1.2), level=1.6)
        for s in (1, -1):
            for x in np.arange(rear + 0.4, start - 0.2, 0.9):
                _panel(b, x, x + 0.1, s * (half + 0.02), 1.0, top, tone * 0.65, PAINT, detail=24)
    else:
        top = 1.35
        b.box((rear, -half, 1.0), (start, half, top), tone * 0.7, PAINT, level=1, top=(70, 96, 118))
        x = rear + 0.3
        while x < start - 1.0:
            size, tall = rng.uniform(0.9, 1.7), rng.uniform(0.5, 1.3)
            if rng.random() < 0.85:
                b.box((x, -half * 0.85, top), (min(x + size, start - 0.1), half * 0.85, top + tall), np.array([(96, 130, 160), (150, 150, 150), (60, 90, 150), (80, 120, 80)][rng.integers(4)]) * 1.0, level=1.2)
            x += size + 0.15
        top += 1.0
    for s in (1, -1):
        _front_panel(b, rear - 0.02, s * half * 0.66, s * half * 0.95, 0.72, 0.92, RED_LAMP, LAMP)
    _front_panel(b, rear - 0.015, -half, half, 0.6, 0.7, (60, 60, 190), PAINT, detail=30)
    return top


def _panel_van(rng):
    """A delivery van, all of one body."""
    length, half, height = rng.uniform(5.3, 6.3), rng.uniform(0.98, 1.04), rng.uniform(2.35, 2.75)
    paint = np.array([(238, 238, 236), (238, 238, 236), (205, 208, 210), (60, 190, 230), (120, 70, 40), (60, 60, 64), (40, 50, 180)][rng.integers(7)]) * rng.uniform(0.88, 1.05)
    front, rear = length / 2, -length / 2
    b = MeshBuilder()
    rings = [_box_ring(front, half * 0.82, 0.42, 0.95, 0.08), _box_ring(front - 0.15, half * 0.95, 0.32, 1.08, 0.1), _box_ring(front - 0.75, half, 0.3, 1.35, 0.12),
             _box_ring(front - 1.65, half * 0.98, 0.3, height - 0.08, 0.16), _box_ring(front - 2.2, half * 0.98, 0.3, height, 0.16), _box_ring(rear, half * 0.96, 0.34, height, 0.12)]
    b.loft(rings, paint, PAINT)
    b.face([(front - 0.84, -half * 0.86, 1.44), (front - 0.84, half * 0.86, 1.44), (front - 1.58, half * 0.8, height - 0.22), (front - 1.58, -half * 0.8, height - 0.22)], DARK_GLASS, (rear, 0, 0.5), GLASS, 1.5)
    for s in (1, -1):
        y = s * (half + 0.01)
        b.face([(front - 1.15, y, 1.4), (front - 2.3, y, 1.4), (front - 2.3, y, height - 0.45), (front - 1.65, y, height - 0.45)], DARK_GLASS, (0, 0, 1.5), GLASS, 1.5)
        _panel(b, rear + 0.1, front - 0.9, y, 0.5, 0.62, paint * 0.5, PAINT, detail=20)
        _panel(b, front - 2.42, front - 2.38, y, 0.5, height - 0.4, paint * 0.55, PAINT, detail=50)
        b.face([(front + 0.012, s * half * 0.5, 0.72), (front - 0.1, s * half * 0.92, 0.74), (front - 0.16, s * half * 0.94, 0.98), (front + 0.0, s * half * 0.55, 0.9)], WHITE_LAMP, (0, 0, 0.8), LAMP, 1.5)
        _front_panel(b, rear - 0.012, s * half * 0.82, s * half * 0.97, 0.8, 1.5, RED_LAMP, LAMP)
        b.box((front - 1.25, s * (half + 0.14) - 0.08, 1.4), (front - 1.12, s * (half + 0.14) + 0.08, 1.72), (40, 40, 42), level=1.6, detail=26)
        if rng.random() < 0.5:
            _panel(b, rear + 0.6, front - 2.9, y, 1.3, 1.85, PAINTS[rng.integers(len(PAINTS))], PAINT)
    _front_panel(b, front + 0.01, -half * 0.45, half * 0.45, 0.6, 0.84, (34, 34, 36))
    _front_panel(b, rear - 0.01, -0.02, 0.02, 0.5, height - 0.2, paint * 0.5, PAINT, detail=24)
    for y0, y1 in ((-half * 0.8, -0.1), (0.1, half * 0.8)):
        if rng.random() < 0.6:
            _front_panel(b, rear - 0.012, y0, y1, 1.5, height - 0.4, DARK_GLASS)
    for x in (front - 0.95, rear + 1.1):
        for y in (half + 0.005, -half - 0.005):
            b.wheel(x, y, 0.35, 0.25, (130, 130, 132))
    return b.build(), (length, half * 2, height)


def bus(rng):
    """A city bus, single or double deck, with windows, doors and a lit destination sign."""
    double = rng.random() < 0.14
    length, half = rng.uniform(10.2, 12.6), rng.uniform(1.22, 1.28)
    height = rng.uniform(2.95, 3.25) if not double else rng.uniform(4.2, 4.4)
    paint = np.array([(48, 44, 196), (60, 160, 60), (170, 90, 30), (40, 190, 235), (225, 225, 222), (160, 150, 40), (60, 110, 230), (110, 50, 110)][rng.integers(8)]) * rng.uniform(0.88, 1.05)
    skirt = paint * 0.8 if rng.random() < 0.5 else np.array((220, 222, 222)) * rng.uniform(0.7, 1)
    front, rear = length / 2, -length / 2
    b = MeshBuilder()
    rings = [_box_ring(front, half * 0.92, 0.4, height - 0.22, 0.14), _box_ring(front - 0.25, half, 0.32, height - 0.05, 0.16), _box_ring(front - 0.9, half, 0.3, height, 0.16),
             _box_ring(rear + 0.5, half, 0.3, height, 0.16), _box_ring(rear, half * 0.95, 0.4, height - 0.15, 0.16)]
    b.loft(rings, lambda ring, side: np.array((215, 216, 214)) if side == 7 else paint, PAINT)
    decks = [(1.25, min(height, 2.75) - 0.42)] + ([(2.95, height - 0.35)] if double else [])
    for s in (1, -1):
        y = s * (half + 0.012)
        _panel(b, rear + 0.3, front - 0.3, y, 0.34, 0.95, skirt, PAINT)
        for z0, z1 in decks:
            _panel(b, rear + 0.45, front - 0.35, y, z0 - 0.05, z1 + 0.05, (30, 29, 28), PAINT)
            x = rear + 0.5
            while x < front - 0.6:
                _panel(b, x, min(x + 1.35, front - 0.4), s * (half + 0.02), z0, z1, DARK_GLASS, GLASS, 1.6)
                x += 1.42
    for x in (front - 1.75, 0.6):
        _panel(b, x, x + 1.3, -(half + 0.03), 0.42, 2.3, (34, 34, 36), PAINT, 1.7)
        for k in (0, 1):
            _panel(b, x + 0.07 + 0.62 * k, x + 0.6 + 0.62 * k, -(half + 0.035), 0.6, 2.2, DARK_GLASS, GLASS, 1.75, detail=24)
    low_deck_top = min(height, 3.0)
    _front_panel(b, front + 0.012, -half * 0.88, half * 0.88, 1.15, low_deck_top - 0.62, DARK_GLASS, level=1.6)
    _front_panel(b, front + 0.012, -half * 0.8, half * 0.8, low_deck_top - 0.58, low_deck_top - 0.3, (26, 26, 26), PAINT, 1.6)
    _front_panel(b, front + 0.02, -half * 0.6, half * 0.5, low_deck_top - 0.53, low_deck_top - 0.35, AMBER, LAMP, 1.65)
    if double:
        _front_panel(b, front + 0.012, -half * 0.86, half * 0.86, 2.95, height - 0.4, DARK_GLASS, level=1.6)
    _front_panel(b, rear - 0.012, -half * 0.75, half * 0.75, 1.6, height - 0.6, DARK_GLASS, level=1.6)
    _front_panel(b, rear - 0.012, -half * 0.7, half * 0.7, 0.6, 1.2, paint * 0.6, PAINT, level=1.6, detail=30)
    for s in (1, -1):
        _front_panel(b, front + 0.015, s * half * 0.6, s * half * 0.88, 0.62, 0.85, WHITE_LAMP, LAMP, 1.6)
        _front_panel(b, rear - 0.015, s * half * 0.72, s * half * 0.9, 0.85, 1.3, RED_LAMP, LAMP, 1.6)
        b.box((front + 0.05, s * (half + 0.16) - 0.1, 1.9), (front + 0.2, s * (half + 0.16) + 0.1, 2.4), (34, 34, 36), level=1.8, detail=30)
    _front_panel(b, front + 0.015, -half * 0.88, half * 0.88, 0.42, 0.56, (44, 44, 46), PAINT, 1.6)
    b.box((rear + 1.5, -half * 0.6, height), (rear + 3.6, half * 0.6, height + 0.22), (196, 198, 198), level=1.9)
    b.box((front - 4.2, -half * 0.5, height), (front - 2.6, half * 0.5, height + 0.18), (190, 192, 192), level=1.9)
    for x in (front - 2.6, rear + 2.9):
        for y in (half + 0.02, -half - 0.02):
            b.wheel(x, y, 0.48, 0.35, (140, 140, 142))
    return b.build(), (length, half * 2, height + 0.1)


MAKERS = {"car": car, "truck": truck, "bus": bus}
