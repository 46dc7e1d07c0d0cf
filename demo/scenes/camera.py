"""Pinhole camera over the ground plane z = 0. World axes: x east, y north, z up; lengths in metres."""
import numpy as np

NEAR = 0.4  # metres; nothing nearer than this is drawn


class Camera:
    """A camera at `position` looking along `yaw` (radians, 0 = east) and down by `pitch`; `focal` in picture widths."""

    def __init__(self, position, yaw, pitch, focal, width, height, roll=0.0):
        self.position = np.asarray(position, np.float64)
        self.width, self.height = width, height
        self.focal = focal * width
        forward = np.array([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), -np.sin(pitch)])
        right = np.array([np.sin(yaw), -np.cos(yaw), 0.0])
        down = np.cross(forward, right)
        c, s = np.cos(roll), np.sin(roll)
        self.axes = np.stack([c * right + s * down, c * down - s * right, forward])
        self.yaw = yaw

    def scaled(self, factor):
        """The same view in a picture `factor` times as large."""
        other = Camera.__new__(Camera)
        other.__dict__.update(self.__dict__)
        other.width, other.height = round(self.width * factor), round(self.height * factor)
        other.focal = self.focal * factor
        return other

    def to_view(self, points):
        """World points (..., 3) in camera axes: right, down, forward."""
        return (np.asarray(points, np.float64) - self.position) @ self.axes.T

    def view_to_pixels(self, view):
        depth = np.maximum(view[..., 2], NEAR)
        xy = view[..., :2] * (self.focal / depth)[..., None]
        return xy + (self.width / 2, self.height / 2)

    def project(self, points):
        """Pixels (..., 2) and depths (...) of world points; depths under NEAR mean that the pixel is not valid."""
        view = self.to_view(points)
        return self.view_to_pixels(view), view[..., 2]

    def clip_project(self, polygon):
        """Pixels of one world polygon cut at the near plane, or None when all of it lies behind."""
        view = self.to_view(polygon)
        if view[:, 2].min() < NEAR:
            view = _cut_near(view)
            if len(view) < 3:
                return None
        return self.view_to_pixels(view)

    def ground_grid(self, step=1):
        """World x and y of the ground under every `step`-th pixel, and its distance; distance is inf above the horizon."""
        u = (np.arange(0, self.width, step) + step / 2 - self.width / 2) / self.focal
        v = (np.arange(0, self.height, step) + step / 2 - self.height / 2) / self.focal
        uu, vv = np.meshgrid(u, v)
        rays = np.stack([uu, vv, np.ones_like(uu)], -1) @ self.axes
        falls = rays[..., 2] < -1e-3
        t = np.where(falls, -self.position[2] / np.where(falls, rays[..., 2], -1), 0)
        x, y = self.position[0] + t * rays[..., 0], self.position[1] + t * rays[..., 1]
        distance = np.where(falls, t * np.linalg.norm(rays, axis=-1), np.inf)
        return x.astype(np.float32), y.astype(np.float32), distance.astype(np.float32)

    def horizon(self):
        """Row of the horizon in the middle of the picture."""
        level = np.array([self.axes[2][0], self.axes[2][1], 0.0])
        level /= np.linalg.norm(level)
        view = self.axes @ level
        return self.height / 2 + view[1] / view[2] * self.focal


def _cut_near(view):
    out = []
    for a, b in zip(view, np.roll(view, -1, axis=0)):
        a_in, b_in = a[2] >= NEAR, b[2] >= NEAR
        if a_in:
            out.append(a)
        if a_in != b_in:
            out.append(a + (b - a) * ((NEAR - a[2]) / (b[2] - a[2])))
    return np.array(out) if out else np.zeros((0, 3))
