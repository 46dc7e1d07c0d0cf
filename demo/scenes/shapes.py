"""Building blocks of the models: lit polygons (boxes, lofts, discs, decals) and capsules (limbs, tubes)."""
from dataclasses import dataclass, field

import numpy as np

MAX_CORNERS = 12
MATTE, PAINT, GLASS, LAMP = range(4)  # how a face answers to light; a LAMP shines by itself


@dataclass
class Mesh:
    """Faces padded to MAX_CORNERS by repeating the last corner, in the object's axes: x forward, y left, z up."""

    corners: np.ndarray   # (n, MAX_CORNERS, 3) metres
    counts: np.ndarray    # (n,) corners in use
    normals: np.ndarray   # (n, 3)
    colors: np.ndarray    # (n, 3) BGR 0..255
    kinds: np.ndarray     # (n,) MATTE, PAINT, GLASS or LAMP
    levels: np.ndarray    # (n,) drawn in rising order, by depth within one level
    detail: np.ndarray    # (n,) smallest object height in pixels at which the face is worth drawing
    split_x: float = None  # faces before and behind this plane are drawn as two groups, the farther first


@dataclass
class Capsules:
    """Tapered round limbs between two points in the object's axes."""

    start: list = field(default_factory=list)
    end: list = field(default_factory=list)
    radii: list = field(default_factory=list)
    colors: list = field(default_factory=list)

    def add(self, start, end, r0, r1, color):
        self.start.append(start)
        self.end.append(end)
        self.radii.append((r0, r1))
        self.colors.append(color)


class MeshBuilder:
    """Collects faces; every add_* call turns its faces away from `centre`, so corner order does not matter."""

    def __init__(self):
        self._faces = []

    def face(self, points, color, centre, kind=MATTE, level=1, detail=0):
        self._faces.append((points, centre, color, kind, level, detail))

    def box(self, low, high, color, kind=MATTE, level=1, detail=0, top=None, skip_bottom=True):
        (x0, y0, z0), (x1, y1, z1) = low, high
        centre = ((x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2)
        for x in (x0, x1):
            self.face([(x, y0, z0), (x, y1, z0), (x, y1, z1), (x, y0, z1)], color, centre, kind, level, detail)
        for y in (y0, y1):
            self.face([(x0, y, z0), (x1, y, z0), (x1, y, z1), (x0, y, z1)], color, centre, kind, level, detail)
        top = color if top is None else top
        self.face([(x0, y0, z1), (x1, y0, z1), (x1, y1, z1), (x0, y1, z1)], top, centre, kind, level, detail)
        if not skip_bottom:
            self.face([(x0, y0, z0), (x1, y0, z0), (x1, y1, z0), (x0, y1, z0)], color, centre, kind, level, detail)

    def loft(self, rings, color, kind=PAINT, level=1, detail=0, caps=True):
        """Skin over rings of equal corner counts; `color` is one colour or a function of (ring, side) indices."""
        rings = np.asarray(rings, np.float64)
        centre = rings.reshape(-1, 3).mean(0)
        sides = rings.shape[1]
        pick = color if callable(color) else lambda ring, side: color
        for r in range(len(rings) - 1):
            middle = (rings[r].mean(0) + rings[r + 1].mean(0)) / 2
            for s in range(sides):
                t = (s + 1) % sides
                quad = [rings[r, s], rings[r, t], rings[r + 1, t], rings[r + 1, s]]
                self.face(quad, pick(r, s), middle, kind, level, detail)
        if caps:
            self.face(rings[0], pick(0, 0), centre, kind, level, detail)
            self.face(rings[-1], pick(len(rings) - 2, 0), centre, kind, level, detail)

    def disc(self, centre, radius, side, color, level=2, kind=MATTE, detail=0):
        """A disc that stands along x and faces `side` (+1 left, -1 right)."""
        angles = np.arange(MAX_CORNERS) * (2 * np.pi / MAX_CORNERS)
        points = [(centre[0] + radius * np.cos(a), centre[1], centre[2] + radius * np.sin(a)) for a in angles]
        inside = (centre[0], centre[1] - side, centre[2])
        self.face(points, color, inside, kind, level, detail)

    def wheel(self, x, y, radius, width, rim=(150, 150, 150), cover=True):
        """A tyre with a rim; `y` is the outer face, its sign tells the side. The wheel box shows from ahead and behind."""
        side = 1 if y > 0 else -1
        inner = y - side * width
        low, high = (x - radius * 0.8, min(y, inner), 0.0), (x + radius * 0.8, max(y, inner), radius * 1.6)
        self.box(low, high, (22, 22, 24), level=0)
        if cover:
            self.disc((x, y + side * 0.005, radius * 1.02), radius * 1.17, side, (16, 16, 17), level=2, detail=18)
        self.disc((x, y + side * 0.01, radius), radius, side, (34, 33, 35), level=2.1)
        self.disc((x, y + side * 0.015, radius), radius * 0.64, side, rim, level=2.2, detail=12)
        self.disc((x, y + side * 0.02, radius), radius * 0.4, side, tuple(c * 0.62 for c in rim), level=2.3, detail=40)
        self.disc((x, y + side * 0.025, radius), radius * 0.16, side, rim, level=2.4, detail=40)

    def build(self, split_x=None):
        points, centres, colors, kinds, levels, detail = zip(*self._faces)
        corners = np.empty((len(points), MAX_CORNERS, 3))
        counts = np.array([len(p) for p in points])
        for row, p in zip(corners, points):
            row[:len(p)] = p
            row[len(p):] = p[-1]
        normals = _normals(corners, counts, np.array([np.asarray(c, float) for c in centres]))
        return Mesh(corners, counts, normals, np.array([np.asarray(c, float) for c in colors]), np.array(kinds), np.array(levels, float), np.array(detail, float), split_x)


def _normals(corners, counts, centres):
    """Unit normals of planar faces, pointing away from `centres`."""
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, -1] - corners[:, 0])
    other = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 0])
    normal = np.where((np.linalg.norm(normal, axis=1) < 1e-9)[:, None], other, normal)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    spare = (MAX_CORNERS - counts)[:, None]
    middle = (corners.sum(1) - spare * corners[:, -1]) / counts[:, None]
    inward = (normal * (middle - centres)).sum(1) < 0
    return np.where(inward[:, None], -normal, normal)
