"""Trains the demo detector on scenes rendered while it learns, exports it and measures it.

usage: python3 -m training.train --out DIR [--minutes 7.8] [--scenes 2400] [--batch 96] [--device cuda]
       [--resume WEIGHTS.pt --peak-rate 0.0012]
       (run in demo/; needs torch, numpy, opencv-python, onnxruntime)

Writes DIR/weights.pt (EMA weights), DIR/model.onnx and DIR/metrics.json. Rendering runs in worker processes beside the
training; the learning rate follows a cosine over the given minutes, so a faster machine sees more samples.
"""
import argparse
import copy
import json
import math
import os
import time

import torch

from . import data, evaluate
from .export import CLASSES, export, largest_difference
from .loss import loss
from .model import Detector, multiply_adds

PEAK_RATE, LAST_RATE, DECAY = 3e-3, 2e-5, 0.03
WARM_STEPS = 200
MOSAIC_SHARE, MOSAIC_UNTIL = 0.5, 0.8  # no mosaic in the last fifth, so that the end of training sees whole pictures


class Average:
    """Exponential moving average of the weights, quicker at first."""

    def __init__(self, model):
        self.model, self.steps = copy.deepcopy(model).eval(), 0

    @torch.no_grad()
    def update(self, model):
        self.steps += 1
        keep = 0.9995 * (1 - math.exp(-self.steps / 1000))
        mine, theirs = self.model.state_dict(), model.state_dict()
        floats = [k for k in mine if mine[k].dtype.is_floating_point]
        torch._foreach_mul_([mine[k] for k in floats], keep)
        torch._foreach_add_([mine[k] for k in floats], [theirs[k] for k in floats], alpha=1 - keep)


def groups(model):
    """Weights decay; biases and norms do not."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": decayed, "weight_decay": DECAY}, {"params": plain, "weight_decay": 0.0}]


def train(args):
    device = torch.device(args.device)
    torch.manual_seed(args.seed)
    torch.backends.cudnn.benchmark = True
    model = Detector(CLASSES).to(device).to(memory_format=torch.channels_last).train()
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{parameters / 1e6:.2f} M parameters, {2 * multiply_adds(model) / 1e9:.2f} GFLOP a frame", flush=True)
    if args.resume:
        model.load_state_dict(torch.load(args.resume, map_location=device))
    average = Average(model)
    optimizer = torch.optim.AdamW(groups(model), lr=args.peak_rate, betas=(0.9, 0.99))
    pool = data.Pool(range(args.first_seed, args.first_seed + args.scenes), device, args.workers)
    pool.collect(at_least=min(args.first, pool.capacity))
    started, step, budget = time.time(), 0, args.minutes * 60
    print(f"training starts with {pool.count} pictures", flush=True)
    while True:
        progress = (time.time() - started) / budget
        if progress >= 1:
            break
        rate = LAST_RATE + (args.peak_rate - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * progress))
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / WARM_STEPS)
        images, kinds, boxes, present = data.batch(pool, args.batch, MOSAIC_SHARE if progress < MOSAIC_UNTIL else 0.0)
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            raw_boxes, logits = model.raw(images)
        total, *parts = loss(model, raw_boxes.float(), logits.float(), kinds, boxes, present)
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        average.update(model)
        step += 1
        if step % 10 == 0:
            pool.collect()
        if step % args.log_every == 0:
            kind, box, bins = (float(p) for p in parts)
            print(f"{time.time() - started:6.1f} s  step {step:6d}  pictures {pool.count:6d}  kind {kind:.3f}  box {box:.3f}  bins {bins:.3f}", flush=True)
    pool.close()
    return average.model, {"parameters": parameters, "gflop": 2 * multiply_adds(average.model) / 1e9, "steps": step, "batch": args.batch,
                           "pictures": pool.count, "scenes": [args.first_seed, args.first_seed + args.scenes - 1], "minutes": args.minutes,
                           "seed": args.seed, "torch": torch.__version__, "device": torch.cuda.get_device_name() if device.type == "cuda" else "CPU"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="directory for the results")
    parser.add_argument("--minutes", type=float, default=7.8)
    parser.add_argument("--scenes", type=int, default=2400, help="places to render, six pictures each")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=1200, help="pictures to wait for before training starts")
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--workers", type=int, help="rendering processes (default: all cores but one)")
    parser.add_argument("--held-out", type=int, default=90, help="places to measure on, six pictures each; 0 skips")
    parser.add_argument("--resume", help="start from these weights")
    parser.add_argument("--peak-rate", type=float, default=PEAK_RATE, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--log-every", type=int, default=200)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    model, facts = train(args)
    torch.save({k: v.cpu() for k, v in model.state_dict().items()}, os.path.join(args.out, "weights.pt"))
    path = os.path.join(args.out, "model.onnx")
    fused = export(model.cpu(), path)
    if args.held_out:
        facts["difference"] = largest_difference(fused, path)
        facts["held out"] = evaluate.report(path, args.held_out, 1_000_000)
    with open(os.path.join(args.out, "metrics.json"), "w") as file:
        json.dump(facts, file, indent=1)
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
