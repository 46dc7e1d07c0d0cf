"""One still camera on one place: a cached backdrop, and frames with moving things, optionally with labels."""
import cv2
import numpy as np

from .raster import FAR_PIXEL, SHIFT, cast_shadows, draw_order, paint
from .weather import bloom

MIN_VISIBLE = 0.25   # share of an object that must be seen for a label
MIN_SIDE = 8         # pixels; the longer side of the smallest labelled box, the shorter one reaches 40 % of it
_NOISE = {}


def _noise_tile(seed, size=512):
    """A tile that repeats without seams, around 1."""
    if seed not in _NOISE:
        rng = np.random.default_rng(seed)
        total = np.zeros((size, size), np.float32)
        for cells, weight in ((512, 0.05), (128, 0.035), (32, 0.035), (8, 0.03)):
            coarse = rng.normal(size=(cells, cells)).astype(np.float32)
            wrapped = np.pad(coarse, 2, mode="wrap")
            scale = size // cells
            total += weight * cv2.resize(wrapped, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)[2 * scale:-2 * scale, 2 * scale:-2 * scale]
        _NOISE[seed] = 1 + total
    return _NOISE[seed]


class View:
    """`camera` is in output pixels; drawing happens at `supersample` times that size."""

    def __init__(self, layout, camera, light, rng, supersample=2):
        self.layout, self.out, self.light, self.factor = layout, camera, light, supersample
        self.camera = camera.scaled(supersample)
        light.lamps = [(x, y, h, tuple(0.44 * light.night * c for c in (0.5, 0.78, 1.0))) for x, y, h in layout.lamps] if light.lamps_on else []
        self._rng = rng
        self.still = [t for t in layout.things if self._near(t)]
        self._houses = [t for t in self.still if t.size[2] > 9 and t.label is None and t.limbs is None]
        self._others = [t for t in self.still if not any(t is h for h in self._houses)]
        self._prepare()

    def _near(self, thing):
        footprint = np.concatenate([thing.footprint(), [(thing.x, thing.y)]])
        pixels, depth = self.camera.project(np.concatenate([footprint, np.zeros((5, 1))], 1))
        top, _ = self.camera.project(np.concatenate([footprint, np.full((5, 1), thing.size[2])], 1))
        both = np.concatenate([pixels, top])[np.concatenate([depth, depth]) > 0.5]
        if not len(both) or np.hypot(thing.x - self.camera.position[0], thing.y - self.camera.position[1]) < 2.5:
            return False
        margin = self.camera.width * 0.15
        return both[:, 0].max() > -margin and both[:, 0].min() < self.camera.width + margin and both[:, 1].max() > 0

    def _prepare(self):
        cam, light = self.camera, self.light
        canvas = self._ground_albedo()
        x, y, distance = self.out.ground_grid()
        self.ground_mask = np.isfinite(distance)
        safe = np.where(self.ground_mask, distance, 1e4)
        shadow = np.full((self.out.height, self.out.width), 255, np.uint8)
        cast_shadows(shadow, self.still, cam, light, 1 / self.factor)
        lit = self._ground_light(x, y, safe, shadow)
        keep = np.exp(-light.haze * safe)[..., None].astype(np.float32)
        size = (cam.width, cam.height)
        gain = cv2.resize(lit * keep, size)
        veil = cv2.resize((np.asarray(light.sky_low, np.float32) * (1 - keep)), size)
        ground = np.clip(canvas * gain + veil, 0, 255).astype(np.uint8)
        mask = cv2.resize(self.ground_mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        sky = self._sky()
        self.backdrop = np.where(mask[..., None] > 0, ground, sky)
        for index in draw_order(self._houses, cam) if self._houses else []:
            thing = self._houses[index]
            picture = paint(thing, cam, light, 1.0)
            if picture is not None:
                picture.draw(self.backdrop)
                flat = np.where(self.ground_mask, 255, 0).astype(np.uint8)
                picture.colors = [0] * len(picture.colors)
                picture.draw(flat, 1 / self.factor)
                self.ground_mask = flat > 0
        step = 4 * self.factor
        self._coarse = cam.ground_grid(step)
        self._sunlit_hulls = self._house_shadows()

    def _ground_albedo(self):
        cam = self.camera
        canvas = np.empty((cam.height, cam.width, 3), np.uint8)
        canvas[:] = np.clip(self.layout.base, 0, 255)
        for polygon, color in self.layout.ground:
            pixels = cam.clip_project(np.concatenate([polygon, np.zeros((len(polygon), 1))], 1))
            if pixels is None or pixels[:, 0].max() < 0 or pixels[:, 0].min() > cam.width or pixels[:, 1].min() > cam.height:
                continue
            shape = (np.clip(pixels, -FAR_PIXEL, FAR_PIXEL) * (1 << SHIFT)).astype(np.int32)
            cv2.fillPoly(canvas, [shape], tuple(float(c) for c in color), cv2.LINE_8, SHIFT)
        return canvas

    def _ground_light(self, x, y, distance, shadow):
        light = self.light
        tile = _noise_tile(int(self._rng.integers(8)))
        fine = cv2.remap(tile, (x * 40) % 512, (y * 40) % 512, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        broad = cv2.remap(tile, (x * 5) % 512, (y * 5) % 512, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        fade = np.exp(-distance / 25)
        texture = (1 + (fine - 1) * fade) * (1 + (broad - 1) * np.exp(-distance / 120))
        sun = light.sun_color * 1.25 * light.sun[2]
        lit = texture[..., None] * (light.sky_color + sun + light.lamp_light(x, y))
        shade_tint = np.array((0.86, 0.96, 1.0))
        dark = (1 - shadow / 255.0)[..., None] * shade_tint
        return (lit * (1 - dark)).astype(np.float32)

    def _sky(self):
        cam, light = self.camera, self.light
        rows = (cam.horizon() - np.arange(cam.height)) / (cam.focal * 0.6)
        up = np.clip(rows, 0, 1)[:, None] ** 0.7
        column = light.sky_low * (1 - up) + light.sky_top * up
        sky = np.repeat(column[:, None], cam.width, 1)
        tile = _noise_tile(11)
        clouds = cv2.resize(np.roll(tile, int(self._rng.integers(512)), 1)[:128], (cam.width, max(2, int(cam.height * 0.6))), interpolation=cv2.INTER_CUBIC)
        top = int(np.clip(cam.horizon(), 2, cam.height))
        band = cv2.GaussianBlur(clouds, (0, 0), 9)[-top:] if top <= len(clouds) else cv2.resize(clouds, (cam.width, top))
        puff = np.clip((band - 1.0) * 9, 0, 1)[..., None] * (0.5 if light.night < 0.9 else 0.15)
        sky[:len(band)] = sky[:len(band)] * (1 - puff) + np.minimum(light.sky_low * 1.12, 255) * puff
        self._skyline(sky)
        return np.clip(sky, 0, 255).astype(np.uint8)

    def _skyline(self, sky):
        """Far roofs in the haze, so that the world does not end at the horizon."""
        cam, rng = self.camera, self._rng
        base = int(cam.horizon()) + 1
        x = 0
        tone = self.light.sky_low * 0.82 if self.light.night < 0.9 else self.light.sky_low * 0.6
        while x < cam.width and base > 0:
            wide = int(rng.uniform(0.02, 0.07) * cam.focal) + 2
            tall = int(rng.uniform(0.008, 0.045) * cam.focal)
            cv2.rectangle(sky, (x, max(base - tall, 0)), (x + wide, min(base + 6, cam.height)), (tone * rng.uniform(0.93, 1.03)).tolist(), -1)
            x += wide

    def _house_shadows(self):
        slope = self.light.sun[:2] / max(self.light.sun[2], 0.12)
        hulls = []
        for thing in self._houses if self.light.shadow > 0.2 else []:
            points = thing.outline()
            hulls.append(cv2.convexHull((points[:, :2] - slope * points[:, 2:3]).astype(np.float32)))
        return hulls

    def _sunlit(self, thing):
        inside = any(cv2.pointPolygonTest(h, (float(thing.x), float(thing.y)), False) > 0 for h in self._sunlit_hulls)
        return 0.12 if inside else 1.0

    def frame(self, moving, labels=False):
        """The picture (height, width, 3) BGR before camera effects, and with `labels` rows (class, x0, y0, x1, y1)."""
        canvas = self._lit_ground(moving)
        things = self._others + list(moving)
        boxes = Boxes(self.out) if labels else None
        for index in draw_order(things, self.camera) if things else []:
            self._draw(canvas, things[index], boxes)
        picture = cv2.resize(canvas, (self.out.width, self.out.height), interpolation=cv2.INTER_AREA) if self.factor > 1 else canvas
        picture = bloom(picture, self.light)
        return picture, boxes.rows() if labels else None

    def _lit_ground(self, moving):
        mask = np.full((self.out.height, self.out.width), 255, np.uint8)
        cast_shadows(mask, moving, self.camera, self.light, 1 / self.factor)
        mask[~self.ground_mask] = 255
        size = (self.camera.width, self.camera.height)
        gain = np.stack([255 - (255 - mask.astype(np.uint16)) * t // 100 for t in (86, 96, 100)], -1)
        if self.light.lamps_on:
            gain = gain * (1 + self._beams(moving)) / 4
            return cv2.multiply(self.backdrop, cv2.resize(np.clip(gain, 0, 255).astype(np.uint8), size), scale=4 / 255)
        return cv2.multiply(self.backdrop, cv2.resize(gain.astype(np.uint8), size), scale=1 / 255)

    def _beams(self, moving):
        x, y, distance = self._coarse
        beams = np.zeros(x.shape, np.float32)
        for t in moving:
            if not t.lamps_on or t.label is None or t.label > 2:
                continue
            c, s = np.cos(t.yaw), np.sin(t.yaw)
            ahead = (x - t.x) * c + (y - t.y) * s - t.size[0] / 2
            aside = -(x - t.x) * s + (y - t.y) * c
            beam = np.exp(-((ahead - 4) / 7) ** 2) * np.exp(-(aside / (1.1 + 0.16 * np.maximum(ahead, 0))) ** 2)
            beams += np.where(ahead > -0.3, beam, 0)
        beams = np.where(np.isfinite(distance), np.minimum(beams, 1.6), 0) * (0.25 + 1.5 * self.light.night)
        full = cv2.resize(beams, (self.out.width, self.out.height)) * self.ground_mask
        return full[..., None] * np.array((0.8, 0.95, 1.0), np.float32)

    def _draw(self, canvas, thing, boxes):
        if thing.still and thing.sprite is not None and boxes is None:
            thing.sprite.copy_to(canvas)
            return
        picture = paint(thing, self.camera, self.light, self._sunlit(thing))
        if picture is None:
            return
        if thing.still and boxes is None:
            thing.sprite = Sprite(picture, canvas.shape)
            thing.sprite.copy_to(canvas)
        else:
            picture.draw(canvas)
        if boxes is not None:
            boxes.add(picture, thing, 1 / self.factor, self.camera)


class Sprite:
    """A still object drawn once: its pixels and where they are."""

    def __init__(self, picture, shape):
        low = np.maximum(np.floor(picture.low).astype(int) - 1, 0)
        high = np.minimum(np.ceil(picture.high).astype(int) + 2, (shape[1], shape[0]))
        self.low, self.high = low, np.maximum(high, low)
        height, width = self.high[1] - low[1], self.high[0] - low[0]
        self.pixels = np.zeros((height, width, 3), np.uint8)
        self.mask = np.zeros((height, width), np.uint8)
        if height and width:
            moved = type(picture)([p - low for p in picture.polygons], picture.colors)
            moved.draw(self.pixels)
            moved.colors = [255] * len(moved.colors)
            moved.draw(self.mask)

    def copy_to(self, canvas):
        if self.mask.size:
            part = canvas[self.low[1]:self.high[1], self.low[0]:self.high[0]]
            cv2.copyTo(self.pixels, self.mask, part)


class Boxes:
    """The id buffer: who is seen at each pixel, and how many pixels each object would have alone."""

    def __init__(self, camera):
        self.camera = camera
        self.ids = np.zeros((camera.height, camera.width), np.uint8)
        self.found = []

    def add(self, picture, thing, scale, camera):
        low = np.maximum(np.floor(picture.low * scale).astype(int), 0)
        high = np.minimum(np.ceil(picture.high * scale).astype(int) + 1, (self.camera.width, self.camera.height))
        if (high <= low).any():
            return
        mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
        alone = type(picture)([p - low / scale for p in picture.polygons], [255] * len(picture.colors))
        alone.draw(mask, scale)
        name = 0
        if thing.label is not None and len(self.found) < 250:
            self.found.append((thing.label, mask, low, picture.low * scale, picture.high * scale, self._share_inside(thing, picture, camera, scale)))
            name = len(self.found)
        part = self.ids[low[1]:high[1], low[0]:high[0]]
        part[mask > 0] = name

    def _share_inside(self, thing, picture, camera, scale):
        """How much of the whole object's box lies inside the picture."""
        pixels, depth = camera.project(thing.outline())
        if depth.min() < 0.5:
            return 0.3
        low, high = pixels.min(0) * scale, pixels.max(0) * scale
        inside = np.minimum(high, (self.camera.width, self.camera.height)) - np.maximum(low, 0)
        return float(np.prod(np.maximum(inside, 0)) / max(np.prod(high - low), 1))

    def rows(self):
        seen = np.bincount(self.ids.ravel(), minlength=len(self.found) + 1)
        size = np.array((self.camera.width, self.camera.height))
        out = []
        for name, (label, mask, corner, low, high, inside) in enumerate(self.found, 1):
            alone = cv2.countNonZero(mask)
            cut_off = inside < 0.2 and alone < 0.012 * size.prod()
            if alone < 12 or seen[name] < MIN_VISIBLE * alone or cut_off:
                continue
            if (low < 0).any() or (high > size).any():
                x, y, w, h = cv2.boundingRect(mask)
                low, high = corner + (x, y), corner + (x + w, y + h)
            if max(high - low) < MIN_SIDE or min(high - low) < MIN_SIDE / 2.5:
                continue
            out.append((label, *np.maximum(low, 0), *np.minimum(high, size)))
        return np.array(out, np.float32).reshape(-1, 5)
