#!/usr/bin/env python3
"""Makes the golden files of the detect modules: small tensors, and what NumPy makes of them.

Written from the definitions (papers and the documentation of the models), apart from the modules and their language. Run
when a definition changes, needs NumPy only:   python3 test/wasm/modules/golden/make.py

Each file: {"outputs": [{"dims", "values"}], "parameters", "network": [width, height], "objects": [...]}. Numbers of
tensors are float32 in base64.
"""

import base64
import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent
NETWORK = (640, 480)
F32 = np.float32


def save(name, outputs, parameters, objects, labels):
    def pack(values):
        values = np.ascontiguousarray(values, F32)
        return {"dims": list(values.shape), "values": base64.b64encode(values.tobytes()).decode()}

    file = {
        "network": NETWORK,
        "labels": labels,
        "parameters": parameters,
        "outputs": [pack(o) for o in outputs],
        "objects": objects,
    }
    (HERE / f"{name}.json").write_text(json.dumps(file) + "\n")
    print(f"{name}: {len(objects)} objects")


def numbers(values):
    return [round(float(v), 6) for v in values]


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


# ---- scenes


def raw_head(rng, classes, anchors, clusters, extra, jitter=4):
    """[4 + classes + extra, anchors]: clusters of boxes about one object each, and noise."""
    head = np.zeros((4 + classes + extra, anchors), F32)
    head[0] = rng.uniform(0, NETWORK[0], anchors)
    head[1] = rng.uniform(0, NETWORK[1], anchors)
    head[2:4] = rng.uniform(8, 60, (2, anchors))
    head[4 : 4 + classes] = rng.uniform(0, 0.2, (classes, anchors))
    places = rng.permutation(anchors)
    at = 0
    for _ in range(clusters):
        box = [rng.uniform(60, 580), rng.uniform(60, 420), rng.uniform(30, 120), rng.uniform(30, 120)]
        label = rng.integers(classes)
        for _ in range(rng.integers(2, 6)):
            anchor = places[at]
            at += 1
            head[:4, anchor] = np.array(box) + rng.normal(0, jitter, 4)
            head[4 + label, anchor] = rng.uniform(0.3, 0.95)
    return head


def best_classes(head, classes, threshold):
    """Anchors from the threshold on, best first: (anchor, class, score)."""
    scores = head[4 : 4 + classes]
    labels = scores.argmax(0)
    top = scores.max(0)
    order = np.argsort(-top, kind="stable")
    return [(int(a), int(labels[a]), F32(top[a])) for a in order if top[a] >= F32(threshold)]


def upright_nms(head, candidates, threshold):
    """Greedy, per class, as torchvision.ops.batched_nms defines it."""
    kept = []
    for anchor, label, score in candidates:
        x, y, w, h = head[:4, anchor].astype(np.float64)
        box = np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
        if all(other[1] != label or iou(box, other[3]) <= threshold for other in kept):
            kept.append((anchor, label, score, box))
    return kept


def iou(a, b):
    overlap = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
    area = lambda r: (r[2] - r[0]) * (r[3] - r[1])  # noqa: E731
    return overlap / (area(a) + area(b) - overlap)


def upright_object(kept):
    _, label, score, box = kept
    return {"box": numbers([box[0], box[1], box[2] - box[0], box[3] - box[1]]), "class": label, "score": float(score)}


# ---- oriented boxes


def covariance(box):
    """Of a rectangle taken for a Gaussian (Llerena et al., 2021)."""
    _, _, w, h, angle = box
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return rotation @ np.diag([w * w / 12, h * h / 12]) @ rotation.T


def prob_iou(a, b):
    """1 - Hellinger distance, from the Bhattacharyya distance in matrix form."""
    one, two = covariance(a), covariance(b)
    mean = (one + two) / 2
    d = np.array(a[:2]) - np.array(b[:2])
    distance = d @ np.linalg.inv(mean) @ d / 8
    distance += 0.5 * np.log(np.linalg.det(mean) / np.sqrt(np.linalg.det(one) * np.linalg.det(two)))
    return 1 - np.sqrt(max(0, 1 - np.exp(-max(distance, 0))))


def corners(box):
    x, y, w, h, angle = box
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2 @ rotation.T + [x, y]


def inside(points, box):
    x, y, w, h, angle = box
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    local = (points - [x, y]) @ rotation.T
    return points[(np.abs(local[:, 0]) <= w / 2 + 1e-9) & (np.abs(local[:, 1]) <= h / 2 + 1e-9)]


def crossings(a, b):
    found = []
    for p, q in zip(a, np.roll(a, -1, 0)):
        for r, s in zip(b, np.roll(b, -1, 0)):
            u, v, w = q - p, s - r, r - p
            cross = u[0] * v[1] - u[1] * v[0]
            if abs(cross) < 1e-12:
                continue
            t, k = (w[0] * v[1] - w[1] * v[0]) / cross, (w[0] * u[1] - w[1] * u[0]) / cross
            if 0 <= t <= 1 and 0 <= k <= 1:
                found.append(p + t * u)
    return np.array(found).reshape(-1, 2)


def polygon_iou(a, b):
    """From the corners inside each other and the crossings of sides, put in order about their middle."""
    ca, cb = corners(a), corners(b)
    points = np.concatenate([inside(ca, b), inside(cb, a), crossings(ca, cb)])
    overlap = 0
    if len(points) >= 3:
        middle = points.mean(0)
        points = points[np.argsort(np.arctan2(*(points - middle).T))]
        x, y = points.T
        overlap = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    return overlap / (a[2] * a[3] + b[2] * b[3] - overlap)


def greedy(boxes, labels, measure):
    """Best first: a box goes when it overlaps one that was kept."""
    kept = []
    for i, box in enumerate(boxes):
        if all(labels[k] != labels[i] or measure(box, boxes[k]) <= 0.45 for k in kept):
            kept.append(i)
    return kept


def matrix(boxes, labels, measure):
    """Best first: a box goes when it overlaps any better one, by the upper triangle of all overlaps at once."""
    overlaps = np.array([[measure(a, b) for b in boxes] for a in boxes])
    overlaps[np.not_equal.outer(labels, labels)] = 0
    return np.flatnonzero((np.triu(overlaps, 1) >= 0.45).sum(0) == 0).tolist()


def oriented(measure, suppress=greedy, jitter=9):
    rng = np.random.default_rng(7)
    classes, anchors = 3, 120
    head = raw_head(rng, classes, anchors, 16, 1, jitter)
    head[2:4] = np.maximum(head[2:4], 4)  # a wide jitter makes sides of less than nothing
    head[-1] = rng.uniform(-0.7, 2.3, anchors)
    # Within a cluster the angles are alike, as a network gives them.
    for a in range(anchors):
        near = np.hypot(*(head[:2] - head[:2, a : a + 1])) < 20
        head[-1, near] = head[-1, a] + rng.normal(0, 0.3, near.sum())
    found = best_classes(head, classes, 0.25)
    boxes = [np.append(head[:4, anchor], head[-1, anchor]).astype(np.float64) for anchor, _, _ in found]
    kept = [(*found[i], boxes[i]) for i in suppress(boxes, [label for _, label, _ in found], measure)]
    objects = [
        {"box": numbers([b[0] - b[2] / 2, b[1] - b[3] / 2, b[2], b[3]]), "angle": float(F32(b[4])), "class": l, "score": float(s)}
        for _, l, s, b in kept
    ]
    return head, objects


def make_oriented():
    for name, measure in (("probabilistic", prob_iou), ("polygon", polygon_iou)):
        head, objects = oriented(measure)
        parameters = {"overlap": name, "suppression": "greedy"}
        save(f"yolo-obb-{name}", [head], parameters, objects, ["plane", "ship", "harbour"])
    # Boxes that lie further apart stand in rows: each overlaps the next, and greedy suppression keeps every other one.
    head, objects = oriented(prob_iou, matrix, jitter=25)
    assert len(objects) < len(oriented(prob_iou, greedy, jitter=25)[1])
    save("yolo-obb-matrix", [head], {}, objects, ["plane", "ship", "harbour"])
    rng = np.random.default_rng(11)
    pairs = []
    for _ in range(200):
        a = np.array([*rng.uniform(0, 60, 2), *rng.uniform(1, 60, 2), rng.uniform(-4, 4)])
        b = np.array([*rng.uniform(0, 60, 2), *rng.uniform(1, 60, 2), rng.uniform(-4, 4)])
        pairs.append({"a": a.tolist(), "b": b.tolist(), "polygon": polygon_iou(a, b), "probabilistic": prob_iou(a, b)})
    (HERE / "oriented-pairs.json").write_text(json.dumps(pairs) + "\n")


# ---- masks, keypoints, transformers, classes


def make_segmentation():
    rng = np.random.default_rng(3)
    classes, anchors, k, height, width = 2, 60, 8, 24, 32
    head = raw_head(rng, classes, anchors, 8, k)
    head[-k:] = rng.normal(0, 1, (k, anchors))
    smooth = rng.normal(0, 1, (k, height // 4 + 2, width // 4 + 2))
    prototypes = np.repeat(np.repeat(smooth, 4, 1), 4, 2)[:, :height, :width].astype(F32)
    objects = []
    for kept in upright_nms(head, best_classes(head, classes, 0.25), 0.45):
        logits = np.tensordot(head[-k:, kept[0]].astype(np.float64), prototypes, 1)
        objects.append({**upright_object(kept), "mask": mask_over(kept[3], logits)})
    save("yolo-seg", [head, prototypes], {}, objects, ["cat", "dog"])


def mask_over(box, logits):
    """A value for each cell of a grid over the box: the enlarged logits at the cell's centre, through a sigmoid."""
    height, width = logits.shape
    sx, sy = width / NETWORK[0], height / NETWORK[1]
    columns = max(1, int(np.ceil(F32(F32(box[2] - box[0]) * F32(sx)))))
    rows = max(1, int(np.ceil(F32(F32(box[3] - box[1]) * F32(sy)))))
    x = (box[0] + (box[2] - box[0]) * (np.arange(columns) + 0.5) / columns) * sx - 0.5
    y = (box[1] + (box[3] - box[1]) * (np.arange(rows) + 0.5) / rows) * sy - 0.5
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    along_rows = np.array([np.interp(x, np.arange(width), row) for row in logits])
    values = np.array([np.interp(y, np.arange(height), column) for column in along_rows.T]).T
    return {"width": columns, "height": rows, "values": numbers(sigmoid(values).ravel())}


def make_pose():
    rng = np.random.default_rng(5)
    anchors, points = 50, 5
    head = raw_head(rng, 1, anchors, 7, points * 3)
    head[5:] = rng.uniform(0, 640, (points * 3, anchors))
    head[7::3] = rng.uniform(0, 1, (points, anchors))
    objects = []
    for kept in upright_nms(head, best_classes(head, 1, 0.25), 0.45):
        values = head[5:, kept[0]].reshape(points, 3)
        objects.append({**upright_object(kept), "keypoints": [numbers(v) for v in values]})
    save("yolo-pose", [head], {}, objects, ["person"])


def make_detr():
    rng = np.random.default_rng(9)
    queries, classes = 40, 6
    logits = rng.normal(-2.5, 1.6, (queries, classes)).astype(F32)
    boxes = np.column_stack([rng.uniform(0.1, 0.9, (queries, 2)), rng.uniform(0.02, 0.4, (queries, 2))]).astype(F32)
    probabilities = sigmoid(logits).astype(F32).ravel()
    order = [i for i in np.argsort(-probabilities, kind="stable") if probabilities[i] >= 0.3][:20]
    objects = []
    for i in order:
        x, y, w, h = boxes[i // classes].astype(np.float64) * [*NETWORK, *NETWORK]
        objects.append(
            {"box": numbers([x - w / 2, y - h / 2, w, h]), "class": int(i % classes), "score": float(probabilities[i])}
        )
    labels = [f"class {c}" for c in range(classes)]
    save("detr", [logits, boxes], {"confidence-threshold": 0.3, "top-k": 20}, objects, labels)


def make_classifier():
    rng = np.random.default_rng(13)
    colours, makes = rng.normal(0, 3, 7).astype(F32), rng.normal(0, 3, 5).astype(F32)
    attributes, first = [], 0
    for group, logits in enumerate((colours, makes)):
        e = np.exp(logits.astype(np.float64) - logits.max())
        p = e / e.sum()
        attributes += [[group, first + int(c), float(F32(p[c]))] for c in np.argsort(-p, kind="stable")[:3]]
        first += len(logits)
    objects = [{"class": attributes[0][1], "score": attributes[0][2], "attributes": attributes}]
    labels = [f"class {c}" for c in range(first)]
    save("classifier", [colours, makes], {"top-k": 3}, objects, labels)


def make_yolo():
    rng = np.random.default_rng(1)
    head = raw_head(rng, 5, 150, 20, 0)
    kept = upright_nms(head, best_classes(head, 5, 0.25), 0.45)
    save("yolo", [head], {}, [upright_object(k) for k in kept], [f"class {c}" for c in range(5)])


if __name__ == "__main__":
    make_yolo()
    make_oriented()
    make_segmentation()
    make_pose()
    make_detr()
    make_classifier()
