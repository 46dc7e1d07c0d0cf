"""Daylight, dusk and night: how faces and the ground are lit. Colours are BGR factors around 1."""
from dataclasses import dataclass, field

import numpy as np

from .shapes import GLASS, LAMP, PAINT


@dataclass
class Light:
    sun: np.ndarray            # unit vector towards the sun (or the moon)
    sun_color: np.ndarray
    sky_color: np.ndarray      # ambient light from above
    bounce: np.ndarray         # ambient light from the ground
    sky_top: np.ndarray        # 0..255, the sky at the zenith and at the horizon
    sky_low: np.ndarray
    haze: float                # extinction per metre
    shadow: float              # 0..1, how dark a cast shadow is
    night: float               # 0 day .. 1 night
    wet: float = 0.0           # 0 dry .. 1 raining
    lamps: list = field(default_factory=list)  # (x, y, height, BGR strength)

    @property
    def lamps_on(self):
        return self.night > 0.3

    def lamp_light(self, x, y):
        """Light of the street lamps on the ground at x, y: BGR factors with a trailing axis of 3."""
        total = np.zeros(np.shape(x) + (3,), np.float32)
        for lx, ly, height, color in self.lamps:
            fall = 1.0 / (1.0 + ((x - lx) ** 2 + (y - ly) ** 2) / (height * 0.95) ** 2) ** 1.7
            total += fall[..., None] * np.asarray(color, np.float32) if np.ndim(fall) else fall * np.asarray(color)
        return total


def make_light(kind, rng):
    """`kind`: sunny, cloudy, dusk, night or rain; the sun stands somewhere else for each rng."""
    azimuth = rng.uniform(0, 2 * np.pi)
    high = {"sunny": rng.uniform(0.5, 1.05), "cloudy": 1.0, "rain": 1.1, "dusk": rng.uniform(0.2, 0.34), "night": 1.0}[kind]
    sun = np.array([np.cos(azimuth) * np.cos(high), np.sin(azimuth) * np.cos(high), np.sin(high)])
    a = np.array
    if kind == "sunny":
        return Light(sun, a((0.50, 0.58, 0.64)) * rng.uniform(0.9, 1.1), a((0.56, 0.50, 0.46)), a((0.24, 0.27, 0.30)), a((222, 160, 100.)), a((238, 222, 204.)), rng.uniform(0.0006, 0.0025), 0.46, 0)
    if kind == "cloudy":
        return Light(sun, a((0.16, 0.17, 0.17)), a((0.72, 0.71, 0.70)), a((0.36, 0.37, 0.38)), a((205, 196, 186.)), a((226, 222, 216.)), rng.uniform(0.001, 0.005), 0.13, 0)
    if kind == "rain":
        return Light(sun, a((0.06, 0.06, 0.06)), a((0.66, 0.63, 0.60)), a((0.32, 0.31, 0.30)), a((168, 160, 150.)), a((186, 182, 176.)), rng.uniform(0.004, 0.010), 0.06, 0.12, wet=1.0)
    if kind == "dusk":
        return Light(sun, a((0.20, 0.34, 0.52)), a((0.46, 0.36, 0.34)), a((0.18, 0.17, 0.18)), a((150, 92, 66.)), a((120, 150, 226.)), rng.uniform(0.001, 0.003), 0.3, 0.5)
    return Light(sun, a((0.05, 0.04, 0.03)), a((0.37, 0.31, 0.27)), a((0.13, 0.12, 0.12)), a((52, 34, 24.)), a((84, 66, 56.)), rng.uniform(0.0008, 0.003), 0.05, 1.0, wet=float(rng.random() < 0.25))


def shade(light, colors, kinds, normals, to_eye, heights, sunlit, local, lamps_on):
    """Lit BGR 0..255 of faces. `to_eye` unit vectors, `heights` metres above ground (faces near it are darker),
    `sunlit` 0..1, `local` BGR light of street lamps at the object, `lamps_on` 0..1 whether LAMP faces shine."""
    up = normals[:, 2:3] * 0.5 + 0.5
    direct = np.maximum(normals @ light.sun, 0)[:, None] * sunlit
    lit = light.sky_color * up + light.bounce * (1 - up) + light.sun_color * 1.25 * direct + np.asarray(local) * (0.35 + 0.65 * up)
    lit = lit * (0.72 + 0.28 * np.clip(heights / 0.9, 0, 1))[:, None]
    out = colors * lit
    facing = np.clip((normals * to_eye).sum(1), 0, 1)
    fresnel = (1 - facing) ** 3
    mirrored_up = 2 * facing * normals[:, 2] - to_eye[:, 2]
    sky = np.where((mirrored_up > 0)[:, None], light.sky_low + (light.sky_top - light.sky_low) * np.clip(mirrored_up, 0, 1)[:, None], light.bounce * 150)
    half = to_eye + light.sun
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    glint = np.maximum((normals * half).sum(1), 0) ** 30 * sunlit
    paint, glass, lamp = kinds == PAINT, kinds == GLASS, kinds == LAMP
    mix = np.where(glass, 0.22 + 0.6 * fresnel, np.where(paint, 0.07 + 0.3 * fresnel, 0))[:, None]
    out = out * (1 - mix) + sky * mix
    out += (np.where(glass | paint, glint, 0)[:, None] * light.sun_color * 150)
    if lamps_on:
        out = np.where(lamp[:, None], colors * (0.55 + 0.7 * lamps_on), out)
    return out


def haze(light, colors, distance):
    """Colours seen through `distance` metres of air."""
    keep = np.exp(-light.haze * np.asarray(distance))[..., None]
    return colors * keep + light.sky_low * (1 - keep)
