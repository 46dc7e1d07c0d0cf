"""Rendered pictures: made by worker processes, kept on the device as bytes, cut and coloured there into batches."""
import multiprocessing
import os
import queue
import threading

import torch
import torch.nn.functional as F

from .model import HEIGHT, WIDTH
from .render import MOST, PLACEMENTS, SOURCE_H, SOURCE_W, render_scene

MOST_BATCH = 72  # boxes kept for one training sample


class Pool:
    """Pictures of scenes `seeds`, rendered in the background; `collect` moves what is ready to the device."""

    def __init__(self, seeds, device, workers=None):
        capacity = len(seeds) * PLACEMENTS
        self.images = torch.empty((capacity, 3, SOURCE_H, SOURCE_W), dtype=torch.uint8, device=device)
        self.rows = torch.full((capacity, MOST, 5), -1.0, device=device)
        self.count, self.capacity = 0, capacity
        self._ready = queue.Queue(maxsize=200)
        self._workers = multiprocessing.get_context("spawn").Pool(workers or max(1, (os.cpu_count() or 2) - 1))
        threading.Thread(target=self._receive, args=(seeds,), daemon=True).start()

    def _receive(self, seeds):
        for result in self._workers.imap_unordered(render_scene, seeds, chunksize=1):
            self._ready.put(result)

    def collect(self, at_least=0):
        while self.count < min(at_least, self.capacity) or not self._ready.empty():
            pictures, rows = self._ready.get()
            end = self.count + len(pictures)
            self.images[self.count:end] = torch.from_numpy(pictures[..., ::-1].copy()).to(self.images.device).permute(0, 3, 1, 2)
            self.rows[self.count:end] = torch.from_numpy(rows).to(self.rows.device)
            self.count = end

    def close(self):
        self._workers.terminate()


def batch(pool, size, mosaic):
    """`size` samples: images float [size, 3, 288, 512] 0..1 RGB, kinds [size, m] long, boxes [size, m, 4], present [size, m].
    `mosaic` is the share of samples that join four pictures."""
    device = pool.images.device
    base = WIDTH / SOURCE_W
    joined = torch.rand(size, device=device) < mosaic
    centre = torch.stack([WIDTH * (0.3 + 0.4 * torch.rand(size, device=device)), HEIGHT * (0.3 + 0.4 * torch.rand(size, device=device))], 1)
    canvas = torch.full((size, 3, HEIGHT, WIDTH), 114 / 255, device=device)
    all_rows = []
    for tile in range(4):
        right, below = tile % 2, tile // 2
        index = torch.randint(pool.count, (size,), device=device)
        alone = torch.exp(torch.randn(size, device=device) * 0.22).clamp(0.8, 2.0) * base
        small = (0.45 + 0.75 * torch.rand(size, device=device)) * base
        scale = torch.where(joined, small, alone)
        low, high = _region(joined, centre, right, below)
        offset = _offset(joined, scale, low, high, right, below)
        flip = torch.rand(size, device=device) < 0.5
        _paste(canvas, pool.images, index, scale, offset, low, high, flip)
        all_rows.append(_move(pool.rows[index], scale, offset, low, high, flip))
    rows = torch.cat(all_rows, 1)
    order = rows[..., 0].argsort(1, descending=True)[:, :MOST_BATCH]
    rows = torch.gather(rows, 1, order[..., None].expand(-1, -1, 5))
    present = rows[..., 0] >= 0
    return _colors(canvas), rows[..., 0].clamp(min=0).long(), rows[..., 1:], present


def _region(joined, centre, right, below):
    """Corners of the part of the canvas that a tile fills: a quadrant, or for tile 0 all of it when not joined."""
    zero, full = torch.zeros_like(centre), torch.tensor([WIDTH, HEIGHT], device=centre.device, dtype=centre.dtype).expand_as(centre)
    side = torch.tensor([right, below], device=centre.device, dtype=torch.bool)
    low, high = torch.where(side, centre, zero), torch.where(side, full, centre)
    whole_high = full if not (right or below) else zero
    return torch.where(joined[:, None], low, zero), torch.where(joined[:, None], high, whole_high)


def _offset(joined, scale, low, high, right, below):
    """Where the picture's corner goes: at the meeting point of a mosaic, or anywhere that keeps the canvas mostly covered."""
    size = torch.stack([scale * SOURCE_W, scale * SOURCE_H], 1)
    side = torch.tensor([right, below], device=scale.device, dtype=torch.bool)
    corner = torch.where(side, low, high - size)
    slack = torch.stack([WIDTH - size[:, 0], HEIGHT - size[:, 1]], 1)
    anywhere = slack * torch.rand_like(slack)
    return torch.where(joined[:, None], corner, anywhere)


def _paste(canvas, images, index, scale, offset, low, high, flip):
    """Draws pictures into their regions; chunks bound the memory of the float copies."""
    device = canvas.device
    x = torch.arange(WIDTH, device=device) + 0.5
    y = torch.arange(HEIGHT, device=device) + 0.5
    sx = (x[None] - offset[:, :1]) / scale[:, None]
    sy = (y[None] - offset[:, 1:]) / scale[:, None]
    covered_x = (sx >= 0) & (sx < SOURCE_W) & (x[None] >= low[:, :1]) & (x[None] < high[:, :1])
    covered_y = (sy >= 0) & (sy < SOURCE_H) & (y[None] >= low[:, 1:]) & (y[None] < high[:, 1:])
    sx = torch.where(flip[:, None], SOURCE_W - sx, sx)
    grid_x, grid_y = sx / SOURCE_W * 2 - 1, sy / SOURCE_H * 2 - 1
    grid = torch.stack([grid_x[:, None, :].expand(-1, HEIGHT, -1), grid_y[:, :, None].expand(-1, -1, WIDTH)], -1)
    drawn = F.grid_sample(images[index].float() / 255, grid, mode="bilinear", padding_mode="border", align_corners=False)
    covered = (covered_y[:, :, None] & covered_x[:, None, :])[:, None]
    canvas.copy_(torch.where(covered, drawn, canvas))


def _move(rows, scale, offset, low, high, flip):
    """Boxes where their picture went, cut to the region; class -1 when too little is left."""
    kind, box = rows[..., 0], rows[..., 1:]
    flipped = torch.stack([SOURCE_W - box[..., 2], box[..., 1], SOURCE_W - box[..., 0], box[..., 3]], -1)
    box = torch.where(flip[:, None, None], flipped, box)
    box = box * scale[:, None, None] + torch.cat([offset, offset], 1)[:, None]
    cut = torch.cat([torch.maximum(box[..., :2], low[:, None]), torch.minimum(box[..., 2:], high[:, None])], -1)
    side = cut[..., 2:] - cut[..., :2]
    left = side.clamp(min=0).prod(-1) / (box[..., 2:] - box[..., :2]).prod(-1).clamp(min=1e-3)
    keep = (kind >= 0) & (left > 0.2) & (side.amin(-1) > 2.5) & (side.amax(-1) > 6)
    return torch.cat([torch.where(keep, kind, torch.full_like(kind, -1))[..., None], cut], -1)


def _colors(images):
    """Random gain, contrast, tint, saturation, gamma and noise; a few grey ones."""
    size, device = images.shape[0], images.device

    def near_one(spread, channels=1):
        return 1 + (torch.rand(size, channels, 1, 1, device=device) * 2 - 1) * spread

    grey = images.mean(1, keepdim=True)
    saturation = near_one(0.5) * (torch.rand(size, 1, 1, 1, device=device) > 0.04)
    images = grey + (images - grey) * saturation
    mean = images.mean((1, 2, 3), keepdim=True)
    images = (mean + (images - mean) * near_one(0.3)) * near_one(0.3) * near_one(0.1, 3)
    images = images.clamp(0.0, 1.0) ** near_one(0.25)
    noise = torch.rand(size, 1, 1, 1, device=device) ** 3 * 0.05
    return (images + torch.randn_like(images) * noise).clamp(0, 1)
