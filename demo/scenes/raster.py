"""Painter's-algorithm drawing of Things into a picture, their order, shadows and the id buffer for labels."""
import cv2
import numpy as np

from .camera import NEAR
from .light import haze, shade
from .shapes import LAMP

SHIFT = 4  # sub-pixel bits of OpenCV's polygon coordinates
FAR_PIXEL = 4e6  # polygons cut at the near plane reach far; OpenCV takes 2**31 / 2**SHIFT


class Paint:
    """One object's polygons in pixels, back to front: `points` (n, k, 2) float, `counts`, `colors`, `box`."""

    def __init__(self, polygons, colors):
        self.polygons, self.colors = polygons, colors
        every = np.concatenate(polygons)
        self.low, self.high = every.min(0), every.max(0)

    def draw(self, canvas, scale=1.0):
        factor = scale * (1 << SHIFT)
        for polygon, color in zip(self.polygons, self.colors):
            cv2.fillConvexPoly(canvas, (polygon * factor).astype(np.int32), color, cv2.LINE_8, SHIFT)


def paint(thing, camera, light, sunlit=1.0):
    """Projects, lights and sorts one object. None when nothing of it is in front of the camera."""
    centre = np.array([thing.x, thing.y, thing.size[2] / 2])
    distance = np.linalg.norm(centre - camera.position)
    pixels_high = camera.focal * thing.size[2] / max(distance, 1)
    local = light.lamp_light(thing.x, thing.y)
    keys, polygons, colors = [], [], []
    if thing.mesh is not None:
        _paint_mesh(thing, camera, light, sunlit, local, pixels_high, distance, keys, polygons, colors)
    if thing.limbs is not None:
        _paint_limbs(thing, camera, light, sunlit, local, distance, keys, polygons, colors)
    if not polygons:
        return None
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return Paint([polygons[i] for i in order], [colors[i] for i in order])


def _paint_mesh(thing, camera, light, sunlit, local, pixels_high, distance, keys, polygons, colors):
    mesh = thing.mesh
    near_enough = np.flatnonzero(mesh.detail <= pixels_high)
    world = thing.place(mesh.corners[near_enough])
    normals = thing.turn(mesh.normals[near_enough])
    centres = world.mean(1)
    to_eye = camera.position - centres
    facing = (normals * to_eye).sum(1) > 0
    if not facing.any():
        return
    kept = near_enough[facing]
    world, normals, centres, to_eye = world[facing], normals[facing], centres[facing], to_eye[facing]
    to_eye /= np.linalg.norm(to_eye, axis=1, keepdims=True)
    shining = _shining(thing, light)
    lit = shade(light, _lamp_colors(thing, mesh.colors[kept], mesh.kinds[kept]), mesh.kinds[kept], normals, to_eye, centres[:, 2], sunlit, local, shining)
    lit = np.clip(haze(light, lit, np.full(len(lit), distance)), 0, 255)
    view = camera.to_view(world)
    pixels = camera.view_to_pixels(view)
    group = _group(thing, mesh, kept, camera)
    depth = -np.linalg.norm(centres - camera.position, axis=1)
    behind = view[..., 2].min(1) < NEAR
    for i, (index, color) in enumerate(zip(kept, lit.tolist())):
        shape = pixels[i, :mesh.counts[index]] if not behind[i] else camera.clip_project(world[i, :mesh.counts[index]])
        if shape is None or not _on_canvas(shape, camera):
            continue
        keys.append((group[i], mesh.levels[index], depth[i]))
        polygons.append(np.clip(shape, -FAR_PIXEL, FAR_PIXEL))
        colors.append(color)


def _shining(thing, light):
    """How strongly LAMP faces shine, 0..1; lit windows of houses stay dimmer than lamps."""
    if thing.lamps_on:
        return 0.35 * light.night if thing.label is None and thing.limbs is None else max(light.night, 0.4)
    return 0.35 if thing.label is not None and light.night > 0 else 0.0


def _lamp_colors(thing, colors, kinds):
    if not thing.braking:
        return colors
    red = (kinds == LAMP) & (colors[:, 2] > 2.5 * colors[:, 0]) & (colors[:, 1] < 80)
    return np.where(red[:, None], (60, 60, 255), colors)


def _group(thing, mesh, kept, camera):
    if mesh.split_x is None:
        return np.zeros(len(kept))
    c, s = np.cos(thing.yaw), np.sin(thing.yaw)
    eye_x = c * (camera.position[0] - thing.x) + s * (camera.position[1] - thing.y)
    ahead = mesh.corners[kept].mean(1)[:, 0] > mesh.split_x
    return (ahead == (eye_x > mesh.split_x)).astype(float)


def _on_canvas(shape, camera):
    low, high = shape.min(0), shape.max(0)
    return high[0] > 0 and high[1] > 0 and low[0] < camera.width and low[1] < camera.height


def _paint_limbs(thing, camera, light, sunlit, local, distance, keys, polygons, colors):
    limbs = thing.limbs
    start, depth0 = camera.project(thing.place(limbs.start))
    end, depth1 = camera.project(thing.place(limbs.end))
    if min(depth0.min(), depth1.min()) < NEAR:
        return
    radii = np.asarray(limbs.radii) * camera.focal / np.stack([depth0, depth1], 1)
    middle = (thing.place(limbs.start) + thing.place(limbs.end)) / 2
    apart = -np.linalg.norm(middle - camera.position, axis=1)
    base = np.asarray(limbs.colors, float)
    dim = 0.72 + 0.28 * np.clip(middle[:, 2] / 0.9, 0, 1)[:, None]
    ambient = (light.sky_color * 0.5 + light.bounce * 0.5 + np.asarray(local) * 0.6) * dim
    bright = (light.sky_color * 0.85 + light.bounce * 0.15 + light.sun_color * sunlit * 0.95 + np.asarray(local) * 0.95) * dim
    dark_colors = np.clip(haze(light, base * (ambient * 0.8 + bright * 0.2), np.full(len(base), distance)), 0, 255).tolist()
    light_colors = np.clip(haze(light, base * bright, np.full(len(base), distance)), 0, 255).tolist()
    flow = camera.axes[:2] @ light.sun * 0.8 + np.array([0, -0.5])
    flow = flow / max(np.linalg.norm(flow), 1e-6)
    for i in range(len(base)):
        keys.append((0.0, 1.0, apart[i]))
        polygons.append(_capsule(start[i], end[i], *radii[i]))
        colors.append(dark_colors[i])
        if max(radii[i]) > 0.8:
            r0, r1 = radii[i]
            keys.append((0.0, 1.0, apart[i] + 1e-4))
            polygons.append(_capsule(start[i] + flow * r0 * 0.3, end[i] + flow * r1 * 0.3, r0 * 0.66, r1 * 0.66))
            colors.append(light_colors[i])
    for centre, radius in thing.rings:
        _paint_ring(thing, centre, radius, camera, light, local, keys, polygons, colors)


_ARC = np.linspace(-np.pi / 2, np.pi / 2, 6)


def _capsule(a, b, r0, r1):
    along = b - a
    angle = np.arctan2(along[1], along[0]) if np.abs(along).sum() > 1e-6 else 0.0
    back, ahead = angle + np.pi + _ARC, angle + _ARC
    first = a + np.stack([np.cos(back), np.sin(back)], 1) * max(r0, 0.35)
    second = b + np.stack([np.cos(ahead), np.sin(ahead)], 1) * max(r1, 0.35)
    return np.concatenate([first, second])


def _paint_ring(thing, centre, radius, camera, light, local, keys, polygons, colors):
    """A bicycle wheel: tyre as short quads, hub and a few spokes."""
    angles = np.arange(15) * (2 * np.pi / 14)
    cos, sin = np.cos(angles), np.sin(angles)
    rings = []
    for r in (radius, radius - 0.05):
        rings.append(thing.place(np.stack([centre[0] + r * cos, np.full(15, centre[1]), centre[2] + r * sin], -1)))
    outer, depth = camera.project(rings[0])
    inner, _ = camera.project(rings[1])
    lit = np.clip((light.sky_color * 0.7 + light.sun_color * 0.4 + np.asarray(local)) * 34, 0, 255).tolist()
    shine = np.clip((light.sky_color * 0.7 + light.sun_color * 0.4 + np.asarray(local)) * 120, 0, 255).tolist()
    key = -np.linalg.norm(thing.place(np.array([centre]))[0] - camera.position)
    wide = max(0.5, 0.018 * camera.focal / max(depth.mean(), 1))
    for k in range(14):
        quad = np.stack([outer[k], outer[k + 1], inner[k + 1], inner[k]])
        if np.ptp(quad[:, 0]) < wide:
            quad = quad + np.array([(-wide, 0), (-wide, 0), (wide, 0), (wide, 0)])
        keys.append((0.0, 1.0, key))
        polygons.append(quad)
        colors.append(lit)
    hub = camera.project(thing.place(np.array([centre])))[0][0]
    for k in range(0, 14, 2):
        keys.append((0.0, 1.0, key - 1e-3))
        thin = max(0.3, wide * 0.22)
        polygons.append(_capsule(hub, inner[k], thin, thin))
        colors.append(shine)


def draw_order(things, camera):
    """Indices back to front: a side of one footprint that parts it from another says which of the two is nearer."""
    eye = camera.position[:2]
    corners = np.array([t.footprint() for t in things])
    distance = np.linalg.norm(corners.mean(1) - eye, axis=1)
    edges = np.roll(corners, -1, axis=1) - corners
    outward = np.stack([edges[..., 1], -edges[..., 0]], -1)
    outward /= np.maximum(np.linalg.norm(outward, axis=-1, keepdims=True), 1e-9)
    offset = (outward * corners).sum(-1)
    eye_side = (outward @ eye - offset) > 0
    apart = np.einsum("isk,jck->ijsc", outward, corners) - offset[:, None, :, None]
    outside = (apart > -0.05).all(-1)                       # all of j beyond side s of i
    ahead = (outside & eye_side[:, None]).any(-1)           # j is nearer than i
    behind = (outside & ~eye_side[:, None]).any(-1)         # i is nearer than j
    hides = (ahead & ~behind) | (behind & ~ahead).T & ~(ahead & ~behind).T
    sector = _angles_overlap(corners, eye)
    hides &= sector
    np.fill_diagonal(hides, False)
    undecided = sector & ~hides & ~hides.T
    hides |= undecided & (distance[:, None] > distance[None, :])
    return _far_first(hides, distance)


def _angles_overlap(corners, eye):
    """Pairs whose directions from the eye overlap (a cheap bound; the rest needs no order)."""
    delta = corners - eye
    middle = np.arctan2(delta.mean(1)[:, 1], delta.mean(1)[:, 0])
    spread = np.arctan2(delta[..., 1], delta[..., 0]) - middle[:, None]
    spread = np.abs((spread + np.pi) % (2 * np.pi) - np.pi).max(1) + 0.06
    gap = np.abs((middle[:, None] - middle[None] + np.pi) % (2 * np.pi) - np.pi)
    return gap < spread[:, None] + spread[None]


def _far_first(hides, distance):
    """Topological order of 'j hides i' (i first); cycles are cut at the farthest."""
    waiting = hides.sum(0).astype(int)
    left = np.ones(len(distance), bool)
    out = []
    for _ in range(len(distance)):
        free = left & (waiting == 0)
        pool = np.flatnonzero(free if free.any() else left)
        pick = pool[np.argmax(distance[pool])]
        out.append(int(pick))
        left[pick] = False
        waiting -= hides[pick]
    return out


def cast_shadows(mask, things, camera, light, factor):
    """Darkens `mask` (uint8, `factor` of the picture's size) where objects keep the sun or the sky from the ground."""
    slope = light.sun[:2] / max(light.sun[2], 0.12)
    tone = int(255 * (1 - light.shadow))
    for thing in things:
        points = thing.outline()
        ground = points[:, :2] - slope * points[:, 2:3] * (1 if light.shadow > 0.2 else 0.15)
        _fill_ground(mask, ground, camera, factor, tone)
    soft = np.zeros_like(mask) + 255
    for thing in things:
        if thing.label is not None and thing.label < 3:
            middle = np.array([thing.x, thing.y])
            _fill_ground(soft, middle + (thing.footprint() - middle) * (1.02, 1.02), camera, factor, 120)
        elif thing.label is not None:
            middle = np.array([thing.x, thing.y])
            _fill_ground(soft, middle + (thing.footprint() - middle) * 0.8, camera, factor, 190)
    np.minimum(mask, cv2.blur(soft, (5, 5)), out=mask)


def _fill_ground(mask, ground, camera, factor, tone):
    hull = cv2.convexHull(ground.astype(np.float32))[:, 0]
    pixels = camera.clip_project(np.concatenate([hull, np.zeros((len(hull), 1))], 1))
    if pixels is not None and _on_canvas(pixels, camera):
        shape = np.clip(pixels * factor, -FAR_PIXEL, FAR_PIXEL)
        cv2.fillConvexPoly(mask, (shape * (1 << SHIFT)).astype(np.int32), tone, cv2.LINE_AA, SHIFT)
