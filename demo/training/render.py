"""Renders the pictures of one place, for training and evaluation. Imports no torch: it runs in many worker processes."""
import cv2
import numpy as np

from scenes import sampler

SOURCE_W, SOURCE_H = 640, 360
MOST = 64       # boxes kept for one picture, the largest first
PLACEMENTS = 6  # pictures of one place


def render_scene(seed):
    """All pictures of one place as uint8 (n, 360, 640, 3) BGR and padded rows (n, MOST, 5); class -1 pads."""
    cv2.setNumThreads(1)
    pictures, rows = [], []
    for picture, found in sampler.scenes(seed, PLACEMENTS, SOURCE_W, SOURCE_H):
        padded = np.full((MOST, 5), -1, np.float32)
        order = np.argsort(-((found[:, 3] - found[:, 1]) * (found[:, 4] - found[:, 2])))[:MOST]
        padded[:len(order)] = found[order]
        pictures.append(picture)
        rows.append(padded)
    return np.stack(pictures), np.stack(rows)
