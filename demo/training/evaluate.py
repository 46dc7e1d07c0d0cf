"""Mean average precision of an ONNX detector on held-out rendered scenes, by our own code.

usage: python3 -m training.evaluate MODEL.onnx [--scenes 100] [--first-seed 1000000] [--json FILE]
       (run in demo/; needs numpy, opencv-python and onnxruntime)

AP is the area under the 101-point interpolated precision curve; mAP50-95 averages IoU thresholds 0.50, 0.55 .. 0.95.
"""
import argparse
import json

import numpy as np

LABELS = ["car", "truck", "bus", "bicycle", "person"]
NETWORK_W = 512
THRESHOLDS = np.arange(0.5, 0.96, 0.05)


def iou_table(a, b):
    """IoU of every box in a (n, 4) with every box in b (m, 4), corners."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.prod(np.maximum(high - low, 0), -1)
    areas = np.prod(a[:, 2:] - a[:, :2], -1)[:, None] + np.prod(b[:, 2:] - b[:, :2], -1)[None] - inter
    return inter / np.maximum(areas, 1e-9)


def suppress(output, confidence, iou_threshold, most=300):
    """Detections (n, 6) x0, y0, x1, y1, score, class of one output [9, anchors]; class-wise suppression."""
    scores = output[4:]
    kind = scores.argmax(0)
    score = scores.max(0)
    keep = np.flatnonzero(score > confidence)
    keep = keep[np.argsort(-score[keep], kind="stable")][:1000]
    x, y, w, h = output[:4, keep]
    boxes = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 1)
    table = iou_table(boxes, boxes) * (kind[keep][:, None] == kind[keep][None])
    alive, out = np.ones(len(keep), bool), []
    for i in range(len(keep)):
        if alive[i]:
            out.append(i)
            alive[i + 1:] &= table[i, i + 1:] <= iou_threshold
            if len(out) == most:
                break
    return np.concatenate([boxes[out], score[keep][out, None], kind[keep][out, None]], 1)


def match(detections, truth, label):
    """Scores and, for each IoU threshold, hits of one picture's detections of a class; and the number of true boxes."""
    found = detections[detections[:, 5] == label]
    wanted = truth[truth[:, 0] == label][:, 1:]
    hits = np.zeros((len(found), len(THRESHOLDS)), bool)
    if len(wanted) and len(found):
        table = iou_table(found[:, :4], wanted)
        for t, threshold in enumerate(THRESHOLDS):
            free = np.ones(len(wanted), bool)
            for i in range(len(found)):
                best = np.where(free, table[i], -1)
                j = best.argmax()
                if best[j] >= threshold:
                    free[j] = False
                    hits[i, t] = True
    return found[:, 4], hits, len(wanted)


def average_precision(scores, hits, wanted):
    """AP at one threshold."""
    if wanted == 0:
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    true = np.cumsum(hits[order])
    recall, precision = true / wanted, true / np.arange(1, len(order) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1] if len(precision) else precision
    places = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
    return float(np.mean([precision[p] if p < len(precision) else 0.0 for p in places]))


def measure(detections, truths):
    """Per class and overall {ap50, ap, wanted} over lists of per-picture detections and truths."""
    table = {}
    for label, name in enumerate(LABELS):
        parts = [match(d, t, label) for d, t in zip(detections, truths)]
        scores, hits = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
        wanted = sum(p[2] for p in parts)
        each = [average_precision(scores, hits[:, t], wanted) for t in range(len(THRESHOLDS))]
        table[name] = {"ap50": each[0], "ap": float(np.mean(each)), "wanted": wanted}
    table["all"] = {key: float(np.nanmean([table[n][key] for n in LABELS])) for key in ("ap50", "ap")}
    table["all"]["wanted"] = sum(table[n]["wanted"] for n in LABELS)
    return table


def best_thresholds(outputs, truths):
    """The confidence and IoU threshold with the best F1 at IoU 0.5 over all classes."""
    best = {"f1": -1.0}
    wanted = sum(len(t) for t in truths)
    for iou_threshold in (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7):
        scores, hits = [], []
        for output, truth in zip(outputs, truths):
            found = suppress(output, 0.1, iou_threshold)
            for label in range(len(LABELS)):
                s, h, _ = match(found, truth, label)
                scores.append(s)
                hits.append(h[:, 0])
        scores, hits = np.concatenate(scores), np.concatenate(hits)
        for confidence in np.arange(0.15, 0.75, 0.05):
            kept = scores >= confidence
            true = hits[kept].sum()
            precision, recall = true / max(kept.sum(), 1), true / wanted
            f1 = 2 * precision * recall / max(precision + recall, 1e-9)
            if f1 > best["f1"]:
                best = {"f1": float(f1), "precision": float(precision), "recall": float(recall), "confidence": round(float(confidence), 2), "iou": iou_threshold}
    return best


def held_out(scenes, first_seed, workers=None):
    """Pictures (BGR 640x360) and truths in network pixels of scenes that training never saw."""
    import multiprocessing

    from .render import SOURCE_W, render_scene

    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        results = pool.map(render_scene, range(first_seed, first_seed + scenes), chunksize=1)
    pictures = np.concatenate([p for p, _ in results])
    truths = []
    for rows in np.concatenate([r for _, r in results]):
        rows = rows[rows[:, 0] >= 0].copy()
        rows[:, 1:] *= NETWORK_W / SOURCE_W
        truths.append(rows)
    return pictures, truths


def run_onnx(path, pictures):
    """Raw outputs [9, anchors] of each picture, scaled as the appliance does it (bilinear)."""
    import cv2
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    height, width = entry.shape[2:]
    outputs = []
    for picture in pictures:
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
        tensor = small[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 255
        outputs.append(session.run(None, {entry.name: tensor})[0][0])
    return outputs


def report(path, scenes, first_seed):
    """Everything that docs/demo-model.md quotes, as a dictionary."""
    pictures, truths = held_out(scenes, first_seed)
    outputs = run_onnx(path, pictures)
    table = measure([suppress(o, 0.001, 0.6) for o in outputs], truths)
    return {"pictures": len(pictures), "scenes": [first_seed, first_seed + scenes - 1], "classes": table, "thresholds": best_thresholds(outputs, truths)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--scenes", type=int, default=100, help="places to render, six pictures each (default 100)")
    parser.add_argument("--first-seed", type=int, default=1_000_000, help="seed of the first place; training uses seeds below 1000000")
    parser.add_argument("--json", help="also write the numbers to this file")
    args = parser.parse_args()
    result = report(args.model, args.scenes, args.first_seed)
    print(json.dumps(result, indent=1))
    if args.json:
        with open(args.json, "w") as file:
            json.dump(result, file, indent=1)


if __name__ == "__main__":
    main()
