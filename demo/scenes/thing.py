"""One placed object: its model, pose, state and class, ready to be drawn."""
from dataclasses import dataclass, field

import numpy as np

LABELS = ["car", "truck", "bus", "bicycle", "person"]


@dataclass
class Thing:
    x: float
    y: float
    yaw: float
    size: tuple                  # length, width, height in metres
    mesh: object = None
    limbs: object = None
    rings: list = field(default_factory=list)   # bicycle wheels: (centre, radius) in the x-z plane
    label: int = None            # index into LABELS, or None for scenery
    lamps_on: bool = False
    braking: bool = False
    foot: tuple = None           # length, width of the part that stands on the ground, when smaller than `size`
    sprite: object = None        # cache of a still object in a still view, filled by the renderer
    still: bool = False

    def place(self, points):
        """Object coordinates to world coordinates."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        points = np.asarray(points, np.float64)
        x, y = points[..., 0], points[..., 1]
        return np.stack([self.x + c * x - s * y, self.y + s * x + c * y, points[..., 2]], -1)

    def turn(self, vectors):
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return np.stack([c * vectors[:, 0] - s * vectors[:, 1], s * vectors[:, 0] + c * vectors[:, 1], vectors[:, 2]], -1)

    def footprint(self):
        length, width = self.foot or self.size[:2]
        corners = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)]) * (length / 2, width / 2)
        return self.place(np.concatenate([corners, np.zeros((4, 1))], 1))[:, :2]

    def outline(self):
        """World points whose hull holds the object (for its shadow)."""
        parts = []
        if self.mesh is not None:
            parts.append(self.mesh.corners.reshape(-1, 3))
        if self.limbs is not None:
            for points, column in ((self.limbs.start, 0), (self.limbs.end, 1)):
                points = np.asarray(points)
                reach = np.asarray(self.limbs.radii)[:, column:column + 1]
                parts += [points + (0, 0, 1) * reach, points + (1, 0, 0) * reach, points - (1, 0, 0) * reach, points + (0, 1, 0) * reach, points - (0, 1, 0) * reach]
        for centre, radius in self.rings:
            angles = np.arange(12) * np.pi / 6
            parts.append(np.stack([centre[0] + radius * np.cos(angles), np.zeros(12), centre[2] + radius * np.sin(angles)], -1))
        return self.place(np.concatenate(parts))
