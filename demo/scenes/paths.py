"""Lines that traffic follows: straight pieces joined by arcs, sampled by the distance along them."""
import math

import numpy as np


class Path:
    """`points` (n, 2) in metres; `kind` is motor, bike or walk; corners are rounded with `radius`."""

    def __init__(self, points, kind, radius=6.0, stop=None, phase=None):
        self.kind, self.stop, self.phase = kind, stop, phase
        line = _rounded(np.asarray(points, float), radius)
        self.points = _resampled(line, 0.5)
        steps = np.diff(self.points, axis=0)
        self.length = float(np.hypot(steps[:, 0], steps[:, 1]).sum())
        self._step = self.length / (len(self.points) - 1)
        yaw = np.unwrap(np.arctan2(np.gradient(self.points[:, 1]), np.gradient(self.points[:, 0])))
        self.straight = float(np.ptp(yaw)) < 0.01
        self._rows = np.column_stack([self.points, yaw]).tolist()

    def at(self, s, aside=0.0):
        """x, y and heading at `s` metres, shifted `aside` metres to the left; straight on beyond the ends."""
        place = min(max(s, 0.0), self.length) / self._step
        i = min(int(place), len(self._rows) - 2)
        f = place - i
        x, y, yaw = (a + (b - a) * f for a, b in zip(self._rows[i], self._rows[i + 1]))
        c, n = math.cos(yaw), math.sin(yaw)
        over = min(s, 0.0) + max(s - self.length, 0.0)
        return x + over * c - aside * n, y + over * n + aside * c, yaw


def _rounded(points, radius):
    out = [points[0]]
    for before, corner, after in zip(points, points[1:], points[2:]):
        a, b = before - corner, after - corner
        la, lb = np.linalg.norm(a), np.linalg.norm(b)
        cosine = np.clip(a @ b / (la * lb), -1, 1)
        if cosine < -0.999:
            out.append(corner)
            continue
        cut = min(radius / np.tan(np.arccos(cosine) / 2), la * 0.49, lb * 0.49)
        p, q = corner + a / la * cut, corner + b / lb * cut
        t = np.linspace(0, 1, 16)[:, None]
        out.extend((1 - t) ** 2 * p + 2 * t * (1 - t) * corner + t**2 * q)
    out.append(points[-1])
    return np.array(out)


def _resampled(line, step):
    lengths = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    s = np.linspace(0, lengths[-1], max(2, int(lengths[-1] / step)))
    return np.stack([np.interp(s, lengths, line[:, 0]), np.interp(s, lengths, line[:, 1])], 1)
