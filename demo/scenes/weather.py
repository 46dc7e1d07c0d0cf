"""What the air, the lens and the camera do to a picture: bloom, rain, haze, vignette, noise, blur, compression."""
import cv2
import numpy as np


def bloom(picture, light):
    """Light that spills around very bright spots, after dark."""
    if light.night < 0.3:
        return picture
    small = cv2.resize(picture, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    bright = np.clip(small.max(2).astype(np.float32) - 205, 0, 50) / 50
    spill = small * bright[..., None]
    glow = cv2.GaussianBlur(spill, (0, 0), 2.2) * 0.9 + cv2.GaussianBlur(spill, (0, 0), 8) * 0.7
    glow = cv2.resize(np.clip(glow * light.night, 0, 255).astype(np.uint8), (picture.shape[1], picture.shape[0]))
    return cv2.add(picture, glow)


def rain(picture, rng, strength):
    """Slanting streaks; `strength` 0..1."""
    height, width = picture.shape[:2]
    layer = np.zeros((height, width), np.uint8)
    slant = rng.uniform(-0.15, 0.15)
    for _ in range(int(350 * strength)):
        x, y, length = rng.uniform(0, width), rng.uniform(-20, height), rng.uniform(0.02, 0.06) * height
        cv2.line(layer, (int(x), int(y)), (int(x + slant * length), int(y + length)), int(rng.uniform(40, 110)), 1, cv2.LINE_AA)
    return cv2.add(picture, cv2.merge([layer // 2] * 3))


def vignette(picture, amount, cache={}):
    key = picture.shape[:2] + (round(amount, 2),)
    if key not in cache:
        height, width = key[:2]
        yy, xx = np.mgrid[-1:1:height * 1j, -1:1:width * 1j]
        gain = 255 * (1 - amount * np.clip((xx**2 + yy**2) / 2, 0, 1))
        if len(cache) > 8:
            cache.clear()
        cache[key] = cv2.merge([gain.astype(np.uint8)] * 3)
    return cv2.multiply(picture, cache[key], scale=1 / 255)


def finish(picture, light, rng, noise=2.0, blur=0.0, quality=None, contrast=1.0, brightness=0.0, saturation=1.0):
    """Camera effects in the order in which a real one applies them. `quality` is a JPEG quality or None."""
    if light.wet:
        picture = rain(picture, rng, light.wet)
    picture = vignette(picture, 0.22)
    if blur > 0.05:
        picture = cv2.GaussianBlur(picture, (0, 0), blur)
    if contrast != 1.0 or brightness:
        pivot = 128 * (1 - 0.8 * light.night)
        table = np.clip((np.arange(256) - pivot) * contrast + pivot + brightness * (1 - 0.6 * light.night), 0, 255).astype(np.uint8)
        picture = cv2.LUT(picture, table)
    if saturation != 1.0:
        grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        picture = cv2.addWeighted(picture, saturation, grey, 1 - saturation, 0)
    if noise > 0:
        grain = rng.normal(0, noise, picture.shape[:2] + (1,)) + rng.normal(0, noise * 0.5, (1, 1, 3))
        picture = np.clip(picture + grain, 0, 255).astype(np.uint8)
    if quality:
        picture = cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])[1], cv2.IMREAD_COLOR)
    return picture
