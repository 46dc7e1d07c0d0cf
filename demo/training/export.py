"""Writes the trained detector as ONNX and checks that onnxruntime agrees with PyTorch.

usage: python3 -m training.export WEIGHTS.pt MODEL.onnx   (run in demo/)
"""
import copy
import sys

import torch

from .model import HEIGHT, WIDTH, Detector, fuse

OPSET = 17
CLASSES = 5
AGREE = 2e-2  # network pixels and probabilities; float32 sums in another order stay far below


def export(model, path):
    """Exports with a dynamic batch axis named `batch`; input `images`, output `output0`."""
    model = fuse(copy.deepcopy(model).float().cpu().eval())
    example = torch.rand(2, 3, HEIGHT, WIDTH)
    axes = {"images": {0: "batch"}, "output0": {0: "batch"}}
    options = dict(opset_version=OPSET, input_names=["images"], output_names=["output0"], dynamic_axes=axes, do_constant_folding=True)
    if torch.__version__.split(".")[0] >= "2":
        options["dynamo"] = False  # the tracing exporter gives the plain opset 17 operators that every engine takes
    torch.onnx.export(model, example, path, **options)
    return model


def largest_difference(model, path):
    """Between PyTorch and onnxruntime on random pictures, batches of 1 and 3."""
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    worst = 0.0
    for size in (1, 3):
        images = torch.rand(size, 3, HEIGHT, WIDTH)
        with torch.no_grad():
            expected = model(images).numpy()
        worst = max(worst, float(np.abs(session.run(None, {"images": images.numpy()})[0] - expected).max()))
    return worst


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    model = Detector(CLASSES)
    model.load_state_dict(torch.load(sys.argv[1], map_location="cpu"))
    fused = export(model, sys.argv[2])
    try:
        difference = largest_difference(fused, sys.argv[2])
    except ImportError:
        print("onnxruntime is not installed: the export was not compared with PyTorch")
        return
    print(f"largest difference to PyTorch: {difference:.2e}")
    if difference > AGREE:
        sys.exit(f"{sys.argv[2]}: onnxruntime and PyTorch differ by {difference:.3g}, more than {AGREE}")


if __name__ == "__main__":
    main()
